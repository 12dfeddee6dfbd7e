package headers_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outpost/headers"
	"outpost/session"
)

// compiled is a mapping of c, which has to be good.
func compiled(t testing.TB, c headers.MappingConfig) *headers.Mapping {
	t.Helper()
	m, err := headers.NewMapping(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// lines are the header lines of a block, as they go out.
func lines(b *headers.Block) []string {
	all := strings.Split(strings.TrimSuffix(string(b.AppendTo(nil)), "\r\n"), "\r\n")
	if all[0] == "" {
		return nil
	}
	return all
}

// told are the lines that say something.
func told(b *headers.Block) []string {
	return slices.DeleteFunc(lines(b), func(line string) bool { return strings.HasSuffix(line, ": ") })
}

// one is a configuration with one header of its own and no preset.
func one(h headers.Header) headers.MappingConfig {
	h.Name = "X-It"
	return headers.MappingConfig{Presets: []string{}, Headers: []headers.Header{h}}
}

var alice = session.Identity{
	Issuer: "https://idp.example.org", Subject: "sub-1", Username: "alice", Name: "Alice Ädmin", Email: "Alice@Example.com", EmailVerified: true,
	Groups: []string{"editors", "app-users", "app-ops", "admins"}, Entitlements: []string{"read", "write"},
	Claims: map[string][]string{
		"given_name": {"Alice"}, "family_name": {"Ädmin"}, "department": {"it"}, "realm_access.roles": {"user", "admin"}, "nickname": {"a, b"}, "https://example.com/tier": {"gold"},
	},
}

func TestPresets(t *testing.T) {
	for _, tt := range []struct {
		name    string
		presets []string
		want    []string
	}{
		{"none-named", nil, []string{
			"X-Authentik-Email: Alice@Example.com", "X-Authentik-Entitlements: read|write", "X-Authentik-Groups: editors|app-users|app-ops|admins",
			"X-Authentik-Name: Alice Ädmin", "X-Authentik-Uid: sub-1", "X-Authentik-Username: alice",
		}},
		{"none-at-all", []string{}, nil},
		{"remote-user", []string{"remote-user"}, []string{
			"Remote-Email: Alice@Example.com", "Remote-Groups: editors,app-users,app-ops,admins", "Remote-Name: Alice Ädmin", "Remote-User: alice",
		}},
		{"webauth", []string{"webauth"}, []string{
			"X-Webauth-Email: Alice@Example.com", "X-Webauth-Groups: editors,app-users,app-ops,admins", "X-Webauth-Name: Alice Ädmin", "X-Webauth-User: alice",
		}},
		{"auth-request", []string{"auth-request"}, []string{
			"X-Auth-Request-Email: Alice@Example.com", "X-Auth-Request-Groups: editors,app-users,app-ops,admins",
			"X-Auth-Request-Preferred-Username: alice", "X-Auth-Request-User: sub-1",
		}},
		{"several", []string{"remote-user", "authentik"}, []string{
			"Remote-Email: Alice@Example.com", "Remote-Groups: editors,app-users,app-ops,admins", "Remote-Name: Alice Ädmin", "Remote-User: alice",
			"X-Authentik-Email: Alice@Example.com", "X-Authentik-Entitlements: read|write", "X-Authentik-Groups: editors|app-users|app-ops|admins",
			"X-Authentik-Name: Alice Ädmin", "X-Authentik-Uid: sub-1", "X-Authentik-Username: alice",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := compiled(t, headers.MappingConfig{Presets: tt.presets})
			block := m.Block(&alice, headers.Vouching{})
			if diff := cmp.Diff(tt.want, lines(&block)); diff != "" {
				t.Errorf("want (-) and got (+):\n%s", diff)
			}
			var names []string
			for _, line := range tt.want {
				name, _, _ := strings.Cut(line, ":")
				names = append(names, name)
			}
			if diff := cmp.Diff(names, m.Names()); diff != "" {
				t.Errorf("Names, want (-) and got (+):\n%s", diff)
			}
			if block.Dropped != nil || !block.Fits() || block.Authorization() || m.Claims() != nil {
				t.Errorf("%v, claims %v", block, m.Claims())
			}
		})
	}
	if len(headers.PresetNames) != 4 {
		t.Errorf("presets without a row: %v", headers.PresetNames)
	}
}

// The default is to the byte what Identity says.
func TestDefaultIsIdentity(t *testing.T) {
	block, default_ := headers.Identity(&alice), compiled(t, headers.MappingConfig{Presets: []string{"authentik"}}).Block(&alice, headers.Vouching{IDToken: "a.b.c"})
	if diff := cmp.Diff(lines(&block), lines(&default_)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(headers.IdentityNames)), compiled(t, headers.MappingConfig{}).Names()); diff != "" {
		t.Error(diff)
	}
}

func TestTemplates(t *testing.T) {
	for _, tt := range []struct {
		name  string
		value string
		want  string
	}{
		{"nothing", "", ""},
		{"text", "a constant, of sorts", "a constant, of sorts"},
		{"words", "{username}/{email}/{subject}/{issuer}", "alice/Alice@Example.com/sub-1/https://idp.example.org"},
		{"lists", "groups {groups}, {entitlements}", "groups editors|app-users|app-ops|admins, read|write"},
		{"claim", "{department}", "it"},
		{"path", "{realm_access.roles}", "user|admin"},
		{"url-as-a-name", "{https://example.com/tier}", "gold"},
		{"two-claims", "{given_name} {family_name}", "Alice Ädmin"},
		{"braces", "{{{username}}} {{}}", "{alice} {}"},
		{"braces-alone", "{{username}}", "{username}"},
		{"standard-claim-with-the-join-character", "{nickname}", "a, b"},
		{"unknown", "{nothing}", ""},
		{"unknown-with-text", "role={nothing}", ""},
		{"last-unknown", "{given_name} {nothing}", "Alice"},
		{"first-unknown", "{nothing} {given_name}", "Alice"},
		{"middle-unknown", "{given_name} {nothing} {family_name}", "Alice Ädmin"},
		{"one-of-two-with-text", "{nothing}/{given_name}", "/Alice"},
		{"words-are-to-the-letter", "{Username}", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			block := compiled(t, one(headers.Header{Value: tt.value})).Block(&alice, headers.Vouching{})
			if got := lines(&block); len(got) != 1 || got[0] != "X-It: "+tt.want || block.Dropped != nil {
				t.Errorf("got %q, dropped %q; want %q", got, block.Dropped, tt.want)
			}
		})
	}
}

func TestRules(t *testing.T) {
	roles := []headers.Pair{{"admins", "Admin"}, {"editors", "Editor"}}
	for _, tt := range []struct {
		name   string
		header headers.Header
		id     session.Identity
		want   string
	}{
		{"only", headers.Header{Value: "{groups}", Only: []string{"app-*"}}, alice, "app-users|app-ops"},
		{"only-some", headers.Header{Value: "{groups}", Only: []string{"*s", "none"}}, alice, "editors|app-users|app-ops|admins"},
		{"only-in-the-middle", headers.Header{Value: "{groups}", Only: []string{"a*-*s"}}, alice, "app-users|app-ops"},
		{"only-to-the-letter", headers.Header{Value: "{groups}", Only: []string{"admins", "App-Users"}}, alice, "admins"},
		{"only-none", headers.Header{Value: "{groups}", Only: []string{"x*"}}, alice, ""},
		{"pattern-may-not-overlap", headers.Header{Value: "{groups}", Only: []string{"ab*ba"}}, session.Identity{Groups: []string{"aba", "abba"}}, "abba"},
		{"trim", headers.Header{Value: "{groups}", Only: []string{"app-*"}, TrimPrefix: "app-"}, alice, "users|ops"},
		{"trim-makes-one-of-two", headers.Header{Value: "{groups}", TrimPrefix: "app-"}, session.Identity{Groups: []string{"app-x", "x"}}, "x"},
		{"join", headers.Header{Value: "{entitlements}", Join: ", "}, alice, "read, write"},
		{"map", headers.Header{Value: "{groups}", Map: roles}, alice, "Editor|Admin"},
		{"map-first", headers.Header{Value: "{groups}", Map: roles, First: true}, alice, "Admin"},
		{"map-default", headers.Header{Value: "{groups}", Map: roles, First: true, Default: "Viewer"}, session.Identity{Groups: []string{"others"}}, "Viewer"},
		{"map-without-groups", headers.Header{Value: "{groups}", Map: roles, First: true, Default: "Viewer"}, session.Identity{}, "Viewer"},
		{"map-to-nothing", headers.Header{Value: "{groups}", Map: []headers.Pair{{"admins", ""}, {"editors", "x"}}, First: true, Default: "y"}, alice, ""},
		{"map-to-nothing-of-others", headers.Header{Value: "{groups}", Map: []headers.Pair{{"root", ""}}, First: true, Default: "y"}, alice, "y"},
		{"map-first-after-trim", headers.Header{Value: "{groups}", Only: []string{"app-*"}, TrimPrefix: "app-", Map: []headers.Pair{{"admins", "a"}, {"ops", "b"}}, First: true}, alice, "b"},
		{"map-first-of-a-text", headers.Header{Value: "{username}", Map: []headers.Pair{{"alice", "root"}}, First: true, Default: "nobody"}, alice, "root"},
		{"map-not-default", headers.Header{Value: "{groups}", Map: roles, Default: "Viewer"}, alice, "Editor|Admin"},
		{"map-many-to-one", headers.Header{Value: "{groups}", Map: []headers.Pair{{"admins", "x"}, {"editors", "x"}}}, alice, "x"},
		{"map-to-two", headers.Header{Value: "{groups}", Map: []headers.Pair{{"admins", "user|admin"}}}, alice, "user|admin"},
		{"map-of-a-text", headers.Header{Value: "{username}", Map: []headers.Pair{{"alice", "root"}}}, alice, "root"},
		{"map-of-another-text", headers.Header{Value: "{username}", Map: []headers.Pair{{"bob", "root"}}, Default: "nobody"}, alice, "nobody"},
		{"map-after-trim", headers.Header{Value: "{groups}", TrimPrefix: "app-", Map: []headers.Pair{{"ops", "2"}, {"app-ops", "no"}}}, alice, "2"},
		{"first", headers.Header{Value: "{groups}", First: true}, alice, "editors"},
		{"first-that-can-be-said", headers.Header{Value: "{groups}", First: true}, session.Identity{Groups: []string{"a|b", "c"}}, "c"},
		{"lower", headers.Header{Value: "{email}", Case: "lower"}, alice, "alice@example.com"},
		{"upper", headers.Header{Value: "{name}", Case: "upper"}, alice, "ALICE ÄDMIN"},
		{"lower-with-text", headers.Header{Value: "ID {email}", Case: "lower"}, alice, "id alice@example.com"},
		{"lower-makes-one-of-two", headers.Header{Value: "{groups}", Case: "lower"}, session.Identity{Groups: []string{"Ops", "ops"}}, "ops"},
		{"lower-makes-no-ascii", headers.Header{Value: "{username}", Case: "lower"}, session.Identity{Username: "\u212aevin"}, "\u212aevin"},
		{"upper-makes-no-ascii", headers.Header{Value: "{username}", Case: "upper"}, session.Identity{Username: "\u017fam\u0131"}, "\u017fAM\u0131"},
		{"default", headers.Header{Value: "{nickname}", Default: "none"}, session.Identity{}, "none"},
		{"default-for-what-cannot-be-said", headers.Header{Value: "{groups}", Default: "guests"}, session.Identity{Groups: []string{"a|b"}}, "guests"},
		{"default-with-text", headers.Header{Value: "id-{nickname}", Default: "none"}, session.Identity{}, "none"},
		{"only-of-a-text", headers.Header{Value: "{email}", Only: []string{"*@example.org"}}, alice, ""},
		{"trim-of-a-text", headers.Header{Value: "{email}", TrimPrefix: "Alice@"}, alice, "Example.com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			block := compiled(t, one(tt.header)).Block(&tt.id, headers.Vouching{})
			if got := lines(&block); got[0] != "X-It: "+tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// An answer that appends to its headers changes neither the next answer nor the
// header that stands next to it.
func TestAnswersAreApart(t *testing.T) {
	block := headers.Identity(&alice)
	want := lines(&block)
	h := http.Header{}
	block.Write(h)
	for _, name := range headers.IdentityNames {
		h.Add(name, "root")
	}
	if diff := cmp.Diff(want, lines(&block)); diff != "" {
		t.Error(diff)
	}
}

// What is said for all headers holds for presets too, and gives way to what a
// header says of itself.
func TestGeneral(t *testing.T) {
	m := compiled(t, headers.MappingConfig{
		Presets: []string{"remote-user", "webauth"},
		Headers: []headers.Header{
			{Name: "x-webauth-user", Value: "{email}", Case: "lower"}, {Name: "X-WEBAUTH-GROUPS", Value: "{groups}", Join: " ", Encoding: "raw"},
			{Name: "Remote-Email"}, {Name: "X-Both", Value: "{groups} of {username}"},
			{Name: "X-Role", Value: "{groups}", Map: []headers.Pair{{"admins", "1"}, {"app-ops", "2"}, {"ops", "3"}}, First: true},
		},
		Join: ";", Encoding: "percent", Groups: headers.Groups{Only: []string{"app-*"}, TrimPrefix: "app-"},
	})
	block := m.Block(&alice, headers.Vouching{})
	want := []string{
		"Remote-Email: ", "Remote-Groups: users;ops", "Remote-Name: Alice%20%C3%84dmin", "Remote-User: alice",
		"X-Both: users;ops%20of%20alice", "X-Role: 3",
		"X-Webauth-Email: Alice@Example.com", "X-Webauth-Groups: users ops", "X-Webauth-Name: Alice%20%C3%84dmin", "X-Webauth-User: alice@example.com",
	}
	if diff := cmp.Diff(want, lines(&block)); diff != "" {
		t.Errorf("want (-) and got (+):\n%s", diff)
	}
}

func TestClaims(t *testing.T) {
	m := compiled(t, headers.MappingConfig{
		Headers: []headers.Header{{Name: "X-A", Value: "{z} {username} {a.b}"}, {Name: "X-B", Value: "{z}"}},
		AKProxy: true, Basic: &headers.Basic{Username: "{unix_name}", Password: "{imap_password}"},
	})
	if diff := cmp.Diff([]string{"a.b", "ak_proxy", "imap_password", "unix_name", "z"}, m.Claims()); diff != "" {
		t.Error(diff)
	}
}

func TestEmpty(t *testing.T) {
	m := compiled(t, headers.MappingConfig{
		Presets: []string{"remote-user"}, Headers: []headers.Header{{Name: "X-Constant", Value: "yes"}, {Name: "X-Role", Value: "{groups}", Default: "Viewer"}},
		JWT: true, Meta: &headers.Meta{App: "home"}, Basic: &headers.Basic{Username: "u", Password: "p"},
	})
	empty := m.Empty()
	var got []string
	for _, line := range lines(&empty) {
		name, value, _ := strings.Cut(line, ": ")
		if got = append(got, name); value != "" {
			t.Errorf("%s, and nobody is signed in", line)
		}
	}
	want := slices.DeleteFunc(slices.Clone(m.Names()), func(name string) bool { return name == "Authorization" })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want (-) and got (+):\n%s", diff)
	}
	if empty.Authorization() || !empty.Fits() || !m.Injects() || !slices.Contains(m.Names(), "Authorization") {
		t.Errorf("%v of %v", empty, m.Names())
	}
	if size := len(empty.AppendTo(nil)); empty.Size != size {
		t.Errorf("Size is %d, and there are %d bytes", empty.Size, size)
	}
}

func TestTokenAndMeta(t *testing.T) {
	meta := &headers.Meta{App: "home", Outpost: "outpost", Version: "outpost/1"}
	for _, tt := range []struct {
		name    string
		config  headers.MappingConfig
		token   string
		want    string
		dropped int
	}{
		{"token", headers.MappingConfig{JWT: true}, "aA0-_.b.c", "X-Authentik-Jwt: aA0-_.b.c", 0},
		{"token-unknown", headers.MappingConfig{JWT: true}, "", "X-Authentik-Jwt: ", 0},
		{"no-token", headers.MappingConfig{JWT: true}, "a\r\nX: y", "X-Authentik-Jwt: ", 1},
		{"token-not-wanted", headers.MappingConfig{Meta: meta}, "a.b.c", "X-Authentik-Meta-App: home", 0},
		{"jwks", headers.MappingConfig{Meta: meta}, "a.b.c", "X-Authentik-Meta-Jwks: https://idp.example.org/jwks", 0},
		{"outpost", headers.MappingConfig{Meta: meta}, "", "X-Authentik-Meta-Outpost: outpost", 0},
		{"provider", headers.MappingConfig{Meta: meta}, "", "X-Authentik-Meta-Provider: default", 0},
		{"version", headers.MappingConfig{Meta: meta}, "", "X-Authentik-Meta-Version: outpost/1", 0},
		{"meta-unknown", headers.MappingConfig{Meta: &headers.Meta{}}, "", "X-Authentik-Meta-Version: ", 0},
		{"token-beside-authorization", headers.MappingConfig{JWT: true, Basic: &headers.Basic{Username: "u", Password: "p"}}, "a.b.c", "X-Authentik-Jwt: a.b.c", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			block := compiled(t, tt.config).Block(&alice, headers.Vouching{IDToken: tt.token, Provider: "default", JWKS: "https://idp.example.org/jwks"})
			if got := lines(&block); !slices.Contains(got, tt.want) || len(block.Dropped) != tt.dropped || strings.Contains(strings.Join(block.Dropped, ""), "X: y") {
				t.Errorf("got %q, dropped %q; want %q", got, block.Dropped, tt.want)
			}
			if size := len(block.AppendTo(nil)); block.Size != size {
				t.Errorf("Size is %d, and there are %d bytes", block.Size, size)
			}
		})
	}
}

// What is too large is never a shorter list: first the token goes, then the
// person is refused.
func TestBudget(t *testing.T) {
	many := session.Identity{Username: "alice"}
	for i := range 10_000 {
		many.Groups = append(many.Groups, fmt.Sprintf("group-%d", i))
	}
	small := compiled(t, headers.MappingConfig{JWT: true}).Empty().Size
	for _, tt := range []struct {
		name    string
		config  headers.MappingConfig
		id      session.Identity
		token   string
		fits    bool
		has     string
		dropped string
	}{
		{"token-just-fits", headers.MappingConfig{JWT: true, MaxBytes: small + len("alice") + 5}, session.Identity{Username: "alice"}, "a.b.c", true, "X-Authentik-Jwt: a.b.c", ""},
		{"token-just-does-not", headers.MappingConfig{JWT: true, MaxBytes: small + len("alice") + 4}, session.Identity{Username: "alice"}, "a.b.c", true, "X-Authentik-Jwt: ", "X-Authentik-Jwt: does not fit beside the others"},
		{"just-fits-without", headers.MappingConfig{JWT: true, MaxBytes: small + len("alice")}, session.Identity{Username: "alice"}, "a.b.c", true, "X-Authentik-Username: alice", "X-Authentik-Jwt: does not fit beside the others"},
		{"does-not-fit", headers.MappingConfig{JWT: true, MaxBytes: small + len("alice") - 1}, session.Identity{Username: "alice"}, "", false, "X-Authentik-Username: alice", ""},
		{"groups-beyond-counting", headers.MappingConfig{}, many, "", false, "X-Authentik-Groups: " + strings.Join(many.Groups, "|"), ""},
		{"groups-of-which-few-count", headers.MappingConfig{Groups: headers.Groups{Only: []string{"group-99*9"}}}, many, "", true, "X-Authentik-Groups: group-999|group-9909|group-9919|group-9929|group-9939|group-9949|group-9959|group-9969|group-9979|group-9989|group-9999", ""},
		{"limit-of-one-header", one(headers.Header{Value: "{username}", MaxBytes: 5}), session.Identity{Username: "alice"}, "", true, "X-It: alice", ""},
		{"beyond-it", one(headers.Header{Value: "{username}", MaxBytes: 4}), session.Identity{Username: "alice"}, "", false, "X-It: alice", "X-It: 5 bytes, and its max_bytes is 4"},
		{"more-is-allowed", headers.MappingConfig{MaxBytes: 1 << 16}, session.Identity{Name: strings.Repeat("x", 10_000)}, "", true, "X-Authentik-Username: ", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			block := compiled(t, tt.config).Block(&tt.id, headers.Vouching{IDToken: tt.token})
			if !slices.Contains(lines(&block), tt.has) {
				t.Errorf("no %.100q in %.1000q", tt.has, lines(&block))
			}
			if block.Fits() != tt.fits || strings.Join(block.Dropped, "\n") != tt.dropped {
				t.Errorf("fits: %t, dropped %q, %v", block.Fits(), block.Dropped, block)
			}
		})
	}
}

// A block is written as net/http writes it, whatever else the answer has.
func TestWritesAlike(t *testing.T) {
	m := compiled(t, headers.MappingConfig{
		Presets: headers.PresetNames, Headers: []headers.Header{{Name: "A", Value: "{username}"}, {Name: "Zz", Value: "{email}"}, {Name: "Cache", Value: "no"}},
		Basic: &headers.Basic{Username: "u", Password: "p"}, JWT: true, Meta: &headers.Meta{App: "x"}, AKProxy: true,
	})
	id := alice
	id.Claims = map[string][]string{"ak_proxy": {`{"user_attributes":{"additionalHeaders":{"B-First":"1","X-Authz":true,"z-last":3}}}`}}
	block := m.Block(&id, headers.Vouching{IDToken: "a.b.c"})
	recorder := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Date"], h["Content-Length"] = nil, []string{"0"}
		h["Cache-Control"] = []string{"no-store"}
		block.Write(h)
	}))
	defer recorder.Close()
	var theirs bytes.Buffer
	h := http.Header{"Cache-Control": {"no-store"}}
	block.Write(h)
	if err := h.Write(&theirs); err != nil {
		t.Fatal(err)
	}
	ours := block.AppendWith(nil, headers.Line{Name: "Cache-Control", Value: "no-store"})
	if diff := cmp.Diff(theirs.String(), string(ours)); diff != "" {
		t.Errorf("net/http (-) and ours (+):\n%s", diff)
	}
	if len(h) != len(m.Names())+4 {
		t.Errorf("%d headers: %v", len(h), h)
	}
	resp, err := http.Get(recorder.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for name, values := range h {
		if got := resp.Header[name]; !slices.Equal(got, values) {
			t.Errorf("%s arrives as %q, want %q", name, got, values)
		}
	}
	for _, others := range [][]headers.Line{nil, {{"0", ""}, {"Cache-Control", "x"}, {"Zzz", "y"}}, {{"Zzz", "y"}}} {
		h := http.Header{}
		block.Write(h)
		for _, other := range others {
			h[other.Name] = []string{other.Value}
		}
		theirs.Reset()
		h.Write(&theirs)
		if diff := cmp.Diff(theirs.String(), string(block.AppendWith(nil, others...))); diff != "" {
			t.Errorf("%v: net/http (-) and ours (+):\n%s", others, diff)
		}
	}
}

// What nobody needs to read may not be read: the password and the token.
func TestSecretsAreNotPrinted(t *testing.T) {
	const secret = "hunter2-hunter2"
	encoded := "aHVudGVyMi"
	config := headers.MappingConfig{JWT: true, Basic: &headers.Basic{Username: "u", Password: secret}}
	m := compiled(t, config)
	block := m.Block(&alice, headers.Vouching{IDToken: "a.b.c"})
	if !strings.Contains(string(block.AppendTo(nil)), "Authorization: Basic ") {
		t.Fatal("nothing to hide")
	}
	for _, value := range []any{config, &config, *config.Basic, config.Basic, m, *m, block, &block, struct{ B headers.Block }{block}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if said := fmt.Sprintf(verb, value); strings.Contains(said, secret) || strings.Contains(said, encoded) || strings.Contains(said, "Basic dTpo") || strings.Contains(said, "a.b.c") {
				t.Errorf("%s of %T: %s", verb, value, said)
			}
		}
	}
	_, err := headers.NewMapping(headers.MappingConfig{Basic: &headers.Basic{Username: "a:b", Password: secret + "\n{"}})
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("error %v", err)
	}
}

// All problems are there at once, each with its place.
func TestProblems(t *testing.T) {
	header := func(h headers.Header) headers.MappingConfig {
		return headers.MappingConfig{Headers: []headers.Header{h}}
	}
	for _, tt := range []struct {
		name   string
		config headers.MappingConfig
		want   []string
	}{
		{"preset", headers.MappingConfig{Presets: []string{"authelia", "webauth", "webauth"}}, []string{
			`presets: "authelia" is none: want authentik, remote-user, webauth, auth-request`, `presets: "webauth" is there twice`,
		}},
		{"general", headers.MappingConfig{Join: "a", Encoding: "utf8", MaxBytes: -1, Groups: headers.Groups{Only: []string{}}}, []string{
			`join: is "a": want one to four signs of ASCII, or spaces, without letters, digits and %`, `encoding: is "utf8": want raw, percent, base64, rfc2047, ascii`,
			"groups.only: is an empty list, which would leave nothing: leave it out to keep everything", "max_bytes: is -1: want 1 to 65536, and a proxy_buffer_size in nginx that is larger",
		}},
		{"join", headers.MappingConfig{Join: "%"}, []string{`join: is "%": want one to four signs of ASCII, or spaces, without letters, digits and %`}},
		{"join-ends-the-line", headers.MappingConfig{Join: "\r\n"}, []string{`join: is "\r\n": want one to four signs of ASCII, or spaces, without letters, digits and %`}},
		{"names-alone", headers.MappingConfig{MaxBytes: 100}, []string{"max_bytes: the names alone take 134 bytes of 100: leave headers out or allow more"}},
		{"own", header(headers.Header{Name: "X-A", Value: "{groups", Case: "title", Join: "é", Encoding: "b64", Only: []string{""}, MaxBytes: 1 << 17, Default: " x", Map: []headers.Pair{{"a", ""}}}), []string{
			"set.X-A.value: a { without its } at byte 1; write {{ for a brace", `set.X-A.join: is "é": want one to four signs of ASCII, or spaces, without letters, digits and %`,
			`set.X-A.encoding: is "b64": want raw, percent, base64, rfc2047, ascii`, "set.X-A.only: has an empty pattern, which matches nothing",
			`set.X-A.case: is "title": want lower or upper`, "set.X-A.max_bytes: is 131072: want 1 to 65536", "set.X-A.default: has a control character, a space at the edge or no UTF-8",
			"set.X-A.value: only, trim_prefix, map and first work on the entries of one claim: want one claim in braces and no text beside it",
			"set.X-A.default: is never sent: the value has no claim that could be missing",
			"set.X-A.map: has an empty entry: what is not in it is left out anyway",
		}},
		{"map-twice", header(headers.Header{Name: "X-A", Value: "{groups}", Map: []headers.Pair{{"a", "b"}, {"a", "c"}, {"d", "e\n"}}}), []string{
			`set.X-A.map: has "a" twice`, `set.X-A.map: what is sent for "d" has a control character, a space at the edge or no UTF-8`,
		}},
		{"map-of-a-mixture", header(headers.Header{Name: "X-A", Value: "x {groups}", First: true}), []string{
			"set.X-A.value: only, trim_prefix, map and first work on the entries of one claim: want one claim in braces and no text beside it",
		}},
		{"brace", header(headers.Header{Name: "X-A", Value: "a}"}), []string{"set.X-A.value: a } without its { at byte 2; write }} for a brace"}},
		{"empty-braces", header(headers.Header{Name: "X-A", Value: "a{}"}), []string{
			"set.X-A.value: the braces at byte 2 hold no claim: want {username}, {name}, {email}, {subject}, {issuer}, {groups}, {entitlements} or the path of a claim",
		}},
		{"nested-braces", header(headers.Header{Name: "X-A", Value: "{a{b}}"}), []string{"set.X-A.value: a { without its } at byte 1; write {{ for a brace"}},
		{"line-end", header(headers.Header{Name: "X-A", Value: "a\r\nb"}), []string{"set.X-A.value: has a control character, a space at the edge or no UTF-8"}},
		{"twice", headers.MappingConfig{Headers: []headers.Header{{Name: "X-A"}, {Name: "x-a"}}}, []string{"set.x-a: is the same header as X-A"}},
		{"token-twice", headers.MappingConfig{JWT: true, Headers: []headers.Header{{Name: "X-authentik-jwt"}}}, []string{"set.X-Authentik-Jwt: is set by jwt: leave out one of the two"}},
		{"meta", headers.MappingConfig{Meta: &headers.Meta{App: "a\n"}}, []string{"meta: the value of X-Authentik-Meta-App has a control character, a space at the edge or no UTF-8"}},
		{"basic-without-password", headers.MappingConfig{Basic: &headers.Basic{Username: "u"}}, []string{"basic_auth.password: is missing: nothing would be sent"}},
		{"basic-without-name", headers.MappingConfig{Basic: &headers.Basic{Password: "p"}}, []string{"basic_auth.username: is missing: nothing would be sent"}},
		{"basic-with-colon", headers.MappingConfig{Basic: &headers.Basic{Username: "a:b", Password: "p"}}, []string{"basic_auth.username: has a colon, which ends a user name (RFC 7617 §2)"}},
		{"basic-with-line-end", headers.MappingConfig{Basic: &headers.Basic{Username: "{groups", Password: "p\n"}}, []string{
			"basic_auth.username.value: a { without its } at byte 1; write {{ for a brace", "basic_auth.password: has a control character, perhaps the end of a line",
		}},
		{"basic-of-attributes", headers.MappingConfig{Basic: &headers.Basic{PasswordAttribute: "p"}}, []string{"basic_auth: attributes are read from the ak_proxy claim: want ak_proxy: true"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := headers.NewMapping(tt.config)
			joined, ok := err.(interface{ Unwrap() []error })
			if !ok {
				t.Fatalf("got %v", err)
			}
			var got []string
			for _, err := range joined.Unwrap() {
				var problem *headers.MappingError
				if !errors.As(err, &problem) {
					t.Fatalf("%T", err)
				}
				got = append(got, problem.Key+": "+problem.Rule)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("want (-) and got (+):\n%s", diff)
			}
		})
	}
}

// A mapping in use costs one string for each value, and nothing to write.
func TestBlockIsSmall(t *testing.T) {
	m := compiled(t, headers.MappingConfig{Presets: headers.PresetNames})
	h := make(http.Header, 64)
	block := m.Block(&alice, headers.Vouching{})
	block.Write(h)
	b := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { block.Write(h); b = block.AppendTo(b[:0]) }); n != 0 {
		t.Errorf("%v allocations to write", n)
	}
	// The values, the outcomes, and for two joins and their lists: groups by "|",
	// groups by ",", entitlements.
	if n := testing.AllocsPerRun(100, func() { m.Block(&alice, headers.Vouching{}) }); n > 8 {
		t.Errorf("%v allocations to make", n)
	}
}

func BenchmarkBlock(b *testing.B) {
	for _, presets := range [][]string{{"authentik"}, headers.PresetNames} {
		b.Run(fmt.Sprint(len(presets)), func(b *testing.B) {
			m := compiled(b, headers.MappingConfig{Presets: presets})
			b.ReportAllocs()
			for b.Loop() {
				m.Block(&alice, headers.Vouching{})
			}
		})
	}
}

// scanLines reads header lines as a careless parser does.
func scanLines(raw []byte) (all []string) {
	for s := bufio.NewScanner(bytes.NewReader(raw)); s.Scan(); {
		all = append(all, s.Text())
	}
	return all
}

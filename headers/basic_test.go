package headers_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outpost/headers"
	"outpost/session"
)

func TestBasic(t *testing.T) {
	attributes := func(json string) map[string][]string {
		return map[string][]string{"ak_proxy": {`{"user_attributes":` + json + `}`}}
	}
	authentik := headers.Basic{UserAttribute: "app_user", PasswordAttribute: "app_password"}
	for _, tt := range []struct {
		name    string
		basic   headers.Basic
		id      session.Identity
		want    string // user:password; "" for no header
		dropped string
	}{
		{"constant", headers.Basic{Username: "svc", Password: "s3cret"}, session.Identity{}, "svc:s3cret", ""},
		{"colon-in-the-password", headers.Basic{Username: "svc", Password: "a:b"}, session.Identity{}, "svc:a:b", ""},
		{"braces-in-the-password", headers.Basic{Username: "svc", Password: "a{username}}{ b "}, session.Identity{Username: "x"}, "svc:a{username}}{ b ", ""},
		{"utf-8", headers.Basic{Username: "jörg", Password: "pässword"}, session.Identity{}, "jörg:pässword", ""},
		{"name-of-a-claim", headers.Basic{Username: "{username}@home", Password: "p"}, session.Identity{Username: "alice"}, "alice@home:p", ""},
		{"name-unknown", headers.Basic{Username: "{username}", Password: "p"}, session.Identity{}, "", ""},
		{"password-of-a-claim", headers.Basic{Username: "{username}", Password: "{imap_password}"}, session.Identity{Username: "alice", Claims: map[string][]string{"imap_password": {" x, y|z "}}}, "alice: x, y|z ", ""},
		{"password-unknown", headers.Basic{Username: "{username}", Password: "{imap_password}"}, session.Identity{Username: "alice"}, "", ""},
		{"several-passwords", headers.Basic{Username: "{username}", Password: "{imap_password}"}, session.Identity{Username: "alice", Claims: map[string][]string{"imap_password": {"a", "b"}}}, "", ""},
		{"password-of-two-lines", headers.Basic{Username: "{username}", Password: "{imap_password}"}, session.Identity{Username: "alice", Claims: map[string][]string{"imap_password": {"s3cret\r\nX: y"}}}, "", "Authorization: the password has a control character"},
		{"colon-in-the-name", headers.Basic{Username: "{username}", Password: "p"}, session.Identity{Username: "alice:x"}, "", "Authorization: the user name has a colon"},
		{"line-end-in-the-name", headers.Basic{Username: "{username}", Password: "p"}, session.Identity{Username: "a\r\nb"}, "", "Authorization: control character, space at the edge or no UTF-8"},

		{"authentik", authentik, session.Identity{Email: "a@example.com", Claims: attributes(`{"app_user":"al","app_password":"s3cret"}`)}, "al:s3cret", ""},
		{"authentik-email", authentik, session.Identity{Email: "a@example.com", Claims: attributes(`{"app_password":"s3cret"}`)}, "a@example.com:s3cret", ""},
		{"authentik-no-password", authentik, session.Identity{Email: "a@example.com", Claims: attributes(`{"app_user":"al"}`)}, "", ""},
		{"authentik-empty-password", authentik, session.Identity{Email: "a@example.com", Claims: attributes(`{"app_user":"al","app_password":""}`)}, "", ""},
		{"authentik-password-no-text", authentik, session.Identity{Email: "a@example.com", Claims: attributes(`{"app_user":"al","app_password":1234}`)}, "", ""},
		{"authentik-no-claim", authentik, session.Identity{Email: "a@example.com"}, "", ""},
		{"authentik-null", authentik, session.Identity{Email: "a@example.com", Claims: attributes(`null`)}, "", ""},
		{"authentik-no-email", authentik, session.Identity{Claims: attributes(`{"app_password":"s3cret"}`)}, "", ""},
		{"authentik-colon", authentik, session.Identity{Claims: attributes(`{"app_user":"a:b","app_password":"s3cret"}`)}, "", "Authorization: the user name has a colon"},
		{"authentik-line-end", authentik, session.Identity{Claims: attributes(`{"app_user":"a\nb","app_password":"s3cret"}`)}, "", "Authorization: the user name has a control character, space at the edge or no UTF-8"},
		{"attribute-before-the-rest", headers.Basic{Username: "u", Password: "p", UserAttribute: "app_user", PasswordAttribute: "app_password"}, session.Identity{Claims: attributes(`{"app_user":"al","app_password":"s3cret"}`)}, "al:s3cret", ""},
		{"the-rest-where-no-attribute-is", headers.Basic{Username: "u", Password: "p", UserAttribute: "app_user", PasswordAttribute: "app_password"}, session.Identity{}, "u:p", ""},
		{"password-of-an-attribute", headers.Basic{Username: "{username}", PasswordAttribute: "app_password"}, session.Identity{Username: "alice", Claims: attributes(`{"app_password":"s3cret"}`)}, "alice:s3cret", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := compiled(t, headers.MappingConfig{Encoding: "percent", Basic: &tt.basic, AKProxy: tt.basic.UserAttribute+tt.basic.PasswordAttribute != ""})
			block := m.Block(&tt.id, headers.Vouching{})
			got := ""
			for _, line := range lines(&block) {
				if value, ok := strings.CutPrefix(line, "Authorization: Basic "); ok {
					raw, err := base64.StdEncoding.DecodeString(value)
					if err != nil {
						t.Fatal(err)
					}
					got = string(raw)
				}
			}
			dropped := strings.Join(slices.DeleteFunc(slices.Clone(block.Dropped), func(line string) bool { return strings.HasPrefix(line, "X-Authentik-") }), "\n")
			if got != tt.want || dropped != tt.dropped || block.Authorization() != (tt.want != "") {
				t.Errorf("got %q, dropped %q, Authorization %t; want %q, %q", got, dropped, block.Authorization(), tt.want, tt.dropped)
			}
			if n := strings.Count(string(block.AppendTo(nil)), "Authorization"); n != map[bool]int{true: 1}[tt.want != ""] {
				t.Errorf("%d lines", n)
			}
		})
	}
}

// additionalHeaders of authentik's ak_proxy claim.
func TestAdditionalHeaders(t *testing.T) {
	refused := func(n string) string {
		return "additionalHeaders: headers that may not be set, are set already or are no text, number or boolean: " + n
	}
	for _, tt := range []struct {
		name     string
		encoding string
		claim    string
		want     []string
		dropped  []string
	}{
		{"texts", "", `{"user_attributes":{"additionalHeaders":{"X-Foo":"bar","a-first":"1"}}}`, []string{"A-First: 1", "X-Foo: bar"}, nil},
		{"numbers", "", `{"user_attributes":{"additionalHeaders":{"X-A":12345678901234567890,"X-B":1.50,"X-C":true,"X-D":false}}}`, []string{"X-A: 12345678901234567890", "X-B: 1.50", "X-C: true", "X-D: false"}, nil},
		{"comma-in-a-text", "", `{"user_attributes":{"additionalHeaders":{"X-A":"a,b|c"}}}`, []string{"X-A: a,b|c"}, nil},
		{"empty", "", `{"user_attributes":{"additionalHeaders":{"X-A":""}}}`, nil, nil},
		{"percent", "percent", `{"user_attributes":{"additionalHeaders":{"X-A":"ü b"}}}`, []string{"X-A: %C3%BC%20b"}, nil},
		{"base64", "base64", `{"user_attributes":{"additionalHeaders":{"X-A":"ü"}}}`, []string{"X-A: w7w="}, nil},
		{"no-text", "", `{"user_attributes":{"additionalHeaders":{"X-A":null,"X-B":["a"],"X-C":{"a":"b"},"X-D":"d"}}}`, []string{"X-D: d"}, []string{refused("3")}},
		{"line-end", "", `{"user_attributes":{"additionalHeaders":{"X-A":"a\r\nX-B: c"}}}`, nil, []string{"X-A: control character, space at the edge or no UTF-8"}},
		{"fixed", "", `{"user_attributes":{"additionalHeaders":{"X-authentik-username":"root","x-authentik-jwt":"a","X-AUTHENTIK-META-APP":"b","X-Authentik-New":"c"}}}`, nil, []string{refused("4")}},
		{"own", "", `{"user_attributes":{"additionalHeaders":{"X-Role":"Admin","x-role":"Admin"}}}`, nil, []string{refused("2")}},
		{"aliases", "", `{"user_attributes":{"additionalHeaders":{"X_authentik_username":"root","X.Role":"Admin","X-Rôle":"x"}}}`, nil, []string{refused("3")}},
		{"steering", "", `{"user_attributes":{"additionalHeaders":{"Set-Cookie":"a=b","Location":"/","X-Accel-Redirect":"/etc","Host":"x","Cookie":"c","Content-Length":"9","Transfer-Encoding":"chunked","Connection":"close","Authorization":"Basic x","X-Original-URL":"/","Www-Authenticate":"x","Cache-Control":"public"}}}`, nil, []string{refused("12")}},
		{"name-of-two-lines", "", `{"user_attributes":{"additionalHeaders":{"X-A\r\nX-B":"c","":"d"}}}`, nil, []string{refused("2")}},
		{"one-header-twice", "", `{"user_attributes":{"additionalHeaders":{"X-Foo":"a","x-foo":"b","X-Bar":"c"}}}`, []string{"X-Bar: c"}, []string{refused("2")}},
		{"none", "", `{"user_attributes":{}}`, nil, nil},
		{"no-attributes", "", `{"is_superuser":true}`, nil, nil},
		{"list-of-headers", "", `{"user_attributes":{"additionalHeaders":["X-A"]}}`, nil, nil},
		{"no-object", "", `"admin"`, nil, []string{"ak_proxy: no object as authentik sends it"}},
		{"no-json", "", `{`, nil, []string{"ak_proxy: no object as authentik sends it"}},
		{"no-claim", "", ``, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id := session.Identity{}
			if tt.claim != "" {
				id.Claims = map[string][]string{"ak_proxy": {tt.claim}}
			}
			config := headers.MappingConfig{AKProxy: true, Encoding: tt.encoding, Headers: []headers.Header{{Name: "X-Role", Value: "{groups}"}}}
			m := compiled(t, config)
			block := m.Block(&id, headers.Vouching{})
			if diff := cmp.Diff(tt.want, told(&block)); len(tt.want)+len(told(&block)) > 0 && diff != "" {
				t.Errorf("want (-) and got (+):\n%s", diff)
			}
			if diff := cmp.Diff(tt.dropped, block.Dropped); diff != "" {
				t.Errorf("dropped, want (-) and got (+):\n%s", diff)
			}
			if !slices.IsSorted(lines(&block)) || block.Size != len(block.AppendTo(nil)) {
				t.Errorf("%d bytes: %q", block.Size, lines(&block))
			}
			config.AKProxy = false
			without := compiled(t, config).Block(&id, headers.Vouching{})
			if got := told(&without); len(got) > 0 || without.Dropped != nil {
				t.Errorf("without ak_proxy: %q, %q", got, without.Dropped)
			}
		})
	}
}

// What somebody's attributes say counts towards the budget.
func TestAdditionalHeadersAreCounted(t *testing.T) {
	id := session.Identity{Claims: map[string][]string{"ak_proxy": {`{"user_attributes":{"additionalHeaders":{"X-A":"` + strings.Repeat("a", headers.Budget) + `"}}}`}}}
	block := compiled(t, headers.MappingConfig{AKProxy: true}).Block(&id, headers.Vouching{})
	if block.Fits() {
		t.Errorf("%v fit", block)
	}
}

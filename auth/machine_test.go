package auth_test

// Machine clients: the header that they send, and the access tokens that a
// provider signs for them.

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"outpost/access"
	"outpost/auth"
	"outpost/auth/provider"
	"outpost/session"
)

// machineStage is a stage whose applications take machine clients: home and
// router access tokens, each its own; wiki none.
func machineStage(t *testing.T, change ...func(*auth.Config)) *stage {
	t.Helper()
	return newStage(t, append([]func(*auth.Config){func(c *auth.Config) {
		c.Applications[0].Bearer = &provider.Bearer{Audience: []string{"api", "api-of-old"}, Scopes: []string{"outpost", "read"}}
		c.Applications[1].Bearer = &provider.Bearer{Audience: []string{"router-api"}}
	}}, change...)...)
}

// machine asks whose the credential is, and that the log does not have it.
func (s *stage) machine(application string, authorization ...string) (*auth.Machine, auth.Reason, bool) {
	s.t.Helper()
	client, reason, known := s.outpost.Machine(s.t.Context(), application, authorization...)
	log := s.log.String()
	for _, line := range authorization {
		_, secret, _ := strings.Cut(line, " ")
		if len(secret) > 8 && strings.Contains(log, secret) {
			s.t.Errorf("the log has the credential %.60q", secret)
		}
		if i := strings.LastIndexByte(secret, '.'); i > 0 && len(secret)-i > 8 && strings.Contains(log, secret[i:]) {
			s.t.Errorf("the log has the signature of %.60q", secret)
		}
	}
	if (client != nil) != (reason == auth.Allowed) || client != nil && !known {
		s.t.Errorf("client %v with reason %q, known %v", client, reason, known)
	}
	return client, reason, known
}

// accessToken is an access token for home as RFC 9068 has it, changed by change.
func (s *stage) accessToken(change func(map[string]any)) []byte {
	now := time.Now()
	c := map[string]any{
		"iss": issuer, "aud": "api", "sub": "sub-backup", "client_id": "backup", "scope": "read outpost", "jti": "1",
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "preferred_username": "service-account-backup", "groups": []string{"machines"},
	}
	if change != nil {
		change(c)
	}
	raw, err := json.Marshal(c)
	if err != nil {
		s.t.Fatal(err)
	}
	return raw
}

// typed signs claims with a header that has this typ, "" for none, and more.
func (s *stage) typed(typ string, claims []byte, more ...string) string {
	options := (&jose.SignerOptions{}).WithHeader("kid", "k1")
	if typ != "" {
		options.WithType(jose.ContentType(typ))
	}
	for i := 0; i+1 < len(more); i += 2 {
		options.WithHeader(jose.HeaderKey(more[i]), more[i+1])
	}
	return s.signed(jose.SigningKey{Algorithm: jose.ES256, Key: s.provider.key}, options, claims)
}

func (s *stage) signed(key jose.SigningKey, options *jose.SignerOptions, claims []byte) string {
	signer, err := jose.NewSigner(key, options)
	if err != nil {
		s.t.Fatal(err)
	}
	jws, err := signer.Sign(claims)
	if err != nil {
		s.t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		s.t.Fatal(err)
	}
	return compact
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestMachineIsToldWhoItIs(t *testing.T) {
	s := machineStage(t)
	raw := s.typed("at+jwt", s.accessToken(func(c map[string]any) {
		c["email"], c["email_verified"], c["name"], c["acr"], c["amr"], c["auth_time"] = "backup@example.com", true, "Backup", "phr", []string{"hwk"}, time.Now().Unix()
	}))
	client, _, _ := s.machine("home", "Bearer "+raw)
	if client == nil {
		t.Fatalf("not taken:\n%s", s.log)
	}
	want := session.Identity{Issuer: issuer, Subject: "sub-backup", Username: "service-account-backup", Name: "Backup", Email: "backup@example.com", EmailVerified: true, Groups: []string{"machines"}}
	if diff := cmp.Diff(want, client.Identity); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if client.Name != "bearer" || client.Kind != "bearer" || client.Party != "backup" {
		t.Errorf("it is %q, of kind %q, of client %q", client.Name, client.Kind, client.Party)
	}
	if diff := cmp.Diff(access.Proof{ACR: "phr", AMR: []string{"hwk"}, Time: time.Unix(time.Now().Unix(), 0)}, client.Proof, cmp.Comparer(func(a, b time.Time) bool { return a.Sub(b).Abs() < 5*time.Second })); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// What is prepared for it is prepared once, also by the next request.
	again, _, _ := s.machine("home", "bearer  "+raw)
	if first, second := client.Prepare(func() any { return 1 }), again.Prepare(func() any { return 2 }); first != 1 || second != 1 {
		t.Errorf("prepared %v, then %v", first, second)
	}
	if n, err := s.outpost.Sessions().Len(t.Context()); n != 0 || err != nil {
		t.Errorf("%d sessions, %v", n, err)
	}
}

func TestAuthorizationHeader(t *testing.T) {
	s := machineStage(t, func(c *auth.Config) { c.Applications[0].AppPasswords = true })
	raw := s.typed("at+jwt", s.accessToken(nil))
	encoded := base64.StdEncoding.EncodeToString([]byte("goauthentik.io/token:" + raw))
	const malformed, nobody = auth.CredentialsMalformed, auth.Reason("")
	for _, tt := range []struct {
		name  string
		lines []string
		want  auth.Reason // "": nobody's
	}{
		{"bearer", []string{"Bearer " + raw}, auth.Allowed},
		{"scheme-in-capitals", []string{"BEARER " + raw}, auth.Allowed},
		{"two-spaces", []string{"Bearer  " + raw}, auth.Allowed},
		{"password-of-authentiks-user", []string{"Basic " + encoded}, auth.Allowed},
		{"basic-in-small-letters", []string{"basic " + encoded}, auth.Allowed},

		{"none", nil, nobody},
		{"empty", []string{""}, nobody},
		{"digest", []string{`Digest username="a", realm="b"`}, nobody},
		{"token-alone", []string{raw}, nobody},
		{"scheme-glued-on", []string{"Bearer" + raw}, nobody},
		{"tab", []string{"Bearer\t" + raw}, nobody},
		{"dpop", []string{"DPoP " + raw}, nobody},
		{"negotiate", []string{"Negotiate YII="}, nobody},

		{"twice", []string{"Bearer " + raw, "Bearer " + raw}, malformed},
		{"twice-and-one-of-another-scheme", []string{`Digest username="a"`, "Bearer " + raw}, malformed},
		{"twice-and-one-empty", []string{"", "Bearer " + raw}, malformed},
		{"list", []string{"Bearer " + raw + ", Bearer " + raw}, malformed},
		{"list-without-spaces", []string{"Bearer " + raw + ",Bearer"}, malformed},
		{"list-of-basic", []string{"Basic " + encoded + ", Bearer " + raw}, malformed},
		{"bearer-of-nothing", []string{"Bearer"}, malformed},
		{"bearer-of-a-space", []string{"Bearer "}, malformed},
		{"nul-after", []string{"Bearer " + raw + "\x00"}, malformed},
		{"nul-within", []string{"Bearer " + raw[:20] + "\x00" + raw[20:]}, malformed},
		{"line-end", []string{"Bearer " + raw + "\r\nX: y"}, malformed},
		{"space-after", []string{"Bearer " + raw + " x"}, malformed},
		{"quoted", []string{`Bearer "` + raw + `"`}, malformed},
		{"not-ascii", []string{"Bearer " + raw + "ä"}, malformed},
		{"padding-within", []string{"Bearer a=b"}, malformed},
		{"padding-alone", []string{"Bearer =="}, malformed},
		{"huge", []string{"Bearer " + strings.Repeat("a", 16<<10+1)}, malformed},
		{"huge-basic", []string{"Basic " + strings.Repeat("YTpi", 32<<10)}, malformed},

		{"basic-junk", []string{"Basic !!!!"}, malformed},
		{"basic-junk-of-good-letters", []string{"Basic abcde"}, malformed},
		{"basic-without-padding", []string{strings.TrimRight(basic("alice", "pass"), "=")}, malformed},
		{"basic-with-loose-bits", []string{"Basic YTpiYh=="}, malformed}, // what YTpiYg== says, in other letters
		{"basic-url-safe", []string{"Basic " + base64.URLEncoding.EncodeToString([]byte("alice:\xc3\xbf\xc3\xbf\xc3\xbf>>>???"))}, malformed},
		{"basic-without-colon", []string{"Basic " + base64.StdEncoding.EncodeToString([]byte("alice"))}, malformed},
		{"basic-of-nothing", []string{basic("", "")}, malformed},
		{"basic-without-password", []string{basic("alice", "")}, malformed},
		{"basic-with-nul", []string{basic("alice", "a\x00b")}, malformed},
		{"basic-with-line-end", []string{basic("alice\r\n", "ab")}, malformed},
		{"basic-not-utf-8", []string{basic("alice", "\xff\xfe")}, malformed},
		{"basic-with-a-long-name", []string{basic(strings.Repeat("a", 256), "b")}, malformed},
		{"authentiks-user-without-a-token", []string{basic("goauthentik.io/token", "")}, malformed},
		{"authentiks-user-with-two-tokens", []string{basic("goauthentik.io/token", raw+","+raw)}, malformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, got, known := s.machine("home", tt.lines...); got != tt.want || known != (tt.want != "") {
				t.Errorf("got %q, known %v, want %q", got, known, tt.want)
			}
		})
	}
	// An application that takes none has nothing to say of any.
	for _, lines := range [][]string{{"Bearer " + raw}, {basic("a", "b")}, {"Bearer a", "Bearer b"}} {
		if _, reason, known := s.machine("wiki", lines...); known || reason != "" {
			t.Errorf("%q: got %q, known %v", lines, reason, known)
		}
	}
	// Nor has one that takes access tokens alone of a password.
	if _, reason, known := s.machine("router", basic("alice", "password")); known || reason != "" {
		t.Errorf("got %q, known %v", reason, known)
	}
}

func TestBearerTokens(t *testing.T) {
	const yes, no = auth.Allowed, auth.CredentialsRefused
	for _, tt := range []struct {
		name   string
		want   auth.Reason
		typ    string
		change func(c map[string]any)
	}{
		{"usual", yes, "at+jwt", nil},
		{"usual-typ-in-full", yes, "application/at+jwt", nil},
		{"usual-typ-in-capitals", yes, "AT+JWT", nil},
		{"typ-jwt", yes, "JWT", nil},
		{"no-typ", yes, "", nil},
		{"several-audiences", yes, "at+jwt", func(c map[string]any) { c["aud"] = []string{"other", "api"} }},
		{"second-audience", yes, "at+jwt", func(c map[string]any) { c["aud"] = "api-of-old" }},
		{"scopes-as-list", yes, "at+jwt", func(c map[string]any) { c["scope"] = []string{"outpost", "read", "x"} }},
		{"scp-as-list", yes, "at+jwt", func(c map[string]any) { delete(c, "scope"); c["scp"] = []string{"outpost", "read"} }},
		{"scp-as-text", yes, "JWT", func(c map[string]any) { delete(c, "scope"); c["scp"] = "outpost read" }},
		{"expired-within-the-skew", yes, "at+jwt", func(c map[string]any) { c["exp"] = time.Now().Add(-50 * time.Second).Unix() }},
		{"ahead-within-the-skew", yes, "at+jwt", func(c map[string]any) { c["iat"] = time.Now().Add(50 * time.Second).Unix() }},
		{"old", yes, "at+jwt", func(c map[string]any) { c["iat"] = time.Now().Add(-30 * 24 * time.Hour).Unix() }},
		{"no-iat", yes, "JWT", func(c map[string]any) { delete(c, "iat") }},
		{"keycloak", yes, "JWT", func(c map[string]any) { c["typ"], c["azp"] = "Bearer", "backup"; delete(c, "client_id") }},
		{"keycloak-of-old-with-nonce", yes, "JWT", func(c map[string]any) { c["typ"], c["nonce"] = "Bearer", "n" }},
		{"cognito", yes, "", func(c map[string]any) { c["token_use"] = "access" }},
		{"null-cnf", yes, "at+jwt", func(c map[string]any) { c["cnf"] = nil }},

		{"other-issuer", no, "at+jwt", func(c map[string]any) { c["iss"] = "https://idp.example.org/other" }},
		{"issuer-and-a-slash", no, "at+jwt", func(c map[string]any) { c["iss"] = issuer + "/" }},
		{"issuer-in-capitals", no, "at+jwt", func(c map[string]any) { c["iss"] = strings.ToUpper(issuer) }},
		{"issuer-as-list", no, "at+jwt", func(c map[string]any) { c["iss"] = []string{issuer} }},
		{"no-issuer", no, "at+jwt", func(c map[string]any) { delete(c, "iss") }},
		{"other-audience", auth.CredentialsAudience, "at+jwt", func(c map[string]any) { c["aud"] = "shop" }},
		{"audience-of-another-application", auth.CredentialsAudience, "at+jwt", func(c map[string]any) { c["aud"] = "router-api" }},
		{"our-own-client", auth.CredentialsAudience, "at+jwt", func(c map[string]any) { c["aud"] = "outpost" }},
		{"audience-by-case", auth.CredentialsAudience, "at+jwt", func(c map[string]any) { c["aud"] = "API" }},
		{"audience-as-part", auth.CredentialsAudience, "at+jwt", func(c map[string]any) { c["aud"] = "api other" }},
		{"audience-as-object", auth.CredentialsAudience, "at+jwt", func(c map[string]any) { c["aud"] = map[string]any{"api": true} }},
		{"audience-of-a-list-in-a-list", auth.CredentialsAudience, "at+jwt", func(c map[string]any) { c["aud"] = []any{[]string{"api"}} }},
		{"empty-audience", auth.CredentialsAudience, "at+jwt", func(c map[string]any) { c["aud"] = []string{} }},
		{"null-audience", auth.CredentialsAudience, "at+jwt", func(c map[string]any) { c["aud"] = nil }},
		{"no-audience", auth.CredentialsAudience, "at+jwt", func(c map[string]any) { delete(c, "aud") }},
		{"no-scope", auth.CredentialsScope, "at+jwt", func(c map[string]any) { delete(c, "scope") }},
		{"one-scope-of-two", auth.CredentialsScope, "at+jwt", func(c map[string]any) { c["scope"] = "outpost" }},
		{"scope-as-part", auth.CredentialsScope, "at+jwt", func(c map[string]any) { c["scope"] = "outpost:x readers" }},
		{"scopes-in-one-entry-of-several", auth.CredentialsScope, "at+jwt", func(c map[string]any) { c["scope"] = []string{"outpost read", "x"} }},
		{"scope-empty-and-scp-full", auth.CredentialsScope, "at+jwt", func(c map[string]any) { c["scope"], c["scp"] = "", []string{"outpost", "read"} }},
		{"expired", auth.CredentialsExpired, "at+jwt", func(c map[string]any) { c["exp"] = time.Now().Add(-70 * time.Second).Unix() }},
		{"no-exp", no, "at+jwt", func(c map[string]any) { delete(c, "exp") }},
		{"exp-as-text", no, "at+jwt", func(c map[string]any) { c["exp"] = "4102444800" }},
		{"exp-in-milliseconds", no, "at+jwt", func(c map[string]any) { c["exp"] = time.Now().Add(time.Hour).UnixMilli() * 1000 }},
		{"exp-null", no, "at+jwt", func(c map[string]any) { c["exp"] = nil }},
		{"not-yet", no, "at+jwt", func(c map[string]any) { c["nbf"] = time.Now().Add(70 * time.Second).Unix() }},
		{"nbf-as-text", no, "at+jwt", func(c map[string]any) { c["nbf"] = "0" }},
		{"issued-ahead", no, "at+jwt", func(c map[string]any) { c["iat"] = time.Now().Add(70 * time.Second).Unix() }},
		{"proved-ahead", no, "at+jwt", func(c map[string]any) { c["auth_time"] = time.Now().Add(time.Hour).Unix() }},
		{"no-subject", no, "at+jwt", func(c map[string]any) { delete(c, "sub") }},
		{"subject-with-line-end", no, "at+jwt", func(c map[string]any) { c["sub"] = "a\nb" }},
		{"bound-to-a-key", no, "at+jwt", func(c map[string]any) { c["cnf"] = map[string]any{"jkt": "x"} }},
		{"bound-to-a-certificate", no, "JWT", func(c map[string]any) { c["cnf"] = map[string]any{"x5t#S256": "x"} }},
		{"bound-to-nothing-known", no, "JWT", func(c map[string]any) { c["cnf"] = "x" }},
		{"keycloak-dpop", no, "JWT", func(c map[string]any) { c["typ"] = "DPoP" }},
		{"groups-elsewhere", no, "at+jwt", func(c map[string]any) { delete(c, "groups"); c["hasgroups"] = true }},

		{"typ-logout", no, "logout+jwt", nil},
		{"typ-dpop", no, "dpop+jwt", nil},
		{"typ-request-object", no, "oauth-authz-req+jwt", nil},
		{"typ-security-event", no, "secevent+jwt", nil},
		{"logout-token", no, "JWT", func(c map[string]any) { c["events"] = map[string]any{} }},
		{"keycloak-id-token", no, "JWT", func(c map[string]any) { c["typ"] = "ID" }},
		{"keycloak-refresh-token", no, "JWT", func(c map[string]any) { c["typ"] = "Refresh" }},
		{"cognito-id-token", no, "", func(c map[string]any) { c["token_use"] = "id" }},
		{"id-token-by-at-hash", no, "JWT", func(c map[string]any) { c["at_hash"] = "x" }},
		{"id-token-by-c-hash", no, "JWT", func(c map[string]any) { c["c_hash"] = "x" }},
		{"id-token-that-says-at-jwt", no, "at+jwt", func(c map[string]any) { c["at_hash"] = "x" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := machineStage(t)
			raw := s.typed(tt.typ, s.accessToken(tt.change))
			for range 2 { // the second time it is remembered
				if _, got, known := s.machine("home", "Bearer "+raw); got != tt.want || !known {
					t.Errorf("got %q, known %v, want %q\n%s", got, known, tt.want, s.log)
				}
			}
		})
	}
}

// Where no scope is asked for, what says that a token is an access token is what
// keeps ID tokens out.
func TestIDTokensAreNoAccessTokens(t *testing.T) {
	idToken := map[string]any{"iss": issuer, "aud": "router-api", "sub": "sub-alice", "azp": "router-api", "preferred_username": "alice", "sid": "x"}
	for _, tt := range []struct {
		name string
		typ  string
		more map[string]any
		want bool
	}{
		{"id-token", "JWT", nil, false},
		{"id-token-without-typ", "", nil, false},
		{"with-nonce", "JWT", map[string]any{"nonce": "n"}, false},
		{"zitadel-id-token", "JWT", map[string]any{"nonce": "n", "client_id": "router-api"}, false},
		{"with-a-username-called-uid-and-nonce", "JWT", map[string]any{"uid": "alice", "nonce": "n"}, false},
		{"empty-client-id", "JWT", map[string]any{"client_id": ""}, false},
		{"client-id-no-text", "JWT", map[string]any{"client_id": []string{"x"}}, false},

		{"rfc-9068", "at+jwt", nil, true},
		{"client-id", "JWT", map[string]any{"client_id": "backup"}, true},
		{"okta", "", map[string]any{"cid": "backup", "scp": []string{"x"}}, true},
		{"entra-of-old", "JWT", map[string]any{"appid": "backup"}, true},
		{"entra", "JWT", map[string]any{"idtyp": "app"}, true},
		{"authentik", "JWT", map[string]any{"uid": "Vq7cLe"}, true},
		{"scope", "JWT", map[string]any{"scope": "openid", "nonce": "n"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := machineStage(t)
			raw := s.typed(tt.typ, s.accessToken(func(c map[string]any) {
				clear(c)
				maps.Copy(c, idToken)
				maps.Copy(c, tt.more)
				c["iat"], c["exp"] = time.Now().Unix(), time.Now().Add(time.Minute).Unix()
			}))
			if _, got, _ := s.machine("router", "Bearer "+raw); (got == auth.Allowed) != tt.want {
				t.Errorf("got %q\n%s", got, s.log)
			}
		})
	}
	t.Run("of-a-real-sign-in", func(t *testing.T) {
		s := machineStage(t, func(c *auth.Config) { c.Applications[0].Bearer = &provider.Bearer{Audience: []string{"outpost"}} })
		var idToken, accessToken string
		s.provider.token = func(a map[string]any) int {
			idToken, accessToken = a["id_token"].(string), a["access_token"].(string)
			return http.StatusOK
		}
		s.want(s.browser("alice").visit("https://app.example.com/"), http.StatusOK)
		for _, token := range []string{idToken, accessToken} {
			if _, got, _ := s.machine("home", "Bearer "+token); got != auth.CredentialsRefused {
				t.Errorf("got %q", got)
			}
		}
	})
}

// What one application takes is nothing to another.
func TestTokenOfAnotherApplication(t *testing.T) {
	s := machineStage(t)
	home := s.typed("at+jwt", s.accessToken(nil))
	router := s.typed("at+jwt", s.accessToken(func(c map[string]any) { c["aud"] = "router-api" }))
	for range 2 { // also when the other one remembers it
		for _, tt := range []struct {
			application, token string
			want               auth.Reason
		}{
			{"home", home, auth.Allowed}, {"router", home, auth.CredentialsAudience},
			{"router", router, auth.Allowed}, {"home", router, auth.CredentialsAudience},
		} {
			if _, got, _ := s.machine(tt.application, "Bearer "+tt.token); got != tt.want {
				t.Errorf("%s: got %q, want %q", tt.application, got, tt.want)
			}
		}
	}
}

func TestMachineStatus(t *testing.T) {
	for _, reason := range auth.Reasons() {
		want := http.StatusForbidden
		if reason == auth.CredentialsUnverifiable {
			want = http.StatusInternalServerError
		}
		if got := auth.MachineStatus(reason); got != want {
			t.Errorf("%s: %d", reason, got)
		}
	}
}

// A refusal names the application, the client and the cause, and does not flood
// the log.
func TestMachineRefusalsInTheLog(t *testing.T) {
	s := machineStage(t)
	var told []string
	s2 := machineStage(t, func(c *auth.Config) {
		c.Hooks.Machine = func(application, client string, reason auth.Reason) {
			told = append(told, application+" "+client+" "+string(reason))
		}
	})
	raw := s.typed("at+jwt", s.accessToken(func(c map[string]any) { c["aud"] = "shop" }))
	for range 3 {
		s.machine("home", "Bearer "+raw)
	}
	if log := s.log.String(); strings.Count(log, "machine client refused") != 1 || !strings.Contains(log, `"application":"home","client":"bearer","reason":"credentials_audience","cause":"aud is`) {
		t.Errorf("log:\n%s", log)
	}
	for range 100 {
		s.machine("home", "Bearer a,b")
	}
	if n := strings.Count(s.log.String(), "credentials_malformed"); n < 1 || n > 20 {
		t.Errorf("%d lines", n)
	}
	s2.machine("home", "Bearer a,b")
	s2.machine("home", "Bearer "+s2.typed("at+jwt", s2.accessToken(nil)))
	s2.machine("home", "Digest x")
	s2.machine("wiki", "Bearer x")
	if want := []string{"home unknown credentials_malformed", "home bearer allowed"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

package auth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"outpost/auth"
	"outpost/auth/provider"
)

const (
	ours   = "9122040d-6c67-4c5b-b112-36a304b66dad"
	theirs = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
	entra  = "https://login.microsoftonline.com/"
)

// Whom the metadata and the tokens may name, for each issuer that is
// configured.
func TestIssuers(t *testing.T) {
	tenants := []string{"00000000-0000-0000-0000-000000000001", ours}
	for _, tt := range []struct {
		name     string
		issuer   string
		tenants  []string
		metadata string // the issuer that the metadata name; "" for the same
		token    map[string]any
		want     auth.Reason // "" is signed in
	}{
		{"slash-at-the-end", "https://auth.example.org/application/o/outpost/", nil, "", nil, ""},
		{"of-one-client", "https://idm.example.org/oauth2/openid/outpost", nil, "", nil, ""},
		{"of-the-root", "https://auth.example.org", nil, "", nil, ""},
		{"slash-is-missing-here", "https://auth.example.org/o/outpost", nil, "https://auth.example.org/o/outpost/", nil, auth.ProviderMisconfigured},
		{"slash-is-missing-there", "https://auth.example.org/o/outpost/", nil, "https://auth.example.org/o/outpost", nil, auth.ProviderMisconfigured},
		{"slash-in-the-token-alone", "https://auth.example.org", nil, "", map[string]any{"iss": "https://auth.example.org/"}, auth.TokenInvalid},

		{"google", "https://accounts.google.com", nil, "", map[string]any{"iss": "https://accounts.google.com"}, ""},
		{"google-without-its-scheme", "https://accounts.google.com", nil, "", map[string]any{"iss": "accounts.google.com"}, ""},
		{"google-with-a-slash", "https://accounts.google.com", nil, "", map[string]any{"iss": "https://accounts.google.com/"}, auth.TokenInvalid},
		{"google-where-it-is-not-configured", "https://auth.example.org", nil, "", map[string]any{"iss": "accounts.google.com"}, auth.TokenInvalid},
		{"another-without-its-scheme", "https://auth.example.org", nil, "", map[string]any{"iss": "auth.example.org"}, auth.TokenInvalid},

		{"entra-one-tenant", entra + ours + "/v2.0", nil, "", map[string]any{"tid": ours}, ""},
		{"entra-many", entra + "organizations/v2.0", tenants, entra + "{tenantid}/v2.0", map[string]any{"iss": entra + ours + "/v2.0", "tid": ours}, ""},
		{"entra-many-without-a-list", entra + "common/v2.0", nil, entra + "{tenantid}/v2.0", map[string]any{"iss": entra + ours + "/v2.0", "tid": ours}, auth.ProviderMisconfigured},
		{"entra-tenant-that-is-not-listed", entra + "common/v2.0", tenants, entra + "{tenantid}/v2.0", map[string]any{"iss": entra + theirs + "/v2.0", "tid": theirs}, auth.TokenInvalid},
		{"entra-issuer-of-another-tenant", entra + "common/v2.0", tenants, entra + "{tenantid}/v2.0", map[string]any{"iss": entra + theirs + "/v2.0", "tid": ours}, auth.TokenInvalid},
		{"entra-tenant-of-another-issuer", entra + "common/v2.0", tenants, entra + "{tenantid}/v2.0", map[string]any{"iss": entra + ours + "/v2.0", "tid": theirs}, auth.TokenInvalid},
		{"entra-without-tid", entra + "common/v2.0", tenants, entra + "{tenantid}/v2.0", map[string]any{"iss": entra + ours + "/v2.0"}, auth.TokenInvalid},
		{"entra-token-that-names-the-template", entra + "common/v2.0", tenants, entra + "{tenantid}/v2.0", map[string]any{"iss": entra + "{tenantid}/v2.0", "tid": "{tenantid}"}, auth.TokenInvalid},
		{"entra-token-that-names-what-is-configured", entra + "common/v2.0", tenants, entra + "{tenantid}/v2.0", map[string]any{"iss": entra + "common/v2.0", "tid": ours}, auth.TokenInvalid},
		{"template-of-another-host", entra + "common/v2.0", tenants, "https://login.evil.test/{tenantid}/v2.0", map[string]any{"iss": "https://login.evil.test/" + ours + "/v2.0", "tid": ours}, auth.ProviderMisconfigured},
		{"template-of-everything", entra + "common/v2.0", tenants, "https://{tenantid}/v2.0", map[string]any{"iss": "https://" + ours + "/v2.0", "tid": ours}, auth.ProviderMisconfigured},
		{"template-where-one-is-configured", entra + ours + "/v2.0", tenants, "", map[string]any{"tid": ours}, auth.ProviderMisconfigured},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, with(func(p *provider.Config) { p.Issuer, p.Tenants = tt.issuer, tt.tenants }))
			named := tt.metadata
			if named == "" {
				named = tt.issuer
			}
			s.provider.issuer, s.provider.metadata = tt.issuer, map[string]any{"issuer": named}
			s.provider.claims = func(c map[string]any) {
				c["iss"] = tt.issuer
				for name, value := range tt.token {
					c[name] = value
				}
			}
			resp := s.browser("alice").visit("https://app.example.com/")
			if tt.want == "" {
				s.want(resp, http.StatusOK)
				return
			}
			n, err := s.outpost.Sessions().Len(t.Context())
			if s.last() != tt.want || n != 0 || err != nil {
				t.Errorf("reason %s, want %s; %d sessions, %v", s.last(), tt.want, n, err)
			}
			if log := s.log.String(); tt.want == auth.ProviderMisconfigured && (!strings.Contains(log, named) || s.provider.called("/token") != 0) {
				t.Errorf("the log does not name %s, or a code was sent:\n%s", named, log)
			}
		})
	}
}

// The subject is a name within its tenant: the same one of two tenants is two
// people, and each tenant's own issuer is on the session.
func TestSubjectsOfTenants(t *testing.T) {
	s := newStage(t, with(func(p *provider.Config) { p.Issuer, p.Tenants = entra+"common/v2.0", []string{ours, theirs} }))
	s.provider.issuer, s.provider.metadata = entra+"common/v2.0", map[string]any{"issuer": entra + "{tenantid}/v2.0"}
	for _, tenant := range []string{ours, theirs} {
		s.provider.claims = func(c map[string]any) { c["iss"], c["tid"] = entra+tenant+"/v2.0", tenant }
		b := s.browser("alice")
		s.want(b.visit("https://app.example.com/"), http.StatusOK)
		live, err := s.outpost.Sessions().Find(t.Context(), "__Secure-outpost-home", b.cookie("https://app.example.com/", "__Secure-outpost-home"))
		if err != nil || live.Session().Identity.Issuer != entra+tenant+"/v2.0" {
			t.Fatalf("session %+v, %v", live, err)
		}
	}
}

// What a callback may bring besides code and state (RFC 6749 §4.1.2: unknown
// parameters are ignored; RFC 9207: iss).
func TestCallbackParameters(t *testing.T) {
	for _, tt := range []struct {
		name      string
		announced bool
		change    func(url.Values)
		want      auth.Reason
	}{
		{"unknown", false, func(q url.Values) {
			q.Set("session_state", "a.b")
			q.Set("scope", "openid profile https://www.googleapis.com/auth/userinfo.email")
			q.Set("authuser", "0")
			q.Set("hd", "example.com")
			q.Set("prompt", "none")
			q.Set("client_info", "eyJ1aWQiOiIifQ")
			q["twice"] = []string{"1", "2"}
			q.Set("", "no name")
		}, auth.Allowed},
		{"iss", false, func(q url.Values) { q.Set("iss", issuer) }, auth.Allowed},
		{"iss-announced", true, func(q url.Values) { q.Set("iss", issuer) }, auth.Allowed},
		{"iss-announced-and-missing", true, func(url.Values) {}, auth.CallbackInvalid},
		{"iss-announced-and-empty", true, func(q url.Values) { q.Set("iss", "") }, auth.CallbackInvalid},
		{"iss-announced-and-missing-from-an-error", true, func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") }, auth.CallbackInvalid},
		{"iss-with-a-slash", true, func(q url.Values) { q.Set("iss", issuer+"/") }, auth.CallbackInvalid},
		{"iss-twice", true, func(q url.Values) { q["iss"] = []string{issuer, issuer} }, auth.CallbackInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			s.provider.metadata = map[string]any{"authorization_response_iss_parameter_supported": tt.announced}
			b := s.browser("alice")
			u, err := url.Parse(b.until("https://app.example.com/", prefix+"/callback"))
			if err != nil {
				t.Fatal(err)
			}
			q := u.Query()
			tt.change(q)
			u.RawQuery = q.Encode()
			b.visit(u.String())
			if n := s.provider.called("/token"); s.last() != tt.want || (n == 1) != (tt.want == auth.Allowed) {
				t.Errorf("reason %s, want %s; %d exchanges", s.last(), tt.want, n)
			}
		})
	}
}

// In a response Entra may name any tenant that may sign in, and no other.
func TestCallbackIssuerOfTenants(t *testing.T) {
	for tenant, want := range map[string]auth.Reason{ours: auth.Allowed, theirs: auth.CallbackInvalid, "common": auth.CallbackInvalid} {
		s := newStage(t, with(func(p *provider.Config) { p.Issuer, p.Tenants = entra+"common/v2.0", []string{ours} }))
		s.provider.issuer, s.provider.metadata = entra+"common/v2.0", map[string]any{"issuer": entra + "{tenantid}/v2.0"}
		s.provider.claims = func(c map[string]any) { c["iss"], c["tid"] = entra+ours+"/v2.0", ours }
		b := s.browser("alice")
		b.visit(b.until("https://app.example.com/", prefix+"/callback") + "&iss=" + url.QueryEscape(entra+tenant+"/v2.0"))
		if s.last() != want {
			t.Errorf("%s: reason %s, want %s", tenant, s.last(), want)
		}
	}
}

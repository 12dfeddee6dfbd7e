package auth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"outpost/auth"
	"outpost/auth/provider"
)

// Providers with a sign-out of their own, each in its own words.
func TestEndSessionTemplate(t *testing.T) {
	back := url.QueryEscape("https://outpost.example.com/outpost.goauthentik.io/sign_out")
	for _, tt := range []struct{ name, template, want string }{
		{"cognito", "https://home.auth.eu-west-1.amazoncognito.com/logout?client_id={client_id}&logout_uri={post_logout_redirect_uri}",
			"https://home.auth.eu-west-1.amazoncognito.com/logout?client_id=outpost&logout_uri=" + back},
		{"auth0", "https://tenant.eu.auth0.com/v2/logout?client_id={client_id}&returnTo={post_logout_redirect_uri}",
			"https://tenant.eu.auth0.com/v2/logout?client_id=outpost&returnTo=" + back},
		{"what-has-no-value-is-left-out", "https://idp.example.org/out?a=&b&hint={id_token_hint}&c={client_id}-{id_token_hint}x", "https://idp.example.org/out?a=&b&c=outpost-x"},
		{"without-a-query", "https://idp.example.org/out", "https://idp.example.org/out"},
		{"only-what-has-no-value", "https://idp.example.org/out?hint={id_token_hint}", "https://idp.example.org/out"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, with(func(p *provider.Config) { p.EndSessionURL = tt.template }))
			s.provider.claims = func(c map[string]any) { c["padding"] = strings.Repeat("x", 4096) } // a token too long for a hint
			alice := s.browser("alice")
			s.want(alice.visit("https://app.example.com/"), http.StatusOK)
			resp := alice.once(http.MethodGet, "https://app.example.com"+prefix+"/sign_out")
			s.want(resp, http.StatusFound)
			if got := resp.Header.Get("Location"); got != tt.want {
				t.Errorf("got\n%s, want\n%s", got, tt.want)
			}
			// They come back without a state.
			resp = alice.visit("https://app.example.com" + prefix + "/sign_out")
			s.want(resp, http.StatusOK)
			if page := body(resp); !strings.Contains(page, string(auth.SignedOut)) || strings.Contains(page, string(auth.SignedOutHere)) {
				t.Errorf("page:\n%s", page)
			}
		})
	}
}

func TestEndSessionTemplateWithHintAndState(t *testing.T) {
	s := newStage(t, with(func(p *provider.Config) {
		p.EndSessionURL = "https://idp.example.org/end?post_logout_redirect_uri={post_logout_redirect_uri}&id_token_hint={id_token_hint}&state={state}"
	}))
	alice := s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	resp := alice.once(http.MethodGet, "https://app.example.com"+prefix+"/sign_out")
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	if q := to.Query(); strings.Count(q.Get("id_token_hint"), ".") != 2 || q.Get("state") == "" || len(q) != 3 {
		t.Errorf("end-session request %s", to)
	}
	s.want(alice.visit(to.String()), http.StatusOK)
}

// Parameters of the provider's own go along; ours stay what they are.
func TestExtraParameters(t *testing.T) {
	s := newStage(t, with(func(p *provider.Config) {
		p.Extra = map[string]string{
			"audience": "https://api.example.com/?a=1&b", "kc_idp_hint": "ldap",
			"state": "evil", "nonce": "evil", "redirect_uri": "https://evil.test/", "response_type": "token", "client_id": "evil", "scope": "evil",
			"code_challenge": "evil", "code_challenge_method": "plain",
		}
	}))
	alice := s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	q := s.provider.seen[0]
	if q.Get("audience") != "https://api.example.com/?a=1&b" || q.Get("kc_idp_hint") != "ldap" || q.Get("response_type") != "code" {
		t.Errorf("authorization request %v", q)
	}
	for name, values := range q {
		if len(values) != 1 || strings.Contains(values[0], "evil") || values[0] == "plain" {
			t.Errorf("%s is %q", name, values)
		}
	}
}

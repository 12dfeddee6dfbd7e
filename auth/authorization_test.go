package auth_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outpost/access"
	"outpost/auth"
	"outpost/auth/provider"
)

// What an application's sign-ins ask for besides, and what goes before what.
func TestAsk(t *testing.T) {
	for _, tt := range []struct {
		name     string
		ask      provider.Ask
		require  access.Requirement
		provider map[string]string // its extra parameters
		front    string            // of start's query
		want     url.Values        // besides what every request has
	}{
		{"nothing", provider.Ask{}, access.Requirement{}, nil, "", url.Values{}},
		{"prompt", provider.Ask{Prompt: []string{"consent", "select_account"}}, access.Requirement{}, nil, "", url.Values{"prompt": {"consent select_account"}}},
		{"another-account", provider.Ask{}, access.Requirement{}, nil, "switch=1&", url.Values{"prompt": {"login"}}},
		{"another-account-and-a-prompt", provider.Ask{Prompt: []string{"select_account"}}, access.Requirement{}, nil, "switch=1&", url.Values{"prompt": {"select_account login"}}},
		{"login-once", provider.Ask{Prompt: []string{"login"}}, access.Requirement{}, nil, "switch=1&step_up=1&", url.Values{"prompt": {"login"}}},
		{"max-age", provider.Ask{MaxAge: 3600e9}, access.Requirement{}, nil, "", url.Values{"max_age": {"3600"}}},
		{"max-age-shorter-than-required", provider.Ask{MaxAge: 60e9}, access.Requirement{MaxAge: 3600e9}, nil, "", url.Values{"max_age": {"60"}}},
		{"max-age-longer-than-required", provider.Ask{MaxAge: 7200e9}, access.Requirement{MaxAge: 3600e9}, nil, "", url.Values{"max_age": {"3600"}}},
		{"classes", provider.Ask{ACRValues: []string{"phrh", "phr"}}, access.Requirement{}, nil, "", url.Values{"acr_values": {"phrh phr"}}},
		{"required-classes", provider.Ask{}, access.Requirement{ACR: []string{"a", "b"}}, nil, "", url.Values{"acr_values": {"a b"}}},
		{"classes-and-required-ones", provider.Ask{ACRValues: []string{"b"}}, access.Requirement{ACR: []string{"a", "b"}}, nil, "", url.Values{"acr_values": {"b"}}},
		{"required-methods-cannot-be-asked-for", provider.Ask{}, access.Requirement{AMR: []string{"mfa"}}, nil, "", url.Values{}},
		{"hint", provider.Ask{LoginHint: "alice & bob"}, access.Requirement{}, nil, "", url.Values{"login_hint": {"alice & bob"}}},
		{"extra", provider.Ask{Extra: map[string]string{"ui_locales": "de"}}, access.Requirement{}, map[string]string{"ui_locales": "en", "hd": "example.com"}, "", url.Values{"ui_locales": {"de"}, "hd": {"example.com"}}},
		{"extra-replaces-nothing-of-ours", provider.Ask{Extra: map[string]string{"scope": "x", "state": "x", "prompt": "none"}, Prompt: []string{"login"}}, access.Requirement{}, map[string]string{"nonce": "x", "max_age": "1"}, "", url.Values{"prompt": {"login"}, "max_age": {"1"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, func(c *auth.Config) {
				c.Applications[0].Ask, c.Applications[0].Access.Require, c.Providers[0].Extra = tt.ask, tt.require, tt.provider
			})
			to := s.browser("alice").until("https://outpost.example.com"+prefix+"/start?"+tt.front+"rd=/", "idp.example.org")
			u, err := url.Parse(to)
			if err != nil {
				t.Fatal(err)
			}
			got := u.Query()
			if len(got.Get("state")) < 100 || got.Get("scope") != "openid profile" || len(got.Get("nonce")) != 43 {
				t.Errorf("of ours: %v", got)
			}
			for _, ours := range []string{"client_id", "code_challenge", "code_challenge_method", "nonce", "redirect_uri", "response_type", "scope", "state"} {
				delete(got, ours)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// bothProviders is a stage whose first application lets people choose, with a
// second provider that is as honest as the first.
func bothProviders(t *testing.T, change ...func(*auth.Config)) (*stage, *fakeProvider) {
	second := newProvider(t)
	second.host = "two.example.org"
	second.metadata = map[string]any{
		"issuer": "https://two.example.org", "authorization_endpoint": "https://two.example.org/authorize", "token_endpoint": "https://two.example.org/token",
		"userinfo_endpoint": "https://two.example.org/userinfo", "jwks_uri": "https://two.example.org/keys", "end_session_endpoint": "https://two.example.org/end",
	}
	second.issuer = "https://two.example.org"
	second.claims = func(c map[string]any) { c["iss"] = "https://two.example.org" }
	second.users = map[string]map[string]any{"alice": maps.Clone(second.users["alice"])}
	second.users["alice"]["name"] = "Alice of the second"
	delete(second.users["alice"], "email_verified")
	s := newStage(t, append([]func(*auth.Config){func(c *auth.Config) {
		c.Providers = append(c.Providers, provider.Config{Name: "two", Title: "The second one", Issuer: "https://two.example.org", ClientID: "outpost", ClientSecret: "client secret", Scopes: []string{"openid"}})
		c.Applications[0].Providers = []string{"idp", "two"}
		next := c.Transport
		c.Transport = transport(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == second.host {
				return second.RoundTrip(r)
			}
			return next.RoundTrip(r)
		})
	}}, change...)...)
	return s, second
}

// signInAt signs the browser in at one of the two, by the link on the page.
func (b *browser) signInAt(second *fakeProvider, rawURL, name string) *http.Response {
	b.s.t.Helper()
	link := choice(b.visit(rawURL), name)
	if link == "" {
		b.s.t.Fatalf("no link for %s at %s", name, b.at)
	}
	if name == "idp" {
		return b.visit(link)
	}
	at, err := url.Parse(b.until(link, second.host))
	if err != nil {
		b.s.t.Fatal(err)
	}
	return b.visit(second.visit(&http.Request{URL: at}, b.user).Header.Get("Location"))
}

// People choose where to sign in; each is who that provider says, is signed out
// there, and an address counts as that provider is trusted.
func TestTwoProviders(t *testing.T) {
	s, second := bothProviders(t, func(c *auth.Config) {
		c.Applications[0].Access.Policy = access.Allow(access.Lists{EmailDomains: []string{"example.com"}})
		c.Providers[1].UnverifiedEmail = true
	})
	here, there := s.browser("alice"), s.browser("alice")
	for _, tt := range []struct {
		browser  *browser
		provider string
		person   string
		end      string
	}{
		{here, "idp", "Alice Ädmin", "https://idp.example.org/end"},
		{there, "two", "Alice of the second", "https://two.example.org/end"},
	} {
		resp := tt.browser.signInAt(second, "https://app.example.com/x", tt.provider)
		if got := resp.Header.Get("X-Authentik-Name"); resp.StatusCode != http.StatusOK || got != tt.person || tt.browser.at != "https://app.example.com/x" {
			t.Errorf("%s: %s at %s as %q; %s", tt.provider, resp.Status, tt.browser.at, got, body(resp))
		}
		out := tt.browser.once(http.MethodGet, "https://app.example.com"+prefix+"/sign_out")
		if to := out.Header.Get("Location"); len(to) < len(tt.end) || to[:len(tt.end)] != tt.end {
			t.Errorf("%s: signed out to %q", tt.provider, to)
		}
	}
	if want := []string{"https://outpost.example.com" + prefix + "/callback/idp"}; !slices.Equal(s.provider.asked[0]["redirect_uri"], want) {
		t.Errorf("the redirect URI is %v", s.provider.asked[0]["redirect_uri"])
	}
}

// Addresses that one provider has not verified do not count because another
// provider's do.
func TestUnverifiedAddressCountsByProvider(t *testing.T) {
	s, second := bothProviders(t, func(c *auth.Config) {
		c.Applications[0].Access.Policy = access.Allow(access.Lists{EmailDomains: []string{"example.com"}})
		c.Providers[0].UnverifiedEmail = true
	})
	b := s.browser("alice")
	s.want(b.signInAt(second, "https://app.example.com/x", "two"), http.StatusForbidden)
	if s.last() != auth.NotAllowed {
		t.Errorf("reason %s", s.last())
	}
	s.want(b.visit("https://app.example.com"+prefix+"/start?switch=1&provider=idp&rd=https://app.example.com/x"), http.StatusOK)
}

// Who signed in at a provider that the application no longer has is asked to
// sign in again, and not let in meanwhile.
func TestProviderIsTakenAway(t *testing.T) {
	s, second := bothProviders(t)
	b := s.browser("alice")
	s.want(b.signInAt(second, "https://app.example.com/x", "two"), http.StatusOK)
	store := s.config.Session.Store
	after := newStage(t, func(c *auth.Config) { c.Session.Store = store })
	b.s = after
	resp := b.once(http.MethodGet, "https://app.example.com/x")
	if resp.StatusCode != http.StatusFound || after.last() != auth.NotSignedIn {
		t.Errorf("got %s for %s", resp.Status, after.last())
	}
	s.want(b.visit("https://app.example.com/x"), http.StatusOK)
}

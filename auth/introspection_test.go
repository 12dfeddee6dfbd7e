package auth_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/auth"
	"outpost/session"
)

// introspected is what the provider says of a good token.
func introspected() map[string]any {
	return map[string]any{
		"active": true, "iss": issuer, "aud": "api", "sub": "sub-backup", "client_id": "backup", "scope": "outpost read", "token_type": "Bearer",
		"exp": time.Now().Add(5 * time.Minute).Unix(), "username": "service-account-backup",
	}
}

// introspecting is a stage whose application home has the provider asked, which
// answers with what answer makes of the form.
func introspecting(t *testing.T, answer func(r *http.Request) (*http.Response, error), change ...func(*auth.Config)) *stage {
	t.Helper()
	s := machineStage(t, append([]func(*auth.Config){
		func(c *auth.Config) { c.Applications[0].Bearer.Introspect = true },
		func(c *auth.Config) {
			answering("/introspect", func(r *http.Request) (*http.Response, error) {
				if id, secret, _ := r.BasicAuth(); id != "outpost" || secret != "client+secret" || r.Method != http.MethodPost {
					return respond(http.StatusUnauthorized, `{"error":"invalid_client"}`), nil
				}
				r.ParseForm()
				return answer(r)
			})(c)
		},
	}, change...)...)
	s.provider.metadata = map[string]any{"introspection_endpoint": "https://idp.example.org/introspect"}
	return s
}

// saying answers with claims.
func saying(claims map[string]any) *http.Response {
	body, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return respond(http.StatusOK, string(body))
}

func TestIntrospection(t *testing.T) {
	const yes, no, unknown = auth.Allowed, auth.CredentialsRefused, auth.CredentialsUnverifiable
	claims := func(more map[string]any, without ...string) func() *http.Response {
		return func() *http.Response {
			c := introspected()
			maps.Copy(c, more)
			for _, name := range without {
				delete(c, name)
			}
			return saying(c)
		}
	}
	plain := func(status int, body string) func() *http.Response {
		return func() *http.Response { return respond(status, body) }
	}
	for _, tt := range []struct {
		name   string
		answer func() *http.Response
		want   auth.Reason
	}{
		{"active", claims(nil), yes},
		{"no-issuer", claims(nil, "iss"), yes},
		{"no-exp", claims(nil, "exp"), yes},
		{"no-subject", claims(nil, "sub"), yes},
		{"audience-in-a-list", claims(map[string]any{"aud": []string{"x", "api"}}), yes},
		{"no-audience-and-client-in-the-list", claims(map[string]any{"client_id": "api"}, "aud"), yes},
		{"keycloak", claims(map[string]any{"typ": "Bearer", "token_type": "Bearer"}), yes},
		{"hydra", claims(map[string]any{"token_use": "access_token"}), yes},
		{"authentik-with-nonce-and-hash", claims(map[string]any{"nonce": "n", "at_hash": "x"}, "token_type"), yes},

		{"not-active", plain(200, `{"active":false}`), no},
		{"not-active-and-good-otherwise", claims(map[string]any{"active": false}), no},
		{"bad-request", plain(400, `{"error":"invalid_request"}`), no},
		{"other-issuer", claims(map[string]any{"iss": "https://other.example"}), no},
		{"issuer-no-text", claims(map[string]any{"iss": []string{issuer}}), no},
		{"other-audience", claims(map[string]any{"aud": "shop"}), auth.CredentialsAudience},
		{"audience-of-another-application", claims(map[string]any{"aud": "router-api"}), auth.CredentialsAudience},
		{"no-audience-and-another-client", claims(nil, "aud"), auth.CredentialsAudience},
		{"empty-audience-and-client-in-the-list", claims(map[string]any{"aud": []string{}, "client_id": "api"}), auth.CredentialsAudience},
		{"null-audience-and-client-in-the-list", claims(map[string]any{"aud": nil, "client_id": "api"}), auth.CredentialsAudience},
		{"neither-audience-nor-client", claims(nil, "aud", "client_id"), auth.CredentialsAudience},
		{"no-scope", claims(nil, "scope"), auth.CredentialsScope},
		{"scope-missing", claims(map[string]any{"scope": "outpost"}), auth.CredentialsScope},
		{"expired", claims(map[string]any{"exp": time.Now().Add(-2 * time.Minute).Unix()}), auth.CredentialsExpired},
		{"exp-as-text", claims(map[string]any{"exp": "4102444800"}), no},
		{"not-yet", claims(map[string]any{"nbf": time.Now().Add(2 * time.Minute).Unix()}), no},
		{"neither-subject-nor-client", claims(map[string]any{}, "sub", "client_id"), no},
		{"subject-no-text", claims(map[string]any{"sub": 7}), no},
		{"bound-to-a-key", claims(map[string]any{"cnf": map[string]any{"jkt": "x"}}), no},
		{"dpop", claims(map[string]any{"token_type": "DPoP"}), no},
		{"keycloak-refresh-token", claims(map[string]any{"typ": "Refresh"}), no},
		{"keycloak-id-token", claims(map[string]any{"typ": "ID"}), no},
		{"hydra-refresh-token", claims(map[string]any{"token_use": "refresh_token"}), no},

		{"active-as-text", claims(map[string]any{"active": "true"}), unknown},
		{"active-as-number", claims(map[string]any{"active": 1}), unknown},
		{"active-missing", claims(nil, "active"), unknown},
		{"active-in-capitals", claims(map[string]any{"Active": true}, "active"), unknown},
		{"active-twice", plain(200, `{"active":false,"active":true}`), unknown},
		{"list", plain(200, `[{"active":true}]`), unknown},
		{"null", plain(200, `null`), unknown},
		{"html", plain(200, `<html>`), unknown},
		{"nothing", plain(200, ``), unknown},
		{"too-long", plain(200, `{"active":true,"x":"`+strings.Repeat("x", 64<<10)+`"}`), unknown},
		{"far-too-long", plain(200, `{"active":true,"x":"`+strings.Repeat("x", 2<<20)+`"}`), unknown},
		{"we-may-not-ask", plain(401, `{"error":"invalid_client"}`), unknown},
		{"forbidden", plain(403, ``), unknown},
		{"not-found", plain(404, ``), unknown},
		{"too-many", plain(429, ``), unknown},
		{"down", plain(503, ``), unknown},
		{"created", func() *http.Response { r := claims(nil)(); r.StatusCode = 201; return r }, unknown},
		{"redirect", func() *http.Response {
			return respond(307, "", "Location", "https://idp.example.org/introspect2")
		}, unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked := 0
			s := introspecting(t, func(r *http.Request) (*http.Response, error) {
				asked++
				if r.Form.Get("token") != "opaque-token-0123456789" || r.Form.Get("token_type_hint") != "access_token" || len(r.Form) != 2 {
					t.Errorf("asked with %v", r.Form)
				}
				return tt.answer(), nil
			})
			for range 2 { // the second time it is remembered
				if client, got, known := s.machine("home", "Bearer opaque-token-0123456789"); got != tt.want || !known || client != nil && client.Name != "introspection" {
					t.Errorf("got %q, known %v, want %q\n%s", got, known, tt.want, s.log)
				}
			}
			if asked != 1 {
				t.Errorf("asked %d times", asked)
			}
		})
	}
}

func TestIntrospectedIdentity(t *testing.T) {
	s := introspecting(t, func(r *http.Request) (*http.Response, error) {
		c := introspected()
		switch r.Form.Get("token") {
		case "client":
			delete(c, "sub")
			delete(c, "username")
		case "person":
			c["preferred_username"], c["groups"], c["email"], c["email_verified"] = "alice", []string{"admins"}, "alice@example.com", true
		}
		return saying(c), nil
	})
	for token, want := range map[string]session.Identity{
		"usual":  {Issuer: issuer, Subject: "sub-backup", Username: "service-account-backup"},
		"client": {Issuer: issuer, Subject: "backup"},
		"person": {Issuer: issuer, Subject: "sub-backup", Username: "alice", Groups: []string{"admins"}, Email: "alice@example.com", EmailVerified: true},
	} {
		client, reason, _ := s.machine("home", "Bearer "+token)
		if client == nil {
			t.Fatalf("%s: %s", token, reason)
		}
		if diff := cmp.Diff(want, client.Identity); diff != "" {
			t.Errorf("%s: -want +got:\n%s", token, diff)
		}
		if client.Kind != "introspection" || client.Party != "backup" {
			t.Errorf("%s: of kind %q and client %q", token, client.Kind, client.Party)
		}
	}
}

// A JWT is asked about as well: it may have been taken back.
func TestIntrospectionOfJWTs(t *testing.T) {
	s := introspecting(t, func(*http.Request) (*http.Response, error) { return respond(200, `{"active":false}`), nil })
	if _, got, _ := s.machine("home", "Bearer "+s.typed("at+jwt", s.accessToken(nil))); got != auth.CredentialsRefused {
		t.Errorf("got %q", got)
	}
}

func TestIntrospectionThatCannotBe(t *testing.T) {
	t.Run("no-endpoint", func(t *testing.T) {
		s := introspecting(t, nil)
		s.provider.metadata = nil
		if _, got, _ := s.machine("home", "Bearer x"); got != auth.CredentialsUnverifiable || !strings.Contains(s.log.String(), "no introspection_endpoint") {
			t.Errorf("got %q\n%s", got, s.log)
		}
	})
	t.Run("unsafe-endpoint", func(t *testing.T) {
		s := introspecting(t, nil)
		s.provider.metadata = map[string]any{"introspection_endpoint": "http://idp.example.org/introspect"}
		if _, got, _ := s.machine("home", "Bearer x"); got != auth.CredentialsUnverifiable {
			t.Errorf("got %q", got)
		}
	})
	t.Run("provider-down", func(t *testing.T) {
		s := introspecting(t, func(*http.Request) (*http.Response, error) { return nil, errors.New("reset") })
		if _, got, _ := s.machine("home", "Bearer x"); got != auth.CredentialsUnverifiable {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a-panic-of-ours", func(t *testing.T) {
		s := introspecting(t, func(*http.Request) (*http.Response, error) { panic("a bug") })
		if _, got, _ := s.machine("home", "Bearer x"); got != auth.CredentialsUnverifiable || !strings.Contains(s.log.String(), "background work panicked") {
			t.Errorf("got %q\n%s", got, s.log)
		}
	})
}

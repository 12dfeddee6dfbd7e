package auth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/access"
	"outpost/auth"
	"outpost/session"
)

// appPasswords is a stage whose application home takes the app passwords of a
// provider that answers as authentik does: alice has one.
func appPasswords(t *testing.T, change ...func(*auth.Config)) *stage {
	t.Helper()
	var s *stage
	s = newStage(t, append([]func(*auth.Config){
		func(c *auth.Config) { c.Applications[0].AppPasswords = true },
		answering("/token", func(r *http.Request) (*http.Response, error) {
			r.ParseForm()
			if r.Form.Get("grant_type") != "client_credentials" {
				return nil, nil
			}
			if r.Form.Get("username") == "" {
				// authentik, for one, makes another grant of it.
				t.Error("the provider is asked about nobody")
			}
			want := url.Values{"grant_type": {"client_credentials"}, "client_id": {"outpost"}, "username": {r.Form.Get("username")}, "password": {r.Form.Get("password")}, "scope": {"openid profile"}}
			if diff := cmp.Diff(want, r.Form); diff != "" || r.Header.Get("Authorization") != "" {
				t.Errorf("the provider is sent more than it may see:\n%s%s", diff, r.Header.Get("Authorization"))
			}
			if r.Form.Get("username") != "alice" || r.Form.Get("password") != "app password of alice" {
				return respond(http.StatusBadRequest, `{"error":"invalid_grant"}`), nil
			}
			return s.provider.grant("alice"), nil
		}),
	}, change...)...)
	return s
}

// grant answers a token request with tokens of user.
func (p *fakeProvider) grant(user string) *http.Response {
	w := &recorder{header: http.Header{}}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.issue(w, refreshable{user: user, signedIn: time.Now()})
	return respond(w.status, w.body.String())
}

type recorder struct {
	header http.Header
	status int
	body   strings.Builder
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

func TestAppPassword(t *testing.T) {
	s := appPasswords(t)
	s.provider.claims = func(c map[string]any) { delete(c, "nonce"); c["auth_time"] = time.Now().Unix() }
	good := basic("alice", "app password of alice")
	client, reason, _ := s.machine("home", good)
	if client == nil {
		t.Fatalf("%s\n%s", reason, s.log)
	}
	want := session.Identity{Issuer: issuer, Subject: "sub-alice", Username: "alice", Name: "Alice Ädmin", Email: "alice@example.com", EmailVerified: true, Groups: []string{"admins", "users"}}
	if diff := cmp.Diff(want, client.Identity); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(access.Proof{}, client.Proof); diff != "" || client.Name != "app_password" || client.Kind != "app_password" {
		t.Errorf("%+v", client)
	}
	for _, tt := range []struct {
		name, line string
		want       auth.Reason
	}{
		{"again", good, auth.Allowed},
		{"wrong-password", basic("alice", "app password of alicE"), auth.CredentialsRefused},
		{"wrong-user", basic("bob", "app password of alice"), auth.CredentialsRefused},
		{"colon-moved", basic("alice:app password of alice", ""), auth.CredentialsRefused},
		{"no-user", basic("", "app password of alice"), auth.CredentialsRefused},
		{"as-a-bearer", "Bearer app", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, got, known := s.machine("home", tt.line); got != tt.want || known != (tt.want != "") {
				t.Errorf("got %q, known %v, want %q\n%s", got, known, tt.want, s.log)
			}
		})
	}
	if log := s.log.String(); strings.Contains(log, "app password of") {
		t.Errorf("the log has the password:\n%s", log)
	}
	// Where it is off nobody is asked.
	before := s.provider.called("/token")
	if _, reason, known := s.machine("wiki", good); known || reason != "" || s.provider.called("/token") != before {
		t.Errorf("got %q, known %v", reason, known)
	}
}

// What a provider answers that is no authentik, or a broken one.
func TestAppPasswordAnswers(t *testing.T) {
	const no, unknown = auth.CredentialsRefused, auth.CredentialsUnverifiable
	tokens := func(change func(p *fakeProvider)) func(*stage) *http.Response {
		return func(s *stage) *http.Response {
			change(s.provider)
			return s.provider.grant("alice")
		}
	}
	claims := func(change func(map[string]any)) func(*stage) *http.Response {
		return tokens(func(p *fakeProvider) { p.claims = change })
	}
	plain := func(status int, body string) func(*stage) *http.Response {
		return func(*stage) *http.Response { return respond(status, body) }
	}
	for _, tt := range []struct {
		name   string
		answer func(*stage) *http.Response
		want   auth.Reason
	}{
		{"good", tokens(func(*fakeProvider) {}), auth.Allowed},
		// Keycloak gives the client a token of its own, whatever the password.
		{"tokens-of-the-client", tokens(func(p *fakeProvider) {
			p.users["alice"]["preferred_username"] = "service-account-outpost"
		}), no},
		{"tokens-of-somebody-else", func(s *stage) *http.Response { return s.provider.grant("bob") }, no},
		{"tokens-of-nobody", tokens(func(p *fakeProvider) { delete(p.users["alice"], "preferred_username") }), no},
		{"user-by-case", tokens(func(p *fakeProvider) { p.users["alice"]["preferred_username"] = "Alice" }), no},
		{"other-audience", claims(func(c map[string]any) { c["aud"] = "shop" }), no},
		{"other-issuer", claims(func(c map[string]any) { c["iss"] = "https://other.example" }), no},
		{"nonce", claims(func(c map[string]any) { c["nonce"] = "x" }), no},
		{"expired", claims(func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() }), no},
		{"other-hash", claims(func(c map[string]any) { c["at_hash"] = "x" }), no},
		{"unsigned", tokens(func(p *fakeProvider) { p.sign = unsigned }), no},
		{"userinfo-of-somebody-else", tokens(func(p *fakeProvider) { p.userinfo = func(c map[string]any) { c["sub"] = "x" } }), no},
		{"userinfo-down", tokens(func(p *fakeProvider) {
			p.tokens = map[string]string{}
			p.userinfo = func(c map[string]any) { clear(c) }
		}), no},
		{"no-id-token", tokens(func(p *fakeProvider) { p.token = func(a map[string]any) int { delete(a, "id_token"); return 200 } }), unknown},
		{"no-token-type", tokens(func(p *fakeProvider) { p.token = func(a map[string]any) int { delete(a, "token_type"); return 200 } }), unknown},
		{"wrong-pair", plain(400, `{"error":"invalid_grant"}`), no},
		{"wrong-pair-with-200", plain(200, `{"error":"invalid_grant"}`), no},
		{"client-has-to-prove-itself", plain(401, `{"error":"invalid_client"}`), unknown},
		{"client-may-not", plain(400, `{"error":"unauthorized_client"}`), unknown},
		{"grant-unknown", plain(400, `{"error":"unsupported_grant_type"}`), unknown},
		{"not-json", plain(200, `<html>`), unknown},
		{"empty", plain(200, `{}`), unknown},
		{"down", plain(503, ``), unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s *stage
			s = newStage(t, func(c *auth.Config) { c.Applications[0].AppPasswords = true }, answering("/token", func(*http.Request) (*http.Response, error) { return tt.answer(s), nil }))
			s.provider.claims = func(c map[string]any) { delete(c, "nonce") }
			if _, got, known := s.machine("home", basic("alice", "app password of alice")); got != tt.want || !known {
				t.Errorf("got %q, known %v, want %q\n%s", got, known, tt.want, s.log)
			}
		})
	}
	// The name under which that client goes is no way in either.
	t.Run("name-of-the-client", func(t *testing.T) {
		s := newStage(t, func(c *auth.Config) { c.Applications[0].AppPasswords = true }, answering("/token", func(r *http.Request) (*http.Response, error) {
			r.ParseForm()
			if id, _, ok := r.BasicAuth(); ok || r.Form.Has("client_secret") || r.Form.Has("client_assertion") {
				t.Errorf("the request proves that it is of client %q", id)
			}
			return respond(http.StatusUnauthorized, `{"error":"unauthorized_client"}`), nil
		}))
		if client, got, _ := s.machine("home", basic("service-account-outpost", "anything")); client != nil || got != auth.CredentialsUnverifiable {
			t.Errorf("got %q", got)
		}
	})
}

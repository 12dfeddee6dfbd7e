package auth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"outpost/access"
	"outpost/auth"
)

// auditor is what an audit is told.
type auditor struct {
	mu  sync.Mutex
	all []auth.Event
}

func (w *auditor) hear(e auth.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, e)
}

// take returns what was told since the last time.
func (w *auditor) take() []auth.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.all
	w.all = nil
	return all
}

// audited is a stage whose applications take machine clients, with a vault, and
// what is told of it.
func audited(t *testing.T, change ...func(*auth.Config)) (*stage, *auditor) {
	t.Helper()
	w := &auditor{}
	return machineStage(t, append([]func(*auth.Config){func(c *auth.Config) {
		c.Hooks.Event = w.hear
		v := vault
		v.Access.Require = access.Requirement{ACR: []string{"phr"}}
		c.Applications = append(c.Applications, v)
	}}, change...)...), w
}

// short is an event in one line: what differs from one run to the next is shown
// as there or not.
func short(e auth.Event) string {
	parts := []string{string(e.Kind), e.Reason, e.Application, e.User, e.Client, e.Address}
	there := func(name string, is bool) {
		if is {
			parts = append(parts, name)
		}
	}
	there("session", len(e.Session) == 16)
	there("request", e.RequestID != "")
	there(fmt.Sprint("rule ", e.Rule), e.Rule != 0)
	there(fmt.Sprint("sessions ", e.Sessions), e.Sessions != 0)
	there("step-up", e.StepUp)
	there("everywhere", e.Everywhere)
	there(e.URL, e.URL != "")
	there(fmt.Sprint("repeated ", e.Repeated), e.Repeated != 0)
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

func (s *stage) wantEvents(w *auditor, want ...string) {
	s.t.Helper()
	var got []string
	for _, e := range w.take() {
		got = append(got, short(e))
		if e.Subject != "" && e.Issuer == "" {
			s.t.Errorf("%s: a subject without its issuer", e.Kind)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("-want +got:\n%s", diff)
	}
}

// from is where the requests of the stories come from.
var from = []string{"X-Forwarded-For", "203.0.113.7", "X-Real-Ip", "203.0.113.7"}

// Each kind of event, in the story that it belongs to.
func TestEvents(t *testing.T) {
	told := map[auth.EventKind]bool{}
	story := func(name string, tell func(t *testing.T, s *stage, w *auditor), change ...func(*auth.Config)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, w := audited(t, append(change, func(c *auth.Config) {
					hear := c.Hooks.Event
					c.Hooks.Event = func(e auth.Event) { told[e.Kind] = true; hear(e) }
				})...)
				tell(t, s, w)
			})
		})
	}

	story("a-sign-in-and-checks", func(t *testing.T, s *stage, w *auditor) {
		alice := s.browser("alice")
		s.want(alice.visit(app, from...), http.StatusOK)
		s.wantEvents(w, "sign_in home alice 203.0.113.7 session request")
		s.want(alice.visit(app, from...), http.StatusOK)
		s.check(swag("app.example.com", "/"), nginxPeer) // a stranger
		s.check(swag("unknown.example.org", "/"), nginxPeer)
		s.wantEvents(w)
	})
	story("a-sign-in-that-fails", func(t *testing.T, s *stage, w *auditor) {
		b := s.browser("alice")
		at := b.until(app, prefix+"/callback")
		u, _ := url.Parse(at)
		u.RawQuery = url.Values{"state": u.Query()["state"], "error": {"access_denied"}}.Encode()
		b.visit(u.String(), from...)
		b.once(http.MethodGet, app+prefix[1:]+"/start", append([]string{"Sec-Fetch-Mode", "cors"}, from...)...) // nothing was tried
		b.once(http.MethodGet, app+prefix[1:]+"/nothing", from...)
		s.wantEvents(w, "sign_in_failed provider_error home 203.0.113.7 request")
	})
	story("strangers-do-not-fill-the-disk", func(t *testing.T, s *stage, w *auditor) {
		for range 500 {
			s.browser("mallory").once(http.MethodGet, app+prefix[1:]+"/callback?state=x&code=y", from...)
		}
		time.Sleep(time.Second)
		s.browser("mallory").once(http.MethodGet, app+prefix[1:]+"/callback?state=x&code=y", from...)
		all := w.take()
		if len(all) != 11 || all[10].Repeated != 490 {
			t.Errorf("%d events, the last of them for %d", len(all), all[len(all)-1].Repeated)
		}
	})
	story("somebody-may-not", func(t *testing.T, s *stage, w *auditor) {
		bob := s.browser("bob")
		s.want(bob.visit(router+"secret?token=x", from...), http.StatusForbidden)
		s.wantEvents(w, "sign_in router bob 203.0.113.7 session request", "access_refused not_allowed router bob 203.0.113.7 session "+router+"secret?…")
		for range 20 {
			bob.visit(router+"other", from...)
		}
		s.wantEvents(w)
		time.Sleep(time.Minute)
		bob.visit(router+"third", append([]string{"Sec-Fetch-Mode", "cors"}, from...)...)
		s.wantEvents(w, "access_refused not_allowed router bob 203.0.113.7 session "+router+"third repeated 41")
	})
	story("step-up", func(t *testing.T, s *stage, w *auditor) {
		s.provider.claims = func(c map[string]any) {
			if s.provider.asked[len(s.provider.asked)-1].Get("prompt") == "login" {
				c["acr"] = "phr"
			}
		}
		s.want(s.browser("alice").visit("https://vault.example.org/", from...), http.StatusOK)
		s.wantEvents(w, "step_up insufficient_user_authentication vault alice 203.0.113.7 request", "sign_in vault alice 203.0.113.7 session request step-up")
	})
	story("step-up-of-somebody-signed-in", func(t *testing.T, s *stage, w *auditor) {
		began := time.Now()
		s.provider.claims = func(c map[string]any) { c["auth_time"] = began.Unix() }
		b := s.browser("alice")
		s.want(b.visit("https://vault.example.org/", from...), http.StatusOK)
		w.take()
		time.Sleep(50 * time.Minute)
		s.want(b.visit("https://vault.example.org/", from...), http.StatusOK)
		time.Sleep(12 * time.Minute)
		b.visit("https://vault.example.org/", from...)
		s.wantEvents(w, "access_refused insufficient_user_authentication vault alice 203.0.113.7 session https://vault.example.org/",
			"step_up insufficient_user_authentication vault alice 203.0.113.7 session request",
			"sign_in_failed insufficient_user_authentication vault alice 203.0.113.7 request")
	}, func(c *auth.Config) {
		c.Applications[len(c.Applications)-1].Access.Require = access.Requirement{MaxAge: time.Hour}
	})
	story("sign-outs", func(t *testing.T, s *stage, w *auditor) {
		alice, phone, tablet := s.browser("alice"), s.browser("alice"), s.browser("alice")
		for _, b := range []*browser{alice, phone, tablet} {
			s.want(b.visit(app, from...), http.StatusOK)
		}
		w.take()
		alice.once(http.MethodGet, app+prefix[1:]+"/sign_out", append([]string{"Sec-Fetch-Mode", "no-cors"}, from...)...)
		s.wantEvents(w, "sign_out_failed sign_out_refused home 203.0.113.7 request")
		s.provider.claims = nil
		alice.once(http.MethodGet, app+prefix[1:]+"/sign_out?everywhere=1", from...)
		s.wantEvents(w, "session_ended signed_out home alice 203.0.113.7 session", "session_ended signed_out home alice 203.0.113.7 session",
			"session_ended signed_out home alice 203.0.113.7 session", "sign_out home alice 203.0.113.7 session request sessions 3 everywhere")
	})
	story("the-account-page", func(t *testing.T, s *stage, w *auditor) {
		alice, phone := s.browser("alice"), s.browser("alice")
		s.want(alice.visit(app, from...), http.StatusOK)
		s.want(phone.visit(app, from...), http.StatusOK)
		w.take()
		s.want(alice.once(http.MethodPost, "https://outpost.example.com"+prefix+"/?end=others", append([]string{"Origin", "https://outpost.example.com", "Sec-Fetch-Site", "same-origin"}, from...)...), http.StatusSeeOther)
		s.wantEvents(w, "session_ended signed_out home alice 203.0.113.7 session", "sign_out home alice 203.0.113.7 session request sessions 1")
	})
	story("the-provider-signs-out", func(t *testing.T, s *stage, w *auditor) {
		s.want(s.browser("alice").visit(app, from...), http.StatusOK)
		w.take()
		s.want(s.logout(s.provider.logoutToken(nil)), http.StatusOK)
		s.wantEvents(w, "session_ended backchannel_logout home alice 203.0.113.7 session", "provider_sign_out backchannel_logout home 127.0.0.1 request sessions 1")
		s.want(s.logout("forged"), http.StatusBadRequest)
		s.wantEvents(w, "provider_sign_out_failed logout_invalid home 127.0.0.1 request")
	})
	story("time-ends-it", func(t *testing.T, s *stage, w *auditor) {
		s.want(s.browser("alice").visit(app, from...), http.StatusOK)
		w.take()
		go s.outpost.Run(t.Context())
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		s.wantEvents(w, "session_ended idle home alice 203.0.113.7 session")
	})
	story("machines", func(t *testing.T, s *stage, w *auditor) {
		good := "Bearer " + s.provider.signTyped(map[jose.HeaderKey]any{"kid": "k1", "typ": "at+jwt"}, s.accessToken(nil))
		for range 3 {
			s.want(s.check(swag("app.example.com", "/", "Authorization", good), nginxPeer), http.StatusOK)
		}
		s.wantEvents(w, "machine_client_first_use home service-account-backup bearer")
		s.want(s.check(swag("app.example.com", "/x", "Authorization", good+"x"), nginxPeer), http.StatusForbidden)
		s.wantEvents(w, "machine_client_refused credentials_refused home bearer 203.0.113.7 https://app.example.com/x")
	})

	for _, kind := range auth.EventKinds() {
		if !told[kind] {
			t.Errorf("no story tells %s", kind)
		}
	}
}

// No event holds a cookie, a code, a state or a token, whatever comes in.
func TestEventsHoldNoSecret(t *testing.T) {
	s, w := audited(t, func(c *auth.Config) { c.Session.Recheck = quarter })
	s.provider.refresh = true
	alice := s.browser("alice")
	callback := alice.until(app+"x?code=in-the-url", prefix+"/callback")
	u, _ := url.Parse(callback)
	secrets := []string{u.Query().Get("code"), u.Query().Get("state"), "in-the-url", "client secret"}
	s.want(alice.visit(callback), http.StatusOK)
	stored := s.stored(alice)
	secrets = append(secrets, stored.IDToken, stored.RefreshToken, stored.Nonce, alice.cookie(app, "__Secure-outpost-home"))
	alice.visit(callback)
	s.browser("mallory").visit(callback)
	token := s.provider.logoutToken(nil)
	secrets = append(secrets, token)
	s.logout(token)
	s.logout(token)
	bearer := s.provider.signTyped(map[jose.HeaderKey]any{"kid": "k1", "typ": "at+jwt"}, s.accessToken(nil))
	secrets = append(secrets, bearer[strings.LastIndexByte(bearer, '.'):])
	s.check(swag("app.example.com", "/?"+bearer, "Authorization", "Bearer "+bearer), nginxPeer)
	s.check(swag("app.example.com", "/?"+bearer, "Authorization", "Bearer "+bearer+"x"), nginxPeer)
	all := w.take()
	if len(all) < 6 {
		t.Fatalf("only %d events", len(all))
	}
	for _, e := range all {
		for _, secret := range secrets {
			if len(secret) < 5 {
				t.Fatalf("%q is no secret", secret)
			}
			if strings.Contains(fmt.Sprintf("%+v", e), secret) {
				t.Errorf("%s holds %q", e.Kind, secret)
			}
		}
	}
}

// The way of a check that memory answers tells nobody anything, and costs nothing.
func TestHotChecksTellNothing(t *testing.T) {
	s, w := audited(t)
	alice := s.browser("alice")
	s.want(alice.visit(app), http.StatusOK)
	w.take()
	h := swag("app.example.com", "/", "Cookie", "__Secure-outpost-home="+alice.cookie(app, "__Secure-outpost-home"))
	r := httptest.NewRequest(http.MethodGet, "http://outpost:9000"+prefix+"/auth/nginx", nil)
	r.Host, r.Header, r.RemoteAddr = h.Get("Host"), h, nginxPeer
	for range 100 {
		s.want(s.check(h, nginxPeer), http.StatusOK)
	}
	s.wantEvents(w)
}

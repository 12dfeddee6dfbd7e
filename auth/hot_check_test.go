package auth_test

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"outpost/auth"
)

// silent takes the log off the stage: at debug the hot check steps aside.
func silent(c *auth.Config) { c.Log = slog.New(slog.DiscardHandler) }

// hot asks for a page of app.example.com with this Cookie header.
func (s *stage) hot(cookie string) string {
	r := checkRequest(cookie)
	return string(s.outpost.AnswerHot(netip.Addr{}, r.Header, r.Host, nil))
}

func TestAnswerHot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecheckStage(t, silent)
		alice := s.browser("alice")
		s.want(alice.visit(app), http.StatusOK)
		cookie := alice.cookie(app, "__Secure-outpost-home")
		counted := len(s.reasons)

		answer := s.hot(cookie)
		if !strings.HasPrefix(answer, "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n") || !strings.Contains(answer, "\r\nX-Authentik-Username: alice\r\n") {
			t.Errorf("a session in memory is answered by %q", answer)
		}
		if got := s.hot(""); got != "HTTP/1.1 401 Unauthorized\r\nCache-Control: no-store\r\n" {
			t.Errorf("nobody is answered by %q", got)
		}
		form := checkRequest("")
		form.Header.Set("X-Original-Method", http.MethodPost)
		if got := s.outpost.AnswerHot(netip.Addr{}, form.Header, form.Host, nil); got != nil {
			t.Errorf("what may be a form is answered by %q", got)
		}
		if got := s.reasons[counted:]; len(got) != 2 || got[0] != auth.Allowed || got[1] != auth.NotSignedIn {
			t.Errorf("counted: %q", got)
		}

		// What it does not answer it has not counted, nor changed.
		counted = len(s.reasons)
		for name, cookie := range map[string]string{"forged": "A" + cookie[1:], "twice": cookie + "; __Secure-outpost-home=" + cookie} {
			if got := s.hot(cookie); got != "" {
				t.Errorf("%s: answered by %q", name, got)
			}
		}
		if len(s.reasons) > counted {
			t.Errorf("counted: %q", s.reasons[counted:])
		}

		// The session slides with it, and its recheck is begun.
		time.Sleep(50 * time.Minute)
		if got := s.hot(cookie); got == "" {
			t.Error("after 50 minutes it does not answer")
		}
		synctest.Wait()
		s.wantResults(auth.RecheckRenewed)
		time.Sleep(50 * time.Minute)
		if got := s.hot(cookie); got == "" {
			t.Error("after 100 minutes, 50 of them since the last check, it does not answer")
		}
		time.Sleep(61 * time.Minute)
		if got := s.hot(cookie); got != "" {
			t.Errorf("after an idle hour it is answered by %q", got)
		}
		s.want(alice.once(http.MethodGet, app), http.StatusFound)
	})
}

func TestAnswerHotKnowsSignOut(t *testing.T) {
	s := newStage(t, silent)
	alice := s.browser("alice")
	s.want(alice.visit(app), http.StatusOK)
	cookie := alice.cookie(app, "__Secure-outpost-home")
	if s.hot(cookie) == "" {
		t.Fatal("it does not answer")
	}
	alice.once(http.MethodGet, "https://app.example.com"+prefix+"/sign_out")
	if got := s.hot(cookie); got != "" {
		t.Errorf("after the sign-out it is answered by %q", got)
	}
}

// Who may not have the application is net/http's: they are told why, and the
// log is.
func TestAnswerHotRefusesNobody(t *testing.T) {
	s := newStage(t, silent)
	bob := s.browser("bob")
	s.want(bob.visit(router), http.StatusForbidden)
	r := checkRequest("")
	r.Host, r.Header = "router.example.com", swag("router.example.com", "/", "Cookie", "__Host-outpost-router="+bob.cookie(router, "__Host-outpost-router"))
	if got := s.outpost.AnswerHot(netip.Addr{}, r.Header, r.Host, nil); got != nil {
		t.Errorf("answered by %q", got)
	}
}

func TestAnswerHotAtDebug(t *testing.T) {
	s := newStage(t)
	if got := s.hot(""); got != "" {
		t.Errorf("answered by %q, and there is no line in the log", got)
	}
}

func TestAnswerHotAllocatesNothing(t *testing.T) {
	s := newStage(t, quiet, func(c *auth.Config) { c.Session.Recheck = time.Hour })
	b := s.browser("alice")
	s.want(b.visit(app), http.StatusOK)
	for name, cookie := range map[string]string{"signed-in": b.cookie(app, "__Secure-outpost-home"), "anonymous": ""} {
		r, answer := checkRequest(cookie), make([]byte, 0, 4096)
		if n := testing.AllocsPerRun(1000, func() { answer = s.outpost.AnswerHot(netip.Addr{}, r.Header, r.Host, answer[:0]) }); n != 0 || len(answer) == 0 {
			t.Errorf("%s: %v allocations, answered by %q", name, n, answer)
		}
	}
}

// Nothing of a request is kept: the front overwrites its bytes.
func TestAnswerHotKeepsNothing(t *testing.T) {
	var applications []string
	s := newStage(t, silent, func(c *auth.Config) {
		c.Hooks.Check = func(application string, _ auth.Reason, _ time.Duration) {
			applications = append(applications, application)
		}
	})
	b := s.browser("alice")
	s.want(b.visit(app), http.StatusOK)
	applications = nil
	r := checkRequest(b.cookie(app, "__Secure-outpost-home"))
	var bytes [][]byte
	for _, values := range r.Header {
		for i := range values {
			own := []byte(values[i])
			bytes = append(bytes, own)
			values[i] = unsafe.String(unsafe.SliceData(own), len(own))
		}
	}
	if s.outpost.AnswerHot(netip.Addr{}, r.Header, r.Host, nil) == nil {
		t.Fatal("it does not answer")
	}
	for _, b := range bytes {
		for i := range b {
			b[i] = 'X'
		}
	}
	if len(applications) != 1 || applications[0] != "home" {
		t.Errorf("counted for %q", applications)
	}
	s.want(b.once(http.MethodGet, app), http.StatusOK)
}

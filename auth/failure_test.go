package auth_test

// What breaks on our own side: the store, the code, the order of things. The
// door stays shut, and the person reads a page.

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outpost/auth"
	"outpost/session"
	"outpost/session/memory"
)

// panickyStore panics at each look-up, as a bug would.
type panickyStore struct{ session.Store }

func (panickyStore) Load(context.Context, session.Key) (session.Record, error) { panic("a bug") }

func TestPanics(t *testing.T) {
	store := memory.New()
	s := newStage(t, func(c *auth.Config) { c.Session.Store = store })
	b := s.browser("alice")
	s.want(b.visit("https://app.example.com/"), http.StatusOK)
	broken := newStage(t, func(c *auth.Config) { c.Session.Store = panickyStore{store} })
	b.s = broken
	for range 3 { // the process goes on
		resp := b.once(http.MethodGet, "https://app.example.com/x")
		broken.want(resp, http.StatusInternalServerError)
		if broken.last() != auth.Internal || len(resp.Header["X-Authentik-Username"]) > 0 {
			t.Errorf("%s, %v", broken.last(), resp.Header)
		}
		for _, path := range []string{"/start", "/sign_out", "/callback?state=x"} {
			resp = b.once(http.MethodGet, "https://app.example.com"+prefix+path)
			broken.want(resp, http.StatusInternalServerError)
			if page := body(resp); !strings.Contains(page, "<code>internal</code>") || strings.Contains(page, "a bug") || resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %v\n%s", path, resp.Header, page)
			}
		}
	}
	if log := broken.log.String(); !strings.Contains(log, "check panicked") || !strings.Contains(log, "endpoint panicked") || !strings.Contains(log, "a bug") {
		t.Errorf("log:\n%s", log)
	}
}

// A store that fails in the middle of a sign-in or a sign-out: nobody is let in
// or out who is not, and trying again later works.
func TestStoreFailsInTheMiddle(t *testing.T) {
	store := &brokenStore{Store: memory.New()}
	stage := func() *stage { return newStage(t, func(c *auth.Config) { c.Session.Store = store }) }

	s := stage()
	b := s.browser("alice")
	s.want(b.visit("https://app.example.com/"), http.StatusOK)
	callback := b.until("https://outpost.example.com"+prefix+"/start?switch=1&rd=/x", prefix+"/callback")
	cold := stage()
	cold.provider, b.s = s.provider, cold
	store.broken = true
	cold.want(b.once(http.MethodGet, callback), http.StatusServiceUnavailable) // who is it? nobody knows
	if cold.last() == auth.SignedIn || s.provider.called("/token") != 1 {
		t.Errorf("reason %s", cold.last())
	}
	cold.want(b.once(http.MethodGet, "https://app.example.com"+prefix+"/sign_out"), http.StatusServiceUnavailable)
	if b.cookie("https://app.example.com/", "__Secure-outpost-home") == "" {
		t.Error("the cookie is gone, and the session is not")
	}

	// Hot, so that only the deletion fails.
	b.s = s
	resp := b.once(http.MethodGet, "https://app.example.com"+prefix+"/sign_out")
	s.want(resp, http.StatusServiceUnavailable)
	if page := body(resp); !strings.Contains(page, prefix+"/sign_out") || b.cookie("https://app.example.com/", "__Secure-outpost-home") == "" {
		t.Errorf("there is no way to try again:\n%s", page)
	}
	s.want(b.once(http.MethodGet, "https://app.example.com/"), http.StatusFound) // over here, whatever the store says
	store.broken = false
	s.want(b.visit("https://app.example.com"+prefix+"/sign_out"), http.StatusOK)
}

// Ending the session before, when somebody signs in anew, may fail: the new one
// counts, and the log says that the old one may come back.
func TestOldSessionCannotBeEnded(t *testing.T) {
	store := &brokenDelete{Store: memory.New()}
	s := newStage(t, func(c *auth.Config) { c.Session.Store = store })
	b := s.browser("alice")
	s.want(b.visit("https://app.example.com/"), http.StatusOK)
	b.user = "bob"
	s.want(b.visit("https://outpost.example.com"+prefix+"/start?switch=1&rd=/x"), http.StatusOK)
	resp := b.visit("https://app.example.com/")
	s.want(resp, http.StatusOK)
	if got := resp.Header.Get("X-Authentik-Username"); got != "bob" || !strings.Contains(s.log.String(), "ending the session that the browser had before") {
		t.Errorf("signed in as %s\n%s", got, s.log.String())
	}
}

type brokenDelete struct{ session.Store }

func (brokenDelete) Delete(context.Context, session.Key) error { return errBroken }

// Allowed at start and refused at the check, again and again: another host's
// nginx that sends no cookies, say. It ends at a page.
func TestCircleOfSomebodySignedIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		b := s.browser("alice")
		b.once(http.MethodGet, b.until("https://app.example.com/x", prefix+"/callback")) // no check follows
		start := "https://app.example.com" + prefix + "/start?rd=https%3A%2F%2Fapp.example.com%2Fx"
		var resp *http.Response
		rounds := 0
		for ; rounds < 10; rounds++ {
			if resp = b.once(http.MethodGet, start); resp.StatusCode != http.StatusFound {
				break
			}
		}
		s.want(resp, http.StatusForbidden)
		if s.last() != auth.Loop || rounds > 3 {
			t.Errorf("%s after %d rounds", s.last(), rounds)
		}
		// Slowly it is no circle.
		for range 10 {
			time.Sleep(16 * time.Second)
			s.want(b.once(http.MethodGet, start), http.StatusFound)
		}
		// A script that comes here is told to ask again, and where to sign in.
		resp = b.once(http.MethodGet, start, "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty")
		s.want(resp, http.StatusForbidden)
		if s.last() != auth.NotSignedIn || !strings.Contains(body(resp), "sign_in_url") {
			t.Errorf("reason %s", s.last())
		}
	})
}

// An error of an endpoint is one for errors.As, and says what it is.
func TestError(t *testing.T) {
	cause := errors.New("disk on fire")
	for _, tt := range []struct {
		err  *auth.Error
		want string
	}{
		{&auth.Error{Status: 503, Reason: auth.StoreUnavailable, Err: cause}, "store_unavailable: disk on fire"},
		{&auth.Error{Status: 404, Reason: auth.NotFound}, "not_found"},
	} {
		wrapped := fmt.Errorf("wrapped: %w", tt.err)
		var e *auth.Error
		if tt.err.Error() != tt.want || !errors.As(wrapped, &e) || e != tt.err || errors.Is(wrapped, cause) != (tt.err.Err != nil) {
			t.Errorf("got %q, want %q", tt.err, tt.want)
		}
	}
}

// Run keeps the providers known and the store swept, and ends when it is told.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { s.outpost.Run(ctx); close(done) }()
		s.want(s.browser("alice").visit("https://app.example.com/"), http.StatusOK)
		time.Sleep(25 * time.Hour)
		if n, err := s.outpost.Sessions().Len(t.Context()); n != 0 || err != nil {
			t.Errorf("%d sessions, %v", n, err)
		}
		if st := s.outpost.Providers()[0]; !st.Up || time.Since(st.KeysFetched) > 6*time.Minute {
			t.Errorf("status %+v", st)
		}
		stop()
		<-done
	})
}

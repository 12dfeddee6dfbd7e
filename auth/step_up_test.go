package auth_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outpost/access"
	"outpost/auth"
)

// newVault is a stage with an application that wants to know within the hour who
// somebody is, at a provider that asks people again when it is told to.
func newVault(t *testing.T) *stage {
	s := newStage(t, func(c *auth.Config) {
		v := vault
		v.Access.Require = access.Requirement{MaxAge: time.Hour}
		c.Applications = append(c.Applications, v)
	})
	began := time.Now()
	s.provider.claims = func(c map[string]any) {
		if s.provider.asked[len(s.provider.asked)-1].Get("max_age") != "" && time.Since(began) > time.Hour {
			began = time.Now()
		}
		c["auth_time"] = began.Unix()
	}
	return s
}

// A session grows too old for its application while it is used: the page leads
// through the provider once and is there again, under a new session; what is no
// navigation is told so.
func TestSessionGrowsTooOld(t *testing.T) {
	const page = "https://vault.example.org/x?y=1"
	synctest.Test(t, func(t *testing.T) {
		s := newVault(t)
		b := s.browser("alice")
		s.want(b.visit(page), http.StatusOK)
		before := b.cookie(page, "__Host-outpost-vault")
		time.Sleep(59 * time.Minute)
		s.want(b.once(http.MethodGet, page), http.StatusOK)
		time.Sleep(2*time.Minute + time.Second) // a minute of it is for the clocks

		fetched := b.once(http.MethodGet, page, "Sec-Fetch-Mode", "cors", "Accept", "application/json")
		s.want(fetched, http.StatusForbidden)
		if s.last() != auth.InsufficientAuthentication {
			t.Errorf("a fetch is refused for %s", s.last())
		}
		start := b.once(http.MethodGet, "https://vault.example.org"+prefix+"/start?rd=/x", "Sec-Fetch-Mode", "cors", "Accept", "application/json")
		if text := body(start); start.StatusCode != http.StatusForbidden || !strings.Contains(text, `"error":"insufficient_user_authentication"`) || len(start.Cookies()) > 0 {
			t.Errorf("start answers a fetch with %s: %s", start.Status, text)
		}

		s.want(b.visit(page), http.StatusOK)
		if b.at != page {
			t.Errorf("ended at %s", b.at)
		}
		if n := len(s.provider.asked); n != 2 || s.provider.asked[1].Get("prompt") != "login" {
			t.Errorf("%d requests: %v", n, s.provider.asked)
		}
		after := b.cookie(page, "__Host-outpost-vault")
		if n, err := s.outpost.Sessions().Len(t.Context()); after == before || n != 1 || err != nil {
			t.Errorf("%d sessions, %v; the cookie is the same: %t", n, err, after == before)
		}
	})
}

// Two pages of a session that has grown too old ask at once: each gets there.
func TestSessionGrowsTooOldInTwoTabs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newVault(t)
		b := s.browser("alice")
		s.want(b.visit("https://vault.example.org/"), http.StatusOK)
		time.Sleep(2 * time.Hour)
		var callbacks []string
		for _, page := range []string{"https://vault.example.org/one", "https://vault.example.org/two"} {
			callbacks = append(callbacks, b.until(page, prefix+"/callback"))
		}
		for i, callback := range callbacks {
			if resp := b.visit(callback); resp.StatusCode != http.StatusOK || !strings.HasSuffix(b.at, []string{"/one", "/two"}[i]) {
				t.Errorf("tab %d ended at %s with %s", i, b.at, resp.Status)
			}
		}
	})
}

// max_age alone is held to at the sign-in, and not afterwards.
func TestMaxAgeIsAskedForAndLookedAt(t *testing.T) {
	for _, tt := range []struct {
		name string
		ago  time.Duration // since the person proved it; negative for no word of it
		want auth.Reason
	}{
		{"recent", time.Minute, auth.SignedIn},
		{"too-long-ago", time.Hour, auth.InsufficientAuthentication},
		{"not-said", -1, auth.InsufficientAuthentication},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, func(c *auth.Config) { c.Applications[0].Ask.MaxAge = 10 * time.Minute })
				s.provider.claims = func(c map[string]any) {
					if tt.ago >= 0 {
						c["auth_time"] = time.Now().Add(-tt.ago).Unix()
					}
				}
				b := s.browser("alice")
				resp := b.visit("https://app.example.com/")
				if got := resp.StatusCode == http.StatusOK; got != (tt.want == auth.SignedIn) {
					t.Fatalf("got %s: %s", resp.Status, body(resp))
				}
				if s.provider.asked[0].Get("max_age") != "600" {
					t.Errorf("asked for %v", s.provider.asked[0])
				}
				if tt.want != auth.SignedIn {
					if s.last() != tt.want {
						t.Errorf("reason %s", s.last())
					}
					return
				}
				time.Sleep(30 * time.Minute)
				s.want(b.once(http.MethodGet, "https://app.example.com/"), http.StatusOK)
			})
		})
	}
}

// A link that steps up does no more than a sign-in does: it cannot end a session
// that is good enough.
func TestStepUpLink(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	s.want(b.visit("https://app.example.com/"), http.StatusOK)
	resp := b.once(http.MethodGet, "https://outpost.example.com"+prefix+"/start?step_up=1&rd=https%3A%2F%2Fapp.example.com%2Fx")
	if resp.StatusCode != http.StatusFound || resp.Header.Get("Location") != "https://app.example.com/x" {
		t.Errorf("got %s to %s", resp.Status, resp.Header.Get("Location"))
	}
}

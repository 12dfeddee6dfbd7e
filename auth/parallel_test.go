package auth_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"outpost/auth"
)

// slow lets every request to the provider, and every answer of it, take a
// random time of up to half a second: no two sign-ins stay in step.
func slow(c *auth.Config) {
	next := c.Transport
	c.Transport = transport(func(r *http.Request) (*http.Response, error) {
		time.Sleep(rand.N(250 * time.Millisecond))
		resp, err := next.RoundTrip(r)
		time.Sleep(rand.N(250 * time.Millisecond))
		return resp, err
	})
}

// A thousand browsers sign in at the same time as fifty accounts, each at one of
// three applications, and a tenth of them at another one too. Everybody is who
// they are, then and afterwards, and no ticket is given out twice.
func TestNobodyBecomesSomebodyElse(t *testing.T) {
	const people, accounts, sessions = 1000, 50, 1100
	pages := []struct{ url, cookie string }{
		{"https://app.example.com/x", "__Secure-outpost-home"},
		{"https://router.example.com/x", "__Host-outpost-router"},
		{"https://wiki.example.net:8443/x", "__Host-outpost-wiki"},
	}
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, quiet, slow)
		for i := range accounts {
			name := fmt.Sprint("user-", i)
			s.provider.users[name] = map[string]any{"sub": "sub-" + name, "preferred_username": name, "groups": []string{"admins", "group-of-" + name}}
		}
		var mu sync.Mutex
		tickets := map[string]bool{}
		var wg sync.WaitGroup
		for i := range people {
			name, page, next := fmt.Sprint("user-", i%accounts), pages[i%len(pages)], pages[i%len(pages)]
			if i%10 == 0 {
				next = pages[(i+1)%len(pages)]
			}
			b := s.browser(name)
			wg.Go(func() {
				time.Sleep(rand.N(500 * time.Millisecond))
				for _, url := range []string{page.url, next.url, page.url} { // where they have been nobody is asked
					h := b.visit(url).Header
					if uid, user, groups := h.Get("X-Authentik-Uid"), h.Get("X-Authentik-Username"), h.Get("X-Authentik-Groups"); uid != "sub-"+name || user != name || groups != "admins|group-of-"+name {
						t.Errorf("%s became %s, %s, in %s", name, uid, user, groups)
					}
					time.Sleep(rand.N(500 * time.Millisecond))
				}
				mu.Lock()
				defer mu.Unlock()
				ticket := b.cookie(page.url, page.cookie)
				if ticket == "" || tickets[ticket] {
					t.Errorf("%s has ticket %q, which is none or another's", name, ticket)
				}
				tickets[ticket] = true
			})
		}
		wg.Wait()
		if n, err := s.outpost.Sessions().Len(t.Context()); n != sessions || err != nil {
			t.Errorf("%d sessions, %v; want %d", n, err, sessions)
		}
		if n := s.provider.called("/token"); n != sessions {
			t.Errorf("%d exchanges, want %d", n, sessions)
		}
	})
}

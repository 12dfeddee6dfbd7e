package auth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"outpost/access"
	"outpost/auth"
	"outpost/session"
	"outpost/session/memory"
)

// discard is a ResponseWriter that costs nothing, so that what is measured is ours.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// checkRequest is a check as SWAG sends it, with this cookie.
func checkRequest(cookie string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, prefix+"/auth/nginx", nil)
	r.Host, r.RemoteAddr = "app.example.com", nginxPeer
	r.Header = swag("app.example.com", "/library/sections?sort=asc", "Accept", "text/html", "User-Agent", "Mozilla/5.0", "Accept-Encoding", "gzip")
	delete(r.Header, "Host")
	if cookie != "" {
		r.Header.Set("Cookie", "theme=dark; __Secure-outpost-home="+cookie+"; lang=en")
	}
	return r
}

func TestHitAllocatesNothing(t *testing.T) {
	s := newStage(t, quiet, func(c *auth.Config) { c.Session.Recheck = time.Hour })
	s.provider.refresh = true
	b := s.browser("alice")
	s.want(b.visit("https://app.example.com/"), http.StatusOK)
	r, w := checkRequest(b.cookie("https://app.example.com/", "__Secure-outpost-home")), &discard{header: http.Header{}}
	if n := testing.AllocsPerRun(1000, func() { s.outpost.ServeNginx(w, r) }); n != 0 || w.status != http.StatusOK {
		t.Errorf("%v allocations, status %d", n, w.status)
	}
}

// quiet takes the stage's own hooks and log off.
func quiet(c *auth.Config) { c.Hooks, c.Log = auth.Hooks{}, nil }

func BenchmarkCheck(b *testing.B) {
	store := memory.New()
	keepStore := func(c *auth.Config) { quiet(c); c.Session.Store = store }
	t := &testing.T{}
	s := newStage(t, keepStore)
	alice := s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	good := alice.cookie("https://app.example.com/", "__Secure-outpost-home")
	for _, bb := range []struct {
		name   string
		cookie string
		status int
		cache  int
	}{
		{"hit", good, http.StatusOK, 0},
		{"anonymous", "", http.StatusUnauthorized, 0},
		{"forged-cookie", strings.Repeat("A", len(good)), http.StatusUnauthorized, 0},
	} {
		b.Run(bb.name, func(b *testing.B) {
			r, w := checkRequest(bb.cookie), &discard{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				s.outpost.ServeNginx(w, r)
			}
			if w.status != bb.status {
				b.Errorf("status %d", w.status)
			}
		})
	}
	b.Run("hot", func(b *testing.B) { // as the front asks
		r, answer := checkRequest(good), make([]byte, 0, 4096)
		b.ReportAllocs()
		for b.Loop() {
			answer = s.outpost.AnswerHot(netip.Addr{}, r.Header, r.Host, answer[:0])
		}
		if len(answer) == 0 {
			b.Error("it does not answer")
		}
	})
	b.Run("hot-10000-rules", func(b *testing.B) {
		s := newStage(t, keepStore, func(c *auth.Config) {
			for i := range 9_999 {
				c.Applications[0].Access.Rules = append(c.Applications[0].Access.Rules, access.Rule{Paths: []string{fmt.Sprintf("/area-%d/*", i), fmt.Sprintf("/*/page-%d", i)}, Deny: true})
			}
			c.Applications[0].Access.Rules = append(c.Applications[0].Access.Rules, access.Rule{Paths: []string{"/library/*"}})
		})
		r, answer := checkRequest(good), make([]byte, 0, 4096)
		s.outpost.ServeNginx(&discard{header: http.Header{}}, r) // into the hot cache
		b.ReportAllocs()
		for b.Loop() {
			answer = s.outpost.AnswerHot(netip.Addr{}, r.Header, r.Host, answer[:0])
		}
		if len(answer) == 0 {
			b.Error("it does not answer")
		}
	})
	b.Run("miss", func(b *testing.B) {
		// Two sessions take turns in a cache that holds one.
		small := newStage(t, keepStore, func(c *auth.Config) { c.Session.CacheSize = 1 })
		var requests []*http.Request
		for range 2 {
			value, _, err := small.outpost.Sessions().Create(b.Context(), "__Secure-outpost-home", session.Session{
				Application: "home", Provider: "idp", Identity: session.Identity{Issuer: issuer, Subject: "sub", Username: "alice", Groups: []string{"admins", "users"}},
			})
			if err != nil {
				b.Fatal(err)
			}
			requests = append(requests, checkRequest(value))
		}
		w := &discard{header: http.Header{}}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			small.outpost.ServeNginx(w, requests[i%2])
		}
		if w.status != http.StatusOK {
			b.Errorf("status %d", w.status)
		}
	})
}

// BenchmarkCheckAmongApplications is the check of one application, beside many.
func BenchmarkCheckAmongApplications(b *testing.B) {
	for _, n := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("applications-%d", n), func(b *testing.B) {
			t := &testing.T{}
			s := newStage(t, quiet, func(c *auth.Config) {
				for i := range n - 1 {
					c.Applications = append(c.Applications, auth.Application{
						Name: fmt.Sprintf("app-%d", i), ExternalURL: fmt.Sprintf("https://app-%d.example.org", i), Providers: []string{"idp"}, Access: access.Config{Policy: access.Everyone(), DefaultAllow: true},
					})
				}
			})
			alice := s.browser("alice")
			s.want(alice.visit("https://app.example.com/"), http.StatusOK)
			r, w := checkRequest(alice.cookie("https://app.example.com/", "__Secure-outpost-home")), &discard{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				s.outpost.ServeNginx(w, r)
			}
			if w.status != http.StatusOK {
				b.Errorf("status %d", w.status)
			}
		})
	}
}

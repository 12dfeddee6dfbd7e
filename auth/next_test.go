package auth_test

// Another configuration in the place of the one in force: what people have with us
// goes on, and what is said of them is what the new one says, at once.

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"outpost/access"
	"outpost/auth"
	"outpost/headers"
	"outpost/session"
	"outpost/session/memory"
)

// next puts a changed configuration in force; look sees it before that.
func (s *stage) next(change func(*auth.Config), look ...func(*auth.Outpost)) {
	s.t.Helper()
	cfg := s.config
	cfg.Applications, cfg.Providers = slices.Clone(cfg.Applications), slices.Clone(cfg.Providers)
	change(&cfg)
	o, inForce, err := s.outpost.Next(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range look {
		f(o)
	}
	inForce()
	s.config, s.outpost, s.public = cfg, o, o.Endpoints()
}

// fronted is what the front answers to a check with the cookie; "" where it leaves it to
// net/http.
func (s *stage) fronted(cookie string) string {
	r := checkRequest(cookie)
	return string(s.outpost.AnswerHot(netip.MustParseAddr("127.0.0.1"), r.Header, r.Host, nil))
}

const home = "https://app.example.com/"

// header has the home application send one header more.
func header(name, value string) func(*auth.Config) {
	return func(c *auth.Config) {
		c.Applications[0].Headers = headers.MappingConfig{Presets: []string{"authentik"}, Headers: []headers.Header{{Name: name, Value: value}}}
	}
}

// A changed header takes effect with the next check of people who are signed in, and
// the front answers again from the check after.
func TestNextHeaders(t *testing.T) {
	s := newStage(t, quiet)
	b := s.browser("alice")
	s.want(b.visit(home), http.StatusOK)
	cookie := b.cookie(home, "__Secure-outpost-home")
	if s.fronted(cookie) == "" {
		t.Fatal("the session is not hot")
	}
	for i := range 3 {
		value := fmt.Sprintf("value %d of {username}", i)
		s.next(header("X-Told", value))
		if got := s.fronted(cookie); got != "" {
			t.Errorf("the front answers with what another configuration has made:\n%s", got)
		}
		w := &discard{header: http.Header{}}
		s.outpost.ServeNginx(w, checkRequest(cookie))
		want := fmt.Sprintf("value %d of alice", i)
		if got := w.header.Get("X-Told"); w.status != http.StatusOK || got != want {
			t.Errorf("status %d, X-Told %q, want %q", w.status, got, want)
		}
		if got := s.fronted(cookie); !bytes.Contains([]byte(got), []byte("X-Told: "+want+"\r\n")) {
			t.Errorf("the front answers\n%s", got)
		}
	}
	r, w := checkRequest(cookie), &discard{header: http.Header{}}
	if n := testing.AllocsPerRun(1000, func() { s.outpost.ServeNginx(w, r) }); n != 0 || w.status != http.StatusOK {
		t.Errorf("%v allocations for a check, status %d", n, w.status)
	}
	answer := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(1000, func() { answer = s.outpost.AnswerHot(netip.Addr{}, r.Header, r.Host, answer[:0]) }); n != 0 || len(answer) == 0 {
		t.Errorf("%v allocations for one of the front, %d bytes", n, len(answer))
	}
}

// The ID token, which memory does not keep, is had from the store where a header
// begins to show it; should that be down, nobody is let in without.
func TestNextHeaderWithToken(t *testing.T) {
	store := &brokenStore{Store: memory.New()}
	s := newStage(t, func(c *auth.Config) { c.Session.Store = store })
	b := s.browser("alice")
	s.want(b.visit(home), http.StatusOK)
	cookie := b.cookie(home, "__Secure-outpost-home")
	s.next(func(c *auth.Config) {
		c.Applications[0].Headers = headers.MappingConfig{Presets: []string{"authentik"}, JWT: true}
	})
	store.broken = true
	w := &discard{header: http.Header{}}
	if s.outpost.ServeNginx(w, checkRequest(cookie)); w.status != http.StatusInternalServerError {
		t.Errorf("without the store: status %d", w.status)
	}
	store.broken = false
	w = &discard{header: http.Header{}}
	if s.outpost.ServeNginx(w, checkRequest(cookie)); w.status != http.StatusOK || len(w.header.Get("X-Authentik-Jwt")) < 100 {
		t.Errorf("status %d, the token is %q", w.status, w.header.Get("X-Authentik-Jwt"))
	}
	store.broken = true // it is in memory by now
	w = &discard{header: http.Header{}}
	if s.outpost.ServeNginx(w, checkRequest(cookie)); w.status != http.StatusOK {
		t.Errorf("hot, without the store: status %d", w.status)
	}
}

// People who are hot go on over a change while the store is down.
func TestNextWithoutStore(t *testing.T) {
	store := &brokenStore{Store: memory.New()}
	s := newStage(t, func(c *auth.Config) { c.Session.Store = store })
	b := s.browser("alice")
	s.want(b.visit(home), http.StatusOK)
	store.broken = true
	s.next(header("X-Told", "news"))
	s.want(b.once(http.MethodGet, home), http.StatusOK)
}

// Who may have what is what the new configuration says; a session survives that its
// application is away for a while.
func TestNextRules(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	s.want(b.visit(home), http.StatusOK)
	s.next(func(c *auth.Config) {
		c.Applications[0].Access = access.Config{Policy: access.Allow(access.Lists{Users: []string{"bob"}}), DefaultAllow: true}
	})
	if r := b.once(http.MethodGet, home); r.StatusCode != http.StatusFound || s.last() != auth.NotAllowed {
		t.Errorf("status %d, reason %s", r.StatusCode, s.last())
	}
	whole := s.config
	s.next(func(c *auth.Config) { c.Applications = c.Applications[1:] })
	if r := b.once(http.MethodGet, home); r.StatusCode != http.StatusForbidden || s.last() != auth.UnknownHost {
		t.Errorf("status %d, reason %s", r.StatusCode, s.last())
	}
	s.next(func(c *auth.Config) {
		*c = whole
		c.Applications[0].Access = access.Config{Policy: access.Everyone(), DefaultAllow: true}
	})
	s.want(b.once(http.MethodGet, home), http.StatusOK)
}

// A sign-in that was begun before a change comes to its end after it, whatever has
// changed but its own application and provider.
func TestNextAmidSignIn(t *testing.T) {
	tests := map[string]func(*auth.Config){
		"rules": header("X-Told", "{username}"),
		"secret": func(c *auth.Config) {
			c.Session.Secrets = append([][]byte{bytes.Repeat([]byte("n"), 32)}, c.Session.Secrets...)
		},
		"lifetimes":     func(c *auth.Config) { c.Session.Max, c.Session.Idle = 2*time.Hour, time.Minute },
		"provider":      func(c *auth.Config) { c.Providers[0].Scopes = []string{"openid", "email"} },
		"other-gone":    func(c *auth.Config) { c.Applications = c.Applications[:1] },
		"name-of-other": func(c *auth.Config) { c.Applications[1].Name = "gateway" },
		"nothing":       func(*auth.Config) {},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			b := s.browser("alice")
			callback := b.until(home, prefix+"/callback")
			s.next(change)
			s.want(b.visit(callback), http.StatusOK)
			if b.at != home {
				t.Errorf("it ends at %s", b.at)
			}
			s.want(b.once(http.MethodGet, "https://app.example.com"+prefix+"/ping"), http.StatusNoContent)
		})
	}
}

// A configuration that is wrong changes nothing.
func TestNextRefuses(t *testing.T) {
	tests := map[string]func(*auth.Config){
		"no-application": func(c *auth.Config) { c.Applications = nil },
		"no-provider":    func(c *auth.Config) { c.Providers = nil },
		"rule": func(c *auth.Config) {
			c.Applications[0].Access.Rules = []access.Rule{{Paths: []string{"~ ^/("}, Deny: true}}
		},
		"secret":    func(c *auth.Config) { c.Session.Secrets = [][]byte{[]byte("short")} },
		"lifetime":  func(c *auth.Config) { c.Session.Max = 0 },
		"front-end": func(c *auth.Config) { c.FrontEnds = []string{"apache"} },
		"header":    func(c *auth.Config) { c.Applications[0].Headers.Presets = []string{"nobody's"} },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			b := s.browser("alice")
			s.want(b.visit(home), http.StatusOK)
			cfg := s.config
			cfg.Applications, cfg.Providers = slices.Clone(cfg.Applications), slices.Clone(cfg.Providers)
			change(&cfg)
			if next, _, err := s.outpost.Next(cfg); err == nil || next != nil {
				t.Errorf("it is taken, error %v", err)
			}
			s.want(b.once(http.MethodGet, home), http.StatusOK)
			s.want(s.browser("bob").visit(home), http.StatusOK)
		})
	}
}

// A request is answered wholly by the configuration that it was begun under: two
// Outposts share a session, each says of it what its own configuration does, and
// neither waits for the other.
func TestNextMixesNothing(t *testing.T) {
	s := newStage(t, quiet, header("X-Told", "of the old"))
	b := s.browser("alice")
	s.want(b.visit(home), http.StatusOK)
	cookie := b.cookie(home, "__Secure-outpost-home")
	var current atomic.Pointer[auth.Outpost]
	var told sync.Map // *auth.Outpost → what it says
	current.Store(s.outpost)
	told.Store(s.outpost, "of the old")
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var answers atomic.Int64
	for i := range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				o := current.Load()
				runtime.Gosched() // others take its place meanwhile
				want, _ := told.Load(o)
				r := checkRequest(cookie)
				if i%2 == 0 {
					w := &discard{header: http.Header{}}
					if o.ServeNginx(w, r); w.status != http.StatusOK || w.header.Get("X-Told") != want {
						t.Errorf("status %d, X-Told %q, want %q", w.status, w.header.Get("X-Told"), want)
					}
				} else if got := o.AnswerHot(netip.Addr{}, r.Header, r.Host, nil); got != nil && !bytes.Contains(got, []byte("X-Told: "+want.(string)+"\r\n")) {
					t.Errorf("the front says\n%s, want %q", got, want)
				}
				answers.Add(1)
			}
		})
	}
	for i := range 1000 {
		cfg := s.config
		cfg.Applications = slices.Clone(cfg.Applications)
		header("X-Told", fmt.Sprintf("of number %d", i))(&cfg)
		next, inForce, err := s.outpost.Next(cfg)
		if err != nil {
			t.Fatal(err)
		}
		told.Store(next, fmt.Sprintf("of number %d", i))
		inForce()
		s.outpost = next
		current.Store(next)
		for before := answers.Load(); i%50 == 0 && answers.Load() == before; {
			runtime.Gosched()
		}
	}
	stop()
	wg.Wait()
}

// Providers that stay the same are not asked anew, and one that is registered
// otherwise keeps its metadata; what was configured formerly is looked after no more.
func TestNextProviders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		first := s.outpost
		go func() { defer close(done); first.Run(ctx) }()
		synctest.Wait()
		asked := func() int {
			s.provider.mu.Lock()
			defer s.provider.mu.Unlock()
			return s.provider.calls["/oidc/.well-known/openid-configuration"]
		}
		if n := asked(); n != 1 {
			t.Fatalf("asked %d times at the start", n)
		}
		s.next(header("X-Told", "news"))
		synctest.Wait()
		if n := asked(); n != 1 {
			t.Errorf("a provider that is the same was asked again: %d times", n)
		}
		s.provider.mu.Lock()
		s.provider.down = true
		s.provider.mu.Unlock()
		s.next(func(c *auth.Config) { c.Providers[0].Scopes = []string{"openid"} }, func(o *auth.Outpost) {
			if got := o.Providers()[0]; !got.Up || got.KeysFetched.IsZero() {
				t.Errorf("it has forgotten what it knew: %+v", got)
			}
		})
		s.next(func(c *auth.Config) { c.Providers[0].BackchannelURL = "https://elsewhere.example.org" }, func(o *auth.Outpost) {
			if got := o.Providers()[0]; got.Up || !got.KeysFetched.IsZero() {
				t.Errorf("one that is reached otherwise knows already: %+v", got)
			}
		})

		// Many changes leave nothing behind, and one provider is looked after.
		s.provider.mu.Lock()
		s.provider.down = false
		s.provider.mu.Unlock()
		s.next(func(c *auth.Config) { c.Providers[0].BackchannelURL = "" })
		time.Sleep(5 * time.Minute)
		before := runtime.NumGoroutine()
		for i := range 1000 {
			s.next(func(c *auth.Config) { c.Providers[0].Scopes = []string{"openid", fmt.Sprint("s", i)} })
		}
		synctest.Wait()
		if n := runtime.NumGoroutine(); n > before {
			t.Errorf("%d goroutines after a thousand changes, %d before", n, before)
		}
		time.Sleep(5 * time.Minute)
		start := asked()
		time.Sleep(time.Hour)
		if n := asked() - start; n < 11 || n > 26 {
			t.Errorf("asked %d times within an hour: not one provider is looked after", n)
		}
		s.want(s.browser("alice").visit(home), http.StatusOK)
		stop()
		<-done
	})
}

// What was to be told to a provider is told, though another took its place meanwhile.
func TestNextFinishesWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(c *auth.Config) { c.Session.Recheck = 10 * time.Minute })
		s.provider.refresh = true
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		first := s.outpost
		go func() { defer close(done); first.Run(ctx) }()
		b := s.browser("alice")
		s.want(b.visit(home), http.StatusOK)
		time.Sleep(11 * time.Minute)
		hang := make(chan struct{})
		s.provider.mu.Lock()
		s.provider.hang = map[string]chan struct{}{"/token": hang}
		s.provider.mu.Unlock()
		s.want(b.once(http.MethodGet, home), http.StatusOK) // its recheck waits for the provider
		synctest.Wait()
		s.next(func(c *auth.Config) { c.Providers[0].Scopes = []string{"openid", "email"} })
		close(hang)
		synctest.Wait()
		var rechecked time.Time
		if err := s.outpost.Sessions().List(t.Context(), session.Filter{}, func(l session.Listed) bool { rechecked = l.Rechecked; return true }); err != nil {
			t.Fatal(err)
		}
		if since := time.Since(rechecked); since > time.Minute {
			t.Errorf("the recheck under way was given up: the last one was %s ago", since)
		}
		time.Sleep(11 * time.Minute)
		s.want(b.once(http.MethodGet, home), http.StatusOK)
		synctest.Wait()
		if err := s.outpost.Sessions().List(t.Context(), session.Filter{}, func(l session.Listed) bool { rechecked = l.Rechecked; return true }); err != nil {
			t.Fatal(err)
		}
		if since := time.Since(rechecked); since > time.Minute {
			t.Errorf("no recheck by the new configuration: the last one was %s ago", since)
		}
		stop()
		<-done
	})
}

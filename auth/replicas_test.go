package auth_test

// What several outposts must know of each other, on a fake clock. The stories
// with real components are in e2e/.

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"outpost/auth"
	"outpost/session"
	"outpost/session/storetest"
)

// shared makes a stage's outpost one of several.
func shared(h *storetest.Hub) func(*auth.Config) {
	return func(c *auth.Config) { c.Session.Store = h.Open() }
}

// another is one more outpost over the same store, which takes the place of the
// stage's from the call of the function it returns on.
func (s *stage) another(h *storetest.Hub) (take func()) {
	s.t.Helper()
	c := s.config
	c.Session.Store = h.Open()
	o, err := auth.New(c)
	if err != nil {
		s.t.Fatal(err)
	}
	return func() { s.outpost, s.public = o, o.Endpoints() }
}

// TestReplicasLogoutMeetsACallback: a logout token that comes to one replica
// stops the sign-in that is under way at another.
func TestReplicasLogoutMeetsACallback(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(map[string]any)
	}{
		{"by-sid", nil},
		{"by-sub", func(c map[string]any) { delete(c, "sid") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := storetest.NewHub()
				s := newStage(t, shared(h))
				here, there := s.another(h), s.another(h)
				here()
				alice := s.browser("alice")
				callback := alice.until("https://app.example.com/", prefix+"/callback")
				time.Sleep(time.Minute)
				there()
				s.wantLogoutAnswer(s.logout(s.provider.logoutToken(tt.change)), http.StatusOK)
				time.Sleep(time.Minute)
				here()
				s.want(alice.once(http.MethodGet, callback), http.StatusBadRequest)
				if s.last() != auth.SignedOutMeanwhile || s.sessions() != 0 {
					t.Errorf("%s, %d sessions", s.last(), s.sessions())
				}
				s.want(alice.visit("https://app.example.com/"), http.StatusOK)
			})
		})
	}
}

// TestReplicasCallbackWithoutStore: whether a sign-in has ended meanwhile cannot
// be asked, so it is none.
func TestReplicasCallbackWithoutStore(t *testing.T) {
	h := storetest.NewHub()
	s := newStage(t, shared(h), func(c *auth.Config) {
		c.Session.Store = forgetful{c.Session.Store.(session.Shared), h}
	})
	alice := s.browser("alice")
	callback := alice.until("https://app.example.com/", prefix+"/callback")
	s.want(alice.once(http.MethodGet, callback), http.StatusServiceUnavailable)
	if s.last() != auth.StoreUnavailable || alice.cookie("https://app.example.com/", "__Secure-outpost-home") != "" {
		t.Errorf("%s, with a cookie", s.last())
	}
}

// forgetful is a store that goes down after each Save.
type forgetful struct {
	session.Shared
	hub *storetest.Hub
}

func (f forgetful) Save(ctx context.Context, key session.Key, r session.Record) error {
	err := f.Shared.Save(ctx, key, r)
	f.hub.Down(true)
	return err
}

// TestReplicasLogoutTokenOnce: a logout token that one has obeyed is spent at all.
func TestReplicasLogoutTokenOnce(t *testing.T) {
	h := storetest.NewHub()
	s := newStage(t, shared(h))
	there := s.another(h)
	token := s.provider.logoutToken(nil)
	s.wantLogoutAnswer(s.logout(token), http.StatusOK)
	there()
	s.wantLogoutAnswer(s.logout(token), http.StatusBadRequest)

	// One that could not be obeyed may come again, wherever.
	token = s.provider.logoutToken(nil)
	h.Down(true)
	s.wantLogoutAnswer(s.logout(token), http.StatusServiceUnavailable)
	h.Down(false)
	s.wantLogoutAnswer(s.logout(token), http.StatusOK)
}

// TestReplicasRecheckOnce: a session that is due at two replicas at once is asked
// about by one of them, and both have what came of it.
func TestReplicasRecheckOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := storetest.NewHub()
		s := newRecheckStage(t, shared(h))
		one := s.outpost
		s.another(h)()
		two := s.outpost
		alice := s.signedIn("alice", app)
		for range 3 {
			for _, o := range []*auth.Outpost{one, two} {
				s.outpost, s.public = o, o.Endpoints()
				s.want(alice.once(http.MethodGet, app), http.StatusOK)
			}
			synctest.Wait()
			time.Sleep(quarter)
		}
		s.wantResults(auth.RecheckRenewed, auth.RecheckRenewed, auth.RecheckRenewed)
	})
}

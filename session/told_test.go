package session_test

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/session"
)

// endings collects what OnEnd hears.
type endings struct {
	mu  sync.Mutex
	all []string
	bad string
}

func (e *endings) add(event string, s session.Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, event+" "+s.Identity.Username+" "+s.Key.ID())
	if s.IDToken+s.Nonce+s.RefreshToken+s.AccessToken != "" {
		e.bad = event
	}
}

func (e *endings) want(t *testing.T, want ...string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	slices.Sort(e.all)
	slices.Sort(want)
	if diff := cmp.Diff(want, e.all); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if e.bad != "" {
		t.Errorf("%s was told with a token", e.bad)
	}
}

// Whatever ends a session, OnEnd hears of it once, and whose it was.
func TestOnEnd(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() session.Store) {
		var ended endings
		var want []string
		s := newSessions(t, session.Config{Store: open(), OnEnd: ended.add, Idle: 10 * time.Hour, MaxPerUser: 50})
		begin := func(ends, user string) (string, session.Key) {
			sess := alice()
			sess.Identity.Username, sess.Identity.Subject = user, user
			sess.IDToken, sess.Nonce, sess.RefreshToken, sess.AccessToken = "a.b.c", "nonce", "refresh", "access"
			value, key := create(t, s, sess)
			if ends != "" {
				want = append(want, ends+" "+user+" "+key.ID())
			}
			return value, key
		}
		value, key := begin("signed_out", "hot")
		mustFind(t, s, value)
		for range 2 { // the second finds nothing to end
			if err := s.End(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		_, key = begin("signed_out", "cold")
		if err := s.End(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		_, key = begin("revoked", "locked")
		if err := s.Revoke(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		value, _ = begin("backchannel_logout", "bob")
		mustFind(t, s, value)
		begin("backchannel_logout", "bob")
		if _, err := s.EndAll(t.Context(), session.Whose{Issuer: alice().Identity.Issuer, Subject: "bob"}, "backchannel_logout"); err != nil {
			t.Fatal(err)
		}
		begin("revoked_by_administrator", "carol")
		if _, err := s.RevokeAll(t.Context(), session.Filter{User: "carol"}); err != nil {
			t.Fatal(err)
		}
		begin("idle", "idle")
		used, _ := begin("max", "busy")
		go s.Run(t.Context())
		for range 30 { // hours
			if l, err := s.Find(t.Context(), cookie, used); err == nil {
				l.Accept(time.Now())
			}
			time.Sleep(time.Hour)
			synctest.Wait()
		}
		ended.want(t, want...)
	})
}

// Who goes over a limit is told as well.
func TestOnEndOfLimits(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() session.Store) {
		var ended endings
		s := newSessions(t, session.Config{Store: open(), OnEnd: ended.add, MaxPerUser: 1})
		_, first := create(t, s, alice())
		create(t, s, alice())
		ended.want(t, "over_user_limit "+alice().Identity.Username+" "+first.ID())
	})
}

// A session whose record is gone by itself is told without a name, not left out.
func TestOnEndOfTheUnreadable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		_, key := create(t, newSessions(t, session.Config{Store: store, Secrets: secrets("lost")}), alice())
		var ended endings
		s := newSessions(t, session.Config{Store: store, OnEnd: ended.add})
		go s.Run(t.Context())
		time.Sleep(25 * time.Hour)
		synctest.Wait()
		ended.want(t, "max  "+key.ID())
	})
}

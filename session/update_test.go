package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/session"
)

// withTokens is a session that can be rechecked.
func withTokens() session.Session {
	s := alice()
	s.Nonce, s.RefreshToken, s.AccessToken = "the nonce", "the refresh token", "the access token"
	s.AMR, s.ACR = []string{"pwd", "otp"}, "gold"
	return s
}

func demote(s *session.Session) error {
	s.Identity.Groups = []string{"users"}
	s.RefreshToken = "the next one"
	s.Rechecked = time.Now()
	return nil
}

func update(t testing.TB, s *session.Sessions, key session.Key, change func(*session.Session) error) {
	t.Helper()
	if err := s.Update(t.Context(), key, change); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func TestUpdate(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() session.Store) {
		groups := func(s *session.Session) any { return len(s.Identity.Groups) }
		c := session.Config{Store: &keepOpen{open()}, Prepare: groups, Recheck: time.Minute}
		s := newSessions(t, c)
		value, key := create(t, s, withTokens())
		before := mustFind(t, s, value)
		time.Sleep(2 * time.Minute)
		update(t, s, key, func(sess *session.Session) error {
			sess.Identity.Subject, sess.SID = "another", "another sid"
			sess.Key, sess.Application, sess.Created, sess.Expires = session.Key{}, "other", time.Time{}, time.Time{}
			return demote(sess)
		})

		want := withTokens()
		want.Identity.Groups, want.RefreshToken = []string{"users"}, "the next one"
		want.Identity.Subject, want.SID = "another", "another sid"
		want.Key, want.Created, want.Expires, want.Rechecked = key, before.Session().Created, before.Session().Expires, time.Now()
		got, err := s.Load(t.Context(), key)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("Load: %v (-want +got):\n%s", err, diff)
		}
		want.IDToken, want.Nonce, want.RefreshToken, want.AccessToken = "", "", "", ""
		for name, s := range map[string]*session.Sessions{"hot": s, "loaded": newSessions(t, c)} {
			after := mustFind(t, s, value)
			if diff := cmp.Diff(want, *after.Session()); diff != "" || after.Prepared() != 1 {
				t.Errorf("%s: prepared %v (-want +got):\n%s", name, after.Prepared(), diff)
			}
		}
		if before.Prepared() != 2 || len(before.Session().Identity.Groups) != 2 {
			t.Errorf("what a check held has changed under it: %v", before.Session().Identity)
		}
		if n, err := s.EndAll(t.Context(), session.Whose{Issuer: want.Identity.Issuer, Subject: "5f0c1e4b"}, "signed_out"); n != 0 || err != nil {
			t.Errorf("the old subject finds %d sessions, %v", n, err)
		}
		if n, err := s.EndAll(t.Context(), session.Whose{Issuer: want.Identity.Issuer, SID: "another sid"}, "signed_out"); n != 1 || err != nil {
			t.Errorf("the new sid finds %d sessions, %v", n, err)
		}
		wantNone(t, s, cookie, value)
	})
}

func TestUpdateOfNothing(t *testing.T) {
	s := newSessions(t, session.Config{})
	value, key := create(t, s, withTokens())
	change := errors.New("changed my mind")
	err := s.Update(t.Context(), key, func(sess *session.Session) error {
		sess.Identity.Groups = nil
		return change
	})
	if err != change || len(mustFind(t, s, value).Session().Identity.Groups) != 2 {
		t.Errorf("Update = %v, want the error of change and nothing else", err)
	}
	if err := s.End(t.Context(), key); err != nil {
		t.Fatalf("End: %v", err)
	}
	for _, k := range []session.Key{key, {1}} {
		if err := s.Update(t.Context(), k, demote); !errors.Is(err, session.ErrNone) {
			t.Errorf("Update = %v, want ErrNone", err)
		}
	}
	wantNone(t, s, cookie, value)
}

func TestUpdateWithoutAStore(t *testing.T) {
	store := &shaky{Store: newMemory()}
	s := newSessions(t, session.Config{Store: store})
	value, key := create(t, s, withTokens())
	mustFind(t, s, value)
	down := func() { store.down.Store(true) }
	store.replacing.Store(&down)
	if err := s.Update(t.Context(), key, demote); !errors.Is(err, session.ErrStore) {
		t.Errorf("Update = %v, want ErrStore", err)
	}
	if got := mustFind(t, s, value).Session().Identity.Groups; len(got) != 2 {
		t.Errorf("the hot session has groups %q, which the store has not", got)
	}
}

// Whoever gave up waiting must not cost the session its rotated token.
func TestUpdateGoesOnWithoutItsRequest(t *testing.T) {
	s := newSessions(t, session.Config{Store: &shaky{Store: newMemory()}})
	_, key := create(t, s, withTokens())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Update(ctx, key, demote); err != nil {
		t.Errorf("Update: %v", err)
	}
	if got, err := s.Load(t.Context(), key); err != nil || got.RefreshToken != "the next one" {
		t.Errorf("Load: %q, %v", got.RefreshToken, err)
	}
}

// A session that ends while its update is under way stays ended, whether the
// store is still to write or has written.
func TestEndDuringUpdate(t *testing.T) {
	for _, how := range []string{"end", "end-all"} {
		t.Run(how, func(t *testing.T) {
			store := &shaky{Store: newMemory()}
			s := newSessions(t, session.Config{Store: store})
			value, key := create(t, s, withTokens())
			mustFind(t, s, value)
			ending := func() { end(t, s, how, key) }
			store.replacing.Store(&ending)
			if err := s.Update(t.Context(), key, demote); !errors.Is(err, session.ErrNone) {
				t.Errorf("Update = %v, want ErrNone", err)
			}
			wantNone(t, s, cookie, value)
			if n, err := s.Len(t.Context()); n != 0 || err != nil {
				t.Errorf("the store holds %d sessions, %v", n, err)
			}
		})
	}
}

// The same, left to chance.
func TestEndRacesUpdate(t *testing.T) {
	s := newSessions(t, session.Config{Store: openFile(t)})
	for range 50 {
		value, key := create(t, s, withTokens())
		mustFind(t, s, value)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if err := s.Update(t.Context(), key, demote); err != nil && !errors.Is(err, session.ErrNone) {
					t.Errorf("Update: %v", err)
				}
			})
			wg.Go(func() { s.Find(t.Context(), cookie, value) })
		}
		wg.Go(func() {
			if err := s.End(t.Context(), key); err != nil {
				t.Errorf("End: %v", err)
			}
		})
		wg.Wait()
		wantNone(t, s, cookie, value)
	}
	if n, err := s.Len(t.Context()); n != 0 || err != nil {
		t.Errorf("Len = %d, %v; want 0", n, err)
	}
}

// A load that has the old record in hand must not make it hot after the update.
func TestUpdateDuringLoad(t *testing.T) {
	store := &shaky{Store: newMemory()}
	s := newSessions(t, session.Config{Store: store})
	value, key := create(t, s, withTokens())
	inHand, goOn := make(chan struct{}), make(chan struct{})
	wait := func() {
		close(inHand)
		<-goOn
	}
	store.loaded.Store(&wait)
	found := make(chan *session.Live)
	go func() {
		l, _ := s.Find(t.Context(), cookie, value)
		found <- l
	}()
	<-inHand
	store.loaded.Store(nil)
	update(t, s, key, demote)
	close(goOn)
	if l := <-found; l == nil || len(l.Session().Identity.Groups) != 1 {
		t.Errorf("the load brought %v with the groups of before", l)
	}
	if l := mustFind(t, s, value); len(l.Session().Identity.Groups) != 1 {
		t.Errorf("hot are the groups %q", l.Session().Identity.Groups)
	}
}

// What is accepted while the session is replaced, and by a check that still
// holds the old one, keeps it from being idle.
func TestUpdateKeepsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions(t, session.Config{Idle: time.Hour})
		value, key := create(t, s, withTokens())
		old := mustFind(t, s, value)
		time.Sleep(50 * time.Minute)
		old.Accept(time.Now())
		update(t, s, key, demote)
		time.Sleep(50 * time.Minute)
		if mustFind(t, s, value) == old || !s.Checked(t.Context(), key, time.Time{}) {
			t.Error("the session was not replaced, or forgot that it was checked")
		}
		old.Accept(time.Now())
		flush(t, s)
		time.Sleep(50 * time.Minute)
		mustFind(t, s, value)
		if _, err := s.Load(t.Context(), key); err != nil {
			t.Errorf("Load: %v", err)
		}
		time.Sleep(10 * time.Minute)
		wantNone(t, s, cookie, value)
	})
}

func TestDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions(t, session.Config{Recheck: 15 * time.Minute})
		value, key := create(t, s, withTokens())
		want := func(when string, due bool) {
			t.Helper()
			if got := mustFind(t, s, value).Due(time.Now()); got != due {
				t.Errorf("%s: Due = %v", when, got)
			}
		}
		want("after the sign-in", false)
		time.Sleep(15*time.Minute - 1)
		want("a moment before", false)
		time.Sleep(time.Nanosecond)
		want("when it has come", true)
		want("claimed", false)
		time.Sleep(30 * time.Second)
		want("claimed, and nothing came of it", true)
		s.Postpone(key, time.Minute)
		time.Sleep(time.Minute - 1)
		want("postponed", false)
		time.Sleep(time.Nanosecond)
		want("the wait is over", true)
		update(t, s, key, func(sess *session.Session) error { sess.RefreshToken = "rotated"; return nil })
		want("nothing confirmed, and still claimed", false)
		update(t, s, key, demote)
		time.Sleep(15*time.Minute - 1)
		want("confirmed", false)
		time.Sleep(time.Nanosecond)
		live := mustFind(t, s, value)
		if err := s.End(t.Context(), key); err != nil {
			t.Fatalf("End: %v", err)
		}
		if live.Due(time.Now()) {
			t.Error("an ended session is due")
		}
	})
}

func TestDueOnce(t *testing.T) {
	s := newSessions(t, session.Config{Recheck: 1})
	value, _ := create(t, s, withTokens())
	var due counts
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if mustFind(t, s, value).Due(time.Now()) {
				due.add("due")
			}
		})
	}
	wg.Wait()
	due.want(t, map[string]int{"due": 1})
}

func TestNeverDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			recheck time.Duration
			session session.Session
		}{"switched-off": {0, withTokens()}, "nothing-to-ask-with": {time.Minute, alice()}} {
			s := newSessions(t, session.Config{Recheck: c.recheck})
			value, key := create(t, s, c.session)
			l := mustFind(t, s, value)
			s.Postpone(key, 0)
			time.Sleep(time.Hour)
			if l.Due(time.Now()) {
				t.Errorf("%s: due", name)
			}
		}
	})
}

func TestRevoke(t *testing.T) {
	var events counts
	s := newSessions(t, session.Config{OnEvent: events.add})
	value, key := create(t, s, withTokens())
	if err := s.Revoke(t.Context(), key); err != nil {
		t.Fatalf("Revoke: %v", err)
	}
	wantNone(t, s, cookie, value)
	events.want(t, map[string]int{"created": 1, "revoked": 1})
}

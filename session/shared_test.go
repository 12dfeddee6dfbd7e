package session_test

// What several processes make of one store. Time is fake; the real servers'
// stories are in session/redis and e2e.

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"outpost/session"
	"outpost/session/storetest"
)

// replicas runs the test with two processes over one store.
func replicas(t *testing.T, c session.Config, test func(t *testing.T, h *storetest.Hub, a, b *session.Sessions)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := storetest.NewHub()
		var both [2]*session.Sessions
		for i := range both {
			c := c
			c.Store = h.Open()
			both[i] = newSessions(t, c)
			stop := run(t, both[i])
			defer stop()
		}
		synctest.Wait()
		test(t, h, both[0], both[1])
	})
}

// TestSharedEndReachesAll: what ends in one process has ended in the other, with
// the next check and without a look into the store before that.
func TestSharedEndReachesAll(t *testing.T) {
	replicas(t, session.Config{}, func(t *testing.T, h *storetest.Hub, a, b *session.Sessions) {
		value, key := create(t, a, alice())
		mustFind(t, a, value)
		mustFind(t, b, value)
		loads := h.Loads()
		for range 100 {
			mustFind(t, a, value)
			mustFind(t, b, value)
		}
		if n := h.Loads() - loads; n != 0 {
			t.Errorf("%d loads for sessions that are hot, want none", n)
		}
		if err := a.End(t.Context(), key); err != nil {
			t.Fatalf("End: %v", err)
		}
		wantNone(t, a, cookie, value)
		wantNone(t, b, cookie, value)
	})
}

// TestSharedEndAll ends what only the other process has ever seen.
func TestSharedEndAll(t *testing.T) {
	replicas(t, session.Config{}, func(t *testing.T, h *storetest.Hub, a, b *session.Sessions) {
		value, _ := create(t, a, alice())
		mustFind(t, a, value)
		who := alice().Identity
		if n, err := b.EndAll(t.Context(), session.Whose{Issuer: who.Issuer, Subject: who.Subject}, "signed_out"); n != 1 || err != nil {
			t.Errorf("EndAll = %d, %v", n, err)
		}
		wantNone(t, a, cookie, value)
	})
}

// TestSharedTrustRunsOut: without a word from the store the hot cache answers for
// three seconds, and then nobody is let in that the store does not vouch for.
func TestSharedTrustRunsOut(t *testing.T) {
	replicas(t, session.Config{}, func(t *testing.T, h *storetest.Hub, a, b *session.Sessions) {
		value, key := create(t, a, alice())
		mustFind(t, a, value)
		mustFind(t, b, value)
		h.Down(true)
		time.Sleep(1900 * time.Millisecond) // the last proof is at most a second old
		mustFind(t, b, value)
		time.Sleep(1200 * time.Millisecond)
		if l, known := b.FindHot(cookie, value); l != nil || known {
			t.Errorf("FindHot = %v, %v; want it not known", l, known)
		}
		if l, err := b.Find(t.Context(), cookie, value); !errors.Is(err, session.ErrStore) || errors.Is(err, session.ErrNone) {
			t.Errorf("Find = %v, %v; want ErrStore", l, err)
		}
		h.Down(false)
		time.Sleep(1100 * time.Millisecond)
		mustFind(t, b, value)

		// Where the store answers and the news do not come, each check asks it.
		h.Silence(true)
		time.Sleep(3100 * time.Millisecond)
		loads := h.Loads()
		for range 3 {
			mustFind(t, b, value)
		}
		if n := h.Loads() - loads; n != 3 {
			t.Errorf("%d loads for three checks that cannot be trusted, want 3", n)
		}
		if err := a.End(t.Context(), key); err != nil {
			t.Fatalf("End: %v", err)
		}
		wantNone(t, b, cookie, value)
	})
}

// TestSharedEndWhileDown: a sign-out that could not be written down takes effect
// everywhere within two seconds of the store's return.
func TestSharedEndWhileDown(t *testing.T) {
	replicas(t, session.Config{}, func(t *testing.T, h *storetest.Hub, a, b *session.Sessions) {
		value, key := create(t, a, alice())
		mustFind(t, b, value)
		h.Down(true)
		if err := a.End(t.Context(), key); !errors.Is(err, session.ErrStore) {
			t.Errorf("End: error %v, want ErrStore", err)
		}
		wantNone(t, a, cookie, value)
		time.Sleep(time.Minute + time.Millisecond)
		h.Down(false)
		time.Sleep(2 * time.Second)
		wantNone(t, b, cookie, value)
		wantNone(t, a, cookie, value)
	})
}

// TestSharedRollback: when a copy of the server that has not heard of a sign-out
// takes its place, the sign-out is made again.
func TestSharedRollback(t *testing.T) {
	replicas(t, session.Config{}, func(t *testing.T, h *storetest.Hub, a, b *session.Sessions) {
		store := h.Open()
		value, key := create(t, a, alice())
		old, err := store.Load(t.Context(), key)
		if err != nil {
			t.Fatalf("Load: %v", err)
		}
		if err := a.End(t.Context(), key); err != nil {
			t.Fatalf("End: %v", err)
		}
		time.Sleep(10 * time.Second)
		h.Down(true)
		time.Sleep(3 * time.Second)
		h.Down(false)
		if err := store.Save(t.Context(), key, old); err != nil {
			t.Fatalf("Save: %v", err)
		}
		time.Sleep(2 * time.Second)
		wantNone(t, b, cookie, value)
		wantNone(t, a, cookie, value)
	})
}

// TestSharedFlush: an empty store signs everybody out, and no more than that.
func TestSharedFlush(t *testing.T) {
	replicas(t, session.Config{}, func(t *testing.T, h *storetest.Hub, a, b *session.Sessions) {
		value, _ := create(t, a, alice())
		mustFind(t, a, value)
		mustFind(t, b, value)
		h.Flush()
		wantNone(t, a, cookie, value)
		wantNone(t, b, cookie, value)
		value, _ = create(t, b, alice())
		mustFind(t, a, value)
	})
}

// TestSharedUpdate: both processes have the new identity at once, and the one
// that changed it has it hot.
func TestSharedUpdate(t *testing.T) {
	replicas(t, session.Config{}, func(t *testing.T, h *storetest.Hub, a, b *session.Sessions) {
		value, key := create(t, a, alice())
		mustFind(t, a, value).Accept(time.Now())
		mustFind(t, b, value)
		if err := a.Update(t.Context(), key, func(s *session.Session) error { s.Identity.Username = "alicia"; return nil }); err != nil {
			t.Fatalf("Update: %v", err)
		}
		loads := h.Loads()
		if got := mustFind(t, a, value).Session().Identity.Username; got != "alicia" {
			t.Errorf("the process that changed it has %q", got)
		}
		if n := h.Loads() - loads; n != 0 {
			t.Errorf("its own change threw the session out of its cache: %d loads", n)
		}
		if got := mustFind(t, b, value).Session().Identity.Username; got != "alicia" {
			t.Errorf("the other process has %q", got)
		}
	})
}

// TestSharedUpdatesFollowOneAnother: none undoes another.
func TestSharedUpdatesFollowOneAnother(t *testing.T) {
	replicas(t, session.Config{}, func(t *testing.T, h *storetest.Hub, a, b *session.Sessions) {
		_, key := create(t, a, alice())
		const each = 20
		for range each {
			var wg sync.WaitGroup
			for _, s := range []*session.Sessions{a, b} {
				wg.Go(func() {
					err := s.Update(t.Context(), key, func(s *session.Session) error {
						time.Sleep(time.Millisecond) // until the other one has loaded as well
						s.ACR += "x"
						return nil
					})
					if err != nil {
						t.Errorf("Update: %v", err)
					}
				})
			}
			wg.Wait()
		}
		sess, err := b.Load(t.Context(), key)
		if err != nil || len(sess.ACR) != 2*each {
			t.Errorf("%d of %d changes are there, %v", len(sess.ACR), 2*each, err)
		}
	})
}

// TestSharedUpdateKeepsClaim: a session whose recheck was put off is not due at
// once because something else of it was saved.
func TestSharedUpdateKeepsClaim(t *testing.T) {
	replicas(t, session.Config{Recheck: time.Minute}, func(t *testing.T, h *storetest.Hub, a, b *session.Sessions) {
		sess := alice()
		sess.RefreshToken = "r1"
		value, key := create(t, a, sess)
		mustFind(t, a, value)
		time.Sleep(2 * time.Minute)
		if l := mustFind(t, a, value); !l.Due(time.Now()) {
			t.Fatal("not due")
		}
		a.Postpone(key, 5*time.Minute)
		if err := a.Update(t.Context(), key, func(s *session.Session) error { s.RefreshToken = "r2"; return nil }); err != nil {
			t.Fatalf("Update: %v", err)
		}
		if mustFind(t, a, value).Due(time.Now()) {
			t.Error("due again at once")
		}
		h.Silence(true)
		time.Sleep(4 * time.Second)
		if mustFind(t, a, value).Due(time.Now()) {
			t.Error("due again with the first check that has to ask the store")
		}
	})
}

// TestSharedChecked: a first check elsewhere is known within a second, without
// which three sign-ins would look like one that goes round in a circle.
func TestSharedChecked(t *testing.T) {
	replicas(t, session.Config{}, func(t *testing.T, h *storetest.Hub, a, b *session.Sessions) {
		began := time.Now()
		time.Sleep(time.Second)
		value, key := create(t, a, alice())
		mustFind(t, b, value)
		time.Sleep(time.Second)
		if a.Checked(t.Context(), key, began) || b.Checked(t.Context(), key, began) {
			t.Error("found is not accepted")
		}
		mustFind(t, b, value).Accept(time.Now())
		time.Sleep(time.Second)
		if !a.Checked(t.Context(), key, began) {
			t.Error("accepted elsewhere, and not known here")
		}
		if a.Checked(t.Context(), key, time.Now()) {
			t.Error("accepted before, and taken for later")
		}
		h.Down(true)
		if a.Checked(t.Context(), key, began) {
			t.Error("the store cannot be asked, and it is accepted")
		}
	})
}

// TestSharedIdle: whichever process a session is used on, it is used.
func TestSharedIdle(t *testing.T) {
	replicas(t, session.Config{Idle: time.Hour}, func(t *testing.T, h *storetest.Hub, a, b *session.Sessions) {
		value, _ := create(t, a, alice())
		mustFind(t, b, value)
		for range 10 {
			mustFind(t, a, value).Accept(time.Now())
			time.Sleep(50 * time.Minute)
		}
		mustFind(t, b, value).Accept(time.Now()) // last used there eight hours ago
		time.Sleep(50 * time.Minute)
		mustFind(t, a, value)
		time.Sleep(20 * time.Minute)
		wantNone(t, a, cookie, value)
		wantNone(t, b, cookie, value)
	})
}

// TestSharedListed: who is let in is listed, and can be revoked, to the last
// moment, which a shared store puts off.
func TestSharedListed(t *testing.T) {
	replicas(t, session.Config{Idle: time.Hour}, func(t *testing.T, h *storetest.Hub, a, b *session.Sessions) {
		value, _ := create(t, a, alice())
		mustFind(t, a, value).Accept(time.Now())
		time.Sleep(time.Hour + 10*time.Second)
		mustFind(t, a, value)
		if n := len(list(t, a, session.Filter{})); n != 1 {
			t.Errorf("%d sessions are listed, want 1", n)
		}
		if n, err := b.RevokeAll(t.Context(), session.Filter{}); n != 1 || err != nil {
			t.Errorf("RevokeAll = %d, %v, want 1", n, err)
		}
		wantNone(t, a, cookie, value)
	})
}

// TestSharedSweep: a sweep of one process leaves alone what the other has just
// accepted, and there is one sweep for both.
func TestSharedSweep(t *testing.T) {
	var events counts
	replicas(t, session.Config{Idle: time.Hour, OnEvent: events.add}, func(t *testing.T, h *storetest.Hub, a, b *session.Sessions) {
		kept, _ := create(t, a, alice())
		create(t, a, alice())
		time.Sleep(time.Hour - time.Second)
		mustFind(t, a, kept).Accept(time.Now())
		time.Sleep(10 * time.Minute)
		mustFind(t, b, kept)
		if n, err := a.Len(t.Context()); n != 1 || err != nil {
			t.Errorf("%d sessions are left, %v; want 1", n, err)
		}
		if n := h.Sweeps(); n != 13 {
			t.Errorf("%d sweeps in 70 minutes, want one every five", n)
		}
	})
	events.want(t, map[string]int{"created": 2, "expired": 1})
}

// TestSharedLockRecheck: one process at a time.
func TestSharedLockRecheck(t *testing.T) {
	replicas(t, session.Config{}, func(t *testing.T, h *storetest.Hub, a, b *session.Sessions) {
		_, key := create(t, a, alice())
		unlock, err := a.LockRecheck(t.Context(), key)
		if err != nil {
			t.Fatalf("LockRecheck: %v", err)
		}
		if _, err := b.LockRecheck(t.Context(), key); !errors.Is(err, session.ErrLocked) {
			t.Errorf("the other process: error %v, want ErrLocked", err)
		}
		unlock()
		if unlock, err := b.LockRecheck(t.Context(), key); err != nil {
			t.Errorf("after unlock: %v", err)
		} else {
			unlock()
		}
		h.Down(true)
		if _, err := b.LockRecheck(t.Context(), key); !errors.Is(err, session.ErrStore) {
			t.Errorf("without the store: error %v, want ErrStore", err)
		}
	})
}

// TestSharedLostKeepsUse: when everything has to be loaded anew, what was not yet
// written down of its use still counts.
func TestSharedLostKeepsUse(t *testing.T) {
	replicas(t, session.Config{Idle: time.Hour}, func(t *testing.T, h *storetest.Hub, a, b *session.Sessions) {
		value, _ := create(t, a, alice())
		time.Sleep(50 * time.Minute)
		mustFind(t, a, value).Accept(time.Now())
		h.Down(true)
		time.Sleep(time.Second)
		h.Down(false) // everything is lost
		time.Sleep(50 * time.Minute)
		mustFind(t, a, value)
		mustFind(t, b, value)
	})
}

// slowLoad holds up a load that has its answer already.
type slowLoad struct {
	session.Shared
	has, goOn chan struct{}
}

func (s *slowLoad) Load(ctx context.Context, key session.Key) (session.Record, error) {
	r, err := s.Shared.Load(ctx, key)
	if s.has != nil {
		has := s.has
		s.has = nil
		close(has)
		<-s.goOn
	}
	return r, err
}

// TestSharedChangeMeetsLoad: what a load has read before the other process ended
// the session brings nothing back.
func TestSharedChangeMeetsLoad(t *testing.T) {
	for _, tt := range []struct {
		name string
		meet func(h *storetest.Hub, a *session.Sessions, key session.Key)
	}{
		{"end", func(h *storetest.Hub, a *session.Sessions, key session.Key) { a.End(context.Background(), key) }},
		{"flush", func(h *storetest.Hub, a *session.Sessions, key session.Key) { h.Flush() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := storetest.NewHub()
				slow := &slowLoad{Shared: h.Open(), has: make(chan struct{}), goOn: make(chan struct{})}
				has := slow.has
				a, b := newSessions(t, session.Config{Store: h.Open()}), newSessions(t, session.Config{Store: slow})
				defer run(t, a)()
				defer run(t, b)()
				synctest.Wait()
				value, key := create(t, a, alice())
				var wg sync.WaitGroup
				wg.Go(func() { wantNone(t, b, cookie, value) })
				<-has
				tt.meet(h, a, key)
				close(slow.goOn)
				wg.Wait()
				wantNone(t, b, cookie, value)
			})
		})
	}
}

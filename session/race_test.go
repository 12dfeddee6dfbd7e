package session_test

// What happens when things happen at the same time.

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"outpost/session"
)

// A load that has the record in hand when the session ends must not put it back.
func TestEndDuringLoad(t *testing.T) {
	for _, how := range []string{"end", "end-all"} {
		t.Run(how, func(t *testing.T) {
			store := &shaky{Store: newMemory()}
			s := newSessions(t, session.Config{Store: store})
			value, key := create(t, s, alice())

			inHand, goOn := make(chan struct{}), make(chan struct{})
			wait := func() {
				close(inHand)
				<-goOn
			}
			store.loaded.Store(&wait)
			result := make(chan error)
			go func() {
				_, err := s.Find(t.Context(), cookie, value)
				result <- err
			}()
			<-inHand
			store.loaded.Store(nil)
			end(t, s, how, key)
			// This one joins the load that is under way.
			go func() {
				_, err := s.Find(t.Context(), cookie, value)
				result <- err
			}()
			close(goOn)
			for range 2 {
				if err := <-result; !errors.Is(err, session.ErrNone) {
					t.Errorf("the load that was under way: %v, want ErrNone", err)
				}
			}
			wantNone(t, s, cookie, value)
		})
	}
}

func end(t *testing.T, s *session.Sessions, how string, key session.Key) {
	t.Helper()
	var err error
	if how == "end" {
		err = s.End(t.Context(), key)
	} else {
		_, err = s.EndAll(t.Context(), session.Whose{Issuer: "https://idp.example.com", Subject: "5f0c1e4b"}, "signed_out")
	}
	if err != nil {
		t.Fatalf("%s: %v", how, err)
	}
}

// The same, left to chance: whatever the order, after End there is nothing.
func TestEndRacesFind(t *testing.T) {
	s := newSessions(t, session.Config{Store: openFile(t)})
	for range 200 {
		value, key := create(t, s, alice())
		var wg sync.WaitGroup
		var over atomic.Bool
		for range 4 {
			wg.Go(func() {
				for range 20 {
					was := over.Load()
					l, err := s.Find(t.Context(), cookie, value)
					if err == nil {
						l.Accept(time.Now())
					}
					if was && !errors.Is(err, session.ErrNone) {
						t.Errorf("Find after End: %v, want ErrNone", err)
					}
				}
			})
		}
		wg.Go(func() {
			if err := s.End(t.Context(), key); err != nil {
				t.Errorf("End: %v", err)
			}
			over.Store(true)
		})
		wg.Wait()
		wantNone(t, s, cookie, value)
	}
	if n, err := s.Len(t.Context()); n != 0 || err != nil {
		t.Errorf("Len = %d, %v; want 0", n, err)
	}
}

func TestEndGoesOnWithoutItsRequest(t *testing.T) {
	store := &shaky{Store: newMemory()}
	s := newSessions(t, session.Config{Store: store})
	value, key := create(t, s, alice())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.End(ctx, key); err != nil {
		t.Errorf("End: %v", err)
	}
	wantNone(t, s, cookie, value)
}

func TestParallelMissesShareALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &shaky{Store: newMemory()}
		slow := func() { time.Sleep(time.Second) }
		store.loaded.Store(&slow)
		s := newSessions(t, session.Config{Store: store})
		value, key := create(t, s, alice())
		gone, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for n := range 100 {
			wg.Go(func() {
				ctx := t.Context()
				if n%2 == 0 {
					ctx = gone // the first of them perhaps
				}
				l, err := s.Find(ctx, cookie, value)
				switch {
				case err == nil && l.Session().Key != key:
					t.Errorf("found session %v, want %v", l, key)
				case err != nil && (ctx != gone || !errors.Is(err, session.ErrStore) || !errors.Is(err, context.Canceled)):
					t.Errorf("Find: %v", err)
				}
			})
		}
		time.Sleep(time.Second / 2)
		cancel()
		wg.Wait()
		if n := store.loads.Load(); n != 1 {
			t.Errorf("the store was asked %d times, want once", n)
		}
	})
}

// Many people, a cache too small for them, everything at once: nobody is ever
// taken for another.
func TestIdentitiesNeverMix(t *testing.T) {
	for _, size := range []int{1, 7, 5000} {
		t.Run(fmt.Sprintf("cache-of-%d", size), func(t *testing.T) {
			s := newSessions(t, session.Config{CacheSize: size, Idle: time.Hour, Prepare: func(sess *session.Session) any {
				return sess.Identity.Subject
			}})
			const people = 50
			values := make([]string, people)
			keys := make([]session.Key, people)
			for i := range people {
				sess := alice()
				sess.Identity.Subject = fmt.Sprint("person ", i)
				values[i], keys[i] = create(t, s, sess)
			}
			stop := run(t, s)
			var wg sync.WaitGroup
			for worker := range 8 {
				wg.Go(func() {
					for round := range 500 {
						i := (round*(worker+1) + worker) % people
						l, err := s.Find(t.Context(), cookie, values[i])
						if err != nil {
							t.Errorf("Find: %v", err)
							return
						}
						want := fmt.Sprint("person ", i)
						if l.Session().Key != keys[i] || l.Session().Identity.Subject != want || l.Prepared() != want {
							t.Errorf("%q was taken for %q", want, l.Session().Identity.Subject)
						}
						l.Accept(time.Now())
						if round%50 == 0 {
							s.Checked(t.Context(), keys[i], time.Time{})
							s.Len(t.Context())
						}
					}
				})
			}
			wg.Wait()
			stop()
		})
	}
}

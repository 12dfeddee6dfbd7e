package session_test

// What happens when the store cannot be asked, and when things happen at the
// same time.

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"outpost/session"
)

// shaky is a store that fails on demand, counts calls, and lets a test in
// between a load and its answer.
type shaky struct {
	session.Store
	down    atomic.Bool
	loads   atomic.Int64
	touched atomic.Int64 // records, over all calls

	loaded    atomic.Pointer[func()] // called with the record in hand
	replacing atomic.Pointer[func()] // called before the record is replaced
}

var errDisk = errors.New("input/output error")

func (s *shaky) err() error {
	if s.down.Load() {
		return errDisk
	}
	return nil
}

func (s *shaky) Save(ctx context.Context, key session.Key, r session.Record) error {
	if err := s.err(); err != nil {
		return err
	}
	return s.Store.Save(ctx, key, r)
}

func (s *shaky) Replace(ctx context.Context, key session.Key, r session.Record) error {
	if f := s.replacing.Load(); f != nil {
		(*f)()
	}
	if err := errors.Join(s.err(), ctx.Err()); err != nil {
		return err
	}
	return s.Store.Replace(ctx, key, r)
}

func (s *shaky) Load(ctx context.Context, key session.Key) (session.Record, error) {
	s.loads.Add(1)
	if err := s.err(); err != nil {
		return session.Record{}, err
	}
	r, err := s.Store.Load(ctx, key)
	if f := s.loaded.Load(); f != nil {
		(*f)()
	}
	return r, err
}

func (s *shaky) Delete(ctx context.Context, key session.Key) error {
	if err := errors.Join(s.err(), ctx.Err()); err != nil {
		return err
	}
	return s.Store.Delete(ctx, key)
}

func (s *shaky) Touch(ctx context.Context, seen map[session.Key]time.Time) error {
	if err := s.err(); err != nil {
		return err
	}
	s.touched.Add(int64(len(seen)))
	return s.Store.Touch(ctx, seen)
}

func (s *shaky) Find(ctx context.Context, index session.Key) ([]session.Key, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	return s.Store.Find(ctx, index)
}

func (s *shaky) Sweep(ctx context.Context, now time.Time, idle time.Duration) (int, error) {
	if err := s.err(); err != nil {
		return 0, err
	}
	return s.Store.Sweep(ctx, now, idle)
}

// failingDelete deletes nothing.
type failingDelete struct{ session.Store }

func (*failingDelete) Delete(context.Context, session.Key) error { return errDisk }

// failingScan scans nothing.
type failingScan struct{ session.Store }

func (*failingScan) Scan(context.Context, func(session.Key, session.Record) bool) error {
	return errDisk
}

func (s *shaky) Len(ctx context.Context) (int, error) {
	if err := s.err(); err != nil {
		return 0, err
	}
	return s.Store.Len(ctx)
}

func TestStoreDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &shaky{Store: newMemory()}
		var failed counts
		var log logged
		s := newSessions(t, session.Config{
			Store: store, Idle: time.Hour, Log: log.logger(), OnStoreError: failed.add,
		})
		hot, hotKey := create(t, s, alice())
		mustFind(t, s, hot)
		ended, endedKey := create(t, s, alice())
		mustFind(t, s, ended)
		cold, coldKey := create(t, s, alice())

		store.down.Store(true)
		unknown := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, session.ErrStore) || errors.Is(err, session.ErrNone) || !errors.Is(err, errDisk) {
				t.Errorf("%s: error %v, want an ErrStore that wraps the cause", what, err)
			}
		}
		_, err := s.Find(t.Context(), cookie, cold)
		unknown("Find", err)
		_, err = s.Load(t.Context(), coldKey)
		unknown("Load", err)
		_, _, err = s.Create(t.Context(), cookie, alice())
		unknown("Create", err)
		_, err = s.Len(t.Context())
		unknown("Len", err)

		// What is hot goes on, what was ended is over, and the store is
		// not asked about it.
		mustFind(t, s, hot)
		unknown("End", s.End(t.Context(), endedKey))
		wantNone(t, s, cookie, ended)
		if _, err := s.Load(t.Context(), endedKey); !errors.Is(err, session.ErrNone) {
			t.Errorf("Load of an ended session: %v, want ErrNone", err)
		}
		n, err := s.EndAll(t.Context(), session.Whose{Issuer: "https://idp.example.com", Subject: "5f0c1e4b"}, "signed_out")
		unknown("EndAll", err)
		if n != 1 {
			t.Errorf("EndAll ended %d sessions, want the hot one", n)
		}
		wantNone(t, s, cookie, hot)
		failed.want(t, map[string]int{"load": 2, "save": 1, "len": 1, "delete": 2, "find": 1})

		// It comes back: what was ended stays so, and is deleted at last.
		defer run(t, s)()
		time.Sleep(20 * time.Minute)
		store.down.Store(false)
		for _, value := range []string{hot, ended} {
			wantNone(t, s, cookie, value)
		}
		mustFind(t, s, cold)
		time.Sleep(31 * time.Second)
		for _, key := range []session.Key{hotKey, endedKey} {
			if _, err := store.Store.Load(t.Context(), key); !errors.Is(err, session.ErrNone) {
				t.Errorf("the record of an ended session is still there: %v", err)
			}
			wantNone(t, s, cookie, hot)
		}
		for _, want := range []string{"could not be deleted", "could not be swept"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log does not say %q:\n%s", want, &log)
			}
		}
	})
}

// What could not be written is neither lost nor swept away, though the session
// has left the cache meanwhile.
func TestAcceptedChecksSurviveAStoreThatWasDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &shaky{Store: newMemory()}
		var log logged
		s := newSessions(t, session.Config{Store: store, Idle: time.Hour, Log: log.logger(), CacheSize: 1})
		defer run(t, s)()
		value, key := create(t, s, alice())
		other, _ := create(t, s, alice())
		time.Sleep(50*time.Minute + time.Second)
		mustFind(t, s, value).Accept(time.Now())
		seen := time.Now()
		mustFind(t, s, other) // evicts the first, its news unwritten
		if !s.Checked(t.Context(), key, time.Time{}) {
			t.Error("what an evicted session knew is lost")
		}
		store.down.Store(true)
		time.Sleep(20 * time.Minute) // as the store knows it, it is idle
		store.down.Store(false)
		mustFind(t, s, value)
		time.Sleep(31 * time.Second)
		if r, err := store.Store.Load(t.Context(), key); err != nil || !r.Seen.Equal(seen) {
			t.Errorf("in the store it was seen at %v, %v; want %v", r.Seen, err, seen)
		}
		for _, want := range []string{"could not be written", "were not swept"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log does not say %q:\n%s", want, &log)
			}
		}
	})
}

func TestPanicInPrepareLeavesNobodyWaiting(t *testing.T) {
	first := true
	s := newSessions(t, session.Config{Prepare: func(*session.Session) any {
		if first {
			first = false
			panic("a mistake")
		}
		return nil
	}})
	value, _ := create(t, s, alice())
	func() {
		defer func() { _ = recover() }()
		s.Find(t.Context(), cookie, value)
		t.Error("the panic did not come through")
	}()
	mustFind(t, s, value)
}

func TestEvictionKeepsTheBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &shaky{Store: newMemory()}
		evicted := 0
		s := newSessions(t, session.Config{Store: store, CacheSize: 8, Idle: time.Hour, OnEvent: func(e string) {
			if e == "evicted" {
				evicted++
			}
		}})
		busy, _ := create(t, s, alice())
		mustFind(t, s, busy)
		for range 100 {
			time.Sleep(time.Second)
			mustFind(t, s, busy).Accept(time.Now())
			value, _ := create(t, s, alice())
			mustFind(t, s, value)
		}
		if evicted != 93 { // the busy one and seven more fit
			t.Errorf("%d were evicted, want 93", evicted)
		}
		before := store.loads.Load()
		mustFind(t, s, busy)
		if store.loads.Load() != before {
			t.Error("the session with the latest accepted check was evicted")
		}
	})
}

// slow is a store whose sweep takes until it is told that it is over.
type slow struct {
	shaky
	over chan struct{}
}

func (s *slow) Sweep(ctx context.Context, now time.Time, idle time.Duration) (int, error) {
	select {
	case <-s.over:
	case <-ctx.Done():
	}
	return s.shaky.Sweep(ctx, now, idle)
}

// A sweep that takes minutes keeps no idle time from being written, and a stop
// does not wait for it.
func TestIdleTimesAreWrittenWhileASweepGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{shaky: shaky{Store: newMemory()}, over: make(chan struct{})}
		s := newSessions(t, session.Config{Store: store, Idle: time.Hour})
		value, _ := create(t, s, alice())
		stop := run(t, s)
		time.Sleep(5*time.Minute + time.Second) // the sweep has begun
		mustFind(t, s, value).Accept(time.Now())
		time.Sleep(time.Minute)
		if store.touched.Load() != 1 {
			t.Error("the idle time was not written within a minute")
		}
		time.Sleep(20 * time.Minute) // no second sweep comes beside the first
		before := time.Now()
		stop()
		if took := time.Since(before); took > time.Second {
			t.Errorf("the stop took %v", took)
		}
		mustFind(t, s, value)
	})
}

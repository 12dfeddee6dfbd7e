package storetest

// The contract of session.Shared: what two processes that have one store open
// must see of each other.

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"outpost/session"
)

// patience is how long a test waits for what must come, quiet how long for what
// must not.
const patience, quiet = 20 * time.Second, 300 * time.Millisecond

// RunShared runs the suite. open returns two processes' stores over a new, empty
// one for each test; the suite closes them.
func RunShared(t *testing.T, open func(t *testing.T) (a, b session.Shared)) {
	tests := []struct {
		name string
		test func(t *testing.T, a, b session.Shared)
	}{
		{"exchange", exchange},
		{"exchange-never-resurrects", exchangeDeleted},
		{"exchange-races", exchangeRaces},
		{"lock", lockOnce},
		{"lock-is-over-in-time", lockOver},
		{"notes", notes},
		{"watch-changes", watchChanges},
		{"watch-is-not-told-of-use", watchTouch},
		{"watch-what-was-loaded", watchLoaded},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, b := open(t)
			defer a.Close()
			defer b.Close()
			test.test(t, a, b)
		})
	}
}

func exchange(t *testing.T, a, b session.Shared) {
	save(t, a, key(1), record(1))
	if err := b.Exchange(t.Context(), key(1), record(1).Sealed, record(2)); err != nil {
		t.Fatalf("Exchange: %v", err)
	}
	wantRecord(t, a, key(1), record(2))
	wantFound(t, a, record(1).Indexes[1])
	wantFound(t, a, record(2).Indexes[1], key(1))
	for _, old := range [][]byte{record(1).Sealed, record(3).Sealed, nil} {
		if err := a.Exchange(t.Context(), key(1), old, record(4)); !errors.Is(err, session.ErrChanged) {
			t.Errorf("Exchange of %q: error %v, want ErrChanged", old, err)
		}
	}
	wantRecord(t, b, key(1), record(2))
	wantFound(t, b, record(4).Indexes[1])

	// Seen is the later of the two.
	later := record(2).Seen.Add(time.Minute)
	touch(t, a, map[session.Key]time.Time{key(1): later})
	if err := b.Exchange(t.Context(), key(1), record(2).Sealed, record(1)); err != nil {
		t.Fatalf("Exchange: %v", err)
	}
	want := record(1)
	want.Seen = later
	wantRecord(t, a, key(1), want)
}

func exchangeDeleted(t *testing.T, a, b session.Shared) {
	save(t, a, key(1), record(1))
	if err := a.Delete(t.Context(), key(1)); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	if err := b.Exchange(t.Context(), key(1), record(1).Sealed, record(2)); !errors.Is(err, session.ErrNone) {
		t.Errorf("Exchange: error %v, want ErrNone", err)
	}
	wantNone(t, a, key(1))
	wantLen(t, a, 0)
	wantFound(t, a, record(2).Indexes[1])
}

// exchangeRaces: of many that take the place of one, one does.
func exchangeRaces(t *testing.T, a, b session.Shared) {
	save(t, a, key(1), record(1))
	var mu sync.Mutex
	won := 0
	parallel(t, 32, func(worker int) error {
		s := a
		if worker%2 == 1 {
			s = b
		}
		err := s.Exchange(t.Context(), key(1), record(1).Sealed, record(10+worker))
		if errors.Is(err, session.ErrChanged) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		won++
		return err
	})
	if won != 1 {
		t.Errorf("%d took the place of one, want 1", won)
	}
}

func lockOnce(t *testing.T, a, b session.Shared) {
	unlock, err := a.Lock(t.Context(), key(1), time.Minute)
	if err != nil {
		t.Fatalf("Lock: %v", err)
	}
	for _, s := range []session.Shared{a, b} {
		if _, err := s.Lock(t.Context(), key(1), time.Minute); !errors.Is(err, session.ErrLocked) {
			t.Errorf("Lock of what is locked: error %v, want ErrLocked", err)
		}
	}
	other, err := b.Lock(t.Context(), key(2), time.Minute)
	if err != nil {
		t.Fatalf("Lock of another key: %v", err)
	}
	other()
	unlock()
	again, err := b.Lock(t.Context(), key(1), time.Minute)
	if err != nil {
		t.Fatalf("Lock after unlock: %v", err)
	}
	unlock() // that of a, which has none any more
	if _, err := a.Lock(t.Context(), key(1), time.Minute); !errors.Is(err, session.ErrLocked) {
		t.Errorf("the second unlock of one took another's lock: error %v, want ErrLocked", err)
	}
	again()
	wantNone(t, a, key(1)) // a lock is no record
	wantLen(t, a, 0)
}

func lockOver(t *testing.T, a, b session.Shared) {
	if _, err := a.Lock(t.Context(), key(1), 50*time.Millisecond); err != nil {
		t.Fatalf("Lock: %v", err)
	}
	within(t, "a lock to be over", func() bool {
		_, err := b.Lock(t.Context(), key(1), time.Minute)
		return err == nil
	})
}

func notes(t *testing.T, a, b session.Shared) {
	wants := func(s session.Shared, want time.Time) {
		t.Helper()
		if at, err := s.Noted(t.Context(), key(1)); err != nil || !at.Equal(want) {
			t.Errorf("Noted = %v, %v; want %v", at, err, want)
		}
	}
	wants(b, time.Time{})
	for _, at := range []time.Time{now, now.Add(1), now.Add(-time.Hour)} {
		if err := a.Note(t.Context(), key(1), at, time.Minute); err != nil {
			t.Fatalf("Note: %v", err)
		}
		wants(b, at)
	}
	if err := b.Note(t.Context(), key(1), now, 20*time.Millisecond); err != nil {
		t.Fatalf("Note: %v", err)
	}
	within(t, "the note to be over", func() bool {
		at, err := a.Noted(t.Context(), key(1))
		return err == nil && at.IsZero()
	})
	wantNone(t, a, key(1))
	wantLen(t, a, 0)
}

// told is a Watcher that notes what it hears.
type told struct {
	mu      sync.Mutex
	changed map[session.Key]int
	lost    int
	current time.Time
}

// watched starts Watch and waits until it is current.
func watched(t *testing.T, s session.Shared) *told {
	t.Helper()
	w := &told{changed: make(map[session.Key]int)}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	t.Cleanup(func() { cancel(); done.Wait() })
	done.Go(func() {
		s.Watch(ctx, session.Watcher{
			Changed: func(k session.Key) { w.mu.Lock(); defer w.mu.Unlock(); w.changed[k]++ },
			Lost:    func() { w.mu.Lock(); defer w.mu.Unlock(); w.lost++ },
			Current: func(asOf time.Time) { w.mu.Lock(); defer w.mu.Unlock(); w.current = asOf },
		})
	})
	within(t, "Watch to be current", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return !w.current.IsZero() })
	return w
}

func (w *told) of(k session.Key) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed[k]
}

func watchChanges(t *testing.T, a, b session.Shared) {
	w := watched(t, b)
	save(t, a, key(1), record(1))
	changes := []func() error{
		func() error { return a.Replace(t.Context(), key(1), record(2)) },
		func() error { return a.Exchange(t.Context(), key(1), record(2).Sealed, record(3)) },
		func() error { return a.Delete(t.Context(), key(1)) },
	}
	within(t, "the save to be told", func() bool { return w.of(key(1)) > 0 })
	for i, change := range changes {
		before := w.of(key(1))
		if err := change(); err != nil {
			t.Fatalf("change %d: %v", i, err)
		}
		within(t, "the change to be told", func() bool { return w.of(key(1)) > before })
	}
}

func watchTouch(t *testing.T, a, b session.Shared) {
	save(t, a, key(1), record(1))
	w := watched(t, b)
	time.Sleep(quiet) // the save may still be on its way
	before := w.of(key(1))
	touch(t, a, map[session.Key]time.Time{key(1): record(1).Seen.Add(time.Minute)})
	if _, err := a.Lock(t.Context(), key(1), time.Minute); err != nil {
		t.Fatalf("Lock: %v", err)
	}
	time.Sleep(quiet)
	if n := w.of(key(1)) - before; n != 0 {
		t.Errorf("a Touch and a Lock were told %d times: each throws the session out of every cache", n)
	}
}

// watchLoaded: each change after a load is told, however the two meet.
func watchLoaded(t *testing.T, a, b session.Shared) {
	w := watched(t, b)
	save(t, a, key(1), record(1))
	for i := range 50 {
		before := w.of(key(1))
		got, err := b.Load(t.Context(), key(1))
		if err != nil {
			t.Fatalf("Load: %v", err)
		}
		if err := a.Exchange(t.Context(), key(1), got.Sealed, record(2+i)); err != nil {
			t.Fatalf("Exchange: %v", err)
		}
		within(t, "the change to be told", func() bool { return w.of(key(1)) > before })
	}
}

// within waits until ready is true.
func within(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ready(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

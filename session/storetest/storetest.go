// Package storetest is the contract of session.Store as a test: what every
// driver must do, in words that a driver's author can run.
//
// It does not test what a driver promises beyond that, such as surviving a
// crash or being shared between processes.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/session"
)

// Run runs the suite. open returns a new, empty store for each test; the suite
// closes it.
func Run(t *testing.T, open func(t *testing.T) session.Store) {
	tests := []struct {
		name string
		test func(t *testing.T, s session.Store)
	}{
		{"save-and-load", saveAndLoad},
		{"load-absent", loadAbsent},
		{"save-replaces", saveReplaces},
		{"replace", replace},
		{"replace-never-resurrects", replaceDeleted},
		{"replace-races-delete", replaceRacesDelete},
		{"nothing-is-shared", nothingIsShared},
		{"delete", deleteGone},
		{"touch-moves-forward-alone", touchForward},
		{"touch-never-resurrects", touchDeleted},
		{"find", find},
		{"sweep-expired", sweepExpired},
		{"sweep-idle", sweepIdle},
		{"sweep-many", sweepMany},
		{"scan", scan},
		{"scan-while-changing", scanWhileChanging},
		{"scan-stops", scanStops},
		{"in-parallel", inParallel},
		{"context-done", contextDone},
		{"closed", closed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := open(t)
			defer s.Close() // the second time for some; an error then is no matter
			test.test(t, s)
		})
	}
}

// now has nanoseconds, so that a driver which drops them is found out, and lies
// ahead, so that one which clears up by itself leaves the records alone.
var now = time.Now().UTC().Truncate(time.Second).Add(24*time.Hour + 123456789)

// key returns keys that differ in their last bytes alone, where a driver that
// compares too little would take one for another.
func key(n int) session.Key {
	var k session.Key
	copy(k[:], "every key of this suite begins s")
	k[29], k[30], k[31] = byte(n>>16), byte(n>>8), byte(n)
	return k
}

func record(n int) session.Record {
	return session.Record{
		Sealed:  fmt.Appendf(nil, "\x00record %d\xff", n),
		Expires: now.Add(time.Hour + time.Duration(n)),
		Seen:    now.Add(time.Duration(n)),
		Indexes: []session.Key{key(1_000_000 + n%2), key(2_000_000 + n)},
	}
}

func saveAndLoad(t *testing.T, s session.Store) {
	long := record(2)
	long.Sealed = bytes.Repeat([]byte("0123456789abcdef"), 8192)
	bare := record(3)
	bare.Indexes = nil
	records := map[session.Key]session.Record{key(1): record(1), key(2): long, key(3): bare}
	for k, r := range records {
		save(t, s, k, r)
	}
	for k, r := range records {
		wantRecord(t, s, k, r)
	}
	wantLen(t, s, 3)
}

func loadAbsent(t *testing.T, s session.Store) {
	save(t, s, key(1), record(1))
	wantNone(t, s, key(2))
	wantNone(t, s, session.Key{})
}

func saveReplaces(t *testing.T, s session.Store) {
	save(t, s, key(1), record(1))
	r := record(4)
	save(t, s, key(1), r)
	wantRecord(t, s, key(1), r)
	wantLen(t, s, 1)
	for _, index := range record(1).Indexes {
		wantFound(t, s, index)
	}
	for _, index := range r.Indexes {
		wantFound(t, s, index, key(1))
	}
}

func replace(t *testing.T, s session.Store) {
	save(t, s, key(1), record(1))
	save(t, s, key(3), record(3)) // shares an index
	r := record(4)
	if err := s.Replace(t.Context(), key(1), r); err != nil {
		t.Fatalf("Replace: %v", err)
	}
	wantRecord(t, s, key(1), r)
	wantRecord(t, s, key(3), record(3))
	wantLen(t, s, 2)
	wantFound(t, s, record(1).Indexes[0], key(3))
	wantFound(t, s, record(1).Indexes[1])
	for _, index := range r.Indexes {
		wantFound(t, s, index, key(1))
	}
	// Seen moves forward with it, and never back.
	seen := r.Seen
	r.Seen = seen.Add(-time.Minute)
	if err := s.Replace(t.Context(), key(1), r); err != nil {
		t.Fatalf("Replace: %v", err)
	}
	r.Seen = seen
	wantRecord(t, s, key(1), r)
}

func replaceDeleted(t *testing.T, s session.Store) {
	save(t, s, key(1), record(1))
	if err := s.Delete(t.Context(), key(1)); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	for _, k := range []session.Key{key(1), key(2)} {
		if err := s.Replace(t.Context(), k, record(1)); !errors.Is(err, session.ErrNone) {
			t.Errorf("Replace: error %v, want ErrNone", err)
		}
		wantNone(t, s, k)
	}
	wantLen(t, s, 0)
	wantFound(t, s, record(1).Indexes[0])
}

// replaceRacesDelete: whichever comes first, the record is gone in the end.
func replaceRacesDelete(t *testing.T, s session.Store) {
	const n = 50
	for i := range n {
		save(t, s, key(i), record(i))
	}
	parallel(t, 2*n, func(worker int) error {
		k := key(worker / 2)
		if worker%2 == 0 {
			return s.Delete(t.Context(), k)
		}
		if err := s.Replace(t.Context(), k, record(worker/2)); err != nil && !errors.Is(err, session.ErrNone) {
			return fmt.Errorf("replacing: %w", err)
		}
		return nil
	})
	wantLen(t, s, 0)
	for i := range n {
		wantFound(t, s, record(i).Indexes[1])
	}
}

func nothingIsShared(t *testing.T, s session.Store) {
	r := record(1)
	save(t, s, key(1), r)
	clear(r.Sealed)
	clear(r.Indexes)
	wantRecord(t, s, key(1), record(1))

	got, err := s.Load(t.Context(), key(1))
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	clear(got.Sealed)
	clear(got.Indexes)
	wantRecord(t, s, key(1), record(1))

	keys, err := s.Find(t.Context(), record(1).Indexes[0])
	if err != nil {
		t.Fatalf("Find: %v", err)
	}
	clear(keys)
	wantFound(t, s, record(1).Indexes[0], key(1))
}

func deleteGone(t *testing.T, s session.Store) {
	save(t, s, key(1), record(1))
	save(t, s, key(3), record(3)) // shares an index
	for range 2 {
		if err := s.Delete(t.Context(), key(1)); err != nil {
			t.Fatalf("Delete: %v", err)
		}
		wantNone(t, s, key(1))
		wantLen(t, s, 1)
	}
	wantFound(t, s, record(1).Indexes[0], key(3))
	wantFound(t, s, record(1).Indexes[1])
	wantRecord(t, s, key(3), record(3))
}

func touchForward(t *testing.T, s session.Store) {
	for n := 1; n <= 3; n++ {
		save(t, s, key(n), record(n))
	}
	later := now.Add(time.Minute + 1)
	touch(t, s, map[session.Key]time.Time{
		key(1): later,
		key(2): now.Add(-time.Minute),
		key(9): later,
	})
	r := record(1)
	r.Seen = later
	wantRecord(t, s, key(1), r)
	wantRecord(t, s, key(2), record(2))
	wantRecord(t, s, key(3), record(3))
	wantNone(t, s, key(9))
	wantLen(t, s, 3)
	touch(t, s, nil)
}

func touchDeleted(t *testing.T, s session.Store) {
	save(t, s, key(1), record(1))
	if err := s.Delete(t.Context(), key(1)); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	touch(t, s, map[session.Key]time.Time{key(1): now.Add(time.Minute)})
	wantNone(t, s, key(1))
	wantLen(t, s, 0)
	wantFound(t, s, record(1).Indexes[0])
}

func find(t *testing.T, s session.Store) {
	for n := 1; n <= 5; n++ {
		save(t, s, key(n), record(n))
	}
	wantFound(t, s, record(1).Indexes[0], key(1), key(3), key(5))
	wantFound(t, s, record(2).Indexes[0], key(2), key(4))
	wantFound(t, s, record(2).Indexes[1], key(2))
	wantFound(t, s, key(1)) // a session's key is no index
	wantFound(t, s, session.Key{})
}

func sweepExpired(t *testing.T, s session.Store) {
	for n := range 4 { // the end of record n is n nanoseconds past the hour
		save(t, s, key(n), record(n))
	}
	wantSwept(t, s, now, 0, 0)
	wantSwept(t, s, now.Add(time.Hour+1), 0, 2) // an end that has come is over
	wantNone(t, s, key(0))
	wantNone(t, s, key(1))
	wantRecord(t, s, key(2), record(2))
	wantLen(t, s, 2)
	wantFound(t, s, record(1).Indexes[0], key(3))
	wantSwept(t, s, now.Add(time.Hour+1), 0, 0)
}

func sweepIdle(t *testing.T, s session.Store) {
	for n := range 4 { // record n was seen n nanoseconds past now
		save(t, s, key(n), record(n))
	}
	touch(t, s, map[session.Key]time.Time{key(0): now.Add(time.Second)})
	wantSwept(t, s, now.Add(time.Minute+1), time.Minute, 1)
	wantRecord(t, s, key(2), record(2))
	wantNone(t, s, key(1))
	wantLen(t, s, 3)
	wantSwept(t, s, now.Add(30*time.Minute), 0, 0) // no idle time, nothing is idle
	wantSwept(t, s, now.Add(30*time.Minute), time.Minute, 3)
	wantLen(t, s, 0)
}

// sweepMany is enough that a sweep takes several steps.
func sweepMany(t *testing.T, s session.Store) {
	const n = 5000
	parallel(t, 64, func(worker int) error {
		for i := worker; i < n; i += 64 {
			r := record(i)
			if i%3 == 0 {
				r.Expires = now
			}
			if err := s.Save(t.Context(), key(i), r); err != nil {
				return fmt.Errorf("saving: %w", err)
			}
		}
		return nil
	})
	wantLen(t, s, n)
	wantSwept(t, s, now, 0, (n+2)/3)
	wantLen(t, s, n-(n+2)/3)
	for i := range n {
		r, err := s.Load(t.Context(), key(i))
		switch {
		case i%3 == 0 && !errors.Is(err, session.ErrNone):
			t.Fatalf("record %d: error %v, want ErrNone", i, err)
		case i%3 != 0 && (err != nil || !bytes.Equal(r.Sealed, record(i).Sealed)):
			t.Fatalf("record %d: %q, %v", i, r.Sealed, err)
		}
	}
}

// inParallel does everything at once. Each worker's own records must come out
// as it left them.
func inParallel(t *testing.T, s session.Store) {
	const workers, rounds = 16, 20
	parallel(t, workers, func(worker int) error {
		for round := range rounds {
			n := worker*rounds + round
			if err := s.Save(t.Context(), key(n), record(n)); err != nil {
				return fmt.Errorf("saving: %w", err)
			}
			seen := now.Add(time.Second + time.Duration(n))
			if err := s.Touch(t.Context(), map[session.Key]time.Time{key(n): seen}); err != nil {
				return fmt.Errorf("touching: %w", err)
			}
			r, err := s.Load(t.Context(), key(n))
			if err != nil || !r.Seen.Equal(seen) || !bytes.Equal(r.Sealed, record(n).Sealed) {
				return fmt.Errorf("loading %d: got %v, %v", n, r, err)
			}
			if round%2 == 0 {
				if err := s.Delete(t.Context(), key(n)); err != nil {
					return fmt.Errorf("deleting: %w", err)
				}
				if _, err := s.Load(t.Context(), key(n)); !errors.Is(err, session.ErrNone) {
					return fmt.Errorf("loading what was deleted: got %v, want ErrNone", err)
				}
			}
			if _, err := s.Sweep(t.Context(), now, time.Hour); err != nil {
				return fmt.Errorf("sweeping: %w", err)
			}
			keys, err := s.Find(t.Context(), record(n).Indexes[1])
			if err != nil || (len(keys) == 1) != (round%2 == 1) {
				return fmt.Errorf("finding %d: got %v, %v", n, keys, err)
			}
		}
		return nil
	})
	wantLen(t, s, workers*rounds/2)
}

func contextDone(t *testing.T, s session.Store) {
	save(t, s, key(1), record(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantFailing(t, s, ctx)
	wantRecord(t, s, key(1), record(1))
	wantNone(t, s, key(2))
}

func closed(t *testing.T, s session.Store) {
	save(t, s, key(1), record(1))
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	wantFailing(t, s, t.Context())
}

// wantFailing tries every call, each of which must fail, and none with ErrNone:
// that would be an answer.
func wantFailing(t *testing.T, s session.Store, ctx context.Context) {
	t.Helper()
	calls := map[string]func() error{
		"Save":    func() error { return s.Save(ctx, key(2), record(2)) },
		"Replace": func() error { return s.Replace(ctx, key(1), record(2)) },
		"Load":    func() error { _, err := s.Load(ctx, key(1)); return err },
		"Delete":  func() error { return s.Delete(ctx, key(1)) },
		"Touch":   func() error { return s.Touch(ctx, map[session.Key]time.Time{key(1): now.Add(time.Hour)}) },
		"Find":    func() error { _, err := s.Find(ctx, record(1).Indexes[0]); return err },
		"Sweep":   func() error { _, err := s.Sweep(ctx, now.Add(time.Hour*2), 0); return err },
		"Scan":    func() error { return s.Scan(ctx, func(session.Key, session.Record) bool { return true }) },
		"Len":     func() error { _, err := s.Len(ctx); return err },
	}
	for name, call := range calls {
		if err := call(); err == nil || errors.Is(err, session.ErrNone) {
			t.Errorf("%s: error %v, want one that is not ErrNone", name, err)
		}
	}
}

func save(t *testing.T, s session.Store, k session.Key, r session.Record) {
	t.Helper()
	if err := s.Save(t.Context(), k, r); err != nil {
		t.Fatalf("Save: %v", err)
	}
}

func touch(t *testing.T, s session.Store, seen map[session.Key]time.Time) {
	t.Helper()
	if err := s.Touch(t.Context(), seen); err != nil {
		t.Fatalf("Touch: %v", err)
	}
}

func wantRecord(t *testing.T, s session.Store, k session.Key, want session.Record) {
	t.Helper()
	got, err := s.Load(t.Context(), k)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" { // times by Equal
		t.Errorf("Load (-want +got):\n%s", diff)
	}
}

func wantNone(t *testing.T, s session.Store, k session.Key) {
	t.Helper()
	if r, err := s.Load(t.Context(), k); !errors.Is(err, session.ErrNone) {
		t.Errorf("Load = %v, %v; want ErrNone", r, err)
	}
}

func wantFound(t *testing.T, s session.Store, index session.Key, want ...session.Key) {
	t.Helper()
	got, err := s.Find(t.Context(), index)
	if err != nil {
		t.Fatalf("Find: %v", err)
	}
	slices.SortFunc(got, func(a, b session.Key) int { return bytes.Compare(a[:], b[:]) })
	if diff := cmp.Diff(want, got); diff != "" { // nil is not empty
		t.Errorf("Find (-want +got):\n%s", diff)
	}
}

func wantSwept(t *testing.T, s session.Store, now time.Time, idle time.Duration, want int) {
	t.Helper()
	if got, err := s.Sweep(t.Context(), now, idle); err != nil || got != want {
		t.Errorf("Sweep = %d, %v; want %d", got, err, want)
	}
}

func wantLen(t *testing.T, s session.Store, want int) {
	t.Helper()
	if got, err := s.Len(t.Context()); err != nil || got != want {
		t.Errorf("Len = %d, %v; want %d", got, err, want)
	}
}

// parallel runs workers at once and fails the test with the first error.
func parallel(t *testing.T, workers int, work func(worker int) error) {
	t.Helper()
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { errs[w] = work(w) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

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

func wantLen(t *testing.T, s session.Store, want int) {
	t.Helper()
	if got, err := s.Len(t.Context()); err != nil || got != want {
		t.Errorf("Len = %d, %v; want %d", got, err, want)
	}
}

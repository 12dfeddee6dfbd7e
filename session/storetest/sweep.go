package storetest

// What a sweep removes, and what it leaves.

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"outpost/session"
)

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

func wantSwept(t *testing.T, s session.Store, now time.Time, idle time.Duration, want int) {
	t.Helper()
	if got, err := s.Sweep(t.Context(), now, idle); err != nil || got != want {
		t.Errorf("Sweep = %d, %v; want %d", got, err, want)
	}
}

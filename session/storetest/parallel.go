package storetest

// What many do to a store at once.

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"outpost/session"
)

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

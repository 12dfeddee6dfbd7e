package storetest

// That a scan brings every record that stays, while others come and go.

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
	"github.com/google/go-cmp/cmp/cmpopts"

	"outpost/session"
)

func scan(t *testing.T, s session.Store) {
	wantScanned(t, s, nil)
	want := make(map[session.Key]session.Record)
	for n := range 300 {
		want[key(n)] = record(n)
	}
	long := record(300)
	long.Sealed = bytes.Repeat([]byte("0123456789abcdef"), 8192)
	want[key(300)] = long
	bare := record(301)
	bare.Indexes = nil
	want[key(301)] = bare
	for k, r := range want {
		save(t, s, k, r)
	}
	wantScanned(t, s, want)

	// What was handed out is nobody else's.
	if err := s.Scan(t.Context(), func(_ session.Key, r session.Record) bool {
		clear(r.Sealed)
		clear(r.Indexes)
		return true
	}); err != nil {
		t.Fatalf("Scan: %v", err)
	}
	touch(t, s, map[session.Key]time.Time{key(7): now.Add(time.Minute)})
	r := want[key(7)]
	r.Seen = now.Add(time.Minute)
	want[key(7)] = r
	if err := s.Delete(t.Context(), key(8)); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	delete(want, key(8))
	wantScanned(t, s, want)
}

// scanWhileChanging: what stays comes, whatever yield and others do to the rest.
func scanWhileChanging(t *testing.T, s session.Store) {
	const n = 5000
	parallel(t, 64, func(worker int) error {
		for i := worker; i < n; i += 64 {
			if err := s.Save(t.Context(), key(i), record(i)); err != nil {
				return fmt.Errorf("saving: %w", err)
			}
		}
		return nil
	})

	ctx, cancel := context.WithCancel(t.Context())
	var others sync.WaitGroup
	others.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			gone := i*3%n/3*3 + 1 // of every three the second
			s.Delete(ctx, key(gone))
			s.Save(ctx, key(gone), record(gone))
		}
	})
	stayed := make(map[session.Key]bool)
	come := 0
	err := s.Scan(t.Context(), func(k session.Key, r session.Record) bool {
		i := int(k[29])<<16 | int(k[30])<<8 | int(k[31])
		if !bytes.Equal(r.Sealed, record(i).Sealed) || !slices.Equal(r.Indexes, record(i).Indexes) {
			t.Errorf("record %d came as %q", i, r.Sealed)
		}
		if i < n && i%3 == 0 {
			stayed[k] = true
		}
		if come++; come%50 == 0 {
			// The third of every three goes, and another comes.
			if err := s.Delete(t.Context(), key(come/50*3+2)); err != nil {
				t.Errorf("Delete within Scan: %v", err)
			}
			if err := s.Save(t.Context(), key(n+come), record(n+come)); err != nil {
				t.Errorf("Save within Scan: %v", err)
			}
			if _, err := s.Load(t.Context(), k); err != nil && !errors.Is(err, session.ErrNone) {
				t.Errorf("Load within Scan: %v", err)
			}
		}
		return come < 10*n // it must come to an end, whoever adds to it
	})
	cancel()
	others.Wait()
	if err != nil {
		t.Fatalf("Scan: %v", err)
	}
	if want := (n + 2) / 3; len(stayed) != want {
		t.Errorf("of %d records that stayed %d came", want, len(stayed))
	}
}

func scanStops(t *testing.T, s session.Store) {
	const n = 5000 // several steps
	parallel(t, 64, func(worker int) error {
		for i := worker; i < n; i += 64 {
			if err := s.Save(t.Context(), key(i), record(i)); err != nil {
				return fmt.Errorf("saving: %w", err)
			}
		}
		return nil
	})
	for _, after := range []int{1, 7} {
		come := 0
		err := s.Scan(t.Context(), func(session.Key, session.Record) bool {
			come++
			return come < after
		})
		if err != nil || come != after {
			t.Errorf("told to stop after %d records it went on to %d, %v", after, come, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	come := 0
	err := s.Scan(ctx, func(session.Key, session.Record) bool {
		cancel()
		come++
		return true
	})
	if err == nil || errors.Is(err, session.ErrNone) || come == n {
		t.Errorf("with its context done after the first of %d records, Scan = %v after %d", n, err, come)
	}
}

// wantScanned lets a record come twice: the contract does not say that it may not.
func wantScanned(t *testing.T, s session.Store, want map[session.Key]session.Record) {
	t.Helper()
	got := make(map[session.Key]session.Record)
	err := s.Scan(t.Context(), func(k session.Key, r session.Record) bool {
		got[k] = r
		return true
	})
	if err != nil {
		t.Fatalf("Scan: %v", err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("Scan (-want +got):\n%s", diff)
	}
}

package file

// Large files, which are in use before they have been checked whole. Here no
// file is too small to be large.

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"outpost/session"
)

const lateSaved = 300

// lateFile returns the bytes of a sound file.
func lateFile(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sessions.db")
	s, err := Open(path, nil)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	s.db.Load().NoSync = true
	for n := range lateSaved {
		if err := s.Save(t.Context(), benchKey(n), lateRecord(n)); err != nil {
			t.Fatalf("Save: %v", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("reading the file: %v", err)
	}
	return b
}

func lateRecord(n int) session.Record {
	return session.Record{
		Sealed:  bytes.Repeat(fmt.Appendf(nil, "record %d|", n), 50),
		Expires: time.Unix(2e9, 0), Seen: time.Unix(1e9, 0),
		Indexes: []session.Key{{1}, benchKey(-n)},
	}
}

func lateOpen(t *testing.T, path string, b []byte) *Store {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatalf("writing the file: %v", err)
	}
	s, err := openStore(path, nil, 0)
	if err != nil {
		t.Fatalf("opening: %v", err)
	}
	return s
}

func asides(t *testing.T, path string) int {
	t.Helper()
	found, err := filepath.Glob(path + ".corrupt-*")
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func TestLargeFileIsReadBeforeItIsChecked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sessions.db")
	s := lateOpen(t, path, lateFile(t))
	<-s.verified
	s.verified = make(chan struct{}) // as if it were not
	for n := range lateSaved {
		if r, err := s.Load(t.Context(), benchKey(n)); err != nil || !bytes.Equal(r.Sealed, lateRecord(n).Sealed) {
			t.Errorf("Load: %v", err)
		}
	}
	if n, err := s.Len(t.Context()); n != lateSaved || err != nil {
		t.Errorf("Len = %d, %v", n, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Save(ctx, benchKey(1000), lateRecord(1000)); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "check of the session file") {
		t.Errorf("Save before the check: %v", err)
	}
	saved := make(chan error)
	go func() { saved <- s.Save(t.Context(), benchKey(1001), lateRecord(1001)) }()
	select {
	case err := <-saved:
		t.Fatalf("Save did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	close(s.verified)
	if err := <-saved; err != nil {
		t.Errorf("Save after the check: %v", err)
	}
	if _, err := s.Load(t.Context(), benchKey(1000)); !errors.Is(err, session.ErrNone) {
		t.Errorf("what was not acknowledged: %v, want ErrNone", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// Whatever is damaged, the check that comes late finds what the one at the start
// finds, and what is read meanwhile is an error or a record as it was saved,
// changed in what is sealed at most.
func TestLargeFileThatIsDamaged(t *testing.T) {
	good := lateFile(t)
	page := os.Getpagesize()
	rng := rand.New(rand.NewPCG(5, 6))
	late := 0
	for round := range 200 {
		b := bytes.Clone(good)
		for range 1 + rng.IntN(3) {
			at := 2*page + rng.IntN(len(b)-2*page)
			if round%3 != 0 {
				at = at/page*page + rng.IntN(96)
			}
			b[at] ^= 1 << rng.IntN(8)
		}
		path := filepath.Join(t.TempDir(), "sessions.db")
		s := lateOpen(t, path, b)
		early := asides(t, path)
		for n := range lateSaved {
			s.Load(t.Context(), benchKey(n))
		}
		s.Find(t.Context(), session.Key{1})
		<-s.verified
		bad := check(b) != nil
		if got := asides(t, path) == 1; got != bad {
			t.Errorf("round %d: set aside %v, damaged %v", round, got, bad)
		}
		if bad && early == 0 {
			late++
			if n, err := s.Len(t.Context()); n != 0 || err != nil {
				t.Errorf("round %d: the new file: Len = %d, %v", round, n, err)
			}
		}
		if bad {
			if err := s.Save(t.Context(), benchKey(1), lateRecord(1)); err != nil {
				t.Errorf("round %d: saving to the new file: %v", round, err)
			}
			if r, err := s.Load(t.Context(), benchKey(1)); err != nil || !bytes.Equal(r.Sealed, lateRecord(1).Sealed) {
				t.Errorf("round %d: loading from the new file: %v", round, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("round %d: Close: %v", round, err)
		}
		os.RemoveAll(filepath.Dir(path))
	}
	if late < 30 {
		t.Errorf("of 200 damaged files %d were found out late", late)
	}
}

// A branch that leads to itself would have a look-up go round until the stack
// ends the process: that is found before anything is looked up.
func TestCircleIsFoundAtOnce(t *testing.T) {
	b := lateFile(t)
	page := os.Getpagesize()
	turned := 0
	for id := 2; id < len(b)/page; id++ {
		p := b[id*page:]
		if binary.NativeEndian.Uint16(p[8:]) != flagBranch {
			continue
		}
		count := int(binary.NativeEndian.Uint16(p[10:]))
		for e := range count {
			binary.NativeEndian.PutUint64(p[pageHeader+e*elementSize+8:], uint64(id))
		}
		turned++
	}
	if turned == 0 {
		t.Fatal("the file has no branch")
	}
	path := filepath.Join(t.TempDir(), "sessions.db")
	s := lateOpen(t, path, b)
	defer s.Close()
	if asides(t, path) != 1 {
		t.Error("it was not set aside at once")
	}
}

// A file of an older version does not say how many sessions are in it, and a
// version between may have left a number that is no longer true.
func TestCountIsPutRight(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(meta *bbolt.Bucket) error
		first  int // Len before the check; -1: it waits
	}{
		{"right", func(*bbolt.Bucket) error { return nil }, lateSaved},
		{"absent", func(meta *bbolt.Bucket) error { return meta.Delete(keyCount) }, -1},
		{"wrong", func(meta *bbolt.Bucket) error { return meta.Put(keyCount, []byte{0, 0, 0, 0, 0, 0, 0, 9}) }, 9},
		{"cut", func(meta *bbolt.Bucket) error { return meta.Put(keyCount, []byte{9}) }, -1},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "sessions.db")
			if err := os.WriteFile(path, lateFile(t), 0o600); err != nil {
				t.Fatal(err)
			}
			db, err := bbolt.Open(path, 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(db.Update(func(tx *bbolt.Tx) error { return test.change(tx.Bucket(bucketMeta)) }), db.Close()); err != nil {
				t.Fatal(err)
			}
			s := &Store{verified: make(chan struct{}), log: slog.New(slog.DiscardHandler)}
			if db, err = bbolt.Open(path, 0o600, nil); err != nil {
				t.Fatal(err)
			}
			s.db.Store(db)
			if err := s.prepare(false); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if n, err := s.Len(ctx); test.first < 0 && !errors.Is(err, context.DeadlineExceeded) || test.first >= 0 && (n != test.first || err != nil) {
				t.Errorf("before the check: Len = %d, %v; want %d", n, err, test.first)
			}
			db.Close()
			if s, err = openStore(path, nil, 0); err != nil {
				t.Fatal(err)
			}
			<-s.verified
			if n, err := s.Len(t.Context()); n != lateSaved || err != nil {
				t.Errorf("after the check: Len = %d, %v; want %d", n, err, lateSaved)
			}
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

func TestCloseWhileChecking(t *testing.T) {
	good := lateFile(t)
	for range 20 {
		path := filepath.Join(t.TempDir(), "sessions.db")
		s := lateOpen(t, path, good)
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if asides(t, path) != 0 {
			t.Error("a sound file was set aside")
		}
	}
}

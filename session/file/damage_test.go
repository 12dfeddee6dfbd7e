package file_test

// Files that are not what they should be: never a panic, never an answer that
// nobody wrote, and a way on.

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"outpost/session"
	"outpost/session/file"
)

const saved = 300 // sessions in the files that are damaged: several levels of pages

// sound returns the bytes of a good file, with free pages and all.
func sound(t testing.TB) []byte {
	t.Helper()
	path := newPath(t)
	s := open(t, path)
	for n := range saved + 20 {
		save(t, s, n)
	}
	for n := saved; n < saved+20; n++ {
		if err := s.Delete(t.Context(), key(n)); err != nil {
			t.Fatalf("Delete: %v", err)
		}
	}
	closeStore(t, s)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("reading the file: %v", err)
	}
	return b
}

func TestUnusableFileIsSetAside(t *testing.T) {
	good := sound(t)
	page := os.Getpagesize()
	cut := func(n int) func([]byte) []byte {
		return func(b []byte) []byte { return b[:n] }
	}
	tests := []struct {
		name   string
		damage func([]byte) []byte
	}{
		{"text", func([]byte) []byte { return []byte("this is no database\n") }},
		{"noise", func(b []byte) []byte { return bytes.Repeat([]byte{0xA5, 0x5A, 0xFF}, len(b)/3) }},
		{"zeros", func(b []byte) []byte { return make([]byte, len(b)) }},
		{"one-byte", cut(1)},
		{"cut-within-the-first-page", cut(100)},
		{"cut-after-the-metas", cut(2 * page)},
		{"cut-in-the-middle", cut(len(good) / 2)},
		{"cut-within-a-page", cut(len(good)/2 + 77)},
		{"both-metas-damaged", func(b []byte) []byte {
			b[16+20] ^= 1
			b[page+16+20] ^= 1
			return b
		}},
		{"pages-in-another-order", func(b []byte) []byte {
			// All but the two metas, since any one of them may be free.
			turned := bytes.Clone(b[:2*page])
			for i := len(b)/page - 1; i >= 2; i-- {
				turned = append(turned, b[i*page:(i+1)*page]...)
			}
			return turned
		}},
		{"newer-layout", func(b []byte) []byte { return edited(t, b, "meta", "version", "2") }},
		{"older-layout", func(b []byte) []byte { return edited(t, b, "meta", "version", "0") }},
		{"other-database", func([]byte) []byte { return edited(t, nil, "users", "alice", "secret") }},
		{"bucket-missing", func([]byte) []byte { return edited(t, nil, "meta", "version", "1") }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := newPath(t)
			bad := test.damage(bytes.Clone(good))
			for round := range 2 { // the second within the same second
				write(t, path, bad)
				var log logged
				s, err := file.Open(path, log.logger())
				if err != nil {
					t.Fatalf("Open: %v", err)
				}
				if n, err := s.Len(t.Context()); n != 0 || err != nil {
					t.Errorf("Len = %d, %v; want 0", n, err)
				}
				save(t, s, 1)
				closeStore(t, s)

				aside, err := filepath.Glob(path + ".corrupt-*")
				if err != nil || len(aside) != round+1 {
					t.Fatalf("set aside: %v, %v; want %d", aside, err, round+1)
				}
				if b, err := os.ReadFile(aside[round]); err != nil || !bytes.Equal(b, bad) {
					t.Errorf("what was set aside is not what was there (%v)", err)
				}
				wantMode(t, aside[round], 0o600)
				for _, want := range []string{"level=ERROR", path, aside[round]} {
					if !strings.Contains(log.String(), want) {
						t.Errorf("the log does not say %q: %s", want, &log)
					}
				}
			}
			s := open(t, path)
			defer closeStore(t, s)
			if n, err := s.Len(t.Context()); n != 1 || err != nil {
				t.Errorf("the new file: Len = %d, %v; want 1", n, err)
			}
		})
	}
}

// One of the two meta pages is always spare: a crash may leave one half-written.
func TestOneDamagedMetaIsNoMatter(t *testing.T) {
	good := sound(t)
	for meta := range 2 {
		b := bytes.Clone(good)
		b[meta*os.Getpagesize()+16+20] ^= 1
		path := newPath(t)
		write(t, path, b)
		s := open(t, path)
		if n, err := s.Len(t.Context()); n < saved || err != nil {
			t.Errorf("without meta %d: Len = %d, %v; want %d or a few more", meta, n, err, saved)
		}
		closeStore(t, s)
	}
}

func TestEmptyFileIsBegun(t *testing.T) {
	path := newPath(t)
	write(t, path, nil)
	s := open(t, path)
	defer closeStore(t, s)
	save(t, s, 1)
	if found, _ := filepath.Glob(path + ".corrupt*"); found != nil {
		t.Errorf("set aside: %v", found)
	}
}

// Any bit of a file may flip. The store either finds out, or goes on with what
// is left; records that come out changed are found out by their seal.
func TestFlippedBits(t *testing.T) {
	good := sound(t)
	page := os.Getpagesize()
	rng := rand.New(rand.NewPCG(3, 4))
	setAside := 0
	for round := range 200 {
		b := bytes.Clone(good)
		for range 1 + rng.IntN(3) {
			at := rng.IntN(len(b))
			if round%3 != 0 { // headers and entries, where it hurts
				at = at/page*page + rng.IntN(96)
			}
			b[at] ^= 1 << rng.IntN(8)
		}
		path := newPath(t)
		write(t, path, b)
		s, err := file.Open(path, nil)
		if err != nil {
			t.Fatalf("round %d: Open: %v", round, err)
		}
		use(t, s)
		closeStore(t, s)
		found, _ := filepath.Glob(path + ".corrupt*")
		if found != nil {
			setAside++
		}
		// What was good enough to be used has not got worse by it.
		closeStore(t, open(t, path))
		if again, _ := filepath.Glob(path + ".corrupt*"); len(again) != len(found) {
			t.Errorf("round %d: the file was sound at first and is not after it was used", round)
		}
		os.RemoveAll(filepath.Dir(path))
	}
	if setAside < 50 || setAside == 200 {
		t.Errorf("%d of 200 damaged files were set aside", setAside)
	}
}

// The file is damaged while it is in use: by another program, or a bad disk.
func TestDamageWhileInUse(t *testing.T) {
	tests := []struct {
		name   string
		damage func(t *testing.T, path string)
	}{
		{"cut-short", func(t *testing.T, path string) {
			if err := os.Truncate(path, int64(2*os.Getpagesize())); err != nil {
				t.Fatalf("Truncate: %v", err)
			}
		}},
		{"noise", func(t *testing.T, path string) {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatalf("Stat: %v", err)
			}
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatalf("opening: %v", err)
			}
			defer f.Close()
			from := int64(2 * os.Getpagesize())
			if _, err := f.WriteAt(bytes.Repeat([]byte{0xFF}, int(info.Size()-from)), from); err != nil {
				t.Fatalf("writing: %v", err)
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := newPath(t)
			write(t, path, sound(t))
			var log logged
			s, err := file.Open(path, log.logger())
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			test.damage(t, path)
			if _, err := s.Load(t.Context(), key(1)); err == nil || errors.Is(err, session.ErrNone) {
				t.Errorf("Load: error %v, want one that is not ErrNone", err)
			}
			for range 2 { // the second must not wait for what the first left behind
				if err := s.Save(t.Context(), key(1), record(1)); err == nil {
					t.Error("Save: no error")
				}
				if err := s.Delete(t.Context(), key(1)); err == nil {
					t.Error("Delete: no error")
				}
			}
			use(t, s)
			closeStore(t, s)
			if n := strings.Count(log.String(), "level=ERROR"); n != 1 || !strings.Contains(log.String(), "restart outpost") {
				t.Errorf("%d errors logged, want one that says what to do:\n%s", n, &log)
			}
		})
	}
}

// use does everything there is to do. What it gets may be an error, but no
// panic, and no record but those that were saved.
func use(t *testing.T, s *file.Store) {
	t.Helper()
	for n := range saved {
		r, err := s.Load(t.Context(), key(n))
		if err == nil && len(r.Indexes) > 255 {
			t.Errorf("record %d has %d indexes", n, len(r.Indexes))
		}
		if n%50 == 0 {
			s.Delete(t.Context(), key(n))
		}
	}
	s.Find(t.Context(), record(0).Indexes[0])
	s.Touch(t.Context(), map[session.Key]time.Time{key(2): now.Add(time.Hour), key(3): now.Add(time.Hour)})
	s.Save(t.Context(), key(1000), record(1000))
	s.Sweep(t.Context(), now.Add(48*time.Hour), 0)
	s.Len(t.Context())
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatalf("making the directory: %v", err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatalf("writing the file: %v", err)
	}
}

// edited returns the database, or a new one, with one more entry.
func edited(t *testing.T, b []byte, bucket, key, value string) []byte {
	t.Helper()
	path := newPath(t)
	write(t, path, b)
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatalf("opening: %v", err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte(bucket))
		if err != nil {
			return err
		}
		return b.Put([]byte(key), []byte(value))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatalf("editing: %v", err)
	}
	if b, err = os.ReadFile(path); err != nil {
		t.Fatalf("reading: %v", err)
	}
	return b
}

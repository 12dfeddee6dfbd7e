package file

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"outpost/session"
)

// goodFile returns the bytes of a sound file, with branches and free pages.
func goodFile(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sessions.db")
	s, err := Open(path, nil)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	for n := range 40 {
		key := session.Key{byte(n * 37)}
		r := session.Record{Sealed: bytes.Repeat([]byte{byte(n)}, 300), Expires: time.Unix(int64(n), 0), Seen: time.Unix(0, 0), Indexes: []session.Key{{1}, key}}
		if err := s.Save(t.Context(), key, r); err != nil {
			t.Fatalf("Save: %v", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("reading: %v", err)
	}
	if err := check(good); err != nil {
		t.Fatalf("a sound file: %v", err)
	}
	return good
}

// What would make bbolt go round in circles, or free a page that is in use, and
// has no checksum of its own to tell.
func TestCheckFindsCrossedPages(t *testing.T) {
	good := goodFile(t)
	m, ok := readMeta(good)
	if !ok {
		t.Fatal("no meta page is sound")
	}
	at := func(page uint64) int { return int(page) * int(m.pageSize) }
	// A page of the tree with at least three children.
	branch := 0
	free := make(map[uint64]bool)
	list := good[at(m.freelist):]
	for i := range int(native.Uint16(list[10:])) {
		free[native.Uint64(list[pageHeader+8*i:])] = true
	}
	for p := uint64(2); p < m.high; p++ {
		b := good[at(p):]
		if !free[p] && native.Uint16(b[8:]) == flagBranch && native.Uint16(b[10:]) >= 3 {
			branch = at(p)
		}
	}
	if branch == 0 || len(free) < 2 {
		t.Fatalf("no branch (%d) or no free pages (%v) in the file", branch, free)
	}
	child := func(b []byte, i int) []byte { return b[branch+pageHeader+i*elementSize+8:] }

	tests := []struct {
		name   string
		change func(b []byte)
		want   string
	}{
		{"child-twice", func(b []byte) { copy(child(b, 1)[:8], child(b, 0)) }, "out of place"},
		{"children-crossed", func(b []byte) {
			var keep [8]byte
			copy(keep[:], child(b, 1))
			copy(child(b, 1)[:8], child(b, 2))
			copy(child(b, 2)[:8], keep[:])
		}, "out of place"},
		{"child-begins-elsewhere", func(b []byte) {
			leaf := at(native.Uint64(child(b, 1)))
			b[leaf+pageHeader+int(native.Uint32(b[leaf+pageHeader+4:]))+31] ^= 1 // the first key's last byte
		}, "out of place"},
		{"child-ends-beyond-the-next", func(b []byte) {
			leaf := at(native.Uint64(child(b, 0)))
			last := leaf + pageHeader + (int(native.Uint16(b[leaf+10:]))-1)*elementSize
			b[last+int(native.Uint32(b[last+4:]))] = 0xFF // the last key's first byte
		}, "out of place"},
		{"circle", func(b []byte) { native.PutUint64(child(b, 1), uint64(branch)/uint64(m.pageSize)) }, "it is used twice"},
		{"child-of-no-file", func(b []byte) { native.PutUint64(child(b, 1), m.high) }, "there is no such page"},
		{"used-and-free", func(b []byte) { native.PutUint64(b[at(m.freelist)+pageHeader:], m.root) }, "it is free and cannot be"},
		{"free-twice", func(b []byte) { copy(b[at(m.freelist)+pageHeader:][:8], b[at(m.freelist)+pageHeader+8:]) }, "it is free and cannot be"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := bytes.Clone(good)
			test.change(b)
			err := check(b)
			if !errors.Is(err, errCorrupt) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

// Whatever bbolt writes in an ordinary life is sound: the check must not cost
// anybody their sessions.
func TestCheckPassesWhatIsSound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sessions.db")
	s, err := Open(path, nil)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer s.Close()
	s.db.Load().NoSync = true // nobody pulls the plug here
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	key := func(n int) session.Key { return sha256.Sum256([]byte{byte(n), byte(n >> 8)}) }
	for round := range 4000 {
		n := rng.IntN([]int{10, 1000}[round/1000%2])
		switch rng.IntN(3) {
		case 0:
			err = s.Delete(t.Context(), key(n))
		default:
			r := session.Record{
				Sealed:  make([]byte, rng.IntN(1+rng.IntN(20_000))),
				Expires: time.Unix(int64(n), 0),
				Seen:    time.Unix(0, 0),
				Indexes: []session.Key{key(n % 7), key(-n)},
			}
			err = s.Save(t.Context(), key(n), r)
		}
		if round%1500 == 0 {
			_, err = s.Sweep(t.Context(), time.Unix(500, 0), 0)
		}
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if round%50 == 0 {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("reading: %v", err)
			}
			if err := check(b); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
	}
}

// Between a sweep's look and its removal a session may have been used.
func TestSweepLooksAgain(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "sessions.db"), nil)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer s.Close()
	now := time.Now()
	used, idle := session.Key{1}, session.Key{2}
	for _, key := range []session.Key{used, idle} {
		r := session.Record{Sealed: []byte("s"), Expires: now.Add(time.Hour), Seen: now.Add(-time.Hour)}
		if err := s.Save(t.Context(), key, r); err != nil {
			t.Fatalf("Save: %v", err)
		}
	}
	if err := s.Touch(t.Context(), map[session.Key]time.Time{used: now}); err != nil {
		t.Fatalf("Touch: %v", err)
	}
	n, err := s.removeOver(t.Context(), []session.Key{used, idle, {3}}, now, time.Minute)
	if n != 1 || err != nil {
		t.Errorf("removed %d, %v; want 1", n, err)
	}
	if _, err := s.Load(t.Context(), used); err != nil {
		t.Errorf("the one in use: %v", err)
	}
}

// Two processes may find the same file wanting. The one that comes second must
// not set aside what the first has begun in its place.
func TestSetAsideLeavesAnotherFile(t *testing.T) {
	dir := t.TempDir()
	bad, begun := filepath.Join(dir, "bad"), filepath.Join(dir, "begun")
	for _, path := range []string{bad, begun} {
		if err := os.WriteFile(path, []byte(path), 0o600); err != nil {
			t.Fatalf("writing: %v", err)
		}
	}
	opened, err := os.Stat(bad)
	if err != nil {
		t.Fatalf("Stat: %v", err)
	}
	log := slog.New(slog.DiscardHandler)
	for path, stays := range map[string]bool{begun: true, bad: false} {
		if err := setAside(path, opened, errCorrupt, log); err != nil {
			t.Errorf("setAside(%s): %v", path, err)
		}
		if _, err := os.Stat(path); (err == nil) != stays {
			t.Errorf("%s: %v, want it to stay: %v", path, err, stays)
		}
	}
}

// FuzzCheck holds that no bytes whatever make the check panic or go on for ever.
func FuzzCheck(f *testing.F) {
	good := goodFile(f)
	page := os.Getpagesize()
	f.Add(uint32(0), good[:2*page])
	f.Add(uint32(2*page), []byte{2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0})
	f.Add(uint32(page-16), good[:page])
	f.Add(uint32(16+8), []byte{0, 16, 0, 0})
	f.Add(uint32(len(good)), []byte{1})
	f.Fuzz(func(t *testing.T, at uint32, patch []byte) {
		b := bytes.Clone(good)
		from := int(at) % (len(b) + 1)
		copy(b[from:], patch)
		if bytes.Equal(b, good) {
			return
		}
		check(b)
		check(b[:from])
	})
}

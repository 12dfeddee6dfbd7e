package file_test

// A power cut at a thousand points. bbolt writes the pages of a transaction,
// waits for the disk, writes one meta page and waits again. Before the first
// wait is over any of the pages may be on the disk, in part, in any order;
// between the two all of them are, and of the meta page any part. Both are made
// here out of the file before a commit and the file after it, and each time the
// store must have everything that was acknowledged before, and nothing that was
// deleted before; of the commit itself all or nothing.

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"outpost/session"
	"outpost/session/file"
)

const sector = 512 // what a disk writes at once

func TestTornAtAThousandPoints(t *testing.T) {
	const commits, points = 50, 20
	path := newPath(t)
	s := open(t, path)
	defer closeStore(t, s)
	rng := rand.New(rand.NewPCG(7, 8))
	there := map[int]bool{}
	read := func() []byte {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("reading the file: %v", err)
		}
		return b
	}
	whole, torn := 0, 0
	for n := range commits {
		for i := range 5 {
			save(t, s, n*10+i)
			there[n*10+i] = true
		}
		before := read()
		// One commit: a sign-in, or a sign-out.
		changed := n*10 + 5
		if n%2 == 1 {
			for changed = range there {
				break
			}
			if err := s.Delete(t.Context(), key(changed)); err != nil {
				t.Fatalf("Delete: %v", err)
			}
		} else {
			save(t, s, changed)
		}
		after := read()
		for range points {
			cut := tear(rng, before, after)
			if wantBeforeOrAfter(t, cut, there, changed) {
				whole++
			} else {
				torn++
			}
		}
		there[changed] = n%2 == 0
		if n%2 == 1 {
			delete(there, changed)
		}
	}
	t.Logf("%d points: %d before the commit, %d after it", whole+torn, torn, whole)
	if whole == 0 || torn < commits*points/2 {
		t.Errorf("of %d points %d were whole: too few of one kind to tell", whole+torn, whole)
	}
}

// tear returns the file as it may be after a power cut within the commit.
func tear(rng *rand.Rand, before, after []byte) []byte {
	page := os.Getpagesize()
	b := append(bytes.Clone(before), make([]byte, max(0, len(after)-len(before)))...)
	b = b[:len(after)]
	synced := rng.IntN(3) == 0 // the pages are on the disk, and the meta is on its way
	for at := 0; at < len(after); at += sector {
		end := min(at+sector, len(after))
		meta := at < 2*page
		if meta && synced && rng.IntN(2) == 0 || !meta && (synced || rng.IntN(2) == 0) {
			copy(b[at:end], after[at:end])
		}
	}
	return b
}

// wantBeforeOrAfter opens the file and reports whether the change is in it.
func wantBeforeOrAfter(t *testing.T, b []byte, there map[int]bool, changed int) (isAfter bool) {
	t.Helper()
	path := newPath(t)
	write(t, path, b)
	defer os.RemoveAll(filepath.Dir(path))
	s, err := file.Open(path, nil)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer closeStore(t, s)
	if found, _ := filepath.Glob(path + ".corrupt*"); found != nil {
		t.Error("it was set aside")
	}
	n := 0
	for i := range there {
		if i == changed {
			continue
		}
		n++
		if r, err := s.Load(t.Context(), key(i)); err != nil || !bytes.Equal(r.Sealed, record(i).Sealed) {
			t.Errorf("session %d, which was acknowledged: %v", i, err)
		}
	}
	_, err = s.Load(t.Context(), key(changed))
	is := err == nil
	if err != nil && !errors.Is(err, session.ErrNone) {
		t.Errorf("the session that was being changed: %v", err)
	}
	if is {
		n++
	}
	if got, err := s.Len(t.Context()); got != n || err != nil {
		t.Errorf("Len = %d, %v; want %d", got, err, n)
	}
	save(t, s, 100_000) // and it goes on
	return is != there[changed]
}

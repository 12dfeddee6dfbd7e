package file_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/session"
	"outpost/session/file"
	"outpost/session/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) session.Store { return open(t, newPath(t)) })
}

func TestSessionsSurviveReopening(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	for n := range 50 {
		save(t, s, n)
	}
	later := now.Add(time.Minute)
	if err := s.Touch(t.Context(), map[session.Key]time.Time{key(7): later}); err != nil {
		t.Fatalf("Touch: %v", err)
	}
	if err := s.Delete(t.Context(), key(8)); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	closeStore(t, s)

	s = open(t, path)
	defer closeStore(t, s)
	for n := range 50 {
		if n == 8 {
			continue
		}
		want := record(n)
		if n == 7 {
			want.Seen = later
		}
		got, err := s.Load(t.Context(), key(n))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("record %d: %v (-want +got):\n%s", n, err, diff)
		}
	}
	if n, err := s.Len(t.Context()); n != 49 || err != nil {
		t.Errorf("Len = %d, %v; want 49", n, err)
	}
	if keys, err := s.Find(t.Context(), record(0).Indexes[0]); len(keys) != 49 || err != nil {
		t.Errorf("Find: %d keys, %v; want 49", len(keys), err)
	}
}

// Writers that come together share a transaction, and so the wait for the disk.
func TestParallelSavesShareACommit(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	defer closeStore(t, s)
	before := transactions(t, path)
	const writers = 300
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			if err := s.Save(t.Context(), key(n), record(n)); err != nil {
				t.Errorf("Save: %v", err)
			}
		})
	}
	wg.Wait()
	if n := transactions(t, path) - before; n < 1 || n > writers/3 {
		t.Errorf("%d writers at once took %d transactions", writers, n)
	}
	if n, err := s.Len(t.Context()); n != writers || err != nil {
		t.Errorf("Len = %d, %v; want %d", n, err, writers)
	}
}

// transactions reads from the two meta pages how many there have been.
func transactions(t *testing.T, path string) int {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("reading the file: %v", err)
	}
	const txid = 16 + 48
	return int(max(binary.NativeEndian.Uint64(b[txid:]), binary.NativeEndian.Uint64(b[os.Getpagesize()+txid:])))
}

func TestFreedPagesAreUsedAgain(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	defer closeStore(t, s)
	size := func() int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatalf("Stat: %v", err)
		}
		return info.Size()
	}
	var first int64
	for round := range 10 {
		var wg sync.WaitGroup
		for n := range 200 {
			wg.Go(func() { save(t, s, n) })
		}
		wg.Wait()
		if n, err := s.Sweep(t.Context(), now.Add(48*time.Hour), 0); n != 200 || err != nil {
			t.Fatalf("Sweep = %d, %v; want 200", n, err)
		}
		if round == 1 {
			first = size()
		}
	}
	if got := size(); got > 2*first {
		t.Errorf("after ten rounds the file has %d bytes, after two it had %d", got, first)
	}
}

func TestManySessionsOpenFast(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	const n = 10_000
	var wg sync.WaitGroup
	for worker := range 500 {
		wg.Go(func() {
			for i := worker; i < n; i += 500 {
				save(t, s, i)
			}
		})
	}
	wg.Wait()
	closeStore(t, s)
	start := time.Now()
	s = open(t, path)
	took := time.Since(start)
	defer closeStore(t, s)
	if got, err := s.Len(t.Context()); got != n || err != nil {
		t.Errorf("Len = %d, %v; want %d", got, err, n)
	}
	// A tenth of what 100,000 may take is 20 ms; the rest is for a busy machine.
	if took > 4*time.Second {
		t.Errorf("opening %d sessions took %v", n, took)
	}
}

var now = time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC)

// key spreads the keys, as hashes are spread.
func key(n int) session.Key {
	var k session.Key
	binary.BigEndian.PutUint64(k[:], uint64(n+1)*0x9E3779B97F4A7C15)
	k[31] = byte(n)
	return k
}

func record(n int) session.Record {
	return session.Record{
		Sealed:  bytes.Repeat(fmt.Appendf(nil, "sealed record %d|", n), 40),
		Expires: now.Add(24 * time.Hour),
		Seen:    now,
		Indexes: []session.Key{{1}, key(1_000_000 + n)},
	}
}

func save(t testing.TB, s *file.Store, n int) {
	t.Helper()
	if err := s.Save(t.Context(), key(n), record(n)); err != nil {
		t.Errorf("Save: %v", err)
	}
}

// newPath returns where a file may be begun.
func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "data", "sessions.db") }

// open opens the file; the test closes it.
func open(t testing.TB, path string) *file.Store {
	t.Helper()
	s, err := file.Open(path, nil)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}

func closeStore(t testing.TB, s *file.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// logged keeps what was logged.
type logged struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

package file_test

// What survives a full disk.

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"outpost/session"
)

const diskFull = "OUTPOST_TEST_DISK_FULL"

// A limit on the size of files stands in for a full disk: the same calls fail,
// at the same places. It holds for a whole process, so the test runs in one of
// its own.
func TestDiskFull(t *testing.T) {
	if os.Getenv(diskFull) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestDiskFull$", "-test.v")
		cmd.Env = append(os.Environ(), diskFull+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: TestDiskFull")) {
			t.Errorf("on a full disk: %v\n%s", err, out)
		}
		return
	}
	s := open(t, newPath(t))
	defer closeStore(t, s)
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatalf("Getrlimit: %v", err)
	}
	limit := func(bytes uint64) {
		t.Helper()
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: before.Max}); err != nil {
			t.Fatalf("Setrlimit: %v", err)
		}
	}

	limit(256 << 10)
	n := 0
	for ; n < 10_000; n++ {
		err := s.Save(t.Context(), key(n), record(n))
		if err == nil {
			continue
		}
		if errors.Is(err, session.ErrNone) || !strings.Contains(err.Error(), "file too large") {
			t.Fatalf("Save: %v, want the cause", err)
		}
		break
	}
	if n < 10 || n == 10_000 {
		t.Fatalf("%d sessions were saved on a full disk", n)
	}
	for range 3 { // it goes on failing, and nothing else does
		if err := s.Save(t.Context(), key(n), record(n)); err == nil {
			t.Error("Save: no error")
		}
		for i := range n {
			if r, err := s.Load(t.Context(), key(i)); err != nil || !r.Seen.Equal(now) {
				t.Errorf("Load: %v", err)
			}
		}
		if _, err := s.Load(t.Context(), key(n)); !errors.Is(err, session.ErrNone) {
			t.Errorf("Load of what was not saved: %v, want ErrNone", err)
		}
		if got, err := s.Len(t.Context()); got != n || err != nil {
			t.Errorf("Len = %d, %v; want %d", got, err, n)
		}
	}
	// Deleting may need room too. What it says is true.
	switch err := s.Delete(t.Context(), key(0)); {
	case err == nil:
		if _, err := s.Load(t.Context(), key(0)); !errors.Is(err, session.ErrNone) {
			t.Errorf("Load after Delete: %v, want ErrNone", err)
		}
	case !strings.Contains(err.Error(), "file too large"):
		t.Errorf("Delete: %v", err)
	}

	limit(before.Cur) // somebody made room
	if err := s.Save(t.Context(), key(n), record(n)); err != nil {
		t.Errorf("Save with room again: %v", err)
	}
	for i := 1; i <= n; i++ {
		if _, err := s.Load(t.Context(), key(i)); err != nil {
			t.Errorf("Load: %v", err)
		}
	}
}

package file_test

// What survives when the process is killed at any moment, and when the disk is
// full. Both need a process of their own: this test binary, told by its
// environment to be something else.

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"outpost/session"
	"outpost/session/file"
)

const (
	crashPath = "OUTPOST_TEST_CRASH_PATH"
	diskFull  = "OUTPOST_TEST_DISK_FULL"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashPath); path != "" {
		fmt.Println(writeUntilKilled(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

var crashSecret = [][]byte{[]byte("a secret that both processes know")}

func newSessions(store session.Store) (*session.Sessions, error) {
	return session.New(session.Config{Store: store, Secrets: crashSecret, Idle: time.Hour, Max: 24 * time.Hour})
}

// writeUntilKilled creates sessions and ends every third, and prints a line for
// each that was acknowledged: the person, the cookie's value, and what was done.
func writeUntilKilled(path string) error {
	store, err := file.Open(path, nil)
	if err != nil {
		return err
	}
	s, err := newSessions(store)
	if err != nil {
		return err
	}
	ctx := context.Background()
	errs := make(chan error)
	for worker := range 4 {
		go func() {
			for n := 0; ; n++ {
				name := fmt.Sprintf("%d-%d-%d", os.Getpid(), worker, n)
				value, key, err := s.Create(ctx, "c", session.Session{
					Identity: session.Identity{Issuer: "i", Subject: name},
					IDToken:  strings.Repeat(name, 50),
				})
				if err != nil {
					errs <- err
					return
				}
				fmt.Printf("created %s %s\n", name, value)
				if l, err := s.Find(ctx, "c", value); err == nil {
					l.Accept(time.Now())
				}
				if n%3 != 0 {
					continue
				}
				fmt.Printf("ending %s %s\n", name, value)
				if err := s.End(ctx, key); err != nil {
					errs <- err
					return
				}
				fmt.Printf("ended %s %s\n", name, value)
			}
		}()
	}
	return <-errs
}

func TestKilledAtAnyMoment(t *testing.T) {
	path := newPath(t)
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	said := make(map[string]string) // value → the last that was said of it
	names := make(map[string]string)
	const kills = 100
	for range kills {
		// From within the opening to well into the writing.
		kill(t, path, time.Duration(rng.IntN(120))*time.Millisecond, func(what, name, value string) {
			said[value], names[value] = what, name
		})
		wantAsSaid(t, path, said, names)
	}
	count := make(map[string]int)
	for _, what := range said {
		count[what]++
	}
	t.Logf("of %d sessions: %v", len(said), count)
	if count["created"] < kills/2 || count["ended"] < kills/2 {
		t.Errorf("too little was written to tell: %v", count)
	}
}

// kill runs a writer, kills it a while after it began to write or at once, and
// reports every whole line that it printed.
func kill(t *testing.T, path string, after time.Duration, line func(what, name, value string)) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashPath+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("StdoutPipe: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("Start: %v", err)
	}
	r := bufio.NewReader(out)
	var killer sync.Once
	end := func() { killer.Do(func() { cmd.Process.Kill() }) }
	if after < 10*time.Millisecond {
		time.AfterFunc(after, end)
	} else {
		// It hangs rather than fails if nothing is ever printed.
		time.AfterFunc(20*time.Second, end)
	}
	for first := true; ; first = false {
		text, err := r.ReadString('\n')
		if err != nil {
			break
		}
		if first {
			time.AfterFunc(after, end)
		}
		fields := strings.Fields(text)
		if len(fields) != 3 {
			t.Errorf("the writer said %q", text)
			continue
		}
		line(fields[0], fields[1], fields[2])
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != -1 {
		t.Errorf("the writer was not killed: %v", err)
	}
}

// wantAsSaid opens the file and looks for every session that was ever reported.
func wantAsSaid(t *testing.T, path string, said, names map[string]string) {
	t.Helper()
	var log logged
	store, err := file.Open(path, log.logger())
	if err != nil {
		t.Fatalf("opening after a kill: %v", err)
	}
	defer closeStore(t, store)
	s, err := newSessions(store)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	for value, what := range said {
		l, err := s.Find(t.Context(), "c", value)
		switch {
		case what == "created" && err != nil:
			t.Errorf("%s was created and is lost: %v", names[value], err)
		case what == "ended" && !errors.Is(err, session.ErrNone):
			t.Errorf("%s was ended and is back: %v", names[value], err)
		case err == nil && l.Session().Identity.Subject != names[value]:
			t.Errorf("%s has become %s", names[value], l.Session().Identity.Subject)
		}
		if err != nil {
			continue
		}
		if whole, err := s.Load(t.Context(), l.Session().Key); err != nil || whole.IDToken != strings.Repeat(names[value], 50) {
			t.Errorf("%s has lost its ID token: %v", names[value], err)
		}
	}
	if log.String() != "" {
		t.Errorf("after a kill it is logged:\n%s", &log)
	}
}

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

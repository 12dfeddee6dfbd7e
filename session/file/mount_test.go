package file_test

// Real file systems that are full or read-only. They are mounted in a namespace
// of this test's own, for which it starts itself anew; nobody else sees them.

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"outpost/session"
	"outpost/session/file"
)

const mounted = "OUTPOST_TEST_MOUNTED"

func TestFullAndReadOnlyFileSystem(t *testing.T) {
	if os.Getenv(mounted) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFullAndReadOnlyFileSystem$", "-test.v")
		cmd.Env = append(os.Environ(), mounted+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
		out, err := cmd.CombinedOutput()
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EINVAL) || bytes.Contains(out, []byte("mounting: ")) {
			t.Skipf("NOT TESTED: a full and a read-only file system, since this machine lets nobody mount one: %v\n%s", err, out)
		}
		if err != nil || !bytes.Contains(out, []byte("--- PASS: TestFullAndReadOnlyFileSystem")) {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	dir := t.TempDir()
	mount := func(flags uintptr, options string) {
		t.Helper()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
			t.Fatalf("mounting: %v", err)
		}
	}
	mount(0, "size=1m,mode=700")
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	path := filepath.Join(dir, "sessions.db")
	n := fillUp(t, path)

	// After a restart on the full disk everything is there, and saving fails still.
	s := open(t, path)
	for i := range n {
		if _, err := s.Load(t.Context(), key(i)); err != nil {
			t.Errorf("after a restart: Load: %v", err)
		}
	}
	closeStore(t, s)

	mount(syscall.MS_REMOUNT, "size=8m")
	s = open(t, path)
	save(t, s, n)
	closeStore(t, s)

	mount(syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
	for _, p := range []string{path, filepath.Join(dir, "none.db"), filepath.Join(dir, "new", "sessions.db")} {
		_, err := file.Open(p, nil)
		if err == nil || !strings.Contains(err.Error(), "mount the data directory writable") || !strings.Contains(err.Error(), dir) {
			t.Errorf("opening %s on a read-only file system: %v", p, err)
		}
	}
	if found, _ := filepath.Glob(path + ".corrupt*"); found != nil {
		t.Errorf("set aside: %v", found)
	}
}

// fillUp saves until the disk is full, and returns how many sessions were saved.
func fillUp(t *testing.T, path string) (n int) {
	t.Helper()
	s := open(t, path)
	defer closeStore(t, s)
	var err error
	for ; n < 10_000 && err == nil; n++ {
		err = s.Save(t.Context(), key(n), record(n))
	}
	n--
	if !errors.Is(err, syscall.ENOSPC) || n < 10 {
		t.Fatalf("after %d sessions: %v, want ENOSPC", n, err)
	}
	if !strings.Contains(err.Error(), "make room on the disk") {
		t.Errorf("it says not what to do: %v", err)
	}
	for i := range n {
		if _, err := s.Load(t.Context(), key(i)); err != nil {
			t.Errorf("Load: %v", err)
		}
	}
	if _, err := s.Load(t.Context(), key(n)); !errors.Is(err, session.ErrNone) {
		t.Errorf("what was not acknowledged: %v, want ErrNone", err)
	}
	return n
}

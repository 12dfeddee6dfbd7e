package file_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"outpost/session/file"
)

// Root may do anything, so the test gives up that power on this thread alone.
func TestUnreadableSaysWhatToDo(t *testing.T) {
	path := newPath(t)
	closeStore(t, open(t, path))
	dir := filepath.Dir(path)
	chmod(t, path, 0)
	t.Cleanup(func() { os.Chmod(dir, 0o700) })

	runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
	if os.Geteuid() == 0 {
		syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0)
		defer syscall.RawSyscall(syscall.SYS_SETFSUID, 0, 0, 0)
		os.Chmod(filepath.Dir(dir), 0o711)
	}
	for _, path := range []string{path, filepath.Join(dir, "new.db"), filepath.Join(dir, "deep", "new.db")} {
		s, err := file.Open(path, nil)
		if err == nil || !strings.Contains(err.Error(), "permission denied") || !strings.Contains(err.Error(), "runs as uid") {
			t.Errorf("Open(%s) = %v, %v; want an error that says what to do", path, s, err)
		}
		if os.Geteuid() != 0 {
			os.Chmod(dir, 0o500)
		}
	}
	if found, _ := filepath.Glob(path + ".corrupt*"); found != nil {
		t.Errorf("set aside: %v", found)
	}
}

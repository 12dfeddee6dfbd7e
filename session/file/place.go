package file

// Where a session file may be: in a directory that strangers cannot change, as
// a plain file of our own that nobody else can read.

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"syscall"
	"time"

	bbolterrors "go.etcd.io/bbolt/errors"
)

// checkDirectory makes the directory, for nobody but us, or looks at the one
// that is there. That one is the operator's: what is wrong with it is said, and
// only where strangers could put another file in our file's place is it refused.
func checkDirectory(dir string, log *slog.Logger) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return explain(dir, err)
		}
		return nil
	}
	if err != nil {
		return explain(dir, err)
	}
	mode := info.Mode()
	switch {
	case !info.IsDir():
		return fmt.Errorf("opening the session file: %s is not a directory", dir)
	case mode&0o002 != 0 && mode&fs.ModeSticky == 0:
		return fmt.Errorf("opening the session file: everybody may write to its directory: chmod 700 %s", dir)
	case mode&0o077 != 0:
		log.Warn("the directory of the session file is open to other users of this machine; chmod 700 closes it", "directory", dir, "mode", fmt.Sprintf("%04o", mode.Perm()))
	}
	return nil
}

// openPrivate opens the file for bbolt: never through a symlink, a plain file of
// our own with mode 0600, and locked. With an error it may return the file too,
// so that the caller knows which it is about.
func openPrivate(path string, flag int, mode fs.FileMode, log *slog.Logger) (*os.File, error) {
	f, err := os.OpenFile(path, flag|syscall.O_NOFOLLOW, mode)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return f, err
	}
	if !info.Mode().IsRegular() {
		return f, fmt.Errorf("%s is not a plain file", path)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; int(owner) != os.Geteuid() {
		return f, fmt.Errorf("%s belongs to uid %d, and this process runs as uid %d: chown %d %s", path, owner, os.Geteuid(), os.Geteuid(), path)
	}
	if info.Mode().Perm() != 0o600 {
		if err := f.Chmod(0o600); err != nil {
			return f, err
		}
		log.Warn("the session file was open to other users of this machine; its mode is 0600 now", "file", path, "mode", fmt.Sprintf("%04o", info.Mode().Perm()))
	}
	return f, lock(f)
}

// lock takes the lock that bbolt takes too: on the same open file the second
// time is no waiting.
func lock(f *os.File) error {
	for end := time.Now().Add(lockWait); ; {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("locking %s: %w", f.Name(), err)
		}
		if time.Now().After(end) {
			return bbolterrors.ErrTimeout
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// syncDirectory makes a new name survive a power cut. Not every file system
// can do it, and nothing is lost but new sessions, so an error is passed over.
func syncDirectory(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}

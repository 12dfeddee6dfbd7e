package file_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outpost/session/file"
)

func TestModes(t *testing.T) {
	path := newPath(t)
	closeStore(t, open(t, path))
	wantMode(t, path, 0o600)
	wantMode(t, filepath.Dir(path), fs.ModeDir|0o700)
}

func TestWideModeIsTightened(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	save(t, s, 1)
	closeStore(t, s)
	chmod(t, path, 0o644)
	var log logged
	s, err := file.Open(path, log.logger())
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer closeStore(t, s)
	wantMode(t, path, 0o600)
	if _, err := s.Load(t.Context(), key(1)); err != nil {
		t.Errorf("Load: %v", err)
	}
	if !strings.Contains(log.String(), "0644") {
		t.Errorf("logged %q", &log)
	}
}

func TestRefusedPlaces(t *testing.T) {
	tests := []struct {
		name  string
		place func(t *testing.T, dir string) (path string)
		want  string
	}{
		{"symlink", func(t *testing.T, dir string) string {
			closeStore(t, open(t, filepath.Join(dir, "real.db")))
			return symlink(t, "real.db", filepath.Join(dir, "sessions.db"))
		}, "symlink"},
		{"dangling-symlink", func(t *testing.T, dir string) string {
			return symlink(t, "nowhere.db", filepath.Join(dir, "sessions.db"))
		}, "symlink"},
		{"directory", func(t *testing.T, dir string) string { return dir }, "is a directory"},
		{"pipe-like", func(t *testing.T, dir string) string { return "/dev/null" }, "not a plain file"},
		{"below-a-file", func(t *testing.T, dir string) string {
			file := filepath.Join(dir, "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatalf("writing: %v", err)
			}
			return filepath.Join(file, "sessions.db")
		}, "not a directory"},
		{"directory-open-to-all", func(t *testing.T, dir string) string {
			chmod(t, dir, 0o777)
			return filepath.Join(dir, "sessions.db")
		}, "chmod 700"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := file.Open(test.place(t, dir), nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Open = %v, %v; want an error with %q", s, err, test.want)
			}
			if _, err := os.Lstat(filepath.Join(dir, "nowhere.db")); err == nil {
				t.Error("a file was begun through the symlink")
			}
		})
	}
}

func TestDirectoryOpenToOthersIsMentioned(t *testing.T) {
	dir := t.TempDir()
	chmod(t, dir, 0o755)
	var log logged
	s, err := file.Open(filepath.Join(dir, "sessions.db"), log.logger())
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	closeStore(t, s)
	wantMode(t, dir, fs.ModeDir|0o755) // it is the operator's
	if !strings.Contains(log.String(), "chmod 700") {
		t.Errorf("logged %q", &log)
	}
}

func TestOtherOwnerIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file to somebody else")
	}
	path := newPath(t)
	closeStore(t, open(t, path))
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Fatalf("Chown: %v", err)
	}
	s, err := file.Open(path, nil)
	if err == nil || !strings.Contains(err.Error(), "belongs to uid 12345") || !strings.Contains(err.Error(), "chown 0 ") {
		t.Errorf("Open = %v, %v; want an error that says whose it is and what to do", s, err)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	path := newPath(t)
	first := open(t, path)
	defer closeStore(t, first)
	save(t, first, 1)
	s, err := file.Open(path, nil)
	if err == nil || !strings.Contains(err.Error(), "another process has it open") {
		t.Fatalf("Open = %v, %v; want an error that says so", s, err)
	}
	save(t, first, 2)
	if n, err := first.Len(t.Context()); n != 2 || err != nil {
		t.Errorf("the first: Len = %d, %v; want 2", n, err)
	}
}

// Half of what another process is writing looks like damage. It must not be
// looked at before it is known that there is no such process.
func TestFileInUseIsNotSetAside(t *testing.T) {
	path := newPath(t)
	first := open(t, path)
	defer closeStore(t, first)
	save(t, first, 1)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatalf("opening: %v", err)
	}
	defer f.Close()
	from := int64(2 * os.Getpagesize())
	if _, err := f.WriteAt(bytes.Repeat([]byte{0xFF}, os.Getpagesize()), from); err != nil {
		t.Fatalf("writing: %v", err)
	}
	if s, err := file.Open(path, nil); err == nil || !strings.Contains(err.Error(), "another process has it open") {
		t.Errorf("Open = %v, %v; want an error that says so", s, err)
	}
	if found, _ := filepath.Glob(path + ".corrupt*"); found != nil {
		t.Errorf("set aside: %v", found)
	}
}

func wantMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatalf("Lstat: %v", err)
	}
	if info.Mode() != want {
		t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
	}
}

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatalf("Chmod: %v", err)
	}
}

func symlink(t *testing.T, to, path string) string {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatalf("Symlink: %v", err)
	}
	return path
}

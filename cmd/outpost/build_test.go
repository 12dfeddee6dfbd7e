package main

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"outpost/config"
)

// What is wrong with the place for the data ends the start with a sentence, and
// leaves nothing behind.
func TestDataDirectory(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, data string)
		changes settings
		says    []string
	}{
		{
			"a-file-instead", func(t *testing.T, data string) { write(t, data, "", 0o600) }, nil,
			[]string{"making the data directory: ", "not a directory", "set data to another one"},
		},
		{
			"below-a-file", func(t *testing.T, data string) { write(t, filepath.Dir(data), "", 0o600) }, nil,
			[]string{"making the data directory: ", "not a directory", "set data to another one"},
		},
		{
			"may-not-be-made", func(t *testing.T, data string) { folder(t, filepath.Dir(data), 0o555) }, nil,
			[]string{"making the data directory: ", "permission denied: create it for this user (uid ", "set data to another one"},
		},
		{
			"not-writable", func(t *testing.T, data string) { folder(t, data, 0o555) }, nil,
			[]string{"making the secret: ", "permission denied: make the data directory writable for this user (uid ", "or set secret in"},
		},
		{
			"not-writable-for-sessions", func(t *testing.T, data string) {
				folder(t, data, 0o755)
				write(t, filepath.Join(data, "secret"), strings.Repeat("s", 64), 0o444)
				folder(t, data, 0o555)
			}, nil,
			[]string{"opening the session file: ", "permission denied", "chown"},
		},
		{
			"secret-not-readable", func(t *testing.T, data string) {
				folder(t, data, 0o777)
				write(t, filepath.Join(data, "secret"), strings.Repeat("s", 64), 0)
			}, nil,
			[]string{"reading the secret: ", "permission denied: make it readable for this user (uid "},
		},
		{
			"secret-too-short", func(t *testing.T, data string) {
				folder(t, data, 0o777)
				write(t, filepath.Join(data, "secret"), strings.Repeat("s", 31)+"\n\n", 0o444)
			}, nil,
			[]string{"reading the secret: ", "/secret has 31 bytes, and 32 is the least: remove it, which signs out"},
		},
		{
			"secret-empty", func(t *testing.T, data string) {
				folder(t, data, 0o777)
				write(t, filepath.Join(data, "secret"), "", 0o444)
			}, nil,
			[]string{"reading the secret: ", "/secret: remove it for a new one, which signs everybody out"},
		},
		{
			"secret-is-a-directory", func(t *testing.T, data string) { folder(t, filepath.Join(data, "secret"), 0o777) }, nil,
			[]string{"reading the secret: ", "is a directory"},
		},
		{
			"open-to-everybody", func(t *testing.T, data string) { folder(t, data, 0o777) },
			settings{"secret": "u6Vt0p4ySdQw1ZzK8mJcR3hNfB7xLgTe"},
			[]string{"opening the session file: everybody may write to its directory: chmod 700 "},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := usual(t).with(test.changes)
			data := filepath.Join(t.TempDir(), "place", "data")
			s["data"] = data
			test.prepare(t, data)
			before := tree(t, filepath.Dir(data))
			file := s.file(t)
			var got outcome
			withoutPrivilege(t, func() { got = command(t, nil, "-config", file) }, filepath.Dir(filepath.Dir(data)), file)
			if got.status != 1 || got.stdout != "" {
				t.Errorf("got %+v", got)
			}
			for _, want := range test.says {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("stderr lacks %q:\n%s", want, got.stderr)
				}
			}
			if after := tree(t, filepath.Dir(data)); test.changes == nil && after != before {
				t.Errorf("left behind:\n%s\nbefore it was:\n%s", after, before)
			}
		})
	}
}

// withoutPrivilege runs f as a user to whom file modes apply: root's file
// accesses are nobody's for its time. The paths are opened for that user, the
// temporary directories above them too.
func withoutPrivilege(t *testing.T, f func(), paths ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	for _, path := range paths {
		for ; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
			if err := os.Chmod(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		// The thread ends with this goroutine, and the identity with it.
		runtime.LockOSThread()
		if err := syscall.Setfsuid(65534); err != nil {
			t.Error(err)
			return
		}
		f()
	}()
	<-done
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// folder makes a directory of this mode, whatever the umask.
func folder(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(path, 0o755) }) // so that it can be removed
}

// tree lists what is below a path.
func tree(t *testing.T, path string) string {
	t.Helper()
	var list strings.Builder
	err := filepath.Walk(path, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			list.WriteString(info.Mode().String() + " " + path + "\n")
		}
		return err
	})
	if err != nil && !os.IsPermission(err) {
		t.Fatal(err)
	}
	return list.String()
}

func TestSecretIsGeneratedOnce(t *testing.T) {
	s := usual(t)
	start(t, s).halt(t)
	data := s["data"].(string)
	path := filepath.Join(data, "secret")
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	random, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(string(first), "\n"))
	if err != nil || len(random) != 48 {
		t.Errorf("the secret is %d bytes (%v), want 48", len(random), err)
	}
	for path, want := range map[string]os.FileMode{data: 0o700, path: 0o600, filepath.Join(data, "sessions.db"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v (%v), want %v", path, info.Mode(), err, want)
		}
	}
	start(t, s).halt(t)
	if second, err := os.ReadFile(path); err != nil || string(second) != string(first) {
		t.Errorf("after a restart the secret is another one (%v)", err)
	}
	if list := tree(t, data); strings.Contains(list, ".secret-") {
		t.Errorf("left behind:\n%s", list)
	}
}

func TestConfiguredSecretIsNotGenerated(t *testing.T) {
	s := usual(t).with(settings{"secret": "u6Vt0p4ySdQw1ZzK8mJcR3hNfB7xLgTe"})
	start(t, s)
	if _, err := os.Lstat(filepath.Join(s["data"].(string), "secret")); !os.IsNotExist(err) {
		t.Errorf("a secret was generated beside the configured one (%v)", err)
	}
}

// First starts at the same time agree on one secret.
func TestSecretOfParallelStarts(t *testing.T) {
	c := &config.Config{Data: t.TempDir()}
	const starts = 32
	got := make([]string, starts)
	var wg sync.WaitGroup
	for i := range starts {
		wg.Go(func() {
			list, err := secrets(c)
			if err != nil || len(list) != 1 {
				t.Errorf("got %d secrets and %v", len(list), err)
				return
			}
			got[i] = string(list[0])
		})
	}
	wg.Wait()
	for _, one := range got {
		if one == "" || one != got[0] {
			t.Error("they differ")
			break
		}
	}
	if list, err := os.ReadDir(c.Data); err != nil || len(list) != 1 {
		t.Errorf("left behind: %v (%v)", list, err)
	}
}

// A sign-in that one process began another of the same secret finishes.
func TestParallelStartsServeTogether(t *testing.T) {
	p := newProvider(t)
	s := usual(t).with(p.settings(), settings{"session": settings{"store": "memory"}})
	one, other := start(t, s), start(t, s)
	if got := p.begin(t, one).finish(t, other); got.status != 302 || got.header.Get("Location") != "https://router.example.com/deep?a=b" {
		t.Errorf("the callback answers %+v", got)
	}
}

func TestSecondProcess(t *testing.T) {
	s := usual(t)
	d := start(t, s)
	got := command(t, nil, "-config", s.file(t))
	if got.status != 1 || !strings.Contains(got.stderr, "another process has it open: stop that one, or give this one a data directory of its own") {
		t.Errorf("got %+v", got)
	}
	if got := d.check(t, ""); got.status != 401 {
		t.Errorf("after that the first one answers %+v", got)
	}
}

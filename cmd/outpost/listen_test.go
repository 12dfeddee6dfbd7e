package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outpost/auth"
)

func TestUnixSockets(t *testing.T) {
	directory := t.TempDir()
	public, management := filepath.Join(directory, "public"), filepath.Join(directory, "management")
	d := start(t, usual(t).with(settings{"listen": "unix:" + public, "management": "unix:" + management}))
	if got := d.check(t, ""); got.status != http.StatusUnauthorized {
		t.Errorf("the check answers %+v", got)
	}
	if got := get(t, "unix:"+management, "/-/ready"); got.status != http.StatusOK {
		t.Errorf("/-/ready answers %+v", got)
	}
	for _, path := range []string{public, management} {
		if info, err := os.Stat(path); err != nil || info.Mode() != os.ModeSocket|0o666 {
			t.Errorf("%s: %v, %v: nginx's workers cannot connect", path, info.Mode(), err)
		}
	}
	d.halt(t)
	if left, err := os.ReadDir(directory); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

// What is at the socket's path is taken away only if it is a socket that nobody
// listens on.
func TestSocketInTheWay(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, path string)
		says    string // "" if the daemon serves
	}{
		{"nothing", func(*testing.T, string) {}, ""},
		{"stale", func(t *testing.T, path string) { occupy(t, path).Close() }, ""},
		{"live", func(t *testing.T, path string) { occupy(t, path) }, "another process is listening there: stop that one, or name another path"},
		{"file", func(t *testing.T, path string) { write(t, path, "precious", 0o600) }, "there is a file that is no socket: remove it, or name another path"},
		{"directory", func(t *testing.T, path string) { folder(t, path, 0o755) }, "there is a file that is no socket"},
		{"link-to-a-stale-socket", func(t *testing.T, path string) {
			occupy(t, path+".other").Close()
			if err := os.Symlink(path+".other", path); err != nil {
				t.Fatal(err)
			}
		}, "there is a file that is no socket"},
		{"socket-of-another-kind", func(t *testing.T, path string) {
			l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		}, "whether a process is behind it cannot be told"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "socket")
			test.prepare(t, path)
			before := tree(t, filepath.Dir(path))
			s := usual(t).with(settings{"listen": "unix:" + path})
			if test.says == "" {
				if got := start(t, s).check(t, ""); got.status != http.StatusUnauthorized {
					t.Errorf("the check answers %+v", got)
				}
				return
			}
			got := command(t, nil, "-config", s.file(t))
			if got.status != 1 || !strings.Contains(got.stderr, "outpost: listening on unix:"+path+": ") || !strings.Contains(got.stderr, test.says) {
				t.Errorf("got %+v, want %q", got, test.says)
			}
			if after := tree(t, filepath.Dir(path)); after != before {
				t.Errorf("there is now:\n%s\nand there was:\n%s", after, before)
			}
		})
	}
}

// occupy listens on a socket that stays when it is closed, as a killed
// process's does.
func occupy(t *testing.T, path string) net.Listener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	t.Cleanup(func() { l.Close() })
	return l
}

// An address that cannot be had ends the start with a sentence, and nothing
// stays open: neither the other listener nor the session file.
func TestAddressNotToBeHad(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	nowhere := "unix:" + filepath.Join(t.TempDir(), "missing", "socket")
	tests := []struct {
		name, key, address, says string
	}{
		{"public-in-use", "listen", taken.Addr().String(), "address already in use: another process has it: stop that one, or set listen to another one"},
		{"management-in-use", "management", taken.Addr().String(), "address already in use: another process has it: stop that one, or set management to another one"},
		{"not-ours", "listen", "192.0.2.1:9000", "no interface of this machine has it: correct listen, or leave its host out"},
		{"no-directory", "management", nowhere, "no such file or directory: create its directory for this user"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			other, socket := map[string]string{"listen": "management", "management": "listen"}[test.key], filepath.Join(t.TempDir(), "socket")
			s := usual(t).with(settings{test.key: test.address, other: "unix:" + socket})
			got := command(t, nil, "-config", s.file(t))
			if got.status != 1 || !strings.Contains(got.stderr, "outpost: listening on "+test.address+": ") || !strings.Contains(got.stderr, test.says) {
				t.Errorf("got %+v, want %q", got, test.says)
			}
			if _, err := os.Lstat(socket); !os.IsNotExist(err) {
				t.Errorf("the other socket is left behind (%v)", err)
			}
			d := start(t, s.with(settings{test.key: "127.0.0.1:0"}))
			if got := get(t, d.public, auth.Prefix+"/ping"); got.status != http.StatusNoContent {
				t.Errorf("at the next start ping answers %+v", got)
			}
		})
	}
}

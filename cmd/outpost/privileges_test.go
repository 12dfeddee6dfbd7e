//go:build linux

package main

// Real processes that root starts and that end up as somebody else. They need
// root: elsewhere the tests say that they have shown nothing.

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// nobodys are numbers that belong to nobody on this machine.
const nobodysUser, nobodysGroup = 54321, 54322

// needRoot returns a folder that everybody may enter, as the tests' own may not be.
func needRoot(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: PUID and PGID, which take root: run this test as root")
	}
	dir, err := os.MkdirTemp("", "outpost-privileges-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// asRoot is how root starts it there: a binary that everybody may execute, a file
// that everybody may read.
func asRoot(t *testing.T, dir string, s settings, env ...string) func(*exec.Cmd) {
	t.Helper()
	binary, file := filepath.Join(dir, "outpost"), filepath.Join(dir, "outpost.yaml")
	for from, to := range map[string]string{s.file(t): file, os.Args[0]: binary} {
		body, err := os.ReadFile(from)
		if err == nil {
			os.Remove(to)
			err = os.WriteFile(to, body, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return func(c *exec.Cmd) {
		c.Path, c.Dir = binary, "/"
		c.Env = append(c.Env, append(env, "OUTPOST_CONFIG="+file)...)
	}
}

func owner(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	has := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%d:%d %v", has.Uid, has.Gid, info.Mode().Perm())
}

// status is a line of /proc/PID/status, for each thread.
func (p *process) status(t *testing.T, name string) []string {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", p.Process.Pid))
	if err != nil || len(threads) < 2 {
		t.Fatalf("%d threads, %v", len(threads), err)
	}
	var all []string
	for _, path := range threads {
		body, err := os.ReadFile(path)
		if err != nil {
			continue // a thread that has ended
		}
		found := regexp.MustCompile(`(?m)^` + name + `:(.*)$`).FindSubmatch(body)
		if found == nil {
			t.Fatalf("%s has no %s", path, name)
		}
		all = append(all, strings.Join(strings.Fields(string(found[1])), " "))
	}
	return all
}

func (p *process) hasStatus(t *testing.T, name, want string) {
	t.Helper()
	for _, got := range p.status(t, name) {
		if got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// Root starts it, and nothing of root is left: not in any thread, nor to be had
// again. The data directory goes along, with what is ours in it.
func TestBecome(t *testing.T) {
	dir := needRoot(t)
	data := filepath.Join(dir, "some", "where", "data")
	set := usual(t).with(settings{"data": data, "tls": settings{"listen": "127.0.0.1:0"}})

	// As root first: what it leaves belongs to root.
	p := startChanged(t, set, asRoot(t, dir, set))
	if n := len(p.log.find("this runs as root")); n != 1 {
		t.Errorf("%d warnings about root:\n%s", n, p.log)
	}
	p.signal(t, syscall.SIGTERM)
	p.wait(t)
	os.Chmod(filepath.Join(dir, "some"), 0o755) // the umask of the first start is not what this is about
	os.Chmod(filepath.Join(dir, "some", "where"), 0o755)
	stranger := filepath.Join(data, "notes.txt")
	if err := os.WriteFile(stranger, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := owner(t, filepath.Join(data, "secret")); got != "0:0 -rw-------" {
		t.Fatalf("the secret is of %s", got)
	}

	p = startChanged(t, set, asRoot(t, dir, set, fmt.Sprintf("PUID=%d", nobodysUser), fmt.Sprintf("PGID=%d", nobodysGroup), "UMASK=027"))
	if got := p.check(t, ""); got.status != http.StatusUnauthorized {
		t.Errorf("the check answers %+v", got)
	}
	four := func(n int) string { return strings.TrimSpace(strings.Repeat(fmt.Sprintf("%d ", n), 4)) }
	none := strings.Repeat("0", 16)
	for name, want := range map[string]string{
		"Uid": four(nobodysUser), "Gid": four(nobodysGroup), "Groups": fmt.Sprint(nobodysGroup), "NoNewPrivs": "1", "Umask": "0027",
		"CapInh": none, "CapPrm": none, "CapEff": none, "CapAmb": none,
	} {
		p.hasStatus(t, name, want)
	}
	if n := len(p.log.find("this runs as root")) + len(p.log.find("PUID")); n != 0 {
		t.Errorf("%d warnings:\n%s", n, p.log)
	}
	for name, mode := range map[string]string{".": "-rwx------", "secret": "-rw-------", "sessions.db": "-rw-------", "tls.pem": "-rw-------", "admin.sock": "-rw-------"} {
		if got, want := owner(t, filepath.Join(data, name)), fmt.Sprintf("%d:%d %s", nobodysUser, nobodysGroup, mode); got != want {
			t.Errorf("%s is of %s, want %s", name, got, want)
		}
	}
	if got := owner(t, stranger); !strings.HasPrefix(got, "0:0 ") {
		t.Errorf("what is not ours is of %s", got)
	}

	// What root asks the process for is done as that user too.
	for _, args := range [][]string{{"secret", "rotate"}, {"sessions", "list"}, {"healthcheck"}} {
		c := exec.CommandContext(t.Context(), filepath.Join(dir, "outpost"), args...)
		c.Dir = "/"
		c.Env = append(os.Environ(), "OUTPOST_TEST_PROCESS=1", "OUTPOST_CONFIG="+filepath.Join(dir, "outpost.yaml"), fmt.Sprintf("PUID=%d", nobodysUser), fmt.Sprintf("PGID=%d", nobodysGroup))
		out, err := c.CombinedOutput()
		if err != nil && args[0] != "healthcheck" { // which asks port 0 here
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	if got, want := owner(t, filepath.Join(data, "secret")), fmt.Sprintf("%d:%d -rw-------", nobodysUser, nobodysGroup); got != want {
		t.Errorf("after a rotation the secret is of %s, want %s", got, want)
	}
}

// A data directory that is not there yet is made for the user, and can be reached.
func TestBecomeMakesTheDirectory(t *testing.T) {
	dir := needRoot(t)
	defer syscall.Umask(syscall.Umask(0o022))
	data := filepath.Join(dir, "some", "where", "data")
	set := usual(t).with(settings{"data": data})
	p := startChanged(t, set, asRoot(t, dir, set, fmt.Sprintf("PUID=%d", nobodysUser)))
	p.hasStatus(t, "Gid", strings.TrimSpace(strings.Repeat(fmt.Sprintf("%d ", nobodysUser), 4)))
	if got, want := owner(t, data), fmt.Sprintf("%d:%d -rwx------", nobodysUser, nobodysUser); got != want {
		t.Errorf("it is of %s, want %s", got, want)
	}
}

// The user who has the directory can put anything into it, and root gives none of
// it away that was not theirs.
func TestGiveFollowsNothing(t *testing.T) {
	dir := needRoot(t)
	victim := filepath.Join(dir, "shadow")
	for _, test := range []struct {
		name string
		lay  func(data string) error
		says string
	}{
		{"symbolic-link", func(data string) error { return os.Symlink(victim, filepath.Join(data, "secret")) }, "secret is a symbolic link, or another special file: remove it"},
		{"hard-link", func(data string) error { return os.Link(victim, filepath.Join(data, "sessions.db")) }, "sessions.db has 2 names, so it may be somebody else's file: remove it"},
		{"pipe", func(data string) error { return syscall.Mkfifo(filepath.Join(data, "secret"), 0o600) }, "secret is a symbolic link, or another special file: remove it"},
		{"the-directory-itself", func(data string) error {
			if err := os.Remove(data); err != nil {
				return err
			}
			return os.Symlink(dir, data)
		}, "is no directory, or a symbolic link to one: name the directory itself in data"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := os.WriteFile(victim, []byte("root's"), 0o600); err != nil {
				t.Fatal(err)
			}
			data := filepath.Join(dir, "data-"+test.name)
			if err := os.Mkdir(data, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := test.lay(data); err != nil {
				t.Fatal(err)
			}
			err := give(data, account{nobodysUser, nobodysGroup})
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got error %v, want %q", err, test.says)
			}
			if got := owner(t, victim); got != "0:0 -rw-------" {
				t.Errorf("it was given away: %s", got)
			}
			if got := owner(t, dir); !strings.HasPrefix(got, "0:0 ") {
				t.Errorf("the directory that the link leads to was given away: %s", got)
			}
		})
	}
}

// What cannot be done ends the start, with the next step, and never as root.
func TestBecomeNotPossible(t *testing.T) {
	dir := needRoot(t)
	set := usual(t).with(settings{"data": filepath.Join(dir, "data")})
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		env  []string
		drop string // a capability that root lacks
		says string
	}{
		{"no-number", []string{"PUID=abc"}, "", `PUID must be a number between 0 and 2147483647, got "abc"`},
		{"too-large", []string{"PUID=4294967295"}, "", `PUID must be a number between 0 and 2147483647, got "4294967295"`},
		{"negative-group", []string{"PUID=1000", "PGID=-1"}, "", `PGID must be a number between 0 and 2147483647, got "-1"`},
		{"group-alone", []string{"PGID=1000"}, "", "PGID is set and PUID is not: set both, or neither"},
		{"umask", []string{"UMASK=089"}, "", `UMASK must be a number between 0 and 777, got "089"`},
		{"no-chown", []string{"PUID=54321"}, "chown", "operation not permitted: let root have its capabilities (cap_add: [CHOWN, DAC_OVERRIDE, SETGID, SETUID]), or change the owner yourself"},
		{"no-setuid", []string{"PUID=54321"}, "setuid", "setresuid: operation not permitted: let root have its capabilities (cap_add: [CHOWN, DAC_OVERRIDE, SETGID, SETUID]), or start it as that user"},
		{"no-setgid", []string{"PUID=54321"}, "setgid", "setgroups: operation not permitted: let root have its capabilities"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := exec.CommandContext(t.Context(), os.Args[0])
			c.Env = append(os.Environ(), "OUTPOST_TEST_PROCESS=1")
			asRoot(t, dir, set, test.env...)(c)
			if test.drop != "" {
				c.Args = []string{"setpriv", "--bounding-set", "-" + test.drop, c.Path}
				path, err := exec.LookPath("setpriv")
				if err != nil {
					t.Fatalf("NOT TESTED: %v; it is in Debian's util-linux", err)
				}
				c.Path = path
			}
			out, err := c.CombinedOutput()
			if err == nil || !strings.Contains(string(out), test.says) || strings.Contains(string(out), `"serving"`) {
				t.Errorf("it ended with %v, want %q:\n%s", err, test.says, out)
			}
		})
	}
}

// Who may not change who they are goes on, and says so where that is not what was
// asked for.
func TestBecomeWithoutRoot(t *testing.T) {
	dir := needRoot(t)
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(data, nobodysUser, nobodysGroup); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		env      []string
		warnings int
	}{
		"same":    {[]string{fmt.Sprintf("PUID=%d", nobodysUser), fmt.Sprintf("PGID=%d", nobodysGroup)}, 0},
		"another": {[]string{"PUID=1000", "PGID=1000"}, 1},
		"neither": {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			set := usual(t).with(settings{"data": data})
			change := asRoot(t, dir, set, test.env...)
			p := startChanged(t, set, func(c *exec.Cmd) {
				change(c)
				c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobodysUser, Gid: nobodysGroup}}
			})
			p.hasStatus(t, "Uid", strings.TrimSpace(strings.Repeat(fmt.Sprintf("%d ", nobodysUser), 4)))
			if n := len(p.log.find("PUID and PGID are 1000 and 1000, and this runs as 54321 and 54322")); n != test.warnings || len(p.log.find("this runs as root")) > 0 {
				t.Errorf("%d warnings:\n%s", n, p.log)
			}
		})
	}
	t.Run("root-on-purpose", func(t *testing.T) {
		set := usual(t).with(settings{"data": filepath.Join(dir, "roots")})
		p := startChanged(t, set, asRoot(t, dir, set, "PUID=0", "PGID=0"))
		if n := len(p.log.find("this runs as root, since PUID is 0")); n != 1 {
			t.Errorf("%d warnings:\n%s", n, p.log)
		}
	})
}

// Sockets that systemd has opened come along.
func TestBecomeInherits(t *testing.T) {
	dir := needRoot(t)
	var s sockets
	address := s.add(t, "listen", "tcp", "127.0.0.1:0").String()
	set := usual(t).with(settings{"data": filepath.Join(dir, "data")})
	change := asRoot(t, dir, set, fmt.Sprintf("PUID=%d", nobodysUser))
	p := startChanged(t, set, func(c *exec.Cmd) {
		change(c)
		s.pass(c)
	})
	if p.public != address {
		t.Errorf("it listens on %s", p.public)
	}
	if got := p.check(t, ""); got.status != http.StatusUnauthorized {
		t.Errorf("the check answers %+v", got)
	}
}

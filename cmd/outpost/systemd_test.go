//go:build linux

package main

// The daemon as systemd runs it; the test is systemd.

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"outpost/auth"
)

// sockets are what units of type socket have opened, in order.
type sockets struct {
	names []string
	files []*os.File
}

// add opens one, and keeps it open until the test ends, whoever else has it.
func (s *sockets) add(t *testing.T, name, network, address string) net.Addr {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	l.Close()
	t.Cleanup(func() { f.Close() })
	s.names, s.files = append(s.names, name), append(s.files, f)
	return l.Addr()
}

// pass makes a command inherit them, as sd_listen_fds has it: LISTEN_PID is that
// of the process itself.
func (s *sockets) pass(c *exec.Cmd) {
	c.Path, c.Args = "/bin/sh", append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, c.Path}, c.Args[1:]...)
	c.ExtraFiles = s.files
	c.Env = append(c.Env, "LISTEN_FDS="+strconv.Itoa(len(s.files)))
	if s.names != nil {
		c.Env = append(c.Env, "LISTEN_FDNAMES="+strings.Join(s.names, ":"))
	}
}

// notifications are what systemd is told, line by line.
type notifications struct {
	socket *net.UnixConn
	path   string

	mu    sync.Mutex
	lines []string
}

func newNotifications(t *testing.T) *notifications {
	t.Helper()
	n := &notifications{path: filepath.Join(t.TempDir(), "notify")}
	var err error
	if n.socket, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: n.path, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.socket.Close() })
	go func() {
		b := make([]byte, 4096)
		for {
			size, err := n.socket.Read(b)
			if err != nil {
				return
			}
			n.mu.Lock()
			n.lines = append(n.lines, strings.Split(strings.TrimSpace(string(b[:size])), "\n")...)
			n.mu.Unlock()
		}
	}()
	return n
}

// count is how many lines begin so.
func (n *notifications) count(begin string) int { return len(n.find(begin)) }

func (n *notifications) find(begin string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(n.lines), func(line string) bool { return !strings.HasPrefix(line, begin) })
}

// taken is an address that somebody else has.
func taken(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// Every listener may be systemd's, several for nginx too, and then the
// configuration's address for it is not opened.
func TestInheritedListeners(t *testing.T) {
	for _, front := range []bool{true, false} {
		t.Run(map[bool]string{true: "front", false: "without-front"}[front], func(t *testing.T) {
			var s sockets
			dir := t.TempDir()
			tcp := s.add(t, "listen", "tcp", "127.0.0.1:0").String()
			admin := filepath.Join(dir, "admin.sock")
			s.add(t, "admin", "unix", admin)
			if err := os.Chmod(admin, 0o600); err != nil {
				t.Fatal(err)
			}
			tls := s.add(t, "tls", "tcp", "127.0.0.1:0").String()
			management := s.add(t, "management", "tcp", "127.0.0.1:0").String()
			unix := "unix:" + s.add(t, "listen", "unix", filepath.Join(dir, "listen.sock")).String()
			set := usual(t).with(settings{"listen": taken(t), "management": taken(t), "tls": settings{"listen": taken(t)}, "admin": "unix:" + admin, "front": front})
			p := startChanged(t, set, s.pass)
			for _, address := range []string{tcp, unix} {
				p.public = address
				if got := p.check(t, ""); got.status != http.StatusUnauthorized {
					t.Errorf("%s: the check answers %+v", address, got)
				}
				if got := get(t, address, auth.Prefix+"/ping"); got.status != http.StatusNoContent {
					t.Errorf("%s: ping answers %+v", address, got)
				}
			}
			if got := get(t, management, "/-/healthy"); got.status != http.StatusOK {
				t.Errorf("management answers %+v", got)
			}
			conn, err := handshake(t, tls, anybody)
			if err != nil {
				t.Fatal(err)
			}
			if got := askOver(t, conn, auth.Prefix+"/ping"); got != http.StatusNoContent {
				t.Errorf("over TLS ping answers %d", got)
			}
			if got := command(t, nil, "sessions", "list", "-config", set.file(t)); got.status != 0 {
				t.Errorf("the administration answers %+v", got)
			}
			p.signal(t, syscall.SIGTERM)
			p.wait(t)
			if !p.ProcessState.Success() {
				t.Errorf("it ended with %v:\n%s", p.ProcessState, p.log)
			}
			for _, path := range []string{admin, strings.TrimPrefix(unix, "unix:")} {
				if _, err := os.Lstat(path); err != nil {
					t.Errorf("systemd's socket is gone: %v", err)
				}
			}
		})
	}
}

// A socket without a name of its own is for nginx.
func TestInheritedWithoutName(t *testing.T) {
	for name, names := range map[string][]string{"no-names": nil, "unknown": {"unknown", "unknown"}, "of-the-unit": {"outpost.socket", "outpost.socket"}} {
		t.Run(name, func(t *testing.T) {
			var s sockets
			first, second := s.add(t, "", "tcp", "127.0.0.1:0").String(), s.add(t, "", "tcp", "127.0.0.1:0").String()
			s.names = names
			p := startChanged(t, usual(t).with(settings{"listen": taken(t)}), s.pass)
			for _, p.public = range []string{first, second} {
				if got := p.check(t, ""); got.status != http.StatusUnauthorized {
					t.Errorf("the check answers %+v", got)
				}
			}
		})
	}
}

// What was meant for another process is not touched, and nothing of it is handed
// on.
func TestInheritsOnlyItsOwn(t *testing.T) {
	for name, value := range map[string]string{"LISTEN_PID": "1", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "listen:management"} {
		t.Setenv(name, value)
	}
	if all, err := inherit(); all != nil || err != nil {
		t.Errorf("got %v, %v", all, err)
	}
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		if value, there := os.LookupEnv(name); there {
			t.Errorf("%s is still %q", name, value)
		}
	}
}

func TestInheritedNotToBeHad(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open.sock")
	for _, test := range []struct {
		name string
		add  func(t *testing.T, s *sockets)
		says string
	}{
		{"misspelled", func(t *testing.T, s *sockets) {
			s.add(t, "listen", "tcp", "127.0.0.1:0")
			s.add(t, "managment", "tcp", "127.0.0.1:0")
		}, `taking over the socket that systemd calls "managment": that is no name of ours: set FileDescriptorName in its unit to one of listen, management, tls, admin`},
		{"nobody-listens", func(t *testing.T, s *sockets) {
			c, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			f, err := c.(*net.UDPConn).File()
			if err != nil {
				t.Fatal(err)
			}
			s.names, s.files = append(s.names, "listen"), append(s.files, f)
		}, `taking over the socket that systemd calls "listen": nobody listens on it: write ListenStream in its unit, and Accept=no`},
		{"admin-by-tcp", func(t *testing.T, s *sockets) { s.add(t, "admin", "tcp", "127.0.0.1:0") },
			"taking over the socket that systemd calls admin: must be a unix socket: whoever connects to it can end every session"},
		{"admin-for-everybody", func(t *testing.T, s *sockets) {
			s.add(t, "admin", "unix", open)
			if err := os.Chmod(open, 0o660); err != nil {
				t.Fatal(err)
			}
		}, "open.sock has mode 0660: write SocketMode=0600 in its unit: whoever connects to it can end every session"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s sockets
			test.add(t, &s)
			binary, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			c := exec.CommandContext(t.Context(), binary)
			c.Env = append(os.Environ(), "OUTPOST_TEST_PROCESS=1", "OUTPOST_CONFIG="+usual(t).file(t))
			s.pass(c)
			out, err := c.CombinedOutput()
			if err == nil || !strings.Contains(string(out), test.says) {
				t.Errorf("it ended with %v:\n%s", err, out)
			}
		})
	}
}

// What systemd is told from the start to the end.
func TestNotifications(t *testing.T) {
	n := newNotifications(t)
	file := filepath.Join(t.TempDir(), "outpost.yaml")
	s := usual(t)
	c := changeable{file: file}
	c.rewrite(t, s)
	p := startChanged(t, s, func(c *exec.Cmd) { c.Env = append(c.Env, "NOTIFY_SOCKET="+n.path, "OUTPOST_CONFIG="+file) })
	eventually(t, "ready", func() bool { return n.count("READY=1") == 1 && n.count("STATUS=serving on "+p.public) == 1 })
	if got := n.count("WATCHDOG"); got > 0 {
		t.Errorf("%d pings that nobody asked for", got)
	}
	p.signal(t, syscall.SIGHUP)
	eventually(t, "reloaded", func() bool { return n.count("READY=1") == 2 })
	if n.count("RELOADING=1") != 1 || n.count("MONOTONIC_USEC=") != 1 || n.count("STATUS=serving") != 2 {
		t.Errorf("it said %q", n.find(""))
	}
	if err := os.WriteFile(file, []byte("nothing: of ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGHUP)
	eventually(t, "reloaded", func() bool { return n.count("READY=1") == 3 })
	if n.count("STATUS=serving; the configuration was not taken over") != 1 {
		t.Errorf("it said %q", n.find(""))
	}
	p.signal(t, syscall.SIGTERM)
	p.wait(t)
	eventually(t, "stopping", func() bool { return n.count("STOPPING=1") == 1 })
	if begun := n.find("")[0]; begun != "READY=1" {
		t.Errorf("first it said %q", begun)
	}
}

// systemd is not told that all is well by a process that starts and fails.
func TestNotReady(t *testing.T) {
	n := newNotifications(t)
	t.Setenv("NOTIFY_SOCKET", n.path)
	if got := command(t, nil, "-config", usual(t).with(settings{"management": taken(t)}).file(t)); got.status != 1 {
		t.Errorf("got %+v", got)
	}
	if got := n.find(""); len(got) > 0 {
		t.Errorf("it said %q", got)
	}
}

// A process that can take no connection any more is alive, and does not ping.
func TestWatchdog(t *testing.T) {
	n := newNotifications(t)
	p := startChanged(t, usual(t), func(c *exec.Cmd) { c.Env = append(c.Env, "NOTIFY_SOCKET="+n.path, "WATCHDOG_USEC=200000") })
	eventually(t, "pings", func() bool { return n.count("WATCHDOG=1") >= 5 })
	if out, err := exec.CommandContext(t.Context(), "prlimit", "--pid", strconv.Itoa(p.Process.Pid), "--nofile=3:3").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	eventually(t, "the check is not answered", func() bool { return len(p.log.find("the check is not answered")) > 0 })
	before := n.count("WATCHDOG=1")
	time.Sleep(time.Second)
	if got := n.count("WATCHDOG=1"); got != before {
		t.Errorf("it pinged %d times more", got-before)
	}
	if err := p.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the process is gone: %v", err)
	}
}

// Whatever is wrong with the answer, there is no ping; and what is asked is the
// check, as nginx asks it.
func TestWatchdogAsks(t *testing.T) {
	n := newNotifications(t)
	t.Setenv("NOTIFY_SOCKET", n.path)
	var status atomic.Int64
	var checks, pings atomic.Int64
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == auth.Prefix+"/ping":
			pings.Add(1)
			w.WriteHeader(http.StatusNoContent)
			return
		case r.URL.Path != auth.Prefix+"/auth/nginx" || r.Host != "app.example.com" || r.Header.Get("X-Original-URL") != "https://app.example.com/":
			t.Errorf("asked for %s of %s", r.URL, r.Host)
		}
		checks.Add(1)
		if status.Load() == 0 {
			<-hang
		}
		w.WriteHeader(int(status.Load()))
	}))
	defer s.Close()
	defer close(hang)
	check, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://app.example.com"+auth.Prefix+"/auth/nginx", nil)
	if err != nil {
		t.Fatal(err)
	}
	check.Header.Set("X-Original-URL", "https://app.example.com/")
	var trusted atomic.Bool
	trusted.Store(true)
	w := &watchdog{every: 50 * time.Millisecond, doors: []string{s.Listener.Addr().String()}, check: check, log: slog.New(slog.DiscardHandler),
		trust: func(netip.Addr) bool { return trusted.Load() }}
	for _, test := range []struct {
		status int
		well   bool
	}{{401, true}, {403, true}, {200, true}, {500, false}, {502, false}, {0, false}} {
		status.Store(int64(test.status))
		if err := w.ask(t.Context()); (err == nil) != test.well {
			t.Errorf("%d: got error %v", test.status, err)
		}
	}
	if checks.Load() != 6 || pings.Load() != 6 {
		t.Errorf("%d checks, %d pings", checks.Load(), pings.Load())
	}
	// From an address that is no trusted proxy the check would be an alert.
	trusted.Store(false)
	status.Store(500)
	if err := w.ask(t.Context()); err != nil || checks.Load() != 6 {
		t.Errorf("got %v after %d checks", err, checks.Load())
	}
	w.doors = append(w.doors, "127.0.0.1:1")
	if err := w.ask(t.Context()); err == nil {
		t.Error("one door of two is shut, and all is well")
	}
}

// systemd keeps the socket while the process is replaced: whoever connects
// meanwhile waits, and nobody is refused or left without an answer.
func TestRestartRefusesNobody(t *testing.T) {
	for _, test := range []struct {
		name, network string
		front         bool
	}{{"tcp-front", "tcp", true}, {"tcp", "tcp", false}, {"unix-front", "unix", true}, {"unix", "unix", false}} {
		t.Run(test.name, func(t *testing.T) {
			var s sockets
			address := "127.0.0.1:0"
			if test.network == "unix" {
				address = filepath.Join(t.TempDir(), "listen.sock")
			}
			address = s.add(t, "listen", test.network, address).String()
			set := usual(t).with(settings{"front": test.front, "log": settings{"format": "json", "level": "info"}})
			p := startChanged(t, set, s.pass)
			request := "GET " + auth.Prefix + "/auth/nginx HTTP/1.1\r\nHost: router.example.com\r\nX-Original-URL: https://router.example.com/\r\nConnection: close\r\n\r\n"
			stop := make(chan struct{})
			var asked, failed atomic.Int64
			var clients sync.WaitGroup
			for range 8 {
				clients.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						asked.Add(1)
						if err := askOnce(test.network, address, request); err != nil && failed.Add(1) < 5 {
							t.Error(err)
						}
						time.Sleep(time.Millisecond)
					}
				})
			}
			for range 5 {
				before := asked.Load()
				eventually(t, "checks", func() bool { return asked.Load() > before+100 })
				p.signal(t, syscall.SIGTERM)
				p.wait(t)
				time.Sleep(50 * time.Millisecond) // some time without any process
				p = startChanged(t, set, s.pass)
			}
			close(stop)
			clients.Wait()
			t.Logf("%d of %d checks failed", failed.Load(), asked.Load())
		})
	}
}

// askOnce connects, asks and hangs up, as nginx does under SWAG.
func askOnce(network, address, request string) error {
	c, err := net.DialTimeout(network, address, patience)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, request); err != nil {
		return err
	}
	answer, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 401 ") {
		return fmt.Errorf("got %q, %w", answer, err)
	}
	return nil
}

package redis_test

// Real servers for the tests: each begins them for itself, on loopback, and
// ends them by their process.

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"outpost/session"
	"outpost/session/redis"
)

// patience is how long a test waits for what has to come.
const patience = 30 * time.Second

// server is one redis-server, or what does its work.
type server struct {
	binary, dir string
	port        int
	args        []string
	cmd         *exec.Cmd
}

// valkey is where e2e/install.sh puts it. All tests run with it, or another
// server, where OUTPOST_TEST_REDIS names it.
const valkey = "../../build/e2e/valkey/usr/bin/valkey-server"

// program is a server's binary. A machine without one fails the tests: they
// would say nothing.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		t.Fatalf("%v: make test installs it; by hand: e2e/install.sh", err)
	}
	return path
}

// newServer begins a server with more settings, as on its command line.
func newServer(t testing.TB, args ...string) *server {
	t.Helper()
	s := prepared(t, args...)
	s.start(t)
	return s
}

// prepared is a server that has not begun.
func prepared(t testing.TB, args ...string) *server {
	t.Helper()
	name := os.Getenv("OUTPOST_TEST_REDIS")
	if name == "" {
		name = "redis-server"
	}
	return preparedOf(t, name, args...)
}

func preparedOf(t testing.TB, name string, args ...string) *server {
	t.Helper()
	s := &server{binary: program(t, name), dir: t.TempDir(), port: freePort(t), args: args}
	t.Cleanup(s.kill)
	return s
}

// ports are those that have been given out.
var ports sync.Map

// freePort is a port that nobody has, nor the one 10,000 above, which a node of a
// cluster takes as well; both lie below those that the system gives to outgoing
// connections.
func freePort(t testing.TB) int {
	t.Helper()
	free := func(port int) bool {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			l.Close()
		}
		return err == nil
	}
	for range 1000 {
		port := 11_000 + rand.N(9_000)
		if _, given := ports.LoadOrStore(port, true); !given && free(port) && free(port+10_000) {
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

func (s *server) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

func (s *server) start(t testing.TB) {
	t.Helper()
	args := append([]string{"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--save", "", "--dir", s.dir}, s.args...)
	s.run(t, args...)
}

// run starts the process and waits until it listens.
func (s *server) run(t testing.TB, args ...string) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.cmd = exec.Command(s.binary, args...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server to listen", func() bool {
		c, err := net.DialTimeout("tcp", s.address(), time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// kill ends the process as a power cut does.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill()
	s.cmd.Wait()
	s.cmd = nil
}

// cli runs redis-cli against the server and returns what it printed.
func (s *server) cli(t testing.TB, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "redis-cli", append([]string{"-p", strconv.Itoa(s.port)}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("redis-cli %s: %v\n%s", strings.Join(args, " "), err, out.String())
	}
	return strings.TrimSpace(out.String())
}

// eventually waits until ready is true.
func eventually(t testing.TB, what string, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ready(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// open opens a store, which is closed at the end, and waits until it answers.
func open(t testing.TB, c redis.Config) *redis.Store {
	t.Helper()
	s := begin(t, c)
	eventually(t, "the store to answer", func() bool { _, err := s.Len(t.Context()); return err == nil })
	return s
}

// begin opens a store, which is closed at the end.
func begin(t testing.TB, c redis.Config) *redis.Store {
	t.Helper()
	s, err := redis.Open(c)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// config is that of one server.
func (s *server) config() redis.Config {
	return redis.Config{Addresses: []string{s.address()}, Prefix: "outpost:"}
}

func key(n int) session.Key {
	return session.Key{byte(n), byte(n >> 8), byte(n >> 16), 1}
}

func record(n int) session.Record {
	now := time.Now().UTC()
	return session.Record{
		Sealed: fmt.Appendf(nil, "sealed %d", n), Expires: now.Add(time.Hour), Seen: now,
		Indexes: []session.Key{{1, byte(n)}, {2, byte(n), byte(n >> 8)}},
	}
}

package redis_test

// The line to a server, which a test has fail: a toxiproxy of its own between a
// replica and the server, told over its API.

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"outpost/session/redis"
)

// toxiproxy is where e2e/install.sh puts it.
const toxiproxy = "../../build/e2e/toxiproxy/server"

// line leads to one server.
type line struct {
	api    string // URL of its proxy
	server *server
	port   int
}

func newLine(t testing.TB, s *server) *line {
	t.Helper()
	api, port := freePort(t), freePort(t)
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(program(t, toxiproxy), "-host", "127.0.0.1", "-port", strconv.Itoa(api))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })

	base := "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(api))
	eventually(t, "toxiproxy to listen", func() bool {
		response, err := http.Get(base + "/version")
		if err == nil {
			response.Body.Close()
		}
		return err == nil
	})
	l := &line{api: base + "/proxies", server: s, port: port}
	l.tell(t, "POST", "", map[string]any{"name": "redis", "listen": l.address(), "upstream": s.address()})
	l.api += "/redis"
	return l
}

func (l *line) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(l.port)) }

// config is that of the server behind the line.
func (l *line) config() redis.Config {
	c := l.server.config()
	c.Addresses = []string{l.address()}
	return c
}

// tell sends toxiproxy a request about the proxy.
func (l *line) tell(t testing.TB, method, path string, body any) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, l.api+path, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		answer, _ := io.ReadAll(response.Body)
		t.Fatalf("toxiproxy answers %s to %s %s %s: %s", response.Status, method, path, b, answer)
	}
}

// attributes are those of a toxic, as toxiproxy names them.
type attributes map[string]int

// fail has the line fail in one way, in both directions, on the connections that
// there are and on those to come.
func (l *line) fail(t testing.TB, toxic string, a attributes) {
	t.Helper()
	for _, stream := range []string{"upstream", "downstream"} {
		l.tell(t, "POST", "/toxics", map[string]any{"name": stream, "type": toxic, "stream": stream, "attributes": a})
	}
}

// clear ends that.
func (l *line) clear(t testing.TB) {
	t.Helper()
	for _, stream := range []string{"upstream", "downstream"} {
		l.tell(t, "DELETE", "/toxics/"+stream, nil)
	}
}

// open ends all connections and refuses new ones, or takes them again.
func (l *line) open(t testing.TB, open bool) {
	t.Helper()
	l.tell(t, "POST", "", map[string]bool{"enabled": open})
}

package main

// The daemon of these tests: run, as main calls it, with a configuration and a
// data directory of its own, on free ports of the loopback interface.

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"outpost/auth"
)

// patience is how long a test waits for what has to happen.
const patience = 20 * time.Second

// settings are the top-level keys of a configuration file. YAML takes JSON.
type settings map[string]any

// with returns the settings, changed by the others.
func (s settings) with(others ...settings) settings {
	all := settings{}
	for _, some := range append([]settings{s}, others...) {
		for key, value := range some {
			all[key] = value
		}
	}
	return all
}

// file writes the settings to a file of their own.
func (s settings) file(t testing.TB) string {
	t.Helper()
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "outpost.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// usual is one application at a provider that is not there, and a data
// directory that is not there yet.
func usual(t testing.TB) settings {
	t.Helper()
	return settings{
		"listen": "127.0.0.1:0", "management": "127.0.0.1:0", "data": filepath.Join(t.TempDir(), "data"),
		"log":      settings{"format": "json", "level": "debug"},
		"provider": settings{"issuer": "https://127.0.0.1:1/", "client_id": "outpost", "client_secret": "client secret of the tests"},
		"applications": []settings{
			{"name": "router", "mode": "single", "external_url": "https://router.example.com"},
			{"name": "home", "mode": "domain", "external_url": "https://outpost.example.net", "cookie_domain": "example.net"},
		},
	}
}

// outcome is what a command leaves behind.
type outcome struct {
	status         int
	stdout, stderr string
}

// command runs one to its end, with an environment of the given variables.
func command(t *testing.T, env map[string]string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return commandWithin(ctx, env, args...)
}

func commandWithin(ctx context.Context, env map[string]string, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	status := run(ctx, program{args, lookup(env), &stdout, &stderr, func() []string { return slices.Collect(maps.Keys(env)) }})
	return outcome{status, stdout.String(), stderr.String()}
}

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
}

// daemon is one that serves.
type daemon struct {
	public, management string // addresses, as dial takes them; management may be "off"
	tls                string // so too
	log                *journal
	stop               context.CancelFunc // what SIGTERM does
	ended              chan struct{}
	status             int // once it has ended
}

// start serves until the test ends, or the daemon is halted.
func start(t testing.TB, s settings) *daemon {
	t.Helper()
	return startFile(t, s.file(t))
}

// changeable is a daemon whose configuration file changes.
type changeable struct {
	*daemon
	file string
}

func startAt(t *testing.T, s settings, file string) changeable {
	t.Helper()
	c := changeable{file: file}
	c.rewrite(t, s)
	c.daemon = startFile(t, file)
	return c
}

func (c changeable) rewrite(t *testing.T, s settings) {
	t.Helper()
	text, err := os.ReadFile(s.file(t))
	if err == nil {
		err = os.WriteFile(c.file, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func startFile(t testing.TB, file string) *daemon {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	d := &daemon{log: newJournal(), stop: stop, ended: make(chan struct{})}
	args := []string{"-config", file}
	go func() {
		defer close(d.ended)
		d.status = run(ctx, program{args, lookup(nil), io.Discard, d.log, func() []string { return nil }})
	}()
	t.Cleanup(func() { d.halt(t) })
	select {
	case line := <-d.log.serving:
		d.public, d.management, d.tls = address(line["listen"]), address(line["management"]), address(line["tls"])
	case <-d.ended:
		t.Fatalf("it ended with status %d:\n%s", d.status, d.log)
	case <-time.After(patience):
		t.Fatalf("it does not serve:\n%s", d.log)
	}
	return d
}

func address(logged any) string {
	text, _ := logged.(string)
	if strings.HasPrefix(text, "/") {
		return "unix:" + text
	}
	return text
}

// halt is SIGTERM, and waits for the end. It returns the exit status.
func (d *daemon) halt(t testing.TB) int {
	t.Helper()
	d.stop()
	select {
	case <-d.ended:
	case <-time.After(patience):
		t.Fatalf("it does not end:\n%s", d.log)
	}
	return d.status
}

// client speaks to whatever listens at the address, and follows nothing.
func client(t *testing.T, address string) *http.Client {
	t.Helper()
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, address) },
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

// get asks for a path; headers are names and values in turn, Host among them.
func get(t *testing.T, address, path string, headers ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://outpost"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	resp, err := client(t, address).Do(r)
	if err != nil {
		t.Fatalf("asking %s for %s: %v", address, path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading what %s answers to %s: %v", address, path, err)
	}
	return reply{resp.StatusCode, resp.Header, string(body)}
}

// check asks as nginx does whether a cookie opens https://router.example.com/.
func (d *daemon) check(t *testing.T, cookie string) reply {
	t.Helper()
	return get(t, d.public, auth.Prefix+"/auth/nginx",
		"Host", "router.example.com", "X-Original-URL", "https://router.example.com/", "Cookie", cookie)
}

// journal is a log in JSON, line by line.
type journal struct {
	serving chan map[string]any // the line that says so

	mu    sync.Mutex
	text  bytes.Buffer
	lines []map[string]any
}

func newJournal() *journal { return &journal{serving: make(chan map[string]any, 1)} }

// Write takes one line, as slog's handlers write them.
func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text.Write(line)
	var fields map[string]any
	if json.Unmarshal(line, &fields) == nil {
		j.lines = append(j.lines, fields)
		if fields["msg"] == "serving" {
			j.serving <- fields
		}
	}
	return len(line), nil
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// find returns the lines whose message begins with the text.
func (j *journal) find(message string) []map[string]any {
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []map[string]any
	for _, line := range j.lines {
		if text, _ := line["msg"].(string); strings.HasPrefix(text, message) {
			found = append(found, line)
		}
	}
	return found
}

// eventually waits for what another goroutine does in its own time.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !so(); {
		if time.Now().After(end) {
			t.Fatalf("%s: it never was so", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func noNames() []string { return nil }

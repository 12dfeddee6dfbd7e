package e2e

// replicas.go is for stories of several daemons that share their sessions in
// Redis: nginx asks the first, and the test asks each of them itself.

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sharedSecret is what every replica has to have.
const sharedSecret = "secret: Vd8zFq1nX5cYt3Rj7LbQw0GmKs9HpA2eUo4i"

// A redisServer keeps what it is given over a restart.
type redisServer struct {
	dir     string
	process *process
}

const redisAddress = "127.0.2.9:6379"

func startRedis(t testing.TB) *redisServer {
	t.Helper()
	r := &redisServer{dir: t.TempDir()}
	r.start(t)
	return r
}

func (r *redisServer) start(t testing.TB) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatalf("%v; run e2e/install.sh first", err)
	}
	host, port, _ := strings.Cut(redisAddress, ":")
	r.process = start(t, r.dir, "redis", exec.Command(path, "--bind", host, "--port", port, "--dir", r.dir, "--appendonly", "yes", "--appendfsync", "always"))
	r.process.waitFor(t, redisAddress)
}

// A replica is one of several daemons.
type replica struct {
	address string
	client  *http.Client
}

// newReplicas starts n daemons over one Redis; the first is the one behind nginx.
func newReplicas(t testing.TB, n int, apps []application, p *provider, session ...string) (all []replica, first *daemon) {
	t.Helper()
	lines := append([]string{sharedSecret, "session:", "  store: redis", "  redis: { url: redis://" + redisAddress + " }"}, session...)
	first = newDaemon(t, apps, p, lines...)
	text := readFile(t, filepath.Join(first.dir, "config.yaml"))
	for i := range n {
		host := "127.0.2.1" + strings.Repeat("1", i)
		if i > 0 {
			dir := t.TempDir()
			config := strings.NewReplacer("127.0.2.1:", host+":", first.dir, dir).Replace(text)
			if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(shared("outpost"), "-config", filepath.Join(dir, "config.yaml"))
			cmd.Env = []string{"SSL_CERT_FILE=" + shared("ca.crt")}
			start(t, dir, "outpost", cmd).waitFor(t, host+":9000")
		}
		all = append(all, replica{host + ":9000", &http.Client{Timeout: 5 * time.Second}})
	}
	return all, first
}

// check asks as nginx does, and returns the status and what the application is
// told of the user's name.
func (r replica) check(t testing.TB, base string, cookies []*http.Cookie) (status int, username string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.address+outpostPrefix+"/auth/nginx", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = strings.TrimPrefix(base, "https://")
	request.Header.Set("X-Original-URL", base+"/")
	request.Header.Set("X-Forwarded-Host", request.Host)
	for _, c := range cookies {
		request.AddCookie(c)
	}
	answer, err := r.client.Do(request)
	if err != nil {
		t.Errorf("%s: %v", r.address, err)
		return 0, ""
	}
	answer.Body.Close()
	return answer.StatusCode, answer.Header.Get("X-Authentik-Username")
}

func (r replica) wants(t testing.TB, base string, cookies []*http.Cookie, want int) {
	t.Helper()
	if status, _ := r.check(t, base, cookies); status != want {
		t.Errorf("%s answers %d, want %d", r.address, status, want)
	}
}

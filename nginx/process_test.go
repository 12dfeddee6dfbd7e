package nginx

// A real nginx, on sockets in a folder of its own.

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// process is a running nginx.
type process struct{ dir string }

// client returns a client for one of its sockets. It follows no redirect.
func (p process) client(socket string) *http.Client {
	return &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(p.dir, socket))
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// write puts a file where the configuration calls it DIR/name.
func (p process) write(t *testing.T, name, text string) {
	t.Helper()
	name = filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// findNginx says loudly what is not tested on a machine without it.
func findNginx(t *testing.T) string {
	t.Helper()
	binary, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("not tested: that we read files and choose locations as nginx does, since there is no nginx on this machine (e2e/install.sh brings one)")
	}
	return binary
}

// startNginx runs this machine's nginx with what stands in the http block. DIR
// is the folder of its sockets, and it has to listen at unix:DIR/s.
func startNginx(t *testing.T, http string) process {
	t.Helper()
	binary := findNginx(t)
	dir, err := os.MkdirTemp("", "nginx") // short: a socket's path has about a hundred bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // its workers are somebody else
		t.Fatal(err)
	}
	p := process{dir}
	p.write(t, "nginx.conf", "daemon off; pid "+dir+"/pid; error_log "+dir+"/error.log emerg;\nevents {}\nhttp { access_log off;\n"+
		strings.ReplaceAll(http, "DIR", dir)+"\n}\n")
	command := exec.Command(binary, "-p", dir, "-c", dir+"/nginx.conf", "-e", dir+"/error.log")
	var said strings.Builder
	command.Stderr = &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { command.Wait(); close(ended) }()
	t.Cleanup(func() {
		command.Process.Signal(os.Interrupt) // nginx ends its workers with it
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			command.Process.Kill()
		}
	})
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if connection, err := net.Dial("unix", dir+"/s"); err == nil {
			connection.Close()
			return p
		}
		select {
		case <-ended:
			t.Fatalf("nginx does not start:\n%s", said.String())
		default:
		}
	}
	t.Fatal("nginx does not listen after 20 seconds")
	return p
}

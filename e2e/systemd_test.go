package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// exposure is the most that `systemd-analyze security` may find, in tenths: 0 is
// a unit that can do nothing, 100 one that can do everything.
const exposure = "12"

// units are ours, in a folder where the binary's and the configuration's place is.
func units(t *testing.T) (dir string) {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Fatalf("NOT TESTED: %v: the systemd units; Debian's package is systemd, and e2e/install.sh installs it", err)
	}
	dir = t.TempDir()
	copyTree(t, filepath.Join(repository(), "deploy", "systemd"), dir)
	edit(t, filepath.Join(dir, "outpost.service"), `ExecStart=/usr/local/bin/outpost`, "ExecStart="+shared("outpost"))
	return dir
}

// systemd understands every line of our units, and finds little that they could do.
func TestSystemdUnits(t *testing.T) {
	dir := units(t)
	// It ends with 0 also where it does not know a key, and says so.
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", filepath.Join(dir, "outpost.socket"), filepath.Join(dir, "outpost.service")).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
	out, err = exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--threshold="+exposure, filepath.Join(dir, "outpost.service")).CombinedOutput()
	if err != nil {
		t.Errorf("security: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "Overall exposure level for outpost.service:") {
		t.Errorf("security says nothing:\n%s", out)
	}
	service := readFile(t, filepath.Join(dir, "outpost.service"))
	for _, line := range []string{"Type=notify", "WatchdogSec=30", "DynamicUser=yes", "StateDirectory=outpost", "ProtectSystem=strict", "MemoryDenyWriteExecute=yes",
		"NoNewPrivileges=yes", "LoadCredential=oidc:/etc/outpost/oidc", "SystemCallFilter=@system-service"} {
		if !strings.Contains(service, "\n"+line+"\n") {
			t.Errorf("the unit has no %s", line)
		}
	}
}

// systemd's own program opens the socket and starts the outpost on it with the
// first connection; the configuration is the one that the unit's comment shows.
func TestSystemdActivate(t *testing.T) {
	dir := units(t)
	if _, err := exec.LookPath("systemd-socket-activate"); err != nil {
		t.Fatalf("NOT TESTED: %v: sockets from systemd; Debian's package is systemd, and e2e/install.sh installs it", err)
	}
	service := readFile(t, filepath.Join(dir, "outpost.service"))
	_, shown, _ := strings.Cut(service, "# In outpost.yaml:\n#\n")
	shown, _, _ = strings.Cut(shown, "\n\n")
	shown = regexp.MustCompile(`(?m)^#(   )?`).ReplaceAllString(shown, "")
	secret, _, found := strings.Cut(strings.TrimSpace(shown), "\n")
	if !found || !strings.HasPrefix(secret, "client_secret: ${file:/run/credentials/outpost.service/oidc}") {
		t.Fatalf("the comment shows\n%s", shown)
	}
	credential := filepath.Join(dir, "oidc")
	writeFile(t, credential, "the client secret of this test\n")
	writeFile(t, filepath.Join(dir, "outpost.yaml"), strings.NewReplacer(
		"/run/credentials/outpost.service/oidc", credential, "/var/lib/outpost", filepath.Join(dir, "state"), "127.0.0.1:9000", "127.0.0.1:1", "127.0.0.1:9300", "127.0.2.1:9300",
	).Replace(fmt.Sprintf("provider:\n  issuer: https://idp.example.test\n  client_id: outpost\n  %s\napplications:\n  - name: webtop\n    mode: single\n    external_url: https://webtop.test\n%s\n",
		secret, strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(shown), secret)))))
	const address = "127.0.2.1:9000"
	c := exec.Command("systemd-socket-activate", "--listen="+address, "--fdname=listen", shared("outpost"), "-config", filepath.Join(dir, "outpost.yaml"))
	c.Env = os.Environ()
	p := start(t, dir, "outpost", c)
	p.waitFor(t, address)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+outpostPrefix+"/auth/nginx", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "webtop.test"
	r.Header.Set("X-Original-URL", "https://webtop.test/")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatalf("%v\n%s", err, readFile(t, p.log))
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the check answers %s", resp.Status)
	}
	if log := readFile(t, p.log); !strings.Contains(log, "listen="+address) {
		t.Errorf("it listens elsewhere:\n%s", log)
	}
}

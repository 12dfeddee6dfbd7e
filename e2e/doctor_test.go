package e2e

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A finding is one line of doctor.
type finding struct{ Check, Status, Message, Fix string }

// doctor runs the command as people do, and returns its lines and its exit status.
func (d *daemon) doctor(t testing.TB, arguments ...string) ([]finding, int) {
	t.Helper()
	cmd := exec.Command(shared("outpost"), append([]string{"doctor", "-config", filepath.Join(d.dir, "config.yaml"), "--json"}, arguments...)...)
	cmd.Env = []string{"SSL_CERT_FILE=" + shared("ca.crt")}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var lines []finding
	if err := json.Unmarshal(output, &lines); err != nil {
		t.Fatalf("doctor: %v\n%s%s", err, output, stderr.String())
	}
	return lines, cmd.ProcessState.ExitCode()
}

func listing(lines []finding) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.Status + "\t" + l.Check + "\t" + l.Message + "\n\t\t→ " + l.Fix + "\n")
	}
	return b.String()
}

// TestDoctorWell: nothing is wrong, and doctor says so of everything.
func TestDoctorWell(t *testing.T) {
	s := newStage(t, releases[1], ours)
	lines, code := s.daemon.doctor(t, "--url", "https://webtop.test/", "--url", "https://webtop.home.test/a?b=c", "--nginx", filepath.Join(s.nginx.config, "nginx"))
	for _, l := range lines {
		if l.Status != "ok" || l.Fix != "" {
			t.Errorf("%s is %s: %s → %s", l.Check, l.Status, l.Message, l.Fix)
		}
	}
	if code != 0 {
		t.Errorf("exit status %d", code)
	}
	t.Log(listing(lines))
}

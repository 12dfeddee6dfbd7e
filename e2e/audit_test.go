package e2e

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAudit: who came in, who was refused and who went is in the audit log, by name,
// with the browser's address, and nothing that opens anything.
func TestAudit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.log")
	apps := applications()
	s := &stage{provider: startCertified(t, apps)}
	s.daemon = newDaemon(t, apps, s.provider, "audit_log: { file: "+file+" }")
	s.app = startApp(t, "webtop", "127.0.2.2:3000")
	s.nginx = startNginx(t, releases[1], ours)

	v := s.signedIn(t, "https://webtop.test")
	cookies := v.cookies("https://webtop.test/")
	v.get("https://webtop.test/")
	v.get("https://webtop.test" + outpostPrefix + "/callback?state=forged&code=forged")
	newVisitor(t).get("https://webtop.test" + outpostPrefix + "/callback?state=forged&code=forged")
	if p := v.get("https://webtop.test" + outpostPrefix + "/sign_out"); p.StatusCode != http.StatusFound && p.StatusCode != http.StatusOK {
		t.Errorf("signing out: %s", p.Status)
	}
	s.daemon.process.stop(t)

	text := readFile(t, file)
	var events []string
	for line := range strings.Lines(text) {
		var e struct {
			Event, User, Session, Application string
			Address                           string `json:"client_ip"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		events = append(events, e.Event)
		if e.Event == "sign_in" && (e.User == "" || e.Application != "webtop" || len(e.Session) != 16 || e.Address == "") {
			t.Errorf("%s", line)
		}
	}
	if want := []string{"started", "sign_in", "sign_in_failed", "session_ended", "sign_out", "stopped"}; !slices.Equal(events, want) {
		t.Errorf("got %q, want %q\n%s", events, want, text)
	}
	for _, c := range cookies {
		if strings.Contains(text, c.Value) {
			t.Errorf("it holds the cookie %s", c.Name)
		}
	}
}

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReload: the file is edited while somebody is at the provider's form and
// somebody else at work. What it says then is in force, nobody is signed out, and a
// file that is wrong changes nothing.
func TestReload(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		const base = "https://webtop.test"
		file := filepath.Join(s.daemon.dir, "config.yaml")
		before := readFile(t, file)
		says := func(message string) {
			t.Helper()
			seen := strings.Count(s.daemon.log(t), message)
			eventually(t, message, func() bool { return strings.Count(s.daemon.log(t), message) > seen })
		}
		save := func(text, message string) {
			t.Helper()
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			says(message)
		}
		current := func(want float64) {
			t.Helper()
			if got := s.daemon.metric(t, "outpost_config_last_reload_successful"); got != want {
				t.Errorf("outpost_config_last_reload_successful %v, want %v", got, want)
			}
		}

		working := s.signedIn(t, base)
		arriving := newVisitor(t)
		form := arriving.open(base + deepLink)
		if !strings.HasPrefix(form.URL, s.provider.origin()) {
			t.Fatalf("the second person is at %s", form.URL)
		}

		rules := "external_url: https://webtop.test\n    rules: [{ path: /private/*, deny: true }, { allow: true }]\n"
		after := strings.Replace(before, "external_url: https://webtop.test\n", rules, 1)
		if after == before {
			t.Fatal("the file has no webtop")
		}
		save(after, `msg="the configuration was taken over"`)
		current(1)
		for _, tt := range []struct {
			path string
			want int
		}{{"/private/x", http.StatusForbidden}, {"/public/x", http.StatusOK}} {
			if p := working.fetch("GET", base+tt.path); p.StatusCode != tt.want {
				t.Errorf("at work, %s: %s, want %d", tt.path, p.Status, tt.want)
			}
		}
		for range 6 {
			if !strings.HasPrefix(form.URL, s.provider.origin()) {
				break
			}
			form = arriving.submit(form, map[string]string{"login": s.provider.admin.name, "password": s.provider.admin.password})
		}
		if form.URL != base+deepLink || form.StatusCode != http.StatusOK {
			t.Errorf("the sign-in under way landed on %s: %s\n%s", form.URL, form.Status, form.Body)
		}

		save(strings.Replace(after, "deny: true", "denied: true", 1), "the configuration was not taken over; what was in force goes on")
		current(0)
		if p := working.fetch("GET", base+"/private/x"); p.StatusCode != http.StatusForbidden {
			t.Errorf("with a file that is wrong the rule is gone: %s", p.Status)
		}
		save(before, `msg="the configuration was taken over"`)
		current(1)
		if p := working.fetch("GET", base+"/private/x"); p.StatusCode != http.StatusOK {
			t.Errorf("without the rule again: %s", p.Status)
		}
		if s.daemon.process.ended() {
			t.Error("the process ended")
		}
	})
}

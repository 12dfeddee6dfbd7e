package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFail2ban: fail2ban's own filters for nginx, and SWAG's, find nothing in the
// logs of people whose session has ended while an application was open. They find what
// they are for.
func TestFail2ban(t *testing.T) {
	root := filepath.Join(repository(), "build", "e2e", "fail2ban")
	if !exists(filepath.Join(root, "complete")) {
		t.Fatal("not tested: fail2ban is not at build/e2e/fail2ban; e2e/install.sh fetches it")
	}
	filters, err := filepath.Glob(filepath.Join(root, "etc", "fail2ban", "filter.d", "nginx-*.conf"))
	if err != nil || len(filters) < 3 {
		t.Fatalf("fail2ban has %d filters for nginx: %v", len(filters), err)
	}
	filters = append(filters, filepath.Join(root, "etc", "fail2ban", "filter.d", "apache-badbots.conf")) // as SWAG has it
	if own := filepath.Join(swagFolder(), "nginx-unauthorized.conf"); exists(own) {
		filters = append(filters, own)
	} else {
		t.Log("not tested: SWAG's own filter, which is not at ../shared/swag")
	}
	control := filepath.Join(t.TempDir(), "control.log")
	writeFile(t, control, `192.0.2.1 - - [26/Nov/2026:10:00:00 +0000] "GET /x HTTP/1.1" 401 0 "-" "x"
192.0.2.1 - - [26/Nov/2026:10:00:00 +0000] "GET /wp-login.php HTTP/1.1" 404 0 "-" "x"
192.0.2.1 - - [26/Nov/2026:10:00:00 +0000] "" 400 0 "-" "-"
2026/11/26 10:00:00 [error] 1#1: *1 user "x": password mismatch, client: 192.0.2.1, server: a, request: "GET / HTTP/1.1", host: "a"
`)
	onStage(t, func(t *testing.T, s *stage) {
		s.expire(t)
		for _, filter := range filters {
			name := strings.TrimSuffix(filepath.Base(filter), ".conf")
			for _, log := range []string{"access.log", "error.log"} {
				path := filepath.Join(s.nginx.config, "log", "nginx", log)
				if found, out := banned(t, root, path, filter); found != "0" {
					t.Errorf("%s finds %s in %s:\n%s", name, found, log, out)
				}
			}
			switch name {
			case "nginx-http-auth", "nginx-botsearch", "nginx-bad-request", "nginx-unauthorized":
				if found, out := banned(t, root, control, filter); found == "0" {
					t.Errorf("%s finds nothing where there is something:\n%s", name, out)
				}
			}
		}
		if lines := strings.Count(s.nginx.accessLog(t), "\n"); lines < 50 {
			t.Errorf("the story has only %d lines", lines)
		}
	})
}

// banned runs fail2ban-regex, which says how many lines a filter finds.
func banned(t *testing.T, root, log, filter string) (found, out string) {
	t.Helper()
	cmd := exec.Command("python3", filepath.Join(root, "usr", "bin", "fail2ban-regex"), "--no-check-all", "-c", filepath.Join(root, "etc", "fail2ban"), log, filter)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join(root, "usr", "lib", "python3", "dist-packages"))
	text, err := cmd.CombinedOutput()
	match := regexp.MustCompile(`(?m)^Failregex: (\d+) total`).FindStringSubmatch(string(text))
	if match == nil {
		t.Fatalf("fail2ban-regex says nothing: %v\n%s", err, text)
	}
	return match[1], string(text)
}

// expire is an application that stays open when its session has ended.
func (s *stage) expire(t *testing.T) {
	t.Helper()
	b := newBrowser(t)
	b.open("https://webtop.test/pages/hash")
	b.signIn(s.provider.admin)
	b.forget("outpost-webtop")
	b.eval(`(async () => {
		for (let i = 0; i < 10; i++) {
			await fetch("/data?i=" + i).catch(() => 0);
			await fetch("/data", {method: i % 2 ? "POST" : "PUT", body: "x"}).catch(() => 0);
			await new Promise((done) => { const s = new EventSource("/events"); s.onerror = () => { s.close(); done(); }; });
			await new Promise((done) => { const s = new WebSocket("wss://webtop.test/socket"); s.onerror = done; });
			await new Promise((done) => { const i = new Image(); i.onerror = done; i.src = "/picture.png"; });
			await new Promise((done) => { const f = document.createElement("iframe"); f.onload = done; f.src = "/framed"; document.body.append(f); });
		}
		return "done";
	})()`)
	v := newVisitor(t)
	for range 10 {
		v.post("https://webtop.test/sent")
		v.open("https://webtop.test/manifest.webmanifest")
		for _, path := range []string{"/refresh", "/sign_out", "/"} {
			v.open("https://webtop.test" + outpostPrefix + path)
		}
	}
	if p := v.signIn("https://webtop.test/", s.provider.admin.name, s.provider.admin.password); p.StatusCode != http.StatusOK {
		t.Errorf("afterwards a sign-in ends with %s", p.Status)
	}
}

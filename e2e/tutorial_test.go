package e2e

// The tutorial is run as it is written: its files are laid out, its commands are
// typed into a shell, and what they print is compared with what it shows. Docker
// alone is stood in for, since its containers are the test's own cells.

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

// TestTutorial runs docs/tutorial.md, and after the steps that promise something
// to people has people try it.
func TestTutorial(t *testing.T) {
	swag(swagDates[0]).need(t)
	h := newTutorial(t)
	text := readFile(t, filepath.Join(repository(), "docs", "tutorial.md"))
	for i, section := range strings.Split(text, "\n## ")[1:] {
		h.section = section[:strings.Index(section, "\n")]
		for _, block := range regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$").FindAllStringSubmatch(section, -1) {
			switch language, body := block[1], block[2]; {
			case language == "yaml" && strings.Contains(body, "provider:"):
				h.write(body)
			case language == "console", language == "sh" && strings.Contains(body, "docker"):
				h.play(body)
			}
		}
		if try := map[int]func(){3: h.tryDomain, 4: h.tryRules, 5: h.trySecondFactor, 6: h.tryPassword, 8: h.tryRevoked}[i]; try != nil {
			try()
		}
	}
	if h.commands < 30 {
		t.Errorf("%d commands were run: is the tutorial read as it is written?", h.commands)
	}
}

type tutorial struct {
	t        *testing.T
	section  string
	commands int
	written  int    // how often the file was, since the daemon runs
	dir      string // where compose.yaml would lie
	provider *provider
	daemon   *daemon
	nginx    *server
	apps     map[string]*app
	alice    *visitor
	path     string // of commands
}

func newTutorial(t *testing.T) *tutorial {
	h := &tutorial{t: t, dir: t.TempDir(), apps: map[string]*app{}}
	h.provider = startCertified(t, []application{
		{Name: "home", Mode: "domain", ExternalURL: "https://outpost.home.test", CookieDomain: "home.test"},
		{Name: "sonarr", Mode: "single", ExternalURL: "https://sonarr.home.test"},
	})
	h.daemon = &daemon{dir: filepath.Join(h.dir, "outpost")}
	setContainer(t, "authentik-server") // there is none
	setContainer(t, "sonarr", 127, 0, 2, 4)
	for name, address := range map[string]string{"webtop": "127.0.2.2:3000", "tautulli": "127.0.2.3:8181", "sonarr": "127.0.2.4:8989"} {
		h.apps[name] = startApp(t, name, address)
	}
	for _, folder := range []string{"outpost/data", "bin"} {
		if err := os.MkdirAll(filepath.Join(h.dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, secret := range map[string]string{"oidc": clientSecret, "sonarr": "of the collection\n"} {
		if err := os.WriteFile(filepath.Join(h.dir, "outpost", name), []byte(secret), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	h.path = filepath.Join(h.dir, "bin") + ":" + os.Getenv("PATH")
	writeFile(t, filepath.Join(h.dir, "bin", "docker"), `#!/bin/sh
# docker exec outpost /outpost ARGUMENTS, and docker run OPTIONS outpost ARGUMENTS
while [ "$1" != outpost ]; do shift; done
shift
[ "$1" != /outpost ] || shift
command=$1
shift
for argument; do
	case $argument in /config/*) argument=$HOUSE/swag${argument#/config} ;; esac
	set -- "$@" "$argument"
	shift
done
exec `+shared("outpost")+` "$command" "$@"
`)
	if err := os.Chmod(filepath.Join(h.dir, "bin", "docker"), 0o755); err != nil {
		t.Fatal(err)
	}
	return h
}

// generation is SWAG's tree as its first start leaves it: samples, and nothing
// of the user's.
func (h *tutorial) generation() generation {
	return generation{Name: "tutorial", place: func(t testing.TB, dir string, r release) {
		source := swagFolder()
		for from, to := range map[string]string{
			"nginx.conf": "nginx.conf", "ssl.conf": "ssl.conf", "default.conf": "site-confs/default.conf", "2023-02-09/proxy.conf": "proxy.conf",
			swagDates[0] + "/authentik-server.conf":   "authentik-server.conf.sample",
			swagDates[0] + "/authentik-location.conf": "authentik-location.conf.sample",
			"proxy-confs/webtop.subdomain.conf":       "proxy-confs/webtop.subdomain.conf.sample",
			"proxy-confs/tautulli.subdomain.conf":     "proxy-confs/tautulli.subdomain.conf.sample",
			"proxy-confs/sonarr.subdomain.conf":       "proxy-confs/sonarr.subdomain.conf.sample",
		} {
			copyFile(t, filepath.Join(source, from), filepath.Join(dir, to))
		}
		edit(t, filepath.Join(dir, "nginx.conf"), `(?m)^user abc;`, "user www-data;")
	}}
}

// here has what the reader replaces by their own: the domain, the provider, and
// the folders that a container has elsewhere.
func (h *tutorial) here(text string) string {
	for _, change := range h.changes() {
		text = strings.ReplaceAll(text, change[0], change[1])
	}
	return text
}

func (h *tutorial) there(text string) string {
	for _, change := range h.changes() {
		text = strings.ReplaceAll(text, change[1], change[0])
	}
	return text
}

func (h *tutorial) changes() [][2]string {
	return [][2]string{
		{"https://auth.example.com/application/o/outpost/", h.provider.issuer},
		{"/run/secrets", filepath.Join(h.dir, "outpost")},
		{"example.com", "home.test"},
	}
}

func (h *tutorial) write(body string) {
	h.t.Helper()
	path := filepath.Join(h.daemon.dir, "config.yaml")
	if err := os.WriteFile(path, []byte(h.here(body)+fmt.Sprintf("listen: 127.0.2.1:9000\nmanagement: 127.0.2.1:9300\ndata: %s/data\n", h.daemon.dir)), 0o600); err != nil {
		h.t.Fatal(err)
	}
	if h.daemon.process == nil {
		return
	}
	h.written++
	eventually(h.t, "the file in force", func() bool {
		return strings.Count(h.daemon.log(h.t), `msg="the configuration was taken over`) == h.written
	})
}

// play types the commands of a block and holds what they print against what it
// shows.
func (h *tutorial) play(block string) {
	h.t.Helper()
	folder := h.dir
	var command string
	var shown []string
	session := strings.Contains(block, "$ ") // else nothing is shown
	run := func() {
		if command != "" {
			h.t.Helper()
			printed := h.run(&folder, command)
			if session {
				h.compare(command, shown, printed)
			}
		}
		shown = nil
	}
	for line := range strings.Lines(block) {
		line = strings.TrimSuffix(line, "\n")
		if typed, ok := strings.CutPrefix(line, "$ "); ok || !session {
			run()
			command = typed
		} else {
			shown = append(shown, line)
		}
	}
	run()
}

// run returns what a command prints.
func (h *tutorial) run(folder *string, command string) string {
	h.t.Helper()
	h.commands++
	arguments := strings.Fields(command)
	switch {
	case arguments[0] == "cd":
		*folder = filepath.Join(*folder, arguments[1])
		return ""
	case strings.HasPrefix(command, "docker compose up -d "):
		for _, name := range arguments[4:] {
			h.start(name)
		}
		return ""
	case strings.HasPrefix(command, "docker restart "):
		for _, name := range arguments[2:] {
			h.stop(name)
			h.start(name)
		}
		return strings.Join(arguments[2:], "\n") + "\n"
	case command == "docker exec swag nginx -t":
		out, err := h.nginx.cell("-t").CombinedOutput()
		if err != nil {
			h.t.Fatalf("%s: %v\n%s", command, err, out)
		}
		return string(out)
	}
	if strings.Contains(command, "sessions list") {
		h.signIn()
	}
	cmd := exec.Command("bash", "-c", h.here(command))
	cmd.Dir = *folder
	cmd.Env = []string{
		"PATH=" + h.path, "HOUSE=" + h.dir, "CURL_CA_BUNDLE=" + shared("ca.crt"), "SSL_CERT_FILE=" + shared("ca.crt"),
		"OUTPOST_CONFIG=" + filepath.Join(h.daemon.dir, "config.yaml"),
	}
	out, err := cmd.CombinedOutput()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		h.t.Fatalf("%s: %v", command, err)
	}
	return string(out)
}

// compare wants lines as they are shown, where … is any text, and a line of it
// alone any lines.
func (h *tutorial) compare(command string, shown []string, printed string) {
	h.t.Helper()
	printed = h.there(strings.NewReplacer(
		filepath.Join(h.daemon.dir, "config.yaml"), "/config/outpost.yaml",
		filepath.Join(h.dir, "swag"), "/config",
	).Replace(printed))
	pattern := "(?s)^"
	for _, line := range shown {
		if line == "…" {
			pattern += `(?:.*\n)?`
			continue
		}
		pattern += strings.ReplaceAll(regexp.QuoteMeta(line), "…", `[^\n]*`) + "\n"
	}
	// A terminal shows no difference between "x " and "x".
	trimmed := regexp.MustCompile(`(?m)[ \t]+$`).ReplaceAllString(printed, "")
	if !regexp.MustCompile(pattern + "$").MatchString(trimmed) {
		h.t.Errorf("%s: %s\nprinted\n%s\nand the tutorial shows\n%s", h.section, command, printed, strings.Join(shown, "\n"))
	}
}

func (h *tutorial) start(name string) {
	h.t.Helper()
	switch name {
	case "outpost":
		h.daemon.start(h.t)
	case "swag":
		if h.nginx == nil {
			h.nginx = startNginx(h.t, releases[1], h.generation())
			if err := os.Symlink(h.nginx.config, filepath.Join(h.dir, "swag")); err != nil {
				h.t.Fatal(err)
			}
			return
		}
		h.nginx.process = start(h.t, h.t.TempDir(), h.nginx.release.Name, h.nginx.cell())
		h.nginx.waitFor(h.t, "127.0.0.1:443")
	}
}

func (h *tutorial) stop(name string) {
	h.t.Helper()
	if name == "outpost" {
		h.daemon.process.stop(h.t)
	} else {
		h.nginx.stop(h.t)
	}
}

func (h *tutorial) signIn() {
	h.t.Helper()
	h.alice = newVisitor(h.t)
	h.reaches(h.alice, "webtop", "/files?sort=size")
}

// reaches signs in where it has to.
func (h *tutorial) reaches(v *visitor, name, path string) {
	h.t.Helper()
	address := "https://" + name + ".home.test" + path
	p := v.signIn(address, h.provider.admin.name, h.provider.admin.password)
	if p.URL != address || p.StatusCode != http.StatusOK {
		h.t.Fatalf("%s: landed on %s: %s\n%s\n%s", h.section, p.URL, p.Status, strings.Join(v.trail, "\n"), p.Body)
	}
}

func (h *tutorial) tryDomain() {
	h.t.Helper()
	if p := h.alice.get("https://tautulli.home.test/"); p.StatusCode != http.StatusOK {
		h.t.Errorf("%s: the second application asks again: %s", h.section, p.Status)
	}
	if got := h.apps["tautulli"].last(h.t).Header.Get("X-Authentik-Username"); got != h.provider.admin.name {
		h.t.Errorf("%s: the application was told %q", h.section, got)
	}
}

func (h *tutorial) tryRules() {
	h.t.Helper()
	h.tryDomain()
	bob := newVisitor(h.t)
	if p := bob.signIn("https://webtop.home.test/", h.provider.other.name, h.provider.other.password); p.StatusCode != http.StatusForbidden ||
		!strings.Contains(p.Body, "<code>not_allowed</code>") || !strings.Contains(p.Body, "bob") {
		h.t.Errorf("%s: bob at the desktop: %s\n%s", h.section, p.Status, p.Body)
	}
}

func (h *tutorial) trySecondFactor() {
	h.t.Helper()
	h.tryDomain()
	p := h.alice.signIn("https://webtop.home.test/", h.provider.admin.name, h.provider.admin.password)
	if p.StatusCode != http.StatusForbidden || !strings.Contains(p.Body, "<code>insufficient_user_authentication</code>") {
		h.t.Errorf("%s: the desktop without a second factor: %s\n%s", h.section, p.Status, p.Body)
	}
	h.provider.setGroups(h.t, h.provider.admin.name, "admins", "users", "second-factor")
	h.reaches(h.alice, "webtop", "/")
}

func (h *tutorial) tryPassword() {
	h.t.Helper()
	h.reaches(h.alice, "sonarr", "/calendar")
	user, password, _ := (&http.Request{Header: h.apps["sonarr"].last(h.t).Header}).BasicAuth()
	if user != "sonarr" || password != "of the collection" {
		h.t.Errorf("%s: sonarr was sent %q and %q", h.section, user, password)
	}
}

func (h *tutorial) tryRevoked() {
	h.t.Helper()
	if p := h.alice.get("https://tautulli.home.test/"); p.StatusCode != http.StatusFound {
		h.t.Errorf("%s: alice is still in: %s", h.section, p.Status)
	}
}

package e2e

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// printedApplications are those of a story in which webtop is told more than
// authentik's headers.
func printedApplications() []application {
	return []application{
		{Name: "webtop", Mode: "single", ExternalURL: "https://webtop.test", Settings: []string{
			"headers: { presets: [authentik, remote-user], set: { X-Role: { value: \"{groups}\", map: { admins: Admin }, default: Viewer, first: true } } }",
		}},
		{Name: "home", Mode: "domain", ExternalURL: "https://outpost.home.test", CookieDomain: "home.test"},
	}
}

// TestPrinted: with what `outpost nginx` prints, each kind of nginx starts, people
// sign in and out, nobody else gets in, and the application is told what its
// configuration says and nothing that a client says. The daemon has nothing to say
// of the includes, nor has lint.
func TestPrinted(t *testing.T) {
	for _, r := range releases {
		for _, k := range printedKinds {
			t.Run(r.Name+"/"+k.Name, func(t *testing.T) { printedStory(t, r, k) })
		}
	}
}

func printedStory(t *testing.T, r release, k printedKind) {
	apps := printedApplications()
	p := startCertified(t, apps)
	d := newDaemon(t, apps, p, "front_ends: ["+k.Listed+"]")
	a := startApp(t, "webtop", "127.0.2.2:3000")
	n := k.serve(t, d, r)
	f := frontEnd{Name: k.Name, Listed: k.Listed, User: "X-Authentik-Username"}
	s := &guarded{frontEnd: f, provider: p, app: a, person: newVisitor(t)}
	t.Run("nobody", s.nobody)
	t.Run("sign-in", s.signIn)
	t.Run("own-headers", s.ownHeaders)
	t.Run("checks-are-nobody's", s.checks)
	t.Run("script", s.script)
	t.Run("spoofed", s.spoofed)
	t.Run("websocket", s.websocket)
	t.Run("not-allowed", s.notAllowed)
	t.Run("sign-out", s.signOut)
	if log := d.log(t); strings.Contains(log, "outpost nginx") {
		t.Errorf("the daemon finds fault with the includes:\n%s", log)
	}
	if log := n.complaints(t); strings.Contains(log, "uninitialized") {
		t.Errorf("nginx has complained:\n%s", log)
	}
	linted := map[string]string{"swag": "nginx.conf", "swag-itself": "proxy-confs/webtop.subdomain.conf", "nginx": "nginx.conf", "npm": "nginx.conf"}[k.Name]
	if linted == "" {
		return // ingress-nginx's template is not ours
	}
	root := filepath.Join(n.config, "nginx")
	out, err := exec.Command(shared("outpost"), "lint", "--root", root, filepath.Join(root, linted)).CombinedOutput()
	if !strings.Contains(string(out), "findings: 0;") || strings.Contains(string(out), "NOT KNOWN") {
		t.Errorf("lint: %v\n%s", err, out)
	}
}

// ownHeaders: those that are not authentik's, and of what a client makes up none.
func (s *guarded) ownHeaders(t *testing.T) {
	names := []string{"Remote-User", "Remote-Groups", "Remote-Name", "Remote-Email", "X-Role", "X-Authentik-Jwt"}
	for _, name := range names {
		s.person.headers.Set(name, "forged")
	}
	s.person.headers.Set("X-Outpost-Includes", "2020/01/01; headers=0000000000000000")
	defer func() { s.person.headers = http.Header{} }()
	if p := s.person.get(webtop + "/"); p.StatusCode != http.StatusOK {
		t.Fatalf("got %s", p.Status)
	}
	got := s.app.last(t).Header
	if got.Get("Remote-User") != s.provider.admin.name || got.Get("X-Role") != "Admin" || !strings.Contains(got.Get("Remote-Groups"), "admins") {
		t.Errorf("the application is told %v", got)
	}
	for _, name := range names {
		if got.Get(name) == "forged" {
			t.Errorf("%s reached the application as the client sent it", name)
		}
	}
}

// TestPrintedBehind: includes that are older than needed, or printed for other
// headers, still work, and the daemon says so once.
func TestPrintedBehind(t *testing.T) {
	for _, tt := range []struct{ name, file, from, to, want string }{
		{"old", "outpost-server.conf", `X-Outpost-Includes \d{4}/\d\d/\d\d`, "X-Outpost-Includes 2026/11/01", "nginx's includes are older than this program needs"},
		{"other-headers", "outpost-app-webtop.conf", `headers=[0-9a-f]{16}`, "headers=0123456789abcdef", "nginx hands on other headers"},
		{"does-not-say", "outpost-app-webtop.conf", `set \$outpost_headers .*;`, "", "nginx does not say that it hands on"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			apps := printedApplications()
			p := startCertified(t, apps)
			d := newDaemon(t, apps, p)
			a := startApp(t, "webtop", "127.0.2.2:3000")
			k := printedKinds[2]
			k.serve(t, d, releases[1], func(dir string) { edit(t, filepath.Join(dir, tt.file), tt.from, tt.to) })
			v := newVisitor(t)
			if page := v.signIn(webtop+"/", p.admin.name, p.admin.password); page.URL != webtop+"/" || page.StatusCode != http.StatusOK {
				t.Fatalf("landed on %s: %s", page.URL, page.Status)
			}
			for range 5 {
				v.get(webtop + "/")
				newVisitor(t).get(webtop + "/")
			}
			if got := a.last(t).Header.Get("Remote-User"); got != p.admin.name {
				t.Errorf("the application is told %q", got)
			}
			if got := strings.Count(d.log(t), tt.want); got != 1 || strings.Count(d.log(t), "outpost nginx") != 1 {
				t.Errorf("%q is there %d times:\n%s", tt.want, got, d.log(t))
			}
		})
	}
}

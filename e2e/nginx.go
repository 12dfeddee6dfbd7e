package e2e

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A release is an nginx as one Debian release ships it, unpacked by install.sh
// into a folder of its own with the libraries it needs.
type release struct {
	Name    string
	Debian  string
	Resolve bool // knows "server … resolve" (nginx 1.27.3)
}

// releases, oldest first. SWAG's own nginx lies between the last two.
var releases = []release{
	{Name: "nginx-1.22", Debian: "bookworm"},
	{Name: "nginx-1.26", Debian: "trixie"},
	{Name: "nginx-1.30", Debian: "forky", Resolve: true},
}

func nginxRoot(r release) string { return filepath.Join(repository(), "build", "e2e", r.Debian) }

// A generation is a set of configuration files as people have them on disk.
type generation struct {
	Name string
	// place writes the files of /config/nginx into dir.
	place func(t testing.TB, dir string, r release)

	SWAG     bool // needs SWAG's files
	Check    bool // the server's half is ours: $host in the check, and room for long answers
	Identity bool // the location's half is ours: all six identity headers
}

// oursAlone is our pair in a tree of our own making.
var oursAlone = generation{Name: "ours-alone", Check: true, Identity: true, place: func(t testing.TB, dir string, r release) {
	copyTree(t, filepath.Join(repository(), "e2e", "config"), dir)
	placeOurs(t, dir, r)
}}

// ours is the same with outpost-keepalive.conf: as it is, or as it tells people
// with an older nginx to change it.
var ours = generation{Name: "ours", Check: true, Identity: true, place: func(t testing.TB, dir string, r release) {
	oursAlone.place(t, dir, r)
	conf := filepath.Join(dir, "site-confs", "outpost-keepalive.conf")
	copyFile(t, filepath.Join(repository(), "nginx", "outpost-keepalive.conf"), conf)
	if !r.Resolve {
		edit(t, conf, `server outpost:9000 resolve`, "server 127.0.2.1:9000")
	}
}}

// oursForDomain is our pair for domain mode, included as its comments say.
var oursForDomain = generation{Name: "ours-for-domain", Check: true, Identity: true, place: func(t testing.TB, dir string, r release) {
	ours.place(t, dir, r)
	for _, name := range []string{"outpost-domain-server.conf", "outpost-domain-location.conf"} {
		copyFile(t, filepath.Join(repository(), "nginx", name), filepath.Join(dir, name))
	}
	edit(t, filepath.Join(dir, "outpost-domain-server.conf"), `https://outpost\.example\.com`, "https://outpost.home.test")
	edit(t, filepath.Join(dir, "site-confs", "apps.conf"), `/authentik-(server|location)\.conf`, "/outpost-domain-$1.conf")
}}

// swagDates are the generations of SWAG's two files, the newest first.
var swagDates = []string{"2025-03-25", "2023-04-27", "2023-02-09", "seed-2023-02-01"}

// swag is SWAG's tree as its users have it, with the authentik files of one of
// its generations.
func swag(date string) generation {
	return generation{Name: "swag-" + date, SWAG: true, place: func(t testing.TB, dir string, r release) {
		placeSWAG(t, dir, date, r)
	}}
}

// oursInSWAG is our pair under the names of SWAG's in SWAG's newest tree.
var oursInSWAG = generation{Name: "ours-in-swag", SWAG: true, Check: true, Identity: true, place: func(t testing.TB, dir string, r release) {
	placeSWAG(t, dir, "2025-03-25", r)
	placeOurs(t, dir, r)
}}

// halves are mixtures, as an update of one file leaves them.
var halves = []generation{
	{Name: "our-server-swag-location", SWAG: true, Check: true, place: func(t testing.TB, dir string, r release) {
		placeSWAG(t, dir, "2025-03-25", r)
		copyFile(t, filepath.Join(repository(), "nginx", "authentik-server.conf"), filepath.Join(dir, "authentik-server.conf"))
	}},
	{Name: "swag-server-our-location", SWAG: true, Identity: true, place: func(t testing.TB, dir string, r release) {
		placeSWAG(t, dir, "2025-03-25", r)
		copyFile(t, filepath.Join(repository(), "nginx", "authentik-location.conf"), filepath.Join(dir, "authentik-location.conf"))
	}},
}

// example is our nginx.conf for people without SWAG, with only its names, paths
// and upstreams changed.
var example = generation{Name: "example", Check: true, Identity: true, place: func(t testing.TB, dir string, r release) {
	conf := readFile(t, filepath.Join(repository(), "nginx", "example.nginx.conf"))
	for old, new := range map[string]string{
		"app.example.com":              "webtop.test",
		"/etc/nginx/tls/fullchain.pem": "/config/keys/cert.crt",
		"/etc/nginx/tls/privkey.pem":   "/config/keys/cert.key",
		"127.0.0.1:9000":               "127.0.2.1:9000",
		"127.0.0.1:8080":               "127.0.2.2:3000",
	} {
		if !strings.Contains(conf, old) {
			t.Fatalf("example.nginx.conf no longer has %q", old)
		}
		conf = strings.ReplaceAll(conf, old, new)
	}
	writeFile(t, filepath.Join(dir, "nginx.conf"), "daemon off; pid /run/nginx.pid; user www-data; error_log /config/log/nginx/error.log warn;\n"+
		strings.Replace(conf, "http {", "http {\n access_log /config/log/nginx/access.log;", 1))
}}

func placeOurs(t testing.TB, dir string, r release) {
	for _, name := range []string{"authentik-server.conf", "authentik-location.conf", "outpost-clear.conf"} {
		copyFile(t, filepath.Join(repository(), "nginx", name), filepath.Join(dir, name))
	}
	placeSignInHost(t, dir, r)
}

// placeSignInHost puts outpost.subdomain.conf where SWAG includes it.
func placeSignInHost(t testing.TB, dir string, r release) {
	path := filepath.Join(dir, "proxy-confs", "outpost.subdomain.conf")
	copyFile(t, filepath.Join(repository(), "nginx", "outpost.subdomain.conf"), path)
}

// swagFolder holds SWAG's files outside of the repository, because their
// licence is not ours.
func swagFolder() string { return filepath.Join(filepath.Dir(repository()), "shared", "swag") }

// need skips the test where it needs SWAG's own files and they are not to be had.
func (g generation) need(t testing.TB) {
	t.Helper()
	if !g.SWAG {
		return
	}
	if _, err := os.Stat(swagFolder()); err != nil {
		t.Skip("not tested: SWAG's own configuration is not at ../shared/swag, beside the repository")
	}
}

// placeSWAG does what SWAG's first start and then its user do: copy the
// samples, and take the comment signs from the lines that include authentik's
// files.
func placeSWAG(t testing.TB, dir, date string, r release) {
	source := swagFolder()
	copyFile(t, filepath.Join(source, "nginx.conf"), filepath.Join(dir, "nginx.conf"))
	copyFile(t, filepath.Join(source, "ssl.conf"), filepath.Join(dir, "ssl.conf"))
	copyFile(t, filepath.Join(source, "default.conf"), filepath.Join(dir, "site-confs", "default.conf"))
	copyFile(t, filepath.Join(source, "proxy-confs", "webtop.subdomain.conf"), filepath.Join(dir, "proxy-confs", "webtop.subdomain.conf"))
	copyFile(t, filepath.Join(source, "proxy-confs", "tautulli.subdomain.conf"), filepath.Join(dir, "proxy-confs", "tautulli.subdomain.conf"))
	copyFile(t, filepath.Join(source, "2023-02-09", "proxy.conf"), filepath.Join(dir, "proxy.conf"))
	copyTree(t, filepath.Join(source, date), dir)
	placeSignInHost(t, dir, r)
	edit(t, filepath.Join(dir, "nginx.conf"), `(?m)^user abc;`, "user www-data;")
	include := `(?m)^(\s*)#(include /config/nginx/authentik-(?:server|location)\.conf;)`
	edit(t, filepath.Join(dir, "proxy-confs", "tautulli.subdomain.conf"), include, "$1$2")
	if own := filepath.Join(dir, "webtop.subdomain.conf"); exists(own) { // a user's own, already edited
		if err := os.Rename(own, filepath.Join(dir, "proxy-confs", "webtop.subdomain.conf")); err != nil {
			t.Fatal(err)
		}
	} else {
		edit(t, filepath.Join(dir, "proxy-confs", "webtop.subdomain.conf"), include, "$1$2")
	}
	if r.Debian == "bookworm" { // older than these directives
		edit(t, filepath.Join(dir, "nginx.conf"), `(?m)^\s*(http2 on|http3 on|quic_retry on);`, "")
		for _, conf := range []string{"site-confs/default.conf", "proxy-confs/webtop.subdomain.conf", "proxy-confs/tautulli.subdomain.conf", "proxy-confs/outpost.subdomain.conf"} {
			edit(t, filepath.Join(dir, conf), `(listen .*443 ssl)`, "$1 http2")
		}
	}
}

// A server is a running nginx.
type server struct {
	*process
	release release
	config  string // what it sees as /config
	waited  [2]int // from where to where error.log tells of waitForAddress
}

// startNginx lays out a generation's files and serves them on port 443.
func startNginx(t testing.TB, r release, g generation, changes ...func(dir string)) *server {
	t.Helper()
	if !exists(filepath.Join(nginxRoot(r), "complete")) {
		t.Skipf("not tested: %s is not installed; e2e/install.sh says why", r.Name)
	}
	config := filepath.Join(t.TempDir(), "config")
	dir := filepath.Join(config, "nginx")
	for _, sub := range []string{"nginx/site-confs", "nginx/proxy-confs", "keys", "www", "log/nginx"} {
		if err := os.MkdirAll(filepath.Join(config, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	g.place(t, dir, r)
	copyFile(t, shared("chain.crt"), filepath.Join(config, "keys", "cert.crt"))
	copyFile(t, shared("leaf.key"), filepath.Join(config, "keys", "cert.key"))
	copyFile(t, shared("dhparams.pem"), filepath.Join(dir, "dhparams.pem"))
	writeFile(t, filepath.Join(dir, "resolver.conf"), "resolver 127.0.0.11 valid=30s;\n")
	writeFile(t, filepath.Join(dir, "worker_processes.conf"), "worker_processes 2;\n")
	writeFile(t, filepath.Join(config, "www", "index.html"), "<!doctype html><title>www</title>")
	for _, change := range changes {
		change(dir)
	}

	s := &server{release: r, config: config}
	if out, err := s.cell("-t", "-q").CombinedOutput(); err != nil {
		t.Fatalf("nginx -t: %v\n%s", err, out)
	}
	t.Cleanup(func() { showLog(t, s.errorLog()) })
	s.process = start(t, t.TempDir(), r.Name, s.cell())
	s.waitFor(t, "127.0.0.1:443")
	if keepalive := filepath.Join(dir, "site-confs", "outpost-keepalive.conf"); exists(keepalive) && isContainer("outpost") {
		s.waited[0] = len(readFile(t, s.errorLog()))
		s.waitForAddress(t)
		s.waited[1] = len(readFile(t, s.errorLog()))
	}
	return s
}

// waitForAddress returns when nginx, which accepts connections before the resolver
// has answered it, knows where the outpost is: whether that is there or not.
func (s *server) waitForAddress(t testing.TB) {
	t.Helper()
	eventually(t, "an address of the outpost", func() bool {
		before := len(readFile(t, s.errorLog()))
		newVisitor(t).open("https://webtop.test" + outpostPrefix + "/ping")
		return !strings.Contains(readFile(t, s.errorLog())[before:], "no live upstreams")
	})
}

func (s *server) errorLog() string { return filepath.Join(s.config, "log", "nginx", "error.log") }

// complaints is error.log without what the start's own waiting has made.
func (s *server) complaints(t testing.TB) string {
	t.Helper()
	log := readFile(t, s.errorLog())
	return log[:s.waited[0]] + log[s.waited[1]:]
}

func (s *server) cell(arguments ...string) *exec.Cmd {
	return cell{
		Root:  nginxRoot(s.release),
		Binds: [][2]string{{s.config, "/config"}, {"/dev", "/dev"}, {"/etc/resolv.conf", "/etc/resolv.conf"}},
		Tmpfs: []string{"/run", "/tmp", "/var/lib/nginx"},
		Argv:  append([]string{"/usr/sbin/nginx", "-c", "/config/nginx/nginx.conf"}, arguments...),
	}.command()
}

// accessLog is what nginx has logged so far, one line for each request.
func (s *server) accessLog(t testing.TB) string {
	t.Helper()
	return readFile(t, filepath.Join(s.config, "log", "nginx", "access.log"))
}

// edit replaces pattern in a file and insists on finding it.
func edit(t testing.TB, path, pattern, replacement string) {
	t.Helper()
	before := readFile(t, path)
	after := regexp.MustCompile(pattern).ReplaceAllString(before, replacement)
	if after == before {
		t.Fatalf("%s has nothing like %s", path, pattern)
	}
	writeFile(t, path, after)
}

func copyTree(t testing.TB, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		copyFile(t, path, filepath.Join(to, relative))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	writeFile(t, to, readFile(t, from))
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

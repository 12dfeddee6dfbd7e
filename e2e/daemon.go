package e2e

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// outpostPrefix is where everything of the outpost lives, on every host.
const outpostPrefix = "/outpost.goauthentik.io"

// An application as the daemon's configuration has it. In most stories only
// admins may use one: alice is an admin, bob is not.
type application struct {
	Name, Mode, ExternalURL, CookieDomain string

	Allow     string   // who may use it, as YAML; "" for the admins
	Providers []string // that people choose from; nil where there is one alone
	Settings  []string // more lines of its configuration
}

// applications are those of every story: some of a host each, and one for a
// whole domain.
func applications() []application {
	return []application{
		{Name: "webtop", Mode: "single", ExternalURL: "https://webtop.test"},
		{Name: "tautulli", Mode: "single", ExternalURL: "https://tautulli.test"},
		{Name: "www", Mode: "single", ExternalURL: "https://www.test"},
		{Name: "home", Mode: "domain", ExternalURL: "https://outpost.home.test", CookieDomain: "home.test"},
	}
}

// A daemon is the outpost as people build it, with its file and its data.
type daemon struct {
	dir     string
	process *process
	env     string // of doctor in place of where the CA is; "" for that
}

// newDaemon writes the configuration, with more lines at its end, and starts the
// daemon at the address of the container of that name.
func newDaemon(t testing.TB, apps []application, p *provider, more ...string) *daemon {
	t.Helper()
	return newDaemonOf(t, apps, []*provider{p}, more...)
}

// newDaemonOf is newDaemon with several providers.
func newDaemonOf(t testing.TB, apps []application, providers []*provider, more ...string) *daemon {
	t.Helper()
	var b strings.Builder
	d := &daemon{dir: t.TempDir()}
	fmt.Fprintf(&b, "listen: 127.0.2.1:9000\nmanagement: 127.0.2.1:9300\ndata: %s\nproviders:\n", filepath.Join(d.dir, "data"))
	for _, p := range providers {
		fmt.Fprintf(&b, "  - name: %s\n    issuer: %s\n    client_id: outpost\n    client_secret: %s\n", p.name, p.issuer, clientSecret)
		for _, line := range p.settings {
			b.WriteString("    " + line + "\n")
		}
	}
	b.WriteString("applications:\n")
	for _, a := range apps {
		fmt.Fprintf(&b, "  - name: %s\n    mode: %s\n    external_url: %s\n    allow: %s\n", a.Name, a.Mode, a.ExternalURL, cmp.Or(a.Allow, "{ groups: [admins] }"))
		if a.CookieDomain != "" {
			fmt.Fprintf(&b, "    cookie_domain: %s\n", a.CookieDomain)
		}
		if a.Providers != nil {
			fmt.Fprintf(&b, "    provider: [%s]\n", strings.Join(a.Providers, ", "))
		}
		for _, line := range a.Settings {
			b.WriteString("    " + line + "\n")
		}
	}
	for _, line := range more {
		b.WriteString(line + "\n")
	}
	for _, err := range []error{
		os.WriteFile(filepath.Join(d.dir, "config.yaml"), []byte(b.String()), 0o600),
		os.Mkdir(filepath.Join(d.dir, "data"), 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	d.start(t)
	return d
}

func (d *daemon) start(t testing.TB) {
	t.Helper()
	d.startAt(t, "127.0.2.1:9000")
}

func (d *daemon) startAt(t testing.TB, address string) {
	t.Helper()
	cmd := exec.Command(shared("outpost"), "-config", filepath.Join(d.dir, "config.yaml"))
	cmd.Env = []string{"SSL_CERT_FILE=" + shared("ca.crt")}
	d.process = start(t, d.dir, "outpost", cmd)
	d.process.waitFor(t, address)
}

// restart ends the daemon, as an update does, or with kill as a power cut does.
func (d *daemon) restart(t testing.TB, kill bool) {
	t.Helper()
	if kill {
		d.process.kill()
	} else {
		d.process.stop(t)
		if code := d.process.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("the daemon ended with %d on SIGTERM, want 0", code)
		}
	}
	d.start(t)
}

// log is everything the daemon has logged, over restarts.
func (d *daemon) log(t testing.TB) string {
	t.Helper()
	return readFile(t, filepath.Join(d.dir, "outpost.log"))
}

// metric is the value of one series, 0 if it is not there.
func (d *daemon) metric(t testing.TB, series string) float64 {
	t.Helper()
	return d.sum(t, func(s string) bool { return s == series })
}

// checks is how many checks ended with a reason, whatever they were about.
func (d *daemon) checks(t testing.TB, reason string) float64 {
	t.Helper()
	return d.sum(t, func(s string) bool {
		return strings.HasPrefix(s, "outpost_auth_requests_total{") && strings.Contains(s, `reason="`+reason+`"`)
	})
}

// sum is that of the series that are meant.
func (d *daemon) sum(t testing.TB, meant func(series string) bool) float64 {
	t.Helper()
	sum := 0.0
	for line := range strings.Lines(d.metrics(t)) {
		line = strings.TrimSpace(line)
		series, text := line[:max(0, strings.LastIndexByte(line, ' '))], line[strings.LastIndexByte(line, ' ')+1:]
		if !meant(series) {
			continue
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("%s: %v", series, err)
		}
		sum += value
	}
	return sum
}

// metrics is the page that Prometheus reads.
func (d *daemon) metrics(t testing.TB) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.2.1:9300/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	return newVisitor(t).send(r).Body
}

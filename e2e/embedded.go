package e2e

// embedded.go starts the providers that come as a Go library, in the programs of
// provider/. They sign in alice and bob.

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// startZitadel starts the provider of zitadel/oidc with the storage of its own
// example, whose sign-in form forgets people at once.
func startZitadel(t testing.TB, apps []application) *provider {
	t.Helper()
	p := &provider{name: "zitadel", issuer: "https://zitadel.example.test:8445/"}
	p.signOut = func(v *visitor, idToken string) {
		v.open(p.issuer + "end_session?id_token_hint=" + url.QueryEscape(idToken))
	}
	return embedded(t, p, "127.0.0.1:8445", apps, func(*options) {})
}

// startDex starts Dex 2.13, which has little of what later providers have.
func startDex(t testing.TB, apps []application) *provider {
	t.Helper()
	p := &provider{name: "dex", issuer: "https://dex.example.test:8446/dex", settings: []string{
		"claims: { username: [preferred_username, name, email] }",
		"missing_groups: remove",
	}}
	return embedded(t, p, "127.0.0.1:8446", apps, func(o *options) {
		o.Web = filepath.Join(goTool(t, "list", "-m", "-f", "{{.Dir}}", "github.com/dexidp/dex"), "web")
	})
}

// embedded builds and starts the program of p's name.
func embedded(t testing.TB, p *provider, listen string, apps []application, change func(*options)) *provider {
	t.Helper()
	p.admin, p.other = person{"alice", "password"}, person{"bob", "password"}
	dir := t.TempDir()
	options := optionsFor(p, dir, listen, apps)
	change(&options)
	p.setGroups, p.lock = options.setGroups, options.lock
	program := filepath.Join(repository(), "build", "e2e", "bin", p.name)
	goTool(t, "build", "-buildvcs=false", "-o", program, "./"+p.name) // does nothing to one that is up to date
	p.run = func(t testing.TB) *process {
		cmd := exec.Command(program)
		cmd.Env = []string{options.environment(t)}
		process := start(t, dir, p.name+"-provider", cmd)
		process.waitFor(t, listen)
		return process
	}
	p.restart(t)
	return p
}

// goTool runs go in the module of the programs, which must find there all that
// it needs: there is no network here.
func goTool(t testing.TB, arguments ...string) string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"-C", filepath.Join(repository(), "e2e", "provider")}, arguments...)...)
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=readonly")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v; run e2e/install.sh first\n%s", strings.Join(arguments, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

package e2e

// Who may have what, told behind SWAG's nginx with one stage for all of it: a
// domain of three hosts under rules, two hosts for programs, and two
// applications below paths of one host.

import (
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// homeRules are those of the domain. The stories go by their numbers, which are
// those of the lines.
var homeRules = []string{
	`rules:`,
	`  - { host: webtop.home.test, path: /api/*, methods: [GET, HEAD], allow: { groups: [users] } }`,
	`  - { host: webtop.home.test, path: /api/*, deny: true }`,
	`  - { host: webtop.home.test, path: /office/*, networks: [127.0.5.0/24], allow: true }`,
	`  - { host: webtop.home.test, path: /office/*, deny: true }`,
	`  - { host: webtop.home.test, path: /report, query: [raw, level=all], deny: true }`,
	`  - { host: webtop.home.test, path: /it/*, allow: { claims: { department: [it] } } }`,
	`  - { host: webtop.home.test, path: /admins/*, allow: { groups: [admins] } }`,
	`  - { host: tautulli.home.test, path: /acr/*, require: { acr: [phr] } }`,
	`  - { host: tautulli.home.test, path: /amr/*, require: { amr: [mfa] } }`,
	`  - { host: tautulli.home.test, path: /fresh/*, require: { max_age: 1h } }`,
	`  - { host: [webtop.home.test, tautulli.home.test], allow: true }`,
	`default: deny`,
}

// A house is the stage of these stories.
type house struct {
	*stage
	sonarr *app
	tokens map[string]string // by name
}

func newHouse(t *testing.T) *house {
	g := swag("2025-03-25")
	g.need(t)
	apps := []application{
		{Name: "home", Mode: "domain", ExternalURL: "https://outpost.home.test", CookieDomain: "home.test", Allow: "{ groups: [users, machines] }", Settings: homeRules},
		{Name: "webtop", Mode: "single", ExternalURL: webtop, Allow: "{ users: [service] }", Settings: []string{
			"bearer: { audience: [https://api.home.test], scopes: [read] }",
			`rules: [{ path: /api/*, methods: [GET], allow: true }]`,
		}},
		{Name: "tautulli", Mode: "single", ExternalURL: tautulli, Allow: "{ users: [service] }", Settings: []string{
			"bearer: { audience: [https://opaque.home.test], scopes: [write], introspect: true }",
		}},
		{Name: "charts", Mode: "single", ExternalURL: "https://www.test/tautulli", Allow: "{ groups: [users] }"},
		{Name: "series", Mode: "single", ExternalURL: "https://www.test/sonarr", Settings: []string{
			"headers: { groups: { only: [admins] } }",
			"basic_auth: { username: sonarr, password: of the application }",
		}},
	}
	h := &house{stage: &stage{provider: startCertified(t, apps)}, tokens: map[string]string{}}
	h.provider.settings = []string{"claims: { username: [preferred_username, client_id] }"}
	more := []string{"trusted_proxies: [127.0.0.1]", "tokens:"}
	for name, lines := range machineTokens {
		token, entry := newToken(t, name, lines)
		h.tokens[name] = token
		more = append(more, entry)
	}
	h.daemon = newDaemon(t, apps, h.provider, more...)
	setContainer(t, "sonarr", 127, 0, 2, 4)
	h.app = startApp(t, "webtop", "127.0.2.2:3000")
	h.other = startApp(t, "tautulli", "127.0.2.3:8181")
	h.sonarr = startApp(t, "sonarr", "127.0.2.4:8989")
	h.nginx = startNginx(t, releases[1], g, furnish(t))
	return h
}

// furnish puts SWAG's further confs in their places, with the comment signs
// taken from the lines for authentik, and one more include behind them for
// applications that take a password.
func furnish(t *testing.T) func(dir string) {
	return func(dir string) {
		copyFile(t, filepath.Join(repository(), "nginx", "outpost-authorization.conf"), filepath.Join(dir, "outpost-authorization.conf"))
		for _, name := range []string{"sonarr.subdomain.conf", "tautulli.subfolder.conf", "sonarr.subfolder.conf"} {
			conf := filepath.Join(dir, "proxy-confs", name)
			copyFile(t, filepath.Join(swagFolder(), "proxy-confs", name), conf)
			edit(t, conf, `#(include /config/nginx/authentik-(?:server|location)\.conf;)`, "$1")
		}
		edit(t, filepath.Join(dir, "site-confs", "default.conf"), `#(include /config/nginx/authentik-(?:server|location)\.conf;)`, "$1")
		for _, name := range []string{"webtop.subdomain.conf", "tautulli.subfolder.conf", "sonarr.subfolder.conf"} {
			edit(t, filepath.Join(dir, "proxy-confs", name), `(?m)^(\s*)(include /config/nginx/authentik-location\.conf;)`, "${1}${2}${1}include /config/nginx/outpost-authorization.conf;")
		}
	}
}

// TestAccess tells the stories, each in a file of its own.
func TestAccess(t *testing.T) {
	h := newHouse(t)
	t.Run("rules", h.rules)
	t.Run("step-up", h.stepUp)
	t.Run("tokens", h.namedTokens)
	t.Run("access-tokens", h.accessTokens)
	t.Run("paths", h.paths)
	t.Run("password", h.password)
}

// person is somebody whom the provider has signed in at the address, with a
// browser at this address of the network.
func (h *house) person(t *testing.T, who person, from, address string) *visitor {
	t.Helper()
	v := newVisitor(t).from(from)
	if p := v.signIn(address, who.name, who.password); p.URL != address || p.StatusCode != http.StatusOK {
		t.Fatalf("%s landed on %s: %s\n%s\n%s", who.name, p.URL, p.Status, strings.Join(v.trail, "\n"), p.Body)
	}
	return v
}

// from has the browser at another address of the network.
func (v *visitor) from(address string) *visitor {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	v.client.Transport.(*http.Transport).DialContext = dialer.DialContext
	return v
}

// fetch asks as a page's script does, and follows nothing.
func (v *visitor) fetch(method, address string) page {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, address, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	script := *v
	script.headers = v.headers.Clone()
	script.headers["Sec-Fetch-User"] = nil
	for name, value := range map[string]string{"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin", "Accept": "*/*"} {
		script.headers.Set(name, value)
	}
	return script.send(r)
}

// reached wants a status, and the application to have been reached with it if it
// is 200, and otherwise not.
func reached(t *testing.T, a *app, ask func() page, want int) {
	t.Helper()
	before := a.count()
	p := ask()
	if got := a.count() > before; p.StatusCode != want || got != (want == http.StatusOK) {
		t.Errorf("%s %s: got %s, want %d; %s was reached: %v", p.Request.Method, p.URL, p.Status, want, a.name, got)
	}
}

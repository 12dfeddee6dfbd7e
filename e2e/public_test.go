package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// publicApps are two applications: one with a public path, every switch and a
// password of its own, and one with nothing of it that takes a token.
func publicApps() []application {
	return []application{
		{Name: "webtop", Mode: "single", ExternalURL: webtop, Settings: []string{
			"rules: [{ path: /assets/*, public: true }, { allow: true }]",
			"public: [preflight, favicon, robots, manifest]",
			`basic_auth: { username: "{username}", password: of the application }`,
			"headers: { presets: [authentik, remote-user], jwt: true, meta: true }",
		}},
		{Name: "tautulli", Mode: "single", ExternalURL: tautulli},
	}
}

// TestPublic: what is public is so for one reading of a URL alone, and tells the
// application of nobody; everything else wants a sign-in, whatever nginx makes of
// it.
func TestPublic(t *testing.T) {
	apps := publicApps()
	s := &stage{provider: startCertified(t, apps)}
	token, entry := newToken(t, "backup", []string{"applications: [tautulli]", "groups: [admins]"})
	s.daemon = newDaemon(t, apps, s.provider, "tokens:", entry)
	s.app, s.other = startApp(t, "webtop", "127.0.2.2:3000"), startApp(t, "tautulli", "127.0.2.3:8181")
	for _, r := range releases {
		t.Run(r.Name, func(t *testing.T) {
			s.nginx = startNginx(t, r, ours, func(dir string) {
				lines := "include /config/nginx/authentik-location.conf;"
				for _, file := range []string{"outpost-authorization.conf", "outpost-remote-user.conf"} {
					copyFile(t, filepath.Join(repository(), "nginx", file), filepath.Join(dir, file))
					lines += "\n        include /config/nginx/" + file + ";"
				}
				edit(t, filepath.Join(dir, "site-confs", "apps.conf"), `include /config/nginx/authentik-location\.conf;`, lines)
			})
			v := s.signedIn(t, webtop)
			if p := v.open(tautulli + "/"); p.StatusCode != http.StatusOK { // the provider knows her
				t.Fatalf("the second application: %s at %s", p.Status, p.URL)
			}
			t.Run("identity", func(t *testing.T) { s.publicIdentity(t, v) })
			t.Run("targets", func(t *testing.T) { s.publicTargets(t, v) })
			t.Run("switches", s.switches)
			t.Run("authorization", func(t *testing.T) { s.authorization(t, v, token) })
		})
	}
}

// told are the headers by which the application of the public path is told who
// somebody is.
var told = append(append(onRequest[:len(onRequest):len(onRequest)], identity...), presetFiles["outpost-remote-user.conf"]...)

// publicIdentity: an application hears the truth about who is signed in, and
// nothing of who is not, though they say that they are somebody.
func (s *stage) publicIdentity(t *testing.T, v *visitor) {
	stranger := newVisitor(t)
	for _, who := range []*visitor{stranger, v} {
		forge(who, told)
	}
	defer clear(v.headers)
	reached(t, s.app, func() page { return stranger.get(webtop + "/assets/logo.svg") }, http.StatusOK)
	got := s.app.last(t).Header
	wantHeaders(t, got, slices.DeleteFunc(slices.Clone(told), func(name string) bool { return strings.HasPrefix(name, "X-Authentik-Meta-") }), "")
	reached(t, s.app, func() page { return v.get(webtop + "/assets/logo.svg") }, http.StatusOK)
	got = s.app.last(t).Header
	for name, want := range map[string]string{
		"X-Authentik-Username": "alice", "X-Authentik-Groups": "admins|users", "X-Authentik-Email": "alice@example.test", "X-Authentik-Name": "Alice Ädmin",
		"X-Authentik-Uid": "alice", "X-Authentik-Entitlements": "", "X-Authentik-Meta-App": "webtop",
		"Remote-User": "alice", "Remote-Groups": "admins,users", "Remote-Email": "alice@example.test",
	} {
		if values := strings.Join(got[name], "\n"); values != want {
			t.Errorf("%s: got %q, want %q", name, values, want)
		}
	}
	wantHeaders(t, got, nil, "")
}

// publicTargets sends what people have got by public paths with elsewhere, as it
// is. Nothing of it reaches the application without a sign-in, and with one it
// does wherever nginx takes it.
func (s *stage) publicTargets(t *testing.T, v *visitor) {
	for _, tt := range []struct {
		target string
		public bool
		nginx  int // with which it is refused; 0: it takes it
	}{
		{"/assets/x", true, 0},
		{"/assets/", true, 0},
		{"/assets/caf%C3%A9/x.css?v=/../admin", true, 0},
		{"/assets/../admin", false, 0},
		{"/assets/%2e%2e/admin", false, 0},
		{"/assets/.%2E/admin", false, 0},
		{"/assets/..%2fadmin", false, 0},
		{"/assets%2f..%2fadmin", false, 0},
		{"/assets/..;/admin", false, 0},
		{"/assets/x;/../admin", false, 0},
		{"/assets/%252e%252e/admin", false, 0},
		{"/assets/..%5cadmin", false, 0},
		{`/assets/x\..\..\admin`, false, 0},
		{"/assets/%61", false, 0},
		{"/assets//x", false, 0},
		{"/assets/./x", false, 0},
		{"/assets/%c0%ae%c0%ae/admin", false, 0},
		{"/assets/x?a#b", false, 0},
		{"/assets/#/../../admin", false, 0},
		{"//admin", false, 0},
		{"//assets/x", false, 0},
		{"///x/assets/x", false, 0},
		{"/admin", false, 0},
		{"/admin?x=/assets/", false, 0},
		{"/admin#/assets/", false, 0},
		{"/admin;/assets/", false, 0},
		{"/x/../assets/x", false, 0},
		{"/ASSETS/x", false, 0},
		{"/Assets/x", false, 0},
		{"/assets", false, 0},
		{"/assetsx", false, 0},
		{"https://webtop.test/admin?/assets/", false, 0},
		{"/assets/../../admin", false, http.StatusBadRequest},
		{"/assets/%00/../admin", false, http.StatusBadRequest},
		{"/assets/%zz/../admin", false, http.StatusBadRequest},
	} {
		t.Run(tt.target, func(t *testing.T) {
			ask := func(cookies string) (status int, reached bool) {
				before := s.app.count()
				status, _ = rawRequest(t, "webtop.test", fmt.Sprintf("GET %s HTTP/1.1\r\nHost: webtop.test\r\n%sX-Original-URL: https://webtop.test/assets/x\r\nConnection: close\r\n\r\n", tt.target, cookies))
				return status, s.app.count() > before
			}
			status, got := ask("")
			if want := map[bool]int{true: http.StatusOK, false: http.StatusFound}[tt.public]; got != tt.public || tt.nginx == 0 && status != want || tt.nginx != 0 && status != tt.nginx {
				t.Errorf("nobody: got %d, reached the application: %v", status, got)
			}
			status, got = ask("Cookie: " + v.cookieHeader(webtop) + "\r\n")
			if want := max(tt.nginx, http.StatusOK); tt.nginx == 0 && !got || tt.nginx != 0 && got || status != want && tt.nginx != 0 {
				t.Errorf("who is signed in: got %d, reached the application: %v", status, got)
			}
			if target, _ := strings.CutPrefix(tt.target, webtop); got && s.app.last(t).RequestURI != target {
				t.Errorf("the application was asked for %q", s.app.last(t).RequestURI)
			}
		})
	}
}

// cookieHeader is what the browser would send to base.
func (v *visitor) cookieHeader(base string) string {
	var pairs []string
	for _, one := range v.cookies(base + "/") {
		pairs = append(pairs, one.Name+"="+one.Value)
	}
	return strings.Join(pairs, "; ")
}

// switches: what browsers send without cookies passes where the application's
// switches say so, and nowhere else.
func (s *stage) switches(t *testing.T) {
	preflight := http.Header{"Origin": {"https://elsewhere.test"}, "Access-Control-Request-Method": {"PUT"}, "Cookie": nil}
	for _, tt := range []struct {
		name, method, target string
		headers              http.Header
		on                   bool
	}{
		{"preflight", "OPTIONS", "/calls", preflight, true},
		{"no-preflight", "OPTIONS", "/calls", nil, false},
		{"no-method-asked-for", "OPTIONS", "/calls", http.Header{"Origin": {"https://elsewhere.test"}}, false},
		{"no-options", "POST", "/calls", preflight, false},
		{"options-by-a-header", "PUT", "/calls", http.Header{"Origin": {"https://elsewhere.test"}, "Access-Control-Request-Method": {"PUT"}, "X-Original-Method": {"OPTIONS"}, "X-Http-Method-Override": {"OPTIONS"}}, false},
		{"doubtful-preflight", "OPTIONS", "/x/../y", preflight, false},
		{"favicon", "GET", "/favicon.ico?v=1", nil, true},
		{"favicon-head", "HEAD", "/favicon.ico", nil, true},
		{"favicon-post", "POST", "/favicon.ico", nil, false},
		{"favicon-elsewhere", "GET", "/x/favicon.ico", nil, false},
		{"favicon-below", "GET", "/favicon.ico/../admin", nil, false},
		{"favicon-parameter", "GET", "/favicon.ico;/../admin", nil, false},
		{"robots", "GET", "/robots.txt", nil, true},
		{"manifest", "GET", "/manifest.json", nil, true},
		{"web-manifest", "GET", "/site.webmanifest", nil, true},
		{"manifest-of-another-name", "GET", "/manifest.webmanifest", nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := newVisitor(t)
			forge(v, told)
			for name, values := range tt.headers {
				v.headers[name] = values
			}
			ask := func(base string) func() page {
				return func() page {
					r, err := http.NewRequestWithContext(t.Context(), tt.method, base+tt.target, nil)
					if err != nil {
						t.Fatal(err)
					}
					return v.send(r)
				}
			}
			reached(t, s.other, ask(tautulli), http.StatusFound)
			if !tt.on {
				reached(t, s.app, ask(webtop), http.StatusFound)
				return
			}
			reached(t, s.app, ask(webtop), http.StatusOK)
			if got := s.app.last(t); got.Method != tt.method || got.Header.Get("X-Authentik-Username") != "" || got.Header.Get("Remote-User") != "" {
				t.Errorf("the application got %s of %q", got.Method, got.Header.Get("X-Authentik-Username"))
			}
		})
	}
}

// authorization: an application gets the credential that the configuration has
// for it and the person in front of it; a stranger's own and those of another
// application stay as they are; and a program's token is shown to none.
func (s *stage) authorization(t *testing.T, v *visitor, token string) {
	const own = "Digest of-the-application's-own"
	stranger := newVisitor(t)
	for _, tt := range []struct {
		name, sent, address string
		who                 *visitor
		a                   *app
		want                string
	}{
		{"injected", "", webtop + "/x", v, s.app, basic("alice", "of the application")},
		{"above-their-own", own, webtop + "/x", v, s.app, basic("alice", "of the application")},
		{"in-public", own, webtop + "/assets/x", v, s.app, basic("alice", "of the application")},
		{"in-public-for-a-stranger", "", webtop + "/assets/x", stranger, s.app, ""},
		{"own-of-a-stranger", own, webtop + "/assets/x", stranger, s.app, own},
		{"none", "", tautulli + "/x", v, s.other, ""},
		{"their-own", own, tautulli + "/x", v, s.other, own},
		{"a-token-beside-a-session", bearer(token), tautulli + "/x", v, s.other, ""},
		{"a-password-that-may-be-one", basic("alice", token), tautulli + "/x", v, s.other, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer clear(tt.who.headers)
			if tt.sent != "" {
				tt.who.headers.Set("Authorization", tt.sent)
			}
			reached(t, tt.a, func() page { return tt.who.get(tt.address) }, http.StatusOK)
			if got := strings.Join(tt.a.last(t).Header["Authorization"], "\n"); got != tt.want {
				t.Errorf("the application got %q, want %q", got, tt.want)
			}
		})
	}
	for _, authorization := range []string{bearer(token), basic("backup", token)} {
		reached(t, s.other, func() page { return send(t, authorization, "GET", tautulli+"/x") }, http.StatusOK)
		if got := s.other.last(t).Header; got["Authorization"] != nil || got.Get("X-Authentik-Username") != "backup" {
			t.Errorf("the application was told of %q and shown %q", got.Get("X-Authentik-Username"), got["Authorization"])
		}
	}
}

package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestIncludes runs our files by themselves, with a stand-in for the daemon.
func TestIncludes(t *testing.T) {
	for _, r := range releases {
		for _, g := range []generation{ours, oursAlone, example, oursInSWAG} {
			t.Run(r.Name+"/"+g.Name, func(t *testing.T) {
				g.need(t)
				s := startStandIn(t)
				a := startApp(t, "webtop", "127.0.2.2:3000")
				n := startNginx(t, r, g)
				t.Run("check-tells-the-truth", func(t *testing.T) { checkTellsTheTruth(t, s) })
				t.Run("identity-is-overwritten", func(t *testing.T) { identityIsOverwritten(t, a) })
				t.Run("anonymous-goes-to-start", anonymousGoesToStart)
				t.Run("body-stays-with-the-application", func(t *testing.T) { bodyStays(t, s, a) })
				t.Run("prefix", func(t *testing.T) { prefix(t, s) })
				t.Run("other-host-in-the-request-line", func(t *testing.T) { otherHost(t, s) })
				if strings.HasPrefix(g.Name, "ours") && g.Name != oursInSWAG.Name {
					t.Run("open-location-has-no-identity", func(t *testing.T) { openLocation(t, a) })
				}
				kept := g.Name == example.Name || g.Name == ours.Name
				t.Run("connections", func(t *testing.T) { connections(t, s, kept) })
				for _, level := range []string{"[warn]", "[error]", "[crit]", "[alert]", "[emerg]"} {
					if log := n.complaints(t); strings.Contains(log, level) {
						t.Errorf("nginx has complained:\n%s", log)
					}
				}
			})
		}
	}
}

// signedIn is a visitor whom the stand-in lets in.
func signedIn(t *testing.T) *visitor {
	v := newVisitor(t)
	v.headers.Set("Cookie", "allowed=1")
	return v
}

// checkTellsTheTruth: whatever the client sends, the check says what nginx saw.
func checkTellsTheTruth(t *testing.T, s *standIn) {
	v := signedIn(t)
	for name, value := range map[string]string{
		"X-Original-URL": "https://elsewhere.test/", "X-Original-URI": "/elsewhere", "X-Original-Method": "TRACE",
		"X-Forwarded-Host": "elsewhere.test", "X-Forwarded-Method": "TRACE", "X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9",
		"Forwarded": "for=203.0.113.9", "X-Forwarded-Proto": "gopher", "Authorization": "Bearer of-the-client",
	} {
		v.headers.Set(name, value)
	}
	if p := v.get("https://webtop.test/deep/../path?a=1&b=%2F"); p.StatusCode != http.StatusOK {
		t.Fatalf("got %s", p.Status)
	}
	got := s.lastCheck(t)
	for name, want := range map[string]string{
		"X-Original-URL": "https://webtop.test/deep/../path?a=1&b=%2F", "X-Original-URI": "", "X-Original-Method": "GET",
		"X-Forwarded-Host": "webtop.test", "X-Forwarded-Method": "GET", "X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1",
		"X-Forwarded-Proto": "https", "Forwarded": "", "Authorization": "Bearer of-the-client", "Cookie": "allowed=1", "Content-Length": "", "Upgrade": "",
	} {
		if values := got.Header.Values(name); strings.Join(values, "|") != want {
			t.Errorf("%s: got %q, want %q", name, values, want)
		}
	}
	if got.Host != "webtop.test" {
		t.Errorf("Host: got %q", got.Host)
	}
}

func identityIsOverwritten(t *testing.T, a *app) {
	v := signedIn(t)
	for _, name := range append([]string{"X-authentik-jwt", "X-authentik-meta-app"}, identity...) {
		v.headers.Set(name, "forged")
	}
	v.get("https://webtop.test/")
	got := a.last(t)
	for _, name := range identity {
		want := "our-" + strings.ToLower(strings.TrimPrefix(name, "X-Authentik-"))
		if name == "X-Authentik-Entitlements" {
			want = "" // an empty answer removes the header
		}
		if values := got.Header.Values(name); strings.Join(values, "|") != want {
			t.Errorf("%s: got %q, want %q", name, values, want)
		}
	}
	for name, values := range got.Header {
		if strings.Join(values, "") == "forged" {
			t.Errorf("%s reached the application as the client sent it", name)
		}
	}
}

func anonymousGoesToStart(t *testing.T) {
	const target = "/deep/path?a=1&b=%2F&c=+x&d=%26&e=%25"
	p := newVisitor(t).get("https://webtop.test" + target)
	location, err := p.Request.URL.Parse(p.Header.Get("Location"))
	if err != nil || p.StatusCode != http.StatusFound {
		t.Fatalf("got %s, %v", p.Status, err)
	}
	if location.Host != "webtop.test" || location.Path != "/outpost.goauthentik.io/start" {
		t.Errorf("sent to %s", location)
	}
	_, rd, _ := strings.Cut(location.RawQuery, "rd=")
	if !strings.Contains(rd, "://") { // escaped
		if rd, err = url.QueryUnescape(rd); err != nil {
			t.Error(err)
		}
	}
	if rd != "https://webtop.test"+target {
		t.Errorf("rd: got %q", rd)
	}
}

func bodyStays(t *testing.T, s *standIn, a *app) {
	v := signedIn(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://webtop.test/form", strings.NewReader("some=body"))
	if err != nil {
		t.Fatal(err)
	}
	if p := v.send(r); p.StatusCode != http.StatusOK {
		t.Fatalf("got %s", p.Status)
	}
	check := s.lastCheck(t)
	if check.Header.Get("X-Original-Method") != "POST" || check.ContentLength != 0 || len(check.TransferEncoding) > 0 {
		t.Errorf("the check: method %q, %d bytes, %q", check.Header.Get("X-Original-Method"), check.ContentLength, check.TransferEncoding)
	}
	if got := a.last(t).ContentLength; got != int64(len("some=body")) {
		t.Errorf("the application got %d bytes", got)
	}
}

// prefix: the outpost's pages are open and get bodies, the check is not
// reachable under any spelling.
func prefix(t *testing.T, s *standIn) {
	v := newVisitor(t)
	checks, pages := s.counts()
	for _, path := range []string{"auth/nginx", "auth/nginx/", "auth/nginx?a", "/auth/nginx", "auth//nginx", "auth/%6eginx", "auth%2fnginx", "x/../auth/nginx", "auth/traefik"} {
		if p := v.get("https://webtop.test" + outpostPrefix + "/" + path); p.StatusCode != http.StatusNotFound {
			t.Errorf("%s: got %s, want 404", path, p.Status)
		}
	}
	if c, p := s.counts(); c != checks || p != pages {
		t.Errorf("the outpost was reached: %d checks, %d pages", c-checks, p-pages)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://webtop.test"+outpostPrefix+"/backchannel_logout", strings.NewReader("logout_token=x"))
	if err != nil {
		t.Fatal(err)
	}
	p := v.send(r)
	if _, got := s.counts(); p.StatusCode != http.StatusOK || got != pages+1 || s.pages[pages].ContentLength != int64(len("logout_token=x")) {
		t.Errorf("a body for the outpost: got %s, %d requests", p.Status, got-pages)
	}
}

// otherHost: the host of the request line chooses the server block, so the check
// must be about that one, whatever Host says. A port is kept.
func otherHost(t *testing.T, s *standIn) {
	for name, test := range map[string]struct{ line, host, want string }{
		"absolute-form": {"https://webtop.test/adm", "tautulli.test", "https://webtop.test/adm"},
		"port":          {"/adm", "webtop.test:8443", "https://webtop.test:8443/adm"},
		"case-and-dot":  {"/adm", "WebTop.test.", "https://webtop.test/adm"},
	} {
		t.Run(name, func(t *testing.T) {
			status, _ := rawRequest(t, "webtop.test", fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nCookie: allowed=1\r\nConnection: close\r\n\r\n", test.line, test.host))
			if status != http.StatusOK {
				t.Errorf("got %d", status)
			}
			if got := s.lastCheck(t).Header.Get("X-Original-URL"); got != test.want {
				t.Errorf("X-Original-URL: got %q, want %q", got, test.want)
			}
		})
	}
}

func openLocation(t *testing.T, a *app) {
	v := newVisitor(t)
	v.headers.Set("X-authentik-username", "forged")
	if p := v.get("https://webtop.test/api/x"); p.StatusCode != http.StatusOK {
		t.Fatalf("got %s", p.Status)
	}
	if got := a.last(t).Header.Get("X-authentik-username"); got != "" {
		t.Errorf("the application was told %q", got)
	}
}

// connections counts how often nginx connects for twenty checks.
func connections(t *testing.T, s *standIn, kept bool) {
	v := signedIn(t)
	s.mu.Lock()
	before := s.connections
	s.mu.Unlock()
	for range 20 {
		v.get("https://webtop.test/")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	opened := s.connections - before
	if kept && opened > 2 || !kept && opened != 20 {
		t.Errorf("20 checks took %d connections; kept: %v", opened, kept)
	}
}

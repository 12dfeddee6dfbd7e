package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestPrefix: what the internet finds below the public prefix. The check is not
// there, under any spelling, and nothing else tells who somebody is or how the
// outpost runs.
func TestPrefix(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		v := s.signedIn(t, "https://webtop.test")
		for _, path := range []string{
			"/auth/nginx", "/auth/nginx?x", "/auth/nginx/", "//auth/nginx", "/auth//nginx", "/auth/./nginx", "/auth/%6eginx", "/auth%2Fnginx", "/x/../auth/nginx",
			"/auth/", "/auth/traefik", "/auth/caddy", "/auth/envoy", "/auth/NGINX",
			"/metrics", "/-/healthy", "/-/ready", "/debug/pprof/", "/config", "/static/", "/nothing", "x",
		} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				r, err := http.NewRequestWithContext(t.Context(), method, "https://webtop.test"+outpostPrefix+path, strings.NewReader(""))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("X-Original-URL", "https://webtop.test/")
				p := v.send(r)
				if p.StatusCode < 400 || p.StatusCode > 499 || p.StatusCode == http.StatusUnauthorized {
					t.Errorf("%s %s: got %s", method, path, p.Status)
				}
				for name := range p.Header {
					if strings.HasPrefix(name, "X-Authentik-") {
						t.Errorf("%s %s: answered %s", method, path, name)
					}
				}
			}
		}
		if p := newVisitor(t).get("https://webtop.test" + outpostPrefix + "/ping"); p.StatusCode != http.StatusNoContent {
			t.Errorf("ping: got %s", p.Status)
		}
	})
}

// TestStartIsNoOpenDoor: a return URL that leads elsewhere leads to the front
// page. The visitor goes there, as a browser does: starts that no check follows
// are what the loop guard counts.
func TestStartIsNoOpenDoor(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		v := s.signedIn(t, "https://webtop.test")
		for _, rd := range []string{"https://elsewhere.test/", "//elsewhere.test/", `/\elsewhere.test/`, "https:elsewhere.test", "https://webtop.test@elsewhere.test/", "javascript://webtop.test/%0aalert(1)", "https://webtop.test.elsewhere.test/"} {
			p := v.get(fmt.Sprintf("https://webtop.test%s/start?rd=%s", outpostPrefix, strings.NewReplacer("%", "%25", "&", "%26").Replace(rd)))
			if location := p.Header.Get("Location"); p.StatusCode != http.StatusFound || location != "https://webtop.test/" {
				t.Errorf("rd=%s: got %s to %q", rd, p.Status, location)
			} else if p = v.follow(p); p.URL != location || p.StatusCode != http.StatusOK {
				t.Errorf("rd=%s: landed on %s: %s", rd, p.URL, p.Status)
			}
		}
	})
}

// TestManyGroups: more groups than an answer's header can hold are a refusal
// that says so, to the person and in the log; never half a list, never a bare
// 500.
func TestManyGroups(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		v := newVisitor(t)
		p := v.signIn("https://webtop.test/", "carol", "any")
		if p.StatusCode != http.StatusForbidden || !strings.Contains(p.Body, "<code>header_too_large</code>") {
			t.Errorf("landed on %s: %s\n%s", p.URL, p.Status, p.Body)
		}
		if s.app.count() > 0 {
			t.Error("the application was reached")
		}
		if !strings.Contains(s.daemon.log(t), "reason=header_too_large") {
			t.Error("the log does not say why")
		}
		if !strings.Contains(s.daemon.metrics(t), `reason="header_too_large"`) {
			t.Error("the metrics do not count it")
		}
		if log := s.nginx.accessLog(t); strings.Contains(log, `" 500 `) {
			t.Errorf("a person saw 500:\n%s", log)
		}
	})
}

// TestHeaderBudget: nginx has room for as much as the daemon lets through, to the
// byte; one more is refused with a reason.
func TestHeaderBudget(t *testing.T) {
	const budget = 3500
	onStage(t, func(t *testing.T, s *stage) {
		sized := func(group int) page {
			s.provider.setGroups(t, "alice", "admins", strings.Repeat("g", group))
			return newVisitor(t).signIn("https://webtop.test/", "alice", "any")
		}
		if p := sized(1); p.StatusCode != http.StatusOK {
			t.Fatalf("landed on %s: %s\n%s", p.URL, p.Status, p.Body)
		}
		room := budget + 1 // for the group of one letter, which is in it already
		for _, name := range []string{"Username", "Groups", "Entitlements", "Email", "Name", "Uid"} {
			room -= len("X-authentik-"+name+": \r\n") + len(s.app.last(t).Header.Get("X-Authentik-"+name))
		}
		if p := sized(room); p.StatusCode != http.StatusOK || len(s.app.last(t).Header.Get("X-Authentik-Groups")) != len("admins|")+room {
			t.Errorf("%d bytes of headers: %s at %s\n%s", budget, p.Status, p.URL, s.nginx.accessLog(t))
		}
		if p := sized(room + 1); !strings.Contains(p.Body, "<code>header_too_large</code>") {
			t.Errorf("%d bytes of headers: %s at %s", budget+1, p.Status, p.URL)
		}
	})
}

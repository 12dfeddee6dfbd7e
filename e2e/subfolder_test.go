package e2e

import (
	"path/filepath"
	"testing"
)

// TestSubfolder: SWAG's other way, an application below a path of the main
// host, whose pages and the outpost's share one server block.
func TestSubfolder(t *testing.T) {
	const base, link = "https://www.test", "/tautulli/deep?a=1&b=%2F"
	enable := func(dir string) {
		conf := filepath.Join(dir, "proxy-confs", "tautulli.subfolder.conf")
		copyFile(t, filepath.Join(swagFolder(), "proxy-confs", "tautulli.subfolder.conf"), conf)
		edit(t, conf, `#(include /config/nginx/authentik-location\.conf;)`, "$1")
		edit(t, filepath.Join(dir, "site-confs", "default.conf"), `#(include /config/nginx/authentik-server\.conf;)`, "$1")
	}
	for _, g := range []generation{oursInSWAG, swag("2025-03-25"), swag("2023-04-27"), swag("2023-02-09")} {
		t.Run(g.Name, func(t *testing.T) {
			g.need(t)
			apps := applications()
			p := startCertified(t, apps)
			newDaemon(t, apps, p)
			a := startApp(t, "tautulli", "127.0.2.3:8181")
			startNginx(t, releases[1], g, enable)
			v := newVisitor(t)
			if page := v.signIn(base+link, p.admin.name, p.admin.password); page.URL != base+link {
				t.Fatalf("landed on %s: %s\n%s", page.URL, page.Status, page.Body)
			}
			if got := a.last(t); got.RequestURI != link || got.Header.Get("X-Authentik-Username") != p.admin.name {
				t.Errorf("the application got %q from %q", got.RequestURI, got.Header.Get("X-Authentik-Username"))
			}
		})
	}
}

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestPort: nginx published at another port than it listens on, or is reached
// at, keeps that port in every address that the browser sees.
func TestPort(t *testing.T) {
	const base = "https://webtop.test:9443"
	enable := func(dir string) {
		conf := filepath.Join(dir, "proxy-confs", "webtop.subdomain.conf")
		if !exists(conf) {
			conf = filepath.Join(dir, "site-confs", "apps.conf")
		}
		edit(t, conf, `(?m)^(\s+)listen 443 ssl( http2)?( default_server)?;`, "$0\n    listen 9443 ssl;")
	}
	for _, g := range []generation{ours, swag("2025-03-25"), swag("seed-2023-02-01")} {
		t.Run(g.Name, func(t *testing.T) {
			g.need(t)
			apps := []application{{Name: "webtop", Mode: "single", ExternalURL: base}}
			p := startCertified(t, apps)
			newDaemon(t, apps, p)
			a := startApp(t, "webtop", "127.0.2.2:3000")
			startNginx(t, releases[1], g, enable)
			v := newVisitor(t)
			if page := v.signIn(base+deepLink, p.admin.name, p.admin.password); page.URL != base+deepLink || a.last(t).RequestURI != deepLink {
				t.Fatalf("landed on %s: %s\n%s", page.URL, page.Status, strings.Join(v.trail, "\n"))
			}
			page := v.submit(v.open(base+outpostPrefix+"/sign_out"), nil)
			if !strings.HasPrefix(page.URL, base) || !strings.Contains(page.Body, "<code>signed_out</code>") {
				t.Errorf("signing out ended at %s: %s", page.URL, page.Status)
			}
		})
	}
}

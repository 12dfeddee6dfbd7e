package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// asks9443 is SWAG's newest pair as authentik's users are about to have it: https
// and 9443 in the place of http and 9000, and nothing else. SWAG has not released
// it yet, so it is made of the one that it has.
func asks9443(t testing.TB, dir string) {
	edit(t, filepath.Join(dir, "authentik-server.conf"), `proxy_pass http://(\$\w+):9000`, "proxy_pass https://$1:9443")
}

// TestTLSListener: nginx asks by https. Without a certificate it takes the one that the
// outpost has made; with one, it may look at it, and a renewal stops nobody.
func TestTLSListener(t *testing.T) {
	g := swag("2025-03-25")
	for _, r := range releases {
		t.Run(r.Name+"/own-certificate", func(t *testing.T) {
			g.need(t)
			apps := applications()
			s := &stage{provider: startCertified(t, apps)}
			s.daemon = newDaemon(t, apps, s.provider, "tls: { listen: 127.0.2.1:9443 }")
			s.app, s.nginx = startApp(t, "webtop", "127.0.2.2:3000"), startNginx(t, r, g, func(dir string) { asks9443(t, dir) })
			v := s.signedIn(t, "https://webtop.test")
			if p := v.get("https://webtop.test/"); p.StatusCode != http.StatusOK {
				t.Errorf("got %s", p.Status)
			}
			if info, err := os.Stat(filepath.Join(s.daemon.dir, "data", "tls.pem")); err != nil || info.Mode() != 0o600 {
				t.Errorf("the certificate that was made: %v, %v", info, err)
			}
			if p := newVisitor(t).get("https://webtop.test/"); p.StatusCode != http.StatusFound {
				t.Errorf("a stranger got %s", p.Status)
			}
		})
	}
	t.Run("renewal", func(t *testing.T) {
		g.need(t)
		live := t.TempDir()
		link := func(name, target string) {
			t.Helper()
			path := filepath.Join(live, name)
			if err := os.Symlink(target, path+".new"); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}
		renew := func() {
			t.Helper()
			dir := t.TempDir()
			if err := writeCA(dir); err != nil {
				t.Fatal(err)
			}
			link("fullchain.pem", filepath.Join(dir, "chain.crt"))
			link("privkey.pem", filepath.Join(dir, "leaf.key"))
		}
		link("fullchain.pem", shared("chain.crt"))
		link("privkey.pem", shared("leaf.key"))
		apps := applications()
		s := &stage{provider: startCertified(t, apps)}
		s.daemon = newDaemon(t, apps, s.provider, "tls: { listen: 127.0.2.1:9443, certificate: "+live+"/fullchain.pem, key: "+live+"/privkey.pem }")
		s.app = startApp(t, "webtop", "127.0.2.2:3000")
		s.nginx = startNginx(t, releases[1], g, func(dir string) {
			asks9443(t, dir)
			// What docs/listeners.md has for an nginx that looks at it.
			edit(t, filepath.Join(dir, "authentik-server.conf"), `(proxy_pass https://)`,
				"proxy_ssl_verify on; proxy_ssl_server_name on; proxy_ssl_name webtop.test; proxy_ssl_trusted_certificate /config/keys/cert.crt; $1")
		})
		v := s.signedIn(t, "https://webtop.test")
		if p := v.get("https://webtop.test/"); p.StatusCode != http.StatusOK {
			t.Fatalf("got %s", p.Status)
		}
		// Another authority's: nginx, which looks, notices. That it is taken over is seen by it.
		renew()
		ends := time.Now().Add(patience)
		for {
			p := v.get("https://webtop.test/")
			if p.StatusCode == http.StatusInternalServerError {
				break
			}
			if p.StatusCode != http.StatusOK || time.Now().After(ends) {
				t.Fatalf("got %s; the renewed certificate is never shown:\n%s", p.Status, s.daemon.log(t))
			}
			time.Sleep(50 * time.Millisecond)
		}
		log := readFile(t, s.nginx.errorLog())
		if !strings.Contains(log, "certificate verify error") {
			t.Errorf("nginx says\n%s", log)
		}
		if !strings.Contains(s.daemon.log(t), "the TLS certificate was taken over") {
			t.Errorf("the daemon says\n%s", s.daemon.log(t))
		}
		if left := s.daemon.metric(t, "outpost_tls_certificate_expiry_timestamp_seconds") - float64(time.Now().Unix()); left < 23*3600 || left > 25*3600 {
			t.Errorf("it is over in %g seconds", left)
		}
	})
}

package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// TestTwoHosts: a request line that names one host and a Host header that names
// another. nginx goes by the first; SWAG's X-Original-URL repeats the second.
// Whoever may have the one must not get the other by it.
func TestTwoHosts(t *testing.T) {
	for _, g := range []generation{ours, oursInSWAG, swag("2025-03-25"), swag("2023-04-27"), swag("2023-02-09")} {
		t.Run(g.Name, func(t *testing.T) {
			g.need(t)
			s := newStage(t, releases[1], g)
			v := s.signedIn(t, "https://webtop.test")
			var cookies []string
			for _, cookie := range v.cookies("https://webtop.test/") {
				cookies = append(cookies, cookie.Name+"="+cookie.Value)
			}
			request := "GET %s HTTP/1.1\r\nHost: %s\r\nCookie: " + strings.Join(cookies, "; ") + "\r\nConnection: close\r\n\r\n"
			if status, _ := rawRequest(t, "webtop.test", fmt.Sprintf(request, "https://webtop.test/x", "webtop.test")); status != http.StatusOK {
				t.Fatalf("one host: got %d", status)
			}
			before := s.other.count()
			status, header := rawRequest(t, "tautulli.test", fmt.Sprintf(request, "https://tautulli.test/adm", "webtop.test"))
			if s.other.count() != before || status == http.StatusOK {
				t.Errorf("tautulli by the request line, webtop by Host: got %d %v", status, header)
			}
			if g.Check {
				return // the check names one host, that of the request line
			}
			if status != http.StatusForbidden || !strings.Contains(s.daemon.log(t), "reason=host_mismatch") {
				t.Errorf("two hosts in one check: got %d, want 403 and a line in the log", status)
			}
		})
	}
}

// TestStrangeHosts: a host that nobody configured opens nothing and is never
// the target of a redirect to a provider.
func TestStrangeHosts(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		for _, host := range []string{"webtop.elsewhere.test", "webtop.test.elsewhere.test", "webtop.evilhome.test"} {
			status, header := rawRequest(t, "webtop.test", fmt.Sprintf("GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host))
			if status != http.StatusForbidden {
				t.Errorf("%s: got %d %v", host, status, header)
			}
			status, header = rawRequest(t, "webtop.test", fmt.Sprintf("GET %s/start HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nSec-Fetch-Mode: navigate\r\n\r\n", outpostPrefix, host))
			if status != http.StatusForbidden || header.Get("Location") != "" {
				t.Errorf("start at %s: got %d to %q", host, status, header.Get("Location"))
			}
		}
		// The same host in other words is the same host.
		for _, host := range []string{"WEBTOP.test", "webtop.test.", "webtop.test:443"} {
			status, header := rawRequest(t, "webtop.test", fmt.Sprintf("GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host))
			if status != http.StatusFound {
				t.Errorf("%s: got %d %v", host, status, header)
			}
		}
	})
}

// TestHTTP3: over HTTP/3 nginx knows no $http_host, so SWAG's X-Original-URL
// begins with "https:///". With a session the page opens all the same.
func TestHTTP3(t *testing.T) {
	listenQUIC := func(dir string) {
		conf := filepath.Join(dir, "proxy-confs", "webtop.subdomain.conf")
		if !exists(conf) {
			conf = filepath.Join(dir, "site-confs", "apps.conf")
			edit(t, conf, `listen 443 ssl default_server;`, "listen 443 ssl default_server; listen 443 quic reuseport default_server;")
			return
		}
		// What SWAG's users do, and documents: take the comment signs away.
		edit(t, conf, `(?m)^#(\s+listen 443 quic);`, "$1;")
		edit(t, filepath.Join(dir, "site-confs", "default.conf"), `(?m)^#(\s+listen 443 quic reuseport default_server;)`, "$1")
	}
	for _, g := range []generation{ours, oursInSWAG, swag("2025-03-25")} {
		t.Run(g.Name, func(t *testing.T) {
			g.need(t)
			apps := applications()
			p := startCertified(t, apps)
			d := newDaemon(t, apps, p)
			a := startApp(t, "webtop", "127.0.2.2:3000")
			startNginx(t, releases[1], g, listenQUIC)
			// Signed in over HTTP/2, as every browser is that has yet to hear of HTTP/3.
			s := &stage{provider: p, daemon: d, app: a}
			v := s.signedIn(t, "https://webtop.test")
			b := newBrowser(t, chromedp.Flag("enable-quic", true), chromedp.Flag("origin-to-force-quic-on", "webtop.test:443"),
				chromedp.Flag("ignore-certificate-errors-spki-list", leafKeyHash(t)))
			b.takeCookies(v, "https://webtop.test/")
			status := b.open("https://webtop.test" + deepLink)
			if status != http.StatusOK || b.url() != "https://webtop.test"+deepLink || a.last(t).RequestURI != deepLink {
				t.Errorf("got %d at %s\n%s", status, b.url(), b.text("body"))
			}
			if protocol := b.eval(`performance.getEntriesByType('navigation')[0].nextHopProtocol`); protocol != "h3" {
				t.Fatalf("that was %s, not HTTP/3", protocol)
			}
			if !g.Check {
				return // sends people to "https:///outpost…", where nobody can help
			}
			b.do(network.ClearBrowserCookies())
			b.open("https://webtop.test" + deepLink)
			b.signIn(p.admin)
			if b.url() != "https://webtop.test"+deepLink {
				t.Errorf("signing in over HTTP/3 landed on %s", b.url())
			}
		})
	}
}

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

func ofNginx(t testing.TB) []mistake {
	apps := "site-confs/apps.conf"
	return []mistake{
		{name: "server-include-missing", nginx: func(t testing.TB, dir string) {
			firstOnly(t, filepath.Join(dir, apps), "    include /config/nginx/authentik-server.conf;\n", "")
		}, check: "outpost", status: "wrong", says: []string{"/outpost.goauthentik.io at webtop.test does not lead to the outpost"}, fix: []string{"server block for webtop.test write include /config/nginx/authentik-server.conf;"}},
		{name: "location-include-missing", nginx: func(t testing.TB, dir string) {
			firstOnly(t, filepath.Join(dir, apps), "        include /config/nginx/authentik-location.conf;\n", "        include /config/nginx/outpost-clear.conf;\n")
		}, check: "protected", status: "wrong", says: []string{"nginx answers 200 and asks nobody", "open to everybody"}, fix: []string{"serves / at webtop.test write include /config/nginx/authentik-location.conf;"}},
		{name: "open-location", arguments: []string{"--url", "https://webtop.test/api/settings"},
			check: "protected", status: "wrong", says: []string{"asks nobody"}, fix: []string{"serves /api/settings at webtop.test write include /config/nginx/authentik-location.conf;"}},
		{name: "open-by-accident", lint: true, nginx: inFile(apps, `location /api \{`, `location ~ /api {`),
			check: "lint", status: "wrong", says: []string{"[open-by-accident]"}, fix: []string{"apps.conf:", "anchor it"}},
		{name: "original-url-missing", nginx: func(t testing.TB, dir string) {
			firstOnly(t, filepath.Join(dir, "authentik-server.conf"), "    proxy_set_header X-Original-URL $outpost_origin$request_uri;\n", "")
		}, check: "headers", status: "wrong", says: []string{"X-Original-URL does not arrive", "url_missing"},
			fix: []string{"in location = /outpost.goauthentik.io/auth/nginx write proxy_set_header X-Original-URL $scheme://$host$request_uri;"}},
		{name: "original-url-without-its-query", nginx: inFile("authentik-server.conf", checkHeader, `    proxy_set_header X-Original-URL $$outpost_origin$$uri;`), arguments: []string{"--url", "https://webtop.test/a?b=c"},
			check: "headers", status: "wrong", says: []string{"asks about"}, fix: []string{"proxy_set_header X-Original-URL $scheme://$host$request_uri;"}},
		{name: "http-host-on-http3", nginx: func(t testing.TB, dir string) {
			inFile(apps, `listen 443 ssl default_server;`, "listen 443 ssl default_server; listen 443 quic reuseport default_server; add_header Alt-Svc 'h3=\":443\"; ma=86400' always;")(t, dir)
			inFile("authentik-server.conf", checkHeader, `    proxy_set_header X-Original-URL $$scheme://$$http_host$$request_uri;`)(t, dir)
		}, check: "http3", status: "wrong", says: []string{"$http_host is empty", "https:///path"}, fix: []string{"proxy_set_header X-Original-URL $scheme://$host$request_uri;"}},
		{name: "http-host-on-http3-in-the-files", lint: true, nginx: func(t testing.TB, dir string) {
			inFile(apps, `listen 443 ssl default_server;`, "listen 443 ssl default_server; listen 443 quic reuseport default_server;")(t, dir)
			inFile("authentik-server.conf", checkHeader, `    proxy_set_header X-Original-URL $$scheme://$$http_host$$request_uri;`)(t, dir)
		}, check: "lint", status: "wrong", says: []string{"[host-empty-on-http3]"}, fix: []string{"authentik-server.conf:", "write $host in its place"}},
		{name: "small-buffers", nginx: inFile("authentik-server.conf", `proxy_buffer_size 16k;\n    proxy_buffers 4 16k;`, "proxy_buffer_size 1k;\n    proxy_buffers 8 1k;"),
			check: "buffers", status: "wrong", says: []string{"nginx answers 500", "3500 bytes of identity headers", "proxy_buffer_size is too small"},
			fix: []string{"in location = /outpost.goauthentik.io/auth/nginx write proxy_buffer_size 16k; proxy_buffers 4 16k;"}},
		{name: "more-headers-than-nginx-takes", edits: []string{`(name: webtop\n)`, "$1    headers: { max_bytes: 30000 }\n"},
			check: "buffers", status: "wrong", says: []string{"30000 bytes"}, fix: []string{"proxy_buffer_size 32k;", "max_bytes: 3500"}},
		{name: "error-page-200", nginx: func(t testing.TB, dir string) {
			inFile("authentik-location.conf", `error_page 401 = @goauthentik_proxy_signin;`, "error_page 401 =200 @open;")(t, dir)
			inFile("authentik-server.conf", `\z`, "\nlocation @open { include /config/nginx/resolver.conf; set $$upstream_app webtop; proxy_pass http://$$upstream_app:3000; }\n")(t, dir)
		}, check: "protected", status: "wrong", says: []string{"the outpost says 401 and nginx answers 200", "served without a sign-in"}, fix: []string{"write error_page 401 = @goauthentik_proxy_signin; in place of"}},
		{name: "no-error-page", nginx: inFile("authentik-location.conf", `error_page 401 = @goauthentik_proxy_signin;`, ""),
			check: "protected", status: "wrong", says: []string{"bare 401"}, fix: []string{"write error_page 401 = @goauthentik_proxy_signin;"}},
		{name: "two-daemons-on-one-name", generation: oursAlone, before: func(t testing.TB) { setContainer(t, "outpost", 127, 0, 2, 1, 127, 0, 2, 7) }, after: secondDaemon,
			check: "instances", status: "wrong", says: []string{"another outpost answers to the same name", "of 12 requests"}, fix: []string{"stop the other one", "set $upstream_outpost"}},
		{name: "cached-checks", nginx: func(t testing.TB, dir string) {
			firstOnly(t, filepath.Join(dir, "authentik-server.conf"), "    proxy_cache off;", "    proxy_cache kept; proxy_cache_valid 200 401 1m; proxy_ignore_headers Cache-Control;")
			inFile("nginx.conf", `(?m)^http \{`, "http {\n    proxy_cache_path /tmp/kept keys_zone=kept:1m;")(t, dir)
		}, check: "cache", status: "wrong", says: []string{"from a cache", "one person's yes lets others in"}, fix: []string{"write proxy_cache off;"}},
		{name: "cookies-dropped", nginx: inFile("authentik-server.conf", `    proxy_redirect off;`, "    proxy_redirect off;\n    proxy_hide_header Set-Cookie;"),
			check: "cookies", status: "wrong", says: []string{"nginx drops Set-Cookie", "browser_missing"}, fix: []string{"take out proxy_hide_header Set-Cookie;"}},
		{name: "cookies-changed", nginx: inFile("authentik-server.conf", `    proxy_redirect off;`, "    proxy_redirect off;\n    proxy_cookie_path / \"/; Domain=webtop.test\";"),
			check: "cookies", status: "wrong", says: []string{"nginx changes the cookie", "Domain=webtop.test"}, fix: []string{"take out proxy_cookie_domain, proxy_cookie_path"}},
		{name: "outpost-not-reached", nginx: inFile("authentik-server.conf", `set \$upstream_outpost outpost:9000;`, "set $$upstream_outpost outpost:9001;"), generation: oursAlone,
			check: "outpost", status: "wrong", says: []string{"nginx does not reach the outpost"}, fix: []string{"write set $upstream_outpost NAME:PORT;", "127.0.2.1:9000"}},
		{name: "scheme-of-the-inner-side", nginx: inFile("authentik-server.conf", checkHeader, `    proxy_set_header X-Original-URL http://$$host$$request_uri;`),
			check: "scheme", status: "wrong", says: []string{"browsers come by https and nginx says http"}, fix: []string{"proxy_set_header X-Original-URL https://$host$request_uri;"}},
		{name: "http-is-served-too", nginx: inFile(apps, `listen 443 ssl default_server;`, "listen 443 ssl default_server; listen 80 default_server;"),
			check: "loop", status: "wrong", says: []string{"served by http, too"}, fix: []string{"return 301 https://$host$request_uri;"}},
		{name: "client-address-missing", nginx: inFile("authentik-server.conf", `(?m)^    proxy_set_header X-(Forwarded-For|Real-IP) .*$`, ""),
			check: "client-address", status: "warning", says: []string{"everybody is taken for nginx itself (127.0.0.1)"}, fix: []string{"proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"}},
		{name: "return-url-lost", nginx: inFile("authentik-server.conf", `set_escape_uri \$outpost_return_url \S+`, "set_escape_uri $$outpost_return_url $$outpost_origin$$uri;"), arguments: []string{"--url", "https://webtop.test/a?b=c&d=e"},
			check: "sign-in", status: "wrong", says: []string{"people come back to another address"}, fix: []string{"set_escape_uri $target_url $scheme://$host$request_uri;"}},
		{name: "stale-include", lint: true, nginx: inFile("authentik-location.conf", `^## Version \S+`, "## Version 2026/11/02"),
			check: "lint", status: "warning", says: []string{"[stale-file]", "2026/11/02"}, fix: []string{"authentik-location.conf:1: "}},
		{name: "ipv6-resolver", lint: true, after: func(t testing.TB, s *stage) {
			edit(t, filepath.Join(s.nginx.config, "nginx", "resolver.conf"), `resolver 127\.0\.0\.11`, "resolver 2001:db8::53")
			if out, err := s.nginx.cell("-t", "-q").CombinedOutput(); err == nil || !strings.Contains(string(out), "resolver") {
				t.Errorf("nginx takes it: %v %s", err, out)
			}
		}, check: "resolver", status: "wrong", says: []string{"nginx does not start with resolver 2001:db8::53"}, fix: []string{"resolver.conf:1: write resolver [2001:db8::53]"}},
	}
}

// secondDaemon is one more with the same name, a secret and sessions of its own.
func secondDaemon(t testing.TB, s *stage) {
	second := &daemon{dir: t.TempDir()}
	text := strings.NewReplacer("127.0.2.1:", "127.0.2.7:", s.daemon.dir, second.dir).Replace(readFile(t, filepath.Join(s.daemon.dir, "config.yaml")))
	writeFile(t, filepath.Join(second.dir, "config.yaml"), text)
	second.startAt(t, "127.0.2.7:9000")
}

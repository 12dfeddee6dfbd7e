package e2e

// front_ends.go runs the front ends besides nginx in SWAG's way, each with the
// configuration of docs/front-ends.md, of which nothing is changed but names,
// addresses and certificates. Traefik and Envoy are not to be had here: package
// auth has tests that send what they send.

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A frontEnd guards webtop.test, whose application is at 127.0.2.2:3000, with the
// outpost at 127.0.2.1:9000.
type frontEnd struct {
	Name   string
	Listed string // as the daemon's front_ends has it
	Relays bool   // what the outpost answers comes to the browser as it is
	User   string // the header in which the application is told the user name
	run    func(t testing.TB)
}

var frontEnds = []frontEnd{
	{Name: "caddy", Listed: "caddy", Relays: true, User: "X-Authentik-Username", run: runCaddy},
	{Name: "haproxy", Listed: "nginx", User: "X-Authentik-Username", run: runHAProxy},
	{Name: "nginx-proxy-manager", Listed: "nginx", User: "X-Authentik-Username", run: func(t testing.TB) { runPlainNginx(t, nginxProxyManager) }},
	{Name: "nginx-as-for-authelia", Listed: "authelia", User: "Remote-User", run: func(t testing.TB) { runPlainNginx(t, asForAuthelia) }},
}

// documented is a block of docs/front-ends.md, by its language and something that
// stands in it, with ours in the place of its names.
func documented(t testing.TB, language, text string, ours ...string) string {
	t.Helper()
	page := readFile(t, filepath.Join(repository(), "docs", "front-ends.md"))
	for _, block := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
		if !strings.Contains(block[1], text) {
			continue
		}
		for i := 0; i+1 < len(ours); i += 2 {
			if !strings.Contains(block[1], ours[i]) {
				t.Fatalf("docs/front-ends.md no longer has %q", ours[i])
			}
			block[1] = strings.ReplaceAll(block[1], ours[i], ours[i+1])
		}
		return block[1]
	}
	t.Fatalf("docs/front-ends.md has no %s block with %q", language, text)
	return ""
}

func runCaddy(t testing.TB) {
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	tls := "\ttls " + shared("chain.crt") + " " + shared("leaf.key")
	writeFile(t, file, "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"+documented(t, "caddyfile", "forward_auth",
		"app.example.com {", "webtop.test {\n"+tls, "outpost.example.com {", "outpost.home.test {\n"+tls,
		"outpost:9000", "127.0.2.1:9000", "app:8080", "127.0.2.2:3000"))
	cmd := exec.Command(caddy, "run", "--adapter", "caddyfile", "--config", file)
	cmd.Env = []string{"HOME=" + dir}
	start(t, dir, "caddy", cmd).waitFor(t, "127.0.0.1:443")
}

func runHAProxy(t testing.TB) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "certs", "all.pem"), readFile(t, shared("chain.crt"))+readFile(t, shared("leaf.key")))
	file := filepath.Join(dir, "haproxy.cfg")
	writeFile(t, file, documented(t, "haproxy", "lua.outpost",
		"/etc/haproxy/outpost.lua", filepath.Join(repository(), "haproxy", "outpost.lua"), "/etc/haproxy/certs/", filepath.Join(dir, "certs"),
		"127.0.0.1:9000", "127.0.2.1:9000", "127.0.0.1:8080", "127.0.2.2:3000"))
	start(t, dir, "haproxy", exec.Command(haproxy, "-db", "-f", file)).waitFor(t, "127.0.0.1:443")
}

const (
	caddy   = "/usr/bin/caddy"
	haproxy = "/usr/sbin/haproxy"
)

// runPlainNginx serves a server block that is not SWAG's.
func runPlainNginx(t testing.TB, block func(t testing.TB, dir string) string) {
	startNginx(t, releases[1], generation{Name: "plain", place: func(t testing.TB, dir string, _ release) {
		writeFile(t, filepath.Join(dir, "nginx.conf"), `daemon off; pid /run/nginx.pid; user www-data; error_log /config/log/nginx/error.log warn;
events {}
http {
	access_log /config/log/nginx/access.log;
	include /config/nginx/resolver.conf;
	server {
		listen 443 ssl;
		http2 on;
		server_name webtop.test;
		ssl_certificate /config/keys/cert.crt;
		ssl_certificate_key /config/keys/cert.key;
`+block(t, dir)+`
	}
}
`)
	}})
}

// nginxProxyManager is what Nginx Proxy Manager makes of the text in its Advanced
// tab: it stands in the server block, below these three.
func nginxProxyManager(t testing.TB, _ string) string {
	return "set $forward_scheme http; set $server 127.0.2.2; set $port 3000;\n" +
		documented(t, "nginx", "$forward_scheme", "http://outpost:9000", "http://127.0.2.1:9000")
}

func asForAuthelia(t testing.TB, dir string) string {
	writeFile(t, filepath.Join(dir, "authelia-location.conf"), documented(t, "nginx", "location /internal/authelia/authz", "http://outpost:9000", "http://127.0.2.1:9000"))
	writeFile(t, filepath.Join(dir, "authelia-authrequest.conf"), documented(t, "nginx", "error_page 401 =302 $redirection_url;"))
	return `include /config/nginx/authelia-location.conf;
		location / {
			include /config/nginx/authelia-authrequest.conf;
			proxy_http_version 1.1;
			proxy_set_header Host $host;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection $http_connection;
			proxy_pass http://127.0.2.2:3000;
		}`
}

package e2e

// printed.go puts what `outpost nginx` prints into an nginx of each kind, with
// nothing changed but where certificates and applications are.

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A printedKind is a --for, in surroundings as its users have them.
type printedKind struct {
	Name, For string
	Listed    string // as the daemon's front_ends has it
	Outpost   string // --outpost
	SWAG      bool   // needs SWAG's own files
	// place makes a tree for webtop.test of the printed files, which are in dir
	// already.
	place func(t testing.TB, dir string, r release)
}

var printedKinds = []printedKind{
	{Name: "swag", For: "swag", Listed: "nginx", Outpost: "outpost:9000", place: func(t testing.TB, dir string, r release) {
		copyTree(t, filepath.Join(repository(), "e2e", "config"), dir)
		edit(t, filepath.Join(dir, "site-confs", "apps.conf"), `include /config/nginx/authentik-location\.conf;`, "include /config/nginx/outpost-app-webtop.conf;")
		edit(t, filepath.Join(dir, "site-confs", "apps.conf"), `webtop\.\*;`, "webtop.test;")
	}},
	{Name: "swag-itself", For: "swag", Listed: "nginx", Outpost: "outpost:9000", SWAG: true, place: func(t testing.TB, dir string, r release) {
		printed := readFile(t, filepath.Join(dir, "authentik-server.conf"))
		location := readFile(t, filepath.Join(dir, "authentik-location.conf"))
		placeSWAG(t, dir, "2025-03-25", r)
		writeFile(t, filepath.Join(dir, "authentik-server.conf"), printed)
		writeFile(t, filepath.Join(dir, "authentik-location.conf"), location)
		edit(t, filepath.Join(dir, "proxy-confs", "webtop.subdomain.conf"), `include /config/nginx/authentik-location\.conf;`, "include /config/nginx/outpost-app-webtop.conf;")
	}},
	{Name: "nginx", For: "nginx", Listed: "nginx", place: func(t testing.TB, dir string, r release) {
		for _, site := range []string{"webtop.test", "outpost.home.test"} {
			conf := filepath.Join(dir, "outpost-site-"+site+".conf")
			edit(t, conf, `/etc/nginx/tls/fullchain\.pem`, "/config/keys/cert.crt")
			edit(t, conf, `/etc/nginx/tls/privkey\.pem`, "/config/keys/cert.key")
		}
		edit(t, filepath.Join(dir, "outpost-site-webtop.test.conf"), `127\.0\.0\.1:8080`, "127.0.2.2:3000")
		writeFile(t, filepath.Join(dir, "nginx.conf"), plainHead+"include outpost-http.conf; include outpost-site-webtop.test.conf; include outpost-site-outpost.home.test.conf;\n}\n")
	}},
	{Name: "npm", For: "npm", Listed: "nginx", Outpost: "outpost:9000", place: placeManager},
	{Name: "ingress", For: "ingress", Listed: "authelia", Outpost: "127.0.2.1:9000", place: placeIngress},
}

// plainHead is what any nginx here needs, and the beginning of its http block.
const plainHead = `daemon off; pid /run/nginx.pid; user www-data; error_log /config/log/nginx/error.log warn;
include /etc/nginx/modules/*.conf;
events {}
http {
access_log /config/log/nginx/access.log;
include /config/nginx/resolver.conf;
`

const plainTLS = "ssl_certificate /config/keys/cert.crt; ssl_certificate_key /config/keys/cert.key;\n"

// placeManager does what Nginx Proxy Manager makes of a proxy host with "Websockets
// Support" and a text in its Advanced tab: its http block's lines, and a server
// block in which the text stands where the switches' lines do.
func placeManager(t testing.TB, dir string, r release) {
	host := func(name, text string) string {
		return `server {
  set $forward_scheme http;
  set $server         "127.0.2.2";
  set $port           3000;
  listen 443 ssl;
  server_name ` + name + `;
  ` + plainTLS + `
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $http_connection;
  proxy_http_version 1.1;
` + readFile(t, filepath.Join(dir, text)) + `
}
`
	}
	writeFile(t, filepath.Join(dir, "nginx.conf"), plainHead+`
proxy_http_version 1.1;
proxy_set_header X-Forwarded-Scheme $scheme;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header Accept-Encoding "";
proxy_cache off;
map $host $forward_scheme { default http; }
set_real_ip_from 10.0.0.0/8; set_real_ip_from 172.16.0.0/12; set_real_ip_from 192.168.0.0/16;
real_ip_header X-Real-IP; real_ip_recursive on;
`+host("webtop.test", "npm-webtop.test.conf")+host("outpost.home.test", "npm-outpost.home.test.conf")+"}\n")
}

// placeIngress writes what ingress-nginx's template makes of the annotations of
// our manifest. Only the lines that matter to a check are here.
func placeIngress(t testing.TB, dir string, r release) {
	manifest := readFile(t, filepath.Join(dir, "ingress-webtop.yaml"))
	value := func(pattern string) string {
		found := regexp.MustCompile(`(?m)^\s+` + pattern + `: (.*)$`).FindStringSubmatch(manifest)
		if found == nil {
			t.Fatalf("the manifest has no %s:\n%s", pattern, manifest)
		}
		return strings.Trim(found[1], `"`)
	}
	if got := value(`nginx\.ingress\.kubernetes\.io/auth-proxy-set-headers`); got != "auth/outpost-headers-webtop" || !strings.Contains(manifest, "name: outpost-headers-webtop\n  namespace: auth\n") {
		t.Fatalf("the annotation names %s, which is not there:\n%s", got, manifest)
	}
	var handed strings.Builder
	for i, name := range strings.Split(value(`nginx\.ingress\.kubernetes\.io/auth-response-headers`), ",") {
		fmt.Fprintf(&handed, "auth_request_set $authHeader%d $upstream_http_%s; proxy_set_header '%s' $authHeader%[1]d;\n", i, strings.ToLower(strings.ReplaceAll(name, "-", "_")), name)
	}
	at := regexp.MustCompile(`http://([^/]+)`).FindStringSubmatch(value(`nginx\.ingress\.kubernetes\.io/auth-url`))[1]
	writeFile(t, filepath.Join(dir, "nginx.conf"), plainHead+`
map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
server {
  listen 443 ssl;
  server_name webtop.test;
  `+plainTLS+`
  location / {
    auth_request /_external-auth-Lw-Prefix;
    auth_request_set $auth_cookie $upstream_http_set_cookie;
    add_header Set-Cookie $auth_cookie;
    `+handed.String()+`
    set_escape_uri $escaped_request_uri $request_uri;
    error_page 401 = @signin;
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_http_version 1.1;
    proxy_pass http://127.0.2.2:3000;
  }
  location = /_external-auth-Lw-Prefix {
    internal;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_set_header X-Forwarded-Proto "";
    proxy_set_header Host `+at+`;
    proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
    proxy_set_header X-Original-Method $request_method;
    proxy_set_header X-Sent-From "nginx-ingress-controller";
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Auth-Request-Redirect $request_uri;
    proxy_set_header 'X-Forwarded-Host' '`+value("X-Forwarded-Host")+`';
    proxy_set_header 'X-Outpost-Includes' '`+value("X-Outpost-Includes")+`';
    proxy_buffer_size 4k; proxy_buffers 4 4k;
    proxy_http_version 1.1;
    set $target `+value(`nginx\.ingress\.kubernetes\.io/auth-url`)+`;
    proxy_pass $target;
  }
  location @signin {
    internal;
    add_header Set-Cookie $auth_cookie;
    return 302 `+value(`nginx\.ingress\.kubernetes\.io/auth-signin`)+`;
  }
  location /outpost.goauthentik.io/ {
    proxy_set_header Host $http_host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_pass http://`+at+`;
  }
  location = /outpost.goauthentik.io { proxy_set_header Host $http_host; proxy_pass http://`+at+`; }
  location /outpost.goauthentik.io/auth/ { return 503; }
  location = /outpost.goauthentik.io/auth { return 503; }
}
}
`)
}

// print runs `outpost nginx` over the daemon's configuration.
func (d *daemon) print(t testing.TB, k printedKind, dir string) {
	t.Helper()
	arguments := []string{"nginx", "-config", filepath.Join(d.dir, "config.yaml"), "--for", k.For, "--out", dir}
	if k.Outpost != "" {
		arguments = append(arguments, "--outpost", k.Outpost)
	}
	if out, err := exec.Command(shared("outpost"), arguments...).CombinedOutput(); err != nil {
		t.Fatalf("outpost nginx: %v\n%s", err, out)
	}
}

// serve starts an nginx with the printed files, which tests the configuration first.
func (k printedKind) serve(t testing.TB, d *daemon, r release, changes ...func(dir string)) *server {
	t.Helper()
	generation{Name: k.Name, SWAG: k.SWAG}.need(t)
	return startNginx(t, r, generation{Name: k.Name, SWAG: k.SWAG, place: func(t testing.TB, dir string, r release) {
		d.print(t, k, dir)
		k.place(t, dir, r)
	}}, changes...)
}

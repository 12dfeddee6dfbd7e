package nginx_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outpost/nginx"
)

// tree writes files below a folder of its own, with ours beside them.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	all := map[string]string{"resolver.conf": "resolver 127.0.0.11;\n", "ssl.conf": ""}
	ours, err := fs.Glob(nginx.Files, "*.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range ours {
		content, err := fs.ReadFile(nginx.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(content)
	}
	maps.Copy(all, files)
	for name, content := range all {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func lint(t *testing.T, path string, o nginx.Options) nginx.Report {
	t.Helper()
	report, err := nginx.Lint(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// rules are the findings of a report: each rule with its location.
func rules(report nginx.Report) (list []string) {
	for _, row := range report.Rows {
		if row.Rule != "" {
			list = append(list, strings.TrimSpace(row.Rule+" "+row.Location))
		}
	}
	slices.Sort(list)
	return list
}

// whole is a configuration without a finding. A test changes it in one place.
const whole = `
events {}
http {
    # http
    server {
        listen 443 ssl;
        server_name app.example.com;
        # server
        include /config/nginx/authentik-server.conf;
        location / {
            include /config/nginx/authentik-location.conf;
            proxy_pass http://app;
            # location
        }
        # beside
    }
}
`

// check is a check's location of our own making, with all it needs but what a
// test leaves out.
func check(without string) string {
	var b strings.Builder
	b.WriteString("location = /outpost.goauthentik.io/auth/nginx {\n")
	for _, line := range []string{
		"internal;", "proxy_pass http://outpost;", "proxy_pass_request_body off;", `proxy_set_header Content-Length "";`,
		"proxy_set_header Host $host;", "proxy_set_header X-Original-URL $scheme://$host$request_uri;",
		"proxy_set_header X-Original-Method $request_method;", "proxy_set_header X-Forwarded-For $remote_addr;",
	} {
		if without == "" || !strings.Contains(line, without) {
			b.WriteString(line + "\n")
		}
	}
	return b.String() + "# check\n}\nlocation @goauthentik_proxy_signin { internal; return 302 /outpost.goauthentik.io/start?rd=$request_uri; }\n"
}

// lines are those of outpost-clear.conf for the headers that authentik-location.conf sets.
var lines = func() string {
	text, _ := fs.ReadFile(nginx.Files, "outpost-clear.conf")
	before, _, _ := strings.Cut(string(text), "proxy_set_header Remote-User")
	return before
}()

const clear = "include /config/nginx/outpost-clear.conf;"

// Each finding comes from what is wrong, and not from what looks like it.
func TestRules(t *testing.T) {
	const include = "include /config/nginx/authentik-server.conf;"
	const asks = "include /config/nginx/authentik-location.conf;"
	const at = "# location"
	const remote = "auth_request /outpost.goauthentik.io/auth/nginx; error_page 401 = @goauthentik_proxy_signin; include /config/nginx/outpost-remote-user.conf; proxy_pass http://app;"
	tests := []struct {
		name       string
		old, wrong string // wrong in the place of old makes the finding
		right      string // right in the place of old does not
		want       string
	}{
		{"accidental", "# beside", "location ~ (/app)?/api { " + clear + " proxy_pass http://app; }",
			"location ~ ^(/app)?/api(/|$) { " + clear + " proxy_pass http://app; }", "open-by-accident ~ (/app)?/api"},
		{"accidental-alternative", "# beside", "location ~ ^/api|feed { " + clear + " proxy_pass http://app; }",
			"location ~ ^/(api|feed) { " + clear + " proxy_pass http://app; }", "open-by-accident ~ ^/api|feed"},
		{"accidental-dots", "# beside", "location ~ ^/.*/api { " + clear + " proxy_pass http://app; }",
			"location ~ ^/[0-9]+/api { " + clear + " proxy_pass http://app; }", "open-by-accident ~ ^/.*/api"},
		{"accidental-ending", "# beside", `location ~* \.(css|js)$ { ` + clear + ` proxy_pass http://app; }`,
			`location ~* ^/static/[a-z]+\.(css|js)$ { ` + clear + ` proxy_pass http://app; }`, `open-by-accident ~* \.(css|js)$`},
		{"accidental-everything", "# beside", "location ~ / { " + clear + " proxy_pass http://app; }",
			"location ^~ /x { " + clear + " proxy_pass http://app; }", "open-by-accident ~ /"},
		{"accidental-over-a-protected-prefix", "# beside", "location /admin { " + asks + " proxy_pass http://app; } location ~ ^/admin { " + clear + " proxy_pass http://app; }",
			"location ^~ /admin { " + asks + " proxy_pass http://app; } location ~ ^/admin { " + clear + " proxy_pass http://app; }", "open-by-accident ~ ^/admin"},
		{"pattern-unknown", "# beside", "location ~ ^/api(?!/admin) { " + clear + " proxy_pass http://app; }",
			"location ~ ^/api(?:/admin) { " + clear + " proxy_pass http://app; }", "pattern-unknown ~ ^/api(?!/admin)"},
		{"pattern-unknown-of-a-protected", "# beside", "location ~ ^/b(?!c) { " + asks + " proxy_pass http://app; }",
			"location ~ ^/b[^c] { " + asks + " proxy_pass http://app; }", "pattern-unknown ~ ^/b(?!c)"},

		{"identity-passes-beside", at, `proxy_set_header Host $host; } location /b { auth_request off; proxy_set_header Host $host; proxy_pass http://app;`,
			clear + ` proxy_set_header Host $host;`, "identity-passes /b"},
		{"identity-lost-below", "# server", lines + " location /b { proxy_set_header Host $host; proxy_pass http://app; }",
			lines + " location /b { proxy_pass http://app; }", "identity-lost /b"},
		{"identity-incomplete", asks, "auth_request /outpost.goauthentik.io/auth/nginx; error_page 401 = @goauthentik_proxy_signin; proxy_set_header X-authentik-username $u;",
			asks, "identity-not-overwritten /"},
		{"identity-nowhere", asks, "auth_request /outpost.goauthentik.io/auth/nginx; error_page 401 = @goauthentik_proxy_signin;",
			asks, "identity-not-overwritten /"},
		{"identity-of-another-family", at, "proxy_set_header Remote-User $u;", "include /config/nginx/outpost-remote-user.conf;", "identity-not-overwritten /"},
		{"identity-passes", "# beside", "location /api { proxy_pass http://app; }", "location /api { " + clear + " proxy_pass http://app; }", "identity-passes /api"},
		{"identity-passes-of-another-family", asks, remote + "} location /api { proxy_set_header X-authentik-username x; proxy_pass http://app;",
			remote + `} location /api { proxy_set_header X-authentik-uid x; proxy_set_header Remote-User ""; proxy_set_header Remote-Groups ""; proxy_set_header Remote-Name ""; proxy_set_header Remote-Email ""; proxy_pass http://app;`,
			"identity-passes /api"},
		{"identity-passes-not-to-fastcgi", "# beside", "location /api { proxy_pass http://app; }", "location /api { fastcgi_pass app; }", "identity-passes /api"},
		{"identity-passes-not-by-a-redirect", "# beside", "location /api { proxy_pass http://app; }", "location /api { return 301 /; }", "identity-passes /api"},

		{"fails-open-401", at, "error_page 401 =200 @app; } location @app { " + clear + " proxy_pass http://app;",
			"error_page 404 = @app; } location @app { " + clear + " proxy_pass http://app;", "fails-open /"},
		{"fails-open-500", at, "error_page 500 502 = @app; } location @app { proxy_pass http://app;",
			"error_page 500 502 /50x.html; } location = /50x.html { root /www;", "fails-open /"},
		{"fails-open-to-files", "proxy_pass http://app;", "error_page 403 = @files; } location @files { root /www;",
			"error_page 403 = @files; } location @files { root /www; try_files /403.html =403;", "fails-open /"},
		{"fails-open-unless-it-asks", at, "error_page 403 = @app; } location @app { " + clear + " proxy_pass http://app;",
			"error_page 403 = @app; } location @app { " + asks + " proxy_pass http://app;", "fails-open /"},
		{"fails-open-not-to-the-outpost", at, "error_page 403 = /b/start?$args; } location /b { " + clear + " proxy_pass http://app;",
			"error_page 403 = /outpost.goauthentik.io/start?rd=$request_uri; error_page 500 @nowhere;", "fails-open /"},
		{"fails-open-by-a-variable", at, "error_page 403 = /b$request_uri; } location /b { " + clear + " proxy_pass http://app;",
			"error_page 403 = /b; } location /b { " + clear + " proxy_pass http://app;", "fails-open /"},
		{"answers-before-return", at, "return 200 hello;", "return 404;", "answers-before-check /"},
		{"answers-before-if", at, `if ($arg_x) { return 204; }`, `if ($arg_x) { return 302 /; }`, "answers-before-check /"},
		{"answers-before-rewrite", at, "rewrite ^/old/(.*)$ /open/$1 last; } location /open { " + clear + " proxy_pass http://app;",
			"rewrite ^/old/(.*)$ /open/$1 break; } location /open { " + clear + " proxy_pass http://app;", "answers-before-check /"},
		{"answers-before-rewrite-to-protected", at, "rewrite ^ /open; } location /open { " + clear + " proxy_pass http://app;",
			"rewrite ^ /other; } location /open { " + clear + " proxy_pass http://app;", "answers-before-check /"},
		{"satisfy-any", at, "satisfy any; allow 10.0.0.0/8; deny all;", "satisfy any; deny all;", "satisfy-any /"},
		{"satisfy-any-basic", at, "satisfy any; auth_basic x;", "satisfy any; auth_basic off;", "satisfy-any /"},
		{"satisfy-any-above", "# http", "satisfy any; allow 10.0.0.0/8;", "satisfy all; allow 10.0.0.0/8;", "satisfy-any /"},
		{"switched-off", "# server", "auth_request /outpost.goauthentik.io/auth/nginx; location /b { auth_request off; " + clear + " proxy_pass http://app; }",
			"location /b { auth_request off; " + clear + " proxy_pass http://app; }", "check-switched-off /b"},
		{"intercepted-by-the-application", at, "proxy_intercept_errors on;", "proxy_intercept_errors off;", "application-errors-intercepted /"},
		{"intercepted-for-files", "# beside", "location /b { " + asks + " proxy_intercept_errors on; proxy_pass http://app; }",
			"location /b { " + asks + " proxy_intercept_errors on; root /www; }", "application-errors-intercepted /b"},
		{"answers-before-rewrite-to-files", at, "rewrite ^/old/(.*)$ /open/$1; } location /open { " + clear + " proxy_pass http://app;",
			"rewrite ^/old/(.*)$ /open/$1; } location /open { root /www;", "answers-before-check /"},
		{"answers-before-rewrite-to-the-outpost", at, "rewrite ^/x$ /open; } location /open { " + clear + " proxy_pass http://app;",
			"rewrite ^/x$ /outpost.goauthentik.io/sign_out; rewrite ^/y$ https://x.example.com/; } location /open { return 200 x;", "answers-before-check /"},
		{"no-sign-in", "# beside", "location /b { error_page 404 /404; " + "auth_request /outpost.goauthentik.io/auth/nginx; " + clear + " proxy_pass http://app; }",
			"location /b { error_page 404 /404; " + asks + " proxy_pass http://app; }", "no-sign-in /b"},
		{"cached", at, "proxy_cache zone;", "proxy_cache off;", "answers-cached /"},
		{"cached-above", "# http", "proxy_cache zone; proxy_cache_key $uri;", "proxy_cache zone; proxy_cache_key $uri$http_cookie;", "answers-cached /"},
		{"cached-by-person", at, "proxy_cache zone; proxy_cache_key $request_uri;", "proxy_cache zone; proxy_cache_key $request_uri$authentik_uid;", "answers-cached /"},
		{"cached-fastcgi", "proxy_pass http://app;", "fastcgi_pass app; fastcgi_cache zone;", "fastcgi_pass app; proxy_cache zone;", "answers-cached /"},

		{"underscores", "# http", "underscores_in_headers on;", "underscores_in_headers off;", "header-aliases"},
		{"invalid-headers", "# server", "ignore_invalid_headers off;", "ignore_invalid_headers on;", "header-aliases"},
		{"slashes", "# http", "merge_slashes off;", "merge_slashes on;", "slashes-kept"},

		{"not-internal", include, check("internal"), check(""), "check-not-internal = /outpost.goauthentik.io/auth/nginx"},
		{"body", include, check("request_body"), check(""), "check-passes-body = /outpost.goauthentik.io/auth/nginx"},
		{"length", include, check("Content-Length"), check(""), "check-passes-body = /outpost.goauthentik.io/auth/nginx"},
		{"length-passed", include, strings.Replace(check("Content-Length"), "# check", "proxy_set_header Content-Length $content_length;", 1), check(""), "check-passes-body = /outpost.goauthentik.io/auth/nginx"},
		{"asks-itself", include, strings.Replace(check(""), "# check", "auth_request /outpost.goauthentik.io/auth/nginx;", 1), check(""), "check-asks-itself = /outpost.goauthentik.io/auth/nginx"},
		{"no-url-but-a-line", include, strings.Replace(check("X-Original-URL"), "# check", `proxy_set_header X-Original-URL "";`, 1), check(""), "check-header-missing = /outpost.goauthentik.io/auth/nginx"},
		{"no-url", include, check("X-Original-URL"), check(""), "check-header-missing = /outpost.goauthentik.io/auth/nginx"},
		{"no-method", include, check("X-Original-Method"), check(""), "check-header-missing = /outpost.goauthentik.io/auth/nginx"},
		{"no-host", include, check("header Host"), check(""), "check-header-missing = /outpost.goauthentik.io/auth/nginx"},
		{"no-address", include, check("X-Forwarded-For"), check(""), "check-header-missing = /outpost.goauthentik.io/auth/nginx"},
		{"check-cached", include, check("") + "proxy_cache zone; proxy_cache_key $http_cookie;", check(""), "check-cached = /outpost.goauthentik.io/auth/nginx"},
		{"check-intercepted", include, strings.Replace(check(""), "# check", "proxy_intercept_errors on;", 1), check(""), "check-intercepted = /outpost.goauthentik.io/auth/nginx"},
		{"check-buffer", include, strings.Replace(check(""), "# check", "proxy_buffer_size 2k;", 1),
			strings.Replace(check(""), "# check", "proxy_buffer_size 4k;", 1), "check-buffer-small = /outpost.goauthentik.io/auth/nginx"},
		{"http3", include, strings.ReplaceAll(check(""), "$host$", "$http_host$") + "listen 443 quic;", strings.ReplaceAll(check(""), "$host$", "$http_host$"),
			"host-empty-on-http3 = /outpost.goauthentik.io/auth/nginx"},
		{"http3-ours", include, strings.ReplaceAll(check(""), "$host$", "$http_host$") + "listen 443 quic;", include + " listen 443 quic;",
			"host-empty-on-http3 = /outpost.goauthentik.io/auth/nginx"},
		{"asks-application", include, "", include, "check-asks-application /"},
		{"sign-in-needs-sign-in", include, "auth_request /outpost.goauthentik.io/auth/nginx; location /outpost.goauthentik.io { proxy_pass http://outpost; }" + check(""),
			"auth_request /outpost.goauthentik.io/auth/nginx; location /outpost.goauthentik.io { auth_request off; proxy_pass http://outpost; }" + check(""), "sign-in-needs-sign-in /outpost.goauthentik.io"},
		{"two-lines", at, "auth_request /other;", "", "check-asks-application /; two-outposts /"},
		{"two-uris", "# beside", "location /b { auth_request /authelia; error_page 401 /x; " + clear + " proxy_pass http://app; } location = /authelia { internal; return 403; }",
			"location /b { " + asks + " proxy_pass http://app; }", "two-outposts /b"},
		{"two-upstreams-or-none", include, check("") + "location /outpost.goauthentik.io/x/ { " + clear + " proxy_pass http://old:9000; }",
			"location = /outpost.goauthentik.io/auth/nginx { internal; return 401; } location @goauthentik_proxy_signin { return 302 /; } location /outpost.goauthentik.io/x/ { proxy_pass http://old:9000; }",
			"two-outposts /outpost.goauthentik.io/x/"},
		{"two-upstreams", include, check("") + "location /outpost.goauthentik.io { proxy_pass http://old:9000; }",
			check("") + "location /outpost.goauthentik.io { proxy_pass http://outpost; }", "identity-passes /outpost.goauthentik.io; two-outposts /outpost.goauthentik.io"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			find := func(text string) []string {
				if strings.Count(whole, test.old) != 1 {
					t.Fatalf("%q is %d times in the whole", test.old, strings.Count(whole, test.old))
				}
				root := tree(t, map[string]string{"nginx.conf": strings.Replace(whole, test.old, text, 1)})
				report := lint(t, root, nginx.Options{})
				if report.Unread != nil {
					t.Fatalf("could not read: %v", report.Unread)
				}
				return rules(report)
			}
			wrong, right := find(test.wrong), find(test.right)
			if got := strings.Join(wrong, "; "); got != test.want {
				t.Errorf("wrong: want %q, got %q", test.want, got)
			}
			if right != nil {
				t.Errorf("right: got %q all the same", right)
			}
		})
	}
}

func TestNoFindings(t *testing.T) {
	report := lint(t, tree(t, map[string]string{"nginx.conf": whole}), nginx.Options{})
	var got []string
	for _, row := range report.Rows {
		got = append(got, fmt.Sprintf("%s %s", row.Verdict, row.Location))
	}
	slices.Sort(got)
	want := []string{
		"outpost = /outpost.goauthentik.io/auth/nginx", "outpost @goauthentik_proxy_signin",
		"outpost ^~ /outpost.goauthentik.io", "outpost ^~ /outpost.goauthentik.io/auth/", "protected /",
	}
	if diff := cmp.Diff(want, got); diff != "" || report.Findings() != 0 {
		t.Errorf("%d findings, verdicts:\n%s", report.Findings(), diff)
	}
}

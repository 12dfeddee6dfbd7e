package nginx_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outpost/nginx"
)

// verdicts are those of a server with these locations, beside the outpost's own.
func verdicts(t *testing.T, locations string) (list []string) {
	t.Helper()
	conf := "server { listen 443 ssl; server_name app.example.com;\ninclude /config/nginx/authentik-server.conf;\n" + locations + "\n}\n"
	root := tree(t, map[string]string{"app.conf": conf})
	report := lint(t, filepath.Join(root, "app.conf"), nginx.Options{})
	if report.Unread != nil {
		t.Fatalf("could not read: %v", report.Unread)
	}
	for _, row := range report.Rows {
		if strings.HasSuffix(row.File, "app.conf") && (row.Rule == "" || row.Rule == nginx.OpenByAccident) {
			list = append(list, fmt.Sprintf("%s %s", row.Location, row.Verdict))
		}
	}
	slices.Sort(list)
	return list
}

func TestVerdicts(t *testing.T) {
	const asks = "include /config/nginx/authentik-location.conf;"
	tests := []struct {
		name, conf string
		want       []string
	}{
		{"by-include", "location / {" + asks + "}", []string{"/ protected"}},
		{"by-inheritance", asks + " location / { location /a {} }", []string{"/ protected", "/a protected"}},
		{"nothing", "location / { proxy_pass http://app; }", []string{"/ open"}},
		{"off", asks + " location / { auth_request off; }", []string{"/ open"}},
		{"off-above", "auth_request off; location / {} location /b {" + asks + "}", []string{"/ open", "/b protected"}},
		{"comment", "location / {\n#" + asks + "\n}", []string{"/ open"}},
		{"denied", "location / { deny all; }", []string{"/ protected"}},
		{"allowed-first", "location / { allow all; deny all; }", []string{"/ open"}},
		{"denied-first", "location / { deny all; allow all; }", []string{"/ protected"}},
		{"denied-but-asked", "location / { satisfy any; deny all; " + asks + "}", []string{"/ protected"}},
		{"any-other-address", "location / { satisfy any; deny 10.0.0.0/8; allow all; " + asks + "}", []string{"/ open"}},
		{"any-of-some", "location / { satisfy any; allow 10.0.0.0/8; " + asks + "}", []string{"/ protected"}},
		{"allowed-some", "location / { allow 10.0.0.0/8; }", []string{"/ open"}},
		{"denied-last", "location / { allow 10.0.0.0/8; deny all; }", []string{"/ protected"}},
		{"some-denied", "location / { deny 10.0.0.0/8; allow all; }", []string{"/ open"}},
		{"password", "location / { auth_basic x; location /a { auth_basic off; } }", []string{"/ protected", "/a open"}},
		{"certificate", "ssl_verify_client on; location / {}", []string{"/ protected"}},
		{"certificate-not-needed", "ssl_verify_client optional; location / {}", []string{"/ open"}},
		{"any-address", "location / { satisfy any; allow all; " + asks + "}", []string{"/ open"}},
		{"return", "location / { return 404; } location /b { return 301 /c; } location /c { return 200 x; }", []string{"/ protected", "/b open", "/c open"}},
		{"return-before-the-check", "location / { " + asks + " return 200 x; }", []string{"/ open"}},
		{"return-of-the-server", "return 301 https://x; location / { " + asks + " }", []string{"/ open"}},
		{"internal", "location / { internal; }", []string{"/ protected"}},
		{"named-by-open", "location / { try_files $uri @app; } location @app { proxy_pass http://app; }", []string{"/ open", "@app open"}},
		{"named-by-protected", "location / { " + asks + " try_files $uri @app; } location @app { proxy_pass http://app; }", []string{"/ protected", "@app protected"}},
		{"named-by-refusal", "location / { error_page 403 = @app; auth_request /outpost.goauthentik.io/auth/nginx; } location @app { proxy_pass http://app; }", []string{"/ protected", "@app open"}},
		{"named-by-accident", "location / {" + asks + "} location ~ /api { try_files $uri @app; } location @app { proxy_pass http://app; }", []string{"/ protected", "@app open", "~ /api accidental"}},
		{"named-by-nobody", "location / { try_files $uri @app; } location @app {} location @other {}", []string{"/ open", "@app open", "@other protected"}},
		{"named-by-each-other", "location @a { error_page 404 @b; } location @b { error_page 404 @a; }", []string{"@a protected", "@b protected"}},
		{"sign-in-of-another-name", "location / { error_page 401 = @in; auth_request /outpost.goauthentik.io/auth/nginx; } location @in { return 302 https://id.example.com/; }", []string{"/ protected", "@in outpost"}},
		{"below-the-outpost", "location / {" + asks + "} location /outpost.goauthentik.io/x { proxy_pass http://elsewhere; }", []string{"/ protected", "/outpost.goauthentik.io/x open"}},
		{"beside-the-outpost", "location / {" + asks + "} location /outpost.goauthentik.iox { proxy_pass http://outpost:9000; }", []string{"/ protected", "/outpost.goauthentik.iox open"}},
		{"accidental", "location / {" + asks + "} location ~ /api { }", []string{"/ protected", "~ /api accidental"}},
		{"not-accidental-next-to-open", "location / {} location ~ /api { }", []string{"/ open", "~ /api open"}},
		{"not-accidental-if-protected", "location / {" + asks + "} location ~ /api {" + asks + "}", []string{"/ protected", "~ /api protected"}},
		{"accidental-below-a-protected-prefix", "location / {} location /admin {" + asks + "} location ~ /api { }", []string{"/ open", "/admin protected", "~ /api accidental"}},
		{"not-accidental-behind-a-caret", "location / {} location ^~ /admin {" + asks + "} location ~ /api { }", []string{"/ open", "^~ /admin protected", "~ /api open"}},
		{"not-known-to-be-accidental", "location / {" + asks + "} location ~ ^/a(?!b) {" + asks + "} location ~ /api { }", []string{"/ protected", "~ /api open", "~ ^/a(?!b) protected"}},
		{"not-accidental-after-another", "location / {" + asks + "} location ~ ^/ {" + asks + "} location ~ /api { }", []string{"/ protected", "~ /api open", "~ ^/ protected"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			slices.Sort(test.want)
			if diff := cmp.Diff(test.want, verdicts(t, test.conf)); diff != "" {
				t.Errorf("%s:\n%s", test.conf, diff)
			}
		})
	}
}

// A check without a location of its own is put to the application, and its
// start page is a yes.
func TestCheckWithoutLocation(t *testing.T) {
	const protected = "location /app { include /config/nginx/authentik-location.conf; proxy_pass http://app; }"
	tests := []struct{ name, conf, verdict, rule string }{
		{"application", "location / { proxy_pass http://app; }", "accidental", "check-asks-application"},
		{"start-page", "location / { try_files $uri /index.html; }", "accidental", "check-asks-application"},
		{"files", "location / { root /www; }", "protected", "check-has-no-location"},
		{"nothing", "", "protected", "check-has-no-location"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := tree(t, map[string]string{"app.conf": "server { " + test.conf + protected + " }"})
			report := lint(t, filepath.Join(root, "app.conf"), nginx.Options{})
			got := map[string]string{}
			for _, row := range report.Rows {
				if row.Location == "/app" && strings.HasPrefix(row.Rule, "check") {
					got[row.Rule] = string(row.Verdict)
				}
			}
			if diff := cmp.Diff(map[string]string{test.rule: test.verdict}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

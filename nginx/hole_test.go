package nginx

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is said to be a hole is one: a real nginx whose outpost refuses
// everybody hands the application out at that URL, and nowhere that is said to
// be protected.
func TestHolesAreOpen(t *testing.T) {
	const app = " proxy_pass http://unix:DIR/app; "
	const asks = " auth_request /outpost.goauthentik.io/auth/nginx; "
	const check = "location = /outpost.goauthentik.io/auth/nginx { internal; proxy_pass http://unix:DIR/refuse; }\n"
	tests := []struct{ name, conf string }{
		{"unanchored", check + "location / {" + asks + app + "} location ~ (/sonarr)?/api {" + app + "}"},
		{"three", check + "location / {" + asks + app + "} location ~ (/t)?/api {" + app + "} location ~ (/t)?/newsletter {" + app + "} location ~* IMAGE {" + app + "}"},
		{"alternative", check + "location / {" + asks + app + "} location ~ ^/a|b$ {" + app + "}"},
		{"ending", check + asks + "location / {" + app + `} location ~ \.(png|css)$ { auth_request off;` + app + "}"},
		{"everything", check + "location / {" + asks + app + "} location ~ . {" + app + "}"},
		{"over-a-prefix", check + "location /admin {" + asks + app + "} location / {" + app + "} location ~ /a.min {" + app + "}"},
		{"nested", check + "location / {" + asks + app + " location ^~ /admin {" + app + "} } location ~ x/api {" + app + "}"},
		{"no-check", "location / {" + asks + app + "}"},
		{"start-page", "location /app {" + asks + app + "} location / { root DIR/www; try_files $uri /index.html; }"},
		{"named", check + "location / {" + asks + " error_page 401 =200 @app; " + app + "} location @app {" + app + "} location /b/ {" + asks + app + "}"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			conf := "server { listen unix:DIR/s; server_name app.example.com;\n" + test.conf + "}\n"
			file := filepath.Join(dir, "app.conf")
			if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
				t.Fatal(err)
			}
			report, err := Lint(file, Options{})
			if err != nil || report.Unread != nil {
				t.Fatal(err, report.Unread)
			}
			nginx := startNginx(t, conf+`server { listen unix:DIR/app; location / { return 200 application; } }
				server { listen unix:DIR/refuse; location / { return 401; } }`)
			nginx.write(t, "www/index.html", "start page")
			client := nginx.client("s")
			server, holes := oneServer(t, conf), 0
			for _, row := range report.Rows {
				address := row.URL
				if row.Rule == "fails-open" {
					address = "http://app.example.com/anything"
				} else if row.Verdict == Protected && row.Rule == "" && strings.HasPrefix(row.Location, "/") && test.name != "named" &&
					spelledChoice(server.choose(row.Location, nil)) == row.Location {
					address = "http://app.example.com" + row.Location
				}
				if address == "" {
					continue
				}
				got := fetch(t, client, address)
				open := row.Verdict != Protected || row.Rule == "fails-open"
				if open != (got == "application" || got == "start page") {
					t.Errorf("%s is said to be %s %s: got %q", address, row.Verdict, row.Rule, got)
				}
				if open {
					holes++
				}
			}
			if holes == 0 {
				t.Errorf("no hole was found: %+v", report.Rows)
			}
		})
	}
}

func fetch(t *testing.T, client *http.Client, address string) string {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, parsed.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

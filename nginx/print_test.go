package nginx_test

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outpost/headers"
	"outpost/nginx"
)

// printSite has an application of each sort.
func printSite(t *testing.T) nginx.Site {
	t.Helper()
	app := func(name, external, domain string, c headers.MappingConfig) nginx.Application {
		u, err := url.Parse(external)
		if err != nil {
			t.Fatal(err)
		}
		m, err := headers.NewMapping(c)
		if err != nil {
			t.Fatal(err)
		}
		return nginx.Application{Name: name, ExternalURL: u, CookieDomain: domain, Headers: m.Names(), Unnamed: c.AKProxy}
	}
	return nginx.Site{Applications: []nginx.Application{
		app("home", "https://outpost.example.com", "example.com", headers.MappingConfig{}),
		app("grafana", "https://grafana.example.org", "", headers.MappingConfig{
			Presets: []string{"authentik", "webauth"}, Headers: []headers.Header{{Name: "X-Role", Value: "{groups}"}}, JWT: true, Meta: &headers.Meta{},
		}),
		app("tautulli", "https://www.example.org/tautulli", "", headers.MappingConfig{Presets: []string{}, Basic: &headers.Basic{Username: "a", Password: "b"}}),
		app("sonarr", "https://www.example.org/sonarr", "", headers.MappingConfig{Presets: []string{"remote-user"}, AKProxy: true}),
	}}
}

// printed are the files for a kind, by name, below a folder of their own.
func printed(t *testing.T, kind string, s nginx.Site) (string, map[string]string) {
	t.Helper()
	files, err := nginx.Print(kind, s)
	if err != nil {
		t.Fatal(err)
	}
	dir, texts := t.TempDir(), map[string]string{}
	for _, f := range files {
		if _, twice := texts[f.Name]; twice || f.Use == "" {
			t.Errorf("%s: there is another of this name, or it says not where it goes", f.Name)
		}
		texts[f.Name] = f.Text
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f.Text), 0o600); err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`^## Version 20\d\d/\d\d/\d\d\n`).MatchString(f.Text) {
			t.Errorf("%s does not begin with its version", f.Name)
		}
	}
	return dir, texts
}

// Each application's include hands on what the application is sent, all of it,
// takes away what else of authentik's a client might send, and says so to the check.
func TestPrintedHeaders(t *testing.T) {
	s := printSite(t)
	for _, kind := range []string{nginx.SWAG, nginx.Plain, nginx.Manager} {
		_, texts := printed(t, kind, s)
		for _, a := range s.Applications {
			t.Run(kind+"-"+a.Name, func(t *testing.T) {
				name := "outpost-app-" + a.Name + ".conf"
				text, stamped := texts[name], true
				switch {
				case kind == nginx.Manager && a.Name == "home":
					name = "npm-home-application.conf"
					text = block(t, texts[name], "location /")
				case kind == nginx.Manager:
					name = "npm-" + a.ExternalURL.Hostname() + ".conf"
					location := "location /"
					if a.ExternalURL.Path != "" {
						location = "location ^~ " + a.ExternalURL.Path + "/"
					}
					text = block(t, texts[name], location)
				case kind == nginx.SWAG:
					stamped = text != ""
					text += texts["authentik-location.conf"]
				}
				told := takes(t, name, regexp.MustCompile(`(?m)^\s*#.*$`).ReplaceAllString(text, ""))
				for _, header := range a.Headers {
					if !slices.Contains(told, header) {
						t.Errorf("%s is not handed on", header)
					}
				}
				for _, header := range told {
					if !slices.Contains(a.Headers, header) && !headers.Standard(header) {
						t.Errorf("%s is handed on, and it is none of the application's", header)
					}
				}
				if got := setHeaders(text); got["X-Authentik-Jwt"] == "" || got["X-Authentik-Meta-App"] == "" {
					t.Error("a client's own X-authentik-jwt arrives")
				}
				line := `set $outpost_headers "; headers=` + headers.Digest(a.Headers) + `";`
				if stamped != strings.Contains(text, line) {
					t.Errorf("has not the line %s", line)
				}
			})
		}
	}
}

// Whoever is sent more than authentik's headers in SWAG gets an include, the others
// need none.
func TestPrintedForSWAG(t *testing.T) {
	_, texts := printed(t, nginx.SWAG, printSite(t))
	var names []string
	for name := range texts {
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{
		"authentik-location.conf", "authentik-server.conf", "outpost-app-grafana.conf", "outpost-app-sonarr.conf", "outpost-app-tautulli.conf",
		"outpost-clear.conf", "proxy-confs/outpost.subdomain.conf",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(texts["proxy-confs/outpost.subdomain.conf"], "server_name outpost.example.com;") {
		t.Error("the sign-in host is not that of the file")
	}
	if !strings.Contains(texts["outpost-app-sonarr.conf"], "additionalHeaders") {
		t.Error("nothing is said of the headers that only authentik knows")
	}
}

// An open location loses what some application believes, and keeps Authorization.
func TestPrintedClear(t *testing.T) {
	s := printSite(t)
	for _, kind := range []string{nginx.SWAG, nginx.Plain} {
		_, texts := printed(t, kind, s)
		cleared := setHeaders(texts["outpost-clear.conf"])
		for _, a := range s.Applications {
			for _, name := range a.Headers {
				if got, there := cleared[name], name != "Authorization"; there && got != `""` || !there && got != "" {
					t.Errorf("%s: %s is %q", kind, name, got)
				}
			}
		}
	}
}

// The check and the pages are those of the shipped files, and both say of when.
func TestPrintedServer(t *testing.T) {
	s := printSite(t)
	for kind, name := range map[string]string{nginx.SWAG: "authentik-server.conf", nginx.Plain: "outpost-server.conf", nginx.Manager: "npm-grafana.example.org.conf"} {
		_, texts := printed(t, kind, s)
		check := setHeaders(block(t, texts[name], "location = /outpost.goauthentik.io/auth/nginx"))
		pages := setHeaders(block(t, texts[name], "location ^~ /outpost.goauthentik.io"))
		for _, set := range []map[string]string{check, pages} {
			if got := set[headers.StampName]; got != nginx.Needed+"$outpost_headers" {
				t.Errorf("%s: the stamp is %q", name, got)
			}
		}
		for _, header := range headers.RequestNames {
			if check[header] == "" || strings.Contains(check[header], "$http_") {
				t.Errorf("%s: %s is %q", name, header, check[header])
			}
		}
	}
}

func TestPrintedOutpost(t *testing.T) {
	s := printSite(t)
	tests := []struct{ name, kind, at, file, want string }{
		{"swag", nginx.SWAG, "gate:9001", "authentik-server.conf", "set $upstream_outpost gate:9001;"},
		{"swag-usual", nginx.SWAG, "", "authentik-server.conf", "set $upstream_outpost outpost:9000;"},
		{"nginx", nginx.Plain, "10.0.0.3:9000", "outpost-http.conf", "server 10.0.0.3:9000 max_fails=0;"},
		{"nginx-socket", nginx.Plain, "unix:/run/outpost.sock", "outpost-http.conf", "server unix:/run/outpost.sock max_fails=0;"},
		{"npm", nginx.Manager, "gate:9001", "npm-grafana.example.org.conf", "set $upstream_outpost gate:9001;"},
		{"ingress", nginx.Ingress, "gate.sso.svc:9001", "ingress-grafana.yaml", "auth-url: http://gate.sso.svc:9001/outpost.goauthentik.io/auth/authelia\n"},
		{"ingress-service", nginx.Ingress, "gate.sso.svc:9001", "ingress-grafana.yaml", "name: outpost-pages-grafana\n  namespace: sso\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.Outpost = tt.at
			_, texts := printed(t, tt.kind, s)
			if !strings.Contains(texts[tt.file], tt.want) {
				t.Errorf("%s has no %q", tt.file, tt.want)
			}
		})
	}
	s.Outpost = "unix:/run/outpost.sock"
	for _, kind := range []string{nginx.SWAG, nginx.Manager, nginx.Ingress, "apache"} {
		if _, err := nginx.Print(kind, s); err == nil {
			t.Errorf("%s is printed for %s", kind, s.Outpost)
		}
	}
}

// What lint says of our own files, with an application in them: nothing.
func TestLintPrinted(t *testing.T) {
	s := printSite(t)
	around := map[string]string{
		nginx.SWAG: `http {
	server {
		listen 443 ssl;
		server_name grafana.example.org;
		include /config/nginx/authentik-server.conf;
		location / { include /config/nginx/outpost-app-grafana.conf; proxy_pass http://grafana:3000; }
		location /api/health { include /config/nginx/outpost-clear.conf; proxy_pass http://grafana:3000; }
	}
	server {
		listen 443 ssl;
		server_name www.example.org;
		include /config/nginx/authentik-server.conf;
		location ^~ /tautulli/ { include /config/nginx/outpost-app-tautulli.conf; proxy_pass http://tautulli:8181; }
		location ^~ /sonarr/ { include /config/nginx/outpost-app-sonarr.conf; proxy_pass http://sonarr:8989; }
	}
	include /config/nginx/proxy-confs/*.conf;
}
`,
		nginx.Plain: "http {\n include outpost-http.conf;\n include outpost-site-*.conf;\n}\n",
		nginx.Manager: `http {
	server { server_name grafana.example.org; set $forward_scheme http; set $server grafana; set $port 3000; include npm-grafana.example.org.conf; }
	server { server_name www.example.org; set $forward_scheme http; set $server www; set $port 80; include npm-www.example.org.conf; }
	server { server_name app.example.com; set $forward_scheme http; set $server app; set $port 80; include npm-home-application.conf; }
	server { server_name outpost.example.com; set $forward_scheme http; set $server app; set $port 80; include npm-outpost.example.com.conf; }
}
`,
	}
	for kind, conf := range around {
		t.Run(kind, func(t *testing.T) {
			dir, _ := printed(t, kind, s)
			for name, text := range map[string]string{"nginx.conf": conf, "resolver.conf": "", "ssl.conf": ""} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			report := lint(t, dir, nginx.Options{})
			if report.Unread != nil || report.Findings() > 0 {
				t.Errorf("could not read %v; findings %q", report.Unread, rules(report))
			}
			protected := 0
			for _, row := range report.Rows {
				if row.Verdict == nginx.Protected {
					protected++
				}
			}
			if protected < 3 {
				t.Errorf("%d locations are protected, so this test saw nothing: %+v", protected, report.Rows)
			}
		})
	}
}

// A file that was printed by an older program.
func TestLintStalePrinted(t *testing.T) {
	dir, texts := printed(t, nginx.Plain, printSite(t))
	old := strings.Replace(texts["outpost-app-grafana.conf"], nginx.Needed, "2026/11/02", 1)
	if err := os.WriteFile(filepath.Join(dir, "outpost-app-grafana.conf"), []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	report := lint(t, filepath.Join(dir, "outpost-site-grafana.example.org.conf"), nginx.Options{})
	if got := rules(report); len(got) != 1 || !strings.HasPrefix(got[0], "stale-file") {
		t.Errorf("findings: %q", got)
	}
}

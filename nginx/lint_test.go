package nginx_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outpost/nginx"
)

// Our own files, each by itself, and our example: no finding, and everything
// could be read.
func TestOwnFiles(t *testing.T) {
	root := tree(t, map[string]string{})
	ours, err := fs.Glob(nginx.Files, "*.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range ours {
		report := lint(t, filepath.Join(root, name), nginx.Options{Root: root})
		if report.Unread != nil || report.Findings() > 0 {
			t.Errorf("%s: could not read %v, findings %q", name, report.Unread, rules(report))
		}
	}
	report := lint(t, filepath.Join(root, "example.nginx.conf"), nginx.Options{Root: root})
	if len(report.Rows) != 5 {
		t.Errorf("example.nginx.conf: %d locations, want 5: %+v", len(report.Rows), report.Rows)
	}
	if report := lint(t, root, nginx.Options{}); report.Findings() > 0 || len(report.Rows) == 0 {
		t.Errorf("the folder: %d rows, findings %q", len(report.Rows), rules(report))
	}
}

// What cannot be read is told with its place, and nothing around it counts as
// protected.
func TestUnread(t *testing.T) {
	const asks = "include /config/nginx/authentik-location.conf;"
	const check = "include /config/nginx/authentik-server.conf;"
	tests := []struct {
		name, conf string
		files      map[string]string
		unread     string
		protected  int
	}{
		{"syntax", "server { location / {" + asks + "} ", nil, "app.conf:1: unexpected end of file", 0},
		{"missing", "server {\n include /config/nginx/none.conf; " + check + " location / {" + asks + "} }", nil, "app.conf:2: include /config/nginx/none.conf: no such file", 0},
		{"missing-relative", "server { include none.conf; location / {" + asks + "} }", nil, "app.conf:1: include none.conf: no such file", 0},
		{"missing-elsewhere", "server { include /srv/none.conf; location / {" + asks + "} }", nil, "app.conf:1: include /srv/none.conf: it is not in this tree", 0},
		{"broken-include", "server {" + check + " location / {" + asks + " include more.conf; } location /b {" + asks + "} }",
			map[string]string{"more.conf": "\nauth_request off"}, "more.conf:2: unexpected end of file", 1},
		{"broken-check", "server {" + check + " location / {" + asks + "} }",
			map[string]string{"authentik-location.conf": "auth_request /outpost.goauthentik.io/auth/nginx"}, "authentik-location.conf:1: unexpected end of file", 0},
		{"loop", "server { include app.conf; }", nil, "app.conf:1: include app.conf: files include each other", 0},
		{"tables", "server { include /etc/nginx/mime.types; include fastcgi_params; include none/*.conf; " + check + " location / {" + asks + "} }",
			map[string]string{"fastcgi_params": ""}, "", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			files := map[string]string{"app.conf": test.conf}
			for name, text := range test.files {
				files[name] = text
			}
			root := tree(t, files)
			report := lint(t, filepath.Join(root, "app.conf"), nginx.Options{})
			protected := 0
			for _, row := range report.Rows {
				if row.Verdict == nginx.Protected && row.Rule == "" {
					protected++
				}
			}
			said := ""
			if len(report.Unread) > 0 {
				said = strings.TrimPrefix(report.Unread[0].String(), root+"/")
			}
			if len(report.Unread) > 1 || !strings.HasPrefix(said, test.unread) || (said == "") != (test.unread == "") || protected != test.protected {
				t.Errorf("got %v and %d protected, want %q and %d", report.Unread, protected, test.unread, test.protected)
			}
		})
	}
}

func TestNothingToRead(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "none"), t.TempDir()} {
		if report, err := nginx.Lint(name, nginx.Options{}); err == nil || report.Rows != nil {
			t.Errorf("%s: got %v, %v", name, report, err)
		}
	}
}

// Files are looked for as nginx does, with the given folder for /config/nginx.
func TestIncludes(t *testing.T) {
	root := tree(t, map[string]string{
		"nginx.conf":              "http { include /config/nginx/site-confs/*.conf; }",
		"site-confs/b.conf":       "server { server_name b; include proxy-confs/*.subfolder.conf; }",
		"site-confs/a.conf":       "server { server_name a; location / {} }",
		"site-confs/c.conf.saved": "server { server_name c; location / {} }",
		"proxy-confs/x.subfolder.conf": "location /x {\n" +
			"include proxy.conf;\n}",
		"proxy.conf": "proxy_pass http://x;",
	})
	var got []string
	for _, row := range lint(t, root, nginx.Options{}).Rows {
		got = append(got, fmt.Sprintf("%s:%d %s %s", strings.TrimPrefix(row.File, root+"/"), row.Line, row.Server, row.Location))
	}
	want := []string{"proxy-confs/x.subfolder.conf:1 b /x", "site-confs/a.conf:1 a /"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	alone := lint(t, filepath.Join(root, "proxy-confs/x.subfolder.conf"), nginx.Options{})
	if len(alone.Rows) != 1 || alone.Unread != nil || alone.Rows[0].Server != "" {
		t.Errorf("a part of a server by itself: %+v", alone)
	}
}

// The output of nginx -T says the same as the tree.
func TestDump(t *testing.T) {
	const conf = "http { include /config/nginx/site-confs/*.conf; }\n"
	const site = "server {\n server_name a;\n location / { include more.conf; }\n}\n"
	text := "nginx: the configuration file /config/nginx/nginx.conf syntax is ok\n" +
		"# configuration file /config/nginx/nginx.conf:\n" + conf +
		"\n# configuration file /config/nginx/site-confs/a.conf:\n" + site +
		"\n# configuration file /config/nginx/more.conf:\nauth_basic x;\n"
	root := tree(t, map[string]string{"nginx.conf": conf, "site-confs/a.conf": site, "more.conf": "auth_basic x;", "dump.txt": text})
	folder, dump := lint(t, root, nginx.Options{}), lint(t, filepath.Join(root, "dump.txt"), nginx.Options{})
	for i := range folder.Rows {
		folder.Rows[i].File = "/config/nginx" + strings.TrimPrefix(folder.Rows[i].File, root)
	}
	if diff := cmp.Diff(folder, dump); diff != "" || len(dump.Rows) != 1 || dump.Rows[0].Verdict != nginx.Protected {
		t.Errorf("%+v\n%s", dump, diff)
	}
	missing := strings.Replace(text, "more.conf:\n", "less.conf:\n", 1)
	if err := os.WriteFile(filepath.Join(root, "dump.txt"), []byte(missing), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := lint(t, filepath.Join(root, "dump.txt"), nginx.Options{}); len(got.Unread) != 1 || got.Rows[0].Verdict != nginx.Open {
		t.Errorf("a file is missing: %+v", got)
	}
}

func TestStaleFile(t *testing.T) {
	ours, err := fs.ReadFile(nginx.Files, "authentik-location.conf")
	if err != nil {
		t.Fatal(err)
	}
	date := regexp.MustCompile(`^## Version \S+`)
	tests := []struct {
		name, first string
		stale       bool
	}{
		{"older", "## Version 2026/11/01", true},
		{"before-there-were-any", "## Version 2023/02/01 ", false},
		{"newer", "## Version 2099/01/01", false},
		{"of-another", "## Version 2026/11/01 - Changelog: https://example.com", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := tree(t, map[string]string{"nginx.conf": whole, "authentik-location.conf": date.ReplaceAllString(string(ours), test.first)})
			if got := slices.Contains(rules(lint(t, root, nginx.Options{})), "stale-file"); got != test.stale {
				t.Errorf("got %v", got)
			}
		})
	}
}

// The rows are an interface: these names, and no null.
func TestRowAsJSON(t *testing.T) {
	got, err := json.Marshal(nginx.Row{File: "f", Line: 1, Server: "s", Location: "/", Verdict: nginx.Open, Rule: "r", Finding: "x", URL: "u"})
	want := `{"file":"f","line":1,"server":"s","location":"/","verdict":"open","rule":"r","finding":"x","url":"u"}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
	if got := lint(t, filepath.Join(tree(t, nil), "resolver.conf"), nginx.Options{}); got.Rows == nil || len(got.Rows) != 0 {
		t.Errorf("no rows: %#v", got.Rows)
	}
}

// The page has a row for each finding that the code has, and no other.
func TestDocumentedFindings(t *testing.T) {
	page, err := os.ReadFile("../docs/lint.md")
	if err != nil {
		t.Fatal(err)
	}
	_, findings, _ := strings.Cut(string(page), "\n## Findings\n")
	findings, _, _ = strings.Cut(findings, "\n## ")
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)`").FindAllStringSubmatch(findings, -1) {
		documented[row[1]] = true
	}
	coded := map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`(?:report\(|Rule: |OpenByAccident = )"([a-z0-9-]+)"`).FindAllStringSubmatch(string(text), -1) {
			coded[name[1]] = true
		}
	}
	if diff := cmp.Diff(coded, documented); diff != "" || len(coded) < 20 {
		t.Errorf("in the code, in docs/lint.md:\n%s", diff)
	}
}

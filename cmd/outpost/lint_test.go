package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outpost/nginx"
)

func TestLint(t *testing.T) {
	const server = "server {\n server_name app.*;\n location = /outpost.goauthentik.io/auth/nginx { internal; return 401; }\n"
	const protected = " location / { auth_request /outpost.goauthentik.io/auth/nginx; }\n"
	tests := []struct {
		name, conf string
		flags      []string
		status     int
		stdout     string // all of it, FILE for the file's name
		stderr     string // how it begins
	}{
		{"clean", server + protected + "}", nil, 0, `FILE
     3  outpost     app.*  = /outpost.goauthentik.io/auth/nginx
     4  protected   app.*  /

locations: 2 (1 protected, 0 open, 0 accidental, 1 outpost); findings: 0; files with findings: 0.
`, ""},
		{"finding", server + protected + " location ~ /api$ {}\n}", nil, 1, `FILE
     3  outpost     app.*  = /outpost.goauthentik.io/auth/nginx
     4  protected   app.*  /
     5  accidental  app.*  ~ /api$  http://app.example.com/settings/users/api is served without a check, since the pattern matches anywhere in a URL: anchor it, location ~ ^/api$  [open-by-accident]

locations: 3 (1 protected, 0 open, 1 accidental, 1 outpost); findings: 1; files with findings: 1.
`, ""},
		{"several-servers", server + protected + "}\n" + strings.ReplaceAll(server, "\n", " ") + "}", nil, 0, `FILE
     3  outpost     app.*  = /outpost.goauthentik.io/auth/nginx
     4  protected   app.*  /
     6  outpost     app.*  = /outpost.goauthentik.io/auth/nginx

locations: 3 (1 protected, 0 open, 0 accidental, 2 outpost); findings: 0; files with findings: 0.
`, ""},
		{"unread", server + " include none.conf;\n}", nil, 2, `FILE
     3  outpost     app.*  = /outpost.goauthentik.io/auth/nginx

locations: 1 (0 protected, 0 open, 0 accidental, 1 outpost); findings: 0; files with findings: 0.
NOT KNOWN: 1 more, named on standard error, could not be read. Nothing around them counts as protected.
`, "outpost: could not read: FILE:4: include none.conf: no such file or directory\n"},
		{"broken", "server {", nil, 2, `locations: 0 (0 protected, 0 open, 0 accidental, 0 outpost); findings: 0; files with findings: 0.
NOT KNOWN: 1 more, named on standard error, could not be read. Nothing around them counts as protected.
`, `outpost: could not read: FILE:1: unexpected end of file, expecting "}"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "app.conf")
			if err := os.WriteFile(file, []byte(test.conf), 0o600); err != nil {
				t.Fatal(err)
			}
			got := command(t, nil, append([]string{"lint", file}, test.flags...)...)
			if diff := cmp.Diff(strings.ReplaceAll(test.stdout, "FILE", file), got.stdout); diff != "" {
				t.Error(diff)
			}
			if got.status != test.status || !strings.HasPrefix(got.stderr, strings.ReplaceAll(test.stderr, "FILE", file)) || (got.stderr == "") != (test.stderr == "") {
				t.Errorf("status %d, said %q", got.status, got.stderr)
			}
			printed := command(t, nil, "lint", "--json", file)
			var rows []nginx.Row
			if err := json.Unmarshal([]byte(printed.stdout), &rows); err != nil || rows == nil || printed.status != test.status {
				t.Errorf("--json: %v, status %d: %s", err, printed.status, printed.stdout)
			}
		})
	}
}

func TestLintOnTheCommandLine(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "proxy-confs"), 0o700); err != nil {
		t.Fatal(err)
	}
	sample := filepath.Join(root, "proxy-confs/app.subfolder.conf.sample")
	if err := os.WriteFile(sample, []byte("location /app {\n#include /config/nginx/authentik-location.conf;\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "authentik-location.conf"), []byte("auth_request /x;"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		args   []string
		status int
		says   string
	}{
		{"no-name", []string{"lint"}, 2, "lint: name a folder such as /config/nginx"},
		{"two-names", []string{"lint", root, root}, 2, "unexpected argument"},
		{"no-file", []string{"lint", filepath.Join(root, "none")}, 2, "none: no such file"},
		{"no-confs", []string{"lint", filepath.Join(root, "proxy-confs")}, 2, "no nginx.conf and no *.conf in it"},
		{"samples", []string{"lint", "--samples", root}, 0, "     1  protected   /app\n"},
		{"sample", []string{"lint", sample}, 0, "     1  protected   /app\n"},
		{"root", []string{"lint", "--root", filepath.Join(root, "proxy-confs"), sample}, 2, "could not read: " + sample + ":2: include /config/nginx/authentik-location.conf"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := command(t, nil, test.args...)
			if got.status != test.status || !strings.Contains(got.stdout+got.stderr, test.says) {
				t.Errorf("got %+v, want status %d and %q", got, test.status, test.says)
			}
		})
	}
}

package main

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outpost/headers"
)

const withOwnHeaders = `provider: { issuer: https://auth.example.com/, client_id: x, client_secret: s3cr3t-of-x }
listen: :9001
applications:
  - name: home
    mode: domain
    external_url: https://outpost.example.com
    cookie_domain: example.com
  - name: grafana
    mode: single
    external_url: https://grafana.example.org
    headers: { presets: [webauth], set: { X-Role: "{groups}" } }
    basic_auth: { username: admin, password: s3cr3t-of-the-application }
`

// printIncludes runs outpost nginx over withOwnHeaders.
func printIncludes(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(withOwnHeaders), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, err bytes.Buffer
	status = run(context.Background(), program{append([]string{"nginx", "-config", file}, args...), lookup(nil), &out, &err, noNames})
	return status, out.String(), err.String()
}

func TestNginx(t *testing.T) {
	digest := headers.Digest([]string{"X-Role", "X-WEBAUTH-USER", "X-WEBAUTH-NAME", "X-WEBAUTH-EMAIL", "X-WEBAUTH-GROUPS", "Authorization"})
	tests := []struct {
		name, args string
		status     int
		stdout     []string
		not        string
		stderr     string
	}{
		{"swag", "", 0, []string{
			"# configuration file authentik-server.conf:\n## Version", "set $upstream_outpost outpost:9001;", "# configuration file outpost-app-grafana.conf:\n",
			digest, "proxy_set_header Authorization $outpost_authorization;", "server_name outpost.example.com;",
		}, "outpost-app-home", "outpost-app-grafana.conf: in the locations of https://grafana.example.org"},
		{"nginx", "--for nginx", 0, []string{"server 127.0.0.1:9001 ", "outpost-app-home.conf", "outpost-site-grafana.example.org.conf"}, "", "outpost-http.conf: in the http block"},
		{"npm", "--for npm", 0, []string{"set $upstream_outpost outpost:9001;", "# configuration file npm-grafana.example.org.conf:"}, "", "Advanced tab"},
		{"ingress", "--for ingress", 0, []string{"http://outpost.auth.svc.cluster.local:9001/"}, "", "front_ends has no authelia"},
		{"one", "home", 0, []string{"server_name outpost.example.com;"}, "grafana", "authentik-server.conf"},
		{"address", "--outpost gate:1 grafana", 0, []string{"set $upstream_outpost gate:1;"}, "outpost.subdomain", ""},
		{"unknown-name", "home wiki", 2, nil, "", "the file has no application wiki"},
		{"unknown-kind", "--for apache", 2, nil, "", `there is no --for "apache"`},
		{"address-with-more", "--outpost a;b", 2, nil, "", "is no address"},
		{"socket-for-swag", "--outpost unix:/run/o.sock", 1, nil, "", "SWAG's files want host:port"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr := printIncludes(t, strings.Fields(tt.args)...)
			if status != tt.status || !strings.Contains(stderr, tt.stderr) {
				t.Errorf("ends with %d: %s", status, stderr)
			}
			for _, want := range tt.stdout {
				if !strings.Contains(stdout, want) {
					t.Errorf("no %q in\n%s", want, stdout)
				}
			}
			if tt.not != "" && strings.Contains(stdout, tt.not) {
				t.Errorf("%q in\n%s", tt.not, stdout)
			}
			if strings.Contains(stdout+stderr, "s3cr3t") {
				t.Error("a secret is printed")
			}
		})
	}
}

func TestNginxTar(t *testing.T) {
	status, stdout, stderr := printIncludes(t, "--tar")
	if status != 0 {
		t.Fatalf("ends with %d: %s", status, stderr)
	}
	names := map[string]bool{}
	for archive := tar.NewReader(strings.NewReader(stdout)); ; {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		if err != nil || !strings.HasPrefix(string(text), "## Version ") || h.Mode != 0o644 {
			t.Errorf("%s: mode %o, %v: %q", h.Name, h.Mode, err, text)
		}
		names[h.Name] = true
	}
	for _, name := range []string{"authentik-server.conf", "outpost-app-grafana.conf", "proxy-confs/outpost.subdomain.conf"} {
		if !names[name] {
			t.Errorf("no %s in %v", name, names)
		}
	}
	if status, _, stderr := printIncludes(t, "--tar", "--out", t.TempDir()); status != 2 || !strings.Contains(stderr, "exclude each other") {
		t.Errorf("with --out: %d: %s", status, stderr)
	}
}

func TestNginxOut(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nginx")
	status, stdout, stderr := printIncludes(t, "--out", dir)
	if status != 0 || stdout != "" {
		t.Fatalf("ends with %d: %s%s", status, stdout, stderr)
	}
	for _, name := range []string{"authentik-server.conf", "outpost-app-grafana.conf", "proxy-confs/outpost.subdomain.conf"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.HasPrefix(string(text), "## Version ") {
			t.Errorf("%s: %v: %q", name, err, text)
		}
	}
}

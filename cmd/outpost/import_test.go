package main

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is made of each sample is accepted by outpost check, has what is wanted in
// it and no secret, and each key without an equal is warned of.
func TestImport(t *testing.T) {
	tests := []struct {
		name, tool, file string
		want, warnings   []string
	}{
		{"oauth2-proxy", "oauth2-proxy", "oauth2-proxy.cfg", []string{
			"cookie_domain: example.org", "presets: auth-request", "path: [/health], methods: [GET], public: true", "{ email_domains: [example.org] }", "{ groups: [staff] }", "# - { networks: [\"10.0.0.0/8\"], public: true }", "store: redis", "public: [preflight]",
		}, []string{"foo", "client_secret", "http_address", "trusted_ips", "POST!="}},
		{"oauth2-proxy-compose", "oauth2-proxy", "oauth2-proxy-compose.yaml", []string{
			"issuer: \"https://accounts.google.com\"", "{ path: [/a], public: true }", "{ path: [/b], public: true }",
		}, []string{"--unheard-of"}},
		{"oauth2-proxy-alpha", "oauth2-proxy", "oauth2-proxy-alpha.yaml", []string{"claims: { groups: roles }", "X-User: \"{username}\"", "{ groups: [staff] }", "to do: email_domains"}, []string{"somethingElse", "X-Token", "server"}},
		{"vouch", "vouch", "vouch.yml", []string{
			"issuer: \"https://kc.example.org/realms/home\"", "cookie_domain: example.org", "cookie_domain: example.net", "X-Vouch-IdP-Claims-given-name", "{ email_domains: [example.org, example.net] }", "max: 4h",
		}, []string{"vouch.unheardOf", "vouch.headers.idtoken", "oauth.token_url"}},
		{"tinyauth-compose", "tinyauth", "tinyauth.yaml", []string{"external_url: \"https://wiki.example.org\"", "{ groups: [editors] }", "{ path: [\"/api/*\"], public: true }", "idle: 1h"}, []string{"WHAT", "USERS", "ip.bypass"}},
		{"tinyauth-5", "tinyauth", "tinyauth.env", []string{"to do: oauth.whitelist", "{ emails: [alice@example.org] }", "{ networks: [\"192.0.2.0/24\"], deny: true }", "{ deny: true }"}, []string{"TINYAUTH_UNHEARD_OF", "PATH_ALLOW", "PATH_BLOCK"}},
		{"authentik-blueprint", "authentik", "authentik.yaml", []string{
			"name: wiki", "allow: { groups: [operators] }", "/api/public/*", "password_attribute: wiki_password", "mode: domain", "host: [status.example.net]", "${AK_HOST}", "max: 24h",
		}, []string{"unheard_of", "authorization_flow", "a policy is a program"}},
		{"authentik-api", "authentik", "authentik.json", []string{"to do: application of wiki", "external_url: \"https://wiki.example.org\""}, []string{"intercept_header_auth", "client_secret", "proxy/"}},
	}
	env := map[string]string{
		"OUTPOST_ISSUER": "https://auth.example.org/", "OUTPOST_CLIENT_ID": "outpost", "OUTPOST_CLIENT_SECRET": "Zk3nq8VbT1xY7mPw", "OUTPOST_SECRET": strings.Repeat("Zk3nq8Vb", 6),
		"OUTPOST_REDIS_PASSWORD": "Zk3nq8Vb", "OUTPOST_WIKI_PASSWORD": "Zk3nq8Vb", "OUTPOST_EXTERNAL_URL": "https://app.example.org", "AK_HOST": "https://sso.example.net",
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "outpost.yaml")
			var stdout, stderr bytes.Buffer
			do := func(env map[string]string, args ...string) int {
				return run(context.Background(), program{args, lookup(env), &stdout, &stderr, noNames})
			}
			if status := do(nil, "import", tt.tool, filepath.Join("../../migrate/testdata", tt.file), "--out", out); status != 0 {
				t.Fatalf("ends with %d: %s", status, stderr.String())
			}
			made, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			warned := stderr.String()
			asked := maps.Clone(env) // the others would be said to count for nothing
			maps.DeleteFunc(asked, func(name, _ string) bool { return !strings.Contains(string(made), "${"+name+"}") })
			if status := do(asked, "check", "-config", out); status != 0 {
				t.Errorf("check says %s of\n%s", stderr.String(), made)
			}
			for _, want := range tt.want {
				if !strings.Contains(string(made), want) {
					t.Errorf("no %s in\n%s", want, made)
				}
			}
			for _, want := range tt.warnings {
				if want != "proxy/" && !strings.Contains(warned, want) {
					t.Errorf("no warning of %s in\n%s", want, warned)
				}
			}
			if strings.Contains(string(made)+warned, "s3cr3t") {
				t.Errorf("a secret is in\n%s\n%s", made, warned)
			}
			if status := do(nil, "import", tt.tool, filepath.Join("../../migrate/testdata", tt.file), "--out", out); status != 1 {
				t.Errorf("a file that is there is written over: %d", status)
			}
		})
	}
}

func TestImportUnreadable(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("a: [s3cr3t\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		args   []string
		status int
	}{
		{"none", []string{"import", "vouch", bad + "-none"}, 1}, {"bad-vouch", []string{"import", "vouch", bad}, 1}, {"bad-oauth2-proxy", []string{"import", "oauth2-proxy", bad}, 1},
		{"bad-tinyauth", []string{"import", "tinyauth", bad}, 1}, {"bad-authentik", []string{"import", "authentik", bad}, 1}, {"unknown-tool", []string{"import", "authelia", bad}, 1}, {"no-file", []string{"import", "vouch"}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if status := run(context.Background(), program{tt.args, lookup(nil), &stdout, &stderr, noNames}); status != tt.status || stdout.Len() > 0 {
				t.Errorf("ends with %d: %s%s", status, stdout.String(), stderr.String())
			}
			if strings.Contains(stderr.String(), "s3cr3t") {
				t.Error("the error quotes the file")
			}
		})
	}
}

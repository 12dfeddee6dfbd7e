package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const explainable = `provider: { issuer: https://auth.example.com/, client_id: x, client_secret: s3cr3t-of-x }
applications:
  - name: home
    mode: domain
    external_url: https://outpost.example.com
    cookie_domain: example.com
    allow: { not: { users: [guest] } }
    rules:
      - { host: wiki.example.com, path: /assets/*, methods: [GET], public: true }
      - { path: /metrics, networks: [10.0.0.0/8], allow: true }
      - { path: /metrics, deny: true }
      - { host: grafana.example.com, allow: { any: [{ groups: [admins] }, { claims: { department: it } }, { emails: [bob@example.com] }] }, require: { amr: mfa } }
      - { host: lax.example.com, allow: true }
    public: [preflight]
    basic_auth: { username: "{username}", password: s3cr3t-of-the-application }
  - name: tautulli
    mode: single
    external_url: https://example.org/tautulli
`

// Each decision is that of the daemon's own check, with the application, the rule
// and what would be sent.
func TestExplain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(explainable), 0o600); err != nil {
		t.Fatal(err)
	}
	type answer struct {
		Decision, Application, Reason string
		Rule, Line                    int
		Headers                       map[string]string
	}
	empty := map[string]string{"X-Authentik-Email": "", "X-Authentik-Entitlements": "", "X-Authentik-Groups": "", "X-Authentik-Name": "", "X-Authentik-Uid": "", "X-Authentik-Username": ""}
	with := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for name, value := range empty {
			m[name] = value
		}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	const basic = "Basic <secret>"
	for _, tt := range []struct {
		name, args string
		want       answer
	}{
		{"public", "https://wiki.example.com/assets/x?y", answer{"public", "home", "public", 1, 9, with()}},
		{"public-and-signed-in", "https://wiki.example.com/assets/x --user alice", answer{"public", "home", "public", 1, 9, with("X-Authentik-Username", "alice", "Authorization", basic)}},
		{"method", "https://wiki.example.com/assets/x --method post", answer{"deny", "home", "not_allowed", 0, 0, nil}},
		{"preflight-is-no-flag", "https://wiki.example.com/x --method OPTIONS", answer{"deny", "home", "not_allowed", 0, 0, nil}},
		{"doubtful", "https://wiki.example.com/assets/../x --user alice", answer{"deny", "home", "not_allowed", 0, 0, nil}},
		{"doubtful-is-not-public", "https://wiki.example.com/assets/%2e/x", answer{"sign_in", "home", "not_signed_in", 1, 9, nil}},
		{"network", "https://lax.example.com/metrics --ip 10.1.2.3 --user alice", answer{"allow", "home", "allowed", 2, 10, with("X-Authentik-Username", "alice", "Authorization", basic)}},
		{"other-network", "https://lax.example.com/metrics --ip 192.0.2.1 --user alice", answer{"deny", "home", "not_allowed", 3, 11, nil}},
		{"network-unknown", "https://lax.example.com/metrics --user alice", answer{"deny", "home", "client_unknown", 2, 10, nil}},
		{"capitals-are-denied-too", "https://lax.example.com/METRICS --user alice --ip 192.0.2.1", answer{"deny", "home", "not_allowed", 3, 11, nil}},
		{"sign-in", "https://grafana.example.com/d", answer{"sign_in", "home", "not_signed_in", 4, 12, nil}},
		{"step-up", "https://grafana.example.com/d --user alice --groups users,admins", answer{"step_up", "home", "insufficient_user_authentication", 4, 12, nil}},
		{"group", "https://grafana.example.com/d --user alice --groups users,admins --amr pwd,mfa", answer{"allow", "home", "allowed", 4, 12, with("X-Authentik-Username", "alice", "X-Authentik-Groups", "users|admins", "Authorization", basic)}},
		{"claim", "https://grafana.example.com/d --claim department=it --amr mfa", answer{"allow", "home", "allowed", 4, 12, with()}},
		{"email", "https://grafana.example.com/d --email bob@example.com --amr mfa", answer{"allow", "home", "allowed", 4, 12, with("X-Authentik-Email", "bob@example.com")}},
		{"not-in-the-rule", "https://grafana.example.com/d --user alice --groups users --amr mfa", answer{"deny", "home", "not_allowed", 4, 12, nil}},
		{"not-in-the-application", "https://lax.example.com/ --user guest", answer{"deny", "home", "not_allowed", 5, 13, nil}},
		{"default", "https://other.example.com/ --user alice", answer{"deny", "home", "not_allowed", 0, 0, nil}},
		{"path", "https://example.org/tautulli/x --user alice", answer{"allow", "tautulli", "allowed", 0, 0, with("X-Authentik-Username", "alice")}},
		{"other-path", "https://example.org/sonarr --user alice", answer{"deny", "", "unknown_path", 0, 0, nil}},
		{"unknown-host", "https://nowhere.example.net/ --user alice", answer{"deny", "", "unknown_host", 0, 0, nil}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := command(t, nil, append([]string{"explain", "-config", file, "--json"}, strings.Fields(tt.args)...)...)
			if o.status != 0 {
				t.Fatalf("exit status %d: %s", o.status, o.stderr)
			}
			var got answer
			if err := json.Unmarshal([]byte(o.stdout), &got); err != nil {
				t.Fatalf("%v: %s", err, o.stdout)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if strings.Contains(o.stdout, "s3cr3t") {
				t.Errorf("a secret is shown: %s", o.stdout)
			}
		})
	}
}

func TestExplainInWords(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(explainable), 0o600); err != nil {
		t.Fatal(err)
	}
	o := command(t, nil, "explain", "-config", file, "https://wiki.example.com/assets/../metrics?x", "--user", "alice", "--ip", "192.0.2.1")
	if o.status != 0 {
		t.Fatalf("exit status %d: %s", o.status, o.stderr)
	}
	want := `deny (not_allowed)
application: home
read as: /metrics
  rule 1 (line 9): does not match: path: /metrics is not /assets/*
  rule 2 (line 10): does not match: network: 192.0.2.1 is not in 10.0.0.0/8
  rule 3 (line 11): matches: deny
`
	if diff := cmp.Diff(want, o.stdout); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestExplainWrongUse(t *testing.T) {
	for _, tt := range []struct{ name, args, want string }{
		{"no-url", "", "say which URL"},
		{"no-absolute-url", "/admin", `"/admin" is no absolute http or https URL`},
		{"no-address", "https://app.example.com/ --ip home", `--ip "home" is no address`},
		{"no-claim", "https://app.example.com/ --claim department", "want CLAIM=VALUE"},
		{"two-urls", "https://app.example.com/ https://app.example.com/", "unexpected argument"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := command(t, nil, append([]string{"explain", "-config", usual(t).file(t)}, strings.Fields(tt.args)...)...)
			if o.status != 2 || !strings.Contains(o.stderr, tt.want) {
				t.Errorf("exit status %d: %s, want %s", o.status, o.stderr, tt.want)
			}
		})
	}
}

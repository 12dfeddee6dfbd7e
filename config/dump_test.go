package config_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"outpost/config"
)

// dump returns what Dump writes.
func dump(t *testing.T, c *config.Config) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Dump(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDump(t *testing.T) {
	secret := write(t, "oidc", "hunter2 of the provider\n")
	text := strings.Replace(strings.TrimPrefix(smallest, "\n"), "hunter2 of the provider", "${file:"+secret+"}", 1) +
		"    allow: { groups: [admins, \"${TEAM}s of ${TEAM}\", \"$${x\", \"null\"] }\nsession: { max: 90m }\n"
	path := write(t, "config.yaml", text)
	c, err := config.Load(path, only("blue", "TEAM"))
	if err != nil {
		t.Fatal(err)
	}
	want := `# The effective configuration of ` + path + `. Secrets are hidden.
listen: :9000 # default
front_ends:
  - nginx # default
front: true # default
management: :9300 # default
tls:
  listen: off # default
  certificate: null # default
  key: null # default
data: /data # default
admin: unix:/data/admin.sock # default
trusted_proxies: null # default
insecure_http: false # default
provider:
  name: default # default
  title: null # default
  issuer: https://auth.example.com/application/o/outpost/ # config.yaml:2
  client_id: outpost # config.yaml:3
  client_secret: <secret> # config.yaml:4 from ` + secret + `
  client_auth: null # default
  client_key: null # default
  client_key_id: null # default
  tenants: null # default
  scopes:
    - openid # default
    - profile # default
    - email # default
    - groups # default
  claims:
    username: preferred_username # default
    name: name # default
    email: email # default
    groups: groups # default
    entitlements: entitlements # default
  groups_trim_prefix: null # default
  missing_groups: keep # default
  insecure_unverified_email: false # default
  extra: null # default
  pushed_authorization_requests: false # default
  end_session_url: null # default
  backchannel_url: null # default
  insecure_backchannel_http: false # default
  ca_file: null # default
  proxy: null # default
applications:
  - name: home # config.yaml:6
    mode: domain # config.yaml:7
    external_url: https://outpost.example.com # config.yaml:8
    cookie_domain: example.com # config.yaml:9
    provider: default # default
    allow:
      groups:
        - admins # config.yaml:10
        - blues of blue # config.yaml:10 from $TEAM and $TEAM
        - $${x # config.yaml:10
        - "null" # config.yaml:10
      users: null # default
      emails: null # default
      email_domains: null # default
      claims: null # default
      any: null # default
      all: null # default
      not: null # default
    prompt: null # default
    max_age: null # default
    acr_values: null # default
    login_hint: null # default
    extra: null # default
    require:
      amr: null # default
      acr: null # default
      max_age: null # default
    rules: null # default
    default: null # default
    public: null # default
    headers:
      presets: authentik # default
      join: null # default
      encoding: raw # default
      groups:
        only: null # default
        trim_prefix: null # default
      max_bytes: 3500 # default
      jwt: false # default
      meta: false # default
      ak_proxy: false # default
      set: null # default
    basic_auth: null # default
    bearer: null # default
    app_passwords: false # default
    cookie:
      insecure_same_site_none: false # default
      partitioned: false # default
    frame_ancestors: null # default
tokens: null # default
session:
  store: file # default
  max: 1h30m # config.yaml:11
  idle: 1h30m # default
  recheck: 15m # default
  max_sessions_per_user: 500 # default
  max_sessions: 1000000 # default
  cached_sessions: 100000 # default
  redis:
    url: null # default
    sentinel:
      addresses: null # default
      master: null # default
      username: null # default
      password: null # default
    cluster:
      addresses: null # default
    username: null # default
    password: null # default
    database: 0 # default
    prefix: 'outpost:' # default
    tls: false # default
    ca_file: null # default
pages:
  name: outpost # default
  logo: null # default
  contact: null # default
  strings: null # default
secret: null # default
log:
  format: text # default
  level: info # default
audit_log:
  file: null # default
tracing:
  endpoint: null # default
  sample: 1 # default
  parent: false # default
`
	if diff := cmp.Diff(want, dump(t, c)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// reload loads a dump again, with other secrets in the place of the hidden
// ones.
func reload(t *testing.T, dumped string) *config.Config {
	t.Helper()
	text, n := strings.ReplaceAll(dumped, "client_key: <secret>", `client_key: "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----\n"`), 0
	for strings.Contains(text, "<secret>") {
		n++
		text = strings.Replace(text, "<secret>", fmt.Sprintf("Vd8zFq1nX5cYt3Rj7LbQw0GmKs9HpA2eUo%d", n), 1)
	}
	c, err := load(t, text)
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, text)
	}
	return c
}

// sameButSecrets compares two Configs, of the secrets only whether they are
// there.
var sameButSecrets = cmp.Options{
	same,
	cmpopts.IgnoreFields(config.Config{}, "Warnings"), // they are about the file
	cmp.Comparer(func(a, b config.Secret) bool { return (a == "") == (b == "") }),
	cmpopts.IgnoreFields(config.Rule{}, "Line"),
}

func TestDumpLoadsAgain(t *testing.T) {
	for _, file := range []string{"testdata/full.yaml", "testdata/access.yaml", "testdata/quoting.yaml"} {
		t.Run(strings.TrimPrefix(file, "testdata/"), func(t *testing.T) {
			c, err := config.Load(file, noEnv)
			if err != nil {
				t.Fatal(err)
			}
			first := dump(t, c)
			again := reload(t, first)
			if diff := cmp.Diff(c, again, sameButSecrets); diff != "" {
				t.Errorf("-file +dump:\n%s\n%s", diff, first)
			}
			comments := regexp.MustCompile(` *#.*`)
			if diff := cmp.Diff(comments.ReplaceAllString(first, ""), comments.ReplaceAllString(dump(t, again), "")); diff != "" {
				t.Errorf("-dump +dump of the dump:\n%s", diff)
			}
		})
	}
}

type brokenWriter struct{ left int }

var errBroken = errors.New("broken")

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

func TestDumpError(t *testing.T) {
	c := mustLoad(t, smallest)
	for _, size := range []int{0, 200} {
		if err := c.Dump(&brokenWriter{size}); !errors.Is(err, errBroken) {
			t.Errorf("after %d bytes: got %v, want the writer's error", size, err)
		}
	}
}

package config_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"outpost/config"
)

// variables is an environment.
type variables map[string]string

func (v variables) look(name string) (string, bool) {
	value, set := v[name]
	return value, set
}

func (v variables) with(more variables) variables {
	all := maps.Clone(v)
	maps.Copy(all, more)
	return all
}

// least is what a configuration without a file needs.
var least = variables{
	"OUTPOST_ISSUER": "https://auth.example.com/application/o/outpost/", "OUTPOST_CLIENT_ID": "outpost",
	"OUTPOST_CLIENT_SECRET": "hunter2 of the provider", "OUTPOST_EXTERNAL_URL": "https://outpost.example.com",
}

// Each variable does what its key does, whichever way it is set.
func TestEnvironment(t *testing.T) {
	const single = "provider:\n  issuer: https://auth.example.com/application/o/outpost/\n  client_id: outpost\n  client_secret: hunter2 of the provider\nAPPLICATIONapplications:\n  - name: home\n    mode: single\n    external_url: https://outpost.example.com\n"
	ca, _ := certificates(t)
	secret := "Vd8zFq1nX5cYt3Rj7LbQw0GmKs9HpA2eUo4i"
	replace := func(old, with string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, with, 1) }
	}
	provider := func(line string) func(string) string { return replace("APPLICATION", "  "+line+"\nAPPLICATION") }
	application := func(line string) func(string) string {
		return func(s string) string { return s + "    " + line + "\n" }
	}
	top := func(line string) func(string) string { return func(s string) string { return s + line + "\n" } }
	tests := []struct {
		name, value string
		file        func(string) string
		also        variables
	}{
		{"issuer", "https://idp.example.org", replace("https://auth.example.com/application/o/outpost/", "https://idp.example.org"), nil},
		{"client-id", "other", replace("client_id: outpost", "client_id: other"), nil},
		{"client-secret", "a${b and $${c", replace("hunter2 of the provider", "'a$${b and $$${c'"), nil},
		{"scopes", "openid, email", provider("scopes: [openid, email]"), nil},
		{"backchannel-url", "https://idp:8443", provider("backchannel_url: https://idp:8443"), nil},
		{"insecure-backchannel-http", "true", provider("insecure_backchannel_http: true"), nil},
		{"ca-file", ca, provider("ca_file: " + ca), nil},
		{"external-url", "https://sso.example.com", replace("https://outpost.example.com", "https://sso.example.com"), nil},
		{"cookie-domain", "example.com", func(s string) string {
			return strings.Replace(s, "mode: single", "mode: domain\n    cookie_domain: example.com", 1)
		}, nil},
		{"name", "lab", replace("name: home", "name: lab"), nil},
		{"allow-groups", "admins,  staff", application("allow: { groups: [admins, staff] }"), nil},
		{"allow-users", "alice", application("allow: { users: [alice] }"), nil},
		{"allow-emails", "a@example.com,b@example.com", application("allow: { emails: [a@example.com, b@example.com] }"), nil},
		{"allow-email-domains", "example.com", application("allow: { email_domains: [example.com] }"), nil},
		{"headers", "authentik,remote-user", application("headers: { presets: [authentik, remote-user] }"), nil},
		{"listen", ":8000", top("listen: :8000"), nil},
		{"management", "off", top("management: off"), nil},
		{"front-ends", "nginx,caddy", top("front_ends: [nginx, caddy]"), nil},
		{"trusted-proxies", "10.0.0.1, 192.168.0.0/16", top("trusted_proxies: [10.0.0.1, 192.168.0.0/16]"), nil},
		{"data", "/var/lib/outpost", top("data: /var/lib/outpost"), nil},
		{"admin", "off", top("admin: off"), nil},
		{"insecure-http", "true", top("insecure_http: true"), nil},
		{"secret", secret + "," + secret[1:] + "x", top("secret: [" + secret + ", " + secret[1:] + "x]"), nil},
		{"session-idle", "2h", top("session: { idle: 2h }"), nil},
		{"session-max", "48h", top("session: { max: 48h }"), nil},
		{"session-recheck", "off", top("session: { recheck: off }"), nil},
		{"session-store", "memory", top("session: { store: memory }"), nil},
		{"redis-url", "redis://redis", top("secret: " + secret + "\nsession: { store: redis, redis: { url: redis://redis } }"), variables{"OUTPOST_SESSION_STORE": "redis", "OUTPOST_SECRET": secret}},
		{"redis-password", "letmein", top("secret: " + secret + "\nsession: { store: redis, redis: { url: redis://redis, password: letmein } }"),
			variables{"OUTPOST_SESSION_STORE": "redis", "OUTPOST_SECRET": secret, "OUTPOST_REDIS_URL": "redis://redis"}},
		{"log-level", "debug", top("log: { level: debug }"), nil},
		{"log-format", "json", top("log: { format: json }"), nil},
	}
	var names []string
	for _, test := range tests {
		variable := "OUTPOST_" + strings.ToUpper(strings.ReplaceAll(test.name, "-", "_"))
		names = append(names, variable)
		t.Run(test.name, func(t *testing.T) {
			want := mustLoad(t, strings.Replace(test.file(single), "APPLICATION", "", 1))
			kept := write(t, "value", test.value+"\n")
			for _, as := range []variables{{variable: test.value}, {variable + "_FILE": kept}, {"FILE__" + variable: kept}} {
				env := least.with(test.also)
				delete(env, variable)
				env = env.with(as)
				got, files, err := config.Read("", env.look)
				if err != nil {
					t.Fatalf("%v: %v", as, err)
				}
				if diff := cmp.Diff(want, got, same, cmpopts.IgnoreFields(config.Config{}, "Warnings")); diff != "" {
					t.Errorf("%v (-want +got):\n%s", as, diff)
				}
				if _, watched := files[kept]; watched != (as[variable] == "") {
					t.Errorf("%v: the file is among those that count: %v", as, watched)
				}
				if err := config.CheckEnvironment(slices.Collect(maps.Keys(env))); err != nil {
					t.Errorf("%v: %v", as, err)
				}
			}
		})
	}
	page, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/configuration.md lacks %s", name)
		}
	}
	if got, want := strings.Count(string(page), "\n| `OUTPOST_"), len(names); got != want {
		t.Errorf("docs/configuration.md has %d variables, and %d are tested", got, want)
	}
}

// What is wrong is told of the variable, all of it at once.
func TestEnvironmentProblems(t *testing.T) {
	empty, oidc := write(t, "empty", ""), write(t, "oidc", "hunter2 of the provider\n")
	tests := []struct {
		name string
		env  variables
		want []string
	}{
		{"issuer", least.with(variables{"OUTPOST_ISSUER": "idp.example.com"}), []string{`OUTPOST_ISSUER: must be an https URL, got "idp.example.com"`}},
		{"missing", variables{"OUTPOST_ISSUER": "https://idp.example.com"}, []string{"OUTPOST_CLIENT_ID: is missing", "OUTPOST_EXTERNAL_URL: is missing"}},
		{"several", least.with(variables{"OUTPOST_LISTEN": "9000", "OUTPOST_SESSION_IDLE": "1d"}), []string{"OUTPOST_LISTEN: must be", "OUTPOST_SESSION_IDLE: must be", "the environment has 2 problems"}},
		{"empty", least.with(variables{"OUTPOST_ALLOW_GROUPS": ""}), []string{"OUTPOST_ALLOW_GROUPS: is set, and empty"}},
		{"list-entry", least.with(variables{"OUTPOST_ALLOW_GROUPS": "admins,,staff"}), []string{"OUTPOST_ALLOW_GROUPS: must not be empty"}},
		{"cookie-domain", least.with(variables{"OUTPOST_COOKIE_DOMAIN": "example.org"}), []string{"OUTPOST_EXTERNAL_URL: must be at or below the cookie domain"}},
		{"both", least.with(variables{"OUTPOST_CLIENT_SECRET_FILE": oidc}), []string{"OUTPOST_CLIENT_SECRET: needs one of OUTPOST_CLIENT_SECRET and OUTPOST_CLIENT_SECRET_FILE, and both are set"}},
		{"no-file", least.with(variables{"FILE__OUTPOST_SECRET": "/nowhere/secret"}), []string{"OUTPOST_SECRET: needs the file /nowhere/secret, which cannot be read: no such file"}},
		{"empty-file", least.with(variables{"OUTPOST_SECRET_FILE": empty}), []string{"OUTPOST_SECRET: needs the file " + empty + ", which is empty"}},
		{"empty-file-name", least.with(variables{"OUTPOST_SECRET_FILE": ""}), []string{"OUTPOST_SECRET: needs the file that OUTPOST_SECRET_FILE names, and that is empty"}},
		{"relative", least.with(variables{"OUTPOST_SECRET_FILE": "secret"}), []string{"OUTPOST_SECRET: must name a file by its absolute path"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := config.Load("", test.env.look)
			if c != nil || err == nil {
				t.Fatal("it is taken")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("it lacks %q:\n%v", want, err)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("it shows the secret")
			}
		})
	}
}

// What seems to be meant for us and stands for nothing is told; what others set is not.
func TestCheckEnvironment(t *testing.T) {
	err := config.CheckEnvironment([]string{"PATH", "OUTPOST_ISSUR", "FILE__OUTPOST_CLIENTSECRET", "OUTPOST_FOO", "OUTPOST_CONFIG", "OUTPOST_PORT", "OUTPOST_PORT_9000_TCP_ADDR", "OUTPOST_SERVICE_HOST", "OUTPOST_SERVICE_PORT_HTTP"})
	want := `outpost: the environment has 3 problems:
  FILE__OUTPOST_CLIENTSECRET: is not a variable that outpost knows
      did you mean FILE__OUTPOST_CLIENT_SECRET?
  OUTPOST_FOO: is not a variable that outpost knows
      docs/configuration.md lists those there are; what has none needs a file
  OUTPOST_ISSUR: is not a variable that outpost knows
      did you mean OUTPOST_ISSUER?`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v", err)
	}
}

// With a file the file counts: a variable beside it that it does not name is an error,
// for it may be what somebody believes to keep others out.
func TestEnvironmentBesideFile(t *testing.T) {
	path := write(t, "config.yaml", smallest)
	_, err := config.Load(path, variables{"OUTPOST_ALLOW_GROUPS": "admins"}.look)
	if err == nil || !strings.Contains(err.Error(), "OUTPOST_ALLOW_GROUPS: is set beside the file, and does not count") {
		t.Errorf("got %v", err)
	}
	path = write(t, "config.yaml", strings.Replace(smallest, "hunter2 of the provider", "${OUTPOST_CLIENT_SECRET}", 1))
	oidc := write(t, "oidc", "hunter2 of the provider\n")
	for _, name := range []string{"OUTPOST_CLIENT_SECRET_FILE", "FILE__OUTPOST_CLIENT_SECRET"} {
		c, err := config.Load(path, variables{name: oidc}.look)
		if err != nil || c.Providers[0].ClientSecret.Reveal() != "hunter2 of the provider" {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := config.Load(path, variables{"OUTPOST_CLIENT_SECRET": "x", "OUTPOST_CLIENT_SECRET_FILE": oidc}.look); err == nil || !strings.Contains(err.Error(), "both are set") {
		t.Errorf("got %v", err)
	}
}

// The dump says which variable each value is from.
func TestEnvironmentDump(t *testing.T) {
	oidc := write(t, "oidc", "hunter2 of the provider\n")
	env := least.with(variables{"OUTPOST_CLIENT_SECRET_FILE": oidc, "OUTPOST_ALLOW_GROUPS": "admins"})
	delete(env, "OUTPOST_CLIENT_SECRET")
	c, err := config.Load("", env.look)
	if err != nil {
		t.Fatal(err)
	}
	got := dump(t, c)
	for _, want := range []string{
		"# The effective configuration of the environment. Secrets are hidden.",
		"issuer: https://auth.example.com/application/o/outpost/ # $OUTPOST_ISSUER\n",
		"client_secret: <secret> # $OUTPOST_CLIENT_SECRET_FILE from " + oidc + "\n",
		"- admins # $OUTPOST_ALLOW_GROUPS\n", "listen: :9000 # default\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it lacks %q:\n%s", want, got)
		}
	}
}

package config_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"outpost/config"
)

// smallest is the smallest useful file.
const smallest = `
provider:
  issuer: https://auth.example.com/application/o/outpost/
  client_id: outpost
  client_secret: hunter2 of the provider
applications:
  - name: home
    mode: domain
    external_url: https://outpost.example.com
    cookie_domain: example.com
`

// standardClaims are those of a provider that the file says nothing of.
var standardClaims = config.Claims{
	Username: []string{"preferred_username"}, Name: []string{"name"}, Email: []string{"email"}, Groups: []string{"groups"}, Entitlements: []string{"entitlements"},
}

// same compares what a Config says, and not where it was read.
var same = cmp.Options{cmpopts.IgnoreUnexported(config.Config{}, config.Provider{}, config.Redis{}, config.Pages{}), cmpopts.EquateComparable(netip.Prefix{})}

// only is an environment where these variables have this value, and no other is set.
func only(value string, names ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		if slices.Contains(names, name) {
			return value, true
		}
		return "", false
	}
}

// noEnv is an environment without variables.
func noEnv(string) (string, bool) { return "", false }

// write puts text into a file that only its owner may read.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load loads a file with the text, without an environment.
func load(t *testing.T, text string) (*config.Config, error) {
	t.Helper()
	return config.Load(write(t, "config.yaml", text), noEnv)
}

// standardHeaders are those of an application that does not say which.
var standardHeaders = config.Headers{Presets: []string{"authentik"}, Encoding: "raw", MaxBytes: 3500}

// mustLoad fails the test where the text is refused.
func mustLoad(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := load(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The parser names no line where it is the first one.
func TestSyntaxOnTheFirstLine(t *testing.T) {
	for _, tt := range []struct{ name, text string }{
		{"at-sign", "provider: @x"}, {"colon-in-a-value", "a: b: c"}, {"open-bracket", "a: ["},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.text+"\n")
			if err == nil || !strings.Contains(err.Error(), "line ") || !strings.Contains(err.Error(), "look at this line") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	full, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	clientKey := strings.Join([]string{"-----BEGIN PRIVATE KEY-----", "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g", "-----END PRIVATE KEY-----", ""}, "\n")
	tests := []struct {
		name, text string
		want       *config.Config
	}{
		{"smallest", smallest, &config.Config{
			Listen:     ":9000",
			FrontEnds:  []string{"nginx"},
			Front:      true,
			Management: ":9300",
			TLS:        config.TLS{Listen: "off"},
			Data:       "/data",
			Admin:      "unix:/data/admin.sock",
			Providers: []config.Provider{{
				Name:          "default",
				Issuer:        "https://auth.example.com/application/o/outpost/",
				ClientID:      "outpost",
				ClientSecret:  "hunter2 of the provider",
				Scopes:        []string{"openid", "profile", "email", "groups"},
				Claims:        standardClaims,
				MissingGroups: config.MissingKeep,
			}},
			Applications: []config.Application{{
				Name:         "home",
				Mode:         config.Domain,
				ExternalURL:  &url.URL{Scheme: "https", Host: "outpost.example.com"},
				CookieDomain: "example.com",
				Providers:    []string{"default"},
				Headers:      standardHeaders,
			}},
			Session: config.Session{Store: config.StoreFile, Idle: 24 * time.Hour, Max: 7 * 24 * time.Hour, Recheck: 15 * time.Minute, MaxSessionsPerUser: 500, MaxSessions: 1_000_000, CachedSessions: 100_000, Redis: config.Redis{Prefix: "outpost:"}},
			Pages:   config.Pages{Name: "outpost"},
			Log:     config.Log{Format: config.LogText, Level: slog.LevelInfo},
			Tracing: config.Tracing{Sample: 1},
		}},
		{"full", string(full), &config.Config{
			Listen:     "unix:/run/outpost.sock",
			FrontEnds:  []string{"traefik", "nginx"},
			Front:      true,
			Management: "off",
			TLS:        config.TLS{Listen: "[::1]:9443", Certificate: "/config/keys/letsencrypt/fullchain.pem", Key: "/config/keys/letsencrypt/privkey.pem"},
			Data:       "/var/lib/outpost",
			Admin:      "unix:/run/outpost-admin.sock",
			TrustedProxies: []netip.Prefix{
				netip.MustParsePrefix("172.18.0.5/32"),
				netip.MustParsePrefix("10.0.0.0/8"),
				netip.MustParsePrefix("192.168.0.1/32"),
				netip.MustParsePrefix("fd00::/8"),
			},
			InsecureHTTP: true,
			Providers: []config.Provider{
				{
					Name:         "work",
					Title:        "Company account",
					Issuer:       "http://keycloak.test:8080/realms/Work",
					ClientID:     "0123",
					ClientSecret: "s3cr3t of work",
					Scopes:       []string{"openid", "email"},
					Claims: config.Claims{
						Username:     []string{"nickname", "cognito:username"},
						Name:         []string{"profile.display name"},
						Email:        []string{"upn"},
						Groups:       []string{"https://example.com/groups", "realm_access.roles"},
						Entitlements: []string{"urn:zitadel:iam:org:project:roles"},
					},
					GroupsTrimPrefix:        "/",
					MissingGroups:           config.MissingRemove,
					InsecureUnverifiedEmail: true,
				},
				{
					Name:                        "house",
					Issuer:                      "https://Auth.example.com/application/o/outpost/",
					ClientID:                    "outpost",
					Scopes:                      []string{"openid", "profile", "email", "groups"},
					Claims:                      standardClaims,
					Tenants:                     []string{"9122040d-6c67-4c5b-b112-36a304b66dad"},
					Extra:                       map[string]string{"audience": "https://api.example.com", "2fa": "yes"},
					PushedAuthorizationRequests: true,
					EndSessionURL:               "http://auth.example.com/logout?client_id={client_id}&logout_uri={post_logout_redirect_uri}",
					ClientAuth:                  "private_key_jwt", ClientKey: config.Secret(clientKey), ClientKeyID: "2026-1",
					BackchannelURL: "http://authentik:9000", InsecureBackchannelHTTP: true,
					Proxy:         "http://proxy.example.com:3128",
					MissingGroups: config.MissingKeep,
				},
			},
			Applications: []config.Application{
				{
					Name:         "everything",
					Mode:         config.Domain,
					ExternalURL:  &url.URL{Scheme: "https", Host: "outpost.example.com"},
					CookieDomain: "example.com",
					Providers:    []string{"house", "work"},
					Allow: &config.Allow{
						Groups:       []string{"Admins", "café"},
						Users:        []string{"alice", "007"},
						Emails:       []string{"bob@example.com"},
						EmailDomains: []string{"example.org"},
					},
					Prompt:    []string{"login", "consent"},
					MaxAge:    time.Hour,
					ACRValues: []string{"phr", "phrh"},
					LoginHint: "alice@example.com",
					Extra:     map[string]string{"ui_locales": "de"},
					Require:   config.Require{AMR: []string{"mfa", "hwk"}, ACR: []string{"phr"}, MaxAge: 8 * time.Hour},
					Headers:   standardHeaders,
				},
				{
					Name:        "local",
					Mode:        config.Single,
					ExternalURL: &url.URL{Scheme: "http", Host: "[fd00::1]:8080"},
					Providers:   []string{"work"},
					Headers:     standardHeaders,
				},
			},
			Session: config.Session{
				Store: config.StoreRedis, Idle: 90 * time.Minute, Max: 12 * time.Hour, MaxSessionsPerUser: 5, MaxSessions: 20_000, CachedSessions: 1_000,
				Redis: config.Redis{
					Sentinel: config.Sentinel{Addresses: []string{"sentinel-1:26379", "[fd00::2]:26380"}, Master: "mymaster", Username: "watcher", Password: "s3cr3t of the sentinels"},
					Username: "outpost", Password: "s3cr3t of redis", Database: 2, Prefix: "home:", TLS: true,
				},
			},
			Pages:    config.Pages{Name: "Müller's house", Contact: "mailto:help@example.com"},
			Secrets:  []config.Secret{"Vd8zFq1nX5cYt3Rj7LbQw0GmKs9HpA2eUo4i", "hT6yB1wJ0rNf8ZxC5vM3kDq7PgLa2Su9Ei4o"},
			Log:      config.Log{Format: config.LogJSON, Level: slog.LevelDebug},
			AuditLog: config.AuditLog{File: "/var/log/outpost/audit.log"},
			Tracing:  config.Tracing{Endpoint: "http://collector:4318", Sample: 0.25, Parent: true},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := mustLoad(t, tt.text)
			if diff := cmp.Diff(tt.want, got, same, cmpopts.IgnoreFields(config.Config{}, "Warnings")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A written null is the default everywhere that it is taken.
func TestNull(t *testing.T) {
	const nulls = `
listen: null
management: ~
data: null
trusted_proxies: null
insecure_http: null
providers: null
session: null
secret: null
log: { format: null, level: null }
`
	want, got := mustLoad(t, smallest), mustLoad(t, smallest+nulls)
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Errorf("-absent +null:\n%s", diff)
	}
}

// A short session.max takes the default of session.idle down with it.
func TestIdleFollowsMax(t *testing.T) {
	c := mustLoad(t, smallest+"session: { max: 8h }\n")
	if want := (config.Session{Store: config.StoreFile, Idle: 8 * time.Hour, Max: 8 * time.Hour, Recheck: 15 * time.Minute, MaxSessionsPerUser: 500, MaxSessions: 1_000_000, CachedSessions: 100_000, Redis: config.Redis{Prefix: "outpost:"}}); !cmp.Equal(want, c.Session, same) {
		t.Errorf("got %+v, want %+v", c.Session, want)
	}
}

func TestOneSecret(t *testing.T) {
	const secret = "Vd8zFq1nX5cYt3Rj7LbQw0GmKs9HpA2eUo4i"
	c := mustLoad(t, smallest+"secret: "+secret+"\n")
	if len(c.Secrets) != 1 || c.Secrets[0].Reveal() != secret {
		t.Errorf("got %d secrets, want the one in the file", len(c.Secrets))
	}
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	tests := []struct{ name, path, want string }{
		{"not-named", "", "reading the configuration: no file is named, and no variable of the environment either"},
		{"name-with-a-newline", "a\nb", `the name "a\nb" holds control characters`},
		{"not-there", filepath.Join(dir, "none.yaml"), "no such file or directory"},
		{"directory", dir, "is a directory, not a file: Docker makes one where the file to mount does not exist"},
		{"too-large", write(t, "large.yaml", strings.Repeat("#", 8<<20+1)), "is larger than 8192 KiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := config.Load(tt.path, noEnv)
			if c != nil || err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "reading the configuration: ") {
				t.Errorf("got %v, error %v, want an error with %q", c, err, tt.want)
			}
			if _, is := errors.AsType[config.Problems](err); is {
				t.Error("got Problems for a file that could not be read")
			}
		})
	}
	if _, err := config.Load(filepath.Join(dir, "none.yaml"), noEnv); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist within", err)
	}
}

// Bytes that no text file should hold, and that a test file could not either.
func TestBytes(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no-bytes", "", "the file is empty"},
		{"nul", "listen: \x00", "line 1, the file must not hold control characters, has U+0000"},
		{"latin-1", smallest + "data: /caf\xe9\n", "line 11, the file must be UTF-8 text"},
		{"utf-16", "\xff\xfel\x00i\x00s\x00", "line 1, the file must be UTF-8 text"},
		{"truncated-utf-8", "data: /caf\xc3", "line 1, the file must be UTF-8 text"},
		{"deep", strings.Repeat("[", 20000), "the file is not YAML: exceeded max depth"},
		{"deep-keys", strings.Repeat("{a: ", 9000) + strings.Repeat("}", 9000), "is nested too deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.text)
			if _, is := errors.AsType[config.Problems](err); !is || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want Problems with %q", err, tt.want)
			}
		})
	}
	for _, text := range []string{"\uFEFF" + smallest, strings.ReplaceAll(smallest, "\n", "\r\n"), smallest + "...\n"} {
		if _, err := load(t, text); err != nil {
			t.Errorf("%.20q…: %v", text, err)
		}
	}
}

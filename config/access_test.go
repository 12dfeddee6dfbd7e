package config_test

import (
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/config"
)

// What a file says of who may reach what, of headers and of programs, is what
// the program is given.
func TestLoadAccess(t *testing.T) {
	text, err := os.ReadFile("testdata/access.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := mustLoad(t, string(text))
	home := c.Applications[0]

	wantAllow := &config.Allow{Any: []config.Allow{
		{Groups: []string{"staff"}},
		{All: []config.Allow{{Users: []string{"alice"}}, {Claims: []config.Claim{{Path: "urn:a.b", Values: []string{"1", "two"}}}}}},
	}}
	wantRules := []config.Rule{
		{Hosts: []string{"wiki.example.com", "*.lab.example.com"}, Paths: []string{"/assets/*", "/a/*/b", "~ ^/v[0-9]+$"}, Methods: []string{"GET", "M-SEARCH"}, Public: true, Line: 12},
		{Paths: []string{"/metrics"}, Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("0.0.0.0/0")}, Query: []string{"debug", "level=all"}, Deny: true, Line: 16},
		{
			Hosts: []string{"example.com"}, Allow: &config.Allow{Groups: []string{"admins"}, Not: &config.Allow{Users: []string{"guest"}}},
			Require: config.Require{ACR: []string{"phr"}, MaxAge: time.Hour}, Line: 17,
		},
		{Paths: []string{"/sudo"}, Require: config.Require{AMR: []string{"mfa", "hwk"}}, Line: 18},
		{Line: 19},
	}
	wantHeaders := config.Headers{
		Presets: []string{"authentik", "webauth"}, Join: ";", Encoding: "percent", Groups: config.Groups{Only: []string{"app-*", "ops"}, TrimPrefix: "app-"},
		MaxBytes: 8000, JWT: true, Meta: true, AKProxy: true,
		Set: []config.Header{
			{Name: "X-Full-Name", Value: "{given_name} {family_name}"},
			{
				Name: "X-Role", Value: "{groups}", Join: "|", Encoding: "base64", Case: "upper", Only: []string{"app-*"}, TrimPrefix: "app-",
				Map: []config.Mapped{{From: "ops", To: "Admin"}, {From: "dev", To: "Editor"}}, Default: "Viewer", First: true, MaxBytes: 100,
			},
		},
	}
	wantTokens := []config.Token{
		{
			Name: "backup", Hash: "sha256:87c2d362de99f75a4f2755cdaaad2d11bf6cc65dc71356593c445535ff28f43d", Applications: []string{"home", "sonarr"},
			Username: "root", Email: "root@example.com", Groups: []string{"machines"}, Expires: time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC),
			Rules: []config.Rule{{Paths: []string{"/backup/*"}, Line: 53}},
		},
		{Name: "probe", Hash: "sha256:0000000000000000000000000000000000000000000000000000000000000000", Applications: []string{"home"}, Username: "probe"},
	}
	for _, part := range []struct {
		name      string
		want, got any
	}{
		{"allow", wantAllow, home.Allow},
		{"rules", wantRules, home.Rules},
		{"default", config.DefaultAllow, home.Default},
		{"public", []string{config.PublicPreflight, config.PublicFavicon}, home.Public},
		{"headers", wantHeaders, home.Headers},
		{"basic-auth", &config.BasicAuth{Username: "{email}", Password: "s3cr3t of the application"}, home.BasicAuth},
		{"bearer", &config.Bearer{Audience: []string{"api", "api2"}, Scopes: []string{"read"}, Introspect: true}, home.Bearer},
		{"app-passwords", true, home.AppPasswords},
		{"path", "https://example.com/tautulli", c.Applications[1].ExternalURL.String()},
		{"presets-none", config.Headers{Encoding: "raw", MaxBytes: 3500}, c.Applications[1].Headers},
		{"attributes", &config.BasicAuth{UsernameAttribute: "tautulli_user", PasswordAttribute: "tautulli_password"}, c.Applications[1].BasicAuth},
		{"tokens", wantTokens, c.Tokens},
	} {
		t.Run(part.name, func(t *testing.T) {
			if diff := cmp.Diff(part.want, part.got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

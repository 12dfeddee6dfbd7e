package auth

import (
	"strings"
	"testing"
	"time"

	"outpost/access"
	"outpost/auth/provider"
	"outpost/session"
	"outpost/session/memory"
)

// What New refuses, with what it says: a daemon that cannot keep its promises
// does not begin.
func TestNewRefuses(t *testing.T) {
	good := func() Config {
		return Config{
			Applications: []Application{{Name: "home", ExternalURL: "https://outpost.example.com", CookieDomain: "example.com", Providers: []string{"idp"}, Access: access.Config{Policy: access.Everyone(), DefaultAllow: true}}},
			Providers:    []provider.Config{{Name: "idp", Issuer: "https://idp.example.org", ClientID: "outpost"}},
			Session:      session.Config{Store: memory.New(), Secrets: [][]byte{[]byte(strings.Repeat("s", 32))}, Max: time.Hour},
		}
	}
	if _, err := New(good()); err != nil {
		t.Fatal(err)
	}
	second := func(a Application) func(*Config) {
		return func(c *Config) { c.Applications = append(c.Applications, a) }
	}
	external := func(u string) func(*Config) {
		return func(c *Config) { c.Applications[0].ExternalURL = u }
	}
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no-application", func(c *Config) { c.Applications = nil }, "no application"},
		{"no-name", func(c *Config) { c.Applications[0].Name = "" }, "empty or taken"},
		{"same-name", second(Application{Name: "home", ExternalURL: "https://a.example.net", Providers: []string{"idp"}}), "empty or taken"},
		{"same-host", second(Application{Name: "two", ExternalURL: "https://outpost.example.com", Providers: []string{"idp"}}), "belongs to"},
		{"same-host-on-another-port", second(Application{Name: "two", ExternalURL: "https://OUTPOST.example.com.:8443", Providers: []string{"idp"}}), "belongs to"},
		{"same-cookie-domain", second(Application{Name: "two", ExternalURL: "https://two.example.com", CookieDomain: "example.com", Providers: []string{"idp"}}), "cookie domain example.com belongs to"},
		{"unknown-provider", func(c *Config) { c.Applications[0].Providers = []string{"idp", "other"} }, "not configured"},
		{"provider-twice", func(c *Config) { c.Applications[0].Providers = []string{"idp", "idp"} }, "named twice"},
		{"no-provider", func(c *Config) { c.Applications[0].Providers = nil }, "no provider"},
		{"not-below-the-cookie-domain", func(c *Config) { c.Applications[0].CookieDomain = "example.net" }, "not below"},
		{"no-label-border", func(c *Config) { c.Applications[0].CookieDomain = "ample.com" }, "not below"},
		{"cookie-domain-with-a-dot", func(c *Config) { c.Applications[0].CookieDomain = ".example.com" }, "not below"},
		{"cookie-domain-in-capitals", func(c *Config) { c.Applications[0].CookieDomain = "Example.com" }, "not below"},
		{"no-scheme", external("outpost.example.com"), "scheme://host"},
		{"other-scheme", external("ftp://outpost.example.com"), "scheme://host"},
		{"no-url", external("https://out post"), "scheme://host"},
		{"user", external("https://a@outpost.example.com"), "scheme://host"},
		{"path", external("https://outpost.example.com/x"), "whole domain"},
		{"query", external("https://outpost.example.com?x"), "scheme://host"},
		{"no-host", external("https://"), "no valid host"},
		{"no-secret", func(c *Config) { c.Session.Secrets = nil }, "secret"},
		{"short-secret", func(c *Config) { c.Session.Secrets = [][]byte{[]byte("changeme")} }, "32 bytes"},
		{"no-store", func(c *Config) { c.Session.Store = nil }, "store"},
		{"no-lifetime", func(c *Config) { c.Session.Max = 0 }, "max"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := good()
			tt.change(&c)
			if o, err := New(c); o != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// A host belongs to the nearest application above it, and the same one among
// three as among ten thousand.
func TestFind(t *testing.T) {
	configured := []Application{
		{Name: "home", ExternalURL: "https://outpost.example.com", CookieDomain: "example.com", Providers: []string{"idp"}},
		{Name: "lab", ExternalURL: "https://outpost.lab.example.com", CookieDomain: "lab.example.com", Providers: []string{"idp"}},
		{Name: "router", ExternalURL: "https://router.example.com", Providers: []string{"idp"}},
		{Name: "v6", ExternalURL: "https://[2001:DB8::1]:8443", Providers: []string{"idp"}},
		{Name: "plain", ExternalURL: "http://plain.example.net:80", Providers: []string{"idp"}},
	}
	many := configured
	for i := range 10_000 {
		many = append(many, Application{Name: "n" + strings.Repeat("x", i%7) + time.Duration(i).String(), ExternalURL: "https://h" + strings.ReplaceAll(time.Duration(i).String(), "µ", "u") + ".example.org", Providers: []string{"idp"}})
	}
	for n, list := range map[string][]Application{"few": configured, "many": many} {
		all, err := compile(list, []*registration{{name: "idp"}}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		for host, want := range map[string]string{
			"outpost.example.com": "home", "app.example.com": "home", "a.b.c.example.com": "home", "example.com": "home", "app.example.com:8443": "home", "x.router.example.com": "home",
			"lab.example.com": "lab", "x.lab.example.com": "lab", "router.example.com": "router", "router.example.com:1": "router", "[2001:db8::1]": "v6", "[2001:db8::1]:1": "v6", "plain.example.net": "plain",
			"": "", "com": "", "evilexample.com": "", "example.com.evil.test": "", "xlab.example.com": "home", "example.net": "", "x.plain.example.net": "", "[::1]": "", "2001:db8::1": "",
		} {
			got := ""
			if app := all.find(host); app != nil {
				got = app.name
			}
			if got != want {
				t.Errorf("%s: %q is of %q, want %q", n, host, got, want)
			}
		}
	}
}

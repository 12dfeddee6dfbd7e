package config_test

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/config"
)

// FuzzLoad holds Load to its word for any file and any environment: no panic,
// Problems that can be shown, or a Config that keeps every rule and survives
// Dump.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, "../config.example.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "home")
	}
	f.Add(smallest+"    allow: { groups: [\"${GROUP}\"] }\n", "${x} # \u2028")

	f.Fuzz(func(t *testing.T, text, variable string) {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path, func(name string) (string, bool) { return variable, variable != "unset" && name == "GROUP" })
		if err != nil {
			checkProblems(t, c, err, text)
			return
		}
		checkInvariants(t, c)
		dumped := dump(t, c)
		if strings.Contains(text+variable, "<secret>") {
			return // a group of that name cannot be told from a secret
		}
		if diff := cmp.Diff(c, reload(t, dumped), sameButSecrets); diff != "" {
			t.Errorf("-file +dump:\n%s\n%s", diff, dumped)
		}
	})
}

func checkProblems(t *testing.T, c *config.Config, err error, text string) {
	t.Helper()
	problems, is := errors.AsType[config.Problems](err)
	if c != nil || !is || len(problems) == 0 {
		t.Fatalf("got Config %v and error %v, want Problems alone", c, err)
	}
	lines := strings.Count(text, "\n") + strings.Count(text, "\r") + strings.Count(text, "\u0085") + strings.Count(text, "\u2028") + strings.Count(text, "\u2029") + 1
	last := 0
	for _, p := range problems {
		if p.Rule == "" || p.File == "" || p.Line < last || p.Line > lines+1 || (p.Line > 0) != (p.Column > 0) {
			t.Errorf("problem %#v after line %d of %d", p, last, lines)
		}
		last = p.Line
		if strings.ContainsAny(p.String(), "\n\r\x1b\x00") {
			t.Errorf("problem %q is not one printable line", p.String())
		}
	}
}

// says reports whether a condition names somebody, and has no empty entry.
func says(a *config.Allow) bool {
	names := slices.Concat(a.Groups, a.Users, a.Emails, a.EmailDomains)
	for _, claim := range a.Claims {
		names = append(append(names, claim.Path), claim.Values...)
	}
	below := slices.Concat(a.Any, a.All)
	if a.Not != nil {
		below = append(below, *a.Not)
	}
	return len(names)+len(below) > 0 && !slices.Contains(names, "") && !slices.ContainsFunc(below, func(one config.Allow) bool { return !says(&one) })
}

var fuzzName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,40}$`)

func checkInvariants(t *testing.T, c *config.Config) {
	t.Helper()
	must := func(ok bool, what string, v any) {
		t.Helper()
		if !ok {
			t.Errorf("%s: %#v", what, v)
		}
	}
	must(c.Listen != "" && c.Management != "" && c.Listen != c.Management || strings.HasSuffix(c.Listen, ":0"), "listeners", c.Listen)
	must(filepath.IsAbs(c.Data), "data", c.Data)
	must(len(c.Providers) > 0 && len(c.Applications) > 0, "providers and applications", c)
	for _, p := range c.TrustedProxies {
		must(p.IsValid() && p.Bits() > 0 && p == p.Masked() && !p.Addr().Is4In6(), "trusted proxy", p)
	}
	names := map[string]bool{}
	for _, p := range c.Providers {
		must(fuzzName.MatchString(p.Name) && !names[p.Name], "provider's name", p)
		names[p.Name] = true
		u, err := url.Parse(p.Issuer)
		must(err == nil && u.Host != "" && (u.Scheme == "https" || c.InsecureHTTP) && !strings.ContainsAny(p.Issuer, "?#"), "issuer", p.Issuer)
		must(p.ClientID != "" && slices.Contains(p.Scopes, "openid"), "client", p)
	}
	applications, hosts, domains := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, a := range c.Applications {
		must(fuzzName.MatchString(a.Name) && !applications[a.Name], "application's name", a)
		must(len(a.Providers) > 0, "application without a provider", a)
		for _, name := range a.Providers {
			must(names[name], "application's provider", a)
		}
		u := a.ExternalURL
		must(u.Scheme == "https" || c.InsecureHTTP && u.Scheme == "http", "scheme", u)
		must(u.Host == strings.ToLower(u.Host) && !strings.HasSuffix(u.Path, "/") && u.User == nil && u.String() == u.Scheme+"://"+u.Host+u.Path && !hosts[u.Host+u.Path], "external URL", u)
		applications[a.Name], hosts[u.Host+u.Path] = true, true
		switch a.Mode {
		case config.Single:
			must(a.CookieDomain == "", "cookie domain in single mode", a)
		case config.Domain:
			must(strings.Contains(a.CookieDomain, ".") && !domains[a.CookieDomain], "cookie domain", a)
			must(strings.HasSuffix("."+u.Hostname(), "."+a.CookieDomain), "host below cookie domain", a)
			domains[a.CookieDomain] = true
		default:
			must(false, "mode", a)
		}
		must(a.Allow == nil || says(a.Allow), "allow", a.Allow)
		for _, rule := range a.Rules {
			must(rule.Allow == nil || says(rule.Allow), "rule", rule)
			must(!rule.Public || !rule.Deny && rule.Allow == nil && rule.Query == nil, "public rule", rule)
		}
	}
	for _, token := range c.Tokens {
		must(len(token.Hash) == len("sha256:")+64 && len(token.Applications) > 0 && token.Username != "", "token", token)
	}
	must(c.Session.Idle > 0 && c.Session.Idle <= c.Session.Max && c.Session.Max <= 400*24*time.Hour, "session", c.Session)
	switch v := c.Session.Redis; c.Session.Store {
	case config.StoreFile, config.StoreMemory:
		must(v.URL == "" && v.Sentinel.Addresses == nil && v.Cluster.Addresses == nil, "redis", c.Session)
	case config.StoreRedis:
		ways := 0
		for _, given := range []bool{v.URL != "", v.Sentinel.Addresses != nil && v.Sentinel.Master != "", v.Cluster.Addresses != nil} {
			if given {
				ways++
			}
		}
		must(ways == 1 && len(c.Secrets) > 0 && v.Prefix != "" && (v.Database == 0 || v.Cluster.Addresses == nil), "redis", c.Session)
	default:
		must(false, "store", c.Session)
	}
	for _, s := range c.Secrets {
		must(len(s.Reveal()) >= 32, "secret's length", len(s.Reveal()))
	}
}

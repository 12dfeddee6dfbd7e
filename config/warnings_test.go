package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outpost/config"
)

func TestWarnings(t *testing.T) {
	dir := t.TempDir()
	secret := func(name string, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("hunter2 of the provider"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
		return path
	}
	fromFile := func(path string) string {
		return strings.Replace(smallest, "hunter2 of the provider", "${file:"+path+"}", 1)
	}
	const other = `
providers:
  - { name: default, issuer: https://auth.example.com/, client_id: outpost, client_secret: "${SECRET}" }
  - { name: work, issuer: https://work.example.com/, client_id: outpost }
applications:
  - { name: home, mode: single, external_url: https://home.example.com, provider: default }
`
	private, group, others := secret("private", 0o400), secret("group", 0o640), secret("others", 0o604)
	tests := []struct {
		name string
		mode os.FileMode
		text string
		want []string
	}{
		{"none", 0o600, smallest, nil},
		{"secret-in-a-readable-file", 0o644, smallest, []string{
			"config.yaml:1:1: the file holds a secret, and others on this machine may read it (mode 0644) (chmod 0400 it, or write ${file:/run/secrets/name} in place of the secret)",
		}},
		{"networks-of-anybody", 0o600, smallest + "    rules: [{ networks: [192.168.1.0/24], allow: true }, { networks: [203.0.113.0/24], deny: true }]\n", []string{
			"config.yaml:10:25: applications[0].rules[0].networks: names private addresses, and every private address is a trusted proxy: whoever has one may pretend to have another (set trusted_proxies to the addresses that nginx has)",
		}},
		{"networks-behind-a-proxy", 0o600, smallest + "    rules: [{ networks: [192.168.1.0/24], allow: true }]\ntrusted_proxies: [172.18.0.5]\n", nil},
		{"secret-elsewhere", 0o644, fromFile(private), nil},
		{"secret-in-a-variable", 0o644, strings.Replace(smallest, "hunter2 of the provider", "${SECRET}", 1), nil},
		{"half-the-internet", 0o600, "trusted_proxies: [10.0.0.0/8, 128.0.0.0/1, \"fc00::/7\", \"2000::/3\"]\n" + strings.TrimPrefix(smallest, "\n"), []string{
			`config.yaml:1:31: trusted_proxies[1]: trusts a large part of the internet: whoever is in it may say what it likes in the headers that count, got "128.0.0.0/1" (name the addresses that nginx has)`,
			`config.yaml:1:56: trusted_proxies[3]: trusts a large part of the internet: whoever is in it may say what it likes in the headers that count, got "2000::/3" (name the addresses that nginx has)`,
		}},
		{"others-write", 0o602, smallest, []string{
			"config.yaml:1:1: the file may be changed by every user of this machine (mode 0602) (chmod o-w it)",
		}},
		{"secret-file-for-the-group", 0o600, fromFile(group), []string{
			"config.yaml:4:18: provider.client_secret: comes from " + group + ", which others on this machine may read (mode 0640) (chmod 0400 it and give it to the user that outpost runs as)",
		}},
		{"secret-file-for-others", 0o600, fromFile(others), []string{
			"config.yaml:4:18: provider.client_secret: comes from " + others + ", which others on this machine may read (mode 0604) (chmod 0400 it and give it to the user that outpost runs as)",
		}},
		{"no-secret-in-the-file-for-others", 0o600, smallest + "    allow: { groups: [\"${file:" + others + "}\"] }\n", nil},
		{"unused-provider", 0o600, other, []string{
			"config.yaml:3:5: providers[1]: is used by no application",
		}},
		{"insecure-http", 0o600, smallest + "insecure_http: true\n", []string{
			`config.yaml:10:16: insecure_http: is on: whoever is on the way can read and take over sessions, got "true" (for local testing only)`,
		}},
		{"insecure-back-channel", 0o600, strings.Replace(smallest, "applications:", "  backchannel_url: http://authentik:9000\n  insecure_backchannel_http: true\napplications:", 1), []string{
			`config.yaml:6:30: provider.insecure_backchannel_http: is on: whoever is on the way to the provider can sign in as anybody, got "true" (only where nobody else is, as between containers of one machine)`,
		}},
		{"no-room-for-a-socket", 0o600, "data: /" + strings.Repeat("d", 100) + "\n" + strings.TrimPrefix(smallest, "\n"), []string{
			`config.yaml:1:7: data: has a path too long for a socket in it: outpost sessions and outpost secret do not reach this process, got "/` + strings.Repeat("d", 99) + `"… (set admin to a unix:PATH of at most 107 bytes, or to off)`,
		}},
		{"no-room-and-no-socket", 0o600, "admin: off\ndata: /" + strings.Repeat("d", 100) + "\n" + strings.TrimPrefix(smallest, "\n"), nil},
		{"cookie-for-other-sites", 0o600, smallest + "    cookie: { insecure_same_site_none: true }\n", []string{
			`config.yaml:10:40: applications[0].cookie.insecure_same_site_none: is on: pages of other sites can send requests as whoever is signed in, got "true" (only for an application that shows up in frames of other sites and refuses forged requests itself)`,
		}},
		{"insecure-email", 0o600, strings.Replace(smallest, "applications:", "  insecure_unverified_email: true\napplications:", 1), []string{
			`config.yaml:5:30: provider.insecure_unverified_email: is on: people choose their own email address, got "true" (only for a provider where an administrator sets it)`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(path, []byte(strings.TrimPrefix(tt.text, "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			c, err := config.Load(path, only("hunter2 of the provider", "SECRET"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range c.Warnings {
				got = append(got, strings.TrimPrefix(fmt.Sprint(w), filepath.Dir(path)+"/"))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

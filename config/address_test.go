package config_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// with returns the smallest file with other values in its domain application,
// and http allowed.
func with(externalURL, cookieDomain string) string {
	text := strings.Replace(smallest, "https://outpost.example.com", fmt.Sprintf("%q", externalURL), 1)
	if cookieDomain == "" {
		text = strings.Replace(text, "    cookie_domain: example.com\n", "", 1)
		text = strings.Replace(text, "mode: domain", "mode: single", 1)
	} else {
		text = strings.Replace(text, "cookie_domain: example.com", fmt.Sprintf("cookie_domain: %q", cookieDomain), 1)
	}
	return text + "insecure_http: true\n"
}

func TestExternalURL(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "https://app.example.com", "https://app.example.com"},
		{"slash", "https://app.example.com/", "https://app.example.com"},
		{"case", "HTTPS://App.EXAMPLE.com", "https://app.example.com"},
		{"default-port", "https://app.example.com:443", "https://app.example.com"},
		{"default-port-http", "http://app.example.com:80", "http://app.example.com"},
		{"port-of-the-other", "http://app.example.com:443", "http://app.example.com:443"},
		{"other-port", "https://app.example.com:8443", "https://app.example.com:8443"},
		{"no-port-after-colon", "https://app.example.com:", "https://app.example.com"},
		{"trailing-dot", "https://app.example.com.", "https://app.example.com"},
		{"trailing-dot-and-port", "https://app.example.com.:8443/", "https://app.example.com:8443"},
		{"punycode", "https://xn--caf-dma.example.com", "https://xn--caf-dma.example.com"},
		{"underscore", "https://my_app.example.com", "https://my_app.example.com"},
		{"one-label", "https://nas", "https://nas"},
		{"ipv4", "https://192.168.1.2:8443", "https://192.168.1.2:8443"},
		{"ipv6", "https://[FD00:0::1]:443/", "https://[fd00::1]"},
		{"http", "http://demo.localhost:8080", "http://demo.localhost:8080"},
		{"path", "https://App.example.com/Sonarr-4k/x.y/", "https://app.example.com/Sonarr-4k/x.y"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := load(t, with(tt.in, ""))
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Applications[0].ExternalURL.String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}

	refused := []string{
		"", "app.example.com", "//app.example.com", "https://", "https:///", "https://:443", "https:app.example.com", "/app",
		"ftp://app.example.com", "javascript:alert(1)", "https://app.example.com//", "https://app.example.com/a//b", "https://app.example.com/..", "https://app.example.com/a/./b", "https://app.example.com/a%62", "https://app.example.com/a;b", "https://app.example.com/ä",
		"https://app.example.com/?", "https://app.example.com#", "https://app.example.com?a=b", "https://a@app.example.com",
		"https://app..example.com", "https://.example.com", "https://app.example.com..", "https://-app.example.com",
		"https://app.example.com:x", "https://app.example.com:0", "https://app.example.com:-1", "https://app.example.com:0443",
		"https://*.example.com", "https://app.example.com\\x", "https://app%2eexample.com", "https://app example.com",
		"https://ａpp.example.com", "https://app。example.com", "https://аpp.example.com",
		"https://127.1", "https://0x7f000001", "https://2130706433", "https://0x", "https://1.2.3.4.5", "https://256.1.1.1", "https://app.example.0",
		"https://[::1", "https://[fe80::1%25eth0]", "https://" + strings.Repeat("a", 64) + ".example.com", "https://" + strings.Repeat("a.", 130) + "com",
	}
	for _, in := range refused {
		if _, err := load(t, with(in, "")); err == nil || !strings.Contains(err.Error(), "1 problem:") || !strings.Contains(err.Error(), "applications[0].external_url: ") {
			t.Errorf("%q: got %v, want one problem with it", in, err)
		}
	}
}

func TestCookieDomain(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "example.com", "example.com"},
		{"dot-in-front", ".example.com", "example.com"},
		{"dot-behind", "example.com.", "example.com"},
		{"case", "Example.COM", "example.com"},
		{"below", "home.example.co.uk", "home.example.co.uk"},
		{"below-a-private-suffix", "me.duckdns.org", "me.duckdns.org"},
		{"below-github-io", "me.github.io", "me.github.io"},
		{"exception-of-a-wildcard", "www.ck", "www.ck"},
		{"localhost", "demo.localhost", "demo.localhost"},
		{"home-arpa", "lan.home.arpa", "lan.home.arpa"},
		{"test", "example.test", "example.test"},
		{"lan", "home.lan", "home.lan"},
		{"local", "nas.local", "nas.local"},
		{"internal", "corp.internal", "corp.internal"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, host := range []string{tt.want, "a." + tt.want, "b.a." + tt.want} {
				c, err := load(t, with("https://"+host, tt.in))
				if err != nil {
					t.Fatal(err)
				}
				if got := c.Applications[0].CookieDomain; got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			}
		})
	}

	refused := []string{
		"com", "co.uk", "github.io", "duckdns.org", "foo.ck", "b.kawasaki.jp", "xn--p1ai",
		"localhost", "lan", "test", "local", "internal", "home.arpa", "arpa", ".lan", "lan.", "COM",
		".", "..", "..example.com", "example..com", "*.example.com", "exa mple.com", "example.com:443", "https://example.com", "example.com/",
		"127.0.0.1", "127.1", "[::1]", "::1", "café.com", "a@example.com",
	}
	for _, in := range refused {
		_, err := load(t, with("https://app."+strings.Trim(in, "."), in))
		if err == nil || !strings.Contains(err.Error(), "applications[0].cookie_domain: ") {
			t.Errorf("%q: got %v, want a problem with it", in, err)
		}
	}
}

// Below means below on a label boundary.
func TestCookieDomainOfHost(t *testing.T) {
	for _, host := range []string{
		"evilexample.com", "example.com.evil.org", "example.org", "com", "xample.com", "app.example.co", "example-com", "app-example.com",
	} {
		_, err := load(t, with("https://"+host, "example.com"))
		if err == nil || !strings.Contains(err.Error(), "applications[0].external_url: must be at or below the cookie domain example.com") {
			t.Errorf("%s: got %v, want a problem with the external URL", host, err)
		}
	}
}

func TestListen(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"port", ":8080", ":8080"},
		{"any-free-port", "127.0.0.1:0", "127.0.0.1:0"},
		{"ipv4", "0.0.0.0:9000", "0.0.0.0:9000"},
		{"ipv6", "[::1]:9000", "[::1]:9000"},
		{"zone", "[fe80::1%eth0]:9000", "[fe80::1%eth0]:9000"},
		{"name", "LocalHost:9000", "localhost:9000"},
		{"socket", "unix:/run/outpost.sock", "unix:/run/outpost.sock"},
		{"socket-long", "unix:/" + strings.Repeat("x", 106), "unix:/" + strings.Repeat("x", 106)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := mustLoad(t, smallest+fmt.Sprintf("listen: %q\n", tt.in))
			if c.Listen != tt.want {
				t.Errorf("got %q, want %q", c.Listen, tt.want)
			}
		})
	}

	for _, in := range []string{"", ":", "9000", "localhost", "::1:9000", "[::1]", ":-1", ":+1", ":09", "*:9000", "unix:", "unix:x", "unix:/", "unix:@x", "unix:/a/", "unix:9000", "http://localhost:9000"} {
		if _, err := load(t, smallest+fmt.Sprintf("listen: %q\n", in)); err == nil || !strings.Contains(err.Error(), " listen: ") {
			t.Errorf("%q: got %v, want a problem with it", in, err)
		}
	}
}

func TestListenersDiffer(t *testing.T) {
	tests := []struct {
		name, listen, management string
		differ                   bool
	}{
		{"ports", ":9000", ":9300", true},
		{"off", ":9000", "off", true},
		{"hosts", "127.0.0.1:9000", "127.0.0.2:9000", true},
		{"socket-and-port", "unix:/run/a.sock", ":9000", true},
		{"sockets", "unix:/run/a.sock", "unix:/run/b.sock", true},
		{"any-free-port-twice", "127.0.0.1:0", "127.0.0.1:0", true},
		{"same", "127.0.0.1:9000", "127.0.0.1:9000", false},
		{"same-socket", "unix:/run/a.sock", "unix:/run/a.sock", false},
		{"same-socket-with-a-colon", "unix:/run/a:0", "unix:/run/a:0", false},
		{"everywhere", ":9000", "127.0.0.1:9000", false},
		{"everywhere-ipv6", "127.0.0.1:9000", "[::]:9000", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, smallest+fmt.Sprintf("listen: %q\nmanagement: %q\n", tt.listen, tt.management))
			if (err == nil) != tt.differ {
				t.Errorf("got %v, want differ %v", err, tt.differ)
			}
		})
	}
}

func TestTrustedProxies(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"ipv4", "172.18.0.5", "172.18.0.5/32"},
		{"ipv6", "fd00::5", "fd00::5/128"},
		{"mapped", "::ffff:172.18.0.5", "172.18.0.5/32"},
		{"network", "10.0.0.0/8", "10.0.0.0/8"},
		{"masked", "10.1.2.3/8", "10.0.0.0/8"},
		{"masked-ipv6", "fd00:1::1/8", "fd00::/8"},
		{"mapped-network", "::ffff:10.1.2.3/104", "10.0.0.0/8"},
		{"half", "128.0.0.0/1", "128.0.0.0/1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := mustLoad(t, smallest+fmt.Sprintf("trusted_proxies: [%q]\n", tt.in))
			if len(c.TrustedProxies) != 1 || c.TrustedProxies[0] != netip.MustParsePrefix(tt.want) {
				t.Errorf("got %v, want [%s]", c.TrustedProxies, tt.want)
			}
		})
	}

	for _, in := range []string{"", "0.0.0.0/0", "1.2.3.4/0", "::/0", "1::/0", "::ffff:1.2.3.4/96", "::ffff:1.2.3.4/95", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/08", "fe80::1%eth0", "fe80::1%eth0/64", "nginx", "unix:", "10.0.0.1:80"} {
		if _, err := load(t, smallest+fmt.Sprintf("trusted_proxies: [%q]\n", in)); err == nil || !strings.Contains(err.Error(), "trusted_proxies[0]: ") {
			t.Errorf("%q: got %v, want a problem with it", in, err)
		}
	}
}

// The issuer is compared with tokens byte for byte, so nothing about it is
// made uniform.
func TestIssuerIsKept(t *testing.T) {
	for _, issuer := range []string{
		"https://auth.example.com", "https://auth.example.com/", "https://Auth.Example.com:443/realms/A%2Fb/", "https://auth.example.com./x//y", "http://[FD00::1]:8080/a@b",
	} {
		c := mustLoad(t, strings.Replace(smallest, "https://auth.example.com/application/o/outpost/", fmt.Sprintf("%q", issuer), 1)+"insecure_http: true\n")
		if got := c.Providers[0].Issuer; got != issuer {
			t.Errorf("got %q, want %q", got, issuer)
		}
	}
}

package headers_test

import (
	"strings"
	"testing"

	"outpost/headers"
)

func TestHost(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, tt := range []struct{ name, host, scheme, want string }{ // want is "" for no host
		{"plain", "app.example.com", "https", "app.example.com"},
		{"one-label", "localhost", "https", "localhost"},
		{"capitals", "APP.Example.COM", "https", "app.example.com"},
		{"trailing-dot", "app.example.com.", "https", "app.example.com"},
		{"trailing-dot-and-port", "app.example.com.:8443", "https", "app.example.com:8443"},
		{"default-port-of-https", "app.example.com:443", "https", "app.example.com"},
		{"default-port-of-http", "App.example.com:80", "http", "app.example.com"},
		{"default-port-of-the-other-scheme", "app.example.com:80", "https", "app.example.com:80"},
		{"no-scheme-strips-no-port", "app.example.com:443", "", "app.example.com:443"},
		{"other-port", "app.example.com:8443", "https", "app.example.com:8443"},
		{"lowest-port", "a:1", "https", "a:1"},
		{"highest-port", "a:65535", "https", "a:65535"},
		{"hyphens-and-digits", "xn--bcher-kva.a-1.9", "https", "xn--bcher-kva.a-1.9"},
		{"ipv4", "192.0.2.7:8080", "http", "192.0.2.7:8080"},
		{"ipv6", "[2001:DB8::1]", "https", "[2001:db8::1]"},
		{"ipv6-with-default-port", "[::1]:443", "https", "[::1]"},
		{"ipv6-with-port", "[::ffff:192.0.2.7]:8443", "https", "[::ffff:192.0.2.7]:8443"},
		{"longest-label", long + ".com", "https", long + ".com"},
		{"longest-name", strings.Repeat("abcdefg.", 31) + "abcde", "https", strings.Repeat("abcdefg.", 31) + "abcde"},

		{"empty", "", "https", ""},
		{"dot", ".", "https", ""},
		{"port-alone", ":443", "https", ""},
		{"two-trailing-dots", "app.example.com..", "https", ""},
		{"leading-dot", ".example.com", "https", ""},
		{"empty-label", "app..example.com", "https", ""},
		{"label-too-long", long + "a.com", "https", ""},
		{"name-too-long", strings.Repeat("abcdefg.", 31) + "abcdef", "https", ""},
		{"underscore", "My_app.example.com", "https", "my_app.example.com"},
		{"space", "app.example.com ", "https", ""},
		{"user", "app.example.com@evil.test", "https", ""},
		{"user-and-port", "app.example.com:443@evil.test", "https", ""},
		{"path", "app.example.com/x", "https", ""},
		{"query", "app.example.com?x", "https", ""},
		{"fragment", "app.example.com#x", "https", ""},
		{"backslash", `app.example.com\x`, "https", ""},
		{"percent", "app%2eexample.com", "https", ""},
		{"list", "app.example.com,evil.test", "https", ""},
		{"control", "app.example.com\x00", "https", ""},
		{"newline", "app.example.com\r\nX: y", "https", ""},
		{"full-width-letter", "\xef\xbd\x81pp.example.com", "https", ""},
		{"ideographic-dot", "example\xe3\x80\x82com", "https", ""},
		{"kelvin-sign", "\xe2\x84\xaa.example.com", "https", ""},
		{"port-empty", "app.example.com:", "https", ""},
		{"port-zero", "app.example.com:0", "https", ""},
		{"port-too-large", "app.example.com:65536", "https", ""},
		{"port-of-six-digits", "app.example.com:100000", "https", ""},
		{"port-with-leading-zero", "app.example.com:0443", "https", ""},
		{"port-signed", "app.example.com:+443", "https", ""},
		{"two-ports", "app.example.com:443:443", "https", ""},
		{"ipv6-bare", "::1", "https", ""},
		{"ipv6-unclosed", "[::1", "https", ""},
		{"ipv6-empty", "[]", "https", ""},
		{"ipv6-tail", "[::1]x", "https", ""},
		{"ipv6-trailing-dot", "[::1].", "https", ""},
		{"ipv6-zone", "[fe80::1%25eth0]", "https", ""},
		{"ipv6-name", "[evil.test]", "https", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := headers.Host(tt.host, tt.scheme)
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("Host(%q, %q) is %q, %v; want %q", tt.host, tt.scheme, got, ok, tt.want)
			}
		})
	}
}

func TestHostname(t *testing.T) {
	for _, tt := range []struct{ name, host, want string }{
		{"no-port", "app.example.com", "app.example.com"},
		{"port", "app.example.com:8443", "app.example.com"},
		{"ipv6", "[::1]", "[::1]"},
		{"ipv6-and-port", "[::1]:8443", "[::1]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := headers.Hostname(tt.host); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A host that browsers send is compared on each check.
func TestHostAllocatesNothing(t *testing.T) {
	for _, host := range []string{"app.example.com", "app.example.com:443", "app.example.com."} {
		if n := testing.AllocsPerRun(100, func() { headers.Host(host, "https") }); n != 0 {
			t.Errorf("%s: %v allocations", host, n)
		}
	}
}

// What Host returns is its own spelling, and nothing in it could end a host
// early in any parser.
func FuzzHost(f *testing.F) {
	for _, host := range []string{"app.example.com", "A.b.:443", "[::1]:80", "[::FFFF:1.2.3.4]", "a..b", "x@y", "a:065", "[v1.x]", "\xef\xbd\x81"} {
		f.Add(host, "https")
		f.Add(host, "http")
		f.Add(host, "")
	}
	f.Fuzz(func(t *testing.T, host, scheme string) {
		got, ok := headers.Host(host, scheme)
		if !ok {
			if got != "" {
				t.Errorf("%q is no host and yet %q", host, got)
			}
			return
		}
		if again, ok := headers.Host(got, scheme); !ok || again != got {
			t.Errorf("Host(%q) is %q, and Host of that %q, %v", host, got, again, ok)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789.-:[]", r) }); i >= 0 {
			t.Errorf("Host(%q) is %q, which has %q", host, got, got[i:])
		}
		name := headers.Hostname(got)
		if !strings.HasPrefix(got, name) || name == "" || strings.HasSuffix(name, ".") {
			t.Errorf("Hostname(%q) is %q", got, name)
		}
		if again, ok := headers.Host(name, scheme); !ok || again != name {
			t.Errorf("the name %q of %q is no host", name, got)
		}
	})
}

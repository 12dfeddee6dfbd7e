package headers_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outpost/headers"
)

func TestFromNginx(t *testing.T) {
	const url = "X-Original-Url"
	for _, tt := range []struct {
		name   string
		header http.Header
		host   string
		want   headers.Original
		err    error
	}{
		{
			"swag", http.Header{url: {"https://app.example.com/x?y=1"}, "X-Forwarded-Host": {"app.example.com"}, "X-Original-Method": {"POST"}},
			"app.example.com", headers.Original{Scheme: "https", Host: "app.example.com", Target: "/x?y=1", Method: "POST"}, nil,
		},
		{
			"method-of-our-include", http.Header{url: {"https://app.example.com/"}, "X-Forwarded-Method": {"PUT"}},
			"app.example.com", headers.Original{Scheme: "https", Host: "app.example.com", Target: "/", Method: "PUT"}, nil,
		},
		{
			"one-method-goes-before-the-other", http.Header{url: {"https://app.example.com/"}, "X-Original-Method": {"GET"}, "X-Forwarded-Method": {"PUT"}},
			"app.example.com", headers.Original{Scheme: "https", Host: "app.example.com", Target: "/", Method: "GET"}, nil,
		},
		{"no-path", http.Header{url: {"https://app.example.com"}}, "app.example.com", headers.Original{Scheme: "https", Host: "app.example.com", Target: "/"}, nil},
		{"http", http.Header{url: {"http://app.example.com:80/"}}, "app.example.com:80", headers.Original{Scheme: "http", Host: "app.example.com", Target: "/"}, nil},
		{"capitals", http.Header{url: {"HTTPS://APP.Example.com/X"}}, "app.example.com", headers.Original{Scheme: "https", Host: "app.example.com", Target: "/X"}, nil},
		{"ports-do-not-count", http.Header{url: {"https://app.example.com:8443/"}, "X-Forwarded-Host": {"app.example.com:443"}}, "app.example.com", headers.Original{Scheme: "https", Host: "app.example.com:8443", Target: "/"}, nil},
		{"http3-has-the-forwarded-host", http.Header{url: {"https:///x"}, "X-Forwarded-Host": {"app.example.com"}}, "app.example.com", headers.Original{Scheme: "https", Host: "app.example.com", Target: "/x"}, nil},
		{"http3-has-the-host", http.Header{url: {"https:///x"}}, "app.example.com:8443", headers.Original{Scheme: "https", Host: "app.example.com:8443", Target: "/x"}, nil},
		{"http3-with-empty-forwarded-host", http.Header{url: {"https:///x"}, "X-Forwarded-Host": {""}}, "app.example.com", headers.Original{Scheme: "https", Host: "app.example.com", Target: "/x"}, nil},
		{"every-legal-byte", http.Header{url: {"https://app.example.com/{}|^`\"<>\\ \xc3\xa4\xff%zz#?a b"}}, "app.example.com", headers.Original{Scheme: "https", Host: "app.example.com", Target: "/{}|^`\"<>\\ \xc3\xa4\xff%zz#?a b"}, nil},
		{"dots-are-left", http.Header{url: {"https://app.example.com/a/..//%2e%2e/b"}}, "app.example.com", headers.Original{Scheme: "https", Host: "app.example.com", Target: "/a/..//%2e%2e/b"}, nil},
		{"user-in-the-query", http.Header{url: {"https://app.example.com/?a@b://c"}}, "app.example.com", headers.Original{Scheme: "https", Host: "app.example.com", Target: "/?a@b://c"}, nil},

		{"none", http.Header{}, "app.example.com", headers.Original{}, headers.ErrURLMissing},
		{"empty", http.Header{url: {""}}, "app.example.com", headers.Original{}, headers.ErrURLMissing},
		{"other-families-do-not-count", http.Header{"X-Original-Uri": {"/"}, "X-Forwarded-Uri": {"/"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"app.example.com"}, "Forwarded": {"host=app.example.com"}}, "app.example.com", headers.Original{}, headers.ErrURLMissing},
		{"twice", http.Header{url: {"https://app.example.com/", "https://app.example.com/"}}, "app.example.com", headers.Original{}, headers.ErrURLInvalid},
		{"empty-and-good", http.Header{url: {"", "https://app.example.com/"}}, "app.example.com", headers.Original{}, headers.ErrURLInvalid},
		{"too-long", http.Header{url: {"https://app.example.com/" + strings.Repeat("a", 32<<10)}}, "app.example.com", headers.Original{}, headers.ErrURLInvalid},
		{"relative", http.Header{url: {"/x"}}, "app.example.com", headers.Original{}, headers.ErrURLInvalid},
		{"scheme-relative", http.Header{url: {"//app.example.com/x"}}, "app.example.com", headers.Original{}, headers.ErrURLInvalid},
		{"opaque", http.Header{url: {"https:app.example.com"}}, "app.example.com", headers.Original{}, headers.ErrURLInvalid},
		{"other-scheme", http.Header{url: {"ftp://app.example.com/"}}, "app.example.com", headers.Original{}, headers.ErrURLInvalid},
		{"javascript", http.Header{url: {"javascript://app.example.com/%0aalert(1)"}}, "app.example.com", headers.Original{}, headers.ErrURLInvalid},
		{"space-before", http.Header{url: {" https://app.example.com/"}}, "app.example.com", headers.Original{}, headers.ErrURLInvalid},
		{"query-without-path", http.Header{url: {"https://app.example.com?x"}}, "app.example.com", headers.Original{}, headers.ErrURLInvalid},
		{"fragment-without-path", http.Header{url: {"https://app.example.com#/x"}}, "app.example.com", headers.Original{}, headers.ErrURLInvalid},
		{"backslash-ends-the-host", http.Header{url: {`https://app.example.com\@evil.test/`}}, "app.example.com", headers.Original{}, headers.ErrURLInvalid},
		{"user", http.Header{url: {"https://app.example.com@evil.test/"}}, "evil.test", headers.Original{}, headers.ErrURLInvalid},
		{"nul", http.Header{url: {"https://app.example.com/\x00"}}, "app.example.com", headers.Original{}, headers.ErrURLInvalid},
		{"delete", http.Header{url: {"https://app.example.com/\x7f"}}, "app.example.com", headers.Original{}, headers.ErrURLInvalid},
		{"line-end", http.Header{url: {"https://app.example.com/\r\n"}}, "app.example.com", headers.Original{}, headers.ErrURLInvalid},
		{"no-host-at-all", http.Header{url: {"https:///x"}}, "", headers.Original{}, headers.ErrURLInvalid},

		{"two-hosts", http.Header{url: {"https://app.example.com/"}}, "admin.example.com", headers.Original{}, headers.ErrHostMismatch},
		{"forwarded-host-is-another", http.Header{url: {"https://app.example.com/"}, "X-Forwarded-Host": {"admin.example.com"}}, "app.example.com", headers.Original{}, headers.ErrHostMismatch},
		{"two-forwarded-hosts", http.Header{url: {"https://app.example.com/"}, "X-Forwarded-Host": {"app.example.com", "app.example.com"}}, "app.example.com", headers.Original{}, headers.ErrHostMismatch},
		{"list-of-forwarded-hosts", http.Header{url: {"https://app.example.com/"}, "X-Forwarded-Host": {"app.example.com, app.example.com"}}, "app.example.com", headers.Original{}, headers.ErrHostMismatch},
		{"host-missing", http.Header{url: {"https://app.example.com/"}}, "", headers.Original{}, headers.ErrHostMismatch},
		{"host-of-the-upstream", http.Header{url: {"https://app.example.com/"}}, "outpost:9000", headers.Original{}, headers.ErrHostMismatch},
		{"host-below", http.Header{url: {"https://app.example.com/"}}, "x.app.example.com", headers.Original{}, headers.ErrHostMismatch},
		{"http3-hosts-differ", http.Header{url: {"https:///"}, "X-Forwarded-Host": {"app.example.com"}}, "admin.example.com", headers.Original{}, headers.ErrHostMismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := headers.FromNginx(tt.header, tt.host)
			if diff := cmp.Diff(tt.want, got); diff != "" || !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v; want (-) and got (+):\n%s", err, tt.err, diff)
			}
		})
	}
}

func TestURL(t *testing.T) {
	const raw = "https://app.example.com:8443/a//b?x=1&y"
	o, err := headers.FromNginx(http.Header{"X-Original-Url": {raw}}, "app.example.com")
	if err != nil || o.URL() != raw {
		t.Errorf("got %q, %v", o.URL(), err)
	}
}

// An application behind CGI or WSGI reads X_authentik_username as
// X-authentik-username; nginx passes it on where it was told to.
func TestAliases(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header string
		want   error
	}{
		{"underscores", "X_authentik_username", headers.ErrAlias},
		{"one-underscore", "X-Authentik_groups", headers.ErrAlias},
		{"lower-case", "x_authentik_email", headers.ErrAlias},
		{"capitals", "X_AUTHENTIK_UID", headers.ErrAlias},
		{"dots", "X.authentik.name", headers.ErrAlias},
		{"other-signs", "X!authentik~entitlements", headers.ErrAlias},
		{"of-the-url", "X_original_url", headers.ErrAlias},
		{"of-the-forwarded-host", "X_Forwarded_Host", headers.ErrAlias},
		{"of-the-address", "X-Forwarded_For", headers.ErrAlias},
		{"underscore-elsewhere", "X_Custom_Header", nil},
		{"longer", "X_authentik_username_2", nil},
		{"other-letter", "Y_authentik_username", nil},
		{"no-name", "", nil},
		{"the-header-itself", "X-Authentik-Username", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{"X-Original-Url": {"https://app.example.com/"}, tt.header: {"root"}}
			if _, err := headers.FromNginx(h, "app.example.com"); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestFromNginxAllocatesNothing(t *testing.T) {
	h := http.Header{
		"X-Original-Url": {"https://app.example.com/x?y=1"}, "X-Forwarded-Host": {"app.example.com"}, "X-Original-Method": {"GET"},
		"User-Agent": {"Mozilla/5.0"}, "X-Real-Ip": {"203.0.113.7"}, "X-Forwarded-For": {"203.0.113.7"},
	}
	if n := testing.AllocsPerRun(100, func() { headers.FromNginx(h, "app.example.com") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever the headers say, there is either one of the four errors or a request
// that is spelled in one way.
func FuzzFromNginx(f *testing.F) {
	f.Add("https://app.example.com/x?y", "app.example.com", "app.example.com", "X-Real-Ip")
	f.Add("https:///x", "", "app.example.com:443", "X_authentik_username")
	f.Add("http://[::1]:80", "[::1]", "[::1]", "")
	f.Add(`https://app.example.com\@evil.test/`, "a, b", "A.", "X.original.url")
	f.Add("https://a/\x00", "a", "a", "x")
	f.Fuzz(func(t *testing.T, original, forwarded, host, extra string) {
		h := http.Header{extra: {"x"}, "X-Original-Url": {original}, "X-Forwarded-Host": {forwarded}}
		o, err := headers.FromNginx(h, host)
		if err != nil {
			if o != (headers.Original{}) {
				t.Errorf("%v, and yet %+v", err, o)
			}
			for _, known := range []error{headers.ErrURLMissing, headers.ErrURLInvalid, headers.ErrHostMismatch, headers.ErrAlias} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatalf("an error that nobody knows: %v", err)
		}
		if o.Scheme != "https" && o.Scheme != "http" {
			t.Errorf("scheme %q", o.Scheme)
		}
		if normal, ok := headers.Host(o.Host, o.Scheme); !ok || normal != o.Host {
			t.Errorf("host %q is not in its one spelling %q", o.Host, normal)
		}
		if !strings.HasPrefix(o.Target, "/") || strings.ContainsAny(o.Target, "\x00\r\n\t\x7f") {
			t.Errorf("target %q", o.Target)
		}
		if !strings.HasSuffix(original, o.Target) && o.Target != "/" {
			t.Errorf("target %q is not of %q", o.Target, original)
		}
		// nginx routes by the host that it sends: the one that we decide about.
		for _, other := range []string{host, forwarded} {
			if normal, ok := headers.Host(other, o.Scheme); other != "" && (!ok || headers.Hostname(normal) != headers.Hostname(o.Host)) {
				t.Errorf("accepted for %q although it says %q", o.Host, other)
			}
		}
	})
}

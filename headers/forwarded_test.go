package headers_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outpost/headers"
)

// forwarded is what Traefik and Caddy send for a GET of https://app.example.com/x?y=1,
// with changes: a name and its value, "" for none.
func forwarded(changes ...string) http.Header {
	h := http.Header{
		"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"app.example.com"}, "X-Forwarded-Uri": {"/x?y=1"}, "X-Forwarded-Method": {"GET"},
		"X-Forwarded-For": {"203.0.113.7"}, "X-Forwarded-Port": {"443"}, "X-Forwarded-Server": {"traefik"}, "User-Agent": {"Mozilla/5.0"},
	}
	for i := 0; i+1 < len(changes); i += 2 {
		if changes[i+1] == "" {
			delete(h, changes[i])
			continue
		}
		h[changes[i]] = []string{changes[i+1]}
	}
	return h
}

// twice has a header a second time.
func twice(h http.Header, name, value string) http.Header {
	h[name] = append(h[name], value)
	return h
}

// others are the headers of every family but Traefik's and Caddy's, as a client may
// write them.
var others = []string{
	"X-Original-Url", "https://evil.test/", "X-Original-Uri", "/evil", "X-Original-Method", "TRACE", "X-Original-Host", "evil.test",
	"X-Rewrite-Url", "/evil", "Forwarded", "host=evil.test;proto=http", "X-Forwarded-Prefix", "/evil", "X-Forwarded-Port", "1", "X-Forwarded-Path", "/evil",
	"X-Auth-Request-Redirect", "https://evil.test/", "X-Envoy-Original-Path", "/evil", "X-Http-Method-Override", "TRACE", "X-Host", "evil.test", "X-Url-Scheme", "http",
}

func TestFromForwarded(t *testing.T) {
	plain := headers.Original{Scheme: "https", Host: "app.example.com", Target: "/x?y=1", Method: "GET"}
	with := func(change func(*headers.Original)) headers.Original {
		o := plain
		change(&o)
		return o
	}
	for _, tt := range []struct {
		name   string
		header http.Header
		host   string
		want   headers.Original
		err    error
	}{
		{"traefik", forwarded(), "", plain, nil},
		{"caddy", forwarded(), "app.example.com", plain, nil},
		{"method", forwarded("X-Forwarded-Method", "POST"), "", with(func(o *headers.Original) { o.Method = "POST" }), nil},
		{"http", forwarded("X-Forwarded-Proto", "http"), "", with(func(o *headers.Original) { o.Scheme = "http" }), nil},
		{"scheme-in-capitals", forwarded("X-Forwarded-Proto", "HTTPS"), "", plain, nil},
		{"websocket", forwarded("X-Forwarded-Proto", "wss"), "", plain, nil},
		{"websocket-without-tls", forwarded("X-Forwarded-Proto", "ws"), "", with(func(o *headers.Original) { o.Scheme = "http" }), nil},
		{"host-in-capitals", forwarded("X-Forwarded-Host", "APP.Example.com."), "app.example.com", plain, nil},
		{"default-port", forwarded("X-Forwarded-Host", "app.example.com:443"), "app.example.com", plain, nil},
		{"port", forwarded("X-Forwarded-Host", "app.example.com:8443"), "app.example.com", with(func(o *headers.Original) { o.Host = "app.example.com:8443" }), nil},
		{"every-legal-byte", forwarded("X-Forwarded-Uri", "/{}|^`\"<>\\ \xc3\xa4\xff%zz#?a b"), "", with(func(o *headers.Original) { o.Target = "/{}|^`\"<>\\ \xc3\xa4\xff%zz#?a b" }), nil},
		{"dots-are-left", forwarded("X-Forwarded-Uri", "/a/..//%2e%2e/b"), "", with(func(o *headers.Original) { o.Target = "/a/..//%2e%2e/b" }), nil},
		{"two-slashes", forwarded("X-Forwarded-Uri", "//evil.test/"), "", with(func(o *headers.Original) { o.Target = "//evil.test/" }), nil},
		{"longest", forwarded("X-Forwarded-Uri", "/"+strings.Repeat("a", 32<<10-1)), "", with(func(o *headers.Original) { o.Target = "/" + strings.Repeat("a", 32<<10-1) }), nil},
		{"other-families-do-not-count", forwarded(others...), "", plain, nil},

		{"no-scheme", forwarded("X-Forwarded-Proto", ""), "", headers.Original{}, headers.ErrURLMissing},
		{"no-host", forwarded("X-Forwarded-Host", ""), "app.example.com", headers.Original{}, headers.ErrURLMissing},
		{"no-path", forwarded("X-Forwarded-Uri", ""), "", headers.Original{}, headers.ErrURLMissing},
		{"no-method", forwarded("X-Forwarded-Method", ""), "", headers.Original{}, headers.ErrURLMissing},
		{"empty-path", http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"a"}, "X-Forwarded-Uri": {""}, "X-Forwarded-Method": {"GET"}}, "", headers.Original{}, headers.ErrURLMissing},
		{"only-another-family", http.Header{"X-Original-Url": {"https://app.example.com/"}, "X-Original-Method": {"GET"}}, "app.example.com", headers.Original{}, headers.ErrURLMissing},

		{"two-schemes", twice(forwarded(), "X-Forwarded-Proto", "https"), "", headers.Original{}, headers.ErrURLInvalid},
		{"list-of-schemes", forwarded("X-Forwarded-Proto", "https,http"), "", headers.Original{}, headers.ErrURLInvalid},
		{"other-scheme", forwarded("X-Forwarded-Proto", "javascript"), "", headers.Original{}, headers.ErrURLInvalid},
		{"two-paths", twice(forwarded(), "X-Forwarded-Uri", "/x?y=1"), "", headers.Original{}, headers.ErrURLInvalid},
		{"empty-and-good", http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"a"}, "X-Forwarded-Uri": {"", "/"}, "X-Forwarded-Method": {"GET"}}, "", headers.Original{}, headers.ErrURLInvalid},
		{"two-methods", twice(forwarded(), "X-Forwarded-Method", "GET"), "", headers.Original{}, headers.ErrURLInvalid},
		{"absolute-url-as-path", forwarded("X-Forwarded-Uri", "https://evil.test/"), "", headers.Original{}, headers.ErrURLInvalid},
		{"relative", forwarded("X-Forwarded-Uri", "x"), "", headers.Original{}, headers.ErrURLInvalid},
		{"asterisk", forwarded("X-Forwarded-Uri", "*"), "", headers.Original{}, headers.ErrURLInvalid},
		{"too-long", forwarded("X-Forwarded-Uri", "/"+strings.Repeat("a", 32<<10)), "", headers.Original{}, headers.ErrURLInvalid},
		{"nul", forwarded("X-Forwarded-Uri", "/\x00"), "", headers.Original{}, headers.ErrURLInvalid},
		{"line-end", forwarded("X-Forwarded-Uri", "/\r\nSet-Cookie: x"), "", headers.Original{}, headers.ErrURLInvalid},
		{"delete", forwarded("X-Forwarded-Uri", "/\x7f"), "", headers.Original{}, headers.ErrURLInvalid},
		{"user-in-the-host", forwarded("X-Forwarded-Host", "app.example.com@evil.test"), "", headers.Original{}, headers.ErrURLInvalid},
		{"path-in-the-host", forwarded("X-Forwarded-Host", "app.example.com/x"), "", headers.Original{}, headers.ErrURLInvalid},
		{"list-of-hosts", forwarded("X-Forwarded-Host", "app.example.com, evil.test"), "", headers.Original{}, headers.ErrURLInvalid},

		{"two-forwarded-hosts", twice(forwarded(), "X-Forwarded-Host", "app.example.com"), "", headers.Original{}, headers.ErrHostMismatch},
		{"host-is-another", forwarded(), "admin.example.com", headers.Original{}, headers.ErrHostMismatch},
		{"host-below", forwarded(), "x.app.example.com", headers.Original{}, headers.ErrHostMismatch},
		{"host-cannot-be-read", forwarded(), "app.example.com@x", headers.Original{}, headers.ErrHostMismatch},

		{"alias-of-an-identity", forwarded("X_authentik_username", "root"), "", headers.Original{}, headers.ErrAlias},
		{"alias-of-the-path", forwarded("X_forwarded_uri", "/evil"), "", headers.Original{}, headers.ErrAlias},
		{"alias-of-the-scheme", forwarded("X-Forwarded_proto", "http"), "", headers.Original{}, headers.ErrAlias},
		{"alias-with-a-dot", forwarded("x.forwarded.method", "GET"), "", headers.Original{}, headers.ErrAlias},
		{"underscore-elsewhere", forwarded("X_Custom", "x", "x_", "y", "", "z"), "", plain, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := headers.FromForwarded(tt.header, tt.host)
			if diff := cmp.Diff(tt.want, got); diff != "" || !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v; want (-) and got (+):\n%s", err, tt.err, diff)
			}
		})
	}
}

func TestFromForwardedAllocatesNothing(t *testing.T) {
	h := forwarded()
	if n := testing.AllocsPerRun(100, func() { headers.FromForwarded(h, "app.example.com") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever the four say, there is one of the four errors, or a request that is
// spelled in one way and says what they say.
func FuzzFromForwarded(f *testing.F) {
	f.Add("https", "app.example.com", "/x?y", "GET", "app.example.com", "X-Real-Ip")
	f.Add("wss", "app.example.com:443", "//x", "POST", "", "X_forwarded_uri")
	f.Add("https,http", "a, b", `/\evil.test`, "", "A.", "X.original.url")
	f.Fuzz(func(t *testing.T, proto, forwardedHost, uri, method, host, extra string) {
		h := http.Header{extra: {"x"}, "X-Forwarded-Proto": {proto}, "X-Forwarded-Host": {forwardedHost}, "X-Forwarded-Uri": {uri}, "X-Forwarded-Method": {method}}
		o, err := headers.FromForwarded(h, host)
		checkOriginal(t, o, err)
		if err == nil && (o.Target != uri || o.Method != method) {
			t.Errorf("%+v of path %q and method %q", o, uri, method)
		}
		if normal, ok := headers.Host(host, o.Scheme); err == nil && host != "" && (!ok || headers.Hostname(normal) != headers.Hostname(o.Host)) {
			t.Errorf("accepted for %q although Host is %q", o.Host, host)
		}
	})
}

// checkOriginal holds that there is either a known error or a plausible request.
func checkOriginal(t *testing.T, o headers.Original, err error) {
	t.Helper()
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
}

const envoyPrefix = "/outpost.goauthentik.io/auth/envoy"

// envoy is a check for GET https://app.example.com/x, with changes as of forwarded.
func envoy(target string, changes ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RequestURI, r.Host = target, "app.example.com"
	r.Header = http.Header{"X-Forwarded-Proto": {"https"}, "Cookie": {"a=b"}}
	for i := 0; i+1 < len(changes); i += 2 {
		switch {
		case changes[i] == "Host":
			r.Host = changes[i+1]
		case changes[i] == "Method":
			r.Method = changes[i+1]
		case changes[i+1] == "":
			delete(r.Header, changes[i])
		default:
			r.Header[changes[i]] = append(r.Header[changes[i]], changes[i+1])
		}
	}
	return r
}

func TestFromEnvoy(t *testing.T) {
	original := func(target string) headers.Original {
		return headers.Original{Scheme: "https", Host: "app.example.com", Target: target, Method: "GET"}
	}
	odd := []string{
		"/", "/x?y=1&z=%2F+", "//x", "/a/..//%2e%2e/b", "/%7euser/%C3%A4", "/?", "/x?a=/outpost.goauthentik.io/auth/envoy/", envoyPrefix + "/x", "/x;y=1?q#f",
	}
	for _, target := range odd {
		t.Run("as-it-came"+strings.ReplaceAll(target, "/", "-"), func(t *testing.T) {
			got, err := headers.FromEnvoy(envoy(envoyPrefix+target), envoyPrefix)
			if diff := cmp.Diff(original(target), got); diff != "" || err != nil {
				t.Errorf("%v; want (-) and got (+):\n%s", err, diff)
			}
		})
	}
	for _, tt := range []struct {
		name string
		r    *http.Request
		want headers.Original
		err  error
	}{
		{"method", envoy(envoyPrefix+"/", "Method", "POST"), headers.Original{Scheme: "https", Host: "app.example.com", Target: "/", Method: "POST"}, nil},
		{"http", envoy(envoyPrefix+"/", "X-Forwarded-Proto", "", "X-Forwarded-Proto", "http"), headers.Original{Scheme: "http", Host: "app.example.com", Target: "/", Method: "GET"}, nil},
		{"scheme-not-sent", envoy(envoyPrefix+"/", "X-Forwarded-Proto", ""), original("/"), nil},
		{"host-with-default-port", envoy(envoyPrefix+"/", "Host", "APP.example.com:443"), original("/"), nil},
		{"other-families-do-not-count", envoy(envoyPrefix+"/x", append([]string{"X-Forwarded-Host", "evil.test", "X-Forwarded-Uri", "/evil", "X-Forwarded-Method", "TRACE"}, others...)...), original("/x"), nil},

		{"nothing-behind", envoy(envoyPrefix), headers.Original{}, headers.ErrURLMissing},
		{"another-path", envoy("/x"), headers.Original{}, headers.ErrURLMissing},
		{"another-spelling", envoy("/outpost.goauthentik.io/auth/%65nvoy/x"), headers.Original{}, headers.ErrURLMissing},
		{"absolute-form", envoy("http://app.example.com" + envoyPrefix + "/x"), headers.Original{}, headers.ErrURLMissing},
		{"longer-name", envoy(envoyPrefix + "oy/x"), headers.Original{}, headers.ErrURLInvalid},
		{"query-alone", envoy(envoyPrefix + "?x"), headers.Original{}, headers.ErrURLInvalid},
		{"two-schemes", envoy(envoyPrefix+"/", "X-Forwarded-Proto", "https"), headers.Original{}, headers.ErrURLInvalid},
		{"other-scheme", envoy(envoyPrefix+"/", "X-Forwarded-Proto", "", "X-Forwarded-Proto", "gopher"), headers.Original{}, headers.ErrURLInvalid},
		{"no-host", envoy(envoyPrefix+"/", "Host", ""), headers.Original{}, headers.ErrURLInvalid},
		{"user-in-the-host", envoy(envoyPrefix+"/", "Host", "app.example.com@evil.test"), headers.Original{}, headers.ErrURLInvalid},
		{"too-long", envoy(envoyPrefix + "/" + strings.Repeat("a", 32<<10)), headers.Original{}, headers.ErrURLInvalid},
		{"nul", envoy(envoyPrefix + "/\x00"), headers.Original{}, headers.ErrURLInvalid},
		{"alias", envoy(envoyPrefix+"/", "X_authentik_groups", "admins"), headers.Original{}, headers.ErrAlias},
		{"alias-of-the-scheme", envoy(envoyPrefix+"/", "X_Forwarded_Proto", "http"), headers.Original{}, headers.ErrAlias},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := headers.FromEnvoy(tt.r, envoyPrefix)
			if diff := cmp.Diff(tt.want, got); diff != "" || !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v; want (-) and got (+):\n%s", err, tt.err, diff)
			}
		})
	}
}

func FuzzFromEnvoy(f *testing.F) {
	f.Add(envoyPrefix+"/x?y", "app.example.com", "https", "X-Real-Ip")
	f.Add(envoyPrefix, "[::1]:443", "", "X_authentik_name")
	f.Add("/outpost.goauthentik.io/auth/envoy\\x", "a b", "ws", "")
	f.Fuzz(func(t *testing.T, target, host, proto, extra string) {
		r := envoy(target)
		r.Host, r.Header = host, http.Header{extra: {"x"}, "X-Forwarded-Proto": {proto}}
		o, err := headers.FromEnvoy(r, envoyPrefix)
		checkOriginal(t, o, err)
		if err == nil && envoyPrefix+o.Target != target {
			t.Errorf("target %q of %q", o.Target, target)
		}
	})
}

// An nginx that asks in Authelia's way has its own name for us in Host.
func TestFromAuthelia(t *testing.T) {
	const url = "X-Original-Url"
	want := headers.Original{Scheme: "https", Host: "app.example.com", Target: "/x", Method: "PUT"}
	for _, tt := range []struct {
		name   string
		header http.Header
		want   headers.Original
		err    error
	}{
		{"authelia", http.Header{url: {"https://app.example.com/x"}, "X-Forwarded-Host": {"app.example.com"}, "X-Original-Method": {"PUT"}}, want, nil},
		{"http3", http.Header{url: {"https:///x"}, "X-Forwarded-Host": {"app.example.com"}, "X-Original-Method": {"PUT"}}, want, nil},
		{"other-families-do-not-count", http.Header{url: {"https://app.example.com/x"}, "X-Forwarded-Host": {"app.example.com"}, "X-Original-Method": {"PUT"}, "X-Forwarded-Uri": {"/evil"}, "X-Forwarded-Proto": {"http"}, "X-Original-Uri": {"/evil"}}, want, nil},
		{"nothing", http.Header{}, headers.Original{}, headers.ErrURLMissing},
		{"forwarded-alone", forwarded(), headers.Original{}, headers.ErrURLMissing},
		{"no-forwarded-host", http.Header{url: {"https://app.example.com/x"}}, headers.Original{}, headers.ErrHostMismatch},
		{"empty-forwarded-host", http.Header{url: {"https://app.example.com/x"}, "X-Forwarded-Host": {""}}, headers.Original{}, headers.ErrHostMismatch},
		{"another-forwarded-host", http.Header{url: {"https://app.example.com/x"}, "X-Forwarded-Host": {"admin.example.com"}}, headers.Original{}, headers.ErrHostMismatch},
		{"two-forwarded-hosts", http.Header{url: {"https://app.example.com/x"}, "X-Forwarded-Host": {"app.example.com", "app.example.com"}}, headers.Original{}, headers.ErrHostMismatch},
		{"alias", http.Header{url: {"https://app.example.com/x"}, "X-Forwarded-Host": {"app.example.com"}, "X_forwarded_host": {"app.example.com"}}, headers.Original{}, headers.ErrAlias},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := headers.FromAuthelia(tt.header)
			if diff := cmp.Diff(tt.want, got); diff != "" || !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v; want (-) and got (+):\n%s", err, tt.err, diff)
			}
		})
	}
}

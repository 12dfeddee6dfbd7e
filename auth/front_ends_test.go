package auth_test

// What each front end sends is written down here as its documentation and its
// source have it, so that these tests stand for those that cannot be had as a
// program (Traefik, Envoy) as well. Caddy, HAProxy and nginx tell the same
// stories themselves in e2e/.

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"outpost/auth"
	"outpost/headers"
	"outpost/session"
	"outpost/session/memory"
)

// original is a browser's request, as the front end gets it.
type original struct {
	method, host, target string
	header               http.Header // of the browser's own
}

// navigates is a browser's navigation, with more headers.
func navigates(method, host, target string, more ...string) original {
	h := http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Accept": {"text/html,*/*;q=0.8"}, "User-Agent": {"Mozilla/5.0"}}
	for i := 0; i+1 < len(more); i += 2 {
		if more[i+1] != "" {
			h[more[i]] = append(h[more[i]], more[i+1])
		}
	}
	return original{method, host, target, h}
}

// fetches is a script's request.
func fetches(method, host, target string, more ...string) original {
	o := navigates(method, host, target, more...)
	o.header["Sec-Fetch-Mode"], o.header["Sec-Fetch-Dest"], o.header["Accept"] = []string{"cors"}, []string{"empty"}, []string{"*/*"}
	return o
}

// askers make of a browser's request the check of a front end: what the browser sent
// goes along, but for what the front end writes itself.
var askers = map[string]func(original) *http.Request{
	// forwardAuth, with forwardedHeaders and trustForwardHeader as they are by default.
	"traefik": func(o original) *http.Request {
		r := request(http.MethodGet, "outpost:9000", prefix+"/auth/traefik", o.header)
		set(r, "X-Forwarded-For", "203.0.113.7", "X-Forwarded-Method", o.method, "X-Forwarded-Proto", "https", "X-Forwarded-Port", "443",
			"X-Forwarded-Host", o.host, "X-Forwarded-Uri", o.target, "X-Forwarded-Server", "traefik", "X-Real-Ip", "203.0.113.7")
		return r
	},
	// forward_auth: reverse_proxy with another method and path.
	"caddy": func(o original) *http.Request {
		r := request(http.MethodGet, o.host, prefix+"/auth/caddy", o.header)
		set(r, "X-Forwarded-For", "203.0.113.7", "X-Forwarded-Method", o.method, "X-Forwarded-Proto", "https", "X-Forwarded-Host", o.host,
			"X-Forwarded-Uri", o.target, "Via", "2.0 Caddy")
		return r
	},
	// ext_authz over HTTP: what allowed_headers names, and X-Forwarded-Proto by headers_to_add.
	"envoy": func(o original) *http.Request {
		r := request(o.method, o.host, prefix+"/auth/envoy"+o.target, nil)
		for _, name := range []string{"Cookie", "Accept", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "X-Requested-With", "Authorization"} {
			if values := o.header[name]; values != nil {
				r.Header[name] = values
			}
		}
		set(r, "X-Forwarded-Proto", "https", "Content-Length", "0", "X-Envoy-Internal", "true", "X-Forwarded-For", "10.0.0.1")
		return r
	},
	// The location of Authelia's documentation, with X-Forwarded-Host.
	"authelia": func(o original) *http.Request {
		r := request(http.MethodGet, "outpost:9000", prefix+"/auth/authelia", o.header)
		set(r, "X-Original-Method", o.method, "X-Original-Url", "https://"+o.host+o.target, "X-Forwarded-For", "203.0.113.7", "X-Forwarded-Host", o.host)
		return r
	},
}

// relaying are the front ends that pass on to the browser what is not 200.
var relaying = []string{"traefik", "caddy", "envoy"}

func request(method, host, target string, h http.Header) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.Host, r.RemoteAddr = host, "127.0.0.1:40000"
	if r.Header = h.Clone(); r.Header == nil {
		r.Header = http.Header{}
	}
	return r
}

func set(r *http.Request, pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		r.Header[pairs[i]] = []string{pairs[i+1]}
	}
}

func (s *stage) ask(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	s.public.ServeHTTP(w, r)
	return w.Result()
}

func newFrontEndStage(t *testing.T, change ...func(*auth.Config)) *stage {
	t.Helper()
	return newStage(t, append([]func(*auth.Config){func(c *auth.Config) { c.FrontEnds = auth.FrontEnds() }}, change...)...)
}

func signInAt(external, returnURL string) string {
	return external + prefix + "/start?rd=" + url.QueryEscape(returnURL)
}

// holdsNothing holds what is so of every answer to a check.
func holdsNothing(t *testing.T, resp *http.Response) {
	t.Helper()
	if len(resp.Header["Set-Cookie"]) > 0 {
		t.Errorf("a cookie: %v", resp.Header)
	}
	if got := resp.Header["Cache-Control"]; len(got) != 1 || got[0] != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	for _, name := range headers.IdentityNames {
		if _, sent := resp.Header[name]; sent != (resp.StatusCode == http.StatusOK) {
			t.Errorf("%s sent with %d: %v", name, resp.StatusCode, sent)
		}
	}
	if resp.StatusCode/100 == 2 && resp.StatusCode != http.StatusOK {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestFrontEndsRelay(t *testing.T) {
	s := newFrontEndStage(t)
	alice, bob := s.browser("alice"), s.browser("bob")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	s.want(alice.visit("https://router.example.com/"), http.StatusOK)
	s.want(bob.visit("https://router.example.com/"), http.StatusForbidden)
	home := "__Secure-outpost-home=" + alice.cookie("https://app.example.com/", "__Secure-outpost-home")
	admin := "__Host-outpost-router=" + alice.cookie("https://router.example.com/", "__Host-outpost-router")
	denied := "__Host-outpost-router=" + bob.cookie("https://router.example.com/", "__Host-outpost-router")
	const target = "/a%2Fb?x=1&y=+&z=%26"
	start := signInAt("https://outpost.example.com", "https://app.example.com"+target)
	unsent := strings.Replace(start, "/start?", "/start?unsent=1&", 1)

	for _, tt := range []struct {
		name     string
		asked    original
		status   int
		reason   auth.Reason
		location string
		contains string // in the body; "" for an empty one
	}{
		{"signed-in", navigates("GET", "app.example.com", target, "Cookie", home), 200, auth.Allowed, "", ""},
		{"signed-in-post", navigates("POST", "app.example.com", target, "Cookie", home), 200, auth.Allowed, "", ""},
		{"signed-in-fetch", fetches("GET", "app.example.com", target, "Cookie", home), 200, auth.Allowed, "", ""},
		{"conditional", fetches("GET", "app.example.com", target, "Cookie", home, "If-None-Match", "*", "Range", "bytes=0-1"), 200, auth.Allowed, "", ""},

		{"anonymous", navigates("GET", "app.example.com", target), 302, auth.NotSignedIn, start, ""},
		{"anonymous-head", navigates("HEAD", "app.example.com", target), 302, auth.NotSignedIn, start, ""},
		{"anonymous-post", navigates("POST", "app.example.com", target), 303, auth.NotSignedIn, unsent, ""},
		{"anonymous-single", navigates("GET", "router.example.com", "/"), 302, auth.NotSignedIn, signInAt("https://router.example.com", "https://router.example.com/"), ""},
		{"anonymous-port", navigates("GET", "wiki.example.net:8443", "/"), 302, auth.NotSignedIn, signInAt("https://wiki.example.net:8443", "https://wiki.example.net:8443/"), ""},
		{"own-prefix", navigates("GET", "app.example.com", prefix+"/start"), 302, auth.NotSignedIn, signInAt("https://outpost.example.com", "https://app.example.com"+prefix+"/start"), ""},
		{"two-sessions", navigates("GET", "router.example.com", "/", "Cookie", denied+"; "+admin), 302, auth.CookieAmbiguous, signInAt("https://router.example.com", "https://router.example.com/"), ""},
		{"long-url", navigates("GET", "app.example.com", "/?"+strings.Repeat("&", 5000)), 302, auth.NotSignedIn, signInAt("https://outpost.example.com", "https://app.example.com/?"+strings.Repeat("&", 5000)), ""},
		{"url-too-long-to-come-back-to", navigates("GET", "app.example.com", "/?"+strings.Repeat("&", 7000)), 302, auth.NotSignedIn, signInAt("https://outpost.example.com", "https://app.example.com/"), ""},

		{"anonymous-fetch", fetches("GET", "app.example.com", target), 401, auth.NotSignedIn, "", `"sign_in_url":"` + strings.ReplaceAll(start, "&", `\u0026`) + `"`},
		{"anonymous-fetch-post", fetches("POST", "app.example.com", target), 401, auth.NotSignedIn, "", `"error":"not_signed_in"`},
		{"anonymous-fetch-refresh", fetches("GET", "app.example.com", target), 401, auth.NotSignedIn, "", `"refresh_url":"https://app.example.com` + prefix + `/refresh"`},
		{"anonymous-frame", navigates("GET", "app.example.com", target, "Sec-Fetch-Dest", "iframe"), 302, auth.NotSignedIn, start, ""},
		{"anonymous-xhr", navigates("GET", "app.example.com", target, "X-Requested-With", "XMLHttpRequest", "Sec-Fetch-Mode", "cors"), 302, auth.NotSignedIn, start, ""},
		{"two-sessions-fetch", fetches("GET", "router.example.com", "/", "Cookie", denied+"; "+admin), 401, auth.CookieAmbiguous, "", `"sign_in_url":"`},

		{"not-allowed", navigates("GET", "router.example.com", "/", "Cookie", denied), 403, auth.NotAllowed, "", "This account has no access"},
		{"not-allowed-post", navigates("POST", "router.example.com", "/", "Cookie", denied), 403, auth.NotAllowed, "", "Use another account"},
		{"not-allowed-fetch", fetches("GET", "router.example.com", "/", "Cookie", denied), 403, auth.NotAllowed, "", `"error":"not_allowed"`},
		{"unknown-host", navigates("GET", "app.example.org", "/", "Cookie", home), 403, auth.UnknownHost, "", ""},
		{"no-label-border", navigates("GET", "evilexample.com", "/", "Cookie", home), 403, auth.UnknownHost, "", ""},
		{"host-cannot-be-read", navigates("GET", "app.example.com@evil.test", "/", "Cookie", home), 403, auth.URLInvalid, "", ""},
	} {
		for _, name := range relaying {
			if name == "envoy" && tt.name == "host-cannot-be-read" {
				continue // net/http does not let such a Host so far
			}
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				r := askers[name](tt.asked)
				resp := s.ask(r)
				if resp.StatusCode != tt.status || s.last() != tt.reason {
					t.Errorf("got %d %s, want %d %s", resp.StatusCode, s.last(), tt.status, tt.reason)
				}
				if got := resp.Header.Get("Location"); got != tt.location {
					t.Errorf("Location %q, want %q", got, tt.location)
				}
				got := body(resp)
				if r.Method == http.MethodHead && got != "" {
					t.Errorf("HEAD got a body: %q", got)
				}
				if r.Method != http.MethodHead && (!strings.Contains(got, tt.contains) || tt.contains == "" && got != "") {
					t.Errorf("body %q, want %q in it", got, tt.contains)
				}
				if is := strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json"); is != strings.HasPrefix(tt.contains, `"`) {
					t.Errorf("Content-Type %q", resp.Header.Get("Content-Type"))
				}
				holdsNothing(t, resp)
			})
		}
	}
}

// The page that a front end passes on names the person, and leads out.
func TestDeniedPageIsThatOfStart(t *testing.T) {
	s := newFrontEndStage(t)
	bob := s.browser("bob")
	want := bob.visit("https://router.example.com/x")
	s.want(want, http.StatusForbidden)
	strip := func(page, id string) string { return strings.ReplaceAll(page, id, "ID") }
	cookie := "__Host-outpost-router=" + bob.cookie("https://router.example.com/", "__Host-outpost-router")
	page := strip(body(want), want.Header.Get("X-Request-Id"))
	for _, name := range relaying {
		got := s.ask(askers[name](navigates("GET", "router.example.com", "/x", "Cookie", cookie)))
		id := got.Header.Get("X-Request-Id")
		if id == "" || strip(body(got), id) != page {
			t.Errorf("%s has another page", name)
		}
		if policy := got.Header.Get("Content-Security-Policy"); policy == "" || got.Header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: headers %v", name, got.Header)
		}
		if !strings.Contains(s.log.String(), `"request_id":"`+id+`"`) || !strings.Contains(s.log.String(), `"front_end":"`+name+`"`) {
			t.Errorf("%s: the log does not know the page's ID", name)
		}
	}
}

// Where a front end leads a browser, it signs in and comes back, byte for byte.
func TestFrontEndsSignIn(t *testing.T) {
	const target = "/a%2Fb?x=1&y=+&z=%26&u=ä"
	for name, asker := range askers {
		t.Run(name, func(t *testing.T) {
			s := newFrontEndStage(t)
			b := s.browser("alice")
			resp := s.ask(asker(navigates("GET", "app.example.com", strings.ReplaceAll(target, "ä", "%C3%A4"))))
			s.want(b.visit(resp.Header.Get("Location")), http.StatusOK)
			if want := "https://app.example.com" + strings.ReplaceAll(target, "ä", "%C3%A4"); b.at != want {
				t.Errorf("came back to %s, want %s", b.at, want)
			}
			cookie := "__Secure-outpost-home=" + b.cookie("https://app.example.com/", "__Secure-outpost-home")
			resp = s.ask(asker(navigates("GET", "app.example.com", "/", "Cookie", cookie)))
			s.want(resp, http.StatusOK)
			if got := resp.Header["X-Authentik-Username"]; len(got) != 1 || got[0] != "alice" {
				t.Errorf("username %q", got)
			}
		})
	}
}

// A front end reads one family of headers: what a client writes into another
// changes nothing, whether it would let the client in or send it elsewhere.
func TestOtherFamiliesChangeNothing(t *testing.T) {
	families := map[string][]string{
		"nginx":     {"X-Original-Url", "https://app.example.com/public", "X-Original-Method", "OPTIONS", "X-Original-Uri", prefix + "/start", "X-Original-Host", "app.example.com"},
		"forwarded": {"X-Forwarded-Proto", "http", "X-Forwarded-Uri", prefix + "/start", "X-Forwarded-Method", "OPTIONS", "X-Forwarded-Prefix", "/x", "X-Forwarded-Port", "1", "X-Forwarded-Ssl", "off"},
		"host":      {"X-Forwarded-Host", "app.example.com", "X-Host", "app.example.com"},
		"envoy":     {"X-Envoy-Original-Path", prefix + "/start", "X-Envoy-Original-Host", "app.example.com", "X-Envoy-Internal", "true"},
		"others":    {"Forwarded", "host=app.example.com;proto=http", "X-Rewrite-Url", "/public", "X-Auth-Request-Redirect", "/public", "X-Http-Method-Override", "GET", "Connection", "X-Forwarded-Uri, X-Original-Url, Cookie"},
		"identity":  {"X-Authentik-Username", "root", "X-Authentik-Groups", "admins", "Remote-User", "root", "X-Authentik-Jwt", "x"},
		"query":     {},
	}
	s := newFrontEndStage(t)
	bob := s.browser("bob")
	s.want(bob.visit("https://app.example.com/"), http.StatusOK)
	s.want(bob.visit("https://router.example.com/"), http.StatusForbidden)
	cookies := map[string]string{
		"anonymous": "", "signed-in": "__Secure-outpost-home=" + bob.cookie("https://app.example.com/", "__Secure-outpost-home"),
		"not-allowed": "__Host-outpost-router=" + bob.cookie("https://router.example.com/", "__Host-outpost-router"),
	}
	askers := maps.Clone(askers)
	askers["envoy-with-all-headers"] = func(o original) *http.Request { // allowed_headers names everything
		r := askers["envoy"](o)
		for name, values := range o.header {
			if r.Header[name] == nil {
				r.Header[name] = values
			}
		}
		return r
	}
	for name, asker := range askers {
		for who, cookie := range cookies {
			host := "app.example.com"
			if who == "not-allowed" {
				host = "router.example.com"
			}
			target := "/x"
			for family, spoofed := range families {
				if family == "query" {
					target = "/x?X-authentik-logout=true&X-authentik-auth-callback=true&rd=https://evil.test/&code=x"
				}
				t.Run(name+"/"+who+"/"+family, func(t *testing.T) {
					want := s.ask(asker(navigates("POST", host, target, "Cookie", cookie)))
					reason := s.last()
					got := s.ask(asker(navigates("POST", host, target, append([]string{"Cookie", cookie}, spoofed...)...)))
					if got.StatusCode != want.StatusCode || s.last() != reason || got.Header.Get("Location") != want.Header.Get("Location") {
						t.Errorf("got %d %s to %q, want %d %s to %q", got.StatusCode, s.last(), got.Header.Get("Location"), want.StatusCode, reason, want.Header.Get("Location"))
					}
					for _, name := range headers.IdentityNames {
						if !slices.Equal(got.Header[name], want.Header[name]) {
							t.Errorf("%s: %q, want %q", name, got.Header[name], want.Header[name])
						}
					}
					holdsNothing(t, got)
				})
				target = "/x"
			}
		}
	}
	if log := s.log.String(); strings.Contains(log, "app.example.com/public") {
		t.Error("the log names the client's URL")
	}
}

func TestFrontEndsRefuse(t *testing.T) {
	s := newFrontEndStage(t)
	for _, tt := range []struct {
		name, frontEnd string
		change         func(*http.Request)
		status         int
		reason         auth.Reason
		hint           string // in the log
	}{
		{"stranger", "traefik", func(r *http.Request) { r.RemoteAddr = "203.0.113.9:1" }, 403, auth.UntrustedPeer, "trusted_proxies"},
		{"stranger", "caddy", func(r *http.Request) { r.RemoteAddr = "203.0.113.9:1" }, 403, auth.UntrustedPeer, "trusted_proxies"},
		{"stranger", "envoy", func(r *http.Request) { r.RemoteAddr = "203.0.113.9:1" }, 403, auth.UntrustedPeer, "trusted_proxies"},
		{"stranger", "authelia", func(r *http.Request) { r.RemoteAddr = "203.0.113.9:1" }, 403, auth.UntrustedPeer, "trusted_proxies"},
		{"no-path", "traefik", func(r *http.Request) { delete(r.Header, "X-Forwarded-Uri") }, 500, auth.URLMissing, "forwardAuth"},
		{"no-path", "caddy", func(r *http.Request) { delete(r.Header, "X-Forwarded-Uri") }, 500, auth.URLMissing, "forward_auth"},
		{"no-method", "traefik", func(r *http.Request) { delete(r.Header, "X-Forwarded-Method") }, 500, auth.URLMissing, "forwardAuth"},
		{"no-scheme", "caddy", func(r *http.Request) { delete(r.Header, "X-Forwarded-Proto") }, 500, auth.URLMissing, "forward_auth"},
		{"no-host", "traefik", func(r *http.Request) { delete(r.Header, "X-Forwarded-Host") }, 500, auth.URLMissing, "forwardAuth"},
		{"no-path", "envoy", func(r *http.Request) { r.RequestURI = prefix + "/auth/envoy" }, 500, auth.URLMissing, "path_prefix"},
		{"no-url", "authelia", func(r *http.Request) { delete(r.Header, "X-Original-Url") }, 500, auth.URLMissing, "X-Original-URL"},
		{"two-paths", "traefik", func(r *http.Request) { r.Header["X-Forwarded-Uri"] = []string{"/", "/"} }, 403, auth.URLInvalid, ""},
		{"two-schemes", "envoy", func(r *http.Request) { r.Header["X-Forwarded-Proto"] = []string{"https", "https"} }, 403, auth.URLInvalid, ""},
		{"another-host", "caddy", func(r *http.Request) { r.Host = "router.example.com" }, 403, auth.HostMismatch, "header_up"},
		{"upstream-as-host", "caddy", func(r *http.Request) { r.Host = "outpost:9000" }, 403, auth.HostMismatch, "header_up"},
		{"no-forwarded-host", "authelia", func(r *http.Request) { delete(r.Header, "X-Forwarded-Host") }, 403, auth.HostMismatch, "X-Forwarded-Host $host"},
		{"another-forwarded-host", "authelia", func(r *http.Request) { set(r, "X-Forwarded-Host", "router.example.com") }, 403, auth.HostMismatch, "X-Forwarded-Host $host"},
		{"alias", "traefik", func(r *http.Request) { set(r, "X_authentik_username", "root") }, 403, auth.HeaderAlias, "Traefik"},
		{"alias", "caddy", func(r *http.Request) { set(r, "X_forwarded_uri", "/") }, 403, auth.HeaderAlias, "Caddy"},
		{"alias", "envoy", func(r *http.Request) { set(r, "X_authentik_username", "root") }, 403, auth.HeaderAlias, "allowed_headers"},
		// A browser that Traefik lets through to its own check: Host is the
		// application's then, and the four headers are the browser's.
		{"browser", "traefik", func(r *http.Request) { r.Host = "app.example.com" }, 403, auth.NotFound, "own check"},
		{"browser-in-capitals", "traefik", func(r *http.Request) { r.Host = "APP.example.com" }, 403, auth.NotFound, "own check"},
	} {
		t.Run(tt.frontEnd+"/"+tt.name, func(t *testing.T) {
			b := s.browser("alice")
			s.want(b.visit("https://app.example.com/"), http.StatusOK)
			cookie := "__Secure-outpost-home=" + b.cookie("https://app.example.com/", "__Secure-outpost-home")
			r := askers[tt.frontEnd](navigates("GET", "app.example.com", "/", "Cookie", cookie))
			tt.change(r)
			before := len(s.log.String())
			resp := s.ask(r)
			if resp.StatusCode != tt.status || s.last() != tt.reason {
				t.Errorf("got %d %s, want %d %s", resp.StatusCode, s.last(), tt.status, tt.reason)
			}
			if got := body(resp); got != "" || resp.Header.Get("Location") != "" {
				t.Errorf("body %q, headers %v", got, resp.Header)
			}
			holdsNothing(t, resp)
			line := s.log.String()[before:]
			if !strings.Contains(line, `"reason":"`+string(tt.reason)+`"`) || !strings.Contains(line, tt.hint) {
				t.Errorf("the log says %s", line)
			}
			if tt.frontEnd != "authelia" && strings.Contains(line, "proxy_set_header") {
				t.Errorf("the hint is nginx's: %s", line)
			}
		})
	}
}

func TestFrontEndsWithoutStore(t *testing.T) {
	store := &brokenStore{Store: memory.New()}
	s := newFrontEndStage(t, func(c *auth.Config) { c.Session.Store = store })
	b := s.browser("alice")
	s.want(b.visit("https://app.example.com/"), http.StatusOK)
	cookie := "__Secure-outpost-home=" + b.cookie("https://app.example.com/", "__Secure-outpost-home")
	cold := newFrontEndStage(t, func(c *auth.Config) { c.Session.Store = store })
	store.broken = true
	for name, asker := range askers {
		resp := cold.ask(asker(navigates("GET", "app.example.com", "/", "Cookie", cookie)))
		if resp.StatusCode != http.StatusInternalServerError || cold.last() != auth.StoreUnavailable || body(resp) != "" {
			t.Errorf("%s: %d %s", name, resp.StatusCode, cold.last())
		}
		holdsNothing(t, resp)
	}
}

// panickingStore panics where it is asked for a session.
type panickingStore struct{ session.Store }

func (panickingStore) Load(context.Context, session.Key) (session.Record, error) { panic("store") }

// A front end that is not configured is not there, whatever its path is called.
func TestFrontEndsAreSwitched(t *testing.T) {
	for _, tt := range []struct {
		name       string
		configured []string
		there      []string
	}{
		{"by-default", nil, nil},
		{"nginx", []string{"nginx"}, nil},
		{"caddy", []string{"caddy"}, []string{"caddy"}},
		{"two", []string{"envoy", "authelia"}, []string{"envoy", "authelia"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, func(c *auth.Config) { c.FrontEnds = tt.configured })
			if want := tt.configured == nil || slices.Contains(tt.configured, "nginx"); s.outpost.Serves(auth.Nginx) != want {
				t.Errorf("nginx is served: %v", !want)
			}
			b := s.browser("alice")
			s.want(b.visit("https://app.example.com/"), http.StatusOK)
			cookie := "__Secure-outpost-home=" + b.cookie("https://app.example.com/", "__Secure-outpost-home")
			for name, asker := range askers {
				r := asker(navigates("GET", "app.example.com", "/", "Cookie", cookie))
				there := slices.Contains(tt.there, name)
				if !there {
					r.Host = "app.example.com" // or the page would say host_mismatch
				}
				resp := s.ask(r)
				if there != (resp.StatusCode == http.StatusOK) || !there && resp.StatusCode != http.StatusNotFound {
					t.Errorf("%s: got %d, there: %v", name, resp.StatusCode, there)
				}
				if _, told := resp.Header["X-Authentik-Username"]; told != there {
					t.Errorf("%s: identity sent: %v", name, told)
				}
			}
		})
	}
	if _, err := auth.New(auth.Config{FrontEnds: []string{"apache"}}); err == nil || !strings.Contains(err.Error(), `"apache"`) {
		t.Errorf("an unknown front end: %v", err)
	}
}

// What only looks like a check's path is none: a rule that keeps browsers away
// from it may not know every spelling.
func TestFrontEndsPathsAreToTheLetter(t *testing.T) {
	s := newFrontEndStage(t)
	b := s.browser("alice")
	s.want(b.visit("https://app.example.com/"), http.StatusOK)
	cookie := "__Secure-outpost-home=" + b.cookie("https://app.example.com/", "__Secure-outpost-home")
	for _, path := range []string{
		"/auth/%74raefik", "/%61uth/caddy", "/auth/caddy/", "/auth/caddy/x", "/auth//caddy", "//auth/caddy", "/auth/Caddy", "/auth/x/../caddy", "/auth%2Fcaddy", "/auth/caddy;x", "/auth/caddy%3F",
		"/auth/envo%79/x", "/auth/envoyx/", "/auth/nginx", "/auth", "/auth/",
	} {
		for _, name := range []string{"traefik", "caddy"} {
			r := askers[name](navigates("GET", "app.example.com", "/", "Cookie", cookie))
			u, err := url.ParseRequestURI(prefix + path)
			if err != nil {
				t.Fatal(err)
			}
			r.URL, r.RequestURI, r.Host = u, prefix+path, "app.example.com"
			if resp := s.ask(r); resp.StatusCode != http.StatusNotFound {
				t.Errorf("%s with %s's headers: %d", path, name, resp.StatusCode)
			} else if _, told := resp.Header["X-Authentik-Username"]; told {
				t.Errorf("%s tells who it is", path)
			}
		}
	}
	// With a query it is the check all the same: authentik's users have some there.
	r := askers["caddy"](navigates("GET", "app.example.com", "/", "Cookie", cookie))
	r.RequestURI = prefix + "/auth/caddy?x=" + prefix
	s.want(s.ask(r), http.StatusOK)
}

// unread fails the test when somebody reads.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, errors.New("read")
}

func (u unread) Close() error { return nil }

func TestFrontEndsLeaveTheBody(t *testing.T) {
	s := newFrontEndStage(t)
	for name, asker := range askers {
		r := asker(navigates("POST", "app.example.com", "/"))
		r.Body, r.ContentLength = unread{t}, 1<<30
		resp := s.ask(r)
		if got := resp.Header.Get("Connection"); got != "close" {
			t.Errorf("%s: Connection %q: net/http would wait for the body", name, got)
		}
		holdsNothing(t, resp)
	}
}

// Who has to prove more is sent to start, which asks for it; a script is told.
func TestFrontEndsStepUp(t *testing.T) {
	s := newFrontEndStage(t, func(c *auth.Config) { c.Applications[1].Access.Require.AMR = []string{"mfa"} })
	value, _, err := s.outpost.Sessions().Create(t.Context(), "__Host-outpost-router", session.Session{
		Application: "router", Provider: "idp", Identity: session.Identity{Issuer: issuer, Subject: "sub-alice", Username: "alice", Groups: []string{"admins"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range relaying {
		resp := s.ask(askers[name](navigates("GET", "router.example.com", "/x", "Cookie", "__Host-outpost-router="+value)))
		if want := signInAt("https://router.example.com", "https://router.example.com/x"); resp.StatusCode != http.StatusFound || resp.Header.Get("Location") != want {
			t.Errorf("%s: %d to %q, want 302 to %q", name, resp.StatusCode, resp.Header.Get("Location"), want)
		}
		resp = s.ask(askers[name](fetches("GET", "router.example.com", "/x", "Cookie", "__Host-outpost-router="+value)))
		var told map[string]any
		if err := json.Unmarshal([]byte(body(resp)), &told); err != nil || resp.StatusCode != http.StatusForbidden || told["error"] != "insufficient_user_authentication" || told["sign_in_url"] == nil {
			t.Errorf("%s: %d %v %v", name, resp.StatusCode, told, err)
		}
	}
}

// An nginx as for Authelia is answered as nginx, and told where to sign in in a
// header that fits into its buffer; start takes it in every form.
func TestAuthelia(t *testing.T) {
	s := newFrontEndStage(t)
	bob := s.browser("bob")
	s.want(bob.visit("https://router.example.com/"), http.StatusForbidden)
	cookie := "__Host-outpost-router=" + bob.cookie("https://router.example.com/", "__Host-outpost-router")
	short, plain := "/a?b=1&c=%2F", "/?"+strings.Repeat("&x=%2F", 300)
	for _, tt := range []struct {
		name   string
		asked  original
		status int
		back   string // what a browser that follows Location comes back to; "" for no Location
	}{
		{"navigation", navigates("GET", "app.example.com", short), 401, short},
		{"fetch", fetches("GET", "app.example.com", short), 401, short},
		{"head", navigates("HEAD", "app.example.com", short), 401, short},
		{"long", navigates("GET", "app.example.com", plain), 401, plain},
		{"longer", navigates("GET", "app.example.com", "/?"+strings.Repeat("&x=%2F", 600)), 401, "/"},
		{"long-with-a-number-sign", navigates("GET", "app.example.com", plain+"#x"), 401, "/"},
		{"long-with-a-space", navigates("GET", "app.example.com", plain+" \xff"), 401, plain + "%20%FF"},
		{"not-allowed", navigates("GET", "router.example.com", short, "Cookie", cookie), 401, "denied"},
		{"not-allowed-fetch", fetches("GET", "router.example.com", short, "Cookie", cookie), 403, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := s.ask(askers["authelia"](tt.asked))
			if resp.StatusCode != tt.status || body(resp) != "" {
				t.Errorf("got %d", resp.StatusCode)
			}
			holdsNothing(t, resp)
			location := resp.Header.Get("Location")
			if len(location) > 2300 || (location == "") != (tt.back == "") {
				t.Fatalf("Location %q", location)
			}
			switch tt.back {
			case "":
			case "denied":
				s.want(bob.visit(location), http.StatusForbidden)
			default:
				b := s.browser("alice")
				s.want(b.visit(location), http.StatusOK)
				if b.at != "https://app.example.com"+tt.back {
					t.Errorf("came back to %s", b.at)
				}
			}
		})
	}
}

// The other hosts of nginx, as they ask: each header that they write, and whatever
// the client sends besides.
func TestNginxByOtherNames(t *testing.T) {
	s := newFrontEndStage(t)
	b := s.browser("alice")
	s.want(b.visit("https://app.example.com/"), http.StatusOK)
	cookie := "__Secure-outpost-home=" + b.cookie("https://app.example.com/", "__Secure-outpost-home")
	askers := map[string]func(original) *http.Request{
		// authentik's own snippet in the Advanced tab, over what its proxy.conf sets.
		"nginx-proxy-manager": func(o original) *http.Request {
			r := request(http.MethodGet, o.host, prefix+"/auth/nginx", o.header)
			set(r, "X-Original-Url", "https://"+o.host+o.target, "X-Forwarded-Scheme", "https", "X-Forwarded-Proto", "https", "X-Forwarded-For", "203.0.113.7", "X-Real-Ip", "203.0.113.7")
			return r
		},
		// AUTH_REQUEST_AUTHENTIK_UPSTREAM.
		"npmplus": func(o original) *http.Request {
			r := request(http.MethodGet, o.host, prefix+"/auth/nginx", o.header)
			set(r, "X-Original-Url", "https://"+o.host+o.target, "X-Original-Method", o.method, "X-Forwarded-Method", o.method, "X-Forwarded-Proto", "https", "X-Forwarded-Host", o.host,
				"X-Forwarded-Uri", o.target, "X-Forwarded-For", "203.0.113.7", "X-Real-Ip", "203.0.113.7")
			return r
		},
		// The Lua of docs/front-ends.md, and haproxy-auth-request: HEAD, and a list of headers.
		"haproxy": func(o original) *http.Request {
			r := request(http.MethodHead, o.host, prefix+"/auth/nginx", nil)
			r.Header["Cookie"] = o.header["Cookie"]
			set(r, "X-Original-Url", "https://"+o.host+o.target, "X-Original-Method", o.method, "X-Forwarded-Host", o.host, "X-Forwarded-For", "203.0.113.7")
			return r
		},
		// auth-url with authelia's path and X-Forwarded-Host by auth-proxy-set-headers.
		"ingress-nginx": func(o original) *http.Request {
			r := request(http.MethodGet, "outpost.auth.svc.cluster.local", prefix+"/auth/authelia", o.header)
			ingress(r, o)
			set(r, "X-Forwarded-Host", o.host)
			return r
		},
	}
	for name, asker := range askers {
		t.Run(name, func(t *testing.T) {
			for _, tt := range []struct {
				name   string
				asked  original
				status int
				reason auth.Reason
			}{
				{"signed-in", navigates("POST", "app.example.com", "/x?y", "Cookie", cookie), 200, auth.Allowed},
				{"anonymous", navigates("GET", "app.example.com", "/x?y"), 401, auth.NotSignedIn},
				{"unknown-host", navigates("GET", "app.example.org", "/", "Cookie", cookie), 403, auth.UnknownHost},
			} {
				r := asker(tt.asked)
				w := httptest.NewRecorder()
				if r.URL.Path == prefix+"/auth/nginx" {
					s.outpost.ServeNginx(w, r)
				} else {
					s.public.ServeHTTP(w, r)
				}
				if w.Code != tt.status || s.last() != tt.reason || w.Body.Len() > 0 {
					t.Errorf("%s: got %d %s, want %d %s", tt.name, w.Code, s.last(), tt.status, tt.reason)
				}
				holdsNothing(t, w.Result())
			}
		})
	}
	// At nginx's own endpoint Host has to be the browser's, and ingress-nginx has
	// the service's there: a client could name one host to it and another to us.
	r := request(http.MethodGet, "outpost.auth.svc.cluster.local", prefix+"/auth/nginx", navigates("GET", "app.example.com", "/", "Cookie", cookie).header)
	ingress(r, original{"GET", "app.example.com", "/", nil})
	set(r, "X-Forwarded-Host", "app.example.com")
	w := httptest.NewRecorder()
	s.outpost.ServeNginx(w, r)
	if w.Code != http.StatusForbidden || s.last() != auth.HostMismatch {
		t.Errorf("ingress-nginx at nginx's endpoint: %d %s", w.Code, s.last())
	}
}

// ingress sets what ingress-nginx sets by itself.
func ingress(r *http.Request, o original) {
	set(r, "X-Forwarded-Proto", "", "X-Original-Url", "https://"+o.host+o.target, "X-Original-Method", o.method, "X-Sent-From", "nginx-ingress-controller",
		"X-Real-Ip", "203.0.113.7", "X-Forwarded-For", "203.0.113.7", "X-Request-Id", "1f2e", "X-Auth-Request-Redirect", o.target)
}

// A check that panics is refused.
func TestFrontEndsPanic(t *testing.T) {
	s := newFrontEndStage(t, func(c *auth.Config) { c.Session.Store = panickingStore{memory.New()} })
	donor := newStage(t)
	b := donor.browser("alice")
	donor.want(b.visit("https://app.example.com/"), http.StatusOK)
	cookie := "__Secure-outpost-home=" + b.cookie("https://app.example.com/", "__Secure-outpost-home")
	for name, asker := range askers {
		resp := s.ask(asker(navigates("GET", "app.example.com", "/", "Cookie", cookie)))
		if resp.StatusCode != http.StatusInternalServerError || s.last() != auth.Internal {
			t.Errorf("%s: %d %s", name, resp.StatusCode, s.last())
		}
		holdsNothing(t, resp)
	}
	if !strings.Contains(s.log.String(), "check panicked") {
		t.Errorf("the log says %s", s.log.String())
	}
}

// Whatever a front end is made to send, the answer is one of six statuses, and 200
// only to a session.
func FuzzFrontEnds(f *testing.F) {
	f.Add(uint8(0), "https", "app.example.com", "/x?y", "GET", "app.example.com", "x=y", "text/html")
	f.Add(uint8(1), "wss", "router.example.com:443", "//evil.test", "POST", "", "__Secure-outpost-home=x", "application/json")
	f.Add(uint8(2), "", "app.example.com@evil.test", "/../..//%2e", "HEAD", "outpost:9000", "", "")
	f.Fuzz(func(t *testing.T, which uint8, proto, host, target, method, ownHost, cookie, accept string) {
		s := newFuzzStage(t)
		name := []string{"traefik", "caddy", "envoy", "authelia"}[which%4]
		path := prefix + "/auth/" + name
		if name == "envoy" {
			path += target
		}
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return // net/http answers 400
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Method, r.URL, r.RequestURI, r.Host, r.RemoteAddr = method, u, path, ownHost, "127.0.0.1:40000"
		r.Header = http.Header{"X-Forwarded-Proto": {proto}, "X-Forwarded-Host": {host}, "X-Forwarded-Uri": {target}, "X-Forwarded-Method": {method},
			"X-Original-Url": {proto + "://" + host + target}, "Cookie": {cookie}, "Accept": {accept}}
		resp := s.ask(r)
		if !slices.Contains([]int{302, 303, 401, 403, 404, 500}, resp.StatusCode) {
			t.Fatalf("%s: %d", name, resp.StatusCode)
		}
		location := resp.Header.Get("Location")
		if location != "" && !strings.HasPrefix(location, "https://outpost.example.com"+prefix+"/start?rd=") && !strings.HasPrefix(location, "https://router.example.com"+prefix+"/start?rd=") &&
			!strings.HasPrefix(location, "https://wiki.example.net:8443"+prefix+"/start?rd=") {
			t.Errorf("leads to %q", location)
		}
		if strings.IndexFunc(location, func(c rune) bool { return c <= ' ' || c > '~' }) >= 0 {
			t.Errorf("Location %q", location)
		}
	})
}

var fuzzStage *stage

// newFuzzStage is one stage for all inputs.
func newFuzzStage(t *testing.T) *stage {
	if fuzzStage == nil {
		fuzzStage = newFrontEndStage(t)
	}
	return fuzzStage
}

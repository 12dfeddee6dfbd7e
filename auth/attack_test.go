package auth_test

// What an attacker can put into a request that a check is about: headers that
// nginx passes on as they come, hosts, paths and cookies. The numbers are of
// advisories for daemons of this kind, so that a reader can look up what went
// wrong elsewhere.

import (
	"errors"
	"fmt"
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

// suspects are a person who may have the router, one who may not, and nobody:
// the whole of what a check can say.
type suspects struct {
	s                       *stage
	allowed, denied, nobody string // Cookie headers
}

func newSuspects(t *testing.T) suspects {
	t.Helper()
	s := newStage(t)
	alice, bob := s.browser("alice"), s.browser("bob")
	s.want(alice.visit("https://router.example.com/"), http.StatusOK)
	s.want(bob.visit("https://router.example.com/"), http.StatusForbidden)
	const name = "__Host-outpost-router"
	return suspects{s, name + "=" + alice.cookie("https://router.example.com/", name), name + "=" + bob.cookie("https://router.example.com/", name), "theme=dark"}
}

// verdicts are what the three are told for the same headers.
func (p suspects) verdicts(h http.Header) string {
	var all []string
	for _, cookie := range []string{p.allowed, p.denied, p.nobody} {
		h := h.Clone()
		h.Set("Cookie", cookie)
		resp := p.s.check(h, nginxPeer)
		all = append(all, fmt.Sprintf("%d %s", resp.StatusCode, p.s.last()))
	}
	return strings.Join(all, ", ")
}

const just = "200 allowed, 401 not_allowed, 401 not_signed_in"

// A client says what it likes in every header that nginx does not set, and no
// verdict changes: GHSA-5wcc-hf24-rf5h (X-Original-URI), CVE-2026-40575
// (X-Forwarded-Uri), CVE-2026-35051 (X-Forwarded-Prefix), CVE-2026-34457 (the
// User-Agent of a health check), CVE-2024-45410 (Connection).
func TestClientHeadersDecideNothing(t *testing.T) {
	p := newSuspects(t)
	for _, name := range []string{
		"X-Original-Uri", "X-Forwarded-Uri", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Forwarded-Port", "X-Forwarded-Server", "X-Forwarded-Path",
		"X-Rewrite-Url", "X-Auth-Request-Redirect", "X-Envoy-Original-Path", "X-Envoy-External-Address", "Forwarded", "X-Http-Method-Override",
		"X-Authentik-Username", "X-Authentik-Groups", "X-Authentik-Jwt", "X-Authentik-Meta-App", "Remote-User", "X-Original-Method", "X-Forwarded-Method",
		"User-Agent", "Authorization", "Upgrade", "Connection", "If-None-Match", "If-Modified-Since", "If-Match", "Range", "Expect", "Te", "Early-Data", "Access-Control-Request-Method",
	} {
		for _, value := range []string{
			prefix + "/x", prefix + "/start", "/public", "https://app.example.com" + prefix + "/ping", "javascript", "HTTPS, http", "", "OPTIONS", "CONNECT", "1", "true", "443",
			"GoogleHC/1.0", "kube-probe/1.30", "ELB-HealthChecker/2.0", "close, X-Original-URL, X-Forwarded-Host, Cookie", "websocket", "h2c", `"*"`, "bytes=0-0",
			"Basic YWRtaW46YWRtaW4=", "Bearer e30.e30.", "root", "admins", "host=evil.test;proto=http;for=127.0.0.1", strings.Repeat("a", 30_000),
		} {
			h := swag("router.example.com", "/")
			h[name] = []string{value, value}
			if got := p.verdicts(h); got != just {
				t.Errorf("%s: %.60q twice: %s", name, value, got)
			}
		}
	}
}

// Whatever the endpoint is asked with, the verdict is about the original
// request, and the answer is one that nginx understands.
func TestMethodsAndBodiesDecideNothing(t *testing.T) {
	p := newSuspects(t)
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "X"} {
		for _, body := range []string{"", "a=b", "logout_token=x&state=y"} {
			for cookie, want := range map[string]int{p.allowed: 200, p.denied: 401, p.nobody: 401} {
				r := httptest.NewRequest(method, "http://outpost:9000"+prefix+"/auth/nginx?rd=https://evil.test&X-authentik-logout=true", strings.NewReader(body))
				r.Host, r.Header, r.RemoteAddr = "router.example.com", swag("router.example.com", "/"), nginxPeer
				delete(r.Header, "Host")
				r.Header.Set("Cookie", cookie)
				w := httptest.NewRecorder()
				p.s.outpost.ServeNginx(w, r)
				if w.Code != want || w.Body.Len() > 0 {
					t.Errorf("%s with %q: %d and %q", method, body, w.Code, w.Body)
				}
			}
		}
	}
}

// The same page in another spelling is the same page: CVE-2026-48794 (case of
// the host), CVE-2021-32637 (a path that does not parse), and the paths of
// everybody's bypass lists, our own prefix among them.
func TestSpellingsDecideNothing(t *testing.T) {
	p := newSuspects(t)
	for _, host := range []string{"router.example.com", "ROUTER.example.com", "Router.Example.Com", "router.EXAMPLE.COM", "router.example.com.", "router.example.com:443", "router.example.com:8443", "ROUTER.EXAMPLE.COM.:443"} {
		if got := p.verdicts(swag("router.example.com", "/", "X-Original-Url", "https://"+host+"/")); got != just {
			t.Errorf("%s: %s", host, got)
		}
	}
	for _, target := range []string{
		"/", "", "/../", "/%2e%2e/", "/..%2f", "/.%00/", "/%zz", "/%", "//", "///router", "/;a=b/", `/\..\`, "/{a}|^`<>\"", "/\xff\xfe", "/é", "/#/public", "/?#", "/a b", "/%252e", "/" + strings.Repeat("a/", 4000),
		prefix, prefix + "/", prefix + "/auth/nginx", prefix + "/ping", prefix + "/start?rd=/", prefix + "/../admin", "/x/.." + prefix + "/", "/%6futpost.goauthentik.io/", "/favicon.ico", "/robots.txt", "/.well-known/x", "/manifest.json",
	} {
		if got := p.verdicts(swag("router.example.com", "/", "X-Original-Url", "https://router.example.com"+target)); got != just {
			t.Errorf("%q: %s", target, got)
		}
	}
	for _, kind := range [][]string{
		{"Upgrade", "websocket", "Connection", "upgrade", "Sec-Websocket-Key", "x"}, {"Content-Type", "application/grpc"}, {"Accept", "text/event-stream"},
		{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, {"X-Requested-With", "XMLHttpRequest"}, {"Sec-Purpose", "prefetch"}, {"Sec-Fetch-Dest", "manifest"},
	} {
		h := swag("router.example.com", "/", kind...)
		if got := p.verdicts(h); !strings.HasPrefix(got, "200 allowed, 40") || !strings.HasSuffix(got, "not_allowed, 401 not_signed_in") {
			t.Errorf("%v: %s", kind, got)
		}
	}
}

// Aliases that an application may take for ours (CVE-2025-64484,
// CVE-2026-39858) close the door for everybody.
func TestAliasesAreRefused(t *testing.T) {
	p := newSuspects(t)
	for _, name := range slices.Concat(headers.IdentityNames, headers.RequestNames) {
		for _, alias := range []string{strings.ReplaceAll(name, "-", "_"), strings.ToLower(strings.Replace(name, "-", "_", 1)), strings.ReplaceAll(name, "-", "."), strings.Replace(name, "-", "~", 1)} {
			h := swag("router.example.com", "/")
			h[alias] = []string{"root"}
			if got := p.verdicts(h); got != "403 header_alias, 403 header_alias, 403 header_alias" {
				t.Errorf("%s: %s", alias, got)
			}
		}
	}
}

// An allowed answer says who it is and nothing that the client said.
func TestIdentityIsOurs(t *testing.T) {
	p := newSuspects(t)
	h := swag("router.example.com", "/", "Cookie", p.allowed)
	for _, name := range headers.IdentityNames {
		h[name] = []string{"root", "root"}
		h[strings.ToLower(name)] = []string{"root"}
	}
	resp := p.s.check(h, nginxPeer)
	p.s.want(resp, http.StatusOK)
	for _, name := range headers.IdentityNames {
		if got := resp.Header[name]; len(got) != 1 || strings.Contains(got[0], "root") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Nobody speaks for nginx from outside, whatever the configuration leaves out
// (CVE-2026-76835).
func TestStrangersAreNobody(t *testing.T) {
	for _, tt := range []struct {
		name  string
		peers headers.Peers
		peer  string
	}{
		{"nothing-configured", headers.Peers{}, "127.0.0.1:1"},
		{"no-network", headers.NewPeers(nil), "[::1]:1"},
		{"outside", headers.NewPeers(nil), "203.0.113.9:1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			b := s.browser("alice")
			s.want(b.visit("https://app.example.com/"), http.StatusOK)
			strict := newStage(t, func(c *auth.Config) { c.Peers = tt.peers })
			h := swag("app.example.com", "/", "Cookie", "__Secure-outpost-home="+b.cookie("https://app.example.com/", "__Secure-outpost-home"))
			if resp := strict.check(h, tt.peer); resp.StatusCode != http.StatusForbidden || strict.last() != auth.UntrustedPeer {
				t.Errorf("got %d %s", resp.StatusCode, strict.last())
			}
			// At start, X-Forwarded-Host counts for nothing either.
			r := httptest.NewRequest(http.MethodGet, prefix+"/start", nil)
			r.Host, r.RemoteAddr = "app.example.com", tt.peer
			r.Header.Set("X-Forwarded-Host", "wiki.example.net")
			w := httptest.NewRecorder()
			strict.public.ServeHTTP(w, r)
			if got := w.Header().Get("Location"); w.Code != http.StatusFound || !strings.HasPrefix(got, "https://outpost.example.com/") {
				t.Errorf("start: %d to %q", w.Code, got)
			}
		})
	}
}

// Fifty hosts, one redirect URI: links are made from the configuration
// (CVE-2024-21498, GHSA-93m4-mfpg-c3xf).
func TestHostsPoisonNothing(t *testing.T) {
	s := newStage(t)
	const want = "https://router.example.com" + prefix + "/callback"
	for _, spoof := range []string{"evil.test", "router.example.com.evil.test", "router.example.com@evil.test", "evil.test#router.example.com", "router.example.com, evil.test", "[::1]", "router.example.com:1", "localhost", " router.example.com", "\u212a.test", "router.example.com\x00"} {
		for _, name := range []string{"Host", "X-Forwarded-Host", "X-Forwarded-Server", "X-Original-Host", "Forwarded", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix"} {
			r := httptest.NewRequest(http.MethodGet, prefix+"/start", nil)
			r.Host, r.RemoteAddr = "router.example.com", nginxPeer
			if name == "Host" {
				r.Host = spoof
			} else {
				r.Header.Set(name, spoof)
			}
			w := httptest.NewRecorder()
			s.public.ServeHTTP(w, r)
			location := w.Header().Get("Location")
			if w.Code == http.StatusFound && !strings.Contains(location, "&redirect_uri="+escapeAll(want)+"&") || strings.Contains(location+w.Body.String(), "href=\"https://evil") {
				t.Errorf("%s: %q: %d to %q", name, spoof, w.Code, location)
			}
			if w.Code != http.StatusFound && w.Code != http.StatusForbidden {
				t.Errorf("%s: %q: %d", name, spoof, w.Code)
			}
		}
	}
}

// The endpoints for browsers do not choose between two hosts either.
func TestTwoHostsAreRefusedAtStart(t *testing.T) {
	for _, tt := range []struct {
		name      string
		forwarded []string
		want      auth.Reason // "" is a sign-in
	}{
		{"none", nil, ""},
		{"same", []string{"APP.example.com.:443"}, ""},
		{"empty", []string{""}, ""},
		{"another-of-ours", []string{"router.example.com"}, auth.HostMismatch},
		{"of-a-stranger", []string{"evil.test"}, auth.HostMismatch},
		{"twice", []string{"app.example.com", "app.example.com"}, auth.HostMismatch},
		{"list", []string{"app.example.com, evil.test"}, auth.HostMismatch},
		{"no-host", []string{"app.example.com@evil.test"}, auth.HostMismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			r := httptest.NewRequest(http.MethodGet, prefix+"/start", nil)
			r.Host, r.RemoteAddr = "app.example.com", nginxPeer
			if r.Header["X-Forwarded-Host"] = tt.forwarded; tt.forwarded == nil {
				delete(r.Header, "X-Forwarded-Host")
			}
			w := httptest.NewRecorder()
			s.public.ServeHTTP(w, r)
			if tt.want == "" && w.Code != http.StatusFound || tt.want != "" && (w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), string(tt.want))) {
				t.Errorf("%d\n%s", w.Code, w.Body)
			}
		})
	}
}

// A record of another application, or of one that is no longer there, opens
// nothing, although it was sealed under this one's name.
func TestSessionsAreOfOneApplication(t *testing.T) {
	s := newStage(t)
	for _, application := range []string{"router", "wiki", "gone", ""} {
		value, _, err := s.outpost.Sessions().Create(t.Context(), "__Secure-outpost-home", session.Session{
			Application: application, Provider: "idp", Identity: session.Identity{Issuer: issuer, Subject: "sub-alice", Username: "alice", Groups: []string{"admins"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if resp := s.check(swag("app.example.com", "/", "Cookie", "__Secure-outpost-home="+value), nginxPeer); resp.StatusCode == http.StatusOK {
			t.Errorf("a session of %q is let in", application)
		}
	}
}

// What was sealed for one purpose, place or person is nothing anywhere else
// (CVE-2026-110864: a state replayed as a profile).
func TestSealedValuesAreForOnePlace(t *testing.T) {
	s := newStage(t)
	alice := s.browser("alice")
	state := func(location string) string {
		u, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		return u.Query().Get("state")
	}
	bob := s.browser("bob")
	s.want(bob.visit("https://wiki.example.net:8443/"), http.StatusOK)
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	s.want(alice.visit("https://router.example.com/"), http.StatusOK)
	values := map[string]string{
		"state":             state(s.browser("carol").until("https://wiki.example.net:8443/", "/authorize?")),
		"state-of-sign-out": state(bob.once(http.MethodGet, "https://wiki.example.net:8443"+prefix+"/sign_out").Header.Get("Location")),
		"browser":           alice.cookie("https://router.example.com/", "__Host-outpost-browser"),
		"session-of-home":   alice.cookie("https://app.example.com/", "__Secure-outpost-home"),
		"session-of-router": alice.cookie("https://router.example.com/", "__Host-outpost-router"),
	}
	for kind, value := range values {
		if value == "" {
			t.Fatalf("no %s", kind)
		}
		for place, cookie := range map[string][2]string{
			"session-of-home":   {"app.example.com", "__Secure-outpost-home"},
			"session-of-router": {"router.example.com", "__Host-outpost-router"},
			"session-of-wiki":   {"wiki.example.net", "__Host-outpost-wiki"},
		} {
			resp := s.check(swag(cookie[0], "/", "Cookie", cookie[1]+"="+value), nginxPeer)
			if want := map[bool]int{true: 200, false: 401}[kind == place]; resp.StatusCode != want {
				t.Errorf("%s as %s: %d", kind, place, resp.StatusCode)
			}
		}
		if kind == "state" {
			continue
		}
		fresh := s.browser("bob")
		s.want(fresh.once(http.MethodGet, "https://router.example.com"+prefix+"/callback?code=x&state="+escapeAll(value)), http.StatusBadRequest)
		if s.last() != auth.StateInvalid {
			t.Errorf("%s as a state: %s", kind, s.last())
		}
	}
}

// A sibling host of the domain puts its own session beside the person's: nobody
// is let in, the log says so, and one sign-in later all is well. Two sessions
// are also what a changed cookie domain leaves behind.
func TestTwoSessionsEndBoth(t *testing.T) {
	s := newStage(t)
	alice, attacker := s.browser("alice"), s.browser("bob")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	s.want(attacker.visit("https://app.example.com/"), http.StatusOK)
	const name = "__Secure-outpost-home"
	mine, planted := alice.cookie("https://app.example.com/", name), attacker.cookie("https://app.example.com/", name)
	plant := func(more ...string) []string { return append(more, "Cookie", name+"="+planted) }

	s.want(alice.once(http.MethodGet, "https://app.example.com/", plant()...), http.StatusFound)
	if log := s.log.String(); s.last() != auth.CookieAmbiguous || !strings.Contains(log, `"reason":"cookie_ambiguous"`) || !strings.Contains(log, "hint") {
		t.Errorf("reason %s\n%s", s.last(), log)
	}
	resp := alice.once(http.MethodGet, "https://app.example.com"+prefix+"/start?rd=/x", plant()...)
	s.want(resp, http.StatusFound)
	for _, value := range []string{mine, planted} {
		if _, err := s.outpost.Sessions().Find(t.Context(), name, value); err == nil {
			t.Error("one of the two still opens")
		}
	}
	if log := s.log.String(); strings.Count(log, "two live sessions came in one request") != 3 || !strings.Contains(log, `"user":"bob"`) || strings.Contains(log, mine) {
		t.Errorf("log:\n%s", log)
	}
	s.want(alice.visit(resp.Header.Get("Location")), http.StatusOK)
	s.want(alice.once(http.MethodGet, "https://app.example.com/", plant()...), http.StatusOK)
}

// Signing out of two sessions leaves none, also where the store fails meanwhile
// and the person has to ask twice.
func TestTwoSessionsSignOut(t *testing.T) {
	for _, broken := range []bool{false, true} {
		t.Run(fmt.Sprintf("store-broken-%v", broken), func(t *testing.T) {
			store := &brokenStore{Store: memory.New()}
			s := newStage(t, func(c *auth.Config) { c.Session.Store = store })
			alice, other := s.browser("alice"), s.browser("bob")
			s.want(alice.visit("https://app.example.com/"), http.StatusOK)
			s.want(other.visit("https://app.example.com/"), http.StatusOK)
			const name = "__Secure-outpost-home"
			mine, planted := alice.cookie("https://app.example.com/", name), other.cookie("https://app.example.com/", name)
			if store.broken = broken; broken {
				s.want(alice.once(http.MethodGet, "https://app.example.com"+prefix+"/sign_out", "Cookie", name+"="+planted), http.StatusServiceUnavailable)
				store.broken = false
			}
			s.want(alice.visit("https://app.example.com"+prefix+"/sign_out", "Cookie", name+"="+planted), http.StatusOK)
			for _, value := range []string{mine, planted} {
				if _, err := s.outpost.Sessions().Find(t.Context(), name, value); !errors.Is(err, session.ErrNone) {
					t.Errorf("a session still opens: %v", err)
				}
			}
		})
	}
}

package auth_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outpost/access"
	"outpost/auth"
	"outpost/headers"
	"outpost/session"
	"outpost/session/memory"
)

// swag is what SWAG's confs send for a URL of host.
func swag(host, target string, more ...string) http.Header {
	h := http.Header{
		"Host": {host}, "X-Forwarded-Host": {host}, "X-Original-Url": {"https://" + host + target}, "X-Original-Method": {"GET"},
		"X-Forwarded-Proto": {"https"}, "X-Real-Ip": {"203.0.113.7"}, "X-Forwarded-For": {"203.0.113.7"},
		"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"},
	}
	for i := 0; i+1 < len(more); i += 2 {
		if more[i+1] == "" {
			h.Del(more[i])
			continue
		}
		h.Set(more[i], more[i+1])
	}
	return h
}

const nginxPeer = "127.0.0.1:40000"

func TestCheck(t *testing.T) {
	s := newStage(t)
	alice, bob := s.browser("alice"), s.browser("bob")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	s.want(alice.visit("https://router.example.com/"), http.StatusOK)
	s.want(bob.visit("https://router.example.com/"), http.StatusForbidden)
	home := "__Secure-outpost-home=" + alice.cookie("https://app.example.com/", "__Secure-outpost-home")
	admin := "__Host-outpost-router=" + alice.cookie("https://router.example.com/", "__Host-outpost-router")
	denied := "__Host-outpost-router=" + bob.cookie("https://router.example.com/", "__Host-outpost-router")
	value := strings.TrimPrefix(admin, "__Host-outpost-router=")

	for _, tt := range []struct {
		name   string
		header http.Header
		peer   string
		status int
		reason auth.Reason
	}{
		{"signed-in", swag("app.example.com", "/", "Cookie", home), nginxPeer, 200, auth.Allowed},
		{"domain-itself", swag("example.com", "/", "Cookie", home), nginxPeer, 200, auth.Allowed},
		{"host-in-capitals", swag("APP.Example.COM", "/", "Cookie", home), nginxPeer, 200, auth.Allowed},
		{"trailing-dot", swag("app.example.com.", "/", "Cookie", home), nginxPeer, 200, auth.Allowed},
		{"default-port", swag("app.example.com", "/", "Cookie", home, "X-Original-Url", "https://app.example.com:443/"), nginxPeer, 200, auth.Allowed},
		{"old-proxy-conf-with-port", swag("app.example.com", "/", "Cookie", home, "X-Forwarded-Host", "app.example.com:443"), nginxPeer, 200, auth.Allowed},
		{"http3-without-host", swag("app.example.com", "/", "Cookie", home, "X-Original-Url", "https:///deep?x=1"), nginxPeer, 200, auth.Allowed},
		{"http3-host-alone", swag("app.example.com", "/", "Cookie", home, "X-Original-Url", "https:///deep", "X-Forwarded-Host", ""), nginxPeer, 200, auth.Allowed},
		{"no-method", swag("app.example.com", "/", "Cookie", home, "X-Original-Method", ""), nginxPeer, 200, auth.Allowed},
		{"unix-socket", swag("app.example.com", "/", "Cookie", home), "@", 200, auth.Allowed},
		{"odd-url", swag("app.example.com", "/{x}|^?%zz#\xc3\xa4", "Cookie", home), nginxPeer, 200, auth.Allowed},
		{"conditional", swag("app.example.com", "/", "Cookie", home, "If-None-Match", "*", "Range", "bytes=0-1"), nginxPeer, 200, auth.Allowed},
		{"h2c-upgrade", swag("app.example.com", "/", "Cookie", home, "Upgrade", "h2c", "Connection", "upgrade, x-original-url"), nginxPeer, 200, auth.Allowed},

		{"anonymous", swag("app.example.com", "/"), nginxPeer, 401, auth.NotSignedIn},
		{"anonymous-background", swag("app.example.com", "/", "Sec-Fetch-Mode", "cors"), nginxPeer, 401, auth.NotSignedIn},
		{"own-prefix", swag("app.example.com", prefix+"/start"), nginxPeer, 401, auth.NotSignedIn},
		{"own-prefix-dots", swag("app.example.com", prefix+"/../x"), nginxPeer, 401, auth.NotSignedIn},
		{"x-original-uri", swag("app.example.com", "/", "X-Original-Uri", prefix+"/x", "X-Forwarded-Uri", prefix+"/x", "X-Rewrite-Url", prefix), nginxPeer, 401, auth.NotSignedIn},
		{"health-checker", swag("app.example.com", "/", "User-Agent", "kube-probe/1.30"), nginxPeer, 401, auth.NotSignedIn},
		{"preflight", swag("app.example.com", "/", "X-Original-Method", "OPTIONS", "Origin", "https://x", "Access-Control-Request-Method", "PUT"), nginxPeer, 401, auth.NotSignedIn},
		{"cookie-of-another-application", swag("app.example.com", "/", "Cookie", "__Secure-outpost-home="+value), nginxPeer, 401, auth.NotSignedIn},
		{"domain-cookie-at-single-host", swag("router.example.com", "/", "Cookie", home), nginxPeer, 401, auth.NotSignedIn},
		{"cookie-name-by-case", swag("app.example.com", "/", "Cookie", strings.ToLower(home)), nginxPeer, 401, auth.NotSignedIn},
		{"browser-cookie-as-session", swag("app.example.com", "/", "Cookie", "__Secure-outpost-home="+alice.cookie("https://router.example.com/", "__Host-outpost-browser")), nginxPeer, 401, auth.NotSignedIn},

		{"not-allowed-navigation", swag("router.example.com", "/", "Cookie", denied), nginxPeer, 401, auth.NotAllowed},
		{"not-allowed-background", swag("router.example.com", "/", "Cookie", denied, "Sec-Fetch-Mode", "cors"), nginxPeer, 403, auth.NotAllowed},
		{"allowed-single", swag("router.example.com", "/", "Cookie", admin), nginxPeer, 200, auth.Allowed},
		{"garbage-before-and-after", swag("router.example.com", "/", "Cookie", "__Host-outpost-router=x; "+admin+"; __Host-outpost-router=\"y\"; ;;=;"), nginxPeer, 200, auth.Allowed},
		{"same-cookie-twice", swag("router.example.com", "/", "Cookie", admin+"; "+admin), nginxPeer, 200, auth.Allowed},
		{"two-sessions", swag("router.example.com", "/", "Cookie", denied+"; "+admin), nginxPeer, 401, auth.CookieAmbiguous},

		{"stranger", swag("app.example.com", "/", "Cookie", home), "203.0.113.9:1", 403, auth.UntrustedPeer},
		{"peer-unparsable", swag("app.example.com", "/", "Cookie", home), "nonsense", 403, auth.UntrustedPeer},
		{"unknown-host", swag("app.example.org", "/", "Cookie", home), nginxPeer, 403, auth.UnknownHost},
		{"no-label-border", swag("evilexample.com", "/", "Cookie", home), nginxPeer, 403, auth.UnknownHost},
		{"single-host-below", swag("x.router.example.net", "/", "Cookie", admin), nginxPeer, 403, auth.UnknownHost},
		{"url-missing", swag("app.example.com", "/", "Cookie", home, "X-Original-Url", ""), nginxPeer, 500, auth.URLMissing},
		{"url-relative", swag("app.example.com", "/", "Cookie", home, "X-Original-Url", "/path"), nginxPeer, 403, auth.URLInvalid},
		{"url-opaque", swag("app.example.com", "/", "Cookie", home, "X-Original-Url", "https:app.example.com"), nginxPeer, 403, auth.URLInvalid},
		{"url-javascript", swag("app.example.com", "/", "Cookie", home, "X-Original-Url", "javascript://app.example.com/"), nginxPeer, 403, auth.URLInvalid},
		{"url-with-user", swag("app.example.com", "/", "Cookie", home, "X-Original-Url", "https://app.example.com@evil.test/"), nginxPeer, 403, auth.URLInvalid},
		{"url-backslash-host", swag("app.example.com", "/", "Cookie", home, "X-Original-Url", `https://app.example.com\@evil.test/`), nginxPeer, 403, auth.URLInvalid},
		{"url-control", swag("app.example.com", "/", "Cookie", home, "X-Original-Url", "https://app.example.com/\x00"), nginxPeer, 403, auth.URLInvalid},
		{"url-huge", swag("app.example.com", "/"+strings.Repeat("a", 33<<10), "Cookie", home), nginxPeer, 403, auth.URLInvalid},
		{"two-hosts-forwarded", swag("app.example.com", "/", "Cookie", home, "X-Forwarded-Host", "other.example.com"), nginxPeer, 403, auth.HostMismatch},
		{"absolute-form", swag("app.example.com", "/", "Cookie", home, "Host", "router.example.com"), nginxPeer, 403, auth.HostMismatch},
		{"underscore-alias", swag("app.example.com", "/", "Cookie", home, "X_authentik_username", "root"), nginxPeer, 403, auth.HeaderAlias},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := s.check(tt.header, tt.peer)
			if resp.StatusCode != tt.status || s.last() != tt.reason {
				t.Errorf("got %d %s, want %d %s", resp.StatusCode, s.last(), tt.status, tt.reason)
			}
			if len(resp.Header["Set-Cookie"]) > 0 {
				t.Errorf("a cookie: %v", resp.Header)
			}
			if got := resp.Header["Cache-Control"]; len(got) != 1 || got[0] != "no-store" {
				t.Errorf("Cache-Control %q", got)
			}
			for _, name := range headers.IdentityNames {
				if _, sent := resp.Header[name]; sent != (tt.status == http.StatusOK) {
					t.Errorf("%s sent: %v", name, sent)
				}
			}
		})
	}
}

// Two domains in one process, one below the other: each host has the nearest,
// and neither cookie opens the other.
func TestSeveralCookieDomains(t *testing.T) {
	s := newStage(t, func(c *auth.Config) {
		c.Applications = append(c.Applications,
			auth.Application{Name: "lab", ExternalURL: "https://in.lab.example.com", CookieDomain: "lab.example.com", Providers: []string{"idp"}, Access: access.Config{Policy: access.Everyone(), DefaultAllow: true}},
			auth.Application{Name: "club", ExternalURL: "https://in.example.org", CookieDomain: "example.org", Providers: []string{"idp"}, Access: access.Config{Policy: access.Everyone(), DefaultAllow: true}})
	})
	alice := s.browser("alice")
	for _, u := range []string{"https://a.example.com/1", "https://a.lab.example.com/2", "https://a.example.org/3"} {
		s.want(alice.visit(u), http.StatusOK)
		if alice.at != u {
			t.Errorf("landed on %s, want %s", alice.at, u)
		}
	}
	if n := s.provider.called("/token"); n != 3 {
		t.Errorf("%d sign-ins, want one for each domain", n)
	}
	home := alice.cookie("https://a.example.com/", "__Secure-outpost-home")
	for _, host := range []string{"a.lab.example.com", "a.example.org"} {
		for _, name := range []string{"home", "lab", "club"} {
			if resp := s.check(swag(host, "/", "Cookie", "__Secure-outpost-"+name+"="+home), nginxPeer); resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s: the cookie of home as that of %s: %d", host, name, resp.StatusCode)
			}
		}
	}
}

// To a stranger there is nothing below auth/, whatever the front end.
func TestStrangersAtTheOtherFrontEnds(t *testing.T) {
	s := newStage(t)
	for peer, want := range map[string]int{"203.0.113.9:1": http.StatusForbidden, nginxPeer: http.StatusNotFound} {
		r := httptest.NewRequest(http.MethodGet, "http://app.example.com"+prefix+"/auth/traefik", nil)
		r.RemoteAddr = peer
		w := httptest.NewRecorder()
		s.public.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("from %s: %d, want %d", peer, w.Code, want)
		}
	}
}

func TestTwoURLHeadersAreRefused(t *testing.T) {
	s := newStage(t)
	h := swag("app.example.com", "/")
	h.Add("X-Original-Url", "https://app.example.com/public")
	if resp := s.check(h, nginxPeer); resp.StatusCode != http.StatusForbidden || s.last() != auth.URLInvalid {
		t.Errorf("got %d %s", resp.StatusCode, s.last())
	}
}

// Ten thousand cookies that are not quite right open nothing and break nothing.
func TestMalformedCookies(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	s.want(b.visit("https://app.example.com/"), http.StatusOK)
	good := b.cookie("https://app.example.com/", "__Secure-outpost-home")
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 10_000 {
		value := []byte(good)
		switch i % 5 {
		case 0:
			value[random.IntN(len(value))] ^= byte(1 + random.IntN(255))
		case 1:
			value = value[:random.IntN(len(value))]
		case 2:
			value = append(value, byte(32+random.IntN(90)))
		case 3:
			for j := range value {
				value[j] = byte(random.IntN(256))
			}
		case 4:
			value = []byte(strings.Repeat(string(value), 1+random.IntN(100)))
		}
		if string(value) == good {
			continue
		}
		h := swag("app.example.com", "/")
		h.Set("Cookie", "__Secure-outpost-home="+string(value))
		resp := s.check(h, nginxPeer)
		// A mutation may put ";" behind the value, which ends it: then it is good.
		if first, _, _ := strings.Cut(string(value), ";"); strings.Trim(first, " \t") == good {
			continue
		}
		if resp.StatusCode != http.StatusUnauthorized {
			t.Fatalf("cookie %q: %d %s", value, resp.StatusCode, s.last())
		}
	}
}

func TestSessionsEnd(t *testing.T) {
	for _, tt := range []struct {
		name  string
		every time.Duration // between two checks
		for_  time.Duration
		want  int
	}{
		{"idle-not-over", 59 * time.Minute, 3 * time.Hour, http.StatusOK},
		{"idle-over", 61 * time.Minute, 62 * time.Minute, http.StatusUnauthorized},
		{"absolute-over", 30 * time.Minute, 24*time.Hour + time.Minute, http.StatusUnauthorized},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				b := s.browser("alice")
				s.want(b.visit("https://app.example.com/"), http.StatusOK)
				h := swag("app.example.com", "/", "Cookie", "__Secure-outpost-home="+b.cookie("https://app.example.com/", "__Secure-outpost-home"))
				status := 0
				for passed := time.Duration(0); passed < tt.for_; passed += tt.every {
					time.Sleep(tt.every)
					status = s.check(h, nginxPeer).StatusCode
				}
				if status != tt.want {
					t.Errorf("got %d, want %d", status, tt.want)
				}
			})
		})
	}
}

// brokenStore is a store that can be switched off.
type brokenStore struct {
	session.Store
	broken bool
}

var errBroken = errors.New("disk on fire")

func (b *brokenStore) Load(ctx context.Context, k session.Key) (session.Record, error) {
	if b.broken {
		return session.Record{}, errBroken
	}
	return b.Store.Load(ctx, k)
}

func (b *brokenStore) Replace(ctx context.Context, k session.Key, r session.Record) error {
	if b.broken {
		return errBroken
	}
	return b.Store.Replace(ctx, k, r)
}

func (b *brokenStore) Save(ctx context.Context, k session.Key, r session.Record) error {
	if b.broken {
		return errBroken
	}
	return b.Store.Save(ctx, k, r)
}

func (b *brokenStore) Delete(ctx context.Context, k session.Key) error {
	if b.broken {
		return errBroken
	}
	return b.Store.Delete(ctx, k)
}

// A store that cannot be asked is not "signed out": no sign-in loop, no 200,
// and whoever is in the hot cache goes on.
func TestStoreUnavailable(t *testing.T) {
	store := &brokenStore{Store: memory.New()}
	s := newStage(t, func(c *auth.Config) { c.Session.Store = store })
	hot, cold := s.browser("alice"), s.browser("alice")
	s.want(hot.visit("https://app.example.com/"), http.StatusOK)
	s.want(cold.visit("https://app.example.com/"), http.StatusOK)
	again := newStage(t, func(c *auth.Config) { c.Session.Store = store })
	hot.s, cold.s = again, again
	again.want(hot.visit("https://app.example.com/"), http.StatusOK)
	store.broken = true
	again.want(hot.once(http.MethodGet, "https://app.example.com/"), http.StatusOK)
	again.want(cold.once(http.MethodGet, "https://app.example.com/"), http.StatusInternalServerError)
	if again.last() != auth.StoreUnavailable {
		t.Errorf("reason %s", again.last())
	}
	again.want(cold.once(http.MethodGet, "https://app.example.com/outpost.goauthentik.io/start"), http.StatusServiceUnavailable)
	// Nobody new is let in either.
	fresh := again.browser("bob")
	again.want(fresh.visit("https://app.example.com/"), http.StatusServiceUnavailable)
	if fresh.cookie("https://app.example.com/", "__Secure-outpost-home") != "" {
		t.Error("a cookie for a session that was not saved")
	}
	store.broken = false
	again.want(cold.visit("https://app.example.com/"), http.StatusOK)
}

// Too many groups for nginx's buffer: the person reads why, and no application
// ever sees half of the list.
func TestTooManyGroups(t *testing.T) {
	s := newStage(t)
	var groups []string
	for i := range 300 {
		groups = append(groups, fmt.Sprintf("group-number-%d", i))
	}
	s.provider.users["alice"]["groups"] = groups
	b := s.browser("alice")
	s.want(b.visit("https://app.example.com/"), http.StatusForbidden)
	if s.last() != auth.HeaderTooLarge {
		t.Errorf("reason %s", s.last())
	}
	s.want(b.once(http.MethodGet, "https://app.example.com/", "Sec-Fetch-Mode", "cors"), http.StatusForbidden)
	if log := s.log.String(); !strings.Contains(log, "identity does not go into the headers") {
		t.Errorf("no line in the log:\n%s", log)
	}
}

// Strangers cost nothing: no record, no cookie, no memory.
func TestAnonymousTrafficLeavesNothing(t *testing.T) {
	s := newStage(t, quiet) // the stage's own log would be what grows
	ask := func(n int) {
		for i := range n {
			h := swag("app.example.com", "/")
			if i%2 == 1 {
				h.Set("Cookie", fmt.Sprintf("__Secure-outpost-home=bogus-%d", i))
			}
			s.check(h, nginxPeer)
		}
	}
	ask(1000)
	before := heap()
	ask(50_000)
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if n, err := s.outpost.Sessions().Len(t.Context()); n != 0 || err != nil {
		t.Errorf("%d sessions, %v", n, err)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A body that is announced and never comes must not hold the answer up.
func TestPhantomBody(t *testing.T) {
	s := newStage(t)
	r := httptest.NewRequest(http.MethodGet, prefix+"/auth/nginx", nil)
	r.Host, r.RemoteAddr, r.ContentLength = "app.example.com", nginxPeer, 5
	r.Header = swag("app.example.com", "/")
	w := httptest.NewRecorder()
	s.outpost.ServeNginx(w, r)
	if w.Code != http.StatusUnauthorized || w.Header().Get("Connection") != "close" {
		t.Errorf("got %d, Connection %q", w.Code, w.Header().Get("Connection"))
	}
}

// The log says that refusals go on without repeating each of them.
func TestRefusalsDoNotFloodTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		for range 1000 {
			s.check(swag("unknown.test", "/?code=secret-in-query"), nginxPeer)
		}
		time.Sleep(time.Second)
		s.check(swag("unknown.test", "/"), nginxPeer)
		log := s.log.String()
		if n := strings.Count(log, "check refused"); n != 11 {
			t.Errorf("%d lines, want 11", n)
		}
		if !strings.Contains(log, `"suppressed":990`) || strings.Contains(log, "secret-in-query") {
			t.Errorf("log:\n%s", log)
		}
	})
}

// No secret of a sign-in is in any log line, at the finest level, or on a page.
func TestNoSecretsInTheLog(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	callback := b.until("https://app.example.com/x?token=secret-in-query", prefix+"/callback")
	s.want(b.visit(callback), http.StatusOK)
	marks := []string{b.cookie("https://app.example.com/", "__Secure-outpost-home"), b.cookie("https://outpost.example.com/", "__Host-outpost-browser"), "client secret", "client+secret", "secret-in-query", strings.Repeat("s", 32)}
	for name, values := range s.provider.seen[0] {
		if name == "state" || name == "nonce" || name == "code_challenge" {
			marks = append(marks, values...)
		}
	}
	for token := range s.provider.tokens {
		marks = append(marks, token)
	}
	b.visit("https://app.example.com" + prefix + "/sign_out")
	b.visit(callback + "&code=again")
	for _, mark := range marks {
		if mark == "" || strings.Contains(s.log.String(), mark) {
			t.Errorf("%q is in the log, or was never there to be found", mark)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("https://app.example.com/x?y=1", "app.example.com", "app.example.com", "__Secure-outpost-home=x")
	f.Add("https:///x", "", "app.example.com:443", "a=b; =; ;;")
	f.Add("http://[::1]:80/", "[::1]", "[::1]", "")
	f.Add("https://router.example.com\\@evil.test/", "router.example.com", "x", "__Host-outpost-router=\"\"")
	f.Fuzz(func(t *testing.T, original, forwarded, host, cookie string) {
		s := newStage(t)
		h := http.Header{"Host": {host}, "X-Original-Url": {original}, "X-Forwarded-Host": {forwarded}, "Cookie": {cookie}}
		resp := s.check(h, nginxPeer)
		switch {
		case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		case resp.StatusCode == http.StatusInternalServerError && s.last() == auth.URLMissing && original == "":
		default:
			t.Errorf("%d %s", resp.StatusCode, s.last())
		}
	})
}

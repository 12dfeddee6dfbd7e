package auth_test

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outpost/auth"
	"outpost/session"
)

func TestSignIn(t *testing.T) {
	s := newStage(t)
	alice := s.browser("alice")
	deep := "https://app.example.com/deep/path?a=1&b=%2F&c=+x&d=%26"
	resp := alice.visit(deep)
	s.want(resp, http.StatusOK)
	if alice.at != deep {
		t.Errorf("landed on %s, want %s", alice.at, deep)
	}
	want := map[string]string{
		"X-Authentik-Username": "alice", "X-Authentik-Groups": "admins|users", "X-Authentik-Entitlements": "",
		"X-Authentik-Email": "alice@example.com", "X-Authentik-Name": "Alice Ädmin", "X-Authentik-Uid": "sub-alice",
	}
	for name, value := range want {
		if got, sent := resp.Header[name]; !sent || got[0] != value {
			t.Errorf("%s: got %q, want %q", name, got, value)
		}
	}
	q := s.provider.seen[0]
	for name, value := range map[string]string{
		"response_type": "code", "client_id": "outpost", "code_challenge_method": "S256", "scope": "openid profile",
		"redirect_uri": "https://outpost.example.com/outpost.goauthentik.io/callback", "prompt": "",
	} {
		if q.Get(name) != value {
			t.Errorf("authorization request: %s is %q, want %q", name, q.Get(name), value)
		}
	}
	if len(q.Get("code_challenge")) != 43 || len(q.Get("nonce")) != 43 {
		t.Errorf("code_challenge %q and nonce %q: want 43 characters each", q.Get("code_challenge"), q.Get("nonce"))
	}
	// The other hosts of the domain know her too, without asking anybody.
	s.want(alice.once(http.MethodGet, "https://other.example.com/"), http.StatusOK)
	if n := s.provider.called("/token"); n != 1 {
		t.Errorf("the provider was asked for tokens %d times, want once", n)
	}
	if log := s.log.String(); strings.Count(log, `"msg":"signed in"`) != 1 {
		t.Errorf("want one line for the sign-in:\n%s", log)
	}
}

func TestLandsByteIdentical(t *testing.T) {
	long := "/search?q=" + strings.Repeat("%C3%A4&x;y,z=\"^1\"'", 230)
	for _, tt := range []struct{ name, path string }{
		{"root", "/"},
		{"ampersand", "/x?a=1&b=2&rd=https://evil.example/&c=3"},
		{"plus", "/x?q=a+b+%2B"},
		{"escaped-slash", "/a%2Fb/%2e%2e/c"},
		{"double-slash", "//x//y"},
		{"utf-8-escaped", "/%C3%A4?%E2%82%AC"},
		{"braces", "/{x}|^"},
		{"six-hundred", "/" + strings.Repeat("a", 560)},
		{"four-kib", "/" + strings.Repeat("a?b=c&", 680)},
		{"four-kib-of-cookie-breakers", long[:4000]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			for _, host := range []string{"https://router.example.com", "https://app.example.com", "https://wiki.example.net:8443"} {
				b := s.browser("alice")
				s.want(b.visit(host+tt.path), http.StatusOK)
				if b.at != host+tt.path {
					t.Errorf("landed on\n%s, want\n%s", b.at, host+tt.path)
				}
			}
		})
	}
}

// Eight tabs of one browser are sent to the provider before the first comes
// back; each has to land on its own page, whatever their order.
func TestParallelTabs(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	var callbacks, pages []string
	for i := range 8 {
		page := fmt.Sprintf("https://app.example.com/tab/%d?%s", i, strings.Repeat("x", i*180))
		if i == 4 {
			// Of the return URLs that are too long for state, the newest three
			// are kept; the fourth tab from the end is the one that pays.
			pages = append(pages, "https://outpost.example.com/")
			callbacks = append(callbacks, b.until(page, prefix+"/callback"))
			continue
		}
		pages = append(pages, page)
		callbacks = append(callbacks, b.until(page, prefix+"/callback"))
	}
	for _, i := range []int{3, 0, 7, 1, 6, 2, 5, 4} {
		s.want(b.visit(callbacks[i]), http.StatusOK)
		if b.at != pages[i] {
			t.Errorf("tab %d landed on %s, want %s", i, b.at, pages[i])
		}
	}
}

// In a browser that is signing in by itself, somebody else's callback begins a
// sign-in of its own: nobody ends up in another's session.
func TestCallbackInAnotherBrowserThatIsSigningIn(t *testing.T) {
	s := newStage(t)
	stolen := s.browser("bob").until("https://app.example.com/theirs", prefix+"/callback")
	victim := s.browser("alice")
	victim.until("https://app.example.com/", "/authorize")
	resp := victim.once(http.MethodGet, stolen)
	s.want(resp, http.StatusFound)
	if s.last() != auth.BrowserMismatch || s.provider.called("/token") != 0 || len(resp.Cookies()) != 0 {
		t.Errorf("reason %s, %d exchanges, cookies %v", s.last(), s.provider.called("/token"), resp.Cookies())
	}
	resp = victim.visit(resp.Header.Get("Location"))
	s.want(resp, http.StatusOK)
	if who := resp.Header.Get("X-Authentik-Username"); who != "alice" || victim.at != "https://app.example.com/theirs" {
		t.Errorf("%s at %s", who, victim.at)
	}
}

// A browser that restores its tabs asks for all of them before it has any
// cookie: each answer brings one, and the last stays.
func TestTabsOfAFreshBrowser(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	var starts, callbacks []string
	for i := range 8 {
		starts = append(starts, b.until(fmt.Sprintf("https://app.example.com/tab/%d", i), "https://outpost.example.com"))
	}
	for _, start := range starts {
		b.jar, _ = cookiejar.New(nil)
		callbacks = append(callbacks, b.until(start, prefix+"/callback"))
	}
	for i, callback := range callbacks {
		s.want(b.visit(callback), http.StatusOK)
		if want := fmt.Sprintf("https://app.example.com/tab/%d", i); b.at != want {
			t.Errorf("tab %d landed on %s", i, b.at)
		}
	}
}

func TestCallbackInASignedInBrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		alice := s.browser("alice")
		late := alice.until("https://app.example.com/late", prefix+"/callback")
		time.Sleep(time.Second)
		s.want(alice.visit("https://app.example.com/first"), http.StatusOK)
		before := alice.cookie("https://app.example.com/", "__Secure-outpost-home")
		// Once more, and once more after the state is too old.
		for range 2 {
			s.want(alice.visit(late), http.StatusOK)
			if alice.at != "https://app.example.com/late" {
				t.Errorf("landed on %s", alice.at)
			}
			time.Sleep(20 * time.Minute)
		}
		if alice.cookie("https://app.example.com/", "__Secure-outpost-home") != before {
			t.Error("a late callback changed the session")
		}
		if n := s.provider.called("/token"); n != 1 {
			t.Errorf("%d exchanges, want one", n)
		}
	})
}

func TestProviderDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		alice, bob := s.browser("alice"), s.browser("bob")
		s.provider.down = true
		for range 1000 {
			s.want(bob.visit("https://app.example.com/"), http.StatusServiceUnavailable)
		}
		if s.last() != auth.ProviderUnreachable {
			t.Errorf("reason %s", s.last())
		}
		if n := s.provider.called("/oidc/.well-known/openid-configuration"); n != 1 {
			t.Errorf("a thousand people made us ask a provider that is down %d times in the same second", n)
		}
		s.provider.down = false
		time.Sleep(time.Second)
		s.want(alice.visit("https://app.example.com/"), http.StatusOK)
		s.provider.down = true
		s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	})
}

// What was learned of a provider outlives the process: a sign-out finds the
// end-session endpoint although the provider is down.
func TestMetadataAreKept(t *testing.T) {
	dir := t.TempDir()
	keep := func(c *auth.Config) { c.Keep = dir }
	s := newStage(t, keep)
	s.want(s.browser("alice").visit("https://app.example.com/"), http.StatusOK)
	if got := s.outpost.Providers()[0]; !got.Up || got.KeysFetched.IsZero() {
		t.Fatalf("status %+v", got)
	}
	again := newStage(t, keep)
	again.provider.down = true
	got := again.outpost.Providers()[0]
	if got.Up || got.KeysFetched.IsZero() {
		t.Errorf("after a restart: status %+v, want keys and not up", got)
	}
}

// A browser that drops the session cookie would go round for ever.
func TestLoopGuard(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	page := "https://app.example.com/x"
	for range 3 {
		callback := b.until(page, prefix+"/callback")
		b.once(http.MethodGet, callback)
		b.forget("https://outpost.example.com/", "__Secure-outpost-home", "example.com")
	}
	s.want(b.visit(page), http.StatusForbidden)
	if s.last() != auth.Loop {
		t.Errorf("reason %s", s.last())
	}
	// Trying again tries again.
	b.until(page, "/authorize")
}

// Three sign-ins without a check between them are a loop if the next one begins
// within half a minute of the first, and none a second later: somebody who
// clears cookies by hand takes longer than that.
func TestLoopGuardTime(t *testing.T) {
	for _, tt := range []struct {
		name string
		last time.Duration // from the end of the first sign-in to the beginning of the fourth
		stop bool
	}{
		{"at-once", 0, true},
		{"half-a-minute", 30 * time.Second, true},
		{"a-second-more", 31 * time.Second, false},
	} {
		bubble(tt.name, t, func(t *testing.T) {
			s := newStage(t)
			b := s.browser("alice")
			page := "https://app.example.com/x"
			for range 3 {
				b.once(http.MethodGet, b.until(page, prefix+"/callback"))
				b.forget("https://outpost.example.com/", "__Secure-outpost-home", "example.com")
			}
			time.Sleep(tt.last)
			if !tt.stop {
				b.until(page, "/authorize")
				return
			}
			s.want(b.visit(page), http.StatusForbidden)
			if s.last() != auth.Loop {
				t.Errorf("reason %s", s.last())
			}
		})
	}
}

// Two are no loop: that is a person with two tabs.
func TestTwoSignInsAreNoLoop(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	for range 2 {
		b.once(http.MethodGet, b.until("https://app.example.com/x", prefix+"/callback"))
		b.forget("https://outpost.example.com/", "__Secure-outpost-home", "example.com")
	}
	b.until("https://app.example.com/x", "/authorize")
}

func TestNoLoopForSomeoneWhoIsLetIn(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	for range 6 {
		s.want(b.visit("https://app.example.com/x"), http.StatusOK)
		b.forget("https://outpost.example.com/", "__Secure-outpost-home", "example.com")
	}
}

// forget deletes a cookie from the jar.
func (b *browser) forget(rawURL, name, domain string) {
	u, _ := url.Parse(rawURL)
	b.jar.SetCookies(u, []*http.Cookie{{Name: name, Domain: domain, Path: "/", MaxAge: -1}})
}

func TestNotAllowed(t *testing.T) {
	s := newStage(t)
	bob := s.browser("bob")
	resp := bob.visit("https://router.example.com/settings?x=1")
	s.want(resp, http.StatusForbidden)
	page := body(resp)
	for _, part := range []string{"bob", "router", "/outpost.goauthentik.io/sign_out", "switch=1&amp;rd=https%3A%2F%2Frouter.example.com%2Fsettings%3Fx%3D1", "not_allowed"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page does not have %q:\n%s", part, page)
		}
	}
	// What is no navigation gets a plain 403 from the check itself.
	s.want(bob.once(http.MethodGet, "https://router.example.com/api", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"), http.StatusForbidden)
	// Another account gets in, and the first session is gone.
	old := bob.cookie("https://router.example.com/", "__Host-outpost-router")
	bob.user = "alice"
	s.want(bob.visit("https://router.example.com/outpost.goauthentik.io/start?switch=1&rd=https%3A%2F%2Frouter.example.com%2Fsettings"), http.StatusOK)
	if q := s.provider.seen[len(s.provider.seen)-1]; q.Get("prompt") != "login" {
		t.Errorf("prompt is %q", q.Get("prompt"))
	}
	if _, err := s.outpost.Sessions().Find(t.Context(), "__Host-outpost-router", old); err == nil {
		t.Error("the session before still opens")
	}
}

func TestStartForWhatIsNoNavigation(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header []string
	}{
		{"fetch", []string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Accept", "*/*"}},
		{"xhr", []string{"Sec-Fetch-Mode", "", "X-Requested-With", "XMLHttpRequest"}},
		{"json", []string{"Sec-Fetch-Mode", "", "Accept", "application/json"}},
		{"event-stream", []string{"Sec-Fetch-Mode", "", "Accept", "text/event-stream"}},
		{"websocket", []string{"Sec-Fetch-Mode", "websocket", "Upgrade", "websocket"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			resp := s.browser("alice").visit("https://app.example.com/api/x?y=1", tt.header...)
			s.want(resp, http.StatusForbidden)
			if ct := resp.Header.Get("Content-Type"); ct != "application/json; charset=utf-8" {
				t.Errorf("Content-Type %s", ct)
			}
			if len(resp.Cookies()) > 0 {
				t.Errorf("cookies: %v", resp.Cookies())
			}
			if text := body(resp); !strings.Contains(text, `/outpost.goauthentik.io/start?rd=https%3A%2F%2Fapp.example.com%2Fapi%2Fx%3Fy%3D1`) {
				t.Errorf("no sign-in URL in %s", text)
			}
			if n := s.provider.called("/oidc/.well-known/openid-configuration"); n != 0 {
				t.Error("the provider was asked")
			}
		})
	}
}

// A new sign-in never goes on with a ticket that the browser had before.
func TestTicketIsNew(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	planted := s.browser("bob")
	s.want(planted.visit("https://app.example.com/"), http.StatusOK)
	value := planted.cookie("https://app.example.com/", "__Secure-outpost-home")
	s.want(b.visit("https://app.example.com/"), http.StatusOK)
	if mine := b.cookie("https://app.example.com/", "__Secure-outpost-home"); mine == value || mine == "" {
		t.Errorf("ticket %q", mine)
	}
}

func TestUnknownHost(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	for _, u := range []string{"https://evil.test/", "https://evilexample.com/", "https://example.com.evil.test/", "https://wiki.example.net.evil.test/"} {
		s.want(b.once(http.MethodGet, u), http.StatusForbidden)
		s.want(b.once(http.MethodGet, u+"outpost.goauthentik.io/start"), http.StatusForbidden)
	}
}

func TestSecretRotation(t *testing.T) {
	old, fresh := []byte(strings.Repeat("o", 32)), []byte(strings.Repeat("f", 32))
	store := session.Config{}
	s := newStage(t, func(c *auth.Config) { c.Session.Secrets = [][]byte{old}; store = c.Session })
	b := s.browser("alice")
	callback := b.until("https://app.example.com/half-way", prefix+"/callback")
	other := s.browser("alice")
	s.want(other.visit("https://app.example.com/"), http.StatusOK)

	again := newStage(t, func(c *auth.Config) {
		c.Session.Secrets, c.Session.Store, c.Transport = [][]byte{fresh, old}, store.Store, s.provider
	})
	again.provider = s.provider
	b.s, other.s = again, again
	again.want(other.once(http.MethodGet, "https://app.example.com/"), http.StatusOK)
	b.visit("https://outpost.example.com" + prefix + "/sign_out") // any request: metadata are not known yet
	again.want(again.browser("bob").visit("https://app.example.com/"), http.StatusOK)
	again.want(b.visit(callback), http.StatusOK)
	if b.at != "https://app.example.com/half-way" {
		t.Errorf("landed on %s", b.at)
	}
}

// Somebody who uses one host all day and then opens another whose nginx sends
// the check no cookie (proxy_set_header Cookie "") goes in a circle there, however
// often the first has let them in.
func TestCircleAtOneOfTwoHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		b := s.browser("alice")
		s.want(b.visit("https://app.example.com/"), http.StatusOK) // an accepted check
		time.Sleep(time.Hour / 2)
		// The check at broken.example.com answers 401 each time; nginx sends the
		// browser to start, which knows the session and sends it back.
		var resp *http.Response
		for range 10 {
			resp = b.once(http.MethodGet, "https://broken.example.com"+prefix+"/start?rd=https%3A%2F%2Fbroken.example.com%2F")
			if resp.StatusCode != http.StatusFound {
				break
			}
		}
		s.want(resp, http.StatusForbidden)
		if s.last() != auth.Loop {
			t.Errorf("reason %s", s.last())
		}
	})
}

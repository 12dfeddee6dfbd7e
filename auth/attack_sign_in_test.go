package auth_test

// What an attacker can do to a sign-in: bring their own flow into somebody
// else's browser, bring somebody else's into their own, or make one go wrong.

import (
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"outpost/auth"
	"outpost/auth/provider"
)

// Each byte of a state counts, and none of what does not open costs the
// provider a request.
func TestStateWithAnyByteChanged(t *testing.T) {
	s := newStage(t, quiet)
	b := s.browser("alice")
	callback, err := url.Parse(b.until("https://app.example.com/x", prefix+"/callback"))
	if err != nil {
		t.Fatal(err)
	}
	q := callback.Query()
	state := q.Get("state")
	for i := range len(state) {
		for _, change := range []byte{1, 0x20} {
			bad := []byte(state)
			bad[i] ^= change
			q.Set("state", string(bad))
			callback.RawQuery = q.Encode()
			if resp := b.once(http.MethodGet, callback.String()); resp.StatusCode != http.StatusBadRequest {
				t.Fatalf("byte %d: %d", i, resp.StatusCode)
			}
		}
	}
	for _, bad := range []string{state + "A", state[:len(state)-1], "A" + state, state + "=", state + "\n", " " + state, state + state, strings.ToUpper(state), strings.TrimRight(state, "="), strings.NewReplacer("-", "+", "_", "/").Replace(state) + "%"} {
		if bad == state {
			continue
		}
		q.Set("state", bad)
		callback.RawQuery = q.Encode()
		if resp := b.once(http.MethodGet, callback.String()); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("state %q: %d", bad, resp.StatusCode)
		}
	}
	if n := s.provider.called("/token"); n != 0 {
		t.Errorf("%d exchanges", n)
	}
	q.Set("state", state)
	callback.RawQuery = q.Encode()
	s.want(b.visit(callback.String()), http.StatusOK)
}

// Somebody who is signed in stays who they are, whoever's callback they are led
// to.
func TestForeignCallbackInASignedInBrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		victim, attacker := s.browser("alice"), s.browser("bob")
		s.want(victim.visit("https://app.example.com/"), http.StatusOK)
		time.Sleep(time.Minute)
		before := victim.cookie("https://app.example.com/", "__Secure-outpost-home")
		stolen := attacker.until("https://app.example.com/", prefix+"/callback")
		victim.once(http.MethodGet, stolen)
		if victim.cookie("https://app.example.com/", "__Secure-outpost-home") != before || s.provider.called("/token") != 1 {
			t.Error("the session changed, or the attacker's code was exchanged")
		}
		resp := victim.visit("https://app.example.com/")
		s.want(resp, http.StatusOK)
		if got := resp.Header.Get("X-Authentik-Username"); got != "alice" {
			t.Errorf("signed in as %s", got)
		}
	})
}

// A flow belongs to one application and one provider, in the same browser too.
func TestFlowOfAnotherProvider(t *testing.T) {
	const other = "https://other.example.org/oidc"
	s := newStage(t, func(c *auth.Config) {
		c.Providers = append(c.Providers, provider.Config{Name: "other", Issuer: other, ClientID: "outpost", ClientSecret: "other secret", Scopes: []string{"openid"}})
	})
	b := s.browser("alice")
	callback := b.until("https://app.example.com/", prefix+"/callback")
	moved := newStage(t, func(c *auth.Config) { // the application has changed its provider meanwhile
		c.Providers = append(c.Providers, provider.Config{Name: "other", Issuer: other, ClientID: "outpost", ClientSecret: "other secret", Scopes: []string{"openid"}})
		c.Applications[0].Providers = []string{"other"}
	})
	b.s = moved
	moved.want(b.once(http.MethodGet, callback), http.StatusBadRequest)
	if moved.last() != auth.StateInvalid || moved.provider.called("/token") != 0 {
		t.Errorf("reason %s, %d exchanges", moved.last(), moved.provider.called("/token"))
	}
}

// Where a person wanted to go may have left the application while they signed
// in: the return URL is judged again when it is used.
func TestReturnURLIsJudgedAgain(t *testing.T) {
	s := newStage(t)
	for _, page := range []string{"https://nas.example.com/x", "https://nas.example.com/" + strings.Repeat("x", 700)} {
		b := s.browser("alice")
		callback := b.until(page, prefix+"/callback")
		narrow := newStage(t, func(c *auth.Config) { c.Applications[0].CookieDomain, c.Transport = "", s.provider })
		narrow.provider, b.s = s.provider, narrow
		if resp := b.once(http.MethodGet, callback); resp.StatusCode != http.StatusFound || resp.Header.Get("Location") != "https://outpost.example.com/" {
			t.Errorf("%d to %.100q", resp.StatusCode, resp.Header.Get("Location"))
		}
	}
}

// A return URL that takes several answers to keep does not make us forget that
// the person wants another account.
func TestSwitchWithALongReturnURL(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	s.want(b.visit("https://app.example.com/"), http.StatusOK)
	b.user = "bob"
	page := "https://app.example.com/" + strings.Repeat("x", 5000)
	resp := b.visit("https://app.example.com" + prefix + "/start?switch=1&rd=" + url.QueryEscape(page))
	s.want(resp, http.StatusOK)
	if who, asked := resp.Header.Get("X-Authentik-Username"), s.provider.seen[len(s.provider.seen)-1]; b.at != page || who != "bob" || asked.Get("prompt") != "login" {
		t.Errorf("%s landed on %.60s; the provider was asked to prompt for %q", who, b.at, asked.Get("prompt"))
	}
}

// The callback of one flow, ten times at once: one exchange, one session.
func TestCallbackAtOnce(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	callback := b.until("https://app.example.com/", prefix+"/callback")
	statuses := make([]int, 10)
	var wg sync.WaitGroup
	for i := range statuses {
		wg.Go(func() {
			one := *b // the same jar
			statuses[i] = one.once(http.MethodGet, callback).StatusCode
		})
	}
	wg.Wait()
	slices.Sort(statuses)
	n, err := s.outpost.Sessions().Len(t.Context())
	if n != 1 || err != nil || s.provider.called("/token") != 1 {
		t.Errorf("%d sessions, %v, %d exchanges; answers %v", n, err, s.provider.called("/token"), statuses)
	}
	for _, status := range statuses {
		if status != http.StatusFound && status != http.StatusBadRequest {
			t.Errorf("answers %v", statuses)
		}
	}
	s.want(b.visit(callback), http.StatusOK) // the back button
}

// While a hundred checks are under way somebody signs out: none that begins
// after that is allowed.
func TestSignOutAgainstChecks(t *testing.T) {
	s := newStage(t, quiet)
	b := s.browser("alice")
	s.want(b.visit("https://app.example.com/"), http.StatusOK)
	h := swag("app.example.com", "/", "Cookie", "__Secure-outpost-home="+b.cookie("https://app.example.com/", "__Secure-outpost-home"))
	var signedOut atomic.Bool
	var allowed, after atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for late := 0; late < 100; {
				begun := signedOut.Load()
				if begun {
					late++
				}
				if s.check(h, nginxPeer).StatusCode == http.StatusOK {
					allowed.Add(1)
					if begun {
						after.Add(1)
					}
				}
			}
		})
	}
	for allowed.Load() < 100 {
		runtime.Gosched()
	}
	s.want(b.once(http.MethodGet, "https://app.example.com"+prefix+"/sign_out"), http.StatusFound)
	signedOut.Store(true)
	wg.Wait()
	if n := after.Load(); n != 0 {
		t.Errorf("%d checks were allowed after the sign-out", n)
	}
}

// Fifty tabs do not make a browser's cookies larger than nginx takes.
func TestFiftyTabs(t *testing.T) {
	s := newStage(t, quiet)
	b := s.browser("alice")
	var last string
	for i := range 50 {
		last = b.until("https://app.example.com/"+strings.Repeat("x", i*100), "/authorize?")
	}
	u, err := url.Parse("https://outpost.example.com" + prefix + "/callback")
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, c := range b.jar.Cookies(u) {
		size += len(c.Name) + len(c.Value) + len("=; ")
	}
	if size > 7<<10 {
		t.Errorf("the cookies are %d bytes", size)
	}
	s.want(b.visit(last), http.StatusOK)
	if want := "https://app.example.com/" + strings.Repeat("x", 4900); b.at != want {
		t.Errorf("landed on %.100s", b.at)
	}
}

// Every cookie is what browsers and RFC 6265bis make of its name.
// Over plain http browsers keep no cookie that is Secure or has a prefix that asks
// for it.
func TestCookieAttributesOverPlainHTTP(t *testing.T) {
	s := newStage(t, func(c *auth.Config) {
		c.Applications[0].ExternalURL, c.Applications[1].ExternalURL = "http://outpost.example.com", "http://router.example.com"
	})
	b := s.browser("alice")
	var names []string
	for _, page := range []string{"http://app.example.com/" + strings.Repeat("x", 5000), "http://router.example.com/"} {
		for at := "http://" + strings.TrimPrefix(page, "http://"); at != ""; {
			resp := b.once(http.MethodGet, strings.Replace(at, "https://router", "http://router", 1))
			for _, c := range resp.Cookies() {
				names = append(names, c.Name)
				if c.Secure || strings.HasPrefix(c.Name, "__") || !c.HttpOnly {
					t.Errorf("%.200s", c)
				}
			}
			at = onward(resp)
			at = strings.Replace(at, "https://router", "http://router", 1)
			at = strings.Replace(at, "https://app", "http://app", 1)
		}
	}
	for _, want := range []string{"outpost-home", "outpost-router", "outpost-browser"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s was not set, but %v", want, names)
		}
	}
}

func TestCookieAttributes(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	seen := map[string]bool{}
	for _, page := range []string{"https://app.example.com/" + strings.Repeat("x", 5000), "https://router.example.com/", "https://router.example.com" + prefix + "/sign_out", "https://app.example.com" + prefix + "/sign_out"} {
		at := page
		for range 20 {
			resp := b.once(http.MethodGet, at)
			for _, c := range resp.Cookies() {
				seen[c.Name] = true
				long := c.MaxAge > 24*60*60 || c.MaxAge == 0
				if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || long || len(c.String()) > 4096 {
					t.Errorf("%.200s", c)
				}
				switch {
				case strings.HasPrefix(c.Name, "__Host-"):
					if c.Domain != "" || c.Path != "/" {
						t.Errorf("%.200s", c)
					}
				case strings.HasPrefix(c.Name, "__Secure-outpost-return-"):
					if c.Domain != "" || c.Path != prefix {
						t.Errorf("%.200s", c)
					}
				case c.Name == "__Secure-outpost-home":
					if c.Domain != "example.com" || c.Path != "/" {
						t.Errorf("%.200s", c)
					}
				default:
					t.Errorf("a cookie that nobody knows: %.200s", c)
				}
			}
			if at = onward(resp); at == "" {
				break
			}
		}
	}
	if len(seen) < 5 { // home, router, browser and at least two parts
		t.Errorf("only %v were set", seen)
	}
}

// A tab that comes back to a process that has just begun, before anything is
// known of the provider.
func TestCallbackAfterARestart(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	callback := b.until("https://app.example.com/x", prefix+"/callback")
	again := newStage(t, func(c *auth.Config) { c.Transport = s.provider })
	again.provider, b.s = s.provider, again
	again.want(b.visit(callback), http.StatusOK)

	b = again.browser("alice")
	callback = b.until("https://app.example.com/x", prefix+"/callback")
	down := newStage(t)
	down.provider.down, b.s = true, down
	down.want(b.visit(callback), http.StatusServiceUnavailable)
	if down.last() != auth.ProviderUnreachable {
		t.Errorf("reason %s", down.last())
	}
}

// Whoever is signed in is never told that they are signed out, whatever link
// leads them to that page.
func TestForeignSignOutState(t *testing.T) {
	s := newStage(t)
	attacker, victim := s.browser("bob"), s.browser("alice")
	s.want(attacker.visit("https://app.example.com/"), http.StatusOK)
	s.want(victim.visit("https://app.example.com/"), http.StatusOK)
	end, err := url.Parse(attacker.once(http.MethodGet, "https://app.example.com"+prefix+"/sign_out").Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	back := "https://outpost.example.com" + prefix + "/sign_out?state=" + url.QueryEscape(end.Query().Get("state"))
	resp := victim.visit(back, "Sec-Fetch-Site", "cross-site")
	if page := body(resp); resp.StatusCode != http.StatusOK || !strings.Contains(page, string(auth.SignOutConfirm)) {
		t.Errorf("%d\n%s", resp.StatusCode, page)
	}
	s.want(victim.visit("https://app.example.com/"), http.StatusOK)
	resp = attacker.visit(back, "Sec-Fetch-Site", "cross-site")
	if page := body(resp); resp.StatusCode != http.StatusOK || !strings.Contains(page, "<code>"+string(auth.SignedOut)+"</code>") {
		t.Errorf("%d\n%s", resp.StatusCode, page)
	}
}

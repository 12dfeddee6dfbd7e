package auth_test

// Too much of everything: requests, parameters, cookies, bytes, and a provider
// that takes too long. None of it may cost more than it is worth.

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"outpost/auth"
	"outpost/session"
	"outpost/session/memory"
)

// Sign-ins that are begun and never finished, and callbacks that were never
// begun, leave nothing behind and ask the provider nothing.
func TestSignInFloodLeavesNothing(t *testing.T) {
	s := newStage(t, quiet)
	s.want(s.browser("alice").visit("https://app.example.com/"), http.StatusOK)
	ask := func(n int) {
		for i := range n {
			for _, target := range []string{"/start?rd=/" + fmt.Sprint(i), fmt.Sprintf("/callback?code=%d&state=%d", i, i), "/sign_out", "/x"} {
				r := httptest.NewRequest(http.MethodGet, prefix+target, nil)
				r.Host, r.RemoteAddr = "outpost.example.com", nginxPeer
				w := httptest.NewRecorder()
				s.public.ServeHTTP(w, r)
				if w.Code >= http.StatusInternalServerError {
					t.Fatalf("%s: %d", target, w.Code)
				}
			}
		}
	}
	ask(500)
	exchanges, before := s.provider.called("/token"), heap()
	ask(5000)
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if n, err := s.outpost.Sessions().Len(t.Context()); n != 1 || err != nil {
		t.Errorf("%d sessions, %v", n, err)
	}
	if n := s.provider.called("/token"); n != exchanges {
		t.Errorf("%d exchanges", n-exchanges)
	}
}

// What fits into the largest header that the server reads is answered at once,
// with nothing worse than a refusal.
func TestHugeRequests(t *testing.T) {
	const most = 64 << 10
	s := newStage(t, quiet)
	b := s.browser("alice")
	s.want(b.visit("https://outpost.example.com/"), http.StatusOK)
	good := "__Secure-outpost-home=" + b.cookie("https://outpost.example.com/", "__Secure-outpost-home")
	browser := "__Host-outpost-browser=" + b.cookie("https://outpost.example.com/", "__Host-outpost-browser")
	fill := func(s string) string { return strings.Repeat(s, most/len(s)) }
	queries := map[string]string{
		"none": "", "parameters": fill("a&"), "ampersands": fill("&"), "semicolons": fill(";"), "equals": fill("="), "percents": fill("%"), "escapes": fill("%26"), "many-rd": fill("rd=&"), "many-states": fill("state=x&"),
		"one-rd": "rd=/" + fill("\x80"), "escaped-rd": "rd=" + fill("%2f"), "rd-of-quotes": "rd=/" + fill(`";,^`), "rd-of-schemes": "rd=" + fill("https://"), "one-state": "state=" + fill("A") + "&code=x", "one-code": "code=" + fill("A") + "&state=x",
		"logout-signature": "X-authentik-logout=true&" + fill("b&"), "parts": fill("part=1-1&"), "switch": fill("switch=1&"),
	}
	cookies := map[string]string{
		"good": good, "short-ones-of-our-name": fill("__Secure-outpost-home=x; "), "base64-of-our-name": fill("__Secure-outpost-home=AAAAAAAAAAAA; "), "long-ones-of-our-name": fill("__Secure-outpost-home=" + strings.Repeat("A", 200) + "; "),
		"good-ones": fill(good + "; "), "browsers": fill(browser + "; "), "return-urls": fill("__Secure-outpost-return-x-0=y; "), "separators": fill(";"), "equals": fill("="), "one": "__Secure-outpost-home=" + fill("A"), "quotes": fill(`"`), "names": fill("a;"),
	}
	for _, path := range []string{"/auth/nginx", "/start", "/callback", "/sign_out", "/", "/x"} {
		for q, query := range queries {
			for c, cookie := range cookies {
				if q != "none" && c != "good" && path != "/start" {
					continue // each alone, and both where both are read
				}
				r := httptest.NewRequest(http.MethodGet, prefix+path, nil)
				r.Host, r.RemoteAddr, r.URL.RawQuery = "outpost.example.com", nginxPeer, query
				r.Header = swag("outpost.example.com", "/?"+query[:min(len(query), 30_000)], "Cookie", cookie)
				delete(r.Header, "Host")
				w := httptest.NewRecorder()
				begun := time.Now()
				if path == "/auth/nginx" {
					s.outpost.ServeNginx(w, r)
				} else {
					s.public.ServeHTTP(w, r)
				}
				// The slowest takes a few milliseconds; what is quadratic takes minutes.
				if took := time.Since(begun); took > 20*time.Second {
					t.Errorf("%s with query %s and cookies %s took %s", path, q, c, took)
				}
				if w.Code >= http.StatusInternalServerError || path == "/auth/nginx" && w.Code == http.StatusOK != strings.Contains(cookie, good) {
					t.Errorf("%s with query %s and cookies %s: %d", path, q, c, w.Code)
				}
				if size := headerSize(w.Header()); size > 4096-200 { // the status line and Date
					t.Errorf("%s with query %s and cookies %s: %d bytes of header", path, q, c, size)
				}
				if len(w.Body.String()) > 32<<10 {
					t.Errorf("%s with query %s and cookies %s: a page of %d bytes", path, q, c, w.Body.Len())
				}
			}
		}
	}
}

func headerSize(h http.Header) (size int) {
	for name, values := range h {
		for _, value := range values {
			size += len(name) + len(value) + len(": \r\n")
		}
	}
	return size
}

// Every answer of every endpoint may not be kept, and says nothing that would
// let a cache ask whether it still holds.
func TestNothingIsCached(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	s.want(b.visit("https://app.example.com/"), http.StatusOK)
	statuses := map[int]bool{}
	for _, target := range []string{"/start", "/start?rd=/x", "/start?rd=/" + strings.Repeat("x", 5000), "/callback", "/callback?state=x", "/callback?state=x&state=y", "/sign_out", "/ping", "/", "", "/x", "/auth/", "/auth/traefik", "/auth/nginx/", "/../", "//start"} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "OPTIONS", "TRACE", "CONNECT"} {
			for _, host := range []string{"app.example.com", "outpost.example.com", "evil.test"} {
				for _, early := range []string{"0", "1"} {
					r := httptest.NewRequest(method, "http://outpost:9000"+prefix+target, nil)
					r.Host, r.RemoteAddr = host, nginxPeer
					r.Header.Set("Early-Data", early)
					w := httptest.NewRecorder()
					s.public.ServeHTTP(w, r)
					statuses[w.Code] = true
					h := w.Header()
					if h.Get("Cache-Control") != "no-store" || h.Get("Etag")+h.Get("Last-Modified")+h.Get("Expires") != "" {
						t.Errorf("%s %s at %s: %d, %v", method, target, host, w.Code, h)
					}
					if w.Code == http.StatusTooEarly && (early != "1" || !strings.HasPrefix(target, "/callback") && target != "/sign_out" && !(method == "POST" && (target == "/" || target == ""))) {
						t.Errorf("%s %s: too early", method, target)
					}
					if early == "1" && w.Code < 400 && (strings.HasPrefix(target, "/callback") || target == "/sign_out") {
						t.Errorf("%s %s in early data: %d", method, target, w.Code)
					}
				}
			}
		}
	}
	for _, status := range []int{200, 204, 302, 400, 403, 404, 405, 425} {
		if !statuses[status] {
			t.Errorf("none of the requests was answered with %d", status)
		}
	}
}

// However slow a provider is, the person reads our page before nginx shows its
// own; and whoever is signed in notices nothing.
func TestSlowProvider(t *testing.T) {
	slow := func(d time.Duration) func(*http.Request) (*http.Response, error) {
		return func(r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(d):
				return nil, nil
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}
	}
	const never = time.Hour
	for _, tt := range []struct {
		name   string
		change []func(*auth.Config)
		most   time.Duration
		want   auth.Reason
	}{
		{"discovery-hangs", []func(*auth.Config){answering("/oidc/.well-known/openid-configuration", slow(never))}, 5 * time.Second, auth.ProviderUnreachable},
		{"keys-hang", []func(*auth.Config){answering("/keys", slow(never))}, 5 * time.Second, auth.ProviderUnreachable},
		{"token-endpoint-hangs", []func(*auth.Config){answering("/token", slow(never))}, 10 * time.Second, auth.ProviderUnreachable},
		{"userinfo-hangs", []func(*auth.Config){answering("/userinfo", slow(never))}, 10 * time.Second, auth.UserinfoUnavailable},
		{"each-takes-its-time", []func(*auth.Config){answering("/token", slow(9*time.Second)), answering("/keys", slow(4*time.Second)), answering("/userinfo", slow(9*time.Second))}, 24 * time.Second, auth.UserinfoUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, tt.change...)
				// Its key is always one that it has just made, so that its keys are asked for twice.
				s.provider.sign = func(c []byte) string { return s.provider.signWith(s.provider.key, "k2", jose.ES256, c) }
				asked, keys := 0, s.provider.keys()
				s.provider.keys = func() jose.JSONWebKeySet {
					if asked++; asked > 1 {
						keys.Keys[0].KeyID = "k2"
					}
					return keys
				}
				begun := time.Now()
				resp := s.browser("alice").visit("https://app.example.com/")
				s.want(resp, http.StatusServiceUnavailable)
				if took := time.Since(begun); took > tt.most || s.last() != tt.want {
					t.Errorf("%s after %s, want %s within %s", s.last(), took, tt.want, tt.most)
				}
				time.Sleep(time.Minute) // a fetch that others may wait for goes on without us
			})
		})
	}
}

// A thousand people want to sign in while the provider is slow to say who it
// is: one request, and the one who gives up takes nobody along.
func TestDiscoveryIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, answering("/oidc/.well-known/openid-configuration", func(r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(3 * time.Second):
				return nil, nil
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}))
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				r := httptest.NewRequest(http.MethodGet, prefix+"/start", nil)
				if i == 0 {
					ctx, hangUp := context.WithTimeout(t.Context(), time.Second)
					defer hangUp()
					r = r.WithContext(ctx)
				} else {
					time.Sleep(100 * time.Millisecond)
				}
				r.Host, r.RemoteAddr = "outpost.example.com", nginxPeer
				w := httptest.NewRecorder()
				s.public.ServeHTTP(w, r)
				if want := map[bool]int{true: http.StatusServiceUnavailable, false: http.StatusFound}[i == 0]; w.Code != want {
					t.Errorf("visit %d: %d", i, w.Code)
				}
			})
		}
		wg.Wait()
		if n := s.provider.called("/oidc/.well-known/openid-configuration"); n != 1 {
			t.Errorf("the provider was asked %d times", n)
		}
	})
}

// Checks of strangers, with no cookie and with every kind of cookie that is not
// ours, write nothing and leave nothing in memory: a million of them directly,
// and some thousands through the HTTP server.
func TestCheckFloodLeavesNothing(t *testing.T) {
	s := newStage(t, quiet)
	s.want(s.browser("alice").visit("https://app.example.com/"), http.StatusOK)
	foreign, err := session.New(session.Config{Store: memory.New(), Secrets: [][]byte{[]byte("the secret of somebody else's outpost")}, Max: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	forged, _, err := foreign.Create(t.Context(), "__Secure-outpost-home", session.Session{Application: "home", Provider: "idp"})
	if err != nil {
		t.Fatal(err)
	}
	bogus := func(i int) string {
		switch i % 5 {
		case 0: // well-formed, sealed by somebody else, each another
			return fmt.Sprintf("%08x", i) + forged[8:]
		case 1:
			return fmt.Sprintf("garbage-%d-;=\x80\"", i)
		case 2: // longer than any of ours
			return strings.Repeat("A", 1000+i%3000)
		case 3: // of the right length, and nothing else
			return fmt.Sprintf("%0*d", len(forged), i)
		}
		return strings.Repeat(fmt.Sprintf("v%d; __Secure-outpost-home=", i), 40) // many at once
	}
	direct := func(n int, cookie func(int) string) {
		w := &discard{header: http.Header{}}
		r := checkRequest("")
		for i := range n {
			if cookie != nil {
				r = checkRequest(cookie(i))
			}
			if s.outpost.ServeNginx(w, r); w.status != http.StatusUnauthorized {
				t.Fatalf("check %d: status %d", i, w.status)
			}
			clear(w.header)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(s.outpost.ServeNginx))
	defer server.Close()
	client := server.Client()
	served := func(n int) {
		for i := range n {
			r := checkRequest("")
			if i%2 == 1 {
				r = checkRequest(bogus(i))
			}
			r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", server.Listener.Addr().String()
			r.Header.Set("Cookie", strings.Map(func(c rune) rune {
				if c < ' ' || c > '~' {
					return -1
				}
				return c
			}, r.Header.Get("Cookie")))
			answer, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusUnauthorized || answer.Header.Get("Set-Cookie") != "" {
				t.Fatalf("over HTTP, check %d: %s, Set-Cookie %q", i, answer.Status, answer.Header.Get("Set-Cookie"))
			}
		}
	}

	direct(1000, nil)
	direct(1000, bogus)
	served(200)
	before := heap()
	direct(1_000_000, nil)
	direct(100_000, bogus)
	served(5000)
	if after := heap(); after > before+1<<20 {
		t.Errorf("the heap grew by %d bytes", after-before)
	}
	if n, err := s.outpost.Sessions().Len(t.Context()); n != 1 || err != nil {
		t.Errorf("%d sessions, %v", n, err)
	}
}

package auth_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"outpost/auth"
)

// What a client says about itself chooses how it is told, and nothing else: nobody
// gets in, nobody is kept out, and nginx is told the same.
func TestShapesDoNotDecide(t *testing.T) {
	s := newStage(t)
	alice, bob := s.browser("alice"), s.browser("bob")
	s.want(alice.visit("https://router.example.com/"), http.StatusOK)
	s.want(bob.visit("https://router.example.com/"), http.StatusForbidden)
	for name, header := range clients() {
		t.Run(name, func(t *testing.T) {
			for _, who := range []struct {
				name   string
				who    *browser
				status []int // of the check
			}{
				{"nobody", s.browser(""), []int{401}},
				{"allowed", alice, []int{200}},
				{"denied", bob, []int{401, 403}}, // 401 leads to start, which says why not
			} {
				for _, method := range []string{"GET", "POST", "PUT", "PROPFIND", "OPTIONS"} {
					h := header.Clone()
					h.Set("Host", "router.example.com")
					h.Set("X-Original-Method", method)
					h.Set("X-Original-Url", "https://router.example.com/x")
					if value := who.who.cookie("https://router.example.com/", "__Host-outpost-router"); value != "" {
						h.Set("Cookie", "__Host-outpost-router="+value)
					}
					got := s.check(h, "127.0.0.1:1").StatusCode
					if got != who.status[0] && got != who.status[len(who.status)-1] {
						t.Errorf("%s %s: nginx is told %d, want %d", who.name, method, got, who.status)
					}
				}
			}
		})
	}
}

// clients are real ones, with what they say about themselves.
func clients() map[string]http.Header {
	html := "text/html,application/xhtml+xml,*/*;q=0.8"
	of := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i+1 < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	return map[string]http.Header{
		"navigation":     of("Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "none", "Accept", html),
		"iframe":         of("Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe", "Accept", html),
		"embed":          of("Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "embed", "Accept", html),
		"object":         of("Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "object", "Accept", html),
		"prerender":      of("Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Purpose", "prefetch;prerender", "Accept", html),
		"fetch":          of("Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Accept", "*/*"),
		"xhr":            of("X-Requested-With", "XMLHttpRequest", "Accept", "*/*"),
		"event-source":   of("Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Accept", "text/event-stream"),
		"websocket":      of("Sec-Fetch-Mode", "websocket", "Upgrade", "websocket", "Connection", "Upgrade"),
		"service-worker": of("Sec-Fetch-Mode", "same-origin", "Sec-Fetch-Dest", "serviceworker", "Service-Worker", "script"),
		"manifest":       of("Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "manifest"),
		"image":          of("Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image", "Accept", "image/webp,*/*;q=0.8"),
		"htmx":           of("HX-Request", "true", "Accept", "text/html, */*", "Sec-Fetch-Mode", "cors"),
		"native-app":     of("User-Agent", "okhttp/4.12.0"),
		"json-app":       of("User-Agent", "Dart/3.8 (dart:io)", "Accept", "application/json"),
		"curl":           of("User-Agent", "curl/8.14.1", "Accept", "*/*"),
		"git":            of("User-Agent", "git/2.50.1", "Accept", "*/*", "Git-Protocol", "version=2"),
		"caldav":         of("User-Agent", "DAVx5/4.5", "Accept", "text/xml", "Depth", "1"),
		"nothing":        {},
		"nonsense":       of("Sec-Fetch-Mode", "admin", "Sec-Fetch-Dest", "admin", "Accept", ",;q=,", "X-Requested-With", "x", "Upgrade", "x", "Sec-Purpose", "x"),
	}
}

// A program is told in JSON where a person signs in, whatever its method: browsers
// keep PUT through nginx's redirect. It leaves nothing behind.
func TestStartTellsPrograms(t *testing.T) {
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
		t.Run(strings.ToLower(method), func(t *testing.T) {
			s := newStage(t)
			resp := s.browser("").once(method, "https://app.example.com"+prefix+"/start?rd="+escapeAll("https://app.example.com:8443/data?x=1"), "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Accept", "*/*")
			s.want(resp, http.StatusForbidden)
			var got struct {
				Error   string `json:"error"`
				SignIn  string `json:"sign_in_url"`
				Refresh string `json:"refresh_url"`
			}
			if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || got.Error != string(auth.NotSignedIn) {
				t.Errorf("%v: %+v", err, got)
			}
			if want := "https://app.example.com:8443" + prefix + "/refresh"; got.Refresh != want {
				t.Errorf("refresh_url is %q, want %q: of the page's own origin", got.Refresh, want)
			}
			if want := signInAt("https://outpost.example.com", "https://app.example.com:8443/data?x=1"); got.SignIn != want {
				t.Errorf("sign_in_url is %q, want %q", got.SignIn, want)
			}
			if len(resp.Header["Set-Cookie"]) > 0 {
				t.Errorf("left behind: %q", resp.Header["Set-Cookie"])
			}
		})
	}
	s := newStage(t)
	s.want(s.browser("").once(http.MethodPut, "https://app.example.com"+prefix+"/start"), http.StatusMethodNotAllowed)
}

// What a browser fetches before anybody wants it begins no sign-in.
func TestPrefetchBeginsNothing(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	resp := b.visit("https://app.example.com/x", "Sec-Purpose", "prefetch;prerender")
	s.want(resp, http.StatusForbidden)
	if len(resp.Header["Set-Cookie"]) > 0 || len(s.provider.seen) > 0 {
		t.Errorf("a sign-in has begun: %q, %v", resp.Header["Set-Cookie"], s.provider.seen)
	}
}

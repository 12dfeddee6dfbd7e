package auth_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"outpost/auth"
	"outpost/session"
)

func TestSignOut(t *testing.T) {
	s := newStage(t)
	alice := s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	s.want(alice.visit("https://router.example.com/"), http.StatusOK)
	cookie := alice.cookie("https://app.example.com/", "__Secure-outpost-home")

	resp := alice.once(http.MethodGet, "https://app.example.com"+prefix+"/sign_out")
	s.want(resp, http.StatusFound)
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	q := to.Query()
	if to.Host != "idp.example.org" || to.Path != "/end" || q.Get("own") != "1" || q.Get("client_id") != "outpost" ||
		q.Get("post_logout_redirect_uri") != "https://outpost.example.com/outpost.goauthentik.io/sign_out" ||
		strings.Count(q.Get("id_token_hint"), ".") != 2 || q.Get("state") == "" {
		t.Errorf("end-session request %s", to)
	}
	if alice.cookie("https://app.example.com/", "__Secure-outpost-home") != "" {
		t.Error("the cookie is still there")
	}
	// Gone before the provider was asked, here and where the provider's session ends too.
	for name, value := range map[string]string{"__Secure-outpost-home": cookie, "__Host-outpost-router": alice.cookie("https://router.example.com/", "__Host-outpost-router")} {
		if _, err := s.outpost.Sessions().Find(t.Context(), name, value); !errors.Is(err, session.ErrNone) {
			t.Errorf("%s still opens a session: %v", name, err)
		}
	}
	resp = alice.visit(to.String())
	s.want(resp, http.StatusOK)
	if page := body(resp); !strings.Contains(page, "signed out") && !strings.Contains(page, "Signed out") {
		t.Errorf("page:\n%s", page)
	}
	s.want(alice.once(http.MethodGet, "https://app.example.com/"), http.StatusFound)
	if log := s.log.String(); strings.Count(log, `"msg":"signed out"`) != 1 {
		t.Errorf("want one line for the sign-out:\n%s", log)
	}
}

func TestSignOutWhereTheProviderHasNoEndpoint(t *testing.T) {
	s := newStage(t)
	s.provider.metadata = map[string]any{"end_session_endpoint": ""}
	alice := s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	resp := alice.visit("https://app.example.com" + prefix + "/sign_out")
	s.want(resp, http.StatusOK)
	if page := body(resp); !strings.Contains(page, string(auth.SignedOutHere)) {
		t.Errorf("the page does not say that the provider goes on:\n%s", page)
	}
	s.want(alice.once(http.MethodGet, "https://app.example.com/"), http.StatusFound)
}

func TestSignOutIsThePersonsOwn(t *testing.T) {
	for _, tt := range []struct {
		name   string
		method string
		header []string
		status int
		ended  bool
	}{
		{"link", http.MethodGet, nil, 302, true},
		{"link-on-the-same-site", http.MethodGet, []string{"Sec-Fetch-Site", "same-site"}, 302, true},
		{"typed", http.MethodGet, []string{"Sec-Fetch-Site", "none"}, 302, true},
		{"old-browser", http.MethodGet, []string{"Sec-Fetch-Mode", "", "Sec-Fetch-Dest", ""}, 302, true},
		{"own-form", http.MethodPost, []string{"Origin", "https://app.example.com", "Sec-Fetch-Site", "same-origin"}, 303, true},
		{"link-on-another-site", http.MethodGet, []string{"Sec-Fetch-Site", "cross-site"}, 200, false},
		{"form-on-another-site", http.MethodPost, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test"}, 200, false},
		{"form-without-origin", http.MethodPost, nil, 200, false},
		{"image", http.MethodGet, []string{"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, 403, false},
		{"fetch", http.MethodGet, []string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, 403, false},
		{"frame", http.MethodGet, []string{"Sec-Fetch-Dest", "iframe", "Sec-Fetch-Site", "cross-site"}, 0, false},
		{"object", http.MethodGet, []string{"Sec-Fetch-Dest", "object", "Sec-Fetch-Site", "same-site"}, 403, false},
		{"ahead-of-the-click", http.MethodGet, []string{"Sec-Fetch-Site", "same-origin", "Sec-Purpose", "prefetch;prerender"}, 403, false},
		{"put", http.MethodPut, nil, 405, false},
		{"early-data", http.MethodGet, []string{"Early-Data", "1"}, 425, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			alice := s.browser("alice")
			s.want(alice.visit("https://app.example.com/"), http.StatusOK)
			resp := alice.once(tt.method, "https://app.example.com"+prefix+"/sign_out", tt.header...)
			if tt.status != 0 && resp.StatusCode != tt.status {
				t.Errorf("got %d, want %d", resp.StatusCode, tt.status)
			}
			n, err := s.outpost.Sessions().Len(t.Context())
			if err != nil || (n == 0) != tt.ended {
				t.Errorf("%d sessions left, %v", n, err)
			}
		})
	}
}

// Signing in and out a few times in a row is no circle.
func TestSignOutEndsTheLoop(t *testing.T) {
	for _, host := range []string{"https://router.example.com", "https://app.example.com"} {
		s := newStage(t)
		b := s.browser("alice")
		for range 6 {
			s.want(b.visit(host+"/"), http.StatusOK)
			s.want(b.visit(host+prefix+"/sign_out"), http.StatusOK)
		}
	}
}

func TestSignOutInAuthentiksWay(t *testing.T) {
	s := newStage(t)
	alice := s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	s.want(alice.visit("https://app.example.com"+prefix+"/?X-authentik-logout=true"), http.StatusOK)
	s.want(alice.once(http.MethodGet, "https://app.example.com/"), http.StatusFound)
}

func TestCallbackInAuthentiksWay(t *testing.T) {
	s := newStage(t)
	alice := s.browser("alice")
	callback := alice.until("https://app.example.com/x", prefix+"/callback")
	s.want(alice.visit(strings.Replace(callback, "/callback?", "/?X-authentik-auth-callback=true&", 1)), http.StatusOK)
}

func TestSignOutOfNobody(t *testing.T) {
	s := newStage(t)
	resp := s.browser("alice").visit("https://app.example.com" + prefix + "/sign_out")
	s.want(resp, http.StatusOK)
}

func TestEndpointsAreClosed(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	for _, path := range []string{"//", "/x", "/auth/traefik", "/auth/nginx/", "/auth/", "/metrics", "/debug/pprof/", "/static/x", "/sign_in", "/start/", "/callback/x"} {
		resp := b.once(http.MethodGet, "https://app.example.com"+prefix+path)
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
		for name := range resp.Header {
			if strings.HasPrefix(name, "X-Authentik") {
				t.Errorf("%s: %s", path, name)
			}
		}
	}
}

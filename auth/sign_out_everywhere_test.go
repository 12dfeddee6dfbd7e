package auth_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outpost/auth"
)

// Every browser of the person, and nobody else's; then the provider.
func TestSignOutEverywhere(t *testing.T) {
	s := newStage(t)
	alice, phone, bob := s.browser("alice"), s.browser("alice"), s.browser("bob")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	s.want(alice.visit("https://router.example.com/"), http.StatusOK)
	s.provider.claims = func(c map[string]any) { c["sid"] = "sid-of-the-phone" }
	s.want(phone.visit("https://wiki.example.net:8443/"), http.StatusOK)
	s.provider.claims = nil
	s.want(bob.visit("https://app.example.com/"), http.StatusOK)

	resp := alice.once(http.MethodPost, "https://app.example.com"+prefix+"/sign_out?everywhere=1", "Origin", "https://app.example.com", "Sec-Fetch-Site", "same-origin")
	s.want(resp, http.StatusSeeOther)
	if to := resp.Header.Get("Location"); !strings.HasPrefix(to, "https://idp.example.org/end?") || !strings.Contains(to, "id_token_hint=") {
		t.Errorf("then to %s", to)
	}
	s.want(phone.once(http.MethodGet, "https://wiki.example.net:8443/"), http.StatusFound)
	s.want(alice.once(http.MethodGet, "https://router.example.com/"), http.StatusFound)
	s.want(bob.once(http.MethodGet, "https://app.example.com/"), http.StatusOK)
	// Back from the provider they read how far it went.
	if page := body(alice.visit(resp.Header.Get("Location"))); !strings.Contains(page, "<code>signed_out_everywhere</code>") {
		t.Errorf("page:\n%s", page)
	}
	if log := s.log.String(); !strings.Contains(log, `"sessions":3,"everywhere":true`) || strings.Count(log, `"msg":"signed out"`) != 1 {
		t.Errorf("log:\n%s", log)
	}
}

// Where the provider has no sign-out, the page says that it goes on.
func TestSignOutEverywhereHere(t *testing.T) {
	s := newStage(t)
	s.provider.metadata = map[string]any{"end_session_endpoint": ""}
	alice, phone := s.browser("alice"), s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	s.want(phone.visit("https://app.example.com/"), http.StatusOK)
	page := body(alice.visit("https://app.example.com" + prefix + "/sign_out?everywhere=1"))
	if !strings.Contains(page, "<code>signed_out_everywhere_here</code>") {
		t.Errorf("page:\n%s", page)
	}
	s.want(phone.once(http.MethodGet, "https://app.example.com/"), http.StatusFound)
	// Who comes by afterwards, or signed out of this browser alone, reads no more than is so.
	if page := body(alice.visit("https://app.example.com" + prefix + "/sign_out")); !strings.Contains(page, "<code>signed_out</code>") {
		t.Errorf("afterwards:\n%s", page)
	}
}

func TestSignOutHereLeavesOtherBrowsers(t *testing.T) {
	s := newStage(t)
	alice, phone := s.browser("alice"), s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	s.provider.claims = func(c map[string]any) { c["sid"] = "sid-of-the-phone" }
	s.want(phone.visit("https://wiki.example.net:8443/"), http.StatusOK)
	s.want(alice.once(http.MethodGet, "https://app.example.com"+prefix+"/sign_out?everywhere=0"), http.StatusFound)
	s.want(phone.once(http.MethodGet, "https://wiki.example.net:8443/"), http.StatusOK)
}

// The same rules as for signing out here: another site asks first, and an image
// does nothing.
func TestSignOutEverywhereIsThePersonsOwn(t *testing.T) {
	for _, tt := range []struct {
		name, method string
		header       []string
		status       int
		ended        bool
	}{
		{"link", http.MethodGet, []string{"Sec-Fetch-Site", "same-origin"}, 302, true},
		{"own-form", http.MethodPost, []string{"Origin", "https://app.example.com", "Sec-Fetch-Site", "same-origin"}, 303, true},
		{"link-on-another-site", http.MethodGet, []string{"Sec-Fetch-Site", "cross-site"}, 200, false},
		{"form-on-another-site", http.MethodPost, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test"}, 200, false},
		{"image", http.MethodGet, []string{"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, 403, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			alice := s.browser("alice")
			s.want(alice.visit("https://app.example.com/"), http.StatusOK)
			resp := alice.once(tt.method, "https://app.example.com"+prefix+"/sign_out?everywhere=1", tt.header...)
			s.want(resp, tt.status)
			if ended := s.sessions() == 0; ended != tt.ended {
				t.Errorf("ended: %v", ended)
			}
			if form := `<form method="post" action="` + prefix + `/sign_out?everywhere=1">`; tt.status == 200 && !strings.Contains(body(resp), form) {
				t.Error("the page has no button for it")
			}
		})
	}
}

// Who may not have an application finds the button too.
func TestSignOutEverywhereOnTheRefusal(t *testing.T) {
	s := newStage(t)
	resp := s.browser("bob").visit("https://router.example.com/")
	s.want(resp, http.StatusForbidden)
	if page := body(resp); !strings.Contains(page, `action="`+prefix+`/sign_out?everywhere=1">`) || !strings.Contains(page, "Sign out everywhere") {
		t.Errorf("page:\n%s", page)
	}
}

// A sign-in in another browser that was under way does not survive it.
func TestSignOutEverywhereMeetsACallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		alice, phone := s.browser("alice"), s.browser("alice")
		s.want(alice.visit("https://app.example.com/"), http.StatusOK)
		s.provider.claims = func(c map[string]any) { c["sid"] = "sid-of-the-phone" }
		callback := phone.until("https://wiki.example.net:8443/", prefix+"/callback")
		time.Sleep(time.Second)
		s.want(alice.once(http.MethodGet, "https://app.example.com"+prefix+"/sign_out?everywhere=1"), http.StatusFound)
		s.want(phone.once(http.MethodGet, callback), http.StatusBadRequest)
		if s.last() != auth.SignedOutMeanwhile || s.sessions() != 0 {
			t.Errorf("%s, %d sessions", s.last(), s.sessions())
		}
	})
}

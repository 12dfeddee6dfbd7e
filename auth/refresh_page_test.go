package auth_test

import (
	"net/http"
	"strings"
	"testing"

	"outpost/auth"
)

// The refresh page signs in, and comes back to where it was opened: to the very
// origin whose pages are to hear of it.
func TestRefreshPage(t *testing.T) {
	for _, origin := range []string{"https://app.example.com", "https://outpost.example.com", "https://router.example.com", "https://wiki.example.net:8443"} {
		t.Run(origin[len("https://"):], func(t *testing.T) {
			s := newStage(t)
			b := s.browser("alice")
			resp := b.visit(origin + prefix + "/refresh")
			s.want(resp, http.StatusOK)
			if b.at != origin+prefix+"/refresh" {
				t.Errorf("the visit ended at %s", b.at)
			}
			page := body(resp)
			if !strings.Contains(page, string(auth.SignedInAgain)) || !strings.Contains(page, "window.close()") || strings.Contains(page, "alice") || strings.Contains(page, "opener") {
				t.Errorf("the page says\n%s", page)
			}
			if strings.Contains(page, `href="`+prefix) || strings.Contains(page, "<form") {
				t.Errorf("there is something to click by mistake:\n%s", page)
			}
			again := b.visit(origin + prefix + "/refresh")
			s.want(again, http.StatusOK)
		})
	}
}

// Another site's window cannot watch whether it closes: it is cut off at once,
// whoever is signed in.
func TestRefreshPageCutsOffItsOpener(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	for _, want := range []int{http.StatusFound, http.StatusOK} {
		resp := b.once(http.MethodGet, "https://router.example.com"+prefix+"/refresh", "Sec-Fetch-Site", "cross-site")
		s.want(resp, want)
		if got := resp.Header.Get("Cross-Origin-Opener-Policy"); got != "same-origin" {
			t.Errorf("%d: Cross-Origin-Opener-Policy %q", want, got)
		}
		if got := resp.Header.Get("X-Frame-Options"); want == http.StatusOK && got != "DENY" {
			t.Errorf("X-Frame-Options %q", got)
		}
		s.want(b.visit("https://router.example.com/"), http.StatusOK)
	}
}

func TestRefreshPageForPrograms(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	address := "https://router.example.com" + prefix + "/refresh"
	resp := b.once(http.MethodGet, address, "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty")
	s.want(resp, http.StatusForbidden)
	if page := body(resp); !strings.Contains(page, `"refresh_url":"`+address+`"`) || len(resp.Header["Set-Cookie"]) > 0 {
		t.Errorf("%q %s", resp.Header["Set-Cookie"], page)
	}
	s.want(b.visit("https://router.example.com/"), http.StatusOK)
	resp = b.once(http.MethodGet, address, "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty")
	s.want(resp, http.StatusOK)
	if page := body(resp); strings.Contains(page, "alice") {
		t.Errorf("says who it is: %s", page)
	}
	s.want(b.once(http.MethodPost, address), http.StatusMethodNotAllowed)
}

// start leads to the refresh page also who may not have the application, whose
// rules do not speak of it.
func TestRefreshPageIsNobodysToDeny(t *testing.T) {
	s := newStage(t)
	bob := s.browser("bob")
	s.want(bob.visit("https://router.example.com/"), http.StatusForbidden)
	address := "https://router.example.com" + prefix + "/refresh"
	s.want(bob.visit("https://router.example.com"+prefix+"/start?rd="+escapeAll(address)), http.StatusOK)
	if bob.at != address {
		t.Errorf("the visit ended at %s", bob.at)
	}
	for _, not := range []string{address + "?x", address + "/", "https://router.example.com" + prefix + "/./refresh"} {
		if to := onward(bob.once(http.MethodGet, "https://router.example.com"+prefix+"/start?rd="+escapeAll(not))); strings.Contains(to, "refresh") {
			t.Errorf("%s leads to %s", not, to)
		}
	}
}

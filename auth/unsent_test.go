package auth_test

import (
	"net/http"
	"strings"
	"testing"

	"outpost/auth"
)

// send posts a form as a browser does, which makes a GET of it when redirected.
func (b *browser) send(address string, more ...string) *http.Response {
	b.s.t.Helper()
	resp := b.once(http.MethodPost, address, more...)
	if to := onward(resp); to != "" {
		return b.visit(to, more...)
	}
	return resp
}

// A form that is sent too late is not lost in silence, and nobody is signed in, or
// led to its target, in the belief that it was sent.
func TestFormNotSent(t *testing.T) {
	const target = "/delete?all=1&%C3%A4=+%2F"
	for _, origin := range []string{"https://app.example.com", "https://outpost.example.com", "https://router.example.com"} {
		t.Run(origin[len("https://"):], func(t *testing.T) {
			s := newStage(t)
			b := s.browser("alice")
			resp := b.send(origin + target)
			s.want(resp, http.StatusForbidden)
			text := body(resp)
			if !strings.Contains(text, string(auth.FormNotSent)) || !strings.Contains(text, `href="`+origin+prefix+`/refresh" target="_blank" rel="noopener"`) {
				t.Errorf("the page says\n%s", text)
			}
			if strings.Contains(text, "delete") {
				t.Errorf("the page leads to the form's target:\n%s", text)
			}
			// It says so once: afterwards a sign-in is a sign-in.
			s.want(b.visit(origin+target), http.StatusOK)
			if b.at != origin+target {
				t.Errorf("the visit ended at %s", b.at)
			}
		})
	}
}

// The one cookie of a check is for forms that are not let through, and nobody else.
func TestOnlyFormsAreMarked(t *testing.T) {
	s := newStage(t)
	alice := s.browser("alice")
	s.want(alice.visit("https://router.example.com/"), http.StatusOK)
	for _, tt := range []struct {
		name, method string
		who          *browser
		header       []string
		marked       bool
	}{
		{"form", "POST", s.browser(""), nil, true},
		{"form-of-another-site", "POST", s.browser(""), []string{"Sec-Fetch-Site", "cross-site"}, true},
		{"form-of-an-old-browser", "POST", s.browser(""), []string{"Sec-Fetch-Mode", "", "Sec-Fetch-Dest", ""}, true},
		{"page", "GET", s.browser(""), nil, false},
		{"head", "HEAD", s.browser(""), nil, false},
		{"put", "PUT", s.browser(""), nil, false},
		{"fetch", "POST", s.browser(""), []string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, false},
		{"xhr", "POST", s.browser(""), []string{"Sec-Fetch-Mode", "", "Sec-Fetch-Dest", "", "X-Requested-With", "XMLHttpRequest"}, false},
		{"curl", "POST", s.browser(""), []string{"Sec-Fetch-Mode", "", "Sec-Fetch-Dest", "", "Accept", "*/*"}, false},
		{"signed-in", "POST", alice, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := tt.who.once(tt.method, "https://router.example.com/x", tt.header...).Header["Set-Cookie"]
			if (len(set) == 1) != tt.marked || len(set) > 1 {
				t.Fatalf("cookies %q", set)
			}
			if tt.marked && (!strings.HasPrefix(set[0], "__Host-outpost-browser-form=") || !strings.Contains(set[0], "Max-Age=60; HttpOnly; Secure; SameSite=Lax")) {
				t.Errorf("cookie %q", set[0])
			}
		})
	}
}

// A mark that was never taken back does not stop another page's sign-in.
func TestMarkIsOfOneTarget(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	b.once(http.MethodPost, "https://router.example.com/form")
	s.want(b.visit("https://router.example.com/other"), http.StatusOK)
	s.want(b.visit("https://router.example.com/form"), http.StatusOK)
}

// Our own nginx files say it in the query.
func TestFormNotSentByQuery(t *testing.T) {
	s := newStage(t)
	b := s.browser("alice")
	start := "https://app.example.com" + prefix + "/start?unsent=1&rd=https://app.example.com/form?a=1&b=2"
	resp := b.visit(start)
	s.want(resp, http.StatusForbidden)
	if text := body(resp); !strings.Contains(text, string(auth.FormNotSent)) || strings.Contains(text, "form?a") {
		t.Errorf("the page says\n%s", text)
	}
	resp = b.once(http.MethodGet, start, "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty")
	s.want(resp, http.StatusForbidden)
	if text := body(resp); !strings.Contains(text, string(auth.NotSignedIn)) {
		t.Errorf("a program is told\n%s", text)
	}
}

// Another site's form comes without the session cookie, though somebody is signed
// in: they are told as well, and not sent to its target.
func TestFormOfAnotherSite(t *testing.T) {
	s := newStage(t)
	alice := s.browser("alice")
	s.want(alice.visit("https://router.example.com/"), http.StatusOK)
	resp := alice.visit("https://router.example.com" + prefix + "/start?unsent=1&rd=" + escapeAll("https://router.example.com/form"))
	s.want(resp, http.StatusForbidden)
	if text := body(resp); !strings.Contains(text, string(auth.FormNotSent)) {
		t.Errorf("the page says\n%s", text)
	}
}

package auth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// raw asks as a browser does, and follows nothing at all.
func (b *browser) raw(rawURL string, more ...string) *http.Response {
	u, _ := url.Parse(rawURL)
	r := httptest.NewRequest(http.MethodGet, rawURL, nil)
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Accept", "text/html")
	for i := 0; i+1 < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	for _, c := range b.jar.Cookies(u) {
		r.AddCookie(c)
	}
	return b.s.nginx(r, rawURL)
}

// The code that the provider sends is in no address that a person is left with.
func TestFailedCallbackMovesOn(t *testing.T) {
	s := newStage(t)
	mallory := s.browser("mallory")
	callback := s.browser("alice").until("https://app.example.com/", "/callback?")
	if !strings.Contains(callback, "code=") {
		t.Fatalf("the callback is %s", callback)
	}
	moved := mallory.raw(callback)
	s.want(moved, http.StatusFound)
	to := moved.Header.Get("Location")
	if !strings.HasPrefix(to, prefix+"/callback?page=") || strings.Contains(to, "code=") || strings.Contains(to, "state=") {
		t.Fatalf("it leads to %s", to)
	}
	if body(moved) != "" {
		t.Error("the answer with the code in its address has a page")
	}
	host := callback[:strings.Index(callback, prefix)]
	counted := len(s.reasons)
	for range 2 { // also after a reload
		resp := mallory.raw(host + to)
		s.want(resp, http.StatusBadRequest)
		text := body(resp)
		if !strings.Contains(text, "browser_missing") || !strings.Contains(text, moved.Header.Get("X-Request-Id")) || resp.Header.Get("X-Request-Id") != moved.Header.Get("X-Request-Id") {
			t.Errorf("the page is\n%s", text)
		}
	}
	if len(s.reasons) != counted {
		t.Errorf("the page was counted as %q", s.reasons[counted:])
	}

	for name, address := range map[string]string{
		"forged":                 host + prefix + "/callback?page=A" + strings.TrimPrefix(to, prefix+"/callback?page="),
		"empty":                  host + prefix + "/callback?page=",
		"of-another-application": "https://router.example.com" + to,
		"a-state":                host + prefix + "/callback?page=" + url.QueryEscape(query(callback, "state")),
		"with-more":              host + to + "&x=1",
		"as-a-state":             host + prefix + "/callback?state=" + strings.TrimPrefix(to, prefix+"/callback?page="),
	} {
		t.Run(name, func(t *testing.T) {
			resp := mallory.raw(address)
			if text := body(resp); resp.StatusCode != http.StatusBadRequest || strings.Contains(text, "browser_missing") {
				t.Errorf("status %d\n%s", resp.StatusCode, text)
			}
		})
	}
}

// Who has no address bar is told at once, and so is a browser that is to send the
// request again.
func TestFailedCallbackStays(t *testing.T) {
	s := newStage(t)
	callback := s.browser("alice").until("https://app.example.com/", "/callback?")
	for _, tt := range []struct {
		name   string
		header []string
		status int
	}{
		{"script", []string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Accept", "application/json"}, http.StatusBadRequest},
		{"early-data", []string{"Early-Data", "1"}, http.StatusTooEarly},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.want(s.browser("bob").raw(callback, tt.header...), tt.status)
		})
	}
}

func query(rawURL, name string) string {
	u, _ := url.Parse(rawURL)
	return u.Query().Get(name)
}

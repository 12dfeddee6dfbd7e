package auth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"outpost/auth"
	"outpost/session/memory"
)

// frame are the headers of a page that the provider shows in a frame.
var frame = []string{"Sec-Fetch-Dest", "iframe", "Sec-Fetch-Site", "same-site"}

func frontchannel(query url.Values) string {
	return "https://app.example.com" + prefix + "/frontchannel_logout?" + query.Encode()
}

// Framable on this path only, and by the provider only.
func TestFrontchannelLogoutMayBeFramed(t *testing.T) {
	s := newStage(t)
	s.provider.metadata = map[string]any{"end_session_endpoint": "https://logout.example.org/end"}
	alice := s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	resp := alice.once(http.MethodGet, frontchannel(url.Values{"iss": {issuer}, "sid": {"sid-alice"}}), frame...)
	s.want(resp, http.StatusOK)
	if got := resp.Header.Get("X-Frame-Options"); got != "" {
		t.Errorf("X-Frame-Options: %q", got)
	}
	if got := resp.Header.Get("Content-Security-Policy"); !strings.Contains(got, "default-src 'none'") || !strings.HasSuffix(got, "frame-ancestors https://idp.example.org https://logout.example.org") {
		t.Errorf("Content-Security-Policy: %q", got)
	}
	for _, path := range []string{"/frontchannel_logout", "/sign_out", "/callback?state=x", "/start", "/nothing"} {
		resp := s.browser("bob").once(http.MethodGet, "https://app.example.com"+prefix+path, "Sec-Fetch-Mode", "cors")
		if path != "/start" && resp.Header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s may be framed", path)
		}
	}
}

func TestFrontchannelLogoutIsAGet(t *testing.T) {
	s := newStage(t)
	alice := s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	right := frontchannel(url.Values{"iss": {issuer}, "sid": {"sid-alice"}})
	s.want(alice.once(http.MethodPost, right, frame...), http.StatusMethodNotAllowed)
	s.want(alice.once(http.MethodGet, right, append([]string{"Early-Data", "1"}, frame...)...), http.StatusTooEarly)
	if n := s.sessions(); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestFrontchannelLogoutWhileTheStoreFails(t *testing.T) {
	store := &blindStore{Store: memory.New()}
	s := newStage(t, func(c *auth.Config) { c.Session.Store = store })
	alice := s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	store.fail = true
	s.want(alice.once(http.MethodGet, frontchannel(url.Values{"iss": {issuer}, "sid": {"sid-alice"}}), frame...), http.StatusServiceUnavailable)
}

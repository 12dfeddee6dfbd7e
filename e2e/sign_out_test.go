package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// TestSignOutFromElsewhere: a link on another site signs nobody out without a
// click, an image never does, and the click does.
func TestSignOutFromElsewhere(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		v := s.signedIn(t, "https://webtop.test")
		address := "https://webtop.test" + outpostPrefix + "/sign_out"

		v.headers.Set("Sec-Fetch-Site", "cross-site")
		v.headers.Set("Sec-Fetch-Mode", "no-cors")
		v.headers.Set("Sec-Fetch-Dest", "image")
		if p := v.open(address); p.StatusCode != http.StatusForbidden {
			t.Errorf("an image: got %s", p.Status)
		}
		v.headers.Set("Sec-Fetch-Mode", "navigate")
		v.headers.Set("Sec-Fetch-Dest", "document")
		asked := v.open(address)
		clear(v.headers)
		if p := v.get("https://webtop.test/"); p.StatusCode != http.StatusOK {
			t.Fatalf("another site signed the person out: %s", p.Status)
		}
		if asked.StatusCode != http.StatusOK || !strings.Contains(asked.Body, "<code>sign_out_confirm</code>") {
			t.Fatalf("the link: got %s at %s\n%s", asked.Status, asked.URL, asked.Body)
		}

		v.headers.Set("Sec-Fetch-Site", "same-origin")
		p := v.submit(asked, nil)
		if strings.HasPrefix(p.URL, s.provider.issuer) {
			clear(v.headers)
			p = v.submit(p, nil)
		}
		if !strings.Contains(p.Body, "<code>signed_out</code>") {
			t.Errorf("the click ended at %s: %s\n%s", p.URL, p.Status, p.Body)
		}
		if p := v.get("https://webtop.test/"); p.StatusCode != http.StatusFound {
			t.Errorf("after the click: %s", p.Status)
		}
	})
}

// TestSignOutTheOldWay: applications made for authentik link to a query.
func TestSignOutTheOldWay(t *testing.T) {
	s := newStage(t, releases[1], ours)
	v := s.signedIn(t, "https://webtop.test")
	p := v.open("https://webtop.test" + outpostPrefix + "/anything?X-authentik-logout=true")
	if !strings.HasPrefix(p.URL, s.provider.issuer) {
		t.Errorf("ended at %s: %s\n%s", p.URL, p.Status, p.Body)
	}
	if p := v.get("https://webtop.test/"); p.StatusCode != http.StatusFound {
		t.Errorf("afterwards: %s", p.Status)
	}
}

// TestSignOutAtTheProvider: who signs out at the provider, where nobody has heard
// of us, is signed out here with the next check, at every application; the same
// person's other browser is not.
func TestSignOutAtTheProvider(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		v, elsewhere := s.signedIn(t, "https://webtop.test"), s.signedIn(t, "https://webtop.test")
		if p := v.open("https://tautulli.test/"); p.StatusCode != http.StatusOK {
			t.Fatalf("the second application: %s at %s", p.Status, p.URL)
		}
		v.submit(v.open(s.provider.issuer+"/session/end"), nil)
		for _, address := range []string{"https://webtop.test/", "https://tautulli.test/"} {
			if p := v.get(address); p.StatusCode != http.StatusFound {
				t.Errorf("%s afterwards: %s\n%s", address, p.Status, s.daemon.log(t))
			}
		}
		if p := elsewhere.get("https://webtop.test/"); p.StatusCode != http.StatusOK {
			t.Errorf("the other browser: %s", p.Status)
		}
		if log := s.daemon.log(t); strings.Count(log, `msg="signed out by the provider"`) != 1 || !strings.Contains(log, "sessions=2") {
			t.Errorf("want one line for two sessions:\n%s", log)
		}
	})
}

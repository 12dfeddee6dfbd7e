package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// TestRestart: an update or a power cut signs nobody out, and does not disturb
// a sign-in on its way.
func TestRestart(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		for _, kill := range []bool{false, true} {
			single, domain := s.signedIn(t, "https://webtop.test"), s.signedIn(t, "https://webtop.home.test")
			onTheWay := newVisitor(t)
			form := onTheWay.open("https://tautulli.test" + deepLink)
			s.daemon.restart(t, kill)
			if p := single.get("https://webtop.test/"); p.StatusCode != http.StatusOK {
				t.Errorf("killed: %v: single mode: got %s", kill, p.Status)
			}
			if p := domain.get("https://webtop.home.test/"); p.StatusCode != http.StatusOK {
				t.Errorf("killed: %v: domain mode: got %s", kill, p.Status)
			}
			form = onTheWay.submit(form, map[string]string{"login": s.provider.admin.name, "password": s.provider.admin.password})
			if p := onTheWay.submit(form, nil); p.URL != "https://tautulli.test"+deepLink {
				t.Errorf("killed: %v: the sign-in on its way landed on %s: %s", kill, p.URL, p.Body)
			}
		}
	})
}

// TestSignedOutStaysOut: a kill right after a sign-out does not bring the
// session back.
func TestSignedOutStaysOut(t *testing.T) {
	s := newStage(t, releases[1], ours)
	v := s.signedIn(t, "https://webtop.test")
	cookies := v.cookies("https://webtop.test/")
	v.get("https://webtop.test" + outpostPrefix + "/sign_out")
	s.daemon.restart(t, true)
	thief := newVisitor(t)
	for _, cookie := range cookies {
		thief.headers.Add("Cookie", cookie.Name+"="+cookie.Value)
	}
	if p := thief.get("https://webtop.test/"); p.StatusCode != http.StatusFound {
		t.Errorf("after the kill the old cookie got %s", p.Status)
	}
}

// TestProviderDown: who is signed in goes on, the others read what is the
// matter, and need no restart when the provider is back.
func TestProviderDown(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		v := s.signedIn(t, "https://webtop.test")
		s.provider.process.stop(t)
		if p := v.get("https://webtop.test/"); p.StatusCode != http.StatusOK {
			t.Errorf("who is signed in got %s", p.Status)
		}
		s.daemon.restart(t, false) // and comes up without the provider
		if p := v.get("https://webtop.test/"); p.StatusCode != http.StatusOK {
			t.Errorf("after a restart, who is signed in got %s", p.Status)
		}
		p := newVisitor(t).open("https://webtop.test/")
		if p.StatusCode != http.StatusServiceUnavailable || !strings.Contains(p.Body, "<code>provider_unreachable</code>") {
			t.Errorf("who is not got %s at %s\n%s", p.Status, p.URL, p.Body)
		}
		s.provider.restart(t)
		eventually(t, "a sign-in", func() bool {
			return strings.HasPrefix(newVisitor(t).open("https://webtop.test/").URL, s.provider.issuer)
		})
		s.signedIn(t, "https://tautulli.test")
	})
}

package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// TestForeignCallback: a link to a callback, in whose browser it was not begun,
// signs nobody in; and the person whose it is can still use it.
func TestForeignCallback(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		owner, link := s.untilCallback(t, "https://webtop.test")
		for _, victim := range []*visitor{newVisitor(t), s.signedIn(t, "https://tautulli.test")} {
			p := victim.open(link)
			if p.StatusCode != http.StatusBadRequest || !strings.Contains(p.Body, "<code>browser_m") {
				t.Errorf("a stranger's callback: %s at %s\n%s", p.Status, p.URL, p.Body)
			}
			if p := victim.get("https://webtop.test/"); p.StatusCode != http.StatusFound {
				t.Errorf("after it, the application: %s", p.Status)
			}
		}
		if p := owner.open(link); p.URL != "https://webtop.test/" || p.StatusCode != http.StatusOK {
			t.Errorf("the owner landed on %s: %s\n%s", p.URL, p.Status, p.Body)
		}
		// Again, as the back button does: no error, no second exchange.
		if p := owner.open(link); p.URL != "https://webtop.test/" || p.StatusCode != http.StatusOK {
			t.Errorf("the second time the owner landed on %s: %s\n%s", p.URL, p.Status, p.Body)
		}
	})
}

// TestForgedCallback: what the provider never sent opens nothing.
func TestForgedCallback(t *testing.T) {
	s := newStage(t, releases[1], ours)
	_, link := s.untilCallback(t, "https://webtop.test")
	_, query, _ := strings.Cut(link, "?")
	for _, forged := range []string{
		"https://webtop.test" + outpostPrefix + "/callback",
		"https://webtop.test" + outpostPrefix + "/callback?" + query + "&" + query,
		"https://webtop.test" + outpostPrefix + "/callback?code=x&state=x",
		"https://webtop.test" + outpostPrefix + "/callback?X-authentik-auth-callback=true&code=x&state=x",
		"https://tautulli.test" + outpostPrefix + "/callback?" + query, // another application's
		"https://outpost.home.test" + outpostPrefix + "/callback?" + query,
	} {
		v := newVisitor(t)
		p := v.open(forged)
		if p.StatusCode < 400 || p.StatusCode > 499 || strings.Contains(p.URL, "code=") {
			t.Errorf("%s: got %s at %s", forged, p.Status, p.URL)
		}
		// Beside the address of its page it leads nowhere, and nobody is signed in.
		host, _, _ := strings.Cut(forged, outpostPrefix)
		if page, _, _ := strings.Cut(p.URL, "?"); page != host+outpostPrefix+"/callback" {
			t.Errorf("%s: led to %s", forged, p.URL)
		}
		for _, c := range v.cookies(host + "/") {
			if strings.HasPrefix(c.Name, "__Host-outpost-") && c.Name != "__Host-outpost-browser" || strings.HasPrefix(c.Name, "__Secure-outpost-") {
				t.Errorf("%s: there is a session: %s", forged, c.Name)
			}
		}
	}
}

// untilCallback signs a person in at the provider and stops before the browser
// follows the provider's last redirect, whose target it returns.
func (s *stage) untilCallback(t *testing.T, base string) (*visitor, string) {
	t.Helper()
	v := newVisitor(t)
	p := v.open(base + "/")
	p = v.submit(p, map[string]string{"login": s.provider.admin.name, "password": s.provider.admin.password})
	v.stopAt = outpostPrefix + "/callback"
	p = v.submit(p, nil)
	v.stopAt = ""
	if !strings.HasPrefix(p.Header.Get("Location"), base+outpostPrefix+"/callback?") {
		t.Fatalf("the provider sends to %q\n%s", p.Header.Get("Location"), strings.Join(v.trail, "\n"))
	}
	return v, p.Header.Get("Location")
}

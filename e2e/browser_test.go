package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowser tells the story once more with Chromium, which knows what no
// scripted client does: cookie prefixes, SameSite, Sec-Fetch headers, CSP.
func TestBrowser(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		for _, base := range []string{"https://webtop.test", "https://webtop.home.test"} {
			t.Run(strings.TrimPrefix(base, "https://"), func(t *testing.T) { s.browse(t, base) })
		}
	})
}

func (s *stage) browse(t *testing.T, base string) {
	b := newBrowser(t)
	b.open(base + deepLink)
	if !b.atProvider() || !b.has(`input[type=password]`) {
		t.Fatalf("an anonymous person is at %s", b.url())
	}
	b.signIn(s.provider.admin)
	if b.url() != base+deepLink || b.text("#user") != s.provider.admin.name {
		t.Fatalf("landed on %s as %q", b.url(), b.text("body"))
	}
	if got := s.app.last(t).RequestURI; got != deepLink {
		t.Errorf("the application was asked for %q", got)
	}
	if status := b.open(base + "/second"); status != 200 {
		t.Errorf("the second page: %d", status)
	}

	b.load(chromedp.Navigate(base + outpostPrefix + "/sign_out"))
	if b.atProvider() {
		b.load(chromedp.Click(`button[name=logout]`, chromedp.ByQuery))
	}
	if got := b.text("footer"); !strings.Contains(got, "signed_out") {
		t.Errorf("after signing out, at %s: %s", b.url(), b.text("body"))
	}
	b.open(base + "/")
	if !b.atProvider() || !b.has(`input[type=password]`) {
		t.Fatalf("after signing out, the next visit is at %s", b.url())
	}

	b.signIn(s.provider.other)
	if got := b.text("body"); !strings.Contains(got, "not_allowed") || !strings.Contains(got, "Bob") {
		t.Fatalf("somebody who is not allowed reads, at %s:\n%s", b.url(), got)
	}
	b.load(chromedp.Click(`//a[contains(., "another account")]`, chromedp.BySearch))
	if !b.atProvider() || !b.has(`input[type=password]`) {
		t.Fatalf("who switches accounts is at %s", b.url())
	}
	b.signIn(s.provider.admin)
	if b.url() != base+"/" || b.text("#user") != s.provider.admin.name {
		t.Errorf("the other account landed on %s", b.url())
	}
}

// TestBrowserLemonLDAP: the other provider's own pages lead back, too.
func TestBrowserLemonLDAP(t *testing.T) {
	apps := applications()
	p := startLemonLDAP(t, apps)
	newDaemon(t, apps, p)
	startApp(t, "webtop", "127.0.2.2:3000")
	startNginx(t, releases[1], ours)
	b := newBrowser(t)
	b.open("https://webtop.home.test" + deepLink)
	b.signIn(p.admin)
	if b.url() != "https://webtop.home.test"+deepLink || b.text("#user") != p.admin.name {
		t.Fatalf("landed on %s\n%s", b.url(), b.text("body"))
	}
	b.open("https://webtop.home.test" + outpostPrefix + "/sign_out")
	if got := b.text("footer"); !strings.Contains(got, "signed_out") {
		t.Errorf("after signing out, at %s: %s", b.url(), b.text("body"))
	}
	b.open("https://webtop.home.test/")
	if !b.has(`input[type=password]`) {
		t.Errorf("after signing out, the next visit is at %s", b.url())
	}
}

package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// popup waits for a window at an address of the provider's, and takes hold of it.
func (b *tab) popup(p *provider) *tab {
	b.t.Helper()
	var found target.ID
	eventually(b.t, "a window at the provider", func() bool {
		for id, address := range b.windows() {
			if strings.HasPrefix(address, p.origin()) {
				found = id
			}
		}
		return found != ""
	})
	return b.attach(found)
}

// alone waits until all other windows have closed by themselves.
func (b *tab) alone() {
	b.t.Helper()
	eventually(b.t, "the other windows to close", func() bool { return len(b.windows()) == 1 })
}

// attach makes a tab of a window that is there.
func (b *tab) attach(id target.ID) *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	b.t.Cleanup(cancel)
	p := &tab{b.t, ctx}
	p.do()
	return p
}

// windows are the addresses of all pages that are open.
func (b *tab) windows() map[target.ID]string {
	b.t.Helper()
	all := map[target.ID]string{}
	b.do(chromedp.ActionFunc(func(ctx context.Context) error {
		infos, err := chromedp.Targets(ctx)
		for _, info := range infos {
			if info.Type == "page" {
				all[info.TargetID] = info.URL
			}
		}
		return err
	}))
	return all
}

// TestRefreshPage: an application that goes on by script opens the refresh page as
// its documentation says, and goes on when somebody has signed in there, with a
// password or without one; the window closes by itself.
func TestRefreshPage(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		for _, base := range []string{"https://webtop.test", "https://webtop.home.test"} {
			t.Run(strings.TrimPrefix(base, "https://"), func(t *testing.T) {
				b := newBrowser(t)
				b.open(base + "/pages/fetch")
				b.signIn(s.provider.admin)
				load := func() { b.do(chromedp.Click("#load", chromedp.ByQuery)) }
				shows := func(want string) {
					t.Helper()
					eventually(t, "the page to show "+want, func() bool { return b.text("#data") == want })
				}
				load()
				shows("200")

				b.forget("outpost-webtop", "outpost-home")
				before := s.app.count()
				load()
				eventually(t, "the page to load again", func() bool { return s.app.count() > before })
				shows("200")
				b.alone()

				// Now the provider asks as well.
				b.forget("outpost-webtop", "outpost-home")
				b.forgetAt(s.provider.origin())
				load()
				p := b.popup(s.provider)
				if got := b.text("#data"); got != "403" {
					t.Errorf("meanwhile the page shows %q", got)
				}
				eventually(t, "the provider's form", func() bool { return p.has(`input[type=password]`) })
				p.do(chromedp.SendKeys(`input[name=login]`, s.provider.admin.name, chromedp.ByQuery), chromedp.SendKeys(`input[type=password]`, "any", chromedp.ByQuery))
				eventually(t, "the last form, and the window to close", func() bool {
					ctx, cancel := context.WithTimeout(p.ctx, 2*time.Second)
					defer cancel()
					// Each form once: the provider has none left for a second time. It fails where the window has just gone.
					chromedp.Run(ctx, chromedp.Evaluate(`window.sent || (window.sent = document.querySelector("button[type=submit]"))?.click(), 0`, nil))
					return len(b.windows()) == 1
				})
				shows("200")
				if b.url() != base+"/pages/fetch" {
					t.Errorf("the page itself went to %s", b.url())
				}
			})
		}
	})
}

// TestRefreshPageByHand: as a link it is a page that says what it has done.
func TestRefreshPageByHand(t *testing.T) {
	s := newStage(t, releases[1], ours)
	v := newVisitor(t)
	address := "https://webtop.home.test" + outpostPrefix + "/refresh"
	p := v.signIn(address, s.provider.admin.name, s.provider.admin.password)
	if p.URL != address || p.StatusCode != 200 || !strings.Contains(p.Body, "signed_in_again") {
		t.Fatalf("landed on %s: %s\n%s", p.URL, p.Status, p.Body)
	}
	if got := link(p, "go back"); got != "https://webtop.home.test/" {
		t.Errorf("leads back to %q", got)
	}
}

// TestRefreshPageHoldsOff: another site's window of it is cut off at once, whoever
// is signed in, and hears nothing.
func TestRefreshPageHoldsOff(t *testing.T) {
	s := newStage(t, releases[1], ours)
	b := newBrowser(t)
	b.open("https://webtop.test/")
	b.signIn(s.provider.admin)
	for _, signedIn := range []bool{true, false} {
		if !signedIn {
			b.forget("outpost-webtop")
		}
		evil := b.another()
		evil.open("https://www.test/")
		got := evil.eval(`new Promise((done) => {
			let heard = "nothing";
			new BroadcastChannel("outpost").onmessage = () => { heard = "the channel"; };
			onmessage = () => { heard = "a message"; };
			const w = open("https://webtop.test` + outpostPrefix + `/refresh");
			setTimeout(() => done(heard + " " + w.closed), 3000);
		})`)
		if got != "nothing true" {
			t.Errorf("signed in %v: another site hears %s, cut off", signedIn, got)
		}
	}
}

// forgetAt removes the cookies of another address.
func (b *tab) forgetAt(address string) {
	b.t.Helper()
	b.do(chromedp.ActionFunc(func(ctx context.Context) error { return clearCookies(ctx, address) }))
}

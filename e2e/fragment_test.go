package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// TestFragment: who opens an address with a fragment is there after the sign-in,
// whether the provider asks for a password or not. Nobody else sees it on the way.
func TestFragment(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		for _, base := range []string{"https://webtop.test", "https://webtop.home.test"} {
			t.Run(strings.TrimPrefix(base, "https://"), func(t *testing.T) {
				b := newBrowser(t)
				const route = "#/inbox?x=1&y=%C3%A9/../z"
				b.open(base + "/pages/hash" + route)
				if !b.atProvider() || strings.Contains(b.url(), "inbox") {
					t.Fatalf("an anonymous person is at %s", b.url())
				}
				b.signIn(s.provider.admin)
				if b.url() != base+"/pages/hash"+route || b.text("#route") != route {
					t.Errorf("with a password, landed on %s as %q", b.url(), b.text("body"))
				}

				// Now the provider knows them.
				b.forget("outpost-webtop", "outpost-home")
				b.open("about:blank")
				b.open(base + "/pages/hash#/silent")
				if b.url() != base+"/pages/hash#/silent" || b.text("#route") != "#/silent" {
					t.Errorf("without a password, landed on %s", b.url())
				}
				// And what was kept once does not come again.
				b.forget("outpost-webtop", "outpost-home")
				b.open("about:blank")
				b.open(base + "/pages/hash")
				if b.url() != base+"/pages/hash" {
					t.Errorf("without a fragment, landed on %s", b.url())
				}
			})
		}
	})
}

// TestFragmentInTwoTabs: each has its own.
func TestFragmentInTwoTabs(t *testing.T) {
	s := newStage(t, releases[1], ours)
	b := newBrowser(t)
	b.open("https://webtop.test/pages/hash#/one")
	other := b.another()
	other.open("https://webtop.test/pages/hash#/two")
	b.signIn(s.provider.admin)
	other.signIn(s.provider.admin)
	if b.url() != "https://webtop.test/pages/hash#/one" || other.url() != "https://webtop.test/pages/hash#/two" {
		t.Errorf("landed on %s and %s", b.url(), other.url())
	}
}

// TestFragmentAmongProviders: choosing one does not lose it either.
func TestFragmentAmongProviders(t *testing.T) {
	apps := applications()
	apps[0].Providers = []string{"certified", "zitadel"}
	for i := range apps[1:] {
		apps[1+i].Providers = []string{"certified"}
	}
	p := startCertified(t, apps)
	newDaemonOf(t, apps, []*provider{p, startZitadel(t, apps)})
	startApp(t, "webtop", "127.0.2.2:3000")
	startNginx(t, releases[1], ours)
	b := newBrowser(t)
	b.open("https://webtop.test/pages/hash#/chosen")
	if b.atProvider() {
		t.Fatalf("nobody has chosen, and the browser is at %s", b.url())
	}
	b.load(chromedp.Click(`//a[contains(., "certified")]`, chromedp.BySearch))
	b.signIn(p.admin)
	if b.url() != "https://webtop.test/pages/hash#/chosen" {
		t.Errorf("landed on %s\n%s", b.url(), b.text("body"))
	}
}

// TestSignInWithoutScript: a browser that runs none gets there, at the price of
// the fragment.
func TestSignInWithoutScript(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		b := newBrowser(t)
		b.do(emulation.SetScriptExecutionDisabled(true))
		b.open("https://webtop.home.test" + deepLink)
		b.signIn(s.provider.admin)
		if b.url() != "https://webtop.home.test"+deepLink || b.text("#user") != s.provider.admin.name {
			t.Errorf("landed on %s\n%s", b.url(), b.text("body"))
		}
	})
}

// TestSignInOfPrograms: who is no browser is redirected, and gets no page between.
func TestSignInOfPrograms(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		for name, headers := range map[string]map[string]string{
			"webview": {"X-Requested-With": "org.example.app"},
			"old":     {"Sec-Fetch-Mode": "", "Sec-Fetch-Dest": "", "Sec-Fetch-Site": "", "Sec-Fetch-User": ""},
		} {
			v := newVisitor(t)
			for key, value := range headers {
				if v.headers[key] = []string{value}; value == "" {
					v.headers[key] = nil
				}
			}
			p := v.open("https://webtop.home.test" + deepLink)
			if !strings.HasPrefix(p.URL, s.provider.origin()) {
				t.Fatalf("%s: landed on %s", name, p.URL)
			}
			for _, step := range v.trail[:len(v.trail)-1] {
				if !strings.HasPrefix(step, "30") {
					t.Errorf("%s: a page between: %s", name, step)
				}
			}
		}
	})
}

func clearCookies(ctx context.Context, address string) error {
	all, err := network.GetCookies().WithURLs([]string{address + "/", address + "/login", address + "/session"}).Do(ctx)
	if err != nil {
		return err
	}
	for _, c := range all {
		if err := network.DeleteCookies(c.Name).WithDomain(c.Domain).WithPath(c.Path).Do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// forget removes the cookies whose names end in one of these.
func (b *tab) forget(names ...string) {
	b.t.Helper()
	b.do(chromedp.ActionFunc(func(ctx context.Context) error {
		all, err := network.GetCookies().WithURLs([]string{"https://webtop.test/", "https://webtop.home.test/"}).Do(ctx)
		if err != nil {
			return err
		}
		for _, c := range all {
			for _, name := range names {
				if strings.HasSuffix(c.Name, name) {
					if err := network.DeleteCookies(c.Name).WithDomain(c.Domain).WithPath("/").Do(ctx); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}))
}

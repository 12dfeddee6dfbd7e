package e2e

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const chromium = "/usr/bin/chromium"

// A tab is one tab of a headless Chromium. It trusts the throw-away CA as a
// person's browser would, through its certificate store.
type tab struct {
	t   testing.TB
	ctx context.Context
}

// newBrowser starts Chromium with an empty profile and returns its first tab.
// The flags are added to those that a test machine needs.
func newBrowser(t testing.TB, flags ...chromedp.ExecAllocatorOption) *tab {
	t.Helper()
	// Not t.TempDir: Chromium's helpers may write for a moment after its end.
	// This one goes when all of them are gone.
	home, err := os.MkdirTemp(shared(""), "browser-")
	if err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(home, ".pki", "nssdb")
	writeFile(t, filepath.Join(store, ".keep"), "")
	for _, arguments := range [][]string{
		{"-d", "sql:" + store, "-N", "--empty-password"},
		{"-d", "sql:" + store, "-A", "-t", "C,,", "-n", "e2e", "-i", shared("ca.crt")},
	} {
		if out, err := exec.Command("certutil", arguments...).CombinedOutput(); err != nil {
			t.Fatalf("certutil: %v: %s", err, out)
		}
	}
	// Other sites' cookies as Chromium's own default has them: Debian's blocks them.
	profile := filepath.Join(home, "profile")
	writeFile(t, filepath.Join(profile, "Default", "Preferences"), `{"profile":{"cookie_controls_mode":0,"block_third_party_cookies":false}}`)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Env("HOME="+home), chromedp.UserDataDir(profile))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), append(options, flags...)...)
	b := &tab{t: t}
	var cancel context.CancelFunc
	b.ctx, cancel = chromedp.NewContext(allocator)
	t.Cleanup(func() {
		cancel()
		stop()
	})
	b.do()
	return b
}

// another opens a second tab of the same browser.
func (b *tab) another() *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	n := &tab{b.t, ctx}
	n.do()
	return n
}

// do runs actions in the tab, within patience.
func (b *tab) do(actions ...chromedp.Action) {
	b.t.Helper()
	if len(actions) == 0 {
		// The first run makes the tab, which lives as long as its context.
		if err := chromedp.Run(b.ctx); err != nil {
			b.t.Fatalf("starting a tab: %v", err)
		}
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.t.Fatalf("in the browser, at %s: %v", b.url(), err)
	}
}

// load runs an action that makes the tab go somewhere and waits until it is
// there. It returns the status of the page; 0 where there was none.
func (b *tab) load(action chromedp.Action) int {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, action)
	if err != nil {
		b.t.Fatalf("in the browser, at %s: %v", b.url(), err)
	}
	b.goOn()
	if response == nil {
		return 0
	}
	return int(response.Status)
}

// goOn waits as long as a page of ours is shown that moves on by itself.
func (b *tab) goOn() {
	b.t.Helper()
	eventually(b.t, "a page that moves on", func() bool {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		defer cancel()
		var there bool
		err := chromedp.Run(ctx, chromedp.Evaluate(`document.readyState === "complete" && !document.querySelector("a[data-keep]")`, &there))
		return err == nil && there // an error where it is moving just now
	})
}

func (b *tab) open(address string) int {
	b.t.Helper()
	return b.load(chromedp.Navigate(address))
}

// url is what the address bar says, or why it cannot be read.
func (b *tab) url() string {
	var address string
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, chromedp.Location(&address)); err != nil {
		return err.Error()
	}
	return address
}

// atProvider reports whether a provider's page is shown.
func (b *tab) atProvider() bool {
	u, err := url.Parse(b.url())
	return err == nil && strings.HasSuffix(u.Hostname(), ".example.test")
}

// text is the text of the first element of a selector.
func (b *tab) text(selector string) string {
	b.t.Helper()
	var text string
	b.do(chromedp.Text(selector, &text, chromedp.ByQuery))
	return text
}

// has reports whether an element is there.
func (b *tab) has(selector string) bool {
	b.t.Helper()
	return b.eval(`String(!!document.querySelector(`+"`"+selector+"`"+`))`) == "true"
}

// eval runs a script that gives a string, or a promise of one.
func (b *tab) eval(script string) string {
	b.t.Helper()
	var result string
	b.do(chromedp.Evaluate(script, &result, func(p *runtime.EvaluateParams) *runtime.EvaluateParams {
		return p.WithAwaitPromise(true)
	}))
	return result
}

// signIn types into the provider's forms until the provider is done.
func (b *tab) signIn(p person) {
	b.t.Helper()
	for range 6 {
		if !b.atProvider() {
			return
		}
		if b.has(`input[type=password]`) {
			b.do(chromedp.SendKeys(`input[name=login], input[name=user]`, p.name, chromedp.ByQuery),
				chromedp.SendKeys(`input[type=password]`, p.password, chromedp.ByQuery))
		}
		b.load(chromedp.Click(`button[type=submit]`, chromedp.ByQuery))
	}
	b.t.Fatalf("still at %s after six forms", b.url())
}

// leafKeyHash is the hash of the key in nginx's certificate, by which Chromium
// can be told to accept it over QUIC, where it otherwise wants a public CA.
func leafKeyHash(t testing.TB) string {
	t.Helper()
	block, _ := pem.Decode([]byte(readFile(t, shared("chain.crt"))))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// takeCookies gives the browser what a visitor would send to address.
func (b *tab) takeCookies(v *visitor, address string) {
	b.t.Helper()
	for _, cookie := range v.cookies(address) {
		b.do(chromedp.ActionFunc(func(ctx context.Context) error {
			return network.SetCookie(cookie.Name, cookie.Value).WithURL(address).WithSecure(true).WithPath("/").WithHTTPOnly(true).Do(ctx)
		}))
	}
}

package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// pagesStage has all that leads to a page: two providers, the second of them out
// of reach, and a path that wants a second factor.
func pagesStage(t *testing.T, more ...string) *stage {
	apps := []application{
		{Name: "webtop", Mode: "single", ExternalURL: webtop, Providers: []string{"certified"}},
		{Name: "tautulli", Mode: "single", ExternalURL: tautulli, Providers: []string{"certified", "company"}},
		{Name: "home", Mode: "domain", ExternalURL: "https://outpost.home.test", CookieDomain: "home.test", Providers: []string{"certified"}, Settings: []string{
			"rules: [{ host: webtop.home.test, path: /vault/*, require: { amr: [mfa] } }, { allow: true }]",
			"headers: { presets: remote-user, set: { X-Department: \"{department}\" } }",
			"basic_auth: { username: home, password: of the application }",
		}},
	}
	s := &stage{provider: startCertified(t, apps)}
	s.provider.settings = []string{"title: Home account"}
	company := &provider{name: "company", issuer: "https://company.example.test:8999/", settings: []string{"title: Company account"}}
	s.daemon = newDaemonOf(t, apps, []*provider{s.provider, company}, more...)
	s.app = startApp(t, "webtop", "127.0.2.2:3000")
	s.other = startApp(t, "tautulli", "127.0.2.3:8181")
	s.nginx = startNginx(t, releases[1], ours)
	return s
}

// shows wants the tab at the page of a reason.
func (b *tab) shows(t *testing.T, reason string) {
	t.Helper()
	if got := b.text("footer"); !strings.Contains(got, reason) {
		t.Fatalf("not the page %s, at %s:\n%s", reason, b.url(), b.text("body"))
	}
}

// TestPages comes to each kind of page as people do, and looks at it. With
// OUTPOST_WRITE_PICTURES=1 it writes docs/pictures anew.
func TestPages(t *testing.T) {
	s := pagesStage(t)
	b := newBrowser(t)

	b.open(tautulli + "/")
	b.shows(t, "choose_provider")
	b.scene(t, "chooser")
	b.load(chromedp.Click(`//a[contains(., "Company account")]`, chromedp.BySearch))
	b.shows(t, "provider_unreachable")
	b.scene(t, "error")

	b.open(webtop + "/")
	b.signIn(s.provider.other)
	b.shows(t, "not_allowed")
	b.scene(t, "not-allowed")
	b.load(chromedp.Click(`//a[contains(., "Sign out")]`, chromedp.BySearch))
	b.confirmSignOut()
	b.shows(t, "signed_out")
	b.scene(t, "signed-out")

	b.open("https://webtop.home.test/vault/")
	b.signIn(s.provider.admin)
	b.shows(t, "insufficient_user_authentication")
	b.scene(t, "step-up")

	phone := newVisitor(t)
	phone.headers.Set("User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1")
	phone.signIn(webtop+"/", s.provider.admin.name, s.provider.admin.password)
	b.open("https://webtop.home.test/")
	b.signIn(s.provider.admin)
	b.open("https://outpost.home.test" + outpostPrefix + "/")
	b.signIn(s.provider.admin)
	b.shows(t, "account")
	if told := b.text(".told"); !strings.Contains(told, "Remote-User") || !strings.Contains(told, "alice") || strings.Contains(told, "Authentik") || strings.Contains(told, "Basic ") {
		t.Errorf("the page does not say what the application is told:\n%s", told)
	}
	b.scene(t, "account")

	b.open("https://webtop.home.test/pages/form")
	b.forget("outpost-home")
	b.load(chromedp.Click("#send", chromedp.ByQuery))
	b.shows(t, "form_not_sent")
	b.scene(t, "form-not-sent")
	b.open("https://outpost.home.test" + outpostPrefix + "/refresh")
	b.signIn(s.provider.admin)
	b.shows(t, "signed_in_again")
	b.scene(t, "signed-in-again")

	// What another site starts, the person is asked about.
	b.open(tautulli + "/")
	b.load(chromedp.Evaluate(`location = "https://outpost.home.test`+outpostPrefix+`/sign_out"`, nil))
	b.shows(t, "sign_out_confirm")
	b.scene(t, "sign-out")
	b.load(chromedp.Click(`form[action*="everywhere"] button`, chromedp.ByQuery))
	b.confirmSignOut()
	b.shows(t, "signed_out_everywhere")
	b.scene(t, "signed-out-everywhere")

	forgets := newBrowser(t)
	forgets.lose("__Host-outpost-webtop", webtop)
	forgets.open(webtop + "/")
	forgets.signIn(s.provider.admin)
	forgets.shows(t, "loop")
	forgets.scene(t, "loop")
}

// confirmSignOut presses the provider's button where it asks.
func (b *tab) confirmSignOut() {
	b.t.Helper()
	if b.atProvider() {
		b.load(chromedp.Click(`button[name=logout]`, chromedp.ByQuery))
	}
}

// lose takes a cookie away as soon as a callback has set it, as a browser does that
// does not keep it.
func (b *tab) lose(cookie, address string) {
	b.t.Helper()
	chromedp.ListenTarget(b.ctx, func(event any) {
		paused, is := event.(*fetch.EventRequestPaused)
		if !is {
			return
		}
		go func() { // the listener must not wait for an answer
			target := cdp.WithExecutor(b.ctx, chromedp.FromContext(b.ctx).Target)
			err := network.DeleteCookies(cookie).WithURL(address).Do(target)
			if err = errors.Join(err, fetch.ContinueRequest(paused.RequestID).Do(target)); err != nil {
				b.t.Logf("taking the cookie away: %v", err)
			}
		}()
	})
	b.do(fetch.Enable().WithPatterns([]*fetch.RequestPattern{{URLPattern: "*" + outpostPrefix + "/callback*", RequestStage: fetch.RequestStageResponse}}))
}

// TestPagesOfASite: with a name, a logo, a contact line and words of the operator's
// own, in the language of the browser; and the policy lets the logo be seen.
func TestPagesOfASite(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "logo.svg"), `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 32" width="120" height="32"><style>path{fill:none;stroke:#8a3b12;stroke-width:4}@media(prefers-color-scheme:dark){path{stroke:#f0b48a}}</style><path d="M4 16 18 4l14 12v12H4zM44 28V6l14 16V6M72 6h14M72 17h12M72 28h14M72 6v22M100 6v22h14"/></svg>`)
	writeFile(t, filepath.Join(dir, "strings.yaml"), "de:\n  not_allowed.next: Rufen Sie Ada an, Durchwahl 42.\n")
	s := pagesStage(t, "pages:", "  name: Haus am See", "  logo: "+dir+"/logo.svg", "  contact: mailto:ada@example.com", "  strings: "+dir+"/strings.yaml")
	b := newBrowser(t)
	b.do(network.Enable(), network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}))
	b.open(webtop + "/")
	b.signIn(s.provider.other)
	b.shows(t, "not_allowed")
	if got := b.text("main"); !strings.Contains(got, "Dieses Konto hat keinen Zugang") || !strings.Contains(got, "Durchwahl 42") {
		t.Errorf("the page says\n%s", got)
	}
	if got := b.eval(`document.documentElement.lang + " " + document.querySelector("img").naturalWidth + " " + document.querySelector("img").alt + " " + document.querySelector("footer a").href`); got != "de 120 Haus am See mailto:ada@example.com" {
		t.Errorf("language, width of the logo, its text and the contact: %s", got)
	}
	b.scene(t, "own-look")

	v := newVisitor(t)
	v.headers.Set("Accept-Language", "fr")
	v.headers.Set("Accept", "application/json")
	v.headers.Set("Sec-Fetch-Mode", "cors")
	if p := v.get(webtop + outpostPrefix + "/start?rd=%2F"); p.Header.Get("Content-Language") != "fr" || !strings.Contains(p.Body, "mailto:ada@example.com") {
		t.Errorf("JSON: %v\n%s", p.Header, p.Body)
	}
}

// TestEveryPage opens the page of every reason in every language, as package page
// writes them into files, in a window of 320 pixels.
func TestEveryPage(t *testing.T) {
	dir := t.TempDir()
	write := exec.Command("go", "test", "-count=1", "-run", "^TestWriteEveryPage$", "./page")
	write.Dir = repository()
	write.Env = append(os.Environ(), "OUTPOST_PAGES_DIRECTORY="+dir, "GOPROXY=off", "GOFLAGS=-mod=readonly")
	if out, err := write.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.html"))
	if err != nil || len(files) < 8*40 {
		t.Fatalf("%d pages, %v", len(files), err)
	}
	b := newBrowser(t)
	b.look(320, 640, 1, "light")
	for _, file := range files {
		b.do(chromedp.Navigate("file://" + file))
		if wrong := b.eval(misfits); wrong != "" {
			t.Errorf("%s: %s", filepath.Base(file), wrong)
		}
		if name := filepath.Base(file); strings.HasPrefix(name, "en-") || strings.HasSuffix(name, "-account.html") {
			b.axe(t, name)
		}
	}
}

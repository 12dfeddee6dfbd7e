package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestFormNotSent: a form that is sent when the session is over is not lost in
// silence. The person reads it, signs in beside it, goes back and sends it again.
func TestFormNotSent(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		for _, base := range []string{"https://webtop.test", "https://webtop.home.test"} {
			t.Run(strings.TrimPrefix(base, "https://"), func(t *testing.T) {
				b := newBrowser(t)
				b.open(base + "/pages/form")
				b.signIn(s.provider.admin)
				b.forget("outpost-webtop", "outpost-home")
				b.do(chromedp.SendKeys(`input[name=text]`, "half an hour of work", chromedp.ByQuery))
				before := s.app.count()
				b.load(chromedp.Click("#send", chromedp.ByQuery))
				if got := b.text("footer"); !strings.Contains(got, "form_not_sent") {
					t.Fatalf("the person reads, at %s:\n%s", b.url(), b.text("body"))
				}
				if s.app.count() != before {
					t.Fatalf("the application was asked for %s", s.app.last(t).RequestURI)
				}
				b.do(chromedp.Click(`//a[contains(., "new tab")]`, chromedp.BySearch))
				eventually(t, "the tab to sign in and close", func() bool {
					return len(b.windows()) == 1 && strings.Count(s.daemon.log(t), "signed in\"") >= 2
				})
				b.do(chromedp.Evaluate(`history.back()`, nil))
				eventually(t, "the form", func() bool { return b.has("#send") })
				// By script: the page comes out of the browser's cache of whole pages, and
				// chromedp does not know its nodes again.
				if value := b.eval(`document.querySelector("input[name=text]").value`); value != "half an hour of work" {
					t.Errorf("back at the form it says %q", value)
				}
				b.do(chromedp.Evaluate(`document.querySelector("#send").click(), 0`, nil))
				eventually(t, "the form to arrive", func() bool { return s.app.last(t).RequestURI == "/sent" })
				if r := s.app.last(t); r.Method != http.MethodPost || r.RequestURI != "/sent" {
					t.Errorf("sent again: %s %s", r.Method, r.RequestURI)
				}
			})
		}
	})
}

// TestFormNotSentByAnyConf: SWAG's files as they are, of every generation, and all of
// ours say so too, and nobody else is told it.
func TestFormNotSentByAnyConf(t *testing.T) {
	// The pair of the seed does not say which method a request has: nobody can know.
	const unaware = "swag-seed-2023-02-01"
	all := []generation{ours, oursForDomain, example, oursInSWAG}
	for _, date := range swagDates {
		all = append(all, swag(date))
	}
	for _, g := range append(all, halves...) {
		t.Run(g.Name, func(t *testing.T) {
			g.need(t)
			s := newStage(t, releases[1], g)
			v := newVisitor(t)
			p := v.post("https://webtop.test/sent?a=1&b=%2F")
			if g.Name == unaware {
				if !strings.HasPrefix(p.URL, s.provider.origin()) || s.app.count() > 0 {
					t.Errorf("landed on %s", p.URL)
				}
				return
			}
			if p.StatusCode != http.StatusForbidden || !strings.Contains(p.Body, "form_not_sent") || s.app.count() > 0 {
				t.Errorf("landed on %s: %s\n%s", p.URL, p.Status, strings.Join(v.trail, "\n"))
			}
			if p := v.open("https://webtop.test/sent?a=1&b=%2F"); !s.provider.asks(p) && !strings.HasPrefix(p.URL, s.provider.origin()) {
				t.Errorf("afterwards a sign-in is at %s", p.URL)
			}
			if log := s.nginx.accessLog(t); strings.Contains(log, `" 401 `) {
				t.Errorf("a client saw 401:\n%s", log)
			}
		})
	}
}

// post sends an empty form, and follows the answer as browsers do.
func (v *visitor) post(address string) page {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, address, strings.NewReader("text=x"))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	v.trail = nil
	return v.follow(v.send(r))
}

package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// framesStage has a dashboard and an application on one site, each with a sign-in of
// its own, and a dashboard on another.
func framesStage(t *testing.T, settings ...string) *stage {
	apps := []application{
		{Name: "webtop", Mode: "single", ExternalURL: "https://webtop.home.test"},
		{Name: "tautulli", Mode: "single", ExternalURL: "https://tautulli.home.test", Settings: settings},
		{Name: "elsewhere", Mode: "single", ExternalURL: webtop},
	}
	s := &stage{provider: startCertified(t, apps)}
	s.daemon = newDaemon(t, apps, s.provider)
	s.app = startApp(t, "webtop", "127.0.2.2:3000")
	s.other = startApp(t, "tautulli", "127.0.2.3:8181")
	s.nginx = startNginx(t, releases[1], ours)
	return s
}

const framed = "https://tautulli.home.test/framed"

// inFrame reads what the frame of a page on the same site shows.
func (b *tab) inFrame() (text string, frame *cdp.Node) {
	b.t.Helper()
	var frames []*cdp.Node
	b.do(chromedp.Nodes("#inner", &frames, chromedp.ByQuery))
	b.do(chromedp.Text("body", &text, chromedp.ByQuery, chromedp.FromNode(frames[0])))
	return text, frames[0]
}

// TestFrameOnTheSameSite: a frame that needs a sign-in has a link that leads out of it,
// and after that the frame shows what it is for.
func TestFrameOnTheSameSite(t *testing.T) {
	s := framesStage(t)
	b := newBrowser(t)
	dashboard := "https://webtop.home.test/pages/frame?" + framed
	b.open(dashboard)
	b.signIn(s.provider.admin)
	if s.other.count() > 0 {
		t.Fatal("the framed application was reached without a session")
	}
	text, frame := b.inFrame()
	if !strings.Contains(text, "Sign in") || !strings.Contains(text, "not_signed_in") {
		t.Fatalf("the frame shows\n%s", text)
	}
	b.load(chromedp.Click(`a[target="_top"]`, chromedp.ByQuery, chromedp.FromNode(frame)))
	if b.atProvider() {
		b.signIn(s.provider.admin)
	}
	if b.url() != framed {
		t.Fatalf("the link led to %s", b.url())
	}
	before := s.other.count()
	b.open(dashboard)
	eventually(t, "the frame to ask", func() bool { return s.other.count() > before })
	if r := s.other.last(t); r.Header.Get("Sec-Fetch-Dest") != "iframe" || r.Header.Get("X-Authentik-Username") != s.provider.admin.name {
		t.Errorf("the frame asked as %q, for %q", r.Header.Get("X-Authentik-Username"), r.Header.Get("Sec-Fetch-Dest"))
	}
}

// TestFrameOnAnotherSite: there a frame has no session, unless the file says that it
// may and the browser does not block other sites' cookies.
func TestFrameOnAnotherSite(t *testing.T) {
	keys := []string{"frame_ancestors: [" + webtop + "]", "cookie: { insecure_same_site_none: true }"}
	blocks := chromedp.Flag("test-third-party-cookie-phaseout", true)
	for _, tt := range []struct {
		name     string
		settings []string
		flags    []chromedp.ExecAllocatorOption
		shown    bool
	}{
		{"by-default", nil, nil, false},
		{"with-the-keys", keys, nil, true},
		{"with-the-keys-in-a-browser-that-blocks", keys, []chromedp.ExecAllocatorOption{blocks}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := framesStage(t, tt.settings...)
			b := newBrowser(t, tt.flags...)
			b.open(framed)
			b.signIn(s.provider.admin)
			b.open(webtop + "/")
			b.signIn(s.provider.admin)
			before, checks := s.other.count(), s.daemon.checks(t, "not_signed_in")
			b.open(webtop + "/pages/frame?" + framed)
			if tt.shown {
				eventually(t, "the frame to ask", func() bool { return s.other.count() > before })
				if r := s.other.last(t); r.Header.Get("Sec-Fetch-Site") != "cross-site" || r.Header.Get("X-Authentik-Username") != s.provider.admin.name {
					t.Errorf("the frame asked as %q, from a site that is %s", r.Header.Get("X-Authentik-Username"), r.Header.Get("Sec-Fetch-Site"))
				}
				return
			}
			eventually(t, "the check of the frame", func() bool { return s.daemon.checks(t, "not_signed_in") > checks })
			if s.other.count() != before {
				t.Error("the application was reached from another site's frame")
			}
		})
	}
}

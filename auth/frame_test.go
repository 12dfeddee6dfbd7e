package auth_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"outpost/auth"
)

var inFrame = []string{"Sec-Fetch-Dest", "iframe", "Sec-Fetch-Site", "same-site"}

// A frame is never sent to the provider: it gets a link out of it.
func TestFrameGetsALink(t *testing.T) {
	s := newStage(t, func(c *auth.Config) { c.Applications[1].Framers = []string{"https://dashboard.example.net"} })
	for _, tt := range []struct {
		name, address string
		framers       []string
		signIn, tab   string
	}{
		{"domain", "https://app.example.com/x", []string{"'self'", "https://outpost.example.com", "https://example.com", "https://*.example.com"},
			signInAt("https://outpost.example.com", "https://app.example.com/x"), "https://app.example.com" + prefix + "/refresh"},
		{"domain-own-host", "https://outpost.example.com/x", []string{"'self'", "https://outpost.example.com", "https://example.com", "https://*.example.com"},
			signInAt("https://outpost.example.com", "https://outpost.example.com/x"), "https://outpost.example.com" + prefix + "/refresh"},
		{"single", "https://router.example.com/x", []string{"'self'", "https://router.example.com", "https://dashboard.example.net"},
			signInAt("https://router.example.com", "https://router.example.com/x"), "https://router.example.com" + prefix + "/refresh"},
	} {
		for _, dest := range []string{"iframe", "frame", "embed", "object"} {
			t.Run(tt.name+"-"+dest, func(t *testing.T) {
				resp := s.browser("alice").visit(tt.address, "Sec-Fetch-Dest", dest)
				s.want(resp, http.StatusForbidden)
				text := body(resp)
				for _, want := range []string{
					`href="` + strings.ReplaceAll(tt.signIn, "&", "&amp;") + `" target="_top" rel="noopener">Sign in<`,
					`href="` + tt.tab + `" target="_blank" rel="noopener">Sign in in a new tab<`,
				} {
					if !strings.Contains(text, want) {
						t.Errorf("no %s in\n%s", want, text)
					}
				}
				if got := ancestors(resp); !slices.Equal(got, tt.framers) {
					t.Errorf("may be framed by %q, want %q", got, tt.framers)
				}
				if len(resp.Header["X-Frame-Options"]) > 0 || len(resp.Header["Set-Cookie"]) > 0 {
					t.Errorf("headers %v", resp.Header)
				}
			})
		}
	}
	if len(s.provider.seen) > 0 {
		t.Error("the provider was asked")
	}
}

func ancestors(resp *http.Response) []string {
	for directive := range strings.SplitSeq(resp.Header.Get("Content-Security-Policy"), "; ") {
		if sources, ok := strings.CutPrefix(directive, "frame-ancestors "); ok {
			return strings.Fields(sources)
		}
	}
	return nil
}

// In a frame nobody reads who is signed in, and nothing can be clicked that signs
// out or lets somebody else in.
func TestFrameSaysNothingOfAPerson(t *testing.T) {
	s := newStage(t)
	bob := s.browser("bob")
	s.want(bob.visit("https://router.example.com/"), http.StatusForbidden)
	resp := bob.visit("https://router.example.com/x", inFrame...)
	s.want(resp, http.StatusForbidden)
	text := body(resp)
	if want := `href="https://router.example.com/x" target="_top" rel="noopener">Open it by itself<`; !strings.Contains(text, want) || !strings.Contains(text, string(auth.NotAllowed)) {
		t.Errorf("no %s in\n%s", want, text)
	}
	for _, not := range []string{"bob", "Bob", "<form", "sign_out", "switch=1", "account"} {
		if strings.Contains(text[strings.Index(text, "<main>"):strings.Index(text, "</main>")], not) && not != "account" {
			t.Errorf("%s in\n%s", not, text)
		}
	}
	// Every other page of ours is in no frame at all.
	for _, path := range []string{"/refresh", "/sign_out", "/", "/callback"} {
		resp := bob.once(http.MethodGet, "https://router.example.com"+prefix+path, "Sec-Fetch-Dest", "iframe", "Sec-Fetch-Site", "cross-site")
		if got := ancestors(resp); resp.StatusCode/100 != 3 && (!slices.Equal(got, []string{"'none'"}) || resp.Header.Get("X-Frame-Options") != "DENY") {
			t.Errorf("%s: %d may be framed by %q", path, resp.StatusCode, got)
		}
	}
}

// Who is signed in stays in the frame, and who has signed in beside it goes on.
func TestFrameGoesOn(t *testing.T) {
	s := newStage(t)
	alice := s.browser("alice")
	s.want(alice.visit("https://router.example.com/"), http.StatusOK)
	s.want(alice.visit("https://router.example.com/x", inFrame...), http.StatusOK)
	resp := alice.once(http.MethodGet, "https://router.example.com"+prefix+"/start?rd="+url.QueryEscape("https://router.example.com/x"), inFrame...)
	if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusFound || got != "https://router.example.com/x" {
		t.Errorf("%d %q", resp.StatusCode, got)
	}
}

// The cookie that other sites' requests have, and what else then holds them off.
func TestCrossSiteCookie(t *testing.T) {
	s := newStage(t, func(c *auth.Config) { c.Applications[1].CrossSite, c.Applications[1].Partitioned = true, true })
	alice := s.browser("alice")
	callback := alice.until("https://router.example.com/", prefix+"/callback")
	resp := alice.once(http.MethodGet, callback)
	for _, c := range resp.Cookies() {
		of := c.Name == "__Host-outpost-router"
		if want := map[bool]http.SameSite{true: http.SameSiteNoneMode, false: http.SameSiteLaxMode}[of]; c.SameSite != want || c.Partitioned != of || !c.Secure || !c.HttpOnly {
			t.Errorf("%s", c)
		}
	}
	for _, tt := range []struct {
		name, method string
		header       []string
		ended        bool
	}{
		{"image-in-an-old-browser", "GET", []string{"Sec-Fetch-Mode", "", "Sec-Fetch-Dest", "", "Accept", "text/html"}, false},
		{"image", "GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, false},
		{"frame", "GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "iframe"}, false},
		{"form", "POST", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test"}, false},
		{"form-in-an-old-browser", "POST", []string{"Sec-Fetch-Mode", "", "Sec-Fetch-Dest", "", "Origin", "https://evil.test"}, false},
		{"form-without-origin", "POST", []string{"Sec-Fetch-Mode", "", "Sec-Fetch-Dest", "", "Origin", "null"}, false},
		{"link-of-the-same-site", "GET", []string{"Sec-Fetch-Site", "same-origin"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.want(alice.visit("https://router.example.com/"), http.StatusOK)
			before, _ := s.outpost.Sessions().Len(t.Context())
			for _, path := range []string{"/?end=others", "/sign_out"} {
				if tt.method == "POST" || path == "/sign_out" {
					alice.once(tt.method, "https://router.example.com"+prefix+path, tt.header...)
				}
			}
			if after, err := s.outpost.Sessions().Len(t.Context()); err != nil || (after < before) != tt.ended {
				t.Errorf("of %d sessions %d are left, %v", before, after, err)
			}
		})
	}
}

func TestCrossSiteCookieNeedsHTTPS(t *testing.T) {
	s := newStage(t)
	for _, change := range []func(*auth.Application){
		func(a *auth.Application) { a.CrossSite = true },
		func(a *auth.Application) { a.Partitioned = true },
	} {
		c := s.config
		a := c.Applications[1]
		a.ExternalURL = "http://router.example.com"
		change(&a)
		c.Applications = []auth.Application{a}
		c.Session.Prepare = nil
		if _, err := auth.New(c); err == nil || !strings.Contains(err.Error(), "https alone") {
			t.Errorf("got %v", err)
		}
	}
	c := s.config
	one, other := c.Applications[1], c.Applications[1]
	one.ExternalURL, other.ExternalURL, other.Name, other.CrossSite = one.ExternalURL+"/a", one.ExternalURL+"/b", "other", true
	c.Applications, c.Session.Prepare = []auth.Application{one, other}, nil
	if _, err := auth.New(c); err == nil || !strings.Contains(err.Error(), "another cookie") {
		t.Errorf("two applications of one sign-in with two cookies: %v", err)
	}
}

package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestDomain: one sign-in opens every host below the cookie domain, and it
// happens at one host, whichever was asked for.
func TestDomain(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		v := newVisitor(t)
		p := v.signIn("https://webtop.home.test"+deepLink, s.provider.admin.name, s.provider.admin.password)
		if p.URL != "https://webtop.home.test"+deepLink {
			t.Fatalf("landed on %s\n%s", p.URL, p.Body)
		}
		p = v.open("https://tautulli.home.test" + deepLink)
		if p.URL != "https://tautulli.home.test"+deepLink || len(v.trail) != 1 {
			t.Errorf("the second host took a way:\n%s", strings.Join(v.trail, "\n"))
		}
		if got := s.other.last(t); got.RequestURI != deepLink || got.Header.Get("X-Authentik-Username") != s.provider.admin.name {
			t.Errorf("the second application got %q from %q", got.RequestURI, got.Header.Get("X-Authentik-Username"))
		}
	})
}

// TestDomainStart: start moves on to the external URL's host, with no cookie on
// the way and the return URL whole.
func TestDomainStart(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		v := newVisitor(t)
		p := v.get("https://tautulli.home.test" + deepLink)
		for _, host := range []string{"tautulli.home.test", "outpost.home.test"} {
			next, err := p.Request.URL.Parse(p.Header.Get("Location"))
			if err != nil || next.Host != host || next.Path != outpostPrefix+"/start" {
				t.Fatalf("sent to %s, want start at %s", next, host)
			}
			if len(p.Header.Values("Set-Cookie")) > 0 {
				t.Errorf("a cookie on the way: %q", p.Header.Values("Set-Cookie"))
			}
			p = v.get(next.String())
		}
		to, _ := metaRefresh(p) // a page that takes care of the fragment
		next, err := url.Parse(to)
		if err != nil || !strings.HasPrefix(next.String(), s.provider.issuer) {
			t.Fatalf("sent to %s, want the provider", next)
		}
		if got := next.Query().Get("redirect_uri"); got != "https://outpost.home.test"+outpostPrefix+"/callback" {
			t.Errorf("redirect_uri is %s", got)
		}
	})
}

// TestDomainPair: our pair for domain mode sends people to the sign-in host in
// one hop, and scripts, which could not read another host's answer, to their own.
func TestDomainPair(t *testing.T) {
	for _, r := range releases {
		t.Run(r.Name, func(t *testing.T) {
			s := newStage(t, r, oursForDomain)
			story{provider: s.provider, app: s.app, generation: oursForDomain}.tell(t, "https://webtop.home.test")

			v := newVisitor(t)
			p := v.get("https://webtop.home.test" + deepLink)
			want := "https://outpost.home.test" + outpostPrefix + "/start?rd=" + url.QueryEscape("https://webtop.home.test"+deepLink)
			if got := p.Header.Get("Location"); got != want {
				t.Errorf("a person is sent to %s\nwant %s", got, want)
			}
			v.headers.Set("Sec-Fetch-Mode", "cors")
			v.headers.Set("Sec-Fetch-Dest", "empty")
			p = v.open("https://webtop.home.test/data")
			if !strings.HasPrefix(p.URL, "https://webtop.home.test"+outpostPrefix+"/start?") || p.StatusCode != http.StatusForbidden {
				t.Errorf("a script is sent to %s: %s", p.URL, p.Status)
			}
		})
	}
}

// TestSeparate: a sign-in opens one application and no other, whatever cookies
// are carried across.
func TestSeparate(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		names := map[string]string{ // of the session cookie at each host
			"https://webtop.test":      "__Host-outpost-webtop",
			"https://tautulli.test":    "__Host-outpost-tautulli",
			"https://webtop.home.test": "__Secure-outpost-home",
		}
		for base, name := range names {
			v := s.signedIn(t, base)
			var value string
			for _, cookie := range v.cookies(base + "/") {
				if cookie.Name == name {
					value = cookie.Value
				}
			}
			if value == "" {
				t.Fatalf("%s: no %s among %v", base, name, v.cookies(base+"/"))
			}
			for other, otherName := range names {
				for _, under := range []string{name, otherName} {
					thief := newVisitor(t)
					thief.headers.Set("Cookie", under+"="+value)
					p := thief.get(other + "/")
					if want := base == other && under == name; (p.StatusCode == http.StatusOK) != want {
						t.Errorf("the cookie of %s as %s at %s: %s", base, under, other, p.Status)
					}
				}
			}
		}
	})
}

// TestSignOutAcrossModes: signing out of one application closes it and opens
// nothing.
func TestSignOutAcrossModes(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		v := newVisitor(t)
		for _, base := range []string{"https://webtop.test", "https://webtop.home.test"} {
			if p := v.signIn(base+"/", s.provider.admin.name, s.provider.admin.password); p.URL != base+"/" {
				t.Fatalf("landed on %s", p.URL)
			}
		}
		p := v.open("https://webtop.home.test" + outpostPrefix + "/sign_out")
		v.submit(p, nil)
		for base, want := range map[string]int{
			"https://webtop.home.test": http.StatusFound, "https://tautulli.home.test": http.StatusFound,
			"https://tautulli.test": http.StatusFound,
		} {
			if p := v.get(base + "/"); p.StatusCode != want {
				t.Errorf("%s: got %s", base, p.Status)
			}
		}
	})
}

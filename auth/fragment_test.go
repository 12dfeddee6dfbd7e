package auth_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"outpost/auth"
)

// real are the headers that a browser sends besides those of the stage's.
var real = []string{"Sec-Fetch-Site", "none", "User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"}

var keeps, takes = regexp.MustCompile(`data-keep="(outpost-fragment-[0-9a-f]{16})"`), regexp.MustCompile(`data-take="(outpost-fragment-[0-9a-f]{16})"`)

// passage is one sign-in of a browser that keeps a fragment, or has none to keep.
// It returns under which names it was kept and taken, and how many pages it cost.
func passage(s *stage, b *browser, address string, has bool, more ...string) (kept, taken []string, pages int) {
	s.t.Helper()
	if has {
		u, _ := url.Parse(address)
		external := u.Scheme + "://" + u.Host
		if strings.HasSuffix(u.Hostname(), ".example.com") && u.Hostname() != "router.example.com" {
			external = "https://outpost.example.com"
		}
		e, _ := url.Parse(external)
		b.jar.SetCookies(e, []*http.Cookie{{Name: "__Host-outpost-browser-fragment", Value: "1", Path: "/", Secure: true}})
	}
	for range 20 {
		resp := b.once(http.MethodGet, address, more...)
		to := onward(resp)
		if to == "" {
			s.want(resp, http.StatusOK)
			return kept, taken, pages
		}
		text := body(resp)
		if resp.StatusCode == http.StatusOK {
			pages++
			if !strings.Contains(text, "<noscript><meta http-equiv=") || !strings.Contains(text, `<a href="`) || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "script-src 'sha256-") {
				s.t.Errorf("a page that nobody without script gets past:\n%s", text)
			}
			if got := resp.Header.Get("Cross-Origin-Opener-Policy"); got != "unsafe-none" {
				s.t.Errorf("whoever opened the window for the application loses it: %q", got)
			}
		}
		if m := keeps.FindStringSubmatch(text); m != nil {
			kept = append(kept, m[1])
		}
		if m := takes.FindStringSubmatch(text); m != nil {
			taken = append(taken, m[1])
		}
		address = to
	}
	s.t.Fatal("twenty redirects")
	return nil, nil, 0
}

func TestFragmentIsKeptAndTaken(t *testing.T) {
	for _, address := range []string{"https://router.example.com/x", "https://app.example.com/x", "https://wiki.example.net:8443/x", "https://app.example.com/?" + strings.Repeat("x", 2500)} {
		s := newStage(t)
		kept, taken, pages := passage(s, s.browser("alice"), address, true, real...)
		if len(kept) != 1 || len(taken) != 1 || kept[0] != taken[0] || pages < 2 {
			t.Errorf("%.40s: kept %q, taken %q, %d pages", address, kept, taken, pages)
		}
	}
}

// Without a fragment it costs one page, and the names differ from flow to flow.
func TestFragmentCostsOnePage(t *testing.T) {
	s := newStage(t)
	first, taken, pages := passage(s, s.browser("alice"), "https://router.example.com/x", false, real...)
	if len(first) != 1 || len(taken) != 0 || pages != 1 {
		t.Errorf("kept %q, taken %q, %d pages", first, taken, pages)
	}
	second, _, _ := passage(s, s.browser("alice"), "https://router.example.com/x", false, real...)
	if second[0] == first[0] {
		t.Error("two flows keep under one name")
	}
}

// Whoever is not certainly a browser gets redirects alone.
func TestFragmentIsForBrowsers(t *testing.T) {
	for name, more := range map[string][]string{
		"curl":    {"Sec-Fetch-Mode", "", "Sec-Fetch-Dest", "", "Accept", "*/*"},
		"old":     {"Sec-Fetch-Mode", "", "Sec-Fetch-Dest", ""},
		"webview": append([]string{"X-Requested-With", "org.example.app"}, real...),
		"apple":   {"Sec-Fetch-Site", "none", "User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			if kept, taken, pages := passage(s, s.browser("alice"), "https://app.example.com/x", true, more...); pages != 0 {
				t.Errorf("kept %q, taken %q, %d pages", kept, taken, pages)
			}
		})
	}
}

// Where a sign-in begins again by itself, its fragment stays its own.
func TestFragmentSurvivesASecondFlow(t *testing.T) {
	t.Run("step-up", func(t *testing.T) {
		s := newStage(t, func(c *auth.Config) { c.Applications[1].Access.Require.ACR = []string{"phr"} })
		times := 0
		s.provider.claims = func(claims map[string]any) {
			if times++; times > 1 {
				claims["acr"] = "phr"
			}
		}
		kept, taken, _ := passage(s, s.browser("alice"), "https://router.example.com/x", true, real...)
		if len(kept) != 2 || len(taken) != 1 || kept[0] != kept[1] || kept[0] != taken[0] {
			t.Errorf("kept %q, taken %q", kept, taken)
		}
	})
	t.Run("another-tab-was-first", func(t *testing.T) {
		s := newStage(t)
		b := s.browser("alice")
		var callbacks, names []string
		for range 2 {
			b.jar.SetCookies(must(url.Parse("https://router.example.com/")), []*http.Cookie{{Name: "__Host-outpost-browser", MaxAge: -1, Path: "/", Secure: true}})
			address := "https://router.example.com/x"
			for !strings.Contains(address, prefix+"/callback") {
				resp := b.once(http.MethodGet, address, real...)
				address = onward(resp)
				if m := keeps.FindStringSubmatch(body(resp)); m != nil {
					names = append(names, m[1])
				}
			}
			callbacks = append(callbacks, address)
		}
		kept, taken, _ := passage(s, b, callbacks[0], true, real...)
		if len(kept) != 1 || len(taken) != 1 || kept[0] != names[0] || taken[0] != names[0] {
			t.Errorf("kept %q, taken %q, want %q", kept, taken, names[0])
		}
	})
}

func must[T any](v T, _ error) T { return v }

// What a link says about the name is taken only where it is one.
func TestFragmentNameOfALink(t *testing.T) {
	s := newStage(t)
	for name, same := range map[string]bool{"0123456789abcdef": true, "0123": false, "x": false, "0123456789abcdef00": false, "%22%3E": false, "": false} {
		resp := s.browser("alice").once(http.MethodGet, "https://router.example.com"+prefix+"/start?fragment="+name+"&rd="+escapeAll("https://router.example.com/x"), real...)
		s.want(resp, http.StatusOK)
		m := keeps.FindStringSubmatch(body(resp))
		if m == nil || (m[1] == "outpost-fragment-"+name) != same {
			t.Errorf("%q: kept as %q", name, m)
		}
	}
}

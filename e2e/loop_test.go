package e2e

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// A forgetful jar is a browser that does not keep one cookie: by its settings,
// an extension, or a cookie domain that does not fit.
type forgetful struct {
	*cookiejar.Jar
	name string
}

func (j forgetful) SetCookies(u *url.URL, cookies []*http.Cookie) {
	var kept []*http.Cookie
	for _, cookie := range cookies {
		if cookie.Name != j.name {
			kept = append(kept, cookie)
		}
	}
	j.Jar.SetCookies(u, kept)
}

// TestLoop: a browser that loses its session cookie is not sent round in
// circles, though the provider signs the person in each time.
func TestLoop(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		for base, cookie := range map[string]string{
			"https://webtop.test":      "__Host-outpost-webtop",
			"https://webtop.home.test": "__Secure-outpost-home",
		} {
			v := newVisitor(t)
			v.client.Jar = forgetful{v.client.Jar.(*cookiejar.Jar), cookie}
			p := v.signIn(base+"/", s.provider.admin.name, s.provider.admin.password)
			if p.StatusCode != http.StatusForbidden || !strings.Contains(p.Body, "<code>loop</code>") {
				t.Errorf("%s ended at %s: %s\n%s", base, p.URL, p.Status, strings.Join(v.trail, "\n"))
			}
			if got := strings.Count(strings.Join(v.trail, "\n"), "/callback?"); got > 3 {
				t.Errorf("%s: %d sign-ins before anybody noticed", base, got)
			}
		}
	})
}

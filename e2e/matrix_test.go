package e2e

// The story of one person and one application, told with every configuration
// that people have and every nginx that they run it with.

import (
	"net/http"
	"strings"
	"testing"
)

// deepLink is what people bookmark: every character that a hop on the way could
// read as its own.
const deepLink = "/deep/path?a=1&b=%2F&c=+x&d=%26&e=https://elsewhere.test/%3Fx&f=%C3%A4"

// longLink has a query of that many bytes.
func longLink(size int) string { return "/long?q=" + strings.Repeat("0123456789abcde&", size/16) }

func TestStory(t *testing.T) {
	generations := append(halves, ours, oursInSWAG, example)
	for _, date := range swagDates {
		generations = append(generations, swag(date))
	}
	for _, begin := range []func(testing.TB, []application) *provider{startCertified, startLemonLDAP} {
		apps := applications()
		p := begin(t, apps)
		for _, r := range releases {
			for _, g := range generations {
				if p.name == "lemonldap" && g.Name != ours.Name && g.Name != "swag-2025-03-25" {
					continue // what differs between generations does not reach the provider
				}
				t.Run(strings.Join([]string{p.name, r.Name, g.Name}, "/"), func(t *testing.T) {
					g.need(t)
					newDaemon(t, apps, p)
					a := startApp(t, "webtop", "127.0.2.2:3000")
					startNginx(t, r, g)
					s := story{provider: p, app: a, generation: g}
					t.Run("single", func(t *testing.T) { s.tell(t, "https://webtop.test") })
					if g.Name != example.Name {
						t.Run("domain", func(t *testing.T) { s.tell(t, "https://webtop.home.test") })
					}
				})
			}
		}
	}
}

type story struct {
	provider   *provider
	app        *app
	generation generation
}

// tell is the whole story at the application at base.
func (s story) tell(t *testing.T, base string) {
	t.Run("anonymous", func(t *testing.T) { s.anonymous(t, base) })
	v := newVisitor(t)
	t.Run("signs-in", func(t *testing.T) { s.signsIn(t, v, base) })
	t.Run("headers-cannot-be-forged", func(t *testing.T) { s.cannotForge(t, v, base) })
	t.Run("signs-out", func(t *testing.T) { s.signsOut(t, v, base) })
	t.Run("long-link", func(t *testing.T) { s.longLink(t, base+longLink(4096)) })
	t.Run("not-allowed", func(t *testing.T) { s.notAllowed(t, base) })
}

// anonymous: nobody gets through, and nothing is kept of the attempt.
func (s story) anonymous(t *testing.T, base string) {
	v, before := newVisitor(t), s.app.count()
	p := v.get(base + deepLink)
	if p.StatusCode != http.StatusFound || !strings.Contains(p.Header.Get("Location"), outpostPrefix+"/start?rd=") {
		t.Errorf("got %s to %q, want a redirect to start", p.Status, p.Header.Get("Location"))
	}
	if cookies := p.Header.Values("Set-Cookie"); len(cookies) > 0 {
		t.Errorf("the check set cookies: %q", cookies)
	}
	if s.app.count() != before {
		t.Error("the application was reached")
	}
}

// signsIn: through the provider's forms to the very page that was asked for.
func (s story) signsIn(t *testing.T, v *visitor, base string) {
	p := v.signIn(base+deepLink, s.provider.admin.name, s.provider.admin.password)
	if p.URL != base+deepLink || p.StatusCode != http.StatusOK {
		t.Fatalf("landed on %s: %s\n%s\n%s", p.URL, p.Status, strings.Join(v.trail, "\n"), p.Body)
	}
	if got := s.app.last(t).RequestURI; got != deepLink {
		t.Errorf("the application was asked for %q, want %q", got, deepLink)
	}
	if trail := len(v.trail); v.open(base+"/again").StatusCode != http.StatusOK || len(v.trail) != 1 {
		t.Errorf("the second page took %d hops, the first %d", len(v.trail), trail)
	}
}

// cannotForge: the application is told what the provider said, and nothing that
// the client says.
func (s story) cannotForge(t *testing.T, v *visitor, base string) {
	for _, name := range identity {
		v.headers.Set(name, "forged")
		v.headers.Set(strings.ToLower(name), "forged")
	}
	defer clear(v.headers)
	if p := v.get(base + "/"); p.StatusCode != http.StatusOK {
		t.Fatalf("got %s", p.Status)
	}
	got := s.app.last(t).Header
	for _, name := range identity {
		if name == "X-Authentik-Entitlements" && !s.generation.Identity {
			continue // SWAG's files know no entitlements and leave the client's
		}
		value := strings.Join(got.Values(name), ", ")
		if strings.Contains(value, "forged") || value == "" && name != "X-Authentik-Entitlements" {
			t.Errorf("%s: got %q", name, value)
		}
	}
	if got.Get("X-Authentik-Username") != s.provider.admin.name || !strings.Contains(got.Get("X-Authentik-Groups"), "admins") {
		t.Errorf("got %q in %q", got.Get("X-Authentik-Username"), got.Get("X-Authentik-Groups"))
	}
}

// signsOut: here and at the provider, so that the next visit asks for the
// password again; and the old cookie opens nothing.
func (s story) signsOut(t *testing.T, v *visitor, base string) {
	kept := v.cookies(base + "/")
	p := v.open(base + outpostPrefix + "/sign_out")
	if strings.Contains(p.URL, ".example.test") { // the provider wants to be sure
		p = v.submit(p, nil)
	}
	if p.StatusCode != http.StatusOK || !strings.Contains(p.URL, outpostPrefix+"/sign_out") || !strings.Contains(p.Body, "<code>signed_out</code>") {
		t.Fatalf("ended at %s: %s\n%s\n%s", p.URL, p.Status, strings.Join(v.trail, "\n"), p.Body)
	}
	if p := v.open(base + deepLink); !strings.HasPrefix(p.URL, s.provider.issuer) || !strings.Contains(p.Body, `type="password"`) {
		t.Errorf("the next visit ended at %s, want the provider's form\n%s", p.URL, strings.Join(v.trail, "\n"))
	}

	thief := newVisitor(t)
	for _, cookie := range kept {
		thief.headers.Add("Cookie", cookie.Name+"="+cookie.Value)
	}
	if p := thief.get(base + "/"); p.StatusCode != http.StatusFound {
		t.Errorf("the old cookie got %s", p.Status)
	}
}

// longLink: a long query survives the way through the provider.
func (s story) longLink(t *testing.T, address string) {
	t.Helper()
	v := newVisitor(t)
	p := v.signIn(address, s.provider.admin.name, s.provider.admin.password)
	if p.URL != address || p.StatusCode != http.StatusOK {
		t.Fatalf("landed on %.300s: %s\n%.3000s", p.URL, p.Status, p.Body)
	}
	if got := s.app.last(t).RequestURI; !strings.HasSuffix(address, got) || !strings.HasPrefix(got, "/long?") {
		t.Errorf("the application was asked for %q", got)
	}
}

// notAllowed: who is signed in but no admin reads why, and what to do.
func (s story) notAllowed(t *testing.T, base string) {
	v, before := newVisitor(t), s.app.count()
	p := v.signIn(base+deepLink, s.provider.other.name, s.provider.other.password)
	if p.StatusCode != http.StatusForbidden || !strings.Contains(p.Body, "<code>not_allowed</code>") {
		t.Fatalf("landed on %s: %s\n%s\n%s", p.URL, p.Status, strings.Join(v.trail, "\n"), p.Body)
	}
	if !strings.Contains(p.Body, s.provider.other.name) {
		t.Errorf("the page does not say who is signed in:\n%s", p.Body)
	}
	if s.app.count() != before {
		t.Error("the application was reached")
	}
	for _, text := range []string{"another account", "sign out"} {
		if link(p, text) == "" {
			t.Errorf("the page has no link %q:\n%s", text, p.Body)
		}
	}
	// Trying again at once gets the same page, without a way through the provider.
	if p := v.open(base + "/"); p.StatusCode != http.StatusForbidden || strings.Contains(strings.Join(v.trail, " "), s.provider.issuer) {
		t.Errorf("again: %s\n%s", p.Status, strings.Join(v.trail, "\n"))
	}
	// A page that fetches gets a plain 403, never a redirect to another site.
	v.headers.Set("Sec-Fetch-Mode", "cors")
	v.headers.Set("Sec-Fetch-Dest", "empty")
	if p := v.get(base + "/"); p.StatusCode != http.StatusForbidden {
		t.Errorf("a fetch got %s", p.Status)
	}
	clear(v.headers)
	p = v.click(p, "sign out")
	if !strings.Contains(p.URL, s.provider.issuer) && !strings.Contains(p.Body, "<code>signed_out</code>") {
		t.Errorf("signing out ended at %s", p.URL)
	}
}

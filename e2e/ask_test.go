package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// TestChoose: an application that lets people choose between two providers.
// Each is who the provider says, is sent back to the redirect URI that is the
// provider's own, and signs out at the one that they came from.
func TestChoose(t *testing.T) {
	apps := []application{{Name: "webtop", Mode: "single", ExternalURL: webtop, Providers: []string{"certified", "lemonldap"}}}
	providers := []*provider{startCertified(t, apps), startLemonLDAP(t, apps)}
	d := newDaemonOf(t, apps, providers)
	app := startApp(t, "webtop", "127.0.2.2:3000")
	startNginx(t, releases[1], ours)
	for _, p := range providers {
		t.Run(p.name, func(t *testing.T) {
			v := newVisitor(t)
			choice := v.open(webtop + deepLink)
			if !strings.Contains(choice.Body, "<code>choose_provider</code>") || choice.StatusCode != http.StatusOK {
				t.Fatalf("nobody asks where to sign in: %s at %s\n%s", choice.Status, choice.URL, choice.Body)
			}
			at, err := choice.Request.URL.Parse(link(choice, p.name))
			if err != nil {
				t.Fatal(err)
			}
			if landed := v.signIn(at.String(), p.admin.name, p.admin.password); landed.URL != webtop+deepLink || landed.StatusCode != http.StatusOK {
				t.Fatalf("landed on %s: %s\n%s\n%s", landed.URL, landed.Status, strings.Join(v.trail, "\n"), d.log(t))
			}
			if got := app.last(t).Header.Get("X-Authentik-Username"); got != p.admin.name {
				t.Errorf("the application is told of %q, want %q", got, p.admin.name)
			}
			if trail := strings.Join(v.trail, "\n"); !strings.Contains(trail, outpostPrefix+"/callback/"+p.name+"?") {
				t.Errorf("not by the provider's own redirect URI:\n%s", trail)
			}
			v.stopAt = p.origin()
			if out := v.open(webtop + outpostPrefix + "/sign_out"); !strings.HasPrefix(out.Header.Get("Location"), p.origin()) {
				t.Errorf("signed out at %q", out.Header.Get("Location"))
			}
		})
	}
}

// TestStepUp: an application that wants a second factor. Who has none is asked
// for it once and then reads what is missing; who has set one up meanwhile gets
// in. The provider wants requests to be pushed, and the browser carries nothing
// of what they say.
func TestStepUp(t *testing.T) {
	apps := []application{{Name: "webtop", Mode: "single", ExternalURL: webtop, Settings: []string{"require: { amr: [mfa] }"}}}
	p := startCertifiedPushed(t, apps)
	d := newDaemon(t, apps, p)
	app := startApp(t, "webtop", "127.0.2.2:3000")
	startNginx(t, releases[1], ours)

	v := newVisitor(t)
	refused := v.signIn(webtop+deepLink, p.admin.name, p.admin.password)
	if refused.StatusCode != http.StatusForbidden || !strings.Contains(refused.Body, "<code>insufficient_user_authentication</code>") {
		t.Fatalf("landed on %s: %s\n%s\n%s", refused.URL, refused.Status, strings.Join(v.trail, "\n"), refused.Body)
	}
	if !strings.Contains(refused.Body, "mfa") || !strings.Contains(refused.Body, "pwd") {
		t.Errorf("the page does not say what is missing:\n%s", refused.Body)
	}
	trail := strings.Join(v.trail, "\n")
	if n := strings.Count(trail, "step_up=1"); n != 1 {
		t.Errorf("asked to prove more %d times:\n%s", n, trail)
	}
	if p := v.get(webtop + "/"); p.StatusCode != http.StatusFound || app.count() > 0 {
		t.Errorf("a check says %s, the application was reached %d times", p.Status, app.count())
	}

	p.setGroups(t, p.admin.name, "admins", "second-factor")
	again, err := refused.Request.URL.Parse(link(refused, "Try again"))
	if err != nil {
		t.Fatal(err)
	}
	if landed := v.signIn(again.String(), p.admin.name, p.admin.password); landed.URL != webtop+deepLink || landed.StatusCode != http.StatusOK {
		t.Fatalf("landed on %s: %s\n%s\n%s", landed.URL, landed.Status, strings.Join(v.trail, "\n"), landed.Body)
	}
	trail += strings.Join(v.trail, "\n")
	if strings.Contains(trail, "code_challenge") || !strings.Contains(trail, "request_uri=") {
		t.Errorf("the browser carries the request:\n%s", trail)
	}
	if n := d.metric(t, `outpost_idp_requests_total{code_class="2xx",op="par",provider="certified-pushed"}`); n != 3 {
		t.Errorf("%v requests were pushed, want 3", n)
	}
}

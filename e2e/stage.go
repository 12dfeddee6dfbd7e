package e2e

import "testing"

// A stage is everything that one story needs, up and talking to each other.
type stage struct {
	provider *provider
	daemon   *daemon
	app      *app // webtop
	other    *app // tautulli
	nginx    *server
}

// newStage sets up the certified provider, the daemon, two applications and
// nginx with a generation's configuration.
func newStage(t testing.TB, r release, g generation) *stage {
	t.Helper()
	apps := applications()
	s := &stage{provider: startCertified(t, apps)}
	s.daemon = newDaemon(t, apps, s.provider)
	s.app = startApp(t, "webtop", "127.0.2.2:3000")
	s.other = startApp(t, "tautulli", "127.0.2.3:8181")
	s.nginx = startNginx(t, r, g)
	return s
}

// onStage tells a story with our own configuration and with SWAG's newest.
func onStage(t *testing.T, tell func(t *testing.T, s *stage)) {
	for _, g := range []generation{ours, swag("2025-03-25")} {
		t.Run(g.Name, func(t *testing.T) {
			g.need(t)
			tell(t, newStage(t, releases[1], g))
		})
	}
}

// signedIn is a person whom the provider has signed in as an admin, at base.
func (s *stage) signedIn(t testing.TB, base string) *visitor {
	t.Helper()
	v := newVisitor(t)
	if p := v.signIn(base+"/", s.provider.admin.name, s.provider.admin.password); p.URL != base+"/" || p.StatusCode != 200 {
		t.Fatalf("signing in landed on %s: %s\n%s", p.URL, p.Status, p.Body)
	}
	return v
}

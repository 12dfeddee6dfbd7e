package e2e

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// command runs one of the program's subcommands beside the daemon, and returns
// what it prints; it has to end well.
func (d *daemon) command(t testing.TB, arguments ...string) string {
	t.Helper()
	out, err := exec.Command(shared("outpost"), append(arguments, "-config", filepath.Join(d.dir, "config.yaml"))...).CombinedOutput()
	if err != nil {
		t.Fatalf("outpost %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	return string(out)
}

// listed is one session of `outpost sessions list --json`.
type listed struct{ ID, Username, Application, Device, Address string }

func (d *daemon) sessions(t testing.TB, filters ...string) []listed {
	t.Helper()
	var all []listed
	out := d.command(t, append([]string{"sessions", "list", "--json"}, filters...)...)
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return all
}

// TestSessionsFromTheCommandLine: two people at two applications; the administrator
// sees them, ends one's sessions, and the next check is refused.
func TestSessionsFromTheCommandLine(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.provider.setGroups(t, s.provider.other.name, "admins")
		alice, bob := s.signedIn(t, webtop), newVisitor(t)
		for _, address := range []string{webtop + "/", tautulli + "/"} {
			if p := bob.signIn(address, s.provider.other.name, s.provider.other.password); p.URL != address || p.StatusCode != http.StatusOK {
				t.Fatalf("signing in landed on %s: %s", p.URL, p.Status)
			}
		}
		if all := s.daemon.sessions(t); len(all) != 3 {
			t.Fatalf("listed: %+v", all)
		}
		his := s.daemon.sessions(t, "--user", s.provider.other.name, "--application", "tautulli")
		if len(his) != 1 || his[0].Device != "Linux" || his[0].Address == "" {
			t.Fatalf("of one person at one application: %+v", his)
		}
		if table := s.daemon.command(t, "sessions", "list"); strings.Count(table, "\n") != 4 || !strings.HasPrefix(table, "ID ") {
			t.Errorf("the table:\n%s", table)
		}
		if one := s.daemon.command(t, "sessions", "show", his[0].ID[:8]); !strings.Contains(one, s.provider.other.name) {
			t.Errorf("one session:\n%s", one)
		}

		s.daemon.command(t, "sessions", "revoke", his[0].ID)
		for address, want := range map[string]int{webtop: http.StatusOK, tautulli: http.StatusFound} {
			if p := bob.get(address + "/"); p.StatusCode != want {
				t.Errorf("after the one has ended, %s: %s", address, p.Status)
			}
		}
		s.daemon.command(t, "sessions", "revoke", "--user", s.provider.other.name)
		if p := bob.get(webtop + "/"); p.StatusCode != http.StatusFound {
			t.Errorf("after all of his have ended: %s", p.Status)
		}
		if p := alice.get(webtop + "/"); p.StatusCode != http.StatusOK {
			t.Errorf("somebody else's: %s", p.Status)
		}
	})
}

// TestAccountPage: a person finds a sign-in of theirs in another browser, and
// ends it with a click.
func TestAccountPage(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		elsewhere := s.signedIn(t, webtop)
		b := newBrowser(t)
		b.open("https://webtop.home.test" + outpostPrefix)
		b.signIn(s.provider.admin)
		if want := "https://outpost.home.test" + outpostPrefix + "/"; b.url() != want {
			t.Fatalf("the page is at %s, want %s\n%s", b.url(), want, b.text("body"))
		}
		places := b.text(".places")
		for _, want := range []string{"home", "This browser", "Chrom", "on Linux", "webtop", "just now"} {
			if !strings.Contains(places, want) {
				t.Errorf("the list lacks %q:\n%s", want, places)
			}
		}
		if got := b.text("main"); !strings.Contains(got, s.provider.admin.name) || !strings.Contains(got, "admins") {
			t.Errorf("the page does not say who it is:\n%s", got)
		}
		if style := b.eval(`getComputedStyle(document.querySelector(".places")).listStyleType`); style != "none" {
			t.Errorf("the stylesheet does not count: %s", style)
		}

		var buttons []*cdp.Node
		b.do(chromedp.Nodes(`.places button`, &buttons, chromedp.ByQueryAll))
		if len(buttons) != 1 {
			t.Fatalf("%d buttons in the list:\n%s", len(buttons), places)
		}
		b.load(chromedp.Click(`.places button`, chromedp.ByQuery))
		if got := b.text(".places"); strings.Contains(got, "webtop") || !strings.Contains(got, "This browser") {
			t.Errorf("afterwards, at %s:\n%s", b.url(), got)
		}
		if p := elsewhere.get(webtop + "/"); p.StatusCode != http.StatusFound {
			t.Errorf("the other browser: %s", p.Status)
		}
		if status := b.open("https://webtop.home.test/"); status != http.StatusOK || b.text("#user") != s.provider.admin.name {
			t.Errorf("this one: %d at %s", status, b.url())
		}
	})
}

// TestSecretRotate: with people signed in and one on the way, by the command and
// by the signal; and a restart later it is all the same.
func TestSecretRotate(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		in, onTheWay := s.signedIn(t, webtop), newVisitor(t)
		form := onTheWay.open(tautulli + deepLink)
		out := s.daemon.command(t, "secret", "rotate")
		if !strings.Contains(out, "the running outpost seals with it from now on") {
			t.Errorf("it says:\n%s", out)
		}
		if p := in.get(webtop + "/"); p.StatusCode != http.StatusOK {
			t.Errorf("who was signed in: %s", p.Status)
		}
		form = onTheWay.submit(form, map[string]string{"login": s.provider.admin.name, "password": s.provider.admin.password})
		if p := onTheWay.submit(form, nil); p.URL != tautulli+deepLink || p.StatusCode != http.StatusOK {
			t.Errorf("the sign-in on its way landed on %s: %s", p.URL, p.Status)
		}

		before := strings.Count(s.daemon.log(t), "the configuration was taken over")
		if err := s.daemon.process.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the reload", func() bool { return strings.Count(s.daemon.log(t), "the configuration was taken over") == before+1 })
		s.signedIn(t, webtop)
		s.daemon.restart(t, true)
		for address, v := range map[string]*visitor{webtop: in, tautulli: onTheWay} {
			if p := v.get(address + "/"); p.StatusCode != http.StatusOK {
				t.Errorf("%s after a restart: %s", address, p.Status)
			}
		}
	})
}

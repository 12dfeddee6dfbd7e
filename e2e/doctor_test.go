package e2e

import (
	"cmp"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A finding is one line of doctor.
type finding struct{ Check, Status, Message, Fix string }

// doctor runs the command as people do, and returns its lines and its exit status.
func (d *daemon) doctor(t testing.TB, arguments ...string) ([]finding, int) {
	t.Helper()
	cmd := exec.Command(shared("outpost"), append([]string{"doctor", "-config", filepath.Join(d.dir, "config.yaml"), "--json"}, arguments...)...)
	cmd.Env = []string{cmp.Or(d.env, "SSL_CERT_FILE="+shared("ca.crt"))}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var lines []finding
	if err := json.Unmarshal(output, &lines); err != nil {
		t.Fatalf("doctor: %v\n%s%s", err, output, stderr.String())
	}
	return lines, cmd.ProcessState.ExitCode()
}

func listing(lines []finding) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.Status + "\t" + l.Check + "\t" + l.Message + "\n\t\t→ " + l.Fix + "\n")
	}
	return b.String()
}

// TestDoctorWell: nothing is wrong, and doctor says so of everything.
func TestDoctorWell(t *testing.T) {
	for _, g := range []generation{ours, oursAlone, oursInSWAG, swag("2025-03-25"), swag("2023-04-27")} {
		t.Run(g.Name, func(t *testing.T) {
			g.need(t)
			s := newStage(t, releases[1], g)
			arguments := []string{"--url", "https://webtop.test/", "--url", "https://webtop.home.test/a%2Fb?b=c&d=%C3%A4"}
			if !g.SWAG { // in SWAG's own files there is something to find
				arguments = append(arguments, "--nginx", filepath.Join(s.nginx.config, "nginx"))
			}
			lines, code := s.daemon.doctor(t, arguments...)
			s.daemon.wantWell(t, lines, code)
			checks := map[string]bool{}
			for _, l := range lines {
				checks[l.Check] = true
			}
			for _, check := range strings.Fields(`config secret cookie-domain dns data store provider issuer algorithms clock scopes client redirect-uri end-session
				process listen metrics ready application certificate outpost protected headers scheme client-address http3 buffers instances cache sign-in cookies loop`) {
				if !checks[check] {
					t.Errorf("nothing is said of %s", check)
				}
			}
			for file, what := range map[string]string{"data/sessions.db": "a session", "outpost.log": ""} {
				if text := readFile(t, filepath.Join(s.daemon.dir, file)); what != "" && strings.Contains(text, "outpost_doctor") || strings.Contains(text, "level=ERROR") {
					t.Errorf("%s has something of doctor's", file)
				}
			}
			if n := s.app.count() + s.other.count(); n > 0 {
				t.Errorf("the applications were reached %d times", n)
			}
		})
	}
}

func (d *daemon) wantWell(t testing.TB, lines []finding, code int) {
	t.Helper()
	for _, l := range lines {
		if l.Status != "ok" || l.Fix != "" {
			t.Errorf("%s is %s: %s → %s", l.Check, l.Status, l.Message, l.Fix)
		}
	}
	if code != 0 || len(lines) == 0 {
		t.Errorf("exit status %d with %d lines", code, len(lines))
	}
}

// TestDoctorReplicas: several with one store and one secret may share a name; with
// secrets of their own they may not.
func TestDoctorReplicas(t *testing.T) {
	for _, own := range []bool{false, true} {
		t.Run(map[bool]string{false: "one-secret", true: "two-secrets"}[own], func(t *testing.T) {
			apps := applications()
			startRedis(t)
			_, d := newReplicas(t, 1, apps, startCertified(t, apps))
			second := &daemon{dir: t.TempDir()}
			text := strings.NewReplacer("127.0.2.1:", "127.0.2.7:", d.dir, second.dir).Replace(readFile(t, filepath.Join(d.dir, "config.yaml")))
			if own {
				text = strings.Replace(text, sharedSecret, "secret: Gx2mQv7sWb4kHn9zTj6yRc1dLp8fEa3uXo5i", 1)
			}
			writeFile(t, filepath.Join(second.dir, "config.yaml"), text)
			second.startAt(t, "127.0.2.7:9000")
			setContainer(t, "outpost", 127, 0, 2, 1, 127, 0, 2, 7)
			startApp(t, "webtop", "127.0.2.2:3000")
			startNginx(t, releases[1], oursAlone)
			lines, code := d.doctor(t, "--url", "https://webtop.test/")
			if !own {
				d.wantWell(t, lines, code)
			}
			for _, l := range lines {
				if l.Check == "instances" {
					if !strings.Contains(l.Message, "another outpost answers") || (l.Status == "wrong") != own {
						t.Errorf("%s: %s", l.Status, l.Message)
					}
					return
				}
			}
			t.Errorf("nothing is said of instances:\n%s", listing(lines))
		})
	}
}

// TestDoctorBundle: a report of a set-up that people have signed in to has no
// secret, no cookie, no token and no address of a client in it; an anonymous one
// has no host and no name either.
func TestDoctorBundle(t *testing.T) {
	s := newStage(t, releases[1], ours)
	v := s.signedIn(t, "https://webtop.test")
	v.open("https://webtop.test" + outpostPrefix + "/callback?code=stolen-code-1234&state=stolen-state-5678")
	secrets := []string{clientSecret, strings.TrimSpace(readFile(t, filepath.Join(s.daemon.dir, "data", "secret"))), "stolen-code-1234", "stolen-state-5678", s.provider.admin.name + "@"}
	for _, c := range v.cookies("https://webtop.test/") {
		secrets = append(secrets, c.Value)
	}
	log := filepath.Join(s.daemon.dir, "outpost.log")
	for _, tt := range []struct {
		name      string
		arguments []string
		not, has  []string
	}{
		{"with-hosts", nil, secrets, []string{"== doctor ==", "== configuration ==", "== metrics ==", "== the last lines of the log ==", "https://webtop.test", "outpost_build_info", "client_secret: <secret>", "go1."}},
		{"anonymous", []string{"--anonymous"}, append([]string{"webtop", "home.test", "tautulli", "idp.example.test", "certified", "admins"}, secrets...), []string{"https://host-", "application-", "provider-", "group-"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bundle := filepath.Join(t.TempDir(), "bundle.txt")
			s.daemon.doctor(t, append([]string{"--url", "https://webtop.test/", "--bundle", bundle, "--log", log}, tt.arguments...)...)
			text := readFile(t, bundle)
			for _, want := range tt.has {
				if !strings.Contains(text, want) {
					t.Errorf("it has no %q", want)
				}
			}
			for _, not := range tt.not {
				if at := strings.Index(text, not); at >= 0 {
					t.Errorf("it has %q: …%s…", not, text[max(0, at-80):min(len(text), at+80)])
				}
			}
		})
	}
}

// TestDoctorMistakes: each mistake is told by the right check, with its cause and
// the edit that mends it.
func TestDoctorMistakes(t *testing.T) {
	for _, of := range []func(testing.TB) []mistake{ofProvider, ofFile, ofNginx} {
		for _, m := range of(t) {
			t.Run(m.name, func(t *testing.T) { m.tell(t) })
		}
	}
}

// tell plants the mistake and asks doctor.
func (m mistake) tell(t *testing.T) {
	s := m.planted(t)
	arguments := m.arguments
	if arguments == nil {
		arguments = []string{"--url", "https://webtop.test/"}
	}
	if m.lint {
		arguments = []string{"--nginx", filepath.Join(s.nginx.config, "nginx")}
	}
	s.daemon.env = m.env
	lines, code := s.daemon.doctor(t, arguments...)
	found := false
	for _, l := range lines {
		if l.Check != m.check || l.Status != m.status {
			continue
		}
		all := true
		for _, want := range m.says {
			all = all && strings.Contains(l.Message, want)
		}
		for _, want := range m.fix {
			all = all && strings.Contains(l.Fix, want)
		}
		found = found || all
	}
	if !found {
		t.Errorf("no line %s: %s that says %q and has the edit %q:\n%s", m.check, m.status, m.says, m.fix, listing(lines))
	}
	wrong := false
	for _, l := range lines {
		wrong = wrong || l.Status == "wrong"
		if l.Status != "ok" && l.Fix == "" {
			t.Errorf("%s is %s and nothing says what to do: %s", l.Check, l.Status, l.Message)
		}
	}
	if wrong != (code == 1) || code > 1 {
		t.Errorf("exit status %d:\n%s", code, listing(lines))
	}
}

// planted is a stage with the mistake in it.
func (m mistake) planted(t *testing.T) *stage {
	apps := applications()
	s := &stage{}
	if m.provider != nil {
		s.provider = m.provider(t, apps)
	} else {
		s.provider = startCertified(t, apps)
	}
	if m.before != nil {
		m.before(t)
	}
	s.daemon = newDaemon(t, apps, s.provider)
	if m.edits != nil {
		s.daemon.process.stop(t)
		for i := 0; i < len(m.edits); i += 2 {
			edit(t, filepath.Join(s.daemon.dir, "config.yaml"), m.edits[i], m.edits[i+1])
		}
		if !m.stopped {
			s.daemon.start(t)
		}
	}
	s.app = startApp(t, "webtop", "127.0.2.2:3000")
	g := m.generation
	if g.place == nil {
		g = ours
	}
	if m.arguments == nil || len(m.arguments) > 0 {
		s.nginx = startNginx(t, releases[1], g, func(dir string) {
			if m.nginx != nil {
				m.nginx(t, dir)
			}
		})
	}
	if m.after != nil {
		m.after(t, s)
	}
	return s
}

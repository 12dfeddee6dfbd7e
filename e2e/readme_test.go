package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadme follows the README's five steps for SWAG to the letter, with SWAG's
// files of every generation: the variables it shows are the daemon's, the command it
// shows brings SWAG its files; and once more with SWAG's own, as it says below. Only
// what a reader changes is changed: the domain, the issuer, the folder.
func TestReadme(t *testing.T) {
	for _, date := range swagDates {
		t.Run(date, func(t *testing.T) {
			swag(date).need(t)
			followReadme(t, date, true)
		})
		t.Run("files-of-swag-"+date, func(t *testing.T) {
			swag(date).need(t)
			followReadme(t, date, false)
		})
	}
}

func followReadme(t *testing.T, date string, ours bool) {
	t.Helper()
	readme := readFile(t, filepath.Join(repository(), "README.md"))
	_, steps, found := strings.Cut(readme, "## SWAG in five steps\n")
	steps, _, _ = strings.Cut(steps, "\n## ")
	if !found || len(regexp.MustCompile(`(?m)^[1-9]\. `).FindAllString(steps, -1)) != 5 {
		t.Fatal("the README has no five steps")
	}

	// 1. Register.
	apps := []application{{Name: "home", Mode: "domain", ExternalURL: "https://outpost.home.test", CookieDomain: "home.test"}}
	for _, uri := range []string{"/callback", "/sign_out"} {
		if !strings.Contains(steps, "https://outpost.example.com/outpost.goauthentik.io"+uri) {
			t.Errorf("step 1 does not say to register %s", uri)
		}
	}
	p := startCertified(t, apps)

	// 2. Run it, by its variables, where SWAG finds it.
	d := &daemon{dir: t.TempDir()}
	secret := filepath.Join(d.dir, "oidc")
	if err := os.WriteFile(secret, []byte(clientSecret+"\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	service := fenced(t, steps, "yaml", "image: outpost")
	for _, change := range [][2]string{
		{"https://auth.example.com/application/o/outpost/", p.issuer},
		{"/run/secrets/oidc", secret},
		{"example.com", "home.test"},
	} {
		if !strings.Contains(service, change[0]) {
			t.Fatalf("step 2 has no %q:\n%s", change[0], service)
		}
		service = strings.ReplaceAll(service, change[0], change[1])
	}
	env := []string{"SSL_CERT_FILE=" + shared("ca.crt"), "OUTPOST_LISTEN=127.0.2.1:9000", "OUTPOST_MANAGEMENT=127.0.2.1:9300", "OUTPOST_DATA=" + filepath.Join(d.dir, "data")}
	for _, variable := range regexp.MustCompile(`(?m)^ +(OUTPOST_[A-Z_]+): (\S+)`).FindAllStringSubmatch(service, -1) {
		env = append(env, variable[1]+"="+variable[2])
	}
	cmd := exec.Command(shared("outpost"))
	cmd.Env = env
	d.process = start(t, d.dir, "outpost", cmd)
	d.process.waitFor(t, "127.0.2.1:9000")

	// 3. Give SWAG its files. 4. Uncomment the two lines: placeSWAG does. 5. Restart.
	setContainer(t, "authentik-server") // there is no such container any more
	a := startApp(t, "webtop", "127.0.2.2:3000")
	startNginx(t, releases[1], swag(date), func(dir string) {
		command := strings.ReplaceAll(fenced(t, steps, "sh", "sed "), "/config/nginx", dir)
		if ours {
			// The listener of step 2 stands at its usual place for nginx.
			command = strings.NewReplacer("docker exec outpost /outpost", "OUTPOST_LISTEN=:9000 "+shared("outpost"), "swag/nginx", dir).Replace(fenced(t, steps, "sh", "--tar"))
			if err := os.Remove(filepath.Join(dir, "proxy-confs", "outpost.subdomain.conf")); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("bash", "-eo", "pipefail", "-c", command)
		cmd.Env = append(env, "PATH="+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	})

	v := newVisitor(t)
	page := v.signIn("https://webtop.home.test"+deepLink, p.admin.name, p.admin.password)
	if page.StatusCode != http.StatusOK || page.URL != "https://webtop.home.test"+deepLink {
		t.Fatalf("landed on %s: %s\n%s", page.URL, page.Status, page.Body)
	}
	if got := a.last(t).Header.Get("X-Authentik-Username"); got != p.admin.name {
		t.Errorf("the application was told %q", got)
	}
	// The next app costs step 4 alone.
	startApp(t, "tautulli", "127.0.2.3:8181")
	if page := v.get("https://tautulli.home.test/"); page.StatusCode != http.StatusOK {
		t.Errorf("the next app: %s", page.Status)
	}
}

// fenced returns the block of a language that has text in it, without the
// indentation that a list gives it.
func fenced(t *testing.T, markdown, language, text string) string {
	t.Helper()
	for _, block := range regexp.MustCompile("(?ms)^( *)```"+language+"\n(.*?)^ *```$").FindAllStringSubmatch(markdown, -1) {
		if strings.Contains(block[2], text) {
			return regexp.MustCompile("(?m)^"+block[1]).ReplaceAllString(block[2], "")
		}
	}
	t.Fatalf("no %s block with %q", language, text)
	return ""
}

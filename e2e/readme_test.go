package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadme follows the README's six steps for SWAG to the letter, with SWAG's
// files of every generation: the file it shows is the daemon's, the command it
// shows is run on SWAG's own file. Only what a reader changes is changed: the
// domain, the issuer, the folder.
func TestReadme(t *testing.T) {
	for _, date := range swagDates {
		t.Run(date, func(t *testing.T) {
			swag(date).need(t)
			followReadme(t, date)
		})
	}
}

func followReadme(t *testing.T, date string) {
	t.Helper()
	readme := readFile(t, filepath.Join(repository(), "README.md"))
	_, steps, found := strings.Cut(readme, "## SWAG in six steps\n")
	steps, _, _ = strings.Cut(steps, "\n## ")
	if !found || len(regexp.MustCompile(`(?m)^[1-6]\. `).FindAllString(steps, -1)) != 6 {
		t.Fatal("the README has no six steps")
	}

	// 1. Register.
	apps := []application{{Name: "home", Mode: "domain", ExternalURL: "https://outpost.home.test", CookieDomain: "home.test"}}
	for _, uri := range []string{"/callback", "/sign_out"} {
		if !strings.Contains(steps, "https://outpost.example.com/outpost.goauthentik.io"+uri) {
			t.Errorf("step 1 does not say to register %s", uri)
		}
	}
	p := startCertified(t, apps)

	// 2. and 3. Write the file, and run it where SWAG finds it.
	dir := t.TempDir()
	secret := filepath.Join(dir, "oidc")
	writeFile(t, secret, clientSecret+"\n")
	config := fenced(t, steps, "yaml", "provider:")
	for _, change := range [][2]string{
		{"https://auth.example.com/application/o/outpost/", p.issuer},
		{"/run/secrets/oidc", secret},
		{"example.com", "home.test"},
	} {
		if !strings.Contains(config, change[0]) {
			t.Fatalf("step 2 has no %q:\n%s", change[0], config)
		}
		config = strings.ReplaceAll(config, change[0], change[1])
	}
	d := &daemon{dir: dir}
	writeFile(t, filepath.Join(dir, "config.yaml"), config+fmt.Sprintf("listen: 127.0.2.1:9000\nmanagement: 127.0.2.1:9300\ndata: %s/data\n", dir))
	if err := os.Chmod(filepath.Join(dir, "config.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.start(t)

	// 4. Tell SWAG. 5. Uncomment the two lines: placeSWAG does. 6. Restart.
	setContainer(t, "authentik-server") // there is no such container any more
	a := startApp(t, "webtop", "127.0.2.2:3000")
	command := fenced(t, steps, "sh", "sed ")
	startNginx(t, releases[1], swag(date), func(dir string) {
		if out, err := exec.Command("sh", "-ec", strings.ReplaceAll(command, "/config/nginx", dir)).CombinedOutput(); err != nil {
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
	// The next app costs step 5 alone.
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

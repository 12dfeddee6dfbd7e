package nginx_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outpost/nginx"
)

// swag lays out SWAG's tree from its own files, those for applications as the
// samples that they are.
func swag(t *testing.T) string {
	t.Helper()
	const from = "../../shared/swag"
	if _, err := os.Stat(from); err != nil {
		t.Skip("not tested: SWAG's own configuration is not at ../shared/swag, beside the repository")
	}
	root := t.TempDir()
	put := func(name, text string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	copyTo := func(name, pattern, suffix string) {
		files, err := filepath.Glob(filepath.Join(from, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %d files", pattern, err, len(files))
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			put(filepath.Join(name, filepath.Base(file)+suffix), string(text))
		}
	}
	copyTo("", "nginx.conf", "")
	copyTo("", "ssl.conf", "")
	copyTo("", "2025-03-25/*.conf", "")
	copyTo("site-confs", "default.conf", "")
	copyTo("proxy-confs", "proxy-confs/*.conf", ".sample")
	put("resolver.conf", "resolver 127.0.0.11 valid=30s;\n")
	put("worker_processes.conf", "worker_processes 2;\n")
	return root
}

// The samples, as if authentik's lines were no comments: which applications
// have an open location beside their protected one, and which of those is open
// by accident.
func TestSwagSamples(t *testing.T) {
	report := lint(t, swag(t), nginx.Options{Samples: true})
	if report.Unread != nil {
		t.Errorf("could not read: %v", report.Unread)
	}
	verdicts := map[string][]nginx.Verdict{}
	holes := map[string]string{}
	for _, row := range report.Rows {
		name := strings.TrimSuffix(filepath.Base(row.File), ".conf.sample")
		if filepath.Ext(row.File) == ".sample" && !slices.Contains(verdicts[name], row.Verdict) {
			verdicts[name] = append(verdicts[name], row.Verdict)
		}
		if row.Verdict == nginx.Accidental && row.Rule == nginx.OpenByAccident {
			holes[row.Location] = row.URL
		}
	}
	for _, list := range verdicts {
		slices.Sort(list)
	}
	want := map[string][]nginx.Verdict{
		"authentik.subdomain":     {"open"}, // the provider's own host: nobody can be asked there
		"homeassistant.subdomain": {"open", "protected"},
		"sonarr.subdomain":        {"accidental", "protected"},
		"sonarr.subfolder":        {"open", "protected"},
		"tautulli.subdomain":      {"accidental", "protected"},
		"tautulli.subfolder":      {"open", "protected"},
		"webtop.subdomain":        {"protected"},
	}
	if diff := cmp.Diff(want, verdicts); diff != "" {
		t.Error(diff)
	}
	wantHoles := map[string]string{
		"~ (/sonarr)?/api":          "https://sonarr.example.com/settings/users/api-keys",
		"~ (/tautulli)?/api":        "https://tautulli.example.com/settings/users/api-keys",
		"~ (/tautulli)?/newsletter": "https://tautulli.example.com/settings/users/newsletter-keys",
		"~ (/tautulli)?/image":      "https://tautulli.example.com/settings/users/image-keys",
	}
	if diff := cmp.Diff(wantHoles, holes); diff != "" {
		t.Error(diff)
	}
}

// The tree as it is installed, with nobody asking: a list, and no finding.
func TestSwagAsInstalled(t *testing.T) {
	report := lint(t, swag(t), nginx.Options{})
	if report.Unread != nil || report.Findings() > 0 || len(report.Rows) != 4 {
		t.Errorf("could not read %v, findings %q, %d locations", report.Unread, rules(report), len(report.Rows))
	}
}

// Each generation of SWAG's files for authentik, and the pair from before
// them: what is wrong with it, and that nothing else is.
func TestSwagGenerations(t *testing.T) {
	const start = "/outpost.goauthentik.io"
	tests := []struct {
		name string
		want []string
	}{
		{"2025-03-25", []string{"identity-not-overwritten /"}},
		{"2023-04-27", []string{"identity-not-overwritten /"}},
		{"2023-02-09", []string{"identity-not-overwritten /"}},
		{"seed-2023-02-01", []string{"check-header-missing " + start, "check-header-missing " + start, "check-not-internal " + start, "identity-not-overwritten /"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := swag(t)
			for _, name := range []string{"authentik-location.conf", "authentik-server.conf", "proxy.conf"} {
				text, err := os.ReadFile(filepath.Join("../../shared/swag", test.name, name))
				if err != nil && (name != "proxy.conf" || test.name != "seed-2023-02-01") {
					t.Fatal(err)
				}
				if err == nil {
					if err := os.WriteFile(filepath.Join(root, name), text, 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			report := lint(t, filepath.Join(root, "proxy-confs/webtop.subdomain.conf.sample"), nginx.Options{})
			if diff := cmp.Diff(test.want, rules(report)); diff != "" || report.Unread != nil {
				t.Errorf("could not read %v, findings:\n%s", report.Unread, diff)
			}
		})
	}
}

// Package deploy holds the files below deploy/ to the programs that read them, and
// to what the outpost really is.
package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// all are the matches of the pattern's first group.
func all(pattern, text string) (found []string) {
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// tool runs a program that e2e/install.sh installs. Without it the test fails, and
// says so: it is never passed over.
func tool(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = filepath.Join(root, dir)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v (e2e/install.sh installs what is missing)\n%s", strings.Join(args, " "), err, output)
	}
}

func TestAlerts(t *testing.T) {
	tool(t, "deploy/prometheus", "promtool", "check", "rules", "outpost.rules.yaml")
	tool(t, "deploy/prometheus", "promtool", "check", "config", "prometheus.yaml")
	tool(t, "deploy/prometheus", "promtool", "test", "rules", "outpost.rules.test.yaml")
}

// Each alert is tested as it fires and as it does not, stands on the page of the
// metrics, asks for metrics that there are, and leads to a page that there is.
func TestAlertsAreWhole(t *testing.T) {
	rules, tests, page := read(t, "deploy/prometheus/outpost.rules.yaml"), read(t, "deploy/prometheus/outpost.rules.test.yaml"), read(t, "docs/metrics.md")
	alerts := all(`(?m)^ +- alert: (\w+)$`, rules)
	if len(alerts) < 20 {
		t.Fatalf("only %d alerts", len(alerts))
	}
	onPage := all(`(?m)^ +- alert: (\w+)$`, page)
	for _, a := range alerts {
		if !strings.Contains(tests, "name: "+a+" fires\n") || !strings.Contains(tests, "name: "+a+" stays quiet\n") {
			t.Errorf("%s: is not tested both ways", a)
		}
		if !slices.Contains(onPage, a) {
			t.Errorf("%s: is not on docs/metrics.md", a)
		}
	}
	for _, a := range onPage {
		if !slices.Contains(alerts, a) {
			t.Errorf("%s: is on docs/metrics.md alone", a)
		}
	}
	wantMetrics(t, rules)
	books := all(`runbook_url: (\S+)`, rules)
	if len(books) != len(alerts) {
		t.Errorf("%d alerts, %d runbooks", len(alerts), len(books))
	}
	for _, book := range books {
		if _, err := os.Stat(filepath.Join(root, book)); err != nil {
			t.Error(err)
		}
	}
}

// wantMetrics holds every metric of ours in a text to docs/metrics.md, which another
// test holds to the daemon.
func wantMetrics(t *testing.T, text string) {
	t.Helper()
	known := all("(?m)^\\| `(outpost_\\w+)` \\|", read(t, "docs/metrics.md"))
	used := all(`\b(outpost_[a-z_]+)\b`, text)
	if len(known) < 20 || len(used) == 0 {
		t.Fatalf("%d metrics are known, %d used", len(known), len(used))
	}
	for _, name := range used {
		base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
		if !slices.Contains(known, name) && !slices.Contains(known, base) {
			t.Errorf("there is no metric %s", name)
		}
	}
}

package page_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The committed page_templ.go is what the template engine's generator, in the
// version of its runtime in go.mod, makes of page.templ.
func TestGeneratedTemplateIsUpToDate(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", "github.com/a-h/templ").Output()
	if err != nil {
		t.Fatalf("reading the engine's version from go.mod: %v", err)
	}
	generator := "github.com/a-h/templ/cmd/templ@" + strings.TrimSpace(string(out))
	source, err := os.ReadFile("page.go")
	if err != nil {
		t.Fatal(err)
	}
	if want := "//go:generate go run " + generator + " generate"; !strings.Contains(string(source), want) {
		t.Errorf("page.go generates with another version: want %s", want)
	}

	dir := t.TempDir()
	template, err := os.ReadFile("page.templ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "page.templ"), template, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) ([]byte, error) {
		c := exec.CommandContext(t.Context(), "go", append([]string{"run", generator}, args...)...)
		c.Dir = dir
		return c.CombinedOutput()
	}
	if out, err := run("version"); err != nil {
		t.Skipf("not checked: the generator is neither here nor to be had from the module proxy: %v\n%s", err, out)
	}
	if out, err := run("generate", "-f", "page.templ"); err != nil {
		t.Fatalf("generating: %v\n%s", err, out)
	}
	want, err := os.ReadFile(filepath.Join(dir, "page_templ.go"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("page_templ.go")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("page_templ.go is out of date, run go generate ./page (-fresh +committed):\n%s", diff)
	}
}

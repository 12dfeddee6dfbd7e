package doctor

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// A terminal of a hundred columns shows every line whole, and each fix stands below
// what it mends.
func TestPrint(t *testing.T) {
	long := strings.Repeat("a few words more ", 30)
	var b strings.Builder
	lines := []Line{
		{"config", OK, "good", "", groupFile},
		{"redirect-uri", Wrong, long, "register " + long, groupProvider},
		{"trusted-proxies", Warning, long, "", groupURL + "https://app.example.com/"},
	}
	if err := Print(&b, lines); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n >= 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, want := range []string{groupFile + "\n  ✓ ok       config           good\n", "\n\n" + groupProvider + "\n  ✗ wrong    redirect-uri     a few", "→ register a few", "\nchecks: 3; ok: 1, warnings: 1, wrong: 1\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("it has no %q:\n%s", want, b.String())
		}
	}
	if !IsWrong(lines) || IsWrong(lines[:1]) || IsWrong(lines[2:]) {
		t.Error("IsWrong is for what is wrong alone")
	}
	for _, check := range Checks() {
		if len(check) >= checkSize {
			t.Errorf("%s is too long for its column", check)
		}
	}
}

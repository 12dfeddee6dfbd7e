package page

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// jargon is what a person cannot act on, and what may tell an attacker which
// check stopped him. The reason code, in small print, is for whoever runs the
// site.
var jargon = regexp.MustCompile(`(?i)\b(nonce|PKCE|JWT|JWKS|claim|OAuth|OIDC|token|session|issuer|callback|redirect|state parameter|exception|panic|nil|null|nginx|http [0-9]+)\b|[{}%<>\\]|  `)

func english() language { return newLanguage("en", builtin["en"]()) }

func TestWords(t *testing.T) {
	if len(english().Words) < 30 {
		t.Fatalf("only %d reasons have words", len(english().Words))
	}
	for reason, w := range english().Words {
		t.Run(reason, func(t *testing.T) {
			if w.Title == "" || strings.HasSuffix(w.Title, ".") || len(w.Title) > 45 {
				t.Errorf("title %q: want a few words without a full stop", w.Title)
			}
			for _, s := range append([]string{w.Sentence, w.Next}, w.Causes...) {
				if !strings.HasSuffix(s, ".") || strings.Count(s, ".") != 1 || len(s) > 140 || s[:1] != strings.ToUpper(s[:1]) {
					t.Errorf("%q: want one sentence with a capital, a full stop and at most 140 characters", s)
				}
				if found := jargon.FindString(s); found != "" {
					t.Errorf("%q: %q says nothing to a person", s, found)
				}
			}
		})
	}
}

// withoutPage are the reasons that a person never sees: the answer goes to
// nginx alone, or somebody lands where they wanted to be.
var withoutPage = []string{
	"allowed", "public", "cookie_ambiguous", "header_alias", "signed_in", "url_missing",
	"credentials_malformed", "credentials_refused", "credentials_expired", "credentials_audience", "credentials_scope",
	"credentials_throttled", "credentials_unverifiable",
}

func TestTroubleshootingHasARowForEachReason(t *testing.T) {
	b, err := os.ReadFile("../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, line := range strings.Split(string(b), "\n") {
		if m := regexp.MustCompile("^\\| `([a-z_]+)` \\|").FindStringSubmatch(line); m != nil {
			rows = append(rows, m[1])
			cells := strings.Split(strings.ReplaceAll(line, `\|`, ""), "|")
			if len(cells) != 6 || slices.ContainsFunc(cells[1:5], func(s string) bool { return strings.TrimSpace(s) == "" }) {
				t.Errorf("row %s: want code, meaning, likely cause and fix, got %q", m[1], cells)
			}
		}
	}
	for _, link := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(string(b), -1) {
		if !slices.ContainsFunc(strings.Split(string(b), "\n"), func(line string) bool { return anchor(line) == link[1] }) {
			t.Errorf("no heading for the link #%s", link[1])
		}
	}
	slices.Sort(rows)
	want := slices.Sorted(slices.Values(append(Reasons(), withoutPage...)))
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("reasons (-in the code +in docs/troubleshooting.md):\n%s", diff)
	}
}

// anchor is what GitHub makes of a heading; "" if line is none.
func anchor(line string) string {
	heading := strings.TrimLeft(line, "#")
	if heading == line {
		return ""
	}
	kept := regexp.MustCompile("[^a-z0-9 _-]").ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
	return strings.ReplaceAll(kept, " ", "-")
}

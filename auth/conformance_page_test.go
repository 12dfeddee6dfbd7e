package auth_test

// conformance_page_test.go writes docs/conformance.md from the rows of the
// suite, and from the tables of conformance_modules_test.go and
// conformance_beside_test.go.

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"outpost/auth"
)

const conformancePreface = `# Conformance

What a provider, or a browser, may bring to a sign-in, to its recheck or to a sign-out, and what comes of it: each line is
a test that runs with every ` + "`make test`" + `, against a provider that does as it is told. A line that does not hold fails the
test, and so does this page when it is not what the tests say.

**These are our own tests under the names of the OpenID Foundation's modules. They are no certificate**, and nobody but
us has run them. A module's name says that the line puts the same question; the words of the answer are ours.

The outcome is ` + "`signed_in`" + ` or the reason code that stands on the page, in the log and in the metrics
([troubleshooting.md](troubleshooting.md)). After a refused sign-in there is no session, after a refused logout there still is
one, and the next check says so. Of a recheck the outcome is its result ([recheck.md](recheck.md)): after ` + "`refused`" + ` and
` + "`invalid`" + ` the session is over; after ` + "`failed`" + ` and ` + "`lapsed`" + ` it goes on with what was known, and after ` + "`failed`" + ` the provider
is asked again. The requests are all that go out to anybody, in their order. A test is run alone with

    go test ./auth -run 'TestConformance/NAME'

This page is written by ` + "`go test ./auth -run TestConformance -update`" + `.
`

// conformanceDocument is the page: module by module, then specification by
// specification.
func conformanceDocument(parts []part) string {
	var b strings.Builder
	b.WriteString(conformancePreface)
	total := 0
	for _, p := range parts {
		total += len(p.rows)
	}
	fmt.Fprintf(&b, "\n%d lines, all as they should be, in parts:\n\n", total)
	for _, p := range parts {
		fmt.Fprintf(&b, "- %s: %s\n", p.name, p.about)
	}
	b.WriteString("\n## By module of the relying party tests\n\n| module | must | line | outcome |\n|---|---|---|---|\n")
	for _, m := range modules {
		writeModule(&b, parts, m)
	}
	writeLeftOut(&b)
	writeBeside(&b)
	b.WriteString("\n## By specification\n")
	for _, document := range documents(parts) {
		fmt.Fprintf(&b, "\n### %s\n\n| section | line | outcome | requests |\n|---|---|---|---|\n", document)
		for _, l := range linesOf(parts, document) {
			fmt.Fprintf(&b, "| %s | %s | `%s` | %s |\n", l.section, l.name, l.want, cmp.Or(l.calls, "none"))
		}
	}
	return b.String()
}

func writeModule(b *strings.Builder, parts []part, m module) {
	if m.not != "" {
		fmt.Fprintf(b, "| `%s` | %s | does not apply: %s | |\n", m.name, m.must, m.not)
		return
	}
	found := false
	for _, p := range parts {
		for _, r := range p.rows {
			if r.module == m.name {
				fmt.Fprintf(b, "| `%s` | %s | %s/%s | `%s` |\n", m.name, m.must, p.name, r.name, r.want)
				found = true
			}
		}
	}
	if !found {
		fmt.Fprintf(b, "| `%s` | %s | no line here | |\n", m.name, m.must)
	}
}

// line is a row as the page shows it.
type line struct {
	section, name, calls string
	want                 auth.Reason
}

// documents are the specifications that the rows name, in the order of their
// first row.
func documents(parts []part) []string {
	var all []string
	for _, p := range parts {
		for _, r := range p.rows {
			if d, _ := splitSpec(r.spec); !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
	}
	return all
}

// linesOf are the rows of one specification, by section.
func linesOf(parts []part, document string) []line {
	var lines []line
	for _, p := range parts {
		for _, r := range p.rows {
			if d, section := splitSpec(r.spec); d == document {
				lines = append(lines, line{section, p.name + "/" + r.name, r.calls, r.want})
			}
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return compareSections(a.section, b.section) })
	return lines
}

// compareSections orders 2.1 before 2.10 and that after 2.9.
func compareSections(a, b string) int {
	numbers := func(s string) (n []int) {
		for field := range strings.FieldsFuncSeq(s, func(r rune) bool { return r < '0' || r > '9' }) {
			var i int
			fmt.Sscan(field, &i)
			n = append(n, i)
		}
		return n
	}
	return slices.Compare(numbers(a), numbers(b))
}

// splitSpec cuts "RFC 6749 §4.1" into the document and the section.
func splitSpec(spec string) (document, section string) {
	document, section, _ = strings.Cut(spec, " §")
	return document, "§" + section
}

// holdPage compares the page with what it has to be, or writes it.
func holdPage(t *testing.T, want string) {
	t.Helper()
	const file = "../docs/conformance.md"
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/conformance.md is stale; write it with -update:\n%s", diff)
	}
}

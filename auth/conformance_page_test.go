package auth_test

// conformance_page_test.go writes docs/conformance.md from the rows of the
// suite, and knows the OpenID Foundation's modules by name.

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

// module is one of the relying party tests of the OpenID Foundation's
// conformance suite.
type module struct {
	name string
	must string // accept, refuse, either
	not  string // why it does not apply to us; "" where it does
}

// modules are those of the profiles that a relying party with the code flow
// may meet, in the order of the suite's plans.
var modules = []module{
	{"oidcc-client-test", "accept", ""},
	{"oidcc-client-test-invalid-iss", "refuse", ""},
	{"oidcc-client-test-missing-sub", "refuse", ""},
	{"oidcc-client-test-invalid-aud", "refuse", ""},
	{"oidcc-client-test-missing-iat", "refuse", ""},
	{"oidcc-client-test-kid-absent-single-jwks", "accept", ""},
	{"oidcc-client-test-kid-absent-multiple-jwks", "either", ""},
	{"oidcc-client-test-idtoken-sig-rs256", "accept", ""},
	{"oidcc-client-test-idtoken-sig-none", "either", ""},
	{"oidcc-client-test-invalid-sig-rs256", "refuse", ""},
	{"oidcc-client-test-userinfo-bearer-header", "accept", ""},
	{"oidcc-client-test-userinfo-bearer-body", "accept", "the access token goes into the header, where every provider reads it"},
	{"oidcc-client-test-userinfo-invalid-sub", "refuse", ""},
	{"oidcc-client-test-nonce-invalid", "refuse", ""},
	{"oidcc-client-test-scope-userinfo-claims", "accept", ""},
	{"oidcc-client-test-client-secret-basic", "accept", ""},
	{"oidcc-client-test-discovery-openid-config", "accept", ""},
	{"oidcc-client-test-discovery-jwks-uri-keys", "accept", ""},
	{"oidcc-client-test-discovery-issuer-mismatch", "refuse", ""},
	{"oidcc-client-test-signing-key-rotation", "accept", ""},
	{"oidcc-client-test-signing-key-rotation-just-before-signing", "accept", ""},
	{"oidcc-client-test-missing-aud", "refuse", ""},
	{"oidcc-client-test-invalid-sig-hs256", "refuse", ""},
	{"oidcc-client-test-invalid-sig-es256", "refuse", ""},
	{"oidcc-client-test-invalid-athash", "refuse", ""},
	{"oidcc-client-test-missing-athash", "refuse", "the code flow may leave it out"},
	{"oidcc-client-test-invalid-chash", "refuse", "hybrid flow"},
	{"oidcc-client-test-missing-chash", "refuse", "hybrid flow"},
	{"oidcc-client-test-aggregated-claims", "accept", ""},
	{"oidcc-client-test-distributed-claims", "accept", ""},
	{"oidcc-client-test-nonce-unless-code-flow", "accept", "a nonce is always sent"},
	{"oidcc-client-test-mtls-endpoint-aliases", "accept", "no client certificates"},
	{"oidcc-client-test-3rd-party-init-login", "accept", "a sign-in begins here alone"},
	{"oidcc-client-test-userinfo-signed", "accept", ""},
	{"oidcc-client-test-discovery-webfinger-acct", "accept", "the issuer is configured"},
	{"oidcc-client-test-discovery-webfinger-url", "accept", "the issuer is configured"},
	{"oidcc-client-test-dynamic-registration", "accept", "the client is configured"},
	{"oidcc-client-test-request-uri-signed-rs256", "accept", "no request objects"},
	{"oidcc-client-test-request-uri-signed-none", "accept", "no request objects"},
	{"oidcc-client-test-form-post-error", "accept", "answers come in the query"},
	{"oidcc-client-test-refresh-token", "accept", ""},
	{"oidcc-client-test-refresh-token-invalid-issuer", "refuse", ""},
	{"oidcc-client-test-refresh-token-invalid-sub", "refuse", ""},
	{"oidcc-client-test-refresh-token-invalid-aud", "refuse", ""},
	{"oidcc-client-test-refresh-token-invalid-azp", "refuse", ""},
	{"oidcc-client-test-rp-init-logout", "accept", ""},
	{"oidcc-client-test-rp-init-logout-no-state", "accept", ""},
	{"oidcc-client-test-rp-init-logout-other-state", "accept", ""},
	{"oidcc-client-test-rp-frontchannel-rpinitlogout", "accept", ""},
	{"oidcc-client-test-rp-frontchannel-opinitlogout", "accept", ""},
	{"oidcc-client-test-session-management", "accept", "no frame watches the provider"},
	{"oidcc-client-test-rp-backchannel-rpinitlogout", "accept", ""},
	{"oidcc-client-test-rp-backchannel-rpinitlogout-alg-none", "refuse", ""},
	{"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg", "refuse", ""},
	{"oidcc-client-test-rp-backchannel-rpinitlogout-no-event", "refuse", ""},
	{"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event", "refuse", ""},
	{"oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce", "refuse", ""},
	{"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud", "refuse", ""},
	{"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss", "refuse", ""},
	{"fapi2-security-profile-final-client-test-invalid-secondary-aud", "refuse", ""},
	{"fapi2-security-profile-final-client-test-invalid-missing-aud", "refuse", ""},
	{"fapi2-security-profile-final-client-test-invalid-missing-exp", "refuse", ""},
	{"fapi2-security-profile-final-client-test-invalid-missing-iss", "refuse", ""},
	{"fapi2-security-profile-final-client-test-invalid-missing-nonce", "refuse", ""},
	{"fapi2-security-profile-final-client-test-invalid-expired-exp", "refuse", ""},
	{"fapi2-security-profile-final-client-test-invalid-alternate-alg", "refuse", ""},
	{"fapi2-security-profile-final-client-test-invalid-null-alg", "refuse", ""},
	{"fapi2-security-profile-final-client-test-invalid-authorization-response-iss", "refuse", ""},
	{"fapi2-security-profile-final-client-test-remove-authorization-response-iss", "refuse", ""},
	{"fapi2-security-profile-final-client-test-ensure-authorization-response-with-invalid-state-fails", "refuse", ""},
	{"fapi2-security-profile-final-client-test-ensure-authorization-response-with-invalid-missing-state-fails", "refuse", ""},
	{"fapi2-security-profile-final-client-test-valid-aud-as-array", "accept", ""},
	{"fapi2-security-profile-final-client-test-token-type-case-insensitivity", "accept", ""},
	{"fapi2-security-profile-final-client-test-token-endpoint-response-without-expires_in", "accept", ""},
}

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

package auth_test

// What the page says besides its lines: what is left out on purpose, and which
// tests hold what a line cannot show. Both tables name rows and tests, and a name
// that is not there fails the suite.

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// leftOut are parts of the specifications that this relying party does not do.
var leftOut = []struct{ what, why, instead, line string }{
	{"`response_mode=form_post`", "the answer would come as a POST from another site, to which browsers give no cookie that is `SameSite=Lax`", "the query is asked for; a POST to the callback is refused, and no code goes to the provider", "endpoints/answer-as-a-form-post"},
	{"Implicit and hybrid flow", "tokens would pass through the browser (RFC 9700 §2.1.2)", "`response_type=code` is all that is asked for; a token in the query ends the sign-in", "callback/access-token-in-the-query"},
	{"Request objects (`request`, `request_uri`)", "a pushed request (RFC 9126) keeps the parameters from the browser with less", "plain parameters, or a pushed request", "endpoints/request-is-no-object-and-asks-for-no-form"},
	{"Sign-in begun by a third party (Core §4)", "the person chooses where to sign in, and nobody else for them", "`iss`, `login_hint` and `target_link_uri` are not read; the sign-in goes to the application's own provider, and to its front page", "endpoints/sign-in-begun-by-a-third-party"},
	{"WebFinger", "the issuer is configured", "metadata come from the issuer's own address alone", "discovery/as-it-should-be"},
	{"Dynamic registration", "the client is configured", "`registration_endpoint` is not read", "discovery/as-it-should-be"},
	{"Session Management (`check_session_iframe`)", "browsers keep cookies from frames of other sites", "back-channel logout and the recheck; `session_state` is not read", "endpoints/session-state-is-not-read"},
	{"Encrypted ID tokens and userinfo (JWE)", "TLS keeps them, and nobody negotiates it", "five parts are no token", "signature/encrypted"},
	{"Symmetric signatures (HS256 and others)", "whoever can read the client secret could make an ID token", "a provider that has no others is not used", "discovery/symmetric-algorithms-alone"},
	{"Aggregated and distributed claims", "we would have to fetch what a token says", "they are not read; groups that are left out for their size stop the sign-in", "id-token/distributed-claims-are-not-fetched"},
	{"Client certificates and their endpoints (RFC 8705)", "`private_key_jwt` proves as much without a TLS of its own", "`mtls_endpoint_aliases` is not read", "discovery/aliases-for-client-certificates"},
	{"The access token in the body or in the query", "every provider reads the header (RFC 6750 §2.1)", "the header", "userinfo/token-goes-into-the-header"},
	{"`Cache-Control` of keys (Core §10.1.1)", "keys that are good for a year would outlive their rotation, and keys that are not to be kept would be fetched for every token", "keys are fetched every five minutes, and for a key ID that is not known, at most once in ten seconds for a provider", "keys/kept-for-a-year"},
	{"Password grant", "RFC 9700 §2.4 forbids it", "Basic credentials of a request are not read", "endpoints/password-in-the-request"},
}

// beside are tests that hold what a line cannot show: another package, real
// time, a wire of its own, several processes.
var beside = []struct{ section, what, dir, test string }{
	{"RFC 9700 §2.1, §4.11.1", "return URLs of strangers, some thousand of them", "", "TestReturnURLsOfStrangers"},
	{"RFC 9700 §2.5", "`private_key_jwt`: what the assertion says, and that none is used twice", "", "TestPrivateKeyJWT"},
	{"RFC 9700 §2.5", "every way to show who we are, with secrets that mean something in a URL", "", "TestClientAuth"},
	{"RFC 9700 §4.3.1", "a callback that fails leaves no code in the address bar", "", "TestFailedCallbackMovesOn"},
	{"RFC 9700 §4.12", "an exchange follows no redirect, over HTTP", "provider", "TestExchangeFollowsNoRedirect"},
	{"RFC 9700 §4.13", "headers of clients decide nothing", "", "TestClientHeadersDecideNothing"},
	{"RFC 9700 §4.13", "who is not nginx is nobody", "", "TestStrangersAreNobody"},
	{"RFC 9700 §4.14", "a refresh token that came is kept where the store fails", "", "TestRotatedTokenAndAStoreThatFails"},
	{"RFC 9700 §4.14", "one refresh for a session among several replicas", "", "TestReplicasRecheckOnce"},
	{"RFC 7636 §4.1", "a sign-in goes on with the secret that it began with, whatever rotates meanwhile", "", "TestSecretsChangeDuringSignIn"},
	{"Core §10.1.1", "unknown key IDs make us ask once in ten seconds", "provider", "TestUnknownKeyIDs"},
	{"Core §10.1.1", "a compressed answer, which nobody asked for, is not unpacked", "provider", "TestGzipBomb"},
	{"Core §5.1", "ten thousand groups leave no long line in the log", "", "TestHugeUserinfo"},
	{"Discovery §4", "a provider that is down at the start is asked with a growing pause, the status says so, and the log once", "provider", "TestRun"},
	{"Discovery §4", "many who come at once share one fetch of metadata", "", "TestDiscoveryIsShared"},
	{"Back-Channel Logout §2.5", "forms on every host, and a host that is not ours", "", "TestBackchannelLogoutForm"},
	{"Back-Channel Logout §2.6", "a token ten times at once counts once, to the end of its life", "", "TestBackchannelLogoutReplay"},
	{"Back-Channel Logout §2.6", "and once among several replicas", "", "TestReplicasLogoutTokenOnce"},
	{"Back-Channel Logout §2.7", "no sign-in that is under way brings an ended session back", "", "TestBackchannelLogoutMeetsACallback"},
	{"Back-Channel Logout §2.8", "a store that fails is a 503, and the token is good once more", "", "TestBackchannelLogoutWhileTheStoreFails"},
	{"Back-Channel Logout §2.6", "two hundred forged tokens in twenty seconds fetch keys twice at most", "", "TestBackchannelLogoutFlood"},
	{"RFC 8725 §3.11", "a logout token is no ID token", "", "TestLogoutTokenIsNoIDToken"},
	{"Front-Channel Logout §2", "this page alone may be framed", "", "TestFrontchannelLogoutMayBeFramed"},
	{"RP-Initiated Logout §2", "providers that sign out in a way of their own", "", "TestEndSessionTemplate"},
	{"OAuth 2.1", "what the session's cookie holds is random, and nothing else", "../session", "TestTicketsDiffer"},
}

func writeLeftOut(b *strings.Builder) {
	b.WriteString("\n## What is left out\n\nOn purpose. The line shows what happens instead.\n\n| what | why | instead | line |\n|---|---|---|---|\n")
	for _, l := range leftOut {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", l.what, l.why, l.instead, l.line)
	}
}

func writeBeside(b *strings.Builder) {
	b.WriteString("\n## What other tests hold\n\nWhat a line cannot show: several processes, a wire, another package.\n\n| section | what | test |\n|---|---|---|\n")
	for _, l := range beside {
		fmt.Fprintf(b, "| %s | %s | `%s` in `%s` |\n", l.section, l.what, l.test, strings.TrimPrefix(filepath.Join("auth", l.dir), "../"))
	}
}

// TestConformanceBeside holds both tables to what there is.
func TestConformanceBeside(t *testing.T) {
	rows := map[string]bool{}
	for _, p := range conformanceParts() {
		for _, r := range p.rows {
			rows[p.name+"/"+r.name] = true
		}
	}
	for _, l := range leftOut {
		if !rows[l.line] {
			t.Errorf("%s: there is no line %s", l.what, l.line)
		}
	}
	sources := map[string]string{}
	for _, l := range beside {
		if sources[l.dir] == "" {
			files, err := filepath.Glob(filepath.Join(".", l.dir, "*_test.go"))
			if err != nil || len(files) == 0 {
				t.Fatalf("no tests in %q, %v", l.dir, err)
			}
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				sources[l.dir] += string(text)
			}
		}
		if !strings.Contains(sources[l.dir], "func "+l.test+"(") {
			t.Errorf("%s: there is no test %s", l.what, l.test)
		}
	}
	for _, m := range modules {
		held := slices.ContainsFunc(conformanceParts(), func(p part) bool {
			return slices.ContainsFunc(p.rows, func(r row) bool { return r.module == m.name })
		})
		if held == (m.not != "") {
			t.Errorf("%s: a line for it: %v; left out: %q", m.name, held, m.not)
		}
	}
}

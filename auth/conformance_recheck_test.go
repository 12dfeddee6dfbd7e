package auth_test

// Rows about the recheck of a session: alice has signed in, a quarter of an
// hour goes by, and from then on the provider does otherwise. The check that
// finds the session due is answered at once, whatever comes of it; the next one
// shows what did. Here are those about userinfo; what comes of a refresh token
// is in conformance_refresh_test.go.

import (
	"net/http"
	"strings"
	"testing/synctest"
	"time"

	"outpost/auth"
)

// Requests that go out until a recheck ends.
const (
	untilAsked    = everything + " discovery keys" // what is known of the provider is older than a minute
	untilToken    = untilAsked + " token"
	untilUserinfo = untilToken + " userinfo"
)

// due is a recheck at a provider that does this.
func due(does ...func(*scene)) func(*scene) {
	return func(sc *scene) {
		sc.provider.refresh, sc.silent = true, true
		sc.story = func() {
			sc.begin()
			for _, do := range does {
				do(sc)
			}
			sc.want(sc.checked(), http.StatusOK)
			time.Sleep(sc.within) // a recheck takes its time, of which no check knows
			synctest.Wait()
			sc.last = sc.alice.once(http.MethodGet, conformancePage)
			sc.within = 24 * time.Hour // each check was held to its own time
			if sc.outcome == recheckRenewed {
				sc.header("X-Authentik-Name", "Alice the second")
			}
			also := sc.check
			sc.check = func() {
				if also != nil {
					also()
				}
				sc.askedAgain()
			}
		}
	}
}

// begin signs alice in and lets the time go by until her recheck is due. Then
// she has another name at the provider: whoever believes it knows that name.
func (sc *scene) begin() {
	sc.t.Helper()
	sc.want(sc.alice.visit(conformancePage), http.StatusOK)
	issued := sc.stored(sc.alice)
	time.Sleep(quarter)
	synctest.Wait()
	sc.provider.users["alice"]["name"] = "Alice the second"
	sc.t.Cleanup(func() {
		for _, secret := range []string{issued.RefreshToken, issued.AccessToken, issued.IDToken, issued.Nonce} {
			if secret != "" && strings.Contains(sc.log.String(), secret) {
				sc.t.Errorf("%q is in the log", secret)
			}
		}
	})
}

// checked is one check, which has to be answered without a wait, and what it
// sets off.
func (sc *scene) checked() *http.Response {
	sc.t.Helper()
	begun := time.Now()
	resp := sc.alice.once(http.MethodGet, conformancePage)
	if took := time.Since(begun); took != 0 {
		sc.t.Errorf("the check waited for %s", took)
	}
	synctest.Wait()
	return resp
}

// askedAgain makes all well at the provider: a recheck that failed is tried
// again within five minutes, and one that did not is not.
func (sc *scene) askedAgain() {
	sc.t.Helper()
	if sc.sessions == 0 || sc.outcome == recheckRenewed {
		return
	}
	if sc.last.Header.Get("X-Authentik-Name") != "Alice Ädmin" {
		sc.t.Errorf("the identity is not the one that was known: %v", sc.last.Header)
	}
	want := sc.outcome
	if want == recheckFailed {
		want = sc.retried
	}
	sc.mu.Lock()
	clear(sc.answers)
	sc.mu.Unlock()
	sc.provider.mu.Lock()
	sc.provider.claims, sc.provider.token, sc.provider.userinfo, sc.provider.metadata = nil, nil, nil, nil
	sc.provider.mu.Unlock()
	time.Sleep(5 * time.Minute)
	sc.want(sc.checked(), http.StatusOK)
	if sc.outcome != want {
		sc.t.Errorf("asked again, it is %s, want %s\n%s", sc.outcome, want, sc.log)
	}
}

// lost is for an answer that the provider took for sent: what it rotated is
// gone, and who asks again is refused.
func lost(does func(*scene)) func(*scene) {
	return func(sc *scene) {
		sc.retried = recheckRefused
		does(sc)
	}
}

// kept holds which refresh token is used next: the one that was sent last, or
// another.
func kept(same bool, does func(*scene)) func(*scene) {
	return func(sc *scene) {
		before := sc.stored(sc.alice).RefreshToken
		does(sc)
		sc.check = func() {
			if after := sc.stored(sc.alice).RefreshToken; (after == before) != same {
				sc.t.Errorf("the refresh token is the old one: %v, want %v", after == before, same)
			}
		}
	}
}

// grouped holds the groups that alice is in after the recheck.
func grouped(groups string, does func(*scene)) func(*scene) {
	return func(sc *scene) {
		does(sc)
		sc.check = func() { sc.header("X-Authentik-Groups", groups) }
	}
}

// dueWithoutToken is a recheck where the provider issued no refresh token.
func dueWithoutToken(does ...func(*scene)) func(*scene) {
	return func(sc *scene) {
		due(does...)(sc)
		sc.provider.refresh = false
	}
}

// recheckUserinfoRows: the refresh token is spent by then, so that what came in
// its place is kept also where userinfo fails. Without one userinfo is all there
// is to ask, and its 401 says that the access token is over, and no more.
func recheckUserinfoRows() []row {
	const (
		answer  = "OpenID Connect Core 1.0 §5.3.2"
		failure = "OpenID Connect Core 1.0 §5.3.3"
		checked = "OpenID Connect Core 1.0 §5.3.4"
		ours    = "RFC 9700 §2.6"
		alone   = untilAsked + " userinfo"
	)
	ok, invalid, failed, lapsed := recheckRenewed, recheckInvalid, recheckFailed, recheckLapsed
	stranger := signedUserinfo(func(_ *scene, c []byte) string { return raw(newECKey(), `{"alg":"ES256","kid":"k1"}`, c) }, "")
	return []row{
		{"subject-of-somebody-else", checked, "", due(tells("sub", "sub-bob")), invalid, untilUserinfo},
		{"subject-of-somebody-else-and-no-id-token", checked, "", due(says("id_token", absent), tells("sub", "sub-bob")), invalid, untilUserinfo},
		{"subject-missing", checked, "", due(kept(false, tells("sub", absent))), failed, untilUserinfo},
		{"signed", answer, "", due(signedUserinfo(func(sc *scene, c []byte) string { return sc.provider.sign(c) }, `,"name":"Alice the second"`)), ok, untilUserinfo},
		{"signed-by-a-stranger", answer, "", due(kept(false, stranger)), failed, untilUserinfo},
		{"unauthorized", failure, "", due(kept(false, answers("/userinfo", 401, ""))), failed, untilUserinfo},
		{"forbidden", failure, "", due(kept(false, answers("/userinfo", 403, ""))), failed, untilUserinfo},
		{"server-error", failure, "", due(kept(false, answers("/userinfo", 500, canary))), failed, untilUserinfo},
		{"html", answer, "", due(kept(false, answers("/userinfo", 200, "<html>", "Content-Type", "text/html"))), failed, untilUserinfo},
		{"empty", answer, "", due(kept(false, answers("/userinfo", 200, ""))), failed, untilUserinfo},
		{"hangs", ours, "", due(kept(false, hanging("/userinfo", 10*time.Second))), failed, untilUserinfo},
		{"drips", ours, "", due(kept(false, dripping("/userinfo", 10*time.Second))), failed, untilUserinfo},
		{"breaks-off", ours, "", due(kept(false, reset("/userinfo"))), failed, untilUserinfo},
		{"floods", ours, "", due(flooding("/userinfo")), failed, untilUserinfo},
		{"redirect", "RFC 9700 §4.9.3", "", due(kept(false, answers("/userinfo", 302, "", "Location", "https://evil.test/userinfo"))), failed, untilUserinfo},
		{"endpoint-gone", answer, "", due(publishes("userinfo_endpoint", ""), claiming("name", "Alice the second")), ok, untilToken},

		{"alone", answer, "", dueWithoutToken(), ok, alone},
		{"alone-with-changed-groups", answer, "", dueWithoutToken(grouped("new", tells("groups", []string{"new"}))), ok, alone},
		{"alone-of-somebody-else", checked, "", dueWithoutToken(tells("sub", "sub-bob")), invalid, alone},
		{"alone-signed-by-a-stranger", answer, "", dueWithoutToken(stranger), failed, alone},
		{"alone-unauthorized", failure, "", dueWithoutToken(func(sc *scene) {
			answers("/userinfo", 401, "")(sc)
			sc.check = sc.unasked
		}), lapsed, alone},
		{"alone-forbidden", failure, "", dueWithoutToken(answers("/userinfo", 403, "")), failed, alone},
		{"alone-server-error", failure, "", dueWithoutToken(answers("/userinfo", 500, "")), failed, alone},
		{"alone-hangs", ours, "", dueWithoutToken(hanging("/userinfo", 10*time.Second)), failed, alone},
		{"alone-drips", ours, "", dueWithoutToken(dripping("/userinfo", 10*time.Second)), failed, alone},
		{"alone-floods", ours, "", dueWithoutToken(flooding("/userinfo")), failed, alone},
		{"alone-redirect", "RFC 9700 §4.9.3", "", dueWithoutToken(answers("/userinfo", 302, "", "Location", "https://evil.test/userinfo")), failed, alone},
		{"alone-and-endpoint-gone", answer, "", dueWithoutToken(func(sc *scene) {
			publishes("userinfo_endpoint", "")(sc)
			sc.check = sc.unasked
		}), lapsed, untilAsked},
		{"nothing-to-ask-with", answer, "", func(sc *scene) {
			publishes("userinfo_endpoint", "")(sc)
			claiming("name", "Alice Ädmin")(sc)
			dueWithoutToken(func(sc *scene) { sc.check = sc.unasked })(sc)
		}, auth.SignedIn, exchanged},
	}
}

// unasked holds that a session with nothing to ask with is asked about no more,
// and goes on.
func (sc *scene) unasked() {
	sc.t.Helper()
	if s := sc.stored(sc.alice); s.AccessToken != "" || s.RefreshToken != "" {
		sc.t.Error("a token that is good for nothing is kept")
	}
	sc.mu.Lock()
	before := len(sc.wire)
	sc.mu.Unlock()
	for range 3 {
		time.Sleep(quarter)
		synctest.Wait()
		sc.want(sc.checked(), http.StatusOK)
	}
	sc.mu.Lock()
	defer sc.mu.Unlock()
	if after := len(sc.wire); after != before {
		sc.t.Errorf("%d more requests went out", after-before)
	}
}

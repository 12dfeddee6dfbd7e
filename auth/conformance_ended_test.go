package auth_test

// Rows about what becomes of refresh tokens when sessions end, one or several, by
// whom: what the person ends is given back at the provider, and nobody waits. What
// the revocation endpoint may answer is in conformance_logout_form_test.go.

import (
	"net/http"
	"net/url"
	"slices"
	"testing/synctest"
	"time"

	"outpost/auth"
)

const (
	revocation  = " idp.example.org/revoke"
	homeSignOut = "https://app.example.com" + prefix + "/sign_out"
)

// revocable makes the provider issue refresh tokens and want to know which are
// not used any more.
func revocable(sc *scene) {
	sc.provider.refresh, sc.silent = true, true
	publishes("revocation_endpoint", "https://idp.example.org/revoke")(sc)
}

// ending signs alice in at two applications, does something with the provider,
// and has a request end sessions, which must not take any time. Of the refresh
// tokens that were issued, told is how many the provider hears of, and good how
// many still stand there.
func ending(address string, told, good int, does ...func(*scene)) func(*scene) {
	return func(sc *scene) {
		revocable(sc)
		sc.story = func() {
			sc.want(sc.alice.visit(conformancePage), http.StatusOK)
			sc.want(sc.alice.visit("https://router.example.com/"), http.StatusOK)
			for _, do := range does {
				do(sc)
			}
			within := sc.within
			begun := time.Now()
			sc.last = sc.alice.visit(address)
			if took := time.Since(begun); took != 0 {
				sc.t.Errorf("it waited for %s", took)
			}
			time.Sleep(within)
			synctest.Wait()
		}
		also := sc.check
		sc.check = func() {
			if also != nil {
				also()
			}
			sc.provider.mu.Lock()
			defer sc.provider.mu.Unlock()
			if len(sc.provider.revoked) != told || len(sc.provider.refreshes) != good {
				sc.t.Errorf("the provider was told of %d refresh tokens, want %d; %d are still good, want %d", len(sc.provider.revoked), told, len(sc.provider.refreshes), good)
			}
		}
	}
}

// phone signs alice in with another browser, at another session of the
// provider.
func phone(sc *scene) {
	sc.provider.claims = func(c map[string]any) { c["sid"] = "sid-of-the-phone" }
	sc.want(sc.browser("alice").visit("https://wiki.example.net:8443/"), http.StatusOK)
}

func endedRows() []row {
	const (
		ends = "RFC 9700 §4.14"
		two  = everything + " token userinfo"
		both = two + revocation + revocation
	)
	out := auth.SignedOut
	return []row{
		{"same-browser-and-two-applications", ends, "", ending(homeSignOut, 2, 0), out, both},
		{"everywhere", ends, "", func(sc *scene) {
			ending(homeSignOut+"?everywhere=1", 3, 0, phone)(sc)
		}, out, thrice + revocation + revocation + revocation},
		{"other-browsers-keep-theirs", ends, "", func(sc *scene) {
			ending(homeSignOut, 2, 1, phone)(sc)
			sc.sessions = 1
		}, out, thrice + revocation + revocation},
		{"several-and-nobody-answers", "RFC 9700 §2.6", "", ending(homeSignOut, 0, 2, hanging("/revoke", 10*time.Second)), out, both},
		{"several-and-nobody-wants-to-know", "RFC 7009 §2.1", "", func(sc *scene) {
			ending(homeSignOut, 0, 2)(sc)
			sc.provider.metadata = nil
		}, out, two},
		{"rotated-token", ends, "", func(sc *scene) {
			revocable(sc)
			sc.within = quarter
			sc.story = func() {
				sc.begin()
				sc.want(sc.checked(), http.StatusOK)
				token := sc.stored(sc.alice).RefreshToken
				sc.last = sc.alice.visit(homeSignOut)
				synctest.Wait()
				if !slices.Equal(sc.provider.revoked, []string{token}) || len(sc.provider.refreshes) != 0 {
					sc.t.Errorf("told of %d, %d are good", len(sc.provider.revoked), len(sc.provider.refreshes))
				}
			}
		}, out, untilUserinfo + revocation},
		{"provider-refuses-the-refresh", ends, "", endedByProvider(0, answers("/token", 400, `{"error":"invalid_grant"}`)), recheckRefused, untilToken},
		{"provider-speaks-of-somebody-else", ends, "", endedByProvider(1, claiming("sub", "sub-bob")), recheckInvalid, untilToken + revocation},
		{"provider-signs-out-behind-the-browser", ends, "", func(sc *scene) {
			ending(conformancePage, 0, 2)(sc)
			sc.story = providerLogout(sc, func() *http.Response { return sc.logout(sc.provider.logoutToken(nil)) })
		}, out, two},
		{"signed-out-while-signing-in", ends, "", func(sc *scene) {
			revocable(sc)
			sc.silent, sc.within = false, time.Second
			sc.story = func() {
				sc.callback = func(url.Values) {
					time.Sleep(time.Second)
					sc.want(sc.logout(sc.provider.logoutToken(nil)), http.StatusOK)
				}
				sc.visit(conformancePage)
				synctest.Wait()
				if len(sc.provider.revoked) != 1 || len(sc.provider.refreshes) != 0 {
					sc.t.Errorf("told of %d, %d are good", len(sc.provider.revoked), len(sc.provider.refreshes))
				}
			}
		}, auth.SignedOutMeanwhile, everything + revocation},
		{"not-proved-enough", ends, "", func(sc *scene) {
			revocable(sc)
			sc.silent = false
			proved(func(_ int, c map[string]any) { c["amr"] = []string{"pwd"} })(sc)
			story := sc.story
			sc.callback = func(url.Values) { synctest.Wait() }
			sc.story = func() {
				story()
				synctest.Wait()
				if len(sc.provider.revoked) != 2 {
					sc.t.Errorf("told of %d", len(sc.provider.revoked))
				}
			}
		}, auth.InsufficientAuthentication, everything + revocation + " token userinfo" + revocation},
	}
}

// endedByProvider is a recheck that ends the session; told is how many refresh
// tokens the provider then hears of.
func endedByProvider(told int, does func(*scene)) func(*scene) {
	return func(sc *scene) {
		due(does)(sc)
		publishes("revocation_endpoint", "https://idp.example.org/revoke")(sc)
		sc.check = func() {
			if len(sc.provider.revoked) != told {
				sc.t.Errorf("the provider was told of %d refresh tokens, want %d", len(sc.provider.revoked), told)
			}
		}
	}
}

// providerLogout ends alice's two sessions as the provider does it.
func providerLogout(sc *scene, logout func() *http.Response) func() {
	return func() {
		sc.want(sc.alice.visit(conformancePage), http.StatusOK)
		sc.want(sc.alice.visit("https://router.example.com/"), http.StatusOK)
		sc.last = logout()
		sc.outcome = auth.SignedOut
		synctest.Wait()
	}
}

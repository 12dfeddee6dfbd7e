package auth_test

// Rows about a recheck with the refresh token: what the provider may send, and
// what it may send in the place of that.

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"outpost/auth"
)

func refreshRows() []row {
	const (
		token    = "OpenID Connect Core 1.0 §12.2"
		request  = "OpenID Connect Core 1.0 §12.1"
		rotation = "RFC 9700 §4.14.2"
		typed    = "RFC 8725 §3.11"
		groups   = "OpenID Connect Core 1.0 §5.1"
		ours     = "RFC 9700 §2.6"
		rp       = "oidcc-client-test-refresh-token"
	)
	ok, invalid, failed := recheckRenewed, recheckInvalid, recheckFailed
	return []row{
		{"as-it-should-be", token, rp, due(func(sc *scene) {
			before := sc.stored(sc.alice).IDToken
			sc.check = func() {
				if hint := sc.stored(sc.alice).IDToken; hint == before || hint == "" {
					sc.t.Error("the ID token hint is not the new one")
				}
			}
		}), ok, untilUserinfo},
		{"request-is-as-registered", request, "", due(func(sc *scene) {
			sent := sc.stored(sc.alice).RefreshToken
			sc.answers["/token"] = func(r *http.Request) (*http.Response, error) {
				if err := r.ParseForm(); err != nil {
					sc.t.Error(err)
				}
				id, secret, _ := r.BasicAuth()
				if id != "outpost" || secret != "client+secret" || r.URL.RawQuery != "" || len(r.Form) != 2 || r.Form.Get("grant_type") != "refresh_token" || r.Form.Get("refresh_token") != sent {
					sc.t.Errorf("as %s, with %v", id, slices.Collect(maps.Keys(r.Form)))
				}
				return nil, nil
			}
		}), ok, untilUserinfo},
		{"id-token-missing", token, "", due(says("id_token", absent)), ok, untilUserinfo},
		{"id-token-empty", token, "", due(says("id_token", "")), ok, untilUserinfo},
		{"id-token-that-is-none", token, "", due(says("id_token", "token")), invalid, untilToken},
		{"no-userinfo", token, "", func(sc *scene) {
			publishes("userinfo_endpoint", "")(sc)
			due(claiming("name", "Alice the second"))(sc)
		}, ok, exchanged + " discovery keys token"},

		{"issuer-of-somebody-else", token, rp + "-invalid-issuer", due(claiming("iss", "https://other.example.org")), invalid, untilToken},
		{"issuer-with-a-slash", token, "", due(claiming("iss", issuer+"/")), invalid, untilToken},
		{"issuer-missing", token, "", due(claiming("iss", absent)), invalid, untilToken},
		{"subject-of-somebody-else", token, rp + "-invalid-sub", due(claiming("sub", "sub-bob")), invalid, untilToken},
		{"subject-in-other-case", token, "", due(claiming("sub", "SUB-ALICE")), invalid, untilToken},
		{"subject-missing", token, "", due(claiming("sub", absent)), invalid, untilToken},
		{"subject-twice", "RFC 8259 §4", "", due(adding(`"sub":"sub-alice"`)), invalid, untilToken},
		{"audience-of-somebody-else", token, rp + "-invalid-aud", due(claiming("aud", "other")), invalid, untilToken},
		{"audience-missing", token, "", due(claiming("aud", absent)), invalid, untilToken},
		{"audience-as-a-list", token, "", due(claiming("aud", []string{"outpost"})), ok, untilUserinfo},
		{"second-audience-without-azp", token, "", due(claiming("aud", []string{"outpost", "other"})), invalid, untilToken},
		{"second-audience-and-azp-is-ours", token, "", due(claiming("aud", []string{"outpost", "project"}, "azp", "outpost")), ok, untilUserinfo},
		{"azp-of-another-client", token, rp + "-invalid-azp", due(claiming("azp", "other")), invalid, untilToken},
		{"nonce-missing", token, "", due(claiming("nonce", absent)), ok, untilUserinfo},
		{"nonce-of-another-sign-in", token, "", due(claiming("nonce", "x")), invalid, untilToken},
		{"nonce-empty", token, "", due(claiming("nonce", "")), invalid, untilToken},
		{"nonce-null", token, "", due(claiming("nonce", nil)), invalid, untilToken},
		{"authenticated-unsaid", token, "", due(claiming("auth_time", absent)), ok, untilUserinfo},
		{"authenticated-at-another-time", token, "", due(claiming("auth_time", -time.Minute)), invalid, untilToken},
		{"issued-missing", token, "", due(claiming("iat", absent)), invalid, untilToken},
		{"issued-in-1970", token, "", due(claiming("iat", 1)), invalid, untilToken},
		{"issued-when-she-signed-in", token, "", due(claiming("iat", -quarter)), invalid, untilToken},
		{"issued-a-second-later", token, "", due(claiming("iat", -quarter+time.Second)), ok, untilUserinfo},
		{"issued-ahead", token, "", due(claiming("iat", time.Minute+time.Second)), invalid, untilToken},
		{"expired", token, "", due(claiming("exp", -time.Minute-time.Second)), invalid, untilToken},
		{"expiry-missing", token, "", due(claiming("exp", absent)), invalid, untilToken},
		{"provider-session-changed", "OpenID Connect Back-Channel Logout 1.0 §2.1", "", due(func(sc *scene) {
			claiming("sid", "sid-of-the-phone")(sc)
			sc.check = func() {
				if sid := sc.stored(sc.alice).SID; sid != "sid-of-the-phone" {
					sc.t.Errorf("a logout token would have to name %q", sid)
				}
			}
		}), ok, untilUserinfo},
		{"at-hash-of-another-token", "OpenID Connect Core 1.0 §3.1.3.8", "", due(claiming("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")), invalid, untilToken},
		{"at-hash-empty", "OpenID Connect Core 1.0 §3.1.3.8", "", due(claiming("at_hash", "")), invalid, untilToken},
		{"at-hash-as-it-should-be", "OpenID Connect Core 1.0 §3.1.3.8", "", due(rightHash), ok, untilUserinfo},

		{"none", token, "", due(headless("none")), invalid, untilToken},
		{"signature-empty", token, "", due(signing(func(sc *scene, c []byte) string {
			return strings.TrimRight(raw(sc.provider.key, `{"alg":"ES256","kid":"k1"}`, c), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
		})), invalid, untilToken},
		{"signed-by-a-stranger", token, "", due(signing(func(_ *scene, c []byte) string { return raw(newECKey(), `{"alg":"ES256","kid":"k1"}`, c) })), invalid, untilToken},
		{"hs256-with-the-client-secret", token, "", due(signing(func(sc *scene, c []byte) string {
			return sc.provider.signWith([]byte("client secret"+strings.Repeat("\x00", 32)), "", jose.HS256, c)
		})), invalid, untilToken},
		{"key-rotated", "OpenID Connect Core 1.0 §10.1.1", "", func(sc *scene) {
			due(func(sc *scene) {
				sc.answers["/token"] = func(*http.Request) (*http.Response, error) {
					rotate(sc, true)
					return nil, nil
				}
			})(sc)
		}, ok, untilToken + " keys userinfo"},
		{"key-that-cannot-be-fetched", "OpenID Connect Core 1.0 §10.1.1", "", due(kept(false, func(sc *scene) {
			sc.answers["/token"] = func(*http.Request) (*http.Response, error) {
				rotate(sc, true)
				sc.mu.Lock()
				defer sc.mu.Unlock()
				reset("/keys")(sc)
				return nil, nil
			}
		})), failed, untilToken + " keys"},
		{"type-of-a-logout-token", typed, "", due(headed(`{"alg":"ES256","kid":"k1","typ":"logout+jwt"}`)), invalid, untilToken},
		{"type-of-an-access-token", typed, "", due(headed(`{"alg":"ES256","kid":"k1","typ":"at+jwt"}`)), invalid, untilToken},

		{"refresh-token-rotated", rotation, "", due(kept(false, func(*scene) {})), ok, untilUserinfo},
		{"refresh-token-not-rotated", "RFC 6749 §6", "", due(kept(true, says("refresh_token", absent))), ok, untilUserinfo},
		{"refresh-token-empty", "RFC 6749 §6", "", due(kept(true, says("refresh_token", ""))), ok, untilUserinfo},
		{"refresh-token-too-long-to-be-kept", ours, "", due(kept(true, says("refresh_token", strings.Repeat("x", 64<<10+1)))), ok, untilUserinfo},
		{"refresh-token-rotated-once-more", rotation, "", due(func(sc *scene) {
			sc.want(sc.checked(), http.StatusOK)
			time.Sleep(quarter)
		}), ok, untilUserinfo + " discovery keys token userinfo"},
		{"answer-lost-after-rotation", rotation, "", due(func(sc *scene) {
			sc.provider.token = func(map[string]any) int { return http.StatusBadGateway }
			sc.want(sc.checked(), http.StatusOK)
			sc.provider.token = nil
			time.Sleep(time.Minute)
			sc.check = func() { sc.want(sc.alice.visit(conformancePage), http.StatusOK) } // all that there is to do
		}), recheckRefused, untilToken + " discovery keys token"},
		{"fifty-checks-at-once", rotation, "", due(fifty), ok, untilUserinfo},
		{"signed-out-meanwhile", "RFC 7009 §2.1", "", signedOutMeanwhile, recheckSignedOut, untilToken + " idp.example.org/revoke userinfo idp.example.org/revoke"},

		{"groups-changed", groups, "", due(grouped("new", tells("groups", []string{"new"}))), ok, untilUserinfo},
		{"groups-changed-in-the-id-token-alone", groups, "", due(grouped("new", func(sc *scene) {
			tells("groups", absent)(sc)
			claiming("groups", []string{"new"})(sc)
		})), ok, untilUserinfo},
		{"groups-empty", groups, "", due(grouped("", tells("groups", []string{}))), ok, untilUserinfo},
		{"groups-missing", groups, "", due(grouped("admins|users", tells("groups", absent))), ok, untilUserinfo},
		{"groups-null", groups, "", due(grouped("admins|users", tells("groups", nil))), ok, untilUserinfo},
		{"groups-missing-and-to-be-removed", groups, "", func(sc *scene) {
			sc.build(func(c *auth.Config) { c.Providers[0].RemoveMissingGroups = true })
			due(grouped("", tells("groups", absent)))(sc)
		}, ok, untilUserinfo},
		{"groups-left-out-for-their-size", "OpenID Connect Core 1.0 §5.6.2", "", due(func(sc *scene) {
			sc.provider.userinfo = func(c map[string]any) { delete(c, "groups"); c["hasgroups"] = true }
		}), invalid, untilUserinfo},
		{"email-missing", groups, "", due(func(sc *scene) {
			tells("email", absent)(sc)
			sc.check = func() { sc.header("X-Authentik-Email", "alice@example.com") }
		}), ok, untilUserinfo},
	}
}

func refreshErrorRows() []row {
	const (
		errors   = "RFC 6749 §5.2"
		answer   = "RFC 6749 §5.1"
		redirect = "RFC 9700 §4.12"
		ours     = "RFC 9700 §2.6"
	)
	ok, refused, failed := recheckRenewed, recheckRefused, recheckFailed
	code := func(status int, code string) func(*scene) {
		return due(answers("/token", status, `{"error":"`+code+`","error_description":"`+canary+`"}`))
	}
	member := func(text string) func(*scene) {
		return lost(rewritten("/token", func(s string) string { return strings.Replace(s, "{", "{"+text+",", 1) }))
	}
	return []row{
		{"invalid-grant", errors, "", code(400, "invalid_grant"), refused, untilToken},
		{"invalid-grant-with-401", errors, "", code(401, "invalid_grant"), refused, untilToken},
		{"invalid-grant-with-200", errors, "", code(200, "invalid_grant"), refused, untilToken},
		{"invalid-client", errors, "", code(401, "invalid_client"), failed, untilToken},
		{"invalid-client-with-400", errors, "", code(400, "invalid_client"), failed, untilToken},
		{"invalid-request", errors, "", code(400, "invalid_request"), failed, untilToken},
		{"unauthorized-client", errors, "", code(400, "unauthorized_client"), failed, untilToken},
		{"unsupported-grant-type", errors, "", code(400, "unsupported_grant_type"), failed, untilToken},
		{"invalid-scope", errors, "", code(400, "invalid_scope"), failed, untilToken},
		{"temporarily-unavailable", errors, "", code(400, "temporarily_unavailable"), failed, untilToken},
		{"slow-down", errors, "", code(429, "slow_down"), failed, untilToken},
		{"server-error", errors, "", code(500, "server_error"), failed, untilToken},
		{"server-error-and-200", errors, "", code(200, "server_error"), failed, untilToken},
		{"server-error-beside-tokens", errors, "", due(lost(says("error", "server_error"))), failed, untilToken},
		{"invalid-grant-in-other-case", errors, "", code(400, "Invalid_Grant"), failed, untilToken},
		{"invalid-grant-as-a-form", errors, "", due(answers("/token", 400, "error=invalid_grant", "Content-Type", "application/x-www-form-urlencoded")), failed, untilToken},
		{"bad-gateway", errors, "", due(answers("/token", 502, "<html>"+canary, "Content-Type", "text/html")), failed, untilToken},
		{"unavailable", errors, "", due(answers("/token", 503, "", "Retry-After", "60")), failed, untilToken},
		{"not-found", errors, "", due(answers("/token", 404, "")), failed, untilToken},

		{"access-token-missing", answer, "", due(lost(says("access_token", absent))), failed, untilToken},
		{"token-type-missing", answer, "", due(lost(says("token_type", absent))), failed, untilToken},
		{"token-type-mac", answer, "", due(lost(says("token_type", "mac"))), failed, untilToken},
		{"token-type-in-lower-case", answer, "", due(says("token_type", "bearer")), ok, untilUserinfo},
		{"refresh-token-as-a-number", answer, "", due(lost(says("refresh_token", 1))), failed, untilToken},
		{"id-token-as-a-number", answer, "", due(lost(says("id_token", 1))), failed, untilToken},
		{"not-labelled-as-json", answer, "", due(labelled("text/plain")), ok, untilUserinfo},
		{"labelled-as-html", answer, "", due(labelled("text/html")), ok, untilUserinfo},
		{"html", answer, "", due(answers("/token", 200, "<html>", "Content-Type", "text/html")), failed, untilToken},
		{"empty", answer, "", due(answers("/token", 200, "")), failed, untilToken},
		{"list", answer, "", due(answers("/token", 200, "[]")), failed, untilToken},
		{"null", answer, "", due(answers("/token", 200, "null")), failed, untilToken},
		{"member-twice", "RFC 8259 §4", "", due(member(`"token_type":"Bearer"`)), failed, untilToken},
		{"not-utf-8", "RFC 8259 §8.1", "", due(member("\"scope\":\"\xff\"")), failed, untilToken},
		{"deep", "RFC 8259 §9", "", due(member(`"x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000))), failed, untilToken},
		{"cut-off", "RFC 8259 §2", "", due(lost(rewritten("/token", func(s string) string { return s[:len(s)/2] }))), failed, untilToken},

		{"hangs", ours, "", due(hanging("/token", 10*time.Second)), failed, untilToken},
		{"drips", ours, "", due(dripping("/token", 10*time.Second)), failed, untilToken},
		{"breaks-off", ours, "", due(reset("/token")), failed, untilToken},
		{"floods", ours, "", due(flooding("/token")), failed, untilToken},
		{"answer-of-a-mebibyte-and-a-byte", ours, "", due(lost(rewritten("/token", func(s string) string { return s + strings.Repeat(" ", 1<<20+1-len(s)) }))), failed, untilToken},
		{"redirect-to-another-host", redirect, "", due(answers("/token", 302, "", "Location", "https://evil.test/token")), failed, untilToken},
		{"redirect-that-keeps-the-body", redirect, "", due(answers("/token", 307, "", "Location", "https://evil.test/token")), failed, untilToken},
		{"redirect-for-ever", redirect, "", due(answers("/token", 308, "", "Location", "https://evil.test/token")), failed, untilToken},
		{"redirect-on-the-same-host", redirect, "", due(answers("/token", 307, "", "Location", "/token2")), failed, untilToken},

		{"metadata-down", "OpenID Connect Discovery 1.0 §4.2", "", due(answers(wellKnown, 503, "")), failed, everything + " discovery"},
		{"metadata-hang", ours, "", due(hanging(wellKnown, 5*time.Second)), failed, everything + " discovery"},
		{"metadata-of-another-issuer", "OpenID Connect Discovery 1.0 §4.3", "", due(publishes("issuer", "https://other.example.org")), failed, everything + " discovery"},
		{"keys-down", "OpenID Connect Core 1.0 §10.1.1", "", due(reset("/keys")), ok, untilUserinfo},
	}
}

// labelled passes the token endpoint's own answer on as of another media type.
func labelled(mediaType string) func(*scene) {
	return func(sc *scene) {
		sc.answers["/token"] = func(r *http.Request) (*http.Response, error) {
			resp, err := sc.provider.RoundTrip(r)
			if err == nil {
				resp.Header.Set("Content-Type", mediaType)
			}
			return resp, err
		}
	}
}

// fifty checks at a time find the session due, again and again, while the
// provider does not answer.
func fifty(sc *scene) {
	answer := make(chan struct{})
	sc.provider.hang = map[string]chan struct{}{"/token": answer}
	cookie, begun := sc.alice.cookie(app, "__Secure-outpost-home"), time.Now()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 10 {
				if resp := sc.stage.check(swag("app.example.com", "/", "Cookie", "__Secure-outpost-home="+cookie), nginxPeer); resp.StatusCode != http.StatusOK {
					sc.t.Errorf("a check answers %s", resp.Status)
				}
			}
		})
	}
	wg.Wait()
	if took := time.Since(begun); took != 0 {
		sc.t.Errorf("the checks waited for %s", took)
	}
	synctest.Wait()
	close(answer)
	synctest.Wait()
}

// signedOutMeanwhile signs alice out while the provider's answer is on its way.
// That holds, whatever it says, and what it brings is given back.
func signedOutMeanwhile(sc *scene) {
	sc.provider.refresh, sc.silent, sc.sessions, sc.within = true, true, 0, quarter
	publishes("revocation_endpoint", "https://idp.example.org/revoke")(sc)
	sc.story = func() {
		sc.begin()
		cookie := sc.alice.cookie(app, "__Secure-outpost-home")
		arrives := make(chan struct{})
		sc.answers["/token"] = func(r *http.Request) (*http.Response, error) {
			resp, err := sc.provider.RoundTrip(r)
			<-arrives
			return resp, err
		}
		sc.want(sc.checked(), http.StatusOK)
		sc.last = sc.alice.visit("https://app.example.com" + prefix + "/sign_out")
		synctest.Wait()
		sc.outcome = ""
		close(arrives)
		synctest.Wait()
		if resp := sc.stage.check(swag("app.example.com", "/", "Cookie", "__Secure-outpost-home="+cookie), nginxPeer); resp.StatusCode != http.StatusUnauthorized {
			sc.t.Errorf("the session is back: %s", resp.Status)
		}
		if n := len(sc.provider.refreshes); n != 0 {
			sc.t.Errorf("%d refresh tokens are still good at the provider", n)
		}
	}
}

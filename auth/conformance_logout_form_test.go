package auth_test

// Rows about how a logout token is posted, whatever it says: as a form, once, of
// a size that is bounded. And about giving a refresh token back.

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"outpost/auth"
)

// form makes the provider post this body, which it makes of a logout token as it
// should be.
func form(ended, status int, contentType string, of func(token string) string) func(*scene) {
	return func(sc *scene) {
		told(ended, func(sc *scene) *http.Response {
			return sc.notify(contentType, of(sc.provider.logoutToken(nil)))
		})(sc)
		sc.status = status
	}
}

// byMethod sends a logout token with another method than POST.
func byMethod(method string) func(*scene) {
	return func(sc *scene) {
		told(0, func(sc *scene) *http.Response {
			address := "https://app.example.com" + prefix + "/backchannel_logout?logout_token=" + sc.provider.logoutToken(nil)
			resp := sc.nginx(httptest.NewRequest(method, address, nil), address)
			if got := resp.Header.Get("Allow"); got != http.MethodPost {
				sc.t.Errorf("Allow: %q", got)
			}
			return resp
		})(sc)
	}
}

// unknownKey posts a token that names a key which is not known, while the place
// of the keys does this.
func unknownKey(does func(*scene)) func(*scene) {
	return func(sc *scene) {
		told(0, func(sc *scene) *http.Response {
			does(sc)
			return sc.logout(sc.provider.signWith(newECKey(), "k2", jose.ES256, logoutClaims(nil)))
		})(sc)
		sc.within = 10 * time.Second
	}
}

func backchannelFormRows() []row {
	const (
		request  = "OpenID Connect Back-Channel Logout 1.0 §2.5"
		checked  = "OpenID Connect Back-Channel Logout 1.0 §2.6"
		answered = "OpenID Connect Back-Channel Logout 1.0 §2.8"
	)
	plain := func(token string) string { return "logout_token=" + token }
	padded := func(size int) func(string) string {
		return func(token string) string {
			body := plain(token) + "&x="
			return body + strings.Repeat("x", size-len(body))
		}
	}
	ok, refused := auth.SignedOut, auth.LogoutInvalid
	return []row{
		{"as-it-should-be", request, "", form(2, 200, formType, plain), ok, thrice},
		{"form-with-a-charset", request, "", form(2, 200, formType+"; charset=utf-8", plain), ok, thrice},
		{"form-with-other-parameters", request, "", form(2, 200, formType, func(token string) string { return "x=1&" + plain(token) + "&x=2" }), ok, thrice},
		{"get", request, "", byMethod(http.MethodGet), auth.MethodNotAllowed, thrice},
		{"put", request, "", byMethod(http.MethodPut), auth.MethodNotAllowed, thrice},
		{"token-in-the-query-of-a-post", request, "", func(sc *scene) {
			told(0, func(sc *scene) *http.Response {
				return sc.notifyAt("https://app.example.com"+prefix+"/backchannel_logout?logout_token="+sc.provider.logoutToken(nil), formType, "x=1")
			})(sc)
		}, refused, thrice},
		{"json", request, "", form(0, 400, "application/json", func(token string) string { return `{"logout_token":"` + token + `"}` }), refused, thrice},
		{"json-that-says-it-is-a-form", request, "", form(0, 400, formType, func(token string) string { return `{"logout_token":"` + token + `"}` }), refused, thrice},
		{"jwt", request, "", form(0, 400, "application/logout+jwt", func(token string) string { return token }), refused, thrice},
		{"multipart-form", request, "", form(0, 400, "multipart/form-data; boundary=b", func(token string) string {
			return "--b\r\nContent-Disposition: form-data; name=\"logout_token\"\r\n\r\n" + token + "\r\n--b--\r\n"
		}), refused, thrice},
		{"not-labelled", request, "", form(0, 400, "", plain), refused, thrice},
		{"token-twice", request, "", form(0, 400, formType, func(token string) string { return plain(token) + "&" + plain(token) }), refused, thrice},
		{"token-missing", request, "", form(0, 400, formType, func(token string) string { return "id_token=" + token }), refused, thrice},
		{"body-empty", request, "", form(0, 400, formType, func(string) string { return "" }), refused, thrice},
		{"escape-that-is-none", request, "", form(0, 400, formType, func(token string) string { return plain(token) + "&x=%zz" }), refused, thrice},
		{"body-of-64-kib", request, "", form(2, 200, formType, padded(64<<10)), ok, thrice},
		{"body-of-64-kib-and-a-byte", request, "", form(0, 413, formType, padded(64<<10+1)), refused, thrice},
		{"token-of-a-mebibyte", request, "", form(0, 413, formType, func(string) string { return plain(strings.Repeat("x", 1<<20)) }), refused, thrice},

		{"token-again", checked, "", told(2, func(sc *scene) *http.Response {
			token := sc.provider.logoutToken(nil)
			sc.wantLogoutAnswer(sc.logout(token), http.StatusOK)
			return sc.logout(token)
		}), refused, thrice},
		{"token-again-and-bound-for-somebody-else", checked, "", told(2, func(sc *scene) *http.Response {
			sc.wantLogoutAnswer(sc.logout(sc.provider.logoutToken(func(c map[string]any) { c["jti"] = "one" })), http.StatusOK)
			return sc.logout(sc.provider.logoutToken(func(c map[string]any) { c["jti"] = "one"; c["sub"] = "sub-bob"; delete(c, "sid") }))
		}), refused, thrice},
		{"another-token-for-the-same-session", "OpenID Connect Back-Channel Logout 1.0 §2.7", "", told(2, func(sc *scene) *http.Response {
			sc.wantLogoutAnswer(sc.logout(sc.provider.logoutToken(nil)), http.StatusOK)
			return sc.logout(sc.provider.logoutToken(nil))
		}), ok, thrice},
		{"storm-of-forged-tokens", answered, "", told(0, func(sc *scene) *http.Response {
			key := newECKey()
			for range 100 {
				sc.wantLogoutAnswer(sc.logout(sc.provider.signWith(key, rand.Text(), jose.ES256, logoutClaims(nil))), http.StatusBadRequest)
			}
			return sc.logout(sc.provider.signWith(key, "k2", jose.ES256, logoutClaims(nil)))
		}), refused, thrice + " keys"},
		{"name-in-capitals", request, "", form(0, 400, formType, func(token string) string { return "LOGOUT_TOKEN=" + token }), refused, thrice},
		{"replayed-at-another-host", checked, "", told(2, func(sc *scene) *http.Response {
			token := sc.provider.logoutToken(nil)
			sc.want(sc.logout(token), http.StatusOK)
			return sc.notifyAt("https://wiki.example.net:8443"+prefix+"/backchannel_logout", formType, url.Values{"logout_token": {token}}.Encode())
		}), refused, thrice},
		{"refused-token-is-not-spent", checked, "", told(2, func(sc *scene) *http.Response {
			token := sc.provider.logoutToken(nil)
			sc.want(sc.logout(token+"x"), http.StatusBadRequest)
			return sc.logout(token)
		}), ok, thrice},
		{"same-subject-at-another-provider", "OpenID Connect Core 1.0 §2", "", told(0, func(sc *scene) *http.Response {
			return sc.logout(sc.other.signTyped(map[jose.HeaderKey]any{"kid": "k1", "typ": "logout+jwt"}, logoutClaims(func(c map[string]any) { c["iss"] = otherIssuer })))
		}), ok, thrice + " " + begunAtOther},
		{"another-provider-speaks-for-this-one", checked, "", told(0, func(sc *scene) *http.Response {
			return sc.logout(sc.other.logoutToken(nil))
		}), refused, thrice},
		{"unknown-key-and-the-keys-hang", "RFC 9700 §2.6", "", unknownKey(hanging("/keys", 10*time.Second)), auth.ProviderUnreachable, thrice + " keys"},
		{"unknown-key-and-the-keys-drip", "RFC 9700 §2.6", "", unknownKey(dripping("/keys", 10*time.Second)), auth.ProviderUnreachable, thrice + " keys"},
		{"unknown-key-and-the-keys-flood", "RFC 9700 §2.6", "", unknownKey(flooding("/keys")), auth.ProviderUnreachable, thrice + " keys"},
		{"unknown-key-and-the-keys-are-elsewhere", "RFC 9700 §2.6", "", unknownKey(answers("/keys", 302, "", "Location", "https://evil.test/keys")), auth.ProviderUnreachable, thrice + " keys"},
		{"keys-down", answered, "", func(sc *scene) {
			told(0, func(sc *scene) *http.Response {
				reset("/keys")(sc)
				return sc.logout(sc.provider.signWith(newECKey(), "k2", jose.ES256, logoutClaims(nil)))
			})(sc)
		}, auth.ProviderUnreachable, thrice + " keys"},
	}
}

// givenBack signs alice out, who has a refresh token, at a provider whose
// revocation endpoint does this. The person waits for none of it.
func givenBack(does func(*scene)) func(*scene) {
	return func(sc *scene) {
		sc.provider.refresh = true
		publishes("revocation_endpoint", "https://idp.example.org/revoke")(sc)
		if does != nil {
			does(sc)
		}
		sc.within = 0 // what does made of it is the provider's time
		sc.story = func() {
			sc.visit(conformancePage)
			sc.visit("https://app.example.com" + prefix + "/sign_out")
			synctest.Wait()
		}
	}
}

func revocationRows() []row {
	const (
		request  = "RFC 7009 §2.1"
		answer   = "RFC 7009 §2.2"
		errors   = "RFC 7009 §2.2.1"
		ours     = "RFC 9700 §2.6"
		redirect = "RFC 9700 §4.12"
		asked    = everything + " idp.example.org/revoke"
	)
	ok := auth.SignedOut
	return []row{
		{"as-it-should-be", request, "", givenBack(func(sc *scene) {
			sc.check = func() {
				if n := len(sc.provider.refreshes); n != 0 || len(sc.provider.revoked) != 1 {
					sc.t.Errorf("%d refresh tokens are still good; revoked %d", n, len(sc.provider.revoked))
				}
			}
		}), ok, asked},
		{"request-is-as-registered", request, "", givenBack(func(sc *scene) {
			sc.answers["/revoke"] = func(r *http.Request) (*http.Response, error) {
				if err := r.ParseForm(); err != nil {
					sc.t.Error(err)
				}
				id, secret, _ := r.BasicAuth()
				if r.Method != http.MethodPost || id != "outpost" || secret != "client+secret" || r.URL.RawQuery != "" || r.Form.Get("token_type_hint") != "refresh_token" || sc.provider.refreshes[r.Form.Get("token")].user != "alice" {
					sc.t.Errorf("%s %s as %s with %d parameters", r.Method, r.URL, id, len(r.Form))
				}
				return nil, nil
			}
		}), ok, asked},
		{"no-endpoint", request, "", givenBack(func(sc *scene) { sc.provider.metadata = nil }), ok, everything},
		{"no-refresh-token", request, "", func(sc *scene) {
			givenBack(nil)(sc)
			sc.provider.refresh = false
		}, ok, everything},
		{"client-refused", errors, "", givenBack(answers("/revoke", 401, `{"error":"invalid_client","error_description":"`+canary+`"}`)), ok, asked},
		{"unsupported-token-type", errors, "", givenBack(answers("/revoke", 400, `{"error":"unsupported_token_type"}`)), ok, asked},
		{"unavailable", errors, "", givenBack(answers("/revoke", 503, canary, "Retry-After", "60")), ok, asked},
		{"html", answer, "", givenBack(answers("/revoke", 200, "<html>", "Content-Type", "text/html")), ok, asked},
		{"redirect-to-another-host", redirect, "", givenBack(answers("/revoke", 307, "", "Location", "https://evil.test/revoke")), ok, asked},
		{"redirect-on-the-same-host", redirect, "", givenBack(answers("/revoke", 307, "", "Location", "/revoke2")), ok, asked},
		{"hangs", ours, "", givenBack(hanging("/revoke", 10*time.Second)), ok, asked},
		{"drips", ours, "", givenBack(dripping("/revoke", 10*time.Second)), ok, asked},
		{"floods", ours, "", givenBack(flooding("/revoke")), ok, asked},
		{"breaks-off", ours, "", givenBack(reset("/revoke")), ok, asked},
	}
}

// endSessionRequest holds where the browser goes to sign out at the provider: by
// then the session here is over.
func endSessionRequest(sc *scene) {
	sc.story = func() {
		sc.visit(conformancePage)
		hint := sc.stored(sc.alice).IDToken
		end, err := url.Parse(onward(sc.alice.once(http.MethodGet, "https://app.example.com"+prefix+"/sign_out")))
		if err != nil {
			sc.t.Fatal(err)
		}
		if n := sc.stage.sessions(); n != 0 {
			sc.t.Errorf("%d sessions while the browser is on its way", n)
		}
		q := end.Query()
		for name, want := range map[string]string{"id_token_hint": hint, "client_id": "outpost", "post_logout_redirect_uri": "https://outpost.example.com" + prefix + "/sign_out", "own": "1"} {
			if got := q.Get(name); got != want || want == "" {
				sc.t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if len(q.Get("state")) < 43 || len(q) != 5 {
			sc.t.Errorf("the request has %v", q)
		}
		sc.visit(end.String())
	}
}

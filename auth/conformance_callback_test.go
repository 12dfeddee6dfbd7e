package auth_test

// Rows about the authorization request, and about what the browser brings back.

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"outpost/auth"
)

// back changes what alice brings back from the provider.
func back(change func(url.Values)) func(*scene) {
	return func(sc *scene) { sc.callback = change }
}

// bring sets parameters of what she brings back: name, value and so on.
func bring(nameValues ...string) func(*scene) {
	return back(func(q url.Values) {
		for i := 0; i < len(nameValues); i += 2 {
			q.Set(nameValues[i], nameValues[i+1])
		}
	})
}

// fail is an error response: no code, but this, and more.
func fail(code string, nameValues ...string) func(*scene) {
	return back(func(q url.Values) {
		q.Del("code")
		q.Set("error", code)
		for i := 0; i < len(nameValues); i += 2 {
			q.Add(nameValues[i], nameValues[i+1])
		}
	})
}

// issParameter makes the provider announce RFC 9207, and change what comes back.
func issParameter(change func(*scene)) func(*scene) {
	return func(sc *scene) {
		sc.provider.metadata = map[string]any{"authorization_response_iss_parameter_supported": true}
		change(sc)
	}
}

// asked holds the authorization request against what has to be in it.
func asked(want map[string]string) func(*scene) {
	return func(sc *scene) {
		sc.check = func() {
			q := sc.provider.seen[0]
			for name, value := range want {
				if got := q.Get(name); got != value {
					sc.t.Errorf("authorization request: %s is %q, want %q", name, got, value)
				}
			}
		}
	}
}

// unlike holds two authorization requests of one browser against each other.
func unlike(names ...string) func(*scene) {
	return func(sc *scene) {
		sc.story = func() {
			sc.alice.until(conformancePage, prefix+"/callback")
			sc.visit(conformancePage)
		}
		sc.check = func() {
			for _, name := range names {
				first, second := sc.provider.seen[0].Get(name), sc.provider.seen[1].Get(name)
				if first == second || len(first) < 43 {
					sc.t.Errorf("%s: %q, then %q", name, first, second)
				}
			}
		}
	}
}

// again brings the same callback once more, after what happens between.
func again(between func(*scene)) func(*scene) {
	return func(sc *scene) {
		sc.story = func() {
			callback := sc.alice.until(conformancePage, prefix+"/callback")
			sc.visit(callback)
			between(sc)
			sc.visit(callback)
		}
	}
}

func callbackRows() []row {
	const (
		request = "OpenID Connect Core 1.0 §3.1.2.1"
		once    = "RFC 6749 §3.1"
		state   = "RFC 9700 §4.7.1"
		iss     = "RFC 9207 §2.4"
		errors  = "OpenID Connect Core 1.0 §3.1.2.6"
		rp      = "oidcc-client-test"
		fapi    = "fapi2-security-profile-final-client-test"
	)
	refused, ok := auth.CallbackInvalid, auth.SignedIn
	return []row{
		{"request-is-for-a-code-alone", "RFC 9700 §2.1.2", "", asked(map[string]string{"response_type": "code", "response_mode": "", "client_id": "outpost"}), ok, everything},
		{"request-has-a-challenge", "RFC 9700 §2.1.1", "", asked(map[string]string{"code_challenge_method": "S256"}), ok, everything},
		{"request-has-the-registered-redirect-uri", "RFC 9700 §4.1.3", "", asked(map[string]string{"redirect_uri": "https://outpost.example.com" + prefix + "/callback"}), ok, everything},
		{"request-asks-for-what-the-provider-lists", "OpenID Connect Core 1.0 §5.4", rp + "-scope-userinfo-claims", asked(map[string]string{"scope": "openid profile"}), ok, everything},
		{"request-is-never-the-same", request, "", unlike("state", "nonce", "code_challenge"), ok, everything},

		{"state-missing", state, fapi + "-ensure-authorization-response-with-invalid-missing-state-fails", back(func(q url.Values) { q.Del("state") }), refused, begun},
		{"state-empty", state, "", bring("state", ""), refused, begun},
		{"state-forged", state, fapi + "-ensure-authorization-response-with-invalid-state-fails", bring("state", strings.Repeat("A", 200)), auth.StateInvalid, begun},
		{"state-cut", state, "", back(func(q url.Values) { q.Set("state", q.Get("state")[:len(q.Get("state"))-4]) }), auth.StateInvalid, begun},
		{"state-of-64-kib", state, "", bring("state", strings.Repeat("A", 64<<10)), auth.StateInvalid, begun},
		{"state-too-old", state, "", waiting(16 * time.Minute), auth.StateExpired, begun},
		{"state-a-day-old", state, "", waiting(25 * time.Hour), auth.StateExpired, begun},
		{"state-of-another-browser", state, "", func(sc *scene) {
			sc.story = func() { sc.visit(sc.browser("bob").until(conformancePage, prefix+"/callback")) }
		}, auth.BrowserMissing, begun},
		{"state-of-another-browser-while-this-one-signs-in", state, "", func(sc *scene) {
			sc.story = func() {
				foreign := sc.browser("bob").until(conformancePage, prefix+"/callback")
				sc.alice.until(conformancePage, "/authorize")
				sc.visit(foreign) // begins anew, with nothing of bob's
				sc.header("X-Authentik-Uid", "sub-alice")
			}
		}, ok, everything},
		{"state-of-another-application", state, "", func(sc *scene) {
			sc.story = func() {
				callback := sc.alice.until(conformancePage, prefix+"/callback")
				sc.alice.until("https://router.example.com/", "/authorize")
				sc.visit(strings.Replace(callback, "outpost.example.com", "router.example.com", 1))
			}
		}, auth.StateInvalid, begun},
		{"callback-without-a-start", state, "", func(sc *scene) {
			sc.story = func() { sc.visit("https://outpost.example.com" + prefix + "/callback?code=x&state=y") }
		}, auth.StateInvalid, nothing},
		{"callback-again-while-signed-in", "RFC 9700 §2.1.1", "", again(func(sc *scene) {}), ok, everything},
		{"callback-again-after-signing-out", "RFC 9700 §2.1.1", "", func(sc *scene) {
			again(func(sc *scene) {
				sc.alice.visit("https://app.example.com" + prefix + "/sign_out")
				sc.alice.until(conformancePage, "/authorize")
			})(sc)
		}, auth.StateUsed, everything},
		{"callback-again-after-a-refusal", "RFC 9700 §2.1.1", "", func(sc *scene) {
			sc.provider.token = func(answer map[string]any) int { clear(answer); answer["error"] = "invalid_grant"; return 400 }
			again(func(sc *scene) { sc.provider.token = nil })(sc)
		}, auth.StateUsed, exchanged},

		{"state-twice", once, "", back(func(q url.Values) { q.Add("state", q.Get("state")) }), refused, begun},
		{"code-twice", once, "", back(func(q url.Values) { q.Add("code", "x") }), refused, begun},
		{"issuer-twice", once, "", back(func(q url.Values) { q["iss"] = []string{issuer, issuer} }), refused, begun},
		{"error-twice", once, "", fail("access_denied", "error", "server_error"), refused, begun},
		{"error-description-twice", once, "", fail("access_denied", "error_description", "a", "error_description", "b"), refused, begun},
		{"session-state-twice", once, "", back(func(q url.Values) { q["session_state"] = []string{"a", "b"} }), refused, begun},
		{"parameter-that-nobody-knows", "RFC 6749 §4.1.2", "", bring("hd", "example.com", "authuser", "0", "scope", "openid"), ok, everything},
		{"query-that-is-none", once, "", func(sc *scene) {
			sc.story = func() { sc.visit(sc.alice.until(conformancePage, prefix+"/callback") + "&x=%zz") }
		}, refused, begun},

		{"code-missing", "RFC 6749 §4.1.2", "", back(func(q url.Values) { q.Del("code") }), refused, begun},
		{"code-empty", "RFC 6749 §4.1.2", "", bring("code", ""), refused, begun},
		{"code-of-64-kib", "RFC 6749 §4.1.2", "", bring("code", strings.Repeat("c", 64<<10)), auth.ExchangeRefused, exchanged},
		{"code-of-bytes", "RFC 6749 §4.1.2", "", bring("code", "\x00\xff\r\n"), auth.ExchangeRefused, exchanged},
		{"code-of-another-sign-in", "RFC 9700 §4.5.3.1", "", func(sc *scene) {
			stolen, err := url.Parse(sc.browser("bob").until(conformancePage, prefix+"/callback"))
			if err != nil {
				sc.t.Fatal(err)
			}
			sc.callback = func(q url.Values) { q.Set("code", stolen.Query().Get("code")) }
		}, auth.ExchangeRefused, exchanged},
		{"code-of-another-sign-in-and-a-careless-provider", "RFC 9700 §4.5.3.2", "", func(sc *scene) {
			stolen, err := url.Parse(sc.browser("bob").until(conformancePage, prefix+"/callback"))
			if err != nil {
				sc.t.Fatal(err)
			}
			sc.callback = func(q url.Values) {
				sc.provider.mu.Lock()
				defer sc.provider.mu.Unlock()
				code := stolen.Query().Get("code")
				careless := sc.provider.codes[code] // it does not look at the code verifier
				careless.challenge = sc.provider.codes[q.Get("code")].challenge
				sc.provider.codes[code] = careless
				q.Set("code", code)
			}
		}, auth.NonceMismatch, exchanged},
		{"code-of-another-provider", "RFC 9700 §4.4.1", "", func(sc *scene) {
			bring("iss", issuer)(sc)
			sc.story = func() { sc.visit("https://notes.example.org/") }
		}, refused, "other.example.org" + wellKnown + " other.example.org/keys"},
		{"state-of-another-provider", "RFC 9700 §4.4.2", "", func(sc *scene) {
			sc.story = func() {
				callback := sc.alice.until("https://notes.example.org/", prefix+"/callback")
				sc.alice.until(conformancePage, "/authorize")
				sc.visit(strings.Replace(callback, "notes.example.org", "outpost.example.com", 1))
			}
		}, auth.StateInvalid, "other.example.org" + wellKnown + " other.example.org/keys " + begun},
		{"access-token-in-the-query", "RFC 9700 §2.1.2", "", bring("access_token", "x"), refused, begun},
		{"id-token-in-the-query", "RFC 9700 §2.1.2", "", bring("id_token", "x"), refused, begun},

		{"error", errors, "", fail("access_denied", "error_description", "<script>alert(1)</script>"), auth.ProviderError, begun},
		{"error-and-code", errors, "", bring("error", "access_denied"), auth.ProviderError, begun},
		{"error-that-is-html", errors, "", func(sc *scene) {
			fail("<script>alert(1)</script>")(sc)
			sc.check = func() {
				sc.visit(sc.alice.at)
				if text := body(sc.last); strings.Contains(text, "<script>") {
					sc.t.Errorf("the page has it as it is:\n%s", text)
				}
			}
		}, auth.ProviderError, begun},
		{"error-without-state", errors, "", func(sc *scene) {
			sc.story = func() { sc.visit("https://outpost.example.com" + prefix + "/callback?error=server_error") }
		}, refused, nothing},
		{"error-of-another-issuer", iss, "", fail("access_denied", "iss", "https://other.example.org"), refused, begun},
		{"error-without-the-issuer-that-was-announced", iss, "", issParameter(fail("access_denied")), refused, begun},
		{"error-of-the-issuer", iss, "", issParameter(fail("access_denied", "iss", issuer)), auth.ProviderError, begun},

		{"issuer-of-the-response", iss, "", issParameter(bring("iss", issuer)), ok, everything},
		{"issuer-of-the-response-unannounced", iss, "", bring("iss", issuer), ok, everything},
		{"issuer-of-the-response-is-another", iss, fapi + "-invalid-authorization-response-iss", bring("iss", "https://other.example.org"), refused, begun},
		{"issuer-of-the-response-with-a-slash", iss, "", bring("iss", issuer+"/"), refused, begun},
		{"issuer-of-the-response-missing", iss, fapi + "-remove-authorization-response-iss", issParameter(func(*scene) {}), refused, begun},
		{"issuer-of-the-response-empty", iss, "", issParameter(bring("iss", "")), refused, begun},

		{"callback-leaves-nothing-to-others", "RFC 9700 §4.2.4", "", func(sc *scene) {
			sc.story = func() {
				sc.last = sc.alice.once(http.MethodGet, sc.alice.until(conformancePage, prefix+"/callback"))
				for name, want := range map[string]string{"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"} {
					sc.header(name, want)
				}
				if sc.last.StatusCode != http.StatusFound {
					sc.t.Errorf("the code stays in the address bar: %s", sc.last.Status)
				}
				sc.visit(onward(sc.last))
			}
		}, ok, everything},
		{"page-cannot-be-framed", "RFC 9700 §4.16", "", func(sc *scene) {
			fail("access_denied")(sc)
			sc.check = func() {
				sc.visit(sc.alice.at)
				sc.header("X-Frame-Options", "DENY")
				sc.header("Referrer-Policy", "no-referrer")
				if policy := sc.last.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") {
					sc.t.Errorf("Content-Security-Policy: %s", policy)
				}
			}
		}, auth.ProviderError, begun},
	}
}

// waiting lets time go by at the provider.
func waiting(d time.Duration) func(*scene) {
	return func(sc *scene) {
		sc.within = d
		sc.callback = func(url.Values) { time.Sleep(d) }
	}
}

// repeatedly says name n times, as the list of requests does.
func repeatedly(name string, n int) string {
	return strings.Join(slices.Repeat([]string{name}, n), " ")
}

package auth_test

// Rows about a provider's metadata, and about metadata that change.

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"outpost/auth"
)

// publishes lays this over the provider's metadata: name, value.
func publishes(name string, value any) func(*scene) {
	return func(sc *scene) { sc.provider.metadata = map[string]any{name: value} }
}

const wellKnown = "/oidc/.well-known/openid-configuration"

// laterOn does one thing before alice goes to the provider, and another while
// she is there.
func laterOn(wait time.Duration, first, then func(*scene)) func(*scene) {
	return func(sc *scene) {
		sc.within = wait
		first(sc)
		sc.callback = func(url.Values) {
			time.Sleep(wait)
			then(sc)
		}
	}
}

// after signs bob in, waits and does one thing; then comes alice.
func after(wait time.Duration, then func(*scene)) func(*scene) {
	return func(sc *scene) {
		sc.within = wait + 10*time.Second
		sc.sessions++
		sc.story = func() {
			sc.want(sc.browser("bob").visit(conformancePage), http.StatusOK)
			time.Sleep(wait)
			then(sc)
			sc.visit(conformancePage)
		}
	}
}

func discoveryRows() []row {
	const (
		spec     = "OpenID Connect Discovery 1.0 §3"
		checked  = "OpenID Connect Discovery 1.0 §4.3"
		fetching = "OpenID Connect Discovery 1.0 §4.2"
		ours     = "RFC 9700 §2.6"
		rp       = "oidcc-client-test"
	)
	refused, gone, ok := auth.ProviderMisconfigured, auth.ProviderUnreachable, auth.SignedIn
	alone := "discovery"
	return []row{
		{"as-it-should-be", fetching, rp + "-discovery-openid-config", nil, ok, everything},
		{"issuer-of-somebody-else", checked, rp + "-discovery-issuer-mismatch", publishes("issuer", "https://other.example.org"), refused, alone},
		{"issuer-with-a-slash", checked, "", publishes("issuer", issuer+"/"), refused, alone},
		{"issuer-in-other-case", checked, "", publishes("issuer", strings.ToUpper(issuer)), refused, alone},
		{"issuer-missing", checked, "", publishes("issuer", nil), refused, alone},
		{"issuer-twice", "RFC 8259 §4", "", rewritten(wellKnown, func(s string) string {
			return strings.Replace(s, "{", `{"issuer":"https://other.example.org",`, 1)
		}), refused, alone},
		{"authorization-endpoint-missing", spec, "", publishes("authorization_endpoint", ""), refused, alone},
		{"token-endpoint-missing", spec, "", publishes("token_endpoint", ""), refused, alone},
		{"keys-missing", spec, "", publishes("jwks_uri", ""), refused, alone},
		{"userinfo-missing", spec, "", publishes("userinfo_endpoint", ""), ok, exchanged},
		{"token-endpoint-over-http", ours, "", publishes("token_endpoint", "http://idp.example.org/token"), refused, alone},
		{"authorization-endpoint-over-http", ours, "", publishes("authorization_endpoint", "http://idp.example.org/authorize"), refused, alone},
		{"userinfo-over-http", ours, "", publishes("userinfo_endpoint", "http://idp.example.org/userinfo"), refused, alone},
		{"end-session-endpoint-over-http", ours, "", publishes("end_session_endpoint", "http://idp.example.org/end"), refused, alone},
		{"revocation-endpoint-over-http", ours, "", publishes("revocation_endpoint", "http://idp.example.org/revoke"), refused, alone},
		{"keys-over-http", ours, "", publishes("jwks_uri", "http://idp.example.org/keys"), refused, alone},
		{"keys-in-a-file", ours, "", publishes("jwks_uri", "file:///etc/passwd"), refused, alone},
		{"authorization-endpoint-is-a-script", ours, "", publishes("authorization_endpoint", "javascript:alert(1)"), refused, alone},
		{"end-session-endpoint-is-a-script", ours, "", publishes("end_session_endpoint", "javascript:alert(1)"), refused, alone},
		{"userinfo-endpoint-with-a-user", ours, "", publishes("userinfo_endpoint", "https://idp.example.org@evil.test/userinfo"), refused, alone},
		{"authorization-endpoint-with-a-user", ours, "", publishes("authorization_endpoint", "https://idp.example.org@evil.test/authorize"), refused, alone},
		{"token-endpoint-is-a-script", ours, "", publishes("token_endpoint", "javascript:alert(1)"), refused, alone},
		{"token-endpoint-without-a-host", ours, "", publishes("token_endpoint", "https:///token"), refused, alone},
		{"token-endpoint-relative", ours, "", publishes("token_endpoint", "/token"), refused, alone},
		{"token-endpoint-with-a-fragment", "RFC 6749 §3.2", "", publishes("token_endpoint", "https://idp.example.org/token#x"), refused, alone},
		{"token-endpoint-as-a-list", spec, "", publishes("token_endpoint", []string{"https://idp.example.org/token"}), refused, alone},
		{"token-endpoint-on-another-host", spec, "", publishes("token_endpoint", "https://tokens.example.org/token"), ok, "discovery keys tokens.example.org/token userinfo"},
		{"userinfo-endpoint-on-another-host", spec, "", func(sc *scene) {
			publishes("userinfo_endpoint", "https://people.example.org/userinfo")(sc)
		}, ok, exchanged + " people.example.org/userinfo"},
		{"challenge-methods-that-leave-out-s256", "RFC 9700 §2.1.1", "", func(sc *scene) {
			publishes("code_challenge_methods_supported", []string{"plain"})(sc)
			asked(map[string]string{"code_challenge_method": "S256"})(sc)
		}, ok, everything},
		{"aliases-for-client-certificates", "RFC 8705 §5", "", publishes("mtls_endpoint_aliases", map[string]string{"token_endpoint": "https://mtls.example.org/token", "userinfo_endpoint": "https://mtls.example.org/userinfo"}), ok, everything},
		{"symmetric-algorithms-alone", spec, "", publishes("id_token_signing_alg_values_supported", []string{"HS256", "none"}), refused, alone},
		{"no-algorithms-means-rs256", spec, "", func(sc *scene) {
			publishes("id_token_signing_alg_values_supported", nil)(sc)
		}, auth.TokenInvalid, exchanged},

		{"not-found", fetching, "", answers(wellKnown, 404, ""), refused, alone},
		{"html", fetching, "", answers(wellKnown, 200, "<html>", "Content-Type", "text/html"), refused, alone},
		{"empty", fetching, "", answers(wellKnown, 200, ""), refused, alone},
		{"null", fetching, "", answers(wellKnown, 200, "null"), refused, alone},
		{"deep", fetching, "", answers(wellKnown, 200, `{"x":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+"}"), refused, alone},
		{"server-error", fetching, "", answers(wellKnown, 503, ""), gone, alone},
		{"hangs", ours, "", hanging(wellKnown, 5*time.Second), gone, alone},
		{"drips", ours, "", dripping(wellKnown, 5*time.Second), gone, alone},
		{"breaks-off", ours, "", reset(wellKnown), gone, alone},
		{"floods", ours, "", flooding(wellKnown), refused, alone},
		{"redirect-to-another-host", ours, "", answers(wellKnown, 302, "", "Location", "https://evil.test/"), refused, alone},
		{"redirect-to-the-machine-itself", ours, "", answers(wellKnown, 302, "", "Location", "http://169.254.169.254/latest"), refused, alone},
		{"redirect-to-http", ours, "", answers(wellKnown, 301, "", "Location", "http://idp.example.org/oidc"), refused, alone},
		{"redirect-without-end", ours, "", answers(wellKnown, 302, "", "Location", wellKnown), refused, repeatedly("discovery", 4)},
		{"redirect-on-the-same-host", fetching, "", func(sc *scene) {
			sc.answer(wellKnown, 302, "", "Location", "/moved")
			sc.answers["/moved"] = func(r *http.Request) (*http.Response, error) {
				r = r.Clone(r.Context())
				r.URL.Path = wellKnown
				return sc.provider.RoundTrip(r)
			}
		}, ok, "discovery idp.example.org/moved keys token userinfo"},

		{"token-endpoint-moves-while-she-signs-in", checked, "", laterOn(2*time.Minute, func(*scene) {}, publishes("token_endpoint", "https://idp.example.org/token2")), ok, everything},
		{"issuer-changes-while-she-signs-in", checked, "", laterOn(2*time.Minute, func(*scene) {}, func(sc *scene) {
			publishes("issuer", "https://other.example.org")(sc)
			sc.browser("bob").visit(conformancePage) // makes us ask anew
			sc.mu.Lock()
			sc.outcome = ""
			sc.mu.Unlock()
		}), ok, begun + " discovery token userinfo"},
		{"token-endpoint-moves-between-two-sign-ins", checked, "", after(2*time.Minute, publishes("token_endpoint", "https://tokens.example.org/token")), ok, everything + " discovery keys tokens.example.org/token userinfo"},
		{"issuer-changes-between-two-sign-ins", checked, "", func(sc *scene) {
			after(2*time.Minute, publishes("issuer", "https://other.example.org"))(sc)
		}, refused, everything + " discovery"},
		{"down-at-the-start", fetching, "", func(sc *scene) {
			reset(wellKnown)(sc)
			sc.check = func() {
				if status := sc.outpost.Providers()[0]; status.Up || status.Err == "" {
					sc.t.Errorf("readiness says %+v", status)
				}
			}
		}, gone, alone},
		{"down-and-up-again", fetching, "", func(sc *scene) {
			sc.within = time.Second
			sc.story = func() {
				reset(wellKnown)(sc)
				for range 20 {
					sc.visit(conformancePage)
				}
				time.Sleep(time.Second)
				delete(sc.answers, wellKnown)
				sc.visit(conformancePage)
			}
		}, ok, "discovery " + everything},
	}
}

package auth_test

// Rows about what an ID token says of itself, signed as it should be.

import (
	"maps"
	"strings"
	"time"

	"outpost/auth"
)

// claiming makes the ID token say otherwise: name, value and so on. A value of
// absent takes the claim away; a duration is a date so far from now.
func claiming(nameValues ...any) func(*scene) {
	return func(sc *scene) {
		sc.provider.claims = func(c map[string]any) {
			for i := 0; i < len(nameValues); i += 2 {
				name := nameValues[i].(string)
				switch value := nameValues[i+1].(type) {
				case time.Duration:
					c[name] = time.Now().Add(value).Unix()
				default:
					c[name] = value
				}
			}
			maps.DeleteFunc(c, func(_ string, value any) bool { return value == absent })
		}
	}
}

var absent any = new(byte)

// payload changes the JSON that is signed.
func payload(change func(string) string) func(*scene) {
	return func(sc *scene) {
		good := sc.provider.sign
		sc.provider.sign = func(claims []byte) string { return good([]byte(change(string(claims)))) }
	}
}

// adding adds members to the end of the JSON that is signed.
func adding(members string) func(*scene) {
	return payload(func(claims string) string { return strings.TrimSuffix(claims, "}") + "," + members + "}" })
}

// nonce changes the nonce of the ID token.
func nonce(change func(string) any) func(*scene) {
	return func(sc *scene) {
		sc.provider.claims = func(c map[string]any) { c["nonce"] = change(c["nonce"].(string)) }
	}
}

// header holds a header of what alice saw last against what it has to be.
func (sc *scene) header(name, want string) {
	sc.t.Helper()
	if got := sc.last.Header.Get(name); got != want {
		sc.t.Errorf("%s: got %q, want %q", name, got, want)
	}
}

func idTokenRows() []row {
	const (
		core = "OpenID Connect Core 1.0 §3.1.3.7"
		rp   = "oidcc-client-test"
		fapi = "fapi2-security-profile-final-client-test"
	)
	refused, ok := auth.TokenInvalid, auth.SignedIn
	return []row{
		{"as-it-should-be", core, rp, func(sc *scene) {
			sc.check = func() { sc.header("X-Authentik-Uid", "sub-alice") }
		}, ok, everything},

		{"issuer-of-somebody-else", core + " (2)", rp + "-invalid-iss", claiming("iss", "https://other.example.org"), refused, exchanged},
		{"issuer-missing", core + " (2)", fapi + "-invalid-missing-iss", claiming("iss", absent), refused, exchanged},
		{"issuer-with-a-slash", core + " (2)", "", claiming("iss", issuer+"/"), refused, exchanged},
		{"issuer-in-other-case", core + " (2)", "", claiming("iss", strings.ToUpper(issuer)), refused, exchanged},
		{"issuer-over-http", core + " (2)", "", claiming("iss", "http"+strings.TrimPrefix(issuer, "https")), refused, exchanged},
		{"issuer-of-another-tenant", core + " (2)", "", claiming("iss", issuer+"2"), refused, exchanged},
		{"issuer-look-alike", core + " (2)", "", claiming("iss", strings.Replace(issuer, "e", "\u0435", 1)), refused, exchanged},
		{"issuer-as-a-list", core + " (2)", "", claiming("iss", []string{issuer}), refused, exchanged},

		{"audience-of-somebody-else", core + " (3)", rp + "-invalid-aud", claiming("aud", "other"), refused, exchanged},
		{"audience-missing", core + " (3)", rp + "-missing-aud", claiming("aud", absent), refused, exchanged},
		{"audience-missing-as-fapi-asks", core + " (3)", fapi + "-invalid-missing-aud", claiming("aud", absent), refused, exchanged},
		{"audience-as-a-list", core + " (3)", fapi + "-valid-aud-as-array", claiming("aud", []string{"outpost"}), ok, everything},
		{"audience-empty", core + " (3)", "", claiming("aud", []string{}), refused, exchanged},
		{"audience-null", core + " (3)", "", claiming("aud", nil), refused, exchanged},
		{"audience-as-a-number", core + " (3)", "", claiming("aud", 1), refused, exchanged},
		{"audience-as-an-object", core + " (3)", "", claiming("aud", map[string]any{"outpost": true}), refused, exchanged},
		{"audience-of-many-types", core + " (3)", "", claiming("aud", []any{"outpost", 1}), refused, exchanged},
		{"audience-in-other-case", core + " (3)", "", claiming("aud", "Outpost"), refused, exchanged},
		{"audience-named-in-capitals", core + " (3)", "", claiming("aud", "other", "AUD", "outpost"), refused, exchanged},
		{"second-audience-without-azp", core + " (4)", fapi + "-invalid-secondary-aud", claiming("aud", []string{"outpost", "other"}), refused, exchanged},
		{"same-audience-twice-without-azp", core + " (4)", "", claiming("aud", []string{"outpost", "outpost"}), refused, exchanged},
		{"second-audience-and-azp-is-ours", core + " (4)", "", claiming("aud", []string{"outpost", "project"}, "azp", "outpost"), ok, everything},
		{"azp-of-another-client", core + " (5)", "", claiming("azp", "other"), refused, exchanged},
		{"second-audience-and-azp-of-another", core + " (5)", "", claiming("aud", []string{"outpost", "other"}, "azp", "other"), refused, exchanged},
		{"azp-is-ours-and-audience-is-not", core + " (5)", "", claiming("aud", "other", "azp", "outpost"), refused, exchanged},
		{"azp-is-ours", core + " (5)", "", claiming("azp", "outpost"), ok, everything},
		{"azp-as-a-number", core + " (5)", "", claiming("azp", 1), refused, exchanged},
		{"azp-null", core + " (5)", "", claiming("azp", nil), refused, exchanged},

		{"nonce-of-another-sign-in", core + " (11)", rp + "-nonce-invalid", claiming("nonce", "x"), auth.NonceMismatch, exchanged},
		{"nonce-missing", core + " (11)", fapi + "-invalid-missing-nonce", claiming("nonce", absent), auth.NonceMismatch, exchanged},
		{"nonce-empty", core + " (11)", "", claiming("nonce", ""), auth.NonceMismatch, exchanged},
		{"nonce-cut", core + " (11)", "", nonce(func(n string) any { return n[:42] }), auth.NonceMismatch, exchanged},
		{"nonce-longer", core + " (11)", "", nonce(func(n string) any { return n + "x" }), auth.NonceMismatch, exchanged},
		{"nonce-in-other-case", core + " (11)", "", nonce(func(n string) any { return strings.ToLower(n) + "A" }), auth.NonceMismatch, exchanged},
		{"nonce-as-a-list", core + " (11)", "", nonce(func(n string) any { return []string{n} }), refused, exchanged},
		{"nonce-null", core + " (11)", "", claiming("nonce", nil), auth.NonceMismatch, exchanged},
		{"nonce-twice", core + " (11)", "", adding(`"nonce":"x"`), refused, exchanged},

		{"at-hash-of-another-token", "OpenID Connect Core 1.0 §3.1.3.8", rp + "-invalid-athash", claiming("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), refused, exchanged},
		{"at-hash-empty", "OpenID Connect Core 1.0 §3.1.3.8", "", claiming("at_hash", ""), refused, exchanged},
		{"at-hash-as-a-number", "OpenID Connect Core 1.0 §3.1.3.8", "", claiming("at_hash", 1), refused, exchanged},
		{"at-hash-as-it-should-be", "OpenID Connect Core 1.0 §3.1.3.8", "", rightHash, ok, everything},

		{"subject-missing", "OpenID Connect Core 1.0 §2", rp + "-missing-sub", claiming("sub", absent), refused, exchanged},
		{"subject-empty", "OpenID Connect Core 1.0 §2", "", claiming("sub", ""), refused, exchanged},
		{"subject-null", "OpenID Connect Core 1.0 §2", "", claiming("sub", nil), refused, exchanged},
		{"subject-as-a-number", "OpenID Connect Core 1.0 §2", "", claiming("sub", 12), refused, exchanged},
		{"subject-of-255-characters", "OpenID Connect Core 1.0 §2", "", subject(strings.Repeat("a", 255)), ok, everything},
		{"subject-of-256-characters", "OpenID Connect Core 1.0 §2", "", subject(strings.Repeat("a", 256)), refused, exchanged},
		{"subject-with-a-nul", "OpenID Connect Core 1.0 §2", "", subject("a\x00"), refused, exchanged},
		{"subject-with-a-line-break", "OpenID Connect Core 1.0 §2", "", subject("a\r\nX-Authentik-Username: admin"), refused, exchanged},
		{"subject-outside-ascii", "OpenID Connect Core 1.0 §2", "", subject("älice"), refused, exchanged},
		{"subject-with-a-bar", "OpenID Connect Core 1.0 §2", "", subject("auth0|12"), ok, everything},
		{"subject-twice", "RFC 8259 §4", "", adding(`"sub":"sub-bob"`), refused, exchanged},
		{"subject-named-with-a-capital", "OpenID Connect Core 1.0 §2", "", claiming("Sub", "sub-bob"), refused, exchanged},
		{"member-twice-further-in", "RFC 8259 §4", "", adding(`"address":{"country":"a","country":"b"}`), refused, exchanged},
		{"member-twice-by-an-escape", "RFC 8259 §4", "", adding(`"\u0073ub":"sub-bob"`), refused, exchanged},

		{"groups-as-an-object", "OpenID Connect Core 1.0 §5.1", "", claiming("groups", map[string]any{"admins": true}), ok, everything},
		{"sid-as-a-number", "OpenID Connect Core 1.0 §5.1", "", claiming("sid", 7), ok, everything},
		{"distributed-claims-are-not-fetched", "OpenID Connect Core 1.0 §5.6.2", rp + "-distributed-claims", claiming("_claim_names", map[string]string{"credit_score": "s"},
			"_claim_sources", map[string]any{"s": map[string]string{"endpoint": "https://evil.test/claims", "access_token": "x"}}), ok, everything},
		{"aggregated-claims-are-not-opened", "OpenID Connect Core 1.0 §5.6.2", rp + "-aggregated-claims", func(sc *scene) {
			claiming("_claim_names", map[string]string{"name": "s"}, "_claim_sources", map[string]any{"s": map[string]string{"JWT": unsigned([]byte(`{"name":"Mallory"}`))}})(sc)
			sc.check = func() { sc.header("X-Authentik-Name", "Alice Ädmin") }
		}, ok, everything},
		{"groups-elsewhere-are-not-fetched", "OpenID Connect Core 1.0 §5.6.2", "", func(sc *scene) {
			tells("groups", absent)(sc)
			claiming("_claim_names", map[string]string{"groups": "s"}, "_claim_sources", map[string]any{"s": map[string]string{"endpoint": "https://evil.test/groups"}})(sc)
		}, auth.GroupsOverage, everything},

		{"payload-is-a-list", "RFC 7519 §7.2", "", payload(func(string) string { return "[]" }), refused, exchanged},
		{"payload-is-null", "RFC 7519 §7.2", "", payload(func(string) string { return "null" }), refused, exchanged},
		{"payload-is-empty", "RFC 7519 §7.2", "", payload(func(string) string { return "" }), refused, exchanged},
		{"payload-goes-on", "RFC 7519 §7.2", "", payload(func(c string) string { return c + `{}` }), refused, exchanged},
		{"payload-is-not-utf-8", "RFC 7519 §7.2", "", adding("\"name\":\"\xff\""), refused, exchanged},
		{"payload-is-deep", "RFC 7519 §7.2", "", adding(`"x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)), refused, exchanged},
		{"payload-is-nested-as-claims-are", "RFC 7519 §7.2", "", adding(`"x":` + strings.Repeat("[", 20) + strings.Repeat("]", 20)), ok, everything},
		{"payload-is-a-number-beyond-all", "RFC 7519 §7.2", "", adding(`"x":1e999`), ok, everything},
		{"payload-of-64-kib", "RFC 8725 §3.10", "", adding(`"x":"` + strings.Repeat("x", 64<<10) + `"`), refused, exchanged},
	}
}

// dateRows are a part of their own: our clock stands still in them, so the
// edge is tested to the second.
func dateRows() []row {
	const (
		expiry, issued = "OpenID Connect Core 1.0 §3.1.3.7 (9)", "OpenID Connect Core 1.0 §3.1.3.7 (10)"
		before         = "RFC 7519 §4.1.5"
		fapi           = "fapi2-security-profile-final-client-test"
	)
	refused, ok := auth.TokenInvalid, auth.SignedIn
	return []row{
		{"expiry-now", expiry, "", claiming("exp", 0*time.Second), ok, everything},
		{"expired-a-minute-ago", expiry, "", claiming("exp", -time.Minute), ok, everything},
		{"expired-a-second-earlier", expiry, "", claiming("exp", -time.Minute-time.Second), refused, exchanged},
		{"expired-long-ago", expiry, fapi + "-invalid-expired-exp", claiming("exp", -6*time.Minute), refused, exchanged},
		{"expiry-missing", expiry, fapi + "-invalid-missing-exp", claiming("exp", absent), refused, exchanged},
		{"expiry-null", expiry, "", claiming("exp", nil), refused, exchanged},
		{"expiry-zero", expiry, "", claiming("exp", 0), refused, exchanged},
		{"expiry-negative", expiry, "", claiming("exp", -1), refused, exchanged},
		{"expiry-as-text", expiry, "", claiming("exp", "9999999999"), refused, exchanged},
		{"expiry-as-a-list", expiry, "", claiming("exp", []int64{9999999999}), refused, exchanged},
		{"expiry-as-an-object", expiry, "", claiming("exp", map[string]any{}), refused, exchanged},
		{"expiry-true", expiry, "", claiming("exp", true), refused, exchanged},
		{"expiry-one-and-a-half", expiry, "", claiming("exp", 1.5), refused, exchanged},
		{"expiry-with-a-fraction", expiry, "", func(sc *scene) {
			sc.provider.claims = func(c map[string]any) { c["exp"] = float64(time.Now().Add(time.Minute).Unix()) + .5 }
		}, ok, everything},
		{"expiry-in-2038", expiry, "", claiming("exp", int64(1)<<31), ok, everything},
		{"expiry-in-milliseconds", expiry, "", claiming("exp", int64(1_900_000_000_000)), refused, exchanged},
		{"expiry-the-largest-number", expiry, "", claiming("exp", int64(1<<63-1)), refused, exchanged},
		{"expiry-beyond-64-bits", expiry, "", claiming("exp", uint64(1)<<63), refused, exchanged},
		{"expiry-beyond-all-numbers", expiry, "", claiming("exp", 1e300), refused, exchanged},
		{"expiry-twice", expiry, "", adding(`"exp":9999999999`), refused, exchanged},

		{"issued-missing", issued, "oidcc-client-test-missing-iat", claiming("iat", absent), refused, exchanged},
		{"issued-null", issued, "", claiming("iat", nil), refused, exchanged},
		{"issued-as-text", issued, "", claiming("iat", "946684800"), refused, exchanged},
		{"issued-a-minute-ahead", issued, "", claiming("iat", time.Minute), ok, everything},
		{"issued-a-second-further-ahead", issued, "", claiming("iat", time.Minute+time.Second), refused, exchanged},
		{"issued-in-1970", issued, "", claiming("iat", 0), refused, exchanged},
		{"issued-before-1970", issued, "", claiming("iat", -5), refused, exchanged},
		{"issued-beyond-all-numbers", issued, "", claiming("iat", 1e300), refused, exchanged},
		{"issued-a-quarter-of-an-hour-ago", issued, "", claiming("iat", -16*time.Minute), ok, everything},
		{"issued-a-second-earlier", issued, "", claiming("iat", -16*time.Minute-time.Second), refused, exchanged},
		{"issued-yesterday", issued, "", claiming("iat", -24*time.Hour), refused, exchanged},

		{"not-before-a-minute-ahead", before, "", claiming("nbf", time.Minute), ok, everything},
		{"not-before-a-second-further-ahead", before, "", claiming("nbf", time.Minute+time.Second), refused, exchanged},
		{"not-before-as-text", before, "", claiming("nbf", "1"), refused, exchanged},
		{"authenticated-beyond-all-numbers", "OpenID Connect Core 1.0 §2", "", claiming("auth_time", 1e300), ok, everything},
	}
}

// subject is alice under another name, in the ID token and in userinfo.
func subject(sub string) func(*scene) {
	return func(sc *scene) { sc.provider.users["alice"]["sub"] = sub }
}

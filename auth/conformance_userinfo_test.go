package auth_test

// Rows about userinfo.

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"outpost/auth"
)

// tells changes what userinfo says of alice.
func tells(name string, value any) func(*scene) {
	return func(sc *scene) {
		sc.provider.userinfo = func(c map[string]any) {
			if c[name] = value; value == absent {
				delete(c, name)
			}
		}
	}
}

// signedUserinfo is userinfo as a JWT. The claims of alice stand before these.
func signedUserinfo(sign func(sc *scene, claims []byte) string, members string) func(*scene) {
	return func(sc *scene) {
		sc.answers["/userinfo"] = func(*http.Request) (*http.Response, error) {
			claims := `{"sub":"sub-alice","preferred_username":"alice"` + members + `}`
			return respond(http.StatusOK, sign(sc, []byte(claims)), "Content-Type", "application/jwt"), nil
		}
	}
}

func userinfoRows() []row {
	const (
		answer  = "OpenID Connect Core 1.0 §5.3.2"
		checked = "OpenID Connect Core 1.0 §5.3.4"
		ours    = "RFC 9700 §2.6"
		rp      = "oidcc-client-test"
		alice   = `{"sub":"sub-alice","preferred_username":"alice","groups":["users"]}`
	)
	refused, gone, ok := auth.UserinfoInvalid, auth.UserinfoUnavailable, auth.SignedIn
	asProvider := func(sc *scene, c []byte) string { return sc.provider.sign(c) }
	evil := `"iss":"https://evil.test"`
	return []row{
		{"token-goes-into-the-header", "RFC 6750 §2.1", rp + "-userinfo-bearer-header", func(sc *scene) {
			sc.answers["/userinfo"] = func(r *http.Request) (*http.Response, error) {
				if r.Method != http.MethodGet || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") || r.URL.RawQuery != "" {
					sc.t.Errorf("%s %s, Authorization %q", r.Method, r.URL, r.Header.Get("Authorization"))
				}
				return nil, nil
			}
		}, ok, everything},
		{"not-labelled", answer, "", answers("/userinfo", 200, alice, "Content-Type", ""), ok, everything},
		{"signed", answer, rp + "-userinfo-signed", signedUserinfo(asProvider, `,"iss":"`+issuer+`","aud":["outpost","x"]`), ok, everything},
		{"signed-for-nobody", answer, "", signedUserinfo(asProvider, ""), ok, everything},
		{"signed-for-another-client", answer, "", signedUserinfo(asProvider, `,"iss":"`+issuer+`","aud":"other"`), refused, everything},
		{"signed-by-another-issuer", answer, "", signedUserinfo(asProvider, ","+evil), refused, everything},
		{"signed-by-nobody", answer, "", signedUserinfo(func(_ *scene, c []byte) string { return unsigned(c) }, ""), refused, everything},
		{"signed-by-a-stranger", answer, "", signedUserinfo(func(sc *scene, c []byte) string {
			return sc.provider.signWith(newECKey(), "k1", jose.ES256, c)
		}, ""), refused, everything},
		{"signed-and-a-member-twice", answer, "", signedUserinfo(asProvider, `,"sub":"sub-bob"`), refused, everything},
		{"signed-and-not-labelled", answer, "", func(sc *scene) {
			sc.answers["/userinfo"] = func(*http.Request) (*http.Response, error) {
				return respond(http.StatusOK, sc.provider.sign([]byte(alice))), nil
			}
		}, refused, everything},
		{"signed-with-a-key-that-cannot-be-fetched", answer, "", func(sc *scene) {
			signedUserinfo(func(sc *scene, c []byte) string {
				reset("/keys")(sc)
				return sc.provider.signWith(newECKey(), "k2", jose.ES256, c)
			}, "")(sc)
		}, auth.ProviderUnreachable, everything + " keys"},

		{"subject-of-somebody-else", checked, rp + "-userinfo-invalid-sub", tells("sub", "sub-bob"), refused, everything},
		{"subject-missing", checked, "", tells("sub", absent), refused, everything},
		{"subject-empty", checked, "", tells("sub", ""), refused, everything},
		{"subject-as-a-number", checked, "", tells("sub", 1), refused, everything},
		{"subject-in-other-case", checked, "", tells("sub", "SUB-ALICE"), refused, everything},
		{"subject-named-in-capitals", checked, "", answers("/userinfo", 200, `{"sub":"sub-bob","SUB":"sub-alice"}`), refused, everything},
		{"subject-twice", checked, "", answers("/userinfo", 200, `{"sub":"sub-bob","sub":"sub-alice"}`), refused, everything},

		{"list", answer, "", answers("/userinfo", 200, "["+alice+"]"), refused, everything},
		{"null", answer, "", answers("/userinfo", 200, "null"), refused, everything},
		{"empty", answer, "", answers("/userinfo", 200, ""), refused, everything},
		{"html", answer, "", answers("/userinfo", 200, "<html>", "Content-Type", "text/html"), refused, everything},
		{"labelled-as-html", answer, "", answers("/userinfo", 200, alice, "Content-Type", "text/html"), ok, everything},
		{"deep", "RFC 8259 §9", "", answers("/userinfo", 200, `{"sub":"sub-alice","x":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+"}"), refused, everything},
		{"not-utf-8", "RFC 8259 §8.1", "", answers("/userinfo", 200, "{\"sub\":\"sub-alice\",\"name\":\"\xff\"}"), refused, everything},
		{"unauthorized", checked, "", answers("/userinfo", 401, ""), gone, everything},
		{"not-found", checked, "", answers("/userinfo", 404, ""), gone, everything},
		{"server-error-that-repeats-the-token", checked, "", func(sc *scene) {
			sc.answers["/userinfo"] = func(r *http.Request) (*http.Response, error) {
				return respond(http.StatusInternalServerError, canary+r.Header.Get("Authorization")), nil
			}
		}, gone, everything},
		{"floods", ours, "", flooding("/userinfo"), gone, everything},
		{"hangs", ours, "", hanging("/userinfo", 10*time.Second), gone, everything},
		{"drips", ours, "", dripping("/userinfo", 10*time.Second), gone, everything},
		{"breaks-off", ours, "", reset("/userinfo"), gone, everything},
		{"redirect", "RFC 9700 §4.9.3", "", answers("/userinfo", 302, "", "Location", "https://evil.test/userinfo"), gone, everything},
		{"redirect-on-the-same-host", "RFC 9700 §4.9.3", "", answers("/userinfo", 307, "", "Location", "/elsewhere"), gone, everything},

		{"name-with-a-line-break", "OpenID Connect Core 1.0 §5.1", "", func(sc *scene) {
			tells("name", "Alice\r\nX-Authentik-Groups: admins\x00")(sc)
			sc.check = func() { sc.header("X-Authentik-Name", "") }
		}, ok, everything},
		{"ten-thousand-groups", "OpenID Connect Core 1.0 §5.1", "", func(sc *scene) {
			groups := make([]string, 10_000)
			for i := range groups {
				groups[i] = "group-" + strconv.Itoa(i)
			}
			tells("groups", groups)(sc)
			sc.sessions, sc.status = 1, http.StatusForbidden // she is who she is, and no header holds it
		}, auth.HeaderTooLarge, everything},
		{"name-of-many-scripts", "OpenID Connect Core 1.0 §5.1", "", func(sc *scene) {
			tells("name", "Ä \U0001f600 \u202ealice")(sc)
			sc.check = func() { sc.header("X-Authentik-Username", "alice") }
		}, ok, everything},
	}
}

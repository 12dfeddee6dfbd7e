package auth_test

// Rows about the end of sessions: the provider says it behind the browser's back
// or through it, and the browser comes back from the end-session endpoint.

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"outpost/auth"
)

// thrice are the requests of three sign-ins within a minute.
const thrice = everything + " token userinfo token userinfo"

// posted makes the provider post a logout token, when alice is signed in at two
// applications and bob at one; ended says how many of the three sessions are over
// afterwards: none, bob's or alice's.
func posted(ended int, token func(*fakeProvider) string) func(*scene) {
	return told(ended, func(sc *scene) *http.Response { return sc.logout(token(sc.provider)) })
}

// told is the same for whatever the provider sends.
func told(ended int, send func(*scene) *http.Response) func(*scene) {
	return func(sc *scene) {
		bob, status := sc.browser("bob"), http.StatusOK
		sc.silent, sc.sessions = true, 3-ended
		sc.story = func() {
			sc.want(sc.alice.visit(conformancePage), http.StatusOK)
			sc.want(sc.alice.visit("https://router.example.com/"), http.StatusOK)
			sc.want(bob.visit("https://wiki.example.net:8443/"), http.StatusOK)
			sc.last = send(sc)
			status = sc.last.StatusCode
			sc.wantLogoutAnswer(sc.last, status)
		}
		sc.check = func() {
			after := map[bool]int{true: http.StatusFound, false: http.StatusOK}
			sc.want(sc.alice.once(http.MethodGet, conformancePage), after[ended == 2])
			sc.want(sc.alice.once(http.MethodGet, "https://router.example.com/"), after[ended == 2])
			sc.want(bob.once(http.MethodGet, "https://wiki.example.net:8443/"), after[ended == 1])
			log := sc.log.String()
			if n := strings.Count(log, `"msg":"signed out by the provider"`); n != min(ended, 1) {
				sc.t.Errorf("%d log lines for the sign-out", n)
			}
			if strings.Contains(log, "logout_token=") || strings.Contains(log, "eyJ") {
				sc.t.Errorf("a token is in the log:\n%s", log)
			}
		}
	}
}

// backchannelRows are the logout tokens that a provider may post.
func backchannelRows() []row {
	claims := func(change func(map[string]any)) func(*fakeProvider) string {
		return func(p *fakeProvider) string { return p.logoutToken(change) }
	}
	set := func(name string, value any) func(*fakeProvider) string {
		return claims(func(c map[string]any) { c[name] = value })
	}
	without := func(names ...string) func(*fakeProvider) string {
		return claims(func(c map[string]any) {
			for _, name := range names {
				delete(c, name)
			}
		})
	}
	header := func(h map[jose.HeaderKey]any) func(*fakeProvider) string {
		return func(p *fakeProvider) string { return p.signTyped(h, logoutClaims(nil)) }
	}
	after := func(name string, d time.Duration) func(*fakeProvider) string {
		return claims(func(c map[string]any) { c[name] = time.Now().Add(d).Unix() })
	}
	return []row{
		{"as-it-should-be", "OpenID Connect Back-Channel Logout 1.0 §2.6", "oidcc-client-test-rp-backchannel-rpinitlogout", posted(2, claims(nil)), auth.SignedOut, thrice},
		{"alg-none", "OpenID Connect Back-Channel Logout 1.0 §2.6", "oidcc-client-test-rp-backchannel-rpinitlogout-alg-none", posted(0, func(*fakeProvider) string { return unsigned(logoutClaims(nil)) }), auth.LogoutInvalid, thrice},
		{"wrong-alg", "OpenID Connect Back-Channel Logout 1.0 §2.6", "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg", posted(0, func(p *fakeProvider) string {
			public, err := x509.MarshalPKIXPublicKey(p.key.Public())
			if err != nil {
				p.t.Fatal(err)
			}
			return p.signWith(public, "k1", jose.HS256, logoutClaims(nil))
		}), auth.LogoutInvalid, thrice},
		{"alg-that-the-provider-does-not-list", "OpenID Connect Back-Channel Logout 1.0 §2.6", "", func(sc *scene) {
			other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
			if err != nil {
				sc.t.Fatal(err)
			}
			first := sc.provider.keys()
			sc.provider.keys = func() jose.JSONWebKeySet {
				return jose.JSONWebKeySet{Keys: append(first.Keys, jose.JSONWebKey{Key: other.Public(), KeyID: "k2", Use: "sig"})}
			}
			sc.provider.metadata = map[string]any{"id_token_signing_alg_values_supported": []string{"ES256"}}
			posted(0, func(p *fakeProvider) string { return p.signWith(other, "k2", jose.ES384, logoutClaims(nil)) })(sc)
		}, auth.LogoutInvalid, thrice},
		{"no-event", "OpenID Connect Back-Channel Logout 1.0 §2.6", "oidcc-client-test-rp-backchannel-rpinitlogout-no-event", posted(0, without("events")), auth.LogoutInvalid, thrice},
		{"wrong-event", "OpenID Connect Back-Channel Logout 1.0 §2.6", "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event", posted(0, set("events", map[string]any{"http://schemas.openid.net/event/other": map[string]any{}})), auth.LogoutInvalid, thrice},
		{"with-nonce", "OpenID Connect Back-Channel Logout 1.0 §2.6", "oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce", posted(0, set("nonce", "n")), auth.LogoutInvalid, thrice},
		{"wrong-aud", "OpenID Connect Back-Channel Logout 1.0 §2.6", "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud", posted(0, set("aud", "another")), auth.LogoutInvalid, thrice},
		{"wrong-iss", "OpenID Connect Back-Channel Logout 1.0 §2.6", "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss", posted(0, set("iss", "https://other.example.org")), auth.LogoutInvalid, thrice},
		{"sid-alone", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(2, without("sub")), auth.SignedOut, thrice},
		{"sub-alone", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(2, without("sid")), auth.SignedOut, thrice},
		{"sid-null", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(2, set("sid", nil)), auth.SignedOut, thrice},
		{"neither-sub-nor-sid", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, without("sub", "sid")), auth.LogoutInvalid, thrice},
		{"empty-sub-and-sid", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, claims(func(c map[string]any) { c["sub"], c["sid"] = "", "" })), auth.LogoutInvalid, thrice},
		{"sid-a-number", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, set("sid", 7)), auth.LogoutInvalid, thrice},
		{"sub-a-list", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, set("sub", []string{"sub-alice"})), auth.LogoutInvalid, thrice},
		{"sub-of-another", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(1, claims(func(c map[string]any) { c["sub"] = "sub-bob"; delete(c, "sid") })), auth.SignedOut, thrice},
		{"sid-of-nobody", "OpenID Connect Back-Channel Logout 1.0 §2.7", "", posted(0, claims(func(c map[string]any) { c["sid"] = "sid-nobody"; delete(c, "sub") })), auth.SignedOut, thrice},
		{"sid-with-wildcard", "OpenID Connect Back-Channel Logout 1.0 §2.7", "", posted(0, claims(func(c map[string]any) { c["sid"] = "sid-*"; delete(c, "sub") })), auth.SignedOut, thrice},
		{"sid-with-percent", "OpenID Connect Back-Channel Logout 1.0 §2.7", "", posted(0, claims(func(c map[string]any) { c["sid"] = "sid-%"; delete(c, "sub") })), auth.SignedOut, thrice},
		{"sub-of-nobody", "OpenID Connect Back-Channel Logout 1.0 §2.7", "", posted(0, claims(func(c map[string]any) { c["sub"] = "nobody"; delete(c, "sid") })), auth.SignedOut, thrice},
		{"aud-a-list", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(2, set("aud", []string{"another", "outpost"})), auth.SignedOut, thrice},
		{"aud-empty", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, set("aud", []string{})), auth.LogoutInvalid, thrice},
		{"aud-missing", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, without("aud")), auth.LogoutInvalid, thrice},
		{"iss-with-slash", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, set("iss", issuer+"/")), auth.LogoutInvalid, thrice},
		{"iss-missing", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, without("iss")), auth.LogoutInvalid, thrice},
		{"nonce-null", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, set("nonce", nil)), auth.LogoutInvalid, thrice},
		{"no-jti", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, without("jti")), auth.LogoutInvalid, thrice},
		{"jti-empty", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, set("jti", "")), auth.LogoutInvalid, thrice},
		{"jti-a-number", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, set("jti", 5)), auth.LogoutInvalid, thrice},
		{"events-a-list", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, set("events", []string{logoutEvent})), auth.LogoutInvalid, thrice},
		{"events-a-string", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, set("events", logoutEvent)), auth.LogoutInvalid, thrice},
		{"events-member-a-string", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, set("events", map[string]any{logoutEvent: "x"})), auth.LogoutInvalid, thrice},
		{"events-member-null", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, set("events", map[string]any{logoutEvent: nil})), auth.LogoutInvalid, thrice},
		{"events-two-members", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, set("events", map[string]any{logoutEvent: map[string]any{}, "http://other.example": map[string]any{}})), auth.LogoutInvalid, thrice},
		{"events-member-filled", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(2, set("events", map[string]any{logoutEvent: map[string]any{"why": "admin"}})), auth.SignedOut, thrice},
		{"claim-of-another-case", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, claims(func(c map[string]any) { c["Events"] = c["events"]; delete(c, "events") })), auth.LogoutInvalid, thrice},
		{"no-exp-as-hydra-has-it", "OpenID Connect Back-Channel Logout 1.0 §2.6", "", posted(2, without("exp")), auth.SignedOut, thrice},
		{"exp-past", "OpenID Connect Back-Channel Logout 1.0 §2.6", "", posted(0, after("exp", -2*time.Minute)), auth.LogoutInvalid, thrice},
		{"exp-past-within-skew", "OpenID Connect Back-Channel Logout 1.0 §2.6", "", posted(2, after("exp", -30*time.Second)), auth.SignedOut, thrice},
		{"exp-a-string", "OpenID Connect Back-Channel Logout 1.0 §2.6", "", posted(0, set("exp", "9999999999")), auth.LogoutInvalid, thrice},
		{"exp-1e300", "OpenID Connect Back-Channel Logout 1.0 §2.6", "", posted(0, set("exp", 1e300)), auth.LogoutInvalid, thrice},
		{"exp-null", "OpenID Connect Back-Channel Logout 1.0 §2.6", "", posted(0, set("exp", nil)), auth.LogoutInvalid, thrice},
		{"no-iat", "OpenID Connect Back-Channel Logout 1.0 §2.6", "", posted(0, without("iat")), auth.LogoutInvalid, thrice},
		{"iat-ahead", "OpenID Connect Back-Channel Logout 1.0 §2.6", "", posted(0, after("iat", 2*time.Minute)), auth.LogoutInvalid, thrice},
		{"iat-ahead-within-skew", "OpenID Connect Back-Channel Logout 1.0 §2.6", "", posted(2, after("iat", 30*time.Second)), auth.SignedOut, thrice},
		{"iat-old", "OpenID Connect Back-Channel Logout 1.0 §2.6", "", posted(0, after("iat", -7*time.Minute)), auth.LogoutInvalid, thrice},
		{"iat-a-fraction", "OpenID Connect Back-Channel Logout 1.0 §2.6", "", posted(2, claims(func(c map[string]any) { c["iat"] = float64(time.Now().UnixMilli()) / 1000 })), auth.SignedOut, thrice},
		{"iat-negative", "OpenID Connect Back-Channel Logout 1.0 §2.6", "", posted(0, set("iat", -1)), auth.LogoutInvalid, thrice},
		{"typ-absent", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(2, header(map[jose.HeaderKey]any{"kid": "k1"})), auth.SignedOut, thrice},
		{"typ-jwt-as-keycloak-24-has-it", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(2, header(map[jose.HeaderKey]any{"kid": "k1", "typ": "JWT"})), auth.SignedOut, thrice},
		{"typ-application", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(2, header(map[jose.HeaderKey]any{"kid": "k1", "typ": "application/LOGOUT+jwt"})), auth.SignedOut, thrice},
		{"typ-at-jwt", "RFC 8725 §3.11", "", posted(0, header(map[jose.HeaderKey]any{"kid": "k1", "typ": "at+jwt"})), auth.LogoutInvalid, thrice},
		{"typ-secevent-jwt", "RFC 8725 §3.11", "", posted(0, header(map[jose.HeaderKey]any{"kid": "k1", "typ": "secevent+jwt"})), auth.LogoutInvalid, thrice},
		{"typ-a-number", "RFC 7515 §4.1.9", "", posted(0, header(map[jose.HeaderKey]any{"kid": "k1", "typ": 1})), auth.LogoutInvalid, thrice},
		{"crit", "RFC 7515 §4.1.11", "", posted(0, header(map[jose.HeaderKey]any{"kid": "k1", "crit": []string{"x"}, "x": 1})), auth.LogoutInvalid, thrice},
		{"jku", "RFC 8725 §3.10", "", posted(2, header(map[jose.HeaderKey]any{"kid": "k1", "jku": "https://evil.test/keys"})), auth.SignedOut, thrice},
		{"another-key-of-the-same-name", "OpenID Connect Back-Channel Logout 1.0 §2.6", "", posted(0, func(p *fakeProvider) string {
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				p.t.Fatal(err)
			}
			return p.signWith(key, "k1", jose.ES256, logoutClaims(nil))
		}), auth.LogoutInvalid, thrice},
		{"unknown-key", "OpenID Connect Back-Channel Logout 1.0 §2.6", "", posted(0, func(p *fakeProvider) string {
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				p.t.Fatal(err)
			}
			return p.signWith(key, "k2", jose.ES256, logoutClaims(nil))
		}), auth.LogoutInvalid, thrice + " keys"},
		{"signature-of-another-token", "OpenID Connect Back-Channel Logout 1.0 §2.6", "", posted(0, func(p *fakeProvider) string {
			one, other := p.logoutToken(nil), p.logoutToken(nil)
			return one[:strings.LastIndex(one, ".")] + other[strings.LastIndex(other, "."):]
		}), auth.LogoutInvalid, thrice},
		{"no-signature", "OpenID Connect Back-Channel Logout 1.0 §2.6", "", posted(0, func(p *fakeProvider) string {
			one := p.logoutToken(nil)
			return one[:strings.LastIndex(one, ".")+1]
		}), auth.LogoutInvalid, thrice},
		{"id-token", "RFC 8725 §3.11", "", posted(0, func(p *fakeProvider) string {
			return p.sign(logoutClaims(func(c map[string]any) {
				delete(c, "events")
				delete(c, "jti")
				c["nonce"] = "n"
			}))
		}), auth.LogoutInvalid, thrice},
		{"claims-no-object", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, func(p *fakeProvider) string { return p.sign([]byte(`["iss"]`)) }), auth.LogoutInvalid, thrice},
		{"claims-null", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, func(p *fakeProvider) string { return p.sign([]byte(`null`)) }), auth.LogoutInvalid, thrice},
		{"no-token", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, func(*fakeProvider) string { return "x" }), auth.LogoutInvalid, thrice},
		{"four-parts", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, func(p *fakeProvider) string { return p.logoutToken(nil) + ".x" }), auth.LogoutInvalid, thrice},
		{"empty", "OpenID Connect Back-Channel Logout 1.0 §2.4", "", posted(0, func(*fakeProvider) string { return "" }), auth.LogoutInvalid, thrice},
	}
}

// framed makes the provider show us in a frame, when alice is signed in at two
// applications, and with another session of the provider at a third; ended says
// how many of the three sessions are over afterwards.
func framed(ended int, query url.Values) func(*scene) {
	return framedIn("alice", ended, query)
}

func framedIn(who string, ended int, query url.Values) func(*scene) {
	return func(sc *scene) {
		sc.silent, sc.sessions = true, 3-ended
		sc.story = func() {
			sc.want(sc.alice.visit(conformancePage), http.StatusOK)
			sc.want(sc.alice.visit("https://router.example.com/"), http.StatusOK)
			sc.provider.claims = func(c map[string]any) { c["sid"] = "sid-of-the-phone" }
			sc.want(sc.browser("alice").visit("https://wiki.example.net:8443/"), http.StatusOK)
			visitor := sc.alice
			if who != "alice" {
				visitor = sc.browser(who)
			}
			sc.last = visitor.once(http.MethodGet, frontchannel(query), frame...)
			switch {
			case sc.last.StatusCode != http.StatusOK:
				sc.outcome, sc.silent = auth.LogoutInvalid, false
			case len(sc.last.Cookies()) > 0: // it takes its cookie away
				sc.outcome = auth.SignedOut
			}
		}
		sc.check = func() {
			if sc.last.Header.Get("Cache-Control") != "no-store" {
				sc.t.Error("the answer may be kept")
			}
			after := map[bool]int{true: http.StatusFound, false: http.StatusOK}
			sc.want(sc.alice.once(http.MethodGet, conformancePage), after[ended == 2])
			sc.want(sc.alice.once(http.MethodGet, "https://router.example.com/"), after[ended == 2])
		}
	}
}

// frontchannelRows are what a provider may put into a frame. Where nothing ends
// the answer is the same, so that it tells nothing.
func frontchannelRows() []row {
	right := url.Values{"iss": {issuer}, "sid": {"sid-alice"}}
	with := func(iss, sid []string) url.Values { return url.Values{"iss": iss, "sid": sid} }
	iss, sid := []string{issuer}, []string{"sid-alice"}
	return []row{
		{"as-it-should-be", "OpenID Connect Front-Channel Logout 1.0 §2", "oidcc-client-test-rp-frontchannel-rpinitlogout", framed(2, right), auth.SignedOut, thrice},
		{"begun-by-the-provider", "OpenID Connect Front-Channel Logout 1.0 §2", "oidcc-client-test-rp-frontchannel-opinitlogout", framed(2, url.Values{"iss": iss, "sid": sid, "own": {"1", "2"}}), auth.SignedOut, thrice},
		{"issuer-with-slash", "OpenID Connect Front-Channel Logout 1.0 §3", "", framed(0, with([]string{issuer + "/"}, sid)), auth.SignedIn, thrice},
		{"session-of-somebody-else", "OpenID Connect Front-Channel Logout 1.0 §3", "", framed(0, with(iss, []string{"sid-bob"})), auth.SignedIn, thrice},
		{"session-with-wildcard", "OpenID Connect Front-Channel Logout 1.0 §3", "", framed(0, with(iss, []string{"sid-*"})), auth.SignedIn, thrice},
		{"browser-without-our-cookie", "OpenID Connect Front-Channel Logout 1.0 §3", "", framedIn("eve", 0, right), auth.SignedIn, thrice},
		{"revokes-nothing", "OpenID Connect Front-Channel Logout 1.0 §3", "", func(sc *scene) {
			sc.provider.refresh = true
			publishes("revocation_endpoint", "https://idp.example.org/revoke")(sc)
			framed(2, right)(sc)
		}, auth.SignedOut, thrice},
		{"session-missing", "OpenID Connect Front-Channel Logout 1.0 §2", "", framed(0, with(iss, nil)), auth.LogoutInvalid, thrice},
		{"issuer-missing", "OpenID Connect Front-Channel Logout 1.0 §2", "", framed(0, with(nil, sid)), auth.LogoutInvalid, thrice},
		{"nothing-there", "OpenID Connect Front-Channel Logout 1.0 §2", "", framed(0, nil), auth.LogoutInvalid, thrice},
		{"session-empty", "OpenID Connect Front-Channel Logout 1.0 §2", "", framed(0, with(iss, []string{""})), auth.LogoutInvalid, thrice},
		{"session-twice", "OpenID Connect Front-Channel Logout 1.0 §2", "", framed(0, with(iss, []string{"sid-alice", "sid-alice"})), auth.LogoutInvalid, thrice},
		{"issuer-twice", "OpenID Connect Front-Channel Logout 1.0 §2", "", framed(0, with([]string{issuer, issuer}, sid)), auth.LogoutInvalid, thrice},
	}
}

// returned signs alice out, at the provider too, and brings her back with this
// query; "own" is the one with our state.
func returned(query string) func(*scene) {
	return func(sc *scene) {
		sc.story = func() {
			sc.visit(conformancePage)
			end := onward(sc.alice.once(http.MethodGet, "https://app.example.com"+prefix+"/sign_out"))
			back := onward(sc.alice.once(http.MethodGet, end))
			if !strings.HasPrefix(end, "https://idp.example.org/end?") || !strings.HasPrefix(back, "https://outpost.example.com"+prefix+"/sign_out?state=") {
				sc.t.Fatalf("to %s, and back to %s", end, back)
			}
			if query != "own" {
				back, _, _ = strings.Cut(back, "?")
				back += query
			}
			sc.last = sc.alice.once(http.MethodGet, back, "Sec-Fetch-Site", "cross-site")
			if to := onward(sc.last); to != "" {
				sc.t.Errorf("it leads on to %s", to)
			}
		}
	}
}

// endSessionRows are what may come back from the end-session endpoint: whatever
// it is, the page is ours and leads nowhere by itself.
func endSessionRows() []row {
	const spec = "OpenID Connect RP-Initiated Logout 1.0 §3"
	return []row{
		{"asked-for-by-post", "RFC 9700 §4.12", "", func(sc *scene) {
			sc.story = func() {
				sc.visit(conformancePage)
				resp := sc.alice.once(http.MethodPost, homeSignOut, "Origin", "https://app.example.com", "Sec-Fetch-Site", "same-origin")
				sc.want(resp, http.StatusSeeOther)
				sc.visit(onward(resp))
			}
		}, auth.SignedOut, everything},
		{"as-it-should-be", spec, "oidcc-client-test-rp-init-logout", returned("own"), auth.SignedOut, everything},
		{"request-is-as-registered", "OpenID Connect RP-Initiated Logout 1.0 §2", "", endSessionRequest, auth.SignedOut, everything},
		{"state-of-somebody-else", spec, "oidcc-client-test-rp-init-logout-other-state", returned("?state=another"), auth.SignedOut, everything},
		{"state-missing", spec, "oidcc-client-test-rp-init-logout-no-state", returned(""), auth.SignedOut, everything},
		{"state-empty", spec, "", returned("?state="), auth.SignedOut, everything},
		{"state-twice", spec, "", returned("?state=a&state=b"), auth.SignedOut, everything},
		{"return-url", spec, "", returned("?rd=https://evil.test/&redirect_uri=https://evil.test/&post_logout_redirect_uri=https://evil.test/"), auth.SignedOut, everything},
		{"everywhere", spec, "", returned("?everywhere=1&state=another"), auth.SignedOut, everything},
	}
}

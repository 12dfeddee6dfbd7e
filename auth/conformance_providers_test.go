package auth_test

// Rows about applications with more than one provider. The second one in these
// rows is an attacker: its metadata lead browsers to the first one's
// authorization endpoint (RFC 9700 §4.4).

import (
	"net/http"
	"net/url"
	"strings"

	"outpost/auth"
)

const club = "https://club.example.org/x?y=1"

// chosen opens the page of the club, takes the link of a provider, and changes
// on the way what comes back to which redirect URI.
func chosen(provider string, change func(*url.URL, url.Values)) func(*scene) {
	return func(sc *scene) {
		sc.story = func() {
			sc.visit(club)
			link := choice(sc.last, provider)
			if link == "" {
				sc.t.Fatalf("no link for %s in\n%s", provider, body(sc.last))
			}
			callback, err := url.Parse(sc.alice.until(link, prefix+"/callback"))
			if err != nil {
				sc.t.Fatal(err)
			}
			query := callback.Query()
			change(callback, query)
			callback.RawQuery = query.Encode()
			sc.last = sc.alice.visit(callback.String())
		}
		sc.check = func() {
			if n := sc.other.called("/token") + sc.provider.called("/token") - sc.sessions; n != 0 {
				sc.t.Errorf("%d codes were given away", n)
			}
		}
	}
}

// choice is the link of a provider on the page that lets people choose.
func choice(resp *http.Response, provider string) string {
	for part := range strings.SplitSeq(body(resp), `href="`) {
		if link, rest, _ := strings.Cut(part, `"`); strings.Contains(link, "provider="+provider+"&amp;") && strings.Contains(rest, "</a>") {
			return strings.ReplaceAll(link, "&amp;", "&")
		}
	}
	return ""
}

func providerRows() []row {
	const mixUp = "RFC 9700 §4.4"
	to := func(provider string) func(*url.URL, url.Values) {
		return func(u *url.URL, _ url.Values) { u.Path = prefix + "/callback/" + provider }
	}
	with := func(name, value string) func(*url.URL, url.Values) {
		return func(_ *url.URL, q url.Values) { q.Set(name, value) }
	}
	return []row{
		{"first-one-chosen", mixUp, "", chosen("idp", with("x", "y")), auth.SignedIn, everything},
		{"first-one-chosen-and-named", "RFC 9207 §2.4", "", chosen("idp", with("iss", issuer)), auth.SignedIn, everything},
		{"first-one-chosen-and-the-second-answers", mixUp, "", chosen("idp", with("iss", otherIssuer)), auth.CallbackInvalid, begun},
		{"first-one-chosen-and-the-second-answers-with-an-error", "RFC 9207 §2.4", "", chosen("idp", func(_ *url.URL, q url.Values) {
			q.Del("code")
			q.Set("error", "access_denied")
			q.Set("iss", otherIssuer)
		}), auth.CallbackInvalid, begun},
		{"second-one-leads-to-the-first", mixUp, "", chosen("other", to("idp")), auth.CallbackInvalid, begunAtOther},
		{"second-one-leads-to-the-first-and-names-itself", mixUp, "", chosen("other", func(u *url.URL, q url.Values) {
			to("idp")(u, q)
			q.Set("iss", otherIssuer)
		}), auth.CallbackInvalid, begunAtOther},
		{"first-one-names-itself-in-the-flow-of-the-second", "RFC 9207 §2.4", "", chosen("other", with("iss", issuer)), auth.CallbackInvalid, begunAtOther},
		{"redirect-uri-of-no-provider", mixUp, "", chosen("idp", func(u *url.URL, _ url.Values) { u.Path = prefix + "/callback" }), auth.CallbackInvalid, begun},
		{"redirect-uri-of-no-provider-by-authentiks-signature", mixUp, "", chosen("idp", func(u *url.URL, q url.Values) {
			u.Path = prefix + "/anything"
			q.Set("X-authentik-auth-callback", "true")
		}), auth.CallbackInvalid, begun},
		{"redirect-uri-of-the-other", mixUp, "", chosen("idp", to("other")), auth.CallbackInvalid, begun},
		{"nobody-is-asked-before-the-choice", "OpenID Connect Core §3.1.2.1", "", func(sc *scene) {
			sc.story = func() {
				sc.visit(club)
				sc.outcome = auth.ChooseProvider
			}
		}, auth.ChooseProvider, nothing},
		{"choice-of-a-provider-that-the-application-does-not-have", mixUp, "", func(sc *scene) {
			sc.story = func() {
				sc.visit("https://club.example.org" + prefix + "/start?provider=nobody&rd=" + url.QueryEscape(club))
				sc.outcome = auth.ChooseProvider
			}
		}, auth.ChooseProvider, nothing},
	}
}

// begunAtOther are the requests until the attacker's flow has begun.
const begunAtOther = "other.example.org/oidc/.well-known/openid-configuration other.example.org/keys"

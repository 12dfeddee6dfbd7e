package auth_test

// Rows about our own endpoints: what they take from whom, and what they leave
// alone; and how we show the provider who we are.

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"outpost/auth"
	"outpost/auth/provider"
)

// refusedHere is a request to an endpoint of ours that is refused for its kind.
// The address is where she would come back with a code.
func refusedHere(send func(sc *scene, callback string) *http.Response) func(*scene) {
	return func(sc *scene) {
		sc.story = func() {
			sc.last = send(sc, sc.alice.until(conformancePage, prefix+"/callback"))
			sc.outcome = auth.MethodNotAllowed // the page says whether it is so
		}
	}
}

// ends holds where alice is in the end.
func ends(at string, does func(*scene)) func(*scene) {
	return func(sc *scene) {
		does(sc)
		sc.check = func() {
			if sc.alice.at != at {
				sc.t.Errorf("alice ends at %s, want %s", sc.alice.at, at)
			}
		}
	}
}

func endpointRows() []row {
	const (
		mode     = "OAuth 2.0 Form Post Response Mode §2"
		redirect = "RFC 9700 §4.11.1"
		third    = "OpenID Connect Core 1.0 §4"
	)
	ok := auth.SignedIn
	front := "https://outpost.example.com/"
	return []row{
		{"answer-as-a-form-post", mode, "", refusedHere(func(sc *scene, callback string) *http.Response {
			address, query, _ := strings.Cut(callback, "?")
			r := httptest.NewRequest(http.MethodPost, address, strings.NewReader(query))
			r.Header.Set("Content-Type", formType)
			r.Header.Set("Accept", "text/html")
			return sc.nginx(r, address)
		}), auth.MethodNotAllowed, begun},
		{"answer-as-a-form-post-with-the-query-too", mode, "", refusedHere(func(sc *scene, callback string) *http.Response {
			return sc.alice.once(http.MethodPost, callback, "Content-Type", formType)
		}), auth.MethodNotAllowed, begun},
		{"request-is-no-object-and-asks-for-no-form", "OpenID Connect Core 1.0 §6", "", func(sc *scene) {
			sc.check = func() {
				for _, name := range []string{"request", "request_uri", "response_mode", "registration", "claims"} {
					if sc.provider.seen[0].Has(name) {
						sc.t.Errorf("the request has %s", name)
					}
				}
			}
		}, ok, everything},
		{"session-state-is-not-read", "OpenID Connect Session Management 1.0 §3", "", func(sc *scene) {
			publishes("check_session_iframe", "https://idp.example.org/frame")(sc)
			bring("session_state", "<script>")(sc)
		}, ok, everything},
		{"sign-in-begun-by-a-third-party", third, "", ends(front, func(sc *scene) {
			sc.story = func() {
				sc.visit(front[:len(front)-1] + prefix + "/start?iss=" + url.QueryEscape(otherIssuer) + "&login_hint=mallory&target_link_uri=https%3A%2F%2Fevil.test%2F")
				if q := sc.provider.seen[0]; q.Has("login_hint") || q.Has("target_link_uri") {
					sc.t.Errorf("the provider is told %v", q)
				}
			}
		}), ok, everything},
		{"start-names-what-is-not-its-to-name", third, "", ends(front, func(sc *scene) {
			sc.story = func() {
				sc.visit(front[:len(front)-1] + prefix + "/start?scope=admin&prompt=none&client_id=x&acr_values=0&redirect_uri=https%3A%2F%2Fevil.test%2F")
				q := sc.provider.seen[0]
				if q.Get("scope") != "openid profile" || q.Has("prompt") || q.Has("acr_values") || q.Get("client_id") != "outpost" || q.Get("redirect_uri") != front[:len(front)-1]+prefix+"/callback" {
					sc.t.Errorf("the provider is told %v", q)
				}
			}
		}), ok, everything},
		{"callback-names-a-return-url", redirect, "", ends(conformancePage, bring("rd", "https://evil.test/", "redirect", "https://evil.test/")), ok, everything},
		{"password-in-the-request", "RFC 9700 §2.4", "", func(sc *scene) {
			sc.story = func() {
				sc.last = sc.alice.once(http.MethodGet, conformancePage, "Authorization", "Basic YWxpY2U6c2VjcmV0")
				if to := sc.last.Header.Get("Location"); !strings.HasPrefix(to, "https://app.example.com"+prefix+"/start?") {
					sc.t.Errorf("it leads to %q", to)
				}
				sc.visit(conformancePage)
			}
		}, ok, everything},
		{"early-data", "RFC 8470 §5.1", "", func(sc *scene) {
			sc.story = func() {
				callback := sc.alice.until(conformancePage, prefix+"/callback")
				if early := sc.alice.once(http.MethodGet, callback, "Early-Data", "1"); early.StatusCode != http.StatusTooEarly {
					sc.t.Errorf("early: %s", early.Status)
				}
				sc.visit(callback)
			}
		}, ok, everything},
		{"return-url-elsewhere", "RFC 9700 §4.11.1", "", func(sc *scene) {
			sc.story = func() { sc.visit("https://outpost.example.com" + prefix + "/start?rd=https%3A%2F%2Fevil.test%2F") }
			sc.check = func() {
				if !strings.HasPrefix(sc.alice.at, "https://outpost.example.com/") {
					sc.t.Errorf("alice ends at %s", sc.alice.at)
				}
			}
		}, ok, everything},
		{"client-authenticates-with-basic", "OpenID Connect Core 1.0 §9", "oidcc-client-test-client-secret-basic", func(sc *scene) {
			sc.answers["/token"] = func(r *http.Request) (*http.Response, error) {
				if err := r.ParseForm(); err != nil {
					sc.t.Error(err)
				}
				if id, secret, has := r.BasicAuth(); !has || id != "outpost" || secret != "client+secret" || r.Form.Has("client_secret") || r.URL.RawQuery != "" {
					sc.t.Errorf("basic %v as %s, form %v", has, id, r.Form)
				}
				if v := r.Form.Get("code_verifier"); len(v) < 43 || len(v) > 128 || strings.Trim(v, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") != "" {
					sc.t.Errorf("code_verifier %q (RFC 7636 §4.1)", v)
				}
				return nil, nil
			}
		}, ok, everything},
		{"client-authenticates-in-the-body", "OpenID Connect Core 1.0 §9", "", func(sc *scene) {
			sc.build(func(c *auth.Config) { c.Providers[0].ClientAuth = provider.ClientPost })
			sc.provider.client = func(r *http.Request) bool {
				return r.Header.Get("Authorization") == "" && r.PostForm.Get("client_id") == "outpost" && r.PostForm.Get("client_secret") == "client secret" && r.URL.RawQuery == ""
			}
		}, ok, everything},
	}
}

package auth_test

// Rows about pushed authorization requests (RFC 9126).

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"outpost/auth"
	"outpost/auth/provider"
)

// pushes makes the provider require pushed requests; does changes its answer.
func pushes(does func(*scene)) func(*scene) {
	return func(sc *scene) {
		sc.provider.metadata = map[string]any{
			"pushed_authorization_request_endpoint": "https://idp.example.org/par", "require_pushed_authorization_requests": true,
			"authorization_endpoint": "https://idp.example.org/authorize?tenant=1",
		}
		if does != nil {
			does(sc)
		}
		sc.check = func() {
			sc.provider.mu.Lock()
			defer sc.provider.mu.Unlock()
			if len(sc.provider.seen) != sc.sessions {
				sc.t.Errorf("the browser brought %d requests, want %d: %v", len(sc.provider.seen), sc.sessions, sc.provider.seen)
			}
			for i, q := range sc.provider.seen {
				if len(q) != 3 || q.Get("client_id") != "outpost" || q.Get("request_uri") == "" || q.Get("tenant") != "1" {
					sc.t.Errorf("the browser brought more than it should: %v", q)
				}
				if p := sc.provider.asked[i]; p.Get("code_challenge_method") != "S256" || p.Get("state") == "" || p.Get("nonce") == "" || p.Get("request_uri") != "" {
					sc.t.Errorf("pushed: %v", p)
				}
			}
		}
	}
}

func pushedRows() []row {
	const (
		request = "RFC 9126 §2.1"
		answer  = "RFC 9126 §2.2"
		failure = "RFC 9126 §2.3"
		pushed  = begun + " idp.example.org/par"
	)
	answers := func(status int, body string, more ...string) func(*scene) {
		return pushes(func(sc *scene) { sc.answer("/par", status, body, more...) })
	}
	wrong, down := auth.ProviderMisconfigured, auth.ProviderUnreachable
	return []row{
		{"as-required", request, "", pushes(nil), auth.SignedIn, pushed + " token userinfo"},
		{"endpoint-that-is-not-required", request, "", func(sc *scene) {
			sc.provider.metadata = map[string]any{"pushed_authorization_request_endpoint": "https://idp.example.org/par"}
			sc.check = func() {
				if sc.provider.seen[0].Get("code_challenge") == "" {
					sc.t.Error("the request was pushed though nobody wants it")
				}
			}
		}, auth.SignedIn, everything},
		{"required-and-no-endpoint", "RFC 9126 §5", "", pushes(func(sc *scene) { delete(sc.provider.metadata, "pushed_authorization_request_endpoint") }), wrong, begun},
		{"endpoint-over-plain-http", "RFC 9126 §5", "", pushes(func(sc *scene) {
			sc.provider.metadata["pushed_authorization_request_endpoint"] = "http://idp.example.org/par"
		}), wrong, "discovery"},
		{"client-refused", failure, "", answers(401, `{"error":"invalid_client"}`), wrong, pushed},
		{"request-refused", failure, "", answers(400, `{"error":"invalid_request","error_description":"`+canary+`"}`), wrong, pushed},
		{"too-many-requests", failure, "", answers(429, ``), down, pushed},
		{"server-error", failure, "", answers(503, canary), down, pushed},
		{"status-200", answer, "", pushes(func(sc *scene) {
			sc.answers["/par"] = func(r *http.Request) (*http.Response, error) {
				resp, err := sc.provider.RoundTrip(r)
				if err == nil {
					resp.StatusCode = http.StatusOK
				}
				return resp, err
			}
		}), auth.SignedIn, pushed + " token userinfo"},
		{"no-request-uri", answer, "", answers(201, `{"expires_in":60}`), wrong, pushed},
		{"request-uri-a-number", answer, "", answers(201, `{"request_uri":7}`), wrong, pushed},
		{"request-uri-with-a-line-break", answer, "", answers(201, `{"request_uri":"urn:x\r\nSet-Cookie: a=b"}`), wrong, pushed},
		{"request-uri-too-long", answer, "", answers(201, `{"request_uri":"urn:`+strings.Repeat("x", 4096)+`"}`), wrong, pushed},
		{"no-json", answer, "", answers(201, canary), wrong, pushed},
		{"redirect", "RFC 9700 §4.12", "", answers(307, ``, "Location", "https://idp.example.org/par2"), wrong, pushed},
		{"redirect-to-another-host", "RFC 9700 §4.12", "", answers(308, ``, "Location", "https://evil.test/par"), wrong, pushed},
		{"floods", failure, "", pushes(flooding("/par")), wrong, pushed},
		{"redirect-to-http", "RFC 9700 §4.12", "", answers(308, ``, "Location", "http://idp.example.org/par"), wrong, pushed},
		{"asked-for-by-us-and-down", failure, "", func(sc *scene) {
			sc.build(with(func(p *provider.Config) { p.Push = true }))
			pushes(reset("/par"))(sc)
			delete(sc.provider.metadata, "require_pushed_authorization_requests")
		}, down, pushed},
		{"drips", failure, "", pushes(dripping("/par", 10*time.Second)), down, pushed},
		{"breaks-off", failure, "", pushes(reset("/par")), down, pushed},
		{"hangs", failure, "", pushes(func(sc *scene) {
			sc.within = 6 * time.Second
			sc.answers["/par"] = func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
		}), down, pushed},
		{"credentials-go-along", request, "", pushes(func(sc *scene) {
			sc.answers["/par"] = func(r *http.Request) (*http.Response, error) {
				if id, secret, _ := r.BasicAuth(); id != "outpost" || secret != "client+secret" {
					return respond(http.StatusUnauthorized, `{"error":"invalid_client"}`), nil
				}
				return nil, nil
			}
		}), auth.SignedIn, pushed + " token userinfo"},
		{"request-uri-is-used-once", answer, "", pushes(func(sc *scene) {
			var first url.Values
			sc.story = func() {
				sc.visit(conformancePage)
				first = sc.provider.seen[0]
				resp := sc.browser("bob").once(http.MethodGet, "https://app.example.com/")
				to := sc.browser("bob").until(resp.Header.Get("Location"), "idp.example.org/authorize")
				if strings.Contains(to, url.QueryEscape(first.Get("request_uri"))) {
					sc.t.Error("a reference was handed out twice")
				}
			}
		}), auth.SignedIn, pushed + " token userinfo idp.example.org/par"},
	}
}

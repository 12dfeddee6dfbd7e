package auth_test

// Rows about the token endpoint.

import (
	"io"
	"net/http"
	"strings"
	"time"

	"outpost/auth"
)

// tokens changes the token endpoint's answer, and its status.
func tokens(status int, change func(map[string]any)) func(*scene) {
	return func(sc *scene) {
		sc.provider.token = func(answer map[string]any) int { change(answer); return status }
	}
}

// says sets one member of the token endpoint's answer.
func says(name string, value any) func(*scene) {
	return tokens(http.StatusOK, func(answer map[string]any) {
		if answer[name] = value; value == absent {
			delete(answer, name)
		}
	})
}

// answers puts an answer in the place of the provider's own.
func answers(path string, status int, text string, more ...string) func(*scene) {
	return func(sc *scene) { sc.answer(path, status, text, more...) }
}

// rewritten passes the provider's own answer through a change of its text.
func rewritten(path string, change func(string) string) func(*scene) {
	return func(sc *scene) {
		sc.answers[path] = func(r *http.Request) (*http.Response, error) {
			resp, err := sc.provider.RoundTrip(r)
			if err != nil {
				return nil, err
			}
			return respond(resp.StatusCode, change(body(resp))), nil
		}
	}
}

// hanging never answers at this path.
func hanging(path string, within time.Duration) func(*scene) {
	return func(sc *scene) {
		sc.within = within
		sc.answers[path] = func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
	}
}

// dripping answers a byte a second at this path.
func dripping(path string, within time.Duration) func(*scene) {
	return func(sc *scene) {
		sc.within = within
		sc.answers[path] = func(r *http.Request) (*http.Response, error) {
			resp := respond(http.StatusOK, "")
			resp.Body = io.NopCloser(reader(func(p []byte) (int, error) {
				select {
				case <-time.After(time.Second):
					return copy(p, " "), nil
				case <-r.Context().Done():
					return 0, r.Context().Err()
				}
			}))
			return resp, nil
		}
	}
}

// flooding answers 100 MiB at this path, and sees how much is read.
func flooding(path string) func(*scene) {
	return func(sc *scene) {
		sc.answers[path] = func(*http.Request) (*http.Response, error) {
			resp, read := respond(http.StatusOK, ""), 0
			resp.Body = io.NopCloser(io.LimitReader(reader(func(p []byte) (int, error) {
				if read += len(p); read > 2<<20 {
					sc.t.Errorf("%d bytes are read", read)
					return 0, io.ErrUnexpectedEOF
				}
				for i := range p {
					p[i] = ' '
				}
				return len(p), nil
			}), 100<<20))
			return resp, nil
		}
	}
}

// reader is an io.Reader.
type reader func([]byte) (int, error)

func (f reader) Read(p []byte) (int, error) { return f(p) }

// reset breaks the connection at this path.
func reset(path string) func(*scene) {
	return func(sc *scene) {
		sc.answers[path] = func(*http.Request) (*http.Response, error) { return nil, errDown }
	}
}

func exchangeRows() []row {
	const (
		answer   = "OpenID Connect Core 1.0 §3.1.3.3"
		errors   = "RFC 6749 §5.2"
		redirect = "RFC 9700 §4.12"
		ours     = "RFC 9700 §2.6"
		fapi     = "fapi2-security-profile-final-client-test"
	)
	refused, ok := auth.TokenInvalid, auth.SignedIn
	member := func(text string) func(*scene) {
		return rewritten("/token", func(s string) string { return strings.Replace(s, "{", "{"+text+",", 1) })
	}
	return []row{
		{"id-token-missing", answer, "", says("id_token", absent), refused, exchanged},
		{"id-token-as-a-number", answer, "", says("id_token", 1), refused, exchanged},
		{"access-token-missing", "RFC 6749 §5.1", "", says("access_token", absent), refused, exchanged},
		{"access-token-with-a-line-break", "RFC 6749 §A.12", "", says("access_token", "a\r\nX: y"), refused, exchanged},
		{"token-type-missing", answer, "", says("token_type", absent), refused, exchanged},
		{"token-type-mac", answer, "", says("token_type", "mac"), refused, exchanged},
		{"token-type-in-lower-case", answer, fapi + "-token-type-case-insensitivity", says("token_type", "bearer"), ok, everything},
		{"token-type-in-capitals", answer, "", says("token_type", "BEARER"), ok, everything},
		{"expires-in-missing", "RFC 6749 §5.1", fapi + "-token-endpoint-response-without-expires_in", says("expires_in", absent), ok, everything},
		{"expires-in-as-text", "RFC 6749 §5.1", "", says("expires_in", "300"), ok, everything},
		{"expires-in-negative", "RFC 6749 §5.1", "", says("expires_in", -300), ok, everything},
		{"expires-in-huge", "RFC 6749 §5.1", "", says("expires_in", int64(1)<<62), ok, everything},
		{"expires-in-beyond-all-numbers", "RFC 6749 §5.1", "", says("expires_in", 1e300), refused, exchanged},
		{"expires-in-as-a-word", "RFC 6749 §5.1", "", says("expires_in", "soon"), refused, exchanged},
		{"error-and-200", errors, "", tokens(200, func(a map[string]any) { a["error"] = "invalid_grant" }), refused, exchanged},

		{"invalid-grant", errors, "", tokens(400, func(a map[string]any) { clear(a); a["error"] = "invalid_grant" }), auth.ExchangeRefused, exchanged},
		{"invalid-client", errors, "", func(sc *scene) {
			tokens(401, func(a map[string]any) { clear(a); a["error"] = "invalid_client" })(sc)
			sc.check = func() { // it is the operator's to mend
				if log := sc.log.String(); !strings.Contains(log, `"level":"ERROR"`) || !strings.Contains(log, "invalid_client") {
					sc.t.Errorf("the log has no error:\n%s", log)
				}
			}
		}, auth.ProviderMisconfigured, exchanged},
		{"unauthorized-client", errors, "", tokens(400, func(a map[string]any) { clear(a); a["error"] = "unauthorized_client" }), auth.ProviderMisconfigured, exchanged},
		{"invalid-client-and-400", errors, "", tokens(400, func(a map[string]any) { clear(a); a["error"] = "invalid_client" }), auth.ProviderMisconfigured, exchanged},
		{"error-as-a-form", errors, "", answers("/token", 400, "error=invalid_grant", "Content-Type", "application/x-www-form-urlencoded"), auth.ExchangeRefused, exchanged},
		{"html-and-401", errors, "", answers("/token", 401, "<html>"+canary, "Content-Type", "text/html"), auth.ProviderMisconfigured, exchanged},
		{"error-of-one-mebibyte", errors, "", answers("/token", 400, `{"error":"`+strings.Repeat("x", 1<<19)+`"}`), auth.ExchangeRefused, exchanged},
		{"server-error", errors, "", tokens(500, func(a map[string]any) { clear(a) }), auth.ProviderUnreachable, exchanged},
		{"too-many-requests", errors, "", answers("/token", 429, "", "Retry-After", "60"), auth.ExchangeRefused, exchanged},

		{"redirect-to-another-host", redirect, "", answers("/token", 302, "", "Location", "https://evil.test/token"), auth.ProviderMisconfigured, exchanged},
		{"redirect-that-keeps-the-body", redirect, "", answers("/token", 307, "", "Location", "https://evil.test/token"), auth.ProviderMisconfigured, exchanged},
		{"redirect-for-ever", redirect, "", answers("/token", 308, "", "Location", "https://evil.test/token"), auth.ProviderMisconfigured, exchanged},
		{"redirect-on-the-same-host", redirect, "", answers("/token", 307, "", "Location", "/token2"), auth.ProviderMisconfigured, exchanged},
		{"redirect-to-http", redirect, "", answers("/token", 307, "", "Location", "http://idp.example.org/token"), auth.ProviderMisconfigured, exchanged},

		{"hangs", ours, "", hanging("/token", 10*time.Second), auth.ProviderUnreachable, exchanged},
		{"drips", ours, "", dripping("/token", 10*time.Second), auth.ProviderUnreachable, exchanged},
		{"breaks-off", ours, "", reset("/token"), auth.ProviderUnreachable, exchanged},
		{"floods", ours, "", flooding("/token"), auth.ProviderMisconfigured, exchanged},
		{"answer-of-a-mebibyte-and-a-byte", ours, "", rewritten("/token", func(s string) string { return s + strings.Repeat(" ", 1<<20+1-len(s)) }), auth.ProviderMisconfigured, exchanged},
		{"answer-of-a-mebibyte", ours, "", rewritten("/token", func(s string) string { return s + strings.Repeat(" ", 1<<20-len(s)) }), ok, everything},
		{"empty", ours, "", answers("/token", 200, ""), refused, exchanged},
		{"html", ours, "", answers("/token", 200, "<html>", "Content-Type", "text/html"), refused, exchanged},
		{"compressed-without-being-asked", ours, "", answers("/token", 200, "\x1f\x8b\x08\x00", "Content-Encoding", "gzip"), refused, exchanged},
		{"list", ours, "", answers("/token", 200, "[]"), refused, exchanged},

		{"not-utf-8", "RFC 8259 §8.1", "", member("\"scope\":\"\xff\""), refused, exchanged},
		{"member-twice", "RFC 8259 §4", "", member(`"token_type":"Bearer"`), refused, exchanged},
		{"member-twice-and-not-labelled-as-json", "RFC 8259 §4", "", func(sc *scene) {
			member(`"token_type":"Bearer"`)(sc)
			next := sc.answers["/token"]
			sc.answers["/token"] = func(r *http.Request) (*http.Response, error) {
				resp, err := next(r)
				resp.Header.Del("Content-Type")
				return resp, err
			}
		}, refused, exchanged},
		{"deep", "RFC 8259 §9", "", member(`"x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)), refused, exchanged},
		{"cut-off", "RFC 8259 §2", "", rewritten("/token", func(s string) string { return s[:len(s)/2] }), refused, exchanged},
		{"two-documents", "RFC 8259 §2", "", rewritten("/token", func(s string) string { return s + s }), refused, exchanged},
	}
}

package auth_test

// What the log says while everything goes wrong: whole lines, short ones, few
// of them, and no secret in any.

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"outpost/auth"
)

// hostile are values that end a line, colour a terminal, look like another
// field, or fill the disk.
var hostile = []string{
	"a\r\nlevel=ERROR msg=forged", "\x1b[31mred\x1b[0m", "a\u2028b\u0085c", `"}` + "\n" + `{"level":"ERROR","msg":"forged"}`, "\u202egnp.exe", "a\x00b", "\xff\xfe", "%0d%0aforged", strings.Repeat("A", 30_000),
}

// vandalise sends every hostile value everywhere that it can stand.
func (s *stage) vandalise() {
	for _, value := range hostile {
		for _, name := range []string{"X-Original-Url", "X-Original-Method", "X-Forwarded-Host", "X-Forwarded-For", "X-Real-Ip", "User-Agent", "Referer", "Cookie", "Host", "Origin", "Accept", "Sec-Fetch-Mode", "X-Requested-With"} {
			for _, v := range []string{value, "https://app.example.com/" + value, "203.0.113.7, fe80::1%" + value} {
				h := swag("app.example.com", "/")
				h[name] = []string{v}
				s.check(h, nginxPeer)
				for _, path := range []string{"/start", "/callback", "/sign_out", "/x", "/auth/x"} {
					r := httptest.NewRequest(http.MethodGet, prefix+path, nil)
					r.Host, r.Header, r.RemoteAddr = h.Get("Host"), h.Clone(), nginxPeer
					delete(r.Header, "Host")
					r.URL.RawQuery = "rd=" + url.QueryEscape(value) + "&state=" + url.QueryEscape(value) + "&code=" + url.QueryEscape(value)
					s.public.ServeHTTP(httptest.NewRecorder(), r)
				}
			}
		}
		b := s.browser("alice")
		if u, err := url.Parse(b.until("https://app.example.com/x", prefix+"/callback")); err == nil {
			u.RawQuery = url.Values{"state": u.Query()["state"], "error": {value}, "error_description": {value}, "error_uri": {"javascript:alert(1)"}}.Encode()
			b.visit(u.String())
		}
		s.provider.users["alice"]["preferred_username"], s.provider.users["alice"]["groups"] = value, []string{value, "a|" + value}
		s.browser("alice").visit("https://app.example.com/")
		s.provider.claims = func(c map[string]any) { c["iss"], c[value] = value, value }
		s.browser("alice").visit("https://app.example.com/")
		s.provider.claims = nil
		s.provider.token = func(a map[string]any) int { clear(a); a["error"], a["error_description"] = value, value; return 400 }
		s.browser("alice").visit("https://app.example.com/")
		s.provider.token = nil
	}
}

func TestLogLinesAreWhole(t *testing.T) {
	t.Run("json", func(t *testing.T) {
		s := newStage(t)
		s.vandalise()
		lines := strings.SplitAfter(s.log.String(), "\n")
		if len(lines) < 100 {
			t.Fatalf("only %d lines", len(lines))
		}
		for _, line := range lines[:len(lines)-1] {
			var fields map[string]any
			if err := json.Unmarshal([]byte(line), &fields); err != nil || len(line) > 8<<10 || fields["msg"] == "forged" || strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return r < 0x20 || r == 0x7f }) {
				t.Fatalf("%v, %d bytes: %.500q", err, len(line), line)
			}
		}
	})
	t.Run("text", func(t *testing.T) {
		log := &syncBuffer{}
		s := newStage(t, func(c *auth.Config) {
			c.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		s.vandalise()
		lines := strings.SplitAfter(log.String(), "\n")
		if len(lines) < 100 {
			t.Fatalf("only %d lines", len(lines))
		}
		for _, line := range lines[:len(lines)-1] {
			if !strings.HasPrefix(line, "time=") || strings.Contains(line, " msg=forged") && !strings.Contains(line, `\nlevel=ERROR msg=forged`) || len(line) > 8<<10 || strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return r < 0x20 || r == 0x7f }) {
				t.Fatalf("%d bytes: %.500q", len(line), line)
			}
		}
	})
}

// witness hears every secret of a sign-in as it goes over the wire.
type witness struct {
	mu      sync.Mutex
	secrets []string
}

func (w *witness) add(secrets ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range secrets {
		if len(s) >= 8 {
			w.secrets = append(w.secrets, s)
		}
	}
}

func (w *witness) listen(c *auth.Config) {
	next := c.Transport
	c.Transport = transport(func(r *http.Request) (*http.Response, error) {
		w.add(strings.TrimPrefix(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), "Basic "))
		if r.Body != nil {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			form, _ := url.ParseQuery(string(body))
			w.add(form.Get("code"), form.Get("code_verifier"), form.Get("client_secret"))
		}
		resp, err := next.RoundTrip(r)
		if err != nil || r.URL.Path != "/token" {
			return resp, err
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body = io.NopCloser(bytes.NewReader(body))
		var answer map[string]any
		json.Unmarshal(body, &answer)
		for _, name := range []string{"access_token", "id_token", "refresh_token"} {
			token, _ := answer[name].(string)
			w.add(token)
			if i := strings.LastIndexByte(token, '.'); i > 0 {
				w.add(token[i+1:]) // the signature alone is enough to know it by
			}
		}
		return resp, nil
	})
}

// Whatever a provider does wrong, no secret of the sign-in is in the log at the
// finest level, nor on the page.
func TestNoSecretsWhenThingsGoWrong(t *testing.T) {
	echo := func(status int, kind string) func(*http.Request) (*http.Response, error) {
		return func(r *http.Request) (*http.Response, error) {
			r.ParseForm()
			return respond(status, `{"error":"invalid_grant","error_description":"`+r.Form.Encode()+r.Header.Get("Authorization")+`"}`, "Content-Type", kind), nil
		}
	}
	for name, change := range map[string]func(*auth.Config){
		"nothing":                            func(*auth.Config) {},
		"token-endpoint-repeats-the-request": answering("/token", echo(400, "application/json")),
		"token-endpoint-fails-with-it":       answering("/token", echo(500, "text/html")),
		"token-endpoint-says-it-in-html":     answering("/token", echo(200, "text/html")),
		"userinfo-repeats-the-token": answering("/userinfo", func(r *http.Request) (*http.Response, error) {
			return respond(200, `"`+r.Header.Get("Authorization")+`"`), nil
		}),
		"userinfo-fails-with-the-token": answering("/userinfo", func(r *http.Request) (*http.Response, error) {
			return respond(403, r.Header.Get("Authorization"), "Www-Authenticate", r.Header.Get("Authorization")), nil
		}),
		"token-endpoint-redirects-with-it": answering("/token", func(r *http.Request) (*http.Response, error) {
			r.ParseForm()
			return respond(307, "", "Location", "https://idp.example.org/elsewhere?"+r.Form.Encode()), nil
		}),
	} {
		t.Run(name, func(t *testing.T) { tellAndSearch(t, func(*fakeProvider) {}, change) })
	}
	for name, misbehave := range map[string]func(p *fakeProvider){
		"wrong-nonce":        func(p *fakeProvider) { p.claims = func(c map[string]any) { c["nonce"] = "x" } },
		"wrong-audience":     func(p *fakeProvider) { p.claims = func(c map[string]any) { c["aud"] = "x" } },
		"wrong-hash":         func(p *fakeProvider) { p.claims = func(c map[string]any) { c["at_hash"] = "x" } },
		"payload-no-json":    func(p *fakeProvider) { sign := p.sign; p.sign = func([]byte) string { return sign([]byte("no json")) } },
		"unsigned":           func(p *fakeProvider) { p.sign = unsigned },
		"type-confused":      func(p *fakeProvider) { p.claims = func(c map[string]any) { c["exp"] = "x" } },
		"subject-of-another": func(p *fakeProvider) { p.userinfo = func(c map[string]any) { c["sub"] = "x" } },
		"no-token-type":      func(p *fakeProvider) { p.token = func(a map[string]any) int { delete(a, "token_type"); return 200 } },
		"token-type-is-token": func(p *fakeProvider) {
			p.token = func(a map[string]any) int { a["token_type"] = []any{a["access_token"]}; return 200 }
		},
	} {
		t.Run(name, func(t *testing.T) { tellAndSearch(t, misbehave) })
	}
}

// tellAndSearch tells a sign-in, a sign-out and what follows them, and searches
// log and pages for everything that the witness heard.
func tellAndSearch(t *testing.T, misbehave func(*fakeProvider), change ...func(*auth.Config)) {
	t.Helper()
	heard := &witness{}
	s := newStage(t, append(change, heard.listen)...)
	misbehave(s.provider)
	b := s.browser("alice")
	callback := b.until("https://app.example.com/x?token=secret-of-the-query", prefix+"/callback")
	u, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	heard.add(u.Query().Get("code"), u.Query().Get("state"), "secret-of-the-query", strings.Repeat("s", 32), "client secret", "client+secret", base64.StdEncoding.EncodeToString([]byte("outpost:client+secret")))
	var pages strings.Builder
	for _, at := range []string{callback, callback, callback + "&code=again-and-again", "https://app.example.com/", "https://app.example.com" + prefix + "/sign_out"} {
		resp := b.visit(at)
		pages.WriteString(body(resp))
		for _, host := range []string{"https://app.example.com/", "https://outpost.example.com/"} {
			heard.add(b.cookie(host, "__Secure-outpost-home"), b.cookie(host, "__Host-outpost-browser"))
		}
	}
	for _, q := range s.provider.seen {
		heard.add(q.Get("nonce"), q.Get("state"), q.Get("code_challenge"))
	}
	slices.Sort(heard.secrets)
	for _, secret := range slices.Compact(heard.secrets) {
		if strings.Contains(s.log.String(), secret) || strings.Contains(s.log.String(), url.QueryEscape(secret)) {
			t.Errorf("%.60q is in the log:\n%.3000s", secret, s.log.String())
		}
		if strings.Contains(pages.String(), secret) && secret != "secret-of-the-query" {
			t.Errorf("%.60q is on a page:\n%.3000s", secret, pages.String())
		}
	}
	if len(heard.secrets) < 8 {
		t.Errorf("the witness heard only %q", heard.secrets)
	}
}

// Refused visits flood the log no more than refused checks do.
func TestVisitsDoNotFloodTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		b := s.browser("alice")
		for range 1000 {
			s.want(b.once(http.MethodGet, "https://app.example.com"+prefix+"/nothing-here"), http.StatusNotFound)
			s.want(b.once(http.MethodGet, "https://app.example.com"+prefix+"/callback?state=forged"), http.StatusBadRequest)
		}
		time.Sleep(time.Second)
		s.want(b.once(http.MethodGet, "https://app.example.com"+prefix+"/nothing-here"), http.StatusNotFound)
		log := s.log.String()
		if found, forged := strings.Count(log, `"reason":"not_found"`), strings.Count(log, `"reason":"state_invalid"`); found != 11 || forged != 10 {
			t.Errorf("%d and %d lines, want 11 and 10", found, forged)
		}
		if !strings.Contains(log, `"suppressed":990`) {
			t.Errorf("log:\n%.3000s", log)
		}
	})
}

// Strangers make no metric: what the hooks are told is from the configuration.
func TestHooksNameOnlyWhatIsConfigured(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	note := func(names ...string) {
		mu.Lock()
		defer mu.Unlock()
		for _, name := range names {
			seen[name] = true
		}
	}
	s := newStage(t, func(c *auth.Config) {
		c.Hooks = auth.Hooks{
			Check:           func(a string, r auth.Reason, _ time.Duration) { note(a, string(r)) },
			SignIn:          func(a, p string, r auth.Reason, _ time.Duration) { note(a, p, string(r)) },
			SignOut:         func(a string, r auth.Reason) { note(a, string(r)) },
			ProviderRequest: func(p, op string, _ int, _ time.Duration) { note(p, op) },
			ProviderUp:      func(p string, _ bool) { note(p) },
			ClockSkew:       func(p string, _ time.Duration) { note(p) },
			HeadersDropped:  func(a string) { note(a) },
		}
	})
	s.vandalise()
	known := []string{"", "home", "router", "wiki", "idp", "discovery", "jwks", "token", "userinfo"}
	for _, r := range auth.Reasons() {
		known = append(known, string(r))
	}
	for name := range seen {
		if !slices.Contains(known, name) {
			t.Errorf("%.100q", name)
		}
	}
	if len(seen) < 12 {
		t.Errorf("only %v", seen)
	}
}

package provider

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// newRealProvider is a provider at h, asked through the client that the program
// has, over real connections.
func newRealProvider(t *testing.T, h http.HandlerFunc, hooks Hooks) *Provider {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c := Config{Name: "idp", Issuer: server.URL, ClientID: "outpost", ClientSecret: "secret", Scopes: []string{"openid"}}
	p, err := New(c, Means{Log: slog.New(slog.DiscardHandler), Hooks: hooks})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestGetJSON(t *testing.T) {
	const fits = maxAnswer - len(`{"issuer":""}`)
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		want   error // nil is success; errMisconfigured and so on
	}{
		{"json", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"issuer":"x"}`) }, nil},
		{"as-large-as-may-be", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"issuer":"`+strings.Repeat("x", fits)+`"}`)
		}, nil},
		{"one-byte-larger", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"issuer":"`+strings.Repeat("x", fits+1)+`"}`)
		}, errAnswerTooLarge},
		{"without-end", func(w http.ResponseWriter, _ *http.Request) {
			for range 100 {
				if _, err := w.Write(bytes.Repeat([]byte(" "), 1<<20)); err != nil {
					return
				}
			}
		}, errAnswerTooLarge},
		{"redirect-on-the-spot", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/x" {
				http.Redirect(w, r, "/x", http.StatusFound)
				return
			}
			io.WriteString(w, `{}`)
		}, nil},
		{"redirect-in-circles", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }, errRedirected},
		{"redirect-to-another-host", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
		}, errRedirected},
		{"redirect-to-another-port", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}, errRedirected},
		{"redirect-to-another-scheme", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://"+r.Host+"/", http.StatusFound)
		}, errRedirected},
		{"redirect-to-a-file", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		}, errRedirected},
		{"html", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `<html>`) }, errMisconfigured},
		{"another-type", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"issuer":["x"]}`) }, errMisconfigured},
		{"deeper-than-anybody-needs", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, strings.Repeat(`{"a":`, 20_000)+"1"+strings.Repeat("}", 20_000))
		}, errMisconfigured},
		{"not-found", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, errMisconfigured},
		{"server-error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, errAny},
		{"no-content", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, errAny},
		{"headers-without-end", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 128<<10))
			io.WriteString(w, `{}`)
		}, errAny},
		{"cut-off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, `{}`)
		}, errAny},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newRealProvider(t, tt.answer, Hooks{})
			var m metadata
			err := p.getJSON(t.Context(), "discovery", p.issuer+"/.well-known/openid-configuration", &m)
			if tt.want == nil && err != nil || tt.want != nil && (err == nil || tt.want != errAny && !errors.Is(err, tt.want)) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

var errAny = errors.New("any error")

// A small answer does not unfold into a large one.
func TestGzipBomb(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 24 {
		z.Write(make([]byte, 1<<20))
	}
	z.Close()
	p := newRealProvider(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("Accept-Encoding %q", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(bomb.Bytes())
	}, Hooks{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var m metadata
	if err := p.getJSON(t.Context(), "discovery", p.issuer, &m); !errors.Is(err, errMisconfigured) {
		t.Errorf("got %v", err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("%d bytes were allocated", grown)
	}
}

// The client secret and the code go to the token endpoint, once, and nowhere
// else.
func TestExchangeFollowsNoRedirect(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, method := range []string{"client_secret_basic", "client_secret_post"} {
			asked := 0
			p := newRealProvider(t, func(w http.ResponseWriter, r *http.Request) {
				asked++
				http.Redirect(w, r, "/elsewhere", status)
			}, Hooks{})
			m := &metadata{Token: p.issuer + "/token", AuthMethods: []string{method}}
			_, _, err := p.exchange(t.Context(), m, Grant{Code: "code", RedirectURI: "https://app.example.com/cb", Verifier: "v"})
			var refused *Refusal
			if !errors.As(err, &refused) || refused.Reason != Misconfigured || asked != 1 {
				t.Errorf("%d with %s: %v after %d requests", status, method, err, asked)
			}
		}
	}
}

// How a client authenticates is chosen once: trying both ways would spend the
// code on the first.
func TestClientAuthentication(t *testing.T) {
	for _, tt := range []struct {
		name    string
		secret  string
		methods []string
		basic   bool
	}{
		{"not-said", "secret", nil, true},
		{"basic", "secret", []string{"client_secret_post", "client_secret_basic"}, true},
		{"post", "secret", []string{"client_secret_post"}, false},
		{"public-client", "", []string{"client_secret_basic"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked := 0
			p := newRealProvider(t, func(w http.ResponseWriter, r *http.Request) {
				asked++
				_, _, basic := r.BasicAuth()
				if basic != tt.basic || r.FormValue("client_secret") != "" != (tt.secret != "" && !tt.basic) || r.FormValue("code_verifier") == "" {
					t.Errorf("basic %v, form %v", basic, r.Form)
				}
				w.WriteHeader(http.StatusBadRequest)
			}, Hooks{})
			p.clientSecret = tt.secret
			p.exchange(t.Context(), &metadata{Token: p.issuer + "/token", AuthMethods: tt.methods}, Grant{Code: "code", Verifier: "v"})
			if asked != 1 {
				t.Errorf("asked %d times", asked)
			}
		})
	}
}

// A URL may hold a secret: the error does not repeat it.
func TestExchangeWithNobodyThere(t *testing.T) {
	p := newRealProvider(t, nil, Hooks{})
	_, _, err := p.exchange(t.Context(), &metadata{Token: "http://127.0.0.1:1/token?secret=in-the-url"}, Grant{Code: "canary-code"})
	var refused *Refusal
	if !errors.As(err, &refused) || refused.Reason != Unreachable || strings.Contains(err.Error(), "in-the-url") || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
}

// What is counted comes from us; what is measured, from the provider's clock.
func TestOutboundIsCounted(t *testing.T) {
	var calls []string
	var skew time.Duration
	p := newRealProvider(t, func(w http.ResponseWriter, r *http.Request) {
		if len(r.Cookies()) > 0 {
			t.Errorf("cookies went along: %v", r.Cookies())
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		w.Header().Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusTeapot)
	}, Hooks{
		Request: func(_ context.Context, provider, operation string) func(int) {
			return func(status int) { calls = append(calls, provider+" "+operation+" "+http.StatusText(status)) }
		},
		ClockSkew: func(_ string, d time.Duration) { skew = d },
	})
	var m metadata
	for range 2 {
		p.getJSON(t.Context(), "discovery", p.issuer, &m)
	}
	p.getJSON(t.Context(), "jwks", "http://127.0.0.1:1/", &m)
	if got := strings.Join(calls, ", "); got != "idp discovery I'm a teapot, idp discovery I'm a teapot, idp jwks " {
		t.Errorf("calls %q", got)
	}
	if skew < 59*time.Minute || skew > 61*time.Minute {
		t.Errorf("skew %s", skew)
	}
}

func TestClientIsBounded(t *testing.T) {
	c := newRealProvider(t, nil, Hooks{}).client
	transport, ok := c.Transport.(*outbound).next.(*http.Transport)
	if !ok || c.Timeout != outboundTime || transport.Proxy != nil || !transport.DisableCompression || transport.MaxResponseHeaderBytes == 0 || transport.TLSClientConfig != nil || c.Jar != nil {
		t.Errorf("client %+v, transport %+v", c, transport)
	}
}

func TestReadAnswer(t *testing.T) {
	for _, tt := range []struct {
		name string
		size int
		err  error
	}{{"below", maxAnswer - 1, nil}, {"at", maxAnswer, nil}, {"above", maxAnswer + 1, errAnswerTooLarge}, {"far-above", 2 * maxAnswer, errAnswerTooLarge}} {
		for how, reader := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "with-the-end": iotest.DataErrReader} {
			t.Run(tt.name+"-"+how, func(t *testing.T) {
				body := io.NopCloser(reader(strings.NewReader(strings.Repeat("x", tt.size))))
				got, err := readAnswer(&http.Response{StatusCode: http.StatusOK, Body: body})
				if !errors.Is(err, tt.err) || err == nil && len(got) != tt.size {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			})
		}
	}
}

package e2e

// tap.go listens in on what the daemon and the provider say to each other behind
// the browser's back. What a provider really answers decides how a session is
// rechecked, and neither the daemon's pages nor its metrics repeat it.

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// A tap stands between the daemon and a provider and changes nothing.
type tap struct {
	mu        sync.Mutex
	exchanges []exchange
}

// An exchange is one request of the daemon and the provider's answer.
type exchange struct {
	Path   string
	Form   url.Values // what was posted
	Bearer bool       // it came with an access token
	Status int
	Answer map[string]any // nil if it is no JSON object
}

// startTap puts a tap before p, for every daemon that is started after it. It
// has p's host name, and so p's certificate, and another port.
func startTap(t testing.TB, p *provider) *tap {
	t.Helper()
	issuer, err := url.Parse(p.issuer)
	if err != nil {
		t.Fatal(err)
	}
	listening := &tap{}
	transport := &http.Transport{TLSClientConfig: clientTLS(t)}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = issuer.Scheme, issuer.Host
		},
		Transport: listening.over(transport),
	}
	server := httptest.NewUnstartedServer(proxy)
	server.Listener.Close()
	server.Listener = listen(t, "127.0.0.1:9443")
	server.TLS = serverTLS(t)
	server.StartTLS()
	t.Cleanup(server.Close)
	p.settings = append(p.settings, "backchannel_url: https://"+issuer.Hostname()+":9443")
	return listening
}

// over is a transport whose requests and answers are noted.
func (l *tap) over(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		seen := exchange{Path: r.URL.Path, Bearer: strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ")}
		if r.Body != nil {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			seen.Form, _ = url.ParseQuery(string(body))
		}
		response, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return nil, err
		}
		response.Body = io.NopCloser(bytes.NewReader(body))
		seen.Status = response.StatusCode
		json.Unmarshal(body, &seen.Answer)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.exchanges = append(l.exchanges, seen)
		return response, nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// heard are the exchanges so far that which picks.
func (l *tap) heard(which func(exchange) bool) []exchange {
	l.mu.Lock()
	defer l.mu.Unlock()
	var picked []exchange
	for _, e := range l.exchanges {
		if which(e) {
			e.Answer = maps.Clone(e.Answer)
			picked = append(picked, e)
		}
	}
	return picked
}

// grant picks requests to the token endpoint that were granted.
func grant(kind string) func(exchange) bool {
	return func(e exchange) bool { return e.Form.Get("grant_type") == kind && e.Status == http.StatusOK }
}

// withAccessToken picks what is asked in the person's name, which is userinfo.
func withAccessToken(e exchange) bool { return e.Bearer && e.Status == http.StatusOK }

// revocation picks refresh tokens that were handed back.
func revocation(e exchange) bool {
	return e.Form.Has("token") && !e.Form.Has("grant_type") && e.Status == http.StatusOK
}

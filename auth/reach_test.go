package auth_test

// The way to a provider, over real TLS connections: the stage's provider
// behind a certificate of an authority that nobody knows.

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"outpost/auth"
	"outpost/auth/provider"
)

// authority makes certificates for the hosts of a house.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t}
	der, key := a.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "house"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.key, a.pem = key, inPEM(t, "CERTIFICATE", der, nil)
	return a
}

func (a *authority) issue(c *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(1), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	return der, key
}

// house is the stage's provider on a socket, and a proxy that leads to it.
type house struct {
	*stage
	ca      *authority
	server  *httptest.Server // TLS, with a certificate for idp.example.org and 127.0.0.1
	plain   *httptest.Server
	proxy   *httptest.Server
	mu      sync.Mutex
	asked   []string // "GET idp.example.org https /oidc/…": what the provider saw of each request
	tunnels []string // what the proxy was asked for
}

// newHouse builds it; change gets the registration, and there is no network
// but the real one.
func newHouse(t *testing.T, change func(*house, *provider.Config)) *house {
	t.Helper()
	h := &house{ca: newAuthority(t)}
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.asked = append(h.asked, strings.Join([]string{r.Method, r.Host, r.Header.Get("X-Forwarded-Host"), r.Header.Get("X-Forwarded-Proto"), r.URL.Path}, " "))
		h.mu.Unlock()
		resp, err := h.stage.provider.RoundTrip(r)
		if err != nil {
			t.Error(err)
			return
		}
		w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		w.WriteHeader(resp.StatusCode)
		io.Copy(w, resp.Body)
	})
	der, key := h.ca.issue(&x509.Certificate{DNSNames: []string{"idp.example.org"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	h.server = httptest.NewUnstartedServer(answer)
	h.server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	h.server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that are meant to fail
	h.server.StartTLS()
	h.plain = httptest.NewServer(answer)
	h.proxy = httptest.NewServer(http.HandlerFunc(h.tunnel))
	t.Cleanup(h.server.Close)
	t.Cleanup(h.plain.Close)
	t.Cleanup(h.proxy.Close)
	h.stage = newStage(t, func(c *auth.Config) {
		c.Transport = nil
		change(h, &c.Providers[0])
	})
	return h
}

// tunnel is an HTTP proxy (RFC 9110 §9.3.6) in whose world every name is ours.
func (h *house) tunnel(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.tunnels = append(h.tunnels, r.Method+" "+r.Host)
	h.mu.Unlock()
	to, err := net.Dial("tcp", h.server.Listener.Addr().String())
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer to.Close()
	from, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer from.Close()
	io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
	go io.Copy(to, from)
	io.Copy(from, to)
}

func TestReach(t *testing.T) {
	through := func(h *house) func(*http.Request) (*url.URL, error) {
		u, _ := url.Parse(h.proxy.URL)
		return http.ProxyURL(u)
	}
	const public = "GET idp.example.org   /oidc/.well-known/openid-configuration"
	const forwarded = "GET idp.example.org idp.example.org https /oidc/.well-known/openid-configuration"
	for _, tt := range []struct {
		name    string
		change  func(*house, *provider.Config)
		first   string // what the provider sees of the first request; "" if the sign-in ends before
		tunnels int
	}{
		{"own-authority-through-a-proxy", func(h *house, p *provider.Config) { p.CAs, p.Proxy = h.ca.pem, through(h) }, public, 1},
		{"unknown-authority-through-a-proxy", func(h *house, p *provider.Config) { p.Proxy = through(h) }, "", 1},
		{"another-authority", func(h *house, p *provider.Config) { p.CAs, p.Proxy = newAuthority(h.ca.t).pem, through(h) }, "", 1},
		{"back-channel", func(h *house, p *provider.Config) { p.CAs, p.BackchannelURL = h.ca.pem, h.server.URL }, forwarded, 0},
		{"back-channel-through-a-proxy", func(h *house, p *provider.Config) {
			p.CAs, p.Proxy = h.ca.pem, through(h)
			p.BackchannelURL = "https://127.0.0.1:1"
		}, forwarded, 1},
		{"back-channel-without-tls", func(h *house, p *provider.Config) { p.BackchannelURL = h.plain.URL }, forwarded, 0},
		{"back-channel-of-an-unknown-authority", func(h *house, p *provider.Config) { p.BackchannelURL = h.server.URL }, "", 0},
		{"back-channel-under-a-name-that-is-not-certified", func(h *house, p *provider.Config) {
			p.CAs, p.BackchannelURL = h.ca.pem, strings.Replace(h.server.URL, "127.0.0.1", "localhost", 1)
		}, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t, tt.change)
			b := h.browser("alice")
			resp := b.visit("https://app.example.com/")
			h.mu.Lock()
			defer h.mu.Unlock()
			if len(h.tunnels) < tt.tunnels || tt.tunnels == 0 && len(h.tunnels) > 0 {
				t.Errorf("the proxy was asked for %q, want %d", h.tunnels, tt.tunnels)
			}
			if tt.first == "" {
				h.want(resp, http.StatusServiceUnavailable)
				if h.last() != auth.ProviderUnreachable || len(h.asked) > 0 || !strings.Contains(h.log.String(), "x509:") && !strings.Contains(h.log.String(), "tls:") {
					t.Errorf("reason %s, requests %q\n%s", h.last(), h.asked, h.log.String())
				}
				return
			}
			h.want(resp, http.StatusOK)
			if len(h.asked) != 4 || h.asked[0] != tt.first || !slices.ContainsFunc(h.asked, func(a string) bool { return strings.HasPrefix(a, "POST idp.example.org ") }) {
				t.Errorf("the provider was asked %q", h.asked)
			}
		})
	}
}

// What the provider has elsewhere is asked there, and what the browser is told
// is public.
func TestBackchannelIsOfTheIssuerAlone(t *testing.T) {
	var hosts []string
	s := newStage(t, with(func(p *provider.Config) { p.BackchannelURL = "http://idp:9000" }), func(c *auth.Config) {
		next := c.Transport
		c.Transport = transport(func(r *http.Request) (*http.Response, error) {
			hosts = append(hosts, r.URL.Scheme+"://"+r.URL.Host+" "+r.Host+" "+r.URL.Path)
			return next.RoundTrip(r)
		})
	})
	s.provider.metadata = map[string]any{"jwks_uri": "https://keys.example.net/keys"}
	alice := s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	want := []string{
		"http://idp:9000 idp.example.org /oidc/.well-known/openid-configuration", "https://keys.example.net keys.example.net /keys",
		"http://idp:9000 idp.example.org /token", "http://idp:9000 idp.example.org /userinfo",
	}
	if !slices.Equal(hosts, want) {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(hosts, "\n"), strings.Join(want, "\n"))
	}
	if to := alice.once(http.MethodGet, "https://app.example.com"+prefix+"/sign_out").Header.Get("Location"); !strings.HasPrefix(to, "https://idp.example.org/end?") {
		t.Errorf("sign-out leads to %s", to)
	}
}

func TestReachIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*provider.Config)
		want   string
	}{
		{"authorities-without-a-certificate", func(p *provider.Config) { p.CAs = "-----BEGIN NOTHING-----" }, "no certificate"},
		{"back-channel-without-a-host", func(p *provider.Config) { p.BackchannelURL = "https://" }, "scheme://host[:port]"},
		{"back-channel-of-another-scheme", func(p *provider.Config) { p.BackchannelURL = "unix:///run/idp" }, "scheme://host[:port]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := auth.Config{Providers: []provider.Config{{Name: "idp", Issuer: issuer, ClientID: "outpost"}}}
			tt.change(&c.Providers[0])
			if _, err := auth.New(c); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

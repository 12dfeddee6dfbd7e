package provider

// reach.go is the way to a provider: whose certificates count, through which
// proxy, and under which address it is reached where that is not its own.

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// newTransport makes the transport of one provider. Nil roots are the
// system's; a nil proxy is none, whatever the environment says.
func newTransport(roots *x509.CertPool, proxy func(*http.Request) (*url.URL, error)) *http.Transport {
	t := &http.Transport{
		Proxy:                  proxy,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:    5 * time.Second,
		ResponseHeaderTimeout:  outboundTime,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        time.Minute,
		DisableCompression:     true, // a small answer must not unfold into a large one
		ForceAttemptHTTP2:      true,
	}
	if roots != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return t
}

// transport is the way to this provider; network is what stands for the
// network, nil for the real one. The error says what is wrong with c.
func (c Config) transport(network http.RoundTripper) (http.RoundTripper, error) {
	roots, err := c.roots()
	if err != nil {
		return nil, err
	}
	if network == nil {
		network = newTransport(roots, c.Proxy)
	}
	if c.BackchannelURL == "" {
		return network, nil
	}
	issuer, err := url.Parse(c.Issuer)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	to, err := url.Parse(c.BackchannelURL)
	if err != nil || to.Host == "" || to.Scheme != "https" && to.Scheme != "http" {
		return nil, errors.New("back-channel URL is not scheme://host[:port]")
	}
	return &backchannel{next: network, issuer: issuer, to: to}, nil
}

// roots are the system's certificates and those of c; nil for the system's
// alone.
func (c Config) roots() (*x509.CertPool, error) {
	if c.CAs == "" {
		return nil, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // a machine without any
	}
	if !roots.AppendCertsFromPEM([]byte(c.CAs)) {
		return nil, errors.New("certificate authorities: there is no certificate in PEM")
	}
	return roots, nil
}

// backchannel sends requests for the issuer's own address elsewhere. What is
// asked for stays what it was: the Host header names the issuer, so that the
// provider answers as it would in public. Certificates are those of where the
// request goes.
type backchannel struct {
	next       http.RoundTripper
	issuer, to *url.URL
}

func (b *backchannel) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != b.issuer.Scheme || r.URL.Host != b.issuer.Host {
		return b.next.RoundTrip(r) // an endpoint of a host of its own
	}
	r = r.Clone(r.Context())
	r.Host = r.URL.Host
	r.URL.Scheme, r.URL.Host = b.to.Scheme, b.to.Host
	// A provider behind a proxy of its own makes its issuer of these.
	r.Header.Set("X-Forwarded-Proto", b.issuer.Scheme)
	r.Header.Set("X-Forwarded-Host", b.issuer.Host)
	return b.next.RoundTrip(r)
}

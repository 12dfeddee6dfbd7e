// Package provider speaks to one OpenID provider, at which we are registered as a
// client: what it says of itself, the authorization request, the exchange of the
// code, ID tokens, userinfo, refresh, sign-out, and the credentials of machine
// clients. Everything that is sent to a provider, and everything of one's that is
// believed, is decided here and nowhere else.
//
// It knows nothing of applications, browsers and sessions in a store: package auth
// has those, and asks. It takes plain values and hooks, as auth does.
package provider

// provider.go is what a Provider is made of, and what it says of itself.

import (
	"context"
	"crypto"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

// Config is one OpenID provider and our registration there. New does not change
// it.
type Config struct {
	Name         string     // as applications name it; part of a file name, of redirect URIs and a metric label
	Title        string     // what people choose it by where there are several; "" for Name
	Issuer       string     // compared byte for byte with what the provider says
	ClientID     string     // our registration
	ClientSecret string     // "" for none
	ClientAuth   ClientAuth // how the token endpoint knows us; "": by what we have, and what the metadata list
	ClientKey    string     // a private key in PEM, for ClientPrivateKeyJWT; "" for none
	ClientKeyID  string     // names it to the provider; "" for no name
	Scopes       []string   // asked for as far as the provider's metadata list them
	Claims       Claims     // where it says who a person is
	Tenants      []string   // of an Entra issuer for many: those that may sign in, as tid has them; nil for any other issuer

	Extra         map[string]string // parameters of the authorization request besides our own, which go before them
	Push          bool              // push authorization requests (RFC 9126); it is done anyway where the provider requires it
	EndSessionURL string            // instead of the end-session endpoint; {client_id}, {post_logout_redirect_uri}, {id_token_hint} and {state} in its query are filled in

	BackchannelURL string                                // scheme://host[:port] where we reach what has the issuer's own address; "" for there
	CAs            string                                // certificates in PEM that count besides the system's; "" for none
	Proxy          func(*http.Request) (*url.URL, error) // of http.Transport; nil for none
	ProxyName      string                                // tells one Proxy from another, where two Configs are compared; "" for none

	// RemoveMissingGroups takes groups and entitlements from who is
	// rechecked and of whom the provider names none; else they keep what they had.
	RemoveMissingGroups bool

	// UnverifiedEmail lets addresses count that the provider has not verified.
	// It weakens a policy by address to whatever people may write into their
	// own profile.
	UnverifiedEmail bool
}

// Means is what a Provider works with, and what for.
type Means struct {
	Transport http.RoundTripper // stands for the network, for tests; nil is the real one
	Keep      string            // directory for what was last good of metadata and keys; "" keeps none
	Log       *slog.Logger      // never nil
	Hooks     Hooks

	Rechecks bool     // people will be asked about again: Renew needs a token to do it with
	Further  []string // paths of claims that are kept besides those of Config.Claims, for rules and headers; nil for none
}

// Hooks tell what happened. Each may be nil; each has to be fast, safe for parallel
// use, and must not keep what it is given.
type Hooks struct {
	// Request is told of a request that begins, and what it returns of its answer,
	// with its status; 0 for no answer.
	Request func(ctx context.Context, provider, operation string) (answered func(status int))
	// Discovery is told that metadata and keys are fetched, and what it returns how
	// that ended; what is done within goes by the context that it returns.
	Discovery func(ctx context.Context, provider string) (context.Context, func(failed bool))
	Up        func(provider string, up bool)
	ClockSkew func(provider string, skew time.Duration) // the provider's clock minus ours, to the second
}

func (h Hooks) filled() Hooks {
	if h.Request == nil {
		h.Request = func(context.Context, string, string) func(int) { return func(int) {} }
	}
	if h.Discovery == nil {
		h.Discovery = func(ctx context.Context, _ string) (context.Context, func(bool)) { return ctx, func(bool) {} }
	}
	if h.Up == nil {
		h.Up = func(string, bool) {}
	}
	if h.ClockSkew == nil {
		h.ClockSkew = func(string, time.Duration) {}
	}
	return h
}

// Provider is one OpenID provider, as far as it is known: its metadata and keys
// come with time. It is safe for parallel use.
type Provider struct {
	name, issuer, clientID, clientSecret string

	clientAuth  ClientAuth
	clientKey   crypto.Signer // nil for none
	clientKeyID string

	tenants    []string
	extra      map[string]string
	push       bool
	pushing    chan struct{} // holds one for each request that is being pushed
	endSession string

	scopes   []string
	claims   Claims
	further  []string // claims besides
	client   *http.Client
	keepDir  string
	log      *slog.Logger
	hooks    Hooks
	keys     *keySet
	fetching singleflight.Group
	known    atomic.Pointer[metadata]  // the last good ones; nil if never
	fetched  atomic.Pointer[time.Time] // when, by this process; nil if never
	trouble  atomic.Pointer[trouble]   // nil if the last fetch did not fail

	rechecks      bool // are sessions rechecked?
	removeMissing bool
}

// New makes a Provider. It asks nobody: that happens in Run and with the first
// question. What was kept of it is known at once. The error says what is wrong with
// c, and repeats no secret.
func New(c Config, m Means) (*Provider, error) {
	transport, err := c.transport(m.Transport)
	if err != nil {
		return nil, err
	}
	p := &Provider{
		name: c.Name, issuer: c.Issuer, clientID: c.ClientID, clientSecret: c.ClientSecret, scopes: c.Scopes, claims: c.Claims.filled(), further: m.Further,
		clientAuth: c.ClientAuth, clientKeyID: c.ClientKeyID,
		tenants: c.Tenants, extra: c.Extra, push: c.Push, pushing: make(chan struct{}, maxPushes), endSession: c.EndSessionURL,
		keepDir: m.Keep, log: m.Log, hooks: m.Hooks.filled(), rechecks: m.Rechecks, removeMissing: c.RemoveMissingGroups,
	}
	p.client = newClient(transport, p.hooks)
	p.keys = &keySet{get: func(ctx context.Context, from string, into any) error {
		return p.getJSON(ctx, "jwks", from, into)
	}}
	p.recall()
	p.clientKey, err = parseClientKey(c.ClientKey)
	return p, err
}

// Adopt takes over what a former Provider was told by the one that both speak to,
// in the same way. It is called before p is used.
func (p *Provider) Adopt(former *Provider) {
	m := former.known.Load()
	if m == nil {
		return
	}
	former.keys.mu.RLock()
	p.keys.from, p.keys.doc, p.keys.keys, p.keys.fetched = former.keys.from, former.keys.doc, former.keys.keys, former.keys.fetched
	former.keys.mu.RUnlock()
	p.known.Store(m)
	p.fetched.Store(former.fetched.Load())
	p.trouble.Store(former.trouble.Load())
}

// CloseIdleConnections is http.Client's, for a Provider that is not asked any more.
func (p *Provider) CloseIdleConnections() { p.client.CloseIdleConnections() }

// Status is what readiness and metrics say of a provider.
type Status struct {
	Name        string
	Up          bool      // its metadata could be fetched the last time
	KeysFetched time.Time // zero if there are no keys yet
	Err         string    // why it is not up; "" if it is, or was never asked
}

// Status is how the provider is now.
func (p *Provider) Status() Status {
	s := Status{Name: p.name, KeysFetched: p.keys.age()}
	if t := p.trouble.Load(); t != nil {
		s.Err = t.err.Error()
	} else {
		s.Up = p.fetched.Load() != nil
	}
	return s
}

// Pages are the addresses of the pages that it shows to browsers, for signing in
// and out; "" for one that it does not have, nil while nothing is known of it.
func (p *Provider) Pages() []string {
	m := p.known.Load()
	if m == nil {
		return nil
	}
	return []string{m.Authorization, m.EndSession}
}

// JWKS is where its keys are; "" while nothing is known of it.
func (p *Provider) JWKS() string {
	if m := p.known.Load(); m != nil {
		return m.JWKS
	}
	return ""
}

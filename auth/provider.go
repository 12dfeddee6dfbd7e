package auth

// provider.go speaks to one OpenID provider: it exchanges the code, and makes an
// identity of what comes back, once id_token.go and userinfo.go believe it. The
// authorization request before that is in authorization.go.

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"outpost/session"
)

// Provider is one OpenID provider at which we are registered.
type Provider struct {
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
	ProxyName      string                                // tells one Proxy from another, for Next; "" for none

	// RemoveMissingGroups takes groups and entitlements from who is
	// rechecked and of whom the provider names none; else they keep what they had.
	RemoveMissingGroups bool

	// UnverifiedEmail lets addresses count that the provider has not verified.
	// It weakens a policy by address to whatever people may write into their
	// own profile.
	UnverifiedEmail bool
}

type provider struct {
	made providerTerms

	name, title, issuer, clientID, clientSecret string

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
	client   *http.Client
	keepDir  string
	log      *slog.Logger
	hooks    Hooks
	keys     *keySet
	fetching singleflight.Group
	known    atomic.Pointer[metadata]  // the last good ones; nil if never
	fetched  atomic.Pointer[time.Time] // when, by this process; nil if never
	trouble  atomic.Pointer[trouble]   // nil if the last fetch did not fail

	rechecks        bool // are sessions rechecked?
	removeMissing   bool
	unverifiedEmail bool
	background      *background
	failures        denials // of rechecks
	unrevoked       denials // refresh tokens for which there was no room in the line

	asking chan struct{}           // holds one for each question about a machine client that is under way
	silent atomic.Pointer[trouble] // when such a question last got no answer; nil if never
}

func newProvider(c Provider, client *http.Client, keepDir string, log *slog.Logger, hooks Hooks) *provider {
	p := &provider{
		name: c.Name, title: cmp.Or(c.Title, c.Name), issuer: c.Issuer, clientID: c.ClientID, clientSecret: c.ClientSecret, scopes: c.Scopes, claims: c.Claims.filled(),
		clientAuth: c.ClientAuth, clientKeyID: c.ClientKeyID,
		tenants: c.Tenants, extra: c.Extra, push: c.Push, pushing: make(chan struct{}, maxPushes), endSession: c.EndSessionURL,
		client: client, keepDir: keepDir, log: log.With("provider", c.Name), hooks: hooks, removeMissing: c.RemoveMissingGroups,
		unverifiedEmail: c.UnverifiedEmail, asking: make(chan struct{}, maxAsking),
	}
	p.background = newBackground(p.log)
	p.keys = &keySet{get: func(ctx context.Context, from string, into any) error {
		return p.getJSON(ctx, "jwks", from, into)
	}}
	p.recall()
	return p
}

func (p *provider) status() ProviderStatus {
	s := ProviderStatus{Name: p.name, KeysFetched: p.keys.age()}
	if t := p.trouble.Load(); t != nil {
		s.Err = t.err.Error()
	} else {
		s.Up = p.fetched.Load() != nil
	}
	return s
}

func (p *provider) oauth2(m *metadata, redirectURI string) *oauth2.Config {
	// Never AuthStyleAutoDetect: it sends a code twice, and a code is good once.
	style, secret := oauth2.AuthStyleInParams, ""
	switch p.clientAuthFor(m) {
	case ClientBasic:
		style, secret = oauth2.AuthStyleInHeader, p.clientSecret
	case ClientPost:
		secret = p.clientSecret
	}
	return &oauth2.Config{
		ClientID: p.clientID, ClientSecret: secret, RedirectURL: redirectURI,
		Endpoint: oauth2.Endpoint{AuthURL: m.Authorization, TokenURL: m.Token, AuthStyle: style},
		Scopes:   p.supported(m),
	}
}

// supported leaves out scopes that the provider does not list: some ignore an
// unknown one, some refuse the whole sign-in for it.
func (p *provider) supported(m *metadata) []string {
	var scopes []string
	for _, s := range p.scopes {
		if s != oidc.ScopeOfflineAccess && (s == oidc.ScopeOpenID || len(m.Scopes) == 0 || slices.Contains(m.Scopes, s)) {
			scopes = append(scopes, s)
		}
	}
	if p.offline(m) {
		scopes = append(scopes, oidc.ScopeOfflineAccess)
	}
	return scopes
}

// answer is what the callback brings to an exchange.
type answer struct{ code, redirectURI, nonce, verifier string }

// signedIn is what a sign-in ends with.
type signedIn struct {
	identity session.Identity
	sid      string
	idToken  string
	authTime time.Time // zero if the provider did not say
	amr      []string
	acr      string

	refreshToken, accessToken string // as far as a recheck needs them
}

// refusal is why what the provider sent is not believed.
type refusal struct {
	reason Reason
	err    error
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// signInLimit is for all that one callback asks of a provider: each request has
// outboundTime, and who waits for three of them would see nginx's page, not ours.
const signInLimit = 20 * time.Second

// signIn exchanges the code and verifies all that comes of it. The error is a
// *refusal.
func (p *provider) signIn(ctx context.Context, a answer) (signedIn, error) {
	ctx, cancel := context.WithTimeout(ctx, signInLimit)
	defer cancel()
	m := p.known.Load()
	if m == nil { // this process has just begun
		var err error
		if m, err = p.ready(ctx); err != nil {
			return signedIn{}, &refusal{providerReason(err), err}
		}
	}
	token, raw, err := p.exchange(ctx, m, a)
	if err != nil {
		return signedIn{}, err
	}
	idToken, claims, err := p.verify(ctx, m, raw, a.nonce)
	if err != nil {
		return signedIn{}, err
	}
	if _, present := claims["at_hash"]; present {
		if err := idToken.VerifyAccessToken(token.AccessToken); err != nil {
			return signedIn{}, &refusal{TokenInvalid, fmt.Errorf("at_hash: %w", err)}
		}
	}
	if m.Userinfo != "" {
		if err := p.addUserinfo(ctx, m, token, claims); err != nil {
			return signedIn{}, err
		}
	}
	issuer, err := p.issuerOf(m, claims)
	if err != nil {
		return signedIn{}, &refusal{TokenInvalid, err}
	}
	identity, err := claims.identity(issuer, p.claims)
	if err != nil {
		return signedIn{}, &refusal{GroupsOverage, err}
	}
	s := signedIn{identity: identity, sid: claims.text("sid"), idToken: raw, amr: claims.list("amr"), acr: claims.text("acr"), authTime: claims.authTime()}
	p.keepTokens(m, token, &s)
	return s, nil
}

// exchange trades the code for tokens (RFC 6749 §4.1.3).
func (p *provider) exchange(ctx context.Context, m *metadata, a answer) (*oauth2.Token, string, error) {
	ctx = context.WithValue(withCall(ctx, p.name, "token"), oauth2.HTTPClient, p.client)
	assertion, err := p.assertion(m)
	if err != nil {
		return nil, "", &refusal{ProviderMisconfigured, err}
	}
	options := []oauth2.AuthCodeOption{oauth2.VerifierOption(a.verifier)}
	for name, value := range assertion {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	token, err := p.oauth2(m, a.redirectURI).Exchange(ctx, a.code, options...)
	var answered *oauth2.RetrieveError
	switch {
	case errors.As(err, &answered):
		return nil, "", exchangeRefusal(answered)
	case errors.Is(err, errMisconfigured):
		return nil, "", &refusal{ProviderMisconfigured, fmt.Errorf("exchanging the code: %w", errorWithoutURL(err))}
	case errors.Is(err, errJSON), err != nil && ctx.Err() == nil && !isNetwork(err):
		return nil, "", &refusal{TokenInvalid, fmt.Errorf("exchanging the code: %w", errorWithoutURL(err))}
	case err != nil:
		return nil, "", &refusal{ProviderUnreachable, fmt.Errorf("exchanging the code: %w", errorWithoutURL(err))}
	case !strings.EqualFold(token.TokenType, "bearer"):
		return nil, "", &refusal{TokenInvalid, fmt.Errorf("token_type is %q", cut(token.TokenType))}
	}
	if !printable(token.AccessToken) { // RFC 6749 §A.12
		return nil, "", &refusal{TokenInvalid, errors.New("the access token is not printable ASCII: no header can carry it")}
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return nil, "", &refusal{TokenInvalid, errors.New("the answer has no ID token: is openid among the scopes?")}
	}
	return token, raw, nil
}

// exchangeRefusal tells a wrong client secret, which the operator has to mend,
// from a code that is no longer good. The body is not repeated: it may hold
// anything.
func exchangeRefusal(e *oauth2.RetrieveError) error {
	err := fmt.Errorf("token endpoint answers %s: %s", e.Response.Status, cut(e.ErrorCode))
	switch {
	case e.ErrorCode == "invalid_client" || e.ErrorCode == "unauthorized_client" || e.Response.StatusCode == http.StatusUnauthorized:
		return &refusal{ProviderMisconfigured, fmt.Errorf("%w: are client_id and client_secret right?", err)}
	case e.Response.StatusCode >= 500:
		return &refusal{ProviderUnreachable, err}
	case e.Response.StatusCode < 300:
		return &refusal{TokenInvalid, errors.New("token endpoint answers 200 without an access token")}
	}
	return &refusal{ExchangeRefused, err}
}

func isNetwork(err error) bool {
	var u *url.Error
	return errors.As(err, &u)
}

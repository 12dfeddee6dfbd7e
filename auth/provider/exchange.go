package provider

// exchange.go exchanges the code, and makes an identity of what comes back, once
// id_token.go and userinfo.go believe it. The authorization request before that is
// in authorization.go.

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"outpost/session"
)

func (p *Provider) oauth2(m *metadata, redirectURI string) *oauth2.Config {
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
func (p *Provider) supported(m *metadata) []string {
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

// Grant is what the callback brings to an exchange: the code, and what the
// authorization request had that it answers.
type Grant struct{ Code, RedirectURI, Nonce, Verifier string }

// SignedIn is what a sign-in ends with.
type SignedIn struct {
	Identity session.Identity
	SID      string // "" if the provider did not say
	IDToken  string
	AuthTime time.Time // zero if the provider did not say
	AMR      []string  // nil likewise
	ACR      string    // "" likewise

	RefreshToken, AccessToken string // as far as Renew needs them; "" for none
}

// signInLimit is for all that one callback asks of a provider: each request has
// outboundTime, and who waits for three of them would see nginx's page, not ours.
const signInLimit = 20 * time.Second

// SignIn exchanges the code and verifies all that comes of it. The error is a
// *Refusal: the caller makes no session.
func (p *Provider) SignIn(ctx context.Context, g Grant) (SignedIn, error) {
	ctx, cancel := context.WithTimeout(ctx, signInLimit)
	defer cancel()
	m, err := p.atHand(ctx)
	if err != nil {
		return SignedIn{}, &Refusal{unready(err), err}
	}
	token, raw, err := p.exchange(ctx, m, g)
	if err != nil {
		return SignedIn{}, err
	}
	idToken, claims, err := p.verify(ctx, m, raw, g.Nonce)
	if err != nil {
		return SignedIn{}, err
	}
	if _, present := claims["at_hash"]; present {
		if err := idToken.VerifyAccessToken(token.AccessToken); err != nil {
			return SignedIn{}, &Refusal{TokenInvalid, fmt.Errorf("at_hash: %w", err)}
		}
	}
	if m.Userinfo != "" {
		if err := p.addUserinfo(ctx, m, token, claims); err != nil {
			return SignedIn{}, err
		}
	}
	issuer, err := p.issuerOf(m, claims)
	if err != nil {
		return SignedIn{}, &Refusal{TokenInvalid, err}
	}
	identity, err := claims.identity(issuer, p.claims, p.further)
	if err != nil {
		return SignedIn{}, &Refusal{GroupsOverage, err}
	}
	s := SignedIn{Identity: identity, SID: claims.text("sid"), IDToken: raw, AMR: claims.list("amr"), ACR: claims.text("acr"), AuthTime: claims.authTime()}
	p.keepTokens(m, token, &s)
	return s, nil
}

// exchange trades the code for tokens (RFC 6749 §4.1.3).
func (p *Provider) exchange(ctx context.Context, m *metadata, g Grant) (*oauth2.Token, string, error) {
	ctx = context.WithValue(withCall(ctx, p.name, "token"), oauth2.HTTPClient, p.client)
	assertion, err := p.assertion(m)
	if err != nil {
		return nil, "", &Refusal{Misconfigured, err}
	}
	options := []oauth2.AuthCodeOption{oauth2.VerifierOption(g.Verifier)}
	for name, value := range assertion {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	token, err := p.oauth2(m, g.RedirectURI).Exchange(ctx, g.Code, options...)
	var answered *oauth2.RetrieveError
	switch {
	case errors.As(err, &answered):
		return nil, "", exchangeRefusal(answered)
	case errors.Is(err, errMisconfigured):
		return nil, "", &Refusal{Misconfigured, fmt.Errorf("exchanging the code: %w", errorWithoutURL(err))}
	case errors.Is(err, errJSON), err != nil && ctx.Err() == nil && !isNetwork(err):
		return nil, "", &Refusal{TokenInvalid, fmt.Errorf("exchanging the code: %w", errorWithoutURL(err))}
	case err != nil:
		return nil, "", &Refusal{Unreachable, fmt.Errorf("exchanging the code: %w", errorWithoutURL(err))}
	case !strings.EqualFold(token.TokenType, "bearer"):
		return nil, "", &Refusal{TokenInvalid, fmt.Errorf("token_type is %q", cut(token.TokenType))}
	}
	if !printable(token.AccessToken) { // RFC 6749 §A.12
		return nil, "", &Refusal{TokenInvalid, errors.New("the access token is not printable ASCII: no header can carry it")}
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return nil, "", &Refusal{TokenInvalid, errors.New("the answer has no ID token: is openid among the scopes?")}
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
		return &Refusal{Misconfigured, fmt.Errorf("%w: are client_id and client_secret right?", err)}
	case e.Response.StatusCode >= 500:
		return &Refusal{Unreachable, err}
	case e.Response.StatusCode < 300:
		return &Refusal{TokenInvalid, errors.New("token endpoint answers 200 without an access token")}
	}
	return &Refusal{ExchangeRefused, err}
}

func isNetwork(err error) bool {
	var u *url.Error
	return errors.As(err, &u)
}

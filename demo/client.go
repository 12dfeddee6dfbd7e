package main

// The values that op passes around: the one client, one sign-in under way, and
// the signing key. They answer questions; they decide nothing.

import (
	"crypto/rsa"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// client is outpost as the provider knows it: the registration that you would
// make at your own provider, with the same three facts.
type client struct {
	ID, Secret             string
	redirectURIs           []string
	postLogoutRedirectURIs []string
}

func (c client) GetID() string                    { return c.ID }
func (c client) RedirectURIs() []string           { return c.redirectURIs }
func (c client) PostLogoutRedirectURIs() []string { return c.postLogoutRedirectURIs }
func (c client) LoginURL(requestID string) string { return signInPath + "?id=" + requestID }

func (client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (client) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodBasic }
func (client) ResponseTypes() []oidc.ResponseType  { return []oidc.ResponseType{oidc.ResponseTypeCode} }
func (client) GrantTypes() []oidc.GrantType        { return []oidc.GrantType{oidc.GrantTypeCode} }
func (client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeBearer }
func (client) IDTokenLifetime() time.Duration      { return 5 * time.Minute }
func (client) DevMode() bool                       { return false }
func (client) IsScopeAllowed(scope string) bool    { return scope == "groups" }
func (client) IDTokenUserinfoClaimsAssertion() bool {
	return false
}
func (client) ClockSkew() time.Duration { return 0 }
func (client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
func (client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

// authRequest is one sign-in under way. It is done once somebody has said who
// they are.
type authRequest struct {
	*oidc.AuthRequest
	id string
	by browserSession // zero until then
}

func (r *authRequest) copy() *authRequest { c := *r; return &c }

func (r *authRequest) GetID() string          { return r.id }
func (r *authRequest) GetACR() string         { return "" }
func (r *authRequest) GetAMR() []string       { return []string{"pwd"} }
func (r *authRequest) GetAudience() []string  { return []string{r.ClientID} }
func (r *authRequest) GetAuthTime() time.Time { return r.by.authTime }
func (r *authRequest) GetClientID() string    { return r.ClientID }
func (r *authRequest) GetNonce() string       { return r.Nonce }
func (r *authRequest) GetScopes() []string    { return r.Scopes }
func (r *authRequest) GetSubject() string     { return r.by.username }
func (r *authRequest) Done() bool             { return r.by.username != "" }

func (r *authRequest) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: r.CodeChallenge, Method: r.CodeChallengeMethod}
}

// signingKey signs ID tokens; publicKey is the half that everybody may have.
type (
	signingKey struct{ key *rsa.PrivateKey }
	publicKey  struct{ signingKey }
)

func (signingKey) ID() string                                  { return "demo" }
func (signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k signingKey) Key() any                                  { return k.key }

func (publicKey) Use() string                        { return "sig" }
func (publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k publicKey) Key() any                         { return &k.key.PublicKey }

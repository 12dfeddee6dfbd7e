package provider

// logout_token.go decides whether a logout token may be believed
// (OpenID Connect Back-Channel Logout 1.0 §2.4, §2.6).
//
// go-oidc's VerifyLogout is not used: it wants exp, which Ory Hydra does not
// send, and looks neither at typ nor at iat, nor for members of events that have
// no business there.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	// logoutTime is how old a logout token may be. It tells of something that
	// has just happened; providers give theirs two minutes.
	logoutTime = 5 * time.Minute
)

// LogoutToken is what a provider's logout token says.
type LogoutToken struct {
	Issuer       string    // the provider's own name, or that of one of its tenants
	Subject, SID string    // "" for what it does not say; at least one of the two is there
	ID           string    // jti: a token is good once, and the caller remembers those that came
	Until        time.Time // from then on its age alone refuses it
}

// Addressed is the index in all of the provider that a logout token claims to come
// from, one at which we are the client that it names; -1 if there is none. Nothing
// of the token has been verified: it chooses whose VerifyLogout has to.
func Addressed(all []*Provider, raw string) int {
	c, err := claimsOf(raw, 1)
	if err != nil {
		return -1
	}
	return slices.IndexFunc(all, func(p *Provider) bool {
		return slices.Contains(p.issuers(), c.text("iss")) && slices.Contains(c.list("aud"), p.clientID)
	})
}

// VerifyLogout decides whether a logout token may be believed. The error says why
// not, for the provider to read; it Is ErrKeys where that cannot be told at the
// moment, and the token is worth a second try.
func (p *Provider) VerifyLogout(ctx context.Context, raw string) (LogoutToken, error) {
	c, err := p.signedLogout(ctx, raw)
	if err != nil {
		return LogoutToken{}, err
	}
	issued, err := c.date("iat")
	now := time.Now()
	switch _, hasNonce := c["nonce"]; {
	case !slices.Contains(p.issuers(), c.text("iss")):
		return LogoutToken{}, errors.New("iss is another issuer")
	case !slices.Contains(c.list("aud"), p.clientID):
		return LogoutToken{}, errors.New("aud is another client")
	case err != nil:
		return LogoutToken{}, err
	case issued.After(now.Add(Skew)):
		return LogoutToken{}, errors.New("iat is ahead of our clock: one of the two clocks is wrong")
	case issued.Before(now.Add(-logoutTime - Skew)):
		return LogoutToken{}, errors.New("iat is too long ago")
	case hasNonce:
		return LogoutToken{}, errors.New("nonce must not be there")
	case c.text("jti") == "":
		return LogoutToken{}, errors.New("jti is missing")
	case !c.tellsLogout():
		return LogoutToken{}, errors.New("events is not the back-channel logout event alone")
	case !c.textOrAbsent("sub") || !c.textOrAbsent("sid"):
		return LogoutToken{}, errors.New("sub or sid is no string")
	case c.text("sub") == "" && c.text("sid") == "":
		return LogoutToken{}, errors.New("neither sub nor sid is there")
	}
	if _, present := c["exp"]; present {
		if expires, err := c.date("exp"); err != nil || !now.Before(expires.Add(Skew)) {
			return LogoutToken{}, errors.New("exp is past or no time")
		}
	}
	return LogoutToken{c.text("iss"), c.text("sub"), c.text("sid"), c.text("jti"), issued.Add(logoutTime + Skew)}, nil
}

// signedLogout returns the claims of a token that this provider has signed and
// that is not of another type.
func (p *Provider) signedLogout(ctx context.Context, raw string) (claims, error) {
	if len(raw) > maxIDToken || strings.Count(raw, ".") != 2 {
		return nil, errors.New("it is not a compact JWS")
	}
	header, err := joseHeader(raw)
	if err != nil {
		return nil, errors.New("its header cannot be read")
	}
	// JWT says nothing; it is what Keycloak before version 25 and Hydra send.
	switch _, typed := header["typ"]; {
	case !typed, isType(header, "jwt"), isType(header, "logout+jwt"):
	default:
		return nil, errors.New("typ is not logout+jwt")
	}
	m, err := p.atHand(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	if alg := header.text("alg"); !slices.Contains(m.algorithms(), alg) {
		return nil, errors.New("alg is not one of those that the provider lists and we accept")
	}
	payload, err := p.keys.VerifySignature(withCall(ctx, p.name, "jwks"), raw)
	if err != nil {
		return nil, fmt.Errorf("verifying the signature: %w", err)
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, errors.New("its claims are no JSON object")
	}
	return c, nil
}

// tellsLogout reports whether events is an object whose one member is the
// back-channel logout event, an object too.
func (c claims) tellsLogout() bool {
	var events map[string]json.RawMessage
	if json.Unmarshal(c["events"], &events) != nil || len(events) != 1 {
		return false
	}
	return bytes.HasPrefix(events[logoutEvent], []byte("{"))
}

// textOrAbsent reports that a claim is a string, null, or not there.
func (c claims) textOrAbsent(name string) bool {
	var s *string
	return len(c[name]) == 0 || json.Unmarshal(c[name], &s) == nil
}

package auth

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

// logoutToken is what a provider's logout token says.
type logoutToken struct {
	issuer       string    // one of provider.issuers
	subject, sid string    // at least one of the two
	id           string    // jti: a token is good once
	until        time.Time // from then on its age alone refuses it
}

// addressee is the provider that a logout token claims to come from, one at
// which we are the client that it names; nil if there is none. Nothing of the
// token has been verified: it chooses whose keys have to.
func (o *Outpost) addressee(raw string) *provider {
	c, err := claimsOf(raw, 1)
	if err != nil {
		return nil
	}
	for _, p := range o.providers {
		if slices.Contains(p.issuers(), c.text("iss")) && slices.Contains(c.list("aud"), p.clientID) {
			return p
		}
	}
	return nil
}

// verifyLogout decides whether raw may be believed. The error Is errKeys, or
// one of provider.ready, where that cannot be told at the moment.
func (p *provider) verifyLogout(ctx context.Context, raw string) (logoutToken, error) {
	c, err := p.signedLogout(ctx, raw)
	if err != nil {
		return logoutToken{}, err
	}
	issued, err := c.date("iat")
	now := time.Now()
	switch _, hasNonce := c["nonce"]; {
	case !slices.Contains(p.issuers(), c.text("iss")):
		return logoutToken{}, errors.New("iss is another issuer")
	case !slices.Contains(c.list("aud"), p.clientID):
		return logoutToken{}, errors.New("aud is another client")
	case err != nil:
		return logoutToken{}, err
	case issued.After(now.Add(skew)):
		return logoutToken{}, errors.New("iat is ahead of our clock: one of the two clocks is wrong")
	case issued.Before(now.Add(-logoutTime - skew)):
		return logoutToken{}, errors.New("iat is too long ago")
	case hasNonce:
		return logoutToken{}, errors.New("nonce must not be there")
	case c.text("jti") == "":
		return logoutToken{}, errors.New("jti is missing")
	case !c.tellsLogout():
		return logoutToken{}, errors.New("events is not the back-channel logout event alone")
	case !c.textOrAbsent("sub") || !c.textOrAbsent("sid"):
		return logoutToken{}, errors.New("sub or sid is no string")
	case c.text("sub") == "" && c.text("sid") == "":
		return logoutToken{}, errors.New("neither sub nor sid is there")
	}
	if _, present := c["exp"]; present {
		if expires, err := c.date("exp"); err != nil || !now.Before(expires.Add(skew)) {
			return logoutToken{}, errors.New("exp is past or no time")
		}
	}
	return logoutToken{c.text("iss"), c.text("sub"), c.text("sid"), c.text("jti"), issued.Add(logoutTime + skew)}, nil
}

// signedLogout returns the claims of a token that this provider has signed and
// that is not of another type.
func (p *provider) signedLogout(ctx context.Context, raw string) (claims, error) {
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
	m := p.known.Load()
	if m == nil { // this process has just begun
		if m, err = p.ready(ctx); err != nil {
			return nil, fmt.Errorf("%w: %w", errKeys, err)
		}
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

package provider

// id_token.go decides whether an ID token may be believed.
//
// go-oidc checks the signature, iss, aud and exp; the rest of OpenID Connect
// Core §3.1.3.7 is checked here: nonce, azp, sub, iat, the token's kind and
// size, and that dates are dates (go-oidc reads them out of strings too).

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	// Skew is how far the provider's clock may be from ours.
	Skew = time.Minute
	// SignInTime is how long one sign-in may take, from the authorization request
	// to the callback: no ID token of it is older.
	SignInTime = 15 * time.Minute
)

// verify decides whether an ID token may be believed.
func (p *Provider) verify(ctx context.Context, m *metadata, raw, nonce string) (*oidc.IDToken, claims, error) {
	refuse := func(err error) (*oidc.IDToken, claims, error) {
		if errors.Is(err, ErrKeys) {
			return nil, nil, &Refusal{Unreachable, err}
		}
		return nil, nil, &Refusal{TokenInvalid, err}
	}
	if len(raw) > maxIDToken || strings.Count(raw, ".") != 2 {
		return refuse(errors.New("ID token is not a compact JWS of at most 64 KiB"))
	}
	if header, err := joseHeader(raw); err != nil {
		return refuse(err)
	} else if _, typed := header["typ"]; typed && !isType(header, "jwt") {
		return refuse(fmt.Errorf("typ is %q: a token of another kind", cut(header.text("typ")))) // RFC 8725 §3.11
	}
	keys := &watchedKeys{keySet: p.keys}
	verifier := oidc.NewVerifier(p.issuer, keys, &oidc.Config{
		ClientID: p.clientID, SupportedSigningAlgs: m.algorithms(),
		SkipIssuerCheck: len(p.tenants) > 0, // issuerOf compares it
		Now:             func() time.Time { return time.Now().Add(-Skew) },
	})
	idToken, err := verifier.Verify(withCall(ctx, p.name, "jwks"), raw)
	if err != nil {
		return refuse(errors.Join(err, keys.err))
	}
	var c claims
	if err := idToken.Claims(&c); err != nil {
		return refuse(fmt.Errorf("reading the claims: %w", err))
	}
	if err := p.checkClaims(idToken, c); err != nil {
		return refuse(err)
	}
	if _, err := p.issuerOf(m, c); err != nil {
		return refuse(err)
	}
	if idToken.Nonce != nonce {
		return nil, nil, &Refusal{NonceMismatch, errors.New("the ID token was issued for another sign-in")}
	}
	return idToken, c, nil
}

// checkClaims is what go-oidc leaves to its caller.
func (p *Provider) checkClaims(t *oidc.IDToken, c claims) error {
	if err := c.checkDates(time.Now()); err != nil {
		return err
	}
	switch {
	case !validSubject(t.Subject):
		return errors.New("sub is not 1 to 255 printable ASCII characters")
	case len(t.Audience) > 1 && c.text("azp") == "":
		return errors.New("several audiences and no azp")
	case c.text("azp") != "" && c.text("azp") != p.clientID:
		return errors.New("azp is another client")
	}
	if _, present := c["azp"]; present && c.text("azp") == "" {
		return errors.New("azp is not a string")
	}
	return c.checkSpelling()
}

// checkDates holds exp, iat, nbf and auth_time against our clock, give or take
// Skew.
func (c claims) checkDates(now time.Time) error {
	expires, err := c.date("exp")
	if err != nil {
		return err
	}
	issued, err := c.date("iat")
	if err != nil {
		return err
	}
	notBefore := issued
	if _, present := c["nbf"]; present {
		if notBefore, err = c.date("nbf"); err != nil {
			return err
		}
	}
	switch {
	case now.Sub(expires) > Skew:
		return fmt.Errorf("it expired %s ago", now.Sub(expires).Round(time.Second))
	case issued.Sub(now) > Skew:
		return fmt.Errorf("iat is %s ahead of our clock: one of the two clocks is wrong", issued.Sub(now).Round(time.Second))
	case now.Sub(issued) > SignInTime+Skew:
		return fmt.Errorf("iat is %s old", now.Sub(issued).Round(time.Second))
	case notBefore.Sub(now) > Skew:
		return fmt.Errorf("nbf is %s ahead of our clock", notBefore.Sub(now).Round(time.Second))
	case c.authTime().Sub(now) > Skew:
		// It would count as recent for as long as it lies ahead.
		return fmt.Errorf("auth_time is %s ahead of our clock", c.authTime().Sub(now).Round(time.Second))
	}
	return nil
}

// authTime is when the person last proved who they are; zero where the provider
// does not say, or says what is no date.
func (c claims) authTime() time.Time {
	at, err := c.date("auth_time")
	if err != nil {
		return time.Time{}
	}
	return at.Truncate(time.Second)
}

// checkSpelling refuses claims that encoding/json, and so go-oidc, takes for
// others: to it Sub is sub, and the last one counts.
func (c claims) checkSpelling() error {
	for name := range c {
		for _, known := range []string{"iss", "sub", "aud", "exp", "iat", "nbf", "nonce", "at_hash"} {
			if name != known && strings.EqualFold(name, known) {
				return fmt.Errorf("claim %q is spelled almost like %s", name, known)
			}
		}
	}
	return nil
}

// validSubject holds a sub to OpenID Connect Core §2, and to what a header can
// carry.
func validSubject(sub string) bool {
	return sub != "" && len(sub) <= 255 && printable(sub)
}

// printable reports whether s is printable ASCII.
func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < 0x20 || r > 0x7e }) < 0
}

// watchedKeys remembers the error of its keys: go-oidc does not wrap it, and
// "the key endpoint is down" is not "forged".
type watchedKeys struct {
	*keySet
	err error
}

func (w *watchedKeys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := w.keySet.VerifySignature(ctx, token)
	w.err = err
	return payload, err
}

package provider

// refresh.go asks a provider whether it still stands by somebody whom it
// vouched for: with the refresh token (RFC 6749 §6, OpenID Connect Core §12),
// and userinfo where there is that; without a refresh token, with userinfo
// alone, for as long as the access token lives.

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"outpost/session"
)

const (
	// refreshLimit is for all that one recheck asks.
	refreshLimit = 20 * time.Second
	// maxToken is how long a token may be to be kept.
	maxToken = 64 << 10
)

// RenewalResult says what the provider's answer about a session means.
type RenewalResult string

// The results of a renewal.
const (
	Renewed        RenewalResult = "renewed" // the provider stands by the person; the identity is the new one
	RenewalRefused RenewalResult = "refused" // it does not (invalid_grant)
	RenewalInvalid RenewalResult = "invalid" // the answer is of another person, or cannot be believed
	RenewalFailed  RenewalResult = "failed"  // there was no answer to go by: it says nothing of the person
	RenewalLapsed  RenewalResult = "lapsed"  // the access token is over, and there is no other way to ask
)

// Renewal is what came of asking. What is to be kept of it stands in Session,
// whatever the result: a rotated refresh token counts also where what came
// after it failed.
type Renewal struct {
	Result  RenewalResult
	Err     error // the cause; nil if Renewed
	Session session.Session
}

// Renew asks whether the provider still stands by the person of a session, which it
// is given with its tokens. It changes no session: the caller keeps or ends it.
func (p *Provider) Renew(ctx context.Context, s session.Session) Renewal {
	ctx, cancel := context.WithTimeout(ctx, refreshLimit)
	defer cancel()
	m, err := p.ready(ctx)
	if err != nil {
		return Renewal{RenewalFailed, err, s}
	}
	if !slices.Contains(p.issuers(), s.Identity.Issuer) {
		// The provider of this name is another one by now: it must not even
		// see the tokens.
		s.RefreshToken = ""
		return Renewal{RenewalInvalid, fmt.Errorf("the session is of issuer %q, which is no longer configured", cut(s.Identity.Issuer)), s}
	}
	if s.RefreshToken == "" {
		return p.renewByUserinfo(ctx, m, s)
	}
	answer, err := p.refresh(ctx, m, s.RefreshToken)
	switch {
	case errors.Is(err, errInvalidGrant):
		return Renewal{RenewalRefused, err, s}
	case err != nil:
		return Renewal{RenewalFailed, err, s}
	}
	if answer.Refresh != "" && len(answer.Refresh) <= maxToken {
		s.RefreshToken = answer.Refresh
	}
	token := &oauth2.Token{AccessToken: answer.Access, TokenType: answer.Type}
	c := claims{}
	if answer.ID != "" {
		if c, err = p.verifyRefreshed(ctx, m, answer, &s); err != nil {
			return Renewal{resultOf(err), err, s}
		}
		s.IDToken = answer.ID
	}
	return p.identify(ctx, m, token, c, s)
}

// renewByUserinfo is the recheck where the provider issued no refresh token.
func (p *Provider) renewByUserinfo(ctx context.Context, m *metadata, s session.Session) Renewal {
	if m.Userinfo == "" {
		s.AccessToken = ""
		return Renewal{RenewalLapsed, errors.New("the provider has no userinfo any more"), s}
	}
	r := p.identify(ctx, m, &oauth2.Token{AccessToken: s.AccessToken, TokenType: "Bearer"}, claims{}, s)
	if errors.Is(r.Err, errUnauthorized) {
		r.Result, r.Session.AccessToken = RenewalLapsed, ""
	}
	return r
}

// verifyRefreshed decides whether a refreshed ID token may be believed (§12.2):
// all that holds for the first one, and it speaks of the same sign-in.
func (p *Provider) verifyRefreshed(ctx context.Context, m *metadata, answer tokens, s *session.Session) (claims, error) {
	nonce := ""
	if _, has := unverified(answer.ID)["nonce"]; has { // without one it is held to have none
		nonce = s.Nonce
	}
	idToken, c, err := p.verify(ctx, m, answer.ID, nonce)
	if err != nil {
		return nil, err
	}
	issuer, err := p.issuerOf(m, c)
	if err != nil {
		return nil, &Refusal{TokenInvalid, err}
	}
	authTime := c.authTime()
	issued, _ := c.date("iat")                              // verify has held it to be one
	before, noneBefore := unverified(s.IDToken).date("iat") // verified when it came
	_, hashed := c["at_hash"]
	switch {
	case issuer != s.Identity.Issuer || idToken.Subject != s.Identity.Subject:
		return nil, &Refusal{TokenInvalid, errors.New("the refreshed ID token speaks of another subject")}
	case !authTime.IsZero() && !s.AuthTime.IsZero() && !authTime.Equal(s.AuthTime):
		return nil, &Refusal{TokenInvalid, errors.New("the refreshed ID token is of another sign-in: auth_time differs")}
	case noneBefore == nil && !issued.After(before):
		return nil, &Refusal{TokenInvalid, errors.New("the refreshed ID token is not a new one: iat is not after that of the one before")}
	case hashed && idToken.VerifyAccessToken(answer.Access) != nil:
		return nil, &Refusal{TokenInvalid, errors.New("at_hash of the refreshed ID token is of another access token")}
	}
	if sid := c.text("sid"); sid != "" {
		s.SID = sid
	}
	return c, nil
}

// unverified are the claims of a token, whoever signed it: what verify is told to
// look for may depend on them, and nothing else. Where there are none it is nil,
// and verify says what is wrong.
func unverified(raw string) claims {
	var c claims
	if parts := strings.Split(raw, "."); len(parts) == 3 {
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil || json.Unmarshal(payload, &c) != nil {
			return nil
		}
	}
	return c
}

// identify makes the new identity of the claims that came, and of userinfo.
func (p *Provider) identify(ctx context.Context, m *metadata, token *oauth2.Token, c claims, s session.Session) Renewal {
	if c["sub"] == nil {
		c["sub"], _ = json.Marshal(s.Identity.Subject)
		c["iss"], _ = json.Marshal(s.Identity.Issuer)
	}
	if m.Userinfo != "" {
		if err := p.addUserinfo(ctx, m, token, c); err != nil {
			return Renewal{resultOf(err), err, s}
		}
	}
	identity, err := c.identity(s.Identity.Issuer, p.claims, p.further)
	if err != nil {
		// A sign-in would be stopped by it, with a page that says why.
		return Renewal{RenewalInvalid, err, s}
	}
	s.Identity = c.over(s.Identity, identity, p.claims, p.further, p.removeMissing)
	s.Rechecked = time.Now().UTC()
	return Renewal{Renewed, nil, s}
}

// over is the new identity, and of the old one what the claims do not speak of:
// an answer to a refresh may say less than one to a sign-in (§12.2). A list that
// is there and empty counts. With removeMissing a list that is not there is
// empty.
func (c claims) over(old, now session.Identity, where Claims, further []string, removeMissing bool) session.Identity {
	for text, before := range map[*string]string{&now.Username: old.Username, &now.Name: old.Name} {
		if *text == "" {
			*text = before
		}
	}
	if now.Email == "" {
		now.Email, now.EmailVerified = old.Email, old.EmailVerified
	}
	if removeMissing {
		return now
	}
	for path, values := range old.Claims {
		if c.find(path) == nil && slices.Contains(further, path) {
			if now.Claims == nil {
				now.Claims = map[string][]string{}
			}
			now.Claims[path] = values
		}
	}
	there := func(path string) bool {
		_, there := entries(c.find(path))
		return there
	}
	if !slices.ContainsFunc(where.Groups, there) {
		now.Groups = old.Groups
	}
	if !slices.ContainsFunc(where.Entitlements, there) {
		now.Entitlements = old.Entitlements
	}
	return now
}

// resultOf tells an answer that speaks against the person from none.
func resultOf(err error) RenewalResult {
	var r *Refusal
	if errors.As(err, &r) && (r.Reason == TokenInvalid || r.Reason == NonceMismatch || errors.Is(err, errOtherSubject)) {
		return RenewalInvalid
	}
	return RenewalFailed
}

// offline reports whether a refresh token is asked for. Some providers issue
// one without the scope; one that does not know it may refuse the whole sign-in.
func (p *Provider) offline(m *metadata) bool {
	return p.rechecks && (slices.Contains(p.scopes, oidc.ScopeOfflineAccess) || slices.Contains(m.Scopes, oidc.ScopeOfflineAccess))
}

// keepTokens notes what the recheck of a sign-in will need, and no more.
func (p *Provider) keepTokens(m *metadata, token *oauth2.Token, s *SignedIn) {
	switch {
	case !p.rechecks:
	case token.RefreshToken != "" && len(token.RefreshToken) <= maxToken:
		s.RefreshToken = token.RefreshToken
	case m.Userinfo != "" && len(token.AccessToken) <= maxToken:
		s.AccessToken = token.AccessToken
	}
}

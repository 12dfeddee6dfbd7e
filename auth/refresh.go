package auth

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

// RecheckResult says how a recheck ended. It is a metric label and a log field.
type RecheckResult string

// The results of a recheck.
const (
	RecheckRenewed   RecheckResult = "renewed"    // the provider stands by the person; the identity is the new one
	RecheckRefused   RecheckResult = "refused"    // it does not (invalid_grant): the session has ended
	RecheckInvalid   RecheckResult = "invalid"    // the answer is of another person, or cannot be believed: the session has ended
	RecheckFailed    RecheckResult = "failed"     // there was no answer to go by: the session goes on, and is tried again
	RecheckLapsed    RecheckResult = "lapsed"     // the access token is over: the session goes on, unchecked, to its own end
	RecheckSignedOut RecheckResult = "signed_out" // the session had ended by the time the answer came, and stays so
)

// RecheckResults are all of them, in the order of this file.
func RecheckResults() []RecheckResult {
	return []RecheckResult{RecheckRenewed, RecheckRefused, RecheckInvalid, RecheckFailed, RecheckLapsed, RecheckSignedOut}
}

// renewal is what came of asking. What is to be kept of it stands in session,
// whatever the result: a rotated refresh token counts also where what came
// after it failed.
type renewal struct {
	result  RecheckResult
	err     error // the cause; nil if renewed
	session session.Session
}

// renew asks about a session, which it is given with its tokens.
func (p *provider) renew(ctx context.Context, s session.Session) renewal {
	ctx, cancel := context.WithTimeout(ctx, refreshLimit)
	defer cancel()
	m, err := p.ready(ctx)
	if err != nil {
		return renewal{RecheckFailed, err, s}
	}
	if !slices.Contains(p.issuers(), s.Identity.Issuer) {
		// The provider of this name is another one by now: it must not even
		// see the tokens.
		s.RefreshToken = ""
		return renewal{RecheckInvalid, fmt.Errorf("the session is of issuer %q, which is no longer configured", cut(s.Identity.Issuer)), s}
	}
	if s.RefreshToken == "" {
		return p.renewByUserinfo(ctx, m, s)
	}
	answer, err := p.refresh(ctx, m, s.RefreshToken)
	switch {
	case errors.Is(err, errInvalidGrant):
		return renewal{RecheckRefused, err, s}
	case err != nil:
		return renewal{RecheckFailed, err, s}
	}
	if answer.Refresh != "" && len(answer.Refresh) <= maxToken {
		s.RefreshToken = answer.Refresh
	}
	token := &oauth2.Token{AccessToken: answer.Access, TokenType: answer.Type}
	c := claims{}
	if answer.ID != "" {
		if c, err = p.verifyRefreshed(ctx, m, answer, &s); err != nil {
			return renewal{resultOf(err), err, s}
		}
		s.IDToken = answer.ID
	}
	return p.identify(ctx, m, token, c, s)
}

// renewByUserinfo is the recheck where the provider issued no refresh token.
func (p *provider) renewByUserinfo(ctx context.Context, m *metadata, s session.Session) renewal {
	if m.Userinfo == "" {
		s.AccessToken = ""
		return renewal{RecheckLapsed, errors.New("the provider has no userinfo any more"), s}
	}
	r := p.identify(ctx, m, &oauth2.Token{AccessToken: s.AccessToken, TokenType: "Bearer"}, claims{}, s)
	if errors.Is(r.err, errUnauthorized) {
		r.result, r.session.AccessToken = RecheckLapsed, ""
	}
	return r
}

// verifyRefreshed decides whether a refreshed ID token may be believed (§12.2):
// all that holds for the first one, and it speaks of the same sign-in.
func (p *provider) verifyRefreshed(ctx context.Context, m *metadata, answer tokens, s *session.Session) (claims, error) {
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
		return nil, &refusal{TokenInvalid, err}
	}
	authTime := c.authTime()
	issued, _ := c.date("iat")                              // verify has held it to be one
	before, noneBefore := unverified(s.IDToken).date("iat") // verified when it came
	_, hashed := c["at_hash"]
	switch {
	case issuer != s.Identity.Issuer || idToken.Subject != s.Identity.Subject:
		return nil, &refusal{TokenInvalid, errors.New("the refreshed ID token speaks of another subject")}
	case !authTime.IsZero() && !s.AuthTime.IsZero() && !authTime.Equal(s.AuthTime):
		return nil, &refusal{TokenInvalid, errors.New("the refreshed ID token is of another sign-in: auth_time differs")}
	case noneBefore == nil && !issued.After(before):
		return nil, &refusal{TokenInvalid, errors.New("the refreshed ID token is not a new one: iat is not after that of the one before")}
	case hashed && idToken.VerifyAccessToken(answer.Access) != nil:
		return nil, &refusal{TokenInvalid, errors.New("at_hash of the refreshed ID token is of another access token")}
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
func (p *provider) identify(ctx context.Context, m *metadata, token *oauth2.Token, c claims, s session.Session) renewal {
	if c["sub"] == nil {
		c["sub"], _ = json.Marshal(s.Identity.Subject)
		c["iss"], _ = json.Marshal(s.Identity.Issuer)
	}
	if m.Userinfo != "" {
		if err := p.addUserinfo(ctx, m, token, c); err != nil {
			return renewal{resultOf(err), err, s}
		}
	}
	identity, err := c.identity(s.Identity.Issuer, p.claims)
	if err != nil {
		// A sign-in would be stopped by it, with a page that says why.
		return renewal{RecheckInvalid, err, s}
	}
	s.Identity = c.over(s.Identity, identity, p.claims, p.removeMissing)
	s.Rechecked = time.Now().UTC()
	return renewal{RecheckRenewed, nil, s}
}

// over is the new identity, and of the old one what the claims do not speak of:
// an answer to a refresh may say less than one to a sign-in (§12.2). A list that
// is there and empty counts. With removeMissing a list that is not there is
// empty.
func (c claims) over(old, now session.Identity, where Claims, removeMissing bool) session.Identity {
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
		if c.find(path) == nil && slices.Contains(where.further, path) {
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
func resultOf(err error) RecheckResult {
	var r *refusal
	if errors.As(err, &r) && (r.reason == TokenInvalid || r.reason == NonceMismatch || errors.Is(err, errOtherSubject)) {
		return RecheckInvalid
	}
	return RecheckFailed
}

// offline reports whether a refresh token is asked for. Some providers issue
// one without the scope; one that does not know it may refuse the whole sign-in.
func (p *provider) offline(m *metadata) bool {
	return p.rechecks && (slices.Contains(p.scopes, oidc.ScopeOfflineAccess) || slices.Contains(m.Scopes, oidc.ScopeOfflineAccess))
}

// keepTokens notes what the recheck of a sign-in will need, and no more.
func (p *provider) keepTokens(m *metadata, token *oauth2.Token, s *signedIn) {
	switch {
	case !p.rechecks:
	case token.RefreshToken != "" && len(token.RefreshToken) <= maxToken:
		s.refreshToken = token.RefreshToken
	case m.Userinfo != "" && len(token.AccessToken) <= maxToken:
		s.accessToken = token.AccessToken
	}
}

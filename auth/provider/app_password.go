package provider

// app_password.go has the provider vouch for a user name and an app password, as
// authentik's own outpost does: by client credentials with both in the form
// (https://docs.goauthentik.io/docs/add-secure-apps/providers/oauth2/client_credentials).
//
// No specification has this grant. A provider that does not know it must not take
// it for another: RFC 6749 §4.4 gives a client that proves who it is a token of its
// own, whatever else is in the form, and so any password would do. Hence we
// do not prove it, and the tokens have to name the very user who was asked about.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// AppPassword asks whose a user name and an app password are, and until when that
// is good. The error is a *Refusal, or means that the provider did not tell; it
// Is ErrSilent where it did not answer. It repeats no password.
func (p *Provider) AppPassword(ctx context.Context, user, password string) (*MachineClient, time.Time, error) {
	no := func(err error) (*MachineClient, time.Time, error) { return nil, time.Time{}, err }
	m, err := p.atHand(ctx)
	if err != nil {
		return no(err)
	}
	t, err := p.clientCredentials(ctx, m, user, password)
	if err != nil {
		return no(err)
	}
	idToken, c, err := p.verify(ctx, m, t.ID, "")
	if err != nil {
		return no(err)
	}
	if _, hashed := c["at_hash"]; hashed && idToken.VerifyAccessToken(t.Access) != nil {
		return no(refuseToken(CredentialsRefused, "at_hash of the ID token is of another access token"))
	}
	if m.Userinfo != "" {
		if err := p.addUserinfo(ctx, m, &oauth2.Token{AccessToken: t.Access, TokenType: "Bearer"}, c); err != nil {
			return no(err)
		}
	}
	if c.text("preferred_username") != user {
		return no(refuseToken(CredentialsRefused, "the provider's answer is about another user than %q", cut(user)))
	}
	issuer, err := p.issuerOf(m, c)
	if err != nil {
		return no(&Refusal{CredentialsRefused, err})
	}
	id, err := c.identity(issuer, p.claims, p.further)
	if err != nil {
		return no(&Refusal{CredentialsRefused, err})
	}
	// No proof: nobody has proved who they are just now, though authentik writes
	// the time of the grant into auth_time.
	return &MachineClient{Identity: id, ClientID: p.clientID}, idToken.Expiry.Add(Skew), nil
}

// clientCredentials sends the grant and returns what came of it, an ID token
// included.
func (p *Provider) clientCredentials(ctx context.Context, m *metadata, user, password string) (tokens, error) {
	scopes := slices.DeleteFunc(p.supported(m), func(s string) bool { return s == oidc.ScopeOfflineAccess })
	status, body, err := p.send(ctx, "app_password", m.Token, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {p.clientID}, "username": {user}, "password": {password}, "scope": {strings.Join(scopes, " ")},
	}, nil)
	if err != nil {
		return tokens{}, silent(err)
	}
	var t tokens
	unread := json.Unmarshal(body, &t)
	switch {
	case t.Error == "invalid_grant":
		return tokens{}, refuseToken(CredentialsRefused, "the provider does not accept the user name with this password")
	case t.Error != "":
		return tokens{}, fmt.Errorf("token endpoint answers %d: %s: is it authentik, which alone knows app passwords?", status, cut(t.Error))
	case status != http.StatusOK:
		return tokens{}, fmt.Errorf("token endpoint answers %d", status)
	case unread != nil:
		return tokens{}, errors.New("token endpoint answers 200 and no JSON")
	case t.Access == "" || !strings.EqualFold(t.Type, "bearer") || !printable(t.Access):
		return tokens{}, errors.New("token endpoint answers 200 without an access token to bear")
	case t.ID == "":
		return tokens{}, errors.New("the answer has no ID token: is openid among the scopes?")
	}
	return t, nil
}

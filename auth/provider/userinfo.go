package provider

// userinfo.go asks the provider for what the ID token does not say of a person
// (OpenID Connect Core §5.3). The answer counts only if it speaks of the same
// subject. Claims that it points to elsewhere (§5.6.2) are not fetched.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/oauth2"
)

// errOtherSubject means that the answer is about somebody else.
var errOtherSubject = errors.New("userinfo speaks of another subject than the ID token")

// addUserinfo fetches userinfo and lays its claims over those of the ID token.
// The error is a *Refusal.
func (p *Provider) addUserinfo(ctx context.Context, m *metadata, token *oauth2.Token, c claims) error {
	body, mediaType, err := p.get(ctx, "userinfo", m.Userinfo, token.AccessToken)
	switch {
	case errors.Is(err, errJSON):
		return &Refusal{UserinfoInvalid, err}
	case err != nil:
		return &Refusal{UserinfoUnavailable, err}
	}
	signed := mediaType == "application/jwt"
	if signed {
		body, err = p.keys.VerifySignature(ctx, string(body))
	}
	var more claims
	if err == nil {
		err = json.Unmarshal(body, &more)
	}
	switch {
	case errors.Is(err, ErrKeys):
		return &Refusal{Unreachable, err}
	case err != nil:
		return &Refusal{UserinfoInvalid, fmt.Errorf("reading userinfo: %w", err)}
	case more.text("sub") == "":
		return &Refusal{UserinfoInvalid, errors.New("userinfo does not say of whom it speaks")}
	case more.text("sub") != c.text("sub"):
		return &Refusal{UserinfoInvalid, errOtherSubject}
	case signed && !p.forUs(more, c):
		return &Refusal{UserinfoInvalid, errors.New("signed userinfo is of another issuer or for another client")}
	}
	c.lay(more)
	return nil
}

// forUs reports whether signed userinfo names us and the issuer of the ID
// token, as far as it names anybody: iss and aud are no duty there (§5.3.2).
func (p *Provider) forUs(c, idToken claims) bool {
	_, hasIssuer := c["iss"]
	_, hasAudience := c["aud"]
	return (!hasIssuer || c.text("iss") == idToken.text("iss")) && (!hasAudience || slices.Contains(c.list("aud"), p.clientID))
}

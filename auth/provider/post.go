package provider

// post.go sends forms to the provider as the client that we are: a refresh
// grant (RFC 6749 §6) and a revocation (RFC 7009). The exchange of a code is in
// exchange.go.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// errInvalidGrant means that a refresh token is not, or no longer, good.
var errInvalidGrant = errors.New("invalid_grant")

// tokens is the answer of a token endpoint to a refresh grant.
type tokens struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	Refresh string `json:"refresh_token"` // "": the one that was sent stays good
	ID      string `json:"id_token"`      // "" is usual (OpenID Connect Core §12.2)
	Error   string `json:"error"`
}

// refresh sends the refresh grant. The error Is errInvalidGrant where the
// provider says so; it repeats no token.
func (p *Provider) refresh(ctx context.Context, m *metadata, refreshToken string) (tokens, error) {
	status, body, err := p.post(ctx, "refresh", m, m.Token, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}})
	if err != nil {
		return tokens{}, err
	}
	var t tokens
	unread := json.Unmarshal(body, &t)
	switch {
	case t.Error == "invalid_grant": // with whatever status: some send 200
		return tokens{}, fmt.Errorf("token endpoint answers %d: %w", status, errInvalidGrant)
	case status != http.StatusOK || t.Error != "":
		return tokens{}, fmt.Errorf("token endpoint answers %d: %s", status, cut(t.Error))
	case unread != nil:
		return tokens{}, errors.New("token endpoint answers 200 and no JSON")
	case t.Access == "" || !strings.EqualFold(t.Type, "bearer"):
		return tokens{}, fmt.Errorf("token endpoint answers 200 without an access token to bear: token_type is %q", cut(t.Type))
	}
	return t, nil
}

// Revokes reports whether the provider wants to know of refresh tokens that are
// not used any more; false while nothing is known of it.
func (p *Provider) Revokes() bool {
	m := p.known.Load()
	return m != nil && m.Revocation != ""
}

// Revoke tells the provider, if it Revokes, that a refresh token is not used any
// more. The error is for the log; it repeats no token.
func (p *Provider) Revoke(ctx context.Context, refreshToken string) error {
	m := p.known.Load()
	if m == nil || m.Revocation == "" {
		return nil
	}
	status, _, err := p.post(ctx, "revocation", m, m.Revocation, url.Values{"token": {refreshToken}, "token_type_hint": {"refresh_token"}})
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("revocation endpoint answers %d", status)
	}
	return err
}

// post sends a form, to which it adds our credentials, as clientAuthFor says.
// The error means that there was no whole answer.
func (p *Provider) post(ctx context.Context, operation string, m *metadata, to string, form url.Values) (status int, body []byte, err error) {
	way := p.clientAuthFor(m)
	if way != ClientBasic {
		form.Set("client_id", p.clientID)
	}
	if way == ClientPost {
		form.Set("client_secret", p.clientSecret)
	}
	assertion, err := p.assertion(m)
	if err != nil {
		return 0, nil, err
	}
	for name, value := range assertion {
		form.Set(name, value)
	}
	var basic func(*http.Request)
	if way == ClientBasic {
		basic = func(r *http.Request) {
			r.SetBasicAuth(url.QueryEscape(p.clientID), url.QueryEscape(p.clientSecret)) // RFC 6749 §2.3.1
		}
	}
	return p.send(ctx, operation, to, form, basic)
}

// send sends a form as it is, with what authenticate puts into the header; nil
// for nothing. The error means that there was no whole answer.
func (p *Provider) send(ctx context.Context, operation, to string, form url.Values, authenticate func(*http.Request)) (status int, body []byte, err error) {
	r, err := http.NewRequestWithContext(withCall(ctx, p.name, operation), http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %s: %w", errMisconfigured, operation, err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	if authenticate != nil {
		authenticate(r)
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return 0, nil, fmt.Errorf("sending to %s: %w", operation, errorWithoutURL(err))
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		return 0, nil, fmt.Errorf("reading %s: %w", operation, err)
	}
	return resp.StatusCode, body, nil
}

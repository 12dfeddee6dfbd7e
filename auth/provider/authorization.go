package provider

// authorization.go makes the authorization request (OpenID Connect Core
// §3.1.2.1): what every sign-in asks for, and what this one asks for besides. It
// goes through the browser, or to the provider directly (RFC 9126), with the
// browser carrying no more than a reference to it.

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	// maxPushes is how many requests are pushed at a time, for each provider.
	// Whoever opens start makes us push one, signed in or not.
	maxPushes = 16
	// maxRequestURI is how long a reference to a pushed request may be.
	maxRequestURI = 2048
)

// Ask is what a sign-in asks the provider for, besides who the person is. The
// zero value asks for nothing. What comes back is not held to it here.
type Ask struct {
	Prompt    []string          // login, consent, select_account
	MaxAge    time.Duration     // since the person last proved who they are; 0 for none
	ACRValues []string          // the best first; nil for none
	LoginHint string            // "" for none
	Extra     map[string]string // more parameters: they go before the provider's own Extra, and never before ours
}

// Request is what is particular to one authorization request.
type Request struct {
	Ask         Ask
	RedirectURI string
	State       string
	Nonce       string
	Verifier    string // of PKCE; the request has the challenge that is made of it
}

// AuthorizationURL is where the browser goes. It goes by what is known of the
// provider; the caller calls Ready before, so that nobody is sent to one that is
// down. The error is a *Refusal: Misconfigured, or Unreachable where the request
// could not be pushed.
func (p *Provider) AuthorizationURL(ctx context.Context, r Request) (string, error) {
	m, err := p.atHand(ctx)
	if err != nil {
		return "", &Refusal{unready(err), err}
	}
	to, err := p.authorizationURL(ctx, m, r)
	if err != nil {
		return "", &Refusal{unready(err), err}
	}
	return to, nil
}

// authorizationURL is AuthorizationURL by these metadata. The error Is
// errMisconfigured, or means that the provider could not be asked.
func (p *Provider) authorizationURL(ctx context.Context, m *metadata, r Request) (string, error) {
	options := []oauth2.AuthCodeOption{oidc.Nonce(r.Nonce), oauth2.S256ChallengeOption(r.Verifier)}
	for name, value := range r.Ask.parameters() {
		if value != "" {
			options = append(options, oauth2.SetAuthURLParam(name, value))
		}
	}
	u, err := url.Parse(p.oauth2(m, r.RedirectURI).AuthCodeURL(r.State, options...))
	if err != nil {
		return "", fmt.Errorf("%w: its authorization_endpoint is %q", errMisconfigured, cut(m.Authorization))
	}
	query := u.Query()
	for _, extra := range []map[string]string{r.Ask.Extra, p.extra} {
		for name, value := range extra {
			if !query.Has(name) {
				query.Set(name, value)
			}
		}
	}
	if p.push || m.RequirePushed {
		if query, err = p.pushed(ctx, m, query); err != nil {
			return "", err
		}
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// parameters are those of the request that ask for it; "" for none.
func (a Ask) parameters() map[string]string {
	maxAge := ""
	if a.MaxAge > 0 {
		maxAge = strconv.Itoa(int(a.MaxAge.Seconds()))
	}
	return map[string]string{
		"prompt": strings.Join(a.Prompt, " "), "max_age": maxAge, "acr_values": strings.Join(a.ACRValues, " "), "login_hint": a.LoginHint,
	}
}

// pushed gives the provider the request and returns the two parameters that
// stand for it (RFC 9126 §4), beside those of the endpoint's own. A request that
// cannot be pushed is not sent through the browser instead.
func (p *Provider) pushed(ctx context.Context, m *metadata, request url.Values) (url.Values, error) {
	if m.Pushed == "" {
		return nil, fmt.Errorf("%w: requests are to be pushed, and its metadata have no pushed_authorization_request_endpoint", errMisconfigured)
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	select {
	case p.pushing <- struct{}{}:
		defer func() { <-p.pushing }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to push the authorization request: %w", ctx.Err())
	}
	own := ownQuery(m.Authorization)
	for name := range own {
		request.Del(name)
	}
	status, body, err := p.post(ctx, "par", m, m.Pushed, request)
	if err != nil {
		return nil, err
	}
	var answer struct {
		RequestURI string `json:"request_uri"`
		Error      string `json:"error"`
	}
	unread := json.Unmarshal(body, &answer)
	switch uri := answer.RequestURI; {
	case status >= 500 || status == http.StatusTooManyRequests:
		return nil, fmt.Errorf("pushed authorization request endpoint answers %d", status)
	case status != http.StatusCreated && status != http.StatusOK:
		return nil, fmt.Errorf("%w: pushed authorization request endpoint answers %d: %s", errMisconfigured, status, cut(answer.Error))
	case unread != nil || uri == "" || len(uri) > maxRequestURI || !printable(uri):
		return nil, fmt.Errorf("%w: pushed authorization request endpoint answers %d without a request_uri that a browser can carry", errMisconfigured, status)
	}
	own.Set("client_id", p.clientID)
	own.Set("request_uri", answer.RequestURI)
	return own, nil
}

// ownQuery is the query that an endpoint's address has by itself.
func ownQuery(endpoint string) url.Values {
	u, err := url.Parse(endpoint)
	if err != nil {
		return url.Values{}
	}
	return u.Query()
}

package auth

// authorization.go makes the authorization request (OpenID Connect Core
// §3.1.2.1): what every sign-in asks for, what the application's asks for
// besides, and what a stepped-up one does. It goes through the browser, or to
// the provider directly (RFC 9126), with the browser carrying no more than a
// reference to it.

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
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

// Ask is what an application's sign-ins ask the provider for, besides who the
// person is. The zero value asks for nothing.
type Ask struct {
	Prompt    []string          // login, consent, select_account
	MaxAge    time.Duration     // since the person last proved who they are, held to when they come back; 0 for none
	ACRValues []string          // the best first; what comes back is held to Application.Require alone
	LoginHint string            // "" for none
	Extra     map[string]string // more parameters: they go before the provider's own Extra, and never before ours
}

// authorization is what is particular to one authorization request.
type authorization struct {
	app                    *application
	needs                  needs // what the sign-in has to bring
	state, nonce, verifier string
	again                  bool // the person has to prove anew who they are
}

// authorizationURL is where the browser goes. The error Is errMisconfigured, or
// means that the provider could not be asked.
func (p *provider) authorizationURL(ctx context.Context, m *metadata, a authorization) (string, error) {
	options := []oauth2.AuthCodeOption{oidc.Nonce(a.nonce), oauth2.S256ChallengeOption(a.verifier)}
	for name, value := range a.asks() {
		if value != "" {
			options = append(options, oauth2.SetAuthURLParam(name, value))
		}
	}
	u, err := url.Parse(p.oauth2(m, a.app.redirectURI(p)).AuthCodeURL(a.state, options...))
	if err != nil {
		return "", fmt.Errorf("%w: its authorization_endpoint is %q", errMisconfigured, cut(m.Authorization))
	}
	query := u.Query()
	for _, extra := range []map[string]string{a.needs.ask.Extra, p.extra} {
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

// asks are the parameters that the application asks with; "" for none.
func (a authorization) asks() map[string]string {
	ask := a.needs.ask
	prompt, classes := slices.Clone(ask.Prompt), ask.ACRValues
	if a.again && !slices.Contains(prompt, "login") {
		prompt = append(prompt, "login")
	}
	if len(classes) == 0 {
		classes = a.needs.classes()
	}
	maxAge := ""
	if age := a.needs.maxAge(); age > 0 {
		maxAge = strconv.Itoa(int(age.Seconds()))
	}
	return map[string]string{
		"prompt": strings.Join(prompt, " "), "max_age": maxAge, "acr_values": strings.Join(classes, " "), "login_hint": ask.LoginHint,
	}
}

// pushed gives the provider the request and returns the two parameters that
// stand for it (RFC 9126 §4), beside those of the endpoint's own. A request that
// cannot be pushed is not sent through the browser instead.
func (p *provider) pushed(ctx context.Context, m *metadata, request url.Values) (url.Values, error) {
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

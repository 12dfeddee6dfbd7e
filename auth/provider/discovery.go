package provider

// What is known of a provider: its metadata (OpenID Connect Discovery 1.0 §3)
// and its keys, fetched when they are needed, kept on disk when they were
// good. The process starts, and goes on, without either.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	// freshTime is how long metadata are used without asking whether the
	// provider is still there.
	freshTime = time.Minute
	// askTime is how long a person waits for that.
	askTime = 5 * time.Second
	// pollTime is how often metadata and keys are fetched anew regardless.
	pollTime = 5 * time.Minute
	// firstRetry doubles up to lastRetry while a provider is down. Nobody who
	// wants to sign in makes us ask sooner than that either: strangers may
	// come as often as they like.
	firstRetry, lastRetry = time.Second, 30 * time.Second
)

// errMisconfigured means that the provider answers, and what it answers cannot
// be right for our configuration.
var errMisconfigured = errors.New("provider misconfigured")

// errUnauthorized means that an access token is not, or no longer, good.
var errUnauthorized = errors.New("the access token is not accepted")

// metadata is the part of a provider's metadata that we use.
type metadata struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Userinfo      string   `json:"userinfo_endpoint"`
	EndSession    string   `json:"end_session_endpoint"`
	Revocation    string   `json:"revocation_endpoint"`
	Introspection string   `json:"introspection_endpoint"`
	Pushed        string   `json:"pushed_authorization_request_endpoint"`
	RequirePushed bool     `json:"require_pushed_authorization_requests"`
	JWKS          string   `json:"jwks_uri"`
	Scopes        []string `json:"scopes_supported"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	// AssertionAlgorithms are those in which we may sign that we are the client.
	AssertionAlgorithms []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	Algorithms          []string `json:"id_token_signing_alg_values_supported"`
	IssParameter        bool     `json:"authorization_response_iss_parameter_supported"`
}

// trouble is why the last fetch failed, and when.
type trouble struct {
	err error
	at  time.Time
}

// Ready makes sure that the provider was there within the last minute, asking it
// if need be; no more than a second after a failure it fails again without asking.
// The error is a *Refusal: Misconfigured or Unreachable. Nobody should be sent to a
// provider that is not ready: they would see the browser's error page.
func (p *Provider) Ready(ctx context.Context) error {
	if _, err := p.ready(ctx); err != nil {
		return &Refusal{unready(err), err}
	}
	return nil
}

// ready returns metadata that were fetched within freshTime, asking for them
// if need be; where that failed less than firstRetry ago it fails the same way
// without asking. The error Is errMisconfigured, or means that the provider
// cannot be reached; then what was known before is not given out: a person sent
// to a provider that is down would see the browser's error page instead of ours.
func (p *Provider) ready(ctx context.Context) (*metadata, error) {
	if m := p.fresh(); m != nil {
		return m, nil
	}
	if t := p.trouble.Load(); t != nil && time.Since(t.at) < firstRetry {
		return nil, t.err
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	done := p.fetching.DoChan("metadata", func() (any, error) {
		// Whoever waits shares this one; it must not end with the first of them.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
		defer cancel()
		return nil, p.fetch(ctx)
	})
	select {
	case result := <-done:
		if result.Err != nil {
			return nil, result.Err
		}
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the provider's metadata: %w", ctx.Err())
	}
	return p.known.Load(), nil
}

// atHand returns what is known of the provider, however old, and asks for it
// where a process that has just begun knows nothing. The error is as ready's.
func (p *Provider) atHand(ctx context.Context) (*metadata, error) {
	if m := p.known.Load(); m != nil {
		return m, nil
	}
	return p.ready(ctx)
}

// fresh returns the metadata if they were fetched within freshTime, else nil.
func (p *Provider) fresh() *metadata {
	if at := p.fetched.Load(); at != nil && time.Since(*at) < freshTime {
		return p.known.Load()
	}
	return nil
}

// Run keeps metadata and keys up to date until ctx ends, and returns then.
func (p *Provider) Run(ctx context.Context) {
	retry := firstRetry
	for {
		wait := pollTime
		_, err, _ := p.fetching.Do("metadata", func() (any, error) {
			ctx, cancel := context.WithTimeout(ctx, outboundTime)
			defer cancel()
			return nil, p.fetch(ctx)
		})
		if err != nil {
			wait, retry = retry, min(2*retry, lastRetry)
		} else {
			retry = firstRetry
		}
		// Jitter, so that many of us do not fall upon a provider together.
		timer := time.NewTimer(wait/2 + rand.N(wait/2+1))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// fetch gets metadata and keys, takes them over if they are good, and says in
// the log when the provider goes away or comes back.
func (p *Provider) fetch(ctx context.Context) error {
	ctx, done := p.hooks.Discovery(ctx, p.name)
	m, err := p.fetchMetadata(ctx)
	if err == nil {
		err = p.fetchKeys(ctx, m.JWKS)
	}
	done(err != nil)
	was := p.trouble.Load()
	if err != nil {
		if ctx.Err() != nil && context.Cause(ctx) == context.Canceled {
			return err // we are stopping; that is no news of the provider
		}
		p.trouble.Store(&trouble{err, time.Now()})
		if was == nil || was.err.Error() != err.Error() {
			p.log.Error("provider is not usable; people who are signed in go on", "issuer", p.issuer, "cause", cut(err.Error()))
		}
		p.hooks.Up(p.name, false)
		return err
	}
	now := time.Now()
	p.known.Store(m)
	p.fetched.Store(&now)
	p.trouble.Store(nil)
	p.hooks.Up(p.name, true)
	if was != nil {
		p.log.Info("provider is usable again", "issuer", p.issuer)
	}
	if err := p.keep(m); err != nil {
		p.log.Warn("keeping the provider's metadata", "cause", err.Error())
	}
	return nil
}

// fetchKeys fetches the keys. Where nobody answers, the ones that the same
// place gave within keysTime go on: one that answers and has none is believed.
func (p *Provider) fetchKeys(ctx context.Context, from string) error {
	err := p.keys.refresh(ctx, from)
	if err == nil || errors.Is(err, errMisconfigured) || ctx.Err() != nil || !p.keys.lasting(from) {
		return err
	}
	p.log.Warn("fetching the provider's keys; the ones at hand go on", "cause", cut(err.Error()))
	return nil
}

func (p *Provider) fetchMetadata(ctx context.Context) (*metadata, error) {
	var m metadata
	if err := p.getJSON(ctx, "discovery", strings.TrimSuffix(p.issuer, "/")+"/.well-known/openid-configuration", &m); err != nil {
		return nil, err
	}
	return &m, p.accept(&m)
}

// check compares the issuer as Discovery §4.3 demands, to the byte, and lets
// no endpoint be less safe than the issuer.
func (m *metadata) check(issuer string) error {
	if m.Issuer != issuer {
		return fmt.Errorf("%w: it calls itself %q, the configuration says %q; copy the issuer exactly, its last slash too", errMisconfigured, cut(m.Issuer), issuer)
	}
	for name, endpoint := range map[string]string{
		"authorization_endpoint": m.Authorization, "token_endpoint": m.Token, "jwks_uri": m.JWKS,
		"userinfo_endpoint": m.Userinfo, "end_session_endpoint": m.EndSession, "revocation_endpoint": m.Revocation,
		"pushed_authorization_request_endpoint": m.Pushed, "introspection_endpoint": m.Introspection,
	} {
		optional := name != "authorization_endpoint" && name != "token_endpoint" && name != "jwks_uri"
		if endpoint == "" && optional {
			continue
		}
		u, err := url.Parse(endpoint)
		plain := err == nil && u.Scheme == "http" && strings.HasPrefix(issuer, "http://")
		if err != nil || u.Scheme != "https" && !plain || u.Host == "" || u.User != nil || u.Fragment != "" {
			return fmt.Errorf("%w: its %s is %q", errMisconfigured, name, cut(endpoint))
		}
	}
	if len(m.Algorithms) > 0 && len(m.algorithms()) == 0 {
		return fmt.Errorf("%w: it signs ID tokens with %v only, and none of these is accepted", errMisconfigured, m.Algorithms)
	}
	return nil
}

// algorithms are the signature algorithms that both sides accept. Symmetric
// ones are not among ours: with them whoever can read the client secret can
// make an ID token.
func (m *metadata) algorithms() []string {
	if len(m.Algorithms) == 0 {
		return []string{"RS256"} // Discovery §3: RS256 must be supported
	}
	ours := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
	return slices.DeleteFunc(ours, func(a string) bool { return !slices.Contains(m.Algorithms, a) })
}

// getJSON fetches a JSON document. Anything but a 200 with JSON is an error.
func (p *Provider) getJSON(ctx context.Context, operation, from string, into any) error {
	body, _, err := p.get(ctx, operation, from, "")
	switch {
	case errors.Is(err, errJSON):
		return fmt.Errorf("%w: %w", errMisconfigured, err)
	case err != nil:
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%w: %s is not the JSON that it should be: %w", errMisconfigured, operation, err)
	}
	return nil
}

// get fetches a document, and says of what media type it is. An access token,
// if there is one, goes along. Anything but a 200 is an error, which repeats
// nothing of the body: that may hold anything, a token too.
func (p *Provider) get(ctx context.Context, operation, from, accessToken string) (body []byte, mediaType string, err error) {
	r, err := http.NewRequestWithContext(withCall(ctx, p.name, operation), http.MethodGet, from, nil)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %s: %w", errMisconfigured, operation, err)
	}
	r.Header.Set("Accept", "application/json")
	if accessToken != "" {
		r.Header.Set("Authorization", "Bearer "+accessToken)
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return nil, "", fmt.Errorf("fetching %s: %w", operation, errorWithoutURL(err))
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("reading %s: %w", operation, err)
	case resp.StatusCode == http.StatusNotFound:
		return nil, "", fmt.Errorf("%w: %s answers %s: is the issuer right?", errMisconfigured, from, resp.Status)
	case resp.StatusCode == http.StatusUnauthorized:
		return nil, "", fmt.Errorf("%s answers %s: %w", operation, resp.Status, errUnauthorized)
	case resp.StatusCode != http.StatusOK:
		return nil, "", fmt.Errorf("%s answers %s", operation, resp.Status)
	}
	mediaType, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return body, mediaType, nil
}

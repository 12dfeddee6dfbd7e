package auth

// registration.go is a provider at which we are registered, with what is kept of it
// here: work that nobody waits for, and how often it may be asked and complained of.
// What is said to it, and what of its answers is believed, is package provider's.

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"outpost/auth/provider"
	"outpost/session"
)

// registration is shared by the Outposts that take one another's place, as long as
// its terms stay the same.
type registration struct {
	*provider.Provider
	made terms

	name, title, issuer, clientID string
	unverifiedEmail               bool

	log        *slog.Logger
	background *background
	failures   denials // of rechecks
	unrevoked  denials // refresh tokens for which there was no room in the line

	asking chan struct{}           // holds one for each question about a machine client that is under way
	silent atomic.Pointer[silence] // when such a question last got no answer; nil if never
}

// silence is a question that got no answer, and when.
type silence struct {
	err error
	at  time.Time
}

// register makes a registration and the provider of it.
func register(made terms, cfg Config, log *slog.Logger, hooks Hooks) (*registration, error) {
	c := made.Config
	r := &registration{
		made: made, name: c.Name, title: cmp.Or(c.Title, c.Name), issuer: c.Issuer, clientID: c.ClientID, unverifiedEmail: c.UnverifiedEmail,
		log: log.With("provider", c.Name), asking: make(chan struct{}, maxAsking),
	}
	r.background = newBackground(r.log)
	var err error
	r.Provider, err = provider.New(c, provider.Means{
		Transport: cfg.Transport, Keep: cfg.Keep, Log: r.log, Hooks: hooks.ofProvider(), Rechecks: made.rechecks, Further: made.further,
	})
	return r, err
}

// ofProvider are the hooks of a provider: what it does is counted, and traced.
func (h Hooks) ofProvider() provider.Hooks {
	return provider.Hooks{
		Request: func(ctx context.Context, name, operation string) func(int) {
			begun := time.Now()
			// The context is for us alone: nothing of it goes to a provider.
			_, done := h.work(ctx, Work{Kind: WorkProvider, Name: operation, Provider: name})
			return func(status int) {
				done(Done{Status: status, Failed: status == 0 || status >= http.StatusInternalServerError})
				h.ProviderRequest(name, operation, status, time.Since(begun))
			}
		},
		Discovery: func(ctx context.Context, name string) (context.Context, func(bool)) {
			ctx, done := h.work(ctx, Work{Kind: WorkBackground, Name: "discovery", Provider: name})
			return ctx, func(failed bool) { done(Done{Provider: name, Failed: failed}) }
		},
		Up: h.ProviderUp, ClockSkew: h.ClockSkew,
	}
}

// providersOf are the providers of these registrations, in their order.
func providersOf(registered []*registration) []*provider.Provider {
	all := make([]*provider.Provider, 0, len(registered))
	for _, r := range registered {
		all = append(all, r.Provider)
	}
	return all
}

// reasonOf is the reason of an error of a provider's; Internal where it has none.
func reasonOf(err error) Reason {
	var refused *provider.Refusal
	if errors.As(err, &refused) {
		return Reason(refused.Reason)
	}
	return Internal
}

// revoke tells the provider, where it wants to know, that a refresh token is not
// used any more. Nobody waits for it, and nothing depends on it.
func (r *registration) revoke(refreshToken string) {
	if refreshToken == "" || !r.Revokes() {
		return
	}
	queued := r.background.try(func(ctx context.Context) {
		if err := r.Revoke(ctx, refreshToken); err != nil {
			r.log.Warn("revoking a refresh token", "cause", cut(err.Error()))
		}
	})
	if queued {
		return
	}
	if suppressed, ok := r.unrevoked.take(""); ok {
		r.log.Warn("a refresh token is not revoked: the provider has too much before it, or the process ends", "suppressed", suppressed)
	}
}

// revoking is for session.Whose.Ended: it has the provider of each session told.
// It is nil where no provider wants to know, so that nothing is read for it.
func (o *Outpost) revoking() func(session.Session) {
	if !slices.ContainsFunc(o.providers, func(r *registration) bool { return r.Revokes() }) {
		return nil
	}
	return func(s session.Session) {
		if p := o.provider(s.Provider); p != nil {
			p.revoke(s.RefreshToken)
		}
	}
}

// Package auth is the relying party: it answers nginx's checks, signs people
// in at an OpenID provider and signs them out again.
//
// The way of a check is check.go; the way of a sign-in is start.go, the
// provider, callback.go, provider/exchange.go. Everything that speaks OAuth 2.0 or
// OpenID Connect to browsers is in this package, everything that speaks it to a
// provider in package provider below it, and nothing of either anywhere else.
//
// It takes plain values and hooks: no file, flag, environment variable or
// package-level state. It keeps sessions in package session, asks package
// access who may have what, reads and writes headers through package headers
// and shows people what package page has words for. It does not listen, does
// not count (Hooks do) and knows nothing of YAML.
package auth

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"outpost/access"
	"outpost/auth/provider"
	"outpost/headers"
	"outpost/page"
	"outpost/session"
)

// Prefix is the path below which every public endpoint stands, on every
// protected host; SWAG's samples have it built in.
const Prefix = "/outpost.goauthentik.io"

// Config is what New needs. Its slices are not changed after New.
type Config struct {
	Applications []Application     // at least one
	Providers    []provider.Config // those that the applications name
	Tokens       []StaticToken     // of machine clients, for the applications that each names; nil for none
	Session      session.Config    // Prepare, OnEnd and OnStore are New's and have to be nil; Log may be nil
	Peers        headers.Peers     // whose headers count
	Pages        *page.Pages       // writes what people see; nil writes it as page.Site's zero value has it
	Includes     string            // the date of the oldest includes of nginx's that will do; "" looks at none
	FrontEnds    []string          // which front ends may ask, of FrontEnds(); nil is nginx alone
	Keep         string            // directory for the providers' last good metadata and keys; "" keeps none
	Transport    http.RoundTripper // stands for the network, for tests; nil is the real one
	Log          *slog.Logger
	Hooks        Hooks
}

// Application is what people sign in to: one host, or every host below a domain.
type Application struct {
	Name         string                // names the cookie; lower-case letters, digits, hyphens
	ExternalURL  string                // scheme://host[:port] as browsers see it; with a path where several share the host, and its sign-in
	CookieDomain string                // "" for this host alone (single mode); else every host at or below it (domain mode)
	Providers    []string              // names of Config.Providers, at least one; of several the person chooses one, in this order
	Access       access.Config         // who may have what of it
	Ask          provider.Ask          // what a sign-in asks the provider for
	Headers      headers.MappingConfig // what it is told of people

	// Of frames. The session cookie of applications that share a host is one.
	CrossSite   bool     // the session cookie is SameSite=None: other sites' pages, forms and frames act with it
	Partitioned bool     // the session cookie is Partitioned
	Framers     []string // origins besides its own hosts whose pages may show ours about a frame; nil for none

	// Machine clients that it takes besides those of Config.Tokens.
	Bearer       *provider.Bearer // with access tokens of its providers; nil for none
	AppPasswords bool             // with a user name and an app password of authentik's, in Basic
}

// Hooks tell what happened, for counting. Each may be nil; each is called on
// the way of a request and has to be fast, safe for parallel use and must not
// keep what it is given.
type Hooks struct {
	Check           func(application string, reason Reason, took time.Duration) // application is "" for an unknown host
	SignIn          func(application, provider string, reason Reason, took time.Duration)
	SignOut         func(application string, reason Reason)
	Logout          func(provider string, reason Reason)                             // back-channel: signed_out, or why not; provider is "" where none of ours is named
	ProviderRequest func(provider, operation string, status int, took time.Duration) // status 0: no answer
	ProviderUp      func(provider string, up bool)
	Recheck         func(provider string, result RecheckResult, took time.Duration)
	ClockSkew       func(provider string, skew time.Duration) // the provider's clock minus ours, to the second
	HeadersDropped  func(application string)
	// Machine is told of each credential of a machine client: client is the name
	// of a static token, or one of MachineKinds. reason is Allowed where it is
	// good, whatever the check then says of the client.
	Machine func(application, client string, reason Reason)
	// Event is told what an audit wants to know; never of a check that allows.
	Event func(Event)
	// Work is told of what takes time when it begins, and of its end by calling
	// what it returns; what is done within it goes by the context that it returns. It
	// is never told of a check that memory answers.
	Work func(ctx context.Context, w Work) (context.Context, func(Done))
}

// Outpost answers checks and serves the public endpoints. It is safe for
// parallel use.
type Outpost struct {
	generation   uint64 // of its configuration: each that takes another's place has a greater one
	applications applications
	aliases      *headers.Aliases // of every header that an application is sent
	providers    []*registration
	peers        headers.Peers
	frontEnds    []string
	pages        *page.Pages
	includes     string
	log          *slog.Logger
	hooks        Hooks
	recheckEvery time.Duration // 0 for never

	*lasting
}

// New checks cfg and wires it. It asks no provider and opens no connection:
// that happens in Run and with the first sign-in. The error names the
// application or provider that is wrong.
func New(cfg Config) (*Outpost, error) {
	o, err := wire(cfg, nil)
	if err != nil {
		return nil, err
	}
	o.lasting = &lasting{}
	if o.flows, err = newFlows(cfg.Session.Secrets); err != nil {
		return nil, err
	}
	cfg.Session.Prepare = o.prepare
	if cfg.Hooks.Work != nil {
		cfg.Session.OnStore = o.storeWork
	}
	if cfg.Hooks.Event != nil {
		cfg.Session.OnEnd = o.tellEnded // it costs the store a look
	}
	if cfg.Session.Log == nil {
		cfg.Session.Log = o.log
	}
	if o.sessions, err = session.New(cfg.Session); err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	o.workers.set(o.providers)
	return o, nil
}

// wire makes what of an Outpost is its configuration's own. Providers that are the
// same in before are those of before; nil for none.
func wire(cfg Config, before []*registration) (*Outpost, error) {
	o := &Outpost{peers: cfg.Peers, pages: cfg.Pages, includes: cfg.Includes, log: cfg.Log, hooks: cfg.Hooks.filled(), recheckEvery: cfg.Session.Recheck}
	if o.log == nil {
		o.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if o.frontEnds, err = serving(cfg.FrontEnds); err != nil {
		return nil, err
	}
	further, err := furtherClaims(cfg.Applications)
	if err != nil {
		return nil, err
	}
	for _, c := range cfg.Providers {
		made := terms{c, cfg.Session.Recheck > 0, further}
		p, err := o.provide(made, cfg, before)
		if err != nil {
			return nil, fmt.Errorf("provider %q: %w", c.Name, err)
		}
		o.providers = append(o.providers, p)
	}
	if o.applications, err = compile(cfg.Applications, o.providers, cfg.Session.Max); err != nil {
		return nil, err
	}
	o.aliases = o.applications.aliases()
	return o, o.applications.equipMachines(cfg)
}

// Run keeps the providers' metadata and the session store fresh until ctx
// ends; it returns when both have stopped, and so have the rechecks. It is called
// once, of the first Outpost, and goes on for those that take its place.
func (o *Outpost) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { o.workers.run(ctx) })
	wg.Go(func() { o.sessions.Run(ctx) })
	wg.Wait()
}

// Sessions are the signed-in browsers. The caller closes them, after the last
// request.
func (o *Outpost) Sessions() *session.Sessions { return o.sessions }

// SetSecrets puts another list of secrets into the place of the one that
// Config.Session had: session.Sessions.SetSecrets says what becomes of sessions.
// Sign-ins under way go on as long as the secret that they were begun with is in
// the list. The error says what is wrong with it, and then the old one goes on.
// It is not called twice at a time.
func (o *Outpost) SetSecrets(secrets [][]byte) error {
	seals, err := newFlowSeals(secrets)
	if err != nil {
		return err
	}
	if err := o.sessions.SetSecrets(secrets); err != nil {
		return err
	}
	o.flows.seals.Store(seals)
	return nil
}

// Providers tells how each provider is, in the order of the configuration.
func (o *Outpost) Providers() []provider.Status {
	var all []provider.Status
	for _, p := range o.providers {
		all = append(all, p.Status())
	}
	return all
}

func (h Hooks) filled() Hooks {
	if h.Check == nil {
		h.Check = func(string, Reason, time.Duration) {}
	}
	if h.SignIn == nil {
		h.SignIn = func(string, string, Reason, time.Duration) {}
	}
	if h.SignOut == nil {
		h.SignOut = func(string, Reason) {}
	}
	if h.Logout == nil {
		h.Logout = func(string, Reason) {}
	}
	if h.ProviderRequest == nil {
		h.ProviderRequest = func(string, string, int, time.Duration) {}
	}
	if h.Recheck == nil {
		h.Recheck = func(string, RecheckResult, time.Duration) {}
	}
	if h.ProviderUp == nil {
		h.ProviderUp = func(string, bool) {}
	}
	if h.ClockSkew == nil {
		h.ClockSkew = func(string, time.Duration) {}
	}
	if h.HeadersDropped == nil {
		h.HeadersDropped = func(string) {}
	}
	if h.Event == nil {
		h.Event = func(Event) {}
	}
	if h.Machine == nil {
		h.Machine = func(string, string, Reason) {}
	}
	return h
}

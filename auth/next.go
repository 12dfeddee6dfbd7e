package auth

// next.go lets another configuration take the place of the one in force. Each has
// an Outpost of its own, which never changes, so that a request that was begun
// under one is answered by that one to its end; what people have with us outlives
// them all and is shared: sessions, sign-ins under way, what has ended lately.

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	"outpost/auth/provider"
	"outpost/session"
)

// lasting is what all Outposts that take one another's place share.
type lasting struct {
	sessions   *session.Sessions
	flows      *flows
	ended      endings
	spent      spentTokens
	rechecking rechecking
	workers    workers
	watching   watching

	denials         denials // of checks
	refusals        denials // of visits
	machineRefusals denials // of machine clients' credentials

	// What the audit is told of less often than it happens.
	strangers            denials
	repeating, firstUses often
}

// Next makes the Outpost that answers under cfg, and shares with o what outlives a
// configuration. Of cfg.Session what session.Sessions.Change names counts. Providers that
// are the same keep all that is known of them; one that is registered otherwise at
// the same issuer keeps its metadata and keys.
//
// Until inForce is called nothing is different. It has lifetimes, limits and secrets
// of cfg count, also for requests that o still answers, and looks after the
// providers of cfg in place of o's; the caller calls it once, and gives the next
// request to next. o goes on for those that it has. The error is as New's.
//
// Two Nexts, or a Next and a SetSecrets, must not be under way at once.
func (o *Outpost) Next(cfg Config) (next *Outpost, inForce func(), err error) {
	if next, err = wire(cfg, o.providers); err != nil {
		return nil, nil, err
	}
	next.lasting, next.generation = o.lasting, o.generation+1
	seals, err := newFlowSeals(cfg.Session.Secrets)
	if err != nil {
		return nil, nil, err
	}
	cfg.Session.Prepare = next.prepare
	apply, err := o.sessions.Change(cfg.Session)
	if err != nil {
		return nil, nil, fmt.Errorf("sessions: %w", err)
	}
	return next, func() {
		apply()
		o.flows.seals.Store(seals)
		o.workers.set(next.providers)
	}, nil
}

// terms are all that a provider is made of: two of the same are one.
type terms struct {
	provider.Config
	rechecks bool
	further  []string // claims that rules and headers want
}

func (t terms) same(other terms) bool {
	if t.ProxyName != other.ProxyName || t.ProxyName == "" && (t.Proxy != nil || other.Proxy != nil) {
		return false
	}
	t.Proxy, other.Proxy = nil, nil
	return reflect.DeepEqual(t, other)
}

// reachedAlike reports whether both speak to the same provider in the same way, so
// that what one was told is what the other would be.
func (t terms) reachedAlike(other terms) bool {
	of := func(t terms) terms {
		return terms{Config: provider.Config{
			Name: t.Name, Issuer: t.Issuer, Tenants: t.Tenants, BackchannelURL: t.BackchannelURL, CAs: t.CAs, Proxy: t.Proxy, ProxyName: t.ProxyName,
		}}
	}
	return of(t).same(of(other))
}

// provide returns the provider of these terms: one of before that is the same, or
// else a new one, which is told what a former one knew.
func (o *Outpost) provide(made terms, cfg Config, before []*registration) (*registration, error) {
	for _, p := range before {
		if p.made.same(made) {
			return p, nil
		}
	}
	p, err := register(made, cfg, o.log, o.hooks)
	if err != nil {
		return nil, err
	}
	for _, former := range before {
		if former.made.reachedAlike(made) {
			p.Adopt(former.Provider)
		}
	}
	return p, nil
}

// retireTime is how long a provider that is no longer configured still takes work:
// longer than a request lasts that was begun under the old configuration.
const retireTime = 90 * time.Second

// workers look after the providers of the configuration in force.
type workers struct {
	mu      sync.Mutex
	ctx     context.Context // run's; nil before and after it
	wanted  []*registration
	at      map[*registration]context.CancelFunc // whose metadata are kept fresh
	retired map[*registration]*time.Timer
	running sync.WaitGroup
}

// run looks after those that set names until ctx ends, and returns when nobody does
// anything any more.
func (w *workers) run(ctx context.Context) {
	w.mu.Lock()
	w.ctx, w.at, w.retired = ctx, map[*registration]context.CancelFunc{}, map[*registration]*time.Timer{}
	w.begin()
	w.mu.Unlock()
	<-ctx.Done()

	w.mu.Lock()
	w.ctx = nil
	for p := range w.at {
		w.running.Go(p.background.stop)
	}
	for p, timer := range w.retired {
		timer.Stop()
		w.running.Go(p.background.stop)
	}
	w.mu.Unlock()
	w.running.Wait()
}

// set says which providers are those of the configuration in force.
func (w *workers) set(wanted []*registration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wanted = wanted
	if w.ctx == nil {
		return
	}
	kept := map[*registration]bool{}
	for _, p := range wanted {
		kept[p] = true
	}
	for p, cancel := range w.at {
		if !kept[p] {
			cancel()
			delete(w.at, p)
			w.retired[p] = time.AfterFunc(retireTime, func() { w.retire(p) })
		}
	}
	w.begin()
}

// begin looks after those that nobody looks after yet. It needs mu.
func (w *workers) begin() {
	for _, p := range w.wanted {
		if _, at := w.at[p]; at {
			continue
		}
		ctx, cancel := context.WithCancel(w.ctx)
		w.at[p] = cancel
		w.running.Go(func() { p.Run(ctx) })
	}
}

// retire lets go of a provider, unless there is still work in its line.
func (w *workers) retire(p *registration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	timer, retired := w.retired[p]
	switch {
	case w.ctx == nil || !retired:
		return
	case p.background.busy():
		timer.Reset(retireTime)
		return
	}
	delete(w.retired, p)
	p.CloseIdleConnections()
}

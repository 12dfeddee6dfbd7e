package auth

// work.go tells of what takes time: the endpoints, what happens behind the checks,
// what a provider and the session store are asked. It is for tracing, and off the
// way of a check: one that memory answers tells of nothing here.

import (
	"context"
	"net/http"
)

// WorkKind is who waits for a piece of work.
type WorkKind string

// The kinds of work.
const (
	WorkEndpoint   WorkKind = "endpoint"   // a browser, or a provider, waits for us
	WorkBackground WorkKind = "background" // nobody does
	WorkProvider   WorkKind = "provider"   // we wait for a provider
	WorkStore      WorkKind = "store"      // we wait for the session store
)

// Work is a piece of work that begins. Names are from fixed lists: an endpoint's,
// "recheck", "discovery", what a provider is asked for, an operation of the store.
type Work struct {
	Kind        WorkKind
	Name        string
	Provider    string // of WorkProvider and WorkBackground
	Traceparent string // the header, of WorkEndpoint, as a trusted proxy sent it; "" for none
}

// Done is how it ended. What is not known is the zero value.
type Done struct {
	Application, Provider string
	RequestID             string
	Reason                string // why it did not do what was asked
	Status                int    // of an answer to us, or of our refusal
	Failed                bool   // it is nobody's doing but ours, the provider's or the store's
}

// work tells that something begins. What it returns is to be called at the end.
func (o *Outpost) work(ctx context.Context, w Work) (context.Context, func(Done)) {
	return o.hooks.work(ctx, w)
}

func (h *Hooks) work(ctx context.Context, w Work) (context.Context, func(Done)) {
	if h.Work == nil {
		return ctx, func(Done) {}
	}
	return h.Work(ctx, w)
}

// working has a visit told of. What ends it is called with the visit as it is then.
func (o *Outpost) working(v *visit) (done func()) {
	if o.hooks.Work == nil || v.endpoint == "other" {
		return func() {}
	}
	w := Work{Kind: WorkEndpoint, Name: v.endpoint}
	if o.peers.Trusts(v.r.RemoteAddr) {
		w.Traceparent = v.r.Header.Get("Traceparent")
	}
	ctx, end := o.hooks.Work(v.r.Context(), w)
	v.r = v.r.WithContext(ctx)
	return func() {
		d := Done{Provider: v.providerName(), RequestID: v.id}
		if v.app != nil {
			d.Application = v.app.name
		}
		if v.failed != nil {
			d.Reason, d.Status, d.Failed = string(v.failed.Reason), v.failed.Status, v.failed.Status >= http.StatusInternalServerError
		}
		end(d)
	}
}

// storeWork is session.Config.OnStore.
func (o *Outpost) storeWork(ctx context.Context, op string) (context.Context, func(error)) {
	ctx, end := o.work(ctx, Work{Kind: WorkStore, Name: op})
	return ctx, func(err error) { end(Done{Failed: err != nil}) }
}

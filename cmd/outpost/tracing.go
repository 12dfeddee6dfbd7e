package main

// tracing.go makes spans of what package auth says takes time. What is said of a
// span comes from the configuration and from fixed lists; the request ID leads from
// a trace to the log. docs/tracing.md lists all of it.

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"sync"

	"outpost/auth"
	"outpost/config"
	"outpost/trace"
)

// tracer is the tracing of the configuration. A nil one traces nothing.
type tracer struct{ to *trace.Tracer }

func newTracer(c config.Tracing, log *slog.Logger, m *metrics) *tracer {
	if c.Endpoint == "" {
		return nil
	}
	host, _ := os.Hostname() // "" is left out
	return &tracer{trace.New(trace.Config{
		Endpoint: c.Endpoint, Sample: c.Sample, Parent: c.Parent, Service: "outpost", Version: versionOf(), Instance: host, Log: log,
		OnSpans: func(result string, n int) { m.spans.WithLabelValues(result).Add(float64(n)) },
	})}
}

// start sends spans until stop is called, which waits a little for the last.
func (t *tracer) start() (stop func()) {
	if t == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { t.to.Run(ctx) })
	return func() {
		cancel()
		wg.Wait()
	}
}

// hook has package auth tell it everything.
func (t *tracer) hook(c *auth.Config) {
	if t != nil {
		c.Hooks.Work = t.work
	}
}

// kinds of spans, by the kind of work.
var spanKinds = map[auth.WorkKind]trace.Kind{
	auth.WorkEndpoint: trace.Server, auth.WorkBackground: trace.Internal, auth.WorkProvider: trace.Client, auth.WorkStore: trace.Client,
}

func (t *tracer) work(ctx context.Context, w auth.Work) (context.Context, func(auth.Done)) {
	if w.Kind == auth.WorkStore && trace.Current(ctx) == nil {
		return ctx, func(auth.Done) {} // a check, or tidying up: alone it says nothing
	}
	name := string(w.Kind) + " " + w.Name
	if w.Kind == auth.WorkBackground {
		name = w.Name
	}
	ctx, span := t.to.Start(ctx, name, spanKinds[w.Kind], w.Traceparent)
	return ctx, func(d auth.Done) {
		failed := ""
		if d.Failed {
			failed = cmp.Or(d.Reason, "failed")
		}
		span.End(failed, aboutSpan(w, d)...)
	}
}

func aboutSpan(w auth.Work, d auth.Done) []trace.Attribute {
	var all []trace.Attribute
	for _, a := range []trace.Attribute{
		{Key: "outpost.application", Text: d.Application},
		{Key: "outpost.provider", Text: cmp.Or(d.Provider, w.Provider)},
		{Key: "outpost.reason", Text: d.Reason},
		{Key: "outpost.request_id", Text: d.RequestID},
	} {
		if a.Text != "" {
			all = append(all, a)
		}
	}
	if d.Status != 0 {
		all = append(all, trace.Attribute{Key: "http.response.status_code", Number: int64(d.Status)})
	}
	return all
}

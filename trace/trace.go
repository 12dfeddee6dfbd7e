// Package trace tells an OpenTelemetry collector how long things took: spans, in
// the shape of OTLP/HTTP with JSON.
//
// It is small on purpose. OpenTelemetry's own library reflects, brings gRPC and
// protobuf along and would make the program half as large again; what a collector
// takes is one POST of plain JSON. So there is no propagation to others, no
// processor, no baggage and no configuration by environment variables: spans begin,
// end, wait in a line that has an end, and are sent.
//
// Nobody waits for it, and what does not fit is dropped and counted. It knows
// nothing of what the spans are about; whoever begins them sees to it that no
// secret and nobody's name is in them.
package trace

import (
	"context"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// Config is what New needs.
type Config struct {
	Endpoint string  // http(s)://host[:port][/path]; /v1/traces is appended
	Sample   float64 // the part of the traces that begin here which is recorded, 0 to 1
	Parent   bool    // Start goes by the traceparent that it is given; else by none
	Service  string  // service.name
	Version  string  // service.version; "" for none
	Instance string  // service.instance.id; "" for none

	Client *http.Client // nil for one of its own, that goes through no proxy and follows no redirect
	Log    *slog.Logger // told once when spans cannot be sent, and once when they can again; nil for none

	// OnSpans hears what became of spans: "sent", "failed" (the collector did not
	// take them, however often) or "dropped" (there was no room to wait). It must not
	// wait. nil for none.
	OnSpans func(result string, spans int)
}

// Kind is a span's place between its neighbours, with OTLP's numbers.
type Kind int

// The kinds that there are here.
const (
	Internal Kind = 1 // work of our own
	Server   Kind = 2 // of somebody who asked us
	Client   Kind = 3 // we asked somebody
)

// Span is a piece of work under way. A nil one may be ended.
type Span struct {
	tracer *Tracer
	trace  [16]byte
	id     [8]byte
	parent [8]byte // zero for none
	name   string
	kind   Kind
	begun  time.Time
	kept   bool // it is recorded, and so are its children
}

// Attribute is one thing that is said of a span: a string, or a number where Text
// is "".
type Attribute struct {
	Key    string
	Text   string
	Number int64
}

type current struct{}

// Current returns the span that ctx is within; nil for none.
func Current(ctx context.Context) *Span {
	s, _ := ctx.Value(current{}).(*Span)
	return s
}

// Start begins a span within the one of ctx. Where there is none it begins a
// trace, or, with Config.Parent, continues the one of traceparent (W3C Trace
// Context §3.2), recorded if that says so. One that cannot be read counts as none.
// The span is in the context that it returns.
func (t *Tracer) Start(ctx context.Context, name string, kind Kind, traceparent string) (context.Context, *Span) {
	s := &Span{tracer: t, name: name, kind: kind, begun: time.Now()}
	random(s.id[:])
	if parent := Current(ctx); parent != nil {
		s.trace, s.parent, s.kept = parent.trace, parent.id, parent.kept
	} else if trace, id, sampled, ok := parse(traceparent); ok && t.config.Parent {
		s.trace, s.parent, s.kept = trace, id, sampled
	} else {
		random(s.trace[:])
		s.kept = rand.Float64() < t.config.Sample
	}
	return context.WithValue(ctx, current{}, s), s
}

// End ends the span. failed is a short word for why the work failed, "" if it did
// not. It is called once, and does not wait.
func (s *Span) End(failed string, about ...Attribute) {
	if s == nil || !s.kept {
		return
	}
	s.tracer.take(ended{Span: *s, took: time.Since(s.begun), failed: failed, about: about})
}

// random fills b; never with zeros alone, which mean "none".
func random(b []byte) {
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	b[len(b)-1] |= 1
}

// parse reads a traceparent: version, trace, parent and flags, in lower-case
// hexadecimal. Later versions may have more behind it.
func parse(s string) (trace [16]byte, id [8]byte, sampled, ok bool) {
	if len(s) < 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' || s[:2] == "ff" || len(s) > 55 && (s[:2] == "00" || s[55] != '-') || strings.ToLower(s[:55]) != s[:55] {
		return trace, id, false, false
	}
	var version, flags [1]byte
	for part, into := range map[string][]byte{s[:2]: version[:], s[53:55]: flags[:], s[3:35]: trace[:], s[36:52]: id[:]} {
		if _, err := hex.Decode(into, []byte(part)); err != nil {
			return trace, id, false, false
		}
	}
	return trace, id, flags[0]&1 == 1, trace != [16]byte{} && id != [8]byte{}
}

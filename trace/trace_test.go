package trace_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"outpost/trace"
)

// span is one as a collector reads it.
type span struct {
	TraceID, SpanID, ParentSpanID, Name string
	Kind                                int
	StartTimeUnixNano, EndTimeUnixNano  string
	Status                              struct {
		Code    int
		Message string
	}
	Attributes []struct {
		Key   string
		Value struct{ StringValue, IntValue string }
	}
}

// collector takes what it is sent, or answers as it is told.
type collector struct {
	mu     sync.Mutex
	spans  []span
	posts  int
	answer func(post int) (*http.Response, error) // nil takes everything
	counts map[string]int
	log    strings.Builder
}

func (c *collector) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.posts++
	if c.answer != nil {
		if resp, err := c.answer(c.posts); resp != nil || err != nil {
			return resp, err
		}
	}
	if r.Method != http.MethodPost || r.URL.String() != "http://collector:4318/v1/traces" || r.Header.Get("Content-Type") != "application/json" {
		return respond(http.StatusNotFound, ""), nil
	}
	var body struct {
		ResourceSpans []struct{ ScopeSpans []struct{ Spans []span } }
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return respond(http.StatusBadRequest, ""), nil
	}
	c.spans = append(c.spans, body.ResourceSpans[0].ScopeSpans[0].Spans...)
	return respond(http.StatusOK, "{}"), nil
}

func respond(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func (c *collector) tracer(change func(*trace.Config)) *trace.Tracer {
	c.counts = map[string]int{}
	config := trace.Config{
		Endpoint: "http://collector:4318", Sample: 1, Service: "outpost", Version: "1", Client: &http.Client{Transport: c},
		Log:     slog.New(slog.NewTextHandler(&c.log, nil)),
		OnSpans: func(result string, n int) { c.mu.Lock(); defer c.mu.Unlock(); c.counts[result] += n },
	}
	if change != nil {
		change(&config)
	}
	return trace.New(config)
}

// run tells spans to a tracer that runs, for a while of fake time.
func (c *collector) run(t *testing.T, change func(*trace.Config), tell func(*trace.Tracer), while time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tr := c.tracer(change)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { tr.Run(ctx); close(done) }()
		tell(tr)
		time.Sleep(while)
		cancel()
		<-done
	})
}

func TestSpans(t *testing.T) {
	var c collector
	c.run(t, nil, func(tr *trace.Tracer) {
		ctx, outer := tr.Start(context.Background(), "outer", trace.Server, "")
		_, inner := tr.Start(ctx, "inner", trace.Client, "")
		time.Sleep(time.Second)
		inner.End("refused", trace.Attribute{Key: "a", Text: "b"}, trace.Attribute{Key: "n", Number: 502})
		outer.End("")
		var none *trace.Span
		none.End("")
	}, 10*time.Second)
	if len(c.spans) != 2 || c.counts["sent"] != 2 {
		t.Fatalf("%+v, %v", c.spans, c.counts)
	}
	inner, outer := c.spans[0], c.spans[1]
	if inner.TraceID != outer.TraceID || inner.ParentSpanID != outer.SpanID || outer.ParentSpanID != "" || len(inner.TraceID) != 32 || len(inner.SpanID) != 16 {
		t.Errorf("%+v\n%+v", inner, outer)
	}
	if inner.Status.Code != 2 || inner.Status.Message != "refused" || outer.Status.Code != 0 || inner.Kind != 3 || outer.Kind != 2 {
		t.Errorf("%+v\n%+v", inner, outer)
	}
	if a := inner.Attributes; len(a) != 2 || a[0].Value.StringValue != "b" || a[1].Value.IntValue != "502" {
		t.Errorf("%+v", a)
	}
	if inner.StartTimeUnixNano[:9] != "946684800" || inner.EndTimeUnixNano != "946684801000000000" { // the bubble's clock
		t.Errorf("from %s to %s", inner.StartTimeUnixNano, inner.EndTimeUnixNano)
	}
}

func TestTraceparent(t *testing.T) {
	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, tt := range []struct {
		name, header  string
		parent        bool
		sample        float64
		told, carried bool
	}{
		{"sampled", good, true, 0, true, true},
		{"not-sampled", good[:53] + "00", true, 1, false, false},
		{"other-flags", good[:53] + "03", true, 0, true, true},
		{"a-later-version", "cc" + good[2:] + "-more", true, 0, true, true},
		{"not-taken-here", good, false, 1, true, false},
		{"not-taken-and-not-sampled", good, false, 0, false, false},
		{"none", "", true, 1, true, false},
		{"none-and-not-sampled", "", true, 0, false, false},
		{"version-ff", "ff" + good[2:], true, 0, false, false},
		{"more-behind", good + "-x", true, 0, false, false},
		{"short", good[:54], true, 0, false, false},
		{"capitals", strings.ToUpper(good), true, 0, false, false},
		{"zero-trace", "00-" + strings.Repeat("0", 32) + good[35:], true, 0, false, false},
		{"zero-parent", good[:36] + strings.Repeat("0", 16) + "-01", true, 0, false, false},
		{"not-hexadecimal", "00-0af7651916cd43dd8448eb211c80319x-b7ad6b7169203331-01", true, 0, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c collector
			c.run(t, func(c *trace.Config) { c.Parent, c.Sample = tt.parent, tt.sample }, func(tr *trace.Tracer) {
				ctx, s := tr.Start(context.Background(), "x", trace.Server, tt.header)
				_, inner := tr.Start(ctx, "y", trace.Client, "")
				inner.End("")
				s.End("")
			}, time.Minute)
			if told := len(c.spans) == 2; told != tt.told || len(c.spans) == 1 {
				t.Fatalf("%d spans, want them: %v", len(c.spans), tt.told)
			}
			if tt.told && (c.spans[1].ParentSpanID == "b7ad6b7169203331" && c.spans[1].TraceID == "0af7651916cd43dd8448eb211c80319c") != tt.carried {
				t.Errorf("%+v", c.spans[1])
			}
		})
	}
}

func TestSampleIsAPart(t *testing.T) {
	var c collector
	c.run(t, func(c *trace.Config) { c.Sample = 0.25 }, func(tr *trace.Tracer) {
		for range 2000 {
			_, s := tr.Start(context.Background(), "x", trace.Server, "")
			s.End("")
		}
	}, time.Minute)
	if n := len(c.spans); n < 350 || n > 650 {
		t.Errorf("%d of 2000", n)
	}
}

// A collector that is away, slow to come back, or of another mind.
func TestCollectorFails(t *testing.T) {
	for _, tt := range []struct {
		name         string
		answer       func(post int) (*http.Response, error)
		posts        int
		sent, failed int
	}{
		{"down", func(int) (*http.Response, error) { return nil, errors.New("connection refused") }, 4, 0, 1},
		{"busy-once", func(post int) (*http.Response, error) {
			if post == 1 {
				return respond(http.StatusServiceUnavailable, ""), nil
			}
			return nil, nil
		}, 2, 1, 0},
		{"throttled", func(int) (*http.Response, error) { return respond(http.StatusTooManyRequests, ""), nil }, 4, 0, 1},
		{"refused", func(int) (*http.Response, error) { return respond(http.StatusBadRequest, ""), nil }, 1, 0, 1},
		{"redirected", func(int) (*http.Response, error) { return respond(http.StatusMovedPermanently, ""), nil }, 1, 0, 1},
		{"partly", func(int) (*http.Response, error) {
			return respond(http.StatusOK, `{"partialSuccess":{"rejectedSpans":"1","errorMessage":"no"}}`), nil
		}, 1, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := collector{answer: tt.answer}
			c.run(t, nil, func(tr *trace.Tracer) {
				_, s := tr.Start(context.Background(), "x", trace.Server, "")
				s.End("")
			}, 5*time.Minute)
			if c.posts != tt.posts || c.counts["sent"] != tt.sent || c.counts["failed"] != tt.failed {
				t.Errorf("%d posts, %v", c.posts, c.counts)
			}
			if told := strings.Contains(c.log.String(), "traces cannot be sent"); told != (tt.failed > 0) {
				t.Errorf("the log: %s", c.log.String())
			}
		})
	}
}

// Who ends spans never waits, and memory has an end.
func TestSpansAreBounded(t *testing.T) {
	c := collector{answer: func(int) (*http.Response, error) { return nil, errors.New("down") }}
	c.run(t, nil, func(tr *trace.Tracer) {
		begun := time.Now()
		for range 100_000 {
			_, s := tr.Start(context.Background(), "x", trace.Server, "")
			s.End("")
		}
		if time.Since(begun) != 0 {
			t.Error("somebody waited")
		}
	}, time.Hour)
	if c.counts["dropped"] < 90_000 || c.counts["dropped"]+c.counts["failed"] != 100_000 {
		t.Errorf("%v", c.counts)
	}
}

// What is there at the end is sent.
func TestLastSpans(t *testing.T) {
	var c collector
	c.run(t, nil, func(tr *trace.Tracer) {
		_, s := tr.Start(context.Background(), "x", trace.Server, "")
		s.End("")
	}, time.Millisecond)
	if len(c.spans) != 1 {
		t.Errorf("%d spans", len(c.spans))
	}
}

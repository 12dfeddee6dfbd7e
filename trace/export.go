package trace

// export.go sends spans that have ended, some at a time, and gives up in good
// time where nobody takes them.

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

const (
	waiting   = 4096            // spans that wait, of some hundred bytes each
	batchSize = 512             // sent at a time
	every     = 5 * time.Second // or when a batch is full
	tries     = 4               // of one batch
	sendTime  = 5 * time.Second // for one try
)

// ended is a span that waits.
type ended struct {
	Span
	took   time.Duration
	failed string
	about  []Attribute
}

// Tracer begins spans and sends those that have ended. It is safe for parallel
// use.
type Tracer struct {
	config Config
	queue  chan ended
	silent bool // the last try failed; of Run alone
}

// New makes a Tracer. Nothing is sent until Run runs.
func New(c Config) *Tracer {
	if c.Client == nil {
		c.Client = &http.Client{
			Transport:     &http.Transport{MaxIdleConns: 1, IdleConnTimeout: time.Minute},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.OnSpans == nil {
		c.OnSpans = func(string, int) {}
	}
	return &Tracer{config: c, queue: make(chan ended, waiting)}
}

func (t *Tracer) take(e ended) {
	select {
	case t.queue <- e:
	default:
		t.config.OnSpans("dropped", 1)
	}
}

// Run sends spans until ctx is done, then once more what is there. It is called
// once.
func (t *Tracer) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var batch []ended
	for {
		full := false
		select {
		case e := <-t.queue:
			batch = append(batch, e)
			full = len(batch) >= batchSize
		case <-tick.C:
			full = len(batch) > 0
		case <-ctx.Done():
			for len(t.queue) > 0 && len(batch) < waiting {
				batch = append(batch, <-t.queue)
			}
			if len(batch) > 0 {
				last, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTime)
				defer cancel()
				t.deliver(last, batch, 1)
			}
			return
		}
		if full {
			t.deliver(ctx, batch, tries)
			batch = nil
		}
	}
}

// errRefused means that trying again would change nothing.
var errRefused = errors.New("the collector refuses it")

// deliver sends a batch, trying again for a while; then it is given up.
func (t *Tracer) deliver(ctx context.Context, batch []ended, tries int) {
	body := t.encode(batch)
	var err error
	rejected := 0
	for try := range tries {
		if try > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(every << try):
			}
		}
		if rejected, err = t.send(ctx, body); err == nil || errors.Is(err, errRefused) || ctx.Err() != nil {
			break
		}
	}
	if err == nil && rejected > 0 {
		err = fmt.Errorf("%w: %d of %d spans", errRefused, rejected, len(batch))
	} else if err != nil {
		rejected = len(batch)
	}
	if rejected > 0 {
		t.config.OnSpans("failed", rejected)
	}
	if sent := len(batch) - rejected; sent > 0 {
		t.config.OnSpans("sent", sent)
	}
	switch {
	case err != nil && !t.silent:
		t.config.Log.Warn("traces cannot be sent; they are dropped until they can", "cause", err.Error())
	case err == nil && t.silent:
		t.config.Log.Info("traces are sent again")
	}
	t.silent = err != nil
}

// send sends a body once, and returns how many of its spans were not taken
// (OTLP/HTTP: partial success).
func (t *Tracer) send(ctx context.Context, body []byte) (rejected int, err error) {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.config.Endpoint+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		return 0, errors.Join(errRefused, err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "outpost/"+t.config.Version)
	resp, err := t.config.Client.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests, status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		return 0, fmt.Errorf("the collector answers %s", resp.Status)
	case status != http.StatusOK:
		return 0, fmt.Errorf("%w: it answers %s", errRefused, resp.Status)
	}
	var taken struct {
		PartialSuccess struct {
			RejectedSpans json.Number `json:"rejectedSpans"`
		} `json:"partialSuccess"`
	}
	if json.Unmarshal(answer, &taken) == nil {
		rejected, _ = strconv.Atoi(taken.PartialSuccess.RejectedSpans.String())
	}
	return rejected, nil
}

// The request of OTLP 1.x as JSON: IDs in hexadecimal, 64-bit numbers as strings
// (opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding").
type (
	request struct {
		ResourceSpans []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   resource     `json:"resource"`
		ScopeSpans []scopeSpans `json:"scopeSpans"`
	}
	resource struct {
		Attributes []keyValue `json:"attributes"`
	}
	scopeSpans struct {
		Scope scope      `json:"scope"`
		Spans []spanJSON `json:"spans"`
	}
	scope struct {
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
	}
	spanJSON struct {
		TraceID    string     `json:"traceId"`
		SpanID     string     `json:"spanId"`
		ParentID   string     `json:"parentSpanId,omitempty"`
		Name       string     `json:"name"`
		Kind       Kind       `json:"kind"`
		Start      string     `json:"startTimeUnixNano"`
		End        string     `json:"endTimeUnixNano"`
		Attributes []keyValue `json:"attributes,omitempty"`
		Status     *status    `json:"status,omitempty"`
	}
	status struct {
		Code    int    `json:"code"` // 2 is an error
		Message string `json:"message,omitempty"`
	}
	keyValue struct {
		Key   string   `json:"key"`
		Value anyValue `json:"value"`
	}
	anyValue struct {
		String *string `json:"stringValue,omitempty"`
		Int    string  `json:"intValue,omitempty"`
	}
)

func text(key, value string) keyValue { return keyValue{key, anyValue{String: &value}} }

// encode makes one request of a batch.
func (t *Tracer) encode(batch []ended) []byte {
	about := []keyValue{text("service.name", t.config.Service)}
	for key, value := range map[string]string{"service.version": t.config.Version, "service.instance.id": t.config.Instance} {
		if value != "" {
			about = append(about, text(key, value))
		}
	}
	spans := make([]spanJSON, 0, len(batch))
	for _, e := range batch {
		s := spanJSON{
			TraceID: hex.EncodeToString(e.trace[:]), SpanID: hex.EncodeToString(e.id[:]), Name: e.name, Kind: e.kind,
			Start: strconv.FormatInt(e.begun.UnixNano(), 10), End: strconv.FormatInt(e.begun.Add(e.took).UnixNano(), 10),
		}
		if e.parent != [8]byte{} {
			s.ParentID = hex.EncodeToString(e.parent[:])
		}
		for _, a := range e.about {
			kv := text(a.Key, a.Text)
			if a.Text == "" {
				kv.Value = anyValue{Int: strconv.FormatInt(a.Number, 10)}
			}
			s.Attributes = append(s.Attributes, kv)
		}
		if e.failed != "" {
			s.Status = &status{2, e.failed}
		}
		spans = append(spans, s)
	}
	body, err := json.Marshal(request{[]resourceSpans{{resource{about}, []scopeSpans{{scope{t.config.Service, t.config.Version}, spans}}}}})
	if err != nil {
		panic(err) // strings and numbers
	}
	return body
}

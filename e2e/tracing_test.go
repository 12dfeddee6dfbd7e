package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// TestTracing: what is sent is what the OpenTelemetry Collector's own code reads,
// and the callback of a sign-in is one trace with the provider and the store in it.
func TestTracing(t *testing.T) {
	var mu sync.Mutex
	traces := map[string][]string{} // names of spans, by trace
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		sent := ptraceotlp.NewExportRequest()
		if err == nil {
			err = sent.UnmarshalJSON(body)
		}
		if err != nil || sent.Traces().SpanCount() == 0 {
			t.Errorf("%d spans, %v: %s", sent.Traces().SpanCount(), err, body)
			return
		}
		resource := sent.Traces().ResourceSpans().At(0)
		if name, _ := resource.Resource().Attributes().Get("service.name"); name.Str() != "outpost" {
			t.Errorf("service.name: %s", body)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, s := range resource.ScopeSpans().At(0).Spans().All() {
			traces[s.TraceID().String()] = append(traces[s.TraceID().String()], s.Name())
			if s.EndTimestamp() < s.StartTimestamp() || s.StartTimestamp() == 0 || s.SpanID().IsEmpty() {
				t.Errorf("%s: from %d to %d", s.Name(), s.StartTimestamp(), s.EndTimestamp())
			}
		}
		w.Write([]byte("{}"))
	}))
	defer collector.Close()

	apps := applications()
	s := &stage{provider: startCertified(t, apps)}
	s.daemon = newDaemon(t, apps, s.provider, "tracing: { endpoint: \""+collector.URL+"\" }")
	s.app = startApp(t, "webtop", "127.0.2.2:3000")
	s.nginx = startNginx(t, releases[1], ours)
	s.signedIn(t, "https://webtop.test")
	s.daemon.process.stop(t)

	mu.Lock()
	defer mu.Unlock()
	for _, names := range traces {
		if slices.Contains(names, "endpoint callback") && slices.Contains(names, "provider token") && slices.Contains(names, "store save") {
			return
		}
	}
	t.Errorf("no trace has the whole callback: %v", traces)
}

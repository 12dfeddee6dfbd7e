package auth_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/auth"
)

// worker is what a tracer is told.
type worker struct {
	mu     sync.Mutex
	begun  []auth.Work
	ended  int
	done   []auth.Done
	within map[string]string // by work: what it was done within, the first time
}

type workName struct{}

func (w *worker) hear(ctx context.Context, k auth.Work) (context.Context, func(auth.Done)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun = append(w.begun, k)
	if w.within == nil {
		w.within = map[string]string{}
	}
	outer, _ := ctx.Value(workName{}).(string)
	name := string(k.Kind) + " " + k.Name
	if _, before := w.within[name]; !before {
		w.within[name] = outer
	}
	return context.WithValue(ctx, workName{}, name), func(d auth.Done) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ended++
		w.done = append(w.done, d)
	}
}

// A sign-in tells of what it is made of, each within what asked for it; what began
// has ended.
func TestWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w worker
		s := newStage(t, func(c *auth.Config) { c.Hooks.Work, c.Session.Recheck = w.hear, quarter })
		s.provider.refresh = true
		alice := s.browser("alice")
		s.want(alice.visit(app), http.StatusOK)
		time.Sleep(quarter)
		s.want(alice.once(http.MethodGet, app), http.StatusOK)
		synctest.Wait()
		alice.once(http.MethodGet, app+prefix[1:]+"/sign_out")
		s.browser("mallory").once(http.MethodGet, app+prefix[1:]+"/nothing")
		synctest.Wait()
		want := map[string]string{
			"endpoint start":       "",
			"background discovery": "endpoint start",
			"provider discovery":   "background discovery",
			"provider jwks":        "background discovery",
			"endpoint callback":    "",
			"provider token":       "endpoint callback",
			"provider userinfo":    "endpoint callback",
			"store save":           "endpoint callback",
			"store find":           "endpoint sign_out",
			"background recheck":   "",
			"provider refresh":     "background recheck",
			"store replace":        "background recheck",
			"endpoint sign_out":    "",
			"store load":           "", // by the first check: memory did not know the session yet
			"store delete":         "endpoint sign_out",
			"provider revocation":  "",
		}
		if !slices.Contains(slices.Collect(maps.Keys(w.within)), "provider revocation") {
			delete(want, "provider revocation") // the stage's provider has none
		}
		if diff := cmp.Diff(want, w.within); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if w.ended != len(w.begun) {
			t.Errorf("%d began, %d ended", len(w.begun), w.ended)
		}
	})
}

// What fails says why, and whose fault it is.
func TestWorkThatFails(t *testing.T) {
	var w worker
	s := newStage(t, func(c *auth.Config) { c.Hooks.Work = w.hear })
	s.browser("mallory").once(http.MethodGet, app+prefix[1:]+"/callback?state=x&code=y")
	last := w.done[0]
	if last.Reason != string(auth.StateInvalid) || last.Failed || last.Status != http.StatusBadRequest || last.Application != "home" || last.RequestID == "" {
		t.Errorf("%+v", last)
	}
	s.provider.down = true
	s.browser("alice").visit(app)
	last = w.done[len(w.done)-1]
	if last.Reason != string(auth.ProviderUnreachable) || !last.Failed || last.Provider != "idp" {
		t.Errorf("%+v", last)
	}
}

// The trace of a request counts where a trusted proxy sends it, and goes no
// further: a provider is told nothing of it.
func TestTraceparentStaysHere(t *testing.T) {
	const header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	var w worker
	var asked []*http.Request
	s := newStage(t, func(c *auth.Config) {
		c.Hooks.Work = w.hear
		next := c.Transport
		c.Transport = transport(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r)
			return next.RoundTrip(r)
		})
	})
	s.want(s.browser("alice").visit(app, "Traceparent", header, "Tracestate", "a=b", "Baggage", "a=b"), http.StatusOK)
	for _, r := range asked {
		for _, name := range []string{"Traceparent", "Tracestate", "Baggage"} {
			if r.Header.Get(name) != "" {
				t.Errorf("%s %s has %s", r.Method, r.URL, name)
			}
		}
	}
	if len(asked) < 3 || w.begun[0].Traceparent != header {
		t.Errorf("%d requests, %+v", len(asked), w.begun[0])
	}
	r := httptest.NewRequest(http.MethodGet, "https://app.example.com"+prefix+"/start", nil)
	r.RemoteAddr = "192.0.2.1:1"
	r.Header.Set("Traceparent", header)
	s.public.ServeHTTP(httptest.NewRecorder(), r)
	if last := w.begun[len(w.begun)-1]; last.Name != "start" || last.Traceparent != "" {
		t.Errorf("a stranger's counts: %+v", last)
	}
}

// Checks that memory answers tell neither a tracer nor an audit of themselves, and
// allocate nothing.
func TestHotChecksAreNotTraced(t *testing.T) {
	var told int
	s := newStage(t, quiet, func(c *auth.Config) {
		c.Session.Recheck = time.Hour
		c.Hooks.Event = func(auth.Event) { told++ }
		c.Hooks.Work = func(ctx context.Context, _ auth.Work) (context.Context, func(auth.Done)) {
			told++
			return ctx, func(auth.Done) {}
		}
	})
	b := s.browser("alice")
	s.want(b.visit(app), http.StatusOK)
	if told == 0 {
		t.Fatal("the sign-in told nothing either")
	}
	told = 0
	r, w := checkRequest(b.cookie(app, "__Secure-outpost-home")), &discard{header: http.Header{}}
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if n := testing.AllocsPerRun(1000, func() { s.outpost.ServeNginx(w, r) }); n != 0 || w.status != http.StatusOK || told != 0 {
		t.Errorf("ServeNginx: %v allocations, status %d, told %d times", n, w.status, told)
	}
	answer := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(1000, func() { answer = s.outpost.AnswerHot(netip.Addr{}, r.Header, r.Host, answer[:0]) }); n != 0 || len(answer) == 0 || told != 0 {
		t.Errorf("AnswerHot: %v allocations, told %d times", n, told)
	}
}

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"outpost/auth"
)

// collector is an OTLP/HTTP receiver on the loopback interface.
type collector struct {
	*httptest.Server
	mu   sync.Mutex
	text strings.Builder // every body
	all  []receivedSpan
}

type receivedSpan struct {
	TraceID, SpanID, ParentSpanID, Name string
	Attributes                          []struct {
		Key   string
		Value struct{ StringValue, IntValue string }
	}
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var sent struct {
			ResourceSpans []struct {
				ScopeSpans []struct{ Spans []receivedSpan }
			}
		}
		if err == nil {
			err = json.Unmarshal(body, &sent)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL, err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.text.Write(body)
		c.all = append(c.all, sent.ResourceSpans[0].ScopeSpans[0].Spans...)
		w.Write([]byte("{}"))
	}))
	t.Cleanup(c.Close)
	return c
}

// traced is a daemon that has signed somebody in and out and has stopped, and what
// must not be in a trace of that.
func traced(t *testing.T, c *collector, tracing settings) (secrets []string) {
	t.Helper()
	p := newProvider(t)
	d := start(t, usual(t).with(p.settings(), settings{"tracing": tracing}))
	landed := p.begin(t, d)
	query, err := url.Parse(landed.callback)
	if err != nil {
		t.Fatal(err)
	}
	answer := get(t, d.public, landed.callback, "Host", "router.example.com", "Accept", "text/html", "Cookie", landed.cookies,
		"Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "X-Forwarded-For", "203.0.113.7", "User-Agent", "Netscape")
	cookie := cookies(answer)
	for range 5 {
		if r := d.check(t, cookie); r.status != http.StatusOK {
			t.Fatalf("a check: %d", r.status)
		}
	}
	get(t, d.public, auth.Prefix+"/callback?state=x&code=y", "Host", "router.example.com")
	get(t, d.public, auth.Prefix+"/sign_out", "Host", "router.example.com", "Cookie", cookie)
	d.halt(t)
	secrets = []string{query.Query().Get("code"), query.Query().Get("state"), "client secret", "alice", "203.0.113.7", "Netscape", "deep?a=b", "127.0.0.1"}
	for _, pair := range append(strings.Split(cookie, "; "), strings.Split(landed.cookies, "; ")...) {
		_, value, _ := strings.Cut(pair, "=")
		secrets = append(secrets, value)
	}
	return secrets
}

// A sign-in becomes one trace with what it waited for; checks become none.
func TestTraces(t *testing.T) {
	c := newCollector(t)
	secrets := traced(t, c, settings{"endpoint": c.URL, "parent": true})
	names := map[string]receivedSpan{}
	for _, s := range c.all {
		names[s.Name] = s
		if strings.Contains(s.Name, "check") || s.Name == "store len" {
			t.Errorf("there is a span %q", s.Name)
		}
	}
	for _, want := range []string{"endpoint start", "endpoint callback", "endpoint sign_out", "discovery", "provider discovery", "provider jwks", "provider token", "store save", "store delete"} {
		if names[want].TraceID == "" {
			t.Errorf("there is no span %q", want)
		}
	}
	token, save := names["provider token"], names["store save"]
	if token.TraceID != "0af7651916cd43dd8448eb211c80319c" || save.TraceID != token.TraceID || save.ParentSpanID != token.ParentSpanID {
		t.Errorf("the callback is not one trace, nginx's: %+v, %+v", token, save)
	}
	for _, secret := range secrets {
		if len(secret) < 5 {
			t.Fatalf("%q is no secret", secret)
		}
		if strings.Contains(c.text.String(), secret) {
			t.Errorf("the traces hold %q", secret)
		}
	}
}

// By default a trace that a stranger may have made up is not continued.
func TestTracesBeginHere(t *testing.T) {
	c := newCollector(t)
	traced(t, c, settings{"endpoint": c.URL})
	if len(c.all) == 0 || strings.Contains(c.text.String(), "0af7651916cd43dd8448eb211c80319c") {
		t.Errorf("%d spans: %s", len(c.all), c.text.String())
	}
	c = newCollector(t)
	traced(t, c, settings{"endpoint": c.URL, "sample": 0})
	if len(c.all) != 0 {
		t.Errorf("none is wanted, and %d came", len(c.all))
	}
}

// A collector that is away costs nobody anything, and the log says so.
func TestCollectorIsAway(t *testing.T) {
	p := newProvider(t)
	d := start(t, usual(t).with(p.settings(), settings{"tracing": settings{"endpoint": "http://127.0.0.1:1"}}))
	d.check(t, p.signIn(t, d))
	if d.halt(t) != 0 || len(d.log.find("traces cannot be sent; they are dropped until they can")) != 1 {
		t.Errorf("the log: %s", d.log)
	}
}

// docs/tracing.md has a row for each attribute, and no others.
func TestTracingPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "tracing.md"))
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+\\.[a-z_.]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		listed = append(listed, m[1])
	}
	var said []string
	for _, a := range aboutSpan(auth.Work{Provider: "x"}, auth.Done{Application: "x", RequestID: "x", Reason: "x", Status: 200}) {
		said = append(said, a.Key)
	}
	if !slices.Equal(listed, said) {
		t.Errorf("the page has %q, spans have %q", listed, said)
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/access"
	"outpost/auth"
	"outpost/auth/provider"
	"outpost/session"
	"outpost/session/memory"
)

// What is for operators is not for the public, nor the other way round.
func TestRoutes(t *testing.T) {
	d := start(t, usual(t))
	tests := []struct {
		path               string
		public, management int
	}{
		{"/", 404, 404},
		{"/metrics", 404, 200},
		{"/metrics/", 404, 404},
		{"/-/healthy", 404, 200},
		{"/-/ready", 404, 200},
		{"/-/reload", 404, 404},
		{"/ping", 404, 404},
		{"/debug/pprof/", 404, 404},
		{"/debug/vars", 404, 404},
		{auth.Prefix + "/metrics", 404, 404},
		{auth.Prefix + "/-/ready", 404, 404},
		{auth.Prefix + "/debug/pprof/", 404, 404},
		{auth.Prefix + "/ping", 204, 204},
		{auth.Prefix + "/auth/nginx", 500, 404}, // without X-Original-URL
		{auth.Prefix + "/auth/traefik", 404, 404},
		{auth.Prefix + "/start", 503, 404}, // the provider is not there
		{auth.Prefix + "/callback", 400, 404},
		{auth.Prefix + "/sign_out", 200, 404},
		{auth.Prefix + "/nothing", 404, 404},
		{"/" + auth.Prefix + "/sign_out", 404, 307}, // management is net/http's router, which cleans paths
		{auth.Prefix + "/../metrics", 404, 307},
		{auth.Prefix + "/%2e%2e/metrics", 404, 404},
		{auth.Prefix + "/..%2fmetrics", 404, 404},
	}
	for _, test := range tests {
		for address, want := range map[string]int{d.public: test.public, d.management: test.management} {
			got := get(t, address, test.path, "Host", "router.example.com", "Accept", "text/html", "Sec-Fetch-Mode", "navigate")
			if got.status != want {
				t.Errorf("%s answers %d to %s, want %d", map[string]string{d.public: "public", d.management: "management"}[address], got.status, test.path, want)
			}
			if address == d.public && strings.Contains(got.body, "outpost_auth_requests_total") {
				t.Errorf("public shows metrics at %s", test.path)
			}
			if to := got.header.Get("Location"); to != "" && !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
				t.Errorf("%s redirects to %q", test.path, to)
			}
		}
	}
}

func TestPing(t *testing.T) {
	d := start(t, usual(t))
	for _, host := range []string{"router.example.com", "stranger.example.org", "127.0.0.1"} {
		got := get(t, d.public, auth.Prefix+"/ping", "Host", host)
		if got.status != http.StatusNoContent || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("on %s it answers %+v", host, got)
		}
	}
}

func TestManagementTakesNoOtherMethod(t *testing.T) {
	d := start(t, usual(t))
	for _, path := range []string{"/metrics", "/-/healthy", "/-/ready"} {
		for method, want := range map[string]int{http.MethodHead: 200, http.MethodPost: 405, http.MethodDelete: 405} {
			r, err := http.NewRequestWithContext(t.Context(), method, "http://outpost"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client(t, d.management).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s %s: got %d, want %d", method, path, resp.StatusCode, want)
			}
		}
	}
}

func readinessOf(t *testing.T, got reply) readiness {
	t.Helper()
	var answer readiness
	decoder := json.NewDecoder(strings.NewReader(got.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&answer); err != nil || got.header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Fatalf("readiness is %+v (%v)", got, err)
	}
	return answer
}

// A provider that is down makes us degraded, and one that is back ready again.
// Neither makes us unready.
func TestReady(t *testing.T) {
	p := newProvider(t)
	p.Config.Handler = broken(p.Config.Handler)
	d := start(t, usual(t).with(p.settings()))
	var got reply
	eventually(t, "degraded, with a reason", func() bool {
		got = get(t, d.management, "/-/ready")
		return readinessOf(t, got).Providers[0].Why != ""
	})
	want := readiness{Status: "degraded", Store: "ok", Providers: []readinessProvider{{Name: "default", Why: "discovery answers 502 Bad Gateway"}}}
	if diff := cmp.Diff(want, readinessOf(t, got)); got.status != http.StatusOK || diff != "" {
		t.Errorf("while the provider is down: status %d, -want +got:\n%s", got.status, diff)
	}
	p.Config.Handler.(*breakable).mend()
	eventually(t, "ready", func() bool {
		got = get(t, d.management, "/-/ready")
		return readinessOf(t, got).Status == "ready"
	})
	want = readiness{Status: "ready", Store: "ok", Providers: []readinessProvider{{Name: "default", Up: true}}}
	if diff := cmp.Diff(want, readinessOf(t, got)); got.status != http.StatusOK || diff != "" {
		t.Errorf("when it is back: status %d, -want +got:\n%s", got.status, diff)
	}
	for message, level := range map[string]string{"provider is not usable": "ERROR", "provider is usable again": "INFO"} {
		if lines := d.log.find(message); len(lines) != 1 || lines[0]["level"] != level {
			t.Errorf("%q is logged as %v", message, lines)
		}
	}
}

// noStore is a store that cannot be asked.
type noStore struct{ session.Store }

func (noStore) Len(context.Context) (int, error) { return 0, errors.New("the disk is on fire") }

func TestUnready(t *testing.T) {
	o, err := auth.New(auth.Config{
		Applications: []auth.Application{{Name: "router", ExternalURL: "https://router.example.com", Providers: []string{"default"}, Access: access.Config{Policy: access.Everyone(), DefaultAllow: true}}},
		Providers:    []provider.Config{{Name: "default", Issuer: "https://127.0.0.1:1/", ClientID: "outpost"}},
		Session:      session.Config{Store: noStore{memory.New()}, Secrets: [][]byte{make([]byte, 32)}, Max: time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	management(newCurrent(o), nil).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/-/ready", nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	answer := readinessOf(t, reply{w.Code, w.Header(), string(body)})
	if w.Code != http.StatusServiceUnavailable || answer.Status != "unready" || !strings.Contains(answer.Store, "the disk is on fire") {
		t.Errorf("got %d and %+v", w.Code, answer)
	}
}

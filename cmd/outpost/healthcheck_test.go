package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestHealthcheck(t *testing.T) {
	sockets := t.TempDir()
	tests := []struct {
		name    string
		changes settings
		asked   func(d *daemon) settings // what healthcheck finds in its file
	}{
		{"tcp", nil, func(d *daemon) settings { return settings{"management": d.management} }},
		{"without-a-host", nil, func(d *daemon) settings { return settings{"management": ":" + port(d.management)} }},
		{"unspecified-address", nil, func(d *daemon) settings { return settings{"management": "0.0.0.0:" + port(d.management)} }},
		{"management-goes-first", nil, func(d *daemon) settings { return settings{"listen": "127.0.0.1:1", "management": d.management} }},
		{
			"unix-socket", settings{"management": "unix:" + filepath.Join(sockets, "management")},
			func(*daemon) settings { return settings{"management": "unix:" + filepath.Join(sockets, "management")} },
		},
		{"management-off", settings{"management": "off"}, func(d *daemon) settings { return settings{"listen": d.public, "management": "off"} }},
		{
			"management-off-on-a-unix-socket", settings{"listen": "unix:" + filepath.Join(sockets, "listen"), "management": "off"},
			func(d *daemon) settings { return settings{"listen": d.public, "management": "off"} },
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := usual(t)
			d := start(t, s.with(test.changes))
			file := s.with(test.asked(d)).file(t)
			if got := command(t, nil, "healthcheck", "-config", file); got != (outcome{}) {
				t.Errorf("while it runs: got %+v", got)
			}
			d.halt(t)
			got := command(t, nil, "healthcheck", "-config", file)
			if got.status != 1 || !strings.HasPrefix(got.stderr, "outpost: asking ") || got.stdout != "" {
				t.Errorf("after it ended: got %+v", got)
			}
		})
	}
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// What answers, but not as a well outpost does, is not well.
func TestHealthcheckOfSomethingElse(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(elsewhere.Close) // not defer: the tests go on after this function
	tests := []struct {
		name   string
		answer http.HandlerFunc
		says   string
	}{
		{"unavailable", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, "it answers 503 Service Unavailable"},
		{"not-found", http.NotFound, "it answers 404 Not Found"},
		{"redirect-to-something-well", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) }, "it answers 302 Found"},
		{"no-http", func(w http.ResponseWriter, _ *http.Request) { raw(w, "220 smtp.example.com ESMTP\r\n") }, "malformed HTTP"},
		{"nothing", func(w http.ResponseWriter, _ *http.Request) { raw(w, "") }, "EOF"},
		{"silence", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "deadline exceeded"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(test.answer)
			defer server.Close()
			file := usual(t).with(settings{"management": server.Listener.Addr().String()}).file(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			got := commandWithin(ctx, nil, "healthcheck", "-config", file)
			if got.status != 1 || !strings.Contains(got.stderr, test.says) {
				t.Errorf("got %+v, want %q", got, test.says)
			}
		})
	}
}

// raw answers something of which net/http knows nothing.
func raw(w http.ResponseWriter, text string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		fmt.Fprint(conn, text)
		conn.Close()
	}
}

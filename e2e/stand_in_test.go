package e2e

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// A standIn takes the outpost's place and shows what nginx makes of its
// answers: it allows whoever has the cookie "allowed".
type standIn struct {
	mu          sync.Mutex
	checks      []*http.Request
	pages       []*http.Request
	connections int
	more        map[string]string // headers of an allowed answer besides identity
}

func startStandIn(t *testing.T) *standIn { return startStandInAt(t, "127.0.2.1:9000") }

func startStandInAt(t *testing.T, address string) *standIn {
	t.Helper()
	s := &standIn{}
	server := httptest.NewUnstartedServer(s)
	server.Listener.Close()
	server.Listener = listen(t, address)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.mu.Lock()
			s.connections++
			s.mu.Unlock()
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return s
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path != "/outpost.goauthentik.io/auth/nginx" {
		s.pages = append(s.pages, r)
		return
	}
	s.checks = append(s.checks, r)
	if _, err := r.Cookie("allowed"); err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	for _, name := range identity {
		w.Header().Set(name, "our-"+strings.ToLower(strings.TrimPrefix(name, "X-Authentik-")))
	}
	w.Header().Set("X-Authentik-Entitlements", "")
	for name, value := range s.more {
		w.Header().Set(name, value)
	}
}

// counts is how many checks and other requests have come.
func (s *standIn) counts() (checks, pages int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.checks), len(s.pages)
}

func (s *standIn) lastCheck(t *testing.T) *http.Request {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.checks) == 0 {
		t.Fatal("nginx has asked nothing")
	}
	return s.checks[len(s.checks)-1]
}

// identity is what the daemon says of a person.
var identity = []string{
	"X-Authentik-Username", "X-Authentik-Groups", "X-Authentik-Entitlements",
	"X-Authentik-Email", "X-Authentik-Name", "X-Authentik-Uid",
}

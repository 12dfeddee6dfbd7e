package session_test

// What the tests of this package share: stores to run on, sessions to run with.

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/session"
	"outpost/session/file"
	"outpost/session/memory"
)

const (
	day    = 24 * time.Hour
	cookie = "__Host-outpost-home"
)

func newMemory() session.Store { return memory.New() }

// eachStore runs the test on every driver, in a bubble where time is fake. open
// returns a new store, which is closed at the end.
func eachStore(t *testing.T, test func(t *testing.T, open func() session.Store)) {
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, newMemory) })
	})
	t.Run("file", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			test(t, func() session.Store { return openFile(t) })
		})
	})
}

func openFile(t testing.TB) *file.Store {
	t.Helper()
	s, err := file.Open(filepath.Join(t.TempDir(), "data", "sessions.db"), nil)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// newSessions fills in what the test does not care for.
func newSessions(t testing.TB, c session.Config) *session.Sessions {
	t.Helper()
	if c.Store == nil {
		c.Store = newMemory()
	}
	if c.Secrets == nil {
		c.Secrets = secrets("a")
	}
	if c.Max == 0 {
		c.Max = day
	}
	s, err := session.New(c)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return s
}

func secrets(names ...string) [][]byte {
	var list [][]byte
	for _, name := range names {
		sum := sha256.Sum256([]byte(name))
		list = append(list, sum[:])
	}
	return list
}

// run runs the background work until the function it returns is called.
func run(t *testing.T, s *session.Sessions) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// flush makes Run do nothing but its last flush.
func flush(t *testing.T, s *session.Sessions) {
	t.Helper()
	run(t, s)()
}

func alice() session.Session {
	return session.Session{
		Application: "home",
		Provider:    "idp",
		Identity: session.Identity{
			Issuer:        "https://idp.example.com",
			Subject:       "5f0c1e4b",
			Username:      "alice",
			Name:          "Alice Ängström",
			Email:         "alice@example.com",
			EmailVerified: true,
			Groups:        []string{"users", "admins"},
		},
		SID:      "the-provider-calls-it-this",
		IDToken:  "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiI1ZjBjMWU0YiJ9.c2lnbmF0dXJl",
		AuthTime: time.Unix(1_700_000_000, 0),
	}
}

func create(t testing.TB, s *session.Sessions, sess session.Session) (value string, key session.Key) {
	t.Helper()
	value, key, err := s.Create(t.Context(), cookie, sess)
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	return value, key
}

func mustFind(t testing.TB, s *session.Sessions, value string) *session.Live {
	t.Helper()
	before, _ := s.FindHot(cookie, value)
	l, err := s.Find(t.Context(), cookie, value)
	if err != nil {
		t.Fatalf("Find: %v", err)
	}
	if before != nil && before != l {
		t.Errorf("FindHot = %v, and then Find = %v", before, l)
	}
	return l
}

func wantNone(t testing.TB, s *session.Sessions, name, value string) {
	t.Helper()
	if l, _ := s.FindHot(name, value); l != nil {
		t.Errorf("FindHot = %v, want nil", l)
	}
	if l, err := s.Find(t.Context(), name, value); l != nil || !errors.Is(err, session.ErrNone) {
		t.Errorf("Find = %v, %v; want ErrNone", l, err)
	}
}

// logged keeps what was logged, as JSON.
type logged struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(l, nil)) }

// counts counts what is reported from whatever goroutine.
type counts struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counts) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = make(map[string]int)
	}
	c.n[what]++
}

func (c *counts) want(t *testing.T, want map[string]int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if diff := cmp.Diff(want, c.n); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

// keepOpen is a store that outlives Close.
type keepOpen struct{ session.Store }

func (*keepOpen) Close() error { return nil }

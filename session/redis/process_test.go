package redis_test

// What the failure tests share: processes with their sessions.

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"outpost/session"
	"outpost/session/redis"
)

const cookie = "__Host-outpost-home"

// trustFor is what docs/stores.md promises: for this long the last word of a
// store that has fallen silent counts, at most.
const trustFor = 3 * time.Second

// replica is one process: sessions over a store, with their background work.
type replica struct {
	*session.Sessions
	store *redis.Store
}

func newReplica(t testing.TB, c redis.Config) replica {
	t.Helper()
	r := replica{store: begin(t, c)}
	var err error
	r.Sessions, err = session.New(session.Config{
		Store: r.store, Secrets: [][]byte{[]byte("0123456789abcdef0123456789abcdef")}, Max: time.Hour, Idle: 30 * time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { r.Run(ctx) })
	t.Cleanup(func() { cancel(); done.Wait() })
	return r
}

// ready waits until a process answers from its hot cache.
func (r replica) ready(t testing.TB) replica {
	t.Helper()
	eventually(t, "the store to answer", func() bool { _, err := r.Len(t.Context()); return err == nil })
	return r
}

func (r replica) signIn(t testing.TB) (value string, key session.Key) {
	t.Helper()
	value, key, err := r.Create(t.Context(), cookie, session.Session{
		Application: "home", Identity: session.Identity{Issuer: "https://idp.example.com", Subject: "5f0c1e4b"}, SID: "s",
	})
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	return value, key
}

// answer is what a check would be told: 200, 401 or 500.
func (r replica) answer(value string) int {
	_, err := r.Find(context.Background(), cookie, value)
	switch {
	case err == nil:
		return 200
	case errors.Is(err, session.ErrStore):
		return 500
	case errors.Is(err, session.ErrNone):
		return 401
	}
	return 0
}

func (r replica) wants(t testing.TB, value string, want int) {
	t.Helper()
	if got := r.answer(value); got != want {
		t.Errorf("a check is answered %d, want %d", got, want)
	}
}

func (r replica) eventually(t testing.TB, value string, want int) {
	t.Helper()
	eventually(t, fmt.Sprintf("a check to be answered %d", want), func() bool { return r.answer(value) == want })
}

// never checks for as long as it takes, and fails for an answer that must not
// come.
func (r replica) never(t testing.TB, value string, what int, during func()) {
	t.Helper()
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
			}
			if r.answer(value) == what {
				t.Errorf("a check was answered %d", what)
				return
			}
		}
	})
	during()
	close(done)
	wg.Wait()
}

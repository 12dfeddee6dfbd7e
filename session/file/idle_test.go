package file_test

// What a kill takes from idle times. They are written down every half minute, so
// that the test takes a minute, and runs where there is time: in make soak.

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"outpost/session"
	"outpost/session/file"
)

const (
	soaking = "OUTPOST_TEST_SOAK" // not empty in make soak

	// idleLost is what docs/operation.md says that a kill costs, and what this
	// machine may be late.
	idleLost = 30*time.Second + 2*time.Second
	visitors = 20
	visit    = 66 * time.Second // two writings, and a little
)

// visitUntilKilled signs one browser in, which is seen twenty times a second.
func visitUntilKilled(path string) error {
	store, err := file.Open(path, nil)
	if err != nil {
		return err
	}
	s, err := newSessions(store)
	if err != nil {
		return err
	}
	ctx := context.Background()
	value, _, err := s.Create(ctx, "c", session.Session{})
	if err != nil {
		return err
	}
	go s.Run(ctx)
	for range 2 * visit / (50 * time.Millisecond) {
		l, err := s.Find(ctx, "c", value)
		if err != nil {
			return err
		}
		now := time.Now()
		l.Accept(now)
		fmt.Printf("%s %d\n", value, now.UnixNano())
		time.Sleep(50 * time.Millisecond)
	}
	return nil
}

// TestKilledLosesHalfAMinuteOfIdleTime kills visitors at moments that are spread
// over what lies between the writings.
func TestKilledLosesHalfAMinuteOfIdleTime(t *testing.T) {
	if os.Getenv(soaking) == "" {
		t.Skip("it takes a minute: make soak runs it")
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	most := time.Duration(0)
	dir := filepath.Dir(newPath(t))
	for n := range visitors {
		wg.Go(func() {
			path := filepath.Join(dir, fmt.Sprintf("%d.db", n))
			lost := lostBy(t, path, visit*time.Duration(n+1)/visitors)
			if lost > idleLost {
				t.Errorf("%v of idle time are lost, want at most %v", lost, idleLost)
			}
			mu.Lock()
			defer mu.Unlock()
			most = max(most, lost)
		})
	}
	wg.Wait()
	t.Logf("%d kills, which took at most %v of idle time", visitors, most)
	if most < 10*time.Second {
		t.Error("too little was lost to tell")
	}
}

// lostBy kills a visitor and returns how much the file is behind what was accepted.
func lostBy(t *testing.T, path string, after time.Duration) time.Duration {
	var value string
	var accepted time.Time
	err := killed(visitorPath+"="+path, after, false, func(line string) error {
		words := strings.Fields(line)
		if len(words) != 2 {
			return fmt.Errorf("it said %q", line)
		}
		n, err := strconv.ParseInt(words[1], 10, 64)
		value, accepted = words[0], time.Unix(0, n)
		return err
	})
	if err != nil {
		t.Errorf("the visitor: %v", err)
		return 0
	}
	store, err := file.Open(path, nil)
	if err != nil {
		t.Errorf("opening after a kill: %v", err)
		return 0
	}
	defer closeStore(t, store)
	s, err := newSessions(store)
	if err != nil {
		t.Errorf("New: %v", err)
		return 0
	}
	if _, err := s.Find(t.Context(), "c", value); err != nil {
		t.Errorf("the session is lost: %v", err)
	}
	var seen time.Time
	if err := s.List(t.Context(), session.Filter{}, func(l session.Listed) bool { seen = l.Seen; return true }); err != nil {
		t.Errorf("List: %v", err)
	}
	if seen.After(accepted.Add(time.Second)) { // what came last may not have been said
		t.Errorf("seen at %v, accepted at %v at last", seen, accepted)
	}
	return accepted.Sub(seen)
}

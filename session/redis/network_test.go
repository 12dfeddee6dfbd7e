package redis_test

// What the network may do to us, each with a real server behind a line that
// fails in that way. However it fails, nobody is let in for longer than the
// trust lasts after somebody was signed out elsewhere, nobody is sent to sign in
// whose session is good, and no check waits for long.

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"sync"
	"testing"
	"time"

	"outpost/session"
)

const (
	answerTime = 2500 * time.Millisecond // what a check waits at most, on a machine that is busy too
	backTime   = 5 * time.Second         // from the line's mending until all is as before
)

// held lets nothing through, and what is under way arrives when the line is
// cleared. The toxic that is called timeout drops it.
var held = attributes{"latency": 3_600_000}

// What can be expected of a replica whose line fails.
const (
	goesOn   = iota + 1 // the server can be asked, slowly perhaps
	silent              // no word of it comes through
	anything            // something does now and then
)

// failures are the ways in which the line fails. Each begins, and returns what
// ends it.
var failures = []struct {
	name   string
	begin  func(*testing.T, *line) (mend func())
	expect int
}{
	{"some-latency", toxic("latency", attributes{"latency": 100, "jitter": 80}), goesOn},
	{"more-latency-than-a-call-has", toxic("latency", attributes{"latency": 800}), silent},
	{"hangs-and-holds-back", toxic("latency", held), silent},
	{"half-open", toxic("timeout", attributes{"timeout": 0}), silent},
	{"hangs-then-closes", toxic("timeout", attributes{"timeout": 700}), silent},
	{"resets", toxic("reset_peer", attributes{"timeout": 0}), silent},
	{"cuts-answers-short", toxic("limit_data", attributes{"bytes": 3000}), anything},
	{"little-bandwidth", toxic("bandwidth", attributes{"rate": 4}), anything},
	{"splits-everything", toxic("slicer", attributes{"average_size": 100, "size_variation": 90, "delay": 10}), goesOn},
	{"closes-late", func(t *testing.T, l *line) func() {
		l.fail(t, "slow_close", attributes{"delay": 10_000})
		l.server.cli(t, "client", "kill", "type", "normal") // a's connections too
		return func() { l.clear(t) }
	}, anything},
	{"down", func(t *testing.T, l *line) func() {
		l.open(t, false)
		return func() { l.open(t, true) }
	}, silent},
	{"down-and-up", func(t *testing.T, l *line) func() {
		stop := make(chan struct{})
		var done sync.WaitGroup
		done.Go(func() {
			for up := false; ; up = !up {
				l.open(t, up)
				select {
				case <-stop:
					return
				case <-time.After(150 * time.Millisecond):
				}
			}
		})
		return func() { close(stop); done.Wait(); l.open(t, true) }
	}, anything},
}

func toxic(name string, a attributes) func(*testing.T, *line) (mend func()) {
	return func(t *testing.T, l *line) func() {
		l.fail(t, name, a)
		return func() { l.clear(t) }
	}
}

// TestNetwork: a is beside the server, b behind the line. While it fails a
// session is ended at a.
func TestNetwork(t *testing.T) {
	for _, test := range failures {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel() // they wait, mostly
			l := newLine(t, newServer(t))
			a, b := newReplica(t, l.server.config()).ready(t), newReplica(t, l.config()).ready(t)
			ending, key := a.signIn(t)
			hot, _ := a.signIn(t)
			cold := a.signInLarge(t)
			b.wants(t, ending, 200)
			b.wants(t, hot, 200)

			mend := test.begin(t, l)
			eventually(t, "the end", func() bool { return a.End(t.Context(), key) == nil })
			b.whileItFails(t, ending, []string{hot, cold}, test.expect)

			b.never(t, ending, 200, func() {
				mend()
				mended := time.Now()
				b.eventually(t, hot, 200)
				b.eventually(t, cold, 200)
				b.eventually(t, ending, 401)
				if took := time.Since(mended); took > backTime {
					t.Errorf("it took %v until all was as before", took)
				}
			})
			again, _ := b.signIn(t)
			a.wants(t, again, 200)
		})
	}
}

// whileItFails checks for longer than the trust lasts a session that has just
// been ended elsewhere, and others that are good.
func (r replica) whileItFails(t *testing.T, ended string, good []string, expect int) {
	t.Helper()
	began := time.Now()
	var wg sync.WaitGroup
	watch := func(value string, allowed func(answer int, after time.Duration) bool) (count map[int]int) {
		count = make(map[int]int)
		wg.Go(func() {
			for after := time.Duration(0); after < trustFor+time.Second; time.Sleep(2 * time.Millisecond) {
				asked := time.Now()
				answer := r.answer(value)
				after = time.Since(began)
				count[answer]++
				if took := time.Since(asked); took > answerTime {
					t.Errorf("a check took %v", took)
				}
				if !allowed(answer, after) {
					t.Errorf("answered %d, %v after one was ended elsewhere", answer, after)
					return
				}
			}
		})
		return count
	}
	late := func(after time.Duration) bool { return after > trustFor+200*time.Millisecond }
	refused := false
	watch(ended, func(answer int, after time.Duration) bool {
		refused = refused || answer != 200
		return answer == 200 && !refused && !late(after) || answer == 500 || answer == 401 && expect != silent
	})
	var all []map[int]int
	for _, value := range good {
		all = append(all, watch(value, func(answer int, after time.Duration) bool {
			return answer == 200 && (expect != silent || !late(after)) || answer == 500 && expect != goesOn
		}))
	}
	wg.Wait()
	t.Logf("answers to sessions that are good: %v", all)
	if !refused {
		t.Error("what was ended was never refused")
	}
	if expect != goesOn && all[0][500]+all[1][500] == 0 {
		t.Error("nothing was felt of the failure")
	}
	_, _, err := r.Create(t.Context(), cookie, session.Session{})
	if expect == silent && !errors.Is(err, session.ErrStore) || expect == goesOn && err != nil {
		t.Errorf("Create: %v", err)
	}
}

// signInLarge is signIn with tokens that take a server many packets.
func (r replica) signInLarge(t *testing.T) (value string) {
	t.Helper()
	random := make([]byte, 10_000)
	rand.Read(random)
	value, _, err := r.Create(t.Context(), cookie, session.Session{Application: "home", IDToken: hex.EncodeToString(random)})
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	return value
}

// TestHalfOpenUnderLoad: with more checks than a connection has room for, each
// has its answer in time, and afterwards all is as before.
func TestHalfOpenUnderLoad(t *testing.T) {
	s := newServer(t)
	l := newLine(t, s)
	r := newReplica(t, l.config()).ready(t)
	values := make([]string, 3000)
	for i := range values {
		values[i], _ = r.signIn(t)
	}
	l.fail(t, "latency", held)
	r.eventually(t, values[0], 500)
	var mu sync.Mutex
	longest := time.Duration(0)
	var wg sync.WaitGroup
	for _, value := range values {
		wg.Go(func() {
			began := time.Now()
			answer := r.answer(value)
			mu.Lock()
			defer mu.Unlock()
			longest = max(longest, time.Since(began))
			if answer != 500 {
				t.Errorf("answered %d, want 500", answer)
			}
		})
	}
	wg.Wait()
	t.Logf("the longest took %v", longest)
	if longest > 3*time.Second {
		t.Errorf("the longest took %v", longest)
	}
	l.clear(t)
	for _, value := range values {
		r.eventually(t, value, 200)
	}
}

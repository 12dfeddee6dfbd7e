package auth_test

// What is remembered of machine clients, for how long, and how often a provider
// is asked.

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"outpost/auth"
)

// introspector counts questions and answers them: good tokens are those that are in it.
type introspector struct {
	mu    sync.Mutex
	good  map[string]bool
	calls int
	hold  chan struct{} // nil, or what answers wait for
	fail  error         // in place of an answer
	now   atomic.Int32  // questions under way
	most  int32         // of them at a time
}

func (a *introspector) answer(r *http.Request) (*http.Response, error) {
	n := a.now.Add(1)
	defer a.now.Add(-1)
	a.mu.Lock()
	a.calls++
	a.most = max(a.most, n)
	hold, fail, good := a.hold, a.fail, a.good[r.Form.Get("token")]
	a.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	switch {
	case fail != nil:
		return nil, fail
	case !good:
		return respond(200, `{"active":false}`), nil
	}
	return saying(introspected()), nil
}

// set changes what is answered, and returns how many questions there were.
func (a *introspector) set(change func()) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if change != nil {
		change()
	}
	n := a.calls
	a.calls = 0
	return n
}

func (s *stage) tokenIs(token string, want auth.Reason) {
	s.t.Helper()
	if _, got, _ := s.outpost.Machine(s.t.Context(), "home", "Bearer "+token); got != want {
		s.t.Errorf("%.20s: got %q, want %q", token, got, want)
	}
}

func TestVerdictsAreRememberedShortly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &introspector{good: map[string]bool{"good": true}}
		s := introspecting(t, a.answer)
		calls := func(want int, of string) {
			t.Helper()
			if n := a.set(nil); n != want {
				t.Errorf("%s: %d questions, want %d", of, n, want)
			}
		}
		s.tokenIs("good", auth.Allowed)
		s.tokenIs("bad", auth.CredentialsRefused)
		calls(2, "new ones")
		time.Sleep(10*time.Second - time.Nanosecond)
		s.tokenIs("good", auth.Allowed)
		s.tokenIs("bad", auth.CredentialsRefused)
		calls(0, "after ten seconds")
		time.Sleep(time.Nanosecond)
		s.tokenIs("good", auth.Allowed)
		s.tokenIs("bad", auth.CredentialsRefused)
		calls(1, "the bad one after ten seconds")
		a.set(func() { a.good["good"] = false }) // taken back
		time.Sleep(50*time.Second - time.Nanosecond)
		s.tokenIs("good", auth.Allowed)
		calls(0, "within the minute")
		time.Sleep(time.Nanosecond)
		s.tokenIs("good", auth.CredentialsRefused)
		s.tokenIs("good", auth.CredentialsRefused)
		calls(1, "after the minute")
		a.set(func() { a.good["good"] = true }) // given again
		time.Sleep(10 * time.Second)
		s.tokenIs("good", auth.Allowed)
		s.tokenIs("good", auth.Allowed)
		calls(1, "after it was given again")
	})
}

// A token that lives less than a minute is not remembered beyond its end.
func TestVerdictEndsWithItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := machineStage(t)
		raw := s.typed("at+jwt", s.accessToken(func(c map[string]any) { c["exp"] = time.Now().Add(20 * time.Second).Unix() }))
		// The skew of a minute comes on top.
		for _, tt := range []struct {
			after time.Duration
			want  auth.Reason
		}{{0, auth.Allowed}, {30 * time.Second, auth.Allowed}, {45 * time.Second, auth.Allowed}, {4 * time.Second, auth.Allowed}, {2 * time.Second, auth.CredentialsExpired}} {
			time.Sleep(tt.after)
			s.tokenIs(raw, tt.want)
		}
	})
}

func TestOneQuestionForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &introspector{good: map[string]bool{"good": true}, hold: make(chan struct{})}
		s := introspecting(t, a.answer)
		gone, leave := context.WithCancel(t.Context())
		var first auth.Reason
		var wg sync.WaitGroup
		wg.Go(func() { _, first, _ = s.outpost.Machine(gone, "home", "Bearer good") })
		synctest.Wait()
		for range 200 {
			wg.Go(func() { s.tokenIs("good", auth.Allowed) })
		}
		synctest.Wait()
		leave() // who began it goes away; the others still get their answer
		synctest.Wait()
		close(a.hold)
		wg.Wait()
		if n := a.set(nil); n != 1 || first != auth.CredentialsUnverifiable {
			t.Errorf("%d questions; who left was told %q", n, first)
		}
	})
}

// A provider that hangs holds up a few, and nobody for more than five seconds.
func TestQuestionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &introspector{good: map[string]bool{}}
		for i := range 40 {
			a.good[fmt.Sprint("good", i)] = true
		}
		s := introspecting(t, a.answer, quiet)
		for i := range 40 {
			s.tokenIs(fmt.Sprint("good", i), auth.Allowed)
		}
		time.Sleep(2 * time.Minute)
		a.set(func() { a.hold, a.most = make(chan struct{}), 0 })
		reasons := make([]auth.Reason, 140)
		var wg sync.WaitGroup
		begun := time.Now()
		for i := range reasons {
			token := fmt.Sprint("good", i)
			if i >= 40 {
				token = fmt.Sprint("unknown", i)
			}
			wg.Go(func() { _, reasons[i], _ = s.outpost.Machine(t.Context(), "home", "Bearer "+token) })
			synctest.Wait() // the good ones come first
		}
		time.Sleep(time.Second)
		// Those that were good wait for their turn; those that nobody knows do not.
		for i, reason := range reasons[40:] {
			if reason != auth.CredentialsThrottled {
				t.Errorf("unknown %d: got %q", i, reason)
			}
		}
		a.mu.Lock()
		close(a.hold)
		a.hold = nil
		a.mu.Unlock()
		wg.Wait()
		if took := time.Since(begun); took > 2*time.Second || a.most > 16 {
			t.Errorf("it took %s, with %d questions at a time", took, a.most)
		}
		for i, reason := range reasons[:40] {
			if reason != auth.Allowed {
				t.Errorf("good %d: got %q", i, reason)
			}
		}

		time.Sleep(2 * time.Minute)
		a.set(func() { a.hold = make(chan struct{}) }) // and is never closed
		begun = time.Now()
		for i := range 40 {
			wg.Go(func() { s.tokenIs(fmt.Sprint("good", i), auth.CredentialsUnverifiable) })
		}
		wg.Wait()
		if took := time.Since(begun); took != 5*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// Made-up tokens fill neither memory nor the provider, and keep nobody out who
// was in.
func TestMadeUpCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &introspector{good: map[string]bool{"good": true}}
		passwords := 0
		s := introspecting(t, a.answer, quiet, func(c *auth.Config) { c.Applications[0].AppPasswords = true }, answering("/token", func(*http.Request) (*http.Response, error) {
			passwords++
			return respond(http.StatusBadRequest, `{"error":"invalid_grant"}`), nil
		}))
		s.tokenIs("good", auth.Allowed)
		a.set(nil)
		send := func(n int) (throttled int) {
			for range n {
				for _, line := range []string{"Bearer " + rand.Text(), basic("alice", rand.Text())} {
					client, reason, _ := s.outpost.Machine(t.Context(), "home", line)
					if client != nil {
						t.Fatalf("%q is let in", line)
					}
					if reason == auth.CredentialsThrottled {
						throttled++
					}
				}
			}
			return throttled
		}
		send(1000)
		before := heap()
		throttled := send(50_000)
		if grown := heap() - before; grown > 4<<20 {
			t.Errorf("the heap grew by %d bytes", grown)
		}
		if n := a.set(nil) + passwords; n > 50 || throttled != 100_000 {
			t.Errorf("the provider was asked %d times, %d were not asked about", n, throttled)
		}
		// Ten a second from then on.
		for range 60 {
			time.Sleep(time.Second)
			send(100)
		}
		if n := a.set(nil) + passwords; n > 50+60*10 {
			t.Errorf("the provider was asked %d times", n)
		}
		s.tokenIs("good", auth.Allowed) // it is a minute old, and asked about anew
		if n := a.set(nil); n != 1 {
			t.Errorf("%d questions", n)
		}
		if good, bad := s.outpost.Verdicts("home"); good != 1 || bad > 8192 {
			t.Errorf("%d good ones and %d bad ones are remembered", good, bad)
		}
	})
}

// Signed tokens need no question, and are remembered within bounds too.
func TestVerdictsAreBounded(t *testing.T) {
	s := machineStage(t, quiet)
	for i := range 3000 {
		s.tokenIs(s.typed("at+jwt", s.accessToken(func(c map[string]any) { c["jti"] = i })), auth.Allowed)
	}
	before := heap()
	for i := range 100_000 {
		s.tokenIs(fmt.Sprintf("made.up.%d", i), auth.CredentialsRefused)
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if good, bad := s.outpost.Verdicts("home"); good > 2048 || good < 1024 || bad > 8192 || bad < 4096 {
		t.Errorf("%d good ones and %d bad ones are remembered", good, bad)
	}
}

// A provider that is down is asked once a second, however many come, and what it
// said before is not forgotten over it.
func TestSilentProviderIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &introspector{good: map[string]bool{"good": true, "new": true}}
		s := introspecting(t, a.answer, quiet)
		s.tokenIs("good", auth.Allowed)
		time.Sleep(time.Minute)
		a.set(func() { a.fail = errors.New("reset by peer") })
		for range 10 {
			s.tokenIs("good", auth.CredentialsUnverifiable)
			for i := range 100 {
				_, reason, _ := s.outpost.Machine(t.Context(), "home", "Bearer x"+fmt.Sprint(i))
				if !slices.Contains([]auth.Reason{auth.CredentialsUnverifiable, auth.CredentialsThrottled}, reason) {
					t.Fatalf("got %q", reason)
				}
				s.tokenIs("good", auth.CredentialsUnverifiable)
			}
			time.Sleep(time.Second)
		}
		if n := a.set(func() { a.fail = nil }); n > 11 {
			t.Errorf("it was asked %d times", n)
		}
		time.Sleep(time.Second)
		for i := range 100 {
			s.outpost.Machine(t.Context(), "home", "Bearer y"+fmt.Sprint(i)) // all the questions that strangers have
		}
		s.tokenIs("new", auth.CredentialsThrottled)
		s.tokenIs("good", auth.Allowed)
	})
}

package session_test

// That there are never more sessions than the limits allow for long, and who
// has to go.

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outpost/session"
)

func somebody(n int) session.Session {
	who := alice()
	who.Identity.Subject = fmt.Sprintf("person-%d", n)
	return who
}

func TestTheSessionUnusedForLongestMakesWay(t *testing.T) {
	stores := map[string]func() session.Store{
		"memory": newMemory,
		"file":   func() session.Store { return openFile(t) },
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			var events counts
			var log logged
			s := newSessions(t, session.Config{Store: open(), Idle: time.Hour, MaxPerUser: 3, OnEvent: events.add, Log: log.logger()})
			elsewhere := alice()
			elsewhere.Identity.Issuer = "https://other.example.com"
			others := []string{}
			for _, who := range []session.Session{somebody(1), elsewhere} {
				value, _ := create(t, s, who)
				others = append(others, value)
			}
			first, _ := create(t, s, alice())
			second, _ := create(t, s, alice())
			third, _ := create(t, s, alice())
			// The first is the oldest, and in use.
			mustFind(t, s, first).Accept(time.Now().Add(time.Second))
			fourth, _ := create(t, s, alice())
			wantNone(t, s, cookie, second)
			fifth, _ := create(t, s, alice())
			wantNone(t, s, cookie, third)
			for _, value := range append(others, first, fourth, fifth) {
				mustFind(t, s, value)
			}
			if n, err := s.Len(t.Context()); n != 5 || err != nil {
				t.Errorf("Len = %d, %v; want 5", n, err)
			}
			if events.n["over_user_limit"] != 2 || events.n["signed_out"] != 0 {
				t.Errorf("events: %v", events.n)
			}
			if got := log.String(); strings.Count(got, "session.max_sessions_per_user") != 2 || !strings.Contains(got, `"subject":"`+alice().Identity.Subject) {
				t.Errorf("the log:\n%s", got)
			}
		})
	}
}

// Without a subject nobody knows whose the session is.
func TestNobodysSessionsAreNotCounted(t *testing.T) {
	s := newSessions(t, session.Config{MaxPerUser: 1})
	nobody := alice()
	nobody.Identity.Subject = ""
	one, _ := create(t, s, nobody)
	two, _ := create(t, s, nobody)
	mustFind(t, s, one)
	mustFind(t, s, two)
}

func TestALimitFailsNoSignIn(t *testing.T) {
	store := &noFind{Store: newMemory()}
	var log logged
	s := newSessions(t, session.Config{Store: store, MaxPerUser: 1, Log: log.logger()})
	one, _ := create(t, s, alice())
	two, _ := create(t, s, alice())
	mustFind(t, s, one)
	mustFind(t, s, two)
	if got := log.String(); !strings.Contains(got, `"level":"ERROR"`) || !strings.Contains(got, errDisk.Error()) {
		t.Errorf("the log:\n%s", got)
	}
	store.can = true
	three, _ := create(t, s, alice())
	wantNone(t, s, cookie, one)
	wantNone(t, s, cookie, two)
	mustFind(t, s, three)
}

func TestRoomIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 640
		var events counts
		var log logged
		s := newSessions(t, session.Config{Idle: 10 * time.Hour, MaxSessions: limit, CacheSize: 100, OnEvent: events.add, Log: log.logger()})
		stop := run(t, s)
		defer stop()
		var values []string
		for n := range limit {
			value, _ := create(t, s, somebody(n))
			values = append(values, value)
			time.Sleep(time.Second)
		}
		// The first ten are in use: in memory alone, and one of them is written.
		for _, value := range values[:10] {
			mustFind(t, s, value).Accept(time.Now())
			time.Sleep(4 * time.Second)
		}
		synctest.Wait()
		if events.n["over_limit"] != 0 {
			t.Errorf("within the limit: %v", events.n)
		}
		last, _ := create(t, s, somebody(limit))
		synctest.Wait()
		const want = limit - limit/64
		if n, err := s.Len(t.Context()); n != want || err != nil {
			t.Errorf("Len = %d, %v; want %d", n, err, want)
		}
		for i, value := range values {
			_, err := s.Find(t.Context(), cookie, value)
			if gone := i >= 10 && i < 10+limit+1-want; gone != errors.Is(err, session.ErrNone) {
				t.Errorf("session %d: %v; gone %v is wanted", i, err, gone)
			}
		}
		mustFind(t, s, last)
		if events.n["over_limit"] != limit+1-want {
			t.Errorf("events: %v", events.n)
		}
		if got := log.String(); strings.Count(got, "session.max_sessions") != 1 || !strings.Contains(got, `"level":"WARN"`) {
			t.Errorf("the log:\n%s", got)
		}
	})
}

// A limit that was lowered holds after the next sweep, and who is over goes first.
func TestALoweredLimitHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		before := newSessions(t, session.Config{Store: store, Max: time.Hour})
		for n := range 300 {
			create(t, before, somebody(n))
		}
		time.Sleep(time.Hour - time.Minute)
		for n := range 60 {
			create(t, before, somebody(n))
		}
		time.Sleep(time.Minute)
		var events counts
		s := newSessions(t, session.Config{Store: store, Max: time.Hour, MaxSessions: 50, OnEvent: events.add})
		stop := run(t, s)
		defer stop()
		time.Sleep(6 * time.Minute)
		if n, err := s.Len(t.Context()); n != 50 || err != nil {
			t.Errorf("Len = %d, %v; want 50", n, err)
		}
		if events.n["expired"] != 300 || events.n["over_limit"] != 10 {
			t.Errorf("events: %v", events.n)
		}
	})
}

// noFind is a store in which nobody's sessions can be found until it can.
type noFind struct {
	session.Store
	can bool
}

func (s *noFind) Find(ctx context.Context, index session.Key) ([]session.Key, error) {
	if !s.can {
		return nil, errDisk
	}
	return s.Store.Find(ctx, index)
}

package session_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"outpost/session"
)

// change applies another Config to s.
func change(t *testing.T, s *session.Sessions, c session.Config) {
	t.Helper()
	if c.Secrets == nil {
		c.Secrets = secrets("a")
	}
	apply, err := s.Change(c)
	if err != nil {
		t.Fatalf("Change: %v", err)
	}
	apply()
}

// Lifetimes hold for sessions that are hot, for those that are not, and for new ones.
func TestChangeLifetimes(t *testing.T) {
	tests := []struct {
		name   string
		to     session.Config
		cold   bool
		after  time.Duration
		signed bool
	}{
		{"shorter-max", session.Config{Max: 2 * time.Hour}, false, 3 * time.Hour, false},
		{"shorter-max-cold", session.Config{Max: 2 * time.Hour}, true, 3 * time.Hour, false},
		{"shorter-max-not-yet", session.Config{Max: 4 * time.Hour}, false, 3 * time.Hour, true},
		{"longer-max-gains-nothing", session.Config{Max: 9 * day}, false, day + time.Hour, false},
		{"shorter-idle", session.Config{Max: day, Idle: time.Hour}, false, 90 * time.Minute, false},
		{"shorter-idle-cold", session.Config{Max: day, Idle: time.Hour}, true, 90 * time.Minute, false},
		{"no-idle", session.Config{Max: day}, false, 13 * time.Hour, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newMemory()
				s := newSessions(t, session.Config{Store: store, Max: day, Idle: 12 * time.Hour})
				value, _, err := s.Create(t.Context(), cookie, alice())
				if err != nil {
					t.Fatal(err)
				}
				if !test.cold {
					if _, err := s.Find(t.Context(), cookie, value); err != nil {
						t.Fatal(err)
					}
				}
				change(t, s, test.to)
				time.Sleep(test.after)
				_, err = s.Find(t.Context(), cookie, value)
				if test.signed && err != nil || !test.signed && !errors.Is(err, session.ErrNone) {
					t.Errorf("after %s: error %v", test.after, err)
				}
			})
		})
	}
}

func TestChangeRecheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions(t, session.Config{Max: day, Recheck: time.Hour})
		who := alice()
		who.RefreshToken = "refresh"
		value, _, err := s.Create(t.Context(), cookie, who)
		if err != nil {
			t.Fatal(err)
		}
		due := func() bool {
			t.Helper()
			l, err := s.Find(t.Context(), cookie, value)
			if err != nil {
				t.Fatal(err)
			}
			return l.Due(time.Now())
		}
		time.Sleep(30 * time.Minute)
		if due() {
			t.Error("due too early")
		}
		change(t, s, session.Config{Max: day, Recheck: 20 * time.Minute})
		if !due() {
			t.Error("not due under a shorter recheck")
		}
		change(t, s, session.Config{Max: day})
		time.Sleep(5 * time.Hour)
		if due() {
			t.Error("due with rechecks off")
		}
		change(t, s, session.Config{Max: day, Recheck: time.Hour})
		if !due() {
			t.Error("not due once they are on again")
		}
	})
}

// Limits and Prepare are those of the last Change; what is hot keeps what it was
// prepared as until somebody prepares it anew.
func TestChangeLimitsAndPrepare(t *testing.T) {
	prepare := func(as string) func(*session.Session) any {
		return func(*session.Session) any { return as }
	}
	s := newSessions(t, session.Config{Prepare: prepare("old")})
	values := []string{}
	sign := func() {
		value, _, err := s.Create(t.Context(), cookie, alice())
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
	}
	prepared := func(i int) any {
		t.Helper()
		l, err := s.Find(t.Context(), cookie, values[i])
		if err != nil {
			t.Fatalf("session %d: %v", i, err)
		}
		return l.Prepared()
	}
	sign()
	prepared(0)
	change(t, s, session.Config{Max: day, MaxPerUser: 2, Prepare: prepare("new")})
	sign()
	if old, now := prepared(0), prepared(1); old != "old" || now != "new" {
		t.Errorf("prepared %v and %v", old, now)
	}
	live, err := s.Find(t.Context(), cookie, values[0])
	if err != nil {
		t.Fatal(err)
	}
	live.SetPrepared("anew")
	if got := prepared(0); got != "anew" {
		t.Errorf("prepared %v", got)
	}
	sign()
	if n, err := s.Len(t.Context()); err != nil || n != 2 {
		t.Errorf("%d sessions, error %v; the limit is 2", n, err)
	}
}

// A Config that is wrong changes nothing, and one that is right nothing until it is
// applied.
func TestChangeRefuses(t *testing.T) {
	for name, c := range map[string]session.Config{
		"max":       {Secrets: secrets("b")},
		"idle":      {Max: day, Idle: -1, Secrets: secrets("b")},
		"recheck":   {Max: day, Recheck: -1, Secrets: secrets("b")},
		"limit":     {Max: day, MaxSessions: -1, Secrets: secrets("b")},
		"secrets":   {Max: day},
		"unapplied": {Max: day, Secrets: secrets("b")},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSessions(t, session.Config{})
			value, _, err := s.Create(context.Background(), cookie, alice())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Change(c); (err == nil) != (name == "unapplied") {
				t.Errorf("error %v", err)
			}
			if _, err := s.Find(t.Context(), cookie, value); err != nil {
				t.Errorf("the session is gone: %v", err)
			}
		})
	}
}

package session

import (
	"context"
	"errors"
	"testing"
	"time"
)

// mapStore is as much of a Store as these tests need.
type mapStore struct {
	Store
	records map[Key]Record
}

func (m mapStore) Save(_ context.Context, key Key, r Record) error {
	m.records[key] = r
	return nil
}

func (m mapStore) Load(_ context.Context, key Key) (Record, error) {
	r, ok := m.records[key]
	if !ok {
		return Record{}, ErrNone
	}
	return r, nil
}

// The wall clock cannot be set back in a test; but a clock that believes it was
// once ahead sees the same.
func setBack(c *clock, by time.Duration) { c.wall += int64(by) }

func TestClockGoesOnWhenSetBack(t *testing.T) {
	c := newClock()
	before := c.now()
	setBack(&c, time.Hour)
	if got := time.Duration(c.now() - before); got < time.Hour || got > time.Hour+time.Minute {
		t.Errorf("an hour set back: it moved by %v, want an hour", got)
	}
	c = newClock()
	before = c.now()
	setBack(&c, -time.Hour) // that is: set forward
	if got := time.Duration(c.now() - before); got < 0 || got > time.Minute {
		t.Errorf("set forward: it moved by %v, want nothing beyond the wall clock", got)
	}
	if got, want := c.at(time.Unix(5, 7)), int64(5_000_000_007); got != want {
		t.Errorf("without a monotonic reading: %d, want %d", got, want)
	}
}

func TestSetBackClockNeverExtends(t *testing.T) {
	const maxAge = 2 * time.Hour
	store := mapStore{records: make(map[Key]Record)}
	secret := make([]byte, 32)
	open := func() *Sessions {
		s, err := New(Config{Store: store, Secrets: [][]byte{secret}, Idle: time.Hour, Max: maxAge})
		if err != nil {
			t.Fatalf("New: %v", err)
		}
		return s
	}
	find := func(s *Sessions, value string) *Live {
		t.Helper()
		l, err := s.Find(t.Context(), "c", value)
		if err != nil {
			t.Fatalf("Find: %v", err)
		}
		return l
	}

	// Created while the clock was ahead by three hours, which it is no more.
	s := open()
	setBack(&s.clock, 3*time.Hour)
	value, key, err := s.Create(t.Context(), "c", Session{})
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	l := find(s, value)
	l.Accept(time.Now())
	if !s.Checked(t.Context(), key, time.Time{}) {
		t.Error("an accepted check does not count where the clock was set back")
	}
	seen := l.seen.Load()
	l.Accept(time.Now().Add(-time.Minute).Round(0))
	if l.seen.Load() != seen {
		t.Error("an earlier check moved the session back")
	}
	if _, err := s.Find(t.Context(), "c", value); err != nil {
		t.Errorf("Find: %v", err)
	}

	// After a restart there is the wall clock alone. The record lies in the
	// future; the session has Max from now and not a second more.
	restarted := open()
	l = find(restarted, value)
	if left := time.Duration(l.expires.Load() - restarted.clock.now()); left > maxAge {
		t.Errorf("it has %v left, want at most %v", left, maxAge)
	}
	if idle := time.Duration(restarted.clock.now() - l.seen.Load()); idle < 0 {
		t.Errorf("it was last seen in %v", -idle)
	}

	// Set forward beyond its end, it is over.
	later := open()
	later.clock.wall += int64(6 * time.Hour)
	if _, err := later.Find(t.Context(), "c", value); !errors.Is(err, ErrNone) {
		t.Errorf("Find: %v, want ErrNone", err)
	}
}

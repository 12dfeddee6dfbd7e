package session

// What of a Config may become another one while sessions are in use: lifetimes,
// limits, secrets, and what Prepare makes of them. The store and the size of the
// hot cache stay what they were.

import (
	"fmt"
	"time"
)

// terms are the parts of a Config that change together. They never change
// themselves.
type terms struct {
	idle, max, recheck      time.Duration
	lag                     time.Duration // how far a shared store may be behind on Seen
	maxPerUser, maxSessions int
	prepare                 func(*Session) any
}

func (s *Sessions) newTerms(c Config) (*terms, error) {
	switch {
	case c.Max <= 0:
		return nil, fmt.Errorf("max must be more than 0, got %s", c.Max)
	case c.Idle < 0:
		return nil, fmt.Errorf("idle must not be negative, got %s", c.Idle)
	case c.Recheck < 0:
		return nil, fmt.Errorf("recheck must not be negative, got %s", c.Recheck)
	case c.MaxPerUser < 0 || c.MaxSessions < 0:
		return nil, fmt.Errorf("no limit may be negative, got %d for each person and %d in all", c.MaxPerUser, c.MaxSessions)
	}
	t := &terms{idle: c.Idle, max: c.Max, recheck: c.Recheck, maxPerUser: c.MaxPerUser, maxSessions: c.MaxSessions, prepare: c.Prepare}
	if s.shared != nil {
		t.lag = lagOf(c.Idle)
	}
	return t, nil
}

// Change checks another Config and returns what puts it into the place of the one
// that New or an earlier Change was given; until apply is called nothing is
// different. Of c only Secrets, Idle, Max, Recheck, MaxPerUser, MaxSessions and
// Prepare count. SetSecrets says what becomes of sessions under other secrets.
// No session lasts longer by another Max than it was to when it began; one that is
// older than the new one is over.
//
// What an earlier Prepare made of sessions that are hot stays as it is: who asks for
// Live.Prepared has to see which one it is of. Neither two Changes nor a Change and
// a SetSecrets may be under way at once.
func (s *Sessions) Change(c Config) (apply func(), err error) {
	t, err := s.newTerms(c)
	if err != nil {
		return nil, fmt.Errorf("changing sessions: %w", err)
	}
	ring, err := newKeyring(c.Secrets, c.Max)
	if err != nil {
		return nil, fmt.Errorf("changing sessions: %w", err)
	}
	return func() { s.change(t, ring) }, nil
}

func (s *Sessions) change(t *terms, ring *keyring) {
	was := s.terms.Swap(t)
	s.setKeyring(ring)
	select {
	case s.changing <- struct{}{}:
	default: // Run will look anyway
	}
	if t.max >= was.max && t.recheck == was.recheck {
		return
	}
	for _, l := range s.hot.all() {
		l.bound(t, was)
	}
}

// bound holds a session that was made under other terms to t.
func (l *Live) bound(t, was *terms) {
	if end := l.session.Created.UnixNano() + int64(t.max); end < l.expires.Load() {
		l.expires.Store(end)
	}
	if t.recheck != was.recheck {
		l.due.Store(l.dueBy(t.recheck))
	}
}

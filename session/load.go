package session

// The way of a check that is not hot: open the seal, ask the store once however
// many ask at the same time, and put what it says into the hot cache, unless
// the session was ended meanwhile.

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
)

// flight is one load of a session for all who want it at the moment.
type flight struct {
	done  chan struct{}
	ended bool // by End, while the store was being asked; guarded by Sessions.mu
	stale bool // by Update, likewise: what the store said may be what was before
	live  *Live
	err   error
}

// landed returns what the load brought, once it is done. Between the landing and
// this the session may have ended.
func (f *flight) landed() (*Live, error) {
	if f.live != nil && f.live.ended.Load() {
		return nil, ErrNone
	}
	return f.live, f.err
}

// findStored finds a session that is not hot.
func (s *Sessions) findStored(ctx context.Context, cookieName, value string) (*Live, error) {
	ring := s.keyring.Load()
	ticket, _, err := ring.seal.Open(cookieName, value)
	if err != nil || len(ticket) != 32 {
		return nil, ErrNone
	}
	key := Key(sha256.Sum256(ticket))

	s.mu.Lock()
	if _, ended := s.ended[key]; ended {
		s.mu.Unlock()
		return nil, ErrNone
	}
	if l := s.hot.keys[key]; l != nil && l.alive(s.clock.now()) && s.trusts(s.clock.now()) {
		// Somebody else's load has just landed.
		s.mu.Unlock()
		return l, nil
	}
	f, flying := s.flights[key]
	if !flying {
		f = &flight{done: make(chan struct{})}
		s.flights[key] = f
	}
	s.mu.Unlock()

	if !flying {
		s.fly(ctx, f, ring, key, cookieName, value)
		return f.landed()
	}
	select {
	case <-f.done:
		return f.landed()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: waiting for a load: %w", ErrStore, ctx.Err())
	}
}

// fly loads the session and lets everybody who waits for it go. Others wait for
// what it brings, so it does not stop when the request it began with does.
func (s *Sessions) fly(ctx context.Context, f *flight, ring *keyring, key Key, cookieName, value string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	f.err = ErrStore // what those who wait get should the store or Prepare panic
	var evicted *Live
	defer func() {
		s.mu.Lock()
		delete(s.flights, key)
		s.mu.Unlock()
		close(f.done)
		if evicted != nil {
			s.event("evicted")
		}
	}()

	for {
		under := s.terms.Load()
		l, err := s.fetch(ctx, key, cookieName, value)
		if err != nil {
			f.err = err
			return
		}
		s.mu.Lock()
		if f.stale && !f.ended {
			f.stale = false
			s.mu.Unlock()
			continue
		}
		defer s.mu.Unlock()
		if now := s.keyring.Load(); f.ended || now != ring && !now.opens(l) {
			f.err = ErrNone
			return
		}
		evicted = s.place(l)
		if now := s.terms.Load(); now != under {
			l.bound(now, under) // the change has not seen it in the cache
		}
		f.live, f.err = l, nil
		return
	}
}

// place puts what was loaded into the hot cache, in the place of what stands
// there: that has not been trusted, and what is known of its use counts on. It
// returns the session that had to leave for it, or nil, and needs mu.
func (s *Sessions) place(l *Live) (evicted *Live) {
	old := s.hot.keys[l.session.Key]
	if old != nil {
		old.left.Store(true)
		l.inherit(old)
		l.keepClaim(old)
		s.hot.remove(old)
	}
	if evicted = s.hot.put(l); evicted != nil {
		s.remember(evicted)
	}
	return evicted
}

// fetch makes a Live of what the store has.
func (s *Sessions) fetch(ctx context.Context, key Key, cookieName, value string) (*Live, error) {
	sess, seen, err := s.load(ctx, key)
	if err != nil {
		return nil, err
	}
	l := s.newLive(sess, cookieName, value)
	l.seen.Store(seen)
	l.saved.Store(seen)
	l.accepted.Store(seen > sess.Created.UnixNano())
	if !l.alive(s.clock.now()) {
		return nil, ErrNone
	}
	l.prepare(&sess)
	return l, nil
}

// load reads a session from the store, and when it was last seen by the clock.
// It does not look at whether the session is over.
func (s *Sessions) load(ctx context.Context, key Key) (sess Session, seen int64, err error) {
	r, err := s.loadRecord(ctx, key)
	if err != nil {
		return Session{}, 0, err
	}
	return s.openRecord(ctx, key, r)
}

func (s *Sessions) loadRecord(ctx context.Context, key Key) (Record, error) {
	r, err := s.config.Store.Load(ctx, key)
	if errors.Is(err, ErrNone) {
		return Record{}, ErrNone
	}
	if err != nil {
		return Record{}, s.storeError("load", err)
	}
	return r, nil
}

// openRecord is load from the record on.
func (s *Sessions) openRecord(ctx context.Context, key Key, r Record) (sess Session, seen int64, err error) {
	sess, seen, err = s.open(key, r)
	if err != nil {
		s.log.WarnContext(ctx, "a session in the store cannot be read; its browser has to sign in again", "session", key, "cause", err)
		return Session{}, 0, ErrNone
	}
	return sess, seen, nil
}

// open reads a record, and when its session was last seen by the clock. It does
// not look at whether the session is over.
func (s *Sessions) open(key Key, r Record) (sess Session, seen int64, err error) {
	sess, err = s.keyring.Load().records.open(key, r.Sealed)
	if err != nil {
		return Session{}, 0, err
	}

	// The record's own word on its end is sealed and counts; but no session
	// outlives Max as it is now, nor gains by a clock that was ahead when
	// the record was written.
	now, longest := s.clock.now(), int64(s.terms.Load().max)
	for _, end := range []int64{sess.Created.UnixNano() + longest, now + longest} {
		if end < sess.Expires.UnixNano() {
			sess.Expires = instant(end)
		}
	}
	seen = r.Seen.UnixNano()
	s.mu.Lock()
	seen = max(seen, s.unsaved[key])
	if l := s.hot.keys[key]; l != nil {
		seen = max(seen, l.seen.Load())
	}
	s.mu.Unlock()
	return sess, min(seen, now), nil
}

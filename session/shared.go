package session

// What a store needs that several processes use at the same time, each with a
// hot cache of its own: to be told of what the others do, to know for how long
// that can be relied upon, and to change a session without undoing what another
// process has just done.

import (
	"context"
	"errors"
	"math"
	"time"
)

// trustFor is for how long the hot cache answers after the last proof that this
// process still hears of what the others do. From then on every check asks the
// store, and is refused with ErrStore where that does not answer.
const trustFor = 3 * time.Second

// afterlife is for how long a deletion is made again should the connection to a
// shared store break: it may come back as it was a moment before, when a copy of
// the server takes its place.
const afterlife = time.Minute

// exchangeTries is how often an update begins again that another process has
// overtaken.
const exchangeTries = 8

// ErrChanged means that a record is not the one any more that Shared.Exchange
// was told to take the place of.
var ErrChanged = errors.New("session: changed by another process meanwhile")

// ErrLocked means that another process holds the lock.
var ErrLocked = errors.New("session: locked by another process")

// Shared is a Store that several processes may have open at once. The driver
// is session/redis.
type Shared interface {
	Store

	// Exchange is Replace for a record whose Sealed is still old; where it is
	// another one it returns ErrChanged and does nothing.
	Exchange(ctx context.Context, key Key, old []byte, r Record) error

	// Lock keeps other processes, and other callers in this one, from the
	// lock of the same key until unlock is called or hold has passed. It does
	// not wait: where somebody has it, the error is ErrLocked. It has nothing
	// to do with the record of that key.
	Lock(ctx context.Context, key Key, hold time.Duration) (unlock func(), err error)

	// Note keeps for hold that something happened at that time, in the place of
	// what was noted under the key before. Noted returns the time; the zero
	// time where there is none.
	Note(ctx context.Context, key Key, at time.Time, hold time.Duration) error
	Noted(ctx context.Context, key Key) (time.Time, error)

	// Watch tells w of what other processes do until ctx is done. It is
	// called once. What is loaded while Watch runs is watched: a change that
	// another process makes after the load is told, or Lost is called.
	Watch(ctx context.Context, w Watcher)
}

// Watcher hears of changes. Its functions are quick and may be called at the
// same time.
type Watcher struct {
	Changed func(key Key)        // the record may have been saved, replaced or deleted
	Lost    func()               // changes may have been missed: nothing that was loaded before counts
	Current func(asOf time.Time) // all that was changed before has been told, or will be at once
}

// watch keeps the hot cache true to a shared store until ctx is done.
func (s *Sessions) watch(ctx context.Context) {
	s.shared.Watch(ctx, Watcher{
		Changed: s.changed,
		Lost:    s.lost,
		Current: s.current,
	})
}

// current extends the trust in the hot cache, and has tried again at once what
// could not be deleted while the store was away: with the other processes it
// would live on until then.
func (s *Sessions) current(asOf time.Time) {
	until := s.clock.at(asOf) + int64(trustFor)
	for {
		trusted := s.trusted.Load()
		if until <= trusted || s.trusted.CompareAndSwap(trusted, until) {
			break
		}
	}
	s.mu.Lock()
	owing := len(s.ended) > 0
	for key, at := range s.deleted {
		if s.clock.now()-at >= int64(afterlife) {
			delete(s.deleted, key)
		}
	}
	s.mu.Unlock()
	if owing {
		select {
		case s.owing <- struct{}{}:
		default:
		}
	}
}

// changed takes a session out of the hot cache that another process may have
// changed or ended; a load of it that is under way begins again.
func (s *Sessions) changed(key Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.flights[key]; f != nil {
		f.stale = true
	}
	if l := s.hot.keys[key]; l != nil {
		s.cool(l)
	}
}

// lost takes everything out of the hot cache, and has deleted again what has been
// deleted lately.
func (s *Sessions) lost() {
	s.mu.Lock()
	now := s.clock.now()
	for key, at := range s.deleted {
		if now-at < int64(afterlife) {
			s.rememberEnded(key, now+int64(s.terms.Load().max))
		}
	}
	clear(s.deleted)
	for _, f := range s.flights {
		f.stale = true
	}
	s.mu.Unlock()
	for _, l := range s.hot.all() {
		s.mu.Lock()
		if s.hot.keys[l.session.Key] == l {
			s.cool(l)
		}
		s.mu.Unlock()
	}
}

// cool takes a session out of the hot cache and keeps what it has not yet
// written down. It needs mu.
func (s *Sessions) cool(l *Live) {
	l.left.Store(true)
	s.hot.remove(l)
	s.remember(l)
}

// trusts reports whether the hot cache may answer at t.
func (s *Sessions) trusts(t int64) bool { return t < s.trusted.Load() }

// updateShared is Update where other processes may change the session too: what
// is saved takes the place of what was read, or all begins again.
func (s *Sessions) updateShared(ctx context.Context, key Key, change func(*Session) error) error {
	for range exchangeTries {
		s.mu.Lock()
		hot := s.hot.keys[key]
		s.mu.Unlock()
		r, err := s.loadRecord(ctx, key)
		if err != nil {
			return err
		}
		sess, seen, err := s.openRecord(ctx, key, r)
		if err != nil {
			return err
		}
		was := sess
		if err := change(&sess); err != nil {
			return err
		}
		sess.Key, sess.Application, sess.Created, sess.Expires = key, was.Application, was.Created, was.Expires
		err = s.shared.Exchange(ctx, key, r.Sealed, s.keyring.Load().records.record(&sess, instant(seen)))
		switch {
		case errors.Is(err, ErrChanged):
			continue
		case errors.Is(err, ErrNone):
			return ErrNone
		case err != nil:
			return s.storeError("replace", err)
		}
		return s.reheat(ctx, key, hot)
	}
	return s.storeError("replace", ErrChanged)
}

// reheat puts a session that this process has changed back into the hot cache,
// the way of every load: by then somebody else may have changed it again, and a
// load knows. old is what was hot before the change, or nil: the store may have
// told of the change already, which took it out.
func (s *Sessions) reheat(ctx context.Context, key Key, old *Live) error {
	s.changed(key)
	s.mu.Lock()
	_, ended := s.ended[key]
	s.mu.Unlock()
	switch {
	case ended:
		return ErrNone
	case old == nil:
		return nil
	}
	// Whatever this brings, the session is saved; the next check loads it.
	if l, err := s.findStored(ctx, old.cookie, old.value); err == nil {
		l.keepClaim(old)
	}
	return nil
}

// keepClaim takes over when the recheck is due from a Live that stood for the
// session, where nothing has been confirmed since: claimed stays claimed.
func (l *Live) keepClaim(old *Live) {
	if old.session.Rechecked.Equal(l.session.Rechecked) && l.due.Load() != never && old.due.Load() != never {
		l.due.Store(old.due.Load())
	}
}

// soon is when others can see that a session has been accepted for the first
// time: a browser that signs in here and is checked there goes round in no circle.
const soon = 500 * time.Millisecond

func (s *Sessions) acceptedFirst() {
	if s.shared == nil {
		return
	}
	select {
	case s.firsts <- struct{}{}:
	default:
	}
}

func (s *Sessions) checkedElsewhere(ctx context.Context, key Key, from int64) bool {
	sess, seen, err := s.load(ctx, key)
	return err == nil && seen > sess.Created.UnixNano() && seen >= from
}

// lagOf is how far a shared store may be behind on when a session was last seen:
// each process writes that down in batches. A tenth of a short idle time, so
// that what a session gains by it is little.
func lagOf(idle time.Duration) time.Duration {
	if idle <= 0 {
		return flushEvery
	}
	return min(flushEvery, max(idle/10, 100*time.Millisecond))
}

const forever = math.MaxInt64

package session

// How a session is changed while it is used: the store has the new record, or
// the old one, and never one of a session that has ended; checks have the one
// until they have the other.

import (
	"context"
	"errors"
	"sync"
	"time"
)

// updateLocks let the updates of one session follow one another. Sessions share
// them: there is no need to keep one for each.
type updateLocks [shardCount]sync.Mutex

func (u *updateLocks) of(key Key) *sync.Mutex { return &u[int(key[0])%len(u)] }

// Update reads the session with its tokens, has it changed, saves it, and gives
// it to the checks from then on. change may run while the session is in use; it
// must not call Sessions; where other processes share the store it may run
// several times, each time on what is there by then. Key, Application, Created and Expires stay as they
// are, whatever it does to them. When it returns an error nothing is saved, and
// Update returns that error as it is.
//
// Any other error is ErrNone, where the session has ended or ends meanwhile, and
// then stays ended; or Is ErrStore, and then the session is as it was. Once it
// has begun, Update does not stop because ctx is done: what a provider has
// issued once may not be had again.
func (s *Sessions) Update(ctx context.Context, key Key, change func(*Session) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	lock := s.updating.of(key)
	lock.Lock()
	defer lock.Unlock()

	s.mu.Lock()
	_, ended := s.ended[key]
	s.mu.Unlock()
	if ended {
		return ErrNone
	}
	if s.shared != nil {
		return s.updateShared(ctx, key, change)
	}
	sess, seen, err := s.load(ctx, key)
	if err != nil {
		return err
	}
	was := sess
	if err := change(&sess); err != nil {
		return err
	}
	sess.Key, sess.Application, sess.Created, sess.Expires = key, was.Application, was.Created, was.Expires
	err = s.config.Store.Replace(ctx, key, s.keyring.Load().records.record(&sess, instant(seen)))
	switch {
	case errors.Is(err, ErrNone):
		return ErrNone
	case err != nil:
		return s.storeError("replace", err)
	}
	return s.exchange(sess)
}

// exchange puts the session into the place of the one that is hot, if one is. A
// session that has ended is not, and loads that are under way begin again.
func (s *Sessions) exchange(sess Session) error {
	l := s.newLive(sess, "", "")
	l.prepare(&sess) // before the lock: it may take its time
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.flights[sess.Key]; f != nil {
		f.stale = true
	}
	if _, ended := s.ended[sess.Key]; ended {
		return ErrNone
	}
	old := s.hot.keys[sess.Key]
	if old == nil {
		return nil
	}
	l.cookie, l.value = old.cookie, old.value
	// From here on checks that still hold the old one pass on what they move;
	// what they moved before is read after.
	old.left.Store(true)
	l.inherit(old)
	if old.session.Rechecked.Equal(sess.Rechecked) && l.due.Load() != never {
		l.due.Store(old.due.Load()) // nothing was confirmed: claimed stays claimed
	}
	s.hot.replace(old, l)
	return nil
}

// Postpone has the session's recheck be due after wait, and not before.
func (s *Sessions) Postpone(key Key, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.hot.keys[key]; l != nil && l.due.Load() != never {
		l.due.Store(s.clock.now() + int64(wait))
	}
}

// newLive makes a Live of a session, and leaves the tokens out of it.
func (s *Sessions) newLive(sess Session, cookieName, value string) *Live {
	l := &Live{owner: s, cookie: cookieName, value: value, askable: sess.RefreshToken != "" || sess.AccessToken != ""}
	l.expires.Store(sess.Expires.UnixNano())
	for _, token := range tokensOf(&sess) {
		*token = ""
	}
	l.session = sess
	l.due.Store(l.dueBy(s.terms.Load().recheck))
	return l
}

// dueBy is when the session's recheck is due that comes every so often.
func (l *Live) dueBy(every time.Duration) int64 {
	if every <= 0 || !l.askable {
		return never
	}
	// A clock that was ahead then puts nothing off.
	return min(l.session.Rechecked.UnixNano(), l.owner.clock.now()) + int64(every)
}

// prepare is given the session with its tokens, which l does not have.
func (l *Live) prepare(sess *Session) {
	if prepare := l.owner.terms.Load().prepare; prepare != nil {
		l.SetPrepared(prepare(sess))
	}
}

// inherit takes over what is known of the use of the session from a Live that
// stood or stands for it.
func (l *Live) inherit(from *Live) {
	for seen := from.seen.Load(); ; {
		now := l.seen.Load()
		if seen <= now || l.seen.CompareAndSwap(now, seen) {
			break
		}
	}
	if saved := from.saved.Load(); l.saved.Load() < saved && saved <= l.seen.Load() {
		l.saved.Store(saved)
	}
	if from.accepted.Load() {
		l.accepted.Store(true)
	}
}

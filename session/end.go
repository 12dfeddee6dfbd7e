package session

// How a session ends before its time, so that nothing brings it back: it leaves
// the hot cache, loads of it that are under way bring nothing, and its key is
// remembered until the store has deleted it.

import (
	"context"
	"errors"
)

const maxEnded = 65_536 // ended sessions remembered because the store would not delete them

// End ends the session. From here on it is over in this process, whatever the
// store says: a load that is under way will not bring it back, and the key is
// remembered for as long as the session could have lived. That there is no such
// session is no error.
//
// An error Is ErrStore: the record could not be deleted, and the session would
// be back after a restart. Run goes on trying. Once it has begun, End does not
// stop because ctx is done: a browser that hangs up is signed out all the same.
func (s *Sessions) End(ctx context.Context, key Key) error {
	return s.end(ctx, key, "signed_out")
}

func (s *Sessions) end(ctx context.Context, key Key, event string) error {
	who, known := s.whoEnds(key)
	s.forget(key)
	s.event(event)
	if !known {
		who, known = s.stored(ctx, key)
	}
	if known {
		s.told(event, who)
	}
	return s.delete(ctx, key)
}

// Revoke is End for a session that its provider no longer stands by; it differs
// in the event alone.
func (s *Sessions) Revoke(ctx context.Context, key Key) error {
	return s.end(ctx, key, "revoked")
}

// Whose names sessions to end by what their provider calls them.
type Whose struct {
	Issuer  string // required
	Subject string // the person
	SID     string // the provider's session
	Except  Key    // one that goes on; zero for none

	// Ended is told of each session that EndAll has ended and the store could
	// still read, with its tokens; nil for nobody. It must not wait.
	Ended func(Session)
}

// EndAll ends every session of a person, or, where SID is given, those that the
// provider knows by that session ID. With both it ends besides those of the
// person for which the provider named no session ID: any of them may be the one
// that is meant. It returns how many there were; event is what Config.OnEvent
// hears of each.
//
// An error Is ErrStore. Sessions that were hot have ended then, but there may
// be more in the store, so the caller should have it tried again.
func (s *Sessions) EndAll(ctx context.Context, w Whose, event string) (int, error) {
	keys := make(map[Key]bool)
	for _, l := range s.hot.all() {
		if w.has(&l.session) {
			keys[l.session.Key] = true
		}
	}
	errs := s.findStoredOf(ctx, w, keys)
	delete(keys, w.Except)
	for key := range keys {
		s.forget(key) // all of them, before a store is waited for
	}
	for key := range keys {
		whole, err := s.whole(ctx, &w, key)
		if err := s.end(ctx, key, event); err != nil {
			errs = append(errs, err)
		}
		if err == nil {
			w.Ended(whole)
		}
	}
	return len(keys), errors.Join(errs...)
}

// whole reads a session for w.Ended: its tokens are in the store alone. Where the
// store fails, nobody is told of this one and those after it: they have to end.
func (s *Sessions) whole(ctx context.Context, w *Whose, key Key) (Session, error) {
	if w.Ended == nil {
		return Session{}, ErrNone
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	whole, _, err := s.load(ctx, key)
	if errors.Is(err, ErrStore) {
		w.Ended = nil
	}
	return whole, err
}

func (w Whose) has(sess *Session) bool {
	person := w.Subject != "" && sess.Identity.Subject == w.Subject
	switch {
	case sess.Identity.Issuer != w.Issuer:
		return false
	case w.SID != "":
		return sess.SID == w.SID || person && sess.SID == ""
	}
	return person
}

// findStoredOf adds the keys of those sessions that are in the store.
func (s *Sessions) findStoredOf(ctx context.Context, w Whose, keys map[Key]bool) (errs []error) {
	records := &s.keyring.Load().records
	find := func(kind, value string, meant func(Key) (bool, error)) {
		if value == "" {
			return
		}
		for _, index := range records.find(kind, w.Issuer, value) {
			found, err := s.config.Store.Find(ctx, index)
			if err != nil {
				errs = append(errs, s.storeError("find", err))
			}
			for _, key := range found {
				if keys[key] {
					continue
				}
				if keys[key], err = meant(key); err != nil {
					errs = append(errs, err)
				}
			}
		}
	}
	find("sid", w.SID, func(Key) (bool, error) { return true, nil })
	find("sub", w.Subject, func(key Key) (bool, error) {
		if w.SID == "" {
			return true, nil
		}
		sess, _, err := s.load(ctx, key) // the index does not tell
		if errors.Is(err, ErrNone) {
			return false, nil
		}
		return err == nil && sess.SID == "", err
	})
	for key, meant := range keys {
		if !meant {
			delete(keys, key)
		}
	}
	return errs
}

// forget takes the session out of this process and sees to it that nothing
// brings it back.
func (s *Sessions) forget(key Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	until := s.clock.now() + int64(s.terms.Load().max)
	if l := s.hot.keys[key]; l != nil {
		until = l.expires.Load()
		l.ended.Store(true)
		s.hot.remove(l)
	}
	if f := s.flights[key]; f != nil {
		f.ended = true
	}
	delete(s.unsaved, key)
	s.rememberEnded(key, until)
}

// delete removes an ended session from the store. Once it is gone there, no
// load can find it, and the key need not be remembered; but for a while where a
// shared store may forget what it was told: see lost.
func (s *Sessions) delete(ctx context.Context, key Key) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if err := s.config.Store.Delete(ctx, key); err != nil {
		return s.storeError("delete", err)
	}
	s.mu.Lock()
	delete(s.ended, key)
	if s.shared != nil && len(s.deleted) < maxEnded {
		s.deleted[key] = s.clock.now()
	}
	s.mu.Unlock()
	return nil
}

// rememberEnded notes that a session has ended, whatever the store says. It
// needs mu. Should there be more of them than anybody can have signed out, one
// is given up, of a few the one that would have been over first.
func (s *Sessions) rememberEnded(key Key, until int64) {
	if len(s.ended) >= maxEnded {
		var first Key
		n := 0
		for k, t := range s.ended {
			if n == 0 || t < s.ended[first] {
				first = k
			}
			if n++; n == evictFrom {
				break
			}
		}
		delete(s.ended, first)
	}
	s.ended[key] = until
}

// retryEnded deletes from the store what it would not delete before.
func (s *Sessions) retryEnded(ctx context.Context) {
	s.mu.Lock()
	keys := make([]Key, 0, len(s.ended))
	for key := range s.ended {
		keys = append(keys, key)
	}
	s.mu.Unlock()
	for _, key := range keys {
		if err := s.delete(ctx, key); err != nil {
			s.log.ErrorContext(ctx, "a session that was ended could not be deleted; it is over in this process and tried again", "session", key, "cause", err)
			return
		}
	}
}

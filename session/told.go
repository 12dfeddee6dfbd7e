package session

// told.go says of each session that ends whose it was, for who keeps a record of
// that (Config.OnEnd). It costs a look into the store for a session that is not
// hot, and a pass over the store before each sweep; without OnEnd it costs nothing.

import (
	"context"
	"errors"
	"time"
)

// What OnEnd hears of a session that is over by itself, where OnEvent hears
// "expired".
const (
	endedIdle = "idle"
	endedMax  = "max"
)

// maxOver is how many sessions that are over are kept in mind during a sweep;
// about 1 KB each.
const maxOver = 16_384

// whoEnds reads a session that is about to end from memory; known is false where
// it is not there. It is the caller's to ask the store (stored), after the
// session has left memory: ending must not wait.
func (s *Sessions) whoEnds(key Key) (sess Session, known bool) {
	if s.config.OnEnd == nil {
		return Session{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.hot.keys[key]; l != nil {
		return l.session, true
	}
	return Session{}, false
}

// stored reads a session that ends from the store; known is false where there is
// none, or it was over already. Where the store fails, or the record cannot be
// read, all that is known is the key.
func (s *Sessions) stored(ctx context.Context, key Key) (sess Session, known bool) {
	if s.config.OnEnd == nil {
		return Session{}, false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	r, err := s.loadRecord(ctx, key)
	if errors.Is(err, ErrNone) {
		return Session{}, false
	}
	if err == nil {
		sess, _, err = s.open(key, r)
	}
	if err != nil {
		return Session{Key: key}, true
	}
	return bare(sess), true
}

// bare is a session without its tokens.
func bare(sess Session) Session {
	for _, token := range tokensOf(&sess) {
		*token = ""
	}
	return sess
}

func (s *Sessions) told(event string, sess Session) {
	if s.config.OnEnd != nil {
		s.config.OnEnd(event, sess)
	}
}

// over is a session that a sweep is about to remove.
type over struct {
	event   string
	session Session
}

// findOver returns those sessions of the store that are over at now, as a sweep
// sees it; maxOver at most, and none without OnEnd.
func (s *Sessions) findOver(ctx context.Context, now time.Time, idle time.Duration) (all []over) {
	if s.config.OnEnd == nil {
		return nil
	}
	err := s.config.Store.Scan(ctx, func(key Key, r Record) bool {
		o := over{event: endedMax}
		switch {
		case !now.Before(r.Expires):
		case idle > 0 && now.Sub(r.Seen) >= idle:
			o.event = endedIdle
		default:
			return true
		}
		sess, err := s.keyring.Load().records.open(key, r.Sealed)
		if err != nil {
			sess = Session{Key: key}
		}
		o.session = bare(sess)
		all = append(all, o)
		return len(all) < maxOver
	})
	if err != nil {
		s.storeError("scan", err) // counted; the sweep goes on, and says how many it removed
	}
	return all
}

// tellOver tells of those that the sweep has removed, and of as many more as it
// has removed besides: those have no name.
func (s *Sessions) tellOver(ctx context.Context, all []over, removed int) {
	if s.config.OnEnd == nil {
		return
	}
	for _, o := range all {
		if removed == 0 {
			return
		}
		if _, err := s.loadRecord(ctx, o.session.Key); errors.Is(err, ErrNone) {
			s.told(o.event, o.session)
			removed--
		}
	}
	for range removed {
		s.told(endedMax, Session{})
	}
}

package session

// Which sessions there are: for those who administer them, and for the person
// whose they are. Records are opened one at a time, so that of a million of them
// nothing is kept in memory but their keys.

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	revokers = 32 // sessions that RevokeAll ends at a time; a store makes one write of them

	// maxOf is how many sessions of one person Of looks at: they are held in
	// memory, and no person has as many.
	maxOf = 1000
)

// ID is what a session is called where people see it: the first sixteen
// hexadecimal digits of its key. It begins with what String returns, and opens
// nothing.
func (k Key) ID() string { return hex.EncodeToString(k[:8]) }

// Listed is a session as it is shown: without its tokens.
type Listed struct {
	Session
	Seen time.Time // the last accepted check that this process or the store knows of
}

// Filter says which sessions are meant: those that fit everything in it. The zero
// value means all of them.
type Filter struct {
	ID          string    // what the key begins with, in lower-case hexadecimal digits
	User        string    // username, email or subject, to the letter
	Application string    // by name
	Provider    string    // by name, as configured when the session began
	Before      time.Time // created before this
}

// hasKey and has are two halves, since the first needs no record to be opened.
func (f *Filter) hasKey(key Key) bool {
	return strings.HasPrefix(hex.EncodeToString(key[:]), f.ID)
}

func (f *Filter) has(sess *Session) bool {
	id := &sess.Identity
	switch {
	case f.User != "" && f.User != id.Username && f.User != id.Email && f.User != id.Subject:
	case f.Application != "" && f.Application != sess.Application:
	case f.Provider != "" && f.Provider != sess.Provider:
	case !f.Before.IsZero() && !sess.Created.Before(f.Before):
	default:
		return true
	}
	return false
}

// List calls yield for every live session that the filter means, in no order,
// until yield returns false. Sessions that begin or end meanwhile may come or
// not; those that are over and not yet swept, or sealed with a secret that is no
// longer there, do not come. yield may call Sessions.
//
// An error Is ErrStore; what came before it counts.
func (s *Sessions) List(ctx context.Context, f Filter, yield func(Listed) bool) error {
	unreadable := 0
	come := make(map[Key]bool) // a store may hand out a record twice
	err := s.config.Store.Scan(ctx, func(key Key, r Record) bool {
		if !f.hasKey(key) || come[key] {
			return true
		}
		l, ok, err := s.listed(key, r)
		switch {
		case err != nil:
			unreadable++
		case ok && f.has(&l.Session):
			come[key] = true
			return yield(l)
		}
		return true
	})
	if unreadable > 0 {
		s.log.WarnContext(ctx, "sessions in the store cannot be read and were not listed; their browsers have to sign in again", "sessions", unreadable)
	}
	if err != nil {
		return s.storeError("scan", err)
	}
	return nil
}

// listed opens a record; ok is false where its session is over.
func (s *Sessions) listed(key Key, r Record) (l Listed, ok bool, err error) {
	sess, seen, err := s.open(key, r)
	if err != nil {
		return Listed{}, false, err
	}
	s.mu.Lock()
	_, ended := s.ended[key]
	s.mu.Unlock()
	if now := s.clock.now(); ended || now >= sess.Expires.UnixNano() || s.idle(now, seen) {
		return Listed{}, false, nil
	}
	for _, token := range tokensOf(&sess) {
		*token = ""
	}
	return Listed{sess, instant(seen)}, true, nil
}

// RevokeAll ends the sessions that the filter means, as End does, and returns how
// many they were. Config.OnEvent hears "revoked_by_administrator" of each.
//
// An error Is ErrStore: there may be more of them, or some may be back after a
// restart, so the caller should try again.
func (s *Sessions) RevokeAll(ctx context.Context, f Filter) (int, error) {
	var (
		wg     sync.WaitGroup
		ended  atomic.Int64
		failed = make(chan error, 1)
		keys   = make(chan Key)
	)
	for range revokers {
		wg.Go(func() {
			for key := range keys {
				if err := s.end(ctx, key, "revoked_by_administrator"); err != nil {
					select {
					case failed <- err: // the first one says it for all
					default:
					}
				}
				ended.Add(1)
			}
		})
	}
	err := s.List(ctx, f, func(l Listed) bool {
		keys <- l.Key
		return true
	})
	close(keys)
	wg.Wait()
	select {
	case deleting := <-failed:
		err = errors.Join(err, deleting)
	default:
	}
	return int(ended.Load()), err
}

// Of returns the live sessions of a person, in no order; nil if there is none. A
// person has at most 1,000 of them, whatever the store says.
//
// An error Is ErrStore.
func (s *Sessions) Of(ctx context.Context, issuer, subject string) ([]Listed, error) {
	if subject == "" {
		return nil, nil
	}
	keys, err := s.keysOf(ctx, issuer, subject)
	if err != nil {
		return nil, err
	}
	var all []Listed
	for _, key := range keys[:min(len(keys), maxOf)] {
		r, err := s.loadRecord(ctx, key)
		if errors.Is(err, ErrNone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		// An index does not open anything: what counts is who is in the record.
		l, ok, err := s.listed(key, r)
		if err == nil && ok && l.Identity.Issuer == issuer && l.Identity.Subject == subject {
			all = append(all, l)
		}
	}
	return all, nil
}

// keysOf returns the keys of a person's sessions in the store, each once and in no
// order. With an error, which Is ErrStore, there may be more.
func (s *Sessions) keysOf(ctx context.Context, issuer, subject string) (keys []Key, err error) {
	found := make(map[Key]bool)
	for _, index := range s.keyring.Load().records.find("sub", issuer, subject) {
		some, findErr := s.config.Store.Find(ctx, index)
		if findErr != nil {
			err = errors.Join(err, s.storeError("find", findErr))
		}
		for _, key := range some {
			if !found[key] {
				found[key] = true
				keys = append(keys, key)
			}
		}
	}
	return keys, err
}

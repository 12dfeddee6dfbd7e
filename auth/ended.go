package auth

// What has ended lately is remembered for two reasons: a sign-in that was under
// way when its provider session ended must not bring it back, and a logout
// token is good once. Only what a provider has signed, or a signed-in person
// asked for, gets in here: a stranger cannot fill it.

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"outpost/auth/provider"
	"outpost/session"
)

// maxRemembered is how many things one of them holds: at a hundred bytes each, ten
// megabytes in the worst of times.
const maxRemembered = 100_000

// endings are the persons and provider sessions that have been signed out
// within signInTime, which is how long a sign-in may be under way.
type endings struct{ remembered }

// noteEnded has to come before the sessions are looked for: a callback saves its
// session first and asks after it, so that one of the two always sees the other.
//
// The error is one of the store that other replicas share: they do not know.
func (o *Outpost) noteEnded(ctx context.Context, w session.Whose) error {
	now := time.Now()
	var keys []session.Key
	if w.SID == "" {
		keys = append(keys, digest("sub", w.Issuer, w.Subject))
	} else {
		keys = append(keys, digest("sid", w.Issuer, w.SID))
		if w.Subject != "" {
			keys = append(keys, digest("sub without sid", w.Issuer, w.Subject))
		}
	}
	for _, key := range keys {
		o.ended.put(key, now, now.Add(signInTime), now)
	}
	return o.sessions.Note(ctx, keys, now, signInTime)
}

// endedSince reports whether what a sign-in that was begun at that time brings has
// ended meanwhile, here or at another replica.
func (o *Outpost) endedSince(ctx context.Context, w session.Whose, begun time.Time) (bool, error) {
	keys := []session.Key{digest("sub", w.Issuer, w.Subject), digest("sid", w.Issuer, w.SID)}
	if w.SID == "" {
		keys[1] = digest("sub without sid", w.Issuer, w.Subject)
	}
	for _, key := range keys {
		if at, ok := o.ended.get(key); ok && !at.Before(begun) {
			return true, nil
		}
	}
	at, err := o.sessions.Noted(ctx, keys)
	return !at.Before(begun), err
}

// spentTokens are the logout tokens that have been used, for as long as their
// age would not refuse them.
type spentTokens struct{ remembered }

// spend returns nil the first time that a token comes, here or at another replica;
// giveBack lets one come again that could not be obeyed. The error is errSpent,
// or one of the store.
func (o *Outpost) spend(ctx context.Context, t provider.LogoutToken) (giveBack func(), err error) {
	key, now := digest("jti", t.Issuer, t.ID), time.Now()
	if !o.spent.add(key, now, t.Until, now) {
		return nil, errSpent
	}
	undo, err := o.sessions.Once(ctx, key, t.Until.Sub(now))
	if err != nil {
		o.spent.remove(key)
		if errors.Is(err, session.ErrLocked) {
			err = errSpent
		}
		return nil, err
	}
	return func() {
		o.spent.remove(key)
		undo()
	}, nil
}

var errSpent = errors.New("the logout token has been used")

func digest(parts ...string) [32]byte {
	var b []byte
	for _, p := range parts {
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(p))), p...)
	}
	return sha256.Sum256(b)
}

// remembered holds at most maxRemembered things until their time is over. The zero
// value is ready. Safe for parallel use.
type remembered struct {
	mu      sync.Mutex
	entries map[[32]byte]entry
}

type entry struct{ at, until time.Time }

func (m *remembered) get(key [32]byte) (time.Time, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[key]
	return e.at, ok
}

func (m *remembered) put(key [32]byte, at, until, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set(key, entry{at, until}, now)
}

// add reports whether the key was not there.
func (m *remembered) add(key [32]byte, at, until, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, there := m.entries[key]; there {
		return false
	}
	m.set(key, entry{at, until}, now)
	return true
}

func (m *remembered) remove(key [32]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, key)
}

// set needs mu. What is full forgets what is over, and if that is little
// whatever comes first: which, nobody outside can choose.
func (m *remembered) set(key [32]byte, e entry, now time.Time) {
	if m.entries == nil {
		m.entries = map[[32]byte]entry{}
	}
	if _, there := m.entries[key]; !there && len(m.entries) >= maxRemembered {
		for old, e := range m.entries {
			if now.After(e.until) {
				delete(m.entries, old)
			}
		}
		for old := range m.entries {
			if len(m.entries) <= maxRemembered*3/4 {
				break
			}
			delete(m.entries, old)
		}
	}
	m.entries[key] = e
}

package auth

// What has ended lately is remembered for two reasons: a sign-in that was under
// way when its provider session ended must not bring it back, and a logout
// token is good once. Only what a provider has signed, or a signed-in person
// asked for, gets in here: a stranger cannot fill it.

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"outpost/session"
)

// maxRemembered is how many things one of them holds: at a hundred bytes each, ten
// megabytes in the worst of times.
const maxRemembered = 100_000

// endings are the persons and provider sessions that have been signed out
// within signInTime, which is how long a sign-in may be under way.
type endings struct{ remembered }

// note has to come before the sessions are looked for: a callback saves its
// session first and asks after it, so that one of the two always sees the other.
func (e *endings) note(w session.Whose, now time.Time) {
	until := now.Add(signInTime)
	if w.SID == "" {
		e.put(digest("sub", w.Issuer, w.Subject), now, until, now)
		return
	}
	e.put(digest("sid", w.Issuer, w.SID), now, until, now)
	if w.Subject != "" {
		e.put(digest("sub without sid", w.Issuer, w.Subject), now, until, now)
	}
}

// since reports whether what a sign-in that was begun at that time brings has
// ended meanwhile.
func (e *endings) since(w session.Whose, begun time.Time) bool {
	keys := [][32]byte{digest("sub", w.Issuer, w.Subject), digest("sid", w.Issuer, w.SID)}
	if w.SID == "" {
		keys[1] = digest("sub without sid", w.Issuer, w.Subject)
	}
	for _, key := range keys {
		if at, ok := e.get(key); ok && !at.Before(begun) {
			return true
		}
	}
	return false
}

// spentTokens are the logout tokens that have been used, for as long as their
// age would not refuse them.
type spentTokens struct{ remembered }

// take reports whether this is the first time that a token comes.
func (s *spentTokens) take(t logoutToken, now time.Time) bool {
	return s.add(digest("jti", t.issuer, t.id), now, t.until, now)
}

// giveBack lets a token come again that could not be obeyed.
func (s *spentTokens) giveBack(t logoutToken) { s.remove(digest("jti", t.issuer, t.id)) }

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

package session

// The secrets as they are now, and how others take their place while sessions are
// in use.

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

// keyring is all that is made of one list of secrets. It never changes: whoever
// has loaded it once works with one list to the end.
type keyring struct {
	seal    *Sealer // of tickets
	records recordKeys
}

// newKeyring makes one whose cookies are good for longest.
func newKeyring(secrets [][]byte, longest time.Duration) (*keyring, error) {
	seal, err := NewSealer(secrets, "session", longest)
	if err != nil {
		return nil, err
	}
	records, err := newRecordKeys(seal, len(secrets))
	if err != nil {
		return nil, err
	}
	return &keyring{seal, records}, nil
}

// SetSecrets puts a new list of secrets into the place of the one that New or an
// earlier SetSecrets was given: the first seals, all open. Cookies and records
// of a secret that is in both lists stay good, and what is hot stays hot. A
// session whose cookie was sealed with a secret that is no longer in the list is
// none from here on; its record stays until it is swept.
//
// A record is sealed anew, with the first secret, when its session is updated,
// a cookie never is: so a secret that no longer seals has to stay in the list
// for as long as a session may last (Config.Max).
//
// The error says what is wrong with the list, and then the old one goes on.
func (s *Sessions) SetSecrets(secrets [][]byte) error {
	ring, err := newKeyring(secrets, s.terms.Load().max)
	if err != nil {
		return fmt.Errorf("changing secrets: %w", err)
	}
	s.setKeyring(ring)
	return nil
}

func (s *Sessions) setKeyring(ring *keyring) {
	s.mu.Lock()
	old := s.keyring.Swap(ring)
	s.mu.Unlock()
	// From here on no load puts into the hot cache what the new list does not
	// open; what is there already goes.
	if !old.seal.within(ring.seal) {
		for _, l := range s.hot.all() {
			if !ring.opens(l) {
				l.ended.Store(true)
				s.drop(l)
			}
		}
	}
}

// opens reports whether the cookie of a session can still be opened.
func (k *keyring) opens(l *Live) bool {
	_, _, err := k.seal.Open(l.cookie, l.value)
	return err == nil
}

// within reports whether every secret of s is one of other, too.
func (s *Sealer) within(other *Sealer) bool {
	return !slices.ContainsFunc(s.roots, func(root []byte) bool {
		return !slices.ContainsFunc(other.roots, func(r []byte) bool { return bytes.Equal(r, root) })
	})
}

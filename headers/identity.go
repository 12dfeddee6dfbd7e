// Package headers is the border between the front end and the outpost: the
// original request comes in through the headers that nginx sets, the identity
// goes out through headers that nginx copies to the application.
//
// It decides which headers are read, when two of them contradict each other,
// which headers an application gets (Mapping), and how a verified claim is
// written so that no application can misread it. It does not decide who may have
// what (package access), and it trusts the headers it is given: whether the peer
// is a trusted proxy is asked of Peers first.
package headers

import "outpost/session"

// Identity writes id as authentik's outpost does: the Block of a Mapping with
// nothing configured. Every name of IdentityNames is there, with an empty value
// where nothing is known, so that nginx overwrites what a client sent under it.
// Lists are joined by "|".
//
// A list entry that holds "|", and any value with a control character, a space
// at its edge or bytes that are no UTF-8, is left out and named in Dropped: an
// application must never read one group as two. Letters outside ASCII go out as
// UTF-8, as authentik sends them. The caller asks whether it Fits.
func Identity(id *session.Identity) Block { return authentik.Block(id, Vouching{}) }

var authentik = func() *Mapping {
	m, err := NewMapping(MappingConfig{})
	if err != nil {
		panic(err)
	}
	return m
}()

// Package headers is the border between the front end and the outpost: the
// original request comes in through the headers that nginx sets, the identity
// goes out through the X-authentik-* headers that nginx copies to the
// application.
//
// It decides which headers are read, when two of them contradict each other,
// and how a verified claim is written so that no application can misread it.
// It does not decide who may have what (package access), and it trusts the
// headers it is given: whether the peer is a trusted proxy is asked of Peers
// first.
package headers

import (
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"outpost/session"
)

// IdentityNames are the headers that every allowed check carries, in Go's
// canonical spelling. An nginx configuration has to overwrite each of them on
// the way to the application.
var IdentityNames = []string{
	"X-Authentik-Username", "X-Authentik-Groups", "X-Authentik-Entitlements",
	"X-Authentik-Email", "X-Authentik-Name", "X-Authentik-Uid",
}

// Budget is how many bytes the identity headers of one answer may take, names
// included. nginx reads the header of an answer into one page of 4096 bytes
// (proxy_buffer_size); beyond it the person would see a bare 500.
const Budget = 3500

// Block is a set of headers, ready to be written into any number of answers.
type Block struct {
	Dropped []string // what was left out, "header: why", for the log; one line a header at most, nil if nothing
	Size    int      // bytes, names and line ends included

	names  []string
	values [][]string
}

// Identity writes id as authentik's outpost does. Every name of IdentityNames
// is there, with an empty value where nothing is known, so that nginx
// overwrites what a client sent under it. Lists are joined by "|".
//
// A list entry that holds "|", and any value with a control character, a space
// at its edge or bytes that are no UTF-8, is left out and named in Dropped: an
// application must never read one group as two. Letters outside ASCII go out as
// UTF-8, as authentik sends them. The caller compares Size with Budget.
func Identity(id *session.Identity) Block {
	b := Block{}
	b.add("X-Authentik-Email", id.Email)
	b.addList("X-Authentik-Entitlements", id.Entitlements)
	b.addList("X-Authentik-Groups", id.Groups)
	b.add("X-Authentik-Name", id.Name)
	b.add("X-Authentik-Uid", id.Subject)
	b.add("X-Authentik-Username", id.Username)
	return b
}

// Write sets every header of the block, replacing what h has under its names.
// The slices are shared between answers: h's owner must not append to them or
// change their elements.
func (b *Block) Write(h http.Header) {
	for i, name := range b.names {
		h[name] = b.values[i]
	}
}

// AppendTo appends the block's header lines to answer, in the order in which
// net/http writes them.
func (b *Block) AppendTo(answer []byte) []byte {
	for i, name := range b.names {
		answer = append(answer, name...)
		answer = append(answer, ": "...)
		answer = append(answer, b.values[i][0]...)
		answer = append(answer, "\r\n"...)
	}
	return answer
}

func (b *Block) add(name, value string) {
	if !clean(value) {
		b.Dropped = append(b.Dropped, name+": control character, space at the edge or no UTF-8")
		value = ""
	}
	b.names = append(b.names, name)
	b.values = append(b.values, []string{value}[:1:1])
	b.Size += len(name) + len(value) + len(": \r\n")
}

func (b *Block) addList(name string, list []string) {
	kept := make([]string, 0, len(list))
	for _, value := range list {
		if value != "" && !strings.Contains(value, "|") && clean(value) {
			kept = append(kept, value)
		}
	}
	if n := len(list) - len(kept); n > 0 {
		b.Dropped = append(b.Dropped, fmt.Sprintf(`%s: entries that are empty or have "|", a control character, a space at the edge or no UTF-8: %d`, name, n))
	}
	b.add(name, strings.Join(kept, "|"))
}

// clean reports whether value is the same after every parser on its way:
// nginx and applications trim spaces, and a control character ends a header.
func clean(value string) bool {
	return strings.TrimSpace(value) == value && strings.IndexFunc(value, unicode.IsControl) < 0 && utf8.ValidString(value)
}

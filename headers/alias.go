package headers

// alias.go finds the headers that an application behind CGI or WSGI takes for
// ones that we read or write.

import (
	"net/http"
	"unicode/utf8"
)

// Aliases knows what a set of header names becomes in applications that turn
// every sign into one. It does not change, and is safe for use in parallel; nil
// knows no names.
type Aliases struct {
	folded  map[string]bool
	longest int
}

// NewAliases returns the aliases of all names, in whatever spelling they are.
func NewAliases(names ...[]string) *Aliases {
	a := &Aliases{folded: map[string]bool{}}
	for _, list := range names {
		for _, name := range list {
			folded := foldName(make([]byte, 0, len(name)), name)
			a.folded[string(folded)] = true
			a.longest = max(a.longest, len(folded))
		}
	}
	return a
}

// In reports whether h has a header whose name is another spelling of one of the
// names: X_authentik_username, X.authentik.username. A name of letters, digits
// and hyphens alone is itself and never an alias. It allocates nothing.
func (a *Aliases) In(h http.Header) bool {
	if a == nil {
		return false
	}
	for name := range h {
		if a.alias(name) {
			return true
		}
	}
	return false
}

func (a *Aliases) alias(name string) bool {
	var room [256]byte
	if len(name) > utf8.UTFMax*a.longest { // each letter of ours may be one of many bytes
		return false
	}
	plain := true
	for i := range len(name) {
		if c := name[i]; c >= utf8.RuneSelf || foldable(rune(c)) {
			plain = false
			break
		}
	}
	if plain {
		return false
	}
	return a.folded[string(foldName(room[:0], name))]
}

// foldName appends name to b in lower case, with a hyphen for every character
// that is neither letter nor digit (RFC 3875 §4.1.18, with its sign the other way
// round).
func foldName(b []byte, name string) []byte {
	for _, r := range name {
		switch {
		case foldable(r):
			r = '-'
		case 'A' <= r && r <= 'Z':
			r += 'a' - 'A'
		}
		b = append(b, byte(r))
	}
	return b
}

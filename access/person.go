package access

import (
	"strings"

	"outpost/session"
)

// Person is somebody who is signed in, made ready for checks: one is made when a
// session enters the cache, and then no check allocates for it. It is safe for
// parallel use.
type Person struct {
	username string
	groups   []string
	claims   map[string][]string
	email    string // verified, and read by every mail parser alike; lower case; "" otherwise
	domain   string // of email
	address  string // whatever the provider said, lower case: for those who are excluded
	proof    Proof
}

// NewPerson returns the person of an identity who proved it by proof. It keeps
// id's lists and maps, which are not to change.
func NewPerson(id *session.Identity, proof Proof) *Person {
	p := person(id)
	p.proof = proof
	return &p
}

func person(id *session.Identity) Person {
	p := Person{username: id.Username, groups: id.Groups, claims: id.Claims}
	if id.Email == "" {
		return p
	}
	email := lower(id.Email)
	p.address = strings.TrimRight(strings.TrimSpace(email), ".")
	if local, domain, ok := strings.Cut(email, "@"); id.EmailVerified && ok && oneReading(email, local, domain) {
		p.email, p.domain = email, domain
	}
	return p
}

// oneReading reports whether an address can be taken apart in one way alone:
// with a second "@", or a quoted local part, two parsers may see two domains.
func oneReading(email, local, domain string) bool {
	return local != "" && domain != "" && !strings.ContainsAny(domain, "@") && !strings.ContainsAny(email, "\"\\ \t\r\n")
}

// Package access decides who may have which URL: who people are (Policy), how
// they proved it (Requirement), and what they ask for (Rules over a Target).
//
// Its functions are pure: no I/O, no clock, no state. What is not said is
// denied: the zero Policy lets nobody in, and the zero Outcome is Deny. It does
// not know sessions' lives, HTTP's headers or the configuration file.
package access

import (
	"strings"

	"outpost/session"
)

// Policy says who may have something. It is made once, by Everyone or Allow,
// and safe for parallel use. The zero value lets nobody in.
type Policy struct {
	everyone     bool
	groups       map[string]bool
	users        map[string]bool
	emails       map[string]bool
	emailDomains map[string]bool
	claims       []claim
	any, all     []Policy
	not          *Policy
}

// claim is one that has to have one of the values.
type claim struct {
	name   string
	values map[string]bool
}

// Everyone lets in whoever is signed in.
func Everyone() Policy { return Policy{everyone: true} }

// Lists are ways in; one of them is enough, and whom Not names has none. An
// empty list lets nobody in by that way. Where nothing but Not is given (the
// other lists are nil), everybody who is signed in has a way.
type Lists struct {
	Groups       []string            // names of groups, compared byte for byte
	Users        []string            // preferred_username, compared byte for byte
	Emails       []string            // whole addresses, compared without case of ASCII letters
	EmailDomains []string            // what follows the one "@", compared likewise; not their subdomains
	Claims       map[string][]string // by the name in session.Identity.Claims; one value of one claim is enough
	Any          []Lists             // one that holds is enough
	All          []Lists             // each has to hold; none lets nobody in
	Not          *Lists              // nil excludes nobody
}

// Allow lets in whoever has one of the ways. It keeps nothing of l.
func Allow(l Lists) Policy {
	p := Policy{
		everyone:     l.Not != nil && !l.given(),
		groups:       set(l.Groups, false),
		users:        set(l.Users, false),
		emails:       set(l.Emails, true),
		emailDomains: set(l.EmailDomains, true),
	}
	for name, values := range l.Claims {
		p.claims = append(p.claims, claim{name, set(values, false)})
	}
	for _, one := range l.Any {
		p.any = append(p.any, Allow(one))
	}
	for _, one := range l.All {
		p.all = append(p.all, Allow(one))
	}
	if l.Not != nil {
		not := Allow(*l.Not)
		p.not = &not
	}
	return p
}

// Claims are the claims that p looks at, with repetitions; nil if none. A nil
// policy has none.
func (p *Policy) Claims() []string {
	if p == nil {
		return nil
	}
	var all []string
	for _, c := range p.claims {
		all = append(all, c.name)
	}
	for _, below := range [][]Policy{p.any, p.all} {
		for i := range below {
			all = append(all, below[i].Claims()...)
		}
	}
	return append(all, p.not.Claims()...)
}

// given reports whether a way in is written down, be it an empty one: groups: []
// beside not is nobody, not everybody.
func (l *Lists) given() bool {
	return l.Groups != nil || l.Users != nil || l.Emails != nil || l.EmailDomains != nil || l.Claims != nil || l.Any != nil || l.All != nil
}

// Allows reports whether id may come in. An address counts only where the
// provider has verified it (Identity.EmailVerified), but for Not, where any
// address counts: who leaves his unverified is excluded all the same.
//
// It prepares id anew; whoever asks often makes a Person once.
func (p *Policy) Allows(id *session.Identity) bool {
	who := person(id)
	return p.holds(&who, false)
}

// holds says whether the policy holds for who. excluding turns with each Not: what
// keeps somebody out is read generously, what lets somebody in is not.
func (p *Policy) holds(who *Person, excluding bool) bool {
	return p.way(who, excluding) && (p.not == nil || !p.not.holds(who, !excluding))
}

func (p *Policy) way(who *Person, excluding bool) bool {
	if p.everyone || p.users[who.username] || p.names(who, excluding) {
		return true
	}
	for _, group := range who.groups {
		if p.groups[group] {
			return true
		}
	}
	for i := range p.claims {
		for _, value := range who.claims[p.claims[i].name] {
			if p.claims[i].values[value] {
				return true
			}
		}
	}
	for i := range p.any {
		if p.any[i].holds(who, excluding) {
			return true
		}
	}
	for i := range p.all {
		if !p.all[i].holds(who, excluding) {
			return false
		}
	}
	return len(p.all) > 0
}

// names says whether an address of who is in the lists.
func (p *Policy) names(who *Person, excluding bool) bool {
	if !excluding {
		return p.emails[who.email] || p.emailDomains[who.domain]
	}
	if len(p.emails) == 0 && len(p.emailDomains) == 0 {
		return false
	}
	address := who.address
	if p.emails[address] {
		return true
	}
	for {
		_, domain, ok := strings.Cut(address, "@")
		if !ok {
			return false
		}
		if p.emailDomains[domain] {
			return true
		}
		address = domain
	}
}

// nobody reports whether nobody can have a way in.
func (p *Policy) nobody() bool {
	if p.everyone || len(p.groups)+len(p.users)+len(p.emails)+len(p.emailDomains) > 0 {
		return false
	}
	for i := range p.claims {
		if p.claims[i].name != "" && len(p.claims[i].values) > 0 {
			return false
		}
	}
	for i := range p.any {
		if !p.any[i].nobody() {
			return false
		}
	}
	for i := range p.all {
		if p.all[i].nobody() {
			return true
		}
	}
	return len(p.all) == 0
}

// set leaves empty entries out, so that a claim which is missing never equals
// a name which is missing.
func set(names []string, fold bool) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, name := range names {
		if fold {
			name = lower(name)
		}
		if name != "" {
			m[name] = true
		}
	}
	return m
}

// lower folds ASCII letters alone: Unicode has other signs whose lower case is
// an ASCII letter (U+212A, the Kelvin sign), and an address with one of them is
// another address. It keeps every other byte, and allocates only for a change.
func lower(s string) string {
	i := 0
	for i < len(s) && lowerByte(s[i]) == s[i] {
		i++
	}
	if i == len(s) {
		return s
	}
	b := []byte(s)
	for ; i < len(b); i++ {
		b[i] = lowerByte(b[i])
	}
	return string(b)
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

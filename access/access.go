// Package access decides whether an identity may have an application: who they
// are (Policy), and how they proved it (Requirement).
//
// Its functions are pure: no I/O, no clock, no state. What is not said is
// denied: the zero Policy lets nobody in. It does not know sessions, HTTP or
// the configuration file; rules over hosts and paths will live here.
package access

import (
	"strings"

	"outpost/session"
)

// Policy says who may have one application. It is made once, by Everyone or
// Allow, and safe for parallel use. The zero value lets nobody in.
type Policy struct {
	everyone     bool
	groups       map[string]bool
	users        map[string]bool
	emails       map[string]bool
	emailDomains map[string]bool
}

// Everyone lets in whoever is signed in.
func Everyone() Policy { return Policy{everyone: true} }

// Lists are the ways into an application; one of them is enough. An empty
// list lets nobody in by that way.
type Lists struct {
	Groups       []string // names of groups, compared byte for byte
	Users        []string // preferred_username, compared byte for byte
	Emails       []string // whole addresses, compared without case of ASCII letters
	EmailDomains []string // what follows the one "@", compared likewise; not their subdomains
}

// Allow lets in whoever is named by at least one of the lists.
func Allow(l Lists) Policy {
	return Policy{
		groups:       set(l.Groups, false),
		users:        set(l.Users, false),
		emails:       set(l.Emails, true),
		emailDomains: set(l.EmailDomains, true),
	}
}

// Allows reports whether id may have the application. An address counts only
// where the provider has verified it (Identity.EmailVerified).
func (p *Policy) Allows(id *session.Identity) bool {
	if p.everyone || id.Username != "" && p.users[id.Username] {
		return true
	}
	for _, group := range id.Groups {
		if p.groups[group] {
			return true
		}
	}
	return p.allowsEmail(id)
}

// allowsEmail takes an address apart only where that can be done in one way:
// with a second "@", or a quoted local part, two parsers may see two domains.
func (p *Policy) allowsEmail(id *session.Identity) bool {
	if !id.EmailVerified {
		return false
	}
	email := lower(id.Email)
	local, domain, ok := strings.Cut(email, "@")
	if !ok || local == "" || domain == "" || strings.ContainsAny(domain, "@") || strings.ContainsAny(email, "\"\\ \t\r\n") {
		return false
	}
	return p.emails[email] || p.emailDomains[domain]
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
// another address.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

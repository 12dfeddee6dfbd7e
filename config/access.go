package config

// Conditions on people: who they are (`allow`), and how they have to have proved
// it (`require`). Applications and rules have both.

import (
	"time"

	"gopkg.in/yaml.v3"
)

// Allow says who may. One match in any of the lists is enough, all of All have
// to hold for that to be one, and nobody may whom Not names. With Not alone it
// is everybody else who is signed in. At least one field is there, and no list
// is empty.
type Allow struct {
	Groups       []string // compared as they are
	Users        []string // user names, compared as they are
	Emails       []string // lower case
	EmailDomains []string // lower case, without "@"; a domain does not stand for those below it
	Claims       []Claim  // each one whose claim has one of the values
	Any, All     []Allow
	Not          *Allow
}

// Claim is a claim by its path, and values of which one is enough.
type Claim struct {
	Path   string
	Values []string
}

// Require says how people must have proved who they are. One entry of a list is
// enough; each list, and MaxAge, has to hold. The zero value requires nothing.
type Require struct {
	AMR    []string      // authentication methods (RFC 8176), compared as they are
	ACR    []string      // authentication context classes, compared as they are
	MaxAge time.Duration // since the person last proved it, with every check; at least a minute; 0: for ever
}

const everybody = "remove the key to let every signed-in person in"

// allow reads who may use an application. Everywhere else null stands for the
// default. Here the default is everybody, and that must not come out of a
// template by accident: null and a key with nothing behind it are both errors.
func (r *reader) allow(parent *section) *Allow {
	path := join(parent.path, "allow")
	n := parent.find("allow")
	if n != nil && r.says(n, path, everybody) {
		return nil
	}
	a, effective := r.condition(n, path, everybody)
	if n == nil {
		parent.note("# allow: every signed-in person # default")
		return nil
	}
	parent.put("allow", effective)
	return a
}

// says reports a null where somebody has to be named, and whether it is one.
func (r *reader) says(n *yaml.Node, path, hint string) bool {
	written, nothing := null(n)
	if written || nothing {
		r.fail(path, at(n), "must say who", hint)
	}
	return written || nothing
}

// condition reads a group of keys that says who. Without a node it only learns
// which keys there are.
func (r *reader) condition(n *yaml.Node, path, hint string) (*Allow, *yaml.Node) {
	before := len(r.problems)
	s := r.open(n, path)
	a := &Allow{
		Groups:       list(s, "groups", nil, parseEntry),
		Users:        list(s, "users", nil, parseEntry),
		Emails:       list(s, "emails", nil, parseEmail),
		EmailDomains: list(s, "email_domains", nil, parseEmailDomain),
		Claims:       r.claimValues(s),
		Any:          r.conditions(s, "any"),
		All:          r.conditions(s, "all"),
	}
	if not := s.take("not"); not == nil {
		s.put("not", nullNode())
	} else {
		var effective *yaml.Node
		a.Not, effective = r.condition(not, join(path, "not"), "remove the key to leave nobody out")
		s.put("not", effective)
	}
	effective := s.close()
	named := len(a.Groups) + len(a.Users) + len(a.Emails) + len(a.EmailDomains) + len(a.Claims) + len(a.Any) + len(a.All)
	if n != nil && !s.broken && len(r.problems) == before && named == 0 && a.Not == nil {
		r.fail(path, at(n), "must name at least one group, user, email, email domain or claim", hint)
	}
	return a, effective
}

// conditions reads a list of them.
func (r *reader) conditions(s *section, key string) []Allow {
	s.r.shaped(join(s.path, key), func(s *shape) { s.groups = true })
	n := s.take(key)
	if n == nil {
		s.put(key, nullNode())
		return nil
	}
	var all []Allow
	s.each(key, n, func(n *yaml.Node, path string) *yaml.Node {
		if r.says(n, path, "remove the entry") {
			return nullNode()
		}
		a, effective := r.condition(n, path, "remove the entry")
		all = append(all, *a)
		return effective
	})
	return all
}

// claimValues reads a mapping of claims to their values.
func (r *reader) claimValues(parent *section) []Claim {
	var all []Claim
	r.named(parent, "claims", "claim", parseClaimPath, func(s *section, name string) {
		all = append(all, Claim{name, oneOrMore(s, name, "", parseEntry)})
	})
	return all
}

// named reads a mapping whose keys are names of the operator's own: a claim, a
// header. read is called once for each of them, in the file's order.
func (r *reader) named(parent *section, key, what string, rule func(string) (string, *violation), read func(s *section, name string)) {
	r.shaped(join(parent.path, key), func(s *shape) { s.group = true })
	n := parent.take(key)
	if n == nil {
		parent.put(key, nullNode())
		return
	}
	s := r.open(n, join(parent.path, key))
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i]
			if s.keys[name.Value] != name {
				continue // reported by plain
			}
			r.owned(s.path, name.Value)
			if _, v := rule(name.Value); v != nil {
				r.fail(join(s.path, name.Value), at(name), v.rule, v.hint)
			}
			read(s, name.Value)
		}
		if len(n.Content) == 0 {
			r.report(s.path, "must have at least one "+what, "remove the key, or write null, for none")
		}
	}
	parent.put(key, s.close())
}

// require reads the section of that name.
func (r *reader) require(parent *section) Require {
	n, path := parent.take("require"), join(parent.path, "require")
	s := r.open(n, path)
	v := Require{
		AMR:    oneOrMore(s, "amr", "", parseWord),
		ACR:    oneOrMore(s, "acr", "", parseWord),
		MaxAge: optional(s, "max_age", "", parseMaxAge),
	}
	if n != nil && !s.broken && len(n.Content) == 0 {
		r.fail(path, at(n), "must have at least one of amr, acr and max_age", "remove the key, or write null, to require nothing")
	}
	parent.put("require", s.close())
	return v
}

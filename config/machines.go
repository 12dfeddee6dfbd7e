package config

// Clients that are programs: whose tokens count.

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Bearer says which of the provider's tokens a program may come with.
type Bearer struct {
	Audience   []string // at least one; one of them has to be the token's
	Scopes     []string // all of them have to be the token's; nil: none
	Introspect bool     // ask the provider (RFC 7662) about tokens that are no JWT, and about those too
}

// Token is one of our own, for one program.
type Token struct {
	Name         string // in the log and the metrics; unique
	Hash         string // "sha256:" and 64 hexadecimal digits
	Applications []string
	Username     string // default Name
	Email        string // "": none
	Groups       []string
	Expires      time.Time // zero: never
	Rules        []Rule    // besides the application's; nil: those alone
}

// bearer reads the section of that name; nil where there is none.
func (r *reader) bearer(parent *section) *Bearer {
	n := parent.take("bearer")
	s := r.open(n, join(parent.path, "bearer"))
	b := &Bearer{
		Audience:   oneOrMore(s, "audience", "", parseEntry),
		Scopes:     oneOrMore(s, "scopes", "", parseScope),
		Introspect: optional(s, "introspect", "false", parseBool),
	}
	effective := s.close()
	if n == nil {
		parent.put("bearer", nullNode())
		return nil
	}
	parent.put("bearer", effective)
	if b.Audience == nil && !r.given(join(s.path, "audience")) {
		s.missing("audience", "name what the provider puts into aud for this application: a token for another one must not open it")
	}
	return b
}

// tokens reads the list of that name.
func (r *reader) tokens(s *section, applications []Application) []Token {
	n := s.take("tokens")
	if n == nil {
		s.put("tokens", nullNode())
		r.token(nil, entryPath("tokens", 0))
		return nil
	}
	var all []Token
	s.each("tokens", n, func(n *yaml.Node, path string) *yaml.Node {
		t, effective := r.token(n, path)
		r.checkToken(t, path, all, applications)
		all = append(all, t)
		return effective
	})
	return all
}

func (r *reader) token(n *yaml.Node, path string) (Token, *yaml.Node) {
	var t Token
	s := r.open(n, path)
	if n == nil {
		s.broken = true // nothing is missing in what is not there
	}
	t.Name = required(s, "name", "choose a short name; it is in the log and the metrics", parseName)
	t.Hash = required(s, "hash", "outpost token new prints it", parseTokenHash)
	t.Applications = oneOrMore(s, "applications", "", parseName)
	t.Username = optional(s, "username", t.Name, parseEntry)
	t.Email = optional(s, "email", "", parseEmail)
	t.Groups = list(s, "groups", nil, parseEntry)
	t.Expires = optional(s, "expires", "", parseDate)
	t.Rules = r.rules(s)
	if t.Applications == nil && !r.given(join(path, "applications")) {
		s.missing("applications", "name those that it opens")
	}
	return t, s.close()
}

func (r *reader) checkToken(t Token, path string, before []Token, applications []Application) {
	for i, other := range before {
		if t.Name != "" && other.Name == t.Name {
			r.report(path+".name", "must be unique, "+entryPath("tokens", i)+" has it too", "")
		}
		if t.Hash != "" && other.Hash == t.Hash {
			r.report(path+".hash", "must be unique, "+entryPath("tokens", i)+" has it too", "make a token of its own for each program: outpost token new")
		}
	}
	var names []string
	for _, a := range applications {
		names = append(names, a.Name)
	}
	for i, rule := range t.Rules {
		if rule.Public {
			r.report(join(entryPath(path+".rules", i), "public"), "must not stand in a token's rules", "what is public needs no token: write it under the application")
		}
	}
	for _, name := range t.Applications {
		if name == "" || slices.Contains(names, name) {
			continue
		}
		hint := "known: " + strings.Join(names, ", ")
		if meant := nearest(name, names); meant != "" {
			hint = "did you mean " + meant + "?"
		}
		r.report(path+".applications", "must name applications: "+quote(name)+" is none", hint)
	}
}

// parseTokenHash takes what outpost token new prints. The token itself here
// would be a secret in a file that need not be one.
func parseTokenHash(s string) (string, *violation) {
	digits, is := strings.CutPrefix(s, "sha256:")
	if raw, err := hex.DecodeString(digits); !is || err != nil || len(raw) != 32 {
		v := broken("must be sha256: and 64 hexadecimal digits", "outpost token new prints it; the token itself goes to the program")
		v.hide = true
		return "", v
	}
	return strings.ToLower(s), nil
}

// parseDate takes a day, which is over at its end, or a moment.
func parseDate(s string) (time.Time, *violation) {
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	if moment, err := time.Parse(time.RFC3339, s); err == nil {
		return moment, nil
	}
	return time.Time{}, broken("must be a day or a moment", "write 2027-01-31, or 2027-01-31T12:00:00Z")
}

package nginx

// One server as the linter sees it: what asks whom before a location answers,
// and which of its locations are the outpost's own.

import (
	"slices"
	"strconv"
	"strings"
)

// ownPrefix is where the outpost lives, on each host.
const ownPrefix = "/outpost.goauthentik.io"

// site is a server with what was found out about it.
type site struct {
	*server
	report func(rule string, at *Directive, s *scope, text string)
	// checks are the locations that answer an auth_request, by its URI. nil is
	// a URI that no location of its own answers.
	checks map[string]*scope
	asks   bool // something in this server asks
	led    map[*scope]bool
}

func newSite(s *server, report func(string, *Directive, *scope, string)) *site {
	t := &site{server: s, report: report, checks: map[string]*scope{}, led: map[*scope]bool{}}
	note := func(l *scope) {
		if uri := asksAt(l); uri != "" {
			t.asks = true
			t.checks[uri] = t.check(uri)
		}
		if l.modifier == "=" && l.name == ownPrefix+"/auth/nginx" {
			t.checks[l.name] = l
		}
	}
	note(&s.scope)
	s.all(note)
	return t
}

// asksAt is the URI that has to say yes before this block answers, "" for none.
func asksAt(s *scope) string {
	if d := s.last("auth_request"); d != nil && d.arg(0) != "off" {
		return d.arg(0)
	}
	return ""
}

// check finds the location that answers auth_request. One that is there for
// something else, the application's own "/" before all, is none.
func (t *site) check(uri string) *scope {
	path, _, _ := strings.Cut(t.expand(uri), "?")
	l := t.choose(path, nil).location
	if l == nil || l.pattern == nil && !strings.HasPrefix(l.name, root(path)) {
		return nil
	}
	return l
}

// root is the first segment of a path: /outpost.goauthentik.io.
func root(path string) string {
	if end := strings.IndexByte(strings.TrimPrefix(path, "/"), '/'); end >= 0 {
		return path[:end+1]
	}
	return path
}

// upstream is where a location sends its requests: host and port, or the name
// of a block; "" for one that sends them nowhere.
func upstream(s *scope) string {
	d := s.handler()
	if d == nil {
		return ""
	}
	where := s.expand(d.arg(0))
	if _, after, found := strings.Cut(where, "://"); found {
		where = after
	}
	where, _, _ = strings.Cut(where, "/")
	return where
}

// isOutpost tells whether a location leads to the outpost itself, or to the
// neighbour that this server asks instead.
func (t *site) isOutpost(s *scope) bool {
	for _, check := range t.checks {
		if check == s {
			return true
		}
	}
	if s.modifier == "@" {
		return t.isSignIn(s)
	}
	if s.pattern != nil {
		return false
	}
	prefixes := map[string]string{}
	if s.server.fragment || len(t.checks) == 0 {
		prefixes[ownPrefix] = "" // what asks is in another file
	}
	for uri, check := range t.checks {
		if check != nil {
			prefixes[root(uri)] = upstream(check)
		}
	}
	for prefix, where := range prefixes {
		if s.name != prefix && !strings.HasPrefix(s.name, prefix+"/") {
			continue
		}
		if _, answers := s.answer(); answers {
			return true
		}
		if to := upstream(s); to != "" && (where == "" || to == where) {
			return true
		}
	}
	return false
}

// isSignIn tells whether a named location sends a browser to sign in: it is
// where a 401 leads, and it answers by a redirect.
func (t *site) isSignIn(s *scope) bool {
	code, answers := s.answer()
	if !answers || code < 300 || code > 399 {
		return false
	}
	for _, d := range s.own("return") {
		if strings.Contains(s.expand(strings.Join(d.Args, " ")), ownPrefix+"/start") {
			return true
		}
	}
	found := false
	t.everywhere(func(l *scope) {
		for _, d := range l.level("error_page") {
			page := errorPage(d)
			found = found || asksAt(l) != "" && page.to == "@"+s.name && slices.Contains(page.codes, 401)
		}
	})
	return found
}

// everywhere calls do for the server block and each of its locations.
func (t *site) everywhere(do func(*scope)) {
	do(&t.scope)
	t.all(do)
}

// answer is the status that the block answers by itself, before anything is
// asked: its own `return`, or its server's, which comes first.
func (s *scope) answer() (code int, answers bool) {
	for _, at := range []*scope{&s.server.scope, s} {
		for _, d := range at.own("return") {
			return returned(d), true
		}
	}
	return 0, false
}

// returned is the status of a `return`; with an address alone it is 302.
func returned(d *Directive) int {
	if code, err := strconv.Atoi(d.arg(0)); err == nil {
		return code
	}
	return 302
}

// page is an error_page directive.
type page struct {
	codes []int
	as    string // "": the status stays; "=": the page's own; "=200": that one
	to    string
}

func errorPage(d *Directive) (p page) {
	for i, word := range d.Args {
		code, err := strconv.Atoi(word)
		switch {
		case i == len(d.Args)-1:
			p.to = word
		case err == nil:
			p.codes = append(p.codes, code)
		case strings.HasPrefix(word, "="):
			p.as = word
		}
	}
	return p
}

// refusal tells whether a status is one with which a check ends that has not
// said yes.
func refusal(code int) bool { return code == 401 || code == 403 || code >= 500 && code <= 599 }

// access are the rules for addresses in force: allow and deny are one list.
func (s *scope) access() []*Directive {
	for at := s; at != nil; at = at.parent {
		var list []*Directive
		for _, d := range at.lines {
			if d.Name == "allow" || d.Name == "deny" {
				list = append(list, d)
			}
		}
		if list != nil {
			return list
		}
	}
	return nil
}

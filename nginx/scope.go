package nginx

// What is in force where: the blocks http, server and location, and how nginx
// hands a directive down from one to the next. Nearly every directive is
// inherited only by a level that says nothing of the kind itself; for lists,
// such as proxy_set_header, one line of its own is enough to lose all others.

import (
	"regexp"
	"strings"
)

// scope is a block, or what stands outside of any.
type scope struct {
	parent *scope
	at     *Directive   // nil for the outermost
	lines  []*Directive // its own, without blocks of locations
	server *server      // nil above server

	// of a location
	modifier  string // "", "=", "^~", "~", "~*" or "@"
	name      string
	pattern   *pattern
	locations []*scope // those inside, in order
}

// server is a server block.
type server struct {
	scope
	label string // its first name; "" for a fragment of one
	// fragment says that the file is only a part of a server, so that what is
	// not there may be in another.
	fragment bool
}

// level returns the directives of this name that are in force here: those of
// the nearest level that has any.
func (s *scope) level(name string) []*Directive {
	for ; s != nil; s = s.parent {
		if own := s.own(name); own != nil {
			return own
		}
	}
	return nil
}

// own returns the directives of this name that stand in this very block.
func (s *scope) own(name string) (list []*Directive) {
	for _, d := range s.lines {
		if d.Name == name {
			list = append(list, d)
		}
	}
	return list
}

// last returns the directive of this name that is in force, nil for none.
func (s *scope) last(name string) *Directive {
	if list := s.level(name); len(list) > 0 {
		return list[len(list)-1]
	}
	return nil
}

// is tells whether a directive is in force with this word.
func (s *scope) is(name, word string) (*Directive, bool) {
	d := s.last(name)
	return d, d != nil && strings.EqualFold(d.arg(0), word)
}

// handlers are the directives that send a request somewhere. They hold for the
// block in which they stand, and for no other.
var handlers = []string{"proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass"}

// handler is the directive that sends requests of this location on, nil for a
// location that serves files or answers by itself.
func (s *scope) handler() *Directive {
	for _, name := range handlers {
		for _, d := range s.lines {
			if d.Name == name {
				return d
			}
			if d.Name == "if" || d.Name == "limit_except" {
				for _, inner := range d.Block {
					if inner.Name == name {
						return inner
					}
				}
			}
		}
	}
	return nil
}

// headers are the request headers in force that a proxied location sets, by
// their name in lower case.
func (s *scope) headers() map[string]*Directive {
	set := map[string]*Directive{}
	for _, d := range s.level("proxy_set_header") {
		set[strings.ToLower(d.arg(0))] = d
	}
	return set
}

// spelled is how the location is written.
func (s *scope) spelled() string {
	if s.modifier == "" || s.modifier == "@" {
		return s.modifier + s.name
	}
	return s.modifier + " " + s.name
}

var variable = regexp.MustCompile(`\$(?:\{(\w+)\}|(\w+))`)

// expand puts in the values that `set` gives to variables, as far as they are
// written down; others stay as they are.
func (s *scope) expand(text string) string {
	for range 8 {
		next := variable.ReplaceAllStringFunc(text, func(v string) string {
			name := "$" + strings.Trim(v, "${}")
			for at := s; at != nil; at = at.parent {
				for i := len(at.lines) - 1; i >= 0; i-- {
					if d := at.lines[i]; d.Name == "set" && d.arg(0) == name && d.arg(1) != name {
						return d.arg(1)
					}
				}
			}
			return v
		})
		if next == text || len(next) > 4096 {
			break
		}
		text = next
	}
	return text
}

// all calls do for this scope's locations and theirs, in order.
func (s *scope) all(do func(*scope)) {
	for _, l := range s.locations {
		do(l)
		l.all(do)
	}
}

// hasHole tells whether something in this block or above it in its server could
// not be read.
func (s *scope) hasHole() bool {
	for ; s != nil && s.server != nil; s = s.parent {
		if s.own(unread) != nil {
			return true
		}
	}
	return false
}

// servers builds the scopes of a configuration: those of a whole one, of a file
// that belongs at the http level, or of a part of a server or location, which
// gets a server of its own.
func servers(list []*Directive) (http *scope, found []*server) {
	for _, d := range list {
		if d.Name == "http" && d.Braced {
			top := &scope{lines: plain(list)}
			http = &scope{parent: top, at: d, lines: plain(d.Block)}
			return http, serversIn(http, d.Block)
		}
	}
	http = &scope{}
	for _, d := range list {
		switch d.Name {
		case "server", "upstream", "map", "events", "geo", "limit_req_zone", "proxy_cache_path":
			http.lines = plain(list)
			return http, serversIn(http, list)
		}
	}
	part := &server{fragment: true}
	part.parent, part.server = http, part
	for _, d := range list {
		if d.Name == "location" {
			part.fill(list)
			return http, []*server{part}
		}
	}
	// The lines of a location: one that has them all.
	within := &scope{parent: &part.scope, server: part, modifier: "", name: ""}
	within.fill(list)
	within.at = &Directive{Name: "location", Line: 1}
	if len(list) > 0 {
		within.at.File = list[0].File
	}
	part.locations = []*scope{within}
	return http, []*server{part}
}

func serversIn(http *scope, list []*Directive) (found []*server) {
	for _, d := range list {
		if d.Name != "server" || !d.Braced {
			continue
		}
		s := &server{}
		s.parent, s.at, s.server = http, d, s
		s.fill(d.Block)
		if name := s.last("server_name"); name != nil && name.arg(0) != "" {
			s.label = name.arg(0)
		} else {
			s.label = "_"
		}
		found = append(found, s)
	}
	return found
}

// plain leaves out the blocks that are scopes of their own.
func plain(list []*Directive) (lines []*Directive) {
	for _, d := range list {
		if !d.Braced || d.Name != "location" && d.Name != "server" && d.Name != "http" {
			lines = append(lines, d)
		}
	}
	return lines
}

// fill takes a block's directives and locations.
func (s *scope) fill(list []*Directive) {
	s.lines = plain(list)
	for _, d := range list {
		if d.Name == "location" && d.Braced {
			l := &scope{parent: s, at: d, server: s.server}
			l.modifier, l.name = locationName(d.Args)
			if l.modifier == "~" || l.modifier == "~*" {
				l.pattern = compile(l.name, l.modifier == "~*")
			}
			l.fill(d.Block)
			s.locations = append(s.locations, l)
		}
	}
}

// locationName takes a location's arguments apart: the modifier may stand by
// itself or at the front of the name.
func locationName(args []string) (modifier, name string) {
	if len(args) == 2 {
		return args[0], args[1]
	}
	if len(args) == 0 {
		return "", ""
	}
	for _, m := range []string{"=", "^~", "~*", "~", "@"} {
		if rest, found := strings.CutPrefix(args[0], m); found {
			return m, rest
		}
	}
	return "", args[0]
}

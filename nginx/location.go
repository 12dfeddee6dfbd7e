package nginx

// Which location answers a URL: nginx's ngx_http_core_find_location. Exact
// first; else the longest prefix, and then, unless that one is "^~", the first
// regular expression that matches, in the order of the file. Inside the one
// that was chosen the same begins anew; an outer regular expression still wins
// over a prefix inside, whatever that one says.

import "strings"

// choice is the location that answers a path.
type choice struct {
	location *scope // nil: none, the server block itself
	redirect bool   // the path lacks a closing "/" and nginx adds it by a redirect
	unsure   bool   // a pattern that we cannot evaluate stood before it
}

// step is how far a search has come.
type step int

const (
	declined  step = iota // nothing matches
	again                 // a prefix matches; a regular expression may be better
	done                  // this one and no other
	redirects             // likewise, by a redirect
)

// choose finds the location for a path, which is normalised as nginx does
// before: decoded, without dot segments and double slashes.
func (s *server) choose(path string, without *scope) choice {
	var c choice
	if c.find(&s.scope, path, without) == redirects {
		c.redirect = true
	}
	return c
}

// find looks among the locations inside s, and leaves the best in c. It passes
// over the location `without`, as if it were not written.
func (c *choice) find(s *scope, path string, without *scope) step {
	found := c.findStatic(s, path, without)
	last := false
	if found == again {
		inner := c.location
		last = inner.modifier == "^~"
		found = c.find(inner, path, without)
	}
	if found == done || found == redirects {
		return found
	}
	if last {
		return found
	}
	for _, l := range s.locations {
		if l.pattern == nil || l == without {
			continue
		}
		matched, known := l.pattern.match(path)
		if !known {
			c.unsure = true
			continue
		}
		if matched {
			c.location = l
			if c.find(l, path, without) == redirects {
				return redirects
			}
			return done
		}
	}
	return found
}

// findStatic looks among those without a pattern.
func (c *choice) findStatic(s *scope, path string, without *scope) step {
	var longest, slash *scope
	for _, l := range s.locations {
		if l == without || l.modifier != "" && l.modifier != "=" && l.modifier != "^~" {
			continue
		}
		switch {
		case l.modifier == "=" && l.name == path:
			c.location = l
			return done
		case l.modifier != "=" && strings.HasPrefix(path, l.name):
			if longest == nil || len(l.name) > len(longest.name) {
				longest = l
			}
		}
		if l.name == path+"/" && l.handler() != nil {
			slash = l
		}
	}
	switch {
	case slash != nil && (longest == nil || longest.name != path):
		c.location = slash
		return redirects
	case longest != nil:
		c.location = longest
		return again
	}
	return declined
}

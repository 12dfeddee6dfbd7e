package nginx

// The URL that shows a hole: one that an open location answers by accident,
// because its regular expression matches where nobody meant it to. It is tried
// against nginx's choice of location, with the open one and without, before it
// is said.

import (
	"fmt"
	"strings"
)

// elsewhere are places that have nothing to do with an open location. Where a
// pattern matches the first by its meaning, the second shows what is elsewhere.
var elsewhere = []string{"/settings/users", "/elsewhere/page"}

// hole finds a path that this open location answers and that would be asked
// about without it.
func (t *site) hole(s *scope) (path string, found bool) {
	bases := []string{"/"}
	t.all(func(l *scope) {
		if _, guarded := t.guarded(l); guarded && (l.modifier == "" || l.modifier == "=") && l.name != "" {
			bases = append(bases, l.name)
		}
	})
	for _, base := range bases {
		for _, path := range candidates(s, base) {
			with, without := t.choose(path, nil), t.choose(path, s)
			if with.location != s || with.unsure || with.redirect || without.unsure {
				continue
			}
			meant := without.location
			if meant == nil {
				meant = &t.scope
			}
			if t.isOutpost(meant) {
				continue
			}
			if _, guarded := t.guarded(meant); guarded {
				return path, true
			}
		}
	}
	return "", false
}

// candidates are paths below a protected base that a pattern may match without
// having been meant for them.
func candidates(s *scope, base string) (paths []string) {
	below := strings.TrimSuffix(base, "/")
	if below != "" {
		// The protected location's own URLs: an open pattern takes them all.
		paths = append(paths, base, below+elsewhere[0])
	}
	for _, place := range elsewhere {
		if matched, _ := s.pattern.match(below + place); matched {
			continue
		}
		for _, text := range s.pattern.samples() {
			joined := text
			if !strings.HasPrefix(text, "/") {
				joined = "/" + text
			}
			if strings.HasPrefix(text, ".") {
				paths = append(paths, below+place+text)
			}
			paths = append(paths, below+place+joined+"-keys", below+place+joined)
		}
	}
	// A pattern for everything.
	paths = append(paths, below+elsewhere[1])
	if below != "" {
		for _, text := range s.pattern.samples() {
			paths = append(paths, below+text)
		}
	}
	return paths
}

// anchored says how to write the location so that it matches what it seems to.
func anchored(s *scope, path string) string {
	text := s.name
	if strings.Contains(text, "|") {
		text = "(?:" + text + ")"
	}
	better := "^" + text
	if !strings.HasSuffix(s.name, "$") && !strings.HasSuffix(s.name, "/") {
		better += "(/|$)"
	}
	if p := compile(better, s.modifier == "~*"); p.re != nil && !p.re.MatchString(path) && len(p.samples()) > 0 {
		return fmt.Sprintf("anchor it, location %s %s", s.modifier, better)
	}
	return "name the paths that are meant to be open, from ^ on"
}

// example is a path that the location is meant for; "" if none is known.
func example(s *scope) string {
	if s.pattern == nil {
		return s.name
	}
	for _, text := range s.pattern.samples() {
		if strings.HasPrefix(text, "/") {
			return text
		}
	}
	return ""
}

// shown is the address of a path if the location answers it, else "".
func (t *site) shown(s *scope, path string) string {
	if c := t.choose(path, nil); path == "" || c.location != s || c.unsure || c.redirect || t.fragment {
		return ""
	}
	return t.address(path)
}

// address makes a URL of a path, on a host that the server answers for.
func (t *site) address(path string) string {
	host := strings.TrimPrefix(t.label, ".")
	host = strings.ReplaceAll(host, ".*", ".example.com")
	host = strings.ReplaceAll(host, "*.", "app.")
	if host == "" || host == "_" || strings.ContainsAny(host, `~$^\*"`) {
		host = "app.example.com"
	}
	scheme := "http"
	for _, d := range t.own("listen") {
		for _, word := range d.Args {
			if word == "ssl" || word == "quic" {
				scheme = "https"
			}
		}
	}
	if t.fragment {
		scheme = "https"
	}
	return scheme + "://" + host + path
}

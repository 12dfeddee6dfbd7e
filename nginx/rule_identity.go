package nginx

// Rules for what an application believes about who is there: each header that
// says so has to come from the outpost, or not at all.

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// families are the headers that tell an application who somebody is, by the
// product that made them: those that outpost-clear.conf removes.
var families = sync.OnceValue(func() (all [][]string) {
	text, _ := Files.ReadFile("outpost-clear.conf")
	list, _ := parse("outpost-clear.conf", string(text))
	before := ""
	for _, d := range list {
		family := strings.ToLower(d.arg(0))
		for _, begin := range []string{"x-authentik-", "remote-", "x-webauth-", "x-auth-request-"} {
			if strings.HasPrefix(family, begin) {
				family = begin
			}
		}
		if family != before {
			all = append(all, nil)
		}
		before = family
		all[len(all)-1] = append(all[len(all)-1], d.arg(0))
	}
	return all
})

// told are the families of which this location sets a header to something.
func told(s *scope) (used [][]string) {
	set := s.headers()
	for _, family := range families() {
		if slices.ContainsFunc(family, func(name string) bool {
			d := set[strings.ToLower(name)]
			return d != nil && d.arg(1) != ""
		}) {
			used = append(used, family)
		}
	}
	return used
}

// lacks are the names of a family that the location neither sets nor removes.
func lacks(s *scope, family []string) (names []string) {
	set := s.headers()
	for _, name := range family {
		if set[strings.ToLower(name)] == nil {
			names = append(names, name)
		}
	}
	return names
}

// identityRules holds the locations that are proxied to them.
func (t *site) identityRules() {
	if !t.asks {
		return
	}
	var believed [][]string
	t.all(func(s *scope) {
		if asksAt(s) == "" {
			return
		}
		for _, family := range told(s) {
			if !slices.ContainsFunc(believed, func(f []string) bool { return f[0] == family[0] }) {
				believed = append(believed, family)
			}
		}
	})
	if believed == nil {
		believed = families()[:1]
	}
	t.all(func(s *scope) {
		if d := s.handler(); d == nil || d.Name != "proxy_pass" || t.isOutpost(s) {
			return
		}
		if _, answers := s.answer(); answers {
			return
		}
		switch {
		case t.lost(s):
		case asksAt(s) != "":
			t.overwritten(s)
		case s.modifier != "@":
			t.cleared(s, believed)
		}
	})
}

// lost finds headers that stand in the server block for nothing, since the
// location has a proxy_set_header of its own.
func (t *site) lost(s *scope) bool {
	own := s.own("proxy_set_header")
	if own == nil {
		return false
	}
	above := s.parent.headers()
	var names []string
	for _, family := range families() {
		for _, name := range lacks(s, family) {
			if above[strings.ToLower(name)] != nil {
				names = append(names, name)
			}
		}
	}
	if names == nil {
		return false
	}
	d := above[strings.ToLower(names[0])]
	t.report("identity-lost", own[0], s, fmt.Sprintf(
		"this proxy_set_header makes nginx forget those of the block around (%s:%d), so a client's own %s arrive: include the file that has them in this location as well", d.File, d.Line, listed(names)))
	return true
}

// overwritten holds that a protected location leaves nothing of a client's.
func (t *site) overwritten(s *scope) {
	used := told(s)
	if used == nil {
		used = families()[:1]
	}
	at := s.last("auth_request")
	for _, family := range used {
		names := lacks(s, family)
		switch {
		case names == nil:
		case len(names) == len(family):
			t.report("identity-not-overwritten", at, s, fmt.Sprintf(
				"no header that says who is there is set, so a client's own %s arrive: include authentik-location.conf in this location", listed(names)))
		default:
			t.report("identity-not-overwritten", at, s, fmt.Sprintf(
				"a client's own %s arrive, since nothing sets or removes them: take the outpost's own file here, or write proxy_set_header NAME \"\"; for each", listed(names)))
		}
	}
}

// cleared holds that an open location next to a protected one leaves nothing
// of a client's either: it leads to an application that believes it.
func (t *site) cleared(s *scope, believed [][]string) {
	var names []string
	for _, family := range believed {
		names = append(names, lacks(s, family)...)
	}
	if names == nil {
		return
	}
	t.report("identity-passes", s.at, s, fmt.Sprintf(
		"nobody is asked here, and a client's own %s arrive: include outpost-clear.conf in this location", listed(names)))
}

// listed names a few of many.
func listed(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more like it", names[0], len(names)-1)
	}
	return strings.Join(names, ", ")
}

package access

import (
	"fmt"
	"net/netip"
	"slices"
)

// shadowed finds the rules that never decide, since an earlier one matches
// whatever they would match. Several that do so together are not found.
func (r *Rules) shadowed() Problems {
	var problems Problems
	var found candidates
	for i := range r.rules {
		late := &r.rules[i]
		found = r.above(found[:0], late)
		for {
			e, ok := found.next()
			if !ok || e.rule.number >= late.number {
				break
			}
			if e.rule.covers(late) {
				problems = append(problems, Problem{Rule: late.number, Line: late.line, Text: fmt.Sprintf(
					"never decides: rule %d%s matches all that it matches; put it before that one, or take it out", e.rule.number, onLine(e.rule.line))})
				break
			}
		}
	}
	return problems
}

func onLine(line int) string {
	if line == 0 {
		return ""
	}
	return fmt.Sprintf(" (line %d)", line)
}

// above appends the lists in which every rule stands that covers late: one of
// its hosts and one of its paths have to be covered.
func (r *Rules) above(found candidates, late *rule) candidates {
	path := ""
	if len(late.paths) > 0 {
		path = late.paths[0].sample()
	}
	if len(late.hosts) == 0 {
		return r.index.any.find(found, path, false)
	}
	host := late.hosts[0]
	if !host.below {
		return r.index.find(found, host.name, path, false)
	}
	return r.index.find(found, "*."+host.name, path, false) // below whatever this is below
}

// covers reports whether r is known to match whatever late does.
func (r *rule) covers(late *rule) bool {
	if len(r.query) > 0 {
		return false
	}
	return coversAll(r.hosts, late.hosts, hostPattern.covers) &&
		coversAll(r.paths, late.paths, (*pattern).covers) &&
		coversAll(r.methods, late.methods, func(a, b string) bool { return a == b }) &&
		coversAll(r.networks, late.networks, func(a, b netip.Prefix) bool { return a.Bits() <= b.Bits() && a.Contains(b.Addr()) })
}

// coversAll reports whether each of late is covered by one of early. An empty
// list is everything.
func coversAll[T any](early, late []T, covers func(early, late T) bool) bool {
	if len(early) == 0 {
		return true
	}
	return len(late) > 0 && !slices.ContainsFunc(late, func(l T) bool {
		return !slices.ContainsFunc(early, func(e T) bool { return covers(e, l) })
	})
}

package access

// index.go finds the rules that may match a host and a path, in their order,
// at a cost that hardly grows with their number: by host, then down a tree over
// what the paths begin with, and for globs down another over what they end with.

import (
	"slices"
	"strings"
)

type index struct {
	exact map[string]*node // by host
	below map[string]*node // by the name below which the host is
	any   *node
}

// node is a place in a radix tree over paths.
type node struct {
	label    string
	first    string // the first byte of each child's label, in the order of children
	children []*node
	below    []entry // for every path that comes by here
	here     []entry // for the path that ends here
	ends     *node   // for those that come by here and end in a certain way: a tree over paths backwards
}

// entry is a rule with one of its paths. pattern is nil where to be at the
// entry's node is to match.
type entry struct {
	rule    *rule
	pattern *pattern
}

// newIndex is over the patterns as they are written, or folded.
func newIndex(rules []rule, folded bool) *index {
	x := &index{exact: map[string]*node{}, below: map[string]*node{}, any: &node{}}
	for i := range rules {
		r := &rules[i]
		if len(r.hosts) == 0 {
			x.any.addRule(r, folded)
		}
		for j, host := range r.hosts {
			if slices.Contains(r.hosts[:j], host) {
				continue
			}
			roots := x.exact
			if host.below {
				roots = x.below
			}
			if roots[host.name] == nil {
				roots[host.name] = &node{}
			}
			roots[host.name].addRule(r, folded)
		}
	}
	return x
}

func (n *node) addRule(r *rule, folded bool) {
	if len(r.paths) == 0 {
		n.below = append(n.below, entry{rule: r})
	}
	for _, p := range r.paths {
		literal, end := p.literal, p.end()
		if folded {
			literal, end = lower(literal), lower(end)
		}
		place := n.place(literal)
		if end != "" {
			if place.ends == nil {
				place.ends = &node{}
			}
			place = place.ends.place(backwards(end))
		}
		switch p.kind {
		case exact:
			place.here = append(place.here, entry{rule: r})
		case below:
			place.below = append(place.below, entry{rule: r})
		default:
			place.below = append(place.below, entry{r, p})
		}
	}
}

func backwards(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// place returns the node of a path, and makes it where there is none.
func (n *node) place(path string) *node {
	for path != "" {
		i := strings.IndexByte(n.first, path[0])
		if i < 0 {
			child := &node{label: strings.Clone(path)}
			n.first, n.children = n.first+path[:1], append(n.children, child)
			return child
		}
		child, common := n.children[i], 1
		for common < len(path) && common < len(child.label) && path[common] == child.label[common] {
			common++
		}
		if common < len(child.label) {
			upper := &node{label: child.label[:common], first: child.label[common : common+1], children: []*node{child}}
			child.label = child.label[common:]
			n.children[i], child = upper, upper
		}
		n, path = child, path[common:]
	}
	return n
}

// candidates are lists of entries, each in the order of the rules, that may
// match a host and a path.
type candidates [][]entry

// find appends to found the lists for host, which is in lower case, and path.
func (x *index) find(found candidates, host, path string, fold bool) candidates {
	found = x.any.find(found, path, fold)
	if root := x.exact[host]; root != nil {
		found = root.find(found, path, fold)
	}
	if len(x.below) == 0 {
		return found
	}
	for {
		dot := strings.IndexByte(host, '.')
		if dot < 0 {
			return found
		}
		host = host[dot+1:]
		if root := x.below[host]; root != nil {
			found = root.find(found, path, fold)
		}
	}
}

func (n *node) find(found candidates, path string, fold bool) candidates {
	for {
		if len(n.below) > 0 {
			found = append(found, n.below)
		}
		if n.ends != nil {
			found = n.ends.findEnd(found, path, fold)
		}
		if path == "" {
			if len(n.here) > 0 {
				found = append(found, n.here)
			}
			return found
		}
		c := path[0]
		if fold {
			c = lowerByte(c)
		}
		i := strings.IndexByte(n.first, c)
		if i < 0 {
			return found
		}
		n = n.children[i]
		if !hasPrefix(path, n.label, fold) {
			return found
		}
		path = path[len(n.label):]
	}
}

// findEnd is find from the end of the path on.
func (n *node) findEnd(found candidates, path string, fold bool) candidates {
	for at := 0; ; at++ { // in the label of n
		if at == len(n.label) && len(n.below) > 0 {
			found = append(found, n.below)
		}
		if path == "" {
			return found
		}
		c := path[len(path)-1]
		if fold {
			c = lowerByte(c)
		}
		if at == len(n.label) {
			i := strings.IndexByte(n.first, c)
			if i < 0 {
				return found
			}
			n, at = n.children[i], 0
		} else if n.label[at] != c {
			return found
		}
		path = path[:len(path)-1]
	}
}

// next takes the entry of the earliest rule off the lists; false if they are
// empty.
func (c candidates) next() (entry, bool) {
	best := -1
	for i := range c {
		if len(c[i]) > 0 && (best < 0 || c[i][0].rule.number < c[best][0].rule.number) {
			best = i
		}
	}
	if best < 0 {
		return entry{}, false
	}
	e := c[best][0]
	c[best] = c[best][1:]
	return e, true
}

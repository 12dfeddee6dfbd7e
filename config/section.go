package config

import (
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"
)

// How the keys of one mapping become typed values. Each read does the same
// four things: take the key's node, fill in ${…}, apply the rule, and append
// the result with its source to the effective configuration. So a key, its
// default and its rule are named once, in keys.go, and Dump knows them all.

// section is one mapping while it is read.
type section struct {
	r         *reader
	path      string
	place     place
	broken    bool                  // not a mapping: reported, so nothing is missing in it
	keys      map[string]*yaml.Node // as in the file
	values    map[string]*yaml.Node // by key
	known     []string              // keys that were asked for, in order
	effective *yaml.Node            // what came of it, for Dump
}

// open begins to read the mapping at n, which is nil where the file has none.
func (r *reader) open(n *yaml.Node, path string) *section {
	s := &section{
		r: r, path: path,
		keys: map[string]*yaml.Node{}, values: map[string]*yaml.Node{},
		effective: &yaml.Node{Kind: yaml.MappingNode},
	}
	r.shaped(path, func(s *shape) { s.group = true })
	if n == nil {
		return s
	}
	s.place = at(n)
	r.places[path] = s.place
	if n.Kind != yaml.MappingNode {
		s.broken = true
		if n.Kind != yaml.AliasNode {
			r.fail(path, s.place, "must be a group of keys, is "+kind(n), "write its keys below it, indented")
		}
		return s
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if _, twice := s.keys[key.Value]; twice || key.Kind != yaml.ScalarNode {
			continue // reported by plain
		}
		s.keys[key.Value], s.values[key.Value] = key, value
		if written, _ := null(value); !written {
			r.places[join(path, key.Value)] = at(value)
		}
	}
	return s
}

// close remembers the keys that nobody asked for and returns the effective
// mapping.
func (s *section) close() *yaml.Node {
	for name, key := range s.keys {
		if !slices.Contains(s.known, name) {
			s.r.unknown = append(s.r.unknown, unknownKey{s.path, key, s.known})
		}
	}
	return s.effective
}

// find returns the node of a key, or nil where the file has none.
func (s *section) find(key string) *yaml.Node {
	s.known = append(s.known, key)
	s.r.knows(s.path, key)
	return s.values[key]
}

// take returns the node of a key, or nil where the default holds: the key is
// absent, or its value is a written null. A key with nothing behind it is
// neither; it is what a template leaves whose variable was empty.
func (s *section) take(key string) *yaml.Node {
	n := s.find(key)
	if n == nil {
		return nil
	}
	written, nothing := null(n)
	if nothing {
		s.r.fail(join(s.path, key), at(n), "has no value", "remove the key, or write null, for the default")
	}
	if written || nothing {
		return nil
	}
	return n
}

// empty says whether the file has the key with nothing behind it.
func (s *section) empty(key string) bool {
	n := s.values[key]
	if n == nil {
		return false
	}
	_, nothing := null(n)
	return nothing
}

// missing reports a key that must be there, unless take has reported it.
func (s *section) missing(key, hint string) {
	if !s.broken && !s.empty(key) {
		s.r.fail(join(s.path, key), s.place, "is missing", hint)
	}
}

// put appends a key to the effective mapping.
func (s *section) put(key string, value *yaml.Node) {
	s.effective.Content = append(s.effective.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
}

// note leaves a comment in the effective mapping, below the last key.
func (s *section) note(comment string) {
	s.effective.Content[len(s.effective.Content)-2].FootComment = comment
}

// optional reads a single value. Its standard, the default, is spelled as in
// the file; "" stands for T's zero value, which is shown as null.
func optional[T any](s *section, key, standard string, rule func(string) (T, *violation)) T {
	holds(s, key, rule, func(s *shape) { s.single = true })
	if n := s.take(key); n != nil {
		return one(s, key, n, rule)
	}
	var v T
	shown := nullNode()
	if standard != "" {
		v, shown = byDefault(standard, rule)
	}
	s.put(key, shown)
	return v
}

// required reads a single value that has no default.
func required[T any](s *section, key, hint string, rule func(string) (T, *violation)) T {
	holds(s, key, rule, func(s *shape) { s.single, s.required = true, true })
	if n := s.take(key); n != nil {
		return one(s, key, n, rule)
	}
	s.missing(key, hint)
	var zero T
	return zero
}

// one reads the single value at n.
func one[T any](s *section, key string, n *yaml.Node, rule func(string) (T, *violation)) T {
	holds(s, key, rule, func(s *shape) { s.single = true })
	v, shown, _ := scalar(s.r, n, join(s.path, key), rule)
	s.put(key, shown)
	return v
}

// list reads a list of single values without duplicates. It is nil where the
// file has none and standard is empty; a list in the file has an entry.
func list[T comparable](s *section, key string, standard []string, rule func(string) (T, *violation)) []T {
	holds(s, key, rule, func(s *shape) { s.list = true })
	n, path := s.take(key), join(s.path, key)
	switch {
	case n == nil && standard == nil:
		s.put(key, nullNode())
		return nil
	case n == nil:
		var all []T
		seq := &yaml.Node{Kind: yaml.SequenceNode}
		for _, text := range standard {
			v, shown := byDefault(text, rule)
			all = append(all, v)
			seq.Content = append(seq.Content, shown)
		}
		s.put(key, seq)
		return all
	case n.Kind == yaml.AliasNode: // its anchor is reported
		return nil
	case n.Kind != yaml.SequenceNode:
		s.r.fail(path, at(n), "must be a list, is "+kind(n), "write one entry as "+key+": [entry]")
		return nil
	case len(n.Content) == 0:
		s.r.fail(path, at(n), "must have at least one entry", "remove the key, or write null, for the default")
		return nil
	}
	all, seq := items(s.r, n.Content, path, rule)
	s.put(key, seq)
	return all
}

// oneOrMore reads a single value or a list of them. Where the file has none
// it is standard alone, or nil where that is "".
func oneOrMore[T comparable](s *section, key, standard string, rule func(string) (T, *violation)) []T {
	holds(s, key, rule, func(s *shape) { s.single, s.list = true, true })
	if n := s.values[key]; n != nil && n.Kind != yaml.ScalarNode {
		return list(s, key, nil, rule)
	}
	n := s.take(key)
	switch {
	case n != nil:
		return []T{one(s, key, n, rule)}
	case standard == "":
		s.put(key, nullNode())
		return nil
	}
	v, shown := byDefault(standard, rule)
	s.put(key, shown)
	return []T{v}
}

// each reads a list of mappings with read, which returns the effective one.
func (s *section) each(key string, n *yaml.Node, read func(n *yaml.Node, path string) *yaml.Node) {
	path := join(s.path, key)
	s.r.shaped(path, func(s *shape) { s.groups = true })
	seq := &yaml.Node{Kind: yaml.SequenceNode}
	switch {
	case n.Kind == yaml.AliasNode: // its anchor is reported
	case n.Kind != yaml.SequenceNode:
		s.r.fail(path, at(n), "must be a list, is "+kind(n), "begin each entry with a dash")
	case len(n.Content) == 0:
		s.r.fail(path, at(n), "must have at least one entry", "")
	}
	if n.Kind == yaml.SequenceNode {
		for i, item := range n.Content {
			seq.Content = append(seq.Content, read(item, entryPath(path, i)))
		}
	}
	s.put(key, seq)
}

// entryPath is the path of a list's entry.
func entryPath(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

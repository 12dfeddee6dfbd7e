package config

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// How one value of the file becomes a typed one, and how a typed one is shown
// again.

// scalar fills in and checks the value at n. It returns the value, the node
// that shows it, and whether it passed; what did not is reported.
func scalar[T any](r *reader, n *yaml.Node, path string, rule func(string) (T, *violation)) (v T, shown *yaml.Node, ok bool) {
	p := at(n)
	if n.Kind != yaml.ScalarNode {
		if n.Kind != yaml.AliasNode { // else its anchor is reported
			r.fail(path, p, "must be a single value, is "+kind(n), "")
		}
		return v, nullNode(), false
	}
	// The type decides what is never shown, so that no caller can forget to.
	_, secret := any(v).(Secret)
	if !secret {
		p.value = n.Value
	}
	r.places[path] = p

	f := filling{r: r, path: path, place: p, secret: secret}
	text, ok := n.Value, true
	if r.variables == nil {
		text, ok = f.expand(n.Value)
	}
	if !ok {
		return v, nullNode(), false
	}
	v, why := rule(text)
	if why != nil {
		if why.hide {
			p.value = ""
		}
		r.fail(path, p, why.rule, why.hint)
		return v, nullNode(), false
	}
	source := fmt.Sprintf("%s:%d", filepath.Base(r.file), n.Line)
	if r.variables != nil {
		source = r.sourceOf(path)
	}
	if len(f.sources) > 0 {
		source += " from " + strings.Join(f.sources, " and ")
	} else if secret {
		r.inline = true
	}
	return v, scalarNode(v, source), true
}

// items reads the entries of a list, without those that did not pass.
func items[T comparable](r *reader, nodes []*yaml.Node, path string, rule func(string) (T, *violation)) ([]T, *yaml.Node) {
	var all []T
	seq := &yaml.Node{Kind: yaml.SequenceNode}
	first := map[T]int{} // value to its line
	for i, n := range nodes {
		path := entryPath(path, i)
		if written, nothing := null(n); written || nothing {
			r.fail(path, at(n), "must not be empty", "remove the entry")
			continue
		}
		v, shown, ok := scalar(r, n, path, rule)
		if !ok {
			continue
		}
		if line, twice := first[v]; twice {
			r.report(path, fmt.Sprintf("is given twice, first on line %d", line), "remove one of the two")
			continue
		}
		first[v] = n.Line
		all = append(all, v)
		seq.Content = append(seq.Content, shown)
	}
	return all, seq
}

// byDefault applies a key's rule to its default, so that both have one form.
// A default that breaks its own rule is a mistake in this package.
func byDefault[T any](standard string, rule func(string) (T, *violation)) (T, *yaml.Node) {
	v, why := rule(standard)
	if why != nil {
		panic(fmt.Sprintf("config: the default %q %s", standard, why.rule))
	}
	return v, scalarNode(v, "default")
}

// scalarNode shows a value as Load would read it again, with its source.
func scalarNode(v any, source string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, LineComment: "# " + source}
	switch v := v.(type) {
	case string:
		n.Tag, n.Value = "!!str", strings.ReplaceAll(v, "${", "$${")
	case time.Duration:
		n.Value = shortDuration(v)
		if v == 0 {
			n.Value = "off" // the one duration that may be none is session.recheck
		}
	case time.Time:
		n.Value = v.Format(time.RFC3339)
	case slog.Level:
		n.Value = strings.ToLower(v.String())
	default:
		n.Value = fmt.Sprint(v)
	}
	return n
}

// nullNode shows that nobody gave a value and that the default is no value.
func nullNode() *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null", LineComment: "# default"}
}

// shortDuration is d.String() without the zero seconds and minutes at its end.
func shortDuration(d time.Duration) string {
	s := d.String()
	if short, is := strings.CutSuffix(s, "m0s"); is {
		s = short + "m"
	}
	if short, is := strings.CutSuffix(s, "h0m"); is {
		s = short + "h"
	}
	return s
}

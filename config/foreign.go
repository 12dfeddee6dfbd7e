package config

// Other tools' YAML, for who reads their configurations: not held to what is taken
// in a file of ours. Aliases are followed, tags are kept, and each value knows its
// line.

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"
)

// Foreign is a value of another tool's YAML or JSON.
type Foreign struct {
	Line  int
	Tag   string          // of its author's own, such as "!Find"; "" for none
	Text  string          // of a single value, as it is written; "" for null
	Null  bool            // it is empty, or null
	Keys  []string        // of a mapping, in order; nil for what is none
	Below map[string]Node // by key, of a mapping
	Items []Node          // of a list; nil for what is none
}

// Node is a Foreign; nil is what is not there.
type Node = *Foreign

// Get goes down a path of keys; nil where one of them is not there, or n is nil.
func (n *Foreign) Get(path ...string) Node {
	for _, key := range path {
		if n == nil {
			return nil
		}
		n = n.Below[key]
	}
	return n
}

// IsList and IsMapping tell what a value is; neither is a single value.
func (n *Foreign) IsList() bool    { return n != nil && n.Items != nil }
func (n *Foreign) IsMapping() bool { return n != nil && n.Below != nil }

// foreignLimit is how many values aliases may stand for.
const foreignLimit = 200_000

// ParseForeign reads the documents of a YAML text, which JSON is as well. The
// error says what is no YAML and where, and never quotes the text.
func ParseForeign(text []byte) ([]Node, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("is larger than %d MiB", maxFile>>20)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var all []Node
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, errors.New("is not YAML" + foreignLine(err))
		}
		left := foreignLimit
		n, err := foreign(document.Content[0], &left, 0)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
}

// foreignLine is where, without what: the parser may quote a secret.
func foreignLine(err error) string {
	var line int
	if _, scan := fmt.Sscanf(err.Error(), "yaml: line %d:", &line); scan == nil {
		return fmt.Sprintf(": look at line %d and the one above it", line)
	}
	return ""
}

func foreign(n *yaml.Node, left *int, depth int) (Node, error) {
	if *left--; *left < 0 || depth > 64 {
		return nil, fmt.Errorf("line %d: is nested too deep, or stands for too much", n.Line)
	}
	if n.Kind == yaml.AliasNode {
		return foreign(n.Alias, left, depth+1)
	}
	f := &Foreign{Line: n.Line}
	if n.Style&yaml.TaggedStyle != 0 {
		f.Tag = n.Tag
	}
	switch n.Kind {
	case yaml.ScalarNode:
		f.Text, f.Null = n.Value, n.ShortTag() == "!!null"
		if f.Null {
			f.Text = ""
		}
	case yaml.SequenceNode:
		f.Items = []Node{}
		for _, item := range n.Content {
			one, err := foreign(item, left, depth+1)
			if err != nil {
				return nil, err
			}
			f.Items = append(f.Items, one)
		}
	case yaml.MappingNode:
		f.Below = map[string]Node{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			one, err := foreign(n.Content[i+1], left, depth+1)
			if err != nil {
				return nil, err
			}
			if key := n.Content[i]; key.ShortTag() == "!!merge" {
				f.merge(one)
			} else {
				f.put(key.Value, one)
			}
		}
	}
	return f, nil
}

func (n *Foreign) put(key string, value Node) {
	if _, there := n.Below[key]; !there {
		n.Keys = append(n.Keys, key)
	}
	n.Below[key] = value
}

// merge takes in what "<<" names, where n says nothing of its own.
func (n *Foreign) merge(from Node) {
	if from.IsList() {
		for _, one := range from.Items {
			n.merge(one)
		}
		return
	}
	for _, key := range from.Keys {
		if n.Below[key] == nil {
			n.put(key, from.Below[key])
		}
	}
}

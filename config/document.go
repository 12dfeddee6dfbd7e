package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// How bytes become a tree of nodes, and which part of YAML is taken: one
// document of mappings, lists and plain values. Anchors, aliases, merge keys
// and tags are refused, because they let a few bytes stand for gigabytes and a
// line mean something that is written elsewhere.

// reader holds what one Load gathers.
type reader struct {
	file  string
	env   func(string) (string, bool)
	mode  fs.FileMode
	files Files           // looked at so far
	used  map[string]bool // variables that the file names

	// Without a file: by path, the variable that stands for it, and where that has
	// its value from.
	variables map[string]string
	sources   map[string][]string

	shapes   *shapes             // what is noted of keys; nil: nothing is
	places   map[string]place    // by path: where each thing stands
	homes    map[string][]string // by key: the sections that know it, in order
	unknown  []unknownKey
	inline   bool // a secret is written into the file itself
	problems Problems
	warnings []Problem
}

// place is where something stands in the file and how it is spelled there.
type place struct {
	line, column int
	value        string // "" for mappings, lists and secrets
}

func at(n *yaml.Node) place { return place{line: n.Line, column: n.Column} }

// fail records a problem at a place.
func (r *reader) fail(path string, p place, rule, hint string) {
	r.problems = append(r.problems, r.problem(path, p, rule, hint))
}

// caution records a warning at a place.
func (r *reader) caution(path string, p place, rule, hint string) {
	r.warnings = append(r.warnings, r.problem(path, p, rule, hint))
}

func (r *reader) problem(path string, p place, rule, hint string) Problem {
	if variable := r.variableOf(path); variable != "" {
		path = variable
	}
	return Problem{File: r.file, Line: p.line, Column: p.column, Path: path, Value: p.value, Rule: rule, Hint: hint}
}

// parse returns the file's mapping, or nil where there is none to go on with.
func (r *reader) parse(text []byte) *yaml.Node {
	if !r.readable(text) {
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		r.fail("", place{}, "is empty", "start from config.example.yaml")
		return nil
	}
	if err != nil {
		r.syntax(text, err)
		return nil
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		r.fail("", at(root), "must be keys with values, is "+kind(root), "start from config.example.yaml")
		return nil
	}

	var second yaml.Node
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		r.syntax(text, err)
	default:
		r.fail("", at(&second), "must hold one document, a second one begins here", "remove the line ---, or one of the two parts")
	}
	r.plain(root, "", 0)
	return root
}

// readable reports the first byte that text does not hold. The parser would
// not say where it is.
func (r *reader) readable(text []byte) bool {
	line, column := 1, 0
	for i, c := range string(text) {
		column++
		switch {
		case c == '\n':
			line, column = line+1, 0
		case c == utf8.RuneError && !bytes.HasPrefix(text[i:], []byte("\uFFFD")):
			r.fail("", place{line: line, column: column}, "must be UTF-8 text", "save it as UTF-8 in your editor")
			return false
		case unicode.IsControl(c) && c != '\t' && c != '\r' && c != '\u0085':
			r.fail("", place{line: line, column: column}, fmt.Sprintf("must not hold control characters, has %U", c), "remove it, or write it as \\x… in double quotes")
			return false
		}
	}
	return true
}

var (
	syntaxLine    = regexp.MustCompile(`^line (\d+): `)
	unknownAnchor = regexp.MustCompile(`(?s)^unknown anchor '(.*)' referenced$`)
)

// syntax records what the YAML parser said. The parser quotes the file in one
// case only, an alias without its anchor, and that may well be a password that
// begins with an asterisk: it is not repeated.
func (r *reader) syntax(text []byte, err error) {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	p, hint := place{}, ""
	if m := unknownAnchor.FindStringSubmatch(message); m != nil {
		if before, _, found := bytes.Cut(text, []byte("*"+m[1])); found {
			p.line = 1 + bytes.Count(before, []byte("\n"))
			p.column = 1 + utf8.RuneCount(before[1+bytes.LastIndexByte(before, '\n'):])
		}
		r.fail("", p, "must not use an alias", "put a value that begins with * in quotes")
		return
	}
	const look = "look at this line and the one above it: indentation, a missing colon, an open quote or bracket"
	switch m := syntaxLine.FindStringSubmatch(message); {
	case m != nil:
		p.line, _ = strconv.Atoi(m[1])
		p.column, hint = 1, look
		message = message[len(m[0]):]
	case !strings.Contains(message, "depth"): // the parser names no line where it is the first one
		p.line, p.column, hint = 1, 1, look
	}
	r.fail("", p, "is not YAML: "+message, hint)
}

// deepest is far below what the keys need and far above what a stack bears.
const deepest = 16

// plain reports, in the whole tree, what is YAML and not taken.
func (r *reader) plain(n *yaml.Node, path string, depth int) {
	if depth > deepest {
		r.fail(path, at(n), "is nested too deep", "")
		return
	}
	r.undecorated(n, path)
	if n.Kind == yaml.SequenceNode {
		for i, item := range n.Content {
			r.plain(item, fmt.Sprintf("%s[%d]", path, i), depth+1)
		}
		return
	}
	seen := map[string]int{} // key to its line
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			r.fail(path, at(key), "must have plain words as keys, one is "+kind(key), "")
			continue
		}
		below := join(path, key.Value)
		r.undecorated(key, below)
		if line, twice := seen[key.Value]; twice {
			r.fail(below, at(key), fmt.Sprintf("is given twice, first on line %d", line), "remove one of the two")
		} else {
			seen[key.Value] = key.Line
		}
		r.plain(value, below, depth+1)
	}
}

// undecorated reports an anchor or a tag. Aliases go without a word of their
// own: each has an anchor in the same file, and a thousand may have the same.
func (r *reader) undecorated(n *yaml.Node, path string) {
	switch {
	case n.Anchor != "":
		r.fail(path, at(n), "must not use an anchor", "write the value out wherever an alias stands for it; put a value that begins with & in quotes")
	case n.Style&yaml.TaggedStyle != 0:
		r.fail(path, at(n), "must not use a tag", "put a value that begins with ! in quotes")
	}
}

// kind names a node for the person who wrote it.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a group of keys"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	if n.ShortTag() == "!!null" {
		return "empty"
	}
	return "a single value"
}

// null says whether the node is a null that somebody wrote, or a key with
// nothing behind it.
func null(n *yaml.Node) (written, nothing bool) {
	if n.Kind != yaml.ScalarNode || n.Style != 0 || n.ShortTag() != "!!null" {
		return false, false
	}
	return n.Value != "", n.Value == ""
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// join makes the path of a key.
func join(path, key string) string {
	if !plainKey.MatchString(key) {
		key = quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

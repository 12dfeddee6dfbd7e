package access

// pattern.go reads the paths of rules: /exact, /prefix/*, /a/*/x, ~ ^/regexp$.

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// pattern is one path of a rule. Each has two forms: as it is written, and
// folded, which takes letters of ASCII in either case (that of the path too).
type pattern struct {
	source  string
	kind    kind
	literal string // what each path that matches begins with; all of it for exact, up to the "/" for below
	cased   bool   // some path without capitals matches the folded form alone

	segments [][]string // of a glob: the texts between its stars
	folded   [][]string
	tail     bool // of a glob: it ends in /*, everything below

	re, foldedRE *regexp.Regexp
}

type kind uint8

const (
	exact kind = iota
	below
	glob
	expression
)

const maxPattern = 4 << 10

// parsePattern returns the pattern, or what is wrong with it.
func parsePattern(s string) (*pattern, string) {
	if len(s) > maxPattern {
		return nil, "is longer than 4 KiB: make rules of its parts"
	}
	if source, ok := strings.CutPrefix(s, "~"); ok {
		p := &pattern{source: s, kind: expression}
		return p, p.parseExpression(strings.TrimLeft(source, " "))
	}
	if problem := notCanonical(s); problem != "" {
		return nil, problem
	}
	p := &pattern{source: s, kind: exact, literal: s, cased: hasUpper(s)}
	star := strings.IndexByte(s, '*')
	switch {
	case star < 0:
	case star == len(s)-1 && s[star-1] == '/':
		p.kind, p.literal = below, s[:star]
	default:
		p.kind, p.literal = glob, s[:star]
		if p.tail = strings.HasSuffix(s, "/*"); p.tail {
			s = s[:len(s)-len("/*")]
		}
		p.segments, p.folded = segments(s), segments(lower(s))
	}
	return p, ""
}

// segments takes a glob apart, at its slashes and then at its stars.
func segments(s string) [][]string {
	var all [][]string
	for _, segment := range strings.Split(s[1:], "/") {
		all = append(all, strings.Split(segment, "*"))
	}
	return all
}

// notCanonical says what to write instead of a path that no decoded,
// normalised path can equal, or that two upstreams read in two ways.
func notCanonical(s string) string {
	switch {
	case s == "":
		return "is empty: leave the key out for every path"
	case s[0] == '^':
		return `a regular expression is written with "~ " in front: ~ ` + s
	case s[0] != '/':
		return `paths begin with "/": write /` + s + `, or /prefix/* for all below a path`
	case strings.Contains(s, "%"):
		if decoded := decode(s); decoded != s && !strings.Contains(decoded, "%") && utf8.ValidString(decoded) {
			return "paths are written decoded: write " + decoded
		}
		return `paths are written decoded, and "%" is in none: a URL with an escaped "%" is held to every reading of it`
	case strings.Contains(s, "?"):
		return "a path ends before the query: write " + cutQuery(s) + ", and what the query has to have into query"
	case strings.Contains(s, "#"):
		return `a fragment never arrives, and "#" is in no path: write ` + cutFragment(s)
	case strings.Contains(s, `\`):
		return `a backslash is a slash to some applications: write ` + turnBackslashes(s) + `, which a URL with a backslash is held to as well`
	case strings.Contains(s, ";"):
		return `";" begins a parameter to some applications: write ` + cutParameters(s) + ", which a URL with one is held to as well"
	case mergeSlashes(s) != s || resolve(s) != s:
		return "is never a path once slashes are merged and dots resolved: write " + resolve(mergeSlashes(s))
	case strings.Contains(s, "**"):
		return `"*" is one or more characters inside one segment; /prefix/* at the end is everything below`
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "has a control character, or is not UTF-8"
	}
	return ""
}

// matches reports whether the path matches, which begins with "/".
func (p *pattern) matches(path string, fold bool) bool {
	switch p.kind {
	case exact:
		return len(path) == len(p.source) && hasPrefix(path, p.source, fold)
	case below:
		return hasPrefix(path, p.literal, fold)
	case glob:
		if fold {
			return globMatches(p.folded, p.tail, path, true)
		}
		return globMatches(p.segments, p.tail, path, false)
	}
	if fold {
		return p.foldedRE.MatchString(path)
	}
	return p.re.MatchString(path)
}

// end is what each path that matches ends with, behind what literal has; ""
// if that is not known.
func (p *pattern) end() string {
	if p.kind != glob || p.tail {
		return ""
	}
	return p.source[strings.LastIndexByte(p.source, '*')+1:]
}

// sample is a path that whatever covers p matches as well.
func (p *pattern) sample() string {
	if p.kind == glob {
		return strings.ReplaceAll(p.source, "*", "x")
	}
	return p.literal
}

// covers reports whether p is known to match whatever other does, in letters
// as they are written.
func (p *pattern) covers(other *pattern) bool {
	switch {
	case p.source == other.source:
		return true
	case other.kind == exact:
		return p.matches(other.source, false)
	}
	return p.kind == below && strings.HasPrefix(other.literal, p.literal)
}

func globMatches(segments [][]string, tail bool, path string, fold bool) bool {
	for _, texts := range segments {
		if path == "" {
			return false
		}
		path = path[1:] // the slash
		end := strings.IndexByte(path, '/')
		if end < 0 {
			end = len(path)
		}
		if !segmentMatches(texts, path[:end], fold) {
			return false
		}
		path = path[end:]
	}
	return tail == (path != "")
}

// segmentMatches reports whether segment is the texts with one character or
// more between each two. To take each text where it comes first leaves most to
// those after it.
func segmentMatches(texts []string, segment string, fold bool) bool {
	first, last := texts[0], texts[len(texts)-1]
	if !hasPrefix(segment, first, fold) {
		return false
	}
	if len(texts) == 1 {
		return len(segment) == len(first)
	}
	segment = segment[len(first):]
	for _, text := range texts[1 : len(texts)-1] {
		at := 1
		for at+len(text) <= len(segment) && !hasPrefix(segment[at:], text, fold) {
			at++
		}
		if at+len(text) > len(segment) {
			return false
		}
		segment = segment[at+len(text):]
	}
	return len(segment) > len(last) && hasPrefix(segment[len(segment)-len(last):], last, fold)
}

// hasPrefix is strings.HasPrefix; with fold, capitals count as small letters.
func hasPrefix(s, prefix string, fold bool) bool {
	if !fold || len(s) < len(prefix) {
		return strings.HasPrefix(s, prefix)
	}
	for i := range len(prefix) {
		if s[i] != prefix[i] && lowerByte(s[i]) != lowerByte(prefix[i]) {
			return false
		}
	}
	return true
}

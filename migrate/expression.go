package migrate

// What other tools open by a regular expression, as paths of a public rule. Theirs
// match anywhere in a path, or in a whole URL with its query; ours match a whole
// path, in its one spelling. What cannot be said as narrowly as it was is not said.

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"outpost/access"
)

// subject is what a tool matches an expression against.
type subject int

const (
	pathOnly  subject = iota // the decoded path, without a query
	pathQuery                // the path with its query behind it
	rawPath                  // the path, decoded or not, depending on the version
	wholeURL                 // scheme, host, path and query, as they are sent
)

// opened is what a rule of ours opens: a host, or "" for every one, and a path.
type opened struct{ host, path string }

var (
	errSyntax   = errors.New("it is no regular expression that this program knows")
	errAnywhere = errors.New("it matches every URL, or none")
	errQuery    = errors.New("it ends at the end of the URL, so that a query closed it, which no public rule can say")
	errHost     = errors.New("it does not say host and path apart")
	errMiddle   = errors.New("it asks for an end, or the border of a word, in its middle")
	errNoPath   = errors.New("no path begins like it")
)

// convert makes hosts and paths of an expression. The error says why there are
// none that open no more, for the whole or for one of its alternatives.
func convert(expression string, on subject) ([]opened, error) {
	// As the tool's own regexp package reads it: "." is no line end, "^" and "$" are
	// the ends of the text.
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil, errSyntax
	}
	alternatives := expand(concatenation(tree))
	if len(alternatives) > 100 {
		return nil, errSyntax
	}
	var all []opened
	var failed error
	for _, parts := range alternatives {
		found, err := convertOne(parts, on)
		if err != nil {
			failed = err
		}
		for _, one := range found {
			rule := access.Rule{Paths: []string{one.path}, Public: true}
			if _, err := access.Compile(access.Config{Rules: []access.Rule{rule}}); err != nil {
				failed = errNoPath
			} else if !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	return all, failed
}

// convertOne makes hosts and paths of parts that follow one another.
func convertOne(parts []*syntax.Regexp, on subject) ([]opened, error) {
	begins, ends := false, false
	for len(parts) > 0 && parts[0].Op == syntax.OpBeginText {
		parts, begins = parts[1:], true
	}
	for len(parts) > 0 && parts[len(parts)-1].Op == syntax.OpEndText {
		parts, ends = parts[:len(parts)-1], true
	}
	if len(parts) > 0 && anything(parts[len(parts)-1]) {
		parts, ends = parts[:len(parts)-1], false
	}
	if len(parts) > 0 && anything(parts[0]) {
		parts, begins = parts[1:], false
	}
	if len(parts) == 0 {
		return nil, errAnywhere
	}
	if slices.ContainsFunc(parts, anchored) {
		return nil, errMiddle
	}
	if ends && (on == wholeURL || on == pathQuery) {
		return nil, errQuery
	}
	host := ""
	if on == wholeURL && begins {
		var err error
		if host, parts, err = cutOrigin(parts); err != nil {
			return nil, err
		}
	}
	if on != pathOnly {
		sent := make([]*syntax.Regexp, len(parts))
		for i, one := range parts {
			sent[i] = asSent(one)
		}
		parts = sent
	}
	text, tail := "", "(?s:.*)"
	if ends {
		tail = ""
	}
	var all []opened
	if rest, ok := afterSlash(parts); ok { // each path begins with a slash, and so does each of our expressions
		for _, one := range rest {
			text += expressionText(one)
		}
		all = append(all, simpler(opened{host, "~ ^/" + text + tail + "$"}, parts, ends))
	} else if begins {
		return nil, errNoPath
	}
	if !begins {
		text = ""
		for _, one := range parts {
			text += expressionText(one)
		}
		all = append(all, opened{host, "~ ^/(?s:.*)" + text + tail + "$"})
	}
	return all, nil
}

// expand multiplies alternatives out that have ends of their own: "^/a|/b$".
func expand(parts []*syntax.Regexp) [][]*syntax.Regexp {
	for i, one := range parts {
		if one.Op != syntax.OpAlternate || !anchored(one) {
			continue
		}
		var all [][]*syntax.Regexp
		for _, sub := range one.Sub {
			whole := slices.Concat(parts[:i:i], concatenation(sub), parts[i+1:])
			if all = append(all, expand(whole)...); len(all) > 100 {
				break
			}
		}
		return all
	}
	return [][]*syntax.Regexp{parts}
}

// afterSlash is what follows in an expression once it has taken a slash; false
// where it cannot be said.
func afterSlash(parts []*syntax.Regexp) ([]*syntax.Regexp, bool) {
	if len(parts) == 0 {
		return nil, false
	}
	first, rest := parts[0], parts[1:]
	switch first.Op {
	case syntax.OpLiteral:
		if first.Rune[0] != '/' {
			return nil, false
		}
		if len(first.Rune) == 1 {
			return rest, true
		}
		cut := *first
		cut.Rune = first.Rune[1:]
		return slices.Concat([]*syntax.Regexp{&cut}, rest), true
	case syntax.OpCharClass:
		for i := 0; i+1 < len(first.Rune); i += 2 {
			if first.Rune[i] <= '/' && '/' <= first.Rune[i+1] {
				return rest, true
			}
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return rest, true
	case syntax.OpAlternate:
		either := &syntax.Regexp{Op: syntax.OpAlternate, Flags: first.Flags}
		for _, sub := range first.Sub {
			if after, ok := afterSlash(concatenation(sub)); ok {
				either.Sub = append(either.Sub, &syntax.Regexp{Op: syntax.OpConcat, Sub: after})
			}
		}
		if either.Sub != nil {
			return slices.Concat([]*syntax.Regexp{either}, rest), true
		}
	}
	return nil, false
}

// expressionText is a part as text that means the same in the middle of another.
func expressionText(one *syntax.Regexp) string { return "(?:" + one.String() + ")" }

// plainPath is a path that says itself.
var plainPath = regexp.MustCompile(`^/[A-Za-z0-9_/.@+-]*$`)

// simpler writes a path as people do, where the expression is letters alone.
func simpler(o opened, parts []*syntax.Regexp, ends bool) opened {
	text := ""
	for _, one := range parts {
		if one.Op != syntax.OpLiteral || one.Flags&syntax.FoldCase != 0 {
			return o
		}
		text += string(one.Rune)
	}
	switch {
	case !plainPath.MatchString(text) || strings.Contains(text, "//") || strings.Contains(text, "/."):
	case ends:
		o.path = text
	case strings.HasSuffix(text, "/"):
		o.path = text + "*"
	}
	return o
}

// concatenation is an expression as the parts that follow one another.
func concatenation(tree *syntax.Regexp) []*syntax.Regexp {
	switch tree.Op {
	case syntax.OpConcat:
		var all []*syntax.Regexp
		for _, one := range tree.Sub {
			all = append(all, concatenation(one)...)
		}
		return all
	case syntax.OpCapture:
		return concatenation(tree.Sub[0])
	case syntax.OpEmptyMatch:
		return nil
	}
	return []*syntax.Regexp{tree}
}

// anything reports whether a part is .*, which says nothing at an end.
func anything(one *syntax.Regexp) bool {
	return one.Op == syntax.OpStar && (one.Sub[0].Op == syntax.OpAnyChar || one.Sub[0].Op == syntax.OpAnyCharNotNL)
}

// anchored reports whether a part asks for the beginning, the end, or the border of
// a word, which may be one.
func anchored(one *syntax.Regexp) bool {
	switch one.Op {
	case syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true
	}
	for _, sub := range one.Sub {
		if anchored(sub) {
			return true
		}
	}
	return false
}

// cutOrigin takes scheme and host off an expression for URLs: https, ://, and a
// host that is written out.
func cutOrigin(parts []*syntax.Regexp) (host string, rest []*syntax.Regexp, err error) {
	text := ""
	for i, one := range parts {
		if one.Op == syntax.OpQuest && one.Sub[0].Op == syntax.OpLiteral && string(one.Sub[0].Rune) == "s" && text == "http" {
			continue // https?
		}
		if one.Op != syntax.OpLiteral || one.Flags&syntax.FoldCase != 0 {
			return "", nil, errHost
		}
		text += string(one.Rune)
		_, after, found := strings.Cut(text, "://")
		if !found {
			continue
		}
		host, path, found := strings.Cut(after, "/")
		if !found {
			continue
		}
		if scheme := text[:strings.Index(text, "://")]; scheme != "http" && scheme != "https" || host == "" || strings.ContainsAny(host, "@:") {
			return "", nil, errHost
		}
		first := *one
		first.Rune = []rune("/" + path)
		return host, append([]*syntax.Regexp{&first}, parts[i+1:]...), nil
	}
	return "", nil, errHost
}

// asSent narrows an expression to the characters that are sent as they are: of
// others it saw three or more, and ours sees one.
func asSent(one *syntax.Regexp) *syntax.Regexp {
	sent := []rune{'!', '!', '$', '$', '&', ':', '=', '=', '@', 'Z', '_', '_', 'a', 'z', '~', '~'}
	copied := *one
	switch one.Op {
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		copied.Op, copied.Rune = syntax.OpCharClass, sent
	case syntax.OpCharClass:
		copied.Rune = nil
		for i := 0; i+1 < len(one.Rune); i += 2 {
			for j := 0; j+1 < len(sent); j += 2 {
				if low, high := max(one.Rune[i], sent[j]), min(one.Rune[i+1], sent[j+1]); low <= high {
					copied.Rune = append(copied.Rune, low, high)
				}
			}
		}
		if copied.Rune == nil {
			copied.Op = syntax.OpNoMatch
		}
	case syntax.OpLiteral:
		for _, r := range one.Rune {
			found := false
			for j := 0; j+1 < len(sent); j += 2 {
				found = found || sent[j] <= r && r <= sent[j+1]
			}
			if !found {
				copied.Op, copied.Rune = syntax.OpNoMatch, nil
				break
			}
		}
	default:
		copied.Sub = nil
		for _, sub := range one.Sub {
			copied.Sub = append(copied.Sub, asSent(sub))
		}
	}
	return &copied
}

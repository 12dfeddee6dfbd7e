package access

// expression.go compiles the regular expressions of rules. They match whole
// paths, whatever alternatives they have, and their folded form matches a path
// wherever the expression matches some spelling of it in other cases.

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// maxProgram bounds the steps of a compiled expression: matching costs at most
// that many for each byte of a path.
const maxProgram = 2000

func (p *pattern) parseExpression(source string) string {
	inner, ok := strings.CutPrefix(source, "^")
	if !ok || !endsAnchored(inner) {
		return "an expression begins with ^ and ends with $, and matches whole paths: write ~ ^/…$"
	}
	inner = inner[:len(inner)-1]
	// Parsed by itself, so that no ")" or \Q in it reaches the anchors.
	tree, err := syntax.Parse(inner, syntax.Perl|syntax.DotNL)
	if err != nil {
		return strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return err.Error()
	}
	if len(program.Inst) > maxProgram {
		return "costs too much to match: repeat less in it, or make rules of its parts"
	}
	if !beginsWithSlash(program) {
		return `never matches: paths begin with "/"`
	}
	text := tree.String()
	plain, err := regexp.Compile("(?:" + text + ")")
	if err != nil {
		return err.Error()
	}
	p.literal, _ = plain.LiteralPrefix()
	if p.re, err = regexp.Compile(`\A(?:` + text + `)\z`); err != nil {
		return err.Error()
	}
	p.cased = foldCase(tree)
	if p.foldedRE, err = regexp.Compile(`\A(?:` + tree.String() + `)\z`); err != nil {
		return err.Error()
	}
	return ""
}

// endsAnchored reports whether the last byte is a "$" that no backslash quotes.
func endsAnchored(s string) bool {
	rest, ok := strings.CutSuffix(s, "$")
	backslashes := len(rest) - len(strings.TrimRight(rest, `\`))
	return ok && backslashes%2 == 0
}

// beginsWithSlash reports whether the program may take a "/" first.
func beginsWithSlash(program *syntax.Prog) bool {
	seen := make([]bool, len(program.Inst))
	open := []uint32{uint32(program.Start)}
	for len(open) > 0 {
		at := open[len(open)-1]
		open = open[:len(open)-1]
		if seen[at] {
			continue
		}
		seen[at] = true
		switch step := &program.Inst[at]; step.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			open = append(open, step.Out, step.Arg)
		case syntax.InstCapture, syntax.InstNop, syntax.InstEmptyWidth:
			open = append(open, step.Out)
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			if step.MatchRune('/') {
				return true
			}
		}
	}
	return false
}

// foldCase makes the expression take each ASCII letter in either case. It
// reports whether it now matches a text without capitals that it did not match.
func foldCase(re *syntax.Regexp) bool {
	cased := false
	switch {
	case re.Op == syntax.OpLiteral && re.Flags&syntax.FoldCase == 0:
		cased = slices.ContainsFunc(re.Rune, func(r rune) bool { return 'A' <= r && r <= 'Z' })
		whole := &syntax.Regexp{Op: syntax.OpConcat, Flags: re.Flags}
		for _, r := range re.Rune {
			one := &syntax.Regexp{Op: syntax.OpCharClass, Flags: re.Flags, Rune: []rune{r, r}}
			bothCases(one)
			whole.Sub = append(whole.Sub, one)
		}
		*re = *whole
	case re.Op == syntax.OpCharClass:
		return bothCases(re)
	}
	for _, sub := range re.Sub {
		cased = foldCase(sub) || cased
	}
	return cased
}

// bothCases adds to a class of characters the other case of its ASCII letters,
// and reports whether a small letter came in.
func bothCases(class *syntax.Regexp) bool {
	small := false
	ranges := slices.Clone(class.Rune)
	for c := 'a'; c <= 'z'; c++ {
		hasSmall, hasCapital := inRanges(class.Rune, c), inRanges(class.Rune, c-'a'+'A')
		if hasSmall && !hasCapital {
			ranges = append(ranges, c-'a'+'A', c-'a'+'A')
		}
		if hasCapital && !hasSmall {
			ranges, small = append(ranges, c, c), true
		}
	}
	class.Rune = sorted(ranges)
	return small
}

func inRanges(ranges []rune, r rune) bool {
	for i := 0; i+1 < len(ranges); i += 2 {
		if ranges[i] <= r && r <= ranges[i+1] {
			return true
		}
	}
	return false
}

// sorted brings ranges, as pairs of first and last, into order, without
// overlaps: so the syntax package writes a class.
func sorted(ranges []rune) []rune {
	pairs := make([][2]rune, 0, len(ranges)/2)
	for i := 0; i+1 < len(ranges); i += 2 {
		pairs = append(pairs, [2]rune{ranges[i], ranges[i+1]})
	}
	slices.SortFunc(pairs, func(a, b [2]rune) int { return int(a[0] - b[0]) })
	var out []rune
	for _, pair := range pairs {
		if n := len(out); n > 0 && pair[0] <= out[n-1]+1 {
			out[n-1] = max(out[n-1], pair[1])
			continue
		}
		out = append(out, pair[0], pair[1])
	}
	return out
}

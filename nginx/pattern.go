package nginx

// The regular expressions of locations. nginx's are PCRE's, ours are Go's: what
// Go does not know (look-around, possessive quantifiers, back references) is
// said to be unknown and never guessed.

import (
	"regexp"
	"regexp/syntax"
	"strings"
)

// pattern is the regular expression of a location.
type pattern struct {
	re *regexp.Regexp // nil: one that Go does not know
}

func compile(text string, fold bool) *pattern {
	if fold {
		text = "(?i)" + text
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return &pattern{}
	}
	return &pattern{re}
}

// match tells whether path matches, and whether that is known.
func (p *pattern) match(path string) (matched, known bool) {
	if p.re == nil {
		return false, false
	}
	return p.re.MatchString(path), true
}

// samples are texts that the pattern matches, the plainest first: one for each
// way through its alternatives, up to a bound. Each is tried before it is
// given, so none is wrong; nil where none was found.
func (p *pattern) samples() []string {
	if p.re == nil {
		return nil
	}
	tree, err := syntax.Parse(p.re.String(), syntax.Perl)
	if err != nil {
		return nil
	}
	var good []string
	for _, s := range ways(tree.Simplify()) {
		if p.re.MatchString(s) {
			good = append(good, s)
		}
	}
	return good
}

// most bounds the ways through one pattern.
const most = 32

func ways(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		text := string(re.Rune)
		if re.Flags&syntax.FoldCase != 0 {
			text = strings.ToLower(text)
		}
		return []string{text}
	case syntax.OpCharClass:
		return []string{plainest(re)}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return []string{"x"}
	case syntax.OpCapture, syntax.OpPlus:
		return ways(re.Sub[0])
	case syntax.OpQuest:
		return append([]string{""}, ways(re.Sub[0])...)
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			all = append(all, ways(sub)...)
		}
		return all[:min(len(all), most)]
	case syntax.OpConcat:
		all := []string{""}
		for _, sub := range re.Sub {
			var longer []string
			for _, end := range ways(sub) {
				for _, start := range all {
					longer = append(longer, start+end)
				}
			}
			all = longer[:min(len(longer), most)]
		}
		return all
	}
	return []string{""} // what takes no room, or need not be there
}

// plainest is a character of the class that a reader finds in a URL.
func plainest(class *syntax.Regexp) string {
	for _, c := range "ax1-/_.%" {
		for i := 0; i+1 < len(class.Rune); i += 2 {
			if class.Rune[i] <= c && c <= class.Rune[i+1] {
				return string(c)
			}
		}
	}
	if len(class.Rune) == 0 {
		return ""
	}
	return string(class.Rune[0])
}

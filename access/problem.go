package access

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a Config.
type Problem struct {
	Rule  int    // the rule's number, from 1; 0 for what belongs to no rule
	Line  int    // Rule.Line
	Key   string // what is wrong, by its name in the configuration: "host", "path", "methods", …; "" for the rule as a whole
	Value string // what is written there; "" if that says nothing
	Text  string // what is wrong with it, and what to write
}

func (p Problem) Error() string {
	var b strings.Builder
	if p.Rule > 0 {
		fmt.Fprintf(&b, "rule %d", p.Rule)
		if p.Line > 0 {
			fmt.Fprintf(&b, " (line %d)", p.Line)
		}
		b.WriteString(": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key)
		if p.Value != "" {
			fmt.Fprintf(&b, " %q", p.Value)
		}
		b.WriteString(": ")
	}
	b.WriteString(p.Text)
	return b.String()
}

// Problems are all that Compile found, in the order of the rules; never empty.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].Error()
	}
	return strings.Join(lines, "\n")
}

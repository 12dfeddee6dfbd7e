package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong in the file, told to the person who
// wrote it.
type Problem struct {
	File   string // as it was named to Load
	Line   int    // from 1; 0 where the problem is the whole file's
	Column int    // from 1, in characters; 0 where the problem is the whole file's
	Path   string // such as "applications[1].external_url"; "" for the whole file
	Value  string // as the file spells it, before ${…} is filled in; "" where there is none or where it may be a secret
	Rule   string // what must hold, as the predicate of a sentence about Path
	Hint   string // the next step; "" if the rule says it all
}

// String returns the problem in one line, for a log:
//
//	config.yaml:3:11: provider.issuer: must be an https URL, got "http://idp.local" (for local testing, set insecure_http: true)
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": " + p.sentence())
	if p.Hint != "" {
		fmt.Fprintf(&b, " (%s)", p.Hint)
	}
	return b.String()
}

// sentence is the problem without its place and its hint.
func (p Problem) sentence() string {
	s := "the file " + p.Rule
	if p.Path != "" {
		s = p.Path + ": " + p.Rule
	}
	if p.Value != "" {
		s += ", got " + quote(p.Value)
	}
	return s
}

// quote keeps a value to one readable line: somebody's whole certificate in a
// wrong key must not bury the other problems.
func quote(s string) string {
	const most = 100
	if runes := []rune(s); len(runes) > most {
		return fmt.Sprintf("%q…", string(runes[:most]))
	}
	return fmt.Sprintf("%q", s)
}

// Problems is everything that is wrong in one file, in the file's order. As an
// error it is never empty.
type Problems []Problem

// Error returns a headline and, for each problem, one line with its place,
// path, rule and value, and one with its hint:
//
//	outpost: config.yaml has 2 problems:
//	  line 3, provider.issuer: must be an https URL, got "http://idp.local"
//	      for local testing, set insecure_http: true
//	  line 9, applications[0].mode: is missing
//	      say single (this host alone) or domain (every host below cookie_domain)
//
// The text ends without a newline and is complete: print it as it is.
func (ps Problems) Error() string {
	if len(ps) == 0 {
		return "outpost: no problems"
	}
	var b strings.Builder
	noun := "problems"
	if len(ps) == 1 {
		noun = "problem"
	}
	fmt.Fprintf(&b, "outpost: %s has %d %s:", ps[0].File, len(ps), noun)
	for _, p := range ps {
		b.WriteString("\n  ")
		if p.Line > 0 {
			fmt.Fprintf(&b, "line %d, ", p.Line)
		}
		b.WriteString(p.sentence())
		if p.Hint != "" {
			b.WriteString("\n      " + p.Hint)
		}
	}
	return b.String()
}

// inOrder puts problems in the file's order; those of one place keep the order
// in which they were found.
func inOrder(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// violation is what a rule about one value answers when the value breaks it;
// nil if it does not. Whoever applied the rule adds the place.
type violation struct {
	rule, hint string   // as in Problem
	hide       bool     // the value may hold a secret: do not show it
	words      []string // the values that there are; nil where they are not a few words
}

// broken makes a violation of a rule and its hint.
func broken(rule, hint string) *violation { return &violation{rule: rule, hint: hint} }

// oneOfThese is the violation of a rule that allows these words alone.
func oneOfThese(rule, hint string, words ...string) *violation {
	v := broken(rule, hint)
	v.words = words
	return v
}

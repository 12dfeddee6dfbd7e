package main

import (
	"flag"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What the table says has to be enough for help, completion and the manual page.
func TestEveryCommandSaysWhatItIs(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range commands() {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			if !regexp.MustCompile(`^[a-z]+( [a-z]+)?$`).MatchString(c.name) || seen[c.name] {
				t.Errorf("the name %q is not one or two words, or is taken", c.name)
			}
			seen[c.name] = true
			if c.says == "" || strings.HasSuffix(c.says, ".") || c.do == nil {
				t.Errorf("it says %q, in place of half a sentence", c.says)
			}
			if (c.arguments > 0) != (c.takes != "") {
				t.Errorf("it takes %q, and %d arguments", c.takes, c.arguments)
			}
			for _, o := range c.options() {
				if o.says == "" {
					t.Errorf("%s says nothing", o.name)
				}
				if o.value == "value" || o.value == "string" {
					t.Errorf("%s does not name its value: write it `SO` in its words", o.name)
				}
			}
		})
	}
}

// A command line begins with the whole name of a command, or serves.
func TestChoose(t *testing.T) {
	tests := []struct {
		name, line, want string
		rest             []string
	}{
		{"nothing", "", "serve", nil},
		{"a-flag", "-config x", "serve", []string{"-config", "x"}},
		{"one-word", "check -config x", "check", []string{"-config", "x"}},
		{"two-words", "config dump -config x", "config dump", []string{"-config", "x"}},
		{"an-argument", "explain https://app.example.com", "explain", []string{"https://app.example.com"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, rest, err := choose(strings.Fields(test.line))
			if err != nil || c.name != test.want || !slices.Equal(rest, test.rest) {
				t.Errorf("got %q %q, error %v", c.name, rest, err)
			}
		})
	}
}

// Help has a line for each command and each flag.
func TestHelpIsComplete(t *testing.T) {
	all := command(t, nil, "help").stdout
	for _, c := range commands() {
		if !strings.Contains(all, "outpost "+c.name) || !strings.Contains(all, c.says) {
			t.Errorf("help lacks %s", c.name)
		}
		var file string
		own := command(t, nil, strings.Fields("help "+c.name)...).stdout
		flags := c.flagSet(&file, "")
		flags.SetOutput(io.Discard)
		flags.VisitAll(func(f *flag.Flag) {
			if !strings.Contains(own, "-"+f.Name) {
				t.Errorf("help of %s lacks --%s", c.name, f.Name)
			}
		})
	}
}

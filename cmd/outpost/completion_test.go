package main

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCandidates(t *testing.T) {
	for _, tt := range []struct {
		name, line string // what is typed last stands behind the last space
		want       []string
	}{
		{"command", "se", []string{"sessions", "secret", "serve"}},
		{"second-word", "sessions ", []string{"list", "show", "revoke"}},
		{"second-word-begun", "sessions re", []string{"revoke"}},
		{"no-such-command", "sesions ", nil},
		{"no-such-command-and-more", "sesions list ", nil},
		{"flag", "doctor --u", []string{"--url"}},
		{"flag-with-one-hyphen", "check -c", []string{"-config"}},
		{"flag-of-the-command-alone", "version -", nil},
		{"flag-without-a-command", "-c", []string{"-config"}},
		{"file-of-a-flag", "-config ", []string{":files"}},
		{"file-of-a-flag-of-a-command", "check -config x", []string{":files"}},
		{"folder-of-a-flag", "nginx --out ", []string{":dirs"}},
		{"value-of-a-flag", "nginx --for n", []string{"nginx", "npm"}},
		{"value-that-nobody-knows", "explain --user ", nil},
		{"flag-without-a-value", "sessions list --json -", nil},
		{"argument", "lint ", []string{":files"}},
		{"argument-behind-flags", "lint --json --root x ", []string{":files"}},
		{"argument-too-many", "lint x ", nil},
		{"words", "import o", []string{"oauth2-proxy"}},
		{"last-argument-again", "import vouch a.yml b", []string{":files"}},
		{"shells", "completion ", []string{"bash", "zsh", "fish"}},
		{"help", "help doc", []string{"doctor"}},
		{"nothing-to-take", "version ", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout bytes.Buffer
			args := append([]string{"completion", "words"}, strings.Split(tt.line, " ")...)
			if status := run(context.Background(), program{args, lookup(nil), &stdout, nil, noNames}); status != 0 {
				t.Fatalf("ends with %d", status)
			}
			var got []string
			for line := range strings.Lines(stdout.String()) {
				word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
				got = append(got, word)
			}
			if tt.name == "flag-without-a-value" && len(got) > 3 && slices.Contains(got, "--user") {
				return // a flag is typed, not the value of --json
			}
			slices.Sort(got)
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("candidates (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCompletionNamesItsShell(t *testing.T) {
	for _, args := range [][]string{{"completion"}, {"completion", "csh"}} {
		if o := command(t, nil, args...); o.status != 2 || !strings.Contains(o.stderr, "bash, zsh or fish") {
			t.Errorf("%q: %+v", args, o)
		}
	}
}

// The manual page has every command, every flag and what is said of them.
func TestManual(t *testing.T) {
	var b bytes.Buffer
	if err := printManual(&b); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(`\-`, "-", `\e`, `\`, `\&`, "", `\(dq`, `"`).Replace(b.String())
	for _, c := range commands() {
		if !strings.Contains(text, `.SS "`+strings.TrimSpace("outpost "+c.name+" "+c.takes)+`"`) {
			t.Errorf("no section of %s", c.name)
		}
		for _, o := range c.options() {
			if !strings.Contains(text, "\\fB"+o.name+"\\fR") || !strings.Contains(text, o.says) {
				t.Errorf("%s: no %s", c.name, o.name)
			}
		}
	}
}

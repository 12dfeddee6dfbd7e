package main

// man.go is the manual page, made of the table of commands as help is.
// Source: groff_man(7).

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"
)

func man() subcommand {
	return subcommand{
		name: "man", says: "print the manual page: outpost man | man -l -", noFile: true,
		do: func(_ context.Context, p program, _ string, _ []string) error { return printManual(p.stdout) },
	}
}

func printManual(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH OUTPOST 1 %s %s\n", builtOn().Format(time.DateOnly), quoted("outpost "+versionOf()))
	fmt.Fprintf(&b, ".SH NAME\noutpost \\- answer nginx's auth_request and sign people in at an OpenID provider\n")
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B outpost\n[\\fICOMMAND\\fR] [\\fIFLAGS\\fR] [\\fIARGUMENTS\\fR]\n")
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\nWithout a command it serves.\n", roff(headline))
	fmt.Fprintf(&b, ".SH COMMANDS\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, ".SS %s\n%s.\n", quoted(strings.TrimSpace("outpost "+c.name+" "+c.takes)), roff(strings.ToUpper(c.says[:1])+c.says[1:]))
		if c.more != "" {
			fmt.Fprintf(&b, "%s\n", roff(c.more))
		}
		for _, o := range c.options() {
			fmt.Fprintf(&b, ".TP\n\\fB%s\\fR", roff(o.name))
			if o.value != "" {
				fmt.Fprintf(&b, " \\fI%s\\fR", roff(o.value))
			}
			fmt.Fprintf(&b, "\n%s\n", roff(o.says))
		}
	}
	fmt.Fprintf(&b, ".SH FILES\n.TP\n.I %s\nThe configuration, where neither \\fB\\-config\\fR nor OUTPOST_CONFIG names another one.\n", usualFile)
	fmt.Fprintf(&b, ".SH ENVIRONMENT\n.TP\n.B OUTPOST_CONFIG\nNames the configuration.\n")
	fmt.Fprintf(&b, ".TP\n.BR OUTPOST_ISSUER \", ...\"\nAre the configuration, where there is no file: docs/configuration.md lists them.\n")
	fmt.Fprintf(&b, ".SH EXIT STATUS\n0 is well, 1 a problem that the message describes, 2 a wrong command line.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// builtOn is the day of the source that the program is of; today where it does not
// know.
func builtOn() time.Time {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if at, err := time.Parse(time.RFC3339, s.Value); err == nil && s.Key == "vcs.time" {
				return at
			}
		}
	}
	return time.Now()
}

// roff has text stand for itself: a hyphen is no dash, and no line is a request.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n.", "\n\\&.", "\n'", "\n\\&'").Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

// quoted is an argument of a request.
func quoted(s string) string { return `"` + strings.ReplaceAll(roff(s), `"`, `\(dq`) + `"` }

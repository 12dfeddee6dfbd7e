package main

// help.go is what --help says, of outpost and of each command.

import (
	"context"
	"fmt"
	"io"
	"strings"
)

const headline = "outpost answers nginx's auth_request and signs people in at an OpenID provider."

// whichFile says which configuration a command reads.
const whichFile = "OUTPOST_CONFIG names the file where -config does not; without both it is /config/outpost.yaml,\nor variables such as OUTPOST_ISSUER alone: docs/configuration.md."

func help() subcommand {
	return subcommand{
		name: "help", takes: "[COMMAND]", says: "say what a command does and takes", arguments: 2, noFile: true,
		do: func(_ context.Context, p program, _ string, args []string) error {
			if len(args) == 0 {
				printHelp(p.stdout)
				return nil
			}
			c, rest, err := choose(args)
			if err == nil && len(rest) > 0 {
				err = fmt.Errorf("help: unexpected argument %q", rest[0])
			}
			if err != nil {
				return wrongUse{err}
			}
			c.printHelp(p.stdout)
			return nil
		},
	}
}

// printHelp lists the commands.
func printHelp(w io.Writer) {
	fmt.Fprintf(w, "%s\n\nusage: outpost [COMMAND] [FLAGS] [ARGUMENTS]\n\n", headline)
	for _, c := range commands() {
		fmt.Fprintf(w, "  outpost %-22s  %s\n", strings.TrimSpace(c.name+" "+c.takes), c.says)
	}
	fmt.Fprintf(w, "\noutpost COMMAND --help lists its flags. %s\n", whichFile)
}

// printHelp lists the command's flags.
func (c subcommand) printHelp(w io.Writer) {
	options := c.options()
	line := "outpost " + c.name
	if len(options) > 0 {
		line += " [FLAGS]"
	}
	fmt.Fprintf(w, "usage: %s\n\nThis is to %s.\n", strings.TrimSpace(line+" "+c.takes), c.says)
	if c.more != "" {
		fmt.Fprintf(w, "%s\n", c.more)
	}
	if len(options) > 0 {
		fmt.Fprintln(w)
	}
	for _, o := range options {
		fmt.Fprintf(w, "  %-20s  %s\n", strings.TrimSpace(o.name+" "+o.value), o.says)
	}
	if !c.noFile {
		fmt.Fprintf(w, "\n%s\n", whichFile)
	}
}

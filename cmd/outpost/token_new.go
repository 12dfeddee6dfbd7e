package main

// `outpost token new` makes a token for a machine client and prints it, once,
// with the entry that knows it. It reads no file and asks no process.

import (
	"context"
	"flag"
	"fmt"
	"regexp"
	"slices"

	"outpost/auth"
)

// machineName is what the configuration takes as a token's name.
var machineName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func tokenNew() subcommand {
	var name string
	return subcommand{
		name: "token new", says: "make a token for a machine client, and its entry for the configuration",
		noFile: true,
		flags:  func(f *flag.FlagSet) { f.StringVar(&name, "name", "machine", "call the client `NAME`") },
		do: func(_ context.Context, p program, _ string, _ []string) error {
			switch {
			case !machineName.MatchString(name):
				return wrongUse{fmt.Errorf("token new: -name is made of lower-case letters, digits and hyphens, got %q", name)}
			case slices.Contains(auth.MachineKinds(), name):
				return wrongUse{fmt.Errorf("token new: -name %s stands for clients without a name: take another", name)}
			}
			token, hash := auth.NewToken()
			fmt.Fprintf(p.stdout, `%s

Give this to the client. It is shown once and kept nowhere; the file has its hash alone:

tokens:
  - name: %s
    hash: %q
    applications: []   # the names of those that it opens
`, token, name, hash)
			return nil
		},
	}
}

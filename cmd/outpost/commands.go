package main

// commands.go is the table of subcommands. What the command line takes, what
// --help says, what a shell completes and what the manual page lists are all made
// of it, so that none of them can forget one.

import (
	"context"
	"flag"
	"fmt"
	"strings"
)

// commands are all there are, in the order in which help lists them. A new one is
// a line here, and a function beside what it does.
func commands() []subcommand {
	return []subcommand{
		{name: "serve", says: "serve until SIGTERM; this is what outpost does without a command", do: plain(serve)},
		{name: "check", says: "say everything that is wrong with the configuration", do: plain(check)},
		{name: "config dump", says: "print the effective configuration, secrets hidden", do: plain(configDump)},
		configSchema(),
		explainURL(),
		doctorCommand(),
		{name: "healthcheck", says: "ask a running outpost whether it is well", do: plain(healthcheck)},
		sessionsList(),
		sessionsShow(),
		sessionsRevoke(),
		{name: "secret rotate", says: "seal with a new secret; nobody is signed out", do: secretRotate},
		tokenNew(),
		lint(),
		nginxIncludes(),
		importFrom(),
		{name: "version", says: "print the version", noFile: true, do: printVersion},
		completion(),
		man(),
		help(),
	}
}

// subcommand is one of them.
type subcommand struct {
	name      string              // one word, or two
	takes     string              // its arguments as help shows them, such as "URL"; a shell completes FILE and DIR, and words as in "bash|zsh"
	says      string              // what it does, in half a sentence
	more      string              // what else there is to say of it, in whole sentences; "" for nothing
	flags     func(*flag.FlagSet) // those besides -config, each with words on it in which `NAME` stands for its value; nil for none
	arguments int                 // how many it takes at most
	noFile    bool                // it reads no configuration
	do        func(ctx context.Context, p program, file string, args []string) error
}

// plain is what a command does without flags and arguments of its own.
func plain(do func(context.Context, program, string) error) func(context.Context, program, string, []string) error {
	return func(ctx context.Context, p program, file string, _ []string) error { return do(ctx, p, file) }
}

// choose returns the command that a command line begins with, and the rest of
// the line. One that begins with no word serves.
func choose(args []string) (subcommand, []string, error) {
	all := commands()
	if len(args) == 0 || args[0] == "" || args[0][0] == '-' {
		return all[0], args, nil
	}
	for words := min(2, len(args)); words > 0; words-- {
		name := strings.Join(args[:words], " ")
		for _, c := range all {
			if c.name == name {
				return c, args[words:], nil
			}
		}
	}
	return subcommand{}, nil, fmt.Errorf("there is no command %q", args[0])
}

// flagSet is what the command's flags are read into; file is set to what -config
// says, and fallback is that where it says nothing.
func (c subcommand) flagSet(file *string, fallback string) *flag.FlagSet {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	if !c.noFile {
		flags.StringVar(file, "config", fallback, "read the configuration from `FILE`")
	}
	if c.flags != nil {
		c.flags(flags)
	}
	return flags
}

// option is a flag as people see it.
type option struct {
	name  string // with its hyphens
	value string // what stands for its value; "" where it takes none
	says  string
}

// options are the command's, -config first and the others by name.
func (c subcommand) options() []option {
	var file string
	var all []option
	c.flagSet(&file, "").VisitAll(func(f *flag.Flag) {
		value, says := flag.UnquoteUsage(f)
		o := option{"--" + f.Name, value, says}
		if f.Name == "config" {
			o.name = "-config"
			all = append([]option{o}, all...)
			return
		}
		all = append(all, o)
	})
	return all
}

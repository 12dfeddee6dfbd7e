// Command outpost answers nginx's auth_request from memory and signs people in
// at an OpenID provider.
//
// This package is the program: it reads the configuration file, wires the
// other packages, listens and counts. There is one file for each subcommand;
// without one, it serves. What a check, a session or a rule is, it does not
// know.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"outpost/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // from here on a second signal ends the process at once
	code := run(ctx, program{os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// program is what a run gets from the operating system.
type program struct {
	args   []string
	env    func(string) (string, bool)
	stdout io.Writer
	stderr io.Writer
}

const usage = `outpost answers nginx's auth_request and signs people in at an OpenID provider.

  outpost -config FILE               serve until SIGTERM
  outpost check -config FILE         say everything that is wrong with FILE
  outpost config dump -config FILE   print the effective configuration, secrets hidden
  outpost explain -config FILE [--user U] [--groups A,B] [--email E] [--claim C=V] [--ip A] [--method M]
                  [--amr A,B] [--acr C] [--json] URL   how a check of URL would be answered, and by which rule
  outpost healthcheck -config FILE   ask a running outpost whether it is well
  outpost version                    print the version

  outpost sessions list -config FILE [FILTER…] [--json]          who is signed in
  outpost sessions show -config FILE ID [--json]                 one session, by its ID or the start of it
  outpost sessions revoke -config FILE ID|FILTER…|--all [--json] end sessions, at once
  outpost secret rotate -config FILE                             seal with a new secret; nobody is signed out
  outpost token new [-name NAME]                                 make a token for a machine client, and its entry for FILE
  outpost lint [--root DIR] [--samples] [--json] DIR|FILE         say what in an nginx configuration asks nobody, or asks wrongly

FILTERs, all of which have to fit: --user NAME (username, email or subject), --application NAME,
--provider NAME, --before TIME (created before 2026-11-26T08:00:00Z, or 24h ago).
OUTPOST_CONFIG names the file where -config does not.
`

// Exit statuses: 0 is well, 1 is a problem that the message describes, 2 is a
// wrong command line; lint has its own.
func run(ctx context.Context, p program) int {
	name, rest := "serve", p.args
	commands := map[string]subcommand{
		"serve": plain(serve), "check": plain(check), "config dump": plain(configDump), "healthcheck": plain(healthcheck),
		"sessions list": sessionsList(), "sessions show": sessionsShow(), "sessions revoke": sessionsRevoke(),
		"secret rotate": {do: secretRotate}, "explain": explainURL(), "token new": tokenNew(), "lint": lint(),
	}
	if len(rest) >= 1 && rest[0] != "" && rest[0][0] != '-' {
		name, rest = rest[0], rest[1:]
		if len(rest) >= 1 {
			if _, two := commands[name+" "+rest[0]]; two {
				name, rest = name+" "+rest[0], rest[1:]
			}
		}
	}
	c, known := commands[name]
	switch {
	case name == "help":
		fmt.Fprint(p.stdout, usage)
		return 0
	case name == "version" && len(rest) == 0:
		fmt.Fprintln(p.stdout, versionLine())
		return 0
	case name == "version":
		return p.wrong(fmt.Errorf("version: unexpected argument %q", rest[0]))
	case !known:
		return p.wrong(fmt.Errorf("there is no command %q", name))
	}
	file, args, err := p.parse(name, c, rest)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(p.stdout, usage)
		return 0
	case err != nil:
		return p.wrong(err)
	}
	if err := c.do(ctx, p, file, args); err != nil {
		var problems config.Problems
		var use wrongUse
		var status exitStatus
		switch {
		case errors.As(err, &use):
			return p.wrong(use)
		case errors.As(err, &status):
			return int(status)
		case errors.As(err, &problems):
			fmt.Fprintln(p.stderr, problems.Error()) // has its own headline
		default:
			fmt.Fprintf(p.stderr, "outpost: %v\n", err)
		}
		return 1
	}
	return 0
}

// subcommand is one of those in usage.
type subcommand struct {
	flags     func(*flag.FlagSet) // those besides -config; nil for none
	arguments int                 // how many it takes at most
	noFile    bool                // it reads no configuration
	do        func(ctx context.Context, p program, file string, args []string) error
}

// plain is a command without flags and arguments of its own.
func plain(do func(context.Context, program, string) error) subcommand {
	return subcommand{do: func(ctx context.Context, p program, file string, _ []string) error { return do(ctx, p, file) }}
}

// exitStatus is how a command ends that has said everything itself.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// wrongUse is a command line that a command itself finds wrong.
type wrongUse struct{ error }

// wrong tells what is wrong with the command line, and what is right.
func (p program) wrong(err error) int {
	fmt.Fprintf(p.stderr, "outpost: %v\n\n%s", err, usage)
	return 2
}

// parse reads a command's flags, which may stand before and after its arguments.
func (p program) parse(name string, c subcommand, rest []string) (file string, args []string, err error) {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	fallback, _ := p.env("OUTPOST_CONFIG")
	if !c.noFile {
		flags.StringVar(&file, "config", fallback, "")
	}
	if c.flags != nil {
		c.flags(flags)
	}
	for {
		if err := flags.Parse(rest); err != nil {
			return "", nil, err
		}
		if flags.NArg() == 0 {
			break
		}
		if args = append(args, flags.Arg(0)); len(args) > c.arguments {
			return "", nil, fmt.Errorf("%s: unexpected argument %q", name, flags.Arg(0))
		}
		rest = flags.Args()[1:]
	}
	if file == "" && !c.noFile {
		return "", nil, errors.New("no configuration file: name one with -config FILE or in OUTPOST_CONFIG")
	}
	return file, args, nil
}

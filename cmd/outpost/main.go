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
	"strings"
	"syscall"

	"outpost/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // from here on a second signal ends the process at once
	code := run(ctx, program{os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr, variableNames})
	stop()
	os.Exit(code)
}

// program is what a run gets from the operating system.
type program struct {
	args   []string
	env    func(string) (string, bool)
	stdout io.Writer
	stderr io.Writer
	names  func() []string // of the variables that env knows
}

func variableNames() (names []string) {
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		names = append(names, name)
	}
	return names
}

// Exit statuses: 0 is well, 1 is a problem that the message describes, 2 is a
// wrong command line; lint has its own.
func run(ctx context.Context, p program) int {
	if len(p.args) > 2 && p.args[0] == "completion" && p.args[1] == "words" { // which may be flags of other commands
		p.printCandidates(p.args[2:])
		return 0
	}
	c, rest, err := choose(p.args)
	if err != nil {
		return p.wrong(nil, err)
	}
	file, args, err := p.parse(c, rest)
	switch {
	case errors.Is(err, flag.ErrHelp) && c.name == "serve":
		printHelp(p.stdout)
		return 0
	case errors.Is(err, flag.ErrHelp):
		c.printHelp(p.stdout)
		return 0
	case err != nil && !errors.As(err, new(config.Problems)):
		return p.wrong(&c, err)
	}
	if err == nil && !c.noFile && c.name != "serve" { // serve has a data directory to take along
		_, err = p.become("")
	}
	if err == nil {
		err = c.do(ctx, p, file, args)
	}
	if err != nil {
		var problems config.Problems
		var use wrongUse
		var status exitStatus
		switch {
		case errors.As(err, &use):
			return p.wrong(&c, use)
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

// exitStatus is how a command ends that has said everything itself.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// wrongUse is a command line that a command itself finds wrong.
type wrongUse struct{ error }

// wrong tells what is wrong with the command line, and what is right: of the
// command, where there is one.
func (p program) wrong(c *subcommand, err error) int {
	fmt.Fprintf(p.stderr, "outpost: %v\n\n", err)
	if c == nil {
		printHelp(p.stderr)
	} else {
		c.printHelp(p.stderr)
	}
	return 2
}

// parse reads a command's flags, which may stand before and after its arguments.
func (p program) parse(c subcommand, rest []string) (file string, args []string, err error) {
	fallback, _ := p.env("OUTPOST_CONFIG")
	flags := c.flagSet(&file, fallback)
	flags.SetOutput(io.Discard)
	for {
		if err := flags.Parse(rest); err != nil {
			return "", nil, err
		}
		if flags.NArg() == 0 {
			break
		}
		if args = append(args, flags.Arg(0)); len(args) > c.arguments {
			return "", nil, fmt.Errorf("%s: unexpected argument %q", c.name, flags.Arg(0))
		}
		rest = flags.Args()[1:]
	}
	if !c.noFile {
		file, err = p.locate(file)
	}
	return file, args, err
}

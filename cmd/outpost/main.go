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
  outpost healthcheck -config FILE   ask a running outpost whether it is well
  outpost version                    print the version

OUTPOST_CONFIG names the file where -config does not.
`

// Exit statuses: 0 is well, 1 is a problem that the message describes, 2 is a
// wrong command line.
func run(ctx context.Context, p program) int {
	command, rest := "serve", p.args
	switch {
	case len(rest) >= 2 && rest[0] == "config" && rest[1] == "dump":
		command, rest = "config dump", rest[2:]
	case len(rest) >= 1 && rest[0] != "" && rest[0][0] != '-':
		command, rest = rest[0], rest[1:]
	}
	commands := map[string]func(context.Context, program, string) error{
		"serve": serve, "check": check, "config dump": configDump, "healthcheck": healthcheck,
	}
	do, known := commands[command]
	switch {
	case command == "help":
		fmt.Fprint(p.stdout, usage)
		return 0
	case command == "version" && len(rest) == 0:
		fmt.Fprintln(p.stdout, versionLine())
		return 0
	case command == "version":
		return p.wrong(fmt.Errorf("version: unexpected argument %q", rest[0]))
	case !known:
		return p.wrong(fmt.Errorf("there is no command %q", command))
	}
	file, err := p.configFile(command, rest)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(p.stdout, usage)
		return 0
	case err != nil:
		return p.wrong(err)
	}
	if err := do(ctx, p, file); err != nil {
		var problems config.Problems
		if errors.As(err, &problems) {
			fmt.Fprintln(p.stderr, problems.Error()) // has its own headline
		} else {
			fmt.Fprintf(p.stderr, "outpost: %v\n", err)
		}
		return 1
	}
	return 0
}

// wrong tells what is wrong with the command line, and what is right.
func (p program) wrong(err error) int {
	fmt.Fprintf(p.stderr, "outpost: %v\n\n%s", err, usage)
	return 2
}

// configFile reads a command's flags.
func (p program) configFile(command string, args []string) (string, error) {
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	fallback, _ := p.env("OUTPOST_CONFIG")
	file := flags.String("config", fallback, "")
	if err := flags.Parse(args); err != nil {
		return "", err
	}
	switch {
	case flags.NArg() > 0:
		return "", fmt.Errorf("%s: unexpected argument %q", command, flags.Arg(0))
	case *file == "":
		return "", errors.New("no configuration file: name one with -config FILE or in OUTPOST_CONFIG")
	}
	return *file, nil
}

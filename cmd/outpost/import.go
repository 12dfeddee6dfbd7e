package main

// `outpost import` makes a configuration of ours of another tool's. What becomes of
// what, package migrate knows; this file reads the files and prints.

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"outpost/migrate"
)

const maxImport = 8 << 20

func importFrom() subcommand {
	var out string
	return subcommand{
		name: "import", takes: "oauth2-proxy|vouch|tinyauth|authentik FILE…", says: "print a configuration made of another tool's",
		noFile: true, arguments: 1000,
		flags: func(f *flag.FlagSet) {
			f.StringVar(&out, "out", "", "write it into `FILE`, which must not be there yet")
		},
		do: func(_ context.Context, p program, _ string, args []string) error {
			if len(args) < 2 {
				return wrongUse{errors.New("import: name the tool, one of " + strings.Join(migrate.Tools(), ", ") + ", and its files")}
			}
			return p.importFiles(args[0], args[1:], out)
		},
	}
}

func (p program) importFiles(tool string, names []string, out string) error {
	var files []migrate.Text
	for _, name := range names {
		text, err := readImport(name)
		if err != nil {
			return fmt.Errorf("import: %w", err)
		}
		files = append(files, migrate.Text{Name: name, Text: text})
	}
	result, err := migrate.From(tool, files)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	for _, warning := range result.Warnings {
		fmt.Fprintf(p.stderr, "outpost: warning: %s\n", warning)
	}
	if out == "" {
		_, err = io.WriteString(p.stdout, result.YAML)
		return err
	}
	// Not over a file that is there: somebody may have gone on with it.
	f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("import: writing the configuration: %w", err)
	}
	_, err = io.WriteString(f, result.YAML)
	return errors.Join(err, f.Close())
}

func readImport(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxImport+1))
	if err == nil && len(text) > maxImport {
		err = fmt.Errorf("%s: is larger than 8 MiB", name)
	}
	return text, err
}

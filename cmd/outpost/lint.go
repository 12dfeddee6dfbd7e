package main

// `outpost lint` says which locations of an nginx configuration ask nobody, and
// what is wrong with those that ask. What is right and wrong there, package
// nginx knows; this file prints it. It reads no configuration of the outpost
// and asks no process.

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"outpost/nginx"
)

// Exit statuses of lint beside 0.
const (
	lintFindings exitStatus = 1
	lintUnread   exitStatus = 2 // something could not be read, so that nothing is known about it
)

func lint() subcommand {
	var o nginx.Options
	var asJSON bool
	return subcommand{
		name: "lint", takes: "DIR|FILE", says: "say what in an nginx configuration asks nobody, or asks wrongly",
		noFile:    true,
		arguments: 1,
		flags: func(f *flag.FlagSet) {
			f.StringVar(&o.Root, "root", "", "the folder `DIR` that nginx has as /config/nginx")
			f.BoolVar(&o.Samples, "samples", false, "read .conf.sample files in place of .conf")
			f.BoolVar(&asJSON, "json", false, "print JSON")
		},
		do: func(_ context.Context, p program, _ string, args []string) error {
			if len(args) == 0 {
				return wrongUse{errors.New("lint: name a folder such as /config/nginx, a file, or a file with the output of nginx -T")}
			}
			report, err := nginx.Lint(args[0], o)
			if err != nil {
				fmt.Fprintf(p.stderr, "outpost: %v\n", err)
				return lintUnread
			}
			for _, u := range report.Unread {
				fmt.Fprintf(p.stderr, "outpost: could not read: %s\n", u)
			}
			if asJSON {
				encoder := json.NewEncoder(p.stdout)
				encoder.SetEscapeHTML(false)
				encoder.SetIndent("", "  ")
				err = encoder.Encode(report.Rows)
			} else {
				err = lintText(p.stdout, report)
			}
			switch {
			case err != nil:
				return fmt.Errorf("printing what was found: %w", err)
			case len(report.Unread) > 0:
				return lintUnread
			case report.Findings() > 0:
				return lintFindings
			}
			return nil
		},
	}
}

// lintText prints the rows file by file, a line each, and a summary.
func lintText(w io.Writer, report nginx.Report) error {
	var b strings.Builder
	file := ""
	for _, row := range together(report.Rows) {
		if row.File != file {
			file = row.File
			fmt.Fprintf(&b, "%s\n", file)
		}
		fmt.Fprintf(&b, "%6d  %-10s  %s\n", row.Line, cmp.Or(string(row.Verdict), "-"), strings.Join(lintWords(row), "  "))
	}
	if file != "" {
		b.WriteByte('\n')
	}
	b.WriteString(lintSummary(report))
	_, err := io.WriteString(w, b.String())
	return err
}

// lintWords are what a line says after number and verdict.
func lintWords(row nginx.Row) (words []string) {
	for _, word := range []string{row.Server, row.Location} {
		if word != "" {
			words = append(words, word)
		}
	}
	if row.Rule == "" && row.URL != "" {
		words = append(words, row.URL)
	}
	if row.Finding != "" {
		words = append(words, row.Finding)
	}
	if row.Rule != "" {
		words = append(words, "["+row.Rule+"]")
	}
	return words
}

// together makes one line of what is the same in several servers, which is
// what a file does that they all include.
func together(rows []nginx.Row) (lines []nginx.Row) {
	type key struct {
		file, location, rule, finding string
		line                          int
		verdict                       nginx.Verdict
	}
	at, servers := map[key]int{}, map[key]int{}
	for _, row := range rows {
		k := key{row.File, row.Location, row.Rule, row.Finding, row.Line, row.Verdict}
		if i, seen := at[k]; seen {
			servers[k]++
			lines[i].Server, lines[i].URL = fmt.Sprintf("%d servers", servers[k]), ""
			continue
		}
		at[k], servers[k] = len(lines), 1
		lines = append(lines, row)
	}
	return lines
}

func lintSummary(report nginx.Report) string {
	count, locations := map[nginx.Verdict]int{}, 0
	type place struct {
		file, server, location string
		line                   int
	}
	seen := map[place]bool{}
	for _, row := range report.Rows {
		p := place{row.File, row.Server, row.Location, row.Line}
		if row.Verdict == "" || row.Rule != "" && row.Rule != nginx.OpenByAccident || seen[p] {
			continue
		}
		seen[p] = true
		count[row.Verdict]++
		locations++
	}
	var parts []string
	for _, v := range []nginx.Verdict{nginx.Protected, nginx.Open, nginx.Accidental, nginx.Outpost} {
		parts = append(parts, fmt.Sprintf("%d %s", count[v], v))
	}
	var files []string
	for _, row := range report.Rows {
		if row.Rule != "" && !slices.Contains(files, row.File) {
			files = append(files, row.File)
		}
	}
	summary := fmt.Sprintf("locations: %d (%s); findings: %d; files with findings: %d.\n", locations, strings.Join(parts, ", "), report.Findings(), len(files))
	if n := len(report.Unread); n > 0 {
		summary += fmt.Sprintf("NOT KNOWN: %d more, named on standard error, could not be read. Nothing around them counts as protected.\n", n)
	}
	return summary
}

package main

// What a run prints: tables, as text on the terminal and as Markdown between two
// marks in the pages that show them.

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
)

// sheet is one table and what is to be said of it.
type sheet struct {
	title   string
	columns []string // of the figures; the first column is the rows' names
	rows    [][]string
	notes   []string
}

func (s *sheet) add(name string, figures ...string) {
	s.rows = append(s.rows, append([]string{name}, figures...))
}

func (s *sheet) text(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n\n", s.title)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\t%s\t\n", strings.Join(s.columns, "\t"))
	for _, row := range s.rows {
		fmt.Fprintf(t, "%s\t\n", strings.Join(row, "\t"))
	}
	t.Flush()
	for _, note := range s.notes {
		fmt.Fprintf(w, "\n%s\n", note)
	}
}

func (s *sheet) markdown(w io.Writer) {
	fmt.Fprintf(w, "\n### %s\n\n| | %s |\n|---|%s\n", s.title, strings.Join(s.columns, " | "), strings.Repeat("--:|", len(s.columns)))
	for _, row := range s.rows {
		fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
	}
	for _, note := range s.notes {
		fmt.Fprintf(w, "\n%s\n", note)
	}
}

// The marks stand on lines of their own.
const beginMark, endMark = "<!-- figures: make bench BENCH=-write -->\n", "<!-- end of figures -->\n"

// rewrite puts text between the marks of a page, which has to have them.
func rewrite(page, text string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, begins := bytes.Cut(old, []byte(beginMark))
	_, after, ends := bytes.Cut(rest, []byte(endMark))
	if !begins || !ends {
		return fmt.Errorf("writing %s: it does not have the lines %q and %q", page, strings.TrimSpace(beginMark), strings.TrimSpace(endMark))
	}
	return os.WriteFile(page, fmt.Appendf(nil, "%s%s%s\n%s%s", before, beginMark, text, endMark, after), 0o644)
}

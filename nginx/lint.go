package nginx

// What is wrong with a configuration, as rows: one for each location with its
// verdict, and one for each finding.

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Options say what to read.
type Options struct {
	// Root is the folder that nginx has as /config/nginx. Empty: the folder that
	// is linted, or the one that a file is in (the one above proxy-confs and
	// site-confs).
	Root string
	// Samples reads *.conf.sample in place of *.conf, each by itself, as if its
	// lines for authentik were no comments.
	Samples bool
}

// OpenByAccident is the rule of a row that is a verdict and a finding at once.
const OpenByAccident = "open-by-accident"

// Row is one verdict or one finding.
type Row struct {
	File     string  `json:"file"`
	Line     int     `json:"line"`     // of the location, or of what is wrong
	Server   string  `json:"server"`   // the first server_name; "_" without one, "" for a part of a server
	Location string  `json:"location"` // as it is written; "" for the server itself
	Verdict  Verdict `json:"verdict"`  // on the location; "" for a row about a server or a file
	Rule     string  `json:"rule"`     // the finding's name; "" where there is none
	Finding  string  `json:"finding"`  // what, why and what to do; or the reason of the verdict, or ""
	URL      string  `json:"url"`      // that the location answers; "" where none is known or needed
}

// Report is what Lint found.
type Report struct {
	Rows   []Row    // by file and line; empty, not nil, for none
	Unread []Unread // nothing is known about what these would have said; nil for none
}

// Findings is how many rows are findings.
func (r Report) Findings() (n int) {
	for _, row := range r.Rows {
		if row.Rule != "" {
			n++
		}
	}
	return n
}

// Lint reads a configuration: a folder such as SWAG's /config/nginx, one file
// of it, or a file with the output of nginx -T. It asks no nginx and changes
// nothing. The error says that there was nothing to read; what could not be
// read of the rest is in the report, and no location that it may concern counts
// as protected.
func Lint(name string, o Options) (Report, error) {
	info, err := os.Stat(name)
	if err != nil {
		return Report{}, fmt.Errorf("reading %s: %w", name, errors.Unwrap(err))
	}
	l := &linter{seen: map[Row]bool{}}
	switch {
	case info.IsDir():
		err = l.folder(filepath.Clean(name), o)
	default:
		err = l.file(filepath.Clean(name), o)
	}
	if err != nil {
		return Report{}, err
	}
	// Stable: a location's verdict stays before its findings.
	slices.SortStableFunc(l.rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Server, b.Server))
	})
	return Report{Rows: append([]Row{}, l.rows...), Unread: l.unread}, nil
}

// linter gathers rows.
type linter struct {
	rows   []Row
	seen   map[Row]bool
	unread []Unread
}

// folder reads a tree: by its nginx.conf if it has one, else file by file.
func (l *linter) folder(name string, o Options) error {
	if o.Root == "" {
		o.Root = name
	}
	main := filepath.Join(name, "nginx.conf")
	if _, err := os.Stat(main); err == nil && !o.Samples {
		return l.file(main, o)
	}
	pattern := "*.conf"
	if o.Samples {
		pattern = "*.conf.sample"
	}
	var files []string
	for _, below := range []string{"", "site-confs", "proxy-confs"} {
		found, err := filepath.Glob(filepath.Join(name, below, pattern))
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return fmt.Errorf("reading %s: no nginx.conf and no %s in it, in site-confs or in proxy-confs: name the folder that nginx has as %s", name, pattern, swagRoot)
	}
	for _, file := range files {
		if err := l.file(file, o); err != nil {
			return err
		}
	}
	return nil
}

// file reads one file with what it includes.
func (l *linter) file(name string, o Options) error {
	if o.Root == "" {
		o.Root = filepath.Dir(name)
		if base := filepath.Base(o.Root); base == "proxy-confs" || base == "site-confs" {
			o.Root = filepath.Dir(o.Root)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, errors.Unwrap(err))
	}
	t := &tree{versions: map[string]version{}}
	if d, is := parseDump(string(text)); is {
		t.from, name = d, d.main
	} else {
		from := disk{root: filepath.Clean(o.Root), first: name, text: string(text)}
		if o.Samples || strings.HasSuffix(name, ".sample") {
			from.sample = switchedOn
		}
		t.from = from
	}
	l.lint(t, t.load(name, nil, 0))
	for _, u := range t.unread {
		if !slices.Contains(l.unread, u) {
			l.unread = append(l.unread, u)
		}
	}
	t.staleFiles(func(file, text string) { l.add(Row{File: file, Line: 1, Rule: "stale-file", Finding: text}) })
	return nil
}

// lint goes through the servers of a configuration.
func (l *linter) lint(t *tree, list []*Directive) {
	_, found := servers(list)
	for _, s := range found {
		verdicts := map[*scope]judgement{}
		site := newSite(s, func(string, *Directive, *scope, string) {})
		site.all(func(at *scope) { verdicts[at] = site.judge(at) })
		var findings []Row
		site.report = func(rule string, at *Directive, where *scope, text string) {
			row := Row{File: at.File, Line: at.Line, Server: s.label, Rule: rule, Finding: text}
			if where != nil && where != &s.scope {
				row.Location, row.Verdict = where.spelled(), verdicts[where].verdict
			}
			findings = append(findings, row)
		}
		site.all(func(at *scope) {
			j := site.judge(at) // once more, for its findings
			if s.fragment && at.at.Name == "location" && at.name == "" {
				return // the lines of a location, which is elsewhere
			}
			row := Row{File: at.at.File, Line: at.at.Line, Server: s.label, Location: at.spelled(), Verdict: j.verdict, Finding: j.why, URL: j.url}
			if j.found {
				row.Rule = OpenByAccident
			}
			l.add(row)
		})
		site.serverRules()
		site.identityRules()
		site.bypassRules()
		l.findings(findings)
	}
}

// findings adds rows, each once: what is wrong with a file that many servers
// include is one thing to mend.
func (l *linter) findings(rows []Row) {
	for _, row := range rows {
		once := Row{File: row.File, Line: row.Line, Rule: row.Rule, Finding: row.Finding}
		if !l.seen[once] {
			l.seen[once] = true
			l.add(row)
		}
	}
}

func (l *linter) add(row Row) {
	if !l.seen[row] {
		l.seen[row] = true
		l.rows = append(l.rows, row)
	}
}

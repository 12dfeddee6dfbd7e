package main

// `outpost explain` says how a check of a URL would be answered, for whom, and
// why: from the file alone, without the daemon.

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"

	"outpost/auth"
	"outpost/config"
	"outpost/headers"
	"outpost/session"
	"outpost/session/memory"
)

// who is of whom the command line asks.
type who struct {
	user, groups, email, ip, method, amr, acr string
	claims                                    []string
	json                                      bool
}

func explainURL() subcommand {
	var w who
	return subcommand{
		name: "explain", takes: "URL", says: "say how a check of URL would be answered, for whom, and by which rule",
		arguments: 1,
		flags: func(f *flag.FlagSet) {
			f.StringVar(&w.user, "user", "", "their user name, `U`")
			f.StringVar(&w.groups, "groups", "", "their groups, as `A,B`")
			f.StringVar(&w.email, "email", "", "their email address, `E`, which counts as verified")
			f.StringVar(&w.ip, "ip", "", "their address, `A`")
			f.StringVar(&w.method, "method", "GET", "the request's method, `M`; GET where it is left out")
			f.StringVar(&w.amr, "amr", "", "how they proved who they are, as `A,B`")
			f.StringVar(&w.acr, "acr", "", "how well, in the provider's words: `C`")
			f.BoolVar(&w.json, "json", false, "print it as JSON")
			f.Func("claim", "what the provider says of them, as `C=V`; may be given several times", func(s string) error {
				if path, _, ok := strings.Cut(s, "="); !ok || path == "" {
					return errors.New("want CLAIM=VALUE")
				}
				w.claims = append(w.claims, s)
				return nil
			})
		},
		do: func(_ context.Context, p program, file string, args []string) error { return w.explain(p, file, args) },
	}
}

func (w who) explain(p program, file string, args []string) error {
	if len(args) != 1 {
		return wrongUse{errors.New("explain: say which URL, such as https://app.example.com/admin")}
	}
	q := auth.Question{URL: args[0], Method: strings.ToUpper(w.method), Identity: w.identity(), AMR: listed(w.amr), ACR: w.acr}
	if w.ip != "" {
		addr, err := netip.ParseAddr(w.ip)
		if err != nil {
			return wrongUse{fmt.Errorf("explain: --ip %q is no address", w.ip)}
		}
		q.Client = addr
	}
	c, err := config.Load(file, p.env)
	if err != nil {
		return err
	}
	o, err := auth.New(wiring(c, memory.New(), [][]byte{make([]byte, 32)}, slog.New(slog.DiscardHandler), newMetrics(c)))
	if err != nil {
		return fmt.Errorf("%s: %w", whereFrom(file), err)
	}
	e, err := o.Explain(q)
	if err != nil {
		return wrongUse{fmt.Errorf("explain: %q is no absolute http or https URL: write it as https://app.example.com/admin", args[0])}
	}
	if w.json {
		return printJSON(p.stdout, e)
	}
	printExplanation(p.stdout, args[0], e)
	return nil
}

// identity is whom the flags describe; nil for nobody. What an operator says of
// them counts as verified.
func (w who) identity() *session.Identity {
	if w.user == "" && w.groups == "" && w.email == "" && len(w.claims) == 0 {
		return nil
	}
	id := &session.Identity{Username: w.user, Groups: listed(w.groups), Email: w.email, EmailVerified: w.email != ""}
	for _, claim := range w.claims {
		path, value, _ := strings.Cut(claim, "=")
		if id.Claims == nil {
			id.Claims = map[string][]string{}
		}
		id.Claims[path] = append(id.Claims[path], value)
	}
	return id
}

// listed are the entries of a list with commas; nil for "".
func listed(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// explained is an explanation as JSON has it.
type explained struct {
	Decision    string            `json:"decision"`
	Application *string           `json:"application"`
	Rule        *int              `json:"rule"` // its number, from 1; null where no rule decides
	Line        *int              `json:"line"` // where it is written
	Reason      string            `json:"reason"`
	Headers     map[string]string `json:"headers"` // null unless the answer lets somebody in
	Steps       []explainedStep   `json:"steps"`
}

type explainedStep struct {
	Rule    int    `json:"rule"` // 0 for what holds where no rule matches
	Line    int    `json:"line"`
	Path    string `json:"path"`
	Matched bool   `json:"matched"`
	Text    string `json:"text"`
}

func printJSON(out io.Writer, e auth.Explanation) error {
	v := explained{Decision: e.Decision, Reason: string(e.Reason), Steps: []explainedStep{}}
	if e.Application != "" {
		v.Application = &e.Application
	}
	if e.Rule > 0 {
		v.Rule, v.Line = &e.Rule, &e.Line
	}
	for _, line := range e.Headers {
		if v.Headers == nil {
			v.Headers = map[string]string{}
		}
		v.Headers[line.Name] = line.Value
	}
	for _, s := range e.Steps {
		v.Steps = append(v.Steps, explainedStep{s.Rule, s.Line, s.Path, s.Matched, s.Text})
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

func printExplanation(out io.Writer, url string, e auth.Explanation) {
	fmt.Fprintf(out, "%s (%s)\n", e.Decision, e.Reason)
	fmt.Fprintf(out, "application: %s\n", cmp.Or(e.Application, "none has this host and path"))
	if path := readAs(e, url); path != "" {
		fmt.Fprintf(out, "read as: %s\n", path)
	}
	for _, s := range e.Steps {
		fmt.Fprintf(out, "  %s: %s\n", stepName(s.Rule, s.Line), s.Text)
	}
	if len(e.Headers) > 0 {
		fmt.Fprintln(out, "headers:")
	}
	for _, line := range e.Headers {
		fmt.Fprintln(out, strings.TrimRight("  "+headerLine(line), " "))
	}
}

// readAs is the path that the rules were held to, where that is not plain from
// the URL; "" else.
func readAs(e auth.Explanation, url string) string {
	if len(e.Steps) == 0 || e.Steps[0].Path == "" {
		return ""
	}
	_, rest, _ := strings.Cut(url, "://")
	_, rest, _ = strings.Cut(rest, "/")
	path, _, _ := strings.Cut("/"+rest, "?")
	switch first := e.Steps[0]; {
	case first.Folded:
		return first.Path + ", capitals as small letters"
	case path != first.Path:
		return first.Path
	}
	return ""
}

func headerLine(l headers.Line) string { return l.Name + ": " + l.Value }

func stepName(rule, line int) string {
	switch {
	case rule == 0:
		return "no rule"
	case line == 0:
		return fmt.Sprintf("rule %d", rule)
	}
	return fmt.Sprintf("rule %d (line %d)", rule, line)
}

// Package migrate reads the configurations of oauth2-proxy, vouch, tinyauth and
// authentik, and makes one of ours of them.
//
// Two rules hold for all of them. Nothing is dropped in silence: each key ends as
// a setting, as a line that says that nothing is to be done, or as a warning. And
// nothing gets wider: what restricted who gets in and cannot be said here lets
// nobody in until somebody has written it, and what opened a page without a
// sign-in and cannot be said exactly stays closed.
//
// It reads texts, not files, asks nobody, and does not check what it makes: that
// is `outpost check`'s work. No secret that stood in a text is in what it makes.
package migrate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"outpost/access"
)

// The tools whose configurations are read.
const (
	OAuth2Proxy = "oauth2-proxy"
	Vouch       = "vouch"
	Tinyauth    = "tinyauth"
	Authentik   = "authentik"
)

// Tools are all there are.
func Tools() []string { return []string{OAuth2Proxy, Vouch, Tinyauth, Authentik} }

// Text is one file.
type Text struct {
	Name string // for messages
	Text []byte
}

// Result is a configuration of ours.
type Result struct {
	YAML     string   // with comments that say where each value comes from
	Warnings []string // what has no equal, or has to be looked at; nil for nothing
}

// From makes a configuration of the files of a tool, of which later ones go before
// earlier ones where both say something. The error says which of them could not
// be read, or that there was nothing of this tool's in them.
func From(tool string, files []Text) (Result, error) {
	var d *draft
	var err error
	switch tool {
	case OAuth2Proxy:
		d, err = fromOAuth2Proxy(files)
	case Vouch:
		d, err = fromVouch(files)
	case Tinyauth:
		d, err = fromTinyauth(files)
	case Authentik:
		d, err = fromAuthentik(files)
	default:
		return Result{}, fmt.Errorf("there is no import from %q: choose from %s", tool, strings.Join(Tools(), ", "))
	}
	if err != nil {
		return Result{}, err
	}
	return Result{d.yaml(tool), d.warnings}, nil
}

// draft is a configuration in the making.
type draft struct {
	provider     section
	applications []*application
	session      section
	redis        section
	other        section // of the top level
	nothing      []string
	warnings     []string
}

// application is one in the making.
type application struct {
	section
	// Of allow, every entry has to hold: a condition as YAML in flow style, and
	// where it comes from.
	allow []line
	rules []rule
	set   []line // headers of its own
	above []string
}

// rule is one in the making, of which package access knows whether it can decide.
type rule struct {
	access.Rule
	allow string // as YAML; "" where Public or Deny says it
	from  string
	doubt bool // it is written as a comment, to be looked at
}

// section is a list of keys.
type section struct{ lines []line }

// line is a key with its value as YAML, and where it comes from.
type line struct{ key, value, from string }

// put sets a key; what is set twice is what was set last.
func (s *section) put(key, value, from string) {
	for i := range s.lines {
		if s.lines[i].key == key {
			s.lines[i] = line{key, value, from}
			return
		}
	}
	s.lines = append(s.lines, line{key, value, from})
}

func (s *section) has(key string) bool {
	return slices.ContainsFunc(s.lines, func(l line) bool { return l.key == key })
}

// warn says what is not in the configuration, and where it stood.
func (d *draft) warn(from, format string, args ...any) {
	text := from + ": " + fmt.Sprintf(format, args...)
	if !slices.Contains(d.warnings, text) {
		d.warnings = append(d.warnings, text)
	}
}

// needless notes a key for which nothing has to be done.
func (d *draft) needless(from, why string) { d.nothing = append(d.nothing, from+": "+why) }

// closed lets nobody in to a until somebody has said who may: what restricted it
// cannot be said from here.
func (d *draft) closed(a *application, from, what, todo string) {
	a.allow = append(a.allow, line{"", "{ groups: [" + quote("to do: "+what) + "] }", from + ", which has no equal here: " + todo})
	d.warn(from, "has no equal: %s. Nobody gets in to %s until you write who may", todo, a.name())
}

// add adds a rule. One that can never decide, since another has decided before, is
// left out, and one that is wrong is warned of.
func (d *draft) add(a *application, r rule) {
	if r.allow != "" {
		everyone := access.Everyone()
		r.Allow = &everyone
	}
	if r.doubt {
		a.rules = append(a.rules, r)
		return
	}
	all := []access.Rule{}
	for _, one := range a.rules {
		if !one.doubt {
			all = append(all, one.Rule)
		}
	}
	_, err := access.Compile(access.Config{Rules: append(all, r.Rule)})
	switch {
	case err == nil:
		a.rules = append(a.rules, r)
	case strings.Contains(err.Error(), "never decides"):
		d.needless(r.from, "an earlier rule has it")
	default:
		d.warn(r.from, "is no rule here: %v", err)
	}
}

// open adds a public rule for what an expression opened, or warns why it stays
// closed.
func (d *draft) open(a *application, expression string, on subject, methods []string, from string) {
	found, err := convert(expression, on)
	if err != nil {
		d.warn(from, "%s is not opened: %v; what it opened needs a sign-in until you write a rule for it", strconv.Quote(expression), err)
	}
	for _, one := range found {
		r := rule{Rule: access.Rule{Paths: []string{one.path}, Methods: methods, Public: true}, from: from}
		if one.host != "" {
			r.Hosts = []string{strings.ToLower(one.host)}
		}
		d.add(a, r)
	}
}

// name is what the application is called.
func (a *application) name() string {
	for _, l := range a.lines {
		if l.key == "name" {
			return l.value
		}
	}
	return ""
}

// variable is a value that has to come from the environment, since it is a secret
// or stands nowhere.
func variable(name string) string { return "${" + name + "}" }

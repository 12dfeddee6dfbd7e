package migrate

// How a draft becomes YAML: small enough to be written by hand, so that each line
// has its comment.

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// plainWord is what YAML takes for a string without quotes, whatever it says.
var plainWord = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./@-]*$`)

// words that YAML 1.1 takes for something else.
var notStrings = regexp.MustCompile(`(?i)^(y|n|yes|no|on|off|true|false|null)$`)

// quote makes a YAML string of a text that is taken as it is: what begins like a
// reference does not become one.
func quote(text string) string { return quoted(strings.ReplaceAll(text, "${", "$${")) }

// quoted is quote for a text whose references are meant.
func quoted(text string) string {
	if plainWord.MatchString(text) && !notStrings.MatchString(text) {
		return text
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c < ' ' || c == 0x7f || c == 0x85 || c == 0x2028 || c == 0x2029 || c == 0xfeff:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// list makes a YAML list of texts.
func list(texts []string) string {
	var all []string
	for _, text := range texts {
		all = append(all, quote(text))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// comment is a text as a comment may have it.
func comment(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == 0x85 || c == 0x2028 || c == 0x2029 {
			return ' '
		}
		return c
	}, text)
}

// writer gathers lines.
type writer struct{ strings.Builder }

func (w *writer) line(indent int, text, from string) {
	w.WriteString(strings.Repeat("  ", indent) + text)
	if from != "" {
		w.WriteString("   # " + comment(from))
	}
	w.WriteByte('\n')
}

func (w *writer) section(indent int, s section) {
	for _, l := range s.lines {
		w.line(indent, l.key+": "+l.value, l.from)
	}
}

func (d *draft) yaml(tool string) string {
	w := &writer{}
	w.line(0, "# Made by outpost import from "+tool+". Behind each value stands where it comes from;", "")
	w.line(0, "# outpost check says whether it is good.", "")
	for _, warning := range d.warnings {
		w.line(0, "# WARNING "+comment(warning), "")
	}
	w.line(0, "", "")
	w.line(0, "provider:", "")
	w.section(1, d.provider)
	w.line(0, "", "")
	w.line(0, "applications:", "")
	for _, a := range d.applications {
		w.application(a)
	}
	if len(d.session.lines)+len(d.redis.lines) > 0 {
		w.line(0, "", "")
		w.line(0, "session:", "")
		w.section(1, d.session)
		if len(d.redis.lines) > 0 {
			w.line(1, "redis:", "")
			w.section(2, d.redis)
		}
	}
	if len(d.other.lines) > 0 {
		w.line(0, "", "")
		w.section(0, d.other)
	}
	if d.nothing != nil {
		w.line(0, "", "")
		w.line(0, "# Nothing has to be done for:", "")
		for _, text := range d.nothing {
			w.line(0, "#   "+comment(text), "")
		}
	}
	return w.String()
}

func (w *writer) application(a *application) {
	for _, text := range a.above {
		w.line(1, "# "+comment(text), "")
	}
	for i, l := range a.lines {
		indent, dash := 2, ""
		if i == 0 {
			indent, dash = 1, "- "
		}
		w.line(indent, dash+l.key+": "+l.value, l.from)
	}
	switch len(a.allow) {
	case 0:
	case 1:
		w.line(2, "allow: "+a.allow[0].value, a.allow[0].from)
	default:
		w.line(2, "allow:", "")
		w.line(3, "all:", "each of these has to hold")
		for _, l := range a.allow {
			w.line(4, "- "+l.value, l.from)
		}
	}
	w.rules(a.rules)
	if len(a.set) > 0 {
		w.line(2, "headers:", "")
		w.line(3, "presets: none", "")
		w.line(3, "set:", "")
		for _, l := range a.set {
			w.line(4, l.key+": "+l.value, l.from)
		}
	}
}

func (w *writer) rules(rules []rule) {
	real := slices.ContainsFunc(rules, func(r rule) bool { return !r.doubt })
	if real {
		w.line(2, "rules:", "")
	}
	for _, r := range rules {
		if r.doubt {
			w.line(3, "# - "+r.text(), r.from)
		} else {
			w.line(3, "- "+r.text(), r.from)
		}
	}
	if real {
		w.line(2, "default: allow", "what no rule matches needs a sign-in, as it did")
	}
}

// text is a rule as YAML in flow style.
func (r rule) text() string {
	var keys []string
	add := func(key string, texts []string) {
		if texts != nil {
			keys = append(keys, key+": "+list(texts))
		}
	}
	add("host", r.Hosts)
	add("path", r.Paths)
	add("methods", r.Methods)
	var networks []string
	for _, n := range r.Networks {
		networks = append(networks, n.String())
	}
	add("networks", networks)
	switch {
	case r.Public:
		keys = append(keys, "public: true")
	case r.Deny:
		keys = append(keys, "deny: true")
	default:
		keys = append(keys, "allow: "+r.allow)
	}
	return "{ " + strings.Join(keys, ", ") + " }"
}

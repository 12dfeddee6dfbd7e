package migrate

// Settings as the tools have them: a name, values, and where they stand, whether
// that is a line of TOML, a variable, a label or a flag. What nobody takes is
// warned of in the end.

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"outpost/config"
)

// given is one setting.
type given struct {
	name   string
	values []string
	from   string
	taken  bool
}

// settings are all that a tool was told, the first that was said first.
type settings struct{ all []*given }

// say adds a setting; what was said before under the name does not count any more.
func (s *settings) say(name string, values []string, from string) {
	if old := s.find(name); old != nil {
		old.values, old.from = values, from
		return
	}
	s.all = append(s.all, &given{name: name, values: values, from: from})
}

func (s *settings) find(name string) *given {
	for _, g := range s.all {
		if g.name == name {
			return g
		}
	}
	return nil
}

// take is the first of the names that is there with a value, nil for none. All of
// them count as seen.
func (s *settings) take(names ...string) (first *given) {
	for _, name := range names {
		g := s.find(name)
		if g == nil {
			continue
		}
		g.taken = true
		if first == nil && len(g.values) > 0 && g.values[0] != "" {
			first = g
		}
	}
	return first
}

// text is the value, "" for nil.
func (g *given) text() string {
	if g == nil || len(g.values) == 0 {
		return ""
	}
	return g.values[0]
}

// yes tells whether the value is true, as Go's strconv reads it.
func (g *given) yes() bool {
	b, err := strconv.ParseBool(g.text())
	return err == nil && b
}

// list is the values, of which those of one text may be separated by commas.
func (g *given) list() (all []string) {
	if g == nil {
		return nil
	}
	for _, value := range g.values {
		for one := range strings.SplitSeq(value, ",") {
			if one = strings.TrimSpace(one); one != "" && !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	return all
}

// leftOver warns of what nobody has taken. known says why there is no equal, by
// name; a name that is in none of the lists is unknown.
func (d *draft) leftOver(s *settings, tool string, known map[string]string) {
	for _, g := range s.all {
		why, is := known[g.name]
		switch {
		case g.taken:
		case is && why == "":
			d.warn(g.from, "has no equal here")
		case is:
			d.warn(g.from, "has no equal here: %s", why)
		default:
			d.warn(g.from, "is no setting of %s that this program knows; nothing was made of it", tool)
		}
	}
}

// duration is a Go duration as the configuration has it; "" for what is none.
func duration(text string) string {
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > 9600*time.Hour {
		return ""
	}
	return strings.TrimSuffix(strings.TrimSuffix(d.Truncate(time.Second).String(), "0s"), "0m")
}

// seconds is a whole number of them likewise.
func seconds(text string) string {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return ""
	}
	return duration(strconv.Itoa(n) + "s")
}

// environment reads lines NAME=value, as an env file or the output of env has
// them; false where the text is none.
func environment(f Text) (*settings, bool) {
	s := &settings{}
	n := 0
	for line := range strings.Lines(string(f.Text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, found := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if name = strings.TrimSpace(name); !found || !variableName.MatchString(name) {
			return nil, false
		}
		s.say(name, []string{unquoted(strings.TrimSpace(value))}, fmt.Sprintf("%s:%d %s", f.Name, n, name))
	}
	return s, len(s.all) > 0
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func unquoted(value string) string {
	if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
		return value[1 : len(value)-1]
	}
	return value
}

// service is one of a compose file.
type service struct {
	name        string
	image       string
	environment *settings
	labels      *settings
	flags       []given // of its command, as they stand there
}

// services reads a compose file; nil where a document is none.
func services(f Text, document config.Node) (all []service) {
	n := document.Get("services")
	if !n.IsMapping() {
		return nil
	}
	for _, name := range n.Keys {
		one := n.Below[name]
		s := service{name: name, environment: pairs(f, one.Get("environment"), ""), labels: pairs(f, one.Get("labels"), "label ")}
		if image := one.Get("image"); image != nil {
			s.image = image.Text
		}
		if command := one.Get("command"); command.IsList() {
			for _, word := range command.Items {
				s.flags = append(s.flags, flag(word.Text, fmt.Sprintf("%s:%d", f.Name, word.Line))...)
			}
		} else if command != nil {
			for word := range strings.FieldsSeq(command.Text) {
				s.flags = append(s.flags, flag(unquoted(word), fmt.Sprintf("%s:%d", f.Name, command.Line))...)
			}
		}
		all = append(all, s)
	}
	return all
}

// flag takes --name=value apart; nothing for what is no flag.
func flag(word, from string) []given {
	name, is := strings.CutPrefix(word, "-")
	if !is {
		return nil
	}
	name, value, found := strings.Cut(strings.TrimPrefix(name, "-"), "=")
	if !found {
		value = "true"
	}
	return []given{{name: name, values: []string{unquoted(value)}, from: from + " --" + name}}
}

// pairs reads names with values, as a mapping or as a list of NAME=value.
func pairs(f Text, n config.Node, kind string) *settings {
	s := &settings{}
	switch {
	case n.IsMapping():
		for _, name := range n.Keys {
			value := n.Below[name]
			s.say(name, []string{value.Text}, fmt.Sprintf("%s:%d %s%s", f.Name, value.Line, kind, name))
		}
	case n.IsList():
		for _, item := range n.Items {
			name, value, _ := strings.Cut(item.Text, "=")
			s.say(name, []string{value}, fmt.Sprintf("%s:%d %s%s", f.Name, item.Line, kind, name))
		}
	}
	return s
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// appName makes the name of an application of a host or a slug, one that none of d
// has yet.
func (d *draft) appName(text string) string {
	first, _, _ := strings.Cut(text, ".")
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(first), "-"), "-")
	if len(name) > 36 {
		name = strings.Trim(name[:36], "-")
	}
	if name = cmp.Or(name, "app"); name == "browser" || strings.HasPrefix(name, "return") {
		name = "app-" + name
	}
	unique := name
	for i := 2; slices.ContainsFunc(d.applications, func(a *application) bool { return a.name() == unique }); i++ {
		unique = name + "-" + strconv.Itoa(i)
	}
	return unique
}

package config

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// A configuration without a file: one provider and one application, out of variables
// of which each stands for a key. They become the tree that a file would have been,
// so that keys, defaults and rules are those of the file; what is wrong is told of the
// variable.

// environmentName stands for the file's name where there is none.
const environmentName = "the environment"

const variablePrefix = "OUTPOST_"

// setting is a variable and the key that it stands for.
type setting struct {
	name string // behind OUTPOST_
	path string
	list bool // several values, with commas between them
}

// settings are all there are, in the order in which docs/configuration.md has them.
var settings = []setting{
	{"ISSUER", "provider.issuer", false},
	{"CLIENT_ID", "provider.client_id", false},
	{"CLIENT_SECRET", "provider.client_secret", false},
	{"SCOPES", "provider.scopes", true},
	{"BACKCHANNEL_URL", "provider.backchannel_url", false},
	{"INSECURE_BACKCHANNEL_HTTP", "provider.insecure_backchannel_http", false},
	{"CA_FILE", "provider.ca_file", false},
	{"EXTERNAL_URL", "applications[0].external_url", false},
	{"COOKIE_DOMAIN", "applications[0].cookie_domain", false},
	{"NAME", "applications[0].name", false},
	{"ALLOW_GROUPS", "applications[0].allow.groups", true},
	{"ALLOW_USERS", "applications[0].allow.users", true},
	{"ALLOW_EMAILS", "applications[0].allow.emails", true},
	{"ALLOW_EMAIL_DOMAINS", "applications[0].allow.email_domains", true},
	{"HEADERS", "applications[0].headers.presets", true},
	{"LISTEN", "listen", false},
	{"MANAGEMENT", "management", false},
	{"FRONT_ENDS", "front_ends", true},
	{"TRUSTED_PROXIES", "trusted_proxies", true},
	{"DATA", "data", false},
	{"ADMIN", "admin", false},
	{"INSECURE_HTTP", "insecure_http", false},
	{"SECRET", "secret", true},
	{"SESSION_IDLE", "session.idle", false},
	{"SESSION_MAX", "session.max", false},
	{"SESSION_RECHECK", "session.recheck", false},
	{"SESSION_STORE", "session.store", false},
	{"REDIS_URL", "session.redis.url", false},
	{"REDIS_PASSWORD", "session.redis.password", false},
	{"LOG_LEVEL", "log.level", false},
	{"LOG_FORMAT", "log.format", false},
}

func (s setting) variable() string { return variablePrefix + s.name }

// spellings are the variable's own name, and those that name a file with its value:
// as Docker's images have them, and as linuxserver's do.
func spellings(variable string) []string {
	return []string{variable, variable + "_FILE", "FILE__" + variable}
}

// InEnvironment reports whether some variable stands for a key, so that there is a
// configuration without a file.
func InEnvironment(env func(string) (string, bool)) bool {
	return slices.ContainsFunc(settings, func(s setting) bool { return len(givenAs(s.variable(), env)) > 0 })
}

// givenAs are the spellings of a variable that are set.
func givenAs(variable string, env func(string) (string, bool)) (set []string) {
	for _, name := range spellings(variable) {
		if _, is := env(name); is {
			set = append(set, name)
		}
	}
	return set
}

// injected are what Kubernetes sets for a Service that is called outpost.
var injected = regexp.MustCompile(`^OUTPOST_(SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// CheckEnvironment says which of the names, of all variables there are, seem to be
// meant for a configuration without a file and stand for nothing. The error is
// Problems, or nil.
func CheckEnvironment(names []string) error {
	known := []string{variablePrefix + "CONFIG"}
	for _, s := range settings {
		known = append(known, spellings(s.variable())...)
	}
	var all Problems
	names = slices.Sorted(slices.Values(names))
	for _, name := range names {
		bare := strings.TrimPrefix(name, "FILE__")
		if !strings.HasPrefix(bare, variablePrefix) || slices.Contains(known, name) || injected.MatchString(name) || strings.HasPrefix(name, "OUTPOST_TEST_") {
			continue
		}
		hint := "docs/configuration.md lists those there are; what has none needs a file"
		if meant := nearest(name, known); meant != "" {
			hint = "did you mean " + meant + "?"
		}
		all = append(all, Problem{File: environmentName, Path: name, Rule: "is not a variable that outpost knows", Hint: hint})
	}
	if all == nil {
		return nil
	}
	return all
}

// look returns what a variable has, or the file that is named in its place.
func (f *filling) look(variable string) (value string, set bool, v *violation) {
	given := givenAs(variable, f.r.env)
	switch {
	case len(given) == 0:
		return "", false, nil
	case len(given) > 1:
		f.sources = append(f.sources, "$"+variable)
		return "", true, broken("needs one of "+strings.Join(given, " and ")+", and both are set", "unset one of them")
	case given[0] != variable:
		file, _ := f.r.env(given[0])
		f.sources = append(f.sources, "$"+given[0]+" from "+file)
		value, v = f.read(file)
		if v != nil && file == "" {
			v = broken("needs the file that "+given[0]+" names, and that is empty", "write the file's absolute path into it, or unset it")
		}
		return value, true, v
	}
	f.sources = append(f.sources, "$"+variable)
	value, _ = f.r.env(variable)
	return value, true, nil
}

// loadEnvironment is load without a file.
func (r *reader) loadEnvironment() (*Config, error) {
	r.file, r.variables = environmentName, map[string]string{}
	root, application := &yaml.Node{Kind: yaml.MappingNode}, &yaml.Node{Kind: yaml.MappingNode}
	mode, name := string(Single), "home"
	put(root, []string{"provider"}, &yaml.Node{Kind: yaml.MappingNode})
	found := false
	for _, s := range settings {
		variable := s.variable()
		r.variables[s.path] = variable
		f := filling{r: r, path: s.path, secret: strings.Contains(s.name, "SECRET") || strings.HasSuffix(s.name, "PASSWORD")}
		value, set, v := f.look(variable)
		switch {
		case !set:
			continue
		case v == nil && value == "":
			v = broken("is set, and empty", "give it a value, or unset it")
		}
		found = true
		r.sources[s.path] = f.sources
		node, below := root, strings.Split(s.path, ".")
		if rest, of := strings.CutPrefix(s.path, "applications[0]."); of {
			node, below = application, strings.Split(rest, ".")
		}
		if s.name == "COOKIE_DOMAIN" {
			mode = string(Domain)
		}
		if v != nil {
			r.fail(s.path, place{}, v.rule, v.hint)
			continue
		}
		if s.name == "NAME" {
			name = value
			continue
		}
		put(node, below, valueNode(value, s.list))
	}
	if !found {
		return nil, errors.New("reading the configuration: no file is named, and no variable of the environment either")
	}
	put(application, []string{"name"}, valueNode(name, false))
	put(application, []string{"mode"}, valueNode(mode, false))
	put(root, []string{"applications"}, &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{application}})
	if len(r.problems) > 0 { // what they would have said may seem to be missing
		return nil, r.problems
	}
	return r.finish(root)
}

// valueNode is how a file would have the value.
func valueNode(value string, list bool) *yaml.Node {
	scalar := func(text string) *yaml.Node {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: text}
	}
	if !list {
		return scalar(value)
	}
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for entry := range strings.SplitSeq(value, ",") {
		n.Content = append(n.Content, scalar(strings.TrimSpace(entry)))
	}
	return n
}

// put lays a value below a mapping, at a path of keys.
func put(n *yaml.Node, path []string, value *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == path[0] {
			put(n.Content[i+1], path[1:], value)
			return
		}
	}
	if len(path) > 1 {
		below := &yaml.Node{Kind: yaml.MappingNode}
		put(below, path[1:], value)
		value = below
	}
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: path[0]}, value)
}

// variableOf is the variable that a path is of; "" where there is a file, and where
// none is.
func (r *reader) variableOf(path string) string {
	for path != "" {
		if variable := r.variables[path]; variable != "" {
			return variable
		}
		cut := strings.LastIndex(path, "[")
		if cut < 0 || !strings.HasSuffix(path, "]") {
			return ""
		}
		path = path[:cut]
	}
	return ""
}

// checkBeside reports variables that would count without the file, and that it does
// not name: one of them may be what somebody believes to keep others out.
func (r *reader) checkBeside() {
	for _, s := range settings {
		for _, name := range givenAs(s.variable(), r.env) {
			if !r.used[s.variable()] {
				r.fail(name, place{}, "is set beside the file, and does not count", "unset it, or write ${"+s.variable()+"} where the file has "+strings.Replace(s.path, "[0]", "[]", 1))
			}
		}
	}
}

// sourceOf says, without a file, where the value at a path is from.
func (r *reader) sourceOf(path string) string {
	for of, sources := range r.sources {
		if path == of || strings.HasPrefix(path, of+"[") {
			return strings.Join(sources, " and ")
		}
	}
	return "default"
}

package config

// What goes out to an application: the headers with somebody's identity, and
// credentials for applications that know nothing else.

import (
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Headers says which headers an application gets.
type Headers struct {
	Presets  []string // authentik, remote-user, webauth, auth-request; default authentik; nil: none but Set
	Join     string   // what stands between the entries of a list; "": what the preset has
	Encoding string   // raw, percent, base64, rfc2047 or ascii; default raw
	Groups   Groups
	MaxBytes int      // of all headers, names included; default 3500
	JWT      bool     // X-authentik-jwt
	Meta     bool     // X-authentik-meta-*
	AKProxy  bool     // what authentik's claim ak_proxy has
	Set      []Header // own ones, in the file's order
}

// Groups says which groups an application is told of, and as what.
type Groups struct {
	Only       []string // globs; nil: every group
	TrimPrefix string   // taken off the front of each group that has it
}

// Header is one header of the operator's own.
type Header struct {
	Name       string
	Value      string // a template
	Join       string // "": that of Headers
	Encoding   string // "": that of Headers
	Case       string // lower or upper; "": as it is
	Only       []string
	TrimPrefix string
	Map        []Mapped // in the file's order; nil: values go out as they are
	Default    string   // where nothing is left; "": an empty header
	First      bool     // of what Map makes, the first in Map's order alone
	MaxBytes   int      // 0: no bound of its own
}

// Mapped is an entry of a header's map.
type Mapped struct{ From, To string }

// BasicAuth says which credentials an application gets. Username and Password
// are templates; those with Attribute in their names are attributes of
// authentik's claim ak_proxy, and stand in their places.
type BasicAuth struct {
	Username          string
	Password          Secret
	UsernameAttribute string
	PasswordAttribute string
}

var encodings = oneOf("raw", "percent", "base64", "rfc2047", "ascii")

// headers reads the section of that name.
func (r *reader) headers(parent *section) Headers {
	s := r.open(parent.take("headers"), join(parent.path, "headers"))
	h := Headers{
		Presets:  r.presets(s),
		Join:     optional(s, "join", "", parseJoin),
		Encoding: optional(s, "encoding", "raw", encodings),
	}
	groups := r.open(s.take("groups"), join(s.path, "groups"))
	h.Groups.Only = oneOrMore(groups, "only", "", parseEntry)
	h.Groups.TrimPrefix = optional(groups, "trim_prefix", "", parseEntry)
	s.put("groups", groups.close())
	h.MaxBytes = optional(s, "max_bytes", "3500", parseBytes)
	h.JWT = optional(s, "jwt", "false", parseBool)
	h.Meta = optional(s, "meta", "false", parseBool)
	h.AKProxy = optional(s, "ak_proxy", "false", parseBool)
	r.named(s, "set", "header", parseHeaderName, func(s *section, name string) {
		h.Set = append(h.Set, r.header(s, name))
	})
	parent.put("headers", s.close())
	return h
}

// presets reads which ones; `none` is for an application that gets its own
// headers alone.
func (r *reader) presets(s *section) []string {
	all := oneOrMore(s, "presets", "authentik", oneOf("authentik", "remote-user", "webauth", "auth-request", "none"))
	for i, preset := range all {
		if preset == "none" {
			if len(all) > 1 {
				r.report(entryPath(join(s.path, "presets"), i), "must stand alone", "remove it, or the others")
			}
			return nil
		}
	}
	return all
}

// header reads one of `set`: its value, or a group of keys.
func (r *reader) header(parent *section, name string) Header {
	h := Header{Name: name}
	n := parent.take(name)
	if n == nil || n.Kind == yaml.ScalarNode {
		if n != nil {
			h.Value = one(parent, name, n, parseTemplate)
		} else {
			parent.missing(name, "write its value")
		}
		return h
	}
	s := r.open(n, join(parent.path, name))
	h.Value = required(s, "value", "write a template, such as \"{username}\"", parseTemplate)
	h.Join = optional(s, "join", "", parseJoin)
	h.Encoding = optional(s, "encoding", "", encodings)
	h.Case = optional(s, "case", "", oneOf("lower", "upper"))
	h.Only = oneOrMore(s, "only", "", parseEntry)
	h.TrimPrefix = optional(s, "trim_prefix", "", parseEntry)
	r.named(s, "map", "entry", parseEntry, func(s *section, from string) {
		h.Map = append(h.Map, Mapped{from, required(s, from, "write what it becomes", parseMapped)})
	})
	h.Default = optional(s, "default", "", parseEntry)
	h.First = optional(s, "first", "false", parseBool)
	h.MaxBytes = optional(s, "max_bytes", "", parseBytes)
	parent.put(name, s.close())
	if h.First && h.Map == nil {
		r.report(join(s.path, "first"), "must not be given without map", "it chooses the first of what map has")
	}
	return h
}

// basicAuth reads the section of that name; nil where there is none.
func (r *reader) basicAuth(parent *section) *BasicAuth {
	n := parent.take("basic_auth")
	s := r.open(n, join(parent.path, "basic_auth"))
	b := &BasicAuth{
		Username:          optional(s, "username", "", parseTemplate),
		Password:          optional(s, "password", "", parseBasicPassword),
		UsernameAttribute: optional(s, "username_attribute", "", parseEntry),
		PasswordAttribute: optional(s, "password_attribute", "", parseEntry),
	}
	effective := s.close()
	if n == nil {
		parent.put("basic_auth", nullNode())
		return nil
	}
	parent.put("basic_auth", effective)
	switch {
	case s.broken:
	case (b.Password == "") == (b.PasswordAttribute == "") && !s.empty("password"):
		r.fail(s.path, at(n), "must have one of password and password_attribute", "password is the application's own; password_attribute is a name in authentik's ak_proxy claim")
	case b.Username == "" && b.PasswordAttribute == "" && !s.empty("username"):
		r.fail(s.path, at(n), "must have a username", "write username: and who signs in there, or \"{email}\"")
	}
	return b
}

var headerName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)

func parseHeaderName(s string) (string, *violation) {
	if !headerName.MatchString(s) {
		return "", broken("must be a header of letters, digits and hyphens, at most 64 of them and a letter first", "an underscore becomes a hyphen in some applications, and one of two headers is lost")
	}
	return s, nil
}

// parseTemplate takes text with places for what is known of somebody. What they
// may be is package headers' to say.
func parseTemplate(s string) (string, *violation) {
	if s == "" {
		return "", broken("must not be empty", "remove the key")
	}
	if unprintable(s) || strings.TrimSpace(s) != s {
		return "", broken("must not hold control characters or begin or end with white space", "")
	}
	return s, nil
}

// parseMapped takes what a map makes of an entry; "" for nothing at all.
func parseMapped(s string) (string, *violation) {
	if s == "" {
		return "", nil
	}
	return parseEntry(s)
}

// parseBasicPassword takes what an application knows; it may be short.
func parseBasicPassword(s string) (Secret, *violation) {
	if s == "" {
		return "", broken("must not be empty", "remove basic_auth if the application asks for none")
	}
	if unprintable(s) {
		return "", broken("must not hold control characters", "")
	}
	return Secret(s), nil
}

func parseJoin(s string) (string, *violation) {
	if len(s) < 1 || len(s) > 3 || !visible(s) {
		return "", broken("must be one to three characters of printable ASCII", `such as "," or "|"`)
	}
	return s, nil
}

func parseBytes(s string) (int, *violation) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 64 || n > 1<<16 {
		return 0, broken("must be a number of bytes between 64 and 65536", "nginx reads the header of an answer into 4096 bytes (proxy_buffer_size) unless it is told otherwise")
	}
	return n, nil
}

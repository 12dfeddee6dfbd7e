package headers

// compile.go makes a Mapping of a MappingConfig, and says everything that is
// wrong with it at once.

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MappingError is one thing that is wrong with a MappingConfig.
type MappingError struct {
	Key  string // as a configuration spells it: "presets", "set.X-Role.map"; the name as it was written
	Rule string // what is wrong, and what is wanted; never a secret
}

func (e *MappingError) Error() string { return "headers: " + e.Key + ": " + e.Rule }

const (
	jwtName      = "X-Authentik-Jwt"
	metaJWKS     = "X-Authentik-Meta-Jwks"
	metaProvider = "X-Authentik-Meta-Provider"
	maxHeaders   = 100     // of one mapping
	maxBytes     = 1 << 16 // what nginx can be told to take (proxy_buffer_size), and more than it should
)

// compiler gathers headers by name, and problems.
type compiler struct {
	config   MappingConfig
	fields   map[string]field
	keys     map[string]string // what a header's rule was made of, by name
	claims   []string
	problems []error
}

// NewMapping compiles c. The error joins a *MappingError for each problem, which
// errors.Join's Unwrap lists; the caller adds where in a file each stands.
func NewMapping(c MappingConfig) (*Mapping, error) {
	k := &compiler{config: c, fields: map[string]field{}, keys: map[string]string{}}
	k.general()
	k.presets()
	k.own()
	k.extras()
	m := &Mapping{jwt: c.JWT, meta: c.Meta != nil, budget: cmp.Or(c.MaxBytes, Budget)}
	if c.AKProxy {
		m.akProxy = &rule{encoding: cmp.Or(c.Encoding, Raw)}
		k.claims = append(k.claims, akProxyClaim)
	}
	if c.Basic != nil {
		m.basic = k.credentials(c.Basic)
	}
	if err := errors.Join(k.problems...); err != nil {
		return nil, err
	}
	k.arrange(m)
	if size := m.Empty().Size; size > m.budget {
		return nil, errors.Join(&MappingError{"max_bytes", fmt.Sprintf("the names alone take %d bytes of %d: leave headers out or allow more", size, m.budget)})
	}
	return m, nil
}

func (k *compiler) problem(key, format string, args ...any) {
	k.problems = append(k.problems, &MappingError{key, fmt.Sprintf(format, args...)})
}

// general checks what is said for all headers.
func (k *compiler) general() {
	c := k.config
	k.checkJoin("join", c.Join)
	k.checkEncoding("encoding", c.Encoding)
	k.checkPatterns("groups.only", c.Groups.Only)
	if c.MaxBytes < 0 || c.MaxBytes > maxBytes {
		k.problem("max_bytes", "is %d: want 1 to %d, and a proxy_buffer_size in nginx that is larger", c.MaxBytes, maxBytes)
	}
	if len(c.Headers) > maxHeaders {
		k.problem("set", "has %d headers: want at most %d", len(c.Headers), maxHeaders)
	}
}

func (k *compiler) presets() {
	chosen := k.config.Presets
	if chosen == nil {
		chosen = []string{"authentik"}
	}
	for i, one := range chosen {
		switch all, known := presets[one]; {
		case !known:
			k.problem("presets", "%q is none: want %s", one, strings.Join(PresetNames, ", "))
		case slices.Contains(chosen[:i], one):
			k.problem("presets", "%q is there twice", one)
		default:
			for _, h := range all {
				if k.config.Join != "" {
					h.Join = "" // the general one goes before a preset's
				}
				k.add(h, "presets")
			}
		}
	}
}

// own adds the headers of Headers; two of them that an application would take for
// one are one too many.
func (k *compiler) own() {
	seen := map[string]string{}
	for _, h := range k.config.Headers {
		key := "set." + h.Name
		name, why := canonical(h.Name)
		if why != "" {
			k.problem(key, "the name %s", why)
			continue
		}
		if other, twice := seen[name]; twice {
			k.problem(key, "is the same header as %s", other)
			continue
		}
		seen[name] = h.Name
		k.add(h, key)
	}
}

func (k *compiler) add(h Header, key string) {
	name, _ := canonical(h.Name)
	r := k.rule(h, key)
	k.fields[name] = field{rule: r}
	k.keys[name] = fmt.Sprintf("%q", []any{h.Value, r.join, r.encoding, h.Case, h.Only, h.TrimPrefix, h.Map, h.Default, h.First, h.MaxBytes})
}

// extras adds what authentik's outpost can send besides an identity.
func (k *compiler) extras() {
	constant := func(name, key, value string) {
		if _, there := k.fields[name]; there {
			k.problem("set."+name, "is set by %s: leave out one of the two", key)
			return
		}
		if !clean(value) {
			k.problem(key, "the value of %s has a control character, a space at the edge or no UTF-8", name)
		}
		k.fields[name] = field{text: value}
	}
	if k.config.JWT {
		constant(jwtName, "jwt", "")
	}
	if meta := k.config.Meta; meta != nil {
		constant("X-Authentik-Meta-App", "meta", meta.App)
		constant(metaJWKS, "meta", "")
		constant("X-Authentik-Meta-Outpost", "meta", meta.Outpost)
		constant(metaProvider, "meta", "")
		constant("X-Authentik-Meta-Version", "meta", meta.Version)
	}
}

// arrange fills m from what has been gathered.
func (k *compiler) arrange(m *Mapping) {
	for name := range k.fields {
		m.names = append(m.names, name)
	}
	slices.Sort(m.names)
	m.names = slices.Clip(m.names)
	m.empty = make([]string, len(m.names))
	first := map[string]int{}
	for i, name := range m.names {
		f := k.fields[name]
		f.twin = i
		if f.rule != nil {
			if earlier, there := first[k.keys[name]]; there {
				f.twin = earlier
			} else {
				first[k.keys[name]] = i
			}
		}
		m.fields = append(m.fields, f)
	}
	if m.basic != nil {
		m.named = append(slices.Clone(m.names), "Authorization")
		slices.Sort(m.named)
	}
	slices.Sort(k.claims)
	m.claims = slices.Compact(k.claims)
}

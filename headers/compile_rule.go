package headers

// compile_rule.go makes the rule of one header.

import (
	"cmp"
	"slices"
	"strings"
)

// rule compiles h; key is where it stands. With problems it returns a rule that
// is not to be used.
func (k *compiler) rule(h Header, key string) *rule {
	t := k.template(h.Value, key+".value")
	r := &rule{
		template: t,
		groups:   filter{k.config.Groups.Only, k.config.Groups.TrimPrefix},
		own:      filter{h.Only, h.TrimPrefix},
		pairs:    slices.Clone(h.Map),
		first:    h.First,
		letters:  h.Case,
		join:     cmp.Or(h.Join, k.config.Join, "|"),
		encoding: cmp.Or(h.Encoding, k.config.Encoding, Raw),
		max:      h.MaxBytes,
	}
	r.apart = strings.ReplaceAll(r.join, " ", "")
	if r.apart == "" {
		r.apart = " "
	}
	r.divided = t.divided(r.apart)
	k.checkJoin(key+".join", h.Join)
	k.checkEncoding(key+".encoding", h.Encoding)
	k.checkPatterns(key+".only", h.Only)
	if h.Case != "" && h.Case != "lower" && h.Case != "upper" {
		k.problem(key+".case", "is %q: want lower or upper", h.Case)
	}
	if h.MaxBytes < 0 || h.MaxBytes > maxBytes {
		k.problem(key+".max_bytes", "is %d: want 1 to %d", h.MaxBytes, maxBytes)
	}
	if !clean(h.Default) {
		k.problem(key+".default", "has a control character, a space at the edge or no UTF-8")
	}
	if !t.alone() && (h.Only != nil || h.TrimPrefix != "" || h.Map != nil || h.First) {
		k.problem(key+".value", "only, trim_prefix, map and first work on the entries of one claim: want one claim in braces and no text beside it")
	}
	if t.static() && h.Default != "" {
		k.problem(key+".default", "is never sent: the value has no claim that could be missing")
	}
	k.checkMap(h.Map, h.First, key+".map")
	r.instead = r.spell(h.Default, true, "")
	if t.static() && len(t) == 1 {
		r.constant = whole(r.encoding, r.spell(t[0].text, true, ""))
	}
	return r
}

// template compiles a value, and notes the claims that it needs.
func (k *compiler) template(value, key string) template {
	t, err := parseTemplate(value)
	if err != nil {
		k.problem(key, "%v", err)
	}
	if !clean(value) {
		k.problem(key, "has a control character, a space at the edge or no UTF-8")
	}
	k.claims = append(k.claims, t.paths()...)
	return t
}

func (k *compiler) checkMap(pairs []Pair, first bool, key string) {
	seen := map[string]bool{}
	for _, p := range pairs {
		switch {
		case p.From == "", p.To == "" && !first:
			k.problem(key, "has an empty entry: what is not in it is left out anyway")
		case !clean(p.To):
			k.problem(key, "what is sent for %q has a control character, a space at the edge or no UTF-8", p.From)
		case seen[p.From]:
			k.problem(key, "has %q twice", p.From)
		}
		seen[p.From] = true
	}
}

// checkJoin wants signs, which no encoding of an entry is made of, and spaces.
func (k *compiler) checkJoin(key, join string) {
	bad := strings.ContainsFunc(join, func(r rune) bool { return r < ' ' || r > '~' || !foldable(r) && r != '-' || r == '%' })
	if bad || len(join) > 4 {
		k.problem(key, "is %q: want one to four signs of ASCII, or spaces, without letters, digits and %%", join)
	}
}

func (k *compiler) checkEncoding(key, encoding string) {
	if encoding != "" && !slices.Contains(encodings, encoding) {
		k.problem(key, "is %q: want %s", encoding, strings.Join(encodings, ", "))
	}
}

func (k *compiler) checkPatterns(key string, patterns []string) {
	if patterns != nil && len(patterns) == 0 {
		k.problem(key, "is an empty list, which would leave nothing: leave it out to keep everything")
	}
	if slices.Contains(patterns, "") {
		k.problem(key, "has an empty pattern, which matches nothing")
	}
}

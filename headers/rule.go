package headers

// rule.go works out the value of one header for one identity.
//
// The order: a list is filtered (groups.only, only), trimmed and mapped; what
// could be misread is left out; the case is changed; percent and ascii encode
// each entry; the list is joined; nothing at all becomes the default; base64 and
// rfc2047 encode the whole.

import (
	"fmt"
	"slices"
	"strings"

	"outpost/session"
)

// rule is a Header, compiled.
type rule struct {
	template template
	groups   filter // of every {groups} of the mapping
	own      filter // of this header
	pairs    []Pair
	first    bool
	letters  string // lower, upper or ""
	join     string
	apart    string // the characters that tell one entry from the next
	divided  bool   // there is text beside claims, and such characters tell them from one another
	encoding string
	instead  string // what stands for nothing, encoded as an entry is
	max      int    // bytes; 0 for no limit but the budget
	constant string // the value, if the template is static
}

// filter keeps entries of a list, and shortens them.
type filter struct {
	only []string // patterns, of which one has to match; nil keeps all
	trim string   // taken off the front of each entry that has it
}

// outcome is the value of a header, and what is to be said of it.
type outcome struct {
	value string
	why   string // what was left out; "" if nothing
	large bool   // over the header's own limit
}

const unclean = "control character, space at the edge or no UTF-8"

// value is what the header says of id. It keeps no part of id but its strings.
func (r *rule) value(id *session.Identity) outcome {
	if r.template.static() {
		return outcome{value: r.constant}
	}
	var o outcome
	chosen := false
	switch {
	case r.first && len(r.pairs) > 0:
		o.value, chosen = r.choose(id)
	case r.template.alone():
		o.value, o.why, _ = r.part(id, r.template[0])
	default:
		o.value, o.why = r.mixed(id)
	}
	if !clean(o.value) { // nothing above is known to make one
		o.value, o.why = "", unclean
	}
	if o.value == "" && !chosen {
		o.value = r.instead
	}
	o.value = whole(r.encoding, o.value)
	if r.max > 0 && len(o.value) > r.max {
		o.large = true
		o.why = fmt.Sprintf("%d bytes, and its max_bytes is %d", len(o.value), r.max)
	}
	return o
}

// mixed puts text and claims together. A claim that is not there takes one space
// beside it along, so that a missing family name leaves no space behind the given
// one; where none is there, there is no value. Neither is there where one claim
// cannot be said: half a value would be another.
func (r *rule) mixed(id *session.Identity) (value, why string) {
	var b strings.Builder
	there, missing, spaced := false, false, true // spaced: what there is so far ends with a space, or is nothing
	for _, p := range r.template {
		if p.word == wordText {
			plain := p.text
			if missing && spaced {
				plain = strings.TrimPrefix(plain, " ")
			}
			if plain != "" {
				spaced = strings.HasSuffix(plain, " ")
			}
			b.WriteString(r.spell(plain, true, ""))
			continue
		}
		said, whyNot, bad := r.part(id, p)
		if bad {
			return "", whyNot
		}
		if why == "" {
			why = whyNot
		}
		missing = said == ""
		if !missing {
			there, spaced = true, false
		}
		b.WriteString(said)
	}
	if !there {
		return "", why
	}
	value = b.String()
	if missing {
		value = strings.TrimSuffix(value, r.spell(" ", true, ""))
	}
	return value, why
}

// part is what stands in the place of one claim, encoded if entries are. bad
// says that the claim is there and cannot be said.
func (r *rule) part(id *session.Identity, p part) (value, why string, bad bool) {
	one, list, isList := p.of(id)
	switch {
	case isList:
		value, why = r.list(list, p.word == wordGroups)
		return value, why, false
	case one == "", !matches(r.own.only, one):
		return "", "", false
	}
	one = strings.TrimPrefix(one, r.own.trim)
	if len(r.pairs) > 0 {
		return r.spell(mapped(r.pairs, one), true, ""), "", false
	}
	switch {
	case !r.divided || !strings.ContainsAny(one, r.apart):
		return r.single(one, p.display())
	case r.encoding == Percent && clean(one):
		return r.spell(one, false, r.apart), "", false
	}
	return "", fmt.Sprintf("a claim that has %q, which the text or a list puts between two things", r.apart), true
}

// single is one text, which is no list whatever it holds. display says that
// people alone read it.
func (r *rule) single(one string, display bool) (value, why string, bad bool) {
	switch {
	case !clean(one):
		return "", unclean, true
	case r.encoding == ASCII && !display && !isASCII(one):
		return "", "letters outside ASCII, and ascii respells nothing but names", true
	}
	return r.spell(one, display, ""), "", false
}

// list is a list in one text.
func (r *rule) list(list []string, isGroups bool) (value, why string) {
	merging := len(r.pairs) > 0 || r.letters != "" || r.own.trim != "" // may make one entry of two
	if isGroups {
		list = r.groups.apply(list)
		merging = merging || r.groups.trim != ""
	}
	list = r.own.apply(list)
	var entries []string
	dropped := 0
	if len(r.pairs) > 0 {
		for _, e := range list {
			if to := mapped(r.pairs, e); to != "" {
				entries = append(entries, r.spell(to, true, ""))
			}
		}
	} else {
		entries, dropped = r.entries(list)
	}
	if merging {
		entries = unique(entries)
	}
	if r.first {
		entries = entries[:min(1, len(entries))]
	}
	return strings.Join(entries, r.join), r.whyEntries(dropped)
}

func (r *rule) whyEntries(dropped int) string {
	if dropped == 0 {
		return ""
	}
	has := fmt.Sprintf("%q, ", r.apart)
	switch r.encoding {
	case Percent:
		has = ""
	case ASCII:
		has += "a letter outside ASCII, "
	}
	return fmt.Sprintf("entries that are empty or have %sa control character, a space at the edge or no UTF-8: %d", has, dropped)
}

// entries are those of list that cannot be misread, spelled as they go out, and
// how many others there are.
func (r *rule) entries(list []string) (kept []string, dropped int) {
	kept = make([]string, 0, len(list))
	for _, e := range list {
		switch {
		case e == "", !clean(e):
			dropped++
		case r.encoding == Percent:
			kept = append(kept, r.spell(e, false, r.apart))
		case strings.ContainsAny(e, r.apart), r.encoding == ASCII && !isASCII(e):
			dropped++
		default:
			kept = append(kept, r.spell(e, false, ""))
		}
	}
	return kept, dropped
}

// choose is what the first pair says whose entry is there; chosen is false if
// none is. A pair may say nothing, and then nothing it is.
func (r *rule) choose(id *session.Identity) (value string, chosen bool) {
	p := r.template[0]
	one, list, isList := p.of(id)
	if !isList {
		list = []string{one}
	} else if p.word == wordGroups {
		list = r.groups.apply(list)
	}
	list = r.own.apply(list)
	for _, pair := range r.pairs {
		if slices.Contains(list, pair.From) {
			return r.spell(pair.To, true, ""), true
		}
	}
	return "", false
}

// spell changes the case, and encodes for those encodings that work on parts of
// a value; also are characters that percent encodes too.
func (r *rule) spell(value string, display bool, also string) string {
	value = recase(r.letters, value)
	switch {
	case r.encoding == Percent:
		return percent(value, also)
	case r.encoding == ASCII && display:
		return fold(value)
	}
	return value
}

func (f filter) apply(list []string) []string {
	if f.only == nil && f.trim == "" {
		return list
	}
	var kept []string
	for _, e := range list {
		if matches(f.only, e) {
			kept = append(kept, strings.TrimPrefix(e, f.trim))
		}
	}
	return kept
}

// mapped is what the pairs say of value; "" if nothing.
func mapped(pairs []Pair, value string) string {
	for _, p := range pairs {
		if p.From == value {
			return p.To
		}
	}
	return ""
}

// unique leaves out what is there before.
func unique(list []string) []string {
	seen := make(map[string]bool, len(list))
	return slices.DeleteFunc(list, func(e string) bool {
		was := seen[e]
		seen[e] = true
		return was
	})
}

// matches reports whether one of the patterns is value, each "*" standing for any
// characters or none. No pattern at all matches everything.
func matches(patterns []string, value string) bool {
	return patterns == nil || slices.ContainsFunc(patterns, func(pattern string) bool { return matchesOne(pattern, value) })
}

func matchesOne(pattern, value string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == value
	}
	value, ok := strings.CutPrefix(value, parts[0])
	if !ok {
		return false
	}
	for _, middle := range parts[1 : len(parts)-1] {
		i := strings.Index(value, middle)
		if i < 0 {
			return false
		}
		value = value[i+len(middle):]
	}
	return strings.HasSuffix(value, parts[len(parts)-1])
}

package config

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Keys that the configuration does not know are errors, because a misspelt
// `allow` that is passed over lets everybody in. They are reported last, when
// every section has said what it knows: most are a letter off, or one level.

// unknownKey is a key that its section did not ask for.
type unknownKey struct {
	section string
	key     *yaml.Node
	known   []string // by the section
}

func (r *reader) reportUnknown() {
	for _, u := range r.unknown {
		name := u.key.Value
		hint := "known here: " + strings.Join(u.known, ", ")
		if home, elsewhere := r.home(u.section, name); elsewhere && home != "" {
			hint = "did you mean " + home + "." + name + "?"
		} else if elsewhere {
			hint = "it belongs at the top of the file, not indented"
		} else if meant := nearest(name, u.known); meant != "" {
			hint = "did you mean " + meant + "?"
		}
		r.fail(join(u.section, name), at(u.key), "is not a key of the configuration", hint)
	}
}

var index = regexp.MustCompile(`\[[0-9]+\]`)

// knows records where a key belongs, for those who look for it elsewhere.
func (r *reader) knows(section, key string) {
	if section = index.ReplaceAllString(section, "[]"); !slices.Contains(r.homes[key], section) {
		r.homes[key] = append(r.homes[key], section)
	}
}

// home returns the section that knows a key: one within the section where it
// was looked for, else the first. ok is false where none does.
func (r *reader) home(section, key string) (home string, ok bool) {
	homes := r.homes[key]
	if len(homes) == 0 {
		return "", false
	}
	section = index.ReplaceAllString(section, "[]") + "."
	within := slices.IndexFunc(homes, func(home string) bool { return strings.HasPrefix(home, section) })
	return homes[max(within, 0)], true
}

// nearest returns the word that was most likely meant, or "" if none is near:
// at most two letters differ, and fewer than half of the word.
func nearest(word string, words []string) string {
	fold := func(s string) string {
		return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "", ".", "").Replace(s))
	}
	best, least := "", 3
	for _, candidate := range words {
		d := distance(fold(word), fold(candidate))
		if d < least && 2*d < len(candidate) {
			best, least = candidate, d
		}
	}
	return best
}

// distance is the number of bytes to insert, delete or replace to get from one
// word to the other (Levenshtein). A word longer than any key is simply far.
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		above := slices.Clone(row)
		row[0] = i + 1
		for j := range len(b) {
			change := above[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, above[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

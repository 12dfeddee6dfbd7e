package config

// What an operator says of the pages that people see. What a page can say, and
// what may be a logo, package page knows.

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"outpost/page"
)

// Pages says what pages say of the site.
type Pages struct {
	Name    string // default outpost
	Logo    string // absolute path of a PNG, WebP or SVG; "": none
	Contact string // text, a mailto: address or an https URL; "": none
	Strings string // absolute path of a file with words; "": none

	logo  string
	words map[string]map[string]string
}

// Image returns what Logo held when Load read it, or nil.
func (p Pages) Image() []byte {
	if p.logo == "" {
		return nil
	}
	return []byte(p.logo)
}

// Words returns what Strings held when Load read it, by language tag and key; nil
// for nothing.
func (p Pages) Words() map[string]map[string]string { return p.words }

const (
	maxStrings  = 1 << 20 // bytes; ours are 14 KB a language
	stringsHint = "docs/pages.md shows such a file"
)

// pages reads the section of that name.
func (r *reader) pages(parent *section) Pages {
	s := r.open(parent.take("pages"), join(parent.path, "pages"))
	var p Pages
	p.Name = optional(s, "name", "outpost", checked(page.CheckName))
	p.Logo = optional(s, "logo", "", r.parseLogo(&p.logo))
	p.Contact = optional(s, "contact", "", checked(page.CheckContact))
	var text []byte
	p.Strings = optional(s, "strings", "", func(path string) (string, *violation) {
		var v *violation
		if text, v = r.fileAt(path, maxStrings); v != nil {
			return "", v
		}
		return filepath.Clean(path), nil
	})
	if p.Strings != "" {
		p.words = r.strings(p.Strings, text)
	}
	parent.put("pages", s.close())
	return p
}

// checked makes a rule of what another package says of a text.
func checked(check func(string) error) func(string) (string, *violation) {
	return func(s string) (string, *violation) {
		if err := check(s); err != nil {
			return "", broken(err.Error(), "")
		}
		return s, nil
	}
}

// parseLogo takes the path of an image, and puts what is in it into image.
func (r *reader) parseLogo(image *string) func(string) (string, *violation) {
	return func(path string) (string, *violation) {
		held, v := r.fileAt(path, page.MaxLogo)
		if v != nil {
			return "", v
		}
		if err := page.CheckLogo(held); err != nil {
			return "", broken(err.Error(), "")
		}
		*image = string(held)
		return filepath.Clean(path), nil
	}
}

// strings reads a file of words: languages, and below each texts by their keys. All
// that is wrong in it is reported where the file is named.
func (r *reader) strings(file string, text []byte) map[string]map[string]string {
	const path = "pages.strings"
	fail := func(rule, hint string) { r.report(path, rule, hint) }
	inner := &reader{file: file, places: map[string]place{}, homes: map[string][]string{}}
	root := inner.parse(text)
	for _, p := range inner.problems {
		if p.Line > 0 {
			fail(fmt.Sprintf("must be a file of words, and on its line %d %s", p.Line, p.sentence()), stringsHint)
		} else {
			fail("must be a file of words: "+p.sentence(), stringsHint)
		}
	}
	if root == nil || len(inner.problems) > 0 {
		return nil
	}
	words := map[string]map[string]string{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		tag, below := root.Content[i], root.Content[i+1]
		if below.Kind != yaml.MappingNode {
			fail(fmt.Sprintf("has on line %d %q without words", tag.Line, tag.Value), "write keys and texts below the language, indented")
			continue
		}
		words[tag.Value] = map[string]string{}
		for j := 0; j+1 < len(below.Content); j += 2 {
			key, value := below.Content[j], below.Content[j+1]
			if value.Kind != yaml.ScalarNode {
				fail(fmt.Sprintf("has on line %d %s.%s, which is no text", key.Line, tag.Value, key.Value), "write it as not_allowed.title: …")
				continue
			}
			if err := page.CheckString(tag.Value, key.Value, value.Value); err != nil {
				fail(fmt.Sprintf("has a problem on line %d: %v", key.Line, err), meant(key.Value))
				continue
			}
			words[tag.Value][key.Value] = value.Value
		}
	}
	return words
}

// meant is the hint for a key that may be misspelt.
func meant(key string) string {
	keys := page.Keys()
	if slices.Contains(keys, key) {
		return ""
	}
	if near := nearest(key, keys); near != "" {
		return "did you mean " + near + "?"
	}
	return "docs/pages.md says which there are"
}

// warnPages says what a language of the operator's own lacks.
func (r *reader) warnPages(p Pages) {
	for tag, texts := range p.words {
		if missing := page.MissingStrings(tag, texts); len(missing) > 0 {
			shown := strings.Join(missing[:min(3, len(missing))], ", ")
			r.advise("pages.strings", fmt.Sprintf("lacks %d texts in %s, which are shown in English: %s", len(missing), tag, shown), "")
		}
	}
}

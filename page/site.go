package page

// site.go is what an operator says of pages: a name, a logo, whom to ask, and
// words of their own.

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Site is what pages say of the site that they are of. The zero value says
// nothing of it.
type Site struct {
	Name    string                       // stands on top of each page and in its title; "" is outpost
	Logo    []byte                       // a PNG, WebP or SVG that CheckLogo takes, in the place of the name on top; nil for none
	Contact string                       // below each page: text that CheckContact takes; "" for none
	Strings map[string]map[string]string // texts in the place of ours, and in languages of one's own, by tag (BCP 47) and key; nil for none
}

// Pages writes pages for one site. It does not change and is safe for parallel
// use. nil writes those of the zero Site.
type Pages struct {
	languages []func() language // the first is English
	tags      []string          // theirs, in the same order
	site      site
}

// site is a Site as a template needs it.
type site struct {
	Name    string
	Logo    string // a data: URL; "" for none
	Contact contact
	policy  string // Content-Security-Policy, without form-action
}

// contact is the line below each page.
type contact struct{ Text, URL string } // URL is "" where it is text alone

// longestName is how many characters a Name or Contact may have.
const longestName = 120

// New returns pages for s. The error joins everything that is wrong with it.
//
// A language of one's own need not be whole: what it lacks is said in the
// language that its tag begins with ("de" for "de-CH"), or else in English.
func New(s Site) (*Pages, error) {
	p := &Pages{site: site{Name: "outpost", policy: policy(s.Logo != nil)}}
	var problems []error
	if s.Name != "" {
		problems = append(problems, checkLine(s.Name))
		p.site.Name = s.Name
	}
	if s.Logo != nil {
		var err error
		p.site.Logo, err = dataURL(s.Logo)
		problems = append(problems, err)
	}
	if s.Contact != "" {
		problems = append(problems, CheckContact(s.Contact))
		p.site.Contact = newContact(s.Contact)
	}
	for _, tag := range slices.Sorted(maps.Keys(s.Strings)) {
		for _, key := range slices.Sorted(maps.Keys(s.Strings[tag])) {
			problems = append(problems, CheckString(tag, key, s.Strings[tag][key]))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	p.addLanguages(s.Strings)
	return p, nil
}

// addLanguages adds ours, with the operator's words, and the operator's own. Each is
// read when somebody asks for it: a start reads none, and few sites need all.
func (p *Pages) addLanguages(own map[string]map[string]string) {
	spelled := map[string]map[string]string{}
	for tag, texts := range own {
		spelled[strings.ToLower(tag)] = texts
	}
	add := func(tag string, texts func() map[string]string) func() map[string]string {
		p.tags = append(p.tags, tag)
		p.languages = append(p.languages, sync.OnceValue(func() language { return newLanguage(tag, texts()) }))
		return texts
	}
	whole := map[string]func() map[string]string{}
	for _, tag := range ours {
		whole[tag] = add(tag, func() map[string]string { return merged(builtin[tag](), spelled[tag]) })
	}
	for _, tag := range slices.Sorted(maps.Keys(own)) {
		lower := strings.ToLower(tag)
		if whole[lower] != nil {
			continue
		}
		base, _, _ := strings.Cut(lower, "-")
		below := whole[base]
		if below == nil {
			below = whole["en"]
			if spelled[base] != nil && base != lower {
				below = func() map[string]string { return merged(whole["en"](), spelled[base]) }
			}
		}
		add(tag, func() map[string]string { return merged(below(), own[tag]) })
	}
}

func merged(below, above map[string]string) map[string]string {
	all := maps.Clone(below)
	maps.Copy(all, above)
	return all
}

// CheckString says what is wrong with an operator's text for a key in the
// language of a tag; nil if nothing is.
func CheckString(tag, key, text string) error {
	where := tag + "." + key
	stem, hasNumber := numbered(key)
	english := builtin["en"]()
	_, known := english[key]
	if !known && hasNumber {
		_, known = english[stem+".other"]
	}
	switch {
	case !isTag(tag):
		return fmt.Errorf("%q is no language: want a tag such as de or de-CH", tag)
	case !known:
		return fmt.Errorf("%s is no text of a page", where)
	case strings.TrimSpace(text) == "":
		return fmt.Errorf("%s is empty", where)
	case !printable(text):
		return fmt.Errorf("%s has a control character", where)
	case utf8.RuneCountInString(text) > 500:
		return fmt.Errorf("%s is longer than 500 characters", where)
	case hasNumber && !strings.Contains(text, number) && (stem+".other" == key || stem+".many" == key):
		return fmt.Errorf("%s lacks %s, which is where the number goes", where, number)
	case strings.ContainsAny(strings.ReplaceAll(text, number, ""), "{}"), !hasNumber && strings.Contains(text, number):
		return fmt.Errorf("%s has braces that nothing goes into", where)
	}
	return nil
}

// MissingStrings returns the keys that a language of the operator's own lacks, sorted,
// of those that have one form; nil for one of ours, whose words are whole.
func MissingStrings(tag string, texts map[string]string) []string {
	base, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if builtin[base] != nil {
		return nil
	}
	var missing []string
	for _, key := range Keys() {
		stem, hasNumber := numbered(key)
		if hasNumber {
			if key == stem+".other" && !slices.ContainsFunc(forms, func(form string) bool { return texts[stem+"."+form] != "" }) {
				missing = append(missing, stem)
			}
			continue
		}
		if texts[key] == "" {
			missing = append(missing, key)
		}
	}
	return missing
}

// CheckName says what is wrong with a Name; nil if nothing is.
func CheckName(s string) error { return checkLine(s) }

// CheckContact says what is wrong with a Contact; nil if nothing is. It is a
// mailto: address, an http or https URL, both of which become links, or text.
func CheckContact(s string) error {
	if err := checkLine(s); err != nil {
		return err
	}
	scheme, rest, _ := strings.Cut(s, ":")
	switch {
	case strings.EqualFold(scheme, "mailto"):
		if !mailbox(rest) {
			return errors.New("must be mailto: and one address, and nothing behind it")
		}
	case strings.EqualFold(scheme, "http"), strings.EqualFold(scheme, "https"):
		if link(s) == "" || strings.ContainsFunc(s, unicode.IsSpace) {
			return errors.New("must be a URL with a host and without user information")
		}
	case strings.EqualFold(scheme, "javascript"), strings.EqualFold(scheme, "data"):
		return errors.New("must be text, a mailto: address or an https URL")
	}
	return nil
}

// mailbox reports whether s is one address, as far as a link has to know it.
func mailbox(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && !strings.ContainsAny(s, "?&#/\\\"'<>()[],;: ") && !strings.Contains(domain, "@")
}

// newContact makes a link of what is one.
func newContact(s string) contact {
	u, err := url.Parse(s)
	if err != nil {
		return contact{Text: s}
	}
	switch u.Scheme {
	case "mailto":
		return contact{Text: u.Opaque, URL: s}
	case "http", "https":
		return contact{Text: strings.TrimSuffix(u.Host+u.EscapedPath(), "/"), URL: s}
	}
	return contact{Text: s}
}

// checkLine wants one short line of text.
func checkLine(s string) error {
	switch {
	case strings.TrimSpace(s) != s || s == "":
		return errors.New("must be text without a space at either end")
	case !printable(s):
		return errors.New("must be one line without control characters")
	case utf8.RuneCountInString(s) > longestName:
		return fmt.Errorf("must be at most %d characters", longestName)
	}
	return nil
}

// printable reports whether text leaves s as it is, but for its length.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
	})
}

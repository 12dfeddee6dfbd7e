package headers

// template.go reads what a value is made of: text, and claims in braces.

import (
	"fmt"
	"slices"
	"strings"

	"outpost/session"
)

// word is what one part of a template stands for.
type word uint8

const (
	wordText word = iota
	wordUsername
	wordName
	wordEmail
	wordSubject
	wordIssuer
	wordGroups
	wordEntitlements
	wordClaim // at a path
)

var words = map[string]word{
	"username": wordUsername, "name": wordName, "email": wordEmail, "subject": wordSubject,
	"issuer": wordIssuer, "groups": wordGroups, "entitlements": wordEntitlements,
}

// single are the claims that OpenID Connect Core §5.1 defines as one string. A
// comma in one of them is a comma, where in any other claim it might be the end
// of one list entry and the beginning of the next.
var single = map[string]bool{
	"sub": true, "iss": true, "name": true, "given_name": true, "family_name": true, "middle_name": true, "nickname": true,
	"preferred_username": true, "profile": true, "picture": true, "website": true, "email": true, "email_verified": true,
	"gender": true, "birthdate": true, "zoneinfo": true, "locale": true, "phone_number": true, "phone_number_verified": true,
	"address.formatted": true, "address.street_address": true, "address.locality": true, "address.region": true,
	"address.postal_code": true, "address.country": true, "updated_at": true,
}

// displayed are the claims that are there to be read by people: no application
// tells one person from another by them, so they may lose their accents.
var displayed = map[string]bool{"name": true, "given_name": true, "family_name": true, "middle_name": true}

// part is a piece of a template: text as it is, or what an identity has.
type part struct {
	word word
	text string // the text, or the path of a claim
}

// template is a value with places for claims.
type template []part

// parseTemplate reads text with claims in braces; "{{" and "}}" stand for braces.
// The error says what is wrong and repeats nothing of s but the place.
func parseTemplate(s string) (template, error) {
	var t template
	var plain strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c != '{' && c != '}':
			plain.WriteByte(c)
			continue
		case strings.HasPrefix(s[i:], "{{"), strings.HasPrefix(s[i:], "}}"):
			plain.WriteByte(c)
			i++
			continue
		case c == '}':
			return nil, fmt.Errorf("a } without its { at byte %d; write }} for a brace", i+1)
		}
		end := strings.IndexAny(s[i+1:], "{}")
		if end < 0 || s[i+1+end] == '{' {
			return nil, fmt.Errorf("a { without its } at byte %d; write {{ for a brace", i+1)
		}
		path := s[i+1 : i+1+end]
		if path == "" || !clean(path) {
			return nil, fmt.Errorf("the braces at byte %d hold no claim: want {username}, {name}, {email}, {subject}, {issuer}, {groups}, {entitlements} or the path of a claim", i+1)
		}
		if plain.Len() > 0 {
			t = append(t, part{text: plain.String()})
			plain.Reset()
		}
		p := part{word: words[path]}
		if p.word == wordText {
			p = part{wordClaim, path}
		}
		t = append(t, p)
		i += 1 + end
	}
	if plain.Len() > 0 {
		t = append(t, part{text: plain.String()})
	}
	return t, nil
}

// static reports whether the template says the same of everybody.
func (t template) static() bool { return len(t) == 0 || len(t) == 1 && t[0].word == wordText }

// alone reports whether the template is one claim and no text.
func (t template) alone() bool { return len(t) == 1 && t[0].word != wordText }

// divided reports whether the template puts characters of apart between two
// things, so that a claim which holds one would be two itself: a user name that
// is "x,ROLE_ADMIN" in "ROLE_{username},{groups}". Spaces in the text do not
// count: there are names with spaces in them.
func (t template) divided(apart string) bool {
	return len(t) > 1 && slices.ContainsFunc(t, func(p part) bool {
		switch p.word {
		case wordText:
			return apart != " " && strings.ContainsAny(p.text, apart)
		case wordGroups, wordEntitlements:
			return true
		}
		return p.word == wordClaim && !single[p.text]
	})
}

// paths are the claims that the template needs besides those that every
// identity has.
func (t template) paths() (paths []string) {
	for _, p := range t {
		if p.word == wordClaim {
			paths = append(paths, p.text)
		}
	}
	return paths
}

// of returns what the part stands for: one text, or a list. A claim of several
// entries is a list; so is one of a single entry, unless the specification says
// that it never is.
func (p part) of(id *session.Identity) (one string, list []string, isList bool) {
	switch p.word {
	case wordText:
		return p.text, nil, false
	case wordUsername:
		return id.Username, nil, false
	case wordName:
		return id.Name, nil, false
	case wordEmail:
		return id.Email, nil, false
	case wordSubject:
		return id.Subject, nil, false
	case wordIssuer:
		return id.Issuer, nil, false
	case wordGroups:
		return "", id.Groups, true
	case wordEntitlements:
		return "", id.Entitlements, true
	}
	list = id.Claims[p.text]
	switch {
	case len(list) == 0:
		return "", nil, false
	case len(list) == 1 && single[p.text]:
		return list[0], nil, false
	}
	return "", list, true
}

// display reports whether people alone read what the part stands for.
func (p part) display() bool {
	return p.word == wordText || p.word == wordName || p.word == wordClaim && displayed[p.text]
}

package provider

// identity.go makes an identity of claims: where each part of it stands, and
// which shapes a list of groups may have. Providers agree on neither.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"outpost/session"
)

// Claims says where a provider's claims say who a person is. Each list holds
// paths, of which the first that is there counts; nil is the standard claim.
//
// A path is the name of a claim, whatever characters it has
// ("cognito:groups", "https://example.com/groups"), or leads into objects with
// dots ("realm_access.roles"). What is there to the letter goes first.
type Claims struct {
	Username     []string // preferred_username
	Name         []string // name
	Email        []string // email; only this one's address can be a verified one
	Groups       []string // groups
	Entitlements []string // entitlements

	TrimGroupsPrefix string // taken off the front of each group that has it; "" for none
}

// errElsewhere means that the provider has more to say than it sends.
var errElsewhere = errors.New("the provider keeps it out of the token for its size")

func (c Claims) filled() Claims {
	for list, standard := range map[*[]string]string{
		&c.Username: "preferred_username", &c.Name: "name", &c.Email: "email", &c.Groups: "groups", &c.Entitlements: "entitlements",
	} {
		if *list == nil {
			*list = []string{standard}
		}
	}
	return c
}

// identity is who the claims speak of. The error Is errElsewhere: a list that
// was left out is not an empty one.
func (c claims) identity(issuer string, where Claims, further []string) (session.Identity, error) {
	groups, err := c.names(where.Groups)
	if err != nil {
		return session.Identity{}, err
	}
	entitlements, err := c.names(where.Entitlements)
	if err != nil {
		return session.Identity{}, err
	}
	username, _ := c.first(where.Username)
	name, _ := c.first(where.Name)
	email, from := c.first(where.Email)
	return session.Identity{
		Issuer:        issuer,
		Subject:       c.text("sub"),
		Username:      username,
		Name:          name,
		Email:         email,
		EmailVerified: from == "email" && c.yes("email_verified"),
		Groups:        trimmed(groups, where.TrimGroupsPrefix),
		Entitlements:  entitlements,
		Claims:        c.further(further),
	}, nil
}

// further are the claims at paths that are there; nil if none is.
func (c claims) further(paths []string) map[string][]string {
	var all map[string][]string
	for _, path := range paths {
		if values, there := texts(c.find(path)); there {
			if all == nil {
				all = map[string][]string{}
			}
			all[path] = values
		}
	}
	return all
}

// texts reads a claim of any shape: a string, a number or a boolean as one text,
// a list as its entries, an object as its JSON. there is false for null, and
// where nothing stands.
func texts(raw json.RawMessage) (values []string, there bool) {
	var list []json.RawMessage
	if len(raw) > 0 && raw[0] == '[' && json.Unmarshal(raw, &list) == nil {
		for _, entry := range list {
			if v := oneText(entry); v != "" {
				values = append(values, v)
			}
		}
		return values, true
	}
	v := oneText(raw)
	return []string{v}, v != ""
}

func oneText(raw json.RawMessage) string {
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	if raw[0] == '"' {
		return text(raw)
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return ""
	}
	return compact.String() // a number as the provider spells it
}

// first returns the first string that is there, and its path; "" and "" where
// none is.
func (c claims) first(paths []string) (value, path string) {
	for _, path := range paths {
		if s := text(c.find(path)); s != "" {
			return s, path
		}
	}
	return "", ""
}

// names returns the first list that is there; nil if none is. The error Is
// errElsewhere.
func (c claims) names(paths []string) ([]string, error) {
	for _, path := range paths {
		if list, there := entries(c.find(path)); there {
			return list, nil
		}
		if c.elsewhere(path) {
			return nil, fmt.Errorf("claim %q: %w", path, errElsewhere)
		}
	}
	return nil, nil
}

// elsewhere reports whether the claims say that one of them is to be fetched
// from another place (OpenID Connect Core §5.6.2). Entra does so for a person
// of more than 200 groups; hasgroups is its short form of it.
func (c claims) elsewhere(path string) bool {
	var sources map[string]json.RawMessage
	if json.Unmarshal(c["_claim_names"], &sources) == nil {
		for name := range sources {
			if path == name || strings.HasPrefix(path, name+".") {
				return true
			}
		}
	}
	return path == "groups" && c.yes("hasgroups")
}

// find returns what stands at a path; nil if nothing does. Names may have dots
// in them: of those that are there, a longer one goes before a shorter.
func (c claims) find(path string) json.RawMessage {
	if value, there := c[path]; there {
		return value
	}
	for end := strings.LastIndexByte(path, '.'); end > 0; end = strings.LastIndexByte(path[:end], '.') {
		var inner claims
		if json.Unmarshal(c[path[:end]], &inner) != nil {
			continue
		}
		if value := inner.find(path[end+1:]); value != nil {
			return value
		}
	}
	return nil
}

var wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// entries reads a list of names in the shapes that providers give it: strings
// and whole numbers in a list, one string, or an object with an object for
// each name, as Zitadel sends roles (the inner one says where the role was
// granted; an empty one says nowhere). A string is one name, whatever
// separators it holds: a group may have a comma or a space in its name, and to
// split it would make two groups that nobody granted. there is false for
// anything else.
func entries(raw json.RawMessage) (list []string, there bool) {
	var object map[string]json.RawMessage
	if len(raw) > 0 && raw[0] == '{' && json.Unmarshal(raw, &object) == nil {
		for _, name := range slices.Sorted(maps.Keys(object)) {
			var granted map[string]json.RawMessage
			if name != "" && json.Unmarshal(object[name], &granted) == nil && len(granted) > 0 {
				list = append(list, name)
			}
		}
		return list, true
	}
	return listOf(raw, func(e json.RawMessage) string {
		if e[0] != '"' && wholeNumber.Match(e) {
			return string(e)
		}
		return text(e)
	})
}

// trimmed takes prefix off each group that has it.
func trimmed(groups []string, prefix string) []string {
	if prefix == "" {
		return groups
	}
	var all []string
	listed := map[string]bool{"": true}
	for _, group := range groups {
		if group = strings.TrimPrefix(group, prefix); !listed[group] {
			all, listed[group] = append(all, group), true
		}
	}
	return all
}

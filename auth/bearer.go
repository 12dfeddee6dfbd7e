package auth

// bearer.go decides which access tokens an application may be set to take. Whether
// one may be believed is the provider's part (provider/bearer.go).

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// checkMachines says what is wrong with the machine clients of an application.
func (c Application) checkMachines(app *application) error {
	switch b := c.Bearer; {
	case b == nil:
	case len(b.Audience) == 0:
		return errors.New("bearer: audience is empty: name whom an access token has to be for, or the tokens of every application would do")
	case slices.Contains(b.Audience, ""):
		return errors.New("bearer: audience has an empty name")
	case slices.ContainsFunc(b.Scopes, func(s string) bool { return s == "" || strings.ContainsAny(s, " \t\"\\") }):
		return errors.New("bearer: scopes has an entry that is no scope (RFC 6749 §3.3)")
	case b.Introspect && app.only() == nil:
		return errors.New("bearer: introspection takes an application with one provider: an opaque token does not say whose it is, and is nobody else's business")
	case b.Introspect && app.only().made.ClientSecret == "" && app.only().made.ClientKey == "":
		return errors.New("bearer: introspection takes a client secret or a client key: the provider answers nobody it does not know")
	}
	if c.AppPasswords && app.only() == nil {
		return errors.New("app passwords take an application with one provider: a password must not be shown to another")
	}
	return nil
}

// checkAudiences refuses two applications of which one would take the access
// tokens of the other: an audience and an issuer in common, and no scope that
// tells them apart.
func (a *applications) checkAudiences(configured []Application) error {
	takers := map[string][]*part{} // by audience
	for _, c := range configured {
		if c.Bearer == nil {
			continue
		}
		one := a.parts[c.Name]
		for _, audience := range slices.Compact(slices.Sorted(slices.Values(c.Bearer.Audience))) {
			for _, other := range takers[audience] {
				if one.app.sharesIssuer(other.app) && !toldApart(c.Bearer.Scopes, other.machines.bearer.Scopes) {
					return fmt.Errorf("applications %q and %q: both take access tokens for audience %q, so that a token for the one opens the other: give each an audience of its own, or scopes of which each has one that the other does not ask for",
						other.name, c.Name, audience)
				}
			}
			takers[audience] = append(takers[audience], one)
		}
	}
	return nil
}

// sharesIssuer reports whether two applications have a provider in common, or may
// have: an issuer of many tenants has the names of others.
func (a *application) sharesIssuer(b *application) bool {
	return slices.ContainsFunc(a.providers, func(p *registration) bool {
		return slices.ContainsFunc(b.providers, func(q *registration) bool {
			return p.issuer == q.issuer || len(p.made.Tenants) > 0 || len(q.made.Tenants) > 0
		})
	})
}

// toldApart reports whether each of two lists has a scope that is not in the other.
func toldApart(a, b []string) bool {
	lacks := func(in, from []string) bool {
		return slices.ContainsFunc(from, func(s string) bool { return !slices.Contains(in, s) })
	}
	return lacks(a, b) && lacks(b, a)
}

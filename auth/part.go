package auth

// part.go is what one entry of the configuration says of who may have what, and
// what applications are told. Several entries below paths of one host are parts
// of one application: they share its sign-in.

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"outpost/access"
	"outpost/auth/provider"
	"outpost/headers"
)

// part is what one entry of the configuration says of who may have what.
type part struct {
	name     string
	app      *application
	index    int    // in application.parts
	path     string // "" at the top, or /path without a slash at its end
	access   *access.Rules
	located  bool // the rules ask for the client's address
	require  access.Requirement
	ask      provider.Ask
	headers  *headers.Mapping
	token    bool          // its headers show the ID token
	empty    headers.Block // for public URLs where nobody is signed in
	machines *machines     // nil where it takes no machine clients
	includes includes
}

// topFirst puts what is at the top of its host before what is below a path: the
// sign-in that they share has the name of the one at the top, or of the first.
func topFirst(configured []Application) []Application {
	sorted := slices.Clone(configured)
	slices.SortStableFunc(sorted, func(a, b Application) int { return min(1, len(a.path())) - min(1, len(b.path())) })
	return sorted
}

// path is that of the external URL; "" at the top of the host.
func (a Application) path() string {
	u, err := url.Parse(a.ExternalURL)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.Path, "/")
}

// join takes in what is below another path of the same host.
func (a *application) join(other *application) error {
	one := other.parts[0]
	switch {
	case a.cookieDomain != "" || other.cookieDomain != "":
		return fmt.Errorf("host %s belongs to %q already, and one of them is for a whole domain", a.host, a.name)
	case a.external != other.external:
		return fmt.Errorf("host %s has another scheme or port in %q", a.host, a.name)
	case !slices.Equal(a.providers, other.providers):
		return fmt.Errorf("it shares the sign-in of %q on host %s, and has another provider", a.name, a.host)
	}
	if a.session.CrossSite != other.session.CrossSite || a.session.Partitioned != other.session.Partitioned {
		return fmt.Errorf("it shares the sign-in of %q on host %s, and has another cookie", a.name, a.host)
	}
	for _, p := range a.parts {
		if p.path == one.path {
			return fmt.Errorf("%s%s belongs to %q already", a.host, pathOrTop(one.path), p.name)
		}
	}
	one.app = a
	for _, source := range other.framers {
		if !slices.Contains(a.framers, source) {
			a.framers = append(a.framers, source)
		}
	}
	a.parts = append(a.parts, one)
	slices.SortStableFunc(a.parts, func(p, q *part) int { return len(q.path) - len(p.path) })
	for i, p := range a.parts {
		p.index = i
	}
	return nil
}

func pathOrTop(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

func newPart(c Application) (*part, error) {
	rules, err := access.Compile(c.Access)
	if err != nil {
		return nil, err
	}
	mapping, err := headers.NewMapping(c.Headers)
	if err != nil {
		return nil, err
	}
	p := &part{
		name: c.Name, path: c.path(), access: rules, located: rules.NeedsClient(), require: c.Access.Require,
		ask: c.Ask, headers: mapping, empty: mapping.Empty(), token: c.Headers.JWT,
	}
	p.includes.needs(mapping)
	return p, nil
}

// part returns the one that a target belongs to, by its path as nginx routes it:
// the longest prefix that ends at a slash. It is nil below no part, where nothing
// is at the top of the host.
func (a *application) part(target string) *part {
	if a.parts[0].path == "" {
		return a.parts[0] // the only one
	}
	path := access.ReadTarget(target).Path
	for _, p := range a.parts {
		if p.path == "" || strings.HasPrefix(path, p.path) && (len(path) == len(p.path) || path[len(p.path)] == '/') {
			return p
		}
	}
	return nil
}

// aliases are those of every header that some application is sent.
func (a *applications) aliases() *headers.Aliases {
	var names [][]string
	for _, app := range a.byHost {
		for _, p := range app.parts {
			names = append(names, p.headers.Names())
		}
	}
	return headers.NewAliases(names...)
}

// furtherClaims are the claims that rules and headers name, each once.
func furtherClaims(configured []Application) ([]string, error) {
	var all []string
	for _, c := range configured {
		mapping, err := headers.NewMapping(c.Headers)
		if err != nil {
			return nil, fmt.Errorf("application %q: %w", c.Name, err)
		}
		all = append(append(all, c.Access.Claims()...), mapping.Claims()...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

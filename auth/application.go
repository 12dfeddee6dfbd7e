package auth

// Which application a request belongs to, and at which providers people may sign
// in to it. A host that no application names has none, and is denied: there is
// no default application.
//
// What shares a sign-in is one application here: a host, or every host below a
// domain. It has parts where several are served below paths of one host, each
// with its own rules and headers.

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"outpost/headers"
	"outpost/session"
)

// application is a sign-in: its cookie, its callback, its providers.
type application struct {
	name         string
	external     string          // scheme://host[:port]
	scheme, host string          // of external; host with its port where that is not the default
	cookieDomain string          // "" in single mode
	providers    []*registration // as configured; at least one
	session      session.Cookie
	browser      session.Cookie
	framers      []string // who may show our page about a frame
	parts        []*part  // the longest path first, the last one at the top where there is one
}

// applications finds an application by host. Ports do not count: cookies do
// not keep them apart, and nginx in a container does not know the published one.
type applications struct {
	byName   map[string]*application
	byHost   map[string]*application // host names of external URLs
	byDomain map[string]*application // cookie domains
	parts    map[string]*part        // by name
}

func compile(configured []Application, providers []*registration, lifetime time.Duration) (applications, error) {
	all := applications{map[string]*application{}, map[string]*application{}, map[string]*application{}, map[string]*part{}}
	for _, c := range topFirst(configured) {
		app, err := newApplication(c, providers, lifetime)
		if err != nil {
			return all, fmt.Errorf("application %q: %w", c.Name, err)
		}
		if c.Name == "" || all.parts[c.Name] != nil {
			return all, fmt.Errorf("application %q: its name is empty or taken", c.Name)
		}
		all.parts[c.Name] = app.parts[0]
		hostname := headers.Hostname(app.host)
		if sharing := all.byHost[hostname]; sharing != nil {
			if err := sharing.join(app); err != nil {
				return all, fmt.Errorf("application %q: %w", c.Name, err)
			}
			continue
		}
		if app.cookieDomain != "" && all.byDomain[app.cookieDomain] != nil {
			return all, fmt.Errorf("application %q: cookie domain %s belongs to %q already", c.Name, app.cookieDomain, all.byDomain[app.cookieDomain].name)
		}
		all.byName[c.Name], all.byHost[hostname] = app, app
		if app.cookieDomain != "" {
			all.byDomain[app.cookieDomain] = app
		}
	}
	if len(configured) == 0 {
		return all, fmt.Errorf("no application")
	}
	return all, nil
}

func newApplication(c Application, providers []*registration, lifetime time.Duration) (*application, error) {
	u, err := url.Parse(c.ExternalURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("external URL %q is not scheme://host[:port][/path]", c.ExternalURL)
	}
	host, ok := headers.Host(u.Host, u.Scheme)
	if !ok {
		return nil, fmt.Errorf("external URL %q has no valid host", c.ExternalURL)
	}
	if c.CookieDomain != "" && c.path() != "" {
		return nil, fmt.Errorf("external URL %q has a path, and the application is for a whole domain", c.ExternalURL)
	}
	only, err := newPart(c)
	if err != nil {
		return nil, err
	}
	app := &application{
		name: c.Name, external: u.Scheme + "://" + host, scheme: u.Scheme, host: host,
		cookieDomain: c.CookieDomain, parts: []*part{only},
	}
	only.app = app
	for _, name := range c.Providers {
		i := slices.IndexFunc(providers, func(p *registration) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("provider %q is not configured", name)
		}
		if app.provider(name) != nil {
			return nil, fmt.Errorf("provider %q is named twice", name)
		}
		app.providers = append(app.providers, providers[i])
	}
	if len(app.providers) == 0 {
		return nil, fmt.Errorf("no provider")
	}
	if d := c.CookieDomain; d != "" && !below(headers.Hostname(host), d) {
		return nil, fmt.Errorf("external URL %s is not below the cookie domain %s", app.external, d)
	}
	// The prefixes make browsers refuse what a sibling host or plain http
	// plants under these names (RFC 6265bis §4.1.3); they need Secure.
	single, domain := "__Host-", "__Secure-"
	if u.Scheme == "http" {
		single, domain = "", ""
	}
	if (c.CrossSite || c.Partitioned) && u.Scheme == "http" {
		return nil, fmt.Errorf("external URL %s is http, and browsers take a cookie for requests of other sites over https alone", app.external)
	}
	app.session = session.Cookie{
		Name: single + "outpost-" + c.Name, Path: "/", Secure: u.Scheme == "https", MaxAge: lifetime, CrossSite: c.CrossSite, Partitioned: c.Partitioned,
	}
	app.framers = framers(app, c.Framers)
	if c.CookieDomain != "" {
		app.session.Name, app.session.Domain = domain+"outpost-"+c.Name, c.CookieDomain
	}
	app.browser = session.Cookie{Name: single + "outpost-browser", Path: "/", Secure: u.Scheme == "https", MaxAge: signInTime}
	return app, nil
}

// provider returns the provider of this name; nil if people may not sign in to
// the application there.
func (a *application) provider(name string) *registration {
	for _, p := range a.providers {
		if p.name == name {
			return p
		}
	}
	return nil
}

// showsToken reports whether somebody's headers for the application need their ID
// token.
func (a *application) showsToken() bool {
	return slices.ContainsFunc(a.parts, func(p *part) bool { return p.token })
}

// only returns the one provider of the application; nil if there are several.
func (a *application) only() *registration {
	if len(a.providers) == 1 {
		return a.providers[0]
	}
	return nil
}

// redirectURI is where p sends people back to.
func (a *application) redirectURI(p *registration) string {
	return a.external + Prefix + callbackPath(a.only() != nil, p.name)
}

// callbackPath is the redirect URI's path below Prefix. Where a person chooses
// among providers each has one of its own: a provider that leads people on to
// another one, to be given their code, is told by it (RFC 9700 §4.4.2), also
// where the other does not name itself in its response (RFC 9207).
func callbackPath(only bool, provider string) string {
	if only {
		return "/callback"
	}
	return "/callback/" + provider
}

// RedirectURI is what has to be registered for the application at the provider
// of this name. Applications below paths of one host have the same.
func (a Application) RedirectURI(provider string) string {
	return a.origin() + Prefix + callbackPath(len(a.Providers) == 1, provider)
}

// SignOutURI is where the provider sends people back to after a sign-out, to be
// registered likewise.
func (a Application) SignOutURI() string { return a.origin() + Prefix + "/sign_out" }

// BackchannelLogoutURI is where the provider says that somebody has signed out.
func (a Application) BackchannelLogoutURI() string {
	return a.origin() + Prefix + "/backchannel_logout"
}

// origin is the external URL without its path.
func (a Application) origin() string {
	return strings.TrimSuffix(strings.TrimSuffix(a.ExternalURL, "/"), a.path())
}

// find returns the application of a host, which headers.Host has brought into
// its one spelling; nil if none. An exact host goes before a domain, a longer
// domain before a shorter one. It allocates nothing.
func (a *applications) find(host string) *application {
	name := headers.Hostname(host)
	if app := a.byHost[name]; app != nil {
		return app
	}
	for {
		if app := a.byDomain[name]; app != nil {
			return app
		}
		dot := strings.IndexByte(name, '.')
		if dot < 0 {
			return nil
		}
		name = name[dot+1:]
	}
}

// below reports whether host is domain or ends in it at the border of a label.
func below(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}

package config

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// The rules that need more than one value, and the warnings.

// locate finds the value at a path, or else the nearest thing above it that is
// in the file.
func (r *reader) locate(path string) place {
	if p, found := r.places[path]; found || path == "" {
		return p
	}
	p := r.locate(path[:max(0, strings.LastIndexAny(path, ".["))])
	p.value = ""
	return p
}

// report records a problem with the value at a path.
func (r *reader) report(path, rule, hint string) { r.fail(path, r.locate(path), rule, hint) }

// advise records a warning about the value at a path.
func (r *reader) advise(path, rule, hint string) { r.caution(path, r.locate(path), rule, hint) }

// given says whether the file has the path, a written null aside.
func (r *reader) given(path string) bool {
	_, is := r.places[path]
	return is
}

// check applies the rules to what each value's own rule has let through; a
// value that did not pass is zero here, and reported already.
func (r *reader) check(c *Config) {
	if collide(c.Listen, c.Management) {
		if r.given("management") {
			r.report("management", "must not be the address of listen", "choose another one")
		} else {
			r.report("listen", "must not be the address of management, "+c.Management, "choose another one, or move management")
		}
	}
	for _, other := range []struct{ key, address string }{{"listen", c.Listen}, {"management", c.Management}, {"tls.listen", c.TLS.Listen}} {
		if collide(c.Admin, other.address) && c.Admin != "off" {
			at := "admin"
			if !r.given(at) {
				at = other.key
			}
			r.report(at, "must not be one socket for admin and "+other.key, "choose another one: whoever may connect to admin can end every session")
		}
	}
	r.checkTLS(c)
	if c.Session.Max > 0 && c.Session.Idle > c.Session.Max {
		r.report("session.idle", "must not be longer than session.max, which is "+shortDuration(c.Session.Max), "")
	}
	r.checkRedis(c)
	r.checkProviders(c)
	firsts := map[string]int{}
	for i := range c.Applications {
		r.checkApplication(c, i, firsts)
	}
}

// collide says whether two listeners would want the same address.
func collide(a, b string) bool {
	aHost, aPort, aErr := net.SplitHostPort(a)
	bHost, bPort, bErr := net.SplitHostPort(b)
	if a == b {
		return a != "" && aPort != "0"
	}
	if aErr != nil || bErr != nil || aPort != bPort || aPort == "0" {
		return false
	}
	everywhere := []string{"", "0.0.0.0", "::"}
	return slices.Contains(everywhere, aHost) || slices.Contains(everywhere, bHost)
}

func (r *reader) checkProviders(c *Config) {
	for i, p := range c.Providers {
		path := r.providerPath(i)
		if p.Scopes != nil && !slices.Contains(p.Scopes, "openid") {
			r.report(path+".scopes", "must have openid in it", "without it the provider does not speak OpenID Connect (OpenID Connect Core §3.1.2.1)")
		}
		r.checkClient(p, path)
		r.checkTenants(p, path)
		first := slices.IndexFunc(c.Providers, func(o Provider) bool { return o.Name == p.Name })
		if p.Name != "" && first < i {
			r.report(path+".name", "must be unique, "+r.providerPath(first)+" has it too", "")
		}
	}
}

// providerPath is where a provider stands in the file.
func (r *reader) providerPath(i int) string {
	if r.given("providers") {
		return entryPath("providers", i)
	}
	return "provider"
}

// checkApplication checks one application. firsts has the first that has each
// value that only one may have, and is added to.
func (r *reader) checkApplication(c *Config, i int, firsts map[string]int) {
	a := c.Applications[i]
	path := entryPath("applications", i)
	r.checkProviderOf(c, a, path)
	r.checkDomain(a, path)
	r.checkAccess(a, path)
	r.checkCookie(c, i)

	unique := func(key, value string) {
		if value == "" {
			return
		}
		if first, twice := firsts[key+" "+value]; twice {
			r.report(path+"."+key, "must be unique, "+entryPath("applications", first)+" has it too", "")
			return
		}
		firsts[key+" "+value] = i
	}
	unique("name", a.Name)
	if a.ExternalURL != nil {
		// A request is matched by the name of its host alone, since cookies
		// keep neither ports nor schemes apart.
		unique("external_url", a.ExternalURL.Hostname()+a.ExternalURL.Path)
	}
	if a.Mode == Domain {
		unique("cookie_domain", a.CookieDomain)
	}
}

// checkProviderOf holds an application's providers against those there are.
func (r *reader) checkProviderOf(c *Config, a Application, path string) {
	path += ".provider"
	var names []string
	for _, p := range c.Providers {
		if p.Name == "" {
			return // its name is the problem, not who refers to it
		}
		if !slices.Contains(names, p.Name) { // twice is a problem of its own
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return
	}
	if len(a.Providers) == 0 && !r.given(path) {
		r.report(path, "is missing", "there are several providers: name one of "+strings.Join(names, ", ")+", or a list of them to choose from")
	}
	for i, name := range a.Providers {
		if name == "" || slices.Contains(names, name) {
			continue
		}
		hint := "known: " + strings.Join(names, ", ")
		if meant := nearest(name, names); meant != "" {
			hint = "did you mean " + meant + "?"
		}
		at := path
		if r.given(entryPath(path, i)) {
			at = entryPath(path, i)
		}
		r.report(at, "must name a provider", hint)
	}
}

// checkDomain holds mode, cookie domain and external URL together.
func (r *reader) checkDomain(a Application, path string) {
	given := r.given(path + ".cookie_domain")
	switch {
	case a.Mode == Single && given:
		r.report(path+".cookie_domain", "must not be given in single mode", "remove it, or set mode: domain for one sign-in to all hosts below it")
	case a.Mode == Domain && a.ExternalURL != nil && a.ExternalURL.Path != "":
		r.report(path+".external_url", "must name a host only, without a path, in domain mode", "for several applications below paths of one host, set mode: single")
	case a.Mode == Domain && !given:
		r.report(path+".cookie_domain", "is missing", "domain mode needs the domain that the hosts have in common, such as example.com")
	case a.Mode == Domain && a.CookieDomain != "" && a.ExternalURL != nil:
		if h := a.ExternalURL.Hostname(); h != a.CookieDomain && !strings.HasSuffix(h, "."+a.CookieDomain) {
			r.report(path+".external_url", "must be at or below the cookie domain "+a.CookieDomain, "browsers refuse a cookie for a domain that the host is not in")
		}
	}
}

// warn gathers what is allowed and still worth a line in the log.
func (r *reader) warn(c *Config) {
	if r.mode&0o002 != 0 {
		r.advise("", fmt.Sprintf("may be changed by every user of this machine (mode %#o)", r.mode), "chmod o-w it")
	}
	if r.inline && r.mode&0o044 != 0 {
		r.advise("", fmt.Sprintf("holds a secret, and others on this machine may read it (mode %#o)", r.mode), "chmod 0400 it, or write ${file:/run/secrets/name} in place of the secret")
	}
	if c.InsecureHTTP {
		r.advise("insecure_http", "is on: whoever is on the way can read and take over sessions", "for local testing only")
	}
	if !r.given("admin") && c.Admin == "off" {
		r.advise("data", "has a path too long for a socket in it: outpost sessions and outpost secret do not reach this process", "set admin to a unix:PATH of at most "+strconv.Itoa(longestSocket)+" bytes, or to off")
	}
	for i, n := range c.TrustedProxies {
		// The largest private ranges are 10.0.0.0/8 and fc00::/7.
		if n.Addr().Is4() && n.Bits() < 8 || n.Addr().Is6() && n.Bits() < 7 {
			r.advise(entryPath("trusted_proxies", i), "trusts a large part of the internet: whoever is in it may say what it likes in the headers that count", "name the addresses that nginx has")
		}
	}
	if c.TrustedProxies == nil {
		r.warnNetworks(c)
	}
	r.warnPages(c.Pages)
	for i, a := range c.Applications {
		if a.Cookie.InsecureSameSiteNone {
			r.advise(entryPath("applications", i)+".cookie.insecure_same_site_none", "is on: pages of other sites can send requests as whoever is signed in", "only for an application that shows up in frames of other sites and refuses forged requests itself")
		}
	}
	for i, p := range c.Providers {
		path := r.providerPath(i)
		if p.InsecureUnverifiedEmail {
			r.advise(path+".insecure_unverified_email", "is on: people choose their own email address", "only for a provider where an administrator sets it")
		}
		if p.InsecureBackchannelHTTP {
			r.advise(path+".insecure_backchannel_http", "is on: whoever is on the way to the provider can sign in as anybody", "only where nobody else is, as between containers of one machine")
		}
		if !slices.ContainsFunc(c.Applications, func(a Application) bool { return slices.Contains(a.Providers, p.Name) }) {
			r.advise(path, "is used by no application", "")
		}
	}
}

package config

import (
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// frames.go is about applications that are shown in other pages: the session
// cookie's attributes, and whose pages those may be.

// Cookie says which requests the session cookie comes with.
type Cookie struct {
	InsecureSameSiteNone bool // also those that pages of other sites make, without a click: SameSite=None in place of Lax
	Partitioned          bool // in a frame, those of that frame's sign-in alone (CHIPS); with InsecureSameSiteNone
}

// cookie reads the section of that name.
func (r *reader) cookie(parent *section) Cookie {
	s := r.open(parent.take("cookie"), join(parent.path, "cookie"))
	v := Cookie{
		InsecureSameSiteNone: optional(s, "insecure_same_site_none", "false", parseBool),
		Partitioned:          optional(s, "partitioned", "false", parseBool),
	}
	parent.put("cookie", s.close())
	return v
}

// checkCookie holds the cookie of an application against browsers' rules, and against
// those of applications before it on the same host, with which it shares one.
func (r *reader) checkCookie(c *Config, i int) {
	a, path := c.Applications[i], join(entryPath("applications", i), "cookie")
	if a.ExternalURL == nil {
		return
	}
	if a.Cookie.InsecureSameSiteNone && a.ExternalURL.Scheme == "http" {
		r.report(path+".insecure_same_site_none", "must not be on where external_url is http", "browsers take such a cookie over https alone")
	}
	if a.Cookie.Partitioned && !a.Cookie.InsecureSameSiteNone {
		r.report(path+".partitioned", "must not be on without insecure_same_site_none", "a frame on another site gets no cookie otherwise, partitioned or not")
	}
	for j, other := range c.Applications[:i] {
		if other.ExternalURL != nil && other.ExternalURL.Host == a.ExternalURL.Host && other.Cookie != a.Cookie {
			r.report(path, "must be as in "+entryPath("applications", j)+", which is on the same host", "they share one sign-in and its cookie")
			return
		}
	}
}

// Framers are the origins whose pages may show, in a frame, our page that leads to
// a's sign-in: those of FrameAncestors, and of all applications of the same site,
// which is what browsers keep together. a's own are not among them.
func (c *Config) Framers(a Application) []string {
	all := slices.Clone(a.FrameAncestors)
	for _, other := range c.Applications {
		if a.ExternalURL == nil || other.ExternalURL == nil || other.Name == a.Name || siteOf(other.ExternalURL.Hostname()) != siteOf(a.ExternalURL.Hostname()) {
			continue
		}
		origins := []string{other.ExternalURL.Scheme + "://" + other.ExternalURL.Host}
		if other.Mode == Domain {
			port := strings.TrimPrefix(other.ExternalURL.Host, other.ExternalURL.Hostname())
			origins = append(origins, other.ExternalURL.Scheme+"://*."+other.CookieDomain+port)
		}
		for _, origin := range origins {
			if !slices.Contains(all, origin) {
				all = append(all, origin)
			}
		}
	}
	return all
}

// siteOf is the registrable domain of a host, or the host where it has none.
func siteOf(host string) string {
	if site, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return site
	}
	return host
}

package doctor

// What is taken out of a bundle: every secret that is known, by its value; what
// looks like a cookie, a code or a token; addresses; and whatever in a log may be
// about a person. Hosts stay, since most mistakes are in them, unless the bundle
// is to be anonymous.

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"outpost/config"
)

type redactor struct {
	secrets *strings.Replacer
	names   []pair // the longest first; nil unless anonymous
}

type pair struct{ name, stand string }

func newRedactor(b Bundle) *redactor {
	var known []string
	r := &redactor{}
	secret := func(s ...string) {
		for _, one := range s {
			if len(one) >= 4 { // a shorter one would be everywhere, and Dump hides it
				known = append(known, one, "<secret>", url.QueryEscape(one), "<secret>")
			}
		}
	}
	secret(b.Secrets...)
	if c := b.Config; c != nil {
		for _, s := range c.Secrets {
			secret(s.Reveal())
		}
		for _, p := range c.Providers {
			secret(p.ClientSecret.Reveal(), p.ClientKey.Reveal())
		}
		for _, a := range c.Applications {
			if a.BasicAuth != nil {
				secret(a.BasicAuth.Password.Reveal())
			}
		}
		secret(c.Session.Redis.Password.Reveal(), c.Session.Redis.Sentinel.Password.Reveal())
		if b.Anonymous {
			r.names = names(c)
		}
	}
	r.secrets = strings.NewReplacer(known...)
	return r
}

var (
	cookieValue  = regexp.MustCompile(`((?:__Host-|__Secure-)?outpost-[a-z0-9-]+=)[^;\s"]+`)
	parameter    = regexp.MustCompile(`([?&;](?:code|state|nonce|id_token_hint|id_token|access_token|refresh_token|logout_token|client_secret|client_assertion|code_verifier|page|outpost_doctor)=)[^&;\s"]+`)
	credentials  = regexp.MustCompile(`(?i)\b(Bearer|Basic|Cookie:|Set-Cookie:)\s+[^\s",]+`)
	jwt          = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}`)
	emailAddress = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+`)
	hash         = regexp.MustCompile(`\b[0-9a-fA-F]{32,}\b`)
	ipv4         = regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b`)
	ipv6         = regexp.MustCompile(`[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*`)
	mark         = regexp.MustCompile(`\b[A-Z2-7]{26}(?:\.[a-z0-9]+)?\b`)

	person = regexp.MustCompile(`("?\b(?:user|username|subject|sub|email|name|client_ip|client|peer|remote|session|groups|id|login_hint)"?\s*[=:]\s*)("(?:[^"\\]|\\.)*"|[^\s,}]+)`)
	query  = regexp.MustCompile(`\?[^\s"]+`)
	opaque = regexp.MustCompile(`[A-Za-z0-9_+=-]{32,}`)
)

// credentials of any kind, and names if they are to go.
func (r *redactor) configuration(text string) string {
	text = r.secrets.Replace(text)
	text = cookieValue.ReplaceAllString(text, "$1<cookie>")
	text = parameter.ReplaceAllString(text, "$1<hidden>")
	text = credentials.ReplaceAllString(text, "$1 <hidden>")
	text = jwt.ReplaceAllString(text, "<token>")
	text = hash.ReplaceAllString(text, "<hash>")
	text = mark.ReplaceAllString(text, "<mark>")
	if r.names != nil {
		text = emailAddress.ReplaceAllString(addresses(text), "<email>")
	}
	for _, p := range r.names {
		text = p.replace(text)
	}
	return text
}

// everything is configuration and, where nobody has written them into a file on
// purpose, addresses.
func (r *redactor) everything(text string) string {
	return r.configuration(emailAddress.ReplaceAllString(addresses(text), "<email>"))
}

// log takes out what a line says about a person as well.
func (r *redactor) log(line string) string {
	line = query.ReplaceAllString(line, "?<query>")
	line = person.ReplaceAllString(line, "$1<hidden>")
	return opaque.ReplaceAllString(r.everything(line), "<long>")
}

// addresses hides those that may be somebody's.
func addresses(text string) string {
	hide := func(found string) string {
		a, err := netip.ParseAddr(strings.Trim(found, "."))
		if err != nil || a.IsLoopback() || a.IsUnspecified() {
			return found
		}
		return "<address>"
	}
	return ipv6.ReplaceAllStringFunc(ipv4.ReplaceAllStringFunc(text, hide), hide)
}

// replace puts the stand-in wherever the name stands by itself.
func (p pair) replace(text string) string {
	alone := regexp.MustCompile(`(^|[^A-Za-z0-9_])` + regexp.QuoteMeta(p.name) + `($|[^A-Za-z0-9_])`)
	for range 2 { // once more for those that share the sign between them
		text = alone.ReplaceAllString(text, "${1}"+p.stand+"${2}")
	}
	return text
}

// names are the hosts and the names of a configuration, each with a stand-in, the
// same wherever it is.
func names(c *config.Config) []pair {
	var all []pair
	add := func(kind string, list ...string) {
		for _, name := range list {
			if name != "" && !slices.ContainsFunc(all, func(p pair) bool { return p.name == name }) {
				all = append(all, pair{name, fmt.Sprintf(kind, len(all)+1)})
			}
		}
	}
	host := func(address string) {
		if u, err := url.Parse(address); err == nil && u.Hostname() != "" {
			add("host-%d.example", u.Hostname())
			add("path-%d", strings.Split(strings.Trim(u.Path, "/"), "/")...)
		}
	}
	for _, p := range c.Providers {
		host(p.Issuer)
		host(p.BackchannelURL)
		host(p.EndSessionURL)
		add("provider-%d", p.Name, p.Title)
		add("client-%d", p.ClientID)
	}
	for _, a := range c.Applications {
		host(a.ExternalURL.String())
		add("domain-%d.example", a.CookieDomain)
		add("application-%d", a.Name)
		for _, r := range a.Rules {
			for _, h := range r.Hosts {
				add("host-%d.example", strings.TrimPrefix(h, "*."))
			}
			people(add, r.Allow)
		}
		people(add, a.Allow)
	}
	for _, t := range c.Tokens {
		add("name-%d", t.Name, t.Username, t.Email)
		add("group-%d", t.Groups...)
	}
	host(c.Session.Redis.URL)
	add("name-%d", c.Session.Redis.Username, c.Session.Redis.Sentinel.Username)
	slices.SortStableFunc(all, func(a, b pair) int { return cmp.Compare(len(b.name), len(a.name)) })
	return all
}

func people(add func(kind string, list ...string), a *config.Allow) {
	if a == nil {
		return
	}
	add("group-%d", a.Groups...)
	add("name-%d", a.Users...)
	add("person-%d@example", a.Emails...)
	add("domain-%d.example", a.EmailDomains...)
	for _, claim := range a.Claims {
		add("value-%d", claim.Values...)
	}
	for i := range a.Any {
		people(add, &a.Any[i])
	}
	for i := range a.All {
		people(add, &a.All[i])
	}
	people(add, a.Not)
}

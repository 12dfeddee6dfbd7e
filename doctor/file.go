package doctor

// The file: what package config finds in it, whether its secrets are where nobody
// else reads them, and whether its hosts are where browsers look for them.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"outpost/config"
)

const lookUpTime = 5 * time.Second

// configuration tells each problem and each warning of the file.
func (c *chart) configuration() {
	var problems config.Problems
	switch {
	case errors.As(c.LoadErr, &problems):
		for _, p := range problems {
			c.wrong(checkOf(p.Path), sentence(p), c.mend(p))
		}
		return
	case c.LoadErr != nil:
		c.wrong("config", c.LoadErr.Error(), "name the file with -config, and let this user read it: chmod u+r "+c.File)
		return
	case c.BuildErr != nil:
		c.wrong("config", c.BuildErr.Error(), "correct it in "+c.File)
		return
	}
	for _, w := range c.Config.Warnings {
		c.warn(checkOf(w.Path), sentence(w), c.mend(w))
	}
	if len(c.Config.Warnings) == 0 {
		c.ok("config", fmt.Sprintf("%s is good (applications: %d, providers: %d)", c.File, len(c.Config.Applications), len(c.Config.Providers)))
	}
}

// checkOf is the check that a key of the file belongs to.
func checkOf(path string) string {
	key := path[strings.LastIndexByte(path, '.')+1:]
	switch {
	case key == "cookie_domain":
		return "cookie-domain"
	case path == "secret" || strings.HasPrefix(path, "secret["):
		return "secret"
	case key == "issuer":
		return "issuer"
	}
	return "config"
}

func sentence(p config.Problem) string {
	s := p.Path + ": " + p.Rule
	if p.Path == "" {
		s = "the file " + p.Rule
	}
	if p.Value != "" {
		s += fmt.Sprintf(", and is %q", p.Value)
	}
	return s
}

// mend is where the file has the problem and what to write there.
func (c *chart) mend(p config.Problem) string {
	where := p.File
	if p.Line > 0 {
		where = fmt.Sprintf("%s line %d", p.File, p.Line)
	}
	key := p.Path[strings.LastIndexByte(p.Path, '.')+1:]
	if rest, plain := strings.CutPrefix(p.Value, "http://"); plain && (key == "external_url" || key == "issuer") {
		return fmt.Sprintf("%s: write %s: https://%s (%s)", where, key, rest, p.Hint)
	}
	if p.Hint == "" {
		return where + ": correct " + p.Path
	}
	return where + ": " + p.Hint
}

// secrets tells where the secret is. How strong it has to be package config and
// the program hold it to.
func (c *chart) secrets() {
	if len(c.Config.Secrets) > 0 {
		c.ok("secret", fmt.Sprintf("from %s, long enough and no common word (%d in force)", c.File, len(c.Config.Secrets)))
		return
	}
	info, err := os.Stat(c.SecretFile)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if c.process != nil {
			c.wrong("secret", c.SecretFile+" is gone while the process runs: after the next start everybody has to sign in again", "put the file back from a backup, or set secret in "+c.File)
			return
		}
		c.ok("secret", "none yet; the first start makes one, of 48 random bytes, in "+c.SecretFile)
	case err != nil:
		c.warn("secret", "not known: "+err.Error(), "run doctor as the user that outpost runs as")
	case info.Mode().Perm()&0o077 != 0:
		c.wrong("secret", fmt.Sprintf("others on this machine may read or write %s (mode %#o): with it anybody can make a session", c.SecretFile, info.Mode().Perm()),
			fmt.Sprintf("chmod 0600 %s, and outpost secret rotate -config %s", c.SecretFile, c.File))
	default:
		c.ok("secret", c.SecretFile+" is this user's alone")
	}
}

// domains holds hosts against cookie domains and against DNS.
func (c *chart) domains(ctx context.Context) {
	for _, a := range c.Config.Applications {
		if a.Mode != config.Domain {
			continue
		}
		strange := ""
		for _, r := range a.Rules {
			for _, host := range r.Hosts {
				name := strings.TrimPrefix(host, "*.")
				if name != "*" && !strings.HasPrefix(host, "~") && !below(name, a.CookieDomain) && !below(a.CookieDomain, name) {
					strange = host
				}
			}
		}
		if strange != "" {
			c.warn("cookie-domain", fmt.Sprintf("application %s: a rule is about %s, which is not below its cookie_domain %s, so it never matches", a.Name, strange, a.CookieDomain),
				c.edit("application "+a.Name, "a host below "+a.CookieDomain+" in that rule, or give "+strange+" an application of its own"))
			continue
		}
		c.ok("cookie-domain", fmt.Sprintf("application %s: %s is no public suffix, and %s is below it", a.Name, a.CookieDomain, a.ExternalURL.Host))
	}
	var hosts []string
	for _, a := range c.Config.Applications {
		if h := a.ExternalURL.Hostname(); !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	c.lookUp(ctx, hosts)
}

// lookUp asks for the addresses of hosts, no more than a few dozen of them.
func (c *chart) lookUp(ctx context.Context, hosts []string) {
	const most = 50
	found := 0
	for _, host := range hosts[:min(len(hosts), most)] {
		ctx, cancel := context.WithTimeout(ctx, lookUpTime)
		addresses, err := net.DefaultResolver.LookupHost(ctx, host)
		cancel()
		if err != nil || len(addresses) == 0 {
			c.warn("dns", fmt.Sprintf("%s, from an external_url, does not resolve here: if it does not where people are, no browser finds it", host),
				fmt.Sprintf("add to the DNS of its domain: %s A (or AAAA) with the address of nginx; or correct external_url in %s", host, c.File))
			continue
		}
		found++
	}
	if found > 0 {
		c.ok("dns", fmt.Sprintf("hosts of external_urls that resolve here: %d of %d", found, len(hosts)))
	}
}

// below reports whether host is domain or in it.
func below(host, domain string) bool { return host == domain || strings.HasSuffix(host, "."+domain) }

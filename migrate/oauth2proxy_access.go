package migrate

// Whom oauth2-proxy lets in, and what it leaves open to everybody.

import (
	"net/netip"
	"outpost/access"
	"strings"
)

// people is who may: the address and the groups, both, as oauth2-proxy has it.
func (o *oauth2Proxy) people() {
	d, s, a := o.d, o.s, o.a
	domains := s.take("email_domains")
	emails := s.take("authenticated_emails_file")
	var exact []string
	everybody := false
	for _, domain := range domains.list() {
		switch {
		case domain == "*":
			everybody = true
		case strings.HasPrefix(domain, ".") || strings.Contains(domain, "*"):
			d.warn(domains.from, "%s means every domain below one, which has no equal: write each", domain)
		default:
			exact = append(exact, strings.ToLower(strings.TrimPrefix(domain, "@")))
		}
	}
	switch {
	case everybody:
		d.needless(domains.from, "without allow, every signed-in person may")
		if emails != nil {
			d.needless(emails.from, "email_domains has everybody already")
		}
	case exact != nil:
		a.allow = append(a.allow, line{"", "{ email_domains: " + list(exact) + " }", domains.from})
		if emails != nil {
			d.warn(emails.from, "has no equal: write its addresses beside email_domains, as emails")
		}
	case emails != nil:
		d.closed(a, emails.from, "addresses of authenticated_emails_file", "write its addresses as emails: [alice@example.com]")
	default:
		d.closed(a, cmpPlace(domains, "email_domains"), "email_domains", "write whose addresses may come in, or take allow out for everybody")
	}
	for _, name := range []string{"allowed_groups", "keycloak_groups", "google_groups", "google_group", "gitlab_groups", "gitlab_group"} {
		if g := s.take(name); g != nil {
			a.allow = append(a.allow, line{"", "{ groups: " + list(g.list()) + " }", g.from})
		}
	}
	for _, name := range []string{"allowed_roles"} {
		if g := s.take(name); g != nil {
			a.allow = append(a.allow, line{"", "{ claims: { realm_access.roles: " + list(g.list()) + " } }", g.from + ", roles of the realm"})
		}
	}
	for _, name := range []string{"github_org", "github_team", "github_repo", "github_users", "gitlab_projects", "bitbucket_team", "bitbucket_repository"} {
		if g := s.take(name); g != nil {
			d.closed(a, g.from, name, "write the groups of your provider")
		}
	}
	if g := s.take("htpasswd_file"); g != nil {
		d.warn(g.from, "has no equal: people sign in at the provider, programs have tokens (docs/machine-clients.md)")
	}
}

// openings is what needs no sign-in.
func (o *oauth2Proxy) openings() {
	d, s, a := o.d, o.s, o.a
	if g := s.take("skip_auth_preflight"); g.yes() {
		a.put("public", "[preflight]", g.from)
	}
	for _, name := range []string{"skip_auth_routes", "skip_auth_regex"} {
		g := s.take(name)
		if g == nil {
			continue
		}
		for _, value := range g.values {
			method, expression, found := strings.Cut(value, "=")
			negated := false
			if found && strings.HasSuffix(method, "!") {
				negated, method = true, strings.TrimSuffix(method, "!")
			}
			var methods []string
			switch {
			case found && name == "skip_auth_routes" && isMethod(method):
				methods = []string{strings.ToUpper(method)}
			case found && name == "skip_auth_routes" && method == "":
			default:
				expression, negated = value, false
			}
			if negated {
				d.warn(g.from, "%q opens all but what it matches, which has no equal; everything needs a sign-in until you write a rule", value)
				continue
			}
			d.open(a, expression, pathOnly, methods, g.from)
		}
	}
	if g := s.take("trusted_ips"); g != nil {
		d.bypass(a, g.list(), g.from)
	}
	if g := s.take("skip_jwt_bearer_tokens"); g.yes() {
		id := s.find("client_id")
		if id != nil {
			a.put("bearer", "{ audience: "+list([]string{id.text()})+" }", g.from)
		}
		d.warn(g.from, "a token wants an audience that is this application's alone: look at bearer (docs/machine-clients.md)")
	}
}

func isMethod(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool { return (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') })
}

// bypass writes a rule for networks that needed no sign-in as a comment: an address
// counts for as much as trusted_proxies is narrow.
func (d *draft) bypass(a *application, networks []string, from string) {
	prefixes := []netip.Prefix{}
	for _, text := range networks {
		p, err := netip.ParsePrefix(text)
		if addr, one := netip.ParseAddr(text); err != nil && one == nil {
			p, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			d.warn(from, "%q is no network", text)
			continue
		}
		prefixes = append(prefixes, p.Masked())
	}
	if len(prefixes) > 0 {
		d.add(a, rule{Rule: access.Rule{Networks: prefixes, Public: true}, from: from, doubt: true})
		d.warn(from, "opens everything to these addresses, and is only a comment: name nginx in trusted_proxies before you take the # away, or anybody may pass for one of them")
	}
}

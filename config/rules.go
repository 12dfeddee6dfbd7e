package config

// An application's `rules`, what holds where none of them matches, and what is
// public without one.

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Rule is one of an application's rules. What is nil matches everything. Of
// Public, Deny and the other two one is given.
type Rule struct {
	Hosts    []string       // lower case; *.example.com is every host below
	Paths    []string       // as package access reads them
	Methods  []string       // upper case
	Query    []string       // KEY, or KEY=VALUE
	Networks []netip.Prefix // of the client, masked
	Public   bool
	Deny     bool
	Allow    *Allow // nil: whoever may have the application
	Require  Require
	Line     int // in the file
}

// What holds where no rule matches.
const (
	DefaultDeny  = "deny"
	DefaultAllow = "allow" // whoever may have the application
)

// Requests that may be public without a rule.
const (
	PublicPreflight = "preflight"
	PublicFavicon   = "favicon"
	PublicRobots    = "robots"
	PublicManifest  = "manifest"
)

// rules reads the list of that name.
func (r *reader) rules(parent *section) []Rule {
	n := parent.take("rules")
	if n == nil {
		parent.put("rules", nullNode())
		r.rule(nil, entryPath(join(parent.path, "rules"), 0)) // so that its keys are known
		return nil
	}
	var all []Rule
	parent.each("rules", n, func(n *yaml.Node, path string) *yaml.Node {
		rule, effective := r.rule(n, path)
		all = append(all, rule)
		return effective
	})
	return all
}

func (r *reader) rule(n *yaml.Node, path string) (Rule, *yaml.Node) {
	before := len(r.problems)
	s := r.open(n, path)
	rule := Rule{
		Hosts:    oneOrMore(s, "host", "", parseRuleHost),
		Paths:    oneOrMore(s, "path", "", parseRulePath),
		Methods:  oneOrMore(s, "methods", "", parseMethod),
		Query:    oneOrMore(s, "query", "", parseQuery),
		Networks: oneOrMore(s, "networks", "", parseClients),
		Public:   optional(s, "public", "", parseYes),
		Deny:     optional(s, "deny", "", parseYes),
	}
	rule.Allow = r.ruleAllow(s)
	rule.Require = r.require(s)
	effective := s.close()
	if n != nil && !s.broken && len(r.problems) == before {
		rule.Line = n.Line
		r.checkOutcome(rule, s, path)
	}
	return rule, effective
}

// checkOutcome holds what follows from a rule to be one thing.
func (r *reader) checkOutcome(rule Rule, s *section, path string) {
	allow, require := s.values["allow"] != nil, len(rule.Require.AMR)+len(rule.Require.ACR) > 0 || rule.Require.MaxAge > 0
	said := 0
	for _, is := range []bool{rule.Public, rule.Deny, allow || require} {
		if is {
			said++
		}
	}
	switch {
	case said == 0:
		r.fail(path, s.place, "must say what follows from it", "write public: true, deny: true, or whom it lets in: allow: { groups: [admins] }, or allow: true for whoever may have the application")
	case said > 1:
		r.fail(path, s.place, "must say one thing: public, deny, or allow with or without require", "split it into two rules: the first one that matches counts")
	case rule.Public && rule.Query != nil:
		r.report(join(path, "query"), "must not be given together with public", "whoever writes the URL writes its query: nothing is public for that")
	}
}

// ruleAllow reads whom a rule lets in: true, or who.
func (r *reader) ruleAllow(s *section) *Allow {
	path := join(s.path, "allow")
	n := s.find("allow")
	const hint = "write allow: true for whoever may have the application"
	switch {
	case n == nil:
		r.condition(nil, path, "") // so that its keys are known
		return nil
	case r.says(n, path, hint):
		return nil
	case n.Kind == yaml.ScalarNode:
		one(s, "allow", n, parseYes)
		return nil
	}
	a, effective := r.condition(n, path, hint)
	s.put("allow", effective)
	return a
}

// parseYes takes what can only be said, not denied.
func parseYes(s string) (bool, *violation) {
	if s != "true" {
		return false, broken("must be true", "remove the key if it is not so")
	}
	return true, nil
}

// parseRuleHost takes a host, or *. and the domain above many.
func parseRuleHost(s string) (string, *violation) {
	domain, below := strings.CutPrefix(s, "*.")
	host, why := parseHostname(domain)
	switch {
	case why != nil && strings.Contains(s, "*"):
		return "", broken("must be a host, or *. and the domain above many", "write *.example.com for every host below example.com")
	case why != nil:
		return "", why
	case below:
		host = "*." + host
	}
	return host, nil
}

// parseRulePath takes a path, or ~ and an expression. Package access says what
// is wrong inside of it.
func parseRulePath(s string) (string, *violation) {
	if unprintable(s) || !strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "~ ^/") {
		return "", broken("must be a path, or an expression behind ~", "write /exact, /below/*, /any/*/name, or ~ ^/expression$")
	}
	return s, nil
}

var methodPattern = regexp.MustCompile(`^[A-Z]+(-[A-Z]+)*$`)

func parseMethod(s string) (string, *violation) {
	switch {
	case methodPattern.MatchString(s) && len(s) <= 32:
		return s, nil
	case methodPattern.MatchString(strings.ToUpper(s)):
		return "", broken("must be in capitals, as HTTP has it", "write "+strings.ToUpper(s))
	}
	return "", broken("must be an HTTP method", "such as GET, HEAD or POST")
}

func parseQuery(s string) (string, *violation) {
	if s == "" || unprintable(s) || strings.ContainsAny(s, "&;?# ") || strings.HasPrefix(s, "=") {
		return "", broken("must be one key of a query, or KEY=VALUE", "write several as a list: all of them have to be there")
	}
	return s, nil
}

// public reads which requests are public without a rule.
func (r *reader) public(s *section) []string {
	return list(s, "public", nil, oneOf(PublicPreflight, PublicFavicon, PublicRobots, PublicManifest))
}

// checkAccess holds an application's rules against the application.
func (r *reader) checkAccess(a Application, path string) {
	if a.Rules == nil && r.given(join(path, "default")) {
		r.report(join(path, "default"), "must not be given without rules", "without rules whoever may have the application has all of it")
	}
	for i, rule := range a.Rules {
		for _, host := range rule.Hosts {
			if host != "" && !a.covers(host) {
				at := join(entryPath(join(path, "rules"), i), "host")
				r.report(at, "must be a host of the application: "+host+" is none", "")
			}
		}
	}
}

// covers reports whether a rule's host can be one of the application's.
func (a Application) covers(host string) bool {
	if a.ExternalURL == nil {
		return true // its own problem
	}
	name := strings.TrimPrefix(host, "*.")
	if a.Mode == Domain {
		return a.CookieDomain == "" || name == a.CookieDomain || strings.HasSuffix(name, "."+a.CookieDomain)
	}
	own := a.ExternalURL.Hostname()
	return host == own || name != host && strings.HasSuffix(own, "."+name)
}

// warnNetworks is about rules over private addresses while every private address
// is a trusted proxy: then whoever has one may name another.
func (r *reader) warnNetworks(c *Config) {
	warn := func(path string, rules []Rule) {
		for i, rule := range rules {
			if slices.ContainsFunc(rule.Networks, func(n netip.Prefix) bool { return n.Addr().IsPrivate() }) {
				r.advise(join(entryPath(join(path, "rules"), i), "networks"),
					"names private addresses, and every private address is a trusted proxy: whoever has one may pretend to have another",
					"set trusted_proxies to the addresses that nginx has")
			}
		}
	}
	for i, a := range c.Applications {
		warn(entryPath("applications", i), a.Rules)
	}
	for i, t := range c.Tokens {
		warn(entryPath("tokens", i), t.Rules)
	}
}

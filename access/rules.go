package access

// rules.go takes the rules of one application, finds what is wrong with them,
// and makes them ready for checks.

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Rule says who may have what it matches: a request matches if each list that
// is not empty has an entry for it, and Query all of its entries.
type Rule struct {
	Hosts    []string       // app.example.com, or *.example.com for all below it; lower case, without port
	Paths    []string       // /exact, /prefix/*, /a/*/x, ~ ^/regexp$; decoded and normalised
	Methods  []string       // in capitals, as HTTP has them
	Query    []string       // key or key=value, decoded; all of them have to be there
	Networks []netip.Prefix // of the client's address

	Public  bool        // anybody, signed in or not
	Deny    bool        // nobody
	Allow   *Policy     // these, if the application's policy has them too; nil for whoever may have the application
	Require Requirement // beside the application's

	Line int // where it is written, for messages; 0 if nowhere
}

// Config is what Compile makes Rules of.
type Config struct {
	Policy       Policy      // who may have the application: beside each rule but the public ones
	Require      Requirement // likewise
	Rules        []Rule      // in their order; the first that matches decides
	DefaultAllow bool        // where none matches: whoever may have the application, not nobody
	Public       []string    // what anybody may have unless a rule denies it: SwitchPreflight and so on
}

// Claims are the claims that the configuration looks at, with repetitions; nil
// if none.
func (c *Config) Claims() []string {
	all := c.Policy.Claims()
	for i := range c.Rules {
		all = append(all, c.Rules[i].Allow.Claims()...)
	}
	return all
}

// The switches of Config.Public.
const (
	SwitchPreflight = "preflight" // requests by which browsers ask whether another origin may ask
	SwitchFavicon   = "favicon"   // GET and HEAD of /favicon.ico
	SwitchRobots    = "robots"    // of /robots.txt
	SwitchManifest  = "manifest"  // of /manifest.json, /site.webmanifest, /manifest.webmanifest
)

// Rules are an application's rules, ready for checks and safe for parallel use.
// A nil *Rules denies everything.
type Rules struct {
	policy       Policy
	require      Requirement
	rules        []rule
	defaultAllow bool
	preflight    bool
	switches     map[string]Why // by path

	index  *index
	folded *index // index itself where no pattern has capitals
	pathed bool   // some rule looks at the path
}

// rule is a Rule, read.
type rule struct {
	number, line int
	hosts        []hostPattern
	paths        []*pattern
	methods      []string
	query        []want
	networks     []netip.Prefix
	public, deny bool
	allow        *Policy
	require      Requirement
}

// Bounds of what one application may have.
const (
	maxRules   = 10_000
	maxEntries = 1_000_000 // hosts times paths, over all rules
)

// Compile reads c. The error is of type Problems: what is invalid, what can never match,
// and what is shadowed by an earlier rule that matches all that it matches.
// Only without an error are there Rules.
func Compile(c Config) (*Rules, error) {
	r := &Rules{policy: c.Policy, require: c.Require, defaultAllow: c.DefaultAllow, switches: map[string]Why{}}
	problems := r.readSwitches(c.Public)
	if len(c.Rules) > maxRules {
		return nil, append(problems, Problem{Key: "rules", Text: fmt.Sprintf("%d are too many: at most %d", len(c.Rules), maxRules)})
	}
	entries := 0
	for i := range c.Rules {
		read, wrong := readRule(&c.Rules[i], i+1)
		problems = append(problems, wrong...)
		r.rules = append(r.rules, read)
		entries += max(1, len(read.hosts)) * max(1, len(read.paths))
		r.pathed = r.pathed || len(read.paths) > 0
	}
	if entries > maxEntries {
		problems = append(problems, Problem{Key: "rules", Text: fmt.Sprintf("hosts times paths come to %d: at most %d", entries, maxEntries)})
	}
	if len(problems) > 0 {
		return nil, problems
	}
	r.index = newIndex(r.rules, false)
	r.folded = r.index
	if slices.ContainsFunc(r.rules, rule.cased) {
		r.folded = newIndex(r.rules, true)
	}
	if problems := r.shadowed(); len(problems) > 0 {
		return nil, problems
	}
	return r, nil
}

// Requirement is what the rule of this number requires, beside what the
// application does; the zero value for 0.
func (r *Rules) Requirement(number int) Requirement {
	if number < 1 || number > len(r.rules) {
		return Requirement{}
	}
	return r.rules[number-1].require
}

// NeedsClient reports whether a rule asks where a request comes from. Without
// one, Request.Client is not looked at.
func (r *Rules) NeedsClient() bool {
	return slices.ContainsFunc(r.rules, func(one rule) bool { return len(one.networks) > 0 })
}

func (r *Rules) readSwitches(names []string) Problems {
	var problems Problems
	for _, name := range names {
		switch name {
		case SwitchPreflight:
			r.preflight = true
		case SwitchFavicon:
			r.switches["/favicon.ico"] = WhyFavicon
		case SwitchRobots:
			r.switches["/robots.txt"] = WhyRobots
		case SwitchManifest:
			for _, path := range []string{"/manifest.json", "/site.webmanifest", "/manifest.webmanifest"} {
				r.switches[path] = WhyManifest
			}
		default:
			problems = append(problems, Problem{Key: "public", Value: name, Text: "is none of preflight, favicon, robots, manifest; for anything else write a rule with public: true"})
		}
	}
	return problems
}

func readRule(c *Rule, number int) (rule, Problems) {
	r := rule{
		number: number, line: c.Line, methods: slices.Clone(c.Methods), networks: slices.Clone(c.Networks), public: c.Public, deny: c.Deny,
		require: Requirement{AMR: slices.Clone(c.Require.AMR), ACR: slices.Clone(c.Require.ACR), MaxAge: c.Require.MaxAge},
	}
	if c.Allow != nil {
		allow := *c.Allow
		r.allow = &allow
	}
	var problems Problems
	wrong := func(key, value, text string) {
		problems = append(problems, Problem{Rule: number, Line: c.Line, Key: key, Value: value, Text: text})
	}
	for _, s := range c.Hosts {
		host, problem := parseHost(s)
		if problem != "" {
			wrong("host", s, problem)
		}
		r.hosts = append(r.hosts, host)
	}
	for _, s := range c.Paths {
		path, problem := parsePattern(s)
		if problem != "" {
			wrong("path", s, problem)
		}
		r.paths = append(r.paths, path)
	}
	for _, s := range c.Methods {
		if problem := wrongMethod(s); problem != "" {
			wrong("methods", s, problem)
		}
	}
	for _, s := range c.Query {
		one, problem := parseWant(s)
		if problem != "" {
			wrong("query", s, problem)
		}
		r.query = append(r.query, one)
	}
	for _, network := range c.Networks {
		if problem := wrongNetwork(network); problem != "" {
			wrong("networks", network.String(), problem)
		}
	}
	for _, text := range c.contradictions() {
		wrong("", "", text)
	}
	return r, problems
}

// contradictions are what a rule may not say at once.
func (c *Rule) contradictions() []string {
	var texts []string
	requires := len(c.Require.AMR) > 0 || len(c.Require.ACR) > 0 || c.Require.MaxAge != 0
	switch {
	case c.Public && c.Deny:
		texts = append(texts, "is public and denies: write one of both")
	case c.Public && (c.Allow != nil || requires):
		texts = append(texts, "public lets everybody in, so allow and require say nothing: write one or the other")
	case c.Deny && (c.Allow != nil || requires):
		texts = append(texts, "deny lets nobody in, so allow and require say nothing: write one or the other")
	}
	if c.Public && len(c.Query) > 0 {
		texts = append(texts, "query cannot make anything public: anybody may write anything behind the question mark of any URL")
	}
	if c.Allow != nil && c.Allow.nobody() {
		texts = append(texts, "allow lets nobody in: name somebody, or write deny: true")
	}
	if c.Require.MaxAge < 0 {
		texts = append(texts, "require: max_age is negative")
	}
	return texts
}

func wrongMethod(s string) string {
	switch {
	case s == "":
		return "is empty: leave the key out for every method"
	case strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "":
		return "is no method: write GET, HEAD, POST, …"
	case s != strings.ToUpper(s):
		return "methods are compared as they are, and written in capitals: write " + strings.ToUpper(s)
	}
	return ""
}

func wrongNetwork(network netip.Prefix) string {
	switch {
	case !network.IsValid():
		return "is no network: write 10.0.0.0/8"
	case network.Addr().Is4In6():
		if bits := network.Bits() - 96; bits >= 0 {
			return "is IPv4: write " + netip.PrefixFrom(network.Addr().Unmap(), bits).Masked().String()
		}
		return "is IPv4: write it as such"
	case network != network.Masked():
		return "has bits behind its length: write " + network.Masked().String()
	}
	return ""
}

func (r rule) cased() bool {
	return slices.ContainsFunc(r.paths, func(p *pattern) bool { return p.cased })
}

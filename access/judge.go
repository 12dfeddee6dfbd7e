package access

// judge.go answers a request. Each reading of its URL is held to the rules by
// itself, the first that matches decides, and the strictest of these verdicts
// is the answer: so nobody gets by one reading what another one keeps from him.

import (
	"net/netip"
	"slices"
	"time"
)

// Request is what somebody asks for.
type Request struct {
	Host      string     // in the one spelling that headers.Host gives it, the port cut off
	Target    string     // path and query as the browser sent them
	Method    string     // "" where the front end does not say
	Client    netip.Addr // the zero value where it is not known
	Preflight bool       // OPTIONS with Origin and Access-Control-Request-Method
}

// check is a request that is being judged.
type check struct {
	*Request
	person   *Person
	now      time.Time
	certain  bool
	switched Why // the switch that makes the request public unless a rule denies it; "" for none
}

// Judge answers q, of p (nil if nobody is signed in), at now. It allocates
// nothing for a plain path.
func (r *Rules) Judge(q *Request, p *Person, now time.Time) Verdict {
	if r == nil {
		return Verdict{Why: WhyDefault}
	}
	t := ReadTarget(q.Target)
	if t.Path == "" {
		return Verdict{Why: WhyTarget}
	}
	c := check{Request: q, person: p, now: now, certain: t.Certain, switched: r.switchFor(q, &t)}
	if t.Certain || !r.pathed {
		return r.judgeReading(&c, t.Path, t.upper)
	}
	readings, all := t.Readings()
	if !all {
		return r.judgeAnyPath(&c)
	}
	v := r.judgeReading(&c, readings[0], hasUpper(readings[0]))
	for _, reading := range readings[1:] {
		if v.Outcome == Deny {
			break
		}
		v = stricter(v, r.judgeReading(&c, reading, hasUpper(reading)))
	}
	return v
}

// judgeReading is the verdict on one path, to upstreams that tell capitals from
// small letters and to those that do not.
func (r *Rules) judgeReading(c *check, path string, upper bool) Verdict {
	v := r.first(c, r.index, path, false)
	if upper || r.folded != r.index {
		v = stricter(v, r.first(c, r.folded, path, true))
	}
	return v
}

// first goes through the rules that may match, in their order, up to the first
// that does.
func (r *Rules) first(c *check, x *index, path string, fold bool) Verdict {
	var room [16][]entry // on the stack
	found := x.find(room[:0], c.Host, path, fold)
	v := Verdict{Outcome: unjudged}
	for {
		e, ok := found.next()
		if !ok {
			return stricter(v, r.byDefault(c))
		}
		if e.pattern != nil && !e.pattern.matches(path, fold) {
			continue
		}
		m, one := r.try(c, e.rule)
		if m != no {
			v = stricter(v, one)
		}
		if m == yes || v.Outcome == Deny {
			return v
		}
	}
}

// judgeAnyPath is the verdict where the path can be anything: the strictest that
// any rule for the host would give.
func (r *Rules) judgeAnyPath(c *check) Verdict {
	v := Verdict{Outcome: unjudged}
	for i := range r.rules {
		one := &r.rules[i]
		if !one.matchesHost(c.Host) {
			continue
		}
		m, verdict := r.try(c, one)
		if m != no {
			v = stricter(v, verdict)
		}
		if v.Outcome == Deny || m == yes && len(one.paths) == 0 {
			return v
		}
	}
	return stricter(v, r.byDefault(c))
}

// try holds a rule, whose host and path match, to the rest of the request. The
// verdict counts unless the match is no.
func (r *Rules) try(c *check, one *rule) (match, Verdict) {
	if c.Method != "" && !one.matchesMethod(c.Method) || c.Client.IsValid() && !one.matchesClient(c.Client) {
		return no, Verdict{}
	}
	m := yes
	if len(one.query) > 0 {
		if m = matchQuery(one.query, c.Target); m == no {
			return no, Verdict{}
		}
	}
	switch {
	case c.Method == "" && len(one.methods) > 0:
		return m, Verdict{Rule: one.number, Why: WhyMethodUnknown}
	case !c.Client.IsValid() && len(one.networks) > 0:
		return m, Verdict{Rule: one.number, Why: WhyClientUnknown}
	}
	return m, c.switchOn(r.decide(c, one))
}

// decide is the verdict of a rule that matches.
func (r *Rules) decide(c *check, one *rule) Verdict {
	switch {
	case one.deny:
		return Verdict{Rule: one.number, Why: WhyDenied}
	case one.public && c.certain:
		return Verdict{Outcome: Public, Rule: one.number, Why: WhyPublic}
	}
	v := r.gate(c, one.allow, &one.require)
	v.Rule = one.number
	if one.public && v.Outcome == SignIn {
		v.Why = WhyDoubtful
	}
	return v
}

func (r *Rules) byDefault(c *check) Verdict {
	if !r.defaultAllow {
		return c.switchOn(Verdict{Why: WhyDefault})
	}
	return c.switchOn(r.gate(c, nil, nil))
}

// gate is for whoever may have the application, and is in allow, and has proved
// what both require. allow and require may be nil.
func (r *Rules) gate(c *check, allow *Policy, require *Requirement) Verdict {
	switch {
	case c.person == nil:
		return Verdict{Outcome: SignIn, Why: WhyNobody}
	case !r.policy.holds(c.person, false):
		return Verdict{Why: WhyApplicationAllow}
	case allow != nil && !allow.holds(c.person, false):
		return Verdict{Why: WhyRuleAllow}
	}
	lacks := r.require.Lacks(c.person.proof, c.now)
	if require != nil {
		lacks = together(lacks, require.Lacks(c.person.proof, c.now))
	}
	if lacks != nil {
		return Verdict{Outcome: StepUp, Lacks: lacks, Why: WhyRequire}
	}
	return Verdict{Outcome: Allowed, Why: WhyAllowed}
}

// together is every lack of a and b once, in the order of Lacks.
func together(a, b []Lack) []Lack {
	if a == nil || b == nil {
		return append(a, b...)
	}
	var all []Lack
	for _, lack := range []Lack{LackOfAMR, LackOfACR, LackOfTime} {
		if slices.Contains(a, lack) || slices.Contains(b, lack) {
			all = append(all, lack)
		}
	}
	return all
}

// switchOn makes a verdict public where a switch does and no rule denies.
func (c *check) switchOn(v Verdict) Verdict {
	if c.switched == "" || v.explicit() || v.Outcome == Public {
		return v
	}
	return Verdict{Outcome: Public, Rule: v.Rule, Why: c.switched}
}

// switchFor returns the switch that is on for q; "" if none is.
func (r *Rules) switchFor(q *Request, t *Target) Why {
	switch {
	case !t.Certain:
		return ""
	case r.preflight && q.Preflight && q.Method == "OPTIONS":
		return WhyPreflight
	case q.Method == "GET" || q.Method == "HEAD":
		return r.switches[t.Path]
	}
	return ""
}

func (r *rule) matchesHost(host string) bool {
	if len(r.hosts) == 0 {
		return true
	}
	for i := range r.hosts {
		if r.hosts[i].matches(host) {
			return true
		}
	}
	return false
}

func (r *rule) matchesPath(path string, fold bool) bool {
	if len(r.paths) == 0 {
		return true
	}
	for _, p := range r.paths {
		if p.matches(path, fold) {
			return true
		}
	}
	return false
}

func (r *rule) matchesMethod(method string) bool {
	return len(r.methods) == 0 || slices.Contains(r.methods, method)
}

func (r *rule) matchesClient(client netip.Addr) bool {
	if len(r.networks) == 0 {
		return true
	}
	client = client.Unmap().WithZone("")
	for i := range r.networks {
		if r.networks[i].Contains(client) {
			return true
		}
	}
	return false
}

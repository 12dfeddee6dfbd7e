package access

// explain.go answers a request as Judge does, rule by rule and in words, for a
// person who wants to know why. It goes through all rules, without the index,
// and so is also what Judge is held to in the tests.

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Step is one rule of the way to a verdict.
type Step struct {
	Path    string // the path that the rules are held to; "" where it may be any
	Folded  bool   // capitals count as small letters, as to some upstreams
	Rule    int    // the rule's number, from 1; 0 for what holds where none matches
	Line    int    // where the rule is written; 0 if nowhere
	Matched bool   // the rule matches, or may: then the steps go on
	Text    string // why not, or what comes of it
}

// Explain returns the steps to the verdict that Judge gives, for the reading
// of the URL that decides: its first rules do not match, the last one is the
// verdict's. It is never empty.
func (r *Rules) Explain(q *Request, p *Person, now time.Time) []Step {
	_, steps := r.explain(q, p, now)
	return steps
}

func (r *Rules) explain(q *Request, p *Person, now time.Time) (Verdict, []Step) {
	if r == nil {
		return Verdict{Why: WhyDefault}, []Step{{Text: "there are no rules: deny"}}
	}
	t := ReadTarget(q.Target)
	if t.Path == "" {
		return Verdict{Why: WhyTarget}, []Step{{Text: `the target does not begin with "/": deny`}}
	}
	c := check{Request: q, person: p, now: now, certain: t.Certain, switched: r.switchFor(q, &t)}
	if t.Certain || !r.pathed {
		return r.explainReadings(&c, []string{t.Path})
	}
	readings, all := t.Readings()
	if !all {
		return r.explainReading(&c, "", func(*rule) (bool, string) { return true, "" })
	}
	return r.explainReadings(&c, readings)
}

func (r *Rules) explainReadings(c *check, readings []string) (Verdict, []Step) {
	v, steps := Verdict{Outcome: unjudged}, []Step(nil)
	for _, path := range readings {
		for _, fold := range []bool{false, true} {
			one, way := r.explainReading(c, path, func(one *rule) (bool, string) {
				return one.matchesPath(path, fold), fmt.Sprintf("path: %s is not %s", path, list(one.paths, func(p *pattern) string { return p.source }))
			})
			if one.Outcome < v.Outcome {
				for i := range way {
					way[i].Folded = fold
				}
				v, steps = one, way
			}
		}
	}
	return v, steps
}

// explainReading goes through the rules for one path. matchesPath says why not.
func (r *Rules) explainReading(c *check, path string, matchesPath func(*rule) (bool, string)) (Verdict, []Step) {
	var steps []Step
	v := Verdict{Outcome: unjudged}
	for i := range r.rules {
		one := &r.rules[i]
		step := Step{Path: path, Rule: one.number, Line: one.line}
		m, verdict, why := r.explainRule(c, one, matchesPath)
		if m == no {
			step.Text = "does not match: " + why
			steps = append(steps, step)
			continue
		}
		v = stricter(v, verdict)
		step.Matched, step.Text = true, "matches"
		anyPath := path == "" && len(one.paths) > 0
		switch {
		case anyPath:
			step.Text = "may match: the URL has too many readings to look at one by one"
		case m == maybe:
			step.Text = "may match, by how the application reads the query"
		}
		step.Text += ": " + verdict.sentence()
		steps = append(steps, step)
		if v.Outcome == Deny || m == yes && !anyPath {
			return v, steps
		}
	}
	verdict := r.byDefault(c)
	return stricter(v, verdict), append(steps, Step{Path: path, Text: "no rule matches: " + verdict.sentence()})
}

// explainRule says whether a rule matches, what comes of it, and why not.
func (r *Rules) explainRule(c *check, one *rule, matchesPath func(*rule) (bool, string)) (match, Verdict, string) {
	if !one.matchesHost(c.Host) {
		return no, Verdict{}, fmt.Sprintf("host: %s is not %s", c.Host, list(one.hosts, hostPattern.String))
	}
	if ok, why := matchesPath(one); !ok {
		return no, Verdict{}, why
	}
	if c.Method != "" && !one.matchesMethod(c.Method) {
		return no, Verdict{}, fmt.Sprintf("method: %s is not %s", c.Method, list(one.methods, func(s string) string { return s }))
	}
	if c.Client.IsValid() && !one.matchesClient(c.Client) {
		return no, Verdict{}, fmt.Sprintf("network: %s is not in %s", c.Client, list(one.networks, netip.Prefix.String))
	}
	m, verdict := r.try(c, one)
	if m == no {
		return no, Verdict{}, "query: it has not " + list(one.query, want.String)
	}
	return m, verdict, ""
}

// sentence is a verdict in words.
func (v *Verdict) sentence() string {
	switch v.Why {
	case WhyMethodUnknown:
		return "deny, for it asks for the method, which the front end does not say"
	case WhyClientUnknown:
		return "deny, for it asks for the client's network, and the address is not known"
	case WhyApplicationAllow:
		return "deny, for the application does not allow this person"
	case WhyRuleAllow:
		return "deny, for the rule does not allow this person"
	case WhyRequire:
		lacks := list(v.Lacks, func(l Lack) string { return string(l) })
		return "step up, for the sign-in has not proved enough: " + lacks
	case WhyDoubtful:
		return "sign in, for the URL can be read in more than one way, so that nobody has it without"
	case WhyPreflight, WhyFavicon, WhyRobots, WhyManifest:
		return "public, by the switch " + string(v.Why)
	}
	return v.Outcome.String()
}

func (w want) String() string {
	if w.valued {
		return w.key + "=" + w.value
	}
	return w.key
}

// list writes the first entries of a list for a sentence.
func list[T any](all []T, text func(T) string) string {
	var texts []string
	for i, one := range all {
		if i == 5 {
			texts = append(texts, "…")
			break
		}
		texts = append(texts, text(one))
	}
	return strings.Join(texts, ", ")
}

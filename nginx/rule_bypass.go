package nginx

// Rules for ways around a check that is in force: nginx answers before it
// asks, or takes a no, or a failure, for the way to the application.

import (
	"fmt"
	"slices"
	"strings"
)

// bypassRules holds each location to them.
func (t *site) bypassRules() {
	t.everywhere(func(s *scope) {
		if d := s.own("auth_request"); d != nil && d[len(d)-1].arg(0) == "off" && !t.isOutpost(s) &&
			s.parent != nil && asksAt(s.parent) != "" && s.server != nil && s != &t.scope {
			t.report("check-switched-off", d[len(d)-1], s,
				"auth_request off: nobody is asked here, while the block around asks; if that is meant, a rule of the outpost for this path says so more exactly and counts it")
		}
		if asksAt(s) == "" {
			return
		}
		t.outpostAsksItself(s)
		if t.isOutpost(s) {
			return
		}
		t.failsOpen(s)
		t.anySatisfies(s)
		if s.modifier != "@" {
			t.answersFirst(s, s.lines)
		}
		t.cachedAnswers(s)
		if d, on := s.is("proxy_intercept_errors", "on"); on && s.handler() != nil {
			t.report("application-errors-intercepted", d, s,
				"a 401 of the application counts as the outpost's and sends people who are signed in to sign in again: write proxy_intercept_errors off; in this location")
		}
		if s.handler() != nil && !t.fragment && !slices.ContainsFunc(s.level("error_page"), func(d *Directive) bool {
			return slices.Contains(errorPage(d).codes, 401)
		}) {
			t.report("no-sign-in", s.last("auth_request"), s,
				"who is not signed in sees nginx's bare 401, since no error_page for it is in force here: include authentik-location.conf, which has it, in this location; an error_page of its own makes nginx forget those of the block around")
		}
	})
}

// outpostAsksItself finds the outpost's pages behind their own check.
func (t *site) outpostAsksItself(s *scope) {
	for _, check := range t.checks {
		if check == s {
			return
		}
	}
	if t.isOutpost(s) && s.handler() != nil {
		t.report("sign-in-needs-sign-in", s.at, s,
			"the sign-in itself asks for a sign-in, and browsers go round in circles: write auth_request off; in this location")
	}
}

// failsOpen finds an error_page that hands the application to those whom the
// check refused, or to everybody while the outpost is down.
func (t *site) failsOpen(s *scope) {
	for _, d := range s.level("error_page") {
		p := errorPage(d)
		at := slices.IndexFunc(p.codes, refusal)
		if at < 0 {
			continue
		}
		to := t.pageAt(p.to)
		if to == nil || t.isOutpost(to) || asksAt(to) != "" || !servesFor(to, s) {
			continue
		}
		// An address that is written out is that one page; a name, or a
		// variable, is whatever was asked for.
		if to.modifier != "@" && !strings.Contains(p.to, "$") {
			continue
		}
		who := "whom the check refuses"
		if p.codes[at] >= 500 {
			who = "who comes while the outpost is down"
		}
		t.report("fails-open", d, s, fmt.Sprintf(
			"error_page %d leads to location %s, which has what is protected here: %s gets in; let it lead to a page, or leave the line out", p.codes[at], to.spelled(), who))
	}
}

// servesFor tells whether a location has what another one has: the application,
// or the same files under the same names.
func servesFor(to, from *scope) bool {
	if _, answers := to.answer(); answers {
		return false
	}
	return to.handler() != nil || from.handler() == nil && to.own("try_files") == nil && to.own("rewrite") == nil
}

// pageAt is the location that an error_page leads to, nil if it is not here.
func (t *site) pageAt(to string) *scope {
	if name, named := strings.CutPrefix(to, "@"); named {
		for _, l := range t.locations {
			if l.modifier == "@" && l.name == name {
				return l
			}
		}
		return nil
	}
	path, _, _ := strings.Cut(to, "?")
	if strings.HasPrefix(path, "$") {
		path = "/"
	}
	return t.choose(path, nil).location
}

// anySatisfies finds addresses and passwords that are enough by themselves.
func (t *site) anySatisfies(s *scope) {
	d, any := s.is("satisfy", "any")
	if !any {
		return
	}
	enough := ""
	if basic := s.last("auth_basic"); basic != nil && basic.arg(0) != "off" {
		enough = "a password of auth_basic"
	}
	for _, rule := range s.access() {
		if rule.Name == "allow" {
			enough = "an address of " + rule.arg(0)
		}
	}
	if enough != "" {
		t.report("satisfy-any", d, s, fmt.Sprintf(
			"satisfy any: %s is enough, the outpost is not asked then and the application hears of nobody; write satisfy all; and give the outpost a rule for those networks", enough))
	}
}

// answersFirst finds what nginx does before it asks: return, and rewrites that
// go on to another location.
func (t *site) answersFirst(s *scope, lines []*Directive) {
	for _, d := range lines {
		switch d.Name {
		case "if":
			t.answersFirst(s, d.Block)
		case "return":
			if code := returned(d); code < 300 {
				t.report("answers-before-check", d, s, fmt.Sprintf(
					"return %d answers before anything is asked: put it in a location of its own, or let the application answer", code))
			}
		case "rewrite":
			if to := t.rewritten(d); to != nil && !t.isOutpost(to) {
				if _, guarded := t.guarded(to); guarded {
					continue
				}
				if _, answers := to.answer(); answers || to.handler() == nil {
					continue
				}
				t.report("answers-before-check", d, s, fmt.Sprintf(
					"this rewrite goes on to location %s before anything is asked, and that one asks nobody: write break in place of %s, or let that location ask", to.spelled(), flagOf(d)))
			}
		}
	}
}

func flagOf(d *Directive) string {
	if d.arg(2) == "" {
		return "nothing"
	}
	return d.arg(2)
}

// rewritten is the location to which a rewrite goes on, as far as it can be
// told; nil for one that stays or is a redirect.
func (t *site) rewritten(d *Directive) *scope {
	if flag := d.arg(2); flag != "" && flag != "last" || strings.Contains(d.arg(1), "://") {
		return nil
	}
	p := compile(d.arg(0), false)
	for _, text := range p.samples() {
		if !strings.HasPrefix(text, "/") {
			text = "/" + text
		}
		found := p.re.FindStringSubmatchIndex(text)
		if found == nil {
			continue
		}
		to := variable.ReplaceAllStringFunc(t.expand(d.arg(1)), func(v string) string {
			name := strings.Trim(v, "${}")
			if name[0] >= '1' && name[0] <= '9' {
				return string(p.re.ExpandString(nil, "${"+name+"}", text, found))
			}
			return ""
		})
		to, _, _ = strings.Cut(to, "?")
		return t.choose(to, nil).location
	}
	return nil
}

// cachedAnswers finds one person's pages that others may get.
func (t *site) cachedAnswers(s *scope) {
	if s.handler() == nil {
		return
	}
	kind, _, _ := strings.Cut(s.handler().Name, "_")
	d := s.last(kind + "_cache")
	if d == nil || d.arg(0) == "off" {
		return
	}
	personal := []string{"$http_cookie", "$cookie_", "$http_authorization"}
	for _, set := range s.level("auth_request_set") {
		personal = append(personal, set.arg(0))
	}
	if key := s.last(kind + "_cache_key"); key != nil && slices.ContainsFunc(personal, func(v string) bool {
		return strings.Contains(strings.ReplaceAll(s.expand(strings.Join(key.Args, " ")), "${", "$"), v)
	}) {
		return
	}
	t.report("answers-cached", d, s, fmt.Sprintf(
		"one person's page is kept and given to the next: write %s_cache off; or put who it is ($authentik_uid) into %s_cache_key", kind, kind))
}

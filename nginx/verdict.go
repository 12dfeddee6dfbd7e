package nginx

// Who gets into a location without a word from the outpost.

import (
	"fmt"
	"slices"
	"strings"
)

// Verdict says how a location stands to the world.
type Verdict string

const (
	// Protected: somebody is asked before it answers, or it lets nobody in.
	Protected Verdict = "protected"
	// Open: nothing is asked. So it is written, and may be meant.
	Open Verdict = "open"
	// Accidental: it is open to more than it looks.
	Accidental Verdict = "accidental"
	// Outpost: it leads to the outpost itself, or to the sign-in.
	Outpost Verdict = "outpost"
)

// judgement is a verdict with its reason. why is "" where the verdict says all.
type judgement struct {
	verdict Verdict
	why     string
	url     string // one that shows it; "" where none was found or none is needed
	found   bool   // the reason is a finding
}

// judge gives the verdict on a location.
func (t *site) judge(s *scope) judgement {
	if t.isOutpost(s) {
		return judgement{verdict: Outpost}
	}
	if s.hasHole() {
		return judgement{verdict: Open, why: "not known: something that stands here could not be read"}
	}
	if code, answers := s.answer(); answers {
		switch {
		case code >= 400:
			return judgement{verdict: Protected, why: fmt.Sprintf("it answers %d by itself", code)}
		case code >= 300:
			return judgement{verdict: Open, why: "it only redirects"}
		}
		return judgement{verdict: Open, why: "it answers by itself, before anything is asked"}
	}
	if s.modifier == "@" || s.last("internal") != nil {
		return t.judgeInternal(s)
	}
	uri := asksAt(s)
	if uri != "" && t.checks[uri] == nil && !t.fragment {
		return t.judgeUnasked(s, uri)
	}
	if why, guarded := t.guarded(s); guarded {
		return judgement{verdict: Protected, why: why}
	}
	return t.judgeOpen(s)
}

// guarded tells whether something is asked before the block answers, and what
// if it is not the outpost.
func (t *site) guarded(s *scope) (why string, guarded bool) {
	_, any := s.is("satisfy", "any")
	some, others := s.addresses()
	if any && others == "allow" {
		return "", false
	}
	nobody := others == "deny" && !some
	switch {
	case nobody && !any:
		return "it denies everybody", true
	case asksAt(s) != "":
		return "", true
	}
	if d := s.last("auth_basic"); d != nil && d.arg(0) != "off" {
		return "by auth_basic, not by the outpost", true
	}
	if _, on := s.is("ssl_verify_client", "on"); on {
		return "by client certificates, not by the outpost", true
	}
	switch {
	case nobody:
		return "it denies everybody", true
	case others == "deny":
		return "by the client's address, not by the outpost", true
	}
	return "", false
}

// addresses tells what the rules for addresses say: whether some are allowed
// before the rest, and what is said of the rest: "allow", "deny", or "" where
// there is no rule for it.
func (s *scope) addresses() (some bool, others string) {
	for _, d := range s.access() {
		if d.arg(0) == "all" {
			return some, d.Name // nginx takes the first that fits
		}
		some = some || d.Name == "allow"
	}
	return some, ""
}

// judgeUnasked is for a check that no location of its own answers: nginx puts
// the question to whatever location has that path, and takes any 2xx for yes.
func (t *site) judgeUnasked(s *scope, uri string) judgement {
	path, _, _ := strings.Cut(uri, "?")
	if l := t.choose(path, nil).location; l != nil && (l.handler() != nil || l.level("try_files") != nil) {
		t.report("check-asks-application", s.at, s, fmt.Sprintf(
			"auth_request %s is answered by location %s, which is not the outpost: a 2xx from there, such as the start page of an application, lets everybody in; include authentik-server.conf in this server block", uri, l.spelled()))
		return judgement{verdict: Accidental, why: "what it asks is not the outpost", url: t.address(example(s))}
	}
	t.report("check-has-no-location", s.at, s, fmt.Sprintf(
		"auth_request %s has no location in this server block: every page is a 500; include authentik-server.conf in the server block", uri))
	return judgement{verdict: Protected, why: "nothing answers its check, so nobody gets in"}
}

// judgeInternal is for a location that no client reaches by its name: it is as
// open as those that lead to it.
func (t *site) judgeInternal(s *scope) judgement {
	if uri := asksAt(s); uri != "" && t.checks[uri] != nil {
		return judgement{verdict: Protected}
	}
	if t.led[s] {
		return judgement{verdict: Protected} // they lead to each other
	}
	t.led[s] = true
	defer delete(t.led, s)
	open := judgement{verdict: Protected, why: "it is reached from within nginx alone"}
	t.everywhere(func(l *scope) {
		if open.verdict != Protected || l == s || !leads(l, s) {
			return
		}
		if j := t.judge(l); j.verdict == Open || j.verdict == Accidental {
			open = judgement{verdict: Open, why: fmt.Sprintf("location %s leads to it", l.spelled())}
		} else if j.verdict == Protected && failsTo(l, s) {
			open = judgement{verdict: Open, why: fmt.Sprintf("who is refused at location %s gets it", l.spelled())}
		}
	})
	return open
}

// leads tells whether requests of a location go on to another one.
func leads(from, to *scope) bool {
	for _, d := range from.level("try_files") {
		if len(d.Args) > 0 && d.Args[len(d.Args)-1] == "@"+to.name && to.modifier == "@" {
			return true
		}
	}
	return slices.ContainsFunc(from.level("error_page"), func(d *Directive) bool {
		p := errorPage(d)
		return p.to == to.modifier+to.name || to.modifier != "@" && p.to == to.name
	})
}

// failsTo tells whether those whom a check refuses go on to another location.
func failsTo(from, to *scope) bool {
	return slices.ContainsFunc(from.level("error_page"), func(d *Directive) bool {
		p := errorPage(d)
		return to.modifier == "@" && p.to == "@"+to.name && slices.ContainsFunc(p.codes, refusal)
	})
}

// judgeOpen is for a location that asks nobody: is it that for the URLs alone
// that it seems to name?
func (t *site) judgeOpen(s *scope) judgement {
	if s.pattern == nil {
		return judgement{verdict: Open, url: t.shown(s, example(s))}
	}
	if path, found := t.hole(s); found {
		url := t.address(path)
		return judgement{verdict: Accidental, found: true, url: url, why: fmt.Sprintf(
			"%s is served without a check, since the pattern matches anywhere in a URL: %s", url, anchored(s, path))}
	}
	return judgement{verdict: Open, url: t.shown(s, example(s))}
}

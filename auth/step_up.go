package auth

// step_up.go is about people whom the provider vouches for and who have not
// proved who they are as the application requires it: with the wrong methods,
// or too long ago. They are sent to prove more, once, with a sign-in that asks
// for it; then a page says what is missing. Without what is required there is
// no session.

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"outpost/access"
	"outpost/auth/provider"
	"outpost/headers"
	"outpost/page"
	"outpost/session"
)

// needs is what a sign-in asks the provider for, and what it has to bring.
type needs struct {
	ask      provider.Ask
	required []access.Requirement // each of them has to hold; the application's own first
}

// needs are those of a sign-in that ends at a URL of this part, where this rule
// decides: what every check of it will want, and what was asked for with max_age,
// which has to be looked at (OpenID Connect Core §3.1.3.7 no. 13).
func (p *part) needs(rule int) needs {
	if p == nil {
		return needs{}
	}
	n := needs{ask: p.ask, required: []access.Requirement{p.require, p.access.Requirement(rule)}}
	if age := p.ask.MaxAge; age > 0 {
		n.required = append(n.required, access.Requirement{MaxAge: age})
	}
	return n
}

// toAsk is what the provider is asked for when a sign-in begins. The rule is the
// one that a signed-in person came from; 0 where nobody is, and then it is the one
// that stands before anybody.
func (o *Outpost) toAsk(v *visit, returnURL string, rule int) needs {
	part, q := o.questionOf(v, returnURL)
	if part != nil && rule == 0 {
		rule = part.access.Judge(&q, nil, time.Now()).Rule
	}
	return part.needs(rule)
}

// asks are what the provider is asked for; again is that the person has to prove
// anew who they are.
func (n needs) asks(again bool) provider.Ask {
	ask := n.ask
	if again && !slices.Contains(ask.Prompt, "login") {
		ask.Prompt = append(slices.Clone(ask.Prompt), "login")
	}
	if len(ask.ACRValues) == 0 {
		ask.ACRValues = n.classes()
	}
	ask.MaxAge = n.maxAge()
	return ask
}

// lacking is what the person of a sign-in has not proved for the URL where it
// ends; nil if nothing lacks. Whom the rule would not have anyway is not asked to
// prove more: they are signed in, and read why not.
func (o *Outpost) lacking(v *visit, returnURL string, s *session.Session) []page.Missing {
	part, q := o.questionOf(v, returnURL)
	now, rule := time.Now(), 0
	if part != nil {
		if verdict := part.access.Judge(&q, v.provider.person(s), now.Add(-provider.Skew)); verdict.Outcome == access.StepUp {
			rule = verdict.Rule
		}
	}
	return part.needs(rule).missing(s, now)
}

// questionOf is what a person's page asks of the application's rules. A method
// that is not known would match no rule that wants one: it is a page, so it is
// GET.
func (o *Outpost) questionOf(v *visit, pageURL string) (*part, access.Request) {
	host, target := v.app.host, "/"
	if _, rest, ok := strings.Cut(pageURL, "://"); ok {
		end := strings.IndexByte(rest, '/')
		if end < 0 {
			end = len(rest)
		}
		if host = rest[:end]; end < len(rest) {
			target = rest[end:]
		}
	}
	return v.app.question(&Request{
		Original: headers.Original{Host: host, Target: target, Method: http.MethodGet},
		Client:   o.peers.ClientIP(v.r.Header, v.r.RemoteAddr),
	})
}

// classes are the authentication context classes to ask for: those of the rule
// before the application's own.
func (n needs) classes() []string {
	for i := len(n.required) - 1; i >= 0; i-- {
		if classes := n.required[i].ACR; len(classes) > 0 {
			return classes
		}
	}
	return nil
}

// maxAge is the shortest; 0 for none.
func (n needs) maxAge() time.Duration {
	shortest := time.Duration(0)
	for _, r := range n.required {
		if r.MaxAge > 0 && (shortest == 0 || r.MaxAge < shortest) {
			shortest = r.MaxAge
		}
	}
	return shortest
}

// proof is how the person of a session proved who they are.
func proof(s *session.Session) access.Proof {
	return access.Proof{AMR: s.AMR, ACR: s.ACR, Time: s.AuthTime}
}

// insufficient ends a sign-in that would have made s, and lacks something.
func (o *Outpost) insufficient(v *visit, f finish, s *session.Session, missing []page.Missing) error {
	again := signInURL(v.app, f.returnURL, asked{provider: v.provider.name, stepUp: true, fragment: v.fragment})
	e := &Error{Status: http.StatusForbidden, Reason: InsufficientAuthentication, Err: fmt.Errorf("the sign-in lacks something: %s", missing), Page: page.Data{
		Identity: &s.Identity, Missing: missing, RetryURL: again, SwitchURL: signInURL(v.app, f.returnURL, asked{other: true, fragment: v.fragment}),
	}}
	if f.fl.steppedUp {
		o.hooks.SignIn(v.app.name, v.provider.name, InsufficientAuthentication, f.took)
		return e
	}
	e.Status = http.StatusFound
	o.tell(v, e)
	v.redirect(again)
	return nil
}

// missing is what lacks at now, with what would do and what there is; nil if
// nothing does.
func (n needs) missing(s *session.Session, now time.Time) []page.Missing {
	var all []page.Missing
	for _, r := range n.required {
		if r.MaxAge > 0 && r.MaxAge != n.maxAge() {
			r.MaxAge = 0 // a shorter one is asked for as well
		}
		for _, lack := range r.Lacks(proof(s), now.Add(-provider.Skew)) {
			if m := missing(lack, r, s); !slices.Contains(all, m) {
				all = append(all, m)
			}
		}
	}
	return all
}

func missing(lack access.Lack, require access.Requirement, s *session.Session) page.Missing {
	m := page.Missing{Claim: string(lack)}
	switch lack {
	case access.LackOfAMR:
		m.Want, m.Got = strings.Join(require.AMR, ", "), strings.Join(s.AMR, ", ")
	case access.LackOfACR:
		m.Want, m.Got = strings.Join(require.ACR, ", "), s.ACR
	case access.LackOfTime:
		m.Want = fmt.Sprintf("%d min", int(require.MaxAge.Minutes()))
		if !s.AuthTime.IsZero() {
			m.Got = fmt.Sprintf("%d min", int(time.Since(s.AuthTime).Minutes()))
		}
	}
	return m
}

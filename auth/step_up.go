package auth

// step_up.go is about people whom the provider vouches for and who have not
// proved who they are as the application requires it: with the wrong methods,
// or too long ago. They are sent to prove more, once, with a sign-in that asks
// for it; then a page says what is missing. Without what is required there is
// no session.

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"outpost/access"
	"outpost/page"
	"outpost/session"
)

// atSignIn is what a sign-in has to bring: what every check will want, and what
// was asked for with max_age, which has to be looked at (OpenID Connect Core
// §3.1.3.7 no. 13).
func (a *application) atSignIn() access.Requirement {
	r := a.require
	if age := a.ask.MaxAge; age > 0 && (r.MaxAge == 0 || age < r.MaxAge) {
		r.MaxAge = age
	}
	return r
}

// proof is how the person of a session proved who they are.
func proof(s *session.Session) access.Proof {
	return access.Proof{AMR: s.AMR, ACR: s.ACR, Time: s.AuthTime}
}

// insufficient ends a sign-in that would have made s, and lacks something.
func (o *Outpost) insufficient(v *visit, f finish, s *session.Session, lacks []access.Lack) error {
	again := signInURL(v.app, f.returnURL, asked{provider: v.provider.name, stepUp: true})
	missing := v.app.missing(s, lacks)
	e := &Error{Status: http.StatusForbidden, Reason: InsufficientAuthentication, Err: fmt.Errorf("the sign-in lacks something: %s", missing), Page: page.Data{
		Identity: &s.Identity, Missing: missing, RetryURL: again, SwitchURL: signInURL(v.app, f.returnURL, asked{other: true}),
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

// missing is what lacks, with what would do and what there is.
func (a *application) missing(s *session.Session, lacks []access.Lack) []page.Missing {
	require := a.atSignIn()
	var all []page.Missing
	for _, lack := range lacks {
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
		all = append(all, m)
	}
	return all
}

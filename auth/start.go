package auth

// start.go sends a person to the provider.
//
// It also shows those who are signed in already why they were not let in:
// nginx shows nothing of a 403, so the check answers 401 to a navigation and
// nginx sends it here.

import (
	"net/http"
	"time"

	"outpost/auth/provider"
	"outpost/headers"
	"outpost/page"
	"outpost/session"
)

const (
	maxLoops = 3
	loopTime = 30 * time.Second
)

// start handles /outpost.goauthentik.io/start?rd=URL.
//
//  1. Where does the person want to go, and to which application is that?
//  2. Who comes from a form that did not arrive is told so, and goes nowhere.
//  3. Someone signed in is sent there, or told why not; who has not proved
//     enough goes on, to prove more.
//  4. What is no navigation gets JSON and no cookie: it cannot sign in. Its method
//     may be any: a browser keeps it through nginx's redirect.
//  5. In a frame there is a link that leads out of it, and no sign-in.
//  6. Off to the application's own host, where cookie and callback live.
//  7. Of several providers the person chooses one.
//  8. A browser that goes round in circles is stopped.
//  9. A provider that does not answer is said so, here, not by the browser.
//  10. A new flow: the state to the provider, the cookie to the browser.
func (o *Outpost) start(v *visit) error {
	navigation := page.Navigation(v.r.Header)
	if err := v.allow(http.MethodGet, http.MethodHead); err != nil && navigation {
		return err
	}
	returnURL, owner, ok := o.returnURL(v.r.URL.RawQuery, v.host, v.app)
	if !ok {
		v.log.Debug("return URL absent or refused; the front page stands in")
	}
	a, rest := askedOf(v.r.URL.RawQuery)
	live, err := o.live(v)
	if err != nil {
		return err
	}
	if navigation && o.formUnsent(v, a, returnURL) {
		return o.formNotSent(returnURL)
	}
	framed, rule := navigation && page.InFrame(v.r.Header), 0
	if live != nil && owner == v.app && returnURL == originOf(returnURL)+refreshPath && navigation {
		v.redirect(returnURL) // tells that they are signed in, whatever else they may have
		return nil
	}
	if live != nil && owner == v.app && !a.other {
		d := o.judgeVisit(v, live, returnURL)
		if d.Reason != InsufficientAuthentication || !navigation {
			if framed && d.Status != http.StatusOK {
				return o.framed(v, owner, d.Reason, true, returnURL, a)
			}
			return o.startSignedIn(v, live, d, returnURL, navigation)
		}
		a.stepUp, a.provider, rule = true, v.provider.name, d.Rule
		o.tellStepUp(v, live.Session(), rule)
	}
	if !navigation {
		return o.notSignedIn(v.app, returnURL)
	}
	if framed {
		return o.framed(v, owner, NotSignedIn, false, returnURL, a)
	}
	if owner != v.app || !sameHostname(v.host, v.app.host) {
		if owner != v.app {
			a.provider = "" // was chosen for another application
		}
		v.redirect(signInURL(owner, returnURL, a))
		return nil
	}
	if v.provider = v.app.only(); v.provider == nil {
		v.provider = v.app.provider(a.provider)
	}
	if v.provider == nil {
		return o.choose(v, returnURL, a)
	}
	return o.begin(v, returnURL, a, rest, rule)
}

// judgeVisit says whether a signed-in person may have the URL that they come
// from, as nginx's check of a page would.
func (o *Outpost) judgeVisit(v *visit, live *session.Live, returnURL string) Decision {
	part, q := o.questionOf(v, returnURL)
	if part == nil {
		return Decision{Status: http.StatusForbidden, Reason: UnknownPath, Session: live.Session()}
	}
	return o.judge(v.app, part, &q, live, v.known, time.Now())
}

// choose asks the person at which provider to sign in.
func (o *Outpost) choose(v *visit, returnURL string, a asked) error {
	var choices []page.Choice
	for _, p := range v.app.providers {
		a.provider = p.name
		choices = append(choices, page.Choice{Label: p.title, URL: signInURL(v.app, returnURL, a)})
	}
	v.show(http.StatusOK, ChooseProvider, page.Data{Choices: choices})
	return nil
}

// startSignedIn answers someone who has a session of this application.
func (o *Outpost) startSignedIn(v *visit, live *session.Live, d Decision, returnURL string, navigation bool) error {
	if d.Status != http.StatusOK || !navigation {
		reason := d.Reason
		v.log = v.log.With("rule", d.Rule)
		if d.Status == http.StatusOK {
			reason = NotSignedIn // it was so when the check was made; asking again helps
		}
		o.hooks.SignIn(v.app.name, v.provider.name, reason, 0)
		return &Error{Status: http.StatusForbidden, Reason: reason, Page: deniedPage(v.app, d, returnURL)}
	}
	// Allowed here but not at the check: once that is a race with another
	// tab's sign-in, again and again it is a circle.
	b := o.browser(v)
	if err := o.guard(v, b); err != nil {
		return err
	}
	b.turn(live.Session().Key)
	if err := o.flows.keepBrowser(v.w, v.app, b); err != nil {
		return err
	}
	v.redirect(returnURL)
	return nil
}

// begin makes a flow and sends the browser to the visit's provider. The rest is
// of start's query, behind what was asked; the rule is as toAsk has it.
func (o *Outpost) begin(v *visit, returnURL string, a asked, rest string, rule int) error {
	b := o.browser(v)
	if err := o.guard(v, b); err != nil {
		return err
	}
	if err := v.provider.Ready(v.ctx()); err != nil {
		return o.signInError(v, reasonOf(err), err, returnURL, 0)
	}
	fl := &flow{application: v.app.name, provider: v.provider.name, returnURL: returnURL, steppedUp: a.stepUp}
	fl.keepFragment(v.r, a)
	if len(returnURL) > maxInlineReturnURL {
		var part int
		fl.kept, part = keeping(rest, returnURL)
		if next := keepReturnURL(v.w, v.r, v.app, fl.kept, returnURL, part); next > 0 {
			v.redirect(nextPartURL(v.app, fl.kept, next, returnURL, a))
			return nil
		}
	}
	state, secret, err := o.flows.begin(b, fl)
	if err != nil {
		return err
	}
	to, err := v.provider.AuthorizationURL(v.ctx(), provider.Request{
		Ask: o.toAsk(v, returnURL, rule).asks(a.other || a.stepUp), RedirectURI: v.app.redirectURI(v.provider),
		State: state, Nonce: secret.nonce(b, fl), Verifier: secret.verifier(b, fl),
	})
	if err != nil {
		return o.signInError(v, reasonOf(err), err, returnURL, 0)
	}
	if err := o.flows.keepBrowser(v.w, v.app, b); err != nil {
		return err
	}
	v.leave(to, fl)
	return nil
}

// browser reads the browser cookie, or makes a new browser. A loop that ended,
// by time or by an accepted check, is forgotten.
func (o *Outpost) browser(v *visit) *browser {
	b := o.flows.browserOf(v.app, v.r)
	if b == nil {
		return newBrowser()
	}
	if time.Since(b.loop.since) > loopTime || o.sessions.Checked(v.r.Context(), b.last, b.loop.since) {
		b.loop = loop{}
	}
	return b
}

// turn counts one more sign-in, which made or found the session key.
func (b *browser) turn(key session.Key) {
	if b.loop.count == 0 {
		b.loop.since = time.Now().Truncate(time.Second)
	}
	b.loop.count++
	b.last = key
}

// guard stops a browser whose last sign-ins all succeeded and none of whose
// sessions ever reached a check. It begins anew after that, so that "try
// again" tries again.
func (o *Outpost) guard(v *visit, b *browser) error {
	if b.loop.count < maxLoops {
		return nil
	}
	b.loop = loop{}
	if err := o.flows.keepBrowser(v.w, v.app, b); err != nil {
		return err
	}
	o.hooks.SignIn(v.app.name, v.providerName(), Loop, 0)
	return &Error{Status: http.StatusForbidden, Reason: Loop, Page: page.Data{RetryURL: v.app.external + "/"}}
}

// endLoop forgets the sign-ins before a sign-out: who signs in, out and in again
// goes round because they want to.
func (o *Outpost) endLoop(v *visit) {
	b := o.flows.browserOf(v.app, v.r)
	if b == nil || b.loop.count == 0 {
		return
	}
	b.loop = loop{}
	if err := o.flows.keepBrowser(v.w, v.app, b); err != nil {
		v.log.Error("keeping the browser cookie", "cause", err.Error())
	}
}

func sameHostname(a, b string) bool { return headers.Hostname(a) == headers.Hostname(b) }

// signInError is a sign-in that did not succeed. The page's link begins again.
func (o *Outpost) signInError(v *visit, reason Reason, cause error, returnURL string, took time.Duration) error {
	o.hooks.SignIn(v.app.name, v.providerName(), reason, took)
	status := http.StatusBadRequest
	switch reason {
	case ProviderUnreachable, UserinfoUnavailable, StoreUnavailable:
		status = http.StatusServiceUnavailable
	case ProviderMisconfigured:
		status = http.StatusBadGateway
	case GroupsOverage, InsufficientAuthentication:
		status = http.StatusForbidden // trying again does not help
	}
	d := page.Data{}
	if returnURL != "" {
		d.RetryURL = signInURL(v.app, returnURL, asked{fragment: v.fragment})
	}
	return &Error{Status: status, Reason: reason, Err: cause, Page: d}
}

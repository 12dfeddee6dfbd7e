package auth

// start.go sends a person to the provider.
//
// It also shows those who are signed in already why they were not let in:
// nginx shows nothing of a 403, so the check answers 401 to a navigation and
// nginx sends it here.

import (
	"errors"
	"net/http"
	"strings"
	"time"

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
//  2. Someone signed in is sent there, or told why not.
//  3. What is no navigation gets JSON and no cookie: it cannot sign in.
//  4. Off to the application's own host, where cookie and callback live.
//  5. A browser that goes round in circles is stopped.
//  6. A provider that does not answer is said so, here, not by the browser.
//  7. A new flow: the state to the provider, the cookie to the browser.
func (o *Outpost) start(v *visit) error {
	if err := v.allow(http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	returnURL, owner, ok := o.returnURL(v.r.URL.RawQuery, v.host, v.app)
	if !ok {
		v.log.Debug("return URL absent or refused; the front page stands in")
	}
	other := switchesAccount(v.r)
	live, err := o.live(v)
	if err != nil {
		return err
	}
	navigation := page.Navigation(v.r.Header)
	if live != nil && owner == v.app && !other {
		return o.startSignedIn(v, live, returnURL, navigation)
	}
	if !navigation {
		return &Error{Status: http.StatusForbidden, Reason: NotSignedIn, Page: page.Data{SignInURL: signInURL(v.app, returnURL, false)}}
	}
	if owner != v.app || !sameHostname(v.host, v.app.host) {
		v.redirect(signInURL(owner, returnURL, other))
		return nil
	}
	return o.begin(v, returnURL, other)
}

// startSignedIn answers someone who has a session of this application.
func (o *Outpost) startSignedIn(v *visit, live *session.Live, returnURL string, navigation bool) error {
	d := o.judge(v.app, live)
	if d.Status != http.StatusOK || !navigation {
		reason := d.Reason
		if d.Status == http.StatusOK {
			reason = NotSignedIn // it was so when the check was made; asking again helps
		}
		o.hooks.SignIn(v.app.name, v.app.provider.name, reason, 0)
		return &Error{Status: http.StatusForbidden, Reason: reason, Page: page.Data{
			Identity:   &live.Session().Identity,
			SwitchURL:  signInURL(v.app, returnURL, true),
			SignOutURL: Prefix + "/sign_out", EverywhereURL: Prefix + everywhere,
			SignInURL: signInURL(v.app, returnURL, false),
		}}
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

// begin makes a flow and sends the browser to the provider.
func (o *Outpost) begin(v *visit, returnURL string, other bool) error {
	b := o.browser(v)
	if err := o.guard(v, b); err != nil {
		return err
	}
	meta, err := v.app.provider.ready(v.ctx())
	if err != nil {
		return o.signInError(v, providerReason(err), err, returnURL, 0)
	}
	var kept keptURL
	if len(returnURL) > maxInlineReturnURL {
		var part int
		kept, part = keeping(v.r.URL.RawQuery, returnURL)
		if next := keepReturnURL(v.w, v.r, v.app, kept, returnURL, part); next > 0 {
			v.redirect(nextPartURL(v.app, kept, next, returnURL, other))
			return nil
		}
	}
	fl, state, err := o.flows.begin(b, v.app, returnURL, kept)
	if err != nil {
		return err
	}
	if err := o.flows.keepBrowser(v.w, v.app, b); err != nil {
		return err
	}
	v.redirect(v.app.provider.authorizationURL(meta, authorization{
		redirectURI: v.app.redirectURI(), state: state,
		nonce: o.flows.nonce(0, b, fl), verifier: o.flows.verifier(0, b, fl), switchAccount: other,
	}))
	return nil
}

func (a *application) redirectURI() string { return a.external + Prefix + "/callback" }

// browser reads the browser cookie, or makes a new browser. A loop that ended,
// by time or by an accepted check, is forgotten.
func (o *Outpost) browser(v *visit) *browser {
	b := o.flows.browserOf(v.app, v.r)
	if b == nil {
		return newBrowser()
	}
	if time.Since(b.loop.since) > loopTime || o.sessions.Checked(b.last, b.loop.since) {
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
	o.hooks.SignIn(v.app.name, v.app.provider.name, Loop, 0)
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

// switchesAccount reports whether the person asked for another account than
// the one that the provider has in mind. It counts at the front of the query
// alone, where signInURL puts it: an rd without escaping may hold anything.
func switchesAccount(r *http.Request) bool {
	return strings.HasPrefix(r.URL.RawQuery, switchAccount)
}

func sameHostname(a, b string) bool { return headers.Hostname(a) == headers.Hostname(b) }

// providerReason is what a failure to reach or to understand the provider is
// called.
func providerReason(err error) Reason {
	if errors.Is(err, errMisconfigured) {
		return ProviderMisconfigured
	}
	return ProviderUnreachable
}

// signInError is a sign-in that did not succeed. The page's link begins again.
func (o *Outpost) signInError(v *visit, reason Reason, cause error, returnURL string, took time.Duration) error {
	o.hooks.SignIn(v.app.name, v.app.provider.name, reason, took)
	status := http.StatusBadRequest
	switch reason {
	case ProviderUnreachable, UserinfoUnavailable, StoreUnavailable:
		status = http.StatusServiceUnavailable
	case ProviderMisconfigured:
		status = http.StatusBadGateway
	case GroupsOverage:
		status = http.StatusForbidden // trying again does not help
	}
	d := page.Data{}
	if returnURL != "" {
		d.RetryURL = signInURL(v.app, returnURL, false)
	}
	return &Error{Status: status, Reason: reason, Err: cause, Page: d}
}

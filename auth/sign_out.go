package auth

// sign_out.go ends a session: here first, then at the provider (OpenID
// Connect RP-Initiated Logout 1.0), and comes back to a page that says
// honestly how much of it worked.

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"outpost/page"
	"outpost/session"
)

// everywhere, below Prefix, ends all sessions of the person.
const everywhere = "/sign_out?everywhere=1"

// maxHint is how long an ID token may be to go into a URL as a hint.
const maxHint = 4096

// signOut handles /outpost.goauthentik.io/sign_out, and the return from the
// provider's end-session endpoint, which comes with a state.
//
// A link on a page of the same site signs out at once. What another site
// starts needs a click of the person, and what is no navigation (an image, a
// script), or one that the browser makes ahead of the click, does nothing: else
// any page could sign people out.
func (o *Outpost) signOut(v *visit) error {
	if err := v.allow(http.MethodGet, http.MethodPost); err != nil {
		return err
	}
	if err := v.notEarly(); err != nil {
		return err
	}
	live, err := o.live(v)
	back := o.flows.signedOut(v.r.URL.Query().Get("state"), v.app)
	switch {
	case live == nil && (err == nil || back != ""):
		// On the way back from the provider, too; but nobody who is signed in
		// reads that they are not, whatever link brought them here.
		v.clearSession()
		o.endLoop(v)
		v.show(http.StatusOK, cmp.Or(back, SignedOut), page.Data{SignInURL: v.app.external + "/"})
		return nil
	case err != nil:
		return err
	}
	from, mode, dest := v.r.Header.Get("Sec-Fetch-Site"), v.r.Header.Get("Sec-Fetch-Mode"), v.r.Header.Get("Sec-Fetch-Dest")
	if from == "" && v.app.session.CrossSite {
		// The cookie no longer says that it was not another site, and neither does
		// a browser that sends no Sec-Fetch-Site.
		from = "cross-site"
	}
	switch {
	case mode != "" && !page.Navigation(v.r.Header), dest == "embed", dest == "object", strings.Contains(v.r.Header.Get("Sec-Purpose"), "prefetch"):
		return &Error{Status: http.StatusForbidden, Reason: SignOutRefused}
	case from == "cross-site" || v.r.Method == http.MethodPost && !sameOrigin(v.r, v.host):
		v.show(http.StatusOK, SignOutConfirm, page.Data{
			ConfirmURL: Prefix + "/sign_out", EverywhereURL: Prefix + everywhere, BackURL: v.app.external + "/", Identity: &live.Session().Identity,
		})
		return nil
	}
	return o.end(v, live, v.r.URL.Query().Get("everywhere") == "1")
}

// sameOrigin reports whether a POST was sent by a page of this host. Browsers
// send Origin with every POST.
func sameOrigin(r *http.Request, host string) bool {
	origin, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && origin.Host != "" && sameHostname(origin.Host, host)
}

// end ends the session here, or all that the person has, and sends the person on
// to end it at the provider.
func (o *Outpost) end(v *visit, live *session.Live, all bool) error {
	key, id := live.Session().Key, &live.Session().Identity
	whole, err := o.sessions.Load(v.ctx(), key) // the ID token is in the store alone
	if err != nil && !errors.Is(err, session.ErrNone) {
		v.log.Warn("reading the session to end", "cause", err.Error())
	}
	// Beside this one the same browser's sessions at other applications, which
	// the provider is about to end its side of.
	whose := session.Whose{Issuer: id.Issuer, SID: live.Session().SID, Ended: o.revoking()}
	if all {
		whose.SID, whose.Subject = "", id.Subject
	}
	others := 0
	err = o.sessions.End(v.ctx(), key)
	if err == nil && (all || whose.SID != "") {
		noted := o.noteEnded(v.ctx(), whose)
		others, err = o.sessions.EndAll(v.ctx(), whose, "signed_out")
		err = errors.Join(noted, err)
	}
	if err != nil {
		// The cookie stays, so that trying again finds the session.
		return &Error{Status: http.StatusServiceUnavailable, Reason: StoreUnavailable, Err: err, Page: page.Data{RetryURL: Prefix + "/sign_out"}}
	}
	v.clearSession()
	o.endLoop(v)
	v.provider.revoke(whole.RefreshToken)
	then, here := SignedOut, SignedOutHere // what the person reads: once the provider is done, and where it has nothing to do
	if all {
		then, here = SignedOutEverywhere, SignedOutEverywhereHere
	}
	next := v.provider.EndSessionURL(o.endSession(v, whole.IDToken, then))
	counted := SignedOut
	if next == "" {
		counted = SignedOutHere
	}
	v.log.Info("signed out", "subject", id.Subject, "user", cut(id.Username), "session", key.String(), "sessions", 1+others, "everywhere", all, "at_provider", next != "")
	o.tellSignedOut(v, live.Session(), 1+others, all)
	o.hooks.SignOut(v.app.name, counted)
	if next == "" {
		v.show(http.StatusOK, here, page.Data{SignInURL: v.app.external + "/"})
		return nil
	}
	v.redirect(next)
	return nil
}

// endSession is what the provider's end-session endpoint is told. The person reads
// the page of reason when they come back.
func (o *Outpost) endSession(v *visit, idToken string, reason Reason) url.Values {
	q := url.Values{
		"client_id":                {v.provider.clientID},
		"post_logout_redirect_uri": {v.app.external + Prefix + "/sign_out"},
	}
	if idToken != "" && len(idToken) <= maxHint {
		q.Set("id_token_hint", idToken)
	}
	if state, err := o.flows.seals.Load().states.Seal(signOutState[reason], []byte(v.app.name)); err == nil {
		q.Set("state", state)
	}
	return q
}

// signOutState is what the state for the way back from the provider is sealed for.
var signOutState = map[Reason]string{SignedOut: "sign_out", SignedOutEverywhere: "sign_out_everywhere"}

// signedOut returns what state is for: SignedOut or SignedOutEverywhere, if it is
// one that we gave the provider for the way back from its end-session endpoint,
// else "".
func (f *flows) signedOut(state string, app *application) Reason {
	if state == "" {
		return ""
	}
	for reason, purpose := range signOutState {
		if value, _, err := f.seals.Load().states.Open(purpose, state); err == nil && string(value) == app.name {
			return reason
		}
	}
	return ""
}

func (v *visit) clearSession() {
	http.SetCookie(v.w, v.app.session.Clear())
}

package auth

// callback.go finishes a sign-in. The order of its checks is the point of it:
// nothing is asked of the provider until the browser has shown that it began
// this very flow, and no session is made until everything agrees.
//
//  1. Each parameter at most once (RFC 6749 §3.1); no tokens in the query.
//  2. The state is ours, of this application and of one of its providers.
//  3. A browser that has signed in since the flow began just goes on: it is a
//     second tab, a reload or the back button.
//  4. The flow is young and was begun in this browser (RFC 9700 §4.7).
//  5. The provider is the one that the flow was begun with: by the redirect URI
//     (RFC 9700 §4.4.2), and by the issuer (RFC 9207).
//  6. The provider says code, not error; the flow comes back the first time.
//  7. Exchange, ID token, userinfo: provider/exchange.go.
//  8. Who has not proved enough is asked to prove more, once.
//  9. A new ticket, unless the provider has ended its session meanwhile; the
//     session that the browser had before is ended.

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"outpost/auth/provider"
	"outpost/session"
)

// callback handles /outpost.goauthentik.io/callback, our redirect URI, and
// callback/NAME, which is the one for the provider of that name where the
// application has several.
func (o *Outpost) callback(v *visit) error {
	name, named := strings.CutPrefix(v.r.URL.Path, Prefix+"/callback/")
	if named && (v.app.only() != nil || v.app.provider(name) == nil) {
		return &Error{Status: http.StatusNotFound, Reason: NotFound}
	}
	if err := v.allow(http.MethodGet); err != nil {
		return err
	}
	if err := v.notEarly(); err != nil {
		return err
	}
	query, err := url.ParseQuery(v.r.URL.RawQuery)
	if sealed := query["page"]; err == nil && len(query) == 1 && len(sealed) == 1 {
		return o.told(v, sealed[0])
	}
	if err != nil || repeated(query) || query.Get("state") == "" || query.Has("access_token") || query.Has("id_token") {
		return o.signInError(v, CallbackInvalid, err, v.app.external+"/", 0)
	}
	live, err := o.live(v)
	if err != nil {
		return err
	}
	fl, secret, err := o.flows.open(query.Get("state"))
	if err != nil || fl.application != v.app.name || v.app.provider(fl.provider) == nil {
		return o.strayCallback(v, live, err)
	}
	v.provider, v.fragment = v.app.provider(fl.provider), fl.fragmentName()
	took := time.Since(fl.begun)
	returnURL, kept := o.takeReturnURL(v.w, v.r, v.app, fl)
	if !kept || !o.stillGood(returnURL, v.app) {
		returnURL = v.app.external + "/"
	}
	if live != nil && !live.Session().Created.Before(fl.begun) {
		v.comeBack(returnURL, fl)
		return nil
	}
	b, reason := o.returning(v, fl)
	if reason == "" {
		reason, err = o.response(v, fl, query)
	}
	if reason != "" {
		return o.callbackError(v, live, fl, reason, err, returnURL, took, query)
	}
	return o.finish(v, live, finish{fl: fl, browser: b, returnURL: returnURL, took: took, grant: provider.Grant{
		Code: query.Get("code"), RedirectURI: v.app.redirectURI(v.provider),
		Nonce: secret.nonce(b, fl), Verifier: secret.verifier(b, fl),
	}})
}

// repeated reports a parameter that came twice: which of the two counts is
// what attackers play on.
func repeated(query url.Values) bool {
	for _, name := range []string{"state", "code", "iss", "error", "error_description", "session_state"} {
		if len(query[name]) > 1 {
			return true
		}
	}
	return false
}

// strayCallback is one whose state says nothing to us. Someone signed in goes
// to the front page; there is nothing to mend.
func (o *Outpost) strayCallback(v *visit, live *session.Live, err error) error {
	if live != nil {
		v.redirect(v.app.external + "/")
		return nil
	}
	reason := StateInvalid
	if errors.Is(err, session.ErrExpired) {
		reason = StateExpired
	}
	return o.signInError(v, reason, err, v.app.external+"/", 0)
}

// returning makes sure that the flow is young and comes back to the browser in
// which it began.
func (o *Outpost) returning(v *visit, fl *flow) (*browser, Reason) {
	b := o.flows.browserOf(v.app, v.r)
	switch {
	case !fl.young(time.Now()):
		return nil, StateExpired
	case b == nil:
		return nil, BrowserMissing
	case !b.began(fl):
		return nil, BrowserMismatch
	}
	return b, ""
}

// response reads the authorization response of a flow that is this browser's.
func (o *Outpost) response(v *visit, fl *flow, query url.Values) (Reason, error) {
	if want := Prefix + callbackPath(v.app.only() != nil, fl.provider); v.app.only() == nil && v.r.URL.Path != want {
		return CallbackInvalid, fmt.Errorf("the response came to another redirect URI than that of provider %q, with which the flow was begun", fl.provider)
	}
	if err := v.provider.CheckIssuer(query); err != nil {
		return CallbackInvalid, err
	}
	switch {
	case query.Has("error"):
		return ProviderError, errors.New(cut(query.Get("error") + ": " + query.Get("error_description")))
	case query.Get("code") == "":
		return CallbackInvalid, errors.New("no code")
	case !o.flows.used.take(fl, time.Now()):
		return StateUsed, nil
	}
	return "", nil
}

// callbackError ends a flow. In a signed-in browser one that is merely too old
// or used is no error: the person is where they wanted to be.
func (o *Outpost) callbackError(v *visit, live *session.Live, fl *flow, reason Reason, cause error, returnURL string, took time.Duration, query url.Values) error {
	switch {
	case live != nil && (reason == StateExpired || reason == StateUsed):
		v.comeBack(returnURL, fl)
		return nil
	case live == nil && reason == BrowserMismatch:
		// Tabs that were opened together before any had the cookie: each
		// answer brought one, and the last stayed. Begin again, now with it.
		// Of the flow nothing is used but where it wanted to go, and that
		// whoever began it elsewhere could have written in a link.
		o.hooks.SignIn(v.app.name, v.provider.name, reason, took)
		o.tell(v, &Error{Status: http.StatusFound, Reason: reason})
		v.redirect(signInURL(v.app, returnURL, asked{provider: fl.provider, stepUp: fl.steppedUp, fragment: v.fragment}))
		return nil
	}
	err := o.signInError(v, reason, cause, returnURL, took)
	var e *Error
	if errors.As(err, &e) && reason == ProviderError {
		e.Page.Detail = query.Get("error")
	}
	return err
}

type finish struct {
	fl        *flow
	browser   *browser
	returnURL string
	took      time.Duration
	grant     provider.Grant
}

// finish exchanges the code and makes the session.
func (o *Outpost) finish(v *visit, live *session.Live, f finish) error {
	signedIn, err := v.provider.SignIn(v.ctx(), f.grant)
	if err != nil {
		return o.signInError(v, reasonOf(err), err, f.returnURL, f.took)
	}
	made := session.Session{
		Application: v.app.name, Provider: v.provider.name, Identity: signedIn.Identity,
		SID: signedIn.SID, IDToken: signedIn.IDToken, AuthTime: signedIn.AuthTime, AMR: signedIn.AMR, ACR: signedIn.ACR,
		Nonce: f.grant.Nonce, RefreshToken: signedIn.RefreshToken, AccessToken: signedIn.AccessToken,
		Device: device(v.r.UserAgent()),
	}
	if ip := o.peers.ClientIP(v.r.Header, v.r.RemoteAddr); ip.IsValid() {
		made.Address = ip.String()
	}
	if missing := o.lacking(v, f.returnURL, &made); missing != nil {
		v.provider.revoke(made.RefreshToken)
		return o.insufficient(v, f, &made, missing)
	}
	value, key, err := o.sessions.Create(v.ctx(), v.app.session.Name, made)
	if err != nil {
		return o.signInError(v, StoreUnavailable, err, f.returnURL, f.took)
	}
	whose := session.Whose{Issuer: signedIn.Identity.Issuer, Subject: signedIn.Identity.Subject, SID: signedIn.SID}
	if ended, asked := o.endedSince(v.ctx(), whose, f.fl.begun); ended || asked != nil {
		// Nobody has the cookie of the session yet, and nobody will.
		v.provider.revoke(made.RefreshToken)
		reason := SignedOutMeanwhile
		if err = errors.Join(asked, o.sessions.End(v.ctx(), key)); err != nil {
			reason = StoreUnavailable
		}
		return o.signInError(v, reason, err, f.returnURL, f.took)
	}
	if live != nil {
		if err := o.sessions.End(v.ctx(), live.Session().Key); err != nil {
			v.log.Error("ending the session that the browser had before", "cause", err.Error())
		}
	}
	f.browser.loop = f.fl.loop
	f.browser.turn(key)
	if err := o.flows.keepBrowser(v.w, v.app, f.browser); err != nil {
		return err
	}
	http.SetCookie(v.w, v.app.session.Set(value))
	v.log.Info("signed in", "provider", v.provider.name, "subject", signedIn.Identity.Subject, "user", cut(signedIn.Identity.Username),
		"session", key.String(), "took", f.took.Round(time.Millisecond).String())
	o.tellSignedIn(v, &made, key, f.fl.steppedUp)
	o.hooks.SignIn(v.app.name, v.provider.name, SignedIn, f.took)
	v.comeBack(f.returnURL, f.fl)
	return nil
}

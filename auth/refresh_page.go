package auth

// refresh_page.go is for pages that stay open for days and go on by script: their
// session ends, and they cannot sign in. They open this page as a window of its
// own; it signs in, says so to them and closes itself. Opened by hand, or without
// script, it is a page that says that somebody is signed in.

import (
	"net/http"

	"outpost/page"
)

// refreshPath is the page, as links and redirects spell it.
const refreshPath = Prefix + "/refresh"

// refreshWindow handles /outpost.goauthentik.io/refresh, on every host: who hears of
// it are pages of the very origin that it is on.
//
// A window that another site has opened is cut off from it with the first answer,
// signed in or not: else that site could watch whether it closes, which tells who
// is signed in here.
func (o *Outpost) refreshWindow(v *visit) error {
	v.w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	if err := v.allow(http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	live, err := o.live(v)
	if err != nil {
		return err
	}
	here, owner, ok := o.returnURL("rd="+refreshPath, v.host, v.app)
	if !ok {
		return &Error{Status: http.StatusNotFound, Reason: NotFound}
	}
	switch {
	case live != nil:
		v.show(http.StatusOK, SignedInAgain, page.Data{BackURL: originOf(here) + "/"})
	case !page.Navigation(v.r.Header):
		return o.notSignedIn(owner, here)
	default:
		v.redirect(signInURL(owner, here, asked{}))
	}
	return nil
}

// notSignedIn is what a program is told: it cannot sign in, and has two addresses
// at which a person can.
func (o *Outpost) notSignedIn(app *application, returnURL string) error {
	return &Error{Status: http.StatusForbidden, Reason: NotSignedIn, Page: page.Data{
		SignInURL: signInURL(app, returnURL, asked{}), RefreshURL: originOf(returnURL) + refreshPath,
	}}
}

package auth

// frame.go is about pages within pages: dashboards that show applications in
// frames. A provider's form has nothing to do there, since nobody can see whose it
// is, and refuses to be shown; so whoever has to sign in is given a link that
// opens outside of the frame. The page with it is shown by our own hosts and those
// that are configured, and has nothing on it that a click could do harm with.

import (
	"net/http"
	"strings"

	"outpost/headers"
	"outpost/page"
)

// framed ends a navigation to start in a frame that is not let in, for a reason.
// Somebody who is signed in reads more where they can see the address.
func (o *Outpost) framed(v *visit, owner *application, reason Reason, signedIn bool, returnURL string, a asked) error {
	d := page.Data{Framed: v.app.framers}
	if signedIn {
		d.TopURL = returnURL
	} else {
		a.unsent = false
		d.SignInURL, d.NewTabURL = signInURL(owner, returnURL, a), v.app.external+refreshPath
		if !sameHostname(v.host, v.app.host) {
			d.NewTabURL = originOf(returnURL) + refreshPath // of this page's own origin, which hears of it
		}
	}
	return &Error{Status: http.StatusForbidden, Reason: reason, Page: d}
}

// framers are the sources of a Content-Security-Policy that may show us in a frame:
// the application's own hosts, and those that its configuration names.
func framers(app *application, configured []string) []string {
	all := []string{"'self'", app.external}
	if d := app.cookieDomain; d != "" {
		port := strings.TrimPrefix(app.host, headers.Hostname(app.host))
		all = append(all, app.scheme+"://"+d+port, app.scheme+"://*."+d+port)
	}
	return append(all, configured...)
}

// originOf is the scheme and host of a return URL.
func originOf(returnURL string) string {
	scheme, rest, _ := strings.Cut(returnURL, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}

package auth

// unsent.go is about forms that are sent when the session is over. The redirect to
// the sign-in makes a GET of the POST and loses what was in it; after the sign-in the
// person would see the page that the form leads to, and believe that it was sent. So
// start says that it was not, and signs nobody in; and it leads nobody to the form's
// target, which as a GET may do something else.
//
// start cannot tell by itself: the redirect has made a GET of the request. Our own
// files for nginx write it into start's query, and so do we for front ends that take an
// address from us. SWAG's files of every generation do not, but pass on one cookie
// of a check that is answered 401. It is the only one that a check ever sets; it says
// which target it was, lasts a minute, and start takes it back.

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"outpost/headers"
	"outpost/page"
	"outpost/session"
)

// unsentTime is how long the cookie lives that leads from the check to start.
const unsentTime = time.Minute

// formLost reports whether by d a form is not let through for want of a session.
func formLost(r *http.Request, original headers.Original, d Decision) bool {
	return d.Status == http.StatusUnauthorized && d.Session == nil && original.Method == http.MethodPost && page.Form(r.Header)
}

// markUnsent has nginx tell the browser that its form was not sent.
func (o *Outpost) markUnsent(w http.ResponseWriter, original headers.Original, d Decision) {
	if part := o.applications.parts[d.Application]; part != nil {
		http.SetCookie(w, part.app.unsent().Set(targetDigest(original.Target)))
	}
}

// unsent is the cookie, which is the host's own.
func (a *application) unsent() session.Cookie {
	return session.Cookie{Name: a.hostPrefix() + "outpost-browser-form", Path: "/", Secure: a.scheme == "https", MaxAge: unsentTime}
}

// formUnsent reports whether the browser comes here because a form did not get to
// returnURL. It says so once.
func (o *Outpost) formUnsent(v *visit, a asked, returnURL string) bool {
	unsent := a.unsent
	for value := range session.Values(v.r.Header["Cookie"], v.app.unsent().Name) {
		http.SetCookie(v.w, v.app.unsent().Clear())
		return unsent || value == targetDigest(returnURL[len(originOf(returnURL)):])
	}
	return unsent
}

// targetDigest is the same for a target as nginx says it and as start is told it.
func targetDigest(target string) string {
	target, _, _ = strings.Cut(target, "#")
	if ascii, ok := asciiTarget(target); ok {
		target = ascii
	}
	sum := sha256.Sum256([]byte(target))
	return hex.EncodeToString(sum[:8])
}

// formNotSent is the page about it. The tab that it opens signs in and closes
// itself; this one stays, and with it the way back to the form.
func (o *Outpost) formNotSent(returnURL string) error {
	return &Error{Status: http.StatusForbidden, Reason: FormNotSent, Page: page.Data{NewTabURL: originOf(returnURL) + refreshPath}}
}

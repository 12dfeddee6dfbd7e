package auth

// frontchannel_logout.go ends the session of the browser in which the provider
// has put us into a frame (OpenID Connect Front-Channel Logout 1.0).
//
// Whoever can make a browser load a page can make it load this. So only a
// session whose cookie comes along ends, and only if the provider's session ID,
// which is not known outside, is in the URL: without a cookie nothing happens,
// or guessing a sid would sign people out. Browsers send no cookie of ours to a
// frame on another site; there back-channel logout is the way.

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"outpost/session"
)

// frontchannelLogout handles /outpost.goauthentik.io/frontchannel_logout. Its
// answer is empty, and the same whether a session has ended or not.
func (o *Outpost) frontchannelLogout(v *visit) error {
	if err := v.allow(http.MethodGet); err != nil {
		return err
	}
	if err := v.notEarly(); err != nil {
		return err
	}
	query, err := url.ParseQuery(v.r.URL.RawQuery)
	if err != nil || len(query["iss"]) != 1 || len(query["sid"]) != 1 || query.Get("sid") == "" {
		return &Error{Status: http.StatusBadRequest, Reason: LogoutInvalid, Err: errors.New("iss and sid have to come once each")}
	}
	live, err := o.live(v)
	if err != nil {
		return err
	}
	if live != nil && live.Session().Identity.Issuer == query.Get("iss") && live.Session().SID == query.Get("sid") {
		w := session.Whose{Issuer: query.Get("iss"), SID: query.Get("sid")}
		if err := o.endByProvider(v, v.provider, w, "frontchannel_logout"); err != nil {
			return &Error{Status: http.StatusServiceUnavailable, Reason: StoreUnavailable, Err: err}
		}
		v.clearSession()
	}
	h := v.w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors "+strings.Join(v.app.origins(), " "))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(http.StatusOK)
	return nil
}

// origins are those from which the application's providers may show us in a
// frame: their issuers' and those of the pages that they show to browsers.
func (a *application) origins() []string {
	var pages []string
	for _, p := range a.providers {
		pages = append(pages, p.issuer)
		pages = append(pages, p.Pages()...)
	}
	var origins []string
	for _, page := range pages {
		u, err := url.Parse(page)
		if err != nil || u.Host == "" {
			continue
		}
		if origin := u.Scheme + "://" + u.Host; !slices.Contains(origins, origin) && !strings.ContainsAny(origin, " ;,'\"") {
			origins = append(origins, origin)
		}
	}
	return origins
}

package auth

// nginx.go is nginx's question and the answer to it: which headers of a request
// make a check, and what status and headers tell nginx.

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"outpost/headers"
	"outpost/page"
)

// noStore is shared by all answers to checks: a cache that kept one would let
// the next person in.
var noStore = []string{"no-store"}

// ServeNginx handles /outpost.goauthentik.io/auth/nginx.
func (o *Outpost) ServeNginx(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	d, original := Decision{}, headers.Original{}
	defer func() {
		if p := recover(); p != nil {
			o.log.Error("check panicked", "panic", p, "stack", string(debug.Stack()))
			d = Decision{Reason: Internal}
		}
		if formLost(r, original, d) {
			o.markUnsent(w, original, d)
		}
		o.note(w.Header(), r, d)
		o.answer(w, r, d)
		o.hooks.Check(d.Application, d.Reason, time.Since(begun))
	}()
	original, d = o.checkNginx(r)
	if d.Reason != UntrustedPeer {
		o.lookAtCheck(d.Application, r.Header)
	}
}

func (o *Outpost) checkNginx(r *http.Request) (headers.Original, Decision) {
	if !o.peers.Trusts(r.RemoteAddr) {
		return headers.Original{}, Decision{Status: http.StatusForbidden, Reason: UntrustedPeer}
	}
	original, err := headers.FromNginx(r.Header, r.Host)
	switch {
	case err != nil:
		return original, refuse(err)
	case o.aliases.In(r.Header):
		return original, refuse(headers.ErrAlias)
	}
	return original, o.Check(r.Context(), o.request(r, original))
}

// request is what a check asks, but for the URL, whose headers depend on the
// front end.
func (o *Outpost) request(r *http.Request, original headers.Original) Request {
	return Request{
		Original: original, Client: o.peers.ClientIP(r.Header, r.RemoteAddr),
		Cookies: r.Header["Cookie"], Authorization: r.Header["Authorization"],
		Preflight:  preflight(r.Header),
		Navigation: page.Navigation(r.Header),
	}
}

// preflight reports whether a browser asks if another site's page may send a
// request (Fetch §3.2.2); it does so without cookies.
func preflight(h http.Header) bool {
	return len(h["Origin"]) == 1 && len(h["Access-Control-Request-Method"]) == 1
}

func refuse(err error) Decision {
	switch {
	case errors.Is(err, headers.ErrURLMissing):
		return Decision{Status: http.StatusInternalServerError, Reason: URLMissing}
	case errors.Is(err, headers.ErrURLInvalid):
		return Decision{Status: http.StatusForbidden, Reason: URLInvalid}
	case errors.Is(err, headers.ErrHostMismatch):
		return Decision{Status: http.StatusForbidden, Reason: HostMismatch}
	case errors.Is(err, headers.ErrAlias):
		return Decision{Status: http.StatusForbidden, Reason: HeaderAlias}
	}
	return Decision{Status: http.StatusInternalServerError, Reason: Internal}
}

// answer writes the decision: a status, and no body.
func (o *Outpost) answer(w http.ResponseWriter, r *http.Request, d Decision) {
	h := w.Header()
	h["Cache-Control"] = noStore
	if r.ContentLength != 0 {
		// The body of the original request is announced but never comes
		// (proxy_pass_request_body off without Content-Length ""): closing
		// keeps net/http from waiting for it before it answers.
		h.Set("Connection", "close")
	}
	status := d.Status
	switch {
	case status == http.StatusOK && (d.Reason == Allowed || d.Reason == Public) && d.Identity != nil:
		d.Identity.Write(h)
		if d.Authorization != "" {
			h["Authorization"] = []string{d.Authorization}
		}
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
	default:
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
	o.logCheck(r, d, status)
}

func (o *Outpost) logCheck(r *http.Request, d Decision, status int) {
	o.tellDenied(r, d)
	if status != http.StatusOK && status != http.StatusUnauthorized || d.Reason == CookieAmbiguous {
		o.denials.log(o.log, d, hints[d.Reason], r, o.peers)
		return
	}
	if o.log.Enabled(r.Context(), slog.LevelDebug) {
		o.log.Debug("check", "status", status, "reason", string(d.Reason), "application", d.Application, "rule", d.Rule, "url", redacted(r.Header.Get("X-Original-Url")))
	}
}

// hints say which line to change where a refusal is a matter of nginx's
// configuration.
var hints = map[Reason]string{
	URLMissing:      "add to the auth location: proxy_set_header X-Original-URL $scheme://$http_host$request_uri;",
	UntrustedPeer:   "the connection does not come from a trusted proxy: add its address to trusted_proxies",
	HostMismatch:    "the auth location has to send one host: proxy_set_header Host $host; proxy_set_header X-Forwarded-Host $host;",
	HeaderAlias:     "remove underscores_in_headers on and ignore_invalid_headers off from nginx",
	UnknownHost:     "no application has this host: add one, or a cookie_domain above it",
	UnknownPath:     "no application has this path of the host: add one, or one at the top of the host",
	MethodUnknown:   "a rule wants to know the method; add to the auth location: proxy_set_header X-Original-Method $request_method;",
	ClientUnknown:   "a rule wants to know the client's address; add to the auth location: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
	CookieAmbiguous: "two live sessions came in one request: another host of the domain may have set one, or the cookie domain has changed",
}

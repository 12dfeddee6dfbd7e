package auth

// check.go answers nginx's question: may this browser have this page, and who
// is it?
//
// The order, each step a refusal where it fails:
//
//  1. the peer is a trusted proxy, or its headers count for nothing;
//  2. the headers name one URL and one host (package headers);
//  3. the host belongs to an application;
//  4. exactly one live session comes in the application's cookie;
//  5. the application's policy allows the identity;
//  6. the person has proved who they are as the application requires it;
//  7. the identity fits into the answer.
//
// The path is not looked at: nothing below any prefix, our own included, is
// exempt. No step asks the network or the disk, but for a session that is not
// in the hot cache, or while a store that other replicas share is silent.

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"outpost/headers"
	"outpost/page"
	"outpost/session"
)

// Request is a check in plain values. The caller has made sure of its peer.
type Request struct {
	Original   headers.Original
	Cookies    []string // the Cookie header's lines
	Navigation bool     // a person is waiting for a page: chooses the shape of a refusal, never whether there is one
}

// Decision answers a Request. Its zero value allows nothing: nginx is told 500.
type Decision struct {
	Status      int              // 200, 401, 403 or 500
	Reason      Reason           // why
	Application string           // "" if the host belongs to none
	Session     *session.Session // nil unless signed in; not to be changed
	Identity    *headers.Block   // what an allowed answer carries; nil unless Status is 200
}

// prepared is what stays the same for all checks of one session: it is
// computed when the session enters the hot cache.
type prepared struct {
	allowed  bool
	fits     bool
	identity headers.Block
}

// prepare is the session cache's hook. A session whose application is no longer
// configured, or no longer has its provider, gets nil and is none.
func (o *Outpost) prepare(s *session.Session) any {
	app := o.applications.byName[s.Application]
	if app == nil {
		return nil
	}
	vouching := app.provider(s.Provider)
	if vouching == nil {
		return nil
	}
	p := &prepared{identity: headers.Identity(&s.Identity)}
	judged := s.Identity
	judged.EmailVerified = judged.EmailVerified || vouching.unverifiedEmail
	p.allowed = app.policy.Allows(&judged)
	p.fits = p.identity.Size <= headers.Budget
	if len(p.identity.Dropped) > 0 || !p.fits {
		o.hooks.HeadersDropped(app.name)
		o.log.Warn("identity does not go into the headers as it is",
			"application", app.name, "subject", s.Identity.Subject, "bytes", p.identity.Size, "budget", headers.Budget, "dropped", p.identity.Dropped)
	}
	return p
}

// Check decides. It allocates nothing for a session in the hot cache.
func (o *Outpost) Check(ctx context.Context, req Request) Decision {
	app := o.applications.find(req.Original.Host)
	if app == nil {
		return Decision{Status: http.StatusForbidden, Reason: UnknownHost}
	}
	live, err := o.liveSession(ctx, app, req.Cookies)
	switch {
	case errors.Is(err, session.ErrNone):
		return Decision{Status: http.StatusUnauthorized, Reason: NotSignedIn, Application: app.name}
	case errors.Is(err, errAmbiguous):
		return Decision{Status: http.StatusUnauthorized, Reason: CookieAmbiguous, Application: app.name}
	case err != nil:
		// Not 401: that would send everybody to sign in again, and again.
		return Decision{Status: http.StatusInternalServerError, Reason: StoreUnavailable, Application: app.name}
	}
	now := time.Now()
	d := o.judge(app, live, now)
	if d.Status == http.StatusForbidden && req.Navigation {
		// nginx shows its bare page for 403, but sends a 401 to start, which
		// knows the session and shows the person why.
		d.Status = http.StatusUnauthorized
	}
	if d.Status == http.StatusOK {
		live.Accept(now)
	}
	if live.Due(now) {
		// Also for who is not allowed: they may have been let in since.
		o.recheck(d.Session)
	}
	return d
}

// judge says whether a signed-in person may have app at now; 200 or 403.
func (o *Outpost) judge(app *application, live *session.Live, now time.Time) Decision {
	d := Decision{Status: http.StatusForbidden, Reason: NotAllowed, Application: app.name, Session: live.Session()}
	p, _ := live.Prepared.(*prepared)
	switch {
	case p == nil || !p.allowed || d.Session.Application != app.name:
	case app.require.Lacks(proof(d.Session), now.Add(-skew)) != nil:
		d.Reason = InsufficientAuthentication
	case !p.fits:
		d.Reason = HeaderTooLarge
	default:
		d.Status, d.Reason, d.Identity = http.StatusOK, Allowed, &p.identity
	}
	return d
}

var errAmbiguous = errors.New("two live sessions in one request")

// liveSession finds the session in the cookies of app. A sibling host can set
// a cookie of the same name, so values that open nothing are passed over, and
// two that open different sessions are nobody's: one may be an attacker's own.
// The error is session.ErrNone, errAmbiguous or one of the store.
func (o *Outpost) liveSession(ctx context.Context, app *application, cookies []string) (*session.Live, error) {
	var found *session.Live
	for value := range session.Values(cookies, app.session.Name) {
		live, err := o.sessions.Find(ctx, app.session.Name, value)
		switch {
		case errors.Is(err, session.ErrNone):
		case err != nil:
			return nil, err
		case live.Prepared == nil: // of a configuration that is no more
		case found != nil && found.Session().Key != live.Session().Key:
			return nil, errAmbiguous
		default:
			found = live
		}
	}
	if found == nil {
		return nil, session.ErrNone
	}
	return found, nil
}

// noStore is shared by all answers to checks: a cache that kept one would let
// the next person in.
var noStore = []string{"no-store"}

// ServeNginx handles /outpost.goauthentik.io/auth/nginx.
func (o *Outpost) ServeNginx(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	d := Decision{}
	defer func() {
		if p := recover(); p != nil {
			o.log.Error("check panicked", "panic", p, "stack", string(debug.Stack()))
			d = Decision{Reason: Internal}
		}
		o.answer(w, r, d)
		o.hooks.Check(d.Application, d.Reason, time.Since(begun))
	}()
	d = o.checkNginx(r)
}

func (o *Outpost) checkNginx(r *http.Request) Decision {
	if !o.peers.Trusts(r.RemoteAddr) {
		return Decision{Status: http.StatusForbidden, Reason: UntrustedPeer}
	}
	original, err := headers.FromNginx(r.Header, r.Host)
	if err != nil {
		return refuse(err)
	}
	return o.Check(r.Context(), Request{Original: original, Cookies: r.Header["Cookie"], Navigation: page.Navigation(r.Header)})
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

// answer writes the decision: a status, no body, no cookie.
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
	case status == http.StatusOK && d.Reason == Allowed && d.Identity != nil:
		d.Identity.Write(h)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
	default:
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
	o.logCheck(r, d, status)
}

func (o *Outpost) logCheck(r *http.Request, d Decision, status int) {
	if status != http.StatusOK && status != http.StatusUnauthorized || d.Reason == CookieAmbiguous {
		o.denials.log(o.log, d.Reason, hints[d.Reason], r, o.peers)
		return
	}
	if o.log.Enabled(r.Context(), slog.LevelDebug) {
		o.log.Debug("check", "status", status, "reason", string(d.Reason), "application", d.Application, "url", redacted(r.Header.Get("X-Original-Url")))
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
	CookieAmbiguous: "two live sessions came in one request: another host of the domain may have set one, or the cookie domain has changed",
}

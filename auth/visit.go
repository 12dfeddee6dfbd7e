package auth

// A visit is one request of a browser to a public endpoint. Endpoints return
// an error with a reason; here, and only here, it is logged, counted and
// shown: the person reads a sentence, the log holds the cause, and both carry
// the request's ID.

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"outpost/headers"
	"outpost/page"
	"outpost/session"
)

// Error is how an endpoint ends without doing what was asked.
type Error struct {
	Status int
	Reason Reason
	Err    error     // the cause, for the log; nil where the reason says it all
	Page   page.Data // what the page adds to the words of the reason; may be zero
}

// Error is for the log; it is never shown.
func (e *Error) Error() string {
	if e.Err == nil {
		return string(e.Reason)
	}
	return fmt.Sprintf("%s: %v", e.Reason, e.Err)
}

// Unwrap returns the cause; nil where the reason says it all.
func (e *Error) Unwrap() error { return e.Err }

type visit struct {
	w        http.ResponseWriter
	r        *http.Request
	id       string
	endpoint string
	failed   *Error // why it did not do what was asked; nil for nothing of the kind
	address  string // of the person's browser, for the log
	host     string // as headers.Host returns it
	app      *application
	log      *slog.Logger

	pages *page.Pages

	// Under which name the browser keeps the fragment of the flow that the visit is
	// about; "" if none.
	fragment string

	// The provider that the visit is about: the application's only one, that
	// of the session, that of the flow; nil where it is not known.
	provider *registration
	known    *prepared // of the session that live has found
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// providerName is for the log and the metrics; "" where it is not known.
func (v *visit) providerName() string {
	if v.provider == nil {
		return ""
	}
	return v.provider.name
}

// endpoint makes an http.Handler of one of the public endpoints.
func (o *Outpost) endpoint(name string, serve func(*visit) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{w: w, r: r, id: rand.Text()[:12], endpoint: name, pages: o.pages}
		v.log = o.log.With("endpoint", name, "request_id", v.id)
		w.Header().Set("X-Request-Id", v.id)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		defer o.working(v)()
		defer func() {
			if p := recover(); p != nil {
				v.log.Error("endpoint panicked", "panic", p, "stack", string(debug.Stack()))
				o.fail(v, &Error{Status: http.StatusInternalServerError, Reason: Internal})
			}
		}()
		err := o.arrive(v)
		if err == nil {
			err = serve(v)
		}
		if err != nil {
			o.fail(v, err)
		}
	})
}

// arrive finds the application that the visit is to. The host is the client's
// choice and opens nothing: only a configured one is served, and every
// absolute URL that we write is built from the configuration.
func (o *Outpost) arrive(v *visit) error {
	host := v.r.Host
	trusted := o.peers.Trusts(v.r.RemoteAddr)
	if forwarded := v.r.Header["X-Forwarded-Host"]; trusted && len(forwarded) > 0 && forwarded[0] != "" {
		first, ok1 := headers.Host(forwarded[0], "https")
		second, ok2 := headers.Host(host, "https")
		if len(forwarded) > 1 || !ok1 || !ok2 || headers.Hostname(first) != headers.Hostname(second) {
			return &Error{Status: http.StatusForbidden, Reason: HostMismatch}
		}
		host = forwarded[0]
	}
	var ok bool
	if v.host, ok = headers.Host(host, "https"); ok {
		v.app = o.applications.find(v.host)
	}
	if v.app == nil {
		return &Error{Status: http.StatusForbidden, Reason: UnknownHost, Page: page.Data{Host: cut(host)}}
	}
	v.provider = v.app.only()
	v.address = o.peers.ClientIP(v.r.Header, v.r.RemoteAddr).String()
	v.log = v.log.With("application", v.app.name, "client_ip", v.address)
	if trusted {
		o.lookAtVisit(v.app, v.r.Header)
	}
	return nil
}

// fail is the one place where a visit that went wrong is told and shown.
func (o *Outpost) fail(v *visit, err error) {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Status: http.StatusInternalServerError, Reason: Internal, Err: err}
	}
	o.tell(v, e)
	if !o.moveOn(v, e) {
		v.show(e.Status, e.Reason, e.Page)
	}
}

// tell writes to the log why a visit went wrong.
func (o *Outpost) tell(v *visit, e *Error) {
	v.failed = e
	o.tellRefused(v, e)
	level := slog.LevelInfo
	if e.Status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	attrs := []any{"reason", string(e.Reason), "status", e.Status, "host", cut(v.r.Host)}
	if e.Err != nil {
		attrs = append(attrs, "cause", cut(e.Err.Error()))
	}
	if id := e.Page.Identity; id != nil {
		attrs = append(attrs, "subject", id.Subject, "user", cut(id.Username))
	}
	if e.Reason == NotSignedIn {
		level = slog.LevelDebug // a page's background request after a session's end: not an event
	}
	if suppressed, ok := o.refusals.take(e.Reason); ok {
		if suppressed > 0 {
			attrs = append(attrs, "suppressed", suppressed)
		}
		v.log.Log(v.ctx(), level, "refused", attrs...)
	}
}

// show writes the page of a reason.
func (v *visit) show(status int, reason Reason, d page.Data) {
	v.pages.Write(v.w, v.r, v.data(status, reason, d))
}

// data adds to a page what every page of the visit says.
func (v *visit) data(status int, reason Reason, d page.Data) page.Data {
	d.Status, d.Reason, d.RequestID = status, string(reason), v.id
	if v.app != nil {
		d.Application = cmp.Or(d.Application, v.app.name)
		if v.provider != nil {
			d.Provider = v.provider.title
		}
		if d.Host == "" {
			d.Host = v.host
		}
	}
	return d
}

// maxLocation is how long a URL may be to go into a Location header. SWAG
// leaves nginx with 4096 bytes for the header of an answer; cookies and the
// rest of ours take up to 1600 of them.
const maxLocation = 2300

// redirect sends the browser away. 303 after a POST makes it a GET.
func (v *visit) redirect(url string) {
	if len(url) > maxLocation {
		if page.Browser(v.r.Header) {
			v.pages.Onward(v.w, v.r, url, page.Fragment{})
			return
		}
		v.pages.Forward(v.w, v.r, url)
		return
	}
	status := http.StatusFound
	if v.r.Method == http.MethodPost {
		status = http.StatusSeeOther
	}
	// Not http.Redirect: it would clean the path, and a return URL is the
	// person's own, to the byte.
	v.w.Header().Set("Location", url)
	v.w.WriteHeader(status)
}

// allow refuses a method that the endpoint does not have.
func (v *visit) allow(methods ...string) error {
	for _, m := range methods {
		if v.r.Method == m {
			return nil
		}
	}
	for _, m := range methods {
		v.w.Header().Add("Allow", m)
	}
	return &Error{Status: http.StatusMethodNotAllowed, Reason: MethodNotAllowed}
}

// notEarly refuses a request that came before the TLS handshake was done: it
// may be a replay (RFC 8470 §5.1). The browser sends it again by itself.
func (v *visit) notEarly() error {
	if v.r.Header.Get("Early-Data") == "1" {
		return &Error{Status: http.StatusTooEarly, Reason: EarlyData}
	}
	return nil
}

// live finds the session of the visit's application, and its provider. It
// returns nil, nil where there is none, and where two contradict each other,
// which it ends.
func (o *Outpost) live(v *visit) (*session.Live, error) {
	live, known, err := o.liveSession(v.ctx(), v.app, v.r.Header["Cookie"])
	if errors.Is(err, errAmbiguous) {
		err = o.endAll(v)
	}
	switch {
	case errors.Is(err, session.ErrNone):
		return nil, nil
	case err != nil:
		return nil, &Error{Status: http.StatusServiceUnavailable, Reason: StoreUnavailable, Err: err}
	}
	v.provider, v.known = v.app.provider(live.Session().Provider), known
	return live, nil
}

// endAll ends every session that came under the application's one name: a
// sibling host may have put its own beside the person's, and nobody can say
// which is which. One more sign-in, and whatever else lies in the browser opens
// nothing. The error is session.ErrNone, or one of the store.
func (o *Outpost) endAll(v *visit) error {
	for value := range session.Values(v.r.Header["Cookie"], v.app.session.Name) {
		live, err := o.sessions.Find(v.ctx(), v.app.session.Name, value)
		if err == nil {
			s := live.Session()
			v.log.Warn("two live sessions came in one request; they are ended", "session", s.Key.String(), "subject", s.Identity.Subject, "user", cut(s.Identity.Username))
			err = o.sessions.End(v.ctx(), s.Key)
		}
		if err != nil && !errors.Is(err, session.ErrNone) {
			return err
		}
	}
	return session.ErrNone
}

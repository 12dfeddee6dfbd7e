package auth

import (
	"net/http"
	"strings"
)

// Endpoints serves everything below Prefix but nginx's check, whose route is the
// caller's: it is asked a thousand times for each of these. A path has to be
// one of ours to the letter; what only looks like one is not found, and is
// neither cleaned nor redirected.
func (o *Outpost) Endpoints() http.Handler {
	other := o.endpoint("other", func(*visit) error {
		return &Error{Status: http.StatusNotFound, Reason: NotFound}
	})
	account := o.endpoint("account", o.account)
	callback, signOut := o.endpoint("callback", o.callback), o.endpoint("sign_out", o.signOut)
	endpoints := map[string]http.Handler{
		Prefix + "/start":    o.endpoint("start", o.start),
		refreshPath:          o.endpoint("refresh", o.refreshWindow),
		Prefix + "/callback": callback,
		Prefix + "/sign_out": signOut,

		Prefix + "/backchannel_logout":  o.endpoint("backchannel_logout", o.backchannelLogout),
		Prefix + "/frontchannel_logout": o.endpoint("frontchannel_logout", o.frontchannelLogout),

		Prefix + "/ping": http.HandlerFunc(ping),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.note(w.Header(), r, Decision{})
		if name := o.frontEndFor(r); name != "" {
			o.serveFrontEnd(name, w, r)
			return
		}
		path := r.URL.Path
		endpoint, found := endpoints[path]
		switch query := r.URL.Query(); {
		case found:
		case strings.HasPrefix(path, Prefix+"/callback/"):
			endpoint = callback
		case path != Prefix && !strings.HasPrefix(path, Prefix+"/"):
			// nginx sends nothing of the kind; whoever does learns nothing.
			w.Header()["Cache-Control"] = noStore
			w.WriteHeader(http.StatusNotFound)
			return
		case path == Prefix+"/auth" || strings.HasPrefix(path, Prefix+"/auth/"):
			// Checks of front ends that may not ask: to a stranger, and to a
			// browser that nginx let through, there is nothing here.
			if !o.peers.Trusts(r.RemoteAddr) {
				o.answer(w, r, Decision{Status: http.StatusForbidden, Reason: UntrustedPeer})
				return
			}
			endpoint = other
		// authentik's two signatures in the query, on any path below the prefix.
		case query.Get("X-authentik-auth-callback") == "true":
			endpoint = callback
		case query.Get("X-authentik-logout") == "true":
			endpoint = signOut
		case path == Prefix || path == accountPath:
			endpoint = account
		default:
			endpoint = other
		}
		endpoint.ServeHTTP(w, r)
	})
}

// ping answers on any host and to anybody: it says that the process runs.
func ping(w http.ResponseWriter, _ *http.Request) {
	w.Header()["Cache-Control"] = noStore
	w.WriteHeader(http.StatusNoContent)
}

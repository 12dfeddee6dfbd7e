package auth

// front_ends.go answers the checks of the front ends besides nginx.
//
// They ask the same question, and Check decides it. Two things differ. Each
// tells the original request in headers of its own, and of those exactly one
// family is read for each of them: what belongs to another is the client's. And
// what Traefik, Caddy and Envoy get that is not 200 they pass on to the browser,
// status, headers and body: so who has to sign in is sent there at once, and who
// may not is shown our page. Allowed is 200, as Envoy takes nothing else, and no
// other answer is a 2xx.
//
// Their paths stand below the public prefix. Which of them there are at all is
// configured; a path that a front end lets browsers through to would tell a
// person what only applications are told of them.

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"outpost/headers"
	"outpost/page"
)

// The front ends that may ask, as Config.FrontEnds names them.
const (
	Nginx    = "nginx"
	Traefik  = "traefik"
	Caddy    = "caddy"
	Envoy    = "envoy"
	Authelia = "authelia" // an nginx that is configured as for Authelia, and ingress-nginx
)

// FrontEnds are all there are.
func FrontEnds() []string { return []string{Nginx, Traefik, Caddy, Envoy, Authelia} }

// checkPath is where a front end asks; Envoy, below it.
func checkPath(frontEnd string) string { return Prefix + "/auth/" + frontEnd }

// Serves reports whether a front end may ask.
func (o *Outpost) Serves(frontEnd string) bool { return slices.Contains(o.frontEnds, frontEnd) }

// serving is what is configured, nginx where nothing is.
func serving(configured []string) ([]string, error) {
	if configured == nil {
		return []string{Nginx}, nil
	}
	for _, name := range configured {
		if !slices.Contains(FrontEnds(), name) {
			return nil, fmt.Errorf("front end %q: there are %s", name, strings.Join(FrontEnds(), ", "))
		}
	}
	return configured, nil
}

// frontEndFor is the front end whose check r is; "" if it is nobody's, or nginx's, whose
// route is the caller's. The path counts as it was sent: a spelling that a
// rule of the front end may have missed is none of ours.
func (o *Outpost) frontEndFor(r *http.Request) string {
	raw, _, _ := strings.Cut(r.RequestURI, "?")
	for _, name := range o.frontEnds {
		path := checkPath(name)
		if name != Nginx && raw == path || name == Envoy && strings.HasPrefix(raw, path+"/") {
			return name
		}
	}
	return ""
}

// serveFrontEnd handles the checks of every front end but nginx.
func (o *Outpost) serveFrontEnd(name string, w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	d, original := Decision{}, headers.Original{}
	defer func() {
		if p := recover(); p != nil {
			o.log.Error("check panicked", "panic", p, "stack", string(debug.Stack()))
			d = Decision{Reason: Internal}
		}
		if name == Authelia {
			o.answerAuthelia(w, r, original, d)
		} else {
			o.relay(name, w, r, original, d)
		}
		o.hooks.Check(d.Application, d.Reason, time.Since(begun))
	}()
	original, d = o.checkFrontEnd(name, r)
	if name == Authelia && len(r.Header[headers.StampName]) > 0 && d.Reason != UntrustedPeer {
		o.lookAtCheck(d.Application, r.Header) // an nginx as well, and often one whose lines are not ours
	}
}

func (o *Outpost) checkFrontEnd(name string, r *http.Request) (headers.Original, Decision) {
	if !o.peers.Trusts(r.RemoteAddr) {
		return headers.Original{}, Decision{Status: http.StatusForbidden, Reason: UntrustedPeer}
	}
	original, err := originalOf(name, r)
	switch {
	case err != nil:
		return original, refuse(err)
	case o.aliases.In(r.Header):
		return original, refuse(headers.ErrAlias)
	}
	if name == Traefik && routed(r) {
		return original, Decision{Status: http.StatusForbidden, Reason: NotFound}
	}
	asked := o.request(r, original)
	// The others need no way around by start to show a person why not.
	asked.Navigation = asked.Navigation && name == Authelia
	return original, o.Check(r.Context(), asked)
}

func originalOf(name string, r *http.Request) (headers.Original, error) {
	switch name {
	case Traefik:
		return headers.FromForwarded(r.Header, "")
	case Caddy:
		return headers.FromForwarded(r.Header, r.Host)
	case Envoy:
		return headers.FromEnvoy(r, checkPath(Envoy))
	case Authelia:
		return headers.FromAuthelia(r.Header)
	}
	return headers.Original{}, headers.ErrURLMissing
}

// routed reports whether Traefik has let a browser through to its own check: what
// it routes has one host in Host and X-Forwarded-Host, and what it asks has
// the outpost's in Host. The four headers are then the browser's own.
func routed(r *http.Request) bool {
	forwarded := r.Header["X-Forwarded-Host"]
	return len(forwarded) == 1 && strings.EqualFold(forwarded[0], r.Host)
}

// answerAuthelia answers as nginx is answered, and tells with a 401 where to
// sign in, for "error_page 401 =302 $redirection_url". To a fetch, too: without
// an address nginx would send it nowhere, and start knows what to tell it.
func (o *Outpost) answerAuthelia(w http.ResponseWriter, r *http.Request, original headers.Original, d Decision) {
	if part := o.applications.parts[d.Application]; part != nil && d.Status == http.StatusUnauthorized {
		w.Header().Set("Location", shortSignInURL(part.app, original, asked{unsent: formLost(r, original, d)}))
	}
	o.answer(w, r, d)
}

// relay answers a front end that passes a refusal on to the browser.
func (o *Outpost) relay(name string, w http.ResponseWriter, r *http.Request, original headers.Original, d Decision) {
	if d.Status == http.StatusOK {
		o.answer(w, loggable(r, original), d)
		return
	}
	h := w.Header()
	h["Cache-Control"] = noStore
	if r.ContentLength != 0 {
		h.Set("Connection", "close") // as answer does: the body may never come
	}
	var app *application
	if part := o.applications.parts[d.Application]; part != nil {
		app = part.app
	}
	unproved := d.Reason == InsufficientAuthentication && d.Session != nil
	status, id := http.StatusInternalServerError, ""
	switch {
	case app != nil && (d.Status == http.StatusUnauthorized || unproved) && page.Navigation(r.Header):
		status = http.StatusFound
		if original.Method != http.MethodGet && original.Method != http.MethodHead {
			status = http.StatusSeeOther
		}
		// Not visit.redirect, which answers 200 where the URL is long.
		h.Set("Location", signInURL(app, returnURLOf(original), asked{unsent: formLost(r, original, d)}))
		w.WriteHeader(status)
	case app != nil && d.Status == http.StatusUnauthorized && d.Session == nil:
		status = http.StatusUnauthorized
		id = o.showRefusal(w, r, app, original, status, d)
	case app != nil && d.Session != nil && (d.Status == http.StatusForbidden || d.Status == http.StatusUnauthorized):
		status = http.StatusForbidden
		id = o.showRefusal(w, r, app, original, status, d)
	case d.Status == http.StatusForbidden:
		status = http.StatusForbidden
		w.WriteHeader(status)
	default:
		w.WriteHeader(status)
	}
	o.logRelayed(name, r, original, status, id, d)
}

// showRefusal writes why a person is not let in, a page, or JSON for a program,
// and returns the ID that it names.
func (o *Outpost) showRefusal(w http.ResponseWriter, r *http.Request, app *application, original headers.Original, status int, d Decision) string {
	v := &visit{w: w, r: r, id: rand.Text()[:12], host: original.Host, app: app, provider: app.only(), pages: o.pages}
	w.Header().Set("X-Request-Id", v.id)
	returnURL := returnURLOf(original)
	shown := page.Data{SignInURL: signInURL(app, returnURL, asked{}), RefreshURL: originOf(returnURL) + refreshPath}
	if d.Session != nil {
		v.provider = app.provider(d.Session.Provider)
		shown = deniedPage(app, d, returnURL)
	}
	v.show(status, d.Reason, shown)
	return v.id
}

// logRelayed logs as logCheck does.
func (o *Outpost) logRelayed(name string, r *http.Request, original headers.Original, status int, id string, d Decision) {
	o.tellDenied(loggable(r, original), d)
	signIn := status == http.StatusFound || status == http.StatusSeeOther || status == http.StatusUnauthorized
	if signIn && d.Reason != CookieAmbiguous {
		if o.log.Enabled(r.Context(), slog.LevelDebug) {
			o.log.Debug("check", "status", status, "reason", string(d.Reason), "application", d.Application, "url", redacted(urlOf(original)), "front_end", name)
		}
		return
	}
	to := o.log.With("front_end", name)
	if id != "" {
		to = to.With("request_id", id)
	}
	hint := frontEndHints[name][d.Reason]
	if hint == "" && !slices.Contains([]Reason{URLMissing, HostMismatch, HeaderAlias}, d.Reason) { // whose hints are nginx's lines
		hint = hints[d.Reason]
	}
	o.denials.log(to, d, hint, loggable(r, original), o.peers)
}

// loggable is r with the URL that it asks about where the log looks for one: what
// r has there itself is the client's.
func loggable(r *http.Request, original headers.Original) *http.Request {
	told := *r
	told.Header = http.Header{"X-Forwarded-For": r.Header["X-Forwarded-For"], "X-Real-Ip": r.Header["X-Real-Ip"]}
	if url := urlOf(original); url != "" {
		told.Header["X-Original-Url"] = []string{url}
	}
	return &told
}

// urlOf is "" where no request could be read.
func urlOf(original headers.Original) string {
	if original.Target == "" {
		return ""
	}
	return original.URL()
}

// frontEndHints say what to change where a refusal is a matter of the front end's
// configuration.
var frontEndHints = map[string]map[Reason]string{
	Traefik: {
		URLMissing:  "only forwardAuth sends X-Forwarded-Uri, -Method, -Proto and -Host together: let nothing else ask here",
		HeaderAlias: "have Traefik remove headers whose names have other signs than letters, digits and hyphens",
		NotFound:    "Traefik has routed a browser to its own check: keep /outpost.goauthentik.io/auth/ out of the rule that leads to the outpost, and have forwardAuth ask the outpost's own address",
	},
	Caddy: {
		URLMissing:   "only forward_auth sends X-Forwarded-Uri, -Method, -Proto and -Host together: let nothing else ask here",
		HostMismatch: "forward_auth has to leave Host as it is (no header_up Host), and trusted_proxies may name only those that set X-Forwarded-Host themselves",
		HeaderAlias:  "have Caddy remove headers whose names have other signs than letters, digits and hyphens",
	},
	Envoy: {
		URLMissing:  "ext_authz has to append the path: path_prefix: /outpost.goauthentik.io/auth/envoy",
		HeaderAlias: "take names with other signs than letters, digits and hyphens out of allowed_headers",
	},
}

// deniedPage is what somebody is shown who is signed in and by d not let in to
// returnURL.
func deniedPage(app *application, d Decision, returnURL string) page.Data {
	return page.Data{
		Application: d.Application, Rule: d.Rule,
		Identity:   &d.Session.Identity,
		SwitchURL:  signInURL(app, returnURL, asked{other: true}),
		SignOutURL: Prefix + "/sign_out", EverywhereURL: Prefix + everywhere,
		SignInURL: signInURL(app, returnURL, asked{}),
	}
}

// returnURLOf is where a person comes back to: the URL asked for, or the front
// page of its host where start would not keep one of this length.
func returnURLOf(original headers.Original) string {
	whole := original.URL()
	if len(whole) > maxReturnURL {
		return original.Scheme + "://" + original.Host + "/"
	}
	return whole
}

// shortSignInURL is signInURL for an nginx that reads the header of an answer
// into one page of memory: escaping makes three bytes of one, so a long return
// URL stands there plain, which start takes too, and a longer one not at all.
func shortSignInURL(app *application, original headers.Original, a asked) string {
	to := signInURL(app, returnURLOf(original), a)
	if len(to) <= maxLocation {
		return to
	}
	front := original.Scheme + "://" + original.Host
	if rest, ok := asciiTarget(original.Target); ok && !strings.Contains(rest, "#") {
		if plain := app.external + Prefix + "/start?" + a.query() + "rd=" + front + rest; len(plain) <= maxLocation {
			return plain
		}
	}
	return app.external + Prefix + "/start?" + a.query() + "rd=" + url.QueryEscape(front+"/")
}

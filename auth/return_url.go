package auth

// Where a person goes after signing in: the return URL, rd.
//
// It is the one thing in a sign-in that a stranger may write, so it is never
// repaired. It is taken apart here, by rules that are stricter than any
// browser's; its host has to belong to the application; and what goes into a
// Location header is put together anew from the parts, always absolute. What
// does not pass becomes the application's own front page.

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"outpost/headers"
)

const (
	// maxInlineReturnURL is how long a return URL may be to travel in state,
	// which providers put into their own URLs.
	maxInlineReturnURL = 600
	// maxReturnURL is how long one may be at all, escaped for a cookie: with the
	// ones before it, it has to fit into one header line of nginx (8 KiB).
	maxReturnURL = 6000
)

// returnURL reads rd from the raw query of a request to start at host (as
// headers.Host returns it) of application app. It returns the URL to go to
// and the application that it belongs to: another one than app only where a
// domain-level sign-in host is asked to sign in for a host below it. It
// reports false where rd was absent or refused and the front page stands in.
//
// rd comes escaped (SWAG), unescaped with everything after it being part of
// it (authentik's own nginx sample), half escaped (ingress-nginx), absolute
// or relative.
func (o *Outpost) returnURL(rawQuery, host string, app *application) (string, *application, bool) {
	front := app.external + "/"
	if headers.Hostname(host) != headers.Hostname(app.host) {
		front = app.scheme + "://" + host + "/"
	}
	rd, ok := rawReturnURL(rawQuery)
	if !ok || len(rd) > maxReturnURL {
		return front, app, false
	}
	target, ok := parseReturnURL(rd, app, host)
	if !ok {
		return front, app, false
	}
	owner := o.applications.find(target.host)
	switch {
	case owner == nil:
		return front, app, false
	case owner.cookieDomain == "" && target.host != owner.host:
		return front, app, false // another port of the host
	case owner != app && (app.cookieDomain == "" || !below(headers.Hostname(target.host), app.cookieDomain)):
		return front, app, false
	case owner.scheme == "https" || target.scheme == "https":
		// Behind a front that ends TLS, nginx believes that it speaks http.
		target.scheme = "https"
	}
	if ours(target.rest) && target.rest != accountPath && target.rest != refreshPath {
		target.rest = "/"
	}
	whole := target.scheme + "://" + target.host + target.rest
	if len(cookieEscape.Replace(whole)) > maxReturnURL {
		return front, app, false
	}
	return whole, owner, true
}

// rawReturnURL cuts rd out of a raw query. Where the value is written without
// escaping, everything to the end belongs to it: nginx put a whole URL there.
func rawReturnURL(query string) (string, bool) {
	for rest := query; rest != ""; {
		pair, next, _ := strings.Cut(rest, "&")
		if value, ok := strings.CutPrefix(pair, "rd="); ok {
			tail := strings.TrimPrefix(rest, "rd=")
			if hasScheme(tail) {
				return unescapeTail(tail)
			}
			if strings.HasPrefix(tail, "/") {
				return tail, true
			}
			// Not QueryUnescape: a plus in a URL is a plus.
			value, err := url.PathUnescape(value)
			return value, err == nil && value != ""
		}
		rest = next
	}
	return "", false
}

// unescapeTail handles ingress-nginx's $scheme://$http_host$escaped_request_uri,
// in which the authority is plain and the rest is escaped.
func unescapeTail(tail string) (string, bool) {
	authority := strings.Index(tail, "://") + len("://")
	rest := tail[authority:]
	if i := strings.IndexAny(rest, "/?#%&"); i >= 0 && len(rest) >= i+3 && strings.EqualFold(rest[i:i+3], "%2f") {
		escaped, _, _ := strings.Cut(rest[i:], "&")
		plain, err := url.PathUnescape(escaped)
		return tail[:authority+i] + plain, err == nil
	}
	return tail, true
}

func hasScheme(s string) bool {
	scheme, _, ok := strings.Cut(s, "://")
	scheme = strings.ToLower(scheme) // not EqualFold: to it "ſ" is an s
	return ok && (scheme == "https" || scheme == "http")
}

// target is a return URL in parts: rest begins with "/", is ASCII, and holds
// no space, backslash, control character or fragment.
type target struct{ scheme, host, rest string }

func parseReturnURL(rd string, app *application, requestHost string) (target, bool) {
	var t target
	switch {
	case hasScheme(rd):
		scheme, rest, _ := strings.Cut(rd, "://")
		t.scheme = strings.ToLower(scheme)
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		t.host, t.rest = rest[:end], rest[end:]
	case strings.HasPrefix(rd, "/") && !strings.HasPrefix(rd, "//") && !strings.HasPrefix(rd, `/\`):
		t.rest = rd
	default:
		return t, false
	}
	if t.host == "" {
		// Relative, or HTTP/3, where nginx knows no host ("https:///path").
		t.scheme, t.host = app.scheme, requestHost
		if headers.Hostname(requestHost) == headers.Hostname(app.host) {
			t.host = app.host
		}
	}
	var ok bool
	if t.host, ok = headers.Host(t.host, t.scheme); !ok {
		return t, false
	}
	t.rest, _, _ = strings.Cut(t.rest, "#")
	if !strings.HasPrefix(t.rest, "/") {
		t.rest = "/" + t.rest
	}
	t.rest, ok = asciiTarget(t.rest)
	return t, ok
}

// asciiTarget escapes what may not stand in a Location header and in no other
// way touches what the browser sent.
func asciiTarget(s string) (string, bool) {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c < 0x20 || c == 0x7f:
			return "", false
		case c == ' ' || c == '\\' || c >= 0x80:
			fmt.Fprintf(&b, "%%%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

// ours reports whether a target is one of our own endpoints, in whatever
// spelling nginx would take for it: going back there would sign the person out,
// or go round in a circle. The account page and the refresh page, to the letter, do
// neither.
func ours(rest string) bool {
	raw, _, _ := strings.Cut(rest, "?")
	clean, err := url.PathUnescape(raw)
	if err != nil {
		clean = raw
	}
	clean = path.Clean(clean)
	return clean == Prefix || strings.HasPrefix(clean, Prefix+"/")
}

// stillGood validates a return URL once more when it is used: the
// configuration may have changed since it was sealed.
func (o *Outpost) stillGood(returnURL string, app *application) bool {
	again, owner, ok := o.returnURL("rd="+returnURL, app.host, app)
	return ok && owner == app && again == returnURL
}

// asked is what start is asked for besides where to go. It stands in front of
// rd, in this order, where signInURL puts it, and counts nowhere else: an rd
// without escaping may hold anything.
type asked struct {
	unsent   bool   // nothing: a form was sent that did not arrive, and that is to be said
	other    bool   // another account than the one that the provider has in mind
	stepUp   bool   // proof anew, since what came last is not enough
	fragment string // under which name the browser keeps its fragment; "" for one of its own
	provider string // where to sign in; "" where nobody has chosen
}

const (
	unsentForm    = "unsent=1&"
	switchAccount = "switch=1&"
	stepUp        = "step_up=1&"
	fragment      = "fragment="
	chosen        = "provider="
)

// askedOf reads the front of start's query and returns the rest of it.
func askedOf(rawQuery string) (a asked, rest string) {
	rest, a.unsent = strings.CutPrefix(rawQuery, unsentForm)
	rest, a.other = strings.CutPrefix(rest, switchAccount)
	rest, a.stepUp = strings.CutPrefix(rest, stepUp)
	if after, ok := strings.CutPrefix(rest, fragment); ok {
		a.fragment, rest, _ = strings.Cut(after, "&")
	}
	if after, ok := strings.CutPrefix(rest, chosen); ok {
		a.provider, rest, _ = strings.Cut(after, "&")
	}
	return a, rest
}

func (a asked) query() string {
	var front string
	if a.unsent {
		front += unsentForm
	}
	if a.other {
		front += switchAccount
	}
	if a.stepUp {
		front += stepUp
	}
	if a.fragment != "" {
		front += fragment + a.fragment + "&"
	}
	if a.provider != "" {
		front += chosen + a.provider + "&"
	}
	return front
}

// signInURL is the address at which a browser signs in for returnURL.
func signInURL(app *application, returnURL string, a asked) string {
	return app.external + Prefix + "/start?" + a.query() + "rd=" + url.QueryEscape(returnURL)
}

// nextPartURL is where a browser comes back for another part of its return
// URL, which stands there without escaping: three times the length might be
// more than nginx takes.
func nextPartURL(app *application, kept keptURL, part int, returnURL string, a asked) string {
	return fmt.Sprintf("%s%s/start?%s%s%x-%d&rd=%s", app.external, Prefix, a.query(), partPrefix, kept.at, part, returnURL)
}

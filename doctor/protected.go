package doctor

// Does nginx lead to the outpost, and does it ask before it serves a page?

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"outpost/auth"
)

// The lines of nginx's configuration that fixes name.
const (
	serverInclude   = "include /config/nginx/authentik-server.conf;"
	locationInclude = "include /config/nginx/authentik-location.conf;"
	errorPage       = "error_page 401 = @goauthentik_proxy_signin;"
	originalURL     = "proxy_set_header X-Original-URL $scheme://$host$request_uri;"
	checkLocation   = "in location = /outpost.goauthentik.io/auth/nginx"
)

// inServer is where the lines of a whole host stand.
func (v *visit) inServer() string { return "in nginx's server block for " + v.u.Hostname() }

// inLocation is where those of a page stand.
func (v *visit) inLocation() string {
	return fmt.Sprintf("in the location of nginx that serves %s at %s", v.u.Path, v.u.Hostname())
}

// outpost tells whether the public prefix leads to one.
func (v *visit) outpost() {
	switch s := v.ping.status; {
	case s == http.StatusNoContent:
		v.ok("outpost", fmt.Sprintf("nginx leads %s to an outpost", auth.Prefix))
	case s >= 500:
		v.wrong("outpost", fmt.Sprintf("nginx does not reach the outpost: ping answers %d. Its error.log says why: connect() failed, or could not be resolved", s),
			v.inServer()+" (authentik-server.conf) write set $upstream_outpost NAME:PORT; with the name of the outpost's container, in one network with nginx's, and the port of listen: "+v.Config.Listen)
	default:
		v.wrong("outpost", fmt.Sprintf("%s at %s does not lead to the outpost (ping answers %d): the server block lacks the include, or another location takes it", auth.Prefix, v.u.Hostname(), s),
			v.inServer()+" write "+serverInclude)
	}
}

// led reports whether a page was answered by sending the browser to sign in.
func led(r reply) bool {
	to, err := r.url.Parse(r.header.Get("Location"))
	return err == nil && r.status/100 == 3 && strings.HasPrefix(to.Path, auth.Prefix+"/start")
}

// protected tells whether the page is served to who is not signed in. What is
// told beyond that needs a check that came to its end.
func (v *visit) protected() bool {
	checks := v.arrivals("page", true)
	status := v.page.status
	switch {
	case len(checks) > 0 && checks[0].Status != http.StatusUnauthorized:
		return v.refused(checks[0])
	case led(v.page):
		v.ok("protected", "nginx asks the outpost, and sends who is not signed in to sign in")
		return true
	case len(checks) > 0 && status == http.StatusUnauthorized:
		v.wrong("protected", "nginx asks the outpost and shows people its bare 401: nothing sends them to sign in", v.inLocation()+" write "+errorPage)
		return true
	case len(checks) > 0 && status < 400:
		v.wrong("protected", fmt.Sprintf("the outpost says 401 and nginx answers %d: an error_page makes a page of the refusal, and whoever it leads to is served without a sign-in", status),
			v.inLocation()+" write "+errorPage+" in place of the error_page 401 there (=200, or a location that leads to the application)")
		return true
	case len(checks) > 0:
		v.wrong("protected", fmt.Sprintf("the outpost says 401 and nginx answers %d: its error.log says what went wrong on the way to the sign-in", status), v.inLocation()+" write "+errorPage)
		return true
	case v.ping.status != http.StatusNoContent && status >= 400 && status != http.StatusNotFound:
		v.wrong("protected", fmt.Sprintf("nginx answers %d, as nobody can be asked", status), "see the line outpost")
	case status < 500:
		v.wrong("protected", fmt.Sprintf("nginx answers %d and asks nobody: the page is open to everybody", status), v.inLocation()+" write "+locationInclude+" (outpost lint --root /config/nginx /config/nginx lists all such locations)")
	case v.watched:
		v.wrong("protected", fmt.Sprintf("nginx answers %d and its question does not arrive here: it asks somebody else, or nobody", status), checkLocation+" write proxy_pass http://$upstream_outpost/outpost.goauthentik.io/auth/nginx;")
	default:
		v.warn("protected", fmt.Sprintf("nginx answers %d; why, only the running process could tell", status), "run doctor where outpost runs; see reason= in its log")
	}
	return false
}

// refused is a check that ended otherwise than with "sign in".
func (v *visit) refused(a auth.Arrival) bool {
	peer := a.Peer
	if p, err := netip.ParseAddrPort(a.Peer); err == nil {
		peer = p.Addr().Unmap().String()
	}
	switch auth.Reason(a.Reason) {
	case auth.URLMissing:
		v.wrong("headers", "nginx asks without saying which URL it asks about (url_missing): X-Original-URL does not arrive, and every page is a 500", checkLocation+" write "+originalURL)
	case auth.UntrustedPeer:
		v.wrong("trusted-proxies", fmt.Sprintf("nginx asks from %s, which is no trusted proxy: every check is 403 (untrusted_peer)", peer), v.edit("", v.trusting(peer)))
	case auth.HostMismatch:
		v.wrong("headers", fmt.Sprintf("nginx names two hosts in one question (host_mismatch): Host %s, X-Forwarded-Host %s, X-Original-URL %s", a.Host, first(a, "X-Forwarded-Host"), first(a, "X-Original-Url")),
			checkLocation+" write proxy_set_header Host $host; proxy_set_header X-Forwarded-Host $host; "+originalURL)
	case auth.HeaderAlias:
		v.wrong("headers", "nginx passes on headers with an underscore in their name (header_alias), which applications read as the outpost's", "in nginx's http block and in the default server take out underscores_in_headers on; and ignore_invalid_headers off;")
	case auth.URLInvalid:
		v.wrong("headers", fmt.Sprintf("X-Original-URL is no address (url_invalid): %q", first(a, "X-Original-Url")), checkLocation+" write "+originalURL)
	case auth.UnknownHost, auth.UnknownPath:
		v.wrong("headers", fmt.Sprintf("nginx asks about %q, which is no application's (%s), and was asked for %s", first(a, "X-Original-Url"), a.Reason, v.u), checkLocation+" write "+originalURL)
	case auth.StoreUnavailable:
		v.wrong("store", "the process cannot ask its store: every check that memory cannot answer is 500", "see the lines store and ready")
	case auth.Public, auth.Allowed:
		v.warn("protected", "the outpost lets everybody have this address", "name an address with --url that is not public")
	default:
		v.wrong("protected", fmt.Sprintf("the outpost answers %d (%s) to who is not signed in", a.Status, a.Reason), "docs/troubleshooting.md has a row for "+a.Reason)
	}
	return false
}

// trusting is trusted_proxies with one more.
func (v *visit) trusting(peer string) string {
	list := []string{}
	for _, n := range v.Config.TrustedProxies {
		list = append(list, strings.TrimSuffix(strings.TrimSuffix(n.String(), "/32"), "/128"))
	}
	return "trusted_proxies: [" + strings.Join(append(list, peer), ", ") + "]"
}

// first is the one value of a header, "" for none.
func first(a auth.Arrival, name string) string {
	if values := a.Header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

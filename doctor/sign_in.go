package doctor

// The way from nginx to the provider: the redirect to start, start itself, the
// cookie that it sets, and whether that way goes round in a circle. And who answers
// on it: one outpost, several, or a cache.

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"outpost/auth"
	"outpost/config"
)

const maxHops = 6

// instances tells whether each question came here. Pings are told apart by their
// URL, and so never come from a cache.
func (v *visit) instances(ctx context.Context) {
	if !v.watched || v.pings == 0 {
		return
	}
	pings, checks := len(v.arrivals("ping", false)), len(v.arrivals("page", true))
	switch {
	case pings < v.pings:
		v.several(ctx, pings)
		return
	default:
		v.ok("instances", "every request came to this process")
	}
	if checks < rounds {
		v.wrong("cache", fmt.Sprintf("nginx asked %d times for %d requests and answered the others from a cache: one person's yes lets others in", checks, rounds), checkLocation+" write proxy_cache off; (and take proxy_cache, proxy_cache_valid and proxy_ignore_headers out)")
		return
	}
	v.ok("cache", "nginx asks anew for each request")
}

// several is what it means that another outpost answers, too.
func (v *visit) several(ctx context.Context, here int) {
	told := fmt.Sprintf("of %d requests %d came to this process: another outpost answers to the same name", v.pings, here)
	if v.Config.Session.Store == config.StoreRedis && v.sharesSecret(ctx) {
		v.ok("instances", told+", with the same secret and a store that is shared")
		return
	}
	v.wrong("instances", told+", and knows nothing of the sign-ins and sessions of this one: people go round in a circle (loop)",
		"stop the other one, or give it a name of its own: one container alone may have the name in set $upstream_outpost. For several that share their sessions, give them all session: { store: redis } and the same secret (docs/stores.md)")
}

var codeOnPage = regexp.MustCompile(`<code>([a-z_]+)</code>`)

// sharesSecret begins a sign-in and brings its state back several times, with the
// provider's word that nobody is there: who cannot read the state has another
// secret.
func (v *visit) sharesSecret(ctx context.Context) bool {
	w := v.follow(ctx, v.startAddress(), newBrowserLike(v.browser))
	state := ""
	if w.to != nil {
		state = w.to.Query().Get("state")
	}
	if state == "" || w.own == nil {
		return false
	}
	callback := fmt.Sprintf("%s://%s%s/callback?error=login_required&state=%s", w.own.Scheme, w.own.Host, auth.Prefix, url.QueryEscape(state))
	if len(v.app.Providers) > 1 {
		callback = strings.Replace(callback, "/callback?", "/callback/"+v.app.Providers[0]+"?", 1)
	}
	for range rounds {
		r, err := w.browser.open(ctx, callback, "")
		if err != nil {
			return false
		}
		for hops := 0; r.leads() != nil && hops < 2; hops++ { // the page has an address of its own
			next := r.leads()
			if !strings.HasPrefix(next.Path, auth.Prefix) {
				return false
			}
			if r, err = w.browser.open(ctx, next.String(), ""); err != nil {
				return false
			}
		}
		code := codeOnPage.FindStringSubmatch(r.body)
		if code == nil || code[1] == string(auth.StateInvalid) || code[1] == string(auth.BrowserMissing) || code[1] == string(auth.BrowserMismatch) || code[1] == string(auth.NotFound) {
			return false
		}
	}
	return true
}

func newBrowserLike(b *browser) *browser { return newBrowser(!b.tls.InsecureSkipVerify) }

// startAddress is where the page sends to; our own word for it where it does not.
func (v *visit) startAddress() string {
	if to, err := v.page.url.Parse(v.page.header.Get("Location")); err == nil && led(v.page) {
		return to.String()
	}
	return v.u.Scheme + "://" + v.u.Host + auth.Prefix + "/start?rd=" + url.QueryEscape(v.u.String())
}

// signIn follows the way that the page leads to.
func (v *visit) signIn(ctx context.Context) {
	if led(v.page) && !v.returns() {
		return
	}
	w := v.follow(ctx, v.startAddress(), newBrowserLike(v.browser))
	switch {
	case w.err != nil:
		v.wrong("sign-in", "start does not answer: "+plain(w.err), v.inServer()+" write "+serverInclude)
		return
	case w.to == nil && w.round:
		v.wrong("loop", "the way to sign in does not leave this site: "+strings.Join(w.trail, " → "), "in the location of /outpost.goauthentik.io write auth_request off;, and see that only one location has it")
		return
	case w.to == nil:
		v.notSent(w)
		return
	}
	v.leads(w)
	v.cookies(w)
	v.circle(ctx, w)
}

// returns holds rd to the URL that was asked for, as the outpost reads it.
func (v *visit) returns() bool {
	want := v.marked(v.mark + ".page0")
	location := v.page.header.Get("Location")
	_, raw, _ := strings.Cut(location, "rd=")
	read, err := url.QueryUnescape(strings.ReplaceAll(raw, "+", "%2B"))
	if err != nil || strings.Contains(raw, "://") {
		read = raw
	}
	if read == want {
		return true
	}
	fix := "in location @goauthentik_proxy_signin write set_escape_uri $target_url $scheme://$host$request_uri; return 302 /outpost.goauthentik.io/start?rd=$target_url;"
	if strings.HasPrefix(read, "http:///") || strings.HasPrefix(read, "https:///") {
		v.wrong("http3", fmt.Sprintf("the address to come back to has no host: %s", read), fix)
		return false
	}
	v.wrong("sign-in", fmt.Sprintf("people come back to another address: rd says %q, asked for was %q", read, want), fix)
	return false
}

// walk is where a sign-in went.
type walk struct {
	browser *browser
	trail   []string       // each address, without its query
	set     []*http.Cookie // by the answer that left
	own     *url.URL       // of our site, where that was
	last    reply
	to      *url.URL // the provider; nil if it did not get there
	round   bool     // still on our site after so many hops
	err     error
}

// follow goes from start to where the site is left.
func (v *visit) follow(ctx context.Context, address string, b *browser) walk {
	w := walk{browser: b}
	for range maxHops {
		r, err := b.open(ctx, address, "")
		if err != nil {
			w.err = err
			return w
		}
		w.last = r
		w.trail = append(w.trail, r.url.Scheme+"://"+r.url.Host+r.url.Path)
		if r.status == http.StatusOK && strings.Contains(r.body, "<code>"+string(auth.ChooseProvider)+"</code>") && len(v.app.Providers) > 1 {
			address = strings.Replace(r.url.String(), "/start?", "/start?provider="+v.app.Providers[0]+"&", 1)
			continue
		}
		next := r.leads()
		if next == nil {
			return w
		}
		if v.ours(next) {
			address = next.String()
			continue
		}
		w.own, w.set, w.to = r.url, r.cookies, next
		return w
	}
	w.round = true
	return w
}

// ours reports whether an address is this site's, and not the provider's.
func (v *visit) ours(u *url.URL) bool {
	host := u.Hostname()
	return strings.HasPrefix(u.Path, auth.Prefix) || host == v.u.Hostname() && host != ""
}

// notSent is a start that ends at a page.
func (v *visit) notSent(w walk) {
	code := ""
	if found := codeOnPage.FindStringSubmatch(w.last.body); found != nil {
		code = found[1]
	}
	switch {
	case code != "":
		v.wrong("sign-in", fmt.Sprintf("start ends at a page of the outpost: %d, %s", w.last.status, code), "docs/troubleshooting.md has a row for "+code+"; the lines of the provider above have the cause where it is the provider's")
	case w.last.status == http.StatusBadGateway:
		v.wrong("buffers", "nginx answers 502 at start: the outpost's answer does not fit into its buffer, or it is not reached", "in location ^~ /outpost.goauthentik.io write proxy_buffer_size 16k; proxy_buffers 4 16k;")
	default:
		v.wrong("sign-in", fmt.Sprintf("%s answers %d and leads nowhere", w.last.url.Path, w.last.status), v.inServer()+" write "+serverInclude)
	}
}

// leads holds the request to the provider to the configuration.
func (v *visit) leads(w walk) {
	q := w.to.Query()
	if q.Has("request_uri") {
		v.ok("sign-in", "start leads to "+w.to.Host+", with a request that was pushed")
		return
	}
	want := ""
	for _, a := range v.Applications {
		if a.Name == v.app.Name {
			want = a.RedirectURI(v.app.Providers[0])
		}
	}
	switch {
	case q.Get("state") == "":
		v.wrong("sign-in", "start leads to "+w.to.Host+" without a state", "have nginx pass redirects on as they are: proxy_redirect off; in location ^~ /outpost.goauthentik.io")
	case q.Get("redirect_uri") != want:
		v.wrong("sign-in", fmt.Sprintf("the provider is asked to come back to %q, and this file says %q: another outpost answers, or the process runs another file", q.Get("redirect_uri"), want), "restart outpost with "+v.File+", and let nginx lead to it alone")
	default:
		v.ok("sign-in", "nginx sends to start with the address to come back to, to the byte, and start leads to "+w.to.Host)
	}
}

// cookies holds the browser cookie of a sign-in to what browsers keep.
func (v *visit) cookies(w walk) {
	secure := v.app.ExternalURL.Scheme == "https"
	var own *http.Cookie
	for _, one := range w.set {
		if strings.HasSuffix(one.Name, "outpost-browser") {
			own = one
		}
	}
	location := "in location ^~ /outpost.goauthentik.io, and in the server block and http block around it,"
	switch {
	case own == nil:
		v.wrong("cookies", "the cookie of a sign-in does not arrive: nginx drops Set-Cookie, and no sign-in can come to its end (browser_missing)", location+" take out proxy_hide_header Set-Cookie; and proxy_ignore_headers Set-Cookie;")
	case secure && (!own.Secure || own.Path != "/" || own.Domain != "") || !own.HttpOnly || own.SameSite == http.SameSiteStrictMode || own.SameSite == http.SameSiteNoneMode:
		v.wrong("cookies", fmt.Sprintf("nginx changes the cookie of a sign-in, and browsers do not keep it, or send it where they should not: %s", attributes(own)), location+" take out proxy_cookie_domain, proxy_cookie_path and proxy_cookie_flags")
	default:
		v.ok("cookies", own.Name+" arrives as browsers keep it: "+attributes(own))
	}
}

func attributes(c *http.Cookie) string {
	copied := *c
	copied.Name, copied.Value, copied.Raw, copied.Unparsed = "cookie", "", "", nil
	_, rest, _ := strings.Cut(copied.String(), "; ")
	return rest
}

// circle asks for the page without TLS: a page that is served there, too, sends
// people to sign in again and again, since their cookie is not sent.
func (v *visit) circle(ctx context.Context, w walk) {
	if v.u.Scheme == "https" && v.u.Port() == "" {
		other := *v.u
		other.Scheme = "http"
		if r, err := v.browser.open(ctx, other.String(), ""); err == nil && led(r) && !strings.HasPrefix(r.header.Get("Location"), "https:") {
			v.wrong("loop", "the page is served by http, too, where browsers do not send the session's cookie: whoever comes that way goes round in a circle", "in nginx's server block for port 80 write return 301 https://$host$request_uri;")
			return
		}
	}
	v.ok("loop", "the way to the provider is straight: "+strings.Join(append(w.trail, w.to.Scheme+"://"+w.to.Host), " → "))
}

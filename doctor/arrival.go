package doctor

// What nginx tells the outpost: of each question the headers, as they arrived.

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"outpost/auth"
	"outpost/config"
)

// arrival tells about the first question for the page.
func (v *visit) arrival() {
	checks := v.arrivals("page", true)
	if len(checks) == 0 {
		if !v.watched {
			for _, check := range []string{"headers", "client-address", "http3", "buffers"} {
				v.warn(check, "not known: no process can be asked what arrives from nginx", "run doctor where outpost runs")
			}
		}
		return
	}
	a := checks[0]
	v.headers(a)
	v.client(a)
	v.http3()
}

// headers holds the URL and the method that arrived to what was asked for.
func (v *visit) headers(a auth.Arrival) {
	want := v.marked(a.Mark)
	got := first(a, "X-Original-Url")
	sent, err1 := url.Parse(want)
	said, err2 := url.Parse(got)
	switch {
	case err1 != nil || err2 != nil || !strings.EqualFold(said.Hostname(), sent.Hostname()) || target(got) != target(want):
		v.wrong("headers", fmt.Sprintf("nginx was asked for %s and asks about %q: rules are held to another URL, and people come back to it", want, got), checkLocation+" write "+originalURL)
		return
	case said.Scheme != sent.Scheme:
		v.wrong("scheme", fmt.Sprintf("browsers come by %s and nginx says %s: something before it takes TLS off. People come back to an address whose cookie they do not have", sent.Scheme, said.Scheme),
			checkLocation+" write "+strings.Replace(originalURL, "$scheme", sent.Scheme, 1)+" and in the redirect to start likewise")
	default:
		v.ok("scheme", said.Scheme+", as browsers have it")
	}
	if len(a.Header["X-Original-Method"])+len(a.Header["X-Forwarded-Method"]) == 0 {
		v.warn("headers", "nginx does not say the method: a rule with methods takes the client's word for it, or denies", checkLocation+" write proxy_set_header X-Original-Method $request_method;")
		return
	}
	var names []string
	for name := range a.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	v.ok("headers", "the URL arrives to the byte; of those that matter came "+strings.Join(names, ", "))
}

// target is path and query of a URL as it is written.
func target(u string) string {
	_, rest, _ := strings.Cut(u, "://")
	at := strings.IndexByte(rest, '/')
	if at < 0 {
		return "/"
	}
	return rest[at:]
}

// client tells whom the outpost takes for the browser.
func (v *visit) client(a auth.Arrival) {
	if len(a.Header["X-Forwarded-For"])+len(a.Header["X-Real-Ip"]) == 0 {
		peer, _ := netip.ParseAddrPort(a.Peer)
		message := fmt.Sprintf("nginx does not say who asks, so everybody is taken for nginx itself (%s)", peer.Addr())
		fix := checkLocation + " write proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
		if slices.ContainsFunc(v.app.Rules, func(r config.Rule) bool { return r.Networks != nil }) {
			v.wrong("client-address", message+", and rules with networks decide by that", fix)
			return
		}
		v.warn("client-address", message, fix)
		return
	}
	v.ok("client-address", "the outpost takes this machine for "+a.Client)
}

// http3 tells of which variable nginx makes addresses. Nothing arrives where it
// refuses two hosts, and then it does not matter.
func (v *visit) http3() {
	odd := v.arrivals("host", true)
	offers := strings.Contains(v.page.header.Get("Alt-Svc")+v.ping.header.Get("Alt-Svc"), "h3")
	strange := len(odd) > 0 && strings.Contains(first(odd[0], "X-Original-Url"), strangeHost)
	switch {
	case strange && offers:
		v.wrong("http3", "nginx offers HTTP/3 (Alt-Svc), where $http_host is empty, and makes X-Original-URL of it: it becomes https:///path, and so does the address of the sign-in",
			checkLocation+" write "+originalURL+" and in location @goauthentik_proxy_signin write $host in place of $http_host")
	case strange:
		v.ok("http3", "not offered; should it be, write $host in place of $http_host before, which is empty there")
	default:
		v.ok("http3", "addresses are made of $host, which is there on HTTP/3, too")
	}
}

// buffers asks for an answer as large as an allowed one may be.
func (v *visit) buffers() {
	checks := v.arrivals("room", true)
	if len(checks) == 0 {
		return
	}
	need := v.roomSize + 300 // the status line and what stands beside the identity
	size := "16k"
	for _, k := range []int{16, 32, 64, 128} {
		if need <= k<<10 {
			size = fmt.Sprintf("%dk", k)
			break
		}
	}
	if v.room.status == v.page.status && v.room.status < http.StatusInternalServerError {
		v.ok("buffers", fmt.Sprintf("nginx takes an answer with %d bytes of identity headers, which is the most that application %s is sent", v.roomSize, v.app.Name))
		return
	}
	v.wrong("buffers", fmt.Sprintf("nginx answers %d where the outpost's answer has %d bytes of identity headers, as application %s may be sent: proxy_buffer_size is too small, and people with many groups get a 500",
		v.room.status, v.roomSize, v.app.Name), fmt.Sprintf("%s write proxy_buffer_size %s; proxy_buffers 4 %s; (or in %s under application %s headers: { max_bytes: 3500 })", checkLocation, size, size, v.File, v.app.Name))
}

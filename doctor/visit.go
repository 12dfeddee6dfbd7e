package doctor

// An address as a person's browser opens it, with no cookie: nginx has to ask the
// outpost and send the browser to sign in. What nginx does shows from outside, and
// what it asked shows at the process, which is told what to look for.

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"outpost/auth"
	"outpost/config"
)

// rounds is how often nginx is asked to ask: where it has two outposts to choose
// from, all of them go to one of the two once in two thousand times.
const rounds = 12

// visit is one address and what came of asking for it.
type visit struct {
	*chart
	u       *url.URL
	mark    string
	watched bool // the process tells what arrives
	browser *browser
	app     config.Application

	page     reply // of the first question
	ping     reply
	pings    int // that were answered as an outpost does
	room     reply
	roomSize int
	arrived  []auth.Arrival
}

// visit looks at one address.
func (c *chart) visit(ctx context.Context, address string) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Fragment != "" {
		c.wrong("application", fmt.Sprintf("%q is no address of a page", address), "write --url https://app.example.com/")
		return
	}
	if u.Path == "" {
		u.Path = "/"
	}
	v := &visit{chart: c, u: u, mark: rand.Text()}
	if !v.belongs() || !v.reach(ctx) {
		return
	}
	if err := v.ask(ctx); err != nil {
		v.wrong("protected", "nginx does not answer: "+plain(err), "see nginx's error.log")
		return
	}
	v.outpost()
	if v.protected() {
		v.arrival()
		v.buffers()
		v.instances(ctx)
		v.signIn(ctx)
	}
}

// belongs finds the application of the address, and whether it needs a sign-in.
func (v *visit) belongs() bool {
	e, err := v.Outpost.Explain(auth.Question{URL: v.u.String()})
	if err != nil {
		v.wrong("application", "it is no address that the outpost could be asked about: "+err.Error(), "write --url https://app.example.com/")
		return false
	}
	for _, a := range v.Config.Applications {
		if a.Name == e.Application {
			v.app = a
		}
	}
	host := v.u.Hostname()
	switch {
	case e.Reason == auth.UnknownHost:
		v.unknownHost(host)
		return false
	case e.Application == "":
		v.wrong("application", fmt.Sprintf("no application has the path %s of %s: every check of it is 403 (unknown_path)", v.u.Path, host),
			fmt.Sprintf("in %s under applications write one with external_url: https://%s", v.File, v.u.Host))
		return false
	case e.Decision == "public":
		v.warn("application", fmt.Sprintf("application %s lets everybody have this address, by rule %d (line %d): it shows nothing about signing in", e.Application, e.Rule, e.Line), "name an address with --url that is not public")
		return false
	case e.Decision != "sign_in":
		v.warn("application", fmt.Sprintf("application %s answers a stranger with %s (%s), by rule %d (line %d): it shows nothing about signing in", e.Application, e.Decision, e.Reason, e.Rule, e.Line),
			"name an address with --url that people sign in for; outpost explain tells how the rules decide")
		return false
	}
	if want := v.app.ExternalURL.Scheme; v.u.Scheme != want {
		v.wrong("scheme", fmt.Sprintf("external_url of application %s is %s://, and the address is %s://: its cookie is not sent here, and the sign-in goes round in a circle", v.app.Name, want, v.u.Scheme),
			fmt.Sprintf("redirect %s:// to %s:// in nginx: return 301 https://$host$request_uri;", v.u.Scheme, want))
		return false
	}
	v.ok("application", fmt.Sprintf("%s, mode %s: whoever is not signed in has to sign in", v.app.Name, v.app.Mode))
	return true
}

// unknownHost says which application should have covered a host.
func (v *visit) unknownHost(host string) {
	for _, a := range v.Config.Applications {
		common := commonDomain(host, a.ExternalURL.Hostname())
		if a.Mode == config.Domain && common != "" && !config.PublicSuffix(common) {
			v.wrong("cookie-domain", fmt.Sprintf("no application has the host %s: cookie_domain %s of application %s does not cover it, so every check is 403 (unknown_host)", host, a.CookieDomain, a.Name),
				v.edit("application "+a.Name, "cookie_domain: "+common))
			return
		}
	}
	v.wrong("application", fmt.Sprintf("no application has the host %s: every check of it is 403 (unknown_host)", host),
		fmt.Sprintf("in %s under applications write: - { name: %s, mode: single, external_url: https://%s }", v.File, strings.SplitN(host, ".", 2)[0], v.u.Host))
}

// commonDomain is the longest domain that two hosts are in, "" for none.
func commonDomain(a, b string) string {
	for rest := a; rest != ""; {
		if below(b, rest) {
			return rest
		}
		_, after, more := strings.Cut(rest, ".")
		if !more {
			return ""
		}
		rest = after
	}
	return ""
}

// reach connects, and says what browsers will say of the certificate.
func (v *visit) reach(ctx context.Context) bool {
	v.browser = newBrowser(true)
	_, err := v.browser.open(ctx, v.u.Scheme+"://"+v.u.Host+auth.Prefix+"/ping", "")
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &dns):
		v.wrong("dns", fmt.Sprintf("%s does not resolve: %s", v.u.Hostname(), dns.Err), fmt.Sprintf("add to the DNS of its domain: %s A (or AAAA) with the address of nginx", v.u.Hostname()))
		return false
	case errors.As(err, &unknown):
		v.warn("certificate", "it is of an authority that is unknown on this machine; browsers that do not know it either warn people", "set SSL_CERT_FILE to the authority's certificate for doctor, or have nginx use a certificate of a public one")
		v.browser = newBrowser(false)
	case errors.As(err, &name), errors.As(err, &invalid):
		v.wrong("certificate", plain(err), "have nginx use a certificate that is for "+v.u.Hostname()+" and in force: ssl_certificate and ssl_certificate_key in its server block")
		v.browser = newBrowser(false)
	case err != nil:
		v.wrong("protected", fmt.Sprintf("nobody answers at %s: %s", v.u.Host, plain(err)), "start nginx, or correct the address in DNS and the forwarded port of the router")
		return false
	case v.u.Scheme == "https":
		v.ok("certificate", "it is good for "+v.u.Hostname())
	}
	return true
}

// plain is an error without the address that it is about, which the line has.
func plain(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return err.Error()
}

// marked is the address with a mark in its query, as a browser sends it.
func (v *visit) marked(mark string) string {
	sign := "?"
	if v.u.RawQuery != "" {
		sign = "&"
	}
	return v.u.String() + sign + auth.WatchQuery + "=" + mark
}

// ask asks for the page and for the outpost's ping, several times, then in
// two odd ways, and gathers what arrived.
func (v *visit) ask(ctx context.Context) error {
	if v.process != nil {
		_, err := v.Admin(ctx, http.MethodPost, "/doctor/watch", url.Values{"mark": {v.mark}})
		v.watched = err == nil
	}
	for i := range rounds {
		mark := v.mark + ".page" + strconv.Itoa(i)
		page, err := v.browser.open(ctx, v.marked(mark), mark)
		if err != nil {
			return err
		}
		ping, err := v.browser.open(ctx, v.u.Scheme+"://"+v.u.Host+auth.Prefix+"/ping", v.mark+".ping"+strconv.Itoa(i))
		if err != nil {
			return err
		}
		if i == 0 {
			v.page, v.ping = page, ping
		}
		if ping.status == http.StatusNoContent {
			v.pings++
		}
		if !v.watched {
			break
		}
	}
	if !v.watched {
		return nil
	}
	v.roomSize = v.app.Headers.MaxBytes
	mark := v.mark + ".room" + strconv.Itoa(v.roomSize)
	var err error
	if v.room, err = v.browser.open(ctx, v.marked(mark), mark); err != nil {
		return err
	}
	if odd, err := url.Parse(v.marked(v.mark + ".host")); err == nil {
		v.browser.openStrangely(ctx, odd, v.mark+".host") // where that fails, nothing arrives
	}
	body, err := v.Admin(ctx, http.MethodGet, "/doctor/watch", url.Values{"mark": {v.mark}})
	if err == nil {
		err = json.Unmarshal(body, &v.arrived)
	}
	v.watched = err == nil
	v.Admin(ctx, http.MethodPost, "/doctor/watch", url.Values{"mark": {""}})
	return nil
}

// arrivals are those of a kind, the checks or all others.
func (v *visit) arrivals(kind string, check bool) (all []auth.Arrival) {
	for _, a := range v.arrived {
		if strings.HasPrefix(a.Mark, v.mark+"."+kind) && (a.Path == auth.Prefix+"/auth/nginx") == check {
			all = append(all, a)
		}
	}
	return all
}

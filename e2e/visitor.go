package e2e

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// A visitor is a person with a browser that runs no scripts: it keeps cookies,
// follows redirects and fills in forms.
type visitor struct {
	t       testing.TB
	client  *http.Client
	headers http.Header // sent with every request, above those of a navigation
	trail   []string    // "status URL" of every answer since the last open
	stopAt  string      // a redirect to an address with this in it is not followed
	// script stands for the scripts of the provider's pages; nil: they have forms.
	script func(p page, user, password string) page
}

// A page is one answer, read to its end.
type page struct {
	*http.Response
	URL  string // what was asked for
	Body string
}

// newVisitor returns a person with an empty browser.
func newVisitor(t testing.TB) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: clientTLS(t), ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{t: t, headers: http.Header{}, client: &http.Client{
		Transport: transport, Jar: jar, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// get asks for one URL as a navigation does and follows nothing.
func (v *visitor) get(address string) page {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.send(r)
}

func (v *visitor) send(r *http.Request) page {
	v.t.Helper()
	for name, value := range map[string]string{
		"Accept":         "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
		"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none", "Sec-Fetch-User": "?1",
		"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) visitor",
	} {
		r.Header.Set(name, value)
	}
	for name, values := range v.headers {
		r.Header[name] = values
	}
	response, err := v.client.Do(r)
	if err != nil {
		v.t.Fatalf("asking for %s: %v\ntrail:\n%s", r.URL, err, strings.Join(v.trail, "\n"))
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatalf("reading %s: %v", r.URL, err)
	}
	v.trail = append(v.trail, response.Status+" "+r.Method+" "+r.URL.String())
	return page{Response: response, URL: r.URL.String(), Body: string(body)}
}

// open asks for a URL and follows redirects to where they end.
func (v *visitor) open(address string) page {
	v.t.Helper()
	v.trail = nil
	return v.follow(v.get(address))
}

func (v *visitor) follow(p page) page {
	v.t.Helper()
	for range 20 {
		location := p.Header.Get("Location")
		if p.StatusCode < 300 || p.StatusCode > 399 || location == "" {
			if refresh, ok := metaRefresh(p); ok {
				location = refresh
			} else {
				return p
			}
		}
		if v.stopAt != "" && strings.Contains(location, v.stopAt) {
			return p
		}
		next, err := p.Request.URL.Parse(location)
		if err != nil {
			v.t.Fatalf("%s redirects to %q: %v", p.URL, location, err)
		}
		p = v.get(next.String())
	}
	v.t.Fatalf("too many redirects:\n%s", strings.Join(v.trail, "\n"))
	return page{}
}

// metaRefresh is the target of a page that moves on by itself.
func metaRefresh(p page) (string, bool) {
	for node := range parse(p).Descendants() {
		if node.Type != html.ElementNode || node.Data != "meta" || !strings.EqualFold(attribute(node, "http-equiv"), "refresh") {
			continue
		}
		if _, target, ok := strings.Cut(attribute(node, "content"), "url="); ok {
			return target, true
		}
	}
	return "", false
}

// signIn opens a URL and walks through whatever the provider asks, as user with
// that password, until the browser is where no form wants anything.
func (v *visitor) signIn(address, user, password string) page {
	v.t.Helper()
	p := v.open(address)
	for range 6 {
		at, _ := url.Parse(p.URL)
		if !strings.HasSuffix(at.Hostname(), ".example.test") {
			return p
		}
		if v.script != nil {
			p = v.script(p, user, password)
			continue
		}
		p = v.submit(p, map[string]string{"login": user, "user": user, "username": user, "password": password})
	}
	v.t.Fatalf("still at %s after six forms:\n%s\n%s", p.URL, strings.Join(v.trail, "\n"), p.Body)
	return page{}
}

// submit sends the first form of a page, with values for those of its fields
// that it has, and follows the answer.
func (v *visitor) submit(p page, values map[string]string) page {
	v.t.Helper()
	root := parse(p)
	var form *html.Node
	for node := range root.Descendants() {
		if node.Type == html.ElementNode && node.Data == "form" {
			form = node
			break
		}
	}
	if form == nil {
		v.t.Fatalf("%s has no form:\n%s\ntrail:\n%s", p.URL, p.Body, strings.Join(v.trail, "\n"))
	}
	fields := url.Values{}
	for node := range root.Descendants() {
		name, id := attribute(node, "name"), attribute(form, "id")
		within := slices.Contains(slices.Collect(node.Ancestors()), form) || id != "" && attribute(node, "form") == id
		// Of several buttons the first is pressed.
		if !within || name == "" || node.Data == "button" && fields.Has(name) {
			continue
		}
		fields.Set(name, attribute(node, "value"))
		if value, ok := values[name]; ok {
			fields.Set(name, value)
		}
	}
	target, err := p.Request.URL.Parse(attribute(form, "action"))
	if err != nil {
		v.t.Fatal(err)
	}
	if !strings.EqualFold(attribute(form, "method"), "post") {
		target.RawQuery = fields.Encode()
		return v.follow(v.get(target.String()))
	}
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, target.String(), strings.NewReader(fields.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", p.Request.URL.Scheme+"://"+p.Request.URL.Host)
	return v.follow(v.send(r))
}

// click follows the link of a page whose text contains text.
func (v *visitor) click(p page, text string) page {
	v.t.Helper()
	target, err := p.Request.URL.Parse(link(p, text))
	if err != nil || link(p, text) == "" {
		v.t.Fatalf("%s has no link %q:\n%s", p.URL, text, p.Body)
	}
	return v.open(target.String())
}

// cookies are those that the browser would send to address.
func (v *visitor) cookies(address string) []*http.Cookie {
	v.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.client.Jar.Cookies(u)
}

// link is the target of the first link whose text contains text; "" if none.
func link(p page, text string) string {
	for node := range parse(p).Descendants() {
		if node.Type == html.ElementNode && node.Data == "a" && strings.Contains(strings.ToLower(content(node)), strings.ToLower(text)) {
			return attribute(node, "href")
		}
	}
	return ""
}

func parse(p page) *html.Node {
	root, err := html.ParseWithOptions(strings.NewReader(p.Body), html.ParseOptionEnableScripting(false)) // what is in noscript counts
	if err != nil {
		return &html.Node{} // only a broken reader makes it fail
	}
	return root
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func content(node *html.Node) string {
	var b strings.Builder
	for n := range node.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	return b.String()
}

// rawRequest sends bytes to nginx over TLS, as no browser would, and returns
// the answer's status and header. name is the server name of the handshake.
func rawRequest(t testing.TB, name, request string) (int, http.Header) {
	t.Helper()
	config := clientTLS(t)
	config.ServerName = name
	conn, err := tls.Dial("tcp", "127.0.0.1:443", config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode, response.Header
}

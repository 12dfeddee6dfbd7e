package doctor

// A browser that runs no scripts and follows nothing by itself: what nginx answers
// to it is what is looked at.

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"time"

	"outpost/auth"
)

const (
	visitTime = 15 * time.Second
	pageRead  = 256 << 10
)

type browser struct {
	client *http.Client
	tls    *tls.Config
}

// reply is one answer.
type reply struct {
	url     *url.URL
	status  int
	header  http.Header
	cookies []*http.Cookie // that it sets
	body    string         // the first 256 KiB
}

var onward = regexp.MustCompile(`<meta http-equiv="refresh" content="0;url=([^"]+)"`)

// leads is where an answer sends the browser: by its Location, or by a page, as start
// does where an address may have a fragment; nil for nowhere.
func (r reply) leads() *url.URL {
	target := ""
	if r.status/100 == 3 {
		target = r.header.Get("Location")
	} else if found := onward.FindStringSubmatch(r.body); found != nil && r.status == http.StatusOK {
		target = html.UnescapeString(found[1])
	}
	to, err := r.url.Parse(target)
	if target == "" || err != nil {
		return nil
	}
	return to
}

// newBrowser has no cookies. Without verify it takes every certificate: it sends
// no secret, and what is wrong with the certificate is told elsewhere.
func newBrowser(verify bool) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // only with options
	}
	b := &browser{tls: &tls.Config{InsecureSkipVerify: !verify}}
	b.client = &http.Client{
		Jar: jar, Timeout: visitTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{TLSClientConfig: b.tls, ForceAttemptHTTP2: true, DisableKeepAlives: true},
	}
	return b
}

// open navigates to an address, with the mark in a header if there is one.
func (b *browser) open(ctx context.Context, address, mark string) (reply, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return reply{}, err
	}
	navigate(r.Header, mark)
	resp, err := b.client.Do(r)
	if err != nil {
		return reply{}, err
	}
	return read(resp)
}

func navigate(h http.Header, mark string) {
	for name, value := range map[string]string{
		"Accept": "text/html,application/xhtml+xml", "User-Agent": "Mozilla/5.0 (compatible; outpost doctor)",
		"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none", "Sec-Fetch-User": "?1",
	} {
		h.Set(name, value)
	}
	if mark != "" {
		h.Set(auth.WatchHeader, mark)
	}
}

func read(resp *http.Response) (reply, error) {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, pageRead))
	if err != nil && len(body) == 0 {
		return reply{}, err
	}
	return reply{resp.Request.URL, resp.StatusCode, resp.Header, resp.Cookies(), string(body)}, nil
}

// strangeHost is what the Host header says in openWithHost.
const strangeHost = "outpost-doctor.invalid"

// openStrangely names the host in the request line, which is $host to nginx, and
// another one in Host, which is $http_host: in what arrives it shows of which of
// them nginx makes addresses. On HTTP/3 the second one is empty.
func (b *browser) openStrangely(ctx context.Context, u *url.URL, mark string) error {
	ctx, cancel := context.WithTimeout(ctx, visitTime)
	defer cancel()
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	if u.Scheme == "https" {
		own := b.tls.Clone()
		own.ServerName = u.Hostname()
		conn = tls.Client(conn, own)
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n%s: %s\r\nAccept: text/html\r\nConnection: close\r\n\r\n", u, strangeHost, auth.WatchHeader, mark); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	resp.Body.Close()
	return nil
}

package provider

// examine_browse.go follows an authorization request for examine.go, with the
// cookies of one browser that is thrown away afterwards.

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

const (
	maxHops  = 6
	pageRead = 64 << 10
)

// browse asks for a page of the provider and goes where its redirects lead, until
// that is our redirect URI, another site or a page. It sends nothing to either of
// the first two.
func (p *Provider) browse(ctx context.Context, to, redirectURI string) (w way) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return way{err: err}
	}
	outbound, ok := p.client.Transport.(*outbound)
	if !ok {
		return way{err: errRedirected}
	}
	client := &http.Client{Transport: outbound.next, Jar: jar, Timeout: outboundTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	first, err := url.Parse(to)
	if err != nil {
		return way{err: err}
	}
	for at, hops := first, 0; ; hops++ {
		r, err := http.NewRequestWithContext(withCall(ctx, p.name, "authorize"), http.MethodGet, at.String(), nil)
		if err != nil {
			return way{err: err}
		}
		r.Header.Set("Accept", "text/html,application/xhtml+xml")
		r.Header.Set("User-Agent", "Mozilla/5.0 (compatible; outpost doctor)")
		resp, err := client.Do(r)
		if err != nil {
			return way{err: errorWithoutURL(err)}
		}
		body, _ := io.ReadAll(io.LimitReader(resp.Body, pageRead))
		resp.Body.Close()
		w = way{status: resp.StatusCode, code: knownCode(at.RawQuery + " " + string(body)), names: strings.Contains(strings.ToLower(string(body)), "redirect")}
		next, err := resp.Location()
		if err != nil || resp.StatusCode/100 != 3 {
			return w
		}
		if strings.HasPrefix(next.String(), redirectURI+"?") || strings.HasPrefix(next.String(), redirectURI+"#") {
			return way{back: true, code: knownCode(next.Query().Get("error"))}
		}
		if next.Scheme != first.Scheme || next.Host != first.Host || hops == maxHops {
			return w
		}
		at = next
	}
}

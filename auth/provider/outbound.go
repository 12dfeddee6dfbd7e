package provider

// Every request that we make: to a provider, bounded in time and in size,
// without the person's cookies, and never off to another host because an
// answer says so. A redirected token request would carry the client secret
// along (RFC 9700 §4.12). An answer is read whole before anybody sees it:
// x/oauth2 would take the first MiB of a larger one for all of it.

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	outboundTime = 10 * time.Second // a whole request, its body included
	maxAnswer    = 1 << 20          // bytes of a body
)

var (
	errAnswerTooLarge = fmt.Errorf("%w: answer is larger than %d bytes", errMisconfigured, maxAnswer)
	errRedirected     = fmt.Errorf("%w: answer is a redirect to another origin, or of a request with a body", errMisconfigured)
)

// newClient makes the client of one provider.
func newClient(transport http.RoundTripper, hooks Hooks) *http.Client {
	return &http.Client{
		Transport: &outbound{transport, hooks},
		Timeout:   outboundTime,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			first := via[0]
			if len(via) > 3 || first.Method != http.MethodGet || r.URL.Scheme != first.URL.Scheme || r.URL.Host != first.URL.Host || first.Header.Get("Authorization") != "" {
				return errRedirected
			}
			return nil
		},
	}
}

// call names an outbound request for counting.
type call struct{ provider, operation string }

type callKey struct{}

func withCall(ctx context.Context, provider, operation string) context.Context {
	return context.WithValue(ctx, callKey{}, call{provider, operation})
}

type outbound struct {
	next  http.RoundTripper
	hooks Hooks
}

func (o *outbound) RoundTrip(r *http.Request) (*http.Response, error) {
	c, _ := r.Context().Value(callKey{}).(call)
	answered := o.hooks.Request(r.Context(), c.provider, c.operation)
	resp, err := o.next.RoundTrip(r)
	if err != nil {
		answered(0)
		return nil, err
	}
	answered(resp.StatusCode)
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		o.hooks.ClockSkew(c.provider, date.Sub(time.Now().Truncate(time.Second)))
	}
	body, err := readAnswer(resp)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// CloseIdleConnections is http.Client's.
func (o *outbound) CloseIdleConnections() { closeIdle(o.next) }

// CloseIdleConnections is http.Client's.
func (b *backchannel) CloseIdleConnections() { closeIdle(b.next) }

func closeIdle(t http.RoundTripper) {
	if closer, ok := t.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// readAnswer reads a whole body and closes it. What looks like JSON in an
// answer that will be believed has to be such that everybody reads it alike,
// whatever the answer says that it is.
func readAnswer(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the answer: %w", err)
	case len(body) > maxAnswer:
		return nil, errAnswerTooLarge
	}
	if start := bytes.TrimLeft(body, " \t\r\n"); resp.StatusCode == http.StatusOK && len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		return body, checkJSON(body)
	}
	return body, nil
}

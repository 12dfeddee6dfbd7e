package auth

// hot_check.go is the check for a server that must not wait, and that leaves to
// net/http whatever needs more than memory, a word in the log, or a second look.

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"outpost/headers"
	"outpost/session"
)

// HotHeaders are the request headers that AnswerHot reads.
func HotHeaders() []string { return append([]string{"Cookie"}, headers.RequestNames...) }

// Trusts reports whether a peer of this address is a trusted proxy.
func (o *Outpost) Trusts(peer netip.Addr) bool { return o.peers.TrustsAddr(peer) }

// AnswerHot decides a check for nginx as ServeNginx does, where the answer is a
// plain yes, or no to somebody who sends no session cookie, and memory alone
// tells. It appends status line and header lines to b, as net/http writes them,
// and returns b. In every other case it has done nothing and returns nil: the
// request is to be given to ServeNginx.
//
// h and host may change when it has returned; it keeps nothing of them. The
// caller has made sure that the peer is a trusted proxy.
func (o *Outpost) AnswerHot(h http.Header, host string, b []byte) []byte {
	begun := time.Now()
	if o.log.Enabled(context.Background(), slog.LevelDebug) { // each check is a line then
		return nil
	}
	original, err := headers.FromNginx(h, host)
	if err != nil {
		return nil
	}
	app := o.applications.find(original.Host)
	if app == nil {
		return nil
	}
	live, known := o.hotSession(app, h["Cookie"])
	switch {
	case !known:
		return nil
	case live == nil:
		o.hooks.Check(app.name, NotSignedIn, time.Since(begun))
		return append(b, "HTTP/1.1 401 Unauthorized\r\nCache-Control: no-store\r\n"...)
	}
	d := o.judge(app, live, begun)
	if d.Status != http.StatusOK || d.Reason != Allowed || d.Identity == nil {
		return nil
	}
	live.Accept(begun)
	if live.Due(begun) {
		o.recheck(d.Session)
	}
	b = append(b, "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n"...)
	b = d.Identity.AppendTo(b)
	o.hooks.Check(app.name, Allowed, time.Since(begun))
	return b
}

// hotSession is liveSession without the store. live is nil if no cookie of app
// opens a session; known is false where memory cannot tell, and where more than
// one came.
func (o *Outpost) hotSession(app *application, cookies []string) (live *session.Live, known bool) {
	for value := range session.Values(cookies, app.session.Name) {
		found, known := o.sessions.FindHot(app.session.Name, value)
		if !known || found == nil || live != nil || found.Prepared == nil {
			return nil, false
		}
		live = found
	}
	return live, true
}

package auth

// hot_check.go is the check for a server that must not wait, and that leaves to
// net/http whatever needs more than memory, a word in the log, or a second look,
// and the first check of each application, at whose stamp somebody has to look.

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
func HotHeaders() []string {
	return append([]string{"Cookie", "Authorization", "Origin", "Access-Control-Request-Method"}, headers.RequestNames...)
}

// Trusts reports whether a peer of this address is a trusted proxy.
func (o *Outpost) Trusts(peer netip.Addr) bool { return o.peers.TrustsAddr(peer) }

// AnswerHot decides a check for nginx as ServeNginx does, where the answer is a
// plain yes, or no to somebody who sends no session cookie, and memory alone
// tells. It appends status line and header lines to b, as net/http writes them,
// and returns b. In every other case it has done nothing and returns nil: the
// request is to be given to ServeNginx.
//
// h and host may change when it has returned; it keeps nothing of them. The
// caller has made sure that the peer, the zero Addr for one of a unix socket, is
// a trusted proxy.
func (o *Outpost) AnswerHot(peer netip.Addr, h http.Header, host string, b []byte) []byte {
	begun := time.Now()
	if o.watching.on() || o.log.Enabled(context.Background(), slog.LevelDebug) { // each check is told of, or a line, then
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
	req := Request{Original: original, Preflight: preflight(h)}
	part, q := app.question(&req)
	if part == nil || o.includes != "" && !part.includes.looked() {
		return nil
	}
	if part.located {
		q.Client = o.peers.ClientIPOf(h, peer)
	}
	live, ready, known := o.hotSession(app, h["Cookie"])
	if !known {
		return nil
	}
	var d Decision
	if live == nil {
		if original.Method == http.MethodPost {
			return nil // it may be a form, and the person has to hear of it
		}
		if part.machines != nil && len(h["Authorization"]) > 0 {
			return nil // it may have to be asked about
		}
		d = o.checkStranger(context.Background(), part, &q, &req, session.ErrNone, begun)
	} else {
		d = o.judge(app, part, &q, live, ready, begun)
	}
	switch {
	case d.Status == http.StatusUnauthorized && d.Reason == NotSignedIn:
		b = append(b, "HTTP/1.1 401 Unauthorized\r\nCache-Control: no-store\r\n"...)
	case d.Status == http.StatusOK && (d.Reason == Allowed || d.Reason == Public) && d.Identity != nil:
		b = append(b, "HTTP/1.1 200 OK\r\n"...)
		b = part.appendHeaders(b, &d, h["Authorization"])
	default:
		return nil
	}
	if live != nil {
		live.Accept(begun)
		if live.Due(begun) {
			o.recheck(d.Session)
		}
	}
	o.hooks.Check(part.name, d.Reason, time.Since(begun))
	return b
}

// appendHeaders appends what answer sets, in the order in which net/http writes it.
func (p *part) appendHeaders(b []byte, d *Decision, authorization []string) []byte {
	cache := headers.Line{Name: "Cache-Control", Value: "no-store"}
	if own := p.handOn(d, authorization); own != "" {
		return d.Identity.AppendWith(b, headers.Line{Name: "Authorization", Value: own}, cache)
	}
	return d.Identity.AppendWith(b, cache)
}

// hotSession is liveSession without the store, and without making anything. live is nil if no cookie of app
// opens a session; known is false where memory cannot tell, and where more than
// one came.
func (o *Outpost) hotSession(app *application, cookies []string) (live *session.Live, ready *prepared, known bool) {
	for value := range session.Values(cookies, app.session.Name) {
		found, known := o.sessions.FindHot(app.session.Name, value)
		if !known || found == nil || live != nil {
			return nil, nil, false
		}
		if live, ready = found, o.hotPrepared(found); ready == nil || ready.person == nil {
			return nil, nil, false
		}
	}
	return live, ready, true
}

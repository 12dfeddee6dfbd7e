package auth

// watch.go tells an operator what arrives here of a request that they send to
// nginx themselves. Nothing is kept of anybody else's: a request counts only
// with a mark in it that the operator has just made up, for as long as they
// watch, and what is kept of it is bounded.

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"outpost/headers"
)

const (
	// WatchHeader carries the mark; nginx passes it on to a check as it does
	// every header of a client that it does not set.
	WatchHeader = "X-Outpost-Doctor"
	// WatchQuery is the name of the mark in the query, where headers are lost.
	WatchQuery = "outpost_doctor"

	watchTime    = 30 * time.Second
	maxArrivals  = 64
	maxWatched   = 512      // bytes of a header's value
	maxPadding   = 64 << 10 // bytes of an answer's header
	paddingSign  = ".room"
	paddingName  = "X-Outpost-Room"
	leastMark    = 16
	paddingCosts = len(paddingName) + len(": \r\n")
)

// watchedHeaders are those of which an Arrival tells: what nginx is to set, and
// what an application's own proxy may have put in. None of them is a credential.
var watchedHeaders = append([]string{
	"X-Original-Uri", "X-Forwarded-Proto", "X-Forwarded-Uri", "X-Forwarded-Prefix", "Forwarded", "Content-Length", "Connection",
	"Sec-Fetch-Mode", "Accept",
}, headers.RequestNames...)

// Arrival is what came here of one request with the mark.
type Arrival struct {
	Path    string              `json:"path"`    // asked for here
	Mark    string              `json:"mark"`    // the mark and what stands behind it
	Host    string              `json:"host"`    // of the request
	Peer    string              `json:"peer"`    // who connected, with the port; "@" or "" for a unix socket
	Trusted bool                `json:"trusted"` // is that a trusted proxy?
	Client  string              `json:"client"`  // whom we take for the browser
	Header  map[string][]string `json:"header"`  // those that matter here, values cut to 512 bytes
	Cookies bool                `json:"cookies"` // did any come?
	Status  int                 `json:"status"`  // of a check's answer; 0 for another endpoint
	Reason  string              `json:"reason"`  // likewise
}

// watch is the one slot there is.
type watch struct {
	mark string

	mu   sync.Mutex
	seen []Arrival
}

type watching struct{ slot atomic.Pointer[watch] }

// Watch keeps what arrives in requests that carry the mark, 16 bytes or more, in
// WatchHeader or in the query under WatchQuery: the first 64 of the next 30
// seconds. A watch before it ends with it. The empty mark ends it alone. While one is on
// each check takes the longer way through net/http.
func (o *Outpost) Watch(mark string) {
	if len(mark) < leastMark {
		o.watching.slot.Store(nil)
		return
	}
	w := &watch{mark: mark}
	o.watching.slot.Store(w)
	time.AfterFunc(watchTime, func() { o.watching.slot.CompareAndSwap(w, nil) })
}

// Watched is what has come so far with the mark of Watch, in order; nil for
// nothing, and for any other mark.
func (o *Outpost) Watched(mark string) []Arrival {
	w := o.watching.slot.Load()
	if w == nil || w.mark != mark {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Arrival(nil), w.seen...)
}

// on reports whether anybody watches.
func (w *watching) on() bool { return w.slot.Load() != nil }

// note keeps a request if it carries the mark, with the decision where it is a
// check, and makes the header of the answer as large as the mark asks for:
// whether nginx can read so much nothing else shows.
func (o *Outpost) note(w http.Header, r *http.Request, d Decision) {
	slot := o.watching.slot.Load()
	if slot == nil {
		return
	}
	mark := markOf(r, slot.mark)
	if mark == "" {
		return
	}
	a := Arrival{
		Path: cut(r.URL.Path), Mark: cut(mark), Host: cut(r.Host), Peer: r.RemoteAddr, Trusted: o.peers.Trusts(r.RemoteAddr),
		Header: map[string][]string{}, Cookies: len(r.Header["Cookie"]) > 0, Status: d.Status, Reason: string(d.Reason),
	}
	if client := o.peers.ClientIP(r.Header, r.RemoteAddr); client.IsValid() {
		a.Client = client.String()
	}
	for _, name := range watchedHeaders {
		for _, value := range r.Header[name] {
			if len(a.Header[name]) < 4 {
				a.Header[name] = append(a.Header[name], value[:min(len(value), maxWatched)])
			}
		}
	}
	slot.mu.Lock()
	if len(slot.seen) < maxArrivals {
		slot.seen = append(slot.seen, a)
	}
	slot.mu.Unlock()
	if _, size, ok := strings.Cut(mark, paddingSign); ok && a.Trusted {
		if n, err := strconv.Atoi(size); err == nil && n > paddingCosts && n <= maxPadding {
			w.Set(paddingName, strings.Repeat("x", n-paddingCosts))
		}
	}
}

// markOf is the mark that r carries, with what stands behind it; "" for none.
func markOf(r *http.Request, mark string) string {
	for _, where := range []string{r.Header.Get(WatchHeader), r.Header.Get("X-Original-Url"), r.URL.RawQuery} {
		if at := strings.Index(where, mark); at >= 0 {
			found, _, _ := strings.Cut(where[at:], "&")
			return found
		}
	}
	return ""
}

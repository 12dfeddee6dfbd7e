// Package front answers checks ahead of net/http, where they need nothing that
// waits.
//
// Under SWAG every check is a connection of its own. Of what a small answer then
// costs a net/http server, most is goroutines, timers and the poller that wakes
// them. The front is one thread over the listener: it accepts, reads once,
// answers and closes, and nothing of it ever waits for a client.
//
// It answers only what is beyond doubt: one complete request from a trusted
// proxy, spelled as nginx spells it (request.go), that the check decides from
// memory. Every other connection goes to net/http with the bytes that have been
// read, and stays there. So there is one place where requests are taken apart
// leniently, and one where anything but a check is served. Where the front and
// net/http answer the same request, they answer with the same bytes.
//
// It works on Linux. Elsewhere Listen returns the listener as it is.
package front

import (
	"net/http"
	"net/netip"
	"time"
)

// Config is what the front is told by the daemon. All fields are required.
type Config struct {
	// Path is the check's. A request for another one goes to net/http.
	Path string

	// Headers are the names, in Go's canonical spelling, of the request headers
	// that Answer reads. The values of others are not looked at.
	Headers []string

	// Trusts says whether a peer is a trusted proxy; it is asked once for each
	// connection. Peers of unix sockets have no address and are trusted, as
	// only the machine's own processes can be one.
	Trusts func(netip.Addr) bool

	// Answer decides a check of a peer, which is the zero Addr for one of a unix
	// socket: it appends the answer's status line and header
	// lines to b, each with its line end, and returns b, or nil to leave the
	// request to net/http. Date, Content-Length and Connection are the front's.
	// It must not wait, and keep nothing of what it is given, strings included:
	// their bytes are overwritten by the next request. It runs on several
	// threads at once.
	Answer func(peer netip.Addr, h http.Header, host string, b []byte) []byte

	// Failed hears that connections cannot be accepted, and why. They are tried
	// again.
	Failed func(error)

	// How long a connection may take until its first request, and how long it
	// may lie idle between two, as http.Server bounds them.
	HeaderTime, IdleTime time.Duration

	// Inherited says that somebody else has the listener too, who keeps it for
	// the next process: its unix socket stays when the front is closed, and so do
	// the connections that nobody has accepted.
	Inherited bool

	// Threads is how many answer; 1 is the cheapest for each check.
	Threads int
}

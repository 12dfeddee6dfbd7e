package headers

// forwarded.go reads the original request as Traefik's forwardAuth and Caddy's
// forward_auth tell it: in four X-Forwarded-* headers, which both of them set
// anew for each check. Another family counts for nothing here, and neither do
// X-Forwarded-Port and -Prefix, which come from the client where the front end
// does not set them.

import (
	"net/http"
	"slices"
	"strings"
)

// ForwardedNames are the headers that FromForwarded reads. X-Forwarded-For,
// which ClientIP reads, is set by the same front ends.
var ForwardedNames = []string{"X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri", "X-Forwarded-Method"}

// FromForwarded reads the original request from ForwardedNames. host is the
// check's Host header where the front end leaves it as the browser sent it
// (Caddy), and has to name the same host then; "" where it is our own (Traefik).
// It allocates nothing where the host is spelled in lower case with no port, as
// browsers do.
//
// Each of the four has to be there once: ErrURLMissing if one is not,
// ErrHostMismatch if two hosts are named, ErrURLInvalid if another came twice,
// and if scheme, host or path cannot be read, or the path is over 32 KiB.
// ErrAlias is as of FromNginx. The caller has made sure that the peer is a
// trusted proxy.
//
// Source: Traefik's and Caddy's documentation of the two. Traefik calls the
// scheme of a WebSocket's handshake ws or wss.
func FromForwarded(h http.Header, host string) (Original, error) {
	if aliased(h) || aliasOf(h, ForwardedNames) {
		return Original{}, ErrAlias
	}
	for _, name := range ForwardedNames {
		if values := h[name]; len(values) == 0 || len(values) == 1 && values[0] == "" {
			return Original{}, ErrURLMissing
		}
	}
	for _, name := range ForwardedNames {
		if len(h[name]) > 1 {
			if name == "X-Forwarded-Host" {
				return Original{}, ErrHostMismatch
			}
			return Original{}, ErrURLInvalid
		}
	}
	o := Original{Target: h["X-Forwarded-Uri"][0], Method: h["X-Forwarded-Method"][0]}
	var known, valid bool
	o.Scheme, known = schemeOf(h["X-Forwarded-Proto"][0])
	o.Host, valid = Host(h["X-Forwarded-Host"][0], o.Scheme)
	if !known || !valid || !plausible(o.Target) {
		return Original{}, ErrURLInvalid
	}
	if host != "" && !sameHost(host, &o) {
		return Original{}, ErrHostMismatch
	}
	return o, nil
}

// schemeOf is the URL's scheme for what a front end calls the protocol.
func schemeOf(proto string) (string, bool) {
	switch {
	case strings.EqualFold(proto, "https"), strings.EqualFold(proto, "wss"):
		return "https", true
	case strings.EqualFold(proto, "http"), strings.EqualFold(proto, "ws"):
		return "http", true
	}
	return "", false
}

// plausible reports whether target can be path and query of a request. What they
// say is not judged: the front end has accepted them.
func plausible(target string) bool {
	if !strings.HasPrefix(target, "/") || len(target) > maxURL {
		return false
	}
	for i := range len(target) {
		if c := target[i]; c < 0x20 || c == 0x7f {
			return false
		}
	}
	return true
}

// aliasOf is aliased for names that nginx's checks do not have. An alias is not
// read, and yet it shows that a client tries what a front end lets through.
func aliasOf(h http.Header, names []string) bool {
	for name := range h {
		if name == "" || name[0] != 'X' && name[0] != 'x' || strings.IndexFunc(name, foldable) < 0 {
			continue
		}
		plain := strings.Map(func(r rune) rune {
			if foldable(r) {
				return '-'
			}
			return r
		}, name)
		if slices.ContainsFunc(names, func(one string) bool { return strings.EqualFold(plain, one) }) {
			return true
		}
	}
	return false
}

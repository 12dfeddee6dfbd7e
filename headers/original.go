package headers

import (
	"errors"
	"net/http"
	"strings"
)

// What the four errors of FromNginx, FromForwarded, FromEnvoy and FromAuthelia
// mean to the front end is decided by the caller; none of them may ever become an
// allowed request.
var (
	// ErrURLMissing means the front end did not say which URL it asks about:
	// nginx's auth location lacks `proxy_set_header X-Original-URL …`, or another
	// front end's check does not have all that its family has.
	ErrURLMissing = errors.New("headers: no original URL")
	// ErrURLInvalid means the original URL is no absolute http or https URL,
	// or came twice, or is over 32 KiB.
	ErrURLInvalid = errors.New("headers: original URL invalid")
	// ErrHostMismatch means the request names two different hosts, so the front
	// end may route to one of them what was asked about the other.
	ErrHostMismatch = errors.New("headers: request names two hosts")
	// ErrAlias means a header arrived whose name is an alias (X_authentik_…) of
	// one that we read or write: nginx runs with underscores_in_headers on or
	// ignore_invalid_headers off, other front ends pass them on as they are, and
	// an application may take the alias for ours.
	ErrAlias = errors.New("headers: alias of a trusted header")
)

const maxURL = 32 << 10 // nginx's own limit for a request line is 8 KiB by default

// Original is the request that the front end asks about.
type Original struct {
	Scheme string // "http" or "https"
	Host   string // as Host returns it; a port only where it is not the scheme's default
	Target string // path and query exactly as the browser sent them; begins with "/"
	Method string // "" where the front end does not say
}

// URL returns the absolute URL of the request.
func (o Original) URL() string { return o.Scheme + "://" + o.Host + o.Target }

// RequestNames are the headers that FromNginx and ClientIP read. An nginx
// configuration has to set each of them, or the client does.
var RequestNames = []string{
	"X-Original-Url", "X-Original-Method", "X-Forwarded-Host", "X-Forwarded-Method", "X-Forwarded-For", "X-Real-Ip",
}

// FromNginx reads the original request from the headers that nginx sets for
// auth_request; host is the Host header of the check itself. It allocates
// nothing where the URL is spelled in lower case with no port, as browsers do.
//
// The URL is X-Original-URL and nothing else: X-Original-URI, X-Forwarded-Uri
// and their like are what the client says and are never read. Where HTTP/3
// leaves its host empty (https:///path), the host is X-Forwarded-Host, or else
// host. The caller has made sure that the peer is a trusted proxy.
//
// The error is one of the four above.
func FromNginx(h http.Header, host string) (Original, error) {
	if aliased(h) {
		return Original{}, ErrAlias
	}
	values := h["X-Original-Url"]
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return Original{}, ErrURLMissing
	}
	if len(values) > 1 || len(values[0]) > maxURL {
		return Original{}, ErrURLInvalid
	}
	o, ok := split(values[0])
	if !ok {
		return Original{}, ErrURLInvalid
	}
	if err := o.settleHost(h["X-Forwarded-Host"], host); err != nil {
		return Original{}, err
	}
	if m := h["X-Original-Method"]; len(m) > 0 {
		o.Method = m[0]
	} else if m := h["X-Forwarded-Method"]; len(m) > 0 {
		o.Method = m[0]
	}
	return o, nil
}

// split takes an absolute URL apart without judging its path: nginx has
// accepted it, and every byte of it is the person's own.
func split(raw string) (Original, bool) {
	var o Original
	scheme, rest, ok := strings.Cut(raw, "://")
	switch {
	case !ok:
		return o, false
	case strings.EqualFold(scheme, "https"):
		o.Scheme = "https"
	case strings.EqualFold(scheme, "http"):
		o.Scheme = "http"
	default:
		return o, false
	}
	end := strings.IndexAny(rest, "/?#\\")
	if end < 0 {
		end = len(rest)
	}
	o.Host, o.Target = rest[:end], rest[end:]
	if o.Target == "" {
		o.Target = "/"
	}
	if o.Target[0] != '/' {
		return o, false
	}
	for i := range len(o.Target) {
		if c := o.Target[i]; c < 0x20 || c == 0x7f {
			return o, false
		}
	}
	return o, true
}

// settleHost compares every host that the request names. Ports do not count:
// $http_host has the one that the browser typed, $host has none.
func (o *Original) settleHost(forwarded []string, host string) error {
	if len(forwarded) > 1 {
		return ErrHostMismatch
	}
	if o.Host == "" {
		if len(forwarded) == 1 && forwarded[0] != "" {
			o.Host = forwarded[0]
		} else {
			o.Host = host
		}
	}
	var ok bool
	if o.Host, ok = Host(o.Host, o.Scheme); !ok {
		return ErrURLInvalid
	}
	if len(forwarded) == 1 && forwarded[0] != "" && !sameHost(forwarded[0], o) {
		return ErrHostMismatch
	}
	if !sameHost(host, o) {
		return ErrHostMismatch
	}
	return nil
}

func sameHost(host string, o *Original) bool {
	if host == o.Host {
		return true // in its one spelling already, as nginx sends it
	}
	normal, ok := Host(host, o.Scheme)
	return ok && Hostname(normal) == Hostname(o.Host)
}

// standard are the aliases of the headers that are read, and that authentik's
// outpost writes.
var standard = NewAliases(IdentityNames, RequestNames)

func aliased(h http.Header) bool { return standard.In(h) }

func foldable(r rune) bool {
	return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

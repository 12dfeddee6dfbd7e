package headers

import (
	"net/http"
	"strings"
)

// envoyNames are the headers that FromEnvoy reads.
var envoyNames = []string{"X-Forwarded-Proto"}

// FromEnvoy reads the original request from a check of Envoy's ext_authz filter
// over HTTP, which has the browser's method and Host, and as its path that of
// the endpoint, prefix, with the browser's own behind it. Path and query are
// taken to the byte as they came.
//
// The scheme is X-Forwarded-Proto, and https where Envoy does not send it: it
// sends little that it has not been told to, and what depends on the scheme is
// only where the person comes back to. No other header is read, X-Forwarded-Host
// included.
//
// The error is ErrURLMissing if nothing stands behind prefix; ErrURLInvalid if
// path, host or scheme cannot be read, if there are two schemes, or if the path is over
// 32 KiB; or ErrAlias, as of FromNginx. A path that is no path in Go's eyes, as
// /%zz is, does not come so far: net/http answers with 400, and Envoy refuses.
func FromEnvoy(r *http.Request, prefix string) (Original, error) {
	if aliased(r.Header) || aliasOf(r.Header, envoyNames) {
		return Original{}, ErrAlias
	}
	target, below := strings.CutPrefix(r.RequestURI, prefix)
	if !below || target == "" {
		return Original{}, ErrURLMissing
	}
	o := Original{Scheme: "https", Target: target, Method: r.Method}
	known := true
	switch proto := r.Header["X-Forwarded-Proto"]; len(proto) {
	case 0:
	case 1:
		o.Scheme, known = schemeOf(proto[0])
	default:
		known = false
	}
	var valid bool
	o.Host, valid = Host(r.Host, o.Scheme)
	if !known || !valid || !plausible(o.Target) {
		return Original{}, ErrURLInvalid
	}
	return o, nil
}

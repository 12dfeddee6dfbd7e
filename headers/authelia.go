package headers

import "net/http"

// FromAuthelia reads the original request as FromNginx does, for an nginx that
// asks in Authelia's way, or for ingress-nginx: there the check's own Host is the
// outpost's, so that it cannot vouch for the host of X-Original-URL. Then
// X-Forwarded-Host has to; without it, or with two, the error is ErrHostMismatch.
//
// It is an endpoint of its own, and not a lenient FromNginx, because the usual
// configurations set Host and leave X-Forwarded-Host to the client.
func FromAuthelia(h http.Header) (Original, error) {
	return FromNginx(h, h.Get("X-Forwarded-Host"))
}

// Which shape a refusal takes: a page (or, in the check, a redirect to one) for
// a person who goes somewhere, JSON for a program that fetches something. Every
// header read here is the client's own choice, so that it may only ever choose
// the shape, never whether there is a refusal.

package page

import (
	"iter"
	"net/http"
	"strings"
)

// Navigation says whether a request with these headers goes to a page that a
// person will see: a browser's navigation, or a client that takes HTML and does
// not say otherwise. It decides the shape of a refusal, never whether there is
// one. It does not allocate.
//
// Browsers say it themselves (Fetch Metadata): Sec-Fetch-Mode is "navigate",
// and Sec-Fetch-Dest is a document or a frame. Over plain http and in old browsers
// both are missing; then it is a navigation unless the request is an XMLHttpRequest,
// asks for another protocol (a WebSocket), names application/json or
// text/event-stream as acceptable, or accepts something but not HTML.
func Navigation(h http.Header) bool {
	if mode := h.Get("Sec-Fetch-Mode"); mode != "" {
		if mode != "navigate" {
			return false
		}
		switch h.Get("Sec-Fetch-Dest") {
		case "", "document", "iframe", "frame":
			return true
		}
		return false
	}
	if strings.EqualFold(h.Get("X-Requested-With"), "XMLHttpRequest") || h.Get("Upgrade") != "" {
		return false
	}
	html, other := false, false
	for media := range mediaTypes(h["Accept"]) {
		switch {
		case strings.EqualFold(media, "application/json"), strings.EqualFold(media, "text/event-stream"):
			return false
		case strings.EqualFold(media, "text/html"):
			html = true
		case media != "*/*":
			other = true
		}
	}
	return html || !other
}

// WantsJSON says whether Write answers r with JSON: r is no navigation, or it
// is one that names application/json and not text/html. Like Navigation it
// decides a shape and nothing else.
func WantsJSON(r *http.Request) bool {
	if !Navigation(r.Header) {
		return true
	}
	json := false
	for media := range mediaTypes(r.Header["Accept"]) {
		if strings.EqualFold(media, "text/html") {
			return false
		}
		json = json || strings.EqualFold(media, "application/json")
	}
	return json
}

// mediaTypes yields the media types of an Accept header (RFC 9110 §12.5.1),
// without their parameters, weights included, and without empty ones.
func mediaTypes(accept []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, list := range accept {
			for list != "" {
				var media string
				media, list, _ = strings.Cut(list, ",")
				media, _, _ = strings.Cut(media, ";")
				if media = strings.TrimSpace(media); media != "" && !yield(media) {
					return
				}
			}
		}
	}
}

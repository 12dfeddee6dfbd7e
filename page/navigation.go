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
// and Sec-Fetch-Dest is a document or a frame of one kind or another. Over plain
// http and in old browsers both are missing; then it is a navigation unless the
// request is an XMLHttpRequest, asks for another protocol (a WebSocket), names
// application/json or text/event-stream as acceptable, or accepts something but not
// HTML. One that a browser makes ahead of the click (Sec-Purpose) is none: nobody
// is waiting, and the browser asks again when somebody is.
func Navigation(h http.Header) bool {
	if ahead(h) {
		return false
	}
	if mode := h.Get("Sec-Fetch-Mode"); mode != "" {
		if mode != "navigate" {
			return false
		}
		dest := h.Get("Sec-Fetch-Dest")
		return dest == "" || dest == "document" || isFrame(dest)
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

// ahead reports whether a browser makes the request before anybody wants the page:
// Sec-Purpose is the header of the specification, the other two are of browsers
// that do not have it.
func ahead(h http.Header) bool {
	return strings.HasPrefix(h.Get("Sec-Purpose"), "prefetch") || h.Get("Purpose") == "prefetch" || h.Get("X-Moz") == "prefetch"
}

// isFrame reports whether a Sec-Fetch-Dest is a page within a page.
func isFrame(dest string) bool {
	switch dest {
	case "iframe", "frame", "embed", "object":
		return true
	}
	return false
}

// InFrame says whether a navigation goes to a page within another page, where a
// provider's sign-in form must not be, and mostly refuses to be.
func InFrame(h http.Header) bool {
	return h.Get("Sec-Fetch-Mode") == "navigate" && isFrame(h.Get("Sec-Fetch-Dest"))
}

// Browser says whether a navigation is certainly that of a browser which shows it to a
// person by itself, and so can be given a page that goes on by script where a
// redirect would do for everybody else. Every browser of the last years sends all
// three headers; an app that has a browser within it says so in X-Requested-With
// or in its name (Android's "; wv)"; Apple's has no "Safari/").
func Browser(h http.Header) bool {
	if h.Get("Sec-Fetch-Mode") != "navigate" || h.Get("Sec-Fetch-Dest") != "document" || h.Get("Sec-Fetch-Site") == "" || ahead(h) {
		return false
	}
	agent := h.Get("User-Agent")
	apple := strings.Contains(agent, "AppleWebKit/") && !strings.Contains(agent, "Safari/")
	return h.Get("X-Requested-With") == "" && !strings.Contains(agent, "; wv)") && !apple
}

// Form says whether a request with a body comes from a form that a person sent, and
// not from a script or a program: a browser's navigation, or a client without
// Fetch Metadata that names HTML as acceptable.
func Form(h http.Header) bool {
	if !Navigation(h) {
		return false
	}
	if h.Get("Sec-Fetch-Mode") != "" {
		return true
	}
	for media := range mediaTypes(h["Accept"]) {
		if strings.EqualFold(media, "text/html") {
			return true
		}
	}
	return false
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

package page

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
)

// Forward sends the browser to a URL that is too long for a Location header:
// nginx reads the header of an answer into one page of memory, and a body
// knows no such limit. The page sends the browser on by itself, and has a link
// where that is switched off.
//
// target is absolute, http or https, and printable ASCII without spaces; the
// caller has decided that it may be visited. Anything else is answered as
// "internal". Forward answers with 200, GET and HEAD alike, and keeps the
// headers that are set, cookies among them.
func (p *Pages) Forward(w http.ResponseWriter, r *http.Request, target string) {
	p.forwardTo(w, r, target, "", Fragment{})
}

// Fragment is what becomes of the fragment of the address that the browser asked
// for ("#/inbox"), which browsers hand on from redirect to redirect until a form is
// in between, and show no server. The zero value hands it on to the target.
type Fragment struct {
	// Keep puts it into the tab's sessionStorage under this name, and sets the
	// cookie, a whole one as document.cookie takes it, if there was one to be kept;
	// the target gets none. "" keeps nothing.
	Keep, Cookie string

	// Take is the name under which an earlier page kept it. The target gets that
	// one, and the name is free again. "" takes nothing.
	Take string
}

// Onward is Forward for a browser (Browser says which request is one's), whose script
// takes care of the fragment on the way. Without script it goes on all the same, and
// the fragment is lost.
func (p *Pages) Onward(w http.ResponseWriter, r *http.Request, target string, f Fragment) {
	p.forwardTo(w, r, target, onwardScript, f)
}

func (p *Pages) forwardTo(w http.ResponseWriter, r *http.Request, target, script string, f Fragment) {
	if !forwardable(target) {
		p.Write(w, r, Data{Status: http.StatusInternalServerError, Reason: "internal"})
		return
	}
	v := p.view(r)
	v.Script = script
	var b bytes.Buffer
	if forward(v, target, f).Render(context.Background(), &b) != nil {
		p.Write(w, r, Data{Status: http.StatusInternalServerError, Reason: "internal"})
		return
	}
	v.setHeaders(w.Header())
	// What the target has to say to the window that opened this one is theirs.
	w.Header().Set("Cross-Origin-Opener-Policy", "unsafe-none")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(v.Status)
	if r.Method != http.MethodHead {
		w.Write(b.Bytes())
	}
}

// forwardable does not parse: a URL that a browser sent may have escapes which
// Go refuses, and it has to arrive as it is.
func forwardable(target string) bool {
	rest, https := strings.CutPrefix(target, "https://")
	if !https {
		var http bool
		if rest, http = strings.CutPrefix(target, "http://"); !http {
			return false
		}
	}
	host, _, _ := strings.Cut(rest, "/")
	return host != "" && strings.IndexFunc(target, func(c rune) bool { return c <= ' ' || c > '~' || c == '\\' }) < 0
}

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
	if !forwardable(target) {
		p.Write(w, r, Data{Status: http.StatusInternalServerError, Reason: "internal"})
		return
	}
	v := p.view(r)
	var b bytes.Buffer
	if forward(v, target).Render(context.Background(), &b) != nil {
		p.Write(w, r, Data{Status: http.StatusInternalServerError, Reason: "internal"})
		return
	}
	v.setHeaders(w.Header())
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

package auth

// includes.go looks at the stamp of nginx's includes and tells the operator where
// they are behind what this program and its configuration need. It decides
// nothing for a request, and what it logs has one line for each application and
// each thing that may be wrong: where nginx's files are not ours a browser can
// send any stamp, and it shall not fill the log with them.

import (
	"net/http"
	"slices"
	"sync/atomic"

	"outpost/headers"
)

// Problems of includes, as bits.
const (
	includesLooked    = 1 << iota // a check of the application has been looked at
	includesOld                   // their date is before the one needed
	includesDiffer                // they hand on other headers than the application is sent
	includesUnknowing             // the application is sent headers of its own, and they do not say that they hand them on
)

// includes is what is known of the includes of a part.
type includes struct {
	digest string // of the headers that the part is sent
	own    bool   // some of those are not authentik's
	said   atomic.Uint32
}

func (i *includes) needs(m *headers.Mapping) {
	i.digest = headers.Digest(m.Names())
	i.own = slices.ContainsFunc(m.Names(), func(name string) bool { return !headers.Standard(name) })
}

// first reports whether this is the first time that something is noted.
func (i *includes) first(problem uint32) bool { return i.said.Or(problem)&problem == 0 }

// looked reports whether a check of the part has been looked at.
func (i *includes) looked() bool { return i.said.Load()&includesLooked != 0 }

// lookAtCheck looks at the stamp of a check, whose location says which headers it
// hands on.
func (o *Outpost) lookAtCheck(application string, h http.Header) {
	p := o.applications.parts[application]
	if p == nil || o.includes == "" {
		return
	}
	p.includes.first(includesLooked)
	stamp := headers.ParseStamp(h[headers.StampName])
	o.lookAtDate(p, stamp)
	switch {
	case stamp.Digest == p.includes.digest:
	case stamp.Digest != "":
		if p.includes.first(includesDiffer) {
			o.log.Warn("nginx hands on other headers than the application is sent; print its include anew with outpost nginx",
				"application", p.name, "headers", p.headers.Names())
		}
	case p.includes.own:
		if p.includes.first(includesUnknowing) {
			o.log.Warn("nginx does not say that it hands on the headers of the application; outpost nginx prints an include that does",
				"application", p.name, "headers", p.headers.Names(), "stamp", stamp.Date)
		}
	}
}

// lookAtVisit looks at the stamp of a request for a page, which has no location
// of the application's.
func (o *Outpost) lookAtVisit(app *application, h http.Header) {
	if o.includes != "" {
		o.lookAtDate(app.parts[0], headers.ParseStamp(h[headers.StampName]))
	}
}

// lookAtDate compares text: no date of a right stamp is longer than another.
func (o *Outpost) lookAtDate(p *part, stamp headers.Stamp) {
	if stamp.Date != "" && stamp.Date < o.includes && p.includes.first(includesOld) {
		o.log.Warn("nginx's includes are older than this program needs; print them anew with outpost nginx",
			"application", p.name, "stamp", stamp.Date, "needed", o.includes)
	}
}

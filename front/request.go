package front

// What a request looks like that the front may answer: one spelling of HTTP/1.1,
// which nginx writes and about which no two parsers differ. Whatever else
// net/http would accept, from a bare LF to a tab, is net/http's.
//
// Source: RFC 9112 §2 to §6.

import (
	"bytes"
	"net/http"
	"strings"
	"unsafe"
)

// request is one that has been read, in memory of its thread's own that the
// next one overwrites.
type request struct {
	host   string
	header http.Header // those of names; without values where there are none
	close  bool        // Connection: close

	line  string // the request line that is answered
	names []string
}

// parse reports whether b is one whole request that may be answered, and
// nothing besides. Its strings are b's bytes.
func (r *request) parse(b []byte) bool {
	for _, name := range r.names {
		r.header[name] = r.header[name][:0]
	}
	line, rest, ok := cutLine(b)
	if !ok || string(line) != r.line {
		return false
	}
	hosts, connections := 0, 0
	r.close = false
	for {
		if line, rest, ok = cutLine(rest); !ok {
			return false
		}
		if len(line) == 0 {
			return len(rest) == 0 && hosts == 1 && connections <= 1
		}
		name, value, ok := cutHeader(line)
		if !ok {
			return false
		}
		switch {
		case is(name, "Host"):
			hosts++
			r.host = value
		case is(name, "Connection"):
			connections++
			if r.close = value == "close"; !r.close && value != "keep-alive" {
				return false
			}
		case is(name, "Content-Length"), is(name, "Transfer-Encoding"), is(name, "Expect"), is(name, "Trailer"):
			return false // it has a say in where the request ends, or whether it has begun
		default:
			r.note(name, value)
		}
	}
}

// is compares names of headers; most differ in length already.
func is(name, one string) bool { return len(name) == len(one) && strings.EqualFold(name, one) }

// note keeps the value of a header that is asked for.
func (r *request) note(name, value string) {
	for _, one := range r.names {
		if is(name, one) {
			r.header[one] = append(r.header[one], value)
			return
		}
	}
}

// cutLine cuts b after its first line, which ends in CR LF.
func cutLine(b []byte) (line, rest []byte, ok bool) {
	end := bytes.IndexByte(b, '\n')
	if end < 1 || b[end-1] != '\r' {
		return nil, nil, false
	}
	return b[:end-1], b[end+1:], true
}

// cutHeader takes a header line apart. Names are of letters, digits and hyphens
// alone: one with an underscore may become another header in an application.
// Values have no control character, a tab included, and spaces at their edges do
// not count.
func cutHeader(line []byte) (name, value string, ok bool) {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 {
		return "", "", false
	}
	for _, c := range line[:colon] {
		if c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return "", "", false
		}
	}
	for _, c := range line[colon+1:] {
		if c < ' ' || c == 0x7f {
			return "", "", false
		}
	}
	return view(line[:colon]), strings.Trim(view(line[colon+1:]), " "), true
}

// view is b as a string without a copy: it changes when b does.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

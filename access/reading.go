package access

// reading.go makes of a doubtful target every path that an upstream may make of
// it: each step below is something that some server or framework does, and the
// readings are what any steps in any order come to.

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// More readings than these, in number or in bytes, are not looked at one by
// one: the target may then be any path. What a person types or an application
// links to has a handful.
const (
	maxReadings     = 128
	maxReadingBytes = 32 << 10
)

// Readings returns every path that the target may be to an upstream, Path
// first. The second result is false where there are too many of them: then the
// target has to be taken for any path whatever, and the first result is nil.
func (t *Target) Readings() ([]string, bool) {
	if t.Certain || t.Path == "" {
		return []string{t.Path}, true
	}
	raw, _, _ := strings.Cut(t.raw, "?")
	found := readings{paths: append(make([]string, 0, 16), t.Path), size: len(t.Path)}
	if !found.add(raw) {
		return nil, false
	}
	for i := 0; i < len(found.paths); i++ {
		for _, step := range readingSteps {
			if next := step(found.paths[i]); next != found.paths[i] && !found.add(next) {
				return nil, false
			}
		}
	}
	return found.paths, true
}

// readings is a set in the order in which its members came.
type readings struct {
	paths []string
	size  int
	known map[string]bool // nil while there are few
}

// add reports whether there is still room.
func (r *readings) add(path string) bool {
	if r.known[path] || r.known == nil && slices.Contains(r.paths, path) {
		return true
	}
	r.paths = append(r.paths, path)
	r.size += len(path)
	switch {
	case r.known != nil:
		r.known[path] = true
	case len(r.paths) > 24:
		r.known = make(map[string]bool, 2*len(r.paths))
		for _, one := range r.paths {
			r.known[one] = true
		}
	}
	return len(r.paths) <= maxReadings && r.size <= maxReadingBytes
}

// readingSteps never make a path longer, and leave alone what they do not
// concern, so that going through them ends.
var readingSteps = []func(string) string{
	decode,          // once more: applications behind a server that has decoded
	decodeDots,      // browsers' parser, which knows dot segments in that spelling
	decodeWide,      // %u002f: IIS
	decodeOverlong,  // %c0%af: old decoders of UTF-8
	cutFragment,     // nginx
	cutQuery,        // an escaped "?", decoded before the query is looked for
	cutNUL,          // C strings
	turnBackslashes, // IIS, browsers, Tomcat by its configuration
	cutParameters,   // Tomcat, Jetty and other servlet containers
	cutAtSemicolon,  // those that cut the rest of the path
	cutAuthority,    // //host/path: what parses a path as a URL reference
	mergeSlashes,
	resolve,
	cleanPath, // Go's path.Clean
}

// decode decodes each valid escape once, and leaves the others.
func decode(s string) string {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s
	}
	b := append(make([]byte, 0, len(s)), s[:i]...)
	for ; i < len(s); i++ {
		c := s[i]
		if decoded, ok := unhex(s[i:]); ok {
			c = decoded
			i += 2
		}
		b = append(b, c)
	}
	return string(b)
}

func decodeDots(s string) string {
	if !strings.Contains(s, "%2") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "%2e", "."), "%2E", ".")
}

func decodeWide(s string) string {
	if !strings.Contains(s, "%u") && !strings.Contains(s, "%U") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if r, ok := wideEscape(s[i:]); ok {
			b = utf8.AppendRune(b, r)
			i += 5
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

// wideEscape returns the sign of an escape like %u002f at the beginning of s.
func wideEscape(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '%' || s[1] != 'u' && s[1] != 'U' {
		return 0, false
	}
	var r rune
	for i := 2; i < 6; i++ {
		digit, ok := hexDigit(s[i])
		if !ok {
			return 0, false
		}
		r = r<<4 | rune(digit)
	}
	return r, true
}

// decodeOverlong reads ASCII that is written in two or three bytes of UTF-8.
func decodeOverlong(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case i+1 < len(s) && s[i]&0xfe == 0xc0 && s[i+1]&0xc0 == 0x80:
			b = append(b, s[i]<<6|s[i+1]&0x3f)
			i++
		case i+2 < len(s) && s[i] == 0xe0 && s[i+1]&0xfe == 0x80 && s[i+2]&0xc0 == 0x80:
			b = append(b, s[i+1]<<6|s[i+2]&0x3f)
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

func cutFragment(s string) string { return cutAt(s, '#') }
func cutQuery(s string) string    { return cutAt(s, '?') }
func cutNUL(s string) string      { return cutAt(s, 0) }

func cutAtSemicolon(s string) string { return cutAt(s, ';') }

func cutAt(s string, c byte) string {
	if i := strings.IndexByte(s, c); i >= 0 {
		return s[:i]
	}
	return s
}

func turnBackslashes(s string) string { return strings.ReplaceAll(s, `\`, "/") }

// cutParameters cuts ";…" off each segment (RFC 3986 §3.3, Servlet 6.0 §3.5.2).
func cutParameters(s string) string {
	if strings.IndexByte(s, ';') < 0 {
		return s
	}
	b, inside := make([]byte, 0, len(s)), false
	for i := range len(s) {
		switch s[i] {
		case ';':
			inside = true
		case '/':
			inside = false
		}
		if !inside {
			b = append(b, s[i])
		}
	}
	return string(b)
}

func cutAuthority(s string) string {
	if !strings.HasPrefix(s, "//") {
		return s
	}
	s = strings.TrimLeft(s, "/") // browsers' parser takes any number
	if i := strings.IndexByte(s, '/'); i >= 0 {
		return s[i:]
	}
	return "/"
}

func mergeSlashes(s string) string {
	if !strings.Contains(s, "//") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] != '/' || i == 0 || s[i-1] != '/' {
			b = append(b, s[i])
		}
	}
	return string(b)
}

// resolve resolves dot segments (RFC 3986 §5.2.4); empty segments count. What
// is left of a path that ends with one ends with "/".
func resolve(s string) string {
	if !strings.Contains(s, "/.") {
		return s
	}
	b := make([]byte, 0, len(s))
	for rest := s; rest != ""; {
		end := strings.IndexByte(rest[1:], '/') + 1
		if end == 0 {
			end = len(rest)
		}
		segment := rest[:end] // with the slash before it
		rest = rest[end:]
		switch segment {
		case "/..":
			b = b[:max(0, bytes.LastIndexByte(b, '/'))]
			fallthrough
		case "/.":
			if rest == "" {
				b = append(b, '/')
			}
		default:
			b = append(b, segment...)
		}
	}
	if len(b) == 0 {
		return "/"
	}
	return string(b)
}

// cleanPath is resolve and mergeSlashes in one, and leaves no "/" where a dot
// segment was the last.
func cleanPath(s string) string {
	if !strings.Contains(s, "/.") && !strings.Contains(s, "//") {
		return s
	}
	cleaned := path.Clean(s)
	if cleaned != "/" && strings.HasSuffix(s, "/") {
		cleaned += "/"
	}
	return cleaned
}

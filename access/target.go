package access

// target.go reads the path of a request, and says whether everybody reads it
// so. nginx sends the raw path on and routes by what it makes of it; the
// application makes of it what it likes. Where the raw path is its own canonical
// form there is nothing to make of it, and the target is certain.

import (
	"strings"
	"unicode/utf8"
)

// Target is the path and query of a request.
type Target struct {
	// Path is the path as nginx routes it: cut at the first "?" or "#",
	// percent-decoded once, slashes merged, dot segments resolved (".." above the
	// root, which nginx refuses, stays at the root). "" if the target does not
	// begin with "/".
	Path string
	// Certain says that every upstream reads the raw path as Path. Nobody gets
	// a doubtful target without a sign-in.
	Certain bool

	raw   string
	upper bool // Path has upper-case ASCII letters
}

// What a byte of a raw path is.
const (
	isUpper   = 1 << iota // a letter that some upstreams take for its lower case
	isEscape              // "%"
	isWide                // of a sign beyond ASCII
	isDoubt               // read in more than one way, or never sent by a browser
	isTwoSide             // "/" or ".": doubtful beside its like
)

var classes = func() (table [256]byte) {
	for c := range table {
		switch {
		case c <= ' ' || c == 0x7f || c == '#' || c == '\\' || c == ';':
			table[c] = isDoubt
		case c >= 0x80:
			table[c] = isWide
		case 'A' <= c && c <= 'Z':
			table[c] = isUpper
		case c == '%':
			table[c] = isEscape
		case c == '/' || c == '.':
			table[c] = isTwoSide
		}
	}
	return table
}()

// ReadTarget reads path and query exactly as the browser sent them (nginx's
// $request_uri). It allocates nothing for a plain path: letters, digits, what
// needs no encoding, and slashes and dots in their places.
func ReadTarget(raw string) Target {
	t := Target{raw: raw}
	if raw == "" || raw[0] != '/' {
		return t
	}
	var seen byte
	end, pair := len(raw), false
	for i := range len(raw) {
		c := raw[i]
		if c == '?' {
			end = i
			break
		}
		class := classes[c]
		seen |= class
		if class == isTwoSide && i > 0 && raw[i-1] == '/' && (c == '/' || dotSegment(raw[i:])) {
			pair = true
		}
	}
	path := raw[:end]
	if !pair && seen&isDoubt == 0 && !doubtfulQuery(raw[end:]) {
		if seen&isEscape == 0 {
			t.Path, t.Certain = path, seen&isWide == 0 || utf8.ValidString(path)
		} else if decoded, ok := decodeCertain(path); ok {
			t.Path, t.Certain = decoded, utf8.ValidString(decoded)
		}
	}
	if !t.Certain {
		t.Path = resolve(mergeSlashes(decode(cutFragment(path))))
	}
	t.upper = seen&isUpper != 0 || !t.Certain && hasUpper(t.Path)
	return t
}

// dotSegment reports whether s begins with the segment "." or "..".
func dotSegment(s string) bool {
	s = strings.TrimPrefix(s[1:], ".")
	return s == "" || s[0] == '/' || s[0] == '?' || s[0] == '#'
}

// doubtfulQuery looks for what ends a path later than "?" does, in another
// reading, and for what no browser sends.
func doubtfulQuery(query string) bool {
	for i := range len(query) {
		if c := query[i]; c == '#' || c < 0x20 || c == 0x7f {
			return true
		}
	}
	return false
}

// decodeCertain decodes the escapes of a path, if each stands for a byte that
// has to be escaped and that divides nothing, in any reading.
func decodeCertain(path string) (string, bool) {
	b := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			var ok bool
			if c, ok = unhex(path[i:]); !ok || escapedForNothing(c) {
				return "", false
			}
			i += 2
		}
		b = append(b, c)
	}
	return string(b), true
}

// escapedForNothing says of a byte that its escape makes a path doubtful: it
// is unreserved (RFC 3986 §2.3), so that nobody honest escapes it, or divides
// paths, or is no text.
func escapedForNothing(c byte) bool {
	switch {
	case c < 0x20 || c == 0x7f:
		return true
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-._~/\\#?;%", c) >= 0
}

// unhex returns the byte of an escape at the beginning of s.
func unhex(s string) (byte, bool) {
	if len(s) < 3 || s[0] != '%' {
		return 0, false
	}
	high, ok := hexDigit(s[1])
	low, ok2 := hexDigit(s[2])
	return high<<4 | low, ok && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func hasUpper(s string) bool {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return true
		}
	}
	return false
}

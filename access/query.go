package access

// query.go looks for keys in a query, which upstreams take apart in different
// ways. What some of them find and others do not is a match that may be.

import "strings"

// match says whether a rule matches.
type match uint8

const (
	no    match = iota
	maybe       // to some upstreams, and not to others
	yes
)

// want is a key that a query has to have.
type want struct {
	key, value string
	valued     bool // value counts
}

// parseWant returns what has to be there, or what is wrong with it.
func parseWant(s string) (want, string) {
	key, value, valued := strings.Cut(s, "=")
	switch {
	case key == "":
		return want{}, "has no key: write key, or key=value"
	case strings.ContainsAny(s, "&;#"):
		return want{}, "is one key: write each into the list by itself"
	case decode(s) != s:
		return want{}, "keys and values are written decoded: write " + decode(s)
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return want{}, "has a control character"
	}
	return want{key, value, valued}, ""
}

// matchQuery looks for all of wants in the query of a raw target.
func matchQuery(wants []want, raw string) match {
	m := yes
	for i := range wants {
		m = min(m, wants[i].in(raw))
	}
	return m
}

func (w *want) in(raw string) match {
	path, query, _ := strings.Cut(raw, "?")
	cut := cutFragment(query)
	if strings.IndexByte(path, '#') >= 0 {
		cut = "" // to nginx
	}
	possible, certain := w.find(query, "&")
	if cut != query {
		p, c := w.find(cut, "&")
		possible, certain = possible || p, certain && c
	}
	if strings.IndexByte(query, ';') >= 0 {
		p, c := w.find(query, "&;")
		possible, certain = possible || p, certain && c
		p, c = w.find(cut, "&;")
		possible, certain = possible || p, certain && c
	}
	for range maxDecodings { // an escaped "?" in the path
		decoded := decode(path)
		if possible || decoded == path {
			break
		}
		path = decoded
		if _, late, ok := strings.Cut(path, "?"); ok {
			possible, _ = w.find(late, "&;")
		}
	}
	switch {
	case certain:
		return yes
	case possible:
		return maybe
	}
	return no
}

// maxDecodings is how often what is decoded may have been encoded.
const maxDecodings = 4

// find looks through the pairs of a query. possible is true where a reader who
// is generous about keys finds w; certain, where a strict one finds it too, and
// nothing that contradicts it.
func (w *want) find(query, separators string) (possible, certain bool) {
	contradicted := false
	for query != "" {
		pair := query
		if end := strings.IndexAny(query, separators); end >= 0 {
			pair, query = query[:end], query[end+1:]
		} else {
			query = ""
		}
		key, value, _ := strings.Cut(pair, "=")
		if !alike(key, w.key, true) {
			continue
		}
		if w.valued && !alike(value, w.value, false) {
			contradicted = true
			continue
		}
		possible = true
		certain = certain || same(key, w.key) && (!w.valued || same(value, w.value))
	}
	return possible, certain && !contradicted
}

// same compares what is decoded once.
func same(raw, plain string) bool {
	if raw == plain {
		return strings.IndexByte(raw, '+') < 0
	}
	return strings.ContainsAny(raw, "%+") && decode(strings.ReplaceAll(raw, "+", " ")) == plain
}

// alike compares as the most generous of readers: case does not count, decoding
// goes on as long as it changes something, and a key loses what PHP takes off it.
func alike(raw, plain string, key bool) bool {
	for range maxDecodings {
		if strings.EqualFold(trimmed(raw, key), trimmed(plain, key)) {
			return true
		}
		decoded := decode(raw)
		if spaced := strings.ReplaceAll(raw, "+", " "); decoded == raw && spaced != raw {
			decoded = spaced
		}
		if decoded == raw {
			return false
		}
		raw = decoded
	}
	return true // encoded more often than anybody does: it may be anything
}

// trimmed is a key as PHP has it: without spaces in front, up to "[" or a NUL,
// and with "_" for a dot and a space.
func trimmed(s string, key bool) string {
	if !key || !strings.ContainsAny(s, " .[\x00") {
		return s
	}
	s = strings.TrimLeft(s, " ")
	if i := strings.IndexAny(s, "[\x00"); i > 0 {
		s = s[:i]
	}
	return strings.Map(func(r rune) rune {
		if r == '.' || r == ' ' {
			return '_'
		}
		return r
	}, s)
}

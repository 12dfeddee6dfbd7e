package headers

// encoding.go decides how a value is spelled: which bytes a header may hold, and
// what becomes of the letters that it may not.

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Encodings of a value, as a configuration names them. What is dropped before
// any of them is the same: see clean.
const (
	Raw     = "raw"     // UTF-8 as it is, as authentik sends it
	Percent = "percent" // RFC 3986 §2.1: each byte but visible ASCII, "%" itself, and within a list entry the join characters
	Base64  = "base64"  // RFC 4648 §4 of the whole value, lists joined before
	RFC2047 = "rfc2047" // encoded words of the whole value where it is not plain ASCII, lists joined before
	ASCII   = "ascii"   // names of people without their accents; anything else that is not ASCII is left out
)

var encodings = []string{Raw, Percent, Base64, RFC2047, ASCII}

// clean reports whether value is the same after every parser on its way:
// nginx and applications trim spaces, and a control character ends a header.
func clean(value string) bool {
	return strings.TrimSpace(value) == value && strings.IndexFunc(value, unicode.IsControl) < 0 && utf8.ValidString(value)
}

// isASCII reports whether value has no byte above 0x7f.
func isASCII(value string) bool {
	for i := range len(value) {
		if value[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// whole encodes a value that is put together, for those encodings that take it
// as a whole. Nothing stays nothing.
func whole(encoding, value string) string {
	switch {
	case value == "":
	case encoding == Base64:
		return base64.StdEncoding.EncodeToString([]byte(value))
	case encoding == RFC2047:
		return encodedWords(value)
	}
	return value
}

// percent encodes each byte of value that is not visible ASCII, "%", and each
// byte of also.
func percent(value, also string) string {
	const digits = "0123456789ABCDEF"
	var b []byte
	for i := range len(value) {
		c := value[i]
		if c > 0x20 && c < 0x7f && c != '%' && strings.IndexByte(also, c) < 0 {
			if b != nil {
				b = append(b, c)
			}
			continue
		}
		if b == nil {
			b = append(make([]byte, 0, len(value)+8), value[:i]...)
		}
		b = append(b, '%', digits[c>>4], digits[c&15])
	}
	if b == nil {
		return value
	}
	return string(b)
}

// encodedWords writes value as RFC 2047 §2 has it, in words of at most 75
// characters with a space between them, which a reader leaves out. A value that
// is ASCII and could not be taken for such a word stays as it is. No character is
// cut in two (§5).
func encodedWords(value string) string {
	if isASCII(value) && !strings.Contains(value, "=?") {
		return value
	}
	const begin, end = "=?UTF-8?B?", "?="
	const room = (75 - len(begin) - len(end)) / 4 * 3 // bytes that fit into one word
	var b strings.Builder
	for value != "" {
		n := 0
		for n < len(value) {
			_, size := utf8.DecodeRuneInString(value[n:])
			if n+size > room {
				break
			}
			n += size
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(begin + base64.StdEncoding.EncodeToString([]byte(value[:n])) + end)
		value = value[n:]
	}
	return b.String()
}

// recase changes letters to lower or upper case ("" leaves them). A letter
// outside ASCII never becomes one inside: the Kelvin sign is no k, or whoever has
// one in their name would be somebody else.
func recase(letters, value string) string {
	change := unicode.ToLower
	switch letters {
	case "":
		return value
	case "upper":
		change = unicode.ToUpper
	}
	return strings.Map(func(r rune) rune {
		if changed := change(r); r < utf8.RuneSelf || changed >= utf8.RuneSelf {
			return changed
		}
		return r
	}, value)
}

package config

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"unicode"
)

// Secret is a string that does not print. Whatever formats, logs or marshals
// it gets "<secret>", the empty one included: that a secret is missing is
// nobody's business either.
//
// Two ways remain that no method can close. The verbs %w and %p, for which go
// vet refuses a string, print the bytes; and as the key of a map, where a
// Secret has no business, it is plain to encoding/json.
type Secret string

const hidden = "<secret>"

// Reveal returns the secret itself. Every call is a place to review.
func (s Secret) Reveal() string { return string(s) }

// String returns "<secret>".
func (Secret) String() string { return hidden }

// GoString returns "<secret>".
func (Secret) GoString() string { return hidden }

// Format writes "<secret>" for every verb: %x and %q would otherwise reach
// the bytes.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, hidden) }

// MarshalText returns "<secret>".
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalJSON returns "<secret>" as a JSON string.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// MarshalYAML returns "<secret>".
func (Secret) MarshalYAML() (any, error) { return hidden, nil }

// LogValue returns "<secret>".
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// The rules about secrets. Neither shows the value.

// leastSecret is the size in bytes below which a seal could be guessed.
const leastSecret = 32

const makeSecret = "make one with: openssl rand -base64 48"

// placeholders are what examples and tutorials write where a secret belongs,
// without case and punctuation.
var placeholders = []string{
	"changeme", "changethis", "changeit", "replaceme", "replacethis", "fillmein", "todo", "tbd", "none", "null", "default",
	"example", "examplesecret", "placeholder", "password", "passw0rd", "secret", "clientsecret", "cookiesecret", "mysecret",
	"yoursecret", "yourclientsecret", "supersecret", "verysecret", "notasecret", "insecure", "test", "testing", "admin", "outpost",
}

// placeholder says whether s was plainly never meant to be a secret.
func placeholder(s string) bool {
	plain := strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return unicode.ToLower(c)
		}
		return -1
	}, s)
	return slices.Contains(placeholders, plain) ||
		strings.Trim(s, s[:1]) == "" || // one character, over and over
		strings.HasPrefix(s, "<") && strings.HasSuffix(s, ">")
}

// parseClientSecret takes what the provider gave us (RFC 6749 Appendix A.2). It may be
// short: its strength is the provider's choice.
func parseClientSecret(s string) (Secret, *violation) {
	switch {
	case s == "":
		return "", broken("must not be empty", "remove the key if the provider gave you none (a public client)")
	case !visible(s) || strings.TrimSpace(s) != s:
		return "", broken("must be printable ASCII without white space at its ends", "copy it from the provider once more")
	case placeholder(s):
		return "", broken("must not be a placeholder", "copy the real one from the provider")
	}
	return Secret(s), nil
}

// parseSecret takes an entry of the list that seals cookies and records.
func parseSecret(s string) (Secret, *violation) {
	switch {
	case s == "":
		return "", broken("must not be empty", makeSecret)
	case placeholder(s):
		return "", broken("must not be a placeholder", makeSecret)
	case !visible(s) || strings.TrimSpace(s) != s:
		return "", broken("must be printable ASCII without white space at its ends", makeSecret)
	case len(s) < leastSecret:
		return "", broken(fmt.Sprintf("must be at least %d bytes long, has %d", leastSecret, len(s)), makeSecret)
	case weak(s):
		return "", broken("must be random", makeSecret)
	}
	return Secret(s), nil
}

// weak says whether a long secret is a short word repeated or a sentence about
// itself. Thirty-two random hexadecimal digits, the poorest that openssl rand
// prints, hold fewer than six different ones once in a million million times.
func weak(s string) bool {
	different := map[rune]bool{}
	for _, c := range s {
		different[c] = true
	}
	lower := strings.ToLower(s)
	return len(different) < 6 || strings.Contains(lower, "changeme") || strings.Contains(lower, "password") || strings.Contains(lower, "example")
}

package auth

// credential.go reads the Authorization header of a machine client: one line,
// one scheme, one credential. What can be read in two ways is not read at all.

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxCredential is how long a token or a password may be. Access tokens of
	// real providers have one to four KiB.
	maxCredential = 16 << 10
	maxUserID     = 255

	// bearerUser is the user name under which authentik's clients send an access
	// token as a password, where they can speak Basic alone.
	bearerUser = "goauthentik.io/token"
)

var (
	// errNoCredential means that there is nothing here for us: no header, or one
	// of another scheme, which may be meant for the application.
	errNoCredential = errors.New("no credential of a scheme that machine clients have")
	errCredential   = errors.New("the Authorization header is not one credential that everybody reads alike")
)

// credential is what a machine client shows: a token to bear, or a user name
// with a password.
type credential struct {
	basic  bool
	user   string // "" for a token
	secret string // the token or the password; never ""
}

// credentialOf reads the lines of an Authorization header. The error is
// errNoCredential or errCredential.
func credentialOf(lines []string) (credential, error) {
	switch len(lines) {
	case 0:
		return credential{}, errNoCredential
	case 1:
	default:
		return credential{}, errCredential
	}
	scheme, rest, _ := strings.Cut(lines[0], " ")
	rest = strings.TrimLeft(rest, " ") // RFC 9110 §11.4 has one or more
	switch {
	case strings.EqualFold(scheme, "Bearer"): // RFC 9110 §11.1
		return bearerCredential(rest)
	case strings.EqualFold(scheme, "Basic"):
		return basicCredential(rest)
	}
	return credential{}, errNoCredential
}

func bearerCredential(token string) (credential, error) {
	if len(token) > maxCredential || !isToken68(token) {
		return credential{}, errCredential
	}
	return credential{secret: token}, nil
}

// basicCredential reads what follows Basic (RFC 7617 §2).
func basicCredential(encoded string) (credential, error) {
	if len(encoded) > 2*maxCredential || !isToken68(encoded) {
		return credential{}, errCredential
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || !utf8.Valid(decoded) || strings.ContainsFunc(string(decoded), unicode.IsControl) {
		return credential{}, errCredential
	}
	user, password, found := strings.Cut(string(decoded), ":")
	switch {
	case !found || user == "" && password == "":
		return credential{}, errCredential
	case user == bearerUser:
		return bearerCredential(password)
	case password == "" || len(password) > maxCredential || len(user) > maxUserID:
		return credential{}, errCredential
	}
	return credential{basic: true, user: user, secret: password}, nil
}

// isToken68 reports whether s is the one form in which Bearer and Basic write
// what follows them (RFC 9110 §11.2). A comma is not in it: a list of
// credentials is none.
func isToken68(s string) bool {
	body := strings.TrimRight(s, "=")
	return body != "" && strings.IndexFunc(body, func(r rune) bool {
		alphanumeric := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !alphanumeric && !strings.ContainsRune("-._~+/", r)
	}) < 0
}

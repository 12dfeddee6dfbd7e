package config

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// The rules about the two kinds of URL in the file: issuers, which are kept
// byte for byte, and external URLs, which are brought to one form.

// parseIssuer takes a provider's issuer identifier (OpenID Connect Discovery
// §3: https, no query, no fragment). Tokens are compared with it byte for byte.
func parseIssuer(insecure bool) func(string) (string, *violation) {
	return func(s string) (string, *violation) {
		u, v := absolute(s, "https://auth.example.com/application/o/outpost/", insecure)
		if v != nil {
			return "", v
		}
		if _, v := host(u); v != nil {
			return "", v
		}
		const discovery = "/.well-known/openid-configuration"
		if strings.HasSuffix(u.Path, discovery) {
			return "", broken("must be the issuer, not its discovery document", "leave out "+discovery)
		}
		return s, nil
	}
}

// parseExternalURL takes the address at which people reach an application: a
// scheme and a host, in lower case, without default port and trailing dot, and a
// path, without a slash at its end, where it shares the host with others.
func parseExternalURL(insecure bool) func(string) (*url.URL, *violation) {
	return func(s string) (*url.URL, *violation) {
		u, v := absolute(s, "https://app.example.com", insecure)
		if v != nil {
			return nil, v
		}
		path := strings.TrimSuffix(u.EscapedPath(), "/")
		if path != "" && !plainPath.MatchString(path) || strings.HasPrefix(path, "/outpost.goauthentik.io") {
			return nil, broken("must have a plain path, or none", "write it as https://example.com/app")
		}
		h, v := host(u)
		if v != nil {
			return nil, v
		}
		standard := map[string]string{"https": "443", "http": "80"}[u.Scheme]
		if port := u.Port(); port != "" && port != standard {
			h += ":" + port
		}
		return &url.URL{Scheme: u.Scheme, Host: h, Path: path}, nil
	}
}

// plainPath is one that every server reads alike.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$`)

// parseOrigin takes a scheme, a host and maybe a port.
func parseOrigin(s string) (string, *violation) {
	u, v := parseExternalURL(true)(s)
	if v == nil && u.Path != "" {
		v = broken("must name a host only, without a path", "")
	}
	if v != nil {
		return "", v
	}
	return u.String(), nil
}

// parseProxy takes the URL of an HTTP proxy, or the word for the environment's.
// A proxy that wants a password has to be named there: a URL is shown.
func parseProxy(s string) (string, *violation) {
	if s == ProxyEnvironment {
		return s, nil
	}
	u, v := parseOrigin(s)
	if v != nil && v.hint == "" {
		v.hint = "with a password, set HTTPS_PROXY and write environment"
	}
	return u, v
}

// parseCollector takes the address of a collector of traces. It may be http: it
// is one's own, and what it is sent is no secret. It asks for no password, which
// a URL would show.
func parseCollector(s string) (string, *violation) {
	u, v := absolute(s, "http://collector:4318", true)
	if v != nil {
		return "", v
	}
	to := strings.TrimRight(u.String(), "/")
	if strings.HasSuffix(to, "/v1/traces") {
		return "", broken("must not end in /v1/traces", "it is appended: write what stands before it")
	}
	return to, nil
}

// absolute parses an https URL, or an http one where insecure allows it, and
// checks what both kinds have in common.
func absolute(s, example string, insecure bool) (*url.URL, *violation) {
	no := func(rule, hint string) (*url.URL, *violation) {
		// What stands before an @ may be a password, however broken the URL.
		return nil, &violation{rule: rule, hint: hint, hide: strings.Contains(s, "@")}
	}
	rule, hint := "must be an https URL", "write it like "+example
	if insecure {
		rule = "must be an https or http URL"
	}
	if strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return no("must not hold white space or control characters", "")
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return no(rule, hint)
	case u.Scheme == "http" && !insecure:
		return no(rule, "for local testing, set insecure_http: true")
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return no(rule, hint)
	case u.User != nil:
		return no("must not hold a user name or password", "")
	case strings.ContainsAny(s, "?#"):
		return no("must not hold a query or a fragment", "")
	}
	if port := u.Port(); port != "" {
		if n, ok := portNumber(port); !ok || n == 0 {
			return no("must have a port between 1 and 65535", "")
		}
	}
	return u, nil
}

// host returns the host of a URL without its port: a name in lower case, or an
// address, in brackets if it is an IPv6 one.
func host(u *url.URL) (string, *violation) {
	addr, err := netip.ParseAddr(u.Hostname())
	switch {
	case err != nil:
		return parseHostname(u.Hostname())
	case addr.Zone() != "":
		return "", broken("must have an address without a zone", "")
	case addr.Is6():
		return "[" + addr.String() + "]", nil
	}
	return addr.String(), nil
}

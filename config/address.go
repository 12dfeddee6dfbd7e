package config

import (
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/publicsuffix"
)

// The rules about what has a place on a network: listeners, trusted networks,
// host names and cookie domains.

// longestSocket is what sockaddr_un holds on Linux, the final zero left out.
const longestSocket = 107

// parseAddress takes what to listen on. Port 0 stands for any free one.
func parseAddress(s string) (string, *violation) {
	return parseListener(s, "must be host:port or unix:PATH", "write :9000, 127.0.0.1:9000, [::1]:9000 or unix:/run/outpost/outpost.sock")
}

// parseAddressOrOff takes an address, or off for no listener.
func parseAddressOrOff(s string) (string, *violation) {
	if s == "off" {
		return s, nil
	}
	return parseListener(s, "must be host:port, unix:PATH or off", "write :9300, 127.0.0.1:9300 or unix:/run/outpost/management.sock")
}

func parseListener(s, rule, hint string) (string, *violation) {
	if path, is := strings.CutPrefix(s, "unix:"); is {
		switch {
		case !filepath.IsAbs(path) || unprintable(path) || strings.HasSuffix(path, "/"):
			return "", broken("must name the socket by its absolute path", "write unix:/run/outpost/outpost.sock")
		case len(path) > longestSocket:
			return "", broken("must name a socket with a path of at most "+strconv.Itoa(longestSocket)+" bytes", "")
		}
		return "unix:" + filepath.Clean(path), nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", broken(rule, hint)
	}
	if _, ok := portNumber(port); !ok {
		return "", broken("must have a port between 0 and 65535", hint)
	}
	if host == "" {
		return ":" + port, nil
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return net.JoinHostPort(addr.String(), port), nil
	}
	host, v := parseHostname(host)
	if v != nil {
		return "", v
	}
	return net.JoinHostPort(host, port), nil
}

// parseSocketOrOff takes a unix socket, or off for none. Its mode is all that
// guards it, and a port has none.
func parseSocketOrOff(s string) (string, *violation) {
	if s == "off" {
		return s, nil
	}
	if !strings.HasPrefix(s, "unix:") {
		return "", broken("must be unix:PATH or off", "write unix:/run/outpost/admin.sock")
	}
	return parseListener(s, "", "")
}

// adminSocket is where the administration's socket is in a data directory; off
// where its path would be too long for one.
func adminSocket(data string) string {
	socket := filepath.Join(data, "admin.sock")
	if data == "" || len(socket) > longestSocket {
		return "off"
	}
	return "unix:" + socket
}

// portNumber reads a port in decimal, without sign and leading zeros.
func portNumber(s string) (port int, ok bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0 && n <= 65535 && strconv.Itoa(n) == s
}

// parseNetwork takes an address or a CIDR prefix of trusted proxies.
func parseNetwork(s string) (netip.Prefix, *violation) {
	p, v := parseClients(s)
	if v == nil && p.Bits() == 0 {
		return netip.Prefix{}, broken("must not be the whole Internet", "name the address or network of nginx alone: a trusted proxy can claim any host and any client")
	}
	return p, v
}

// parseClients takes an address or a CIDR prefix of anybody.
func parseClients(s string) (netip.Prefix, *violation) {
	const rule, hint = "must be an address or a network in CIDR notation", "write 172.18.0.5, 172.18.0.0/16 or fd00::/8"
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, broken(rule, hint)
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, broken(rule, hint)
	}
	if p.Addr().Is4In6() {
		// Peers are compared unmapped, so a mapped prefix would match nobody.
		if p.Bits() < 96 {
			return netip.Prefix{}, broken("must not mix IPv4 and IPv6", "write the IPv4 network as 10.0.0.0/8")
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

var (
	// label is one part of a host name. Underscores are in no host name by the
	// book (RFC 1123 §2.1) and in many by custom; browsers take them.
	label = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)

	// numeric is a last label with which browsers read the whole name as an
	// IPv4 address, 127.1 and 0x7f000001 included (WHATWG URL, host parsing).
	numeric = regexp.MustCompile(`^([0-9]+|0x[0-9a-f]*)$`)
)

// longestHostname is RFC 1035 §2.3.4 without the length bytes at both ends.
const longestHostname = 253

// parseHostname takes a DNS name and returns it in lower case, without the dot
// at its end.
func parseHostname(s string) (string, *violation) {
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	switch {
	case strings.ContainsFunc(s, func(c rune) bool { return c > unicode.MaxASCII }):
		return "", broken("must be written in ASCII", "write an internationalised name in punycode (xn--…)")
	case strings.Contains(s, "*"):
		return "", broken("must not hold a wildcard", "mode: domain covers every host below cookie_domain")
	}
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if !label.MatchString(l) {
			return "", broken("needs a valid host name", "")
		}
	}
	if len(s) > longestHostname || numeric.MatchString(labels[len(labels)-1]) {
		return "", broken("needs a valid host name", "")
	}
	return s, nil
}

// parseCookieDomain takes a domain that a cookie may be set for (RFC 6265bis
// §5.7: browsers refuse public suffixes).
//
// The public suffix list names the domains below which strangers register
// names: its ICANN part (com, co.uk) and its private part (github.io,
// duckdns.org). A top-level domain that the list does not know (lan, test,
// localhost) counts as a suffix too, and what is below it does not: home.lan
// is a cookie domain and lan is none.
func parseCookieDomain(s string) (string, *violation) {
	s = strings.TrimPrefix(s, ".") // as RFC 2109 wanted it; ignored since RFC 6265
	if _, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return "", broken("must be a domain, not an address", "there are no hosts below an address: use mode: single")
	}
	d, v := parseHostname(s)
	if v != nil {
		return "", v
	}
	if suffix, _ := publicsuffix.PublicSuffix(d); suffix == d {
		return "", broken("must not be a public suffix: strangers may own names below it", "write the domain that is yours, such as my."+d)
	}
	return d, nil
}

// PublicSuffix reports whether strangers may register names below a domain, so
// that browsers take no cookie for it. Source: the public suffix list.
func PublicSuffix(domain string) bool {
	suffix, _ := publicsuffix.PublicSuffix(domain)
	return suffix == domain
}

package headers

import "strings"

// Host brings a host as HTTP writes it (host, host:port, [v6]:port) to the one
// spelling in which hosts are compared here: lower case, without one trailing
// dot, without the default port of scheme ("http" or "https"; "" strips
// neither). It reports false for anything that is not a host: empty labels,
// user information, non-ASCII letters, a port outside 1 to 65535.
//
// Source: RFC 3986 §3.2.2; the character set is what RFC 1123 §2.1 allows, and
// the underscore, which containers' names have and browsers take.
func Host(host, scheme string) (string, bool) {
	name, port := host, ""
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 2 {
			return "", false
		}
		name, port = host[:end+1], host[end+1:]
	} else if i := strings.IndexByte(host, ':'); i >= 0 {
		name, port = host[:i], host[i:]
	}
	switch {
	case port == "":
	case !validPort(port[1:]) || port[0] != ':':
		return "", false
	case scheme == "https" && port == ":443", scheme == "http" && port == ":80":
		port = ""
	}
	if name[:min(1, len(name))] == "[" {
		if !validIPv6(name[1 : len(name)-1]) {
			return "", false
		}
	} else {
		name = strings.TrimSuffix(name, ".")
		if !validName(name) {
			return "", false
		}
	}
	if whole := len(name) + len(port); whole < len(host) {
		if port == "" {
			return strings.ToLower(name), true
		}
		return strings.ToLower(name) + port, true
	}
	return strings.ToLower(host), true
}

// Hostname cuts the port off a host that Host has returned.
func Hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		return host[:i]
	}
	return host
}

func validName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	label := 0
	for i := range len(name) {
		switch c := name[i]; {
		case c == '.':
			if label == 0 {
				return false
			}
			label = 0
			continue
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
		if label++; label > 63 {
			return false
		}
	}
	return label > 0
}

// validIPv6 only keeps out what could end a host early; that the address is
// one we serve is decided by comparing it with the configured hosts.
func validIPv6(addr string) bool {
	for i := range len(addr) {
		switch c := addr[i]; {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F', c == ':', c == '.':
		default:
			return false
		}
	}
	return true
}

func validPort(port string) bool {
	n := 0
	for i := range len(port) {
		c := port[i]
		if c < '0' || c > '9' || i == 5 {
			return false
		}
		n = n*10 + int(c-'0')
	}
	return n >= 1 && n <= 65535 && port[0] != '0'
}

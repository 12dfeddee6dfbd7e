package access

import "strings"

// hostPattern is a host of a rule: exact, or all below a name.
type hostPattern struct {
	name  string // without "*."
	below bool
}

// parseHost returns the pattern, or what is wrong with it.
func parseHost(s string) (hostPattern, string) {
	name, below := strings.CutPrefix(s, "*.")
	switch {
	case s == "":
		return hostPattern{}, "is empty: leave the key out for every host"
	case strings.Contains(name, "*"):
		return hostPattern{}, `"*" stands in front, with a dot after it: write *.example.com`
	case strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") && strings.Trim(s[1:len(s)-1], "0123456789abcdef:.") == "":
		return hostPattern{name: s}, ""
	case strings.Contains(name, "://") || strings.ContainsAny(name, "/?#@"):
		return hostPattern{}, "a host is a name alone: write app.example.com, and what follows it into path"
	case strings.Contains(name, ":"):
		return hostPattern{}, "ports do not count: write the host without one"
	case strings.HasSuffix(name, "."):
		return hostPattern{}, "write it without the dot at its end"
	case hasUpper(name):
		return hostPattern{}, "hosts are compared in lower case: write " + lower(s)
	}
	for _, label := range strings.Split(name, ".") {
		if label == "" || len(label) > 63 || len(name) > 253 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return hostPattern{}, "is no host name: letters, digits and hyphens between dots; other letters in the form xn--…"
		}
	}
	return hostPattern{name, below}, ""
}

func (h hostPattern) matches(host string) bool {
	if !h.below {
		return host == h.name
	}
	return len(host) > len(h.name) && strings.HasSuffix(host, h.name) && host[len(host)-len(h.name)-1] == '.'
}

// covers reports whether h matches whatever other does.
func (h hostPattern) covers(other hostPattern) bool {
	if other.below {
		return h.below && (h.name == other.name || h.matches(other.name))
	}
	return h.matches(other.name)
}

func (h hostPattern) String() string {
	if h.below {
		return "*." + h.name
	}
	return h.name
}

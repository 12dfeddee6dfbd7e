package access_test

// upstreams_test.go has models of what servers and frameworks make of a raw
// target, written after their sources and documents and not after target.go:
// what package access lets through is held to each of them.

import (
	"net/url"
	"path"
	"strings"
)

// upstream returns the path that it routes by; false where it refuses. Where
// folds is true, capitals count as small letters.
type upstream struct {
	name  string
	folds bool
	route func(raw string) (string, bool)
}

var upstreams = []upstream{
	{"nginx", false, nginxRoute},
	{"nginx-case-folding", true, nginxRoute},
	{"go-servemux", false, goServeMux},
	{"go-plain", false, goPlain},
	{"tomcat", false, func(raw string) (string, bool) { return tomcat(raw, false) }},
	{"tomcat-windows", true, func(raw string) (string, bool) { return tomcat(raw, true) }},
	{"late-parameters", false, lateParameters},
	{"iis", true, func(raw string) (string, bool) { return iis(raw, 1) }},
	{"iis-double-escaping", true, func(raw string) (string, bool) { return iis(raw, 2) }},
	{"php-decoding-again", false, phpAgain},
	{"whatwg", false, whatwg},
}

// nginxRoute is ngx_http_parse_complex_uri (nginx 1.29, merge_slashes on), byte
// by byte.
func nginxRoute(raw string) (string, bool) {
	type state int
	const (
		usual state = iota
		slash
		dot
		dotDot
	)
	var u []byte
	at := usual
	back := func() bool { // to the slash before the segment before "/.."
		i := len(u) - 4
		for ; i >= 0 && u[i] != '/'; i-- {
		}
		if i < 0 {
			return false
		}
		u = u[:i+1]
		return true
	}
	put := func(c byte, literal bool) bool {
		switch {
		case c == '/' && !literal && at == dot:
			u, at = u[:len(u)-1], slash
		case c == '/' && !literal && at == dotDot:
			at = slash
			return back()
		case c == '/' && !literal && at == slash:
		case c == '/' && !literal:
			u, at = append(u, c), slash
		case c == '.' && at == slash:
			u, at = append(u, c), dot
		case c == '.' && at == dot:
			u, at = append(u, c), dotDot
		default:
			u, at = append(u, c), usual
		}
		return true
	}
scan:
	for i := 0; i < len(raw); i++ {
		c, literal := raw[i], false
		switch c {
		case '?', '#':
			break scan
		case 0:
			return "", false
		case '%':
			b, err := url.PathUnescape(raw[i:min(i+3, len(raw))])
			if err != nil || len(b) != 1 || b == "\x00" {
				return "", false
			}
			c, literal = b[0], b == "%" || b == "#" || b == "?"
			i += 2
		}
		if !put(c, literal) {
			return "", false
		}
	}
	switch at {
	case dot:
		u = u[:len(u)-1]
	case dotDot:
		if !back() {
			return "", false
		}
	}
	return string(u), true
}

// goServeMux is net/http's server and ServeMux: an unclean path is redirected
// to its clean form, which the browser then asks for.
func goServeMux(raw string) (string, bool) {
	p, ok := goPlain(raw)
	if !ok {
		return "", false
	}
	if p == "" || p[0] != '/' {
		p = "/" + p
	}
	clean := path.Clean(p)
	if p[len(p)-1] == '/' && clean != "/" {
		clean += "/"
	}
	return clean, true
}

// goPlain is for Go's other routers, which take URL.Path as it is.
func goPlain(raw string) (string, bool) {
	u, err := url.ParseRequestURI(raw)
	if err != nil {
		return "", false
	}
	return u.Path, true
}

// tomcat is CoyoteAdapter: path parameters are taken off the raw path, then it
// is decoded, then normalised (with ALLOW_BACKSLASH, encodedSolidusHandling=decode).
func tomcat(raw string, backslash bool) (string, bool) {
	raw, _, _ = strings.Cut(raw, "?")
	var b strings.Builder
	for raw != "" {
		i := strings.IndexByte(raw, ';')
		if i < 0 {
			b.WriteString(raw)
			break
		}
		b.WriteString(raw[:i])
		raw = raw[i:]
		if i = strings.IndexByte(raw, '/'); i < 0 {
			break
		}
		raw = raw[i:]
	}
	p, err := url.PathUnescape(b.String())
	if err != nil || strings.IndexByte(p, 0) >= 0 {
		return "", false
	}
	if strings.IndexByte(p, '\\') >= 0 {
		if !backslash {
			return "", false
		}
		p = strings.ReplaceAll(p, `\`, "/")
	}
	return normalised(p, true)
}

// lateParameters decodes and normalises first and takes parameters off then,
// as frameworks on top of a server do.
func lateParameters(raw string) (string, bool) {
	raw, _, _ = strings.Cut(raw, "?")
	p, err := url.PathUnescape(raw)
	if err != nil {
		return "", false
	}
	segments := strings.Split(p, "/")
	for i := range segments {
		segments[i], _, _ = strings.Cut(segments[i], ";")
	}
	return normalised(strings.Join(segments, "/"), false)
}

// iis turns backslashes, knows %uXXXX and decodes as often as it is told.
func iis(raw string, times int) (string, bool) {
	raw, _, _ = strings.Cut(raw, "?")
	for range times {
		var b strings.Builder
		for i := 0; i < len(raw); i++ {
			if one, err := url.PathUnescape(raw[i:min(i+3, len(raw))]); raw[i] == '%' && err == nil && len(one) == 1 {
				b.WriteString(one)
				i += 2
				continue
			}
			b.WriteByte(raw[i])
		}
		raw = b.String()
	}
	return normalised(strings.ReplaceAll(raw, `\`, "/"), false)
}

// phpAgain is an application behind nginx that decodes what nginx has decoded.
func phpAgain(raw string) (string, bool) {
	p, ok := nginxRoute(raw)
	if !ok {
		return "", false
	}
	again, err := url.PathUnescape(p)
	if err != nil {
		return p, true
	}
	p, _, _ = strings.Cut(again, "\x00")
	return normalised(p, false)
}

// whatwg is new URL(request.url, base).pathname, decoded, in Node and its like.
func whatwg(raw string) (string, bool) {
	raw, _, _ = strings.Cut(raw, "#")
	raw, _, _ = strings.Cut(raw, "?")
	raw = strings.ReplaceAll(raw, `\`, "/")
	if rest, ok := strings.CutPrefix(raw, "//"); ok {
		rest = strings.TrimLeft(rest, "/")
		i := strings.IndexByte(rest, '/')
		if i < 0 {
			return "/", true
		}
		raw = rest[i:]
	}
	var stack []string
	segments := strings.Split(raw[1:], "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
		case "..":
			stack = stack[:max(0, len(stack)-1)]
			if last {
				stack = append(stack, "")
			}
		case ".":
			if last {
				stack = append(stack, "")
			}
		default:
			stack = append(stack, segment)
		}
	}
	p, err := url.PathUnescape("/" + strings.Join(stack, "/"))
	return p, err == nil
}

// normalised merges slashes and resolves dots. Above the root is refused, or
// stays there.
func normalised(p string, strict bool) (string, bool) {
	var stack []string
	segments := strings.Split(p, "/")
	directory := false
	for _, segment := range segments {
		directory = segment == "" || segment == "." || segment == ".."
		switch segment {
		case "", ".":
		case "..":
			if len(stack) == 0 {
				if strict {
					return "", false
				}
				continue
			}
			stack = stack[:len(stack)-1]
		default:
			stack = append(stack, segment)
		}
	}
	p = "/" + strings.Join(stack, "/")
	if directory && p != "/" {
		p += "/"
	}
	return p, true
}

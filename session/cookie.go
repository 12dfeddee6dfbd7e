package session

// How a sealed value is put into a browser, taken out of it again, and found
// in what the browser sends.

import (
	"iter"
	"net/http"
	"strings"
	"time"
)

// maxCookieAge is the longest that browsers keep a cookie (RFC 6265bis §5.5).
const maxCookieAge = 400 * 24 * time.Hour

// Cookie is how a value is put into a browser. Every cookie is HttpOnly: no script
// reads it; and SameSite=Lax unless CrossSite says otherwise: no other site's form,
// frame or image sends it.
//
// The rules of the name's prefix are the caller's to keep (RFC 6265bis §4.1.3):
// __Host- needs Secure, Path "/" and no Domain; __Secure- needs Secure.
type Cookie struct {
	Name   string
	Domain string        // "" binds it to the host that sets it
	Path   string        // "" means "/"
	Secure bool          // false only where insecure_http is on
	MaxAge time.Duration // 0 ends it with the browser; cut to 400 days, and to whole seconds

	CrossSite   bool // SameSite=None: requests that other sites' pages make have it too; needs Secure
	Partitioned bool // in a frame, one for each site that the frame stands in (CHIPS); needs Secure
}

// Set returns the cookie that puts value, which is taken to be base64url, into
// the browser.
func (c Cookie) Set(value string) *http.Cookie {
	h := c.cookie(value)
	if c.MaxAge > 0 {
		h.MaxAge = max(1, int(min(c.MaxAge, maxCookieAge)/time.Second))
	}
	return h
}

// Clear returns the cookie that takes it out again. Browsers do so only where
// name, domain, path, Secure and Partitioned are the very same.
func (c Cookie) Clear() *http.Cookie {
	h := c.cookie("")
	h.MaxAge = -1
	h.Expires = time.Unix(1, 0)
	return h
}

func (c Cookie) cookie(value string) *http.Cookie {
	path := c.Path
	if path == "" {
		path = "/"
	}
	site := http.SameSiteLaxMode
	if c.CrossSite {
		site = http.SameSiteNoneMode
	}
	return &http.Cookie{
		Name:        c.Name,
		Value:       value,
		Domain:      c.Domain,
		Path:        path,
		Secure:      c.Secure,
		HttpOnly:    true,
		SameSite:    site,
		Partitioned: c.Partitioned,
	}
}

// Values yields the value of every cookie called name, in the order in which
// they were sent. There may be several: a browser that holds cookies of one
// name for several domains or paths sends them all, and says not which is
// which.
//
// lines are the Cookie header fields as they came. Names count by case, values
// are left as they are, quotes included, and what is not name=value is passed
// over. Ranging over it allocates nothing.
func Values(lines []string, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, rest := range lines {
			for rest != "" {
				var pair string
				pair, rest, _ = strings.Cut(rest, ";")
				n, value, ok := strings.Cut(pair, "=")
				if !ok || trim(n) != name {
					continue
				}
				if !yield(trim(value)) {
					return
				}
			}
		}
	}
}

// trim cuts the blanks that may stand around a cookie's name and value.
func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

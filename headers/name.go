package headers

// name.go decides which headers an answer may carry: not those that steer nginx,
// the connection or the request itself, and none whose name two programs could
// read in two ways.

import (
	"net/http"
	"slices"
	"strings"
)

// refused are the headers that are not an identity's to set, by canonical name;
// a name that ends with "*" stands for all that begin like it. The first row is
// what ends at the next hop (RFC 9110 §7.6.1), then what nginx obeys in an
// answer, what says what is asked for and by whom, and what a program reads as
// its own settings (Proxy: httpoxy).
var refused = []string{
	"Connection", "Keep-Alive", "Proxy-*", "Te", "Trailer", "Trailers", "Transfer-Encoding", "Upgrade", "Http2-Settings", "Alt-Svc",
	"Set-Cookie", "Set-Cookie2", "Location", "Refresh", "Www-Authenticate", "Authentication-*", "Cache-Control", "Expires", "Vary", "Date",
	"Server", "Status", "X-Accel-*", "X-Sendfile", "Strict-Transport-Security", "Clear-Site-Data",
	"Host", "Accept*", "Cookie", "Cookie2", "Content-*", "Expect", "Range", "If-*", "Forwarded", "Via", "Origin", "Referer", "Sec-*", "Early-Data",
	"Access-Control-*", "X-Requested-With", "X-Http-Method", "X-Http-Method-Override", "X-Method-Override",
	"X-Original-*", "X-Rewrite-*", "X-Real-Ip", "X-Client-Ip", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Protocol",
	"X-Forwarded-Scheme", "X-Forwarded-Ssl", "X-Forwarded-Port", "X-Forwarded-Server", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Prefix",
	"Proxy", "Authorization", StampName,
}

// canonical returns a header name as net/http spells it, and why it may not be
// set; "" if it may.
func canonical(name string) (spelled, why string) {
	spelled = http.CanonicalHeaderKey(name)
	switch {
	case name == "":
		return spelled, "is empty"
	case strings.Contains(name, "_"):
		return spelled, "has an underscore, which applications fold with the hyphen and nginx drops"
	case strings.IndexFunc(name, foldable) >= 0:
		return spelled, "has something besides letters, digits and hyphens: no nginx variable has such a name"
	case spelled == "Authorization":
		return spelled, "is for basic_auth"
	case slices.Contains(RequestNames, spelled):
		return spelled, "is one that the outpost reads"
	case slices.ContainsFunc(refused, func(one string) bool {
		begin, all := strings.CutSuffix(one, "*")
		return one == spelled || all && strings.HasPrefix(spelled, begin)
	}):
		return spelled, "is not an identity's to set"
	}
	return spelled, ""
}

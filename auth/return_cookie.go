package auth

// A return URL that is too long for state lies in cookies of its own until the
// callback: in parts, with the path of our prefix, for the newest few sign-ins.
// They are not sealed; state holds the digest of what they must say.
//
// SWAG leaves nginx with 4096 bytes for the header of an answer, so an answer
// sets one part and sends the browser back to start for the next.

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"outpost/session"
)

const (
	maxReturnCookies = 3    // sign-ins that have one
	maxCleared       = 4    // cookies of earlier ones to be dropped at a time
	maxCookieValue   = 2300 // bytes of one part
	maxWithRedirect  = 900  // bytes of a part that the answer which leads to the provider has room for
)

// keptURL names a return URL that lies in cookies. The zero value names none.
type keptURL struct {
	at  int64    // the microsecond in which it was put there
	sum [32]byte // SHA-256 of the URL
}

// cookieEscape writes the characters that a cookie value may not hold
// (RFC 6265 §4.1.1) and that a return URL may.
var (
	cookieEscape   = strings.NewReplacer("^", "^0", `"`, "^1", ";", "^2", ",", "^3")
	cookieUnescape = strings.NewReplacer("^0", "^", "^1", `"`, "^2", ";", "^3", ",")
)

// partPrefix is what start's query says, behind what it is asked, when the
// browser comes back for another part: part=TIME-NUMBER&.
const partPrefix = "part="

// keeping reads, behind what start is asked, which part of a return URL is to be
// set next, and under which name. What does not fit begins anew: that costs the
// browser a round trip.
func keeping(rest, returnURL string) (keptURL, int) {
	fresh := keptURL{time.Now().UnixMicro(), sha256.Sum256([]byte(returnURL))}
	pair, _, _ := strings.Cut(rest, "&")
	step, ok := strings.CutPrefix(pair, partPrefix)
	at, number, _ := strings.Cut(step, "-")
	began, err1 := strconv.ParseInt(at, 16, 64)
	part, err2 := strconv.Atoi(number)
	if !ok || err1 != nil || err2 != nil || part < 1 || part > maxReturnURL/maxCookieValue+1 ||
		began > fresh.at || fresh.at-began > signInTime.Microseconds() {
		return fresh, 0
	}
	return keptURL{began, fresh.sum}, part
}

// keepReturnURL sets one part of a return URL. It returns the number of the
// part that needs another round trip, or 0 if the browser may go on.
func keepReturnURL(w http.ResponseWriter, r *http.Request, app *application, kept keptURL, returnURL string, part int) (next int) {
	value := cookieEscape.Replace(returnURL)
	dropReturns(w, r, app, kept, len(value))
	begin := part * maxCookieValue
	if begin >= len(value) {
		return 0
	}
	value = value[begin:]
	piece := value[:min(len(value), maxCookieValue)]
	http.SetCookie(w, returnCookie(app, fmt.Sprintf("%s-%d", kept.name(app), part)).Set(piece))
	if piece == value && len(piece) <= maxWithRedirect {
		return 0
	}
	return part + 1
}

// dropReturns makes room for the size bytes of kept: it clears the cookies of
// the oldest other flows beyond maxReturnCookies, or maxReturnURL bytes
// together. It does so with each part, because a link may begin with any. A
// sibling host can plant as many as it likes, which must not make our answer
// larger than nginx takes.
func dropReturns(w http.ResponseWriter, r *http.Request, app *application, kept keptURL, size int) {
	var surplus []returnPart
	flows := 1
	for _, parts := range returnFlows(r, app) {
		if strings.HasPrefix(parts[0].name, kept.name(app)+"-") {
			continue
		}
		for _, part := range parts {
			size += len(part.value)
		}
		if flows++; flows > maxReturnCookies || size > maxReturnURL {
			surplus = append(surplus, parts...)
		}
	}
	clearReturn(w, app, surplus[:min(len(surplus), maxCleared)])
}

// takeReturnURL reads the return URL of a flow back, from state or from its
// cookies, which it clears. It reports false where the cookies are gone or
// changed.
func (o *Outpost) takeReturnURL(w http.ResponseWriter, r *http.Request, app *application, fl *flow) (string, bool) {
	if fl.kept == (keptURL{}) {
		return fl.returnURL, true
	}
	parts := returnParts(r, fl.kept.name(app))
	var value strings.Builder
	for _, part := range parts {
		value.WriteString(part.value)
	}
	clearReturn(w, app, parts)
	returnURL := cookieUnescape.Replace(value.String())
	return returnURL, sha256.Sum256([]byte(returnURL)) == fl.kept.sum
}

type returnPart struct{ name, value string }

func returnPrefix(app *application) string {
	if app.scheme == "https" {
		return "__Secure-outpost-return-"
	}
	return "outpost-return-"
}

// name sorts by age.
func (k keptURL) name(app *application) string {
	return fmt.Sprintf("%s%013x-%s", returnPrefix(app), k.at, hex.EncodeToString(k.sum[:4]))
}

func returnCookie(app *application, name string) session.Cookie {
	return session.Cookie{Name: name, Path: Prefix, Secure: app.scheme == "https", MaxAge: signInTime}
}

// returnFlows are the flows whose return cookies the browser sent, newest first.
func returnFlows(r *http.Request, app *application) [][]returnPart {
	byFlow := map[string][]returnPart{}
	for _, c := range r.Cookies() {
		if i := strings.LastIndexByte(c.Name, '-'); strings.HasPrefix(c.Name, returnPrefix(app)) {
			byFlow[c.Name[:i]] = append(byFlow[c.Name[:i]], returnPart{c.Name, c.Value})
		}
	}
	var flows [][]returnPart
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(byFlow))) {
		flows = append(flows, byFlow[name])
	}
	return flows
}

func returnParts(r *http.Request, flowName string) []returnPart {
	var parts []returnPart
	for part := 0; part < maxReturnURL/maxCookieValue+2; part++ {
		c, err := r.Cookie(fmt.Sprintf("%s-%d", flowName, part))
		if err != nil {
			break
		}
		parts = append(parts, returnPart{c.Name, c.Value})
	}
	return parts
}

func clearReturn(w http.ResponseWriter, app *application, parts []returnPart) {
	for _, part := range parts {
		http.SetCookie(w, returnCookie(app, part.name).Clear())
	}
}

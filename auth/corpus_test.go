package auth_test

// Return URLs that strangers have tried elsewhere, through the whole of a
// sign-in. What the browser is told in the end is judged by the parser that
// browsers have (WHATWG URL, as node has it), not by the one that made it.

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"outpost/auth"
)

// families are one or two of each kind.
var families = []string{
	// Opaque, too few and too many slashes.
	"https:evil.test", "http:evil.test", "https:/evil.test", "https:///evil.test", "https:////evil.test", "///evil.test", "////evil.test", "//evil.test", "//evil.test/%2f..",
	// Backslashes.
	`/\evil.test`, `\\evil.test`, `\/evil.test`, `/\/evil.test`, `https:\\evil.test`, `https:/\evil.test`, `https://app.example.com\@evil.test`, `https://evil.test\@app.example.com`, `https://evil.test\.example.com`, `https://app.example.com/\evil.test`,
	// What browsers drop, trim or take for a space.
	"/\t/evil.test", "/%09/evil.test", "\t//evil.test", " //evil.test", "/\n/evil.test", "/%0a/evil.test", "/%0d%0aLocation:%20https://evil.test", "%00//evil.test", "\x0b//evil.test", "\x00https://evil.test", "ht\ttps://evil.test", "https://ev\til.test", "/\u2028/evil.test", "\u3000//evil.test", "\ufeff//evil.test", "\u00a0https://evil.test",
	// User information.
	"https://app.example.com@evil.test", "https://app.example.com:443@evil.test", "https://app.example.com%40evil.test", "https://@evil.test", "https://a:b@app.example.com", "https://evil.test@app.example.com",
	// Other schemes.
	"javascript:alert(1)", "javascript://app.example.com/%0aalert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "ftp://app.example.com/", "file:///etc/passwd", "view-source:https://app.example.com", "about:blank", "blob:https://app.example.com/x", "ws://app.example.com", "http\u017f://app.example.com/", "http\u017f://wiki.example.net:8443/", "\u212bhttps://evil.test", "HTTPS://EVIL.TEST",
	// Hosts that look like ours.
	"https://evilexample.com", "https://example.com.evil.test", "https://evil.test/.example.com", "https://evil.test?.example.com", "https://evil.test#.example.com", "https://evil.test%2f.example.com", "https://evil.test%252f.example.com", "https://evil.test;.example.com", "https://.example.com", "https://app.example.com..", "https://example.com.", "https://-.evil.test",
	"https://\uff41pp.example.com", "https://example.com\u3002evil.test", "https://\u0435xample.com", "https://xn--xample-2of.com", "https://app.example.com\u00ad.evil.test", "https://evil\u2025test",
	// Ports and addresses.
	"https://app.example.com:0443", "https://app.example.com:443", "https://app.example.com:", "https://app.example.com:65536", "https://app.example.com:-1", "https://app.example.com:evil.test", "https://[::ffff:127.0.0.1]/", "https://[fe80::1%25eth0]/", "https://0x7f.1/", "https://2130706433/", "https://127.1/", "https://[evil.test]", "https://[app.example.com",
	// Half escaped, escaped twice, and a second one.
	"https%3A%2F%2Fevil.test", "https%253A%252F%252Fevil.test", "%2F%2Fevil.test", "%252F%252Fevil.test", "https://app.example.com%2F@evil.test", "https://app.example.com%2F..%2F..%2Fevil.test", "/x&rd=https://evil.test", "/x%26rd=https://evil.test", "&rd=https://evil.test", "x&rd=//evil.test",
	// Our own endpoints, in every spelling that nginx takes for them.
	"/outpost.goauthentik.io/sign_out", "/%6futpost.goauthentik.io/sign_out", "/x/../outpost.goauthentik.io/sign_out", "//outpost.goauthentik.io/sign_out", "/./outpost.goauthentik.io//start?rd=/x", "/outpost.goauthentik.io%2Fcallback?state=x", "/%2e/outpost.goauthentik.io?X-authentik-logout=true", "/outpost.goauthentik.io",
	// Relative to what?
	"evil.test", "./evil.test", "../evil.test", "?x=//evil.test", "#//evil.test", ".", "", "/", "/..//evil.test", "/.//evil.test", "/%2e%2e//evil.test", "/;@evil.test", "/@evil.test", "/:80", "/%5cevil.test", "/%zz", "%", "https://", "https://?", "//", `/\`, "/\xff\xfe", "https://app.example.com/\xf0\x9f\x98\x80",
}

// payloads are the families, and the list of others' tests where it is there.
func payloads(t *testing.T) []string {
	t.Helper()
	list, err := os.ReadFile("../../shared/data/openredirects.txt")
	if errors.Is(err, fs.ErrNotExist) {
		t.Log("../shared/data/openredirects.txt is not there: its payloads are not tried, our own families are")
		return families
	}
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(families, strings.Split(strings.TrimRight(string(list), "\n"), "\n"))
}

// starts sends the browser to start with this raw query, as nginx would.
func (b *browser) starts(host, rawQuery string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, "https://"+host+prefix+"/start", nil)
	r.URL.RawQuery = rawQuery
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	for _, c := range b.jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	resp := b.s.nginx(r, "https://"+host+prefix+"/start")
	b.jar.SetCookies(r.URL, resp.Cookies())
	return resp
}

// landing is where a browser is sent, and who may own the place.
type landing struct {
	From     string `json:"from"` // for a person who reads the failure
	Location string `json:"location"`
	Allowed  string `json:"allowed"` // a regular expression for the origin
}

// shape is what every Location has: one way to read it.
var shape = regexp.MustCompile(`^https?://[a-z0-9.-]+(:[0-9]+)?/[!"$-\[\]-~]*$`)

func TestReturnURLsOfStrangers(t *testing.T) {
	const anyOfTheDomain = `^https://([a-z0-9-]+\.)*example\.com(:[0-9]+)?$`
	modes := []struct {
		name, host, query, allowed string
		payloads                   []string
	}{
		{"domain", "app.example.com", "", anyOfTheDomain, payloads(t)},
		{"single", "router.example.com", "", `^https://router\.example\.com$`, payloads(t)},
		{"at-the-sign-in-host", "outpost.example.com", "", anyOfTheDomain, families},
		{"single-with-a-port", "wiki.example.net", "", `^https://wiki\.example\.net:8443$`, families},
		{"switching-account", "app.example.com", "switch=1&", anyOfTheDomain, families},
	}
	s := newStage(t, quiet)
	var landings []landing
	for _, mode := range modes {
		for _, payload := range mode.payloads {
			once := url.QueryEscape(payload)
			for _, rd := range []string{payload, once, url.QueryEscape(once)} {
				from := mode.name + " rd=" + rd
				for _, location := range s.landings(t, mode.host, mode.query+"rd="+rd) {
					landings = append(landings, landing{from, location, mode.allowed})
				}
			}
		}
	}
	for _, l := range landings {
		if !shape.MatchString(l.Location) {
			t.Errorf("%q is answered with %q", l.From, l.Location)
		}
	}
	judge(t, landings)
}

// An application without TLS: its own scheme, and no other.
func TestReturnURLsOfStrangersOverHTTP(t *testing.T) {
	s := newStage(t, quiet, func(c *auth.Config) {
		for i := range c.Applications {
			c.Applications[i].ExternalURL = strings.Replace(c.Applications[i].ExternalURL, "https", "http", 1)
		}
	})
	var landings []landing
	for _, payload := range families {
		for _, rd := range []string{payload, url.QueryEscape(payload)} {
			r := httptest.NewRequest(http.MethodGet, "http://wiki.example.net:8443"+prefix+"/start", nil)
			r.URL.RawQuery, r.RemoteAddr = "rd="+rd, nginxPeer
			w := httptest.NewRecorder()
			s.public.ServeHTTP(w, r)
			location := w.Header().Get("Location")
			if !strings.HasPrefix(location, "https://idp.example.org/authorize?") {
				t.Fatalf("rd=%q: %d to %q", rd, w.Code, location)
			}
			back := httptest.NewRequest(http.MethodGet, "/", nil)
			back.URL, _ = url.Parse(s.provider.visit(httptest.NewRequest(http.MethodGet, location, nil), "alice").Header.Get("Location"))
			back.Host, back.RemoteAddr = "wiki.example.net", nginxPeer
			for _, c := range w.Result().Cookies() {
				back.AddCookie(c)
			}
			w = httptest.NewRecorder()
			s.public.ServeHTTP(w, back)
			if location = w.Header().Get("Location"); !shape.MatchString(location) {
				t.Errorf("rd=%q is answered with %d to %q", rd, w.Code, location)
			}
			landings = append(landings, landing{"http rd=" + rd, location, `^https?://wiki\.example\.net:8443$`})
		}
	}
	judge(t, landings)
}

// landings is every place at which a new browser is told to look for what it
// wanted: after signing in, and once more when it is signed in.
func (s *stage) landings(t *testing.T, host, rawQuery string) []string {
	t.Helper()
	b := s.browser("alice")
	resp := b.starts(host, rawQuery)
	for range 4 {
		location := resp.Header.Get("Location")
		if !strings.Contains(location, prefix+"/") && !strings.HasPrefix(location, "https://"+s.provider.host+"/") {
			again := b.starts(host, strings.TrimPrefix(rawQuery, "switch=1&"))
			return []string{location, again.Header.Get("Location")}
		}
		resp = b.once(http.MethodGet, location)
	}
	t.Fatalf("%q at %s leads nowhere: %d to %q", rawQuery, host, resp.StatusCode, resp.Header.Get("Location"))
	return nil
}

// judge asks node, whose URL is the WHATWG's, where a browser would go that
// reads the Location at any of our places.
func judge(t *testing.T, landings []landing) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed, and with it a parser that follows the WHATWG's URL: that every Location has one shape is tested, what a browser makes of it is not")
	}
	const script = `
// The path by which nginx chooses: decoded once, slashes merged, dots resolved.
const normal = path => new URL("https://x" + unescape(path).replace(/\\/g, "%5c").replace(/\/+/g, "/")).pathname;
const landings = JSON.parse(require("fs").readFileSync(0, "utf8"));
const bases = ["https://app.example.com/outpost.goauthentik.io/start", "http://app.example.com/x", "https://outpost.example.com/outpost.goauthentik.io/callback"];
for (const l of landings) for (const base of bases) {
  const u = new URL(l.location, base);
  const bad = !new RegExp(l.allowed).test(u.origin) ? "leads to " + u.origin
    : u.username || u.password ? "has user information"
    : u.hash ? "has a fragment"
    : /^\/outpost\.goauthentik\.io(\/|$)/.test(normal(u.pathname)) ? "is one of our endpoints" : "";
  if (bad) { console.log(JSON.stringify(l.from) + " " + bad + ": " + l.location); break; }
}
console.log("judged " + landings.length);`
	input, err := json.Marshal(landings)
	if err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", "-e", script)
	node.Stdin = strings.NewReader(string(input))
	out, err := node.CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || !strings.HasPrefix(lines[len(lines)-1], "judged ") {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, line := range lines[:len(lines)-1] {
		t.Error(line)
	}
}

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestFrontEnds tells of each front end that a person signs in and out through it,
// that nobody else gets to the application, and that what a client says of itself
// counts for nothing.
func TestFrontEnds(t *testing.T) {
	for _, f := range frontEnds {
		t.Run(f.Name, func(t *testing.T) {
			apps := applications()
			p := startCertified(t, apps)
			newDaemon(t, apps, p, "front_ends: ["+f.Listed+"]")
			a := startApp(t, "webtop", "127.0.2.2:3000")
			f.run(t)
			s := &guarded{frontEnd: f, provider: p, app: a, person: newVisitor(t)}
			t.Run("nobody", s.nobody)
			t.Run("sign-in", s.signIn)
			t.Run("checks-are-nobody's", s.checks)
			t.Run("script", s.script)
			t.Run("spoofed", s.spoofed)
			t.Run("websocket", s.websocket)
			t.Run("not-allowed", s.notAllowed)
			t.Run("sign-out", s.signOut)
		})
	}
}

// guarded is an application behind a front end.
type guarded struct {
	frontEnd
	provider *provider
	app      *app
	person   *visitor // who signs in, and is signed in from there to the end
}

// deep is a URL with all that a proxy may break.
const deep = "/deep/a%2Fb?x=1&y=+&z=%26%3D&u=%C3%A4"

func (s *guarded) nobody(t *testing.T) {
	v := newVisitor(t)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		r, err := http.NewRequestWithContext(t.Context(), method, webtop+deep, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		p := v.send(r)
		want := http.StatusFound
		if method == http.MethodPost && s.Relays {
			want = http.StatusSeeOther
		}
		location, err := p.Request.URL.Parse(p.Header.Get("Location"))
		if err != nil || p.StatusCode != want || location.Host != "webtop.test" || location.Path != outpostPrefix+"/start" {
			t.Errorf("%s: got %s to %s", method, p.Status, location)
		}
		if len(p.Header["Set-Cookie"]) > 0 {
			t.Errorf("%s: a cookie: %v", method, p.Header)
		}
	}
	if s.app.count() > 0 {
		t.Error("the application was reached")
	}
}

func (s *guarded) signIn(t *testing.T) {
	p := s.person.signIn(webtop+deep, s.provider.admin.name, s.provider.admin.password)
	if p.URL != webtop+deep || p.StatusCode != http.StatusOK {
		t.Fatalf("landed on %s: %s\n%s", p.URL, p.Status, p.Body)
	}
	got := s.app.last(t)
	if got.RequestURI != deep || got.Header.Get(s.User) != s.provider.admin.name {
		t.Errorf("the application got %s of %q", got.RequestURI, got.Header.Get(s.User))
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, webtop+"/form", strings.NewReader("some=body"))
	if err != nil {
		t.Fatal(err)
	}
	if p := s.person.send(r); p.StatusCode != http.StatusOK || s.app.last(t).Method != http.MethodPost || s.app.last(t).ContentLength != int64(len("some=body")) {
		t.Errorf("a form: %s", p.Status)
	}
	if p := s.person.get(webtop + outpostPrefix); p.StatusCode != http.StatusOK || !strings.Contains(p.Body, "<code>account</code>") {
		t.Errorf("the account page: %s\n%s", p.Status, p.Body)
	}
}

// checks: no browser is answered as the front end is, however it spells the path
// and whatever it brings along.
func (s *guarded) checks(t *testing.T) {
	s.person.headers = http.Header{
		"X-Forwarded-Uri": {"/"}, "X-Forwarded-Method": {"GET"}, "X-Original-Url": {webtop + "/"}, "X-Original-Method": {"GET"},
	}
	defer clear(s.person.headers)
	for _, path := range []string{
		"auth/nginx", "auth/caddy", "auth/traefik", "auth/envoy/", "auth/authelia", "%61uth/nginx", "auth/%6eginx", "auth/%63addy", "auth%2Fnginx",
		"/auth/nginx", "auth//caddy", "x/../auth/nginx", "auth/./caddy", "AUTH/nginx",
	} {
		p := s.person.get(webtop + outpostPrefix + "/" + path)
		told := false
		for name := range p.Header {
			told = told || strings.HasPrefix(name, "X-Authentik-") || name == "Remote-User"
		}
		if told || p.StatusCode == http.StatusOK && !strings.Contains(p.Body, `<h1 id="app">`) {
			t.Errorf("%s: got %s %v", path, p.Status, p.Header)
		}
	}
}

// script: who fetches is told where to sign in, in a form that a script can read.
func (s *guarded) script(t *testing.T) {
	before := s.app.count()
	v := newVisitor(t)
	v.headers = http.Header{"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Accept": {"*/*"}}
	p, want := v.open(webtop+"/data?x=1"), http.StatusForbidden
	if s.Relays {
		want = http.StatusUnauthorized
	}
	var told struct {
		Error     string
		SignInURL string `json:"sign_in_url"`
	}
	if err := json.Unmarshal([]byte(p.Body), &told); err != nil || p.StatusCode != want || told.Error != "not_signed_in" || !strings.HasPrefix(told.SignInURL, webtop+outpostPrefix+"/start?rd=") {
		t.Errorf("got %s %v %+v\n%s", p.Status, err, told, p.Body)
	}
	if len(v.cookies(webtop+"/")) > 0 || s.app.count() != before {
		t.Error("it got a cookie, or to the application")
	}
}

func (s *guarded) spoofed(t *testing.T) {
	forged := http.Header{}
	for _, name := range []string{
		"X-Authentik-Username", "X-Authentik-Groups", "X-Authentik-Entitlements", "X-Authentik-Email", "X-Authentik-Name", "X-Authentik-Uid", "Remote-User", "Remote-Groups",
	} {
		forged.Set(name, "forged")
	}
	if s.User != "Remote-User" {
		forged.Del("Remote-User")
		forged.Del("Remote-Groups")
		forged.Set("X-Authentik-Jwt", "forged")
		forged.Set("X-Authentik-Meta-App", "forged")
	}
	for name, value := range map[string]string{
		"X-Original-URL": webtop + "/public", "X-Original-URI": outpostPrefix + "/start", "X-Original-Method": "OPTIONS", "X-Rewrite-Url": "/public",
		"X-Forwarded-Uri": outpostPrefix + "/start", "X-Forwarded-Method": "OPTIONS", "X-Forwarded-Proto": "http", "X-Forwarded-Prefix": "/x", "X-Forwarded-Port": "1",
		"X-Forwarded-For": "10.0.0.1", "Forwarded": "host=evil.test;proto=http", "X-Envoy-Original-Path": "/public", "X-Forwarded-Host": "evil.test",
	} {
		forged.Set(name, value)
	}
	before := s.app.count()
	v := newVisitor(t)
	v.headers = forged
	p := v.get(webtop + deep)
	if want := webtop + outpostPrefix + "/start"; p.StatusCode != http.StatusFound || !strings.HasPrefix(absolute(p), want) || strings.Contains(p.Header.Get("Location"), "evil") || s.app.count() != before {
		t.Errorf("nobody: got %s to %s", p.Status, p.Header.Get("Location"))
	}
	_, rd, _ := strings.Cut(absolute(p), "rd=")
	if !strings.Contains(rd, "://") || strings.Contains(rd, "%2Fdeep") { // escaped, or half of it
		var err error
		if rd, err = url.PathUnescape(rd); err != nil {
			t.Error(err)
		}
	}
	if rd != webtop+deep {
		t.Errorf("nobody: comes back to %s", rd)
	}
	s.person.headers = forged
	defer func() { s.person.headers = http.Header{} }()
	if p := s.person.get(webtop + deep); p.StatusCode != http.StatusOK {
		t.Fatalf("who is signed in: got %s", p.Status)
	}
	got := s.app.last(t)
	if got.Header.Get(s.User) != s.provider.admin.name {
		t.Errorf("the application is told %q", got.Header.Get(s.User))
	}
	for name, values := range got.Header {
		if name != "X-Authentik-Username" && s.User == "Remote-User" && strings.HasPrefix(name, "X-Authentik-") {
			continue // nothing there believes it
		}
		if strings.Join(values, "") == "forged" && (s.User != "Remote-User" || strings.HasPrefix(name, "Remote-")) {
			t.Errorf("%s reached the application as the client sent it", name)
		}
	}
	// The same with a sign that CGI and its like take for a hyphen: the request is
	// refused, or the header does not arrive.
	s.person.headers = http.Header{"X_authentik_username": {"forged"}, "X_Authentik_Groups": {"forged"}}
	before = s.app.count()
	if p := s.person.get(webtop + "/"); p.StatusCode != http.StatusForbidden {
		if p.StatusCode != http.StatusOK || s.app.count() != before+1 {
			t.Fatalf("aliases: got %s", p.Status)
		}
		for name := range s.app.last(t).Header {
			if strings.Contains(name, "_") {
				t.Errorf("%s reached the application", name)
			}
		}
	}
}

// absolute is where a page redirects to.
func absolute(p page) string {
	to, err := p.Request.URL.Parse(p.Header.Get("Location"))
	if err != nil {
		return ""
	}
	return to.String()
}

func (s *guarded) websocket(t *testing.T) {
	handshake := "GET /socket HTTP/1.1\r\nHost: webtop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://webtop.test\r\nSec-Fetch-Mode: websocket\r\n%s\r\n"
	before := s.app.count()
	if status, _ := rawRequest(t, "webtop.test", fmt.Sprintf(handshake, "")); status == http.StatusSwitchingProtocols || s.app.count() != before {
		t.Errorf("without a session: got %d", status)
	}
	var cookies []string
	for _, c := range s.person.cookies(webtop + "/") {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	if status, _ := rawRequest(t, "webtop.test", fmt.Sprintf(handshake, "Cookie: "+strings.Join(cookies, "; ")+"\r\n")); status != http.StatusSwitchingProtocols {
		t.Errorf("with one: got %d", status)
	}
}

func (s *guarded) notAllowed(t *testing.T) {
	before := s.app.count()
	v := newVisitor(t)
	p := v.signIn(webtop+"/x", s.provider.other.name, s.provider.other.password)
	if p.StatusCode != http.StatusForbidden || !strings.Contains(p.Body, "<code>not_allowed</code>") || !strings.Contains(p.Body, "Use another account") {
		t.Errorf("signing in landed on %s: %s\n%s", p.URL, p.Status, p.Body)
	}
	if p := v.open(webtop + "/x"); p.StatusCode != http.StatusForbidden || !strings.Contains(p.Body, "<code>not_allowed</code>") || s.Relays != (p.URL == webtop+"/x") {
		t.Errorf("the page: %s at %s\n%s", p.Status, p.URL, p.Body)
	}
	v.headers = http.Header{"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}}
	if p := v.open(webtop + "/data"); p.StatusCode != http.StatusForbidden || s.Relays && !strings.Contains(p.Body, `"error":"not_allowed"`) {
		t.Errorf("a script: %s\n%s", p.Status, p.Body)
	}
	if s.app.count() != before {
		t.Error("the application was reached")
	}
}

func (s *guarded) signOut(t *testing.T) {
	p := s.person.open(webtop + outpostPrefix + "/sign_out")
	if strings.HasPrefix(p.URL, s.provider.issuer) {
		p = s.person.submit(p, nil)
	}
	if !strings.Contains(p.Body, "<code>signed_out</code>") {
		t.Errorf("ended at %s: %s\n%s", p.URL, p.Status, p.Body)
	}
	if p := s.person.get(webtop + "/"); p.StatusCode != http.StatusFound {
		t.Errorf("afterwards: %s", p.Status)
	}
}

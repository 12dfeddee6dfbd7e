package main

// Where the front answers, it answers as net/http does: the same bytes, for the
// same request, and the same count.

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"outpost/auth"
	"outpost/config"
	"outpost/front"
	"outpost/session"
)

// twins are one outpost behind two listeners: with a front, and without.
type twins struct {
	outpost        *auth.Outpost
	fronted, plain string
	cookie         string       // of a browser that is signed in and may
	denied         string       // of one that may not
	all            string       // of one that is signed in to every application, and may
	answered       atomic.Int64 // by the front
}

// twinApplications have between them whatever makes one answer another than the
// next.
const twinApplications = `
  - { name: router, mode: single, external_url: "https://router.example.com", allow: { groups: [admins] } }
  - name: house
    mode: domain
    external_url: https://outpost.house.example
    cookie_domain: house.example
    allow: { groups: [family] }
    rules:
      - { host: app.house.example, path: /assets/*, public: true }
      - { host: app.house.example, path: [/api/*, "~ ^/v[0-9]+$"], methods: [GET, HEAD], allow: { groups: [admins] } }
      - { host: app.house.example, path: [/api/*, "~ ^/v[0-9]+$"], deny: true }
      - { host: app.house.example, path: /office/*, networks: [192.0.2.0/24], allow: true }
      - { host: app.house.example, path: /office/*, deny: true }
      - { host: app.house.example, path: /report, query: [level=all], deny: true }
      - { host: app.house.example, path: /it/*, allow: { claims: { department: [it] } } }
      - { host: app.house.example, path: /acr/*, require: { acr: [phr] } }
      - { host: app.house.example, allow: true }
    default: deny
    public: [preflight, favicon, robots, manifest]
    headers:
      presets: [authentik, remote-user, webauth, auth-request]
      meta: true
      groups: { only: ["f*"] }
      set: { X-Full-Name: { value: "{name}", encoding: percent }, X-Department: "{department}", X-WEBAUTH-ROLE: { value: "{groups}", map: { family: Kin }, default: None, first: true } }
  - name: wiki
    mode: single
    external_url: https://wiki.example.com
    basic_auth: { username: "{username}", password: of the application }
    default: allow
    rules: [{ path: /assets/*, public: true }]
  - { name: one, mode: single, external_url: "https://paths.example.com/one", headers: { presets: [remote-user], jwt: true } }
  - { name: two, mode: single, external_url: "https://paths.example.com/two", allow: { groups: [nobody] }, default: allow, rules: [{ path: /two/assets/*, public: true }] }
  - { name: robots, mode: single, external_url: "https://robots.example.com" }
tokens:
  - { name: backup, hash: "sha256:87c2d362de99f75a4f2755cdaaad2d11bf6cc65dc71356593c445535ff28f43d", applications: [robots] }
`

func newTwins(t testing.TB) *twins {
	t.Helper()
	if !front.Works {
		t.Skip("there is no front on this system")
	}
	path := filepath.Join(t.TempDir(), "outpost.yaml")
	text := fmt.Appendf(nil, `listen: 127.0.0.1:0
management: "off"
data: %q
session: { store: memory }
provider: { issuer: "https://127.0.0.1:1/", client_id: outpost, client_secret: client secret of the tests }
applications:%s`, t.TempDir(), twinApplications)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	log := newLog(io.Discard, c.Log, &slog.LevelVar{})
	tw := &twins{}
	if tw.outpost, err = build(c, log, newMetrics(c)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tw.outpost.Sessions().Close() })
	tw.cookie, tw.denied = tw.signIn(t, "router", "__Host-outpost-router", "admins"), tw.signIn(t, "router", "__Host-outpost-router", "guests")
	tw.all = tw.cookie
	for application, name := range map[string]string{
		"house": "__Secure-outpost-house", "wiki": "__Host-outpost-wiki", "one": "__Host-outpost-one", "robots": "__Host-outpost-robots",
	} {
		tw.all += "; " + tw.signIn(t, application, name, "admins")
	}
	for _, fronted := range []bool{true, false} {
		// A unix socket: so many connections would use up the ports.
		l, err := listen(t.Context(), "listen", fmt.Sprintf("unix:%s/%v", t.TempDir(), fronted))
		if err != nil {
			t.Fatal(err)
		}
		address := &tw.plain
		if fronted {
			address = &tw.fronted
			fc := frontConfig(newCurrent(tw.outpost), log)
			answer := fc.Answer
			fc.Answer = func(peer netip.Addr, h http.Header, host string, b []byte) []byte {
				b = answer(peer, h, host, b)
				if b != nil {
					tw.answered.Add(1)
				}
				return b
			}
			if l, err = front.Listen(l, fc); err != nil {
				t.Fatal(err)
			}
		}
		*address = l.Addr().String()
		s := newServer(public(newCurrent(tw.outpost)), log)
		go s.Serve(l)
		t.Cleanup(func() { s.Close() })
	}
	return tw
}

// signIn makes a session, and returns its cookie.
func (tw *twins) signIn(t testing.TB, application, name, group string) string {
	t.Helper()
	value, _, err := tw.outpost.Sessions().Create(t.Context(), name, session.Session{
		Application: application, Provider: "default", IDToken: "an.id.token",
		Identity: session.Identity{Issuer: "https://127.0.0.1:1/", Subject: "1", Username: "ada", Name: "Ada Løvelace", Email: "ada@example.com",
			Groups: []string{group, "family"}, Claims: map[string][]string{"department": {"it"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return name + "=" + value
}

var dateLine = regexp.MustCompile(`\r\nDate: [^\r]*`)

// same holds that both listeners answer alike, and reports whether it was the
// front that did. Of what net/http answers for both, pages have an ID of their own,
// and are cut short by a client that sends no more: of checks the statuses are the
// same.
func (tw *twins) same(t *testing.T, sent string) bool {
	t.Helper()
	before := tw.answered.Load()
	got, want := answerTo(t, tw.fronted, sent), answerTo(t, tw.plain, sent)
	by := tw.answered.Load() > before
	if by {
		got, want = dateLine.ReplaceAllString(got, "\r\nDate: now"), dateLine.ReplaceAllString(want, "\r\nDate: now")
	} else if got, want = statuses(got), statuses(want); !strings.Contains(sent, "/auth/nginx") {
		return false
	}
	if got != want {
		t.Errorf("sent %q, answered by the front: %v\nfront    %q\nnet/http %q", sent, by, got, want)
	}
	return by
}

// answerTo sends bytes and no more, and returns all that comes back.
func answerTo(t *testing.T, address, sent string) string {
	conn, err := net.Dial("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, sent); err != nil {
		return ""
	}
	conn.(*net.UnixConn).CloseWrite()
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

func TestFrontAnswersAsNetHTTP(t *testing.T) {
	tw := newTwins(t)
	hot := func() { // opened once, the session is in memory
		answerTo(t, tw.plain, checkHead+"Connection: close\r\nCookie: "+tw.cookie+"\r\n\r\n")
		answerTo(t, tw.plain, checkHead+"Connection: close\r\nCookie: "+tw.denied+"\r\n\r\n")
	}
	if tw.same(t, checkHead+"Cookie: "+tw.cookie+"\r\n\r\n") {
		t.Error("the front has answered for a session that was not in memory")
	}
	hot()
	tests := []struct {
		name, sent string
		front      bool
	}{
		{"signed-in", checkHead + "Cookie: " + tw.cookie + "\r\n\r\n", true},
		{"signed-in-and-closed", checkHead + "Connection: close\r\nCookie: theme=dark; " + tw.cookie + "; a=b\r\n\r\n", true},
		{"signed-in-page", checkHead + "Sec-Fetch-Mode: navigate\r\nCookie: " + tw.cookie + "\r\n\r\n", true},
		{"same-cookie-twice", checkHead + "Cookie: " + tw.cookie + "; " + tw.cookie + "\r\n\r\n", false},
		{"anonymous", checkHead + "\r\n", true},
		{"anonymous-with-cookies", checkHead + "Cookie: theme=dark\r\nConnection: close\r\n\r\n", true},
		{"own-prefix", strings.Replace(checkHead, "example.com/\r", "example.com/outpost.goauthentik.io/start\r", 1) + "\r\n", true},
		{"empty-host-as-with-http-3", strings.Replace(checkHead, "https://router.example.com/", "https:///a", 1) + "\r\n", true},
		{"forwarded-host", checkHead + "X-Forwarded-Host: router.example.com:443\r\n\r\n", true},
		{"forged-cookie", checkHead + "Cookie: __Host-outpost-router=abc\r\n\r\n", false},
		{"not-allowed", checkHead + "Cookie: " + tw.denied + "\r\n\r\n", false},
		{"not-allowed-page", checkHead + "Sec-Fetch-Mode: navigate\r\nCookie: " + tw.denied + "\r\n\r\n", false},
		{"two-people", checkHead + "Cookie: " + tw.cookie + "; " + tw.denied + "\r\n\r\n", false},
		{"no-url", strings.Replace(checkHead, "X-Original-URL: https://router.example.com/\r\n", "", 1) + "\r\n", false},
		{"two-urls", checkHead + "X-Original-URL: https://router.example.com/\r\n\r\n", false},
		{"alias", checkHead + "X_Original_URL: https://router.example.com/\r\n\r\n", false},
		{"another-host", strings.ReplaceAll(checkHead, "router", "evil") + "\r\n", false},
		{"hosts-that-differ", checkHead + "X-Forwarded-Host: evil.example\r\n\r\n", false},
		{"url-invalid", strings.Replace(checkHead, "https://router", "ftp://router", 1) + "\r\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if by := tw.same(t, tt.sent); by != tt.front {
				t.Errorf("answered by the front: %v, want %v", by, tt.front)
			}
		})
	}
}

// rawCheck is a raw check of a URL as nginx sends it, with more lines.
func rawCheck(method, address string, more ...string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(address, "https://"), "/")
	lines := append([]string{"GET " + auth.Prefix + "/auth/nginx HTTP/1.1", "Host: " + host, "X-Original-URL: " + address, "X-Original-Method: " + method, "Sec-Fetch-Mode: cors"}, more...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// ofEveryKind are checks that differ in what decides them: rules, headers,
// credentials. signedIn and anonymous are what is wanted of each: "200", "401" or
// "403" by the front, and with a "!" behind it by net/http.
var ofEveryKind = []struct {
	name, method, address string
	more                  []string
	signedIn, anonymous   string
}{
	{"several-presets", "GET", "https://app.house.example/", nil, "200", "401"},
	{"public", "GET", "https://app.house.example/assets/x", nil, "200", "200"},
	{"public-with-own-authorization", "GET", "https://app.house.example/assets/x", []string{"Authorization: Digest own"}, "200", "200"},
	{"public-for-one-reading", "GET", "https://app.house.example/assets/../x", nil, "200", "401"},
	{"public-for-one-encoding", "GET", "https://app.house.example/assets/%2e%2e/api/x", nil, "200", "401"},
	{"rule-of-methods", "GET", "https://app.house.example/api/x", nil, "200", "401"},
	{"rule-of-methods-denies", "POST", "https://app.house.example/api/x", nil, "403!", "403!"},
	{"rule-of-methods-for-one-reading", "POST", "https://app.house.example/x/..%2fapi/x", nil, "403!", "403!"},
	{"expression", "HEAD", "https://app.house.example/v12", nil, "200", "401"},
	{"network", "GET", "https://app.house.example/office/x", []string{"X-Forwarded-For: 192.0.2.7"}, "200", "401"},
	{"network-behind-a-proxy", "GET", "https://app.house.example/office/x", []string{"X-Forwarded-For: 192.0.2.7, 10.0.0.1"}, "200", "401"},
	{"network-forged", "GET", "https://app.house.example/office/x", []string{"X-Forwarded-For: 192.0.2.7, 198.51.100.1"}, "403!", "403!"},
	{"network-by-real-ip", "GET", "https://app.house.example/office/x", []string{"X-Real-IP: 192.0.2.7"}, "200", "401"},
	{"network-unknown", "GET", "https://app.house.example/office/x", nil, "403!", "403!"},
	{"query", "GET", "https://app.house.example/report?level=some", nil, "200", "401"},
	{"query-denies", "GET", "https://app.house.example/report?level=%61ll", nil, "403!", "403!"},
	{"claim", "GET", "https://app.house.example/it/x", nil, "200", "401"},
	{"step-up", "GET", "https://app.house.example/acr/x", nil, "403!", "401"},
	{"default-denies", "GET", "https://other.house.example/", nil, "403!", "403!"},
	{"preflight", "OPTIONS", "https://app.house.example/x", []string{"Origin: https://a.example", "Access-Control-Request-Method: PUT"}, "200", "200"},
	{"preflight-where-a-rule-denies", "OPTIONS", "https://app.house.example/api/x", []string{"Origin: https://a.example", "Access-Control-Request-Method: PUT"}, "403!", "403!"},
	{"preflight-of-two-origins", "OPTIONS", "https://app.house.example/x", []string{"Origin: https://a.example", "Origin: https://b.example", "Access-Control-Request-Method: PUT"}, "200", "401"},
	{"favicon", "GET", "https://app.house.example/favicon.ico?v=1", nil, "200", "200"},
	{"favicon-where-the-default-denies", "GET", "https://other.house.example/favicon.ico", nil, "200", "200"},
	{"password", "GET", "https://wiki.example.com/", nil, "200", "401"},
	{"password-above-own", "GET", "https://wiki.example.com/", []string{"Authorization: Basic b3duOm93bg=="}, "200", "401"},
	{"password-in-public", "GET", "https://wiki.example.com/assets/x", []string{"Authorization: Basic b3duOm93bg=="}, "200", "200"},
	{"own-authorization", "GET", "https://router.example.com/", []string{"Authorization: Bearer of-the-application"}, "200", "401"},
	{"own-authorization-twice", "GET", "https://router.example.com/", []string{"Authorization: Bearer a", "Authorization: Bearer b"}, "200", "401"},
	{"own-authorization-empty", "GET", "https://router.example.com/", []string{"Authorization: "}, "200", "401"},
	{"own-authorization-long", "GET", "https://router.example.com/", []string{"Authorization: Bearer " + strings.Repeat("a", 3500)}, "200", "401"},
	{"token", "GET", "https://robots.example.com/", []string{"Authorization: Bearer outpost_x"}, "200", "403!"},
	{"digest-where-tokens-are-taken", "GET", "https://robots.example.com/", []string{"Authorization: Digest own"}, "200", "401!"},
	{"path", "GET", "https://paths.example.com/one/x", nil, "200", "401"},
	{"path-of-another", "GET", "https://paths.example.com/two/x", nil, "403!", "401"},
	{"path-of-another-by-one-reading", "GET", "https://paths.example.com/one/..%2ftwo/x", nil, "403!", "401"},
	{"path-public", "GET", "https://paths.example.com/two/assets/x", nil, "200", "200"},
	{"path-of-none", "GET", "https://paths.example.com/onetwo", nil, "403!", "403!"},
}

func TestFrontAnswersEveryKindAsNetHTTP(t *testing.T) {
	tw := newTwins(t)
	for _, address := range []string{"https://router.example.com/", "https://app.house.example/", "https://wiki.example.com/", "https://paths.example.com/one/", "https://robots.example.com/"} {
		answerTo(t, tw.plain, rawCheck("GET", address, "Connection: close", "Cookie: "+tw.all)) // brings the session into memory
	}
	for _, tt := range ofEveryKind {
		for who, want := range map[string]string{"signed-in": tt.signedIn, "anonymous": tt.anonymous} {
			t.Run(tt.name+"/"+who, func(t *testing.T) {
				more := tt.more[:len(tt.more):len(tt.more)]
				if who == "signed-in" {
					more = append(more, "Cookie: theme=dark; "+tw.all)
				}
				sent := rawCheck(tt.method, tt.address, more...)
				status, byNetHTTP := strings.CutSuffix(want, "!")
				if got := statuses(answerTo(t, tw.fronted, sent)); got != status {
					t.Errorf("got %s, want %s", got, status)
				}
				if by := tw.same(t, sent); by == byNetHTTP {
					t.Errorf("answered by the front: %v", by)
				}
			})
		}
	}
}

// Ten thousand requests that were sound before bytes of them were changed.
func TestFrontAnswersMutilatedAsNetHTTP(t *testing.T) {
	tw := newTwins(t)
	answerTo(t, tw.plain, checkHead+"Connection: close\r\nCookie: "+tw.cookie+"\r\n\r\n")
	r := mutilator{rand.New(rand.NewPCG(2, 3))}
	for range 10_000 {
		sent := checkHead + "Connection: close\r\nCookie: a=b; " + tw.cookie + "\r\n\r\n"
		if r.IntN(2) > 0 {
			one := ofEveryKind[r.IntN(len(ofEveryKind))]
			sent = rawCheck(one.method, one.address, append(one.more[:len(one.more):len(one.more)], "Connection: close", "Cookie: "+tw.all)...)
		}
		if r.IntN(4) > 0 {
			sent = r.bytes(sent)
		}
		if tw.same(t, sent); t.Failed() {
			return
		}
	}
	if tw.answered.Load() < 2000 {
		t.Errorf("the front has answered %d only", tw.answered.Load())
	}
}

func FuzzFront(f *testing.F) {
	tw := newTwins(f)
	for _, more := range []string{"", "Connection: close\r\n", "Cookie: a\r\n", "X-Forwarded-Host: router.example.com\r\n", "X-Original-Method: POST\r\n"} {
		f.Add(checkHead + more + "\r\n")
		f.Add(checkHead + more + "Cookie: COOKIE\r\n\r\n")
	}
	for _, one := range ofEveryKind {
		f.Add(rawCheck(one.method, one.address, one.more...))
		f.Add(rawCheck(one.method, one.address, append(one.more[:len(one.more):len(one.more)], "Cookie: COOKIE")...))
	}
	f.Fuzz(func(t *testing.T, sent string) {
		tw.same(t, strings.ReplaceAll(sent, "COOKIE", tw.all))
	})
}

package main

// Where the front answers, it answers as net/http does: the same bytes, for the
// same request, and the same count.

import (
	"fmt"
	"io"
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
	answered       atomic.Int64 // by the front
}

func newTwins(t testing.TB) *twins {
	t.Helper()
	if !front.Works {
		t.Skip("there is no front on this system")
	}
	path := filepath.Join(t.TempDir(), "outpost.yaml")
	text := fmt.Appendf(nil, `{"listen": "127.0.0.1:0", "management": "off", "data": %q, "session": {"store": "memory"},
		"provider": {"issuer": "https://127.0.0.1:1/", "client_id": "outpost", "client_secret": "client secret of the tests"},
		"applications": [{"name": "router", "mode": "single", "external_url": "https://router.example.com", "allow": {"groups": ["admins"]}}]}`, t.TempDir())
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	log := newLog(io.Discard, c.Log)
	tw := &twins{}
	if tw.outpost, err = build(c, log, newMetrics(c)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tw.outpost.Sessions().Close() })
	for group, cookie := range map[string]*string{"admins": &tw.cookie, "guests": &tw.denied} {
		value, _, err := tw.outpost.Sessions().Create(t.Context(), "__Host-outpost-router", session.Session{
			Application: "router", Provider: "default",
			Identity: session.Identity{Issuer: "https://127.0.0.1:1/", Subject: "1", Username: "ada", Name: "Ada Løvelace", Email: "ada@example.com", Groups: []string{group, "family"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		*cookie = "__Host-outpost-router=" + value
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
			fc := frontConfig(tw.outpost, log)
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
		s := newServer(public(tw.outpost), log)
		go s.Serve(l)
		t.Cleanup(func() { s.Close() })
	}
	return tw
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

// Ten thousand requests that were sound before bytes of them were changed.
func TestFrontAnswersMutilatedAsNetHTTP(t *testing.T) {
	tw := newTwins(t)
	answerTo(t, tw.plain, checkHead+"Connection: close\r\nCookie: "+tw.cookie+"\r\n\r\n")
	r := mutilator{rand.New(rand.NewPCG(2, 3))}
	for range 10_000 {
		sent := checkHead + "Connection: close\r\nCookie: a=b; " + tw.cookie + "\r\n\r\n"
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
	f.Fuzz(func(t *testing.T, sent string) {
		tw.same(t, strings.ReplaceAll(sent, "COOKIE", tw.cookie))
	})
}

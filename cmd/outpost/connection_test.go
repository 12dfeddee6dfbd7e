package main

// What comes over a socket and is not what nginx sends. net/http does most of
// it; these tests hold what we rely on.

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"outpost/auth"
)

// checkHead is a raw check's request line and headers as nginx sends them, less the
// empty line at the end.
const checkHead = "GET " + auth.Prefix + "/auth/nginx HTTP/1.1\r\nHost: router.example.com\r\nX-Original-URL: https://router.example.com/\r\n"

// exchange sends bytes and returns all that comes back until the other side
// closes, and when its first byte came.
func exchange(t *testing.T, address, text string) (answer string, took time.Duration) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	// What is too long is refused before all of it is sent: an error here is
	// seen in the answer.
	io.WriteString(conn, text)
	first := make([]byte, 1)
	if _, err := conn.Read(first); err != nil {
		return "", time.Since(begun)
	}
	took = time.Since(begun)
	conn.(*net.TCPConn).CloseWrite() // no more requests: what is answered is answered
	rest, _ := io.ReadAll(conn)
	return string(first) + string(rest), took
}

var statusLine = regexp.MustCompile(`(?m)^HTTP/1\.[01] (\d{3}) `)

// statuses are those of all answers, in order.
func statuses(answer string) string {
	var all []string
	for _, match := range statusLine.FindAllStringSubmatch(answer, -1) {
		all = append(all, match[1])
	}
	return strings.Join(all, " ")
}

func TestRawRequests(t *testing.T) {
	for _, front := range []bool{false, true} {
		t.Run(fmt.Sprintf("front-%v", front), func(t *testing.T) {
			rawRequests(t, start(t, usual(t).with(settings{"front": front, "log": settings{"format": "json", "level": "info"}})), front)
		})
	}
}

func rawRequests(t *testing.T, d *daemon, front bool) {
	path := auth.Prefix + "/auth/nginx"
	tests := []struct {
		name, sent, statuses string
	}{
		{"as-nginx-sends-it", checkHead + "\r\n", "401"},
		{"http-1-0-as-nginx-sends-by-default", strings.Replace(checkHead, "/1.1", "/1.0", 1) + "Connection: close\r\n\r\n", "401"},
		{"pipelined", strings.Repeat(checkHead+"\r\n", 3), "401 401 401"},
		{"websocket-handshake", checkHead + "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", "401"},
		{"upgrade-to-h2c", checkHead + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n", "401"},
		{"h2c-preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", "404"},
		{"tls", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400"},
		{"http-0-9", "GET " + path + "\r\n\r\n", "400"},
		{"http-3-7", strings.Replace(checkHead, "HTTP/1.1", "HTTP/3.7", 1) + "\r\n", "505"},

		{"announced-body-never-comes", checkHead + "Content-Length: 1000\r\n\r\n", "401"},
		{"announced-chunks-never-come", checkHead + "Transfer-Encoding: chunked\r\n\r\n", "401"},
		{"body-comes", checkHead + "Content-Length: 5\r\n\r\nhello", "401"},
		{"body-is-a-request", checkHead + "Content-Length: 5\r\n\r\nhello" + checkHead + "\r\n", "401"},
		{"two-lengths", checkHead + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "400"},
		{"negative-length", checkHead + "Content-Length: -1\r\n\r\n", "400"},
		{"unknown-transfer-encoding", checkHead + "Transfer-Encoding: gzip\r\n\r\n", "501"},
		{"expects-100-continue", checkHead + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", "401"},
		{"expects-something-else", checkHead + "Expect: miracles\r\n\r\n", "417"},

		{"header-of-60-kib", checkHead + "Cookie: " + strings.Repeat("a", 60<<10) + "\r\n\r\n", "401"},
		{"header-over-64-kib", checkHead + "Cookie: " + strings.Repeat("a", 80<<10) + "\r\n\r\n", "431"},
		{"ten-thousand-headers", checkHead + strings.Repeat("X-A: b\r\n", 10_000) + "\r\n", "431"},
		{"url-over-64-kib", strings.Replace(checkHead, "nginx", "nginx?"+strings.Repeat("&a", 40<<10), 1) + "\r\n", "431"},
		{"null-in-a-value", checkHead + "X-A: a\x00b\r\n\r\n", "400"},
		{"control-byte-in-a-value", checkHead + "X-A: a\x01b\r\n\r\n", "400"},
		{"delete-in-a-value", checkHead + "X-A: a\x7fb\r\n\r\n", "400"},
		{"carriage-return-in-a-value", checkHead + "X-A: a\rX-B: b\r\n\r\n", "400"},
		{"control-byte-in-the-cookie", checkHead + "Cookie: __Host-outpost-router=\x02\r\n\r\n", "400"},
		{"control-byte-in-the-url", strings.Replace(checkHead, "nginx", "\x01nginx", 1) + "\r\n", "400"},
		{"space-in-a-name", checkHead + "X A: b\r\n\r\n", "400"},
		{"space-after-a-name", checkHead + "X-Original-Method : GET\r\n\r\n", "400"},
		{"no-colon", checkHead + "nonsense\r\n\r\n", "400"},
		{"folded-value", checkHead + "X-A: a\r\n b\r\n\r\n", "401"},
		{"utf-8-in-a-value", checkHead + "X-A: é\r\n\r\n", "401"},

		{"no-host", "GET " + path + " HTTP/1.1\r\nX-Original-URL: https://router.example.com/\r\n\r\n", "400"},
		{"two-hosts", checkHead + "Host: router.example.com\r\n\r\n", "400"},
		{"host-with-a-path", strings.Replace(checkHead, "Host: router.example.com", "Host: router.example.com/x", 1) + "\r\n", "400"},
		{"absolute-form", strings.Replace(checkHead, "GET /", "GET http://router.example.com/", 1) + "\r\n", "401"},
		{"absolute-form-of-another-host", strings.Replace(checkHead, "GET /", "GET http://evil.example/", 1) + "\r\n", "403"},
		{"options-of-everything", "OPTIONS * HTTP/1.1\r\nHost: router.example.com\r\n\r\n", "404"},
		{"options", strings.Replace(checkHead, "GET", "OPTIONS", 1) + "\r\n", "401"},
		{"trace", strings.Replace(checkHead, "GET", "TRACE", 1) + "\r\n", "401"},
		{"connect-to-a-path", strings.Replace(checkHead, "GET", "CONNECT", 1) + "\r\n", "401"},
		{"connect-to-a-host", "CONNECT router.example.com:443 HTTP/1.1\r\nHost: router.example.com\r\n\r\n", "404"},
		{"method-of-our-own", strings.Replace(checkHead, "GET", "BREW", 1) + "\r\n", "401"},
		{"method-of-control-bytes", strings.Replace(checkHead, "GET", "G\x01T", 1) + "\r\n", "400"},
		{"lower-case-method", strings.Replace(checkHead, "GET", "get", 1) + "\r\n", "401"},
	}
	for _, test := range tests {
		if front && test.name == "pipelined" {
			test.statuses = "401" // and closed: what the front hands over is answered once (RFC 9112 §9.3.2 has the client ask again)
		}
		t.Run(test.name, func(t *testing.T) {
			answer, took := exchange(t, d.public, test.sent)
			if got := statuses(answer); got != test.statuses {
				t.Errorf("got %q, want %q:\n%q", got, test.statuses, answer)
			}
			if took > readTime/3 {
				t.Errorf("it was answered after %s", took)
			}
		})
	}
	d.unhurt(t)
}

// unhurt holds that nothing panicked and checks are answered.
func (d *daemon) unhurt(t *testing.T) {
	t.Helper()
	if log := d.log.String(); strings.Contains(log, "panic") {
		t.Errorf("something panicked:\n%s", log)
	}
	if got := d.check(t, ""); got.status != http.StatusUnauthorized {
		t.Errorf("after that a check answers %+v", got)
	}
	if got := get(t, d.management, "/metrics"); got.status != http.StatusOK || regexp.MustCompile(`reason="(internal|store_unavailable)",result="error"\} [1-9]`).MatchString(got.body) {
		t.Errorf("after that the metrics are %d:\n%s", got.status, got.body)
	}
}

// The answer to nginx as it speaks by default, HTTP/1.0 and one connection for
// each check.
func TestAllowedOverHTTP10(t *testing.T) {
	p := newProvider(t)
	d := start(t, usual(t).with(p.settings()))
	cookie := p.signIn(t, d)
	answer, _ := exchange(t, d.public, strings.Replace(checkHead, "/1.1", "/1.0", 1)+"Connection: close\r\nCookie: "+cookie+"\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.0 200 OK\r\n") || strings.Contains(answer, "Transfer-Encoding") {
		t.Errorf("got %q", answer)
	}
	for _, name := range []string{"Username", "Groups", "Entitlements", "Email", "Name", "Uid"} {
		if strings.Count(answer, "\r\nX-Authentik-"+name+": ") != 1 {
			t.Errorf("X-authentik-%s is not there once:\n%q", name, answer)
		}
	}
}

func TestServerLimits(t *testing.T) {
	s := newServer(nil, slog.New(slog.DiscardHandler))
	between := func(what string, got, least, most time.Duration) {
		if got < least || got > most {
			t.Errorf("%s is %s, want %s to %s", what, got, least, most)
		}
	}
	between("the time for a header", s.ReadHeaderTimeout, time.Second, 10*time.Second)
	between("the time for a request", s.ReadTimeout, s.ReadHeaderTimeout, time.Minute)
	// A sign-in waits for the provider twice, ten seconds each.
	between("the time for an answer", s.WriteTimeout, 20*time.Second, time.Minute)
	// nginx keeps connections for 60 seconds, and has to be the one who closes.
	between("the time between requests", s.IdleTimeout, 61*time.Second, 2*time.Minute)
	// Docker kills after ten.
	between("the time to drain", drainTime, 5*time.Second, 9*time.Second)
	if s.MaxHeaderBytes != 64<<10 || s.Protocols != nil || !s.DisableGeneralOptionsHandler {
		t.Errorf("got %+v", s)
	}
}

// Whoever sends a header byte by byte is cut off, and holds up nobody.
func TestSlowHeader(t *testing.T) {
	s := newServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	s.ReadHeaderTimeout = 200 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	begun := time.Now()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for time.Since(begun) < patience {
		if _, err := io.WriteString(conn, "G"); err != nil {
			break
		}
		conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := conn.Read(make([]byte, 1)); err == io.EOF {
			break
		}
		if answer, _ := exchange(t, l.Addr().String(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); statuses(answer) != "404" {
			t.Fatalf("another client got %q", answer)
		}
	}
	if took := time.Since(begun); took < s.ReadHeaderTimeout || took > 30*time.Second {
		t.Errorf("it was cut off after %s", took)
	}
}

// What net/http cannot say to a client is logged: our own trouble loudly,
// strangers' quietly.
func TestServerLog(t *testing.T) {
	for line, want := range map[string]string{
		"http: Accept error: accept tcp 127.0.0.1:9000: accept4: too many open files; retrying in 1s\n": "ERROR",
		"http: panic serving 127.0.0.1:1234: oh no\ngoroutine 7 [running]:\n":                           "ERROR",
		"http: superfluous response.WriteHeader call\n":                                                 "DEBUG",
	} {
		j := newJournal()
		log := slog.New(slog.NewJSONHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
		newServer(nil, log).ErrorLog.Print(line)
		if got := j.find("http server"); len(got) != 1 || got[0]["level"] != want || got[0]["cause"] != strings.TrimSuffix(line, "\n") {
			t.Errorf("%q is logged as %v", line, got)
		}
	}
}

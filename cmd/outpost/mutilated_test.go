package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// allowedOrBroken is what no answer may be: 2xx, or a 5xx but those for a
// missing URL, an unknown encoding and an unknown version.
var allowedOrBroken = regexp.MustCompile(`(?m)^HTTP/1\.[01] (2..|50[^015])`)

// TestMutilatedRequests sends requests that were sound before bytes of them
// were changed at random, and others whose cookie, and nothing else, was. No
// answer ever allows.
func TestMutilatedRequests(t *testing.T) {
	p := newProvider(t)
	d := start(t, usual(t).with(p.settings(), settings{"log": settings{"format": "json", "level": "info"}})) // at debug the front steps aside
	cookie := regexp.MustCompile(`__Host-outpost-router=[^;]+`).FindString(p.signIn(t, d))
	name, value, _ := strings.Cut(cookie, "=")
	if answer, _ := exchange(t, d.public, checkHead+"Cookie: "+cookie+"\r\n\r\n"); statuses(answer) != "200" {
		t.Fatalf("unhurt the request is answered with %q", answer)
	}
	const requests, senders = 10_000, 4
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			r := mutilator{rand.New(rand.NewPCG(1, uint64(sender)))}
			for range requests / senders {
				var sent string
				if r.IntN(2) == 0 {
					sent = checkHead + "Cookie: " + name + "=" + r.value(value) + "\r\n\r\n"
				} else {
					sent = r.bytes(checkHead + "Connection: close\r\nCookie: " + name + "=" + value[:40] + value[60:] + "\r\nX-Forwarded-Host: router.example.com\r\n\r\n")
				}
				if answer := halfClosed(t, d.public, sent); allowedOrBroken.MatchString(answer) {
					t.Errorf("sent %q\ngot %q", sent, answer)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := d.check(t, cookie); got.status != http.StatusOK {
		t.Errorf("after that the sound cookie gets %+v", got)
	}
	d.unhurt(t)
}

// halfClosed sends bytes and no more, and returns what comes back.
func halfClosed(t *testing.T, address, text string) string {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	conn.(*net.TCPConn).SetLinger(0) // ten thousand sockets need not wait for late packets
	io.WriteString(conn, text)
	conn.(*net.TCPConn).CloseWrite()
	answer, err := io.ReadAll(conn)
	if err, ok := err.(net.Error); ok && err.Timeout() {
		t.Errorf("no answer to %q", text)
	}
	return string(answer)
}

// mutilator damages text.
type mutilator struct{ *rand.Rand }

// value changes a cookie's value into another one of the same alphabet.
func (r mutilator) value(value string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="
	for {
		b := []byte(value)
		for range 1 + r.IntN(4) {
			if len(b) == 0 {
				break
			}
			at := r.IntN(len(b))
			switch r.IntN(4) {
			case 0:
				b[at] = alphabet[r.IntN(len(alphabet))]
			case 1:
				b = append(b[:at:at], b[at+1:]...)
			case 2:
				b = fmt.Appendf(b[:at:at], "%c%s", alphabet[r.IntN(len(alphabet))], b[at:])
			case 3:
				b = b[:at+1]
			}
		}
		if string(b) != value {
			return string(b)
		}
	}
}

// bytes changes any bytes.
func (r mutilator) bytes(text string) string {
	pieces := []string{
		"\x00", "\r", "\n", "\r\n", "\r\n\r\n", " ", "\t", ":", ";", ",", "%00", "%2e%2e", "..", "//", "\\", "?", "#", "\xff", "é", "*",
		"HTTP/1.1", "GET ", "Host: ", "Host: evil.example\r\n", "Cookie: ", "X-Original-URL: ", "X-Original-URL: https://evil.example/\r\n",
		"X_Original_URL: x\r\n", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Connection: keep-alive\r\n", "Expect: 100-continue\r\n",
		"https://", "router.example.com", "@", "[::1]", "xn--", strings.Repeat("a", 9000),
	}
	b := []byte(text)
	for range 1 + r.IntN(6) {
		if len(b) == 0 {
			break
		}
		at := r.IntN(len(b))
		switch r.IntN(5) {
		case 0:
			b[at] = byte(r.IntN(256))
		case 1:
			b[at] ^= 1 << r.IntN(8)
		case 2:
			b = append(b[:at:at], b[min(len(b), at+1+r.IntN(20)):]...)
		case 3:
			b = append(append(b[:at:at], pieces[r.IntN(len(pieces))]...), b[at:]...)
		case 4:
			to := r.IntN(len(b))
			b = append(append(b[:at:at], b[min(at, to):max(at, to)]...), b[at:]...)
		}
	}
	return string(b)
}

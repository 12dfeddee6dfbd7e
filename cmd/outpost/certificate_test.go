package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outpost/auth"
	"outpost/config"
)

// renewal is one certificate as certbot has it: a folder of its own in archive,
// and links to it in live.
type renewal struct{ live string }

func newRenewal(t *testing.T) renewal {
	t.Helper()
	r := renewal{filepath.Join(t.TempDir(), "live")}
	if err := os.Mkdir(r.live, 0o700); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r renewal) settings() settings {
	return settings{"listen": "127.0.0.1:0", "certificate": filepath.Join(r.live, "fullchain.pem"), "key": filepath.Join(r.live, "privkey.pem")}
}

// issue makes a certificate for a name, and leaves it in archive.
func (r renewal) issue(t *testing.T, name string, ends time.Time) (chain, key string) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048) // as nginx's are, often; our own are not
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: ends.Add(-90 * 24 * time.Hour), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	chain, key = filepath.Join(dir, "fullchain.pem"), filepath.Join(dir, "privkey.pem")
	encode := func(path, kind string, der []byte) {
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	encode(chain, "CERTIFICATE", der)
	encode(key, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(private))
	return chain, key
}

// link puts the names in live over to what is in archive, as certbot does.
func (r renewal) link(t *testing.T, name, target string) {
	t.Helper()
	path := filepath.Join(r.live, name)
	os.Remove(path + ".new")
	if err := os.Symlink(target, path+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func (r renewal) renew(t *testing.T, name string, ends time.Time) {
	t.Helper()
	chain, key := r.issue(t, name, ends)
	r.link(t, "fullchain.pem", chain)
	r.link(t, "privkey.pem", key)
}

// handshake connects and returns what was agreed on.
func handshake(t *testing.T, address string, c *tls.Config) (*tls.Conn, error) {
	t.Helper()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", address, c)
	if err == nil {
		t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

var anybody = &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}}

// shownName is whose certificate a door shows.
func shownName(t *testing.T, address string) string {
	t.Helper()
	conn, err := handshake(t, address, anybody)
	if err != nil {
		t.Fatal(err)
	}
	return conn.ConnectionState().PeerCertificates[0].DNSNames[0]
}

// askOver sends a request over a connection that is open, and returns the status.
func askOver(t *testing.T, conn net.Conn, path string, lines ...string) int {
	t.Helper()
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: router.example.com\r\n%s\r\n", path, strings.Join(append(lines, ""), "\r\n"))
	conn.SetReadDeadline(time.Now().Add(patience))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode
}

// Behind TLS are the same routes and the same rules as without, and no other
// version of HTTP.
func TestTLS(t *testing.T) {
	p := newProvider(t)
	d := start(t, usual(t).with(p.settings(), settings{"tls": settings{"listen": "127.0.0.1:0"}}))
	cookie := p.signIn(t, d)
	conn, err := handshake(t, d.tls, anybody)
	if err != nil {
		t.Fatal(err)
	}
	if s := conn.ConnectionState(); s.Version != tls.VersionTLS13 || s.NegotiatedProtocol != "http/1.1" {
		t.Errorf("version %x, protocol %q", s.Version, s.NegotiatedProtocol)
	}
	url := "X-Original-URL: https://router.example.com/"
	check := auth.Prefix + "/auth/nginx"
	for _, test := range []struct {
		name, path string
		lines      []string
		status     int
	}{
		{"ping", auth.Prefix + "/ping", nil, 204},
		{"check-of-nobody", check, []string{url}, 401},
		{"check-of-somebody", check, []string{url, "Cookie: " + cookie}, 200},
		{"check-without-a-url", check, nil, 500},
		{"metrics-are-elsewhere", "/metrics", nil, 404},
		{"too-large", check, []string{url, "X-A: " + strings.Repeat("a", 2*maxHeader)}, 431},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := askOver(t, conn, test.path, test.lines...); got != test.status {
				t.Errorf("got %d, want %d", got, test.status)
			}
		})
	}
	for _, test := range []struct {
		name    string
		offered *tls.Config
		works   bool
	}{
		{"tls-1-1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		{"tls-1-2", &tls.Config{MaxVersion: tls.VersionTLS12}, true},
		{"cbc", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA}}, false},
		{"no-forward-secrecy", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, false},
		{"h2-alone", &tls.Config{NextProtos: []string{"h2"}}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.offered.InsecureSkipVerify = true
			if _, err := handshake(t, d.tls, test.offered); (err == nil) != test.works {
				t.Errorf("got error %v", err)
			}
		})
	}
	if answer, _ := exchange(t, d.tls, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.Contains(answer, " 400 ") {
		t.Errorf("without TLS it answers %q", answer)
	}
}

// Whoever is no trusted proxy is none over TLS either.
func TestTLSTrust(t *testing.T) {
	d := start(t, usual(t).with(settings{"tls": settings{"listen": "127.0.0.1:0"}, "trusted_proxies": []string{"192.0.2.1"}}))
	conn, err := handshake(t, d.tls, anybody)
	if err != nil {
		t.Fatal(err)
	}
	if got := askOver(t, conn, auth.Prefix+"/auth/nginx", "X-Original-URL: https://router.example.com/"); got != http.StatusForbidden {
		t.Errorf("the check answers %d", got)
	}
	if n := len(d.log.find("check refused")); n != 1 {
		t.Errorf("%d lines say so:\n%s", n, d.log)
	}
}

// Who has connected and not quite asked when the process stops gets an answer.
func TestTLSDrains(t *testing.T) {
	d := start(t, usual(t).with(settings{"tls": settings{"listen": "127.0.0.1:0"}}))
	conn, err := handshake(t, d.tls, anybody)
	if err != nil {
		t.Fatal(err)
	}
	d.stop()
	eventually(t, "stopping", func() bool { return len(d.log.find("stopping")) == 1 })
	if got := askOver(t, conn, auth.Prefix+"/ping"); got != http.StatusNoContent {
		t.Errorf("got %d", got)
	}
	if d.halt(t) != 0 {
		t.Error(d.log)
	}
	if _, err := handshake(t, d.tls, anybody); err == nil {
		t.Error("it listens still")
	}
}

// Our own certificate is made once, for nobody else to read, and again before it
// ends or where it is damaged.
func TestOwnCertificate(t *testing.T) {
	data := t.TempDir()
	c := &config.Config{Data: data, TLS: config.TLS{Listen: ":9443"}}
	path := filepath.Join(data, "tls.pem")
	take := func(at time.Time) *certificate {
		t.Helper()
		v := &certificate{own: path, log: slog.New(slog.DiscardHandler), metrics: newMetrics(c)}
		if err := v.lookOwn(at); err != nil {
			t.Fatal(err)
		}
		return v
	}
	now := time.Now()
	first := take(now).shown.Load().Leaf
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if key, ok := first.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		t.Errorf("the key is %T", first.PublicKey)
	}
	roots := x509.NewCertPool()
	roots.AddCert(first)
	for _, name := range []string{"outpost", "localhost", "127.0.0.1"} {
		if _, err := first.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
			t.Errorf("for %s: %v", name, err)
		}
	}
	if first.IsCA || first.NotAfter.Sub(now) > 398*24*time.Hour {
		t.Errorf("it may sign %v, and ends %s", first.IsCA, first.NotAfter)
	}
	same := func(at time.Time) bool { t.Helper(); return bytes.Equal(take(at).shown.Load().Leaf.Raw, first.Raw) }
	if !same(now) || !same(now.Add(ownLifetime-ownRenewal-time.Hour)) {
		t.Error("it is made anew without need")
	}
	v := take(now)
	v.look(now.Add(ownLifetime - ownRenewal + time.Hour)) // a process that runs for so long
	if bytes.Equal(v.shown.Load().Leaf.Raw, first.Raw) || same(now) {
		t.Error("it is not renewed before its end")
	}
	if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	take(now)
	if left, err := filepath.Glob(filepath.Join(data, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A renewed certificate is shown without a restart; one that cannot be used
// changes nothing, and is told once.
func TestCertificateIsFollowed(t *testing.T) {
	r := newRenewal(t)
	ends := time.Now().Add(30 * 24 * time.Hour).Truncate(time.Second)
	r.renew(t, "first.test", ends)
	nextChain, nextKey := r.issue(t, "second.test", ends.Add(time.Hour))
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		c := &config.Config{TLS: config.TLS{Certificate: filepath.Join(r.live, "fullchain.pem"), Key: filepath.Join(r.live, "privkey.pem")}}
		m := newMetrics(c)
		v, err := newCertificate(c, slog.New(slog.NewJSONHandler(j, nil)), m)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go v.follow(ctx, certificateEvery)
		settle := func(looks int, name string, taken, refused int, current string) {
			t.Helper()
			time.Sleep(time.Duration(looks) * certificateEvery)
			synctest.Wait()
			if got := v.shown.Load().Leaf.DNSNames[0]; got != name {
				t.Errorf("%s is shown, want %s", got, name)
			}
			if a, b := len(j.find("the TLS certificate was taken over")), len(j.find("the TLS certificate was not taken over")); a != taken || b != refused {
				t.Errorf("taken over %d times, want %d; refused %d, want %d\n%s", a, taken, b, refused, j)
			}
			exposition := expositionOf(t, m)
			expiry := fmt.Sprintf("\noutpost_tls_certificate_expiry_timestamp_seconds %g\n", float64(v.shown.Load().Leaf.NotAfter.Unix()))
			if !strings.Contains(exposition, expiry) || !strings.Contains(exposition, "\noutpost_tls_certificate_last_reload_successful "+current+"\n") {
				t.Errorf("want %q and %s in\n%s", expiry, current, exposition)
			}
		}
		settle(5, "first.test", 0, 0, "1")
		r.link(t, "fullchain.pem", nextChain) // the key follows a moment later
		settle(1, "first.test", 0, 0, "1")
		r.link(t, "privkey.pem", nextKey)
		settle(1, "second.test", 1, 0, "1")

		// Half a file, for long.
		whole, err := os.ReadFile(nextChain)
		if err != nil {
			t.Fatal(err)
		}
		write := func(body []byte) {
			t.Helper()
			if err := os.WriteFile(nextChain, body, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(whole[:len(whole)/2])
		settle(10, "second.test", 1, 1, "0")
		write(whole)
		settle(1, "second.test", 1, 1, "1")
		if err := os.Remove(nextKey); err != nil {
			t.Fatal(err)
		}
		settle(10, "second.test", 1, 2, "0")
		r.renew(t, "third.test", ends.Add(2*time.Hour))
		settle(1, "third.test", 2, 2, "1")
	})
}

// The same in a process that serves: a connection that is open when the
// certificate is renewed goes on.
func TestRenewalDropsNobody(t *testing.T) {
	r := newRenewal(t)
	r.renew(t, "first.test", time.Now().Add(24*time.Hour))
	d := start(t, usual(t).with(settings{"tls": r.settings()}))
	conn, err := handshake(t, d.tls, anybody)
	if err != nil {
		t.Fatal(err)
	}
	if got := shownName(t, d.tls); got != "first.test" {
		t.Errorf("it shows %s", got)
	}
	r.renew(t, "second.test", time.Now().Add(48*time.Hour))
	eventually(t, "the renewed certificate", func() bool {
		if got := askOver(t, conn, auth.Prefix+"/ping"); got != http.StatusNoContent {
			t.Fatalf("over the connection ping answers %d", got)
		}
		return shownName(t, d.tls) == "second.test"
	})
	if got := askOver(t, conn, auth.Prefix+"/ping"); got != http.StatusNoContent {
		t.Errorf("over the connection ping answers %d", got)
	}
}

// A certificate that cannot be had ends the start with a sentence; check says it
// beforehand. No byte of a key is in it.
func TestCertificateNotToBeHad(t *testing.T) {
	r := newRenewal(t)
	chain, key := r.issue(t, "first.test", time.Now().Add(time.Hour))
	_, other := r.issue(t, "second.test", time.Now().Add(time.Hour))
	broken := filepath.Join(t.TempDir(), "privkey.pem")
	if err := os.WriteFile(broken, []byte("-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, chain, key, says string }{
		{"not-there", "/nowhere/fullchain.pem", key, "open /nowhere/fullchain.pem: no such file or directory"},
		{"another-key", chain, other, "private key does not match public key"},
		{"swapped", key, chain, "PEM inputs may have been switched"},
		{"damaged", chain, broken, "failed to parse private key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := usual(t).with(settings{"tls": settings{"listen": "127.0.0.1:0", "certificate": test.chain, "key": test.key}}).file(t)
			for _, args := range [][]string{{"-config", file}, {"check", "-config", file}} {
				got := command(t, nil, args...)
				if got.status != 1 || !strings.Contains(got.stderr, "outpost: reading tls.certificate and tls.key: ") || !strings.Contains(got.stderr, test.says) || strings.Contains(got.stderr, "hunter2") {
					t.Errorf("%v: got %+v, want %q", args, got, test.says)
				}
			}
		})
	}
}

// BenchmarkTLS is what TLS adds to a check under SWAG, which connects anew for
// each, and resumes the session as nginx does; go test -bench TLS ./cmd/outpost.
func BenchmarkTLS(b *testing.B) {
	d := start(b, usual(b).with(settings{"tls": settings{"listen": "127.0.0.1:0"}, "log": settings{"format": "json", "level": "info"}}))
	resumed := &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	request := "GET " + auth.Prefix + "/auth/nginx HTTP/1.1\r\nHost: router.example.com\r\nX-Original-URL: https://router.example.com/\r\nConnection: close\r\n\r\n"
	for _, how := range []struct {
		name    string
		connect func() (net.Conn, error)
	}{
		{"plain", func() (net.Conn, error) { return net.Dial("tcp", d.public) }},
		{"resumed", func() (net.Conn, error) { return tls.Dial("tcp", d.tls, resumed) }},
		{"full-handshake", func() (net.Conn, error) { return tls.Dial("tcp", d.tls, &tls.Config{InsecureSkipVerify: true}) }},
	} {
		b.Run(how.name, func(b *testing.B) {
			for b.Loop() {
				conn, err := how.connect()
				if err != nil {
					b.Fatal(err)
				}
				io.WriteString(conn, request)
				answer, err := io.ReadAll(conn)
				conn.Close()
				if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 401 ")) {
					b.Fatalf("got %q, %v", answer, err)
				}
			}
		})
	}
}

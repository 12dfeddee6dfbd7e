package main

// The certificate that the TLS listener shows: the one of two files, followed
// when it is renewed, or one of our own making, signed by itself.
//
// The files are read every few seconds and compared, since nothing else sees
// every kind of renewal: a symbolic link that is put elsewhere (certbot), a file
// that is written over, another one in its place below a bind mount. A pair that
// cannot be used changes nothing: what was shown goes on being shown.

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"outpost/config"
)

const (
	certificateEvery = 10 * time.Second // how soon a renewal is seen
	certificateSize  = 1 << 20          // bytes; no chain comes near

	ownLifetime = 365 * 24 * time.Hour
	ownRenewal  = 30 * 24 * time.Hour // before its end
)

// certificate is safe for parallel use; look alone is for one goroutine.
type certificate struct {
	chain, key string // the files; "" for one of our own
	own        string // where that one is kept
	log        *slog.Logger
	metrics    *metrics

	shown  atomic.Pointer[tls.Certificate]
	digest [sha256.Size]byte // of the files that are shown
	bad    [sha256.Size]byte // of what could not be used at the last look
	told   bool              // that bad was said
}

// newCertificate returns the one that the configuration asks for. An error says
// why there is none.
func newCertificate(c *config.Config, log *slog.Logger, m *metrics) (*certificate, error) {
	v := &certificate{chain: c.TLS.Certificate, key: c.TLS.Key, own: filepath.Join(c.Data, "tls.pem"), log: log, metrics: m}
	if v.chain == "" {
		return v, v.lookOwn(time.Now())
	}
	chain, key, err := v.read()
	if err == nil {
		err = v.take(chain, key)
	}
	if err != nil {
		return nil, fmt.Errorf("reading tls.certificate and tls.key: %w", err)
	}
	return v, nil
}

// follow looks for a renewed one until ctx ends.
func (v *certificate) follow(ctx context.Context, every time.Duration) {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			v.look(time.Now())
		}
	}
}

func (v *certificate) look(now time.Time) {
	if v.chain == "" {
		if err := v.lookOwn(now); err != nil {
			v.complain(sha256.Sum256([]byte(err.Error())), err)
		}
		return
	}
	chain, key, err := v.read()
	digest := digestOf(chain, key, err)
	switch {
	case err == nil && digest == v.digest:
		v.metrics.certificateSeen(true)
		v.bad, v.told = [sha256.Size]byte{}, false
		return
	case err == nil:
		err = v.take(chain, key)
	}
	if err != nil {
		v.complain(digest, err)
		return
	}
	v.bad, v.told = [sha256.Size]byte{}, false
	v.log.Info("the TLS certificate was taken over", "names", v.shown.Load().Leaf.DNSNames, "expires", v.shown.Load().Leaf.NotAfter)
}

// complain says once what is wrong with a pair that two looks have found: at the
// first it may be half written, or its key not yet in its place.
func (v *certificate) complain(digest [sha256.Size]byte, err error) {
	again := v.bad == digest
	v.bad, v.told = digest, v.told && again
	if !again || v.told {
		return
	}
	v.told = true
	v.metrics.certificateSeen(false)
	v.log.Error("the TLS certificate was not taken over; the one at hand goes on", "expires", v.shown.Load().Leaf.NotAfter, "cause", err.Error())
}

func digestOf(chain, key []byte, err error) [sha256.Size]byte {
	if err != nil {
		return sha256.Sum256([]byte(err.Error()))
	}
	first, second := sha256.Sum256(chain), sha256.Sum256(key)
	return sha256.Sum256(append(first[:], second[:]...))
}

func (v *certificate) read() (chain, key []byte, err error) {
	if chain, err = readBounded(v.chain); err == nil {
		key, err = readBounded(v.key)
	}
	return chain, key, err
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			err = fmt.Errorf("%w: make it readable for this user (uid %d)", err, os.Geteuid())
		}
		return nil, err
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, certificateSize+1))
	if err == nil && len(body) > certificateSize {
		err = fmt.Errorf("%s is larger than %d KiB", path, certificateSize>>10)
	}
	return body, err
}

// take shows a pair from now on, if it is one. Connections that are open stay as
// they are.
func (v *certificate) take(chain, key []byte) error {
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", v.chain, v.key, err) // never with a byte of the key
	}
	v.digest = digestOf(chain, key, nil)
	v.show(&pair)
	return nil
}

func (v *certificate) show(pair *tls.Certificate) {
	v.shown.Store(pair)
	v.metrics.certificateSeen(true)
	v.metrics.certificateExpires(pair.Leaf.NotAfter)
	if time.Now().After(pair.Leaf.NotAfter) {
		v.log.Warn("the TLS certificate has expired", "expires", pair.Leaf.NotAfter)
	}
}

// lookOwn shows the certificate in the data directory, which it makes where there
// is none, or none that is good for a month more.
func (v *certificate) lookOwn(now time.Time) error {
	if shown := v.shown.Load(); shown != nil && goodOwn(shown.Leaf, now) {
		return nil
	}
	body, err := readBounded(v.own)
	if err == nil {
		pair, err := tls.X509KeyPair(body, body)
		if err == nil && goodOwn(pair.Leaf, now) {
			v.show(&pair)
			return nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading our own TLS certificate: %w", err)
	}
	pair, body, err := makeOwn(now)
	if err == nil {
		err = putFile(v.own, body)
	}
	if err != nil {
		return fmt.Errorf("making our own TLS certificate: %w: make the data directory writable for this user (uid %d), or set tls.certificate and tls.key", err, os.Geteuid())
	}
	v.show(&pair)
	v.log.Info("a TLS certificate was made", "file", v.own, "expires", pair.Leaf.NotAfter)
	return nil
}

func goodOwn(leaf *x509.Certificate, now time.Time) bool {
	return now.After(leaf.NotBefore) && now.Before(leaf.NotAfter.Add(-ownRenewal))
}

// makeOwn makes a key and its certificate, and both in PEM. Nobody can check who
// it is: it keeps those out who only listen.
func makeOwn(now time.Time) (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	names := []string{"outpost", "localhost"}
	if host, err := os.Hostname(); err == nil && host != "" {
		names = append(names, host)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "outpost"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(ownLifetime), // a clock that is behind sees it too
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
		DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	var body bytes.Buffer
	pem.Encode(&body, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	pem.Encode(&body, &pem.Block{Type: "PRIVATE KEY", Bytes: private})
	pair, err := tls.X509KeyPair(body.Bytes(), body.Bytes())
	return pair, body.Bytes(), err
}

// putFile writes a file of mode 0600, whole or not at all.
func putFile(path string, body []byte) error {
	temp, err := writeTemp(path, body)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// settings are those of the TLS listener. HTTP/1.1 alone is spoken: nginx asks
// with nothing else, and what is not there needs no bounds.
func (v *certificate) settings() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{ // of TLS 1.2: forward secret and authenticated; 1.3 has no others
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return v.shown.Load(), nil },
	}
}

package config_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
)

// What ca_file named when the file was read is what counts, whatever becomes of
// it later; the rest of a bundle may be comments.
func TestAuthorities(t *testing.T) {
	path, text := certificates(t)
	c := mustLoad(t, strings.Replace(smallest, "applications:", "  ca_file: "+path+"\n  proxy: environment\napplications:", 1))
	if p := c.Providers[0]; p.CAFile != path || p.Authorities() != text || p.Proxy != "environment" {
		t.Errorf("got %+v with %q", p, p.Authorities())
	}
	if p := mustLoad(t, smallest).Providers[0]; p.Authorities() != "" {
		t.Errorf("got %q without a file", p.Authorities())
	}
}

// certificates is a file with one, and what is in it.
func certificates(t *testing.T) (path, text string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	text = "# the house's own\n" + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return write(t, "ca.pem", text), text
}

package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// hosts is every name that nginx or a provider answers to. OpenSSL accepts no
// wildcard directly below a top-level domain, so each stands in the certificate.
var hosts = []string{
	"webtop.test", "tautulli.test", "www.test",
	"outpost.home.test", "webtop.home.test", "tautulli.home.test", "sonarr.home.test",
	"idp.example.test", "auth.example.test", "zitadel.example.test", "dex.example.test", "glewlwyd.example.test",
}

// writeCA makes a throw-away CA and one certificate for all hosts, and puts
// ca.crt, chain.crt, leaf.key and dhparams.pem into dir. A Go or Node process
// trusts the CA through SSL_CERT_FILE or NODE_EXTRA_CA_CERTS.
func writeCA(dir string) error {
	now := time.Now()
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "outpost e2e throw-away CA"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "outpost e2e"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: hosts,
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	if err != nil {
		return err
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, leafKey.Public(), rootKey)
	if err != nil {
		return err
	}
	dh, err := ffdhe2048()
	if err != nil {
		return err
	}
	leafPEM, err := keyPEM(leafKey)
	if err != nil {
		return err
	}
	rootPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER})
	chain := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leafDER}), rootPEM...)
	for name, content := range map[string][]byte{
		"ca.crt": rootPEM, "chain.crt": chain, "leaf.key": leafPEM,
		"dhparams.pem": pem.EncodeToMemory(&pem.Block{Type: "DH PARAMETERS", Bytes: dh}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func keyPEM(key crypto.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

// rsaPEM makes a key pair for a provider to sign with.
func rsaPEM(t testing.TB) (private, public string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return signingPEM(t, key, key.Public())
}

// signingPEM writes a key pair as providers read it.
func signingPEM(t testing.TB, key crypto.PrivateKey, publicKey crypto.PublicKey) (private, public string) {
	t.Helper()
	privatePEM, err := keyPEM(key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(publicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(privatePEM), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// ffdhe2048 is the group of RFC 7919 appendix A.1 as PKCS #3 writes it; SWAG's
// ssl.conf names a file of parameters.
func ffdhe2048() ([]byte, error) {
	p, _ := new(big.Int).SetString("FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1D8B9C583CE2D3695A9E13641146433FBCC939DCE249B3EF97D2FE363630C75D8F681B202AEC4617AD3DF1ED5D5FD65612433F51F5F066ED0856365553DED1AF3B557135E7F57C935984F0C70E0E68B77E2A689DAF3EFE8721DF158A136ADE73530ACCA4F483A797ABC0AB182B324FB61D108A94BB2C8E3FBB96ADAB760D7F4681D4F42A3DE394DF4AE56EDE76372BB190B07A7C8EE0A6D709E02FCE1CDF7E2ECC03404CD28342F619172FE9CE98583FF8E4F1232EEF28183C3FE3B1B4C6FAD733BB5FCBC2EC22005C58EF1837D1683B2C6F34A26C1B2EFFA886B423861285C97FFFFFFFFFFFFFFFF", 16)
	return asn1.Marshal(struct{ P, G *big.Int }{p, big.NewInt(2)})
}

// clientTLS trusts the throw-away CA and nothing else.
func clientTLS(t testing.TB) *tls.Config {
	t.Helper()
	ca, err := os.ReadFile(shared("ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		t.Fatal("ca.crt holds no certificate")
	}
	return &tls.Config{RootCAs: pool}
}

// serverTLS answers for all hosts.
func serverTLS(t testing.TB) *tls.Config {
	t.Helper()
	certificate, err := tls.LoadX509KeyPair(shared("chain.crt"), shared("leaf.key"))
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}}
}

// shared is a file that all stories use: the daemon's binary and writeCA's files.
func shared(name string) string { return filepath.Join(os.Getenv(insideEnv), name) }

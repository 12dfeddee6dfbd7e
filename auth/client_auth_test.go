package auth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"outpost/access"
	"outpost/auth"
	"outpost/auth/provider"
)

// How a token request says whose it is, by configuration and metadata.
func TestClientAuth(t *testing.T) {
	// Each of these means something in a URL, in a form or in Basic.
	const id, secret = "out:post/über&=+ %2B", `a:b c+d%20/?&=#ü"\~`
	for _, tt := range []struct {
		name      string
		auth      provider.ClientAuth
		secret    string
		supported []string // token_endpoint_auth_methods_supported
		want      provider.ClientAuth
	}{
		{"metadata-say-nothing", "", secret, nil, provider.ClientBasic},
		{"metadata-have-both", "", secret, []string{"client_secret_post", "client_secret_basic"}, provider.ClientBasic},
		{"metadata-have-post", "", secret, []string{"client_secret_post", "private_key_jwt"}, provider.ClientPost},
		{"no-secret", "", "", []string{"client_secret_basic"}, provider.ClientNone},
		{"basic-against-the-metadata", provider.ClientBasic, secret, []string{"client_secret_post"}, provider.ClientBasic},
		{"post-against-the-metadata", provider.ClientPost, secret, []string{"client_secret_basic"}, provider.ClientPost},
		{"none", provider.ClientNone, "", []string{"none"}, provider.ClientNone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, with(func(p *provider.Config) { p.ClientID, p.ClientAuth, p.ClientSecret = id, tt.auth, tt.secret }))
			if tt.supported != nil {
				s.provider.metadata = map[string]any{"token_endpoint_auth_methods_supported": tt.supported}
			}
			s.provider.claims = func(c map[string]any) { c["aud"] = id }
			s.provider.client = func(r *http.Request) bool {
				user, password, basic := r.BasicAuth()
				user, _ = url.QueryUnescape(user) // RFC 6749 §2.3.1
				password, _ = url.QueryUnescape(password)
				form := r.PostForm
				switch tt.want {
				case provider.ClientBasic:
					return user == id && password == secret && !form.Has("client_secret")
				case provider.ClientPost:
					return !basic && form.Get("client_id") == id && form.Get("client_secret") == secret
				}
				return !basic && form.Get("client_id") == id && !form.Has("client_secret")
			}
			s.want(s.browser("alice").visit("https://app.example.com/"), http.StatusOK)
		})
	}
}

func inPEM(t *testing.T, kind string, der []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// A client that signs who it is: what it says, and how often.
func TestPrivateKeyJWT(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	p521, _ := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	pkcs8 := func(key any) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		return inPEM(t, "PRIVATE KEY", der, err)
	}
	sec1, err := x509.MarshalECPrivateKey(p256)
	ec := inPEM(t, "EC PRIVATE KEY", sec1, err)
	for _, tt := range []struct {
		name      string
		key       string
		public    crypto.PublicKey
		supported []string
		want      jose.SignatureAlgorithm
	}{
		{"rsa", pkcs8(rsaKey), rsaKey.Public(), nil, jose.RS256},
		{"rsa-pkcs-1", inPEM(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey), nil), rsaKey.Public(), []string{"PS256", "RS256"}, jose.RS256},
		{"rsa-where-the-provider-wants-pss", pkcs8(rsaKey), rsaKey.Public(), []string{"PS256", "ES256"}, jose.PS256},
		{"p-256", pkcs8(p256), p256.Public(), nil, jose.ES256},
		{"p-256-sec-1-behind-its-parameters", inPEM(t, "EC PARAMETERS", []byte{6, 0}, nil) + ec, p256.Public(), nil, jose.ES256},
		{"p-384", pkcs8(p384), p384.Public(), nil, jose.ES384},
		{"p-521", pkcs8(p521), p521.Public(), nil, jose.ES512},
		{"ed25519", pkcs8(edKey), edKey.Public(), nil, jose.EdDSA},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, with(func(p *provider.Config) { p.ClientSecret, p.ClientKey, p.ClientKeyID = "", tt.key, "2026-1" }))
				if tt.supported != nil {
					s.provider.metadata = map[string]any{"token_endpoint_auth_signing_alg_values_supported": tt.supported}
				}
				seen := map[string]bool{} // jti
				s.provider.client = func(r *http.Request) bool {
					_, _, basic := r.BasicAuth()
					form := r.PostForm
					if basic || form.Has("client_secret") || form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
						return false
					}
					jws, err := jose.ParseSignedCompact(form.Get("client_assertion"), []jose.SignatureAlgorithm{tt.want})
					if err != nil || jws.Signatures[0].Header.KeyID != "2026-1" {
						t.Errorf("assertion %q: %v", form.Get("client_assertion"), err)
						return false
					}
					payload, err := jws.Verify(tt.public)
					var c struct {
						Iss, Sub, Aud, JTI string
						Iat, Exp           int64
					}
					if err != nil || json.Unmarshal(payload, &c) != nil {
						t.Errorf("payload %s: %v", payload, err)
						return false
					}
					now := time.Now().Unix()
					good := c.Iss == "outpost" && c.Sub == "outpost" && c.Aud == issuer && c.Iat == now && c.Exp == now+60 && len(c.JTI) >= 20 && !seen[c.JTI]
					if !good {
						t.Errorf("claims %s", payload)
					}
					seen[c.JTI] = true
					return good
				}
				for range 2 {
					s.want(s.browser("alice").visit("https://app.example.com/"), http.StatusOK)
				}
				if len(seen) != 2 || strings.Contains(s.log.String(), "eyJ") {
					t.Errorf("%d assertions, log:\n%s", len(seen), s.log.String())
				}
			})
		})
	}
}

// A key that cannot be used is said at the start, and is not repeated.
func TestClientKeyIsRefused(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p224, _ := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	pkcs8 := func(key any) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		return inPEM(t, "PRIVATE KEY", der, err)
	}
	public, err := x509.MarshalPKIXPublicKey(p224.Public())
	for _, tt := range []struct{ name, key, want string }{
		{"no-pem", "hunter2", "no PEM block of a private key"},
		{"public", inPEM(t, "PUBLIC KEY", public, err), "no PEM block of a private key"},
		{"with-a-passphrase", inPEM(t, "ENCRYPTED PRIVATE KEY", []byte("hunter2"), nil), "without a passphrase"},
		{"broken", inPEM(t, "PRIVATE KEY", []byte("hunter2"), nil), "cannot be read"},
		{"weak", pkcs8(weak), "1024 bits"},
		{"small-curve", pkcs8(p224), "P-224"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := auth.New(auth.Config{
				Providers:    []provider.Config{{Name: "idp", Issuer: issuer, ClientID: "outpost", ClientKey: tt.key}},
				Applications: []auth.Application{{Name: "home", ExternalURL: "https://home.example.com", Providers: []string{"idp"}, Access: access.Config{Policy: access.Everyone(), DefaultAllow: true}}},
			})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), `provider "idp"`) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

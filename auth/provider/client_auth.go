package provider

// client_auth.go shows the token endpoint that we are the client: with the
// secret in a header or in the body (RFC 6749 §2.3.1), with a signature
// (RFC 7523 §2.2), or not at all.

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// ClientAuth is how a client authenticates at the token endpoint.
type ClientAuth string

// The ways, by the last part of their names in the provider's metadata
// (OpenID Connect Core §9).
const (
	ClientBasic         ClientAuth = "basic"           // id and secret, each form-encoded, in the Authorization header
	ClientPost          ClientAuth = "post"            // id and secret in the body
	ClientNone          ClientAuth = "none"            // the id alone: a public client
	ClientPrivateKeyJWT ClientAuth = "private_key_jwt" // an assertion, signed with our own key
)

// assertionTime is how long an assertion is good for. Each is used once, at
// once.
const assertionTime = time.Minute

// clientAuthFor is the way that is configured, or else the one that our
// credentials and the provider's metadata leave.
func (p *Provider) clientAuthFor(m *metadata) ClientAuth {
	switch {
	case p.clientAuth != "":
		return p.clientAuth
	case p.clientKey != nil:
		return ClientPrivateKeyJWT
	case p.clientSecret == "":
		return ClientNone
	case len(m.AuthMethods) > 0 && !slices.Contains(m.AuthMethods, "client_secret_basic"):
		return ClientPost
	}
	return ClientBasic
}

// assertion is what the form of a request to the token endpoint needs besides
// id and secret: nothing, or an assertion of who we are. Each is good for one
// request.
func (p *Provider) assertion(m *metadata) (map[string]string, error) {
	if p.clientAuthFor(m) != ClientPrivateKeyJWT {
		return nil, nil
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: assertionAlgorithm(p.clientKey, m.AssertionAlgorithms), Key: p.clientKey}, p.assertionHeader())
	if err != nil {
		return nil, fmt.Errorf("signing the client assertion: %w", err)
	}
	now := time.Now()
	claims, err := json.Marshal(map[string]any{
		"iss": p.clientID, "sub": p.clientID,
		// The issuer, and nothing else: an assertion that names an endpoint can
		// be carried to whoever says that the endpoint is his
		// (draft-ietf-oauth-rfc7523bis §4).
		"aud": p.issuer,
		"jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(assertionTime).Unix(),
	})
	if err != nil {
		return nil, fmt.Errorf("making the client assertion: %w", err)
	}
	jws, err := signer.Sign(claims)
	if err != nil {
		return nil, fmt.Errorf("signing the client assertion: %w", err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		return nil, fmt.Errorf("writing the client assertion: %w", err)
	}
	return map[string]string{
		"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
		"client_assertion":      compact,
	}, nil
}

func (p *Provider) assertionHeader() *jose.SignerOptions {
	options := (&jose.SignerOptions{}).WithType("JWT")
	if p.clientKeyID != "" {
		options.WithHeader("kid", p.clientKeyID)
	}
	return options
}

// assertionAlgorithm is the one that fits the key. An RSA key may sign in two
// ways; where the provider lists its algorithms, that decides.
func assertionAlgorithm(key crypto.Signer, supported []string) jose.SignatureAlgorithm {
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		switch k.Curve.Params().BitSize {
		case 384:
			return jose.ES384
		case 521:
			return jose.ES512
		}
		return jose.ES256
	case ed25519.PrivateKey:
		return jose.EdDSA
	}
	if len(supported) > 0 && !slices.Contains(supported, "RS256") && slices.Contains(supported, "PS256") {
		return jose.PS256
	}
	return jose.RS256
}

// parseClientKey reads a private key in PEM: PKCS #8, PKCS #1 or SEC 1. It is
// nil where there is none. The errors do not repeat the key.
func parseClientKey(text string) (crypto.Signer, error) {
	if text == "" {
		return nil, nil
	}
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, errors.New("client key: it is no PEM block of a private key without a passphrase")
		}
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		default:
			continue // the certificate, or the parameters of the curve
		}
		if err != nil {
			return nil, errors.New("client key: its PEM block cannot be read")
		}
		return usableClientKey(key)
	}
}

func usableClientKey(key any) (crypto.Signer, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < minRSA {
			return nil, fmt.Errorf("client key: it has %d bits, and %d is the least", k.N.BitLen(), minRSA)
		}
		return k, nil
	case *ecdsa.PrivateKey:
		if k.Curve.Params().BitSize < 256 {
			return nil, fmt.Errorf("client key: curve %s is none of P-256, P-384 and P-521", k.Curve.Params().Name)
		}
		return k, nil
	case ed25519.PrivateKey:
		return k, nil
	}
	return nil, fmt.Errorf("client key: a %T cannot sign here: use RSA, P-256 or Ed25519", key)
}

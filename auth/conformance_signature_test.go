package auth_test

// Rows about the signature of an ID token: its algorithm, its header, its form.

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"sync"

	"github.com/go-jose/go-jose/v4"

	"outpost/auth"
)

// rsaKey and others are made once: an RSA key takes its time.
var (
	rsaKey   = sync.OnceValue(func() *rsa.PrivateKey { return newRSAKey(2048) })
	rsaOther = sync.OnceValue(func() *rsa.PrivateKey { return newRSAKey(2048) })
)

func newRSAKey(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

func newECKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// signing makes the provider sign ID tokens so.
func signing(sign func(sc *scene, claims []byte) string) func(*scene) {
	return func(sc *scene) {
		sc.provider.sign = func(claims []byte) string { return sign(sc, claims) }
	}
}

// raw is a compact JWS with exactly this header, signed with ES256 whatever it
// says.
func raw(key *ecdsa.PrivateKey, header string, claims []byte) string {
	e := base64.RawURLEncoding
	signed := e.EncodeToString([]byte(header)) + "." + e.EncodeToString(claims)
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		panic(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + e.EncodeToString(signature)
}

// headed signs with the provider's own key under this header.
func headed(header string) func(*scene) {
	return signing(func(sc *scene, claims []byte) string { return raw(sc.provider.key, header, claims) })
}

// publish replaces the provider's keys.
func (sc *scene) publish(keys ...jose.JSONWebKey) {
	sc.provider.keys = func() jose.JSONWebKeySet { return jose.JSONWebKeySet{Keys: keys} }
}

// withRSA makes the provider publish an RSA key and sign with another one, or
// with the same.
func withRSA(key func() *rsa.PrivateKey, alg jose.SignatureAlgorithm) func(*scene) {
	return func(sc *scene) {
		sc.publish(jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "r1", Use: "sig"})
		sc.provider.sign = func(claims []byte) string { return sc.provider.signWith(key(), "r1", alg, claims) }
	}
}

// confused signs with a public key as if that were a secret.
func confused(secret func(*rsa.PublicKey) []byte) func(*scene) {
	return func(sc *scene) {
		withRSA(rsaKey, jose.RS256)(sc)
		sc.provider.sign = func(claims []byte) string {
			return sc.provider.signWith(secret(&rsaKey().PublicKey), "r1", jose.HS256, claims)
		}
	}
}

// rightHash puts the at_hash of the access token into the ID token.
func rightHash(sc *scene) {
	sc.provider.token = func(answer map[string]any) int {
		_, rest, _ := strings.Cut(answer["id_token"].(string), ".")
		claims, _, _ := strings.Cut(rest, ".")
		decoded, err := base64.RawURLEncoding.DecodeString(claims)
		if err != nil {
			sc.t.Error(err)
		}
		sum := sha256.Sum256([]byte(answer["access_token"].(string)))
		hash := base64.RawURLEncoding.EncodeToString(sum[:16])
		answer["id_token"] = sc.provider.sign([]byte(strings.TrimSuffix(string(decoded), "}") + `,"at_hash":"` + hash + `"}`))
		return 200
	}
}

func derOf(key *rsa.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic(err)
	}
	return der
}

func signatureRows() []row {
	const (
		core  = "OpenID Connect Core 1.0 §3.1.3.7"
		algs  = "RFC 8725 §3.1"
		rp    = "oidcc-client-test"
		fapi  = "fapi2-security-profile-final-client-test"
		typed = "RFC 8725 §3.11"
	)
	refused, ok := auth.TokenInvalid, auth.SignedIn
	unknown := exchanged + " keys" // a key that is not known makes us ask once
	return []row{
		{"rs256", core + " (6)", rp + "-idtoken-sig-rs256", withRSA(rsaKey, jose.RS256), ok, everything},
		{"rs256-by-another-key", core + " (6)", rp + "-invalid-sig-rs256", withRSA(rsaOther, jose.RS256), refused, exchanged},
		{"es256-by-another-key", core + " (6)", rp + "-invalid-sig-es256", signing(func(sc *scene, c []byte) string {
			return sc.provider.signWith(newECKey(), "k1", jose.ES256, c)
		}), refused, exchanged},
		{"es256-by-another-provider-of-ours", core + " (6)", "", signing(func(sc *scene, c []byte) string {
			return sc.other.signWith(sc.other.key, "k1", jose.ES256, c)
		}), refused, exchanged},
		{"rs384-that-is-not-announced", core + " (7)", fapi + "-invalid-alternate-alg", withRSA(rsaKey, jose.RS384), refused, exchanged},
		{"ps256-that-is-not-announced", core + " (7)", "", withRSA(rsaKey, jose.PS256), refused, exchanged},
		{"eddsa-that-is-not-announced", core + " (7)", "", func(sc *scene) {
			public, private, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				sc.t.Fatal(err)
			}
			sc.publish(jose.JSONWebKey{Key: public, KeyID: "e1"})
			sc.provider.sign = func(c []byte) string { return sc.provider.signWith(private, "e1", jose.EdDSA, c) }
		}, refused, exchanged},
		{"eddsa-that-is-announced", core + " (7)", "", func(sc *scene) {
			public, private, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				sc.t.Fatal(err)
			}
			sc.provider.metadata = map[string]any{"id_token_signing_alg_values_supported": []string{"EdDSA"}}
			sc.publish(jose.JSONWebKey{Key: public, KeyID: "e1"})
			sc.provider.sign = func(c []byte) string { return sc.provider.signWith(private, "e1", jose.EdDSA, c) }
		}, ok, everything},
		{"rs256-key-and-es256-in-the-header", algs, "", func(sc *scene) {
			withRSA(rsaKey, jose.RS256)(sc)
			sc.provider.sign = func(c []byte) string { return raw(sc.provider.key, `{"alg":"ES256","kid":"r1"}`, c) }
		}, refused, exchanged},

		{"none", algs, rp + "-idtoken-sig-none", headless("none"), refused, exchanged},
		{"none-as-fapi-asks", algs, fapi + "-invalid-null-alg", headless("none"), refused, exchanged},
		{"none-with-a-capital", algs, "", headless("None"), refused, exchanged},
		{"none-in-capitals", algs, "", headless("NONE"), refused, exchanged},
		{"none-with-a-signature", algs, "", headed(`{"alg":"none","kid":"k1"}`), refused, exchanged},
		{"algorithm-missing", algs, "", headed(`{"kid":"k1"}`), refused, exchanged},
		{"algorithm-empty", algs, "", headed(`{"alg":"","kid":"k1"}`), refused, exchanged},
		{"algorithm-as-a-list", algs, "", headed(`{"alg":["ES256"],"kid":"k1"}`), refused, exchanged},
		{"algorithm-twice", algs, "", headed(`{"alg":"none","kid":"k1","alg":"ES256"}`), refused, exchanged},
		{"algorithm-of-wrong-case", algs, "", headed(`{"alg":"es256","kid":"k1"}`), refused, exchanged},
		{"hs256-with-the-client-secret", core + " (8)", rp + "-invalid-sig-hs256", signing(func(sc *scene, c []byte) string {
			return sc.provider.signWith([]byte("client secret"+strings.Repeat("\x00", 32)), "", jose.HS256, c)
		}), refused, exchanged},
		{"hs256-that-is-announced", core + " (8)", "", func(sc *scene) {
			publishes("id_token_signing_alg_values_supported", []string{"HS256", "ES256"})(sc)
			sc.provider.sign = func(c []byte) string {
				return sc.provider.signWith([]byte("client secret"+strings.Repeat("\x00", 32)), "k1", jose.HS256, c)
			}
		}, refused, exchanged},
		{"hs256-with-the-public-key-as-pem", core + " (8)", "", confused(func(k *rsa.PublicKey) []byte {
			return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: derOf(k)})
		}), refused, exchanged},
		{"hs256-with-the-public-key-as-der", core + " (8)", "", confused(derOf), refused, exchanged},
		{"hs256-with-the-modulus", core + " (8)", "", confused(func(k *rsa.PublicKey) []byte { return k.N.Bytes() }), refused, exchanged},
		{"hs256-with-the-modulus-as-text", core + " (8)", "", confused(func(k *rsa.PublicKey) []byte {
			return []byte(base64.RawURLEncoding.EncodeToString(k.N.Bytes()))
		}), refused, exchanged},

		{"signature-empty", core + " (6)", "", signing(func(sc *scene, c []byte) string {
			token := raw(sc.provider.key, `{"alg":"ES256","kid":"k1"}`, c)
			return token[:strings.LastIndexByte(token, '.')+1]
		}), refused, exchanged},
		{"signature-cut", core + " (6)", "", signing(func(sc *scene, c []byte) string {
			token := raw(sc.provider.key, `{"alg":"ES256","kid":"k1"}`, c)
			return token[:len(token)-4]
		}), refused, exchanged},
		{"signature-of-another-token", core + " (6)", "", signing(func(sc *scene, c []byte) string {
			header, rest, _ := strings.Cut(raw(sc.provider.key, `{"alg":"ES256","kid":"k1"}`, c), ".")
			_, signature, _ := strings.Cut(raw(sc.provider.key, `{"alg":"ES256","kid":"k1"}`, []byte(`{}`))[len(header)+1:], ".")
			claims, _, _ := strings.Cut(rest, ".")
			return header + "." + claims + "." + signature
		}), refused, exchanged},
		{"signature-of-zeros", core + " (6)", "", signing(func(sc *scene, c []byte) string {
			token := raw(sc.provider.key, `{"alg":"ES256","kid":"k1"}`, c)
			return token[:strings.LastIndexByte(token, '.')+1] + strings.Repeat("A", 86)
		}), refused, exchanged},
		{"two-signatures", "RFC 7515 §7.2", "", signing(func(sc *scene, c []byte) string {
			part := strings.Split(raw(sc.provider.key, `{"alg":"ES256","kid":"k1"}`, c), ".")
			one := map[string]string{"protected": part[0], "signature": part[2]}
			doc, err := json.Marshal(map[string]any{"payload": part[1], "signatures": []any{one, one}})
			if err != nil {
				sc.t.Error(err)
			}
			return string(doc)
		}), refused, exchanged},
		{"json-serialisation", "RFC 7515 §7.2", "", signing(func(sc *scene, c []byte) string {
			part := strings.Split(raw(sc.provider.key, `{"alg":"ES256","kid":"k1"}`, c), ".")
			return `{"payload":"` + part[1] + `","protected":"` + part[0] + `","signature":"` + part[2] + `"}`
		}), refused, exchanged},
		{"encrypted", core + " (1)", "", signing(func(sc *scene, c []byte) string {
			return "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.AA.AA.AA.AA"
		}), refused, exchanged},
		{"five-parts", core + " (1)", "", signing(func(sc *scene, c []byte) string { return raw(sc.provider.key, `{"alg":"ES256","kid":"k1"}`, c) + ".." }), refused, exchanged},
		{"dots", "RFC 8725 §3.10", "", signing(func(*scene, []byte) string { return strings.Repeat(".", 60_000) }), refused, exchanged},
		{"no-token-at-all", core, "", signing(func(*scene, []byte) string { return " " }), refused, exchanged},

		{"unknown-critical-extension", "RFC 7515 §4.1.11", "", headed(`{"alg":"ES256","kid":"k1","crit":["exp"],"exp":1}`), refused, exchanged},
		{"critical-and-empty", "RFC 7515 §4.1.11", "", headed(`{"alg":"ES256","kid":"k1","crit":[]}`), refused, exchanged},
		{"payload-not-encoded", "RFC 7797 §6", "", headed(`{"alg":"ES256","kid":"k1","b64":false,"crit":["b64"]}`), refused, exchanged},
		{"payload-encoding-declared", "RFC 7797 §6", "", headed(`{"alg":"ES256","kid":"k1","b64":true,"crit":["b64"]}`), refused, exchanged},
		{"key-in-the-header", "RFC 8725 §3.10", "", signing(func(sc *scene, c []byte) string {
			key := newECKey()
			jwk, err := json.Marshal(jose.JSONWebKey{Key: key.Public()})
			if err != nil {
				sc.t.Error(err)
			}
			return raw(key, `{"alg":"ES256","jwk":`+string(jwk)+`}`, c)
		}), refused, unknown},
		{"key-elsewhere", "RFC 8725 §3.10", "", signing(func(sc *scene, c []byte) string {
			return raw(newECKey(), `{"alg":"ES256","kid":"evil","jku":"https://evil.test/keys","x5u":"https://evil.test/cert"}`, c)
		}), refused, unknown},
		{"key-elsewhere-and-signed-by-the-provider", "RFC 8725 §3.10", "", headed(`{"alg":"ES256","kid":"k1","jku":"https://evil.test/keys","x5u":"https://evil.test/cert"}`), ok, everything},
		{"certificate-in-the-header", "RFC 8725 §3.10", "", signing(func(sc *scene, c []byte) string {
			key := newECKey()
			return raw(key, `{"alg":"ES256","x5c":["`+selfSigned(key)+`"]}`, c)
		}), refused, unknown},

		{"type-jwt", typed, "", headed(`{"alg":"ES256","kid":"k1","typ":"JWT"}`), ok, everything},
		{"type-in-lower-case", typed, "", headed(`{"alg":"ES256","kid":"k1","typ":"jwt"}`), ok, everything},
		{"type-of-a-logout-token", typed, "", headed(`{"alg":"ES256","kid":"k1","typ":"logout+jwt"}`), refused, exchanged},
		{"type-of-an-access-token", typed, "", headed(`{"alg":"ES256","kid":"k1","typ":"at+jwt"}`), refused, exchanged},
		{"type-of-an-access-token-in-full", typed, "", headed(`{"alg":"ES256","kid":"k1","typ":"application/at+JWT"}`), refused, exchanged},
		{"type-as-a-number", typed, "", headed(`{"alg":"ES256","kid":"k1","typ":1}`), refused, exchanged},

		{"key-id-like-a-path", "RFC 7515 §4.1.4", "", headed(`{"alg":"ES256","kid":"../../etc/passwd"}`), refused, unknown},
		{"key-id-of-ten-kib", "RFC 7515 §4.1.4", "", headed(`{"alg":"ES256","kid":"` + strings.Repeat("k", 10<<10) + `"}`), refused, unknown},
		{"key-id-with-a-nul", "RFC 7515 §4.1.4", "", headed(`{"alg":"ES256","kid":"k1\u0000"}`), refused, unknown},
		{"key-id-as-a-number", "RFC 7515 §4.1.4", "", headed(`{"alg":"ES256","kid":1}`), refused, exchanged},
		{"header-is-not-json", "RFC 7515 §4", "", headed(`ES256`), refused, exchanged},
		{"header-is-not-utf-8", "RFC 7515 §4", "", headed("{\"alg\":\"ES256\",\"kid\":\"k1\",\"x\":\"\xff\"}"), refused, exchanged},
	}
}

// headless is a token that says that it is not signed, and is not.
func headless(alg string) func(*scene) {
	return signing(func(_ *scene, claims []byte) string {
		e := base64.RawURLEncoding
		return e.EncodeToString([]byte(`{"alg":"`+alg+`","kid":"k1"}`)) + "." + e.EncodeToString(claims) + "."
	})
}

// selfSigned is a certificate that the key made for itself, as x5c has it.
func selfSigned(key *ecdsa.PrivateKey) string {
	template := &x509.Certificate{}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

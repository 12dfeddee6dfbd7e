package auth_test

// Rows about the provider's keys: what it publishes, and when it changes them.

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"outpost/auth"
)

// keyDocument makes jwks_uri answer this; KEY stands for the key that signs.
func keyDocument(document string) func(*scene) {
	return func(sc *scene) {
		sc.answers["/keys"] = func(*http.Request) (*http.Response, error) {
			key, err := json.Marshal(jose.JSONWebKey{Key: sc.provider.key.Public(), KeyID: "k1"})
			if err != nil {
				return nil, err
			}
			return respond(http.StatusOK, strings.ReplaceAll(document, "KEY", string(key))), nil
		}
	}
}

// rotate makes the provider sign with a new key from now on, and publish these
// keys besides it if it publishes at all.
func rotate(sc *scene, published bool, besides ...jose.JSONWebKey) {
	sc.provider.mu.Lock()
	defer sc.provider.mu.Unlock()
	sc.provider.key = newECKey()
	key := sc.provider.key
	sc.provider.sign = func(claims []byte) string { return sc.provider.signWith(key, "k2", jose.ES256, claims) }
	if published {
		sc.publish(append(besides, jose.JSONWebKey{Key: key.Public(), KeyID: "k2"})...)
	}
}

// weak publishes a key that is not good enough, beside one that is, and signs
// with the former.
func weak(bits int) func(*scene) {
	return func(sc *scene) {
		key := newRSAKey(bits)
		sc.publish(jose.JSONWebKey{Key: key.Public(), KeyID: "r1"}, jose.JSONWebKey{Key: sc.provider.key.Public(), KeyID: "k1"})
		sc.provider.sign = func(c []byte) string { return sc.provider.signWith(key, "r1", jose.RS256, c) }
	}
}

// oddRSA is a key with the exponent 3: its primes leave 2 when divided by 3.
var oddRSA = sync.OnceValue(func() *rsa.PrivateKey {
	one, three := big.NewInt(1), big.NewInt(3)
	prime := func() *big.Int {
		for {
			p, err := rand.Prime(rand.Reader, 1024)
			if err != nil {
				panic(err)
			}
			if new(big.Int).Mod(p, three).Int64() == 2 {
				return p
			}
		}
	}
	p, q := prime(), prime()
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 3}, D: new(big.Int).ModInverse(three, phi), Primes: []*big.Int{p, q}}
	key.Precompute()
	return key
})

// keptFor makes the provider say how long its keys may be kept, and counts on
// nobody to believe it.
func keptFor(cacheControl string, wait time.Duration) func(*scene) {
	return func(sc *scene) {
		sc.answers["/keys"] = func(r *http.Request) (*http.Response, error) {
			resp, err := sc.provider.RoundTrip(r)
			if err == nil {
				resp.Header.Set("Cache-Control", cacheControl)
			}
			return resp, err
		}
		after(wait, func(*scene) {})(sc)
	}
}

func keyRows() []row {
	const (
		sets     = "RFC 7517 §5"
		strength = "RFC 7518 §3.3"
		rotation = "OpenID Connect Core 1.0 §10.1.1"
		ours     = "RFC 9700 §2.6"
		rp       = "oidcc-client-test"
	)
	refused, none, ok := auth.TokenInvalid, auth.ProviderMisconfigured, auth.SignedIn
	noID := headed(`{"alg":"ES256"}`)
	unknown := exchanged + " keys"
	return []row{
		{"as-they-should-be", sets, rp + "-discovery-jwks-uri-keys", keyDocument(`{"keys":[KEY]}`), ok, everything},
		{"token-without-key-id-and-one-key", rotation, rp + "-kid-absent-single-jwks", noID, ok, everything},
		{"token-without-key-id-and-two-keys", rotation, rp + "-kid-absent-multiple-jwks", func(sc *scene) {
			noID(sc)
			sc.publish(jose.JSONWebKey{Key: newECKey().Public(), KeyID: "k0"}, jose.JSONWebKey{Key: sc.provider.key.Public(), KeyID: "k1"})
		}, ok, everything},
		{"two-keys-of-one-id", sets, "", func(sc *scene) {
			sc.publish(jose.JSONWebKey{Key: newECKey().Public(), KeyID: "k1"}, jose.JSONWebKey{Key: sc.provider.key.Public(), KeyID: "k1"})
		}, ok, everything},
		{"key-without-id", sets, "", func(sc *scene) {
			noID(sc)
			sc.publish(jose.JSONWebKey{Key: sc.provider.key.Public()})
		}, ok, everything},
		{"key-for-encryption", "RFC 7517 §4.2", "", func(sc *scene) {
			sc.publish(jose.JSONWebKey{Key: sc.provider.key.Public(), KeyID: "k1", Use: "enc"}, jose.JSONWebKey{Key: newECKey().Public(), KeyID: "k0"})
		}, refused, unknown},
		{"key-of-another-algorithm", "RFC 8725 §3.1", "", func(sc *scene) {
			withRSA(rsaKey, jose.RS256)(sc)
			sc.publish(jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "r1", Algorithm: "PS256"})
		}, refused, exchanged},
		{"secret-published", "RFC 8725 §3.1", "", func(sc *scene) {
			keyDocument(`{"keys":[KEY,{"kty":"oct","kid":"s1","k":"` + base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("k", 32))) + `"}]}`)(sc)
			sc.provider.sign = func(c []byte) string {
				return sc.provider.signWith([]byte(strings.Repeat("k", 32)), "s1", jose.HS256, c)
			}
		}, refused, exchanged},
		{"private-key-published", sets, "", func(sc *scene) {
			sc.publish(jose.JSONWebKey{Key: sc.provider.key, KeyID: "k1"}, jose.JSONWebKey{Key: newECKey().Public(), KeyID: "k0"})
		}, refused, unknown},
		{"rsa-of-1024-bits", strength, "", weak(1024), refused, unknown},
		{"rsa-of-512-bits", strength, "", func(sc *scene) {
			keyDocument(`{"keys":[KEY,{"kty":"RSA","kid":"r1","e":"AQAB","n":"` + base64.RawURLEncoding.EncodeToString(rsaKey().N.Bytes()[:64]) + `"}]}`)(sc)
			headed(`{"alg":"RS256","kid":"r1"}`)(sc)
		}, refused, unknown},
		{"rsa-of-16384-bits", strength, "", func(sc *scene) {
			keyDocument(`{"keys":[KEY,{"kty":"RSA","kid":"r1","e":"AQAB","n":"` + base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 2048)) + `"}]}`)(sc)
			headed(`{"alg":"RS256","kid":"r1"}`)(sc)
		}, refused, unknown},
		{"rsa-with-exponent-three", strength, "", func(sc *scene) {
			withRSA(oddRSA, jose.RS256)(sc)
			sc.publish(jose.JSONWebKey{Key: oddRSA().Public(), KeyID: "r1"})
		}, ok, everything},
		{"rsa-with-exponent-one", strength, "", func(sc *scene) {
			withRSA(rsaKey, jose.RS256)(sc)
			n := base64.RawURLEncoding.EncodeToString(rsaKey().N.Bytes())
			keyDocument(`{"keys":[KEY,{"kty":"RSA","kid":"r1","e":"AQ","n":"` + n + `"}]}`)(sc)
		}, refused, unknown},
		{"point-off-the-curve", "RFC 7518 §6.2.1", "", keyDocument(`{"keys":[{"kty":"EC","crv":"P-256","kid":"k1","x":"` + strings.Repeat("A", 42) + `E","y":"` + strings.Repeat("A", 42) + `E"}]}`), none, begun},
		{"garbage-beside-a-good-key", sets, "", keyDocument(`{"keys":[null,1,"x",{},{"kty":"new"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},KEY]}`), ok, everything},
		{"members-that-nobody-knows", sets, "", keyDocument(`{"x":{"y":[]},"keys":[KEY]}`), ok, everything},
		{"empty", sets, "", keyDocument(`{"keys":[]}`), none, begun},
		{"no-list", sets, "", keyDocument(`{"keys":{}}`), none, begun},
		{"no-set", sets, "", keyDocument(`[KEY]`), none, begun},
		{"null", sets, "", keyDocument(`null`), none, begun},
		{"list-twice", "RFC 8259 §4", "", keyDocument(`{"keys":[],"keys":[KEY]}`), none, begun},
		{"html", sets, "", answers("/keys", 200, "<html>", "Content-Type", "text/html"), none, begun},
		{"hundred-thousand", ours, "", keyDocument(`{"keys":[KEY` + strings.Repeat(`,{}`, 100_000) + `]}`), ok, everything},
		{"good-one-behind-a-hundred", ours, "", keyDocument(`{"keys":[` + strings.Repeat(`{},`, 100) + `KEY]}`), none, begun},

		{"kept-for-a-year", rotation, "", keptFor("public, max-age=31536000, immutable", 2*time.Minute), ok, everything + " discovery keys token userinfo"},
		{"not-to-be-kept", rotation, "", keptFor("no-store", 30*time.Second), ok, everything + " token userinfo"},

		{"floods", ours, "", flooding("/keys"), none, begun},
		{"drips", ours, "", dripping("/keys", 5*time.Second), auth.ProviderUnreachable, begun},
		{"hangs", ours, "", hanging("/keys", 5*time.Second), auth.ProviderUnreachable, begun},
		{"breaks-off", ours, "", reset("/keys"), auth.ProviderUnreachable, begun},
		{"compressed-without-being-asked", ours, "", answers("/keys", 200, "\x1f\x8b\x08\x00", "Content-Encoding", "gzip"), none, begun},
		{"redirect-to-a-file", ours, "", answers("/keys", 302, "", "Location", "file:///etc/passwd"), none, begun},
		{"redirect-to-the-machine-itself", ours, "", answers("/keys", 302, "", "Location", "http://169.254.169.254/keys"), none, begun},
		{"redirect-to-http", ours, "", answers("/keys", 302, "", "Location", "http://idp.example.org/keys"), none, begun},
		{"redirect-to-another-host", ours, "", answers("/keys", 302, "", "Location", "https://evil.test/keys"), none, begun},

		{"rotation-with-the-old-key-beside-the-new", rotation, rp + "-signing-key-rotation", func(sc *scene) {
			old := jose.JSONWebKey{Key: sc.provider.key.Public(), KeyID: "k1"}
			after(30*time.Second, func(sc *scene) { rotate(sc, true, old) })(sc)
		}, ok, everything + " token keys userinfo"},
		{"rotation-just-before-signing", rotation, rp + "-signing-key-rotation-just-before-signing", laterOn(0, func(*scene) {}, func(sc *scene) { rotate(sc, true) }), ok, exchanged + " keys userinfo"},
		{"rotation-that-is-not-published", rotation, "", laterOn(0, func(*scene) {}, func(sc *scene) { rotate(sc, false) }), refused, unknown},
		{"key-id-unknown-and-the-keys-hang", ours, "", func(sc *scene) {
			laterOn(0, func(*scene) {}, func(sc *scene) {
				rotate(sc, true)
				hanging("/keys", 10*time.Second)(sc)
			})(sc)
			sc.within = 10 * time.Second
		}, auth.ProviderUnreachable, unknown},
		{"key-id-unknown-and-the-keys-are-down", rotation, "", laterOn(0, func(*scene) {}, func(sc *scene) {
			rotate(sc, true)
			reset("/keys")(sc)
		}), auth.ProviderUnreachable, unknown},
		{"down-while-the-keys-are-known", rotation, "", after(2*time.Minute, reset("/keys")), ok, everything + " discovery keys token userinfo"},
		{"down-for-longer-than-a-day", rotation, "", after(25*time.Hour, reset("/keys")), auth.ProviderUnreachable, everything + " discovery keys"},
		{"emptied-while-the-keys-are-known", rotation, "", after(2*time.Minute, keyDocument(`{"keys":[]}`)), none, everything + " discovery keys"},
		{"moved-and-down", rotation, "", after(2*time.Minute, func(sc *scene) {
			publishes("jwks_uri", "https://idp.example.org/keys2")(sc)
			reset("/keys2")(sc)
		}), auth.ProviderUnreachable, everything + " discovery idp.example.org/keys2"},
		{"storm-of-unknown-key-ids", rotation, "", func(sc *scene) {
			sc.within = 10 * time.Second
			headed(`{"alg":"ES256","kid":"forged"}`)(sc)
			sc.story = func() {
				for range 3 {
					sc.visit(conformancePage)
				}
				time.Sleep(10 * time.Second)
				sc.visit(conformancePage)
			}
		}, refused, exchanged + " keys token token token keys"},
	}
}

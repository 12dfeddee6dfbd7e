package provider

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func newEC(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newRSA(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign makes a compact JWS; more is header name, value and so on.
func sign(t *testing.T, key any, alg jose.SignatureAlgorithm, payload string, more ...string) string {
	t.Helper()
	options := &jose.SignerOptions{}
	for i := 0; i+1 < len(more); i += 2 {
		options = options.WithHeader(jose.HeaderKey(more[i]), more[i+1])
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// jwk is a public key as a provider publishes it.
func jwk(t *testing.T, key crypto.PublicKey, kid, alg, use string) string {
	t.Helper()
	raw, err := json.Marshal(jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: alg, Use: use})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// keysAt are keys whose jwks_uri answers what doc says at the time.
func keysAt(doc func(ctx context.Context) (string, error)) *keySet {
	return &keySet{from: "https://idp.example.org/keys", get: func(ctx context.Context, _ string, into any) error {
		body, err := doc(ctx)
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(body), into)
	}}
}

func set(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

func TestVerifySignature(t *testing.T) {
	ec, other := newEC(t), newEC(t)
	edPublic, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	strong, weak := newRSA(t, 2048), newRSA(t, 1024)
	public, err := json.Marshal(strong.Public())
	if err != nil {
		t.Fatal(err)
	}
	secret := []byte(strings.Repeat("k", 32))
	oct := `{"kty":"oct","kid":"k1","k":"` + base64.RawURLEncoding.EncodeToString(secret) + `"}`
	n := base64.RawURLEncoding.EncodeToString(strong.N.Bytes())
	good := jwk(t, ec.Public(), "k1", "ES256", "sig")
	token := sign(t, ec, jose.ES256, "{}", "kid", "k1")
	header, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")

	for _, tt := range []struct {
		name  string
		keys  string
		token string
		want  bool
	}{
		{"key-id", set(good), token, true},
		{"no-key-id-one-key", set(good), sign(t, ec, jose.ES256, "{}"), true},
		{"no-key-id-two-keys", set(jwk(t, other.Public(), "k0", "", ""), good), sign(t, ec, jose.ES256, "{}"), true},
		{"key-without-id", set(jwk(t, ec.Public(), "", "", "")), sign(t, ec, jose.ES256, "{}"), true},
		{"same-id-for-two-keys", set(jwk(t, other.Public(), "k1", "", ""), good), token, true},
		{"garbage-beside-a-good-key", set(`{}`, `{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`, `"x"`, `null`, `{"kty":"new"}`, good), token, true},
		{"rsa", set(jwk(t, strong.Public(), "r1", "RS256", "sig")), sign(t, strong, jose.RS256, "{}", "kid", "r1"), true},
		{"rsa-pss", set(jwk(t, strong.Public(), "r1", "", "")), sign(t, strong, jose.PS256, "{}", "kid", "r1"), true},
		{"eddsa", set(jwk(t, edPublic, "e1", "EdDSA", "sig")), sign(t, ed, jose.EdDSA, "{}", "kid", "e1"), true},
		{"header-brings-its-own-place", set(good), sign(t, ec, jose.ES256, "{}", "kid", "k1", "jku", "https://evil.test/keys", "x5u", "https://evil.test/x"), true},

		{"other-key", set(good), sign(t, other, jose.ES256, "{}", "kid", "k1"), false},
		{"unknown-key-id", set(good), sign(t, ec, jose.ES256, "{}", "kid", "k2"), false},
		{"key-id-like-a-path", set(good), sign(t, ec, jose.ES256, "{}", "kid", "../../etc/passwd"), false},
		{"key-id-of-ten-kib", set(good), sign(t, ec, jose.ES256, "{}", "kid", strings.Repeat("k", 10<<10)), false},
		{"key-of-another-algorithm", set(jwk(t, strong.Public(), "r1", "PS256", "sig")), sign(t, strong, jose.RS256, "{}", "kid", "r1"), false},
		{"key-for-encryption", set(jwk(t, ec.Public(), "k1", "ES256", "enc"), jwk(t, other.Public(), "k0", "", "")), token, false},
		{"rsa-too-short", set(jwk(t, weak.Public(), "r1", "RS256", "sig"), good), sign(t, weak, jose.RS256, "{}", "kid", "r1"), false},
		{"rsa-exponent-one", set(`{"kty":"RSA","kid":"r1","e":"AQ","n":"`+n+`"}`, good), sign(t, strong, jose.RS256, "{}", "kid", "r1"), false},
		{"private-key-published", set(jwk(t, ec, "k1", "ES256", "sig"), jwk(t, other.Public(), "k0", "", "")), token, false},
		{"symmetric-key-published", set(oct, good), sign(t, secret, jose.HS256, "{}", "kid", "k1"), false},
		{"public-key-as-a-secret", set(jwk(t, strong.Public(), "r1", "", "")), sign(t, public, jose.HS256, "{}", "kid", "r1"), false},
		{"none", set(good), unsignedToken("none"), false},
		{"none-in-capitals", set(good), unsignedToken("NONE"), false},
		{"no-algorithm", set(good), base64.RawURLEncoding.EncodeToString([]byte(`{}`)) + "." + payload + ".AA", false},
		{"empty-signature", set(good), header + "." + payload + ".", false},
		{"signature-of-another-token", set(good), header + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"a":1}`)) + token[strings.LastIndexByte(token, '.'):], false},
		{"two-dots-less", set(good), "x", false},
		{"json-serialisation", set(good), `{"payload":"` + payload + `","signatures":[]}`, false},
		{"unknown-critical-header", set(good), critical(t, ec), false},
		{"embedded-key", set(good), embedded(t, other), false},
		{"no-keys", set(), token, false},
		{"keys-are-no-list", `{"keys":{}}`, token, false},
		{"not-an-object", `[]`, token, false},
		{"null", `null`, token, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := keysAt(func(context.Context) (string, error) { return tt.keys, nil })
			got, err := s.VerifySignature(t.Context(), tt.token)
			if (err == nil) != tt.want || tt.want && string(got) != "{}" {
				t.Errorf("payload %q, %v", got, err)
			}
		})
	}
}

func unsignedToken(alg string) string {
	e := base64.RawURLEncoding
	return e.EncodeToString([]byte(`{"alg":"`+alg+`","kid":"k1"}`)) + "." + e.EncodeToString([]byte(`{}`)) + "."
}

func critical(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "k1").WithHeader("crit", []string{"exp"}).WithHeader("exp", 1))
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign([]byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func embedded(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, &jose.SignerOptions{EmbedJWK: true})
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign([]byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// A provider that publishes more keys than anybody needs costs no more than
// maxKeys of them, and one that publishes none keeps the old ones in force.
func TestTake(t *testing.T) {
	s := &keySet{}
	good := jwk(t, newEC(t).Public(), "k", "ES256", "sig")
	many := set(strings.TrimSuffix(strings.Repeat(good+",", 10_000), ","))
	if err := s.take(json.RawMessage(many), time.Now()); err != nil || len(s.keys) != maxKeys {
		t.Fatalf("%d keys, %v", len(s.keys), err)
	}
	for _, doc := range []string{`{"keys":[]}`, `{"keys":[{"kty":"oct","k":"AAAA"}]}`, `null`, `{`, `"x"`} {
		if err := s.take(json.RawMessage(doc), time.Now()); !errors.Is(err, errMisconfigured) || len(s.keys) != maxKeys {
			t.Errorf("%s: %d keys, %v", doc, len(s.keys), err)
		}
	}
}

func TestUsable(t *testing.T) {
	for _, tt := range []struct {
		name string
		bits uint
		e    int
		want bool
	}{
		{"shortest", 2047, 65537, true},
		{"longest", 8191, 3, true},
		{"too-short", 2046, 65537, false},
		{"too-long", 8192, 65537, false},
		{"exponent-one", 2047, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := new(big.Int).SetBit(big.NewInt(1), int(tt.bits), 1)
			if got := usable(&jose.JSONWebKey{Key: &rsa.PublicKey{N: n, E: tt.e}}); got != tt.want {
				t.Errorf("usable is %v", got)
			}
		})
	}
}

// A thousand tokens with key IDs that nobody knows ask the provider once in
// refetchTime, and those of people who sign in at that very moment with its new
// key are good: they wait for the one fetch.
func TestUnknownKeyIDs(t *testing.T) {
	old, fresh := newEC(t), newEC(t)
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		var rotated atomic.Bool
		s := keysAt(func(ctx context.Context) (string, error) {
			asked.Add(1)
			time.Sleep(100 * time.Millisecond)
			if rotated.Load() {
				return set(jwk(t, fresh.Public(), "new", "ES256", "sig")), nil
			}
			return set(jwk(t, old.Public(), "old", "ES256", "sig")), nil
		})
		if err := s.refresh(t.Context(), s.from); err != nil {
			t.Fatal(err)
		}
		rotated.Store(true)
		time.Sleep(time.Minute)
		good := sign(t, fresh, jose.ES256, "{}", "kid", "new")
		asked.Store(0)

		var wg sync.WaitGroup
		var refused atomic.Int32
		for i := range 1000 {
			forged := sign(t, old, jose.ES256, "{}", "kid", fmt.Sprint("forged-", i))
			wg.Go(func() {
				if _, err := s.VerifySignature(t.Context(), forged); !errors.Is(err, errNoKey) {
					t.Errorf("forged: %v", err)
				}
			})
			if i%100 == 0 {
				wg.Go(func() {
					if _, err := s.VerifySignature(t.Context(), good); err != nil {
						refused.Add(1)
					}
				})
			}
		}
		wg.Wait()
		if n := refused.Load(); n != 0 {
			t.Errorf("%d of 10 good tokens were refused while the keys were fetched", n)
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("the provider was asked %d times, want once", n)
		}
		for range 100 { // half a minute of it
			time.Sleep(300 * time.Millisecond)
			s.VerifySignature(t.Context(), sign(t, old, jose.ES256, "{}", "kid", "forged"))
		}
		if n := asked.Load(); n > 4 {
			t.Errorf("the provider was asked %d times in half a minute", n)
		}
	})
}

// Whoever began a fetch may go away; the others still get their keys.
func TestFetchOutlivesItsFirstCaller(t *testing.T) {
	key := newEC(t)
	synctest.Test(t, func(t *testing.T) {
		s := keysAt(func(ctx context.Context) (string, error) {
			select {
			case <-time.After(time.Second):
				return set(jwk(t, key.Public(), "k1", "ES256", "sig")), nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		})
		token := sign(t, key, jose.ES256, "{}", "kid", "k1")
		first, hangUp := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := s.VerifySignature(first, token); !errors.Is(err, ErrKeys) || !errors.Is(err, context.Canceled) {
				t.Errorf("the first: %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if _, err := s.VerifySignature(t.Context(), token); err != nil {
				t.Errorf("the second: %v", err)
			}
		})
		wg.Go(func() {
			if err := s.refresh(t.Context(), s.from); err != nil {
				t.Errorf("fetching the metadata's keys: %v", err)
			}
		})
		synctest.Wait()
		hangUp()
		wg.Wait()
	})
}

// Keys that cannot be fetched are not "forged": the person reads that the
// provider does not answer.
func TestKeysCannotBeFetched(t *testing.T) {
	s := keysAt(func(context.Context) (string, error) { return "", errors.New("down") })
	token := sign(t, newEC(t), jose.ES256, "{}", "kid", "k1")
	if _, err := s.VerifySignature(t.Context(), token); !errors.Is(err, ErrKeys) {
		t.Errorf("got %v", err)
	}
	if _, err := s.VerifySignature(t.Context(), token); !errors.Is(err, errNoKey) || errors.Is(err, ErrKeys) {
		t.Errorf("too early to ask again: got %v", err)
	}
}

// What is published may be anything; what a token says, too.
func FuzzKeys(f *testing.F) {
	f.Add(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`, "e30.e30.AA")
	f.Add(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"OKP","crv":"Ed25519","x":""}]}`, `eyJhbGciOiJSUzI1NiJ9.e30.AA`)
	f.Add(`{"keys":[null,1,"x",[],{}]}`, "..")
	f.Fuzz(func(t *testing.T, doc, token string) {
		s := keysAt(func(context.Context) (string, error) { return doc, nil })
		if payload, err := s.VerifySignature(t.Context(), token); err == nil {
			t.Errorf("%q verifies %q as %q", doc, token, payload)
		}
	})
}

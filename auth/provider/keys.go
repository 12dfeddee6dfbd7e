package provider

// The keys with which a provider signs. They come from its jwks_uri alone:
// what a token brings along (jku, x5u, jwk, x5c) is never looked at
// (RFC 8725 §3.10).

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

const (
	// refetchTime is how often an unknown key ID may make us ask again: each
	// forged token has one.
	refetchTime = 10 * time.Second
	// keysTime is how long keys are good while their place does not answer.
	keysTime   = 24 * time.Hour
	maxKeys    = 100
	minRSA     = 2048 // bits
	maxRSA     = 8192 // bits; a signature by a key of 500,000 takes fourteen seconds to verify
	maxIDToken = 64 << 10
)

var errNoKey = errors.New("no key of the provider verifies the signature")

// ErrKeys means that nobody can say at the moment whether a signature is good: a
// key is missing, and the provider's keys cannot be fetched.
var ErrKeys = errors.New("the provider's keys cannot be fetched")

// keySet is an oidc.KeySet. Safe for parallel use.
type keySet struct {
	get func(ctx context.Context, from string, into any) error

	fetching singleflight.Group
	mu       sync.RWMutex
	from     string          // jwks_uri
	doc      json.RawMessage // as fetched
	keys     []jose.JSONWebKey
	fetched  time.Time // zero if never
	asked    time.Time // last time an unknown key ID made us ask
}

// refresh fetches the keys. On an error the old ones stay. Who comes while a
// fetch is under way waits for that one, and it does not end with the request
// that began it.
func (s *keySet) refresh(ctx context.Context, from string) error {
	return s.once(ctx, from, func(ctx context.Context) error {
		var doc json.RawMessage
		if err := s.get(ctx, from, &doc); err != nil {
			return err
		}
		if err := s.take(doc, time.Now()); err != nil {
			return err
		}
		s.mu.Lock()
		s.from = from
		s.mu.Unlock()
		return nil
	})
}

// again fetches the keys because a token names one that is not known. It does
// nothing where that was done less than refetchTime ago.
func (s *keySet) again(ctx context.Context) error {
	return s.once(ctx, "unknown key", func(ctx context.Context) error {
		if from := s.mayAsk(); from != "" {
			return s.refresh(ctx, from)
		}
		return nil
	})
}

// once runs do for everybody who asks for it under the same name at the same
// time.
func (s *keySet) once(ctx context.Context, name string, do func(context.Context) error) error {
	done := s.fetching.DoChan(name, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), outboundTime)
		defer cancel()
		return nil, do(ctx)
	})
	select {
	case result := <-done:
		return result.Err
	case <-ctx.Done():
		return fmt.Errorf("waiting for the provider's keys: %w", ctx.Err())
	}
}

// take replaces the keys. Keys that cannot be read or used are left out, one
// bad key being no reason to forget the good ones; none at all is an error.
func (s *keySet) take(doc json.RawMessage, at time.Time) error {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(doc, &set); err != nil {
		return fmt.Errorf("%w: its keys are not a JSON Web Key Set: %w", errMisconfigured, err)
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && usable(&key) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return fmt.Errorf("%w: none of its %d keys can verify a signature", errMisconfigured, len(set.Keys))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doc, s.keys, s.fetched = doc, keys, at
	return nil
}

// usable lets public signature keys through that are strong enough and not
// absurd.
func usable(key *jose.JSONWebKey) bool {
	if key.Use != "" && key.Use != "sig" || !key.Valid() {
		return false
	}
	switch k := key.Key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= minRSA && k.N.BitLen() <= maxRSA && k.E >= 3
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}

// lasting reports whether there are keys of that place which are good without
// asking it.
func (s *keySet) lasting(from string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.from == from && time.Since(s.fetched) < keysTime
}

func (s *keySet) document() json.RawMessage {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.doc
}

func (s *keySet) age() time.Time {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.fetched
}

// VerifySignature returns the payload of a compact JWS that one of the keys
// has signed; it is JSON. An unknown key ID fetches the keys anew, at most once
// in refetchTime. The error Is ErrKeys where that failed, else errNoKey or one
// of parsing.
func (s *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := s.signed(ctx, token)
	if err == nil {
		err = checkJSON(payload)
	}
	return payload, err
}

// joseHeader returns the members of a token's header (RFC 7515 §4). It refuses
// extensions that a token declares critical: there is none that we know, and
// b64 (RFC 7797), which go-jose does know, has no place in a JWT.
func joseHeader(token string) (claims, error) {
	header, err := claimsOf(token, 0)
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	for _, name := range []string{"crit", "b64"} {
		if _, present := header[name]; present {
			return nil, fmt.Errorf("header: %s is not for a JWT", name)
		}
	}
	return header, nil
}

// claimsOf reads a part of a compact JWS, 0 for its header and 1 for its claims,
// without verifying anything.
func claimsOf(token string, part int) (claims, error) {
	parts := strings.SplitN(token, ".", 4)
	if len(parts) != 3 {
		return nil, errors.New("not a compact JWS")
	}
	decoded, err := base64.RawURLEncoding.DecodeString(parts[part])
	if err != nil {
		return nil, fmt.Errorf("decoding: %w", err)
	}
	if err := checkJSON(decoded); err != nil {
		return nil, err
	}
	var c claims
	return c, json.Unmarshal(decoded, &c)
}

// isType reports whether a header's typ is this media type, with or without
// its application/ (RFC 7515 §4.1.9).
func isType(header claims, name string) bool {
	typ := strings.ToLower(header.text("typ"))
	return strings.TrimPrefix(typ, "application/") == name
}

func (s *keySet) signed(ctx context.Context, token string) ([]byte, error) {
	if _, err := joseHeader(token); err != nil {
		return nil, err
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
	})
	if err != nil {
		return nil, fmt.Errorf("parsing: %w", err)
	}
	header := jws.Signatures[0].Header
	known := s.has(header.KeyID) // before the keys may change
	if payload, ok := s.verify(jws, header); ok {
		return payload, nil
	}
	if known {
		return nil, errNoKey
	}
	err = s.again(ctx)
	if payload, ok := s.verify(jws, header); ok {
		return payload, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	return nil, errNoKey
}

// verify tries the keys that the token may mean: the ones with its key ID, or
// all where it names none. A key that names an algorithm is good for that one.
func (s *keySet) verify(jws *jose.JSONWebSignature, header jose.Header) ([]byte, bool) {
	s.mu.RLock()
	keys := slices.Clone(s.keys)
	s.mu.RUnlock()
	for i := range keys {
		if header.KeyID != "" && keys[i].KeyID != header.KeyID || keys[i].Algorithm != "" && keys[i].Algorithm != header.Algorithm {
			continue
		}
		if payload, err := jws.Verify(keys[i].Key); err == nil {
			return payload, true
		}
	}
	return nil, false
}

func (s *keySet) has(keyID string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.ContainsFunc(s.keys, func(k jose.JSONWebKey) bool { return keyID != "" && k.KeyID == keyID })
}

// mayAsk returns where to fetch the keys, and notes that it is done; "" where
// that is not known, or where it is too early.
func (s *keySet) mayAsk() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.asked) < refetchTime {
		return ""
	}
	s.asked = time.Now()
	return s.from
}

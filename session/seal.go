package session

// How a small value is put into a stranger's hands and known again when it
// comes back. securecookie does the sealing: AES-256 in counter mode, then
// HMAC-SHA256 over name, time and ciphertext. This file gives it its keys, its
// limits, and a strict reading.

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gorilla/securecookie"
)

const (
	minSecret = 32   // bytes; a shorter secret is refused
	maxSealed = 8192 // bytes; longer values are neither sealed nor looked at
)

// Sealer seals values for one purpose. What one purpose sealed no other opens,
// although all of them share the secrets: the keys come from the secret and
// the purpose by HKDF-SHA256 (RFC 5869).
//
// A Sealer is safe for many goroutines at once.
type Sealer struct {
	purpose string
	roots   [][]byte // one for each secret: HKDF's pseudorandom key
	codecs  []*securecookie.SecureCookie
}

// NewSealer returns a Sealer for the purpose, a fixed word of the program. The
// first secret seals and all of them open; to rotate, put a new one first and
// drop the old ones when what they sealed has expired. A sealed value opens for
// as long as lifetime, counted in whole seconds.
//
// It is an error to give no secret, one shorter than 32 bytes, no purpose, or a
// lifetime that is not positive.
func NewSealer(secrets [][]byte, purpose string, lifetime time.Duration) (*Sealer, error) {
	if len(secrets) == 0 {
		return nil, errors.New("sealing: no secret is given")
	}
	if purpose == "" {
		return nil, errors.New("sealing: no purpose is given")
	}
	if lifetime <= 0 {
		return nil, fmt.Errorf("sealing: the lifetime must be more than 0, got %s", lifetime)
	}
	s := &Sealer{purpose: purpose}
	for i, secret := range secrets {
		if len(secret) < minSecret {
			return nil, fmt.Errorf("sealing: secret %d must have at least %d bytes, got %d", i+1, minSecret, len(secret))
		}
		root, err := hkdf.Extract(sha256.New, secret, []byte("outpost"))
		if err != nil {
			return nil, fmt.Errorf("deriving keys: %w", err)
		}
		s.roots = append(s.roots, root)

		hash, block := s.Derive(i, "securecookie hash"), s.Derive(i, "securecookie block")
		codec := securecookie.New(hash[:], block[:]).
			SetSerializer(securecookie.NopEncoder{}).
			MaxLength(maxSealed).
			MaxAge(int((lifetime + time.Second - 1) / time.Second))
		s.codecs = append(s.codecs, codec)
	}
	return s, nil
}

// String names the purpose, so that no key is ever printed.
func (s *Sealer) String() string { return "sealer for " + s.purpose }

// GoString is String.
func (s *Sealer) GoString() string { return s.String() }

// Seal seals value under name: it will open under the same name alone. The
// value must not be empty, and what Seal returns is base64url, about twice as
// long as the value and at most 8192 bytes; longer is an error. Whether it fits
// where the caller wants to put it, a cookie of 4096 bytes say, is for the
// caller to see.
func (s *Sealer) Seal(name string, value []byte) (string, error) {
	if len(value) == 0 {
		return "", errors.New("sealing: the value is empty")
	}
	// The codec encrypts in place: it must not be handed the caller's bytes.
	sealed, err := s.codecs[0].Encode(name, append([]byte(nil), value...))
	if err != nil {
		return "", fmt.Errorf("sealing: %w", err)
	}
	return sealed, nil
}

// Open returns the value and the index of the secret that it was sealed with.
//
// The error is ErrNone for whatever this Sealer did not seal under this name,
// ErrExpired (an ErrNone too) for what it sealed longer than its lifetime ago.
// No other error is possible, and none carries any part of the value.
//
// Exactly one spelling of a sealed value opens: base64 with stray bits or line
// breaks, which the codec would let pass, does not. So a value is good as the
// key of a cache.
func (s *Sealer) Open(name, sealed string) (value []byte, secret int, err error) {
	if len(sealed) > maxSealed || !canonical(sealed) {
		return nil, 0, ErrNone
	}
	err = ErrNone
	for i, codec := range s.codecs {
		switch e := codec.Decode(name, sealed, &value); {
		case e == nil:
			return value, i, nil
		case !errors.Is(e, securecookie.ErrMacInvalid):
			// Length and base64 are known to be right, and so was the
			// MAC: it is our own work, and all that can be wrong with
			// that is its age.
			err = ErrExpired
		}
	}
	return nil, 0, err
}

// canonical reports whether sealed is the one way to spell its bytes in
// base64url: padded, no line breaks, no stray bits at the end.
func canonical(sealed string) bool {
	_, err := base64.URLEncoding.Strict().DecodeString(sealed)
	return err == nil && !strings.ContainsAny(sealed, "\r\n")
}

// Derive returns 32 bytes that nobody can compute without the secret, for the
// label and the parts (HKDF-SHA256, RFC 5869 §2.3). Each part is prefixed with
// its length, so that no two lists of parts are alike. Sealers of different
// purposes derive different bytes.
//
// secret is an index into the list of NewSealer, as Open returns it; another
// one panics.
func (s *Sealer) Derive(secret int, label string, parts ...[]byte) [32]byte {
	var info []byte
	for _, p := range append([][]byte{[]byte(s.purpose), []byte(label)}, parts...) {
		info = binary.BigEndian.AppendUint64(info, uint64(len(p)))
		info = append(info, p...)
	}
	key, err := hkdf.Expand(sha256.New, s.roots[secret], string(info), 32)
	if err != nil {
		// Expand fails for lengths above 255 hashes alone, and in FIPS
		// mode for keys below 112 bits. Neither can be.
		panic("session: deriving a key: " + err.Error())
	}
	return [32]byte(key)
}

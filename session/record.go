package session

// What a record looks like at rest, and how it is found again.
//
//	sealed  = version (1 byte) ‖ nonce ‖ AES-256-GCM(plain), with version ‖ key
//	          as associated data, so that no record can be moved to another key
//	plain   = length of head ‖ head ‖ tokens
//	head    = the fields of Session in the order of appendHead
//	tokens  = those of Session in the order of tokensOf; nothing if it has none
//
// Lengths are unsigned varints. The tokens stand last, and apart, so that the
// hot cache can have all else in one string without them.
//
// Version 3 had in its head no further claims. Version 2 had neither device nor
// address besides. Version 1 had neither amr, acr nor the last recheck either,
// and of the tokens the ID token alone, without a length.

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// recordVersion is the first byte of every record. A change to head needs a
// new number, and a reader that still knows the old one.
const recordVersion = 4

// What can be wrong with a record. Both end as ErrNone, with a log line.
var (
	errRecordVersion = errors.New("the record has a format that this version does not know")
	errRecordForged  = errors.New("the record was not sealed with any of the secrets for this key")
	errRecordFormat  = errors.New("the record does not read as a session")
)

// recordKeys seals and opens records and computes their indexes; one entry for
// each secret, and the first one writes.
type recordKeys struct {
	aeads   []cipher.AEAD
	indexes [][32]byte
}

func newRecordKeys(s *Sealer, secrets int) (recordKeys, error) {
	var k recordKeys
	for i := range secrets {
		key := s.Derive(i, "record")
		block, err := aes.NewCipher(key[:])
		if err != nil {
			return recordKeys{}, fmt.Errorf("deriving keys: %w", err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return recordKeys{}, fmt.Errorf("deriving keys: %w", err)
		}
		k.aeads = append(k.aeads, aead)
		k.indexes = append(k.indexes, s.Derive(i, "index"))
	}
	return k, nil
}

// record returns what the store keeps of the session.
func (k *recordKeys) record(sess *Session, seen time.Time) Record {
	head := appendHead(nil, sess)
	plain := binary.AppendUvarint(nil, uint64(len(head)))
	plain = append(plain, head...)
	for _, token := range tokensOf(sess) {
		plain = appendString(plain, *token)
	}

	r := Record{
		Sealed:  k.aeads[0].Seal([]byte{recordVersion}, nil, plain, associated(recordVersion, sess.Key)),
		Expires: sess.Expires,
		Seen:    seen,
	}
	id := sess.Identity
	if id.Subject != "" {
		r.Indexes = append(r.Indexes, index(k.indexes[0], "sub", id.Issuer, id.Subject))
	}
	if sess.SID != "" {
		r.Indexes = append(r.Indexes, index(k.indexes[0], "sid", id.Issuer, sess.SID))
	}
	return r
}

// tokensOf are the fields that the hot cache does not hold.
func tokensOf(s *Session) []*string {
	return []*string{&s.IDToken, &s.Nonce, &s.RefreshToken, &s.AccessToken}
}

// open returns the session of a record, tokens and all.
func (k *recordKeys) open(key Key, sealed []byte) (Session, error) {
	if len(sealed) == 0 || sealed[0] == 0 || sealed[0] > recordVersion {
		return Session{}, errRecordVersion
	}
	version := sealed[0]
	for _, aead := range k.aeads {
		plain, err := aead.Open(nil, nil, sealed[1:], associated(version, key))
		if err != nil {
			continue
		}
		sess, err := readPlain(version, plain)
		sess.Key = key
		return sess, err
	}
	return Session{}, errRecordForged
}

// find returns the indexes under which the sessions of a person (kind sub), or of
// one session at the provider (sid), are kept: one for each secret.
func (k *recordKeys) find(kind, issuer, value string) []Key {
	keys := make([]Key, len(k.indexes))
	for i, secret := range k.indexes {
		keys[i] = index(secret, kind, issuer, value)
	}
	return keys
}

func index(secret [32]byte, parts ...string) Key {
	mac := hmac.New(sha256.New, secret[:])
	for _, p := range parts {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		mac.Write([]byte(p))
	}
	return Key(mac.Sum(nil))
}

func associated(version byte, key Key) []byte {
	return append([]byte{version}, key[:]...)
}

// appendHead writes every field but Key and the tokens. readHead is its mirror.
func appendHead(b []byte, s *Session) []byte {
	id := &s.Identity
	for _, v := range []string{s.Application, s.Provider, s.SID, id.Issuer, id.Subject, id.Username, id.Name, id.Email} {
		b = appendString(b, v)
	}
	var verified byte
	if id.EmailVerified {
		verified = 1
	}
	b = append(b, verified)
	b = appendStrings(b, id.Groups)
	b = appendStrings(b, id.Entitlements)
	b = appendStrings(b, s.AMR)
	for _, v := range []string{s.ACR, s.Device, s.Address} {
		b = appendString(b, v)
	}
	b = binary.AppendUvarint(b, uint64(len(id.Claims)))
	for _, path := range slices.Sorted(maps.Keys(id.Claims)) {
		b = appendStrings(appendString(b, path), id.Claims[path])
	}
	for _, t := range []time.Time{s.Created, s.AuthTime, s.Expires, s.Rechecked} {
		b = binary.AppendVarint(b, t.Unix())
		b = binary.AppendUvarint(b, uint64(t.Nanosecond()))
	}
	return b
}

func appendStrings(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, v := range list {
		b = appendString(b, v)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func readPlain(version byte, plain []byte) (Session, error) {
	n, size := binary.Uvarint(plain)
	if size <= 0 || n > uint64(len(plain)-size) {
		return Session{}, errRecordFormat
	}
	r := reader{rest: string(plain[size : size+int(n)])}
	sess := r.readHead(version)
	if r.bad || r.rest != "" {
		return Session{}, errRecordFormat
	}
	r.rest = string(plain[size+int(n):]) // a string of its own: what keeps the head need not keep the tokens
	if version == 1 {
		sess.IDToken = r.rest
		return sess, nil
	}
	for _, token := range tokensOf(&sess) {
		*token = r.string()
	}
	if r.bad || r.rest != "" {
		return Session{}, errRecordFormat
	}
	return sess, nil
}

// reader takes fields off the front of a head. After the first that does not
// fit it is bad, and gives nothing more.
type reader struct {
	rest string
	bad  bool
}

func (r *reader) readHead(version byte) (s Session) {
	id := &s.Identity
	for _, v := range []*string{&s.Application, &s.Provider, &s.SID, &id.Issuer, &id.Subject, &id.Username, &id.Name, &id.Email} {
		*v = r.string()
	}
	id.EmailVerified = r.bool()
	id.Groups = r.strings()
	id.Entitlements = r.strings()
	if version > 1 {
		s.AMR = r.strings()
		s.ACR = r.string()
	}
	if version > 2 {
		s.Device, s.Address = r.string(), r.string()
	}
	if version > 3 {
		id.Claims = r.claims()
	}
	for _, t := range []*time.Time{&s.Created, &s.AuthTime, &s.Expires} {
		*t = r.time()
	}
	if version > 1 {
		s.Rechecked = r.time()
	}
	return s
}

func (r *reader) take(n uint64) string {
	if r.bad || n > uint64(len(r.rest)) {
		r.bad, r.rest = true, ""
		return ""
	}
	v := r.rest[:n]
	r.rest = r.rest[n:]
	return v
}

func (r *reader) uvarint() uint64 {
	// The bytes are few: copying them keeps the head one string.
	var buf [binary.MaxVarintLen64]byte
	v, size := binary.Uvarint(buf[:copy(buf[:], r.rest)])
	if size <= 0 {
		r.bad, r.rest = true, ""
		return 0
	}
	r.take(uint64(size))
	return v
}

func (r *reader) varint() int64 {
	// As binary.Varint does: the sign is in the lowest bit.
	u := r.uvarint()
	v := int64(u >> 1)
	if u&1 != 0 {
		v = ^v
	}
	return v
}

func (r *reader) string() string { return r.take(r.uvarint()) }

func (r *reader) bool() bool {
	switch r.take(1) {
	case "\x00":
		return false
	case "\x01":
		return true
	}
	r.bad = true
	return false
}

func (r *reader) strings() []string {
	n := r.uvarint()
	if n > uint64(len(r.rest)) { // each takes one byte at least
		r.bad, r.rest = true, ""
		return nil
	}
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.string()
	}
	return list
}

func (r *reader) claims() map[string][]string {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, ""
		return nil
	}
	if n == 0 {
		return nil
	}
	claims := make(map[string][]string, n)
	for range n {
		claims[r.string()] = r.strings()
	}
	return claims
}

func (r *reader) time() time.Time {
	sec, nsec := r.varint(), r.uvarint()
	if nsec >= uint64(time.Second) {
		r.bad = true
		return time.Time{}
	}
	return time.Unix(sec, int64(nsec)).UTC()
}

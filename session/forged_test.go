package session_test

// What a stranger may try: values that were never sealed here, values of
// another purpose or cookie, records moved about, a stolen store.

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"outpost/session"
	"outpost/session/file"
)

func TestChangedValuesOpenNothing(t *testing.T) {
	store := &shaky{Store: newMemory()}
	s := newSessions(t, session.Config{Store: store})
	value, _ := create(t, s, alice())
	try := func(what, value string) {
		t.Helper()
		if _, err := s.Find(t.Context(), cookie, value); !errors.Is(err, session.ErrNone) {
			t.Errorf("%s: %v, want ErrNone", what, err)
		}
	}
	for i := range value {
		try("truncated at the end", value[:i])
		try("truncated at the start", value[i+1:])
		for bit := range 8 {
			changed := []byte(value)
			changed[i] ^= 1 << bit
			try("bit flipped", string(changed))
		}
		try("byte left out", value[:i]+value[i+1:])
		for _, extra := range []string{"A", "=", "\n", "\r\n", " ", "\x00", "%3D"} {
			try("extended", value[:i]+extra+value[i:])
		}
	}
	for _, extra := range []string{"A", "AAAA", "=", "====", "\n", ";", ",", `"`, value} {
		try("extended at the end", value+extra)
		try("extended at the start", extra+value)
	}
	try("quoted", `"`+value+`"`)
	try("lower case", strings.ToLower(value))
	try("other alphabet", strings.NewReplacer("-", "+", "_", "/").Replace(value+"-"))
	try("empty", "")
	if n := store.loads.Load(); n != 0 {
		t.Errorf("the store was asked %d times for values that were not sealed", n)
	}
	mustFind(t, s, value)
}

func TestFuzzedValuesOpenNothing(t *testing.T) {
	store := &shaky{Store: newMemory()}
	s := newSessions(t, session.Config{Store: store, Secrets: secrets("a", "b", "c")})
	value, _ := create(t, s, alice())
	decoded, err := base64.URLEncoding.DecodeString(value)
	if err != nil {
		t.Fatalf("decoding: %v", err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		var v []byte
		switch rng.IntN(4) {
		case 0: // noise
			v = make([]byte, rng.IntN(300))
			for i := range v {
				v[i] = byte(rng.Uint32())
			}
		case 1: // noise that reads as base64
			raw := make([]byte, rng.IntN(150))
			for i := range raw {
				raw[i] = byte(rng.Uint32())
			}
			v = []byte(base64.URLEncoding.EncodeToString(raw))
		case 2: // a sealed value, changed within
			raw := bytes.Clone(decoded)
			for range 1 + rng.IntN(4) {
				raw[rng.IntN(len(raw))] ^= byte(1 + rng.IntN(255))
			}
			v = []byte(base64.URLEncoding.EncodeToString(raw))
		default: // a sealed value, cut and put together anew
			at, to := rng.IntN(len(decoded)), rng.IntN(len(decoded))
			raw := append(bytes.Clone(decoded[:at]), decoded[to:]...)
			if bytes.Equal(raw, decoded) {
				continue
			}
			v = []byte(base64.URLEncoding.EncodeToString(raw))
		}
		if l, err := s.Find(t.Context(), cookie, string(v)); l != nil || !errors.Is(err, session.ErrNone) {
			t.Fatalf("Find(%q) = %v, %v; want ErrNone", v, l, err)
		}
	}
	if n := store.loads.Load(); n != 0 {
		t.Errorf("the store was asked %d times for values that were not sealed", n)
	}
}

// Another Sealer over the same secrets, for another purpose, does not make
// sessions; nor does one for this purpose that seals something else.
func TestPurposesDoNotCross(t *testing.T) {
	s := newSessions(t, session.Config{Secrets: secrets("a")})
	value, _ := create(t, s, alice())
	for _, purpose := range []string{"state", "Session", "session ", "sessions", "securecookie hash"} {
		other, err := session.NewSealer(secrets("a"), purpose, day)
		if err != nil {
			t.Fatalf("NewSealer: %v", err)
		}
		if _, _, err := other.Open(cookie, value); !errors.Is(err, session.ErrNone) {
			t.Errorf("%q opens a session's ticket: %v", purpose, err)
		}
		forged, err := other.Seal(cookie, bytes.Repeat([]byte("t"), 32))
		if err != nil {
			t.Fatalf("Seal: %v", err)
		}
		wantNone(t, s, cookie, forged)
	}
	same, err := session.NewSealer(secrets("a"), "session", day)
	if err != nil {
		t.Fatalf("NewSealer: %v", err)
	}
	if ticket, _, err := same.Open(cookie, value); len(ticket) != 32 || err != nil {
		t.Errorf("the ticket has %d bytes, %v; want 32", len(ticket), err)
	}
	for _, n := range []int{1, 31, 32, 33} {
		sealed, err := same.Seal(cookie, make([]byte, n))
		if err != nil {
			t.Fatalf("Seal: %v", err)
		}
		wantNone(t, s, cookie, sealed)
	}
}

func TestChangedRecordsOpenNothing(t *testing.T) {
	store := newMemory()
	var log logged
	fresh := func() *session.Sessions {
		return newSessions(t, session.Config{Store: store, Log: log.logger()})
	}
	mallory := alice()
	mallory.Identity.Subject = "mallory"
	value, key := create(t, fresh(), mallory)
	_, admin := create(t, fresh(), alice())
	mine, err := store.Load(t.Context(), key)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	theirs, err := store.Load(t.Context(), admin)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	try := func(what string, sealed []byte) {
		t.Helper()
		r := mine
		r.Sealed = sealed
		if err := store.Save(t.Context(), key, r); err != nil {
			t.Fatalf("Save: %v", err)
		}
		before := len(log.String())
		wantNone(t, fresh(), cookie, value)
		if _, err := fresh().Load(t.Context(), key); !errors.Is(err, session.ErrNone) {
			t.Errorf("%s: Load: %v, want ErrNone", what, err)
		}
		if line := log.String()[before:]; !strings.Contains(line, key.String()) || !strings.Contains(line, "cannot be read") {
			t.Errorf("%s: logged %q", what, line)
		}
	}
	try("the record of another key", theirs.Sealed)
	try("empty", nil)
	try("cut to its version", mine.Sealed[:1])
	for i := range mine.Sealed {
		changed := bytes.Clone(mine.Sealed)
		changed[i] ^= 1
		try("bit flipped", changed)
	}
	try("truncated", mine.Sealed[:len(mine.Sealed)-1])
	try("extended", append(bytes.Clone(mine.Sealed), 0))

	if err := store.Save(t.Context(), key, mine); err != nil {
		t.Fatalf("Save: %v", err)
	}
	mustFind(t, fresh(), value)
}

// The times that stand beside the sealed record are the store's to keep. Who
// can write to the store cannot move the end by them.
func TestStoredTimesDoNotExtend(t *testing.T) {
	store := newMemory()
	value, key := create(t, newSessions(t, session.Config{Store: store}), alice())
	r, err := store.Load(t.Context(), key)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	r.Expires, r.Seen = r.Expires.Add(1000*day), r.Seen.Add(1000*day)
	if err := store.Save(t.Context(), key, r); err != nil {
		t.Fatalf("Save: %v", err)
	}
	l := mustFind(t, newSessions(t, session.Config{Store: store}), value)
	if end := l.Session().Expires; end.After(time.Now().Add(day)) {
		t.Errorf("it ends at %v", end)
	}
}

// Nothing that a thief finds in the file is a cookie, nor tells who signed in.
func TestStolenFileOpensNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sessions.db")
	store, err := file.Open(path, nil)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	s := newSessions(t, session.Config{Store: store, Idle: time.Hour})
	var values []string
	for range 3 {
		value, _ := create(t, s, alice())
		mustFind(t, s, value).Accept(time.Now())
		values = append(values, value)
	}
	flush(t, s)
	stolen, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("reading the file: %v", err)
	}

	same, err := session.NewSealer(secrets("a"), "session", day)
	if err != nil {
		t.Fatalf("NewSealer: %v", err)
	}
	tell := [][]byte{[]byte("alice"), []byte("idp.example.com"), []byte("5f0c1e4b"), []byte("admins"), []byte("eyJ"), []byte("the-provider-calls")}
	for _, value := range values {
		ticket, _, err := same.Open(cookie, value)
		if err != nil {
			t.Fatalf("Open: %v", err)
		}
		tell = append(tell, []byte(value), ticket, []byte(hex.EncodeToString(ticket)))
	}
	for _, secret := range tell {
		if bytes.Contains(stolen, secret) {
			t.Errorf("the file holds %q", secret)
		}
	}

	tried := 0
	try := func(value string) {
		if _, err := s.Find(t.Context(), cookie, value); !errors.Is(err, session.ErrNone) {
			t.Errorf("Find(%q): %v, want ErrNone", value, err)
		}
		tried++
	}
	for _, run := range bytes.FieldsFunc(stolen, func(r rune) bool { return r < '!' || r > '~' }) {
		try(string(run))
	}
	zero := make([]byte, 32)
	for i := 0; i+32 <= len(stolen); i++ {
		window := stolen[i : i+32]
		if bytes.Equal(window, zero) {
			continue
		}
		try(string(window))
		try(hex.EncodeToString(window))
		try(base64.URLEncoding.EncodeToString(window))
	}
	if tried < 10_000 {
		t.Errorf("only %d values were tried", tried)
	}
}

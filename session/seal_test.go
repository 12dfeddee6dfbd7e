package session_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outpost/session"
)

func newSealer(t testing.TB, secrets [][]byte, purpose string) *session.Sealer {
	t.Helper()
	s, err := session.NewSealer(secrets, purpose, time.Hour)
	if err != nil {
		t.Fatalf("NewSealer: %v", err)
	}
	return s
}

func seal(t testing.TB, s *session.Sealer, name string, value []byte) string {
	t.Helper()
	sealed, err := s.Seal(name, value)
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	return sealed
}

func TestSealAndOpen(t *testing.T) {
	s := newSealer(t, secrets("a"), "state")
	for _, n := range []int{1, 2, 3, 16, 32, 100, 2000} {
		value := bytes.Repeat([]byte{0xfe}, n)
		given := bytes.Clone(value)
		sealed := seal(t, s, "name", given)
		if !bytes.Equal(given, value) {
			t.Errorf("%d bytes: Seal changed what it was given", n)
		}
		if again := seal(t, s, "name", value); again == sealed {
			t.Errorf("%d bytes: the same value is sealed alike twice", n)
		}
		got, secret, err := s.Open("name", sealed)
		if !bytes.Equal(got, value) || secret != 0 || err != nil {
			t.Errorf("%d bytes: Open = %x, %d, %v", n, got, secret, err)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	s := newSealer(t, secrets("a"), "state")
	for _, n := range []int{0, 5000} { // an empty value could not be opened again
		if sealed, err := s.Seal("name", make([]byte, n)); err == nil {
			t.Errorf("%d bytes were sealed in %d", n, len(sealed))
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	s := newSealer(t, secrets("a"), "state")
	sealed := seal(t, s, "name", []byte("value"))
	tests := []struct {
		name      string
		by        *session.Sealer
		as        string
		presented string
	}{
		{"other-name", s, "nam", sealed},
		{"name-with-separator", s, "name|1", sealed},
		{"other-purpose", newSealer(t, secrets("a"), "stat"), "name", sealed},
		{"other-secret", newSealer(t, secrets("b"), "state"), "name", sealed},
		{"empty", s, "name", ""},
		{"not-base64", s, "name", "!!!!"},
		{"too-long", s, "name", strings.Repeat("A", 8196)},
		{"twice", s, "name", sealed + sealed},
		{"line-break", s, "name", sealed[:4] + "\n" + sealed[4:]},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			value, _, err := test.by.Open(test.as, test.presented)
			if value != nil || !errors.Is(err, session.ErrNone) || errors.Is(err, session.ErrExpired) {
				t.Errorf("Open = %q, %v; want ErrNone", value, err)
			}
		})
	}
}

// Base64 leaves bits over that decoders pass by. They must not make a second
// spelling of the same value: each would have a place in the cache.
func TestOneSpelling(t *testing.T) {
	s := newSealer(t, secrets("a"), "state")
	alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	padded := 0
	for n := 1; n <= 9; n++ {
		sealed := seal(t, s, "name", make([]byte, n))
		last := len(strings.TrimRight(sealed, "=")) - 1
		if last == len(sealed)-1 {
			continue
		}
		padded++
		for _, c := range alphabet {
			other := sealed[:last] + string(c) + sealed[last+1:]
			_, _, err := s.Open("name", other)
			if (err == nil) != (other == sealed) {
				t.Errorf("the last digit %q for %q: %v", c, sealed[last], err)
			}
		}
	}
	if padded == 0 {
		t.Error("no value had bits left over")
	}
}

func TestSealExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSealer(t, secrets("new", "old"), "state")
		old := newSealer(t, secrets("old"), "state")
		sealed := seal(t, s, "name", []byte("value"))
		sealedOld := seal(t, old, "name", []byte("value"))
		time.Sleep(time.Hour)
		for i, v := range []string{sealed, sealedOld} {
			if _, secret, err := s.Open("name", v); secret != i || err != nil {
				t.Errorf("after an hour: secret %d, %v; want %d", secret, err, i)
			}
		}
		time.Sleep(time.Second)
		for _, v := range []string{sealed, sealedOld} {
			_, _, err := s.Open("name", v)
			if !errors.Is(err, session.ErrExpired) || !errors.Is(err, session.ErrNone) {
				t.Errorf("a second later: %v, want ErrExpired", err)
			}
		}
		// Too old and forged is forged.
		for name, by := range map[string]*session.Sealer{"other": s, "name": newSealer(t, secrets("x"), "state")} {
			if _, _, err := by.Open(name, sealed); errors.Is(err, session.ErrExpired) || !errors.Is(err, session.ErrNone) {
				t.Errorf("as %s by %v: %v, want ErrNone alone", name, by, err)
			}
		}
	})
}

// A lifetime that is no whole number of seconds is not cut short.
func TestSealLifetimeRoundsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := session.NewSealer(secrets("a"), "state", 1500*time.Millisecond)
		if err != nil {
			t.Fatalf("NewSealer: %v", err)
		}
		sealed := seal(t, s, "name", []byte("value"))
		time.Sleep(1500 * time.Millisecond)
		if _, _, err := s.Open("name", sealed); err != nil {
			t.Errorf("Open: %v", err)
		}
		time.Sleep(2 * time.Second)
		if _, _, err := s.Open("name", sealed); !errors.Is(err, session.ErrExpired) {
			t.Errorf("Open: %v, want ErrExpired", err)
		}
	})
}

func TestNewSealerRefuses(t *testing.T) {
	tests := []struct {
		name     string
		secrets  [][]byte
		purpose  string
		lifetime time.Duration
	}{
		{"no-secrets", nil, "state", time.Hour},
		{"empty-secret", [][]byte{{}}, "state", time.Hour},
		{"short-secret", [][]byte{make([]byte, 31)}, "state", time.Hour},
		{"short-second-secret", append(secrets("a"), make([]byte, 31)), "state", time.Hour},
		{"no-purpose", secrets("a"), "", time.Hour},
		{"no-lifetime", secrets("a"), "state", 0},
		{"negative-lifetime", secrets("a"), "state", -time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := session.NewSealer(test.secrets, test.purpose, test.lifetime); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestDerive(t *testing.T) {
	s := newSealer(t, secrets("a", "b"), "state")
	part := func(parts ...string) (list [][]byte) {
		for _, p := range parts {
			list = append(list, []byte(p))
		}
		return list
	}
	derived := map[string][32]byte{
		"plain":             s.Derive(0, "nonce", part("x", "y")...),
		"other secret":      s.Derive(1, "nonce", part("x", "y")...),
		"other label":       s.Derive(0, "verifier", part("x", "y")...),
		"other purpose":     newSealer(t, secrets("a"), "session").Derive(0, "nonce", part("x", "y")...),
		"other parts":       s.Derive(0, "nonce", part("x", "z")...),
		"parts moved":       s.Derive(0, "nonce", part("xy", "")...),
		"parts joined":      s.Derive(0, "nonce", part("xy")...),
		"no parts":          s.Derive(0, "nonce"),
		"empty part":        s.Derive(0, "nonce", nil),
		"label and part":    s.Derive(0, "noncex", part("y")...),
		"label is all":      s.Derive(0, "noncexy"),
		"securecookie hash": s.Derive(0, "securecookie hash"),
	}
	seen := make(map[[32]byte]string)
	for name, key := range derived {
		if other, ok := seen[key]; ok {
			t.Errorf("%q and %q derive the same", name, other)
		}
		seen[key] = name
	}
	if derived["plain"] != newSealer(t, secrets("a"), "state").Derive(0, "nonce", part("x", "y")...) {
		t.Error("the same does not derive the same")
	}
}

func FuzzSealerOpen(f *testing.F) {
	s := newSealer(f, secrets("a", "b"), "state")
	ours := map[string]bool{} // values, since each process of a fuzz run seals them anew
	for _, value := range []string{"v", "value", strings.Repeat("long", 300)} {
		sealed := seal(f, s, "name", []byte(value))
		ours[value] = true
		f.Add("name", sealed)
		raw, err := base64.URLEncoding.DecodeString(sealed)
		if err != nil {
			f.Fatalf("decoding: %v", err)
		}
		f.Add("name", string(raw))
		f.Add("name", sealed[:len(sealed)-4])
	}
	f.Add("", "")
	f.Add("a|1", "MXx8")
	f.Fuzz(func(t *testing.T, name, sealed string) {
		value, _, err := s.Open(name, sealed)
		switch {
		case err == nil && !(name == "name" && ours[string(value)]):
			t.Errorf("%q opened as %q under %q", sealed, value, name)
		case err != nil && (value != nil || !errors.Is(err, session.ErrNone)):
			t.Errorf("Open = %q, %v; want ErrNone", value, err)
		}
	})
}

package session

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func testKeys(t testing.TB, secrets ...byte) recordKeys {
	t.Helper()
	var list [][]byte
	for _, b := range secrets {
		list = append(list, bytes.Repeat([]byte{b}, 32))
	}
	s, err := NewSealer(list, "session", time.Hour)
	if err != nil {
		t.Fatalf("NewSealer: %v", err)
	}
	k, err := newRecordKeys(s, len(list))
	if err != nil {
		t.Fatalf("newRecordKeys: %v", err)
	}
	return k
}

// filled returns a session with something of its own in every field there is, so
// that a field which the record forgets is found out on the day it is added.
func filled(t testing.TB) Session {
	t.Helper()
	var s Session
	n := 0
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		n++
		switch p := v.Addr().Interface().(type) {
		case *Key:
			p[0] = byte(n)
			return
		case *time.Time:
			*p = time.Unix(int64(1_700_000_000+n), int64(n)).UTC()
			return
		}
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		case reflect.String:
			v.SetString("value " + string(rune('a'+n)))
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			fill(v.Index(0))
			fill(v.Index(1))
		case reflect.Map:
			v.Set(reflect.ValueOf(map[string][]string{"department": {"it"}, "address.country": {"de", ""}, "": nil}))
		default:
			t.Fatalf("a field of kind %v: teach the record and this test about it", v.Kind())
		}
	}
	fill(reflect.ValueOf(&s).Elem())
	return s
}

func TestRecordKeepsEveryField(t *testing.T) {
	keys := testKeys(t, 1)
	empty := Session{Key: Key{9}, Created: time.Unix(0, 0).UTC(), Expires: time.Unix(0, 0).UTC()}
	odd := filled(t)
	odd.Identity.Username = "\x00\xff; ü\n"
	odd.Identity.Groups = []string{"", "a", ""}
	odd.AuthTime = time.Date(3999, 1, 1, 0, 0, 0, 999999999, time.UTC)
	odd.Created = time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, want := range map[string]Session{"filled": filled(t), "empty": empty, "odd": odd} {
		r := keys.record(&want, want.Created)
		got, err := keys.open(want.Key, r.Sealed)
		if err != nil {
			t.Fatalf("%s: open: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A record that an earlier release has written must open for as long as its
// version is known. This one is never made anew: where the format changes it gets
// a new version and a test of its own.
func TestRecordVersion1StillOpens(t *testing.T) {
	sealed, err := hex.DecodeString(recordOfVersion1)
	if err != nil {
		t.Fatalf("decoding: %v", err)
	}
	want := Session{
		Key:         Key{1, 2, 3},
		Application: "home",
		Provider:    "idp",
		Identity: Identity{
			Issuer:        "https://idp.example.com",
			Subject:       "5f0c1e4b",
			Username:      "alice",
			Name:          "Alice Ängström",
			Email:         "alice@example.com",
			EmailVerified: true,
			Groups:        []string{"users", "admins"},
			Entitlements:  []string{"printing"},
		},
		SID:      "sid",
		IDToken:  "the.id.token",
		Created:  time.Unix(1_700_000_000, 1).UTC(),
		AuthTime: time.Unix(1_699_999_999, 0).UTC(),
		Expires:  time.Unix(1_700_086_400, 1).UTC(),
	}
	keys := testKeys(t, 1)
	got, err := keys.open(want.Key, sealed)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("it reads (-want +got):\n%s", diff)
	}
}

const recordOfVersion1 = "015df3f460630ea7bae4a70c5a6f618f74d833dabdb448d16e6c9e554d6c16e0d2bec3e5bf8651b9c774a41303d5c8099dcf3356494cac1a1ed9e04b3146699f7c536dc8b9764f68f6292d66abe3619c026f45c66731959d7777823a3961020af13381fad2ce07118047787dbf2912867bfbaa8a6b35d9eddc3ae382dfccde4c6be4d2bf073ef5aabaf7db1a8555722aefd1837712a94d31628de00711d037d459c6d2502849360da84c8b68fa"

func TestOpenRecordRefuses(t *testing.T) {
	keys := testKeys(t, 1)
	s := filled(t)
	r := keys.record(&s, s.Created)
	other := Key{1, 2, 3}
	newer := bytes.Clone(r.Sealed)
	newer[0] = recordVersion + 1
	noise := keys.aeads[0].Seal([]byte{recordVersion}, nil, []byte("\x05noise"), associated(recordVersion, s.Key))
	tests := []struct {
		name   string
		keys   recordKeys
		key    Key
		sealed []byte
		want   error
	}{
		{"other-key", keys, other, r.Sealed, errRecordForged},
		{"other-secret", testKeys(t, 2, 3), s.Key, r.Sealed, errRecordForged},
		{"newer-version", keys, s.Key, newer, errRecordVersion},
		{"empty", keys, s.Key, nil, errRecordVersion},
		{"version-alone", keys, s.Key, r.Sealed[:1], errRecordForged},
		{"sealed-noise", keys, s.Key, noise, errRecordFormat},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.keys.open(test.key, test.sealed)
			if !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if got.Identity.Subject != "" {
				t.Errorf("with the error came %#v", got.Identity)
			}
		})
	}
}

// As above, for version 2.
func TestRecordVersion2StillOpens(t *testing.T) {
	sealed, err := hex.DecodeString(recordOfVersion2)
	if err != nil {
		t.Fatalf("decoding: %v", err)
	}
	want := Session{
		Key:         Key{1, 2, 3},
		Application: "home",
		Provider:    "idp",
		Identity: Identity{
			Issuer:   "https://idp.example.com",
			Subject:  "5f0c1e4b",
			Username: "alice",
			Groups:   []string{"users", "admins"},
		},
		SID:          "sid",
		AMR:          []string{"pwd", "otp"},
		ACR:          "2",
		Created:      time.Unix(1_700_000_000, 1).UTC(),
		AuthTime:     time.Unix(1_699_999_999, 0).UTC(),
		Rechecked:    time.Unix(1_700_000_900, 2).UTC(),
		Expires:      time.Unix(1_700_086_400, 1).UTC(),
		IDToken:      "the.id.token",
		Nonce:        "n",
		RefreshToken: "r1",
		AccessToken:  "a",
	}
	keys := testKeys(t, 1)
	got, err := keys.open(want.Key, sealed)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("it reads (-want +got):\n%s", diff)
	}
}

const recordOfVersion2 = "02f1c24649f5db6c0bdef058a33a5813ec72a2b5fab810e269d924b929f1f68a8df0b0b850b062399d69fbfcbbe257c101f8838edc291958578d6c1f980406f802c050b210f55b431871efcf1434109d93afec0442d9527d3c6be8e84c872c061bf50c0bf4c56fb237f3ae59cfaffe872f58179b7b07bd086a9cd95536fc3a4e4a948d27a31952d28d540d669a51d4ccb94d53aebbcaab820a0ec5"

// As above, for version 3.
func TestRecordVersion3StillOpens(t *testing.T) {
	sealed, err := hex.DecodeString(recordOfVersion3)
	if err != nil {
		t.Fatalf("decoding: %v", err)
	}
	want := Session{
		Key:         Key{1, 2, 3},
		Application: "home",
		Provider:    "idp",
		Identity:    Identity{Issuer: "https://idp.example.com", Subject: "5f0c1e4b", Username: "alice", Groups: []string{"users"}},
		SID:         "sid",
		AMR:         []string{"pwd"},
		ACR:         "2",
		Device:      "Firefox on Linux",
		Address:     "192.0.2.7",
		Created:     time.Unix(1_700_000_000, 1).UTC(),
		AuthTime:    time.Unix(1_699_999_999, 0).UTC(),
		Rechecked:   time.Unix(1_700_000_900, 2).UTC(),
		Expires:     time.Unix(1_700_086_400, 1).UTC(),
		IDToken:     "the.id.token",
		Nonce:       "n",
	}
	keys := testKeys(t, 1)
	got, err := keys.open(want.Key, sealed)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("it reads (-want +got):\n%s", diff)
	}
}

const recordOfVersion3 = "03502b3c116b62f260b21c7a59ce8bf6636dfe43ebeb8d38e1eb19eb9a06578bfe15882e50d427a5b3000338186bc5bef955d6ef8559972bf9d337528574b91b4386890f23e9fb1572a7761585b2a94ce3e3fb9972d1f862763f0184cf3a7d2abb230fc623c1eb76854649d756a8d24cd6d08bf9449dba90cff943cf3b2faa214d82433642165d43bf5976dca19493fd3f3ac001092eaf5d3adc481df28b92a492ee4d3374dc27e8"

// As above, for version 4.
func TestRecordVersion4StillOpens(t *testing.T) {
	sealed, err := hex.DecodeString(recordOfVersion4)
	if err != nil {
		t.Fatalf("decoding: %v", err)
	}
	want := Session{
		Key:         Key{1, 2, 3},
		Application: "home",
		Provider:    "idp",
		Identity: Identity{
			Issuer: "https://idp.example.com", Subject: "5f0c1e4b", Username: "alice", Groups: []string{"users"},
			Claims: map[string][]string{"department": {"it"}, "address.country": {"de", "at"}},
		},
		SID:       "sid",
		AMR:       []string{"pwd"},
		ACR:       "2",
		Device:    "Firefox on Linux",
		Address:   "192.0.2.7",
		Created:   time.Unix(1_700_000_000, 1).UTC(),
		AuthTime:  time.Unix(1_699_999_999, 0).UTC(),
		Rechecked: time.Unix(1_700_000_900, 2).UTC(),
		Expires:   time.Unix(1_700_086_400, 1).UTC(),
		IDToken:   "the.id.token",
		Nonce:     "n",
	}
	keys := testKeys(t, 1)
	got, err := keys.open(want.Key, sealed)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("it reads (-want +got):\n%s", diff)
	}
}

const recordOfVersion4 = "04264162d80b223a36377a1966398ab484eb81f95d3a060d8925deaec0dc5966a1e282587d6a397f982129c029b59c1bbd9b6d0c2c68f526e2742788ce861e8c42d4459ca04721ce3a7228abb6c6ace927b6c9400532fa781fad599d3fe218a263405c37eca8375eff703f47712254a7caf1f0aa047dbc4303cefa1f4ca95ca3a568f654deb1255f1d18ef84f327d5e63bb47b1f7c9fed303cb1ceca417679f2e9e2e8caea155c8c16564096b618a4226a9c20b5b9231636903d5c85978899aad589b56fe7c668a091afd66dcf0f8f94"

func TestIndexes(t *testing.T) {
	keys, rotated := testKeys(t, 1), testKeys(t, 2, 1)
	s := filled(t)
	id := s.Identity
	r := keys.record(&s, s.Created)
	if len(r.Indexes) != 2 {
		t.Fatalf("%d indexes, want 2", len(r.Indexes))
	}
	if got := rotated.find("sub", id.Issuer, id.Subject); len(got) != 2 || got[1] != r.Indexes[0] {
		t.Errorf("by subject: %v, want %v last", got, r.Indexes[0])
	}
	if got := rotated.find("sid", id.Issuer, s.SID); len(got) != 2 || got[1] != r.Indexes[1] {
		t.Errorf("by sid: %v, want %v last", got, r.Indexes[1])
	}
	// What is a subject here is no sid there, nor an issuer's tail.
	other := s
	other.Identity.Subject, other.SID = s.SID, id.Subject
	for _, a := range keys.record(&other, s.Created).Indexes {
		for _, b := range r.Indexes {
			if a == b {
				t.Error("a subject and a sid have one index")
			}
		}
	}
	if index(keys.indexes[0], "sub", "ab", "c") == index(keys.indexes[0], "sub", "a", "bc") {
		t.Error("issuer and subject run together")
	}
	bare := Session{Identity: Identity{Issuer: "i"}}
	if got := keys.record(&bare, s.Created).Indexes; got != nil {
		t.Errorf("a session without subject and sid has the indexes %v", got)
	}
}

// FuzzOpenRecord tries what the store may hold, and, for the reader behind the
// seal, what a seal may hold: neither may panic, nothing forged opens, and what
// reads as a session is written the same again.
func FuzzOpenRecord(f *testing.F) {
	keys := testKeys(f, 1, 2)
	s := filled(f)
	r := keys.record(&s, s.Created)
	f.Add(r.Sealed)
	f.Add(r.Sealed[:20])
	head := appendHead(nil, &s)
	f.Add(append([]byte{byte(len(head)), 1}, head...))
	f.Add([]byte{0})
	f.Add(append([]byte{12}, "\x00\x00\x00\x00\x00\x00\x00\x00\x01\xff\xff\xff\x7f"...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := keys.open(s.Key, b); err == nil && !cmp.Equal(got, s) {
			t.Errorf("%x opened as %#v", b, got.Identity)
		}
		got, err := readPlain(recordVersion, b)
		if err != nil {
			return
		}
		again := keys.record(&got, s.Created)
		same, err := keys.open(got.Key, again.Sealed)
		if diff := cmp.Diff(got, same); err != nil || diff != "" {
			t.Errorf("written again: %v\n%s", err, diff)
		}
	})
}

package headers_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"outpost/headers"
	"outpost/session"
)

// FuzzMapping holds every encoding to the same: no value ends its header, begins
// another, or reads as an entry that was not there; and the two ways to write a
// block are one.
func FuzzMapping(f *testing.F) {
	f.Add("alice", "admins", "users", `{"user_attributes":{"additionalHeaders":{"X-A":"b"}}}`)
	f.Add("a\r\nX-Authentik-Groups: admins", "x,admins", "", `{"user_attributes":{"additionalHeaders":{"Set-Cookie":"a","x-a":"a\r\nb"}}}`)
	f.Add(" edge", "\u0085", "a\u2028b", "{}")
	f.Add("\xff\xfe", "\x80", ",", `{"user_attributes":{"user":"a:b","password":"\n"}}`)
	f.Add("Jörg 日本 🙂", "=?UTF-8?B?eA==?=", "100%", "")
	f.Add(strings.Repeat("ä", 100), "%2C", "ädmins", `{"user_attributes":{"additionalHeaders":[]}}`)

	mappings := map[string]*headers.Mapping{}
	for _, encoding := range []string{"raw", "percent", "base64", "rfc2047", "ascii"} {
		mappings[encoding] = compiled(f, headers.MappingConfig{
			Presets: headers.PresetNames, Encoding: encoding, Join: ",", AKProxy: true, JWT: true, MaxBytes: 1 << 16,
			Headers: []headers.Header{
				{Name: "X-Mixed", Value: "a {groups} b {name}, {claim} z"}, {Name: "X-Claim", Value: "{claim}"},
				{Name: "X-Lower", Value: "{username}", Case: "lower"}, {Name: "X-Role", Value: "{groups}", Map: []headers.Pair{{"admins", "Admin"}}, First: true, Default: "Viewer"},
			},
			Basic: &headers.Basic{UserAttribute: "user", PasswordAttribute: "password", Username: "{username}", Password: "{claim}"},
		})
	}
	f.Fuzz(func(t *testing.T, value, one, two, attributes string) {
		id := &session.Identity{
			Subject: value, Username: value, Name: value, Email: value, Groups: []string{one, two}, Entitlements: []string{two},
			Claims: map[string][]string{"claim": {one}, "ak_proxy": {attributes}},
		}
		for encoding, m := range mappings {
			block := m.Block(id, headers.Vouching{IDToken: value})
			h := http.Header{}
			block.Write(h)
			var theirs bytes.Buffer
			h.Write(&theirs)
			if ours := block.AppendTo(nil); !bytes.Equal(ours, theirs.Bytes()) || block.Size != len(ours) {
				t.Fatalf("%s, Size %d: net/http writes\n%q, we\n%q", encoding, block.Size, theirs.String(), ours)
			}
			if n := bytes.Count(theirs.Bytes(), []byte("\n")); n != len(h) || len(scanLines(theirs.Bytes())) != len(h) {
				t.Errorf("%s: %d lines of %d headers", encoding, n, len(h))
			}
			for _, name := range m.Names() {
				if values, there := h[name]; name != "Authorization" && (!there || len(values) != 1) {
					t.Fatalf("%s: %s: %q", encoding, name, values)
				}
			}
			for name, values := range h {
				v := values[0]
				if strings.IndexFunc(v, unicode.IsControl) >= 0 || strings.TrimSpace(v) != v || !utf8.ValidString(v) {
					t.Errorf("%s: %s: %q", encoding, name, v)
				}
				if encoding != "raw" && strings.IndexFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
					t.Errorf("%s: %s: %q is not ASCII", encoding, name, v)
				}
			}
			if h.Get("Authorization") != "" != block.Authorization() {
				t.Errorf("%s: Authorization %q", encoding, h.Get("Authorization"))
			}
			checkEntries(t, encoding, h.Get("Remote-Groups"), []string{one, two})
			checkText(t, encoding, h.Get("Remote-User"), value)
			if role := decoded(t, encoding, h.Get("X-Role")); role != "Viewer" && !slices.Contains(id.Groups, "admins") {
				t.Errorf("%s: role %q of %q", encoding, role, id.Groups)
			}
			checkAdditional(t, encoding, h, m, attributes)
		}
	})
}

// checkEntries reads a list as an application would.
func checkEntries(t *testing.T, encoding, list string, given []string) {
	if encoding != "percent" {
		list = decoded(t, encoding, list)
	}
	for _, entry := range strings.Split(list, ",") {
		if encoding == "percent" {
			entry = decoded(t, encoding, entry)
		}
		if entry != "" && !slices.Contains(given, entry) {
			t.Errorf("%s: entry %q was none of %q", encoding, entry, given)
		}
	}
}

// checkText wants a text as it was, or nothing.
func checkText(t *testing.T, encoding, value, given string) {
	if got := decoded(t, encoding, value); got != "" && got != given {
		t.Errorf("%s: %q became %q", encoding, given, got)
	}
}

// checkAdditional wants no header besides the mapping's that the claim does not
// name.
func checkAdditional(t *testing.T, encoding string, h http.Header, m *headers.Mapping, attributes string) {
	var claim struct {
		UserAttributes map[string]any `json:"user_attributes"`
	}
	json.NewDecoder(strings.NewReader(attributes)).Decode(&claim)
	additional, _ := claim.UserAttributes["additionalHeaders"].(map[string]any)
	for name := range h {
		if slices.Contains(m.Names(), name) {
			continue
		}
		named := false
		for given := range additional {
			named = named || http.CanonicalHeaderKey(given) == name
		}
		if !named || strings.HasPrefix(name, "X-Authentik-") || strings.ContainsAny(name, "_.") || name == "Set-Cookie" {
			t.Errorf("%s: header %q out of %q", encoding, name, attributes)
		}
	}
}

func decoded(t *testing.T, encoding, value string) string {
	var err error
	switch encoding {
	case "percent":
		value, err = url.PathUnescape(value)
	case "base64":
		var b []byte
		b, err = base64.StdEncoding.DecodeString(value)
		value = string(b)
	case "rfc2047":
		for _, word := range strings.Fields(value) {
			if strings.HasPrefix(word, "=?UTF-8?B?") && len(word) > 75 {
				t.Errorf("a word of %d characters: %q", len(word), word)
			}
		}
		value, err = new(mime.WordDecoder).DecodeHeader(value)
	}
	if err != nil {
		t.Errorf("%s: %v", encoding, err)
	}
	return value
}

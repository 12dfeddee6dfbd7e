package headers_test

import (
	"strings"
	"testing"

	"outpost/headers"
	"outpost/session"
)

func TestEncodings(t *testing.T) {
	long := strings.Repeat("日本", 20)
	for _, tt := range []struct {
		name   string
		header headers.Header // with Value, Encoding and what else counts
		id     session.Identity
		want   string
		why    string // the line of Dropped, without the name; "" for none
	}{
		{"raw", headers.Header{Value: "{name}", Encoding: "raw"}, session.Identity{Name: "Jörg 日本 🙂"}, "Jörg 日本 🙂", ""},
		{"raw-right-to-left", headers.Header{Value: "{name}", Encoding: "raw"}, session.Identity{Name: "a\u202eb"}, "a\u202eb", ""},

		{"percent", headers.Header{Value: "{name}", Encoding: "percent"}, session.Identity{Name: "Jörg B. 100%+/?"}, "J%C3%B6rg%20B.%20100%25+/?", ""},
		{"percent-four-bytes", headers.Header{Value: "{name}", Encoding: "percent"}, session.Identity{Name: "🙂"}, "%F0%9F%99%82", ""},
		{"percent-right-to-left", headers.Header{Value: "{name}", Encoding: "percent"}, session.Identity{Name: "a\u202eb"}, "a%E2%80%AEb", ""},
		{"percent-list", headers.Header{Value: "{groups}", Encoding: "percent"}, session.Identity{Groups: []string{"x|admins", "a b", "%7C"}}, "x%7Cadmins|a%20b|%257C", ""},
		{"percent-list-of-another-join", headers.Header{Value: "{groups}", Encoding: "percent", Join: ", "}, session.Identity{Groups: []string{"x|admins", "a,b"}}, "x|admins, a%2Cb", ""},
		{"percent-text-with-the-join", headers.Header{Value: "{name}|{username}", Encoding: "percent"}, session.Identity{Name: "a|b", Username: "ü"}, "a%7Cb|%C3%BC", ""},
		{"percent-control", headers.Header{Value: "{groups}", Encoding: "percent"}, session.Identity{Groups: []string{"a\nb", "c"}}, "c", "entries that are empty or have a control character, a space at the edge or no UTF-8: 1"},
		{"percent-default", headers.Header{Value: "{groups}", Encoding: "percent", Default: "kein Mitglied ü"}, session.Identity{}, "kein%20Mitglied%20%C3%BC", ""},
		{"percent-constant", headers.Header{Value: "a ü", Encoding: "percent"}, session.Identity{}, "a%20%C3%BC", ""},
		{"percent-missing", headers.Header{Value: "{given_name} {family_name}", Encoding: "percent"}, session.Identity{Claims: map[string][]string{"given_name": {"Ü"}}}, "%C3%9C", ""},

		{"base64", headers.Header{Value: "{name}", Encoding: "base64"}, session.Identity{Name: "Jörg"}, "SsO2cmc=", ""},
		{"base64-nothing", headers.Header{Value: "{name}", Encoding: "base64"}, session.Identity{}, "", ""},
		{"base64-list", headers.Header{Value: "{groups}", Encoding: "base64", Join: ","}, session.Identity{Groups: []string{"a", "b,c", "d"}}, "YSxk", `entries that are empty or have ",", a control character, a space at the edge or no UTF-8: 1`},
		{"base64-control", headers.Header{Value: "{name}", Encoding: "base64"}, session.Identity{Name: "a\x00"}, "", "control character, space at the edge or no UTF-8"},
		{"base64-default", headers.Header{Value: "{name}", Encoding: "base64", Default: "ü"}, session.Identity{}, "w7w=", ""},
		{"base64-constant", headers.Header{Value: "ü", Encoding: "base64"}, session.Identity{}, "w7w=", ""},

		{"words-not-needed", headers.Header{Value: "{name}", Encoding: "rfc2047"}, session.Identity{Name: "Alice B."}, "Alice B.", ""},
		{"words", headers.Header{Value: "{name}", Encoding: "rfc2047"}, session.Identity{Name: "Jörg B."}, "=?UTF-8?B?SsO2cmcgQi4=?=", ""},
		{"words-that-look-like-one", headers.Header{Value: "{name}", Encoding: "rfc2047"}, session.Identity{Name: "=?UTF-8?B?eA==?="}, "=?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?=", ""},
		{"words-of-75", headers.Header{Value: "{name}", Encoding: "rfc2047"}, session.Identity{Name: long}, "=?UTF-8?B?5pel5pys5pel5pys5pel5pys5pel5pys5pel5pys5pel5pys5pel5pys5pel?= =?UTF-8?B?5pys5pel5pys5pel5pys5pel5pys5pel5pys5pel5pys5pel5pys5pel5pys?= =?UTF-8?B?5pel5pys5pel5pys5pel5pys5pel5pys5pel5pys?=", ""},
		{"words-list", headers.Header{Value: "{groups}", Encoding: "rfc2047"}, session.Identity{Groups: []string{"ä", "b"}}, "=?UTF-8?B?w6R8Yg==?=", ""},

		{"ascii", headers.Header{Value: "{name}", Encoding: "ascii"}, session.Identity{Name: "Jörg Ångström-Łącki"}, "Jorg Angstrom-Lacki", ""},
		{"ascii-two-letters", headers.Header{Value: "{name}", Encoding: "ascii"}, session.Identity{Name: "Æsop Großß Þór"}, "AEsop Grossss THor", ""},
		{"ascii-marks", headers.Header{Value: "{name}", Encoding: "ascii"}, session.Identity{Name: "Jo\u0308rg Nguye\u0302\u0303n"}, "Jorg Nguyen", ""},
		{"ascii-signs", headers.Header{Value: "{name}", Encoding: "ascii"}, session.Identity{Name: "O’Brien – “x”…"}, `O'Brien - "x"...`, ""},
		{"ascii-unknown", headers.Header{Value: "{name}", Encoding: "ascii"}, session.Identity{Name: "日本 Жора 🙂"}, "?? ???? ?", ""},
		{"ascii-given-name", headers.Header{Value: "{given_name}", Encoding: "ascii"}, session.Identity{Claims: map[string][]string{"given_name": {"Jörg"}}}, "Jorg", ""},
		{"ascii-upper", headers.Header{Value: "{name}", Encoding: "ascii", Case: "upper"}, session.Identity{Name: "Jörg"}, "JORG", ""},
		// Somebody else's name, address or group is nobody's for a missing accent.
		{"ascii-username", headers.Header{Value: "{username}", Encoding: "ascii"}, session.Identity{Username: "älice"}, "", "letters outside ASCII, and ascii respells nothing but names"},
		{"ascii-email", headers.Header{Value: "{email}", Encoding: "ascii"}, session.Identity{Email: "älice@example.com"}, "", "letters outside ASCII, and ascii respells nothing but names"},
		{"ascii-mixed", headers.Header{Value: "{name} <{email}>", Encoding: "ascii"}, session.Identity{Name: "Älice", Email: "älice@example.com"}, "", "letters outside ASCII, and ascii respells nothing but names"},
		{"ascii-mixed-good", headers.Header{Value: "{name} <{email}>", Encoding: "ascii"}, session.Identity{Name: "Älice", Email: "alice@example.com"}, "Alice <alice@example.com>", ""},
		{"ascii-groups", headers.Header{Value: "{groups}", Encoding: "ascii"}, session.Identity{Groups: []string{"ädmins", "users"}}, "users", `entries that are empty or have "|", a letter outside ASCII, a control character, a space at the edge or no UTF-8: 1`},
		{"ascii-claim", headers.Header{Value: "{department}", Encoding: "ascii"}, session.Identity{Claims: map[string][]string{"department": {"Süd"}}}, "", `entries that are empty or have "|", a letter outside ASCII, a control character, a space at the edge or no UTF-8: 1`},
		{"ascii-map", headers.Header{Value: "{groups}", Encoding: "ascii", Map: []headers.Pair{{"ädmins", "Vorständ"}}}, session.Identity{Groups: []string{"ädmins"}}, "Vorstand", ""},

		// What no encoding changes: nothing that reads as something else.
		{"join-character", headers.Header{Value: "{groups}", Join: ","}, session.Identity{Groups: []string{"x,admins", "users"}}, "users", `entries that are empty or have ",", a control character, a space at the edge or no UTF-8: 1`},
		{"join-character-of-two", headers.Header{Value: "{groups}", Join: ", "}, session.Identity{Groups: []string{"x,admins", "home users"}}, "home users", `entries that are empty or have ",", a control character, a space at the edge or no UTF-8: 1`},
		{"join-with-a-space", headers.Header{Value: "{groups}", Join: " "}, session.Identity{Groups: []string{"x admins", "users", "ops"}}, "users ops", `entries that are empty or have " ", a control character, a space at the edge or no UTF-8: 1`},
		{"join-character-of-another", headers.Header{Value: "{groups}", Join: ";"}, session.Identity{Groups: []string{"x|y,z", "users"}}, "x|y,z;users", ""},
		{"join-character-in-a-claim", headers.Header{Value: "{roles}", Join: ","}, session.Identity{Claims: map[string][]string{"roles": {"x,admins"}}}, "", `entries that are empty or have ",", a control character, a space at the edge or no UTF-8: 1`},
		{"join-character-after-trim", headers.Header{Value: "{groups}", TrimPrefix: "a|"}, session.Identity{Groups: []string{"a|b", "a|", "a| c"}}, "b", `entries that are empty or have "|", a control character, a space at the edge or no UTF-8: 2`},
		{"standard-claim-of-two", headers.Header{Value: "{nickname}", Join: ","}, session.Identity{Claims: map[string][]string{"nickname": {"x,y", "z"}}}, "z", `entries that are empty or have ",", a control character, a space at the edge or no UTF-8: 1`},
		{"what-is-left-out-anyway-is-not-named", headers.Header{Value: "{groups}", Only: []string{"users"}}, session.Identity{Groups: []string{"x|y", "users", "\n"}}, "users", ""},
		{"mixed-with-a-bad-name", headers.Header{Value: "{name} of {username}"}, session.Identity{Name: "a\nb", Username: "alice"}, "", "control character, space at the edge or no UTF-8"},
		{"join-character-beside-a-list", headers.Header{Value: "ROLE_USER_{username},{groups}", Join: ","}, session.Identity{Username: "x,ROLE_ADMIN", Groups: []string{"a"}}, "", `a claim that has ",", which the text or a list puts between two things`},
		{"join-character-between-texts", headers.Header{Value: "{username},{email}", Join: ", "}, session.Identity{Username: "x,root@example.com", Email: "x@example.com"}, "", `a claim that has ",", which the text or a list puts between two things`},
		{"join-character-of-no-list", headers.Header{Value: "{name} ({username})", Join: ","}, session.Identity{Username: "alice", Name: "Admin, Alice"}, "Admin, Alice (alice)", ""},
		{"space-between-names", headers.Header{Value: "{given_name} {family_name}", Join: " "}, session.Identity{Claims: map[string][]string{"given_name": {"Anna Maria"}, "family_name": {"de Boer"}}}, "Anna Maria de Boer", ""},
		{"space-beside-a-list", headers.Header{Value: "{username} {groups}", Join: " "}, session.Identity{Username: "x admins", Groups: []string{"a"}}, "", `a claim that has " ", which the text or a list puts between two things`},
		{"mixed-with-a-bad-group", headers.Header{Value: "{groups} of {username}"}, session.Identity{Groups: []string{"a|b", "c"}, Username: "alice"}, "c of alice", `entries that are empty or have "|", a control character, a space at the edge or no UTF-8: 1`},
		{"mixed-with-bad-groups-first", headers.Header{Value: "{groups} {entitlements}"}, session.Identity{Groups: []string{"a|b"}, Entitlements: []string{"c"}}, "c", `entries that are empty or have "|", a control character, a space at the edge or no UTF-8: 1`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			block := compiled(t, one(tt.header)).Block(&tt.id, headers.Vouching{})
			if got := lines(&block)[0]; got != "X-It: "+tt.want {
				t.Errorf("got  %q\nwant %q", got, "X-It: "+tt.want)
			}
			why := strings.Join(block.Dropped, "\n")
			if tt.why != "" {
				tt.why = "X-It: " + tt.why
			}
			if why != tt.why {
				t.Errorf("dropped %q, want %q", why, tt.why)
			}
		})
	}
}

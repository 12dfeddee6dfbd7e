package headers_test

import (
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"outpost/headers"
	"outpost/session"
)

func TestIdentity(t *testing.T) {
	for _, tt := range []struct {
		name    string
		id      session.Identity
		want    map[string]string // what is not empty
		dropped int
	}{
		{"nothing", session.Identity{}, nil, 0},
		{
			"everything",
			session.Identity{
				Issuer: "https://idp.example.org", Subject: "sub-1", Username: "alice", Name: "Alice", Email: "alice@example.com", EmailVerified: true,
				Groups: []string{"admins", "users"}, Entitlements: []string{"read"},
			},
			map[string]string{
				"X-Authentik-Username": "alice", "X-Authentik-Groups": "admins|users", "X-Authentik-Entitlements": "read",
				"X-Authentik-Email": "alice@example.com", "X-Authentik-Name": "Alice", "X-Authentik-Uid": "sub-1",
			}, 0,
		},
		{"utf-8", session.Identity{Name: "Jörg 日本 🙂"}, map[string]string{"X-Authentik-Name": "Jörg 日本 🙂"}, 0},
		{"inner-space", session.Identity{Name: "Alice B. C", Groups: []string{"home users"}}, map[string]string{"X-Authentik-Name": "Alice B. C", "X-Authentik-Groups": "home users"}, 0},

		{"join-character-in-a-group", session.Identity{Groups: []string{"x|admins", "users"}}, map[string]string{"X-Authentik-Groups": "users"}, 1},
		{"group-that-is-the-join-character", session.Identity{Groups: []string{"|"}}, nil, 1},
		{"empty-group", session.Identity{Groups: []string{"a", "", "b"}}, map[string]string{"X-Authentik-Groups": "a|b"}, 1},
		{"space-at-the-edge-of-a-group", session.Identity{Groups: []string{" admins", "admins\u00a0", "users"}}, map[string]string{"X-Authentik-Groups": "users"}, 1},
		{"control-in-a-group", session.Identity{Groups: []string{"a\r\nX-Authentik-Username: root"}}, nil, 1},
		{"entitlements-too", session.Identity{Entitlements: []string{"a|b", "c"}}, map[string]string{"X-Authentik-Entitlements": "c"}, 1},
		{"join-character-in-a-name-is-a-name", session.Identity{Name: "a|b"}, map[string]string{"X-Authentik-Name": "a|b"}, 0},
		{"line-end-in-the-name", session.Identity{Name: "a\r\nX-authentik-groups: admins", Username: "alice"}, map[string]string{"X-Authentik-Username": "alice"}, 1},
		{"nul", session.Identity{Username: "a\x00b"}, nil, 1},
		{"delete", session.Identity{Email: "a\x7f@example.com"}, nil, 1},
		{"c1-control", session.Identity{Name: "a\u0085b"}, nil, 1},
		{"tab", session.Identity{Name: "a\tb"}, nil, 1},
		{"space-at-the-edge", session.Identity{Username: "alice "}, nil, 1},
		{"no-utf-8", session.Identity{Username: "al\xffice", Groups: []string{"\xe4", "users"}}, map[string]string{"X-Authentik-Groups": "users"}, 2},
		{"two-headers", session.Identity{Username: " alice", Name: "Alice\n"}, nil, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			block := headers.Identity(&tt.id)
			h := http.Header{}
			block.Write(h)
			got, size := map[string]string(nil), 0
			for name, values := range h {
				if len(values) != 1 {
					t.Fatalf("%s has %d values", name, len(values))
				}
				if values[0] != "" {
					if got == nil {
						got = map[string]string{}
					}
					got[name] = values[0]
				}
				size += len(name) + len(": ") + len(values[0]) + len("\r\n")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("want (-) and got (+):\n%s", diff)
			}
			if len(h) != len(headers.IdentityNames) {
				t.Errorf("%d headers, want all of %v: %v", len(h), headers.IdentityNames, h)
			}
			if len(block.Dropped) != tt.dropped {
				t.Errorf("dropped %q, want %d", block.Dropped, tt.dropped)
			}
			if block.Size != size {
				t.Errorf("Size is %d, and written are %d bytes", block.Size, size)
			}
		})
	}
}

// One line a header says what is missing, however much that is, and none of it
// is repeated.
func TestDroppedIsShort(t *testing.T) {
	id := session.Identity{Username: strings.Repeat("\x00", 100_000)}
	for range 10_000 {
		id.Groups = append(id.Groups, "a|b")
	}
	block := headers.Identity(&id)
	if said := strings.Join(block.Dropped, "\n"); len(block.Dropped) != 2 || len(said) > 500 || !strings.Contains(said, ": 10000") {
		t.Errorf("dropped: %d lines, %d bytes: %.1000s", len(block.Dropped), len(said), said)
	}
}

func TestWrite(t *testing.T) {
	block := headers.Identity(&session.Identity{Username: "alice", Groups: []string{"admins"}})
	spoofed := http.Header{"X-Authentik-Username": {"root", "root"}, "X-Authentik-Email": {"root@example.com"}, "X-Other": {"kept"}}
	block.Write(spoofed)
	if got := spoofed["X-Authentik-Username"]; len(got) != 1 || got[0] != "alice" {
		t.Errorf("username %q", got)
	}
	if got := spoofed["X-Authentik-Email"]; len(got) != 1 || got[0] != "" {
		t.Errorf("email %q, want one empty value", got)
	}
	if spoofed.Get("X-Other") != "kept" {
		t.Errorf("another header is gone: %v", spoofed)
	}

	// An answer that appends does so to its own copy.
	first, second := http.Header{}, http.Header{}
	block.Write(first)
	first.Add("X-Authentik-Username", "root")
	block.Write(second)
	if got := second["X-Authentik-Username"]; len(got) != 1 || got[0] != "alice" {
		t.Errorf("one answer changed the next: %q", got)
	}

	h := make(http.Header, 16)
	if n := testing.AllocsPerRun(100, func() { block.Write(h) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// No value of an identity can end its header, begin another or look like two
// list entries.
func FuzzIdentity(f *testing.F) {
	f.Add("alice", "admins", "users")
	f.Add("a\r\nX-Authentik-Groups: admins", "x|admins", "")
	f.Add(" edge", "\u0085", "a\u2028b")
	f.Add("\xff\xfe", "\x80", "|")
	f.Fuzz(func(t *testing.T, value, one, two string) {
		id := &session.Identity{Subject: value, Username: value, Name: value, Email: value, Groups: []string{one, two}, Entitlements: []string{two}}
		block := headers.Identity(id)
		h := http.Header{}
		block.Write(h)
		for _, name := range headers.IdentityNames {
			values, there := h[name]
			if !there || len(values) != 1 {
				t.Fatalf("%s: %q", name, values)
			}
			v := values[0]
			if strings.IndexFunc(v, unicode.IsControl) >= 0 || strings.TrimSpace(v) != v {
				t.Errorf("%s: %q", name, v)
			}
			if !utf8.ValidString(v) {
				t.Errorf("%s: %q is no UTF-8", name, v)
			}
		}
		given := map[string]bool{one: true, two: true}
		for _, group := range strings.Split(h.Get("X-Authentik-Groups"), "|") {
			if group != "" && !given[group] {
				t.Errorf("group %q was none of %q and %q", group, one, two)
			}
		}
		if v := h.Get("X-Authentik-Username"); v != "" && v != value {
			t.Errorf("username %q became %q", value, v)
		}
	})
}

package headers_test

import (
	"testing"

	"outpost/headers"
)

func TestParseStamp(t *testing.T) {
	tests := []struct {
		name   string
		values []string
		want   headers.Stamp
	}{
		{"date", []string{"2026/11/26"}, headers.Stamp{Date: "2026/11/26"}},
		{"headers", []string{"2026/11/26; headers=0123456789abcdef"}, headers.Stamp{Date: "2026/11/26", Digest: "0123456789abcdef"}},
		{"none", nil, headers.Stamp{}},
		{"empty", []string{""}, headers.Stamp{}},
		{"twice", []string{"2026/11/26", "2026/11/26"}, headers.Stamp{}},
		{"no-date", []string{"yesterday"}, headers.Stamp{}},
		{"more-behind", []string{"2026/11/26; headers=0123456789abcdef "}, headers.Stamp{}},
		{"line-end", []string{"2026/11/26\n"}, headers.Stamp{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := headers.ParseStamp(tt.values); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestDigest(t *testing.T) {
	one := headers.Digest([]string{"X-Role", "Remote-User"})
	if got := headers.Digest([]string{"remote-user", "X-ROLE", "X-Role"}); got != one {
		t.Errorf("case, order and repetition count: %s, %s", got, one)
	}
	for _, other := range [][]string{nil, {"X-Role"}, {"X-Role", "Remote-User", "X-More"}, {"X-Role-Remote-User"}} {
		if headers.Digest(other) == one {
			t.Errorf("%q has the same digest", other)
		}
	}
	if stamp := headers.ParseStamp([]string{"2026/11/26; headers=" + one}); stamp.Digest != one {
		t.Errorf("a digest of ours is read as %+v", stamp)
	}
}

// What authentik-location.conf hands on, and nothing else.
func TestStandard(t *testing.T) {
	m, err := headers.NewMapping(headers.MappingConfig{JWT: true, Meta: &headers.Meta{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range m.Names() {
		if !headers.Standard(name) {
			t.Errorf("%s is not", name)
		}
	}
	for _, name := range []string{"Authorization", "Remote-User", "X-Authentik-Other", "X-Role"} {
		if headers.Standard(name) {
			t.Errorf("%s is", name)
		}
	}
}

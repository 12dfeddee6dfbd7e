package config_test

import (
	"strings"
	"testing"
)

func TestDiffers(t *testing.T) {
	const secret = "\nsecret: Vd8zFq1nX5cYt3Rj7LbQw0GmKs9HpA2eUo4i\n"
	tests := []struct {
		name, text string
		want       bool
	}{
		{"same", smallest, false},
		{"comment", "# hello\n" + smallest, false},
		{"default-written-out", smallest + "listen: :9000\n", false},
		{"new-secret", smallest + secret, false},
		{"other-listener", smallest + "listen: :9001\n", true},
		{"other-client-secret", strings.Replace(smallest, "hunter2", "hunter3", 1), true},
		{"other-host", strings.Replace(smallest, "outpost.example.com", "sso.example.com", 1), true},
		{"more-of-a-list", smallest + "    allow: { groups: [admins] }\n", true},
		{"secret-and-more", smallest + secret + "log: { level: debug }\n", true},
	}
	c := mustLoad(t, smallest)
	for _, test := range tests {
		if got := c.Differs(mustLoad(t, test.text)); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

package auth

import "testing"

// Two credentials are never one in the memory of what was found about them.
func TestCredentialKeys(t *testing.T) {
	seen := map[credentialHash]credential{}
	for _, c := range []credential{
		{secret: "ab"}, {basic: true, user: "", secret: "ab"}, {basic: true, user: "a", secret: "b"}, {basic: true, user: "ab", secret: "b"},
		{basic: true, user: "a", secret: "bb"}, {basic: true, user: "\x01a", secret: "b"}, {secret: "\x00ab"}, {secret: "b\x01ab"},
	} {
		key := credentialKey(c)
		if other, taken := seen[key]; taken {
			t.Errorf("%+v and %+v are one", c, other)
		}
		seen[key] = c
	}
}

package auth_test

import (
	"slices"
	"testing"

	"outpost/auth"
	"outpost/page"
)

// A reason that a person may meet has words for them. The others are seen in
// logs and metrics alone.
func TestReasonsHaveWords(t *testing.T) {
	unseen := []auth.Reason{
		auth.Allowed, auth.Public, auth.CookieAmbiguous, auth.HeaderAlias, auth.SignedIn, auth.URLMissing,
		auth.CredentialsMalformed, auth.CredentialsRefused, auth.CredentialsExpired, auth.CredentialsAudience, auth.CredentialsScope,
		auth.CredentialsThrottled, auth.CredentialsUnverifiable,
	}
	for _, reason := range auth.Reasons() {
		if has := slices.Contains(page.Reasons(), string(reason)); has == slices.Contains(unseen, reason) {
			t.Errorf("%s: has words: %v", reason, has)
		}
	}
	for _, words := range page.Reasons() {
		if !slices.Contains(auth.Reasons(), auth.Reason(words)) {
			t.Errorf("%s has words and is no reason", words)
		}
	}
}

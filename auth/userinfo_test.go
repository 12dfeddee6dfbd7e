package auth_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"outpost/auth"
)

// Ten thousand groups are too many for a header, and no line of the log is long
// for it.
func TestHugeUserinfo(t *testing.T) {
	s := newStage(t)
	groups := make([]string, 10_000)
	for i := range groups {
		groups[i] = "a|b" + strings.Repeat("x", i%10) + string(rune('a'+i%26)) + time.Duration(i).String()
	}
	s.provider.users["alice"]["groups"] = groups
	s.provider.users["alice"]["preferred_username"] = strings.Repeat("a", 100_000)
	s.want(s.browser("alice").visit("https://app.example.com/"), http.StatusForbidden)
	if s.last() != auth.HeaderTooLarge {
		t.Errorf("reason %s", s.last())
	}
	for line := range strings.Lines(s.log.String()) {
		if len(line) > 8<<10 || !json.Valid([]byte(line)) {
			t.Errorf("a line of %d bytes: %.300s", len(line), line)
		}
	}
}

package headers

// stamp.go is what an nginx configuration says of itself in a check: of when its
// includes are, and which headers a location's hands on to the application.

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
)

// StampName is the request header with the stamp, in canonical spelling. It
// decides nothing: whoever reaches an nginx that does not set it can write it.
const StampName = "X-Outpost-Includes"

// Stamp is 2026/11/26, or 2026/11/26; headers=3f2a9c1b07d1e8a4 where a location
// says which headers it hands on.
type Stamp struct {
	Date   string // of the server's half: year/month/day, which compares as text
	Digest string // of the location's half; "" where it does not say
}

var stamped = regexp.MustCompile(`^(\d{4}/\d{2}/\d{2})(?:; headers=([0-9a-f]{16}))?$`)

// ParseStamp reads the values of the header. What is no stamp, or more than one,
// is the zero Stamp, as if there were none.
func ParseStamp(values []string) Stamp {
	if len(values) != 1 {
		return Stamp{}
	}
	found := stamped.FindStringSubmatch(values[0])
	if found == nil {
		return Stamp{}
	}
	return Stamp{Date: found[1], Digest: found[2]}
}

// Digest stands for a set of header names, such as Mapping.Names returns; their
// case and order do not count.
func Digest(names []string) string {
	lower := make([]string, 0, len(names))
	for _, name := range names {
		lower = append(lower, strings.ToLower(name))
	}
	slices.Sort(lower)
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(lower), "\n")))
	return hex.EncodeToString(sum[:8])
}

// Standard reports whether authentik-location.conf hands on a header of this
// canonical name: one that authentik's outpost may send.
func Standard(name string) bool {
	return slices.Contains(IdentityNames, name) || name == jwtName || strings.HasPrefix(name, "X-Authentik-Meta-")
}

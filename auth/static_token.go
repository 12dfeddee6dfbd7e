package auth

// static_token.go makes and knows the named tokens of the configuration. Each
// is for the applications that it names, and for no other.

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"outpost/access"
	"outpost/session"
)

// StaticToken is a token that the configuration names and vouches for. The file
// holds the hash alone.
type StaticToken struct {
	Name         string    // lower-case letters, digits and hyphens; in the log and a metric label
	Hash         string    // "sha256:" and 64 hexadecimal digits, as NewToken has it
	Applications []string  // names of Config.Applications that it opens; at least one
	Expires      time.Time // from when on it opens nothing; zero for never

	// What the applications are told, and rules go by.
	Username     string // "" for Name
	FullName     string // "" for none
	Email        string // "" for none; it counts as verified, since who writes the file vouches for it
	Groups       []string
	Entitlements []string

	Access *access.Config // what of the applications it opens; nil for whatever their rules let it have
}

const (
	tokenPrefix = "outpost_"
	// randomLength is how many digits of 62 hold 256 bits.
	randomLength   = 43
	checksumLength = 6
	tokenLength    = len(tokenPrefix) + randomLength + checksumLength

	hashPrefix = "sha256:"
)

// NewToken makes a token of 256 random bits, and the hash of it that the
// configuration holds. The token is "outpost_", 43 letters and digits, and 6 more
// that are a checksum of these, so that programs which look for secrets find it
// and know it from a word that only looks like one:
//
//	\boutpost_[0-9A-Za-z]{49}\b
//
// The hash is one round of SHA-256 without salt. A slow hash makes up for
// passwords that people choose, of which an attacker can try the likely ones;
// 2^256 equally likely tokens are out of reach however fast a try is. And it is
// asked of every request of a machine.
func NewToken() (token, hash string) {
	random := make([]byte, 32)
	rand.Read(random) // never fails
	digits := base62(new(big.Int).SetBytes(random), randomLength)
	token = tokenPrefix + digits + checksum(digits)
	sum := sha256.Sum256([]byte(token))
	return token, hashPrefix + hex.EncodeToString(sum[:])
}

// checksum is the CRC-32 of the random digits, as GitHub's tokens have it. It
// keeps a mistyped token from being looked for; it keeps nobody from making one.
func checksum(digits string) string {
	return base62(new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(digits)))), checksumLength)
}

// base62 writes n with this many digits, zeros in front.
func base62(n *big.Int, length int) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	out := make([]byte, length)
	base, digit := big.NewInt(int64(len(digits))), new(big.Int)
	n = new(big.Int).Set(n)
	for i := length - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		out[i] = digits[digit.Int64()]
	}
	return string(out)
}

// isStatic reports whether a credential claims to be one of ours: then it is
// shown to no provider, whether it is good or not.
func isStatic(secret string) bool { return strings.HasPrefix(secret, tokenPrefix) }

// whole reports whether a token has its length and its checksum.
func whole(token string) bool {
	if len(token) != tokenLength {
		return false
	}
	digits := token[len(tokenPrefix) : len(tokenPrefix)+randomLength]
	return checksum(digits) == token[len(tokenPrefix)+randomLength:]
}

// staticClient is a static token as one application knows it.
type staticClient struct {
	*machineClient
	expires time.Time // zero for never
}

// staticVerdict says whose a static token is. Who guesses tokens learns nothing
// from the time that the look-up takes: what is looked up is their hash, which
// nobody can choose bit by bit.
func (m *machines) staticVerdict(token string, now time.Time) verdict {
	if !whole(token) {
		return refused(CredentialsRefused, "the token is cut short or mistyped: its checksum is wrong")
	}
	found, known := m.tokens[sha256.Sum256([]byte(token))]
	switch {
	case !known:
		return refused(CredentialsRefused, "no token of this application has this hash")
	case !found.expires.IsZero() && !now.Before(found.expires):
		v := refused(CredentialsExpired, "the token expired "+now.Sub(found.expires).Round(time.Second).String()+" ago")
		v.name = found.name
		return v
	}
	return verdict{client: found.machineClient, reason: Allowed}
}

var tokenName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// equipTokens gives each application the tokens that name it. The error names
// the token that is wrong.
func (a *applications) equipTokens(tokens []StaticToken) error {
	names, hashes := map[string]bool{}, map[string]string{}
	for _, t := range tokens {
		sum, err := hex.DecodeString(strings.TrimPrefix(t.Hash, hashPrefix))
		switch {
		case !tokenName.MatchString(t.Name):
			return fmt.Errorf("token %q: its name is not of lower-case letters, digits and hyphens", t.Name)
		case slices.Contains(machineKinds, t.Name):
			return fmt.Errorf("token %q: the name stands for clients without one: take another", t.Name)
		case names[t.Name]:
			return fmt.Errorf("token %q: its name is taken", t.Name)
		case !strings.HasPrefix(t.Hash, hashPrefix) || err != nil || len(sum) != sha256.Size:
			return fmt.Errorf("token %q: its hash is not %q and 64 hexadecimal digits: outpost token new prints one", t.Name, hashPrefix)
		case hashes[string(sum)] != "":
			return fmt.Errorf("token %q: it has the hash of %q", t.Name, hashes[string(sum)])
		case len(t.Applications) == 0:
			return fmt.Errorf("token %q: it names no application", t.Name)
		}
		names[t.Name], hashes[string(sum)] = true, t.Name
		if err := a.equipToken(t, [sha256.Size]byte(sum)); err != nil {
			return fmt.Errorf("token %q: %w", t.Name, err)
		}
	}
	return nil
}

// rules are the token's own; nil for none.
func (t *StaticToken) rules() (*access.Rules, error) {
	if t.Access == nil {
		return nil, nil
	}
	return access.Compile(*t.Access)
}

func (a *applications) equipToken(t StaticToken, sum [sha256.Size]byte) error {
	id := session.Identity{
		Subject: "token:" + t.Name, Username: t.Username, Name: t.FullName, Email: t.Email, EmailVerified: t.Email != "",
		Groups: slices.Clone(t.Groups), Entitlements: slices.Clone(t.Entitlements),
	}
	if id.Username == "" {
		id.Username = t.Name
	}
	rules, err := t.rules()
	if err != nil {
		return err
	}
	for _, name := range t.Applications {
		part := a.parts[name]
		switch {
		case part == nil:
			return fmt.Errorf("there is no application %q", name)
		case part.machines == nil:
			part.machines = newMachines()
		}
		m := part.machines
		if m.tokens == nil {
			m.tokens = map[[sha256.Size]byte]staticClient{}
		}
		if _, twice := m.tokens[sum]; twice {
			return errors.New("it names application " + name + " twice")
		}
		m.tokens[sum] = staticClient{&machineClient{name: t.Name, kind: kindToken, identity: id, rules: rules}, t.Expires}
	}
	return nil
}

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"testing"
)

// What is printed is a token that nobody had before, and the hash of it.
func TestTokenNew(t *testing.T) {
	seen := map[string]bool{}
	for _, args := range [][]string{{"token", "new"}, {"token", "new", "-name", "backup"}, {"token", "new", "--name=backup-2"}} {
		got := command(t, map[string]string{"OUTPOST_CONFIG": "/nowhere"}, args...)
		found := regexp.MustCompile(`^(outpost_[0-9A-Za-z]{49})\n\n(?s:.*)\ntokens:\n  - name: ([a-z0-9-]+)\n    hash: "sha256:([0-9a-f]{64})"\n    applications: \[\]`).FindStringSubmatch(got.stdout)
		if got.status != 0 || got.stderr != "" || found == nil {
			t.Fatalf("%q: got %+v", args, got)
		}
		sum := sha256.Sum256([]byte(found[1]))
		if hex.EncodeToString(sum[:]) != found[3] || seen[found[1]] {
			t.Errorf("%q: the hash is of another token, or the token is not new", args)
		}
		seen[found[1]] = true
		if want := map[int]string{2: "machine", 4: "backup", 3: "backup-2"}[len(args)]; found[2] != want {
			t.Errorf("%q: named %s", args, found[2])
		}
	}
}

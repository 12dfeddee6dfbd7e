package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outpost/config"
)

// BenchmarkLoad reads a file with many applications, each a group of its own.
func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{1, 100, 2_000, 10_000} {
		b.Run(fmt.Sprintf("applications-%d", n), func(b *testing.B) {
			var text strings.Builder
			text.WriteString("provider:\n  issuer: https://auth.example.com/\n  client_id: outpost\napplications:\n")
			for i := range n {
				fmt.Fprintf(&text, "  - name: app-%d\n    mode: single\n    external_url: https://app-%d.example.com\n    allow: { groups: [group-%d] }\n", i, i, i)
			}
			path := filepath.Join(b.TempDir(), "config.yaml")
			if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				c, err := config.Load(path, func(string) (string, bool) { return "", false })
				if err != nil || len(c.Applications) != n {
					b.Fatal(err)
				}
			}
		})
	}
}

package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// What these pages have in YAML is copied: a whole file, or the part of one that
// begins with applications. Each is good, rules, headers and all.
func TestPagesWithConfigurations(t *testing.T) {
	for _, page := range []string{"access", "headers", "applications", "machine-clients", "front-ends"} {
		t.Run(page, func(t *testing.T) {
			text, err := os.ReadFile("../../docs/" + page + ".md")
			if err != nil {
				t.Fatal(err)
			}
			blocks := yamlBlock.FindAllStringSubmatch(string(text), -1)
			if len(blocks) == 0 {
				t.Fatal("there are none")
			}
			for _, block := range blocks {
				whole := fromFile.ReplaceAllString(block[1], "s3cr3t-of-${1}-enough-for-all")
				if !strings.HasPrefix(whole, "provider") {
					whole = "provider: { issuer: https://auth.example.com/, client_id: outpost, client_secret: s3cr3t-of-the-provider }\n" + whole
				}
				file := t.TempDir() + "/config.yaml"
				if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
					t.Fatal(err)
				}
				if o := command(t, nil, "check", "-config", file); o.status != 0 || strings.Contains(o.stdout, "warning") {
					t.Errorf("%s%s\n%s", o.stdout, o.stderr, whole)
				}
			}
		})
	}
}

var (
	yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	fromFile  = regexp.MustCompile(`\$\{file:[a-z/]*/([a-z-]+)\}`)
)

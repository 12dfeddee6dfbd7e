package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outpost/config"
)

// badEnv is the environment of the files that must be refused.
func badEnv(name string) (string, bool) {
	value, set := map[string]string{
		"ADDRESS": ":9000",
		"EMPTY":   "",
		"LATIN1":  "caf\xe9",
		"NESTED":  "${ADDRESS}",
		"YAML":    "{ groups: [admins] }",
	}[name]
	return value, set
}

// TestBad loads every testdata/*.bad.yaml. The comment at its top is, to the
// letter, what the person who wrote the file is told.
func TestBad(t *testing.T) {
	t.Chdir("testdata")
	files, err := filepath.Glob("*.bad.yaml")
	if err != nil || len(files) < 100 {
		t.Fatalf("found %d files, error %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, ".bad.yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var comment []string
			for line := range strings.Lines(string(text)) {
				line, is := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "# ")
				if !is {
					break
				}
				comment = append(comment, line)
			}

			c, err := config.Load(file, badEnv)
			if c != nil {
				t.Error("got a Config")
			}
			if _, is := errors.AsType[config.Problems](err); !is {
				t.Fatalf("got error %v, want Problems", err)
			}
			if diff := cmp.Diff(strings.Join(comment, "\n"), err.Error()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("the message shows the secret")
			}
		})
	}
}

package e2e

// The schema that the program prints is given to a validator that somebody else wrote.

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

func TestSchema(t *testing.T) {
	out, err := exec.Command(shared("outpost"), "config", "schema").Output()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("outpost.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("outpost.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	validate := func(t *testing.T, text string) error {
		asJSON, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			return err
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(value)
	}

	good := map[string]string{"config.example.yaml": readFile(t, filepath.Join(repository(), "config.example.yaml"))}
	for _, file := range glob(t, "config/testdata/*.yaml") {
		if !strings.HasSuffix(file, ".bad.yaml") {
			good[filepath.Base(file)] = readFile(t, file)
		}
	}
	for _, page := range append(glob(t, "docs/*.md"), filepath.Join(repository(), "README.md")) {
		for i, block := range regexp.MustCompile("(?ms)^```yaml\n(providers?:.*?)^```$").FindAllStringSubmatch(readFile(t, page), -1) {
			if strings.Contains(block[1], "\napplications:") {
				good[filepath.Base(page)+"-"+string(rune('a'+i))] = block[1]
			}
		}
	}
	if len(good) < 8 {
		t.Fatalf("%d files were found", len(good))
	}
	for name, text := range good {
		t.Run("good/"+strings.ReplaceAll(name, ".", "-"), func(t *testing.T) {
			if err := validate(t, text); err != nil {
				t.Errorf("%v", err)
			}
		})
	}

	// What a schema can see, it does.
	seen := regexp.MustCompile(`(?m)^#   line .*(is not a key of the configuration|: must be a list, is|: must be a group of keys, is|(\.(name|mode|external_url|issuer|client_id|hash)|applications): is missing|: must be a single value, is|must be single or domain|must be debug, info|must be a whole number)`)
	count := 0
	for _, file := range glob(t, "config/testdata/*.bad.yaml") {
		text := readFile(t, file)
		if !seen.MatchString(text) {
			continue
		}
		count++
		t.Run("bad/"+strings.TrimSuffix(filepath.Base(file), ".bad.yaml"), func(t *testing.T) {
			if validate(t, text) == nil {
				t.Errorf("is valid:\n%s", text)
			}
		})
	}
	if count < 10 {
		t.Errorf("%d files with mistakes that it can see", count)
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(repository(), pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", pattern, err)
	}
	return files
}

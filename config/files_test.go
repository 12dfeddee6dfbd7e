package config_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outpost/config"
)

// Read says which files count, also of a configuration that is refused, and tells
// when one of them holds something else.
func TestFiles(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("oidc", "hunter2")
	put("outpost.yaml", strings.Replace(smallest, "hunter2", "${file:"+at("oidc")+"}", 1)+"secret: ${file:"+at("seal")+"}\n")
	_, files, err := config.Read(at("outpost.yaml"), noEnv)
	if err == nil {
		t.Fatal("it loads without a secret that it names")
	}
	want := []string{at("oidc"), at("outpost.yaml"), at("seal")}
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := files.Changed(); got != nil {
		t.Errorf("changed: %v", got)
	}
	for _, name := range []string{"seal", "oidc", "outpost.yaml"} {
		put(name, "other")
		if got := files.Changed(); !slices.Equal(got, []string{at(name)}) {
			t.Errorf("after writing %s: %v have changed", name, got)
		}
		files[at(name)] = config.SumOf(at(name))
	}
	if err := os.Remove(at("oidc")); err != nil {
		t.Fatal(err)
	}
	if got := files.Changed(); !slices.Equal(got, []string{at("oidc")}) {
		t.Errorf("after removing oidc: %v have changed", got)
	}
	put("large", strings.Repeat("x", 100<<10)) // larger than a secret may be
	put("outpost.yaml", smallest+"secret: ${file:"+at("large")+"}\n")
	if _, files, err = config.Read(at("outpost.yaml"), noEnv); err == nil || files.Changed() != nil {
		t.Errorf("error %v, changed %v", err, files.Changed())
	}
}

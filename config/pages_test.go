package config_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outpost/config"
)

const plainSVG = `<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h1v1z"/></svg>`

// What the files held when the configuration was read is what counts.
func TestPages(t *testing.T) {
	logo := write(t, "logo.svg", plainSVG)
	words := write(t, "strings.yaml", `
# our own words
de:
  not_allowed.title: "Kein Zutritt: leider"
  button.back: Zurück
no:
  ago.day.other: for {n} dager siden
`)
	c := mustLoad(t, smallest+"pages: { name: Home, logo: "+logo+", strings: "+words+" }\n")
	for _, file := range []string{logo, words} {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]map[string]string{
		"de": {"not_allowed.title": "Kein Zutritt: leider", "button.back": "Zurück"},
		"no": {"ago.day.other": "for {n} dager siden"},
	}
	if diff := cmp.Diff(want, c.Pages.Words()); diff != "" || string(c.Pages.Image()) != plainSVG || c.Pages.Name != "Home" {
		t.Errorf("got %+v; words (-want +got):\n%s", c.Pages, diff)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].String(), "texts in no, which are shown in English: ") {
		t.Errorf("warnings: %v", c.Warnings)
	}
	if p := mustLoad(t, smallest).Pages; p.Image() != nil || p.Words() != nil || p.Name != "outpost" {
		t.Errorf("without a word of it: %+v", p)
	}
}

// Words and logo are taken over by a running process, which is told of the files to
// look at.
func TestPagesAreTakenOver(t *testing.T) {
	words, logo := write(t, "strings.yaml", "de: { button.back: Zurück }\n"), write(t, "logo.svg", plainSVG)
	file := write(t, "outpost.yaml", smallest+"pages: { strings: "+words+", logo: "+logo+" }\n")
	before, files, err := config.Read(file, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{words, logo} {
		if _, known := files[path]; !known {
			t.Errorf("%s is not looked at: %v", path, files)
		}
	}
	if waits := before.Restart(mustLoad(t, smallest)); len(waits) > 0 {
		t.Errorf("%v wait for a restart", waits)
	}
}

// Each problem of a file of words names the file, the line and the key, and all
// come at once.
func TestStringsFile(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string // rule and hint of each
	}{
		{"unknown-key", "de:\n  not_alowed.title: Nein\n", []string{"has a problem on line 2: de.not_alowed.title is no text of a page|did you mean not_allowed.title?"}},
		{"key-far-from-all", "de:\n  x: Nein\n", []string{"has a problem on line 2: de.x is no text of a page|docs/pages.md says which there are"}},
		{"several", "de:\n  button.back: \"\"\nfr:\n  button.bak: Retour\n", []string{
			"has a problem on line 2: de.button.back is empty|", "has a problem on line 4: fr.button.bak is no text of a page|did you mean button.back?",
		}},
		{"no-language", "german:\n  button.back: Heim\n", []string{`has a problem on line 2: "german" is no language: want a tag such as de or de-CH|`}},
		{"number-missing", "de:\n  ago.day.other: vor Tagen\n", []string{"has a problem on line 2: de.ago.day.other lacks {n}, which is where the number goes|"}},
		{"no-words", "de: Nein\n", []string{`has on line 1 "de" without words|write keys and texts below the language, indented`}},
		{"nested", "de:\n  not_allowed:\n    title: Nein\n", []string{"has on line 2 de.not_allowed, which is no text|write it as not_allowed.title: …"}},
		{"list", "- de\n", []string{"must be a file of words, and on its line 1 the file must be keys with values, is a list|docs/pages.md shows such a file"}},
		{"empty", "", []string{"must be a file of words: the file is empty|docs/pages.md shows such a file"}},
		{"twice", "de:\n  button.back: a\n  button.back: b\n", []string{"must be a file of words, and on its line 3 de.\"button.back\": is given twice, first on line 2|docs/pages.md shows such a file"}},
		{"alias", "de: &a\n  button.back: a\nfr: *a\n", []string{
			"must be a file of words, and on its line 1 de: must not use an anchor|docs/pages.md shows such a file",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := write(t, "strings.yaml", tt.text)
			c, err := config.Load(write(t, "config.yaml", smallest+"pages:\n  strings: "+file+"\n"), os.LookupEnv)
			problems, is := errors.AsType[config.Problems](err)
			if c != nil || !is {
				t.Fatalf("got %v, %v", c, err)
			}
			var got []string
			for _, p := range problems {
				got = append(got, p.Rule+"|"+p.Hint)
				if p.Path != "pages.strings" || p.Value != file || p.Line == 0 {
					t.Errorf("%+v does not say where", p)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestLogoFile(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"script", strings.Replace(plainSVG, "<path", "<script>alert(1)</script><path", 1), "must be an SVG without <script>"},
		{"too-large", strings.Repeat(plainSVG, 2000), "must be a file that can be read: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := config.Load(write(t, "config.yaml", smallest+"pages:\n  logo: "+write(t, "logo.svg", tt.text)+"\n"), os.LookupEnv)
			problems, _ := errors.AsType[config.Problems](err)
			if len(problems) != 1 || problems[0].Path != "pages.logo" || !strings.HasPrefix(problems[0].Rule, tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

package page

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// Each file has every key once, in the order of the English one, and none besides;
// of a text with a number exactly the forms that the language has.
func TestLanguagesAreWhole(t *testing.T) {
	found, err := filepath.Glob("words/*.json")
	if err != nil || len(found) != len(ours) || len(ours) != 8 {
		t.Fatalf("%d files for %d languages, %v", len(found), len(ours), err)
	}
	english := keysOf(t, "en")
	for _, tag := range ours {
		t.Run(tag, func(t *testing.T) {
			var want []string
			for _, key := range english {
				stem, hasNumber := numbered(key)
				switch {
				case !hasNumber:
					want = append(want, key)
				case strings.HasSuffix(key, ".other"):
					for _, name := range formsOf(tag) {
						want = append(want, stem+"."+name)
					}
				}
			}
			if diff := cmp.Diff(want, keysOf(t, tag)); diff != "" {
				t.Errorf("keys (-wanted +there):\n%s", diff)
			}
			for key, text := range builtin[tag]() {
				if err := CheckString(tag, key, text); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// formsOf are the forms that some number has in a language, in CLDR's order.
func formsOf(tag string) []string {
	there := map[string]bool{}
	for n := 1; n < 1000; n++ {
		there[form(tag, n)] = true
	}
	return slices.DeleteFunc(slices.Clone(forms), func(f string) bool { return !there[f] })
}

// keysOf are the keys of a file as they stand there.
func keysOf(t *testing.T, tag string) []string {
	t.Helper()
	b, err := os.ReadFile("words/" + tag + ".json")
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	var keys []string
	for i := -1; ; i++ {
		token, err := d.Token()
		if err != nil {
			return keys
		}
		if key, isText := token.(string); isText && i%2 == 0 {
			if slices.Contains(keys, key) {
				t.Errorf("%s has %s twice", tag, key)
			}
			keys = append(keys, key)
		}
	}
}

// What the templates ask for is in the files, and what is in the files is asked for.
func TestEveryTextHasItsPlace(t *testing.T) {
	labelKeys := map[string]bool{}
	l := reflect.TypeFor[labels]()
	for i := range l.NumField() {
		key := l.Field(i).Tag.Get("json")
		labelKeys[key] = true
		for _, tag := range ours {
			if key != "-" && builtin[tag]()[key] == "" {
				t.Errorf("%s has nothing for %s", tag, key)
			}
		}
	}
	reasonKey := regexp.MustCompile(`^([a-z_]+)\.(title|sentence|next|cause\.[1-9])$`)
	for key := range builtin["en"]() {
		m := reasonKey.FindStringSubmatch(key)
		_, hasNumber := numbered(key)
		if !labelKeys[key] && !hasNumber && key != "ago.now" && !strings.HasPrefix(key, "missing.") && (m == nil || !slices.Contains(Reasons(), m[1])) {
			t.Errorf("nothing asks for %s", key)
		}
	}
	if got, want := slices.Sorted(maps.Keys(newLanguage("en", builtin["en"]()).Labels.Missing)), []string{"acr", "amr", "auth_time", "unsaid", "yours"}; !slices.Equal(got, want) {
		t.Errorf("missing: %v", got)
	}
	for reason := range special {
		if !slices.Contains(Reasons(), reason) {
			t.Errorf("%s has no words", reason)
		}
	}
}

// Titles stay titles, and sentences sentences, in each language; names that have
// to be typed are the same in all of them, and nothing was left in English.
func TestTranslations(t *testing.T) {
	const sameInAll = "trusted_proxies"
	english := builtin["en"]()
	for _, tag := range ours {
		t.Run(tag, func(t *testing.T) {
			untranslated := 0
			for key, text := range builtin[tag]() {
				switch {
				case strings.HasSuffix(key, ".title"):
					if strings.HasSuffix(text, ".") || utf8.RuneCountInString(text) > 55 {
						t.Errorf("%s: %q: want a few words without a full stop", key, text)
					}
				case strings.HasSuffix(key, ".sentence"), strings.HasSuffix(key, ".next"), strings.Contains(key, ".cause."):
					if !strings.HasSuffix(text, ".") || strings.Count(text, ".") != 1 || utf8.RuneCountInString(text) > 175 {
						t.Errorf("%s: %q: want one sentence of at most 175 characters", key, text)
					}
					if strings.Contains(english[key], sameInAll) != strings.Contains(text, sameInAll) {
						t.Errorf("%s: %q: the name of the key is not there", key, text)
					}
				case strings.HasPrefix(key, "button."):
					if utf8.RuneCountInString(text) > 30 || strings.HasSuffix(text, ".") {
						t.Errorf("%s: %q: want the few words of a button", key, text)
					}
				}
				if strings.Contains(english[key], "15 ") != strings.Contains(text, "15 ") {
					t.Errorf("%s: %q: another number than in English", key, text)
				}
				if found := jargon.FindString(strings.ReplaceAll(text, number, "2")); found != "" && !strings.EqualFold(found, "session") {
					t.Errorf("%s: %q: %q says nothing to a person", key, text, found)
				}
				if strings.TrimSpace(text) != text || strings.ContainsAny(text, "\"“”\t\n") {
					t.Errorf("%s: %q: spaces at an edge, or quotation marks", key, text)
				}
				if tag != "en" && text == english[key] {
					untranslated++ // "Account" and "Application" are words of other languages, too
				}
			}
			if untranslated > 3 {
				t.Errorf("%d texts are the English ones", untranslated)
			}
		})
	}
}

func TestForms(t *testing.T) {
	for _, c := range []struct {
		tag  string
		want string // of 0, 1, 2, 3, 5, 11, 12, 21, 22, 25, 101, 102, 111, 112
	}{
		{"en", "other one other other other other other other other other other other other other"},
		{"de-CH", "other one other other other other other other other other other other other other"},
		{"FR", "one one other other other other other other other other other other other other"},
		{"pt", "other one other other other other other other other other other other other other"},
		{"pl", "many one few few many many many many few many many few many many"},
		{"ru", "many one few few many many many one few many one few many many"},
		{"hr", "other one few few other other other one few other one few other other"},
		{"cs", "other one few few other other other other other other other other other other"},
		{"ro", "few one few few few few few other other other few few few few"},
		{"lt", "other one few few few other other one few few one few other other"},
		{"lv", "zero one other other other zero zero one other other one other zero zero"},
		{"sl", "other one two few other other other other other other one two other other"},
		{"is", "other one other other other other other one other other one other other other"},
		{"he", "other one two other other other other other other other other other other other"},
		{"ar", "zero one two few few many many many many many other other many many"},
		{"ja", "other other other other other other other other other other other other other other"},
	} {
		t.Run(strings.ToLower(c.tag), func(t *testing.T) {
			var got []string
			for _, n := range []int{0, 1, 2, 3, 5, 11, 12, 21, 22, 25, 101, 102, 111, 112} {
				got = append(got, form(c.tag, n))
			}
			if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestChosen(t *testing.T) {
	tags := []string{"en", "de", "es", "fr", "it", "nl", "pl", "pt", "de-CH", "zh-Hant"}
	long := strings.Repeat("x", 1<<20)
	for _, c := range []struct{ name, header, want string }{
		{"none", "", "en"},
		{"plain", "de", "de"},
		{"capitals", "DE-AT", "de"},
		{"weights", "en;q=0.5, de;q=0.7, fr;q=0.6", "de"},
		{"chromium", "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", "de"},
		{"firefox", "pt-BR,pt;q=0.8,en-US;q=0.5,en;q=0.3", "pt"},
		{"safari", "it-IT, it;q=0.9", "it"},
		{"same-weight-by-place", "fr, de", "fr"},
		{"region-that-there-is", "de-CH", "de-CH"},
		{"region-spelled-otherwise", "de-ch;q=0.3", "de-CH"},
		{"plain-before-its-region", "de, de-CH;q=0.9", "de"},
		{"range-stands-for-more-special", "zh", "zh-Hant"},
		{"range-stands-for-more-special-only-at-a-hyphen", "z, zh-Han, pl;q=0.1", "pl"},
		{"unknown", "ja, ko", "en"},
		{"unknown-then-known", "ja, nl;q=0.2", "nl"},
		{"wildcard-alone", "*", "en"},
		{"wildcard-after", "ja, *;q=0.1", "en"},
		{"wildcard-does-not-stand-for-named", "en;q=0.1, *;q=0.5", "de"},
		{"wildcard-zero", "fr, *;q=0", "fr"},
		{"wildcard-zero-keeps-regions", "fr-CA, *;q=0", "fr"},
		{"excluded", "de;q=0, *", "en"},
		{"excluded-default", "en;q=0, *;q=0.5", "de"},
		{"excluded-default-alone", "en;q=0", "de"},
		{"excluded-with-its-regions", "de;q=0, pl;q=0.001", "pl"},
		{"excluded-region-alone", "de-CH;q=0, de;q=0.3, en;q=0.2", "de"},
		{"region-of-an-excluded-one", "de-AT, de;q=0, it;q=0.1", "it"},
		{"smallest", "es;q=0.001", "es"},
		{"zero-in-all-spellings", "es;q=0.000, fr;q=0., it;q=0", "en"},
		{"one-in-all-spellings", "es;q=0.9, fr;q=1.000", "fr"},
		{"weight-with-spaces", " it ; q=0.3 ,\tes ;q=0.4", "es"},
		{"weight-in-capitals", "it;Q=0.3, es;q=0.4", "es"},
		{"weight-above-one", "it;q=1.5, es;q=0.4", "es"},
		{"weight-above-one-a-bit", "it;q=1.001, es;q=0.4", "es"},
		{"weight-negative", "it;q=-1, es;q=0.4", "es"},
		{"weight-too-exact", "it;q=0.1234, es;q=0.1", "es"},
		{"weight-no-number", "it;q=high, es;q=0.4", "es"},
		{"weight-without-value", "it;q, es;q=0.4", "es"},
		{"weight-with-exponent", "it;q=1e3, es;q=0.4", "es"},
		{"weight-not-a-number", "it;q=NaN, es;q=0.4", "es"},
		{"other-parameter", "it;level=1, es;q=0.4", "es"},
		{"two-parameters", "it;q=0.9;x=1, es;q=0.4", "es"},
		{"empty-entries", ",, ,fr,,", "fr"},
		{"no-tag", "e, 12, -de, de-, de--CH, d_e, fr;q=0.2", "fr"},
		{"not-ascii", "dé, fr;q=0.2", "fr"},
		{"hostile-length", long + ",fr", "fr"},
		{"hostile-weight", "de;q=0." + long + ",fr;q=0.1", "fr"},
		{"hostile-hyphens", strings.Repeat("de-", 1<<19) + "de,fr;q=0.1", "fr"},
		{"hostile-number", strings.Repeat("ja,", maxRanges) + "fr", "en"},
		{"as-many-as-are-read", strings.Repeat("ja,", maxRanges-1) + "fr", "fr"},
		{"hostile-malformed-number", strings.Repeat("?,", 1<<16) + "fr", "fr"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := tags[chosen(tags, []string{c.header})]; got != c.want {
				t.Errorf("%.80q: got %s, want %s", c.header, got, c.want)
			}
		})
	}
	if got := tags[chosen(tags, []string{"ja;q=0.9", "pl;q=0.1, it;q=0.2"})]; got != "it" {
		t.Errorf("two headers: got %s", got)
	}
	if n := testing.AllocsPerRun(10, func() { chosen(tags, []string{strings.Repeat("de-AT;q=0.5,", 1000)}) }); n > 100 {
		t.Errorf("%v allocations for 1000 ranges", n)
	}
}

func FuzzChosen(f *testing.F) {
	f.Add("de-DE,de;q=0.9,*;q=0")
	f.Add(";q=0,*;q=1.000,en-;q=0.")
	tags := []string{"en", "de", "de-CH"}
	f.Fuzz(func(t *testing.T, header string) {
		if i := chosen(tags, []string{header}); i < 0 || i >= len(tags) {
			t.Errorf("%q: %d", header, i)
		}
	})
}

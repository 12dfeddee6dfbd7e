package access

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

func TestPatternMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		yes, no []string
	}{
		{"/", []string{"/"}, []string{"/a", "//"}},
		{"/a", []string{"/a"}, []string{"/a/", "/ab", "/A", "/"}},
		{"/a/", []string{"/a/"}, []string{"/a", "/a/b"}},
		{"/*", []string{"/", "/a", "/a/b/"}, nil},
		{"/a/*", []string{"/a/", "/a/b", "/a/b/c"}, []string{"/a", "/ab", "/A/b"}},
		{"/a*", []string{"/ab", "/abc"}, []string{"/a", "/a/", "/ab/", "/ab/c"}},
		{"/a/*/x", []string{"/a/b/x", "/a/é/x"}, []string{"/a//x", "/a/b/c/x", "/a/b/x/", "/a/x"}},
		{"/a/*/", []string{"/a/b/"}, []string{"/a/b", "/a//", "/a/b/c"}},
		{"/a/*/x/*", []string{"/a/b/x/", "/a/b/x/y/z"}, []string{"/a/b/x", "/a//x/y"}},
		{"/*/*", []string{"/a/", "/a/b/c"}, []string{"/a", "//a"}},
		{"/*.css", []string{"/a.css", "/a.css.css", "/..css"}, []string{"/.css", "/a.css/", "/a/b.css", "/a.cssx"}},
		{"/x*y*z", []string{"/xaybz", "/xyyyz", "/xayyz"}, []string{"/xyz", "/xyyz", "/xayz", "/xaybzz/"}},
		{"/x*aa*z", []string{"/xbaaaz", "/xaaaaz"}, []string{"/xaaz", "/xaaaz", "/xbaaz"}},
		{"~ ^/a|/b$", []string{"/a", "/b"}, []string{"/ab", "/a/b", "/xx/b", "/ax"}},
		{"~ ^/a|^/b$", []string{"/a", "/b"}, []string{"/ab", "/b/"}},
		{"~ ^(?m)/a$", []string{"/a"}, []string{"/a\n", "/a\n/b"}},
		{"~ ^/a.*$", []string{"/a", "/a\n/b", "/a/b"}, []string{"/b"}},
		{`~ ^\Q/a.$`, []string{"/a."}, []string{"/ab", "/a.)"}},
		{"~ ^/v[0-9]+/admin(/.*)?$", []string{"/v1/admin", "/v12/admin/x"}, []string{"/v/admin", "/v1/administrator", "/x/v1/admin"}},
		{"~ ^/(?i)admin$", []string{"/admin", "/ADMIN"}, []string{"/admins"}},
	} {
		p, problem := parsePattern(tt.pattern)
		if problem != "" {
			t.Errorf("%s: %s", tt.pattern, problem)
			continue
		}
		for _, path := range tt.yes {
			if !p.matches(path, false) || !p.matches(path, true) {
				t.Errorf("%s does not match %s", tt.pattern, path)
			}
			if !strings.HasPrefix(path, p.literal) || !strings.HasSuffix(path, p.end()) {
				t.Errorf("%s matches %s, but begins with %q and ends with %q", tt.pattern, path, p.literal, p.end())
			}
		}
		for _, path := range tt.no {
			if p.matches(path, false) {
				t.Errorf("%s matches %s", tt.pattern, path)
			}
		}
	}
}

// A glob is what it says: each star is one or more characters of a segment.
func TestGlobsAgainstExpressions(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	matched := 0
	for range 20_000 {
		source, path := "/", "/"
		for range 1 + random.IntN(6) {
			source += pick(random, "a", "b", "/", "*", "*", "B", "/*")
			path += pick(random, "a", "b", "/", "A", "ab", "ba")
		}
		if notCanonical(source) != "" {
			continue
		}
		p, _ := parsePattern(source)
		for _, fold := range []bool{false, true} {
			text := regexp.QuoteMeta(source)
			if rest, ok := strings.CutSuffix(text, `/\*`); ok {
				text = rest + "/.*"
			}
			text = "^" + strings.ReplaceAll(text, `\*`, "[^/]+") + "$"
			if fold {
				text = "(?i)" + text
			}
			want := regexp.MustCompile(text).MatchString(path)
			if got := p.matches(path, fold); got != want {
				t.Fatalf("%s matches %s: %v, want %v (fold %v)", source, path, got, want, fold)
			}
			if want {
				matched++
			}
		}
	}
	if matched < 500 {
		t.Errorf("%d matches: this test sees too little", matched)
	}
}

// The folded form of an expression matches a path if the expression matches
// some spelling of it; it is needed for a path without capitals only if cased.
func TestFoldedExpressions(t *testing.T) {
	for _, source := range []string{
		"~ ^/a$", "~ ^/A$", "~ ^/[a-z]b$", "~ ^/[^a]b$", "~ ^/[^A-Z]+$", "~ ^/.*[A-Z].*$", "~ ^/(?i:a)B$", "~ ^/(ab|Ba)$", `~ ^/\w.$`, "~ ^/[[:upper:]]{2}$", `~ ^/\x41b?$`,
		`~ ^/[^\x00-\x{10ffff}]?a$`, "~ ^/k[^kK]$", "~ ^/a(?:b|)$", "~ ^/[A-Za-z]+$",
	} {
		p, problem := parsePattern(source)
		if problem != "" {
			t.Fatalf("%s: %s", source, problem)
		}
		cased := false
		for _, a := range []string{"", "a", "b", "k", "A", "B", "1", "\u212a", "\n"} {
			for _, b := range []string{"", "a", "b", "k", "A", "B", "\xff"} {
				path, want := "/"+a+b, false
				for _, spelling := range spellings(path) {
					want = want || p.matches(spelling, false)
				}
				if got := p.matches(path, true); got != want {
					t.Errorf("%s folded matches %q: %v, want %v", source, path, got, want)
				}
				cased = cased || !hasUpper(path) && want && !p.matches(path, false)
			}
		}
		if cased != p.cased {
			t.Errorf("%s: cased is %v, want %v", source, p.cased, cased)
		}
	}
}

// spellings are all that differ from s in the case of ASCII letters.
func spellings(s string) []string {
	all := []string{""}
	for i := range len(s) {
		var next []string
		for _, begin := range all {
			next = append(next, begin+s[i:i+1])
			switch c := s[i]; {
			case 'a' <= c && c <= 'z':
				next = append(next, begin+string(rune(c-32)))
			case 'A' <= c && c <= 'Z':
				next = append(next, begin+string(rune(c+32)))
			}
		}
		all = next
	}
	return all
}

// Whatever an expression is made of, it matches whole paths and panics nowhere.
func FuzzExpression(f *testing.F) {
	for _, inner := range []string{"/a", "/a|/b", "/a)|(?:/b", `/\Qa`, "/(?m)a", "/[a", `/a\`, "/(?-i:A)", "/[^A-Z]", "/(?i)k"} {
		f.Add(inner, "/a/b")
	}
	f.Fuzz(func(t *testing.T, inner, path string) {
		p, problem := parsePattern("~ ^" + inner + "$")
		if problem != "" || path == "" || path[0] != '/' || strings.Contains(inner, "(?") || strings.ContainsAny(inner, `\$^`) {
			return
		}
		whole := regexp.MustCompile("(?s)^(?:" + inner + ")$")
		if got, want := p.matches(path, false), whole.MatchString(path); got != want {
			t.Errorf("%s matches %q: %v, want %v", p.source, path, got, want)
		}
		if p.matches(path, false) && (!strings.HasPrefix(path, p.literal) || !p.matches(path, true)) {
			t.Errorf("%s matches %q, but it begins with %q, and folded matches: %v", p.source, path, p.literal, p.matches(path, true))
		}
	})
}

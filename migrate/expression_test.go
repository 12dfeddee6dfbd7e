package migrate

import (
	"net/url"
	"regexp"
	"testing"
	"time"

	"outpost/access"
)

// narrowExpressions are of all kinds that people write.
var narrowExpressions = []string{
	"^/api", "^/api/", "^/api$", "/api", "api", "\\.css$", "^/(a|b)/c$", "^/a|^/b$", "^/a|/b$", "(^/a$|/b)", "^/a(/|$)", "^/a(/.*)?$", "^/[a-z]+$", "^/a.c$", "(?i)^/API$", "^/a\\.b", ".*", "", "^", "$", "^$", "^/", "/",
	"^/$", "^.*/x$", "^/x.*$", "\\bx\\b", "^/a\\b", "^[^/]*$", "^/a/*", "^(/a)?/b", "/?health", "^/x\\?y", "^https://app\\.example\\.com/a", "^https?://app\\.example\\.com/a/", "^https://app\\.example\\.com/a$", "^https://app.example.com/a", "https://app\\.example\\.com/", "^https://[^/]+/a",
	"^/x y", "^/f.o/", "^/föö", "^/a%20b",
}

var narrowTargets = []string{
	"/", "/a", "/a/", "/b", "/a/b", "/ab", "/a/c", "/b/c", "/abc", "/api", "/api/", "/api/x", "/apis", "/x/api", "/x/api/y", "/x.css", "/y/x.css", "/x.css.y", "/x.css?a", "/y?q=/api", "/y?q=x.css", "/API", "/a.b", "/axb", "/a.c", "/x", "/x?y", "/x%3Fy",
	"/health", "/x/health", "/xhealth", "/a?x", "/a/x?y", "/x%20y", "/f%C3%B6o/", "/fxo/", "/f%C3%B6%C3%B6", "/a%20b", "/a//b", "/a/../api", "/..;/api", "/api%2f", "/a%0Ab", "/https://app.example.com/a", "/y?u=https://app.example.com/a", "/bx/b", "/b/b",
}

// What a tool kept closed is never open here, whatever it matched against; and what
// is plain is open here as well.
func TestConvertIsNeverWider(t *testing.T) {
	open := 0
	for _, expression := range narrowExpressions {
		re := regexp.MustCompile(expression)
		for _, on := range []subject{pathOnly, pathQuery, rawPath, wholeURL} {
			found, _ := convert(expression, on)
			for _, one := range found {
				r := access.Rule{Paths: []string{one.path}, Public: true}
				if one.host != "" {
					r.Hosts = []string{one.host}
				}
				rules, err := access.Compile(access.Config{Policy: access.Everyone(), Rules: []access.Rule{r}, DefaultAllow: true})
				if err != nil {
					t.Fatalf("%q: %v", expression, err)
				}
				for _, host := range []string{"app.example.com", "other.example.com"} {
					for _, target := range narrowTargets {
						if rules.Judge(&access.Request{Host: host, Target: target, Method: "GET"}, nil, time.Time{}).Outcome != access.Public {
							continue
						}
						open++
						u, err := url.Parse("https://" + host + target)
						if err != nil {
							t.Fatal(err)
						}
						seen := map[subject][]string{pathOnly: {u.Path}, pathQuery: {target}, rawPath: {u.Path, u.EscapedPath()}, wholeURL: {u.String()}}[on]
						for _, text := range seen {
							if !re.MatchString(text) {
								t.Errorf("%q against %d: %s of %s is open, and was not (%s)", expression, on, target, host, one.path)
							}
						}
					}
				}
			}
		}
	}
	if open < 300 {
		t.Errorf("%d are open, so this test saw nothing", open)
	}
}

func TestConvert(t *testing.T) {
	for _, tt := range []struct {
		name, expression string
		on               subject
		want             []opened
		why              error
	}{
		{"exact", "^/health$", pathOnly, []opened{{"", "/health"}}, nil},
		{"below", "^/public/", pathOnly, []opened{{"", "/public/*"}}, nil},
		{"begins", "^/api", pathOnly, []opened{{"", "~ ^/(?:api)(?s:.*)$"}}, nil},
		{"alternatives", "^/a$|^/b/", pathOnly, []opened{{"", "/a"}, {"", "/b/*"}}, nil},
		{"everything", ".*", pathOnly, nil, errAnywhere},
		{"empty", "", rawPath, nil, errAnywhere},
		{"url", `^https://app\.example\.com/a/`, wholeURL, []opened{{"app.example.com", "/a/*"}}, nil},
		{"url-closed-by-a-query", `^https://app\.example\.com/a$`, wholeURL, nil, errQuery},
		{"url-of-many-hosts", `^https://[^/]+/a`, wholeURL, nil, errHost},
		{"border", `^/a\b`, pathOnly, nil, errMiddle},
		{"no-expression", `(?=x)`, pathOnly, nil, errSyntax},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := convert(tt.expression, tt.on)
			if err != tt.why || len(got) != len(tt.want) {
				t.Fatalf("got %q, %v", got, err)
			}
			for i := range got {
				if got[i] != tt.want[i] {
					t.Errorf("got %q, want %q", got[i], tt.want[i])
				}
			}
		})
	}
}

package access_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/access"
)

func TestCompileProblems(t *testing.T) {
	path := func(paths ...string) []access.Rule { return []access.Rule{{Paths: paths, Line: 7}} }
	host := func(hosts ...string) []access.Rule { return []access.Rule{{Hosts: hosts, Line: 7}} }
	network := func(s string) []access.Rule {
		return []access.Rule{{Networks: []netip.Prefix{netip.MustParsePrefix(s)}, Line: 7}}
	}
	nobody := access.Allow(access.Lists{Any: []access.Lists{{Groups: []string{""}}}, All: []access.Lists{{Groups: []string{"a"}}, {}}})
	for _, tt := range []struct {
		name  string
		rules []access.Rule
		want  []string // what each problem has in it
	}{
		{"fine", []access.Rule{{Hosts: []string{"a.example.com", "*.b_c.example.com", "localhost", "[::1]", "10.0.0.1"}, Paths: []string{"/", "/a", "/a/*", "/a/*/x", "/*.css", "/a/*/b/*", "/a*b*c/", "~ ^/v[0-9]+/admin(/.*)?$", "~^/café$"}, Methods: []string{"GET", "M-SEARCH"}, Query: []string{"a", "b=c d"}, Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}}}, nil},

		{"path-without-a-slash", path("a"), []string{`rule 1 (line 7): path "a": paths begin with "/": write /a`}},
		{"path-empty", path(""), []string{"path: is empty: leave the key out"}},
		{"path-encoded", path("/a%20b"), []string{`path "/a%20b": paths are written decoded: write /a b`}},
		{"path-with-percent", path("/100%"), []string{`"%" is in none`}},
		{"path-with-query", path("/a?b"), []string{"write /a, and what the query has to have into query"}},
		{"path-with-fragment", path("/a#b"), []string{`"#" is in no path: write /a`}},
		{"path-with-two-slashes", path("/a//b"), []string{"write /a/b"}},
		{"path-with-a-dot-segment", path("/a/../b/./c"), []string{"write /b/c"}},
		{"path-with-a-dot-segment-last", path("/a/.."), []string{"write /"}},
		{"path-with-a-parameter", path("/a;v=1/b"), []string{"write /a/b"}},
		{"path-with-a-backslash", path(`/a\b`), []string{"write /a/b"}},
		{"path-with-a-control", path("/a\n"), []string{"control character"}},
		{"path-not-utf-8", path("/a\xff"), []string{"not UTF-8"}},
		{"path-with-two-stars", path("/a/**"), []string{"/prefix/* at the end is everything below"}},
		{"path-too-long", path("/" + strings.Repeat("a", 4<<10)), []string{"longer than 4 KiB"}},
		{"expression-without-tilde", path("^/a$"), []string{"~ ^/a$"}},
		{"expression-not-anchored", path("~ /a"), []string{"begins with ^ and ends with $"}},
		{"expression-not-anchored-at-its-end", path("~ ^/a"), []string{"begins with ^ and ends with $"}},
		{"expression-with-a-quoted-anchor", path(`~ ^/a\$`), []string{"begins with ^ and ends with $"}},
		{"expression-with-a-quoted-backslash", path(`~ ^/a\\$`), nil},
		{"expression-that-closes-the-anchors", path(`~ ^/a)|(?:/b$`), []string{"unexpected )"}},
		{"expression-that-is-none", path("~ ^/(a$"), []string{"missing closing )"}},
		{"expression-with-look-ahead", path("~ ^/(?!a)$"), []string{"invalid or unsupported Perl syntax"}},
		{"expression-that-never-matches", path("~ ^admin/.*$"), []string{"never matches"}},
		{"expression-that-matches-nothing", path("~ ^$"), []string{"never matches"}},
		{"expression-that-costs-too-much", path("~ ^/(a{100}b{100}c{100}){9}$"), []string{"costs too much"}},
		{"expression-that-repeats-too-often", path("~ ^/a{1001}$"), []string{"invalid repeat count"}},

		{"host-empty", host(""), []string{"host: is empty"}},
		{"host-with-capitals", host("App.example.com"), []string{"write app.example.com"}},
		{"host-with-a-port", host("app.example.com:8443"), []string{"write the host without one"}},
		{"host-with-a-dot-behind", host("app.example.com."), []string{"without the dot"}},
		{"host-with-a-scheme", host("https://app.example.com"), []string{"a name alone"}},
		{"host-with-a-path", host("app.example.com/x"), []string{"a name alone"}},
		{"host-with-a-star-inside", host("a*.example.com"), []string{"write *.example.com"}},
		{"host-with-a-star-alone", host("*"), []string{"write *.example.com"}},
		{"host-with-a-star-and-no-name", host("*."), []string{"no host name"}},
		{"host-beyond-ascii", host("café.example.com"), []string{"xn--"}},
		{"host-with-an-empty-label", host("a..example.com"), []string{"no host name"}},

		{"method-in-small-letters", []access.Rule{{Methods: []string{"get"}}}, []string{`rule 1: methods "get": methods are compared as they are, and written in capitals: write GET`}},
		{"method-that-is-none", []access.Rule{{Methods: []string{"GET,HEAD", ""}}}, []string{"is no method", "is empty"}},
		{"query-without-a-key", []access.Rule{{Query: []string{"=x"}}}, []string{"has no key"}},
		{"query-of-two-keys", []access.Rule{{Query: []string{"a&b"}}}, []string{"one key"}},
		{"query-encoded", []access.Rule{{Query: []string{"a=%20"}}}, []string{"decoded"}},
		{"network-with-bits-behind", network("10.1.0.0/8"), []string{"write 10.0.0.0/8"}},
		{"network-v4-in-v6", network("::ffff:10.0.0.0/104"), []string{"write 10.0.0.0/8"}},
		{"network-that-is-none", []access.Rule{{Networks: []netip.Prefix{{}}}}, []string{"is no network"}},

		{"public-and-deny", []access.Rule{{Public: true, Deny: true}}, []string{"is public and denies"}},
		{"public-and-allow", []access.Rule{{Public: true, Allow: &access.Policy{}}}, []string{"public lets everybody in", "allow lets nobody in"}},
		{"public-and-require", []access.Rule{{Public: true, Require: access.Requirement{MaxAge: time.Hour}}}, []string{"public lets everybody in"}},
		{"deny-and-require", []access.Rule{{Deny: true, Require: access.Requirement{AMR: []string{"mfa"}}}}, []string{"deny lets nobody in"}},
		{"public-and-query", []access.Rule{{Public: true, Query: []string{"a"}}}, []string{"query cannot make anything public"}},
		{"allow-nobody", []access.Rule{{Allow: &nobody}}, []string{"allow lets nobody in"}},
		{"max-age-negative", []access.Rule{{Require: access.Requirement{MaxAge: -1}}}, []string{"negative"}},
		{"all-at-once", []access.Rule{{Paths: []string{"a", "/b"}, Line: 3}, {}, {Methods: []string{"get"}, Hosts: []string{"A"}, Line: 9}}, []string{"rule 1 (line 3): path", "rule 3 (line 9): host", "rule 3 (line 9): methods"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rules, err := access.Compile(access.Config{Rules: tt.rules})
			wantProblems(t, rules, err, tt.want)
		})
	}
}

func wantProblems(t *testing.T, rules *access.Rules, err error, want []string) {
	t.Helper()
	var problems access.Problems
	errors.As(err, &problems)
	if len(problems) != len(want) || (rules == nil) != (err != nil) {
		t.Fatalf("rules %v, error:\n%v\nwant %d problems", rules != nil, err, len(want))
	}
	for i := range want {
		if !strings.Contains(problems[i].Error(), want[i]) {
			t.Errorf("problem %d is\n%v\nwhich has not %q", i, problems[i], want[i])
		}
	}
}

func TestShadowedRules(t *testing.T) {
	net := func(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }
	for _, tt := range []struct {
		name        string
		early, late access.Rule
		shadowed    bool
	}{
		{"the-same", access.Rule{Paths: []string{"/a"}}, access.Rule{Paths: []string{"/a"}}, true},
		{"everything", access.Rule{}, access.Rule{Hosts: []string{"a"}, Paths: []string{"~ ^/a$"}, Methods: []string{"GET"}, Query: []string{"a"}, Networks: net("10.0.0.0/8")}, true},
		{"behind-everything", access.Rule{Paths: []string{"/a"}}, access.Rule{}, false},
		{"other-path", access.Rule{Paths: []string{"/a"}}, access.Rule{Paths: []string{"/b"}}, false},
		{"one-path-of-two", access.Rule{Paths: []string{"/a"}}, access.Rule{Paths: []string{"/a", "/b"}}, false},
		{"both-paths", access.Rule{Paths: []string{"/b", "/*"}}, access.Rule{Paths: []string{"/a", "/b"}}, true},
		{"below", access.Rule{Paths: []string{"/a/*"}}, access.Rule{Paths: []string{"/a/b/*", "/a/", "/a/x", "/a/*/y", "~ ^/a/[0-9]+$"}}, true},
		{"beside-below", access.Rule{Paths: []string{"/a/*"}}, access.Rule{Paths: []string{"/a"}}, false},
		{"wider-than-below", access.Rule{Paths: []string{"/a/b/*"}}, access.Rule{Paths: []string{"/a/*"}}, false},
		{"expression-that-begins-elsewhere", access.Rule{Paths: []string{"/a/*"}}, access.Rule{Paths: []string{"~ ^/(a|b)/x$"}}, false},
		{"by-a-glob", access.Rule{Paths: []string{"/*/x"}}, access.Rule{Paths: []string{"/a/x"}}, true},
		{"the-same-glob", access.Rule{Paths: []string{"/*/x"}}, access.Rule{Paths: []string{"/*/x"}}, true},
		{"by-an-expression", access.Rule{Paths: []string{"~ ^/a|/b$"}}, access.Rule{Paths: []string{"/a", "/b"}}, true},
		{"by-case", access.Rule{Paths: []string{"/A/*"}}, access.Rule{Paths: []string{"/a/*"}}, false},
		{"host-below", access.Rule{Hosts: []string{"*.example.com"}}, access.Rule{Hosts: []string{"a.example.com", "*.b.example.com", "*.example.com"}}, true},
		{"host-itself", access.Rule{Hosts: []string{"*.example.com"}}, access.Rule{Hosts: []string{"example.com"}}, false},
		{"host-under-itself", access.Rule{Hosts: []string{"example.com"}}, access.Rule{Hosts: []string{"*.example.com"}}, false},
		{"host-of-any", access.Rule{Hosts: []string{"example.com"}}, access.Rule{Paths: []string{"/a"}}, false},
		{"one-host-of-two", access.Rule{Hosts: []string{"a"}}, access.Rule{Hosts: []string{"a", "b"}}, false},
		{"methods", access.Rule{Methods: []string{"GET", "HEAD"}}, access.Rule{Methods: []string{"HEAD"}}, true},
		{"more-methods", access.Rule{Methods: []string{"GET"}}, access.Rule{Methods: []string{"GET", "HEAD"}}, false},
		{"no-methods", access.Rule{Methods: []string{"GET"}}, access.Rule{}, false},
		{"networks", access.Rule{Networks: net("10.0.0.0/8")}, access.Rule{Networks: net("10.1.0.0/16")}, true},
		{"wider-network", access.Rule{Networks: net("10.1.0.0/16")}, access.Rule{Networks: net("10.0.0.0/8")}, false},
		{"any-network", access.Rule{Networks: net("10.0.0.0/8")}, access.Rule{}, false},
		{"behind-a-query", access.Rule{Query: []string{"a"}}, access.Rule{Query: []string{"a"}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.early.Line, tt.late.Line = 4, 9
			rules, err := access.Compile(access.Config{Rules: []access.Rule{{Paths: []string{"/other"}}, tt.early, tt.late}})
			var want []string
			if tt.shadowed {
				want = []string{"rule 3 (line 9): never decides: rule 2 (line 4) matches all that it matches"}
			}
			wantProblems(t, rules, err, want)
		})
	}
}

func TestCompileBounds(t *testing.T) {
	_, err := access.Compile(access.Config{Rules: make([]access.Rule, 10_001), Public: []string{"preflight", "all"}})
	wantProblems(t, nil, err, []string{`public "all": is none of preflight`, "10001 are too many"})

	hosts, paths := make([]string, 1001), make([]string, 1000)
	for i := range hosts {
		hosts[i] = strings.Repeat("a", 1+i%60) + "." + strings.Repeat("b", 1+i/60)
	}
	for i := range paths {
		paths[i] = "/" + strings.Repeat("a", i)
	}
	_, err = access.Compile(access.Config{Rules: []access.Rule{{Hosts: hosts, Paths: paths}}})
	wantProblems(t, nil, err, []string{"come to 1001000"})
}

// What Compile was given may change afterwards.
func TestCompileKeepsNoList(t *testing.T) {
	rule := access.Rule{Methods: []string{"GET"}, Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Require: access.Requirement{AMR: []string{"mfa"}}}
	rules, err := access.Compile(access.Config{Rules: []access.Rule{rule}, Policy: access.Everyone()})
	if err != nil {
		t.Fatal(err)
	}
	rule.Methods[0], rule.Networks[0], rule.Require.AMR[0] = "PUT", netip.Prefix{}, "pwd"
	q := access.Request{Host: "a", Target: "/", Method: "GET", Client: netip.MustParseAddr("10.1.1.1")}
	got := rules.Judge(&q, person(access.Proof{AMR: []string{"mfa"}}), time.Time{})
	want := access.Verdict{Outcome: access.Allowed, Rule: 1, Why: access.WhyAllowed}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := rules.Requirement(1).AMR; !slices.Equal(got, []string{"mfa"}) {
		t.Errorf("rule 1 requires %q", got)
	}
	for _, number := range []int{-1, 0, 2} {
		if got := rules.Requirement(number); !cmp.Equal(got, access.Requirement{}) {
			t.Errorf("rule %d requires %v", number, got)
		}
	}
}

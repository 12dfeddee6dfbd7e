package access_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"outpost/access"
)

// shapes are rules as people write many of, with a request for the one of the
// number i.
var shapes = []struct {
	name    string
	rule    func(i int) access.Rule
	request func(i int) access.Request
}{
	{"hosts",
		func(i int) access.Rule {
			return access.Rule{Hosts: []string{fmt.Sprintf("app-%d.example.com", i)}, Paths: []string{"/api/*", "/login"}}
		},
		func(i int) access.Request {
			return access.Request{Host: fmt.Sprintf("app-%d.example.com", i), Target: "/api/v1/items?page=2"}
		}},
	{"paths",
		func(i int) access.Rule {
			return access.Rule{Hosts: []string{"*.example.com"}, Paths: []string{fmt.Sprintf("/team/%d/*", i)}}
		},
		func(i int) access.Request {
			return access.Request{Host: "app.example.com", Target: fmt.Sprintf("/team/%d/board/Items.html", i)}
		}},
	{"globs",
		func(i int) access.Rule {
			return access.Rule{Paths: []string{fmt.Sprintf("/team-%d/*/edit/*.css", i)}, Methods: []string{"GET"}}
		},
		func(i int) access.Request {
			return access.Request{Host: "app.example.com", Target: fmt.Sprintf("/team-%d/main/edit/Style.css", i)}
		}},
	{"expressions",
		func(i int) access.Rule {
			return access.Rule{Paths: []string{fmt.Sprintf("~ ^/v%d/[a-z]+(/[0-9]+)?$", i)}, Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
		},
		func(i int) access.Request {
			return access.Request{Host: "app.example.com", Target: fmt.Sprintf("/v%d/items/12", i)}
		}},
	{"suffixes", // no two begin alike, so that each has to be tried
		func(i int) access.Rule { return access.Rule{Paths: []string{fmt.Sprintf("/*/%d.css", i)}} },
		func(i int) access.Request {
			return access.Request{Host: "app.example.com", Target: fmt.Sprintf("/style/%d.css", i)}
		}},
}

func many(t testing.TB, rule func(int) access.Rule, n int) *access.Rules {
	t.Helper()
	c := access.Config{Policy: access.Everyone(), Require: access.Requirement{AMR: []string{"mfa"}}}
	for i := range n {
		c.Rules = append(c.Rules, rule(i))
	}
	return compile(t, c)
}

func complete(q access.Request) access.Request {
	q.Method, q.Client = "GET", netip.MustParseAddr("10.1.2.3")
	return q
}

// The request is for the last rule, which a search one by one would find last.
func BenchmarkJudge(b *testing.B) {
	ada := person(access.Proof{AMR: []string{"mfa"}})
	for _, shape := range shapes {
		for _, n := range []int{1, 100, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", shape.name, n), func(b *testing.B) {
				rules, q := many(b, shape.rule, n), complete(shape.request(n-1))
				b.ReportAllocs()
				for b.Loop() {
					if rules.Judge(&q, ada, now).Outcome != access.Allowed {
						b.Fatal("not allowed")
					}
				}
			})
		}
	}
}

// A doubtful URL is held to each of its readings, and costs more; so does a
// long one under an expression.
func BenchmarkJudgeCostly(b *testing.B) {
	ada := person(access.Proof{AMR: []string{"mfa"}})
	paths := many(b, shapes[1].rule, 10_000)
	expression := compile(b, access.Config{Policy: access.Everyone(), Rules: []access.Rule{{Paths: []string{"~ ^/([a-z]+[0-9]?-?)*/(end|last)$"}}}})
	long := "/" + strings.Repeat("abc1-Def", 1<<10) + "/end"
	for _, bb := range []struct {
		name   string
		rules  *access.Rules
		target string
	}{
		{"encoded-slash", paths, "/team/9999/a%2Fb"},
		{"dots", paths, "/team/9999//a/../b"},
		{"attack", paths, "/team/9999/..;/%252e%252e%5c//team/9999/x#y"},
		{"too-many-readings", paths, strings.Repeat("//a%252f..;x%5c", 40)},
		{"too-many-readings-of-8-kib", paths, strings.Repeat("//a%252f..;x%5c", 546)},
		{"expression-over-8-kib", expression, long},
	} {
		b.Run(bb.name, func(b *testing.B) {
			q := complete(access.Request{Host: "app.example.com", Target: bb.target})
			b.ReportAllocs()
			for b.Loop() {
				bb.rules.Judge(&q, ada, now)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, shape := range shapes {
		b.Run(shape.name, func(b *testing.B) {
			for b.Loop() {
				many(b, shape.rule, 10_000)
			}
		})
	}
}

// A check of a plain path allocates nothing, whoever asks, whatever comes of it.
func TestJudgeAllocatesNothing(t *testing.T) {
	policy := access.Allow(access.Lists{
		Claims: map[string][]string{"department": {"it"}}, Emails: []string{"Eve@Example.com"}, EmailDomains: []string{"example.org"},
		All: []access.Lists{{EmailDomains: []string{"example.com"}}, {Groups: []string{"ops"}}},
		Not: &access.Lists{Users: []string{"guest"}, EmailDomains: []string{"evil.test"}},
	})
	ada := person(access.Proof{AMR: []string{"mfa"}})
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			rules := many(t, func(i int) access.Rule {
				r := shape.rule(i)
				r.Allow, r.Query = &policy, nil
				return r
			}, 200)
			last := complete(shape.request(199))
			other := complete(access.Request{Host: "app-7.example.com", Target: "/team/7/Nothing/of-this_kind.html?x=y"})
			query := complete(shape.request(3))
			query.Target += "?debug=1&x"
			for _, q := range []access.Request{last, other, query} {
				for _, who := range []*access.Person{ada, nil} {
					if n := testing.AllocsPerRun(100, func() { rules.Judge(&q, who, now) }); n != 0 {
						t.Errorf("%s of %v: %v allocations", q.Target, who != nil, n)
					}
				}
			}
			if got := rules.Judge(&last, ada, now); got.Outcome != access.Allowed {
				t.Errorf("%s: %+v, so this test sees too little", last.Target, got)
			}
		})
	}
	t.Run("query", func(t *testing.T) {
		rules := compile(t, access.Config{Policy: access.Everyone(), Rules: []access.Rule{{Query: []string{"debug", "level=3"}}}})
		q := complete(access.Request{Host: "a", Target: "/?a=b&debug&level=3"})
		if n := testing.AllocsPerRun(100, func() {
			if rules.Judge(&q, ada, now).Outcome != access.Allowed {
				t.Fatal("not allowed")
			}
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

package access

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/session"
)

// Judge goes by an index, and Explain through all rules: they agree, whatever
// the rules and the request are.
func TestJudgeAndExplainAgree(t *testing.T) {
	rounds := 1200
	if testing.Short() {
		rounds = 200
	}
	random := rand.New(rand.NewPCG(1, 2))
	now := time.Unix(1e9, 0)
	seen := map[Why]int{}
	compiled, folded := 0, 0
	for range rounds {
		rules, err := Compile(randomConfig(random))
		if err != nil {
			continue // shadowed, most often
		}
		compiled++
		for range 25 {
			q, person := randomRequest(random), randomPerson(random, now)
			got := rules.Judge(&q, person, now)
			want, steps := rules.explain(&q, person, now)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%+v of %+v: -linear +indexed:\n%s\nsteps %+v\nrules %s", q, person, diff, steps, rulesText(rules))
			}
			seen[got.Why]++
			if steps[0].Folded {
				folded++
			}
			if n := len(steps); n == 0 || steps[n-1].Text == "" || got.Rule != 0 && !slices.ContainsFunc(steps, func(s Step) bool { return s.Rule == got.Rule && s.Matched }) {
				t.Fatalf("%+v: steps %+v to %+v", q, steps, got)
			}
		}
	}
	t.Logf("%d of %d configurations compiled; %d verdicts by case; %v", compiled, rounds, folded, seen)
	if compiled < rounds/4 || folded == 0 {
		t.Errorf("%d of %d configurations compiled, %d verdicts by case: this test sees too little", compiled, rounds, folded)
	}
	for _, why := range []Why{
		WhyDenied, WhyMethodUnknown, WhyClientUnknown, WhyDefault, WhyApplicationAllow, WhyRuleAllow, WhyRequire, WhyNobody, WhyDoubtful, WhyAllowed, WhyPublic,
		WhyPreflight, WhyFavicon,
	} {
		if seen[why] == 0 {
			t.Errorf("no verdict was %s: this test sees too little", why)
		}
	}
}

func rulesText(r *Rules) string {
	text := ""
	for i := range r.rules {
		one := &r.rules[i]
		text += "\n" + list(one.hosts, hostPattern.String) + " | " + list(one.paths, func(p *pattern) string { return p.source }) + " | " +
			list(one.methods, func(s string) string { return s }) + " | " + list(one.query, want.String)
	}
	return text
}

func pick[T any](random *rand.Rand, from ...T) T { return from[random.IntN(len(from))] }

func some[T any](random *rand.Rand, from ...T) []T {
	var out []T
	for range random.IntN(3) {
		out = append(out, pick(random, from...))
	}
	return out
}

func randomConfig(random *rand.Rand) Config {
	c := Config{Policy: Everyone(), DefaultAllow: random.IntN(2) == 0, Public: some(random, "preflight", "favicon", "robots")}
	if random.IntN(3) == 0 {
		c.Policy = Allow(Lists{Groups: []string{"users"}})
	}
	if random.IntN(4) == 0 {
		c.Require.AMR = []string{"mfa"}
	}
	for range 1 + random.IntN(12) {
		r := Rule{
			Hosts: some(random, "a.example.com", "b.example.com", "*.example.com", "*.c.example.com", "example.com"),
			Paths: some(random, "/", "/*", "/a", "/a/", "/a/*", "/a/b", "/a/b/*", "/A/*", "/a/B", "/b", "/b/*/x", "/b/*/*", "/*.ico", "/a/*/x/*", "/ab*", "/favicon.ico",
				"~ ^/a/[a-z]+$", "~ ^/(A|b)/.*$", "~ ^/[^a]*$", "~ ^/(?i:a)/x|/b$", "~ ^/.*x$"),
		}
		if random.IntN(3) == 0 {
			r.Methods = some(random, "GET", "POST", "OPTIONS")
		}
		if random.IntN(4) == 0 {
			r.Networks = some(random, netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8::/32"))
		}
		switch random.IntN(4) {
		case 0:
			r.Public = true
		case 1:
			r.Deny = true
		case 2:
			allow := Allow(Lists{Groups: []string{pick(random, "ops", "users")}})
			r.Allow = &allow
			r.Require.ACR = some(random, "phr")
		}
		if !r.Public && random.IntN(4) == 0 {
			r.Query = some(random, "q", "q=1", "r")
		}
		c.Rules = append(c.Rules, r)
	}
	return c
}

func randomRequest(random *rand.Rand) Request {
	q := Request{
		Host:   pick(random, "a.example.com", "b.example.com", "x.c.example.com", "c.example.com", "example.com", "other.test"),
		Method: pick(random, "GET", "GET", "POST", "HEAD", "OPTIONS", ""),
		Client: pick(random, netip.Addr{}, netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("10.2.2.3"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::ffff:10.1.1.1")),
	}
	q.Preflight = random.IntN(3) == 0
	for range 1 + random.IntN(4) {
		q.Target += pick(random, "/", "/a", "/a", "/b", "/A", "/B", "/x", "/ab", "/AB", "/favicon.ico", "/..", "/..;", "/%2e", "%2f", "//", `\`, ";p", "%41", "/caf%C3%A9")
	}
	if q.Target[0] != '/' && random.IntN(10) > 0 {
		q.Target = "/" + q.Target
	}
	q.Target += pick(random, "", "", "", "?q", "?q=1&r", "?x;q", "?Q=1", "?%71=1", "?q=2&q=1", "#q")
	return q
}

func randomPerson(random *rand.Rand, now time.Time) *Person {
	if random.IntN(4) == 0 {
		return nil
	}
	return NewPerson(&session.Identity{Groups: some(random, "users", "users", "ops")}, Proof{AMR: some(random, "mfa"), ACR: pick(random, "", "phr"), Time: now})
}

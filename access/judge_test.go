package access_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/access"
	"outpost/session"
)

var now = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// person is ada, of ops and users.
func person(proof access.Proof) *access.Person {
	return access.NewPerson(&session.Identity{Username: "ada", Groups: []string{"ops", "users"}, Email: "ada@example.com", EmailVerified: true}, proof)
}

func compile(t testing.TB, c access.Config) *access.Rules {
	t.Helper()
	rules, err := access.Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func groups(names ...string) *access.Policy {
	p := access.Allow(access.Lists{Groups: names})
	return &p
}

func TestJudge(t *testing.T) {
	type verdict = access.Verdict
	mfa := access.Requirement{AMR: []string{"mfa"}}
	networks := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	config := access.Config{
		Policy: *groups("users"), Require: access.Requirement{MaxAge: time.Hour},
		Rules: []access.Rule{
			{Hosts: []string{"pub.example.com"}, Public: true},
			{Paths: []string{"/public/*"}, Methods: []string{"GET", "HEAD"}, Public: true},
			{Paths: []string{"/robots.txt"}, Deny: true},
			{Paths: []string{"/deny/*"}, Deny: true},
			{Paths: []string{"/admin/*"}, Allow: groups("admins")},
			{Paths: []string{"/ops/*"}, Allow: groups("ops"), Require: mfa},
			{Paths: []string{"/debug"}, Query: []string{"on", "level=3 x"}, Deny: true},
			{Paths: []string{"/debug"}},
			{Paths: []string{"/peek"}, Query: []string{"key"}},
			{Paths: []string{"/peek"}, Deny: true},
			{Hosts: []string{"*.lan.example.com"}, Networks: networks},
			{Paths: []string{"/write"}, Methods: []string{"POST"}},
			{Paths: []string{"/Mixed/*"}},
			{Paths: []string{"~ ^/v[0-9]+/(a|b)$"}},
			{Paths: []string{"/g/*/x", "/*.css"}},
			{Paths: []string{"/favicon.ico"}, Allow: groups("admins")},
			{Paths: []string{"/exact"}},
		},
		Public: []string{"preflight", "favicon", "robots", "manifest"},
	}
	rules := compile(t, config)
	config.DefaultAllow = true
	lax := compile(t, config)
	config.Rules, config.Public = config.Rules[:1], nil
	open := compile(t, config)

	ada := access.Proof{AMR: []string{"pwd", "mfa"}, Time: now}
	stranger := access.NewPerson(&session.Identity{Groups: []string{"ops", "admins"}}, ada)
	admin := access.NewPerson(&session.Identity{Groups: []string{"users", "admins"}}, ada)
	at := func(target string) access.Request {
		return access.Request{Host: "a.example.com", Target: target, Method: "GET"}
	}
	by := func(method, target string) access.Request {
		return access.Request{Host: "a.example.com", Target: target, Method: method}
	}
	on := func(host, target, client string) access.Request {
		q := access.Request{Host: host, Target: target, Method: "GET"}
		if client != "" {
			q.Client = netip.MustParseAddr(client)
		}
		return q
	}
	allowed := func(rule int) verdict { return verdict{Outcome: access.Allowed, Rule: rule, Why: access.WhyAllowed} }
	public := func(rule int) verdict { return verdict{Outcome: access.Public, Rule: rule, Why: access.WhyPublic} }
	signIn := func(rule int) verdict { return verdict{Outcome: access.SignIn, Rule: rule, Why: access.WhyNobody} }
	denied := func(rule int, why access.Why) verdict { return verdict{Rule: rule, Why: why} }
	preflight := by("OPTIONS", "/admin/x")
	preflight.Preflight = true
	denyPreflight := by("OPTIONS", "/deny/x")
	denyPreflight.Preflight = true
	getPreflight := at("/admin/x")
	getPreflight.Preflight = true

	for _, tt := range []struct {
		name   string
		rules  *access.Rules
		q      access.Request
		person *access.Person
		want   verdict
	}{
		{"no-rules-at-all", nil, at("/"), person(ada), denied(0, access.WhyDefault)},
		{"default-deny", rules, at("/nothing"), person(ada), denied(0, access.WhyDefault)},
		{"default-deny-for-nobody", rules, at("/nothing"), nil, denied(0, access.WhyDefault)},
		{"default-allow", open, at("/nothing"), person(ada), allowed(0)},
		{"default-allow-for-nobody", open, at("/nothing"), nil, signIn(0)},
		{"default-allow-and-the-gate", open, at("/nothing"), stranger, denied(0, access.WhyApplicationAllow)},
		{"default-allow-and-proof", open, at("/nothing"), person(access.Proof{}), verdict{Outcome: access.StepUp, Lacks: []access.Lack{access.LackOfTime}, Why: access.WhyRequire}},
		{"no-path", rules, at("public/x"), nil, denied(0, access.WhyTarget)},
		{"no-target", open, at(""), person(ada), denied(0, access.WhyTarget)},

		{"public-host", rules, on("pub.example.com", "/deny/x", ""), nil, public(1)},
		{"public-host-and-a-doubtful-url", rules, on("pub.example.com", "/a//b", ""), nil, verdict{Outcome: access.SignIn, Rule: 1, Why: access.WhyDoubtful}},
		{"public-host-and-a-doubtful-url-signed-in", rules, on("pub.example.com", "/a//b", ""), person(ada), allowed(1)},
		{"public-path", rules, at("/public/x"), nil, public(2)},
		{"public-path-itself", rules, at("/public/"), nil, public(2)},
		{"public-path-beside-the-gate", rules, at("/public/x"), stranger, public(2)},
		{"public-path-head", rules, by("HEAD", "/public/x"), nil, public(2)},
		{"public-path-post", rules, by("POST", "/public/x"), nil, denied(0, access.WhyDefault)},
		{"public-path-and-no-method", rules, by("", "/public/x"), nil, denied(2, access.WhyMethodUnknown)},
		{"public-path-and-no-method-signed-in", rules, by("", "/public/x"), person(ada), denied(2, access.WhyMethodUnknown)},
		{"another-path-and-no-method", rules, by("", "/exact"), person(ada), allowed(17)},

		{"deny", rules, at("/deny/x"), admin, denied(4, access.WhyDenied)},
		{"deny-for-nobody", rules, at("/deny/x"), nil, denied(4, access.WhyDenied)},
		{"allow", rules, at("/admin/x"), admin, allowed(5)},
		{"allow-for-nobody", rules, at("/admin/x"), nil, signIn(5)},
		{"allow-for-others", rules, at("/admin/x"), person(ada), denied(5, access.WhyRuleAllow)},
		{"allow-beside-the-gate", rules, at("/admin/x"), stranger, denied(5, access.WhyApplicationAllow)},
		{"require", rules, at("/ops/x"), person(ada), allowed(6)},
		{"require-lacks", rules, at("/ops/x"), person(access.Proof{Time: now}), verdict{Outcome: access.StepUp, Rule: 6, Lacks: []access.Lack{access.LackOfAMR}, Why: access.WhyRequire}},
		{"both-lack", rules, at("/ops/x"), person(access.Proof{}), verdict{Outcome: access.StepUp, Rule: 6, Lacks: []access.Lack{access.LackOfAMR, access.LackOfTime}, Why: access.WhyRequire}},
		{"who-is-not-allowed-has-nothing-to-prove", rules, at("/ops/x"), admin, denied(6, access.WhyRuleAllow)},

		{"query", rules, at("/debug?on=1&level=3+x"), person(ada), denied(7, access.WhyDenied)},
		{"query-by-half", rules, at("/debug?on"), person(ada), allowed(8)},
		{"query-by-another-value", rules, at("/debug?on&level=3"), person(ada), allowed(8)},
		{"query-encoded", rules, at("/debug?%6fn&%6Cevel=%33%20x"), person(ada), denied(7, access.WhyDenied)},
		{"query-by-semicolon", rules, at("/debug?x=1;on;level=3+x"), person(ada), denied(7, access.WhyDenied)},
		{"query-by-case", rules, at("/debug?ON&Level=3+X"), person(ada), denied(7, access.WhyDenied)},
		{"query-as-an-array", rules, at("/debug?on[]=1&level[x]=3+x"), person(ada), denied(7, access.WhyDenied)},
		{"query-of-two-values", rules, at("/debug?on&level=4&level=3+x"), person(ada), denied(7, access.WhyDenied)},
		{"query-behind-an-encoded-mark", lax, at("/debug%3Fon&level=3+x"), person(ada), denied(7, access.WhyDenied)},
		{"query-encoded-twice", rules, at("/debug?%256fn&level=3+x"), person(ada), denied(7, access.WhyDenied)},
		{"no-query", rules, at("/debug"), person(ada), allowed(8)},
		{"query-that-lets-in", rules, at("/peek?key"), person(ada), allowed(9)},
		{"query-that-lets-in-with-a-value", rules, at("/peek?a=b&key=x"), person(ada), allowed(9)},
		{"query-that-some-read", rules, at("/peek?a=b;key"), person(ada), denied(10, access.WhyDenied)},
		{"query-that-some-read-otherwise", rules, at("/peek?Key"), person(ada), denied(10, access.WhyDenied)},
		{"query-for-nobody", rules, at("/peek?key"), nil, signIn(9)},

		{"network", rules, on("x.lan.example.com", "/", "10.1.2.3"), person(ada), allowed(11)},
		{"network-v6", rules, on("x.y.lan.example.com", "/", "2001:db8::1%eth0"), person(ada), allowed(11)},
		{"network-v4-in-v6", rules, on("x.lan.example.com", "/", "::ffff:10.1.2.3"), person(ada), allowed(11)},
		{"other-network", rules, on("x.lan.example.com", "/", "11.1.2.3"), person(ada), denied(0, access.WhyDefault)},
		{"network-not-known", rules, on("x.lan.example.com", "/", ""), person(ada), denied(11, access.WhyClientUnknown)},
		{"network-not-known-elsewhere", rules, on("lan.example.com", "/exact", ""), person(ada), allowed(17)},
		{"host-without-its-dot", rules, on("xlan.example.com", "/", "10.1.2.3"), person(ada), denied(0, access.WhyDefault)},

		{"method", rules, by("POST", "/write"), person(ada), allowed(12)},
		{"method-by-case", rules, by("post", "/write"), person(ada), denied(0, access.WhyDefault)},
		{"capitals", rules, at("/Mixed/x"), person(ada), allowed(13)},
		{"capitals-by-case", rules, at("/mixed/x"), person(ada), denied(0, access.WhyDefault)},
		{"doubtful-and-a-denial", lax, at("/x/..;/deny/y"), person(ada), denied(4, access.WhyDenied)},
		{"doubtful-for-nobody", lax, at("/x//y"), nil, signIn(0)},
		{"capitals-and-a-denial", lax, at("/DENY/x"), person(ada), denied(4, access.WhyDenied)},
		{"expression", rules, at("/v12/b"), person(ada), allowed(14)},
		{"expression-whole", rules, at("/v12/b/c"), person(ada), denied(0, access.WhyDefault)},
		{"glob", rules, at("/g/h/x"), person(ada), allowed(15)},
		{"glob-of-two-segments", rules, at("/g/h/i/x"), person(ada), denied(0, access.WhyDefault)},
		{"glob-of-no-characters", rules, at("/g//x"), person(ada), denied(0, access.WhyDefault)},
		{"suffix", rules, at("/a.css"), person(ada), allowed(15)},
		{"suffix-alone", rules, at("/.css"), person(ada), denied(0, access.WhyDefault)},

		{"switch-favicon", rules, at("/favicon.ico"), nil, verdict{Outcome: access.Public, Rule: 16, Why: access.WhyFavicon}},
		{"switch-favicon-post", rules, by("POST", "/favicon.ico"), nil, signIn(16)},
		{"switch-favicon-no-method", rules, by("", "/favicon.ico"), nil, signIn(16)},
		{"switch-favicon-doubtful", rules, at("/./favicon.ico"), nil, denied(0, access.WhyDefault)},
		{"switch-favicon-by-case", rules, at("/FAVICON.ICO"), nil, denied(0, access.WhyDefault)},
		{"switch-robots-and-a-denial", rules, at("/robots.txt"), nil, denied(3, access.WhyDenied)},
		{"switch-manifest", rules, by("HEAD", "/site.webmanifest?v=1"), nil, verdict{Outcome: access.Public, Why: access.WhyManifest}},
		{"switch-preflight", rules, preflight, nil, verdict{Outcome: access.Public, Rule: 5, Why: access.WhyPreflight}},
		{"switch-preflight-and-a-denial", rules, denyPreflight, nil, denied(4, access.WhyDenied)},
		{"switch-preflight-with-another-method", rules, getPreflight, nil, signIn(5)},
		{"switch-off", open, at("/favicon.ico"), nil, signIn(0)},
		{"switch-preflight-off", open, preflight, nil, signIn(0)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.rules.Judge(&tt.q, tt.person, now)); diff != "" {
				t.Errorf("%s %s: -want +got:\n%s", tt.q.Method, tt.q.Target, diff)
			}
			steps := tt.rules.Explain(&tt.q, tt.person, now)
			if last := steps[len(steps)-1]; !strings.Contains(last.Text, tt.want.Outcome.String()) && tt.want.Why != access.WhyManifest {
				t.Errorf("the last step says %q, and the verdict is %s", last.Text, tt.want.Outcome)
			}
		})
	}
}

func TestZeroVerdictDenies(t *testing.T) {
	if (access.Verdict{}).Outcome != access.Deny {
		t.Error("it does not")
	}
	rules := compile(t, access.Config{})
	q := access.Request{Host: "a", Target: "/", Method: "GET"}
	if got := rules.Judge(&q, person(access.Proof{}), now); got.Outcome != access.Deny {
		t.Errorf("no configuration: %v", got)
	}
}

// Nobody's way around: what must not be had without a sign-in where /public/,
// statuses below /api/ and so on are public.
func TestTargetsThatAreNotPublic(t *testing.T) {
	rules := compile(t, access.Config{Policy: access.Everyone(), DefaultAllow: true, Rules: []access.Rule{
		{Paths: []string{"/public/*", "/healthz", "~ ^/api/.*/status$", "~ ^/foo/.*/bar$"}, Public: true},
	}})
	closed := compile(t, access.Config{Policy: access.Everyone(), DefaultAllow: true, Rules: []access.Rule{
		{Paths: []string{"/admin/*", "/admin"}, Deny: true},
	}})
	for _, tt := range []struct {
		target string
		admin  bool // some upstream takes it for something at /admin
	}{
		{"/admin?x=/public/", true}, {"/api/private/x?path=/status", false}, {"/?/public/", false}, {"/admin?/public/x", true},
		{"/admin/public-notes", true}, {"/admin/public/x", true},
		{"/foo/secret%23/bar", false}, {"/foo/secret#/bar", false}, {"/public/#/../admin", false},
		{"/public/../admin", true}, {"/public/%2e%2e/admin", true}, {"/public/.%2e/admin", true}, {"/public/%252e%252e/admin", true},
		{"/public/..%2fadmin", true}, {"/public/..%5cadmin", true}, {"/public/..;/admin", true}, {"/public/..%3b/admin", true},
		{"/public/%c0%ae%c0%ae/admin", true}, {"/public//../admin", true}, {"/public/./../admin", true}, {`/public\..\admin`, true},
		{"/public/\xff/../admin", false}, {"//public/../admin", true}, {"/./public/../admin", true}, {"/PUBLIC/x", false},
		{"/public", false}, {"/public%2fx", false}, {"/publicx", false}, {"/%70ublic/../admin", true},
		{"/admin%23/public/", true}, {"/admin%3f/public/", true}, {"/public/%00", false}, {"/public/..%00/admin", false},
		{"/public/..%u002fadmin", true}, {"/PUBLIC/..;x=y/ADMIN", true}, {"/public/x;/../../admin", true}, {"/public/%2525252e./admin", true},
		{"/Api/x/status", false}, {"/api/x/status/", false}, {"/api/x/status%0a", false}, {"/api/../admin/status", true}, {"/api/..%252f..%252fadmin/status", true},
	} {
		q := access.Request{Host: "a", Target: tt.target, Method: "GET"}
		if got := rules.Judge(&q, nil, now); got.Outcome != access.SignIn {
			t.Errorf("%s without a sign-in: %+v", tt.target, got)
		}
		if got := rules.Judge(&q, person(access.Proof{}), now); got.Outcome != access.Allowed {
			t.Errorf("%s of somebody signed in: %+v", tt.target, got)
		}
		if got := closed.Judge(&q, person(access.Proof{}), now); (got.Outcome == access.Deny) != tt.admin {
			t.Errorf("%s where /admin is denied: %+v", tt.target, got)
		}
	}
	for _, target := range []string{"/public/", "/public/x", "/public/a/b.css?v=/../", "/healthz", "/api/x/status", "/api/x/y/status?z", "/foo/a/bar", "/public/a%20b", "/public/caf%C3%A9"} {
		q := access.Request{Host: "a", Target: target, Method: "GET"}
		if got := rules.Judge(&q, nil, now); got.Outcome != access.Public {
			t.Errorf("%s: %+v", target, got)
		}
	}
	q := access.Request{Host: "a", Target: "http://h/public/../admin", Method: "GET"}
	if got := rules.Judge(&q, person(access.Proof{}), now); got.Outcome != access.Deny {
		t.Errorf("absolute: %+v", got)
	}
}

// A URL with more readings than are looked at may be anything: the strictest
// of all rules for its host counts, and of no others.
func TestJudgeOfTooManyReadings(t *testing.T) {
	rules := compile(t, access.Config{Policy: access.Everyone(), DefaultAllow: true, Rules: []access.Rule{
		{Hosts: []string{"deny.example.com"}, Paths: []string{"/near"}},
		{Hosts: []string{"deny.example.com"}, Paths: []string{"/far/away"}, Deny: true},
		{Hosts: []string{"post.example.com"}, Paths: []string{"/far/away"}, Methods: []string{"POST"}, Deny: true},
		{Hosts: []string{"pub.example.com"}, Public: true},
		{Paths: []string{"/later"}, Allow: groups("ops"), Require: access.Requirement{AMR: []string{"mfa"}}},
	}})
	target := strings.Repeat("//a%252f..;x%5c", 40)
	for _, tt := range []struct {
		name, host string
		want       access.Outcome
	}{
		{"denied-somewhere", "deny.example.com", access.Deny},
		{"denied-to-another-method", "post.example.com", access.StepUp},
		{"public-before-the-others", "pub.example.com", access.Allowed},
		{"step-up-somewhere", "a.example.com", access.StepUp},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := access.Request{Host: tt.host, Target: target, Method: "GET"}
			if got := rules.Judge(&q, person(access.Proof{}), now); got.Outcome != tt.want {
				t.Errorf("%+v, want %s", got, tt.want)
			}
			steps := rules.Explain(&q, person(access.Proof{}), now)
			if !slices.ContainsFunc(steps, func(s access.Step) bool { return s.Path == "" && strings.Contains(s.Text, ": "+tt.want.String()) }) {
				t.Errorf("steps are %+v", steps)
			}
		})
	}
}

package access_test

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"outpost/access"
)

// tokens are what targets are made of: what upstreams differ in, and the words
// of the rules.
var tokens = []string{
	"/", "/", "/", "/", "/public", "/admin", "/ops", "/api", "/secret", "/x", "public", "admin", "/PUBLIC", "/Admin", "/oPs", "/Api/v1",
	"..", "/..", "/../", "/./", ".", "/.", "//", `\`, `/..\`, "..;", "/..;/", ";", ";a=b", "/;/", ";/..;x/",
	"%2f", "%2F", "%5c", "%5C", "%2e", "%2E%2e", "%2e%2e/", "%2e%2e%2f", "%252f", "%252e%252e", "%255c", "%25", "%3b", "%3f", "%23", "%00", "%u002f",
	"%61dmin", "%41dmin", "%70ublic", "#", "#/", "?", "?/public/", "a", "A", "é", "%C3%A9", "%c3%89", "%c0%ae", "\xff", "%zz", "%", " ", "+", "%20", "*",
}

var plainTokens = []string{"/public/", "/admin", "/ops", "/api", "/secret", "/x", "a", "A", "public", "/", ".css", "%20", "é", "%C3%A9", "?x", "?/../"}

func randomTarget(random *rand.Rand) string {
	var b strings.Builder
	b.WriteByte('/')
	if random.IntN(2) == 0 {
		b.WriteString([]string{"public/", "ops/", "api/", "admin/"}[random.IntN(4)])
	}
	from := tokens
	if random.IntN(3) == 0 {
		from = plainTokens // so that some are certain
	}
	for range 1 + random.IntN(5) {
		b.WriteString(from[random.IntN(len(from))])
	}
	return b.String()
}

// world is a configuration, with its rules in a form that the test reads by
// itself: exact paths, and prefixes that end in "/".
type world struct {
	rules        *access.Rules
	plain        []plainRule
	defaultAllow bool
}

type plainRule struct {
	path    string
	outcome access.Outcome // Public, Deny, or Allowed for ada
}

func newWorld(t testing.TB, defaultAllow bool, plain ...plainRule) *world {
	t.Helper()
	c := access.Config{Policy: access.Everyone(), DefaultAllow: defaultAllow}
	for _, p := range plain {
		r := access.Rule{Paths: []string{p.path}, Public: p.outcome == access.Public, Deny: p.outcome == access.Deny}
		if strings.HasSuffix(p.path, "/") {
			r.Paths[0] += "*"
		}
		c.Rules = append(c.Rules, r)
	}
	return &world{compile(t, c), plain, defaultAllow}
}

// at is what ada gets at the path that an upstream routes to.
func (w *world) at(path string, folds bool) access.Outcome {
	fold := func(s string) string {
		if !folds {
			return s
		}
		b := []byte(s)
		for i, c := range b {
			if c >= 'A' && c <= 'Z' {
				b[i] += 32
			}
		}
		return string(b)
	}
	path = fold(path)
	for _, r := range w.plain {
		if rule := fold(r.path); path == rule || strings.HasSuffix(rule, "/") && strings.HasPrefix(path, rule) {
			return r.outcome
		}
	}
	if w.defaultAllow {
		return access.Allowed
	}
	return access.Deny
}

func worlds(t testing.TB) []*world {
	public, deny, allow := access.Public, access.Deny, access.Allowed
	return []*world{
		newWorld(t, true, plainRule{"/public/secret/", allow}, plainRule{"/public/", public}, plainRule{"/admin", deny}, plainRule{"/admin/", deny}),
		newWorld(t, false, plainRule{"/public/", public}, plainRule{"/ops/secret/", deny}, plainRule{"/ops/", allow}, plainRule{"/Api/", allow}),
		newWorld(t, true, plainRule{"/api/public/", public}, plainRule{"/api/", deny}, plainRule{"/Admin/", deny}, plainRule{"/a/b", public}),
		newWorld(t, false, plainRule{"/admin/", deny}, plainRule{"/x", public}, plainRule{"/", allow}),
	}
}

// hold holds the verdicts on one target to every upstream.
func (w *world) hold(t testing.TB, target string, ada *access.Person) (nobody, signedIn access.Outcome) {
	q := access.Request{Host: "a.example.com", Target: target, Method: "GET"}
	signedIn = w.rules.Judge(&q, ada, now).Outcome
	nobody = signedIn
	if access.ReadTarget(target).Certain || len(target)%8 == 0 { // now and then, for it costs as much again
		nobody = w.rules.Judge(&q, nil, now).Outcome
		if nobody == access.Allowed || signedIn == access.SignIn || (nobody == access.Public) != (signedIn == access.Public) {
			t.Errorf("%q: %s for nobody, %s for somebody", target, nobody, signedIn)
		}
	}
	if signedIn < access.Allowed {
		return nobody, signedIn
	}
	for _, u := range upstreams {
		path, ok := u.route(target)
		if !ok {
			continue
		}
		if got := w.at(path, u.folds); got < signedIn {
			t.Errorf("%q is %s, but %s routes it to %q, which is %s", target, signedIn, u.name, path, got)
		}
	}
	return nobody, signedIn
}

// Nobody has, by any spelling of a URL, what the rules keep from him where an
// upstream routes that spelling.
func TestEveryUpstreamAgrees(t *testing.T) {
	cases := 1_000_000
	if testing.Short() || raceEnabled {
		cases = 100_000
	}
	all, ada := worlds(t), person(access.Proof{})
	workers := runtime.GOMAXPROCS(0)
	var lock sync.Mutex
	seen := map[access.Outcome]int{}
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(worker)))
			mine := map[access.Outcome]int{}
			for i := range cases / workers {
				nobody, signedIn := all[i%len(all)].hold(t, randomTarget(random), ada)
				mine[signedIn]++
				if nobody != signedIn && nobody == access.SignIn {
					mine[nobody]++
				}
				if t.Failed() {
					return
				}
			}
			lock.Lock()
			defer lock.Unlock()
			for outcome, n := range mine {
				seen[outcome] += n
			}
		})
	}
	wait.Wait()
	t.Logf("%d targets: %v", cases, seen)
	for _, outcome := range []access.Outcome{access.Deny, access.SignIn, access.Allowed, access.Public} {
		if seen[outcome] < cases/200 {
			t.Errorf("%d of %d targets are %s: this test sees too little", seen[outcome], cases, outcome)
		}
	}
}

func FuzzEveryUpstreamAgrees(f *testing.F) {
	for _, target := range []string{"/public/x", "/public/..;/admin", "/public/%252e%252e/admin", `/public\..\admin`, "//public/../admin", "/PUBLIC/%2561", "/ops/#/../secret"} {
		f.Add(target)
	}
	all, ada := worlds(f), person(access.Proof{})
	f.Fuzz(func(t *testing.T, target string) {
		if !strings.HasPrefix(target, "/") {
			return
		}
		for _, w := range all {
			w.hold(t, target, ada)
		}
	})
}

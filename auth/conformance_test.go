package auth_test

// The conformance suite: one table of what a provider, or a browser, may bring
// to a sign-in, to its recheck and to its end, and what has to come of it. Each row names the section of the
// specification that it holds us to and the module of the OpenID Foundation's
// relying party tests that it stands for. The rows lie in conformance_*_test.go,
// one file for each part; docs/conformance.md is written from them:
//
//	go test ./auth -run TestConformance -update
//
// A new part is a function that returns rows, and a line in conformanceParts.

import (
	"cmp"
	"flag"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outpost/access"
	"outpost/auth"
	"outpost/auth/provider"
)

var update = flag.Bool("update", false, "write docs/conformance.md from the rows and their results")

// row is one line of the suite. By default alice visits the page of an
// application, is sent to the provider and comes back.
type row struct {
	name   string
	spec   string       // document and section
	module string       // of the RP tests; "" where none does the same
	does   func(*scene) // what is otherwise; nil for nothing
	want   auth.Reason  // signed_in, or why not; of a recheck, how it ended
	calls  string       // every request that goes out, in order
}

// How a recheck ended, in the place of a reason: the table and its page have
// one column for what came of it.
const (
	recheckRenewed   = auth.Reason(auth.RecheckRenewed)
	recheckRefused   = auth.Reason(auth.RecheckRefused)
	recheckInvalid   = auth.Reason(auth.RecheckInvalid)
	recheckFailed    = auth.Reason(auth.RecheckFailed)
	recheckLapsed    = auth.Reason(auth.RecheckLapsed)
	recheckSignedOut = auth.Reason(auth.RecheckSignedOut)
)

// Requests that go out until a sign-in ends.
const (
	nothing    = ""
	begun      = "discovery keys"
	exchanged  = "discovery keys token"
	everything = "discovery keys token userinfo"
)

// part is a group of rows.
type part struct {
	name, about string
	rows        []row
}

func conformanceParts() []part {
	return []part{
		{"callback", "What the browser brings back from the provider", callbackRows()},
		{"endpoints", "What our endpoints take, and how the provider knows us", endpointRows()},
		{"request", "What we send, and what makes nobody signed in", requestRows()},
		{"id-token", "What an ID token says", idTokenRows()},
		{"dates", "The dates of an ID token", dateRows()},
		{"signature", "How an ID token is signed", signatureRows()},
		{"keys", "The provider's keys", keyRows()},
		{"providers", "Several providers, of which the person chooses one", providerRows()},
		{"pushed-request", "What the pushed authorization request endpoint answers", pushedRows()},
		{"step-up", "How the person has proved who they are", stepUpRows()},
		{"exchange", "What the token endpoint answers", exchangeRows()},
		{"userinfo", "What userinfo answers", userinfoRows()},
		{"discovery", "The provider's metadata", discoveryRows()},
		{"refresh", "What comes of asking again with the refresh token", refreshRows()},
		{"refresh-errors", "When the token endpoint does not answer a refresh as it should", refreshErrorRows()},
		{"recheck-userinfo", "What userinfo answers to a recheck", recheckUserinfoRows()},
		{"backchannel-logout", "Logout tokens that the provider posts", backchannelRows()},
		{"backchannel-logout-form", "How the provider posts a logout token", backchannelFormRows()},
		{"frontchannel-logout", "What the provider puts into a frame", frontchannelRows()},
		{"end-session", "What the browser brings back from the provider's end-session endpoint", endSessionRows()},
		{"revocation", "What comes of giving a refresh token back at a sign-out", revocationRows()},
		{"ended", "What becomes of refresh tokens when sessions end", endedRows()},
	}
}

// conformancePage is what alice wants to see in every row.
const conformancePage = "https://app.example.com/x?y=1"

// otherIssuer is a provider that is ours too. Its metadata lead browsers to the
// first one's authorization endpoint: it is out for codes (RFC 9700 §4.4).
const otherIssuer = "https://other.example.org/oidc"

// vault is an application that wants more than a name.
var vault = auth.Application{
	Name: "vault", ExternalURL: "https://vault.example.org", Providers: []string{"idp"}, Access: access.Config{
		Policy: access.Everyone(), DefaultAllow: true,
		Require: access.Requirement{AMR: []string{"mfa", "hwk"}, ACR: []string{"phr", "phrh"}, MaxAge: time.Hour},
	},
}

// canary is what must never come out again.
const canary = "canary-of-the-body"

// scene is the stage of one row.
type scene struct {
	*stage
	alice    *browser
	other    *fakeProvider
	answers  map[string]func(*http.Request) (*http.Response, error) // by path, in place of the provider's own
	callback func(url.Values)                                       // changes what the browser brings back
	story    func()                                                 // in place of one sign-in
	check    func()                                                 // what has to hold besides
	status   int                                                    // that is seen last; 0 for the one that its reason has
	silent   bool                                                   // what alice saw last, or the provider, is no page of ours
	sessions int                                                    // that may exist at the end
	within   time.Duration                                          // how long it may take; 0 for no time at all
	outcome  auth.Reason                                            // of the last sign-in, recheck or logout that ended
	retried  auth.Reason                                            // how the recheck after a failed one ends, once all is well
	wire     []string                                               // requests that went out
	last     *http.Response                                         // what alice saw last
}

func newScene(t *testing.T, want auth.Reason) *scene {
	t.Helper()
	sc := &scene{stage: &stage{t: t}, retried: recheckRenewed, answers: map[string]func(*http.Request) (*http.Response, error){}, other: newProvider(t)}
	sc.other.host = "other.example.org"
	sc.other.metadata = map[string]any{"issuer": otherIssuer, "token_endpoint": "https://other.example.org/token", "jwks_uri": "https://other.example.org/keys"}
	sc.build()
	switch want {
	case auth.SignedIn, recheckRenewed, recheckFailed, recheckLapsed:
		sc.sessions = 1
	}
	return sc
}

// build makes the stage; a row that needs another configuration makes it once
// more, before anything else.
func (sc *scene) build(change ...func(*auth.Config)) {
	sc.t.Helper()
	configure := func(c *auth.Config) {
		// A second provider, at which we have the same client ID, and an application of its own.
		c.Providers = append(c.Providers, provider.Config{Name: "other", Issuer: otherIssuer, ClientID: "outpost", ClientSecret: "client secret", Scopes: []string{"openid"}})
		c.Applications = append(c.Applications,
			auth.Application{Name: "notes", ExternalURL: "https://notes.example.org", Providers: []string{"other"}, Access: access.Config{Policy: access.Everyone(), DefaultAllow: true}},
			auth.Application{Name: "club", ExternalURL: "https://club.example.org", Providers: []string{"idp", "other"}, Access: access.Config{Policy: access.Everyone(), DefaultAllow: true}},
			vault)
		next := c.Transport
		c.Transport = transport(func(r *http.Request) (*http.Response, error) {
			sc.mu.Lock()
			sc.wire = append(sc.wire, operation(r.URL))
			answer := sc.answers[r.URL.Path]
			sc.mu.Unlock()
			if answer != nil {
				if resp, err := answer(r); resp != nil || err != nil {
					return resp, err
				}
			}
			if r.URL.Host == sc.other.host {
				return sc.other.RoundTrip(r)
			}
			return next.RoundTrip(r)
		})
		c.Hooks.SignIn = func(_, _ string, r auth.Reason, _ time.Duration) {
			sc.mu.Lock()
			defer sc.mu.Unlock()
			sc.outcome = r
		}
		c.Hooks.SignOut = func(_ string, r auth.Reason) { c.Hooks.SignIn("", "", r, 0) }
		c.Hooks.Logout = c.Hooks.SignOut
		c.Hooks.Recheck = func(_ string, r auth.RecheckResult, _ time.Duration) { c.Hooks.SignIn("", "", auth.Reason(r), 0) }
		c.Session.Recheck = quarter
	}
	sc.stage = newStage(sc.stage.t, append([]func(*auth.Config){configure}, change...)...)
	sc.alice = sc.browser("alice")
}

// operation names a request by what it is for, or by where it goes.
func operation(u *url.URL) string {
	known := map[string]string{
		"https://idp.example.org/oidc/.well-known/openid-configuration": "discovery", "https://idp.example.org/keys": "keys",
		"https://idp.example.org/token": "token", "https://idp.example.org/userinfo": "userinfo",
	}
	if name, ok := known[u.String()]; ok {
		return name
	}
	return u.Host + u.Path
}

// answer puts an answer in the place of the provider's own; more is header
// name, value and so on.
func (sc *scene) answer(path string, status int, body string, more ...string) {
	sc.answers[path] = func(*http.Request) (*http.Response, error) { return respond(status, body, more...), nil }
}

// visit follows alice to where it ends, and changes on its way what she brings
// back from the provider.
func (sc *scene) visit(rawURL string) {
	sc.t.Helper()
	for range 10 {
		sc.last = sc.alice.once(http.MethodGet, rawURL)
		if rawURL = onward(sc.last); rawURL == "" {
			return
		}
		if u, err := url.Parse(rawURL); err == nil && u.Path == prefix+"/callback" && sc.callback != nil {
			query := u.Query()
			sc.callback(query)
			u.RawQuery = query.Encode()
			rawURL = u.String()
		}
	}
	sc.t.Fatalf("ten redirects, the last to %s", rawURL)
}

// play plays a row and holds it to what it says.
func (r row) play(t *testing.T) {
	sc := newScene(t, r.want)
	sc.story = func() { sc.visit(conformancePage) }
	if r.does != nil {
		r.does(sc)
	}
	defer time.Sleep(time.Minute) // what she did not wait for ends too
	began := time.Now()
	sc.story()
	if took := time.Since(began); took > sc.within {
		t.Errorf("it took %s, want %s at most", took, sc.within)
	}
	if sc.outcome != r.want {
		t.Errorf("outcome %s, want %s\n%s", sc.outcome, r.want, sc.log)
	}
	sc.mu.Lock()
	calls := strings.Join(sc.wire, " ")
	sc.mu.Unlock()
	if calls != r.calls {
		t.Errorf("requests went out: %s\nwant: %s", calls, r.calls)
	}
	if n, err := sc.outpost.Sessions().Len(t.Context()); n != sc.sessions || err != nil {
		t.Errorf("%d sessions, %v; want %d", n, err, sc.sessions)
	}
	text := ""
	if sc.last != nil {
		text = body(sc.last)
	}
	status := cmp.Or(sc.status, statusOf(r.want))
	switch {
	case sc.last == nil || sc.last.StatusCode != status:
		t.Errorf("status %v, want %d", sc.last, status)
	case sc.silent:
	case r.want == auth.SignedIn && text != "the application":
		t.Errorf("alice sees\n%s", text)
	case r.want != auth.SignedIn && !strings.Contains(text, string(r.want)):
		t.Errorf("the page does not have the reason:\n%s", text)
	case sc.sessions == 0 && sc.alice.once(http.MethodGet, conformancePage).StatusCode != http.StatusFound:
		t.Error("the check lets alice in")
	}
	sc.holdLog()
	if sc.check != nil {
		sc.check()
	}
}

// statusOf is the status that the browser ends with.
func statusOf(reason auth.Reason) int {
	switch reason {
	case auth.SignedIn, auth.SignedOut, auth.ChooseProvider, recheckRenewed, recheckFailed, recheckLapsed:
		return http.StatusOK
	case recheckRefused, recheckInvalid, auth.NotSignedIn:
		return http.StatusFound // to start
	case auth.ProviderUnreachable, auth.UserinfoUnavailable:
		return http.StatusServiceUnavailable
	case auth.ProviderMisconfigured:
		return http.StatusBadGateway
	case auth.GroupsOverage, auth.InsufficientAuthentication:
		return http.StatusForbidden
	case auth.MethodNotAllowed:
		return http.StatusMethodNotAllowed
	}
	return http.StatusBadRequest
}

// holdLog makes sure that the log has short lines, no token and nothing of an
// answer that the provider meant for nobody's eyes.
func (sc *scene) holdLog() {
	sc.t.Helper()
	log := sc.log.String()
	for line := range strings.Lines(log) {
		if len(line) > 8<<10 {
			sc.t.Errorf("a line of %d bytes in the log", len(line))
		}
	}
	sc.provider.mu.Lock()
	defer sc.provider.mu.Unlock()
	tokens := slices.AppendSeq(slices.Collect(maps.Keys(sc.provider.tokens)), maps.Keys(sc.provider.refreshes))
	for _, token := range tokens {
		if strings.Contains(log, token) || strings.Contains(log, canary) {
			sc.t.Errorf("what the provider sent is in the log:\n%.2000s", log)
		}
	}
}

func TestConformance(t *testing.T) {
	parts, passed := conformanceParts(), map[string]bool{}
	names := map[string]bool{}
	for _, p := range parts {
		for _, r := range p.rows {
			name := p.name + "/" + r.name
			if names[name] || r.spec == "" || r.module != "" && !slices.ContainsFunc(modules, func(m module) bool { return m.name == r.module }) {
				t.Errorf("%s: a name that is there twice, no section or a module %q that is not in the list", name, r.module)
			}
			names[name] = true
			passed[name] = t.Run(name, func(t *testing.T) { synctest.Test(t, r.play) })
		}
	}
	if len(passed) == len(names) && !t.Failed() {
		holdPage(t, conformanceDocument(parts))
	}
}

package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// rules: who may have which host and path, by what nginx says of the request,
// and not by what the client says of itself.
func (h *house) rules(t *testing.T) {
	const front = "https://webtop.home.test"
	alice := h.person(t, h.provider.admin, "127.0.5.7", front+"/")
	bob := h.person(t, h.provider.other, "127.0.6.7", front+"/")
	stranger := newVisitor(t).from("127.0.6.7")

	t.Run("page", func(t *testing.T) {
		p := bob.open(front + "/admins/x")
		if p.StatusCode != http.StatusForbidden || !strings.Contains(p.Body, "<code>not_allowed</code>") {
			t.Fatalf("got %s at %s\n%s", p.Status, p.URL, p.Body)
		}
		for _, want := range []string{`(?s)Application.{0,60}>home<`, `(?s)Rule.{0,60}>7<`, `>bob`} {
			if !regexp.MustCompile(want).MatchString(p.Body) {
				t.Errorf("the page has nothing like %s:\n%s", want, p.Body)
			}
		}
	})
	t.Run("log", func(t *testing.T) {
		if p := bob.fetch("GET", front+"/admins/for-the-log"); p.StatusCode != http.StatusForbidden {
			t.Errorf("got %s", p.Status)
		}
		line := regexp.MustCompile(`msg="check refused" reason=not_allowed url=https://webtop\.home\.test/admins/for-the-log .*client_ip=127\.0\.6\.7 application=home rule=7\n`)
		if log := h.daemon.log(t); !line.MatchString(log) {
			t.Errorf("no line like %s", line)
		}
	})
	for _, tt := range []struct {
		name, method, address string
		a                     *app
		alice, bob, stranger  int
	}{
		{"no-rule-of-its-own", "GET", front + "/x", h.app, 200, 200, 302},
		{"read", "GET", front + "/api/x", h.app, 200, 200, 302},
		{"head", "HEAD", front + "/api/x", h.app, 200, 200, 302},
		{"write", "POST", front + "/api/x", h.app, 403, 403, 403},
		{"write-elsewhere", "POST", front + "/apix", h.app, 200, 200, 302},
		{"read-as-nginx-has-it", "GET", front + "/x/../api/x", h.app, 200, 200, 302},
		{"write-as-nginx-has-it", "DELETE", front + "/x/..%2f%61pi/x", h.app, 403, 403, 403},
		{"network", "GET", front + "/office/x", h.app, 200, 403, 403},
		{"query", "GET", front + "/report?a&level=%61ll&raw=1", h.app, 403, 403, 403},
		{"half-a-query", "GET", front + "/report?level=all", h.app, 200, 200, 302},
		{"claim", "GET", front + "/it/x", h.app, 200, 403, 302},
		{"group", "GET", front + "/admins/x", h.app, 200, 403, 302},
		{"another-host", "GET", "https://tautulli.home.test/admins/x", h.other, 200, 200, 302},
		{"host-without-a-rule", "GET", "https://sonarr.home.test/x", h.sonarr, 403, 403, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reached(t, tt.a, func() page { return alice.fetch(tt.method, tt.address) }, tt.alice)
			reached(t, tt.a, func() page { return bob.fetch(tt.method, tt.address) }, tt.bob)
			reached(t, tt.a, func() page { return stranger.fetch(tt.method, tt.address) }, tt.stranger)
		})
	}

	// What a client says of its address and its method is not what nginx says.
	for _, forged := range []http.Header{
		{"X-Forwarded-For": {"127.0.5.7"}},
		{"X-Forwarded-For": {"127.0.5.7, 127.0.0.1"}},
		{"X-Forwarded-For": {"127.0.5.7", "127.0.0.1"}},
		{"X-Forwarded-For": {"127.0.5.7, nonsense"}},
		{"X-Real-Ip": {"127.0.5.7"}, "Forwarded": {"for=127.0.5.7"}, "X-Client-Ip": {"127.0.5.7"}, "True-Client-Ip": {"127.0.5.7"}},
		{"X-Original-Method": {"GET"}, "X-Forwarded-Method": {"GET"}, "X-Http-Method-Override": {"GET"}},
		{"X-Original-Url": {front + "/x"}, "X-Forwarded-Uri": {"/x"}, "X-Original-Uri": {"/x"}, "X-Forwarded-Host": {"tautulli.home.test"}},
	} {
		bob.headers, alice.headers = forged, http.Header{}
		for name, values := range forged { // alice says that she is where bob is
			alice.headers[name] = strings.Split(strings.ReplaceAll(strings.Join(values, "\n"), "127.0.5.7", "127.0.6.7"), "\n")
		}
		reached(t, h.app, func() page { return bob.fetch("GET", front+"/office/x") }, 403)
		reached(t, h.app, func() page { return bob.fetch("POST", front+"/api/x") }, 403)
		reached(t, h.app, func() page { return bob.fetch("GET", front+"/admins/x") }, 403)
		reached(t, h.app, func() page { return alice.fetch("GET", front+"/office/x") }, 200)
		if t.Failed() {
			t.Fatalf("forged: %v", forged)
		}
	}
}

// stepUp: what a path wants to have been proved is asked for there, and nowhere
// else.
func (h *house) stepUp(t *testing.T) {
	const front = "https://tautulli.home.test"
	alice := h.provider.admin
	t.Cleanup(func() { h.provider.setGroups(t, alice.name, "admins", "users") })
	for _, tt := range []struct {
		path    string
		at      []string // groups at the first sign-in
		after   []string // and later, when there is more to prove it with
		asked   string   // in the address at the provider
		missing string   // what the page says
	}{
		{"/acr/", []string{"users"}, []string{"users", "second-factor"}, "acr_values=phr", "phr"},
		{"/amr/", []string{"users"}, []string{"users", "second-factor"}, "prompt=login", "mfa"},
		{"/fresh/", []string{"users", "yesterday"}, []string{"users"}, "max_age=3600", "60 min"},
	} {
		t.Run(strings.Trim(tt.path, "/"), func(t *testing.T) {
			address := front + tt.path + "caf%C3%A9" + deepLink
			h.provider.setGroups(t, alice.name, tt.at...)
			v := h.person(t, alice, "127.0.5.8", front+"/plain")
			if trail := strings.Join(v.trail, "\n"); strings.Contains(trail, tt.asked) {
				t.Errorf("asked where nobody wants to know:\n%s", trail)
			}
			if p := v.fetch("GET", address); p.StatusCode != http.StatusForbidden {
				t.Errorf("a script got %s", p.Status)
			}
			before := h.other.count()
			refused := v.signIn(address, alice.name, alice.password)
			if refused.StatusCode != http.StatusForbidden || !strings.Contains(refused.Body, "<code>insufficient_user_authentication</code>") || !strings.Contains(refused.Body, tt.missing) {
				t.Fatalf("landed on %s: %s\n%s\n%s", refused.URL, refused.Status, strings.Join(v.trail, "\n"), refused.Body)
			}
			trail := strings.Join(v.trail, "\n")
			if n := strings.Count(trail, h.provider.issuer+"/auth?"); n != 1 || !strings.Contains(trail, tt.asked) {
				t.Errorf("asked %d times, want once and with %s:\n%s", n, tt.asked, trail)
			}
			if h.other.count() != before {
				t.Error("the application was reached")
			}
			if p := v.open(front + "/plain"); p.StatusCode != http.StatusOK || len(v.trail) != 1 {
				t.Errorf("what wants nothing of the kind took a way:\n%s", strings.Join(v.trail, "\n"))
			}

			h.provider.setGroups(t, alice.name, tt.after...)
			landed := v.signIn(address, alice.name, alice.password)
			if landed.URL != address || landed.StatusCode != http.StatusOK || h.other.last(t).RequestURI != strings.TrimPrefix(address, front) {
				t.Fatalf("landed on %s: %s\n%s\n%s", landed.URL, landed.Status, strings.Join(v.trail, "\n"), landed.Body)
			}
			if p := v.open(address); p.StatusCode != http.StatusOK || len(v.trail) != 1 {
				t.Errorf("asked again:\n%s", strings.Join(v.trail, "\n"))
			}
		})
	}
}

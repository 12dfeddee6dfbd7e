package auth_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/access"
	"outpost/auth"
	"outpost/headers"
)

// ruled is a stage whose domain has rules, own headers and credentials.
func ruled(t *testing.T, more ...func(*auth.Config)) *stage {
	admins := access.Allow(access.Lists{Groups: []string{"admins"}})
	return newStage(t, append([]func(*auth.Config){silent, func(c *auth.Config) {
		home := &c.Applications[0]
		home.Access = access.Config{
			Policy: access.Everyone(),
			Rules: []access.Rule{
				{Hosts: []string{"app.example.com"}, Paths: []string{"/open/*"}, Methods: []string{"GET", "HEAD"}, Public: true},
				{Paths: []string{"/inside/*"}, Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}},
				{Paths: []string{"/inside/*", "/never"}, Deny: true},
				{Hosts: []string{"app.example.com"}, Paths: []string{"/admin/*"}, Allow: &admins},
				{Paths: []string{"/strong"}, Require: access.Requirement{ACR: []string{"phr"}, MaxAge: time.Hour}},
				{Hosts: []string{"app.example.com"}, Paths: []string{"/read"}, Methods: []string{"GET"}},
				{Hosts: []string{"app.example.com"}, Paths: []string{"/write"}, Methods: []string{"POST"}, Deny: true},
				{Hosts: []string{"app.example.com"}, Paths: []string{"/x", "/write"}},
			},
			Public: []string{access.SwitchFavicon, access.SwitchPreflight},
		}
		home.Headers = headers.MappingConfig{
			Presets: []string{"authentik", "remote-user"},
			Basic:   &headers.Basic{Username: "{username}", Password: "s3cr3t"},
		}
	}}, more...)...)
}

// bytesOf is an answer as net/http writes it, but for what the front adds.
func bytesOf(resp *http.Response) string {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 " + resp.Status + "\r\n")
	resp.Header.Write(&b)
	return b.String()
}

// What the rules make of a request, for somebody who is not signed in, for bob and
// for alice, who is among the admins; and what memory alone can answer it
// answers to the byte as net/http does.
func TestRules(t *testing.T) {
	s := ruled(t)
	alice, bob := s.browser("alice"), s.browser("bob")
	s.want(alice.visit("https://app.example.com/x"), http.StatusOK)
	s.want(bob.visit("https://app.example.com/x"), http.StatusOK)
	cookies := []string{"", "__Secure-outpost-home=" + bob.cookie(app, "__Secure-outpost-home"), "__Secure-outpost-home=" + alice.cookie(app, "__Secure-outpost-home")}

	const fetch = "Sec-Fetch-Mode\x00cors"
	for _, tt := range []struct {
		name, target string
		more         string // headers, by NUL
		want         [3]auth.Reason
		status       [3]int
	}{
		{"public", "/open/x", "", [3]auth.Reason{auth.Public, auth.Public, auth.Public}, [3]int{200, 200, 200}},
		{"public-by-another-method", "/open/x", "X-Original-Method\x00POST", [3]auth.Reason{auth.NotAllowed, auth.NotAllowed, auth.NotAllowed}, [3]int{403, 403, 403}},
		{"public-and-doubtful", "/open/%2e%2e/x", "", [3]auth.Reason{auth.NotSignedIn, auth.Allowed, auth.Allowed}, [3]int{401, 200, 200}},
		{"public-and-out-of-it", "/open/%2e%2e/elsewhere", "", [3]auth.Reason{auth.NotAllowed, auth.NotAllowed, auth.NotAllowed}, [3]int{403, 401, 401}},
		{"public-and-encoded", "/open/%41", "", [3]auth.Reason{auth.NotSignedIn, auth.Allowed, auth.Allowed}, [3]int{401, 200, 200}},
		{"method-missing", "/open/x", "X-Original-Method\x00", [3]auth.Reason{auth.MethodUnknown, auth.MethodUnknown, auth.MethodUnknown}, [3]int{403, 403, 403}},
		{"network", "/inside/x", "", [3]auth.Reason{auth.NotSignedIn, auth.Allowed, auth.Allowed}, [3]int{401, 200, 200}},
		{"network-forged-before-the-real-one", "/inside/x", "X-Forwarded-For\x00203.0.113.7, 198.51.100.9", [3]auth.Reason{auth.NotAllowed, auth.NotAllowed, auth.NotAllowed}, [3]int{403, 401, 401}},
		{"denied-to-a-fetch", "/never", fetch, [3]auth.Reason{auth.NotAllowed, auth.NotAllowed, auth.NotAllowed}, [3]int{403, 403, 403}},
		{"group", "/admin/x", "", [3]auth.Reason{auth.NotSignedIn, auth.NotAllowed, auth.Allowed}, [3]int{401, 401, 200}},
		{"group-by-a-doubtful-path", "/x/..;/admin/x", "", [3]auth.Reason{auth.NotAllowed, auth.NotAllowed, auth.NotAllowed}, [3]int{403, 401, 401}},
		{"step-up", "/strong", fetch, [3]auth.Reason{auth.NotSignedIn, auth.InsufficientAuthentication, auth.InsufficientAuthentication}, [3]int{401, 403, 403}},
		{"method", "/read", "", [3]auth.Reason{auth.NotSignedIn, auth.Allowed, auth.Allowed}, [3]int{401, 200, 200}},
		{"method-denied", "/write", "X-Original-Method\x00POST\x00" + fetch, [3]auth.Reason{auth.NotAllowed, auth.NotAllowed, auth.NotAllowed}, [3]int{403, 403, 403}},
		{"method-not-denied", "/write", "", [3]auth.Reason{auth.NotSignedIn, auth.Allowed, auth.Allowed}, [3]int{401, 200, 200}},
		{"method-denied-to-a-form", "/write", "X-Original-Method\x00POST", [3]auth.Reason{auth.NotAllowed, auth.NotAllowed, auth.NotAllowed}, [3]int{403, 403, 403}},
		{"denied-to-a-form-and-to-its-page", "/never", "X-Original-Method\x00POST", [3]auth.Reason{auth.NotAllowed, auth.NotAllowed, auth.NotAllowed}, [3]int{403, 401, 401}},
		{"default", "/elsewhere", fetch, [3]auth.Reason{auth.NotAllowed, auth.NotAllowed, auth.NotAllowed}, [3]int{403, 403, 403}},
		{"switch", "/favicon.ico", "", [3]auth.Reason{auth.Public, auth.Public, auth.Public}, [3]int{200, 200, 200}},
		{"preflight", "/elsewhere", "X-Original-Method\x00OPTIONS\x00Origin\x00https://other.example\x00Access-Control-Request-Method\x00PUT", [3]auth.Reason{auth.Public, auth.Public, auth.Public}, [3]int{200, 200, 200}},
		{"options-without-an-origin", "/elsewhere", "X-Original-Method\x00OPTIONS\x00Access-Control-Request-Method\x00PUT\x00" + fetch, [3]auth.Reason{auth.NotAllowed, auth.NotAllowed, auth.NotAllowed}, [3]int{403, 403, 403}},
		{"own-authorization", "/open/x", "Authorization\x00Basic bzpw", [3]auth.Reason{auth.Public, auth.Public, auth.Public}, [3]int{200, 200, 200}},
	} {
		for i, who := range []string{"nobody", "bob", "alice"} {
			t.Run(tt.name+"/"+who, func(t *testing.T) {
				h := swag("app.example.com", tt.target, append([]string{"Cookie", cookies[i]}, strings.Split(tt.more, "\x00")...)...)
				answer := s.check(h, nginxPeer)
				if answer.StatusCode != tt.status[i] || s.last() != tt.want[i] {
					t.Fatalf("got %d %s, want %d %s", answer.StatusCode, s.last(), tt.status[i], tt.want[i])
				}
				asked := h.Clone()
				asked.Del("Host")
				hot := string(s.outpost.AnswerHot(netip.MustParseAddr("127.0.0.1"), asked, "app.example.com", nil))
				if hot == "" != (answer.StatusCode == http.StatusForbidden || tt.want[i] == auth.NotAllowed || tt.want[i] == auth.MethodUnknown) {
					t.Errorf("memory answers %q", hot)
				}
				if want := bytesOf(answer); hot != "" && hot != want {
					t.Errorf("memory answers %q, net/http %q", hot, want)
				}
				if answer.StatusCode != http.StatusOK {
					return
				}
				names := map[string]string{"nobody": "", "bob": "bob", "alice": "alice"}
				credentials := map[string]string{"nobody": h.Get("Authorization"), "bob": "Basic Ym9iOnMzY3IzdA==", "alice": "Basic YWxpY2U6czNjcjN0"}
				for name, want := range map[string]string{"X-Authentik-Username": names[who], "Remote-User": names[who], "Authorization": credentials[who]} {
					if got := answer.Header.Get(name); got != want {
						t.Errorf("%s is %q, want %q", name, got, want)
					}
				}
			})
		}
	}
}

// A rule asks for more than the rest of the application: the sign-in is asked for
// it, and its page comes back; without it there is a page that says what lacks.
func TestStepUpByRule(t *testing.T) {
	const strong = "https://app.example.com/strong"
	s := ruled(t)
	acr := ""
	s.provider.claims = func(c map[string]any) { c["acr"], c["auth_time"] = acr, time.Now().Unix() }
	b := s.browser("alice")
	s.want(b.visit("https://app.example.com/x"), http.StatusOK)
	if q := s.provider.asked[0]; q.Has("acr_values") || q.Has("max_age") {
		t.Errorf("another page asks for %v", q)
	}
	resp := b.visit(strong)
	s.want(resp, http.StatusForbidden)
	if text := body(resp); s.last() != auth.InsufficientAuthentication || !strings.Contains(text, "phr") {
		t.Errorf("without the class: %s\n%s", s.last(), text)
	}
	last := s.provider.asked[len(s.provider.asked)-1]
	got := url.Values{"acr_values": last["acr_values"], "max_age": last["max_age"], "prompt": last["prompt"]}
	if diff := cmp.Diff(url.Values{"acr_values": {"phr"}, "max_age": {"3600"}, "prompt": {"login"}}, got); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	s.want(b.visit("https://app.example.com/x"), http.StatusOK) // which the failure did not take away
	acr = "phr"
	s.want(b.visit(strong), http.StatusOK)
	if b.at != strong {
		t.Errorf("ended at %s", b.at)
	}
}

// What has to be proved may depend on where somebody is: the sign-in asks for what
// the check will want from there, and from elsewhere it does not.
func TestStepUpByNetwork(t *testing.T) {
	const page = "https://app.example.com/admin"
	s := newStage(t, silent, func(c *auth.Config) {
		c.Applications[0].Access.Rules = []access.Rule{
			{Paths: []string{"/admin"}, Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}},
			{Paths: []string{"/admin"}, Require: access.Requirement{ACR: []string{"phr"}}},
		}
	})
	s.provider.claims = func(c map[string]any) {
		if s.provider.asked[len(s.provider.asked)-1].Get("acr_values") == "phr" {
			c["acr"] = "phr"
		}
	}
	for _, tt := range []struct{ name, at, want string }{{"inside", "203.0.113.7", ""}, {"outside", "198.51.100.9", "phr"}} {
		t.Run(tt.name, func(t *testing.T) {
			b := s.browser("alice")
			s.want(b.visit(page, "X-Forwarded-For", tt.at), http.StatusOK)
			if got := s.provider.asked[len(s.provider.asked)-1].Get("acr_values"); got != tt.want || b.at != page {
				t.Errorf("asked for %q, want %q; ended at %s", got, tt.want, b.at)
			}
		})
	}
	// Somebody who signed in inside takes the page along.
	b := s.browser("alice")
	s.want(b.visit(page, "X-Forwarded-For", "203.0.113.7"), http.StatusOK)
	s.want(b.visit(page, "X-Forwarded-For", "198.51.100.9"), http.StatusOK)
	if got := s.provider.asked[len(s.provider.asked)-1].Get("acr_values"); got != "phr" {
		t.Errorf("outside again it is asked for %q", got)
	}
}

// Whom a rule would not have anyway signs in, and reads why not.
func TestNobodyProvesMoreInVain(t *testing.T) {
	admins := access.Allow(access.Lists{Groups: []string{"admins"}})
	s := newStage(t, silent, func(c *auth.Config) {
		c.Applications[0].Access.Rules = []access.Rule{{Allow: &admins, Require: access.Requirement{ACR: []string{"phr"}}}}
	})
	resp := s.browser("bob").visit("https://app.example.com/")
	if s.want(resp, http.StatusForbidden); s.last() != auth.NotAllowed || len(s.provider.asked) != 1 {
		t.Errorf("%s after %d sign-ins", s.last(), len(s.provider.asked))
	}
}

// What may be a credential for us is not shown to an application, whoever sends
// it; another's is handed on.
func TestOwnCredentialsAreNotHandedOn(t *testing.T) {
	token, hash := auth.NewToken()
	s := newStage(t, silent, func(c *auth.Config) {
		c.Tokens = []auth.StaticToken{{Name: "backup", Hash: hash, Applications: []string{"home"}}}
	})
	b := s.browser("alice")
	s.want(b.visit(app), http.StatusOK)
	for _, tt := range []struct{ name, sent, want string }{
		{"token", "Bearer " + token, ""},
		{"token-as-a-password", basic("x", token), ""},
		{"token-in-a-list", "Bearer " + token + ", x", ""},
		{"own-key", "Bearer key-of-the-application", "Bearer key-of-the-application"},
		{"own-password", basic("alice", "password"), basic("alice", "password")},
		{"own-scheme", "Digest x", "Digest x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := swag("app.example.com", "/", "Cookie", "__Secure-outpost-home="+b.cookie(app, "__Secure-outpost-home"), "Authorization", tt.sent)
			resp := s.check(h, nginxPeer)
			if s.want(resp, http.StatusOK); resp.Header.Get("Authorization") != tt.want {
				t.Errorf("handed on: %q, want %q", resp.Header.Get("Authorization"), tt.want)
			}
		})
	}
}

// The page of a refusal and the log say which rule it was.
func TestRefusalNamesTheRule(t *testing.T) {
	log := &syncBuffer{}
	s := ruled(t, func(c *auth.Config) { c.Log = slog.New(slog.NewJSONHandler(log, nil)) })
	b := s.browser("bob")
	resp := b.visit("https://app.example.com/admin/x", "Accept", "text/html")
	s.want(resp, http.StatusForbidden)
	if text := body(resp); !strings.Contains(text, "Rule") || !strings.Contains(text, ">4<") || !strings.Contains(text, "home") {
		t.Errorf("the page does not name the rule:\n%s", text)
	}
	b.once(http.MethodGet, "https://app.example.com/admin/x", "Sec-Fetch-Mode", "cors")
	if text := log.String(); !strings.Contains(text, `"msg":"check refused"`) || !strings.Contains(text, `"application":"home","rule":4`) {
		t.Errorf("the log does not name the rule:\n%s", text)
	}
}

// Two applications below paths of one host share a sign-in, and nothing else.
func TestParts(t *testing.T) {
	s := newStage(t, silent, func(c *auth.Config) {
		c.Applications = []auth.Application{
			{Name: "tautulli", ExternalURL: "https://example.org/tautulli", Providers: []string{"idp"}, Access: access.Config{Policy: access.Everyone(), DefaultAllow: true}},
			{
				Name: "sonarr", ExternalURL: "https://example.org/sonarr/", Providers: []string{"idp"},
				Access:  access.Config{Policy: access.Allow(access.Lists{Groups: []string{"admins"}}), DefaultAllow: true},
				Headers: headers.MappingConfig{Presets: []string{"remote-user"}},
			},
			{Name: "sonarr-4k", ExternalURL: "https://example.org/sonarr/4k", Providers: []string{"idp"}, Access: access.Config{Policy: access.Everyone(), DefaultAllow: true}},
		}
	})
	if uri := s.config.Applications[1].RedirectURI("idp"); uri != "https://example.org"+prefix+"/callback" {
		t.Errorf("its redirect URI is %s", uri)
	}
	b := s.browser("bob")
	s.want(b.visit("https://example.org/tautulli/home?x"), http.StatusOK)
	if b.at != "https://example.org/tautulli/home?x" || len(s.provider.asked) != 1 {
		t.Errorf("ended at %s after %d sign-ins", b.at, len(s.provider.asked))
	}
	cookie := "__Host-outpost-tautulli=" + b.cookie("https://example.org/", "__Host-outpost-tautulli")
	for _, tt := range []struct {
		name, target string
		want         auth.Reason
		header       string
	}{
		{"first", "/tautulli", auth.Allowed, "X-Authentik-Username"},
		{"first-below", "/tautulli/a/b?c=/sonarr", auth.Allowed, "X-Authentik-Username"},
		{"second-is-for-admins", "/sonarr/", auth.NotAllowed, ""},
		{"longer-path", "/sonarr/4k/x", auth.Allowed, "X-Authentik-Username"},
		{"no-border", "/sonarr/4kx", auth.NotAllowed, ""},
		{"neither", "/radarr/", auth.UnknownPath, ""},
		{"neither-by-its-beginning", "/tautullix", auth.UnknownPath, ""},
		{"neither-at-the-top", "/", auth.UnknownPath, ""},
		{"dots-lead-to-the-second", "/tautulli/../sonarr/x", auth.NotAllowed, ""},
		{"encoded-dots-lead-there-too", "/tautulli/%2e%2e/sonarr/x", auth.NotAllowed, ""},
		{"slashes", "//sonarr//x", auth.NotAllowed, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := swag("example.org", tt.target, "Cookie", cookie, "Sec-Fetch-Mode", "cors")
			resp := s.check(h, nginxPeer)
			if s.last() != tt.want || (resp.StatusCode == http.StatusOK) != (tt.want == auth.Allowed) {
				t.Fatalf("got %d %s, want %s", resp.StatusCode, s.last(), tt.want)
			}
			if tt.header != "" && resp.Header.Get(tt.header) != "bob" {
				t.Errorf("headers %v", resp.Header)
			}
		})
	}
	admin := s.browser("alice")
	s.want(admin.visit("https://example.org/sonarr/"), http.StatusOK)
	h := swag("example.org", "/sonarr/", "Cookie", "__Host-outpost-tautulli="+admin.cookie("https://example.org/", "__Host-outpost-tautulli"))
	if resp := s.check(h, nginxPeer); resp.Header.Get("Remote-User") != "alice" || resp.Header["X-Authentik-Username"] != nil {
		t.Errorf("the second application gets %v", resp.Header)
	}
	// Signing out of one is signing out of the host.
	s.want(admin.visit("https://example.org"+prefix+"/sign_out"), http.StatusOK)
	if resp := s.check(h, nginxPeer); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("after the sign-out: %d", resp.StatusCode)
	}
}

// Claims that rules and headers name are kept with the session, and the others are
// not.
func TestClaimsAreKept(t *testing.T) {
	it := access.Allow(access.Lists{Claims: map[string][]string{"org.department": {"it"}}})
	s := newStage(t, silent, func(c *auth.Config) {
		c.Applications[0].Access = access.Config{Policy: access.Everyone(), Rules: []access.Rule{{Allow: &it}}}
		c.Applications[0].Headers = headers.MappingConfig{Headers: []headers.Header{{Name: "X-Level", Value: "{level}"}}}
	})
	s.provider.users["alice"]["org"] = map[string]any{"department": "it"}
	s.provider.users["alice"]["level"] = []any{3, true, "top"}
	s.provider.users["alice"]["unasked"] = "x"
	b := s.browser("alice")
	s.want(b.visit("https://app.example.com/"), http.StatusOK)
	s.want(s.browser("bob").visit("https://app.example.com/"), http.StatusForbidden)
	h := swag("app.example.com", "/", "Cookie", "__Secure-outpost-home="+b.cookie(app, "__Secure-outpost-home"))
	if got := s.check(h, nginxPeer).Header.Get("X-Level"); got != "3|true|top" {
		t.Errorf("X-Level is %q", got)
	}
}

// An alias of a header that one application is sent is refused in all.
func TestAliasOfAnOwnHeader(t *testing.T) {
	s := newStage(t, func(c *auth.Config) {
		c.Applications[1].Headers = headers.MappingConfig{Presets: []string{"remote-user"}, Headers: []headers.Header{{Name: "App-Role", Value: "x"}}}
	})
	for _, name := range []string{"Remote_user", "App.role", "remote_groups"} {
		r := httptest.NewRequest(http.MethodGet, "http://outpost:9000"+prefix+"/auth/nginx", nil)
		r.Host, r.RemoteAddr, r.Header = "app.example.com", nginxPeer, swag("app.example.com", "/")
		r.Header.Del("Host")
		r.Header[name] = []string{"admin"}
		w := httptest.NewRecorder()
		if s.outpost.ServeNginx(w, r); w.Code != http.StatusForbidden || s.last() != auth.HeaderAlias {
			t.Errorf("%s: %d %s", name, w.Code, s.last())
		}
	}
}

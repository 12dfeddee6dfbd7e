package auth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outpost/auth"
	"outpost/headers"
	"outpost/session/memory"
)

// account is the account page's address in the stage's domain.
const account = "https://outpost.example.com" + prefix + "/"

var own = []string{"Origin", "https://outpost.example.com", "Sec-Fetch-Site", "same-origin"}

// places are the sessions that the page tells of, in JSON.
type places struct {
	Account struct {
		Identity struct {
			Subject, Username, Name, Email string
			Groups                         []string
		}
		Applications []struct {
			Name    string
			Headers map[string]*string
		}
		Sessions []struct {
			ID, Application, Device, Address string
			This                             bool      `json:"this_browser"`
			LastSeen                         time.Time `json:"last_seen"`
		}
	}
}

func (b *browser) places(address string) places {
	b.s.t.Helper()
	resp := b.once(http.MethodGet, address, "Accept", "application/json")
	b.s.want(resp, http.StatusOK)
	var p places
	if err := json.Unmarshal([]byte(body(resp)), &p); err != nil {
		b.s.t.Fatal(err)
	}
	return p
}

func TestAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		phone, alice, bob := s.browser("alice"), s.browser("alice"), s.browser("bob")
		s.want(phone.visit("https://wiki.example.net:8443/", "User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/605.1", "X-Forwarded-For", "192.0.2.7"), http.StatusOK)
		time.Sleep(50 * time.Minute)
		s.want(bob.visit("https://app.example.com/"), http.StatusOK)

		// Who is not signed in signs in and comes back to the page.
		resp := alice.visit("https://app.example.com"+prefix, "User-Agent", "Mozilla/5.0 (Windows NT 10.0) Firefox/150.0")
		s.want(resp, http.StatusOK)
		if alice.at != account {
			t.Fatalf("landed on %s", alice.at)
		}
		page := body(resp)
		for _, want := range []string{"alice@example.com", "wiki", "Safari on iOS, 192.0.2.7", "50 minutes ago", "This browser", "Firefox on Windows", "<code>account</code>"} {
			if !strings.Contains(page, want) {
				t.Errorf("the page lacks %q", want)
			}
		}
		if strings.Contains(page, "bob") {
			t.Errorf("it tells of somebody else:\n%s", page)
		}
		if h := resp.Header; h.Get("Cache-Control") != "no-store" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-") {
			t.Errorf("headers: %v", h)
		}

		p := alice.places(account)
		if len(p.Account.Sessions) != 2 || !p.Account.Sessions[0].This || p.Account.Sessions[1].This || p.Account.Identity.Username != "alice" {
			t.Fatalf("in JSON: %+v", p)
		}

		// End the other one: by the form on the page.
		form := regexp.MustCompile(`action="([^"]*end=[0-9a-f]{16})"`).FindStringSubmatch(page)
		if form == nil {
			t.Fatalf("no form:\n%s", page)
		}
		s.want(phone.once(http.MethodGet, "https://wiki.example.net:8443/"), http.StatusOK)
		resp = alice.once(http.MethodPost, "https://outpost.example.com"+form[1], own...)
		s.want(resp, http.StatusSeeOther)
		if to := resp.Header.Get("Location"); to != account {
			t.Errorf("then to %s", to)
		}
		s.want(phone.once(http.MethodGet, "https://wiki.example.net:8443/"), http.StatusFound)
		s.want(alice.once(http.MethodGet, "https://app.example.com/"), http.StatusOK)
		s.want(bob.once(http.MethodGet, "https://app.example.com/"), http.StatusOK)
		if p := alice.places(account); len(p.Account.Sessions) != 1 {
			t.Errorf("afterwards: %+v", p)
		}
		if log := s.log.String(); strings.Count(log, `"msg":"signed out elsewhere"`) != 1 {
			t.Errorf("log:\n%s", log)
		}
	})
}

func TestAccountEndOthers(t *testing.T) {
	s := newStage(t)
	alice, phone, bob, onTheWay := s.browser("alice"), s.browser("alice"), s.browser("bob"), s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	s.want(alice.visit("https://router.example.com/"), http.StatusOK)
	s.want(phone.visit("https://wiki.example.net:8443/"), http.StatusOK)
	s.want(bob.visit("https://app.example.com/"), http.StatusOK)
	callback := onTheWay.until("https://app.example.com/", "/callback?")

	s.want(alice.once(http.MethodPost, account+"?end=others", own...), http.StatusSeeOther)
	s.want(alice.once(http.MethodGet, "https://app.example.com/"), http.StatusOK)
	s.want(alice.once(http.MethodGet, "https://router.example.com/"), http.StatusFound)
	s.want(phone.once(http.MethodGet, "https://wiki.example.net:8443/"), http.StatusFound)
	s.want(bob.once(http.MethodGet, "https://app.example.com/"), http.StatusOK)
	// Whoever was about to sign in as alice elsewhere begins anew.
	onTheWay.visit(callback)
	if s.last() != auth.SignedOutMeanwhile {
		t.Errorf("a sign-in that was under way ended with %s", s.last())
	}
	if p := alice.places(account); len(p.Account.Sessions) != 1 || !p.Account.Sessions[0].This {
		t.Errorf("afterwards: %+v", p)
	}
}

// One's own session by its ID is a sign-out, at the provider too.
func TestAccountEndThisOne(t *testing.T) {
	s := newStage(t)
	alice := s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	id := alice.places(account).Account.Sessions[0].ID
	resp := alice.once(http.MethodPost, account+"?end="+id, own...)
	s.want(resp, http.StatusSeeOther)
	if to := resp.Header.Get("Location"); !strings.HasPrefix(to, "https://idp.example.org/end?") {
		t.Errorf("then to %s", to)
	}
	s.want(alice.once(http.MethodGet, "https://app.example.com/"), http.StatusFound)
}

// Another person's session does not end, whatever ID is guessed; nor does anybody
// learn whether there is one.
func TestAccountOfAnotherPerson(t *testing.T) {
	s := newStage(t)
	alice, bob := s.browser("alice"), s.browser("bob")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	s.want(bob.visit("https://app.example.com/"), http.StatusOK)
	bobs := bob.places(account).Account.Sessions[0].ID
	for _, id := range []string{bobs, bobs[:8], "0123456789abcdef", "", "%00", strings.Repeat("0", 64)} {
		resp := alice.once(http.MethodPost, account+"?end="+id, own...)
		if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || to != account {
			t.Errorf("%q: %d to %s", id, resp.StatusCode, to)
		}
	}
	s.want(bob.once(http.MethodGet, "https://app.example.com/"), http.StatusOK)
	s.want(alice.once(http.MethodGet, "https://app.example.com/"), http.StatusOK)
}

func TestAccountForgedRequests(t *testing.T) {
	for _, tt := range []struct {
		name   string
		at     string
		header []string
		status int
		ends   bool
	}{
		{"own-form", account, own, 303, true},
		{"own-form-over-plain-http", account, []string{"Origin", "https://outpost.example.com", "Sec-Fetch-Mode", "", "Sec-Fetch-Dest", ""}, 303, true},
		{"no-origin", account, []string{"Sec-Fetch-Site", "same-origin"}, 403, false},
		{"another-site", account, []string{"Origin", "https://evil.test", "Sec-Fetch-Site", "cross-site"}, 403, false},
		{"an-opaque-origin", account, []string{"Origin", "null", "Sec-Fetch-Site", "cross-site"}, 403, false},
		{"a-sibling", account, []string{"Origin", "https://app.example.com", "Sec-Fetch-Site", "same-site"}, 403, false},
		{"a-sibling-with-a-good-origin", account, []string{"Origin", "https://outpost.example.com", "Sec-Fetch-Site", "same-site"}, 403, false},
		{"a-script-of-ours", account, append([]string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, own...), 403, false},
		{"on-an-applications-host", "https://app.example.com" + prefix + "/", []string{"Origin", "https://app.example.com", "Sec-Fetch-Site", "same-origin"}, 303, false},
		{"early", account, append([]string{"Early-Data", "1"}, own...), 425, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			alice, phone := s.browser("alice"), s.browser("alice")
			s.want(alice.visit("https://app.example.com/"), http.StatusOK)
			s.want(phone.visit("https://app.example.com/"), http.StatusOK)
			s.want(alice.once(http.MethodPost, tt.at+"?end=others", tt.header...), tt.status)
			if got := phone.once(http.MethodGet, "https://app.example.com/").StatusCode != http.StatusOK; got != tt.ends {
				t.Errorf("the other browser was signed out: %v, want %v", got, tt.ends)
			}
		})
	}
	// A link does nothing, wherever it stands.
	s := newStage(t)
	alice, phone := s.browser("alice"), s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	s.want(phone.visit("https://app.example.com/"), http.StatusOK)
	s.want(alice.once(http.MethodGet, account+"?end=others"), http.StatusOK)
	s.want(phone.once(http.MethodGet, "https://app.example.com/"), http.StatusOK)
}

func TestAccountElsewhere(t *testing.T) {
	s := newStage(t)
	alice := s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	for _, path := range []string{prefix, prefix + "/"} {
		resp := alice.once(http.MethodGet, "https://app.example.com"+path, "Accept", "application/json", "Sec-Fetch-Mode", "cors")
		if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusFound || to != account {
			t.Errorf("%s on an application's host: %d to %s", path, resp.StatusCode, to)
		}
	}
	// The page does not stand before authentik's signatures, nor for what only
	// looks like it.
	s.want(alice.once(http.MethodGet, "https://outpost.example.com"+prefix+"//"), http.StatusNotFound)
	resp := alice.once(http.MethodGet, account+"?X-authentik-logout=true")
	if to := resp.Header.Get("Location"); !strings.HasPrefix(to, "https://idp.example.org/end?") {
		t.Errorf("authentik's way to sign out: %d to %s", resp.StatusCode, to)
	}
	// A program is told, and gets no cookie.
	resp = alice.once(http.MethodGet, account, "Accept", "application/json", "Sec-Fetch-Mode", "cors")
	s.want(resp, http.StatusForbidden)
	if text := body(resp); !strings.Contains(text, `"error":"not_signed_in"`) || !strings.Contains(text, "sign_in_url") || len(resp.Cookies()) > 0 {
		t.Errorf("a program reads %s", text)
	}
	s.want(alice.once(http.MethodDelete, account), http.StatusMethodNotAllowed)
}

// Somebody who may not use the application may still look after their account.
func TestAccountOfSomebodyNotAllowed(t *testing.T) {
	s := newStage(t)
	bob := s.browser("bob")
	s.want(bob.visit("https://router.example.com/"), http.StatusForbidden)
	resp := bob.once(http.MethodGet, "https://router.example.com"+prefix+"/")
	s.want(resp, http.StatusOK)
	if page := body(resp); !strings.Contains(page, "This browser") {
		t.Errorf("page:\n%s", page)
	}
}

func TestAccountStoreDown(t *testing.T) {
	store := &blindStore{Store: memory.New()}
	s := newStage(t, func(c *auth.Config) { c.Session.Store = store })
	alice := s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	store.fail = true
	for _, resp := range []*http.Response{
		alice.once(http.MethodGet, account), alice.once(http.MethodPost, account+"?end=others", own...), alice.once(http.MethodPost, account+"?end=0123456789abcdef", own...),
	} {
		s.want(resp, http.StatusServiceUnavailable)
	}
}

// What is ended there is told to the provider, as with a sign-out here.
func TestAccountEndRevokes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecheckStage(t)
		s.provider.metadata = map[string]any{"revocation_endpoint": "https://idp.example.org/revoke"}
		alice, phone := s.browser("alice"), s.browser("alice")
		s.want(alice.visit(app), http.StatusOK)
		s.want(phone.visit(app), http.StatusOK)
		here, there := s.stored(alice).RefreshToken, s.stored(phone).RefreshToken
		id := s.stored(phone).Key.ID()
		s.want(alice.once(http.MethodPost, account+"?end="+id, own...), http.StatusSeeOther)
		synctest.Wait()
		if !slices.Contains(s.provider.revoked, there) || slices.Contains(s.provider.revoked, here) {
			t.Errorf("revoked: %v", s.provider.revoked)
		}

		s.want(phone.visit(app), http.StatusOK)
		again := s.stored(phone).RefreshToken
		s.want(alice.once(http.MethodPost, account+"?end=others", own...), http.StatusSeeOther)
		synctest.Wait()
		if !slices.Contains(s.provider.revoked, again) || slices.Contains(s.provider.revoked, here) {
			t.Errorf("revoked with all others: %v", s.provider.revoked)
		}
	})
}

// Where a sign-in came from outlives what the provider says anew of the person.
func TestAccountAfterRecheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecheckStage(t)
		alice := s.browser("alice")
		s.want(alice.visit(app, "User-Agent", "Mozilla/5.0 (Windows NT 10.0) Firefox/150.0", "X-Forwarded-For", "192.0.2.7"), http.StatusOK)
		s.provider.users["alice"]["groups"] = []string{"late"}
		time.Sleep(quarter)
		s.checked(alice, app)
		s.wantGroups(s.checked(alice, app), "late")
		p := alice.places(account)
		if got := p.Account.Sessions[0]; got.Device != "Firefox on Windows" || got.Address != "192.0.2.7" || !slices.Equal(p.Account.Identity.Groups, []string{"late"}) {
			t.Errorf("got %+v", p)
		}
	})
}

// People see what applications are told of them, to the letter: the headers that a
// check answers with, for each application of the sign-in; but no secret.
func TestAccountTellsWhatApplicationsAreTold(t *testing.T) {
	s := newStage(t, func(c *auth.Config) {
		c.Applications[0].Headers = headers.MappingConfig{
			Presets: []string{"remote-user"}, Join: ";", JWT: true, Basic: &headers.Basic{Username: "{username}", Password: "s3cret-of-all"},
			Headers: []headers.Header{
				{Name: "X-Role", Value: "{groups}", Map: []headers.Pair{{From: "admins", To: "Admin"}}, Default: "Viewer", First: true},
				{Name: "X-Fixed", Value: "key-of-all"},
			},
		}
		c.Applications = append(c.Applications, auth.Application{Name: "wiki-admin", ExternalURL: "https://wiki.example.net:8443/admin", Providers: []string{"idp"}, Access: c.Applications[2].Access})
	})
	alice := s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	h := alice.headers("https://app.example.com/")
	told := alice.places(account).Account.Applications
	if len(told) != 1 || told[0].Name != "home" {
		t.Fatalf("told: %+v", told)
	}
	hidden := []string{"Authorization", "X-Authentik-Jwt", "X-Fixed"}
	if len(told[0].Headers) != 8 {
		t.Errorf("%d headers: %v", len(told[0].Headers), told[0].Headers)
	}
	for name, value := range told[0].Headers {
		switch sent := h.Get(name); {
		case slices.Contains(hidden, name):
			if value != nil || sent == "" {
				t.Errorf("%s is there, or never sent", name)
			}
		case value == nil || *value != sent || h[name] == nil:
			t.Errorf("%s: told %v, sent %q", name, value, sent)
		}
	}
	page := body(alice.once(http.MethodGet, account))
	for _, want := range []string{"<code>Remote-User</code></dt><dd><bdi>alice</bdi>", "<code>X-Role</code>", `<code>Authorization</code></dt><dd class="note">not shown here`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page, "key-of-all") || strings.Contains(page, h.Get("Authorization")) || strings.Contains(page, "X-Authentik-Username") || h.Get("X-Authentik-Jwt") != "" && strings.Contains(page, h.Get("X-Authentik-Jwt")) {
		t.Error("the page has a secret, or headers that nobody sends")
	}

	// Applications below paths of one host share the page, and each is told its own.
	s.want(alice.visit("https://wiki.example.net:8443/"), http.StatusOK)
	told = alice.places("https://wiki.example.net:8443" + prefix + "/").Account.Applications
	if len(told) != 2 || told[0].Name != "wiki" || told[1].Name != "wiki-admin" || *told[1].Headers["X-Authentik-Username"] != "alice" {
		t.Errorf("told: %+v", told)
	}
}

// headers are those that nginx gets for a request of the browser.
func (b *browser) headers(address string) http.Header {
	b.s.t.Helper()
	r := httptest.NewRequest(http.MethodGet, prefix+"/auth/nginx", nil)
	r.Host, r.RemoteAddr = "app.example.com", "127.0.0.1:40000"
	r.Header = http.Header{"X-Original-Url": {address}, "X-Original-Method": {http.MethodGet}, "Cookie": {"__Secure-outpost-home=" + b.cookie(address, "__Secure-outpost-home")}}
	w := httptest.NewRecorder()
	b.s.outpost.ServeNginx(w, r)
	if w.Code != http.StatusOK {
		b.s.t.Fatalf("the check: %d", w.Code)
	}
	return w.Result().Header
}

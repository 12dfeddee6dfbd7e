package auth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"outpost/auth"
	"outpost/auth/provider"
	"outpost/session"
	"outpost/session/memory"
)

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutClaims are those of a logout token as it should be; change may be nil.
func logoutClaims(change func(map[string]any)) []byte {
	now := time.Now()
	claims := map[string]any{
		"iss": issuer, "aud": "outpost", "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "jti": rand.Text(),
		"events": map[string]any{logoutEvent: map[string]any{}}, "sub": "sub-alice", "sid": "sid-alice",
	}
	if change != nil {
		change(claims)
	}
	raw, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return raw
}

// signTyped signs with the provider's key and these additions to the header.
func (p *fakeProvider) signTyped(header map[jose.HeaderKey]any, claims []byte) string {
	p.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.key}, &jose.SignerOptions{ExtraHeaders: header})
	if err != nil {
		p.t.Fatal(err)
	}
	jws, err := signer.Sign(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		p.t.Fatal(err)
	}
	return compact
}

func (p *fakeProvider) logoutToken(change func(map[string]any)) string {
	return p.signTyped(map[jose.HeaderKey]any{"kid": "k1", "typ": "logout+jwt"}, logoutClaims(change))
}

// notify is the provider posting to us, through nginx.
func (s *stage) notify(contentType, form string) *http.Response {
	return s.notifyAt("https://app.example.com"+prefix+"/backchannel_logout", contentType, form)
}

func (s *stage) notifyAt(address, contentType, form string) *http.Response {
	r := httptest.NewRequest(http.MethodPost, address, strings.NewReader(form))
	r.Header.Set("Content-Type", contentType)
	return s.nginx(r, address)
}

const formType = "application/x-www-form-urlencoded"

func (s *stage) logout(token string) *http.Response {
	return s.notify(formType, url.Values{"logout_token": {token}}.Encode())
}

// wantLogoutAnswer holds an answer to Back-Channel Logout §2.8.
func (s *stage) wantLogoutAnswer(resp *http.Response, status int) {
	s.t.Helper()
	s.want(resp, status)
	if got := resp.Header.Get("Cache-Control"); got != "no-store" {
		s.t.Errorf("Cache-Control: %q", got)
	}
	if len(resp.Cookies()) > 0 {
		s.t.Errorf("it sets cookies: %v", resp.Cookies())
	}
	text := body(resp)
	if status == http.StatusOK {
		if text != "" {
			s.t.Errorf("it says %q", text)
		}
		return
	}
	var answer struct {
		Error string `json:"error"`
		Why   string `json:"error_description"`
	}
	want := "invalid_request"
	if status >= 500 {
		want = "temporarily_unavailable"
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Error != want || answer.Why == "" {
		s.t.Errorf("answer %q, %v", text, err)
	}
}

func (s *stage) sessions() int {
	s.t.Helper()
	n, err := s.outpost.Sessions().Len(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// §2.5: a POST of a form with one logout_token, of at most 64 KiB.
func TestBackchannelLogoutForm(t *testing.T) {
	for _, tt := range []struct {
		name, address, contentType string
		form                       func(token string) string
		status                     int
	}{
		{"other-parameters", "https://app.example.com", formType + "; charset=utf-8", func(token string) string { return "x=1&logout_token=" + token + "&x=2" }, 200},
		{"host-of-another-application", "https://wiki.example.net:8443", formType, func(token string) string { return "logout_token=" + token }, 200},
		{"json", "https://app.example.com", "application/json", func(token string) string { return `{"logout_token":"` + token + `"}` }, 400},
		{"no-content-type", "https://app.example.com", "", func(token string) string { return "logout_token=" + token }, 400},
		{"twice", "https://app.example.com", formType, func(token string) string { return "logout_token=" + token + "&logout_token=" + token }, 400},
		{"empty-body", "https://app.example.com", formType, func(string) string { return "" }, 400},
		{"other-parameter-alone", "https://app.example.com", formType, func(token string) string { return "id_token=" + token }, 400},
		{"bad-escape", "https://app.example.com", formType, func(token string) string { return "logout_token=" + token + "&x=%zz" }, 400},
		{"just-small-enough", "https://app.example.com", formType, func(token string) string {
			form := "logout_token=" + token + "&x="
			return form + strings.Repeat("x", 64<<10-len(form))
		}, 200},
		{"one-byte-more", "https://app.example.com", formType, func(token string) string {
			form := "logout_token=" + token + "&x="
			return form + strings.Repeat("x", 64<<10-len(form)+1)
		}, 413},
		{"a-megabyte", "https://app.example.com", formType, func(string) string { return "logout_token=" + strings.Repeat("x", 1<<20) }, 413},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			s.want(s.browser("alice").visit("https://app.example.com/"), http.StatusOK)
			s.wantLogoutAnswer(s.notifyAt(tt.address+prefix+"/backchannel_logout", tt.contentType, tt.form(s.provider.logoutToken(nil))), tt.status)
			if ended := s.sessions() == 0; ended != (tt.status == http.StatusOK) {
				t.Errorf("ended: %v", ended)
			}
		})
	}
	t.Run("get", func(t *testing.T) {
		s := newStage(t)
		alice := s.browser("alice")
		s.want(alice.visit("https://app.example.com/"), http.StatusOK)
		resp := alice.once(http.MethodGet, "https://app.example.com"+prefix+"/backchannel_logout?logout_token="+s.provider.logoutToken(nil))
		s.wantLogoutAnswer(resp, http.StatusMethodNotAllowed)
		if got := resp.Header.Get("Allow"); got != http.MethodPost || s.sessions() != 1 {
			t.Errorf("Allow: %q; %d sessions", got, s.sessions())
		}
	})
	t.Run("token-in-the-query", func(t *testing.T) {
		s := newStage(t)
		s.want(s.browser("alice").visit("https://app.example.com/"), http.StatusOK)
		address := "https://app.example.com" + prefix + "/backchannel_logout?logout_token=" + s.provider.logoutToken(nil)
		s.wantLogoutAnswer(s.notifyAt(address, formType, "x=1"), http.StatusBadRequest)
	})
	t.Run("unknown-host", func(t *testing.T) {
		s := newStage(t)
		s.want(s.notifyAt("https://elsewhere.test"+prefix+"/backchannel_logout", formType, "logout_token="+s.provider.logoutToken(nil)), http.StatusForbidden)
	})
}

// S-BCL-03: a token is good once, also where it comes twice at the same time;
// another one for the same session is welcome (S-BCL-06).
func TestBackchannelLogoutReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		alice := s.browser("alice")
		s.want(alice.visit("https://app.example.com/"), http.StatusOK)
		token := s.provider.logoutToken(nil)
		codes := make(chan int, 10)
		var wg sync.WaitGroup
		for range cap(codes) {
			wg.Go(func() { codes <- s.logout(token).StatusCode })
		}
		wg.Wait()
		close(codes)
		got := map[int]int{}
		for code := range codes {
			got[code]++
		}
		if diff := cmp.Diff(map[int]int{200: 1, 400: 9}, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		time.Sleep(time.Second)
		s.want(alice.visit("https://app.example.com/"), http.StatusOK)
		// To the end of its life and beyond it.
		for range 10 {
			s.wantLogoutAnswer(s.logout(token), http.StatusBadRequest)
			time.Sleep(time.Minute)
		}
		s.want(alice.once(http.MethodGet, "https://app.example.com/"), http.StatusOK)
		s.wantLogoutAnswer(s.logout(s.provider.logoutToken(nil)), http.StatusOK)
		s.want(alice.once(http.MethodGet, "https://app.example.com/"), http.StatusFound)
		s.wantLogoutAnswer(s.logout(s.provider.logoutToken(nil)), http.StatusOK)
	})
}

// S-BCL-08: forged tokens do not make us ask for keys again and again.
func TestBackchannelLogoutFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.want(s.browser("alice").visit("https://app.example.com/"), http.StatusOK)
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		before, discovered := s.provider.called("/keys"), s.provider.called("/oidc/.well-known/openid-configuration")
		for range 200 {
			s.wantLogoutAnswer(s.logout(s.provider.signWith(key, rand.Text(), jose.ES256, logoutClaims(nil))), http.StatusBadRequest)
			time.Sleep(100 * time.Millisecond)
		}
		if asked := s.provider.called("/keys") - before; asked > 2 {
			t.Errorf("200 forged tokens in 20 s made us ask for keys %d times", asked)
		}
		if asked := s.provider.called("/oidc/.well-known/openid-configuration") - discovered; asked != 0 {
			t.Errorf("and for metadata %d times", asked)
		}
	})
}

// A provider session that no ID token named is found by its person.
func TestBackchannelLogoutWithoutSIDInTheIDToken(t *testing.T) {
	s := newStage(t)
	s.provider.claims = func(c map[string]any) { delete(c, "sid") }
	s.want(s.browser("alice").visit("https://app.example.com/"), http.StatusOK)
	s.want(s.browser("bob").visit("https://app.example.com/"), http.StatusOK)
	s.wantLogoutAnswer(s.logout(s.provider.logoutToken(nil)), http.StatusOK)
	if n := s.sessions(); n != 1 {
		t.Errorf("%d sessions are left, want Bob's", n)
	}
}

// The first thing that a new process hears may be a logout.
func TestBackchannelLogoutBeforeAnySignIn(t *testing.T) {
	s := newStage(t)
	s.wantLogoutAnswer(s.logout(s.provider.logoutToken(nil)), http.StatusOK)
	s = newStage(t)
	s.provider.down = true
	s.wantLogoutAnswer(s.logout(s.provider.logoutToken(nil)), http.StatusServiceUnavailable)
}

// blindStore is a store that can be told to find nothing any more.
type blindStore struct {
	session.Store
	fail bool
}

func (f *blindStore) Find(ctx context.Context, index session.Key) ([]session.Key, error) {
	if f.fail {
		return nil, errBroken
	}
	return f.Store.Find(ctx, index)
}

// A logout that the store did not take is asked for again, with the same token.
func TestBackchannelLogoutWhileTheStoreFails(t *testing.T) {
	store := &blindStore{Store: memory.New()}
	var got []auth.Reason
	s := newStage(t, func(c *auth.Config) {
		c.Session.Store = store
		c.Hooks.Logout = func(provider string, reason auth.Reason) { got = append(got, auth.Reason(provider)+" "+reason) }
	})
	s.want(s.browser("alice").visit("https://app.example.com/"), http.StatusOK)
	token := s.provider.logoutToken(nil)
	store.fail = true
	s.wantLogoutAnswer(s.logout(token), http.StatusServiceUnavailable)
	store.fail = false
	s.wantLogoutAnswer(s.logout(token), http.StatusOK)
	s.wantLogoutAnswer(s.logout(token), http.StatusBadRequest)
	s.wantLogoutAnswer(s.logout("x"), http.StatusBadRequest)
	if n := s.sessions(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	if diff := cmp.Diff([]auth.Reason{"idp store_unavailable", "idp signed_out", "idp logout_invalid", " logout_invalid"}, got); diff != "" {
		t.Errorf("counted -want +got:\n%s", diff)
	}
}

// COR-CC-04: a sign-in that is under way when its provider session ends does not
// bring it back. One that begins afterwards is another matter.
func TestBackchannelLogoutMeetsACallback(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(map[string]any)
		idp    func(map[string]any)
		fails  bool
	}{
		{"by-sid", nil, nil, true},
		{"by-sid-alone", func(c map[string]any) { delete(c, "sub") }, nil, true},
		{"by-sub", func(c map[string]any) { delete(c, "sid") }, nil, true},
		{"id-token-without-sid", nil, func(c map[string]any) { delete(c, "sid") }, true},
		{"of-another-session", func(c map[string]any) { c["sid"] = "sid-other" }, nil, false},
		{"of-another-person", func(c map[string]any) { c["sub"] = "sub-bob"; delete(c, "sid") }, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.provider.claims = tt.idp
				alice := s.browser("alice")
				callback := alice.until("https://app.example.com/", prefix+"/callback")
				time.Sleep(time.Minute)
				s.wantLogoutAnswer(s.logout(s.provider.logoutToken(tt.change)), http.StatusOK)
				time.Sleep(time.Minute)
				resp := alice.once(http.MethodGet, callback)
				if !tt.fails {
					s.want(resp, http.StatusFound)
					return
				}
				s.want(resp, http.StatusBadRequest)
				if s.last() != auth.SignedOutMeanwhile || s.sessions() != 0 || alice.cookie("https://app.example.com/", "__Secure-outpost-home") != "" {
					t.Errorf("%s, %d sessions", s.last(), s.sessions())
				}
				s.want(alice.visit("https://app.example.com/"), http.StatusOK)
			})
		})
	}
}

// However the two interleave, nobody is signed in at the end.
func TestBackchannelLogoutRacesCallbacks(t *testing.T) {
	s := newStage(t)
	for range 50 {
		alice := s.browser("alice")
		callback := alice.until("https://app.example.com/", prefix+"/callback")
		token := s.provider.logoutToken(nil)
		var wg sync.WaitGroup
		wg.Go(func() { alice.once(http.MethodGet, callback) })
		wg.Go(func() { s.logout(token) })
		wg.Wait()
		if n := s.sessions(); n != 0 {
			t.Fatalf("%d sessions are left", n)
		}
	}
}

// RFC 8725 §3.11: what is signed for one purpose is refused for another.
func TestLogoutTokenIsNoIDToken(t *testing.T) {
	for name, typ := range map[string]string{"logout": "logout+jwt", "access": "at+jwt", "media-type": "application/at+jwt", "capitals": "AT+JWT"} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.provider.sign = func(claims []byte) string {
				return s.provider.signTyped(map[jose.HeaderKey]any{"kid": "k1", "typ": typ}, claims)
			}
			s.want(s.browser("alice").visit("https://app.example.com/"), http.StatusBadRequest)
			if s.last() != auth.TokenInvalid || s.sessions() != 0 {
				t.Errorf("%s, %d sessions", s.last(), s.sessions())
			}
		})
	}
	s := newStage(t)
	s.provider.sign = func(claims []byte) string {
		return s.provider.signTyped(map[jose.HeaderKey]any{"kid": "k1", "typ": "JWT"}, claims)
	}
	s.want(s.browser("alice").visit("https://app.example.com/"), http.StatusOK)
}

// What is counted for each session, beside the log line.
func TestBackchannelLogoutEvents(t *testing.T) {
	events := map[string]int{}
	s := newStage(t, func(c *auth.Config) { c.Session.OnEvent = func(event string) { events[event]++ } })
	alice := s.browser("alice")
	s.want(alice.visit("https://app.example.com/"), http.StatusOK)
	s.want(alice.visit("https://router.example.com/"), http.StatusOK)
	s.wantLogoutAnswer(s.logout(s.provider.logoutToken(nil)), http.StatusOK)
	if diff := cmp.Diff(map[string]int{"created": 2, "backchannel_logout": 2}, events); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The issuer is read out of the token before anything is known of it.
func TestBackchannelLogoutOfAnUnreadableToken(t *testing.T) {
	s := newStage(t)
	e := base64.RawURLEncoding
	for _, token := range []string{
		"..", "a.b.c", e.EncodeToString([]byte("{}")) + "." + e.EncodeToString([]byte(`{"iss":`)) + ".x",
		e.EncodeToString([]byte("{}")) + "." + e.EncodeToString([]byte(`{"iss":"`+issuer+`","aud":"outpost"}`)) + ".x",
		"!." + e.EncodeToString([]byte(`{"iss":"`+issuer+`","aud":"outpost"}`)) + ".x",
		e.EncodeToString([]byte("{}")) + "." + e.EncodeToString([]byte(strings.Repeat("[", 10_000))) + ".x",
	} {
		s.wantLogoutAnswer(s.logout(token), http.StatusBadRequest)
	}
	if n := s.provider.called("/keys"); n > 1 {
		t.Errorf("they made us ask for keys %d times", n)
	}
}

// An issuer for many tenants: the same subject of another one is somebody else.
func TestBackchannelLogoutOfATenant(t *testing.T) {
	s := newStage(t, with(func(p *provider.Config) { p.Issuer, p.Tenants = entra+"common/v2.0", []string{ours, theirs} }))
	s.provider.issuer, s.provider.metadata = entra+"common/v2.0", map[string]any{"issuer": entra + "{tenantid}/v2.0"}
	people := map[string]*browser{}
	for _, tenant := range []string{ours, theirs} {
		s.provider.claims = func(c map[string]any) { c["iss"], c["tid"] = entra+tenant+"/v2.0", tenant }
		people[tenant] = s.browser("alice")
		s.want(people[tenant].visit("https://app.example.com/"), http.StatusOK)
	}
	for issuer, status := range map[string]int{entra + ours + "/v2.0": http.StatusOK, entra + "common/v2.0": http.StatusBadRequest, entra + "{tenantid}/v2.0": http.StatusBadRequest} {
		s.wantLogoutAnswer(s.logout(s.provider.logoutToken(func(c map[string]any) { c["iss"] = issuer })), status)
	}
	s.want(people[ours].once(http.MethodGet, "https://app.example.com/"), http.StatusFound)
	s.want(people[theirs].once(http.MethodGet, "https://app.example.com/"), http.StatusOK)
}

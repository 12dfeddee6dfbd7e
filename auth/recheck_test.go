package auth_test

// Rechecks, on a fake clock: when they happen, how many at a time, and what a
// store or another process has to do with them. What a provider may answer is
// in the conformance suite.

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"outpost/auth"
	"outpost/session"
	"outpost/session/memory"
)

const (
	quarter = 15 * time.Minute
	app     = "https://app.example.com/"
	router  = "https://router.example.com/"
)

// recheckStage is a stage where sessions are rechecked every quarter of an hour
// at a provider that issues refresh tokens.
type recheckStage struct {
	*stage
	results []auth.RecheckResult
}

func newRecheckStage(t *testing.T, change ...func(*auth.Config)) *recheckStage {
	t.Helper()
	s := &recheckStage{}
	recheck := func(c *auth.Config) {
		c.Session.Recheck = quarter
		c.Hooks.Recheck = func(_ string, r auth.RecheckResult, _ time.Duration) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.results = append(s.results, r)
		}
	}
	s.stage = newStage(t, append([]func(*auth.Config){recheck}, change...)...)
	s.provider.refresh = true
	return s
}

// signedIn is a browser whose session's recheck is due.
func (s *recheckStage) signedIn(user, page string) *browser {
	s.t.Helper()
	b := s.browser(user)
	s.want(b.visit(page), http.StatusOK)
	time.Sleep(quarter)
	return b
}

// check sends one request to the page, lets what it set off come to its end,
// and returns the answer.
func (s *recheckStage) checked(b *browser, page string) *http.Response {
	s.t.Helper()
	resp := b.once(http.MethodGet, page)
	synctest.Wait()
	return resp
}

func (s *recheckStage) wantResults(want ...auth.RecheckResult) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.results, want) {
		s.t.Errorf("rechecks ended %q, want %q\n%s", s.results, want, s.log)
	}
}

func (s *recheckStage) wantGroups(resp *http.Response, want string) {
	s.t.Helper()
	s.want(resp, http.StatusOK)
	if got := resp.Header.Get("X-Authentik-Groups"); got != want {
		s.t.Errorf("groups %q, want %q", got, want)
	}
}

// stored is what the store holds of the one session there is.
func (s *stage) stored(b *browser) session.Session {
	s.t.Helper()
	live, err := s.outpost.Sessions().Find(s.t.Context(), "__Secure-outpost-home", b.cookie(app, "__Secure-outpost-home"))
	if err != nil {
		s.t.Fatalf("Find: %v", err)
	}
	whole, err := s.outpost.Sessions().Load(s.t.Context(), live.Session().Key)
	if err != nil {
		s.t.Fatalf("Load: %v", err)
	}
	return whole
}

func bubble(name string, t *testing.T, test func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

func TestRecheckBringsNewGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecheckStage(t)
		alice := s.signedIn("alice", app)
		s.provider.users["alice"]["groups"] = []string{"users", "guests"}
		s.wantGroups(s.checked(alice, app), "admins|users") // nobody waits
		s.wantGroups(s.checked(alice, app), "users|guests")
		s.wantResults(auth.RecheckRenewed)
		// And a quarter of an hour later once more, with the rotated token.
		time.Sleep(quarter - time.Nanosecond)
		s.checked(alice, app)
		s.wantResults(auth.RecheckRenewed)
		s.provider.users["alice"]["groups"] = []string{"staff"}
		time.Sleep(time.Nanosecond)
		s.checked(alice, app)
		s.wantGroups(s.checked(alice, app), "staff")
		s.wantResults(auth.RecheckRenewed, auth.RecheckRenewed)
	})
}

func TestRecheckTakesAndGivesAccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecheckStage(t)
		alice := s.signedIn("alice", router)
		s.provider.users["alice"]["groups"] = []string{"users"}
		s.checked(alice, router)
		if resp := s.checked(alice, router); resp.StatusCode == http.StatusOK || s.last() != auth.NotAllowed {
			t.Errorf("%d %s after the group was taken away", resp.StatusCode, s.last())
		}
		s.provider.users["alice"]["groups"] = []string{"admins"}
		time.Sleep(quarter)
		s.checked(alice, router)
		s.want(s.checked(alice, router), http.StatusOK)
	})
}

// A provider that hangs costs a few goroutines, not one for each session.
func TestRechecksAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecheckStage(t)
		var browsers []*browser
		for range 20 {
			b := s.browser("alice")
			s.want(b.visit(app), http.StatusOK)
			browsers = append(browsers, b)
		}
		time.Sleep(quarter)
		answer := make(chan struct{})
		s.provider.hang = map[string]chan struct{}{"/token": answer}
		before := s.provider.called("/token")
		for _, b := range browsers {
			s.want(s.checked(b, app), http.StatusOK)
		}
		if n := s.provider.called("/token") - before; n != 8 {
			t.Errorf("%d refreshes at a time, want 8", n)
		}
		close(answer)
		synctest.Wait()
		s.wantResults(slices.Repeat([]auth.RecheckResult{auth.RecheckRenewed}, 20)...)
	})
}

// A session that waits in line for longer than a check takes it to be asked
// about does not get into the line a second time.
func TestRecheckWaitsInLineOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecheckStage(t)
		var browsers []*browser
		for range 33 { // at eight a time, the last one's turn comes after 40 seconds
			b := s.browser("alice")
			s.want(b.visit(app), http.StatusOK)
			browsers = append(browsers, b)
		}
		last := browsers[len(browsers)-1]
		time.Sleep(quarter)
		answer := make(chan struct{})
		s.provider.hang = map[string]chan struct{}{"/token": answer}
		for _, b := range browsers {
			s.want(s.checked(b, app), http.StatusOK)
		}
		time.Sleep(35 * time.Second)
		s.want(s.checked(last, app), http.StatusOK)
		close(answer)
		synctest.Wait()
		want := append(slices.Repeat([]auth.RecheckResult{auth.RecheckFailed}, 24), slices.Repeat([]auth.RecheckResult{auth.RecheckRenewed}, 9)...)
		s.wantResults(want...)
	})
}

func TestSignOutRevokes(t *testing.T) {
	for _, endpoint := range []string{"", "https://idp.example.org/revoke"} {
		bubble("endpoint-"+endpoint, t, func(t *testing.T) {
			s := newRecheckStage(t)
			if endpoint != "" {
				s.provider.metadata = map[string]any{"revocation_endpoint": endpoint}
			}
			alice := s.browser("alice")
			s.want(alice.visit(app), http.StatusOK)
			token := s.stored(alice).RefreshToken
			s.want(alice.once(http.MethodGet, "https://app.example.com"+prefix+"/sign_out"), http.StatusFound)
			synctest.Wait()
			if revoked := slices.Contains(s.provider.revoked, token); revoked != (endpoint != "") {
				t.Errorf("revoked %v", s.provider.revoked)
			}
		})
	}
}

// A provider that is down for hours signs nobody out, is not asked more often
// than every few minutes for a session, and counts again when it is back.
func TestRecheckBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecheckStage(t)
		alice := s.signedIn("alice", app)
		s.provider.refreshed = func(url.Values) (string, int) { return "server_error", 503 }
		before, begun := s.provider.called("/token"), time.Now()
		for time.Since(begun) < 3*time.Hour {
			s.want(s.checked(alice, app), http.StatusOK)
			time.Sleep(10 * time.Second)
		}
		if n := s.provider.called("/token") - before; n < 36 || n > 90 {
			t.Errorf("asked %d times in three hours", n)
		}
		s.provider.refreshed = nil
		s.provider.users["alice"]["groups"] = []string{"late"}
		time.Sleep(5*time.Minute + time.Second)
		s.checked(alice, app)
		s.wantGroups(s.checked(alice, app), "late")
	})
}

// unsteady is a store that fails to replace a few times.
type unsteady struct {
	session.Store
	fail int
}

func (u *unsteady) Replace(ctx context.Context, key session.Key, r session.Record) error {
	if u.fail > 0 {
		u.fail--
		return errBroken
	}
	return u.Store.Replace(ctx, key, r)
}

func TestRotatedTokenAndAStoreThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &unsteady{Store: memory.New(), fail: 2}
		s := newRecheckStage(t, func(c *auth.Config) { c.Session.Store = store })
		alice := s.signedIn("alice", app)
		s.provider.users["alice"]["groups"] = []string{"new"}
		s.checked(alice, app)
		time.Sleep(5 * time.Second)
		s.wantGroups(s.checked(alice, app), "new")
		s.wantResults(auth.RecheckRenewed)
	})
}

// A session that another process has refreshed is not ended for the token that
// it spent.
func TestRefreshedElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecheckStage(t)
		alice := s.signedIn("alice", app)
		key := s.stored(alice).Key
		s.provider.refreshed = func(url.Values) (string, int) {
			err := s.outpost.Sessions().Update(t.Context(), key, func(now *session.Session) error {
				now.RefreshToken = "of the other process"
				return nil
			})
			if err != nil {
				t.Errorf("Update: %v", err)
			}
			return "invalid_grant", 400
		}
		s.checked(alice, app)
		s.want(s.checked(alice, app), http.StatusOK)
		if got := s.stored(alice).RefreshToken; got != "of the other process" {
			t.Errorf("the other process's token was overwritten")
		}
		s.wantResults()
	})
}

func TestOfflineAccess(t *testing.T) {
	listed, unlisted := []string{"openid", "profile", "offline_access"}, []string{"openid", "profile"}
	tests := []struct {
		name       string
		recheck    time.Duration
		configured []string
		supported  []string
		want       string
	}{
		{"listed", quarter, []string{"openid"}, listed, "openid offline_access"},
		{"listed-and-configured", quarter, []string{"offline_access", "openid"}, listed, "openid offline_access"},
		{"configured-alone", quarter, []string{"openid", "offline_access"}, unlisted, "openid offline_access"},
		{"neither", quarter, []string{"openid"}, unlisted, "openid"},
		{"nothing-listed", quarter, []string{"openid"}, nil, "openid"},
		{"recheck-is-off", 0, []string{"openid", "offline_access"}, listed, "openid"},
	}
	for _, test := range tests {
		bubble(test.name, t, func(t *testing.T) {
			s := newRecheckStage(t, func(c *auth.Config) {
				c.Session.Recheck, c.Providers[0].Scopes = test.recheck, test.configured
			})
			s.provider.metadata = map[string]any{"scopes_supported": test.supported}
			alice := s.browser("alice")
			s.want(alice.visit(app), http.StatusOK)
			q := s.provider.seen[0]
			if got := q.Get("scope"); got != test.want || q.Has("prompt") {
				t.Errorf("asked for %q with prompt %q, want %q and none", got, q.Get("prompt"), test.want)
			}
			if stored := s.stored(alice); (stored.RefreshToken == "") != (test.recheck == 0) || stored.AccessToken != "" {
				t.Errorf("kept: refresh token %v, access token %v", stored.RefreshToken != "", stored.AccessToken != "")
			}
		})
	}
}

// A stop lets what is under way come to its end, for as long as it is worth it.
func TestStopWaitsForRechecks(t *testing.T) {
	for name, answered := range map[string]bool{"answered": true, "hanging": false} {
		bubble(name, t, func(t *testing.T) {
			s := newRecheckStage(t)
			alice := s.signedIn("alice", app)
			ctx, cancel := context.WithCancel(t.Context())
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				s.outpost.Run(ctx)
			}()
			synctest.Wait()
			answer := make(chan struct{})
			s.provider.hang = map[string]chan struct{}{"/token": answer}
			s.checked(alice, app)
			begun := time.Now()
			cancel()
			if answered {
				time.Sleep(time.Second)
				close(answer)
			}
			<-stopped
			want, result := 2*time.Second, auth.RecheckFailed
			if answered {
				want, result = time.Second, auth.RecheckRenewed
			}
			if took := time.Since(begun); took != want {
				t.Errorf("stopping took %s, want %s", took, want)
			}
			s.wantResults(result)
		})
	}
}

// A session of a provider whose name another one has now ends, and its tokens
// go nowhere.
func TestRecheckAtAnotherIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		keep := func(c *auth.Config) { c.Session.Store = store }
		first := newRecheckStage(t, keep)
		alice := first.signedIn("alice", app)
		other := issuer + "/"
		s := newRecheckStage(t, keep, func(c *auth.Config) { c.Providers[0].Issuer = other })
		s.provider.metadata = map[string]any{"issuer": other}
		alice.s = s.stage
		s.want(s.checked(alice, app), http.StatusOK)
		s.provider.mu.Lock()
		asked := s.provider.calls["/token"] + s.provider.calls["/userinfo"]
		s.provider.mu.Unlock()
		if asked != 0 {
			t.Errorf("the other provider was sent %d tokens", asked)
		}
		s.want(s.checked(alice, app), http.StatusFound)
		s.wantResults(auth.RecheckInvalid)
	})
}

func TestRecheckOfASessionThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := newRecheckStage(t, func(c *auth.Config) { c.Session.Store = store })
		alice := s.signedIn("alice", app)
		if err := store.Delete(t.Context(), s.stored(alice).Key); err != nil { // as another process would
			t.Fatal(err)
		}
		s.checked(alice, app)
		if _, err := store.Load(t.Context(), session.Key{}); !errors.Is(err, session.ErrNone) {
			t.Error(err)
		}
		if n, err := store.Len(t.Context()); n != 0 || err != nil {
			t.Errorf("the store holds %d sessions, %v", n, err)
		}
		s.wantResults()
	})
}

package e2e

// The parts of TestProviders' story. Each notes what the provider does, and
// fails where the daemon does not make the best of it.

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// ways are what a provider was seen to do.
type ways struct {
	PKCE     bool   // its metadata list S256
	Iss      bool   // the callback names it (RFC 9207)
	Signs    string // ID tokens, with this algorithm
	Userinfo bool
	SID      bool // ID tokens name the session that they are of
	SSO      bool // a second application needs no form

	Refresh  string // "none", "kept" or "rotated": what becomes of a refresh token that is used
	Renews   bool   // the answer to a refresh holds an ID token
	Refuses  string // status and error for a refresh token that is not good
	Revokes  bool   // it takes refresh tokens back
	Stale    bool   // it goes by what its own session says of a person, until that is made anew
	Locked   string // what becomes of our session when the account is closed: the result of a recheck
	NoGroups string // "empty" or "left out": the claim of who is in no group

	EndSession string // "none", "confirms" or "at once": its end-session endpoint
	// Backchannel and Frontchannel are what its metadata promise. Afterwards
	// is what becomes of our session when the person signs out there:
	// "signed_out" by the back channel, else the result of the next recheck,
	// or "nowhere" if there is no page to sign out at.
	Backchannel, Frontchannel bool
	Afterwards                string
}

// A meeting is the daemon with a provider that it asks again every second, and
// a tap between them.
type meeting struct {
	provider *provider
	daemon   *daemon
	app      *app
	tap      *tap
	metadata map[string]any
	seen     ways
}

const webtop, tautulli = "https://webtop.test", "https://tautulli.test"

func meet(t *testing.T, begin func(testing.TB, []application) *provider) *meeting {
	t.Helper()
	apps := applications()
	s := &meeting{provider: begin(t, apps)}
	s.tap = startTap(t, s.provider)
	s.daemon = newDaemon(t, apps, s.provider, "session: { recheck: 1s }")
	s.app = startApp(t, "webtop", "127.0.2.2:3000")
	startApp(t, "tautulli", "127.0.2.3:8181")
	startNginx(t, releases[1], ours)

	v, address := newVisitor(t), strings.TrimSuffix(s.provider.issuer, "/")+"/.well-known/openid-configuration"
	if err := json.Unmarshal([]byte(v.get(address).Body), &s.metadata); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	methods, _ := s.metadata["code_challenge_methods_supported"].([]any)
	s.seen.PKCE = slices.Contains(methods, any("S256"))
	s.seen.Userinfo = s.metadata["userinfo_endpoint"] != nil
	s.seen.Backchannel = s.metadata["backchannel_logout_supported"] == true
	s.seen.Frontchannel = s.metadata["frontchannel_logout_supported"] == true
	return s
}

// signsIn: to the very page that was asked for, and the application is told who
// it is.
func (s *meeting) signsIn(t *testing.T, v *visitor) {
	t.Helper()
	who := s.provider.admin
	if p := v.signIn(webtop+deepLink, who.name, who.password); p.URL != webtop+deepLink || p.StatusCode != http.StatusOK {
		t.Fatalf("landed on %s: %s\n%s\n%s", p.URL, p.Status, strings.Join(v.trail, "\n"), p.Body)
	}
	s.seen.Iss = slices.ContainsFunc(v.trail, func(line string) bool {
		return strings.Contains(line, outpostPrefix+"/callback?") && strings.Contains(line, "iss=")
	})
	header := s.app.last(t).Header
	if groups := strings.Split(header.Get("X-Authentik-Groups"), "|"); header.Get("X-Authentik-Username") != who.name || !slices.Contains(groups, "admins") {
		t.Errorf("the application is told of %q in %q", header.Get("X-Authentik-Username"), groups)
	}
	for _, name := range []string{"X-Authentik-Email", "X-Authentik-Name", "X-Authentik-Uid"} {
		if header.Get(name) == "" {
			t.Errorf("the application is told no %s", name)
		}
	}

	codes := s.tap.heard(grant("authorization_code"))
	if len(codes) != 1 || codes[0].Form.Get("code_verifier") == "" {
		t.Fatalf("want one exchange of a code, with its verifier: %+v", codes)
	}
	idToken, _ := codes[0].Answer["id_token"].(string)
	s.seen.Signs, _ = decoded(t, idToken, 0)["alg"].(string)
	s.seen.SID = decoded(t, idToken, 1)["sid"] != nil

	p := v.open(tautulli + "/")
	s.seen.SSO = p.URL == tautulli+"/" && p.StatusCode == http.StatusOK
	if !s.seen.SSO && !s.provider.asks(p) {
		t.Errorf("the second application ended at %s: %s\n%s", p.URL, p.Status, p.Body)
	}
}

// isRenewed: a session in use is asked about by refresh token where the provider
// issues one, else by userinfo.
func (s *meeting) isRenewed(t *testing.T, v *visitor) {
	t.Helper()
	asked := len(s.tap.heard(withAccessToken))
	s.afterRechecks(t, v, 1)
	refreshes := s.tap.heard(grant("refresh_token"))
	if s.seen.Refresh = "none"; len(refreshes) > 0 {
		answer := refreshes[0].Answer
		s.seen.Renews = answer["id_token"] != nil
		s.seen.Refresh = "kept"
		if next, _ := answer["refresh_token"].(string); next != "" && next != refreshes[0].Form.Get("refresh_token") {
			s.seen.Refresh = "rotated"
		}
	} else if len(s.tap.heard(withAccessToken)) == asked {
		t.Error("the session was renewed, and the provider was asked neither for a refresh nor for userinfo")
	}
}

// changesGroups: who is put out of every group may not come in any more, who is
// put into some is let in, each without a new sign-in.
func (s *meeting) changesGroups(t *testing.T, v *visitor) {
	t.Helper()
	s.provider.setGroups(t, s.provider.admin.name)
	if s.provider.reload != nil {
		s.afterRechecks(t, v, 2) // the first may have been under way
		if p := v.open(webtop + "/"); p.StatusCode == http.StatusOK {
			s.seen.Stale = true
		}
		s.provider.reload(v)
	}
	eventually(t, "somebody in no group to be kept out", func() bool { return v.get(webtop+"/").StatusCode != http.StatusOK })
	if p := v.open(webtop + "/"); p.StatusCode != http.StatusForbidden || !strings.Contains(p.Body, "<code>not_allowed</code>") {
		t.Errorf("ended at %s: %s\n%s", p.URL, p.Status, p.Body)
	}
	s.stayedAway(t, v)
	if s.seen.NoGroups = "left out"; s.newest(t)["groups"] != nil {
		s.seen.NoGroups = "empty"
	}

	s.provider.setGroups(t, s.provider.admin.name, "admins", "auditors")
	if s.provider.reload != nil {
		s.provider.reload(v)
	}
	eventually(t, "an admin to be let in", func() bool { return v.get(webtop+"/").StatusCode == http.StatusOK })
	if got := strings.Split(s.app.last(t).Header.Get("X-Authentik-Groups"), "|"); !slices.Contains(got, "auditors") {
		t.Errorf("the application is told of the groups %q", got)
	}

	// One refresh token follows from the other.
	refreshes := s.tap.heard(grant("refresh_token"))
	for i, r := range refreshes {
		want := r.Form.Get("refresh_token")
		if next, _ := r.Answer["refresh_token"].(string); next != "" {
			want = next
		}
		if i+1 < len(refreshes) && refreshes[i+1].Form.Get("refresh_token") != want {
			t.Errorf("refresh %d was not made with what came of the one before", i+2)
		}
	}
}

// stayedAway: the last page did not lead through the provider.
func (s *meeting) stayedAway(t *testing.T, v *visitor) {
	t.Helper()
	if trail := strings.Join(v.trail, "\n"); strings.Contains(trail, s.provider.origin()) {
		t.Errorf("there was a new sign-in:\n%s", trail)
	}
}

// newest are the claims of the provider's last word on a person.
func (s *meeting) newest(t *testing.T) map[string]any {
	t.Helper()
	said := s.tap.heard(func(e exchange) bool {
		return withAccessToken(e) || grant("refresh_token")(e) && e.Answer["id_token"] != nil
	})
	if len(said) == 0 {
		t.Fatal("the provider has said nothing of the person")
	}
	last := said[len(said)-1]
	if idToken, ok := last.Answer["id_token"].(string); ok {
		return decoded(t, idToken, 1)
	}
	return last.Answer
}

// signsOut: here, and at the provider where it has an address for that; the page
// at the end promises no more than that.
func (s *meeting) signsOut(t *testing.T, v *visitor) {
	t.Helper()
	handedBack, told := len(s.tap.heard(revocation)), s.logouts(t)
	p, code := v.open(webtop+outpostPrefix+"/sign_out"), "signed_out"
	switch endpoint, there := s.metadata["end_session_endpoint"].(string); {
	case !there:
		s.seen.EndSession, code = "none", "signed_out_here"
	case !strings.Contains(strings.Join(v.trail, "\n"), endpoint+"?"):
		t.Errorf("the way did not lead to %s:\n%s", endpoint, strings.Join(v.trail, "\n"))
	case strings.HasPrefix(p.URL, s.provider.origin()):
		s.seen.EndSession = "confirms"
		p = s.provider.confirmed(v, p)
	default:
		s.seen.EndSession = "at once"
	}
	if !strings.HasPrefix(p.URL, webtop+outpostPrefix+"/sign_out") || !strings.Contains(p.Body, "<code>"+code+"</code>") {
		t.Errorf("ended at %s: %s, want the page %s\n%s\n%s", p.URL, p.Status, code, strings.Join(v.trail, "\n"), p.Body)
	}
	// What belongs to one sign-in at the provider is known by its sid alone.
	if p := v.get(tautulli + "/"); s.seen.SSO && (p.StatusCode != http.StatusOK) != s.seen.SID {
		t.Errorf("with a sid: %v: the second application got %s", s.seen.SID, p.Status)
	}
	if p := v.open(webtop + "/"); !s.provider.asks(p) {
		t.Errorf("the next visit ended at %s: %s, want the provider's form\n%s", p.URL, p.Status, strings.Join(v.trail, "\n"))
	}
	if s.seen.Revokes = s.metadata["revocation_endpoint"] != nil && s.seen.Refresh != "none"; s.seen.Revokes {
		eventually(t, "the refresh token to be handed back", func() bool { return len(s.tap.heard(revocation)) > handedBack })
	}
	if s.seen.Afterwards == "signed_out" { // the provider tells who began it as well
		eventually(t, "a logout token", func() bool { return s.logouts(t) > told })
	}
}

// decoded is one part of a token: 0 its header, 1 its claims.
func decoded(t *testing.T, token string, part int) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no signed token", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[part])
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

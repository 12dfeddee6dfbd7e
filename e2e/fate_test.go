package e2e

// What becomes of a session, in TestProviders' story, when its provider thinks
// differently of the person.

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// signsOutThere: who signs out at the provider is signed out here where the
// provider says so, by whatever way.
func (s *meeting) signsOutThere(t *testing.T) {
	t.Helper()
	if s.provider.signOut == nil {
		s.seen.Afterwards = "nowhere"
		return
	}
	v := s.signedIn(t, s.provider.admin)
	codes := s.tap.heard(grant("authorization_code"))
	idToken, _ := codes[len(codes)-1].Answer["id_token"].(string)
	s.seen.Afterwards = s.fate(t, v, func() { s.provider.signOut(v, idToken) })
}

// isLocked: whoever the provider does not stand by any more is out here, where
// it says so.
func (s *meeting) isLocked(t *testing.T) {
	t.Helper()
	if s.provider.lock == nil {
		s.seen.Locked = "not tried"
		return
	}
	s.provider.setGroups(t, s.provider.other.name, "admins")
	s.seen.Locked = s.fate(t, s.signedIn(t, s.provider.other), func() { s.provider.lock(t, s.provider.other.name) })
}

func (s *meeting) signedIn(t *testing.T, who person) *visitor {
	t.Helper()
	v := s.provider.visitor(t)
	if p := v.signIn(webtop+"/", who.name, who.password); p.URL != webtop+"/" || p.StatusCode != http.StatusOK {
		t.Fatalf("landed on %s: %s\n%s\n%s", p.URL, p.Status, strings.Join(v.trail, "\n"), p.Body)
	}
	return v
}

// fate is what becomes of a session after happens: the result of its next
// recheck, or "signed_out" where the back channel came before that.
func (s *meeting) fate(t *testing.T, v *visitor, happens func()) string {
	t.Helper()
	counts := func() map[string]float64 {
		now := map[string]float64{"signed_out": s.logouts(t)}
		for _, result := range []string{"refused", "invalid", "lapsed", "failed", "renewed"} {
			now[result] = s.rechecks(t, result)
		}
		return now
	}
	before := counts()
	before["renewed"]++ // the first may have been under way
	happens()
	fate := ""
	eventually(t, "a session to go on or to end", func() bool {
		v.get(webtop + "/") // which makes a recheck that is due begin
		for result, n := range counts() {
			if n > before[result] {
				fate = result
			}
		}
		return fate != ""
	})
	goesOn := fate == "renewed" || fate == "lapsed" || fate == "failed"
	if p := v.get(webtop + "/"); (p.StatusCode == http.StatusOK) != goesOn {
		t.Errorf("after %s the session got %s", fate, p.Status)
	}
	return fate
}

// refuses is what the provider says of a refresh token that is not good: of one
// that was used before, where that is enough.
func (s *meeting) refuses(t *testing.T) {
	t.Helper()
	refreshes := s.tap.heard(grant("refresh_token"))
	if len(refreshes) == 0 {
		return
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"never-issued"}}
	if s.seen.Refresh == "rotated" {
		form.Set("refresh_token", refreshes[0].Form.Get("refresh_token"))
	}
	endpoint, _ := s.metadata["token_endpoint"].(string)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("outpost", clientSecret)
	v := newVisitor(t)
	v.headers.Set("Accept", "application/json") // else it may be a page
	answer := v.send(r)
	var body struct{ Error string }
	json.Unmarshal([]byte(answer.Body), &body)
	s.seen.Refuses = strings.TrimSpace(strconv.Itoa(answer.StatusCode) + " " + body.Error)
}

// afterRechecks uses a session until it has been renewed n more times. It must
// not be disturbed by that.
func (s *meeting) afterRechecks(t *testing.T, v *visitor, n float64) {
	t.Helper()
	before := s.rechecks(t, "renewed")
	eventually(t, "a recheck", func() bool {
		if p := v.get(webtop + "/"); p.StatusCode != http.StatusOK {
			t.Fatalf("a session in use got %s\n%s", p.Status, s.daemon.log(t))
		}
		return s.rechecks(t, "renewed") >= before+n
	})
}

func (s *meeting) rechecks(t *testing.T, result string) float64 {
	t.Helper()
	return s.daemon.metric(t, `outpost_token_refreshes_total{provider="`+s.provider.name+`",result="`+result+`"}`)
}

// logouts is how many logout tokens have been believed.
func (s *meeting) logouts(t *testing.T) float64 {
	t.Helper()
	return s.daemon.metric(t, `outpost_backchannel_logouts_total{provider="`+s.provider.name+`",reason="signed_out"}`)
}

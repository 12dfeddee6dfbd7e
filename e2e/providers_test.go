package e2e

// One story with every provider that runs here: sign-in, recheck, a change of
// groups, and every way out. Providers differ in what they offer; the table says
// in what, as they are and not as they ought to be, so that a row fails when its
// provider changes.

import (
	"net/http"
	"testing"
)

func TestProviders(t *testing.T) {
	for _, test := range []struct {
		name  string
		begin func(testing.TB, []application) *provider
		want  ways
	}{
		{"oidc-provider", startCertified, ways{
			PKCE: true, Iss: true, Signs: "RS256", Userinfo: true, SID: true, SSO: true,
			Refresh: "none", Locked: "lapsed", NoGroups: "empty",
			EndSession: "confirms", Backchannel: true, Afterwards: "signed_out",
		}},
		{"oidc-provider-refreshing", startCertifiedRefreshing, ways{
			PKCE: true, Iss: true, Signs: "RS256", Userinfo: true, SID: true, SSO: true,
			Refresh: "rotated", Renews: true, Refuses: "400 invalid_grant", Revokes: true, Locked: "refused", NoGroups: "empty",
			EndSession: "confirms", Backchannel: true, Afterwards: "signed_out",
		}},
		{"lemonldap", startLemonLDAP, ways{
			PKCE: true, Signs: "RS256", Userinfo: true, SSO: true,
			Refresh: "none", Stale: true, Locked: "not tried", NoGroups: "empty",
			EndSession: "at once", Frontchannel: true, Afterwards: "lapsed",
		}},
		{"lemonldap-offline", startLemonLDAPOffline, ways{
			PKCE: true, Signs: "RS256", Userinfo: true, SSO: true,
			Refresh: "kept", Renews: true, Refuses: "400 invalid_request", Locked: "not tried", NoGroups: "empty",
			EndSession: "at once", Frontchannel: true, Afterwards: "renewed",
		}},
		{"zitadel-oidc", startZitadel, ways{
			PKCE: true, Signs: "RS256", Userinfo: true,
			Refresh: "rotated", Renews: true, Refuses: "400 invalid_grant", Revokes: true, Locked: "failed", NoGroups: "empty",
			EndSession: "at once", Afterwards: "refused",
		}},
		{"dex-2.13", startDex, ways{
			Signs: "RS256", Refresh: "rotated", Renews: true, Refuses: "400 invalid_request", Locked: "failed", NoGroups: "left out",
			EndSession: "none", Afterwards: "nowhere",
		}},
		{"glewlwyd", startGlewlwyd, ways{
			PKCE: true, Iss: true, Signs: "ES256", Userinfo: true, SID: true,
			Refresh: "rotated", Refuses: "400", Revokes: true, Locked: "renewed", NoGroups: "left out",
			EndSession: "confirms", Afterwards: "signed_out",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := meet(t, test.begin)
			v := s.provider.visitor(t)
			s.signsIn(t, v)
			s.isRenewed(t, v)
			s.changesGroups(t, v)
			s.signsOutThere(t)
			s.signsOut(t, v)
			s.isLocked(t)
			s.refuses(t)
			if s.seen != test.want {
				t.Errorf("the provider does\n%+v\nwant\n%+v", s.seen, test.want)
			}
		})
	}
}

// TestDexSecondBrowser: Dex keeps one refresh token for a person and a client. A
// second sign-in takes it from the first session, and Dex does not call that
// invalid_grant: the first one goes on, as with a provider that is down.
func TestDexSecondBrowser(t *testing.T) {
	s := meet(t, startDex)
	first, second := s.provider.visitor(t), s.provider.visitor(t)
	for _, v := range []*visitor{first, second} {
		if p := v.signIn(webtop+"/", s.provider.admin.name, s.provider.admin.password); p.URL != webtop+"/" {
			t.Fatalf("landed on %s: %s\n%s", p.URL, p.Status, p.Body)
		}
	}
	eventually(t, "a recheck that fails", func() bool {
		if p := first.get(webtop + "/"); p.StatusCode != http.StatusOK {
			t.Fatalf("the first session got %s\n%s", p.Status, s.daemon.log(t))
		}
		return s.rechecks(t, "failed") == 1
	})
	if refused := s.tap.heard(func(e exchange) bool { return e.Answer["error"] == "invalid_request" }); len(refused) != 1 {
		t.Errorf("Dex refused %+v, want one invalid_request", refused)
	}
	s.afterRechecks(t, second, 1)
	if p := first.get(webtop + "/"); p.StatusCode != http.StatusOK {
		t.Errorf("the first session got %s\n%s", p.Status, s.daemon.log(t))
	}
}

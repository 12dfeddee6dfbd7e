package e2e

// One story with every provider that runs here: sign-in, recheck, a change of
// groups, and every way out. Providers differ in what they offer; the table says
// in what, as they are and not as they ought to be, so that a row fails when its
// provider changes.

import (
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
	Revokes  bool   // it takes refresh tokens back
	Stale    bool   // it goes by what its own session says of a person, until that is made anew
	NoGroups string // "empty" or "left out": the claim of who is in no group

	EndSession string // "none", "confirms" or "at once": its end-session endpoint
	// Backchannel and Frontchannel are what its metadata promise. Afterwards
	// is what becomes of our session when the person signs out there:
	// "signed_out" by the back channel, else the result of the next recheck,
	// or "nowhere" if there is no page to sign out at.
	Backchannel, Frontchannel bool
	Afterwards                string
}

func TestProviders(t *testing.T) {
	for _, test := range []struct {
		name  string
		begin func(testing.TB, []application) *provider
		want  ways
	}{
		{"oidc-provider", startCertified, ways{
			PKCE: true, Iss: true, Signs: "RS256", Userinfo: true, SID: true, SSO: true,
			Refresh: "none", NoGroups: "empty",
			EndSession: "confirms", Backchannel: true, Afterwards: "signed_out",
		}},
		{"oidc-provider-refreshing", startCertifiedRefreshing, ways{
			PKCE: true, Iss: true, Signs: "RS256", Userinfo: true, SID: true, SSO: true,
			Refresh: "rotated", Renews: true, Revokes: true, NoGroups: "empty",
			EndSession: "confirms", Backchannel: true, Afterwards: "signed_out",
		}},
		{"lemonldap", startLemonLDAP, ways{
			PKCE: true, Signs: "RS256", Userinfo: true, SSO: true,
			Refresh: "none", Stale: true, NoGroups: "empty",
			EndSession: "at once", Frontchannel: true, Afterwards: "lapsed",
		}},
		{"lemonldap-offline", startLemonLDAPOffline, ways{
			PKCE: true, Signs: "RS256", Userinfo: true, SSO: true,
			Refresh: "kept", Renews: true, NoGroups: "empty",
			EndSession: "at once", Frontchannel: true, Afterwards: "renewed",
		}},
		{"zitadel-oidc", startZitadel, ways{
			PKCE: true, Signs: "RS256", Userinfo: true,
			Refresh: "rotated", Renews: true, Revokes: true, NoGroups: "empty",
			EndSession: "at once", Afterwards: "refused",
		}},
		{"dex-2.13", startDex, ways{
			Signs: "RS256", Refresh: "rotated", Renews: true, NoGroups: "left out",
			EndSession: "none", Afterwards: "nowhere",
		}},
		{"glewlwyd", startGlewlwyd, ways{
			PKCE: true, Iss: true, Signs: "ES256", Userinfo: true, SID: true,
			Refresh: "rotated", Revokes: true, NoGroups: "left out",
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
			if s.seen != test.want {
				t.Errorf("the provider does\n%+v\nwant\n%+v", s.seen, test.want)
			}
		})
	}
}

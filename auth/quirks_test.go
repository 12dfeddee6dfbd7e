package auth_test

// What providers that people run really send, each in the shape that it has
// there.

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"outpost/access"
	"outpost/auth"
	"outpost/auth/provider"
)

// with changes the stage's provider as its registration is configured.
func with(change func(*provider.Config)) func(*auth.Config) {
	return func(c *auth.Config) { change(&c.Providers[0]) }
}

// object reads a JSON object.
func object(t *testing.T, text string) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var o map[string]any
	if err := decoder.Decode(&o); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return o
}

func TestClaimsOfProviders(t *testing.T) {
	type want struct{ username, groups, email, name, entitlements string }
	for _, tt := range []struct {
		name     string
		claims   provider.Claims
		idToken  string // what it says besides iss, sub, aud and the like
		userinfo string // besides sub
		want     want
	}{
		{
			"authentik", provider.Claims{},
			`{"acr":"goauthentik.io/providers/oauth2/default","amr":["pwd"],"email":"a@example.com","email_verified":false,"name":"Alice","preferred_username":"alice","nickname":"alice","groups":["authentik Admins","users"],"entitlements":["wiki-editor"]}`,
			`{"email":"a@example.com","email_verified":false,"name":"Alice","given_name":"Alice","preferred_username":"alice","nickname":"alice","groups":["authentik Admins","users"],"entitlements":["wiki-editor"]}`,
			want{"alice", "authentik Admins|users", "a@example.com", "Alice", "wiki-editor"},
		},
		{
			"keycloak-group-membership-with-full-path", provider.Claims{TrimGroupsPrefix: "/"},
			`{"typ":"ID","email_verified":false,"name":"Alice A","groups":["/admins","/staff/it","plain"],"preferred_username":"alice"}`,
			`{"groups":["/admins","/staff/it","plain"],"preferred_username":"alice","name":"Alice A"}`,
			want{"alice", "admins|staff/it|plain", "", "Alice A", ""},
		},
		{
			"keycloak-realm-roles", provider.Claims{Groups: []string{"realm_access.roles"}, Entitlements: []string{"resource_access.my.out-post.roles"}},
			`{"preferred_username":"alice"}`,
			`{"preferred_username":"alice","realm_access":{"roles":["default-roles-home","admin"]},"resource_access":{"my.out-post":{"roles":["editor"]},"my":{"out-post":{"roles":["wrong"]}},"account":{"roles":["manage-account"]}}}`,
			want{"alice", "default-roles-home|admin", "", "", "editor"},
		},
		{
			"authelia-thin-id-token", provider.Claims{},
			`{"amr":["pwd","kba"],"auth_time":1700000000}`,
			`{"preferred_username":"alice","name":"Alice","email":"a@example.com","email_verified":true,"alt_emails":["b@example.com"],"groups":["admins"]}`,
			want{"alice", "admins", "a@example.com", "Alice", ""},
		},
		{
			"pocket-id", provider.Claims{},
			`{"email":"a@example.com","email_verified":false,"preferred_username":"alice","groups":["admins"],"type":"id-token"}`,
			`{"email":"a@example.com","email_verified":false,"family_name":"A","given_name":"Alice","name":"Alice A","preferred_username":"alice","groups":["admins"]}`,
			want{"alice", "admins", "a@example.com", "Alice A", ""},
		},
		{
			"kanidm-names-and-uuids", provider.Claims{},
			`{"preferred_username":"alice@idm.example.com","name":"Alice","scopes":["openid","groups"],"groups":["5e6ddc8f-2b3a-4b52-8df7-0de4bf7d2b1e","admins@idm.example.com"]}`, `{"name":"Alice"}`,
			want{"alice@idm.example.com", "5e6ddc8f-2b3a-4b52-8df7-0de4bf7d2b1e|admins@idm.example.com", "", "Alice", ""},
		},
		{
			"zitadel-roles-are-an-object", provider.Claims{Groups: []string{"urn:zitadel:iam:org:project:roles"}},
			`{"azp":"outpost","client_id":"outpost"}`,
			`{"preferred_username":"alice@example.com","urn:zitadel:iam:org:project:roles":{"viewer":{"2345":"home.zitadel.cloud"},"admin":{"2345":"home.zitadel.cloud","9":"x.zitadel.cloud"},"revoked":{},"odd":true}}`,
			want{"alice@example.com", "admin|viewer", "", "", ""},
		},
		{
			"dex-ldap", provider.Claims{},
			`{"email":"a@example.com","email_verified":true,"groups":["admins"],"name":"alice","preferred_username":"alice"}`, `{"email":"a@example.com","email_verified":true,"groups":["admins"],"name":"alice"}`,
			want{"alice", "admins", "a@example.com", "alice", ""},
		},
		{
			"entra-groups-are-guids-and-mail-is-absent", provider.Claims{Email: []string{"email", "preferred_username"}, Entitlements: []string{"roles"}},
			`{"groups":["8a1f3c8e-0000-4000-8000-1234567890ab"],"roles":["Admin"],"preferred_username":"alice@contoso.com","name":"Alice","oid":"00000000-0000-0000-66f3-3332eca7ea81","tid":"9122040d-6c67-4c5b-b112-36a304b66dad","ver":"2.0"}`,
			`{"name":"Alice","given_name":"Alice","picture":"https://graph.microsoft.com/v1.0/me/photo/$value"}`,
			want{"alice@contoso.com", "8a1f3c8e-0000-4000-8000-1234567890ab", "alice@contoso.com", "Alice", "Admin"},
		},
		{
			"google-domain-as-a-group", provider.Claims{Username: []string{"email"}, Groups: []string{"hd"}},
			`{"hd":"example.com","email":"alice@example.com","email_verified":true,"name":"Alice"}`,
			`{"hd":"example.com","email":"alice@example.com","email_verified":true,"name":"Alice","picture":"https://lh3.googleusercontent.com/a"}`,
			want{"alice@example.com", "example.com", "alice@example.com", "Alice", ""},
		},
		{
			"gitlab-groups-in-userinfo-alone", provider.Claims{Groups: []string{"groups", "groups_direct"}, Username: []string{"preferred_username", "nickname"}},
			`{"sub_legacy":"0f","name":"Alice","groups_direct":["team"],"auth_time":1700000000}`,
			`{"sub_legacy":"0f","name":"Alice","nickname":"alice","preferred_username":"alice","groups":["team","team/sub"],"https://gitlab.org/claims/groups/owner":["team"]}`,
			want{"alice", "team|team/sub", "", "Alice", ""},
		},
		{
			"gitlab-direct-groups-in-the-id-token", provider.Claims{Groups: []string{"groups", "groups_direct"}, Username: []string{"preferred_username", "nickname"}},
			`{"groups_direct":["team"],"nickname":"alice"}`, `{}`,
			want{"alice", "team", "", "", ""},
		},
		{
			"okta-thin-id-token", provider.Claims{},
			`{"ver":1,"amr":["pwd"],"idp":"00o1"}`,
			`{"name":"Alice","locale":"en_US","preferred_username":"alice@example.com","zoneinfo":"America/Los_Angeles","groups":["Everyone","Admins"]}`,
			want{"alice@example.com", "Everyone|Admins", "", "Alice", ""},
		},
		{
			"auth0-claim-of-a-namespace", provider.Claims{Username: []string{"nickname"}, Groups: []string{"https://example.com/groups"}},
			`{"nickname":"alice","name":"alice@example.com","https://example.com/groups":["admins"],"email":"alice@example.com","email_verified":true}`,
			`{"nickname":"alice","https://example.com/groups":["admins"]}`,
			want{"alice", "admins", "alice@example.com", "alice@example.com", ""},
		},
		{
			"cognito-names-and-strings", provider.Claims{Username: []string{"cognito:username", "username"}, Groups: []string{"cognito:groups"}},
			`{"cognito:groups":["eu-west-1_admins"],"cognito:username":"alice","token_use":"id","event_id":"x","email_verified":true,"email":"a@example.com"}`,
			`{"email_verified":"true","email":"a@example.com","username":"alice"}`,
			want{"alice", "eu-west-1_admins", "a@example.com", "", ""},
		},
		{
			"lemonldap-one-group-as-a-string", provider.Claims{},
			`{"groups":"admins"}`, `{"preferred_username":"alice","groups":"admins"}`,
			want{"alice", "admins", "", "", ""},
		},
		{
			"several-groups-in-a-string-stay-one", provider.Claims{},
			`{}`, `{"preferred_username":"alice","groups":"admins; users"}`,
			want{"alice", "admins; users", "", "", ""},
		},
		{
			"numbers-as-groups", provider.Claims{},
			`{}`, `{"preferred_username":"alice","groups":[1234567890123456789,7,1.5,"x"]}`,
			want{"alice", "1234567890123456789|7|x", "", "", ""},
		},
		{"groups-absent", provider.Claims{}, `{}`, `{"preferred_username":"alice"}`, want{username: "alice"}},
		{"groups-null", provider.Claims{Groups: []string{"groups", "roles"}}, `{}`, `{"preferred_username":"alice","groups":null,"roles":["r"]}`, want{username: "alice", groups: "r"}},
		{"empty-list-is-an-answer", provider.Claims{Groups: []string{"groups", "roles"}}, `{}`, `{"preferred_username":"alice","groups":[],"roles":["r"]}`, want{username: "alice"}},
		{"literal-name-goes-before-the-way-in", provider.Claims{Groups: []string{"a.b"}}, `{}`, `{"a":{"b":["nested"]},"a.b":["literal"]}`, want{groups: "literal"}},
		{"way-through-what-is-no-object", provider.Claims{Groups: []string{"groups.0", "a.b.c"}}, `{}`, `{"groups":["x"],"a":{"b":7}}`, want{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, with(func(p *provider.Config) { p.Claims = tt.claims }))
			s.provider.claims = func(c map[string]any) {
				for name, value := range object(t, tt.idToken) {
					c[name] = value
				}
			}
			info := object(t, tt.userinfo)
			info["sub"] = "sub-alice"
			s.provider.users["alice"] = info
			resp := s.browser("alice").visit("https://app.example.com/")
			s.want(resp, http.StatusOK)
			h := resp.Header
			got := want{h.Get("X-Authentik-Username"), h.Get("X-Authentik-Groups"), h.Get("X-Authentik-Email"), h.Get("X-Authentik-Name"), h.Get("X-Authentik-Entitlements")}
			if got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// An address is verified where the provider says so of the claim that it is
// in, in either of the two ways that there are.
func TestVerifiedAddress(t *testing.T) {
	for _, tt := range []struct {
		name     string
		email    []string
		userinfo string
		status   int
	}{
		{"verified", nil, `{"email":"a@example.com","email_verified":true}`, 200},
		{"verified-as-a-string", nil, `{"email":"a@example.com","email_verified":"true"}`, 200},
		{"not-verified", nil, `{"email":"a@example.com","email_verified":false}`, 403},
		{"not-verified-as-a-string", nil, `{"email":"a@example.com","email_verified":"false"}`, 403},
		{"another-string", nil, `{"email":"a@example.com","email_verified":"True"}`, 403},
		{"number", nil, `{"email":"a@example.com","email_verified":1}`, 403},
		{"absent", nil, `{"email":"a@example.com"}`, 403},
		{"of-another-claim", []string{"upn", "email"}, `{"upn":"a@example.com","email":"b@example.org","email_verified":true}`, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, with(func(p *provider.Config) { p.Claims.Email = tt.email }), func(c *auth.Config) {
				c.Applications[1].Access.Policy = allowEmails("a@example.com")
			})
			info := object(t, tt.userinfo)
			info["sub"] = "sub-alice"
			s.provider.users["alice"] = info
			s.want(s.browser("alice").visit("https://router.example.com/"), tt.status)
		})
	}
}

// Entra leaves the groups of somebody who has more than 200 out, and says so.
// That is not "no groups": nobody is signed in with it.
func TestGroupsOverage(t *testing.T) {
	const names = `{"_claim_names":{"groups":"src1"},"_claim_sources":{"src1":{"endpoint":"https://graph.windows.net/9122040d/users/4f/getMemberObjects"}}}`
	for _, tt := range []struct {
		name     string
		claims   provider.Claims
		idToken  string
		userinfo string
		refused  bool
	}{
		{"pointer-in-the-id-token", provider.Claims{}, names, `{}`, true},
		{"pointer-in-userinfo", provider.Claims{}, `{}`, names, true},
		{"pointer-and-another-one", provider.Claims{}, names, `{"_claim_names":{"address":"src1"}}`, true},
		{"flag", provider.Claims{}, `{"hasgroups":true}`, `{}`, true},
		{"flag-that-userinfo-denies", provider.Claims{}, `{"hasgroups":true}`, `{"hasgroups":false}`, true},
		{"flag-as-a-string", provider.Claims{}, `{"hasgroups":"true"}`, `{}`, true},
		{"next-path-does-not-make-up-for-it", provider.Claims{Groups: []string{"groups", "roles"}}, names, `{"roles":["Admin"]}`, true},
		{"entitlements", provider.Claims{Entitlements: []string{"groups"}, Groups: []string{"roles"}}, names, `{"roles":["Admin"]}`, true},
		{"nested", provider.Claims{Groups: []string{"groups.all"}}, names, `{}`, true},
		{"groups-from-elsewhere", provider.Claims{}, names, `{"groups":["a"]}`, false},
		{"roles-stand-for-groups", provider.Claims{Groups: []string{"roles"}}, names, `{"roles":["Admin"]}`, false},
		{"roles-stand-before-groups", provider.Claims{Groups: []string{"roles", "groups"}}, names, `{"roles":["Admin"]}`, false},
		{"pointer-for-something-else", provider.Claims{}, `{"_claim_names":{"address":"src1"},"_claim_sources":{"src1":{"JWT":"a.b.c"}}}`, `{}`, false},
		{"flag-is-false", provider.Claims{}, `{"hasgroups":false}`, `{}`, false},
		{"pointer-of-another-shape", provider.Claims{}, `{}`, `{"_claim_names":["groups"]}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, with(func(p *provider.Config) { p.Claims = tt.claims }))
			s.provider.claims = func(c map[string]any) {
				for name, value := range object(t, tt.idToken) {
					c[name] = value
				}
			}
			info := object(t, tt.userinfo)
			info["sub"] = "sub-alice"
			s.provider.users["alice"] = info
			resp := s.browser("alice").visit("https://app.example.com/")
			n, err := s.outpost.Sessions().Len(t.Context())
			if !tt.refused {
				s.want(resp, http.StatusOK)
				return
			}
			s.want(resp, http.StatusForbidden)
			if s.last() != auth.GroupsOverage || n != 0 || err != nil {
				t.Errorf("reason %s, %d sessions, %v", s.last(), n, err)
			}
			if page := body(resp); !strings.Contains(page, "too many groups") {
				t.Errorf("page:\n%s", page)
			}
		})
	}
}

func allowEmails(emails ...string) access.Policy { return access.Allow(access.Lists{Emails: emails}) }

package headers_test

import (
	"net/http"
	"strings"
	"testing"

	"outpost/headers"
)

// The deny-list, as it stands between a configuration and an answer, and once
// more between a user's attributes and an answer.
func TestNames(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header string
		why    string // "" where it may be set
	}{
		{"own", "X-Role", ""},
		{"lower-case", "remote-user", ""},
		{"one-letter", "A", ""},
		{"digits", "X-2", ""},
		{"forwarded-user", "X-Forwarded-User", ""},
		{"forwarded-preferred-username", "X-Forwarded-Preferred-Username", ""},
		{"empty", "", "is empty"},
		{"underscore", "X_Role", "has an underscore, which applications fold with the hyphen and nginx drops"},
		{"remote-user-of-cgi", "REMOTE_USER", "has an underscore, which applications fold with the hyphen and nginx drops"},
		{"dot", "X.Role", "has something besides letters, digits and hyphens: no nginx variable has such a name"},
		{"space", "X Role", "has something besides letters, digits and hyphens: no nginx variable has such a name"},
		{"colon", "X-Role:", "has something besides letters, digits and hyphens: no nginx variable has such a name"},
		{"line-end", "X-A\r\nX-B", "has something besides letters, digits and hyphens: no nginx variable has such a name"},
		{"accent", "X-Rôle", "has something besides letters, digits and hyphens: no nginx variable has such a name"},
		{"authorization", "authorization", "is for basic_auth"},
		{"url", "X-Original-URL", "is one that the outpost reads"},
		{"address", "x-real-ip", "is one that the outpost reads"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := headers.NewMapping(headers.MappingConfig{Headers: []headers.Header{{Name: tt.header, Value: "{username}"}}})
			if tt.why == "" && err != nil || tt.why != "" && (err == nil || err.Error() != "headers: set."+tt.header+": the name "+tt.why) {
				t.Errorf("got %v, want %q", err, tt.why)
			}
		})
	}
	for _, header := range []string{
		"Connection", "keep-alive", "Proxy-Authenticate", "PROXY-AUTHORIZATION", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
		"Set-Cookie", "set-cookie2", "Location", "Host", "Content-Length", "Content-Type", "Content-Security-Policy", "Cookie", "Cache-Control",
		"WWW-Authenticate", "X-Accel-Redirect", "X-Accel-Expires", "X-Accel-Anything", "Authorization", "Proxy", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host",
		"X-Forwarded-Proto", "X-Forwarded-Uri", "X-Original-URI", "X-Original-Method", "X-Rewrite-URL", "Expires", "Vary", "Date", "Early-Data", "Sec-Fetch-Mode",
		"Range", "If-None-Match", "Expect", "X-HTTP-Method-Override", "Refresh", "Accept", "Accept-Encoding", "Origin", "Via", "Status", "X-Sendfile",
	} {
		for _, spelled := range []string{header, strings.ToLower(header), strings.ToUpper(header)} {
			if _, err := headers.NewMapping(headers.MappingConfig{Headers: []headers.Header{{Name: spelled}}}); err == nil {
				t.Errorf("%s may be set", spelled)
			}
		}
	}
	for _, header := range headers.RequestNames {
		if _, err := headers.NewMapping(headers.MappingConfig{Headers: []headers.Header{{Name: header}}}); err == nil {
			t.Errorf("%s is read, and may be set", header)
		}
	}
}

func TestAliasesOf(t *testing.T) {
	aliases := headers.NewAliases([]string{"Remote-User", "X-WEBAUTH-ROLE"}, nil, headers.RequestNames)
	for _, tt := range []struct {
		name   string
		header string
		want   bool
	}{
		{"underscore", "Remote_User", true},
		{"lower-case", "remote_user", true},
		{"capitals", "REMOTE_USER", true},
		{"mixed", "X-Webauth_role", true},
		{"dot", "X.WebAuth.Role", true},
		{"other-signs", "X!WebAuth~Role", true},
		{"letter-outside-ascii", "Remoteäuser", true},
		{"wide-letter", "Remote🙂User", true},
		{"of-the-url", "X_original_url", true},
		{"the-header-itself", "Remote-User", false},
		{"itself-in-capitals", "REMOTE-USER", false},
		{"longer", "Remote_User_", false},
		{"shorter", "Remote_Use", false},
		{"other", "X_Custom", false},
		{"none", "", false},
		{"very-long", strings.Repeat("_", 100_000), false},
		{"not-of-this-application", "X_authentik_username", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := aliases.In(http.Header{"Accept": {"*/*"}, tt.header: {"root"}}); got != tt.want {
				t.Errorf("got %t", got)
			}
		})
	}
	h := http.Header{"X-Original-Url": {"https://app.example.com/"}, "User-Agent": {"x"}, "Cookie": {"y"}, "X_custom_header_of_theirs": {"z"}, "X_original_ur": {"a"}}
	if n := testing.AllocsPerRun(100, func() { aliases.In(h) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if (*headers.Aliases)(nil).In(http.Header{"X_authentik_username": {"root"}}) {
		t.Error("nil knows a name")
	}
}

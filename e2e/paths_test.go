package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// paths: SWAG's other way, two applications below paths of one host. They share
// a sign-in; who may have which, and what it is told, is each one's own. Which of
// them a request is for is what nginx makes of its path.
func (h *house) paths(t *testing.T) {
	const charts, series = "https://www.test/tautulli/", "https://www.test/sonarr/"
	alice := h.person(t, h.provider.admin, "127.0.5.9", charts+"deep?a=1&b=%2F")
	bob := h.person(t, h.provider.other, "127.0.5.9", charts)
	if p := alice.open(series); p.StatusCode != http.StatusOK || len(alice.trail) != 1 {
		t.Errorf("the second application took a way:\n%s", strings.Join(alice.trail, "\n"))
	}
	for a, want := range map[*app]string{h.other: "admins|users", h.sonarr: "admins"} {
		reached(t, a, func() page {
			return alice.fetch("GET", map[*app]string{h.other: charts, h.sonarr: series}[a])
		}, 200)
		if got := a.last(t).Header.Get("X-Authentik-Groups"); got != want {
			t.Errorf("%s is told of the groups %q, want %q", a.name, got, want)
		}
	}
	p := bob.open(series)
	if p.StatusCode != http.StatusForbidden || !strings.Contains(p.Body, "<code>not_allowed</code>") || !strings.Contains(p.Body, ">series<") {
		t.Errorf("bob at the second: %s at %s\n%s", p.Status, p.URL, p.Body)
	}

	cookie := func(v *visitor) string {
		var pairs []string
		for _, one := range v.cookies(charts) {
			pairs = append(pairs, one.Name+"="+one.Value)
		}
		return strings.Join(pairs, "; ")
	}
	for _, tt := range []struct {
		target string
		a      *app // where nginx sends it; nil for neither
		bob    int
	}{
		{"/tautulli", h.other, 200},
		{"/tautulli/x", h.other, 200},
		{"/tautullix", nil, 403}, // nginx takes it for tautulli, whose configuration ends at the slash
		{"/TAUTULLI/x", nil, 403},
		{"/other", nil, 403},
		{"/", nil, 403},
		{"/tautulli/../sonarr/", h.sonarr, 403},
		{"/tautulli/%2e%2e/sonarr/", h.sonarr, 403},
		{"/tautulli/..%2fsonarr/", h.sonarr, 403},
		{"/tautulli%2f..%2Fsonarr/", h.sonarr, 403},
		{"//sonarr/", h.sonarr, 403},
		{"/tautulli//..//sonarr/", h.sonarr, 403},
		{"/%73onarr/", h.sonarr, 403},
		{"/sonarr#/../tautulli/", h.sonarr, 403},
		{"/sonarr?/../tautulli/", h.sonarr, 403},
		{"/sonarr/../tautulli/", h.other, 200},
		{"/tautulli/..;/sonarr/", h.other, 200},
		{"/tautulli/%252e%252e/sonarr/", h.other, 200},
		{`/tautulli/..\sonarr/`, h.other, 200},
		{`/tautulli\..\sonarr/`, nil, 403},
	} {
		t.Run(tt.target, func(t *testing.T) {
			for name, who := range map[string]struct {
				cookie string
				want   int
			}{"nobody": {"", 0}, "bob": {cookie(bob), tt.bob}, "alice": {cookie(alice), 200}} {
				before := map[*app]int{h.other: h.other.count(), h.sonarr: h.sonarr.count()}
				status, header := rawRequest(t, "www.test", fmt.Sprintf("GET %s HTTP/1.1\r\nHost: www.test\r\nSec-Fetch-Mode: cors\r\nCookie: %s\r\nConnection: close\r\n\r\n", tt.target, who.cookie))
				if tt.a == nil {
					who.want = http.StatusForbidden
				}
				for a, count := range before {
					if want := a == tt.a && who.want == http.StatusOK; (a.count() > count) != want {
						t.Errorf("%s: %s was reached: %v, want %v", name, a.name, !want, want)
					}
				}
				if status == http.StatusOK != (who.want == http.StatusOK) || who.want == http.StatusForbidden && status != who.want {
					t.Errorf("%s: got %d to %q", name, status, header.Get("Location"))
				}
			}
		})
	}

	t.Run("sign-out", func(t *testing.T) {
		alice.stopAt = h.provider.origin()
		alice.open("https://www.test" + outpostPrefix + "/sign_out")
		for _, address := range []string{charts, series} {
			if p := alice.get(address); p.StatusCode != http.StatusFound {
				t.Errorf("%s afterwards: %s", address, p.Status)
			}
		}
		if p := bob.get(charts); p.StatusCode != http.StatusOK {
			t.Errorf("somebody else: %s", p.Status)
		}
	})
}

// password: beside SWAG's include, an application gets the password that the
// configuration has for it, and no other; one without gets the client's own.
func (h *house) password(t *testing.T) {
	const charts, series = "https://www.test/tautulli/", "https://www.test/sonarr/"
	alice := h.person(t, h.provider.admin, "127.0.5.10", charts)
	const own = "Digest of-the-application's-own"
	for _, tt := range []struct {
		name, sent, address string
		a                   *app
		want                string
	}{
		{"injected", "", series, h.sonarr, basic("sonarr", "of the application")},
		{"injected-above-their-own", own, series, h.sonarr, basic("sonarr", "of the application")},
		{"none", "", charts, h.other, ""},
		{"their-own", own, charts, h.other, own},
		// This one takes named tokens: what may be one is not for it to see.
		{"could-be-a-token", bearer(h.tokens["charted"]), charts, h.other, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			alice.headers = http.Header{}
			if tt.sent != "" {
				alice.headers.Set("Authorization", tt.sent)
			}
			reached(t, tt.a, func() page { return alice.fetch("GET", tt.address) }, 200)
			if got := strings.Join(tt.a.last(t).Header["Authorization"], "\n"); got != tt.want {
				t.Errorf("the application got %q, want %q", got, tt.want)
			}
		})
	}
	reached(t, h.other, func() page { return send(t, bearer(h.tokens["charted"]), "GET", charts) }, 200)
	if got := h.other.last(t).Header["Authorization"]; got != nil {
		t.Error("the application was shown a program's token")
	}
}

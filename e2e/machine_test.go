package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// machineTokens are the tokens of the house: what is written in place of the
// printed entry's applications, by name.
var machineTokens = map[string][]string{
	"backup":  {"applications: [home]", "username: root", "email: root@example.test", "groups: [machines, users]"},
	"reader":  {"applications: [home]", "groups: [machines]", "rules: [{ host: webtop.home.test, path: /backup/*, methods: [GET], allow: true }]"},
	"guest":   {"applications: [home]"}, // the application's allow does not have it
	"old":     {"applications: [home]", "groups: [machines]", "expires: 2020-02-29"},
	"charted": {"applications: [charts]", "groups: [users]"},
}

// newToken makes a token as people do, and fills in its entry.
func newToken(t *testing.T, name string, lines []string) (token, entry string) {
	t.Helper()
	out, err := exec.Command(shared("outpost"), "token", "new", "-name", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	token, _, _ = strings.Cut(string(out), "\n")
	_, entry, found := strings.Cut(string(out), "\ntokens:\n")
	if !regexp.MustCompile(`^outpost_[0-9A-Za-z]{49}$`).MatchString(token) || !found {
		t.Fatalf("outpost token new prints:\n%s", out)
	}
	return token, regexp.MustCompile(`applications: .*\n`).ReplaceAllLiteralString(entry, strings.Join(lines, "\n    ")+"\n")
}

// client is a program that sends an Authorization header, knows no cookies and
// follows nothing.
func client(t *testing.T, authorization string) *visitor {
	v := newVisitor(t).from("127.0.7.7")
	v.client.Jar = nil
	v.headers = http.Header{"Authorization": {authorization}, "Accept": {"*/*"}, "User-Agent": {"curl/8.5.0"}}
	for _, name := range []string{"Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-Site", "Sec-Fetch-User"} {
		v.headers[name] = nil
	}
	return v
}

func bearer(token string) string { return "Bearer " + token }

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// send is one request of a program.
func send(t *testing.T, authorization, method, address string) page {
	t.Helper()
	v := client(t, authorization)
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := v.send(r)
	if location := p.Header.Get("Location"); location != "" || len(p.Header.Values("Set-Cookie")) > 0 {
		t.Errorf("a program is sent to %q, with the cookies %q", location, p.Header.Values("Set-Cookie"))
	}
	return p
}

// wantIdentity wants what SWAG's include hands on to say this.
func wantIdentity(t *testing.T, a *app, user, email, uid string) {
	t.Helper()
	for name, want := range map[string]string{"X-Authentik-Username": user, "X-Authentik-Email": email, "X-Authentik-Uid": uid} {
		if got := strings.Join(a.last(t).Header[name], "\n"); got != want {
			t.Errorf("%s is told %s %q, want %q", a.name, name, got, want)
		}
	}
}

// namedTokens: a program with a token of the file gets where the rules let it,
// and leaves nothing behind.
func (h *house) namedTokens(t *testing.T) {
	const front = "https://webtop.home.test"
	sessions := len(h.daemon.sessions(t))
	const series = `outpost_machine_requests_total{app="home",client=`
	before := h.daemon.metric(t, series+`"backup",result="accepted"}`)
	for _, authorization := range []string{bearer(h.tokens["backup"]), "bearer " + h.tokens["backup"], basic("whoever", h.tokens["backup"])} {
		reached(t, h.app, func() page { return send(t, authorization, "GET", front+"/api/x") }, 200)
		wantIdentity(t, h.app, "root", "root@example.test", "token:backup")
	}
	reached(t, h.app, func() page { return send(t, bearer(h.tokens["reader"]), "GET", front+"/backup/x") }, 200)
	wantIdentity(t, h.app, "reader", "", "token:reader")
	if got := h.daemon.metric(t, series+`"backup",result="accepted"}`) - before; got != 3 {
		t.Errorf("the metric counts %v, want 3", got)
	}

	backup := h.tokens["backup"]
	other := "a"
	if backup[20:21] == other {
		other = "b"
	}
	mistyped := backup[:20] + other + backup[21:]
	for _, tt := range []struct {
		name, authorization, method, address string
		a                                    *app
	}{
		{"mistyped", bearer(mistyped), "GET", front + "/api/x", h.app},
		{"cut-short", bearer(backup[:56]), "GET", front + "/api/x", h.app},
		{"unknown", bearer("outpost_" + strings.Repeat("0", 49)), "GET", front + "/api/x", h.app},
		{"as-the-user-name", basic(backup, ""), "GET", front + "/api/x", h.app},
		{"expired", bearer(h.tokens["old"]), "GET", front + "/api/x", h.app},
		{"of-another-application", bearer(h.tokens["charted"]), "GET", front + "/api/x", h.app},
		{"for-another-application", bearer(backup), "GET", "https://www.test/tautulli/x", h.other},
		{"in-no-group", bearer(h.tokens["guest"]), "GET", front + "/x", h.app},
		{"rule-of-the-application", bearer(backup), "POST", front + "/api/x", h.app},
		{"default-of-the-application", bearer(backup), "GET", "https://sonarr.home.test/x", h.sonarr},
		{"rule-of-the-token", bearer(h.tokens["reader"]), "GET", front + "/x", h.app},
		{"rule-of-the-token-as-nginx-has-it", bearer(h.tokens["reader"]), "GET", front + "/backup/../x", h.app},
		{"method-of-the-token", bearer(h.tokens["reader"]), "POST", front + "/backup/x", h.app},
		{"wants-a-second-factor", bearer(backup), "GET", "https://tautulli.home.test/acr/x", h.other},
		{"two-credentials", bearer(backup) + ", " + bearer(backup), "GET", front + "/x", h.app},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reached(t, tt.a, func() page { return send(t, tt.authorization, tt.method, tt.address) }, 403)
		})
	}
	if got := h.daemon.metric(t, series+`"old",result="refused"}`); got != 1 {
		t.Errorf("of the expired one the metric counts %v", got)
	}
	reached(t, h.other, func() page { return send(t, bearer(h.tokens["charted"]), "GET", "https://www.test/tautulli/x") }, 200)
	if got := len(h.daemon.sessions(t)); got != sessions {
		t.Errorf("there are %d sessions, and were %d", got, sessions)
	}
	log := h.daemon.log(t)
	for name, token := range h.tokens {
		if strings.Contains(log, token[8:30]) {
			t.Errorf("the token %s is in the log", name)
		}
	}
}

// accessTokens: a program that the provider knows gets in with what the provider
// issues to it, read or asked about, for one application and not the other.
func (h *house) accessTokens(t *testing.T) {
	sessions := len(h.daemon.sessions(t))
	readable := h.accessToken(t, "https://api.home.test", "read")
	for _, authorization := range []string{bearer(readable), "BEARER " + readable} {
		reached(t, h.app, func() page { return send(t, authorization, "GET", webtop+"/api/x") }, 200)
		wantIdentity(t, h.app, "service", "", "service")
	}
	if got := h.app.last(t).Header["Authorization"]; got != nil {
		t.Error("the application was shown the access token")
	}
	opaque := h.accessToken(t, "https://opaque.home.test", "read write")
	if strings.Contains(opaque, ".") {
		t.Fatal("the provider's opaque token is none")
	}
	for range 2 {
		reached(t, h.other, func() page { return send(t, bearer(opaque), "GET", tautulli+"/x") }, 200)
		wantIdentity(t, h.other, "service", "", "service")
	}
	if got := h.daemon.metric(t, `outpost_idp_requests_total{code_class="2xx",op="introspection",provider="certified"}`); got != 1 {
		t.Errorf("the provider was asked %v times about the token, want once", got)
	}
	for name, want := range map[string]float64{`app="webtop",client="bearer"`: 2, `app="tautulli",client="introspection"`: 2} {
		if got := h.daemon.metric(t, `outpost_machine_requests_total{`+name+`,result="accepted"}`); got != want {
			t.Errorf("of %s the metric counts %v, want %v", name, got, want)
		}
	}

	for _, tt := range []struct {
		name, authorization, method, address string
		a                                    *app
		reason                               string
	}{
		{"audience", bearer(h.accessToken(t, "https://elsewhere.home.test", "read")), "GET", webtop + "/api/x", h.app, "credentials_audience"},
		{"scope", bearer(h.accessToken(t, "https://api.home.test", "write")), "GET", webtop + "/api/x", h.app, "credentials_scope"},
		{"no-scope", bearer(h.accessToken(t, "https://api.home.test", "")), "GET", webtop + "/api/x", h.app, "credentials_scope"},
		{"mutilated", bearer(readable[:len(readable)-8] + "AAAAAAAA"), "GET", webtop + "/api/x", h.app, "credentials_refused"},
		{"opaque-where-it-is-read", bearer(opaque), "GET", webtop + "/api/x", h.app, "credentials_refused"},
		{"rule", bearer(readable), "POST", webtop + "/api/x", h.app, "not_allowed"},
		{"default", bearer(readable), "GET", webtop + "/x", h.app, "not_allowed"},
		{"readable-of-another-application", bearer(readable), "GET", tautulli + "/x", h.other, "credentials_refused"},
		{"scope-by-introspection", bearer(h.accessToken(t, "https://opaque.home.test", "read")), "GET", tautulli + "/x", h.other, "credentials_scope"},
		{"audience-by-introspection", bearer(h.accessToken(t, "https://opaque.elsewhere.test", "write")), "GET", tautulli + "/x", h.other, "credentials_audience"},
		{"made-up", bearer("a-token-that-nobody-has-issued-0123456789"), "GET", tautulli + "/x", h.other, "credentials_refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, counted := len(h.daemon.log(t)), h.daemon.checks(t, tt.reason)
			reached(t, tt.a, func() page { return send(t, tt.authorization, tt.method, tt.address) }, 403)
			// The log has no more than ten lines a second for each reason.
			if n := h.daemon.checks(t, tt.reason) - counted; n != 1 {
				t.Errorf("%v checks ended with %s, want one", n, tt.reason)
			}
			log := h.daemon.log(t)[before:]
			if refused := strings.HasPrefix(tt.reason, "credentials_"); strings.Contains(log, `msg="machine client refused"`) != refused {
				t.Errorf("the credential is refused: want %v:\n%s", refused, log)
			}
		})
	}
	// Where the application takes none, a browser's business is a sign-in.
	v := client(t, bearer(readable))
	if p := v.get("https://www.test/tautulli/x"); p.StatusCode != http.StatusForbidden {
		t.Errorf("an application of named tokens: %s", p.Status)
	}
	if got := len(h.daemon.sessions(t)); got != sessions {
		t.Errorf("there are %d sessions, and were %d", got, sessions)
	}
}

// accessToken is what the provider issues to a program that acts for itself.
func (h *house) accessToken(t *testing.T, resource, scope string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {resource}}
	if scope != "" {
		form.Set("scope", scope)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.provider.issuer+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	v := newVisitor(t)
	v.headers.Set("Content-Type", "application/x-www-form-urlencoded")
	v.headers.Set("Authorization", basic("service", clientSecret))
	p := v.send(r)
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(p.Body), &answer); err != nil || answer.AccessToken == "" {
		t.Fatalf("the provider issues no token: %s\n%s", p.Status, p.Body)
	}
	return answer.AccessToken
}

package e2e

// glewlwyd.go starts glewlwyd as Debian packages it, a provider written in C.
// All its pages are scripts over an interface of JSON; a story without a browser
// says there what the scripts would say. It is set up the same way.

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// glewlwydRoot is where install.sh unpacks the package.
func glewlwydRoot() string { return filepath.Join(repository(), "build", "e2e", "glewlwyd") }

const glewlwydScopes = "openid profile email groups"

func startGlewlwyd(t testing.TB, apps []application) *provider {
	t.Helper()
	g := &glewlwyd{api: "https://glewlwyd.example.test:4593/api", admin: newVisitor(t)}
	p := &provider{name: "glewlwyd", issuer: g.api + "/oidc", admin: person{"alice", "password123"}, other: person{"bob", "password123"}}
	p.settings = []string{"missing_groups: remove"}
	p.script, p.signOut, p.confirm = g.signIn, g.signOut, g.confirm
	p.setGroups = func(t testing.TB, user string, groups ...string) {
		t.Helper()
		g.change(t, user, "groups", append([]string{}, groups...))
	}
	p.lock = func(t testing.TB, user string) {
		t.Helper()
		g.change(t, user, "enabled", false)
	}
	dir := t.TempDir()
	g.layOut(t, dir)
	p.run = func(t testing.TB) *process {
		process := start(t, dir, "glewlwyd", cell{
			// Where the library that sends logout tokens looks for authorities.
			Binds: [][2]string{{shared("ca.crt"), "/etc/ssl/certs/ca-certificates.crt"}},
			Argv:  []string{filepath.Join(glewlwydRoot(), "usr/bin/glewlwyd"), "--config-file=" + filepath.Join(dir, "glewlwyd.conf")},
		}.command())
		process.waitFor(t, "127.0.0.1:4593")
		return process
	}
	p.restart(t)
	g.setUp(t, p, apps)
	return p
}

type glewlwyd struct {
	api   string
	admin *visitor // is signed in to change things
}

// layOut writes the configuration and the empty database.
func (g *glewlwyd) layOut(t testing.TB, dir string) {
	t.Helper()
	modules, none := filepath.Join(glewlwydRoot(), "usr/lib/glewlwyd"), filepath.Join(dir, "none")
	if err := os.Mkdir(none, 0o755); err != nil {
		t.Fatal(err)
	}
	var conf strings.Builder
	for _, setting := range [][2]string{
		{"external_url", strings.TrimSuffix(g.api, "/api")}, {"login_url", "login.html"}, {"api_prefix", "api"}, {"static_files_path", none},
		{"log_mode", "console"}, {"log_level", "WARNING"}, {"cookie_domain", "glewlwyd.example.test"}, {"session_key", "GLEWLWYD2_SESSION_ID"},
		{"admin_session_authentication", "cookie"}, {"profile_session_authentication", "cookie"}, {"admin_scope", "g_admin"}, {"profile_scope", "g_profile"},
		{"user_module_path", modules + "/user"}, {"user_middleware_module_path", none}, {"client_module_path", modules + "/client"},
		{"user_auth_scheme_module_path", modules + "/scheme"}, {"plugin_module_path", modules + "/plugin"}, {"hash_algorithm", "SHA512"},
		{"secure_connection_key_file", shared("leaf.key")}, {"secure_connection_pem_file", shared("chain.crt")},
	} {
		fmt.Fprintf(&conf, "%s = %q;\n", setting[0], setting[1])
	}
	fmt.Fprintf(&conf, "port = 4593;\ncookie_secure = true;\nuse_secure_connection = true;\nsession_expiration = 3600;\n")
	fmt.Fprintf(&conf, "database = { type = \"sqlite3\"; path = %q; };\n", filepath.Join(dir, "glewlwyd.db"))
	writeFile(t, filepath.Join(dir, "glewlwyd.conf"), conf.String())

	file, err := os.Open(filepath.Join(glewlwydRoot(), "usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	statements, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	fill := exec.Command("sqlite3", filepath.Join(dir, "glewlwyd.db"))
	fill.Stdin = io.MultiReader(strings.NewReader("PRAGMA synchronous = off; BEGIN;\n"), statements, strings.NewReader("COMMIT;\n"))
	if out, err := fill.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// setUp makes of an empty glewlwyd an OpenID provider with two people and our
// client.
func (g *glewlwyd) setUp(t testing.TB, p *provider, apps []application) {
	t.Helper()
	g.call(t, g.admin, http.MethodPost, "/auth/", map[string]any{"username": "admin", "password": "password"})
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	// It publishes a coordinate that begins with a zero byte one byte short, and
	// then it is no key (RFC 7518 §6.2.1.2).
	for err == nil && min(key.X.BitLen(), key.Y.BitLen()) <= 248 {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	private, public := signingPEM(t, key, key.Public())
	claim := func(name, property, kind, scope string) map[string]any {
		return map[string]any{"name": name, "user-property": property, "type": kind, "mandatory": false, "on-demand": false, "scope": []string{scope}}
	}
	g.call(t, g.admin, http.MethodPost, "/mod/plugin/", map[string]any{"module": "oidc", "name": "oidc", "display_name": "OpenID", "parameters": map[string]any{
		"iss": p.issuer, "jwt-type": "ecdsa", "jwt-key-size": "256", "key": private, "cert": public, "jwks-show": true,
		"code-duration": 60, "access-token-duration": 300, "refresh-token-duration": 86400, "refresh-token-rolling": true, "refresh-token-one-use": "always",
		"auth-type-code-enabled": true, "auth-type-code-revoke-replayed": true, "auth-type-refresh-enabled": true, "auth-type-id-token-enabled": true,
		"auth-type-token-enabled": false, "auth-type-none-enabled": false, "auth-type-password-enabled": false, "auth-type-client-enabled": false,
		"auth-type-device-enabled": false, "auth-type-implicit-enabled": false, "allow-non-oidc": false,
		"pkce-allowed": true, "pkce-required": true, "pkce-method-plain-allowed": false, "oauth-as-iss-id": true,
		"subject-type": "public", "address-claim": map[string]any{"type": "no"}, "scope-claim": "no",
		"name-claim": "on-demand", "name-claim-scope": []string{"profile"}, "email-claim": "on-demand", "email-claim-scope": []string{"email"},
		"claims":                     []any{claim("groups", "groups", "string", "groups"), claim("preferred_username", "username", "string", "profile")},
		"allowed-scope":              strings.Fields(glewlwydScopes),
		"session-management-allowed": true, "session-cookie-name": "GLEWLWYD2_OIDC_SID", "session-cookie-expiration": 3600,
		"back-channel-logout-allowed": true, "front-channel-logout-allowed": true,
		"introspection-revocation-allowed": true, "introspection-revocation-allow-target-client": true,
	}})
	for _, scope := range strings.Fields(glewlwydScopes) {
		whole := map[string]any{"name": scope, "display_name": scope, "description": scope, "password_required": false, "scheme": map[string]any{}}
		if scope == "openid" { // the database comes with it
			whole["password_required"], whole["password_max_age"] = true, 600
			g.call(t, g.admin, http.MethodPut, "/scope/openid", whole)
			continue
		}
		g.call(t, g.admin, http.MethodPost, "/scope/", whole)
	}
	many, one := map[string]any{"multiple": true, "read": true, "write": true}, map[string]any{"multiple": false, "read": true, "write": true}
	g.addProperties(t, "user", map[string]any{"groups": many})
	g.addProperties(t, "client", map[string]any{"post_logout_redirect_uris": many, "backchannel_logout_uri": one, "backchannel_logout_session_required": one, "token_endpoint_auth_method": many})
	for _, who := range []person{p.admin, p.other} {
		groups := []string{"users"}
		if who == p.admin {
			groups = append(groups, "admins")
		}
		g.call(t, g.admin, http.MethodPost, "/user/?source=database", map[string]any{
			"username": who.name, "password": who.password, "name": who.name, "email": who.name + "@example.test",
			"scope": strings.Fields(glewlwydScopes), "groups": groups, "enabled": true,
		})
	}
	redirect, postLogout := registered(p, apps)
	g.call(t, g.admin, http.MethodPost, "/client/", map[string]any{
		"client_id": "outpost", "name": "outpost", "confidential": true, "client_secret": clientSecret, "password": clientSecret,
		"redirect_uri": redirect, "token_endpoint_auth_method": []string{"client_secret_basic"}, "authorization_type": []string{"code", "refresh_token"},
		"post_logout_redirect_uris": postLogout, "backchannel_logout_uri": apps[0].ExternalURL + outpostPrefix + "/backchannel_logout", "backchannel_logout_session_required": "true",
		"scope": []string{}, "enabled": true,
	})
}

// change has a user be otherwise in one respect.
func (g *glewlwyd) change(t testing.TB, user, property string, value any) {
	t.Helper()
	var whole map[string]any
	if err := json.Unmarshal(g.call(t, g.admin, http.MethodGet, "/user/"+user, nil), &whole); err != nil {
		t.Fatal(err)
	}
	whole[property] = value
	g.call(t, g.admin, http.MethodPut, "/user/"+user, whole)
}

// addProperties has the database know more of a user or a client.
func (g *glewlwyd) addProperties(t testing.TB, of string, properties map[string]any) {
	t.Helper()
	var module map[string]any
	if err := json.Unmarshal(g.call(t, g.admin, http.MethodGet, "/mod/"+of+"/database", nil), &module); err != nil {
		t.Fatal(err)
	}
	format := module["parameters"].(map[string]any)["data-format"].(map[string]any)
	for name, what := range properties {
		format[name] = what
	}
	g.call(t, g.admin, http.MethodPut, "/mod/"+of+"/database", module)
	g.call(t, g.admin, http.MethodPut, "/mod/"+of+"/database/reset/", nil)
}

// call sends what a script of a page would send, as v, and wants a good answer.
func (g *glewlwyd) call(t testing.TB, v *visitor, method, path string, body any) []byte {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, g.api+path, bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer := v.send(r)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s\n%s\nsent %s", method, path, answer.Status, answer.Body, encoded)
	}
	return []byte(answer.Body)
}

// signIn is the page that asks for a password and then for consent.
func (g *glewlwyd) signIn(v *visitor, p page, user, password string) page {
	v.t.Helper()
	g.call(v.t, v, http.MethodPost, "/auth/", map[string]any{"username": user, "password": password})
	g.call(v.t, v, http.MethodPut, "/auth/grant/outpost", map[string]any{"scope": glewlwydScopes})
	return v.follow(v.get(p.Request.URL.Query().Get("callback_url") + "&g_continue"))
}

// signOut is what another application would do that signs the person out.
func (g *glewlwyd) signOut(v *visitor, idToken string) {
	v.t.Helper()
	p := v.open(g.api + "/oidc/end_session?id_token_hint=" + url.QueryEscape(idToken))
	g.endSession(v, p)
}

// confirm is the page that asks whether to sign out.
func (g *glewlwyd) confirm(v *visitor, p page) page {
	v.t.Helper()
	g.endSession(v, p)
	return v.follow(v.get(p.Request.URL.Query().Get("callback_url")))
}

func (g *glewlwyd) endSession(v *visitor, p page) {
	v.t.Helper()
	asked := p.Request.URL.Query()
	if !slices.Contains(strings.Split(p.Request.URL.RawQuery, "&"), "plugin=oidc") || asked.Get("sid") == "" {
		v.t.Fatalf("%s does not ask whether to sign out", p.URL)
	}
	g.call(v.t, v, http.MethodDelete, "/oidc/session/"+asked.Get("sid"), nil)
	g.call(v.t, v, http.MethodDelete, "/auth/", nil)
}

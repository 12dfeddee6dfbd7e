package headers_test

import (
	"encoding/base64"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outpost/headers"
	"outpost/session"
)

// What applications want, as docs/applications.md configures it: the exact lines
// that nginx is given.
func TestApplications(t *testing.T) {
	remoteUser := []string{"Remote-Email: alice@example.com", "Remote-Groups: editors,docker-ops,admins", "Remote-Name: Alice Ädmin", "Remote-User: alice"}
	webauth := []string{"X-Webauth-Email: alice@example.com", "X-Webauth-Groups: editors,docker-ops,admins", "X-Webauth-Name: Alice Ädmin", "X-Webauth-User: alice"}
	authentik := []string{
		"X-Authentik-Email: alice@example.com", "X-Authentik-Entitlements: ", "X-Authentik-Groups: editors|docker-ops|admins",
		"X-Authentik-Name: Alice Ädmin", "X-Authentik-Uid: sub-1", "X-Authentik-Username: alice",
	}
	base64Of := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	preset := func(name string, own ...headers.Header) headers.MappingConfig {
		return headers.MappingConfig{Presets: []string{name}, Headers: own}
	}
	basic := func(username, password string) headers.MappingConfig {
		return headers.MappingConfig{Presets: []string{}, Basic: &headers.Basic{Username: username, Password: password}}
	}
	for _, tt := range []struct {
		name   string
		config headers.MappingConfig
		want   []string
	}{
		{"grafana", preset("webauth", headers.Header{
			Name: "X-WEBAUTH-ROLE", Value: "{groups}", Map: []headers.Pair{{"admins", "Admin"}, {"editors", "Editor"}}, Default: "Viewer", First: true,
		}), []string{webauth[0], webauth[1], webauth[2], "X-Webauth-Role: Admin", webauth[3]}},
		{"paperless-ngx", preset("remote-user"), remoteUser},
		{"paperless-ngx-without-a-change", headers.MappingConfig{}, authentik},
		{"seafile", preset("remote-user"), remoteUser},
		{"gitea", preset("webauth", headers.Header{Name: "X-WEBAUTH-FULLNAME", Value: "{name}"}), []string{webauth[0], "X-Webauth-Fullname: Alice Ädmin", webauth[1], webauth[2], webauth[3]}},
		{"miniflux", headers.MappingConfig{}, authentik},
		{"freshrss", preset("remote-user"), remoteUser},
		{"navidrome", preset("remote-user"), remoteUser},
		{"dozzle", preset("remote-user",
			headers.Header{Name: "Remote-Roles", Value: "{groups}", Map: []headers.Pair{{"admins", "all"}, {"docker-ops", "actions,download"}}, Default: "none", First: true},
			headers.Header{Name: "Remote-Filter", Value: "{groups}", Map: []headers.Pair{{"admins", ""}, {"docker-ops", "label=team=ops"}}, Default: "label=public=true", First: true},
		), []string{remoteUser[0], "Remote-Filter: ", remoteUser[1], remoteUser[2], "Remote-Roles: all", remoteUser[3]}},
		{"organizr", preset("remote-user"), remoteUser},
		{"seerr", preset("remote-user"), remoteUser},
		{"calibre-web", preset("remote-user"), remoteUser},
		{"firefly-iii", preset("remote-user", headers.Header{Name: "Remote-User", Value: "{email}", Case: "lower"}), []string{remoteUser[0], remoteUser[1], remoteUser[2], "Remote-User: alice@example.com"}},
		{"2fauth", preset("remote-user"), remoteUser},
		{"tandoor", preset("remote-user"), remoteUser},
		{"papermerge", preset("remote-user"), remoteUser},
		{"jira-easysso", preset("remote-user"), remoteUser},
		{"koel", preset("remote-user", headers.Header{Name: "Remote-Preferred-Name", Value: "{name}"}), []string{remoteUser[0], remoteUser[1], remoteUser[2], "Remote-Preferred-Name: Alice Ädmin", remoteUser[3]}},
		{"cloudbeaver", headers.MappingConfig{Presets: []string{}, Headers: []headers.Header{
			{Name: "X-User", Value: "{username}"},
			{Name: "X-Role", Value: "{groups}", Map: []headers.Pair{{"admins", "user|admin"}}, Default: "user", First: true},
			{Name: "X-First-name", Value: "{given_name}"}, {Name: "X-Last-name", Value: "{family_name}"},
		}}, []string{"X-First-Name: Alice", "X-Last-Name: Ädmin", "X-Role: user|admin", "X-User: alice"}},
		{"open-webui", preset("remote-user"), remoteUser},
		{"guacamole", preset("remote-user"), remoteUser},
		{"home-assistant", headers.MappingConfig{Presets: []string{}, Headers: []headers.Header{{Name: "X-Forwarded-Preferred-Username", Value: "{username}"}}}, []string{"X-Forwarded-Preferred-Username: alice"}},
		{"tobira", headers.MappingConfig{Presets: []string{}, Encoding: "base64", Join: ",", Headers: []headers.Header{
			{Name: "X-Tobira-Username", Value: "{username}"}, {Name: "X-Tobira-User-Display-Name", Value: "{name}"}, {Name: "X-Tobira-User-Email", Value: "{email}"},
			{Name: "X-Tobira-User-Roles", Value: "ROLE_USER_{username},ROLE_ANONYMOUS,{groups}", Case: "upper"},
		}}, []string{
			"X-Tobira-User-Display-Name: " + base64Of("Alice Ädmin"), "X-Tobira-User-Email: " + base64Of("alice@example.com"),
			"X-Tobira-User-Roles: " + base64Of("ROLE_USER_ALICE,ROLE_ANONYMOUS,EDITORS,DOCKER-OPS,ADMINS"), "X-Tobira-Username: " + base64Of("alice"),
		}},
		{"sonarr", headers.MappingConfig{}, authentik},
		{"sonarr-basic", basic("sonarr", "s3cret"), []string{"Authorization: Basic " + base64Of("sonarr:s3cret")}},
		{"tautulli-basic", basic("admin", "s3cret"), []string{"Authorization: Basic " + base64Of("admin:s3cret")}},
		{"nzbget-basic", basic("{username}", "{nzbget_password}"), []string{"Authorization: Basic " + base64Of("alice:s3cret")}},
		{"transmission-basic", basic("transmission", "s3cret"), []string{"Authorization: Basic " + base64Of("transmission:s3cret")}},
		{"valetudo-basic", basic("valetudo", "s3cret"), []string{"Authorization: Basic " + base64Of("valetudo:s3cret")}},
		{"authentik-attributes", headers.MappingConfig{Presets: []string{}, AKProxy: true, Basic: &headers.Basic{UserAttribute: "app_username", PasswordAttribute: "app_password"}}, []string{
			"Authorization: Basic " + base64Of("al:s3cret"), "X-Tenant: 7",
		}},
		{"after-oauth2-proxy", preset("auth-request"), []string{
			"X-Auth-Request-Email: alice@example.com", "X-Auth-Request-Groups: editors,docker-ops,admins", "X-Auth-Request-Preferred-Username: alice", "X-Auth-Request-User: sub-1",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id := session.Identity{
				Issuer: "https://idp.example.org", Subject: "sub-1", Username: "alice", Name: "Alice Ädmin", Email: "alice@example.com",
				Groups: []string{"editors", "docker-ops", "admins"},
				Claims: map[string][]string{
					"given_name": {"Alice"}, "family_name": {"Ädmin"}, "nzbget_password": {"s3cret"},
					"ak_proxy": {`{"user_attributes":{"app_username":"al","app_password":"s3cret","additionalHeaders":{"X-Tenant":7}}}`},
				},
			}
			block := compiled(t, tt.config).Block(&id, headers.Vouching{})
			if diff := cmp.Diff(tt.want, lines(&block)); diff != "" {
				t.Errorf("want (-) and got (+):\n%s", diff)
			}
			if block.Dropped != nil || !block.Fits() {
				t.Errorf("%v, dropped %q", block, block.Dropped)
			}
		})
	}
}

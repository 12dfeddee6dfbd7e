package headers

// preset.go holds the families of headers that applications know.

// IdentityNames are the headers of the preset authentik, which every allowed
// check carries unless its application says otherwise, in Go's canonical
// spelling. An nginx configuration has to overwrite each of them on the way to
// the application.
var IdentityNames = []string{
	"X-Authentik-Username", "X-Authentik-Groups", "X-Authentik-Entitlements",
	"X-Authentik-Email", "X-Authentik-Name", "X-Authentik-Uid",
}

// PresetNames are the presets that there are.
var PresetNames = []string{"authentik", "remote-user", "webauth", "auth-request"}

// presets are the headers of each. Those of authentik's outpost; those of
// Authelia and tinyauth; those of Grafana, Gitea and others after Apache's
// example; those of oauth2-proxy (set_xauthrequest), whose User is the subject.
var presets = map[string][]Header{
	"authentik": {
		{Name: "X-authentik-username", Value: "{username}"},
		{Name: "X-authentik-groups", Value: "{groups}", Join: "|"},
		{Name: "X-authentik-entitlements", Value: "{entitlements}", Join: "|"},
		{Name: "X-authentik-email", Value: "{email}"},
		{Name: "X-authentik-name", Value: "{name}"},
		{Name: "X-authentik-uid", Value: "{subject}"},
	},
	"remote-user": {
		{Name: "Remote-User", Value: "{username}"},
		{Name: "Remote-Groups", Value: "{groups}", Join: ","},
		{Name: "Remote-Name", Value: "{name}"},
		{Name: "Remote-Email", Value: "{email}"},
	},
	"webauth": {
		{Name: "X-WEBAUTH-USER", Value: "{username}"},
		{Name: "X-WEBAUTH-NAME", Value: "{name}"},
		{Name: "X-WEBAUTH-EMAIL", Value: "{email}"},
		{Name: "X-WEBAUTH-GROUPS", Value: "{groups}", Join: ","},
	},
	"auth-request": {
		{Name: "X-Auth-Request-User", Value: "{subject}"},
		{Name: "X-Auth-Request-Email", Value: "{email}"},
		{Name: "X-Auth-Request-Preferred-Username", Value: "{username}"},
		{Name: "X-Auth-Request-Groups", Value: "{groups}", Join: ","},
	},
}

package e2e

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	clientSecret = "the-secret-of-the-e2e-client-0123456789"
	llngServer   = "/usr/sbin/llng-fastcgi-server"
	llngData     = "/var/lib/lemonldap-ng"
)

// A provider is an OpenID provider that nobody here wrote.
type provider struct {
	name, issuer string
	admin        person // in the group admins
	other        person // not in it
	run          func(t testing.TB) *process
	process      *process
}

// A person is a user name and the password that the provider wants with it.
type person struct{ name, password string }

// restart brings the provider back after a stop.
func (p *provider) restart(t testing.TB) { p.process = p.run(t) }

// startCertified starts npm's oidc-provider, which the OpenID Foundation has
// certified. It signs in alice, bob and carol by any password.
func startCertified(t testing.TB, apps []application) *provider {
	t.Helper()
	p := &provider{name: "certified", issuer: "https://idp.example.test:8443", admin: person{"alice", "any"}, other: person{"bob", "any"}}
	options := struct {
		Issuer                 string   `json:"issuer"`
		Host                   string   `json:"host"`
		Port                   int      `json:"port"`
		TLS                    string   `json:"tls"`
		Key                    string   `json:"key"`
		Client                 string   `json:"client"`
		Secret                 string   `json:"secret"`
		RedirectURIs           []string `json:"redirectURIs"`
		PostLogoutRedirectURIs []string `json:"postLogoutRedirectURIs"`
		BackchannelLogoutURI   string   `json:"backchannelLogoutURI"`
	}{Issuer: p.issuer, Host: "127.0.0.1", Port: 8443, TLS: filepath.Dir(shared("ca.crt")), Client: "outpost", Secret: clientSecret}
	options.Key, _ = rsaPEM(t)
	options.RedirectURIs, options.PostLogoutRedirectURIs = registered(apps)
	options.BackchannelLogoutURI = apps[0].ExternalURL + outpostPrefix + "/backchannel_logout"
	encoded, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	node := filepath.Join(repository(), "build/e2e/node/node_modules/node/bin/node") // where the machine's own is too old
	if !exists(node) {
		if node, err = exec.LookPath("node"); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	p.run = func(t testing.TB) *process {
		cmd := exec.Command(node, filepath.Join(repository(), "e2e", "provider", "provider.mjs"))
		cmd.Env = []string{"PROVIDER=" + string(encoded), "NODE_NO_WARNINGS=1", "NODE_EXTRA_CA_CERTS=" + shared("ca.crt")}
		process := start(t, dir, "oidc-provider", cmd)
		process.waitFor(t, "127.0.0.1:8443")
		return process
	}
	p.restart(t)
	return p
}

// registered are the redirect URIs of the applications at a provider.
func registered(apps []application) (redirect, postLogout []string) {
	for _, a := range apps {
		redirect = append(redirect, a.ExternalURL+outpostPrefix+"/callback")
		postLogout = append(postLogout, a.ExternalURL+outpostPrefix+"/sign_out")
	}
	return redirect, postLogout
}

// startLemonLDAP starts Debian's LemonLDAP::NG with its demonstration users:
// its portal in Perl behind an nginx of its own, with a configuration that only
// this process sees.
func startLemonLDAP(t testing.TB, apps []application) *provider {
	t.Helper()
	p := &provider{name: "lemonldap", issuer: "https://auth.example.test:8444", admin: person{"dwho", "dwho"}, other: person{"rtyler", "rtyler"}}
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	copyTree(t, llngData, data)
	writeLemonLDAP(t, filepath.Join(data, "conf", "lmConf-1.json"), p.issuer, apps)
	for _, sub := range []string{"sessions/lock", "psessions/lock", "cache", "captcha", "notifications"} {
		writeFile(t, filepath.Join(data, sub, ".keep"), "")
	}
	run := filepath.Join(dir, "run")
	writeFile(t, filepath.Join(run, "nginx.conf"), llngNginx)
	if out, err := exec.Command("chown", "-R", "www-data:www-data", data, run).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	copyFile(t, "/etc/lemonldap-ng/lemonldap-ng.ini", filepath.Join(dir, "lemonldap-ng.ini"))
	edit(t, filepath.Join(dir, "lemonldap-ng.ini"), `(?m)^\[all\]`, "[all]\nlogger = Lemonldap::NG::Common::Logger::Std")

	p.run = func(t testing.TB) *process {
		portal := start(t, dir, "lemonldap", cell{
			Binds: [][2]string{{data, llngData}, {filepath.Join(dir, "lemonldap-ng.ini"), "/etc/lemonldap-ng/lemonldap-ng.ini"}, {run, "/run/llng-fastcgi-server"}},
			Argv:  []string{llngServer, "--foreground", "-s", "/run/llng-fastcgi-server/portal.sock", "-p", "/run/llng-fastcgi-server/portal.pid", "-u", "www-data", "-g", "www-data", "-n", "2"},
		}.command("PATH=/usr/sbin:/usr/bin:/sbin:/bin"))
		portal.waitFor(t, filepath.Join(run, "portal.sock"))
		web := start(t, dir, "lemonldap-nginx", cell{
			Root: nginxRoot(releases[0]),
			Binds: [][2]string{{run, "/config"}, {"/dev", "/dev"}, {filepath.Dir(shared("ca.crt")), "/tls"},
				{"/usr/share/lemonldap-ng/portal/htdocs", "/usr/share/lemonldap-ng/portal/htdocs"}},
			Tmpfs: []string{"/run", "/tmp", "/var/lib/nginx", "/var/log/nginx"},
			Argv:  []string{"/usr/sbin/nginx", "-c", "/config/nginx.conf"},
		}.command())
		web.waitFor(t, "127.0.0.1:8444")
		return web
	}
	p.restart(t)
	return p
}

// writeLemonLDAP turns Debian's default configuration into that of an OpenID
// provider with one relying party.
func writeLemonLDAP(t testing.TB, path, issuer string, apps []application) {
	t.Helper()
	conf := map[string]any{}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(readFile(t, path), "example.com", "example.test")), &conf); err != nil {
		t.Fatal(err)
	}
	private, public := rsaPEM(t)
	redirect, postLogout := registered(apps)
	party := map[string]any{}
	for option, value := range map[string]any{
		"ClientID": "outpost", "ClientSecret": clientSecret, "BypassConsent": 1, "RequirePKCE": 1,
		"IDTokenSignAlg": "RS256", "UserIDAttr": "uid", "AccessTokenExpiration": 300, "IDTokenExpiration": 300,
		"RedirectUris": strings.Join(redirect, " "), "PostLogoutRedirectUris": strings.Join(postLogout, " "), "LogoutBypassConfirm": 1,
	} {
		party["oidcRPMetaDataOptions"+option] = value
	}
	for name, value := range map[string]any{
		"cfgNum": 1, "domain": "example.test", "portal": issuer + "/", "securedCookie": 1, "https": 1, "port": 8444,
		"authentication": "Demo", "userDB": "Same", "passwordDB": "Demo", "portalDisplayRegister": 0,
		// Without this the portal asks for an image library that it never uses here.
		"captcha": "::Main::Plugin", "captcha_login_enabled": 0, "captcha_mail_enabled": 0, "captcha_register_enabled": 0,
		"groups":                          map[string]any{"admins": "$uid eq 'dwho'", "users": "1"},
		"issuerDBOpenIDConnectActivation": 1, "issuerDBOpenIDConnectPath": "^/oauth2/", "issuerDBOpenIDConnectRule": 1,
		"oidcServiceMetaDataIssuer": issuer, "oidcServicePrivateKeySig": private, "oidcServicePublicKeySig": public, "oidcServiceKeyIdSig": "e2e",
		"oidcServiceAllowAuthorizationCodeFlow": 1,
		"oidcRPMetaDataOptions":                 map[string]any{"outpost": party},
		"oidcRPMetaDataExportedVars":            map[string]any{"outpost": map[string]any{"email": "mail", "name": "cn", "preferred_username": "uid", "groups": "groups;string;always"}},
		"oidcRPMetaDataOptionsExtraClaims":      map[string]any{"outpost": map[string]any{"groups": "groups"}},
	} {
		conf[name] = value
	}
	encoded, err := json.MarshalIndent(conf, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, string(encoded))
}

// llngNginx is the portal's own web server: one script for every path.
const llngNginx = `
daemon off; pid /run/nginx.pid; user www-data; worker_processes 1; error_log stderr;
events {}
http {
    access_log off;
    server {
        listen 127.0.0.1:8444 ssl;
        ssl_certificate /tls/chain.crt;
        ssl_certificate_key /tls/leaf.key;
        root /usr/share/lemonldap-ng/portal/htdocs;
        if ($uri !~ ^/((static|javascript|favicon).*|.*\.psgi)) {
            rewrite ^/(.*)$ /index.psgi/$1 break;
        }
        location ~ ^(?<sc>/.*\.psgi)(?:$|/) {
            include /etc/nginx/fastcgi_params;
            fastcgi_pass unix:/config/portal.sock;
            fastcgi_split_path_info ^(.*\.psgi)(/.*)$;
            fastcgi_param PATH_INFO $fastcgi_path_info;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_param HTTP_HOST $http_host;
            fastcgi_param LLTYPE psgi;
            fastcgi_buffer_size 32k;
            fastcgi_buffers 8 32k;
        }
    }
}
`

package e2e

// lemonldap.go starts LemonLDAP::NG as Debian ships it: a portal in Perl behind
// an nginx of its own, with a configuration that only this process sees.

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	llngServer = "/usr/sbin/llng-fastcgi-server"
	llngData   = "/var/lib/lemonldap-ng"
)

// startLemonLDAP is the portal as most people have it: there are no refresh
// tokens, and an access token is good for what the portal's session says.
func startLemonLDAP(t testing.TB, apps []application) *provider {
	t.Helper()
	p := lemonLDAP(t, "lemonldap", apps, nil)
	p.reload = func(v *visitor) { v.open(p.issuer + "/refresh") }
	return p
}

// startLemonLDAPOffline is one that issues refresh tokens to who asks for
// offline_access, which it does not list among its scopes.
func startLemonLDAPOffline(t testing.TB, apps []application) *provider {
	t.Helper()
	p := lemonLDAP(t, "lemonldap-offline", apps, map[string]any{"AllowOffline": 1})
	p.settings = append(p.settings, "scopes: [openid, profile, email, groups, offline_access]")
	return p
}

// lemonLDAP starts a portal with its demonstration users and more options for
// our client than it needs to have.
func lemonLDAP(t testing.TB, name string, apps []application, more map[string]any) *provider {
	t.Helper()
	p := &provider{name: name, issuer: "https://auth.example.test:8444", admin: person{"dwho", "dwho"}, other: person{"rtyler", "rtyler"}}
	p.signOut = func(v *visitor, _ string) { v.open(p.issuer + "/?logout=1") }
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	copyTree(t, llngData, data)
	conf := lemonLDAPConf(t, filepath.Join(data, "conf", "lmConf-1.json"), p, apps, more)
	members := map[string][]string{p.admin.name: {"admins", "users"}, p.other.name: {"users"}}
	number := 0
	write := func(t testing.TB) {
		t.Helper()
		number++ // else a portal goes on with what it has cached
		conf["groups"], conf["cfgNum"], conf["cfgDate"] = lemonLDAPGroups(members), number, time.Now().Unix()
		encoded, err := json.MarshalIndent(conf, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(data, "conf", fmt.Sprintf("lmConf-%d.json", number)), string(encoded))
	}
	write(t)
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

	var portal *process
	startPortal := func(t testing.TB) {
		t.Helper()
		portal = start(t, dir, "lemonldap", cell{
			Binds: [][2]string{{data, llngData}, {filepath.Join(dir, "lemonldap-ng.ini"), "/etc/lemonldap-ng/lemonldap-ng.ini"}, {run, "/run/llng-fastcgi-server"}},
			Argv:  []string{llngServer, "--foreground", "-s", "/run/llng-fastcgi-server/portal.sock", "-p", "/run/llng-fastcgi-server/portal.pid", "-u", "www-data", "-g", "www-data", "-n", "1"},
		}.command("PATH=/usr/sbin:/usr/bin:/sbin:/bin"))
		portal.waitFor(t, filepath.Join(run, "portal.sock"))
	}
	p.setGroups = func(t testing.TB, user string, groups ...string) {
		t.Helper()
		members[user] = groups
		write(t)
		portal.stop(t) // its rules are read at the start; the sessions stay
		startPortal(t)
	}
	p.run = func(t testing.TB) *process {
		startPortal(t)
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

// lemonLDAPGroups are the rules that put people into groups.
func lemonLDAPGroups(members map[string][]string) map[string]string {
	rules := map[string]string{}
	for user, groups := range members {
		for _, group := range groups {
			if rules[group] != "" {
				rules[group] += " or "
			}
			rules[group] += "$uid eq '" + user + "'"
		}
	}
	return rules
}

// lemonLDAPConf makes of Debian's default configuration that of an OpenID
// provider with one relying party.
func lemonLDAPConf(t testing.TB, path string, p *provider, apps []application, more map[string]any) map[string]any {
	t.Helper()
	conf := map[string]any{}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(readFile(t, path), "example.com", "example.test")), &conf); err != nil {
		t.Fatal(err)
	}
	private, public := rsaPEM(t)
	redirect, postLogout := registered(p, apps)
	party := map[string]any{}
	for option, value := range map[string]any{
		"ClientID": "outpost", "ClientSecret": clientSecret, "BypassConsent": 1, "RequirePKCE": 1,
		"IDTokenSignAlg": "RS256", "UserIDAttr": "uid", "AccessTokenExpiration": 300, "IDTokenExpiration": 300,
		"RedirectUris": strings.Join(redirect, " "), "PostLogoutRedirectUris": strings.Join(postLogout, " "), "LogoutBypassConfirm": 1,
		// Not that it would use these: the channel is a plan of its authors.
		"LogoutUrl": apps[0].ExternalURL + outpostPrefix + "/backchannel_logout", "LogoutType": "back", "LogoutSessionRequired": 1,
	} {
		party["oidcRPMetaDataOptions"+option] = value
	}
	for option, value := range more {
		party["oidcRPMetaDataOptions"+option] = value
	}
	for name, value := range map[string]any{
		"domain": "example.test", "portal": p.issuer + "/", "securedCookie": 1, "https": 1, "port": 8444,
		"checkTime":      1, // second, after which a newer configuration is looked for
		"authentication": "Demo", "userDB": "Same", "passwordDB": "Demo", "portalDisplayRegister": 0,
		// Without this the portal asks for an image library that it never uses here.
		"captcha": "::Main::Plugin", "captcha_login_enabled": 0, "captcha_mail_enabled": 0, "captcha_register_enabled": 0,
		"issuerDBOpenIDConnectActivation": 1, "issuerDBOpenIDConnectPath": "^/oauth2/", "issuerDBOpenIDConnectRule": 1,
		"oidcServiceMetaDataIssuer": p.issuer, "oidcServicePrivateKeySig": private, "oidcServicePublicKeySig": public, "oidcServiceKeyIdSig": "e2e",
		"oidcServiceAllowAuthorizationCodeFlow": 1,
		"oidcRPMetaDataOptions":                 map[string]any{"outpost": party},
		"oidcRPMetaDataExportedVars":            map[string]any{"outpost": map[string]any{"email": "mail", "name": "cn", "preferred_username": "uid", "groups": "groups;string;always"}},
		"oidcRPMetaDataOptionsExtraClaims":      map[string]any{"outpost": map[string]any{"groups": "groups"}},
	} {
		conf[name] = value
	}
	return conf
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

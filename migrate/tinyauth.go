package migrate

// tinyauth: its variables (of versions 3 and 4, and TINYAUTH_ of 5), its file, and
// the labels of applications.

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"outpost/access"
	"outpost/config"
)

func fromTinyauth(files []Text) (*draft, error) {
	d, s := &draft{}, &settings{}
	for _, f := range files {
		if env, is := environment(f); is {
			tinyVariables(s, env)
			continue
		}
		documents, err := config.ParseForeign(f.Text)
		if err != nil {
			return nil, fmt.Errorf("%s: is neither variables nor YAML (%w)", f.Name, err)
		}
		for _, document := range documents {
			list := services(f, document)
			for _, one := range list {
				if strings.Contains(one.image, "tinyauth") {
					tinyVariables(s, one.environment)
				}
				tinyLabels(s, one)
			}
			if list == nil {
				file := &settings{}
				flatten(file, f.Name, "", document)
				for _, g := range file.all {
					s.say(strings.ToLower(g.name), g.values, g.from)
				}
			}
		}
	}
	if len(s.all) == 0 {
		return nil, errors.New("there is no setting of tinyauth in these files")
	}
	t := &tinyauth{d: d, s: s}
	t.provider()
	t.domain()
	t.applications()
	for _, one := range [][2]string{{"idle", "auth.sessionexpiry"}, {"max", "auth.sessionmaxlifetime"}} {
		if g := s.take(one[1]); g != nil && g.text() != "0" {
			if text := seconds(g.text()); text != "" {
				d.session.put(one[0], text, g.from)
			} else {
				d.warn(g.from, "%q is no lifetime that a session may have here", g.text())
			}
		}
	}
	for _, name := range []string{"auth.securecookie", "secret", "secretfile"} {
		if g := s.take(name); g != nil {
			d.needless(g.from, "cookies are Secure with https, and a secret is generated into the data directory")
		}
	}
	d.leftOver(s, Tinyauth, tinyauthNone)
	return d, nil
}

// older are the variables before version 5, by what they are called in its file.
var older = map[string]string{
	"APP_URL": "appurl", "USERS": "auth.users", "USERS_FILE": "auth.usersfile", "COOKIE_SECURE": "auth.securecookie", "SESSION_EXPIRY": "auth.sessionexpiry", "LOGIN_TIMEOUT": "auth.logintimeout", "LOGIN_MAX_RETRIES": "auth.loginmaxretries",
	"OAUTH_WHITELIST": "oauth.whitelist", "OAUTH_AUTO_REDIRECT": "oauth.autoredirect", "TRUSTED_PROXIES": "auth.trustedproxies", "SECRET": "secret", "SECRET_FILE": "secretfile", "PORT": "server.port", "ADDRESS": "server.address", "LOG_LEVEL": "log.level",
	"APP_TITLE": "ui.title", "FORGOT_PASSWORD_MESSAGE": "ui.forgotpasswordmessage", "BACKGROUND_IMAGE": "ui.backgroundimage", "DATABASE_PATH": "database.path", "RESOURCES_DIR": "resources.path", "DISABLE_CONTINUE": "ui.warningsenabled", "DISABLE_ANALYTICS": "analytics.enabled",
}

func tinyVariables(s, env *settings) {
	for _, g := range env.all {
		name := ""
		if rest, is := strings.CutPrefix(g.name, "TINYAUTH_"); is {
			name = strings.ReplaceAll(strings.ToLower(rest), "_", ".")
		} else if name = older[g.name]; name == "" {
			name = strings.ToLower(g.name)
			for _, kind := range []string{"GENERIC_", "GOOGLE_", "GITHUB_", "PROVIDERS_"} {
				if rest, is := strings.CutPrefix(g.name, kind); is {
					provider := strings.ToLower(strings.TrimSuffix(kind, "_"))
					if kind == "PROVIDERS_" {
						provider, rest, _ = strings.Cut(rest, "_")
						provider = strings.ToLower(provider)
					}
					field := strings.ReplaceAll(strings.ToLower(rest), "_", "")
					if field == "userurl" {
						field = "userinfourl"
					}
					name = "oauth.providers." + provider + "." + field
				}
			}
		}
		s.say(name, g.values, g.from)
	}
}

// tinyLabels takes what an application's container says of itself; without a name
// (version 3) it has that of its service.
func tinyLabels(s *settings, one service) {
	for _, g := range one.labels.all {
		rest, is := strings.CutPrefix(strings.ToLower(g.name), "tinyauth.")
		if !is {
			continue
		}
		if !strings.HasPrefix(rest, "apps.") {
			switch rest {
			case "domain":
				rest = "config.domain"
			case "users":
				rest = "users.allow"
			case "allowed":
				rest = "path.allow"
			case "headers":
				rest = "response.headers"
			}
			rest = "apps." + one.name + "." + rest
		}
		s.say(rest, g.values, g.from)
	}
}

var tinyauthNone = map[string]string{
	"auth.users": "people are the provider's", "auth.usersfile": "people are the provider's", "auth.logintimeout": "the provider's", "auth.loginmaxretries": "the provider's", "auth.trustedproxies": "write trusted_proxies", "auth.subdomainsenabled": "mode: domain",
	"oauth.autoredirect": "people go to the provider at once", "server.port": "listen", "server.address": "listen", "server.socketpath": "listen: unix:/path", "log.level": "log.level", "log.json": "log.format", "ui.title": "", "ui.forgotpasswordmessage": "", "ui.backgroundimage": "", "ui.warningsenabled": "",
	"database.path": "data", "database.driver": "session.store", "resources.path": "", "resources.enabled": "", "analytics.enabled": "nothing is sent anywhere", "labelprovider": "labels are not read while it runs: run import again", "configfile": "give the file to import as well",
}

type tinyauth struct {
	d *draft
	s *settings

	everywhere []rule // of the networks that every application has
	at         string // what the settings of the provider begin with
}

// provider takes the first of the providers; the others are warned of by their ID.
func (t *tinyauth) provider() {
	d, s := t.d, t.s
	var names []string
	for _, g := range s.all {
		if rest, is := strings.CutPrefix(g.name, "oauth.providers."); is {
			if name, _, _ := strings.Cut(rest, "."); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if names == nil {
		d.issuer("", "oauth.providers")
		d.client("", "", nil, nil)
		return
	}
	at := "oauth.providers." + names[0] + "."
	t.at = at
	endpoint := s.take(at + "authurl")
	issuer, from := issuers[names[0]], at
	if endpoint != nil {
		issuer, from = issuerOf(endpoint.text()), endpoint.from
	}
	d.issuer(issuer, from)
	if names[0] == "github" {
		d.warn(at, "GitHub speaks no OpenID Connect: put a provider between that does (Dex, authentik, Keycloak)")
	}
	id := s.take(at + "clientid")
	d.client(id.text(), placeOf(id), s.take(at+"clientsecret"), s.take(at+"clientsecretfile"))
	if g := s.take(at + "scopes"); g != nil {
		d.scopes(strings.Fields(strings.Join(g.list(), " ")), g.from)
	}
	if g := s.take(at + "name"); g != nil {
		d.provider.put("title", quote(g.text()), g.from)
	}
	for _, field := range []string{"tokenurl", "userinfourl", "redirecturl"} {
		if g := s.take(at + field); g != nil {
			d.needless(g.from, "the provider's metadata have it, and outpost check prints the redirect URI")
		}
	}
	for _, name := range names[1:] {
		d.warn("oauth.providers."+name, "only the first provider, %s, was taken: write the others under providers by hand", names[0])
	}
}

// people adds a whitelist of addresses, which may be an expression between slashes.
func (t *tinyauth) people(a *application, g *given, what string) {
	if g == nil {
		return
	}
	if text := g.text(); len(text) > 1 && text[0] == '/' && text[len(text)-1] == '/' {
		t.d.closed(a, g.from, what, "write the addresses that the expression matched, as emails or email_domains")
		return
	}
	var emails []string
	for _, one := range g.list() {
		if !strings.Contains(one, "@") {
			t.d.closed(a, g.from, what, "write addresses or domains")
			return
		}
		emails = append(emails, strings.ToLower(one))
	}
	a.allow = append(a.allow, line{"", "{ emails: " + list(emails) + " }", g.from})
}

// domain is everything below the parent of the application's own host.
func (t *tinyauth) domain() {
	d, s := t.d, t.s
	g := s.take("appurl")
	u, external := origin(g.text())
	a := &application{}
	a.put("name", d.appName("home"), "")
	host, parent := "", ""
	if u != nil {
		host = u.Hostname()
		_, parent, _ = strings.Cut(host, ".")
	}
	if strings.Contains(parent, ".") {
		a.put("mode", "domain", "")
		d.external(a, external, g.from)
		a.put("cookie_domain", quote(parent), g.from)
	} else {
		a.put("mode", "single", "")
		d.external(a, external, cmpPlace(g, "appurl"))
	}
	t.people(a, s.take("oauth.whitelist"), "oauth.whitelist")
	if t.at != "" {
		t.people(a, s.take(t.at+"whitelist"), t.at+"whitelist")
	}
	for _, name := range []string{"oauth.whitelistfile", t.at + "whitelistfile"} {
		if g := s.take(name); g != nil {
			d.closed(a, g.from, name, "write its addresses as emails")
		}
	}
	t.networks(a, "auth.ip.")
	t.everywhere = slices.Clone(a.rules)
	if g := s.take("auth.acls.policy"); g.text() == "deny" {
		d.add(a, rule{Rule: access.Rule{Deny: true}, from: g.from})
	}
	a.set = remoteUser("as tinyauth sends them")
	d.applications = append(d.applications, a)
}

func remoteUser(from string) []line {
	return []line{{"Remote-User", quote("{username}"), from}, {"Remote-Name", quote("{name}"), from}, {"Remote-Email", quote("{email}"), from},
		{"Remote-Groups", "{ value: " + quote("{groups}") + ", join: \",\" }", from}, {"Remote-Sub", quote("{subject}"), from}}
}

// networks are those that may, may not, and need no sign-in.
func (t *tinyauth) networks(a *application, at string) {
	d, s := t.d, t.s
	if g := s.take(at + "block"); g != nil {
		if nets := t.prefixes(g); len(nets) == len(g.list()) {
			d.add(a, rule{Rule: access.Rule{Networks: nets, Deny: true}, from: g.from})
		} else {
			d.closed(a, g.from, "ip.block", "write its networks as a rule with deny")
		}
	}
	if g := s.take(at + "allow"); g != nil {
		if nets := t.prefixes(g); len(nets) > 0 {
			d.add(a, rule{Rule: access.Rule{Networks: nets}, allow: "true", from: g.from})
		}
		d.add(a, rule{Rule: access.Rule{Deny: true}, from: g.from + ": nobody else"})
	}
	if g := s.take(at + "bypass"); g != nil {
		d.bypass(a, g.list(), g.from)
	}
}

func (t *tinyauth) prefixes(g *given) (all []netip.Prefix) {
	for _, text := range g.list() {
		p, err := netip.ParsePrefix(text)
		if addr, one := netip.ParseAddr(text); err != nil && one == nil {
			p, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			t.d.warn(g.from, "%q is no network", text)
			continue
		}
		all = append(all, p.Masked())
	}
	return all
}

// applications are those with rules of their own, each with a host.
func (t *tinyauth) applications() {
	d, s := t.d, t.s
	var names []string
	for _, g := range s.all {
		if rest, is := strings.CutPrefix(g.name, "apps."); is {
			if name, _, _ := strings.Cut(rest, "."); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	home := d.applications[0]
	for _, name := range names {
		at := "apps." + name + "."
		g := s.take(at + "config.domain")
		host := strings.ToLower(g.text())
		if host == "" {
			d.warn(at, "does not say its domain, so that nothing was made of it: what restricted it has to be written by hand")
			d.closed(home, at, "the rules of "+name, "write an application for it")
			continue
		}
		a := &application{}
		a.put("name", d.appName(name), "")
		a.put("mode", "single", "")
		d.external(a, "https://"+host, g.from)
		a.allow = append(a.allow, home.allow...)
		t.people(a, s.take(at+"oauth.whitelist"), at+"oauth.whitelist")
		if g := s.take(at + "oauth.groups"); g != nil {
			if strings.HasPrefix(g.text(), "/") {
				d.closed(a, g.from, "oauth.groups", "write the groups that the expression matched")
			} else {
				a.allow = append(a.allow, line{"", "{ groups: " + list(g.list()) + " }", g.from})
			}
		}
		for _, r := range t.everywhere {
			d.add(a, r)
		}
		t.networks(a, at+"ip.")
		if g := s.take(at + "path.allow"); g != nil {
			if s.find(at+"ip.allow") == nil && s.find("auth.ip.allow") == nil {
				d.open(a, g.text(), pathQuery, nil, g.from)
			} else {
				d.warn(g.from, "stays closed, beside ip.allow: write a public rule with its networks")
			}
		}
		if g := s.take(at + "path.block"); g != nil {
			d.warn(g.from, "opened all but what it matches, which has no equal; everything needs a sign-in until you write a rule")
		}
		a.set = remoteUser("as tinyauth sends them")
		t.response(a, at+"response.")
		d.applications = append(d.applications, a)
	}
}

// response is what an application is sent besides.
func (t *tinyauth) response(a *application, at string) {
	d, s := t.d, t.s
	if g := s.take(at + "headers"); g != nil {
		for _, one := range g.list() {
			if name, _, found := strings.Cut(one, "="); found {
				d.warn(g.from, "the header %s has a fixed value, which may be a secret, and was not copied: write it into headers.set", name)
			}
		}
	}
	user, password, file := s.take(at+"basicauth.username"), s.take(at+"basicauth.password"), s.take(at+"basicauth.passwordfile")
	if user == nil || password == nil && file == nil {
		return
	}
	name := strings.NewReplacer("{", "{{", "}", "}}").Replace(user.text())
	if file != nil && !strings.ContainsAny(file.text(), "${}") {
		a.put("basic_auth", "{ username: "+quote(name)+", password: "+quoted("${file:"+file.text()+"}")+" }", user.from)
		return
	}
	env := "OUTPOST_" + strings.ToUpper(strings.ReplaceAll(a.name(), "-", "_")) + "_PASSWORD"
	a.put("basic_auth", "{ username: "+quote(name)+", password: "+quoted(variable(env))+" }", user.from)
	d.warn(placeOf(password), "is a secret and was not copied: set %s", env)
}

package migrate

// vouch: its config.yml.

import (
	"errors"
	"fmt"
	"strings"

	"outpost/access"
	"outpost/config"
)

func fromVouch(files []Text) (*draft, error) {
	d, s := &draft{}, &settings{}
	for _, f := range files {
		documents, err := config.ParseForeign(f.Text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		for _, one := range documents {
			flatten(s, f.Name, "", one)
		}
	}
	if !onlyPrefixed(s, "vouch.") && !onlyPrefixed(s, "oauth.") {
		return nil, errors.New("there is neither vouch nor oauth in these files")
	}
	v := &vouch{d, s}
	v.provider()
	for _, a := range v.applications() {
		v.people(a)
		v.headers(a)
	}
	if g := s.take("vouch.jwt.maxAge"); g != nil {
		if text := duration(g.text() + "m"); text != "" {
			d.session.put("max", text, g.from)
		} else {
			d.warn(g.from, "%q is no lifetime that a session may have here", g.text())
		}
	}
	for name, why := range map[string]string{
		"vouch.jwt.secret": "a secret is generated into the data directory", "vouch.session.key": "a secret is generated into the data directory", "vouch.cookie.secure": "always, with https", "vouch.cookie.httpOnly": "always",
		"vouch.cookie.name": "the application's name", "vouch.session.name": "nothing of the kind", "vouch.jwt.compress": "cookies hold a ticket alone", "vouch.jwt.issuer": "cookies hold a ticket alone", "oauth.code_challenge_method": "S256 always",
	} {
		if g := s.take(name); g != nil {
			d.needless(g.from, why)
		}
	}
	d.leftOver(s, Vouch, vouchNone)
	return d, nil
}

// flatten makes settings of a tree, whose names have dots.
func flatten(s *settings, file, above string, n config.Node) {
	switch {
	case n.IsMapping():
		for _, key := range n.Keys {
			name := key
			if above != "" {
				name = above + "." + key
			}
			flatten(s, file, name, n.Below[key])
		}
	case n.IsList():
		values := []string{}
		for i, item := range n.Items {
			if item.IsMapping() || item.IsList() {
				flatten(s, file, fmt.Sprintf("%s.%d", above, i), item)
				continue
			}
			values = append(values, item.Text)
		}
		if len(values) > 0 {
			s.say(above, values, placeIn(file, n, above))
		}
	case n != nil && above != "":
		s.say(above, []string{n.Text}, placeIn(file, n, above))
	}
}

var vouchNone = map[string]string{
	"vouch.listen": "listen", "vouch.port": "listen", "vouch.logLevel": "log.level", "vouch.testing": "", "vouch.test_url": "", "vouch.test_urls": "", "vouch.document_root": "", "vouch.cookie.maxAge": "session.max",
	"vouch.cookie.sameSite": "cookies are Lax", "vouch.cookie.domain": "cookie_domain, of domains", "vouch.headers.jwt": "", "vouch.headers.querystring": "no token is taken from a query", "vouch.headers.redirect": "",
	"vouch.headers.accesstoken": "no access token goes out", "vouch.headers.idtoken": "headers: { jwt: true } sends the ID token as X-authentik-jwt", "vouch.headers.error": "", "vouch.headers.success": "", "vouch.headers.sub": "", "vouch.post_logout_redirect_uris": "",
	"vouch.writeTimeout": "", "vouch.readTimeout": "", "vouch.idleTimeout": "", "vouch.tls.cert": "nginx ends TLS", "vouch.tls.key": "nginx ends TLS", "vouch.tls.profile": "nginx ends TLS", "vouch.jwt.signing_method": "", "vouch.jwt.private_key_file": "", "vouch.jwt.public_key_file": "",
	"oauth.token_url": "the provider's metadata have it", "oauth.user_info_url": "the provider's metadata have it", "oauth.end_session_endpoint": "the provider's metadata have it", "oauth.user_team_url": "", "oauth.user_org_url": "", "oauth.claims": "", "oauth.relying_party_id": "", "oauth.azure_token": "",
}

type vouch struct {
	d *draft
	s *settings
}

func (v *vouch) provider() {
	d, s := v.d, v.s
	kind, endpoint := s.take("oauth.provider"), s.take("oauth.auth_url")
	issuer, from := issuers[kind.text()], cmpPlace(kind, "oauth.provider")
	if endpoint != nil {
		issuer, from = issuerOf(endpoint.text()), endpoint.from
	}
	d.issuer(issuer, from)
	id := s.take("oauth.client_id")
	d.client(id.text(), placeOf(id), s.take("oauth.client_secret"), s.take("oauth.client_secret_file"))
	if g := s.take("oauth.scopes"); g != nil {
		d.scopes(g.list(), g.from)
	}
	if g := s.take("oauth.preferredDomain"); g != nil {
		d.provider.put("extra", "{ hd: "+quote(g.text())+" }", g.from)
	}
}

// applications are one for each domain.
func (v *vouch) applications() []*application {
	d, s := v.d, v.s
	back, domains := s.take("oauth.callback_urls", "oauth.callback_url"), s.find("vouch.domains")
	urls := back.list()
	names := domains.list()
	if c := s.take("vouch.cookie.domain"); names == nil && c != nil {
		names, domains = c.list(), c
	}
	if names == nil {
		names = []string{""}
	}
	for _, domain := range names {
		a, external, host := &application{}, "", "app"
		for _, one := range urls {
			if u, at := origin(one); u != nil && (domain == "" || u.Hostname() == domain || strings.HasSuffix(u.Hostname(), "."+domain)) {
				external, host = at, u.Hostname()
				break
			}
		}
		if external == "" && domain != "" {
			external, host = "https://vouch."+domain, "vouch"
		}
		a.put("name", d.appName(host), "")
		if domain == "" {
			a.put("mode", "single", "")
		} else {
			a.put("mode", "domain", placeOf(domains))
		}
		d.external(a, external, cmpPlace(back, "oauth.callback_url"))
		if domain != "" {
			a.put("cookie_domain", quote(domain), domains.from)
		}
		d.applications = append(d.applications, a)
	}
	return d.applications
}

// people is the first that vouch looks at of everybody, a list, teams, domains.
func (v *vouch) people(a *application) {
	d, s := v.d, v.s
	all, list_, teams, domains := s.take("vouch.allowAllUsers"), s.take("vouch.whiteList"), s.take("vouch.teamWhitelist"), s.take("vouch.domains")
	switch {
	case all.yes():
		d.needless(all.from, "without allow, every signed-in person may")
	case list_ != nil:
		var emails, users, parts []string
		for _, one := range list_.list() {
			if strings.Contains(one, "@") {
				emails = append(emails, strings.ToLower(one))
			} else {
				users = append(users, one)
			}
		}
		if emails != nil {
			parts = append(parts, "emails: "+list(emails))
		}
		if users != nil {
			parts = append(parts, "users: "+list(users))
		}
		a.allow = append(a.allow, line{"", "{ " + strings.Join(parts, ", ") + " }", list_.from})
	case teams != nil:
		d.closed(a, teams.from, "teamWhitelist", "write the groups of your provider")
	case domains != nil:
		a.allow = append(a.allow, line{"", "{ email_domains: " + list(domains.list()) + " }", domains.from + ", for addresses too"})
		d.warn(domains.from, "addresses of the domains below these counted as well: write each")
	default:
		d.closed(a, "vouch.domains", "domains", "write who may come in, or take allow out for everybody")
	}
	if g := s.take("vouch.publicAccess"); g.yes() {
		d.add(a, rule{Rule: access.Rule{Public: true}, from: g.from})
		d.warn(g.from, "everything is open without a sign-in, as it was")
	}
}

func (v *vouch) headers(a *application) {
	d, s := v.d, v.s
	user, prefix := s.take("vouch.headers.user"), s.take("vouch.headers.claimheader")
	name, from := "X-Vouch-User", "as vouch calls it"
	if user != nil {
		name, from = user.text(), user.from
	}
	header(a, line{name, quote("{email}"), from})
	begin := "X-Vouch-IdP-Claims-"
	if prefix != nil {
		begin = prefix.text()
	}
	if g := s.take("vouch.headers.claims"); g != nil {
		for _, claim := range g.list() {
			value := quote("{" + claim + "}")
			if claim == "groups" {
				value = "{ value: " + value + ", join: \",\" }"
			}
			header(a, line{begin + strings.Trim(notInNames.ReplaceAllString(strings.ToLower(claim), "-"), "-"), value, g.from})
		}
		d.warn(g.from, "lists are joined by commas, and names have hyphens for underscores")
	}
}

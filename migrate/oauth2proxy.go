package migrate

// oauth2-proxy: its configuration file, its variables and flags, and its alpha
// file. The first three are one list of settings under the names of the first.

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"outpost/access"
	"outpost/config"
)

// plurals are settings whose flag and variable have another name than the file.
var plurals = map[string]string{
	"email_domain": "email_domains", "cookie_domain": "cookie_domains", "whitelist_domain": "whitelist_domains", "upstream": "upstreams",
	"skip_auth_route": "skip_auth_routes", "trusted_ip": "trusted_ips", "trusted_proxy_ip": "trusted_proxy_ips", "allowed_group": "allowed_groups", "allowed_role": "allowed_roles",
	"extra_jwt_issuer": "extra_jwt_issuers", "oidc_audience_claim": "oidc_audience_claims", "oidc_extra_audience": "oidc_extra_audiences",
	"provider_ca_file": "provider_ca_files", "keycloak_group": "keycloak_groups", "gitlab_group": "gitlab_groups", "google_group": "google_groups",
	"gitlab_project": "gitlab_projects", "github_user": "github_users", "entra_id_allowed_tenant": "entra_id_allowed_tenants", "api_route": "api_routes",
	"redis_sentinel_connection_url": "redis_sentinel_connection_urls", "redis_cluster_connection_url": "redis_cluster_connection_urls", "htpasswd_user_group": "htpasswd_user_groups",
}

func fromOAuth2Proxy(files []Text) (*draft, error) {
	d, all := &draft{}, &settings{}
	var alpha []alphaFile
	for _, f := range files {
		if s, is := environment(f); is && onlyPrefixed(s, "OAUTH2_PROXY_") {
			d.takeVariables(all, s)
			continue
		}
		var table map[string]any
		meta, err := toml.Decode(string(f.Text), &table)
		if err == nil && len(table) > 0 {
			for _, key := range meta.Keys() {
				name := key.String()
				all.say(legacyName(name), texts(table[key[0]]), f.Name+" "+name)
			}
			continue
		}
		documents, yamlErr := config.ParseForeign(f.Text)
		if yamlErr != nil {
			return nil, fmt.Errorf("%s: is neither oauth2-proxy's TOML, nor variables, nor YAML (%w)", f.Name, yamlErr)
		}
		for _, document := range documents {
			if found := d.composed(all, f, document); !found && document.IsMapping() {
				alpha = append(alpha, alphaFile{f.Name, document})
			}
		}
	}
	if len(all.all) == 0 && alpha == nil {
		return nil, errors.New("there is no setting of oauth2-proxy in these files")
	}
	o := &oauth2Proxy{d: d, s: all}
	for _, one := range alpha {
		o.alpha(one)
	}
	o.all()
	d.leftOver(all, OAuth2Proxy, oauth2ProxyNone)
	return d, nil
}

// texts is a value of TOML as texts.
func texts(value any) (all []string) {
	switch value := value.(type) {
	case []any:
		for _, one := range value {
			all = append(all, fmt.Sprint(one))
		}
		return all
	case map[string]any:
		return nil
	}
	return []string{fmt.Sprint(value)}
}

func onlyPrefixed(s *settings, prefix string) bool {
	return slices.ContainsFunc(s.all, func(g *given) bool { return strings.HasPrefix(g.name, prefix) })
}

// legacyName is a flag's or variable's name as the file has it.
func legacyName(name string) string {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	if plural, is := plurals[name]; is {
		return plural
	}
	return name
}

func (d *draft) takeVariables(all, from *settings) {
	for _, g := range from.all {
		if name, is := strings.CutPrefix(g.name, "OAUTH2_PROXY_"); is {
			all.say(legacyName(name), g.list(), g.from)
		}
	}
}

// composed takes the variables and flags of oauth2-proxy's services; false where
// the document is no compose file.
func (d *draft) composed(all *settings, f Text, document config.Node) bool {
	list := services(f, document)
	for _, s := range list {
		if !strings.Contains(s.image, "oauth2-proxy") && !onlyPrefixed(s.environment, "OAUTH2_PROXY_") {
			continue
		}
		d.takeVariables(all, s.environment)
		said := map[string]bool{}
		for _, g := range s.flags {
			name := legacyName(g.name)
			if old := all.find(name); old != nil && said[name] {
				old.values = append(old.values, g.values...)
				continue
			}
			said[name] = true
			all.say(name, g.values, g.from)
		}
	}
	return list != nil
}

// oauth2Proxy is the reading of one configuration.
type oauth2Proxy struct {
	d *draft
	s *settings
	a *application

	said []line // headers of the alpha file
}

func (o *oauth2Proxy) all() {
	o.provider()
	o.application()
	o.people()
	o.openings()
	o.headers()
	o.sessions()
	for name, why := range map[string]string{
		"code_challenge_method": "S256 always", "force_code_challenge_method": "S256 always", "insecure_oidc_skip_nonce": "the nonce is always checked", "cookie_csrf_per_request": "eight tabs may sign in at once",
		"cookie_csrf_per_request_limit": "eight tabs may sign in at once", "cookie_csrf_expire": "a sign-in has a quarter of an hour", "cookie_csrf_samesite": "cookies are Lax", "skip_provider_button": "there is no such page",
		"reverse_proxy": "nginx is always in front", "cookie_httponly": "always", "cookie_secure": "always, with https", "cookie_secret": "a secret is generated into the data directory",
		"cookie_secret_file": "a secret is generated into the data directory", "cookie_name": "the application's name", "cookie_path": "always /", "ping_path": "GET /outpost.goauthentik.io/ping", "ready_path": "the management listener has /-/ready",
		"silence_ping_logging": "pings are not logged", "session_cookie_minimal": "cookies hold a ticket alone", "session_store_type": "sessions are in a file, or where session says", "approval_prompt": "nothing of the kind is sent",
		"relative_redirect_url": "redirects are built from external_url", "encode_state": "state is sealed", "config": "the file that was read",
	} {
		if g := o.s.find(name); g != nil && !g.taken {
			g.taken = true
			o.d.needless(g.from, why)
		}
	}
}

func (o *oauth2Proxy) provider() {
	d, s := o.d, o.s
	kind := s.take("provider")
	issuer := s.take("oidc_issuer_url")
	tenant := s.take("azure_tenant")
	name, from := kind.text(), "provider"
	if kind != nil {
		from = kind.from
	} else {
		name = "google" // as oauth2-proxy has it
	}
	switch {
	case issuer != nil:
		d.issuer(issuer.text(), issuer.from)
	case (name == "azure" || name == "entra-id") && tenant != nil && tenant.text() != "common":
		d.issuer("https://login.microsoftonline.com/"+tenant.text()+"/v2.0", tenant.from)
	default:
		d.issuer(issuers[name], from)
	}
	if slices.Contains(unnamed, name) && issuer == nil {
		d.warn(from, "%s speaks no OpenID Connect: put a provider between that does (Dex, authentik, Keycloak), and set OUTPOST_ISSUER to it", name)
	}
	id := s.take("client_id")
	d.client(id.text(), placeOf(id), s.take("client_secret"), s.take("client_secret_file"))
	if g := s.take("scope"); g != nil {
		d.scopes(strings.Fields(strings.Join(g.values, " ")), g.from)
	}
	if g := s.take("provider_display_name"); g != nil {
		d.provider.put("title", quote(g.text()), g.from)
	}
	var claims []string
	var places []string
	for _, one := range [][2]string{{"email", "oidc_email_claim"}, {"groups", "oidc_groups_claim"}} {
		if g := s.take(one[1]); g != nil && g.text() != one[0] {
			claims, places = append(claims, one[0]+": "+quote(g.text())), append(places, g.from)
		}
	}
	if claims != nil {
		d.provider.put("claims", "{ "+strings.Join(claims, ", ")+" }", strings.Join(places, ", "))
	}
	if g := s.take("insecure_oidc_allow_unverified_email"); g.yes() {
		d.provider.put("insecure_unverified_email", "true", g.from)
	}
	if g := s.take("provider_ca_files"); g != nil {
		d.provider.put("ca_file", quote(g.list()[0]), g.from)
		if len(g.list()) > 1 {
			d.warn(g.from, "several files: put all certificates into the first")
		}
	}
	if g := s.take("entra_id_allowed_tenants"); g != nil {
		d.provider.put("tenants", list(g.list()), g.from)
	}
}

func placeOf(g *given) string {
	if g == nil {
		return ""
	}
	return g.from
}

func (o *oauth2Proxy) application() {
	d, s := o.d, o.s
	redirect := s.take("redirect_url")
	domains := s.take("cookie_domains")
	o.a = &application{}
	u, external := origin(redirect.text())
	host := "app"
	if u != nil {
		host = u.Hostname()
	}
	o.a.put("name", d.appName(host), "")
	if domain := strings.TrimPrefix(domains.text(), "."); domain != "" && domain != host {
		o.a.put("mode", "domain", domains.from)
		d.external(o.a, external, cmpPlace(redirect, "redirect_url"))
		o.a.put("cookie_domain", quote(domain), domains.from)
		if len(domains.list()) > 1 {
			d.warn(domains.from, "several domains: each wants an application of its own; this one is for %s", domain)
		}
	} else {
		o.a.put("mode", "single", "")
		d.external(o.a, external, cmpPlace(redirect, "redirect_url"))
	}
	d.applications = append(d.applications, o.a)
	if redirect != nil {
		d.warn(redirect.from, "the redirect URI to register at the provider is another one now: outpost check prints it")
	}
	for _, one := range [][2]string{{"prompt", "prompt"}, {"acr_values", "acr_values"}} {
		if g := s.take(one[0]); g != nil && g.text() != "none" {
			o.a.put(one[1], list(strings.Fields(g.text())), g.from)
		}
	}
}

func cmpPlace(g *given, otherwise string) string {
	if g != nil {
		return g.from
	}
	return otherwise
}

// people is who may: the address and the groups, both, as oauth2-proxy has it.
func (o *oauth2Proxy) people() {
	d, s, a := o.d, o.s, o.a
	domains := s.take("email_domains")
	emails := s.take("authenticated_emails_file")
	var exact []string
	everybody := false
	for _, domain := range domains.list() {
		switch {
		case domain == "*":
			everybody = true
		case strings.HasPrefix(domain, ".") || strings.Contains(domain, "*"):
			d.warn(domains.from, "%s means every domain below one, which has no equal: write each", domain)
		default:
			exact = append(exact, strings.ToLower(strings.TrimPrefix(domain, "@")))
		}
	}
	switch {
	case everybody:
		d.needless(domains.from, "without allow, every signed-in person may")
		if emails != nil {
			d.needless(emails.from, "email_domains has everybody already")
		}
	case exact != nil:
		a.allow = append(a.allow, line{"", "{ email_domains: " + list(exact) + " }", domains.from})
		if emails != nil {
			d.warn(emails.from, "has no equal: write its addresses beside email_domains, as emails")
		}
	case emails != nil:
		d.closed(a, emails.from, "addresses of authenticated_emails_file", "write its addresses as emails: [alice@example.com]")
	default:
		d.closed(a, cmpPlace(domains, "email_domains"), "email_domains", "write whose addresses may come in, or take allow out for everybody")
	}
	for _, name := range []string{"allowed_groups", "keycloak_groups", "google_groups", "google_group", "gitlab_groups", "gitlab_group"} {
		if g := s.take(name); g != nil {
			a.allow = append(a.allow, line{"", "{ groups: " + list(g.list()) + " }", g.from})
		}
	}
	for _, name := range []string{"allowed_roles"} {
		if g := s.take(name); g != nil {
			a.allow = append(a.allow, line{"", "{ claims: { realm_access.roles: " + list(g.list()) + " } }", g.from + ", roles of the realm"})
		}
	}
	for _, name := range []string{"github_org", "github_team", "github_repo", "github_users", "gitlab_projects", "bitbucket_team", "bitbucket_repository"} {
		if g := s.take(name); g != nil {
			d.closed(a, g.from, name, "write the groups of your provider")
		}
	}
	if g := s.take("htpasswd_file"); g != nil {
		d.warn(g.from, "has no equal: people sign in at the provider, programs have tokens (docs/machine-clients.md)")
	}
}

// openings is what needs no sign-in.
func (o *oauth2Proxy) openings() {
	d, s, a := o.d, o.s, o.a
	if g := s.take("skip_auth_preflight"); g.yes() {
		a.put("public", "[preflight]", g.from)
	}
	for _, name := range []string{"skip_auth_routes", "skip_auth_regex"} {
		g := s.take(name)
		if g == nil {
			continue
		}
		for _, value := range g.values {
			method, expression, found := strings.Cut(value, "=")
			negated := false
			if found && strings.HasSuffix(method, "!") {
				negated, method = true, strings.TrimSuffix(method, "!")
			}
			var methods []string
			switch {
			case found && name == "skip_auth_routes" && isMethod(method):
				methods = []string{strings.ToUpper(method)}
			case found && name == "skip_auth_routes" && method == "":
			default:
				expression, negated = value, false
			}
			if negated {
				d.warn(g.from, "%q opens all but what it matches, which has no equal; everything needs a sign-in until you write a rule", value)
				continue
			}
			d.open(a, expression, pathOnly, methods, g.from)
		}
	}
	if g := s.take("trusted_ips"); g != nil {
		d.bypass(a, g.list(), g.from)
	}
	if g := s.take("skip_jwt_bearer_tokens"); g.yes() {
		id := s.find("client_id")
		if id != nil {
			a.put("bearer", "{ audience: "+list([]string{id.text()})+" }", g.from)
		}
		d.warn(g.from, "a token wants an audience that is this application's alone: look at bearer (docs/machine-clients.md)")
	}
}

func isMethod(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool { return (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') })
}

// bypass writes a rule for networks that needed no sign-in as a comment: an address
// counts for as much as trusted_proxies is narrow.
func (d *draft) bypass(a *application, networks []string, from string) {
	prefixes := []netip.Prefix{}
	for _, text := range networks {
		p, err := netip.ParsePrefix(text)
		if addr, one := netip.ParseAddr(text); err != nil && one == nil {
			p, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			d.warn(from, "%q is no network", text)
			continue
		}
		prefixes = append(prefixes, p.Masked())
	}
	if len(prefixes) > 0 {
		d.add(a, rule{Rule: access.Rule{Networks: prefixes, Public: true}, from: from, doubt: true})
		d.warn(from, "opens everything to these addresses, and is only a comment: name nginx in trusted_proxies before you take the # away, or anybody may pass for one of them")
	}
}

// headers is what the application is told.
func (o *oauth2Proxy) headers() {
	s, a, d := o.s, o.a, o.d
	proxied := false
	for _, to := range s.find("upstreams").list() {
		u, err := url.Parse(to)
		proxied = proxied || err == nil && (u.Scheme == "http" || u.Scheme == "https" || u.Scheme == "unix")
	}
	if g := s.take("upstreams"); g != nil {
		d.warn(g.from, "nginx leads to the application: proxy_pass in its location")
	}
	user, email := "{subject}", s.take("prefer_email_to_user")
	if email.yes() {
		user = "{email}"
	}
	password := s.take("basic_auth_password")
	basic, passes := s.take("set_basic_auth"), s.take("pass_basic_auth")
	if password != nil && (basic.yes() || proxied && (passes == nil || passes.yes())) {
		a.put("basic_auth", "{ username: "+quote(user)+", password: "+quoted(variable("OUTPOST_BASIC_AUTH_PASSWORD"))+" }", password.from+", which is not copied")
		d.warn(password.from, "is a secret and was not copied: set OUTPOST_BASIC_AUTH_PASSWORD, or write ${file:…} and put it there")
	}
	users := s.take("pass_user_headers")
	x := s.take("set_xauthrequest")
	switch {
	case o.said != nil:
		for _, l := range o.said {
			header(a, l)
		}
	case x.yes():
		a.put("headers", "{ presets: auth-request }", x.from)
	case proxied && (users == nil || users.yes()):
		from := "pass_user_headers, as oauth2-proxy has it by default"
		if users != nil {
			from = users.from
		}
		a.set = append(a.set, line{"X-Forwarded-User", quote(user), from})
		if !email.yes() {
			a.set = append(a.set, line{"X-Forwarded-Email", quote("{email}"), from})
		}
		a.set = append(a.set, line{"X-Forwarded-Preferred-Username", quote("{username}"), from},
			line{"X-Forwarded-Groups", "{ value: " + quote("{groups}") + ", join: \",\" }", from})
	default:
		a.put("headers", "{ presets: none }", "no set_xauthrequest")
	}
	for _, name := range []string{"set_authorization_header", "pass_authorization_header", "pass_access_token"} {
		if g := s.take(name); g.yes() {
			d.warn(g.from, "no token of the provider's goes out in Authorization; headers: { jwt: true } sends the ID token as X-authentik-jwt, to applications that verify it")
		}
	}
}

// header sets one of the application's own; the last that is said of a name counts.
func header(a *application, l line) {
	for i := range a.set {
		if strings.EqualFold(a.set[i].key, l.key) {
			a.set[i] = l
			return
		}
	}
	a.set = append(a.set, l)
}

// sessions is how long, and where.
func (o *oauth2Proxy) sessions() {
	s, d := o.s, o.d
	for _, one := range [][2]string{{"max", "cookie_expire"}, {"recheck", "cookie_refresh"}} {
		g := s.take(one[1])
		if g == nil {
			continue
		}
		text := duration(g.text())
		switch {
		case text != "":
			d.session.put(one[0], text, g.from)
		case one[0] == "recheck" && (g.text() == "0" || strings.HasPrefix(g.text(), "0s")):
			d.session.put("recheck", "off", g.from)
		default:
			d.warn(g.from, "%q is no lifetime that a session may have here", g.text())
		}
	}
	if kind := s.find("session_store_type"); kind.text() == "redis" {
		o.redis()
	}
}

func (o *oauth2Proxy) redis() {
	s, d := o.s, o.d
	kind := s.take("session_store_type")
	d.session.put("store", "redis", kind.from)
	d.other.put("secret", quoted(variable("OUTPOST_SECRET")), "to do: replicas need the same one")
	d.warn(kind.from, "sessions in Redis want a secret that all replicas have: set OUTPOST_SECRET to the output of openssl rand -base64 48")
	where, sentinel, cluster := s.take("redis_connection_url"), s.take("redis_use_sentinel"), s.take("redis_use_cluster")
	sentinels, nodes, master := s.take("redis_sentinel_connection_urls"), s.take("redis_cluster_connection_urls"), s.take("redis_sentinel_master_name")
	switch {
	case sentinel.yes() && sentinels != nil:
		d.redis.put("sentinel", "{ addresses: "+list(addresses(sentinels.list()))+", master: "+quote(master.text())+" }", sentinels.from)
	case cluster.yes() && nodes != nil:
		d.redis.put("cluster", "{ addresses: "+list(addresses(nodes.list()))+" }", nodes.from)
	case where != nil:
		if u, err := url.Parse(where.text()); err == nil {
			if u.User != nil {
				d.redis.put("password", quoted(variable("OUTPOST_REDIS_PASSWORD")), where.from+", where it is not copied from")
				d.warn(where.from, "has a password, which was not copied: set OUTPOST_REDIS_PASSWORD")
				u.User = nil
			}
			if n := strings.Trim(u.Path, "/"); n != "" && u.Scheme != "unix" {
				d.redis.put("database", quote(n), where.from)
				u.Path = ""
			}
			u.RawQuery = ""
			d.redis.put("url", quote(u.String()), where.from)
		} else {
			d.warn(where.from, "is no URL")
		}
	default:
		d.redis.put("url", quoted(variable("OUTPOST_REDIS_URL")), "to do")
		d.warn(kind.from, "does not say where Redis is: set OUTPOST_REDIS_URL")
	}
	if g := s.take("redis_username"); g != nil {
		d.redis.put("username", quote(g.text()), g.from)
	}
	if g := s.take("redis_password"); g != nil {
		d.redis.put("password", quoted(variable("OUTPOST_REDIS_PASSWORD")), g.from+", which is not copied")
		d.warn(g.from, "is a secret and was not copied: set OUTPOST_REDIS_PASSWORD")
	}
	if g := s.take("redis_ca_path"); g != nil {
		d.redis.put("ca_file", quote(g.text()), g.from)
	}
}

// addresses are host:port of URLs.
func addresses(urls []string) (all []string) {
	for _, one := range urls {
		if u, err := url.Parse(one); err == nil && u.Host != "" {
			one = u.Host
		}
		all = append(all, one)
	}
	return all
}

package migrate

// oauth2-proxy: its configuration file, its variables and flags, and its alpha
// file. The first three are one list of settings under the names of the first.

import (
	"errors"
	"fmt"
	"github.com/BurntSushi/toml"
	"outpost/config"
	"slices"
	"strings"
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

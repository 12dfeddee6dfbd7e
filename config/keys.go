package config

import (
	"time"

	"gopkg.in/yaml.v3"
)

// The keys of the file: their names, order, defaults and rules. Rules about one
// value are in values.go, address.go, url.go and secret.go; those that need two
// of them are in validate.go.

// alone is the name of the provider that stands under `provider`.
const alone = "default"

// config reads the whole file.
func (r *reader) config(root *yaml.Node) *Config {
	c := &Config{file: r.file}
	s := r.open(root, "")
	c.Listen = optional(s, "listen", ":9000", parseAddress)
	c.FrontEnds = list(s, "front_ends", []string{"nginx"}, oneOf("nginx", "traefik", "caddy", "envoy", "authelia"))
	c.Front = optional(s, "front", "true", parseBool)
	c.Management = optional(s, "management", ":9300", parseAddressOrOff)
	c.TLS = r.tls(s)
	c.Data = optional(s, "data", "/data", parseDirectory)
	c.Admin = optional(s, "admin", adminSocket(c.Data), parseSocketOrOff)
	c.TrustedProxies = list(s, "trusted_proxies", nil, parseNetwork)
	c.InsecureHTTP = optional(s, "insecure_http", "false", parseBool)
	c.Providers = r.providers(s, c.InsecureHTTP)
	c.Applications = r.applications(s, c.Providers, c.InsecureHTTP)
	c.Tokens = r.tokens(s, c.Applications)
	c.Session = r.session(s)
	c.Pages = r.pages(s)
	c.Secrets = oneOrMore(s, "secret", "", parseSecret)
	c.Log = r.log(s)
	c.AuditLog = r.auditLog(s)
	c.Tracing = r.tracing(s)
	c.effective = s.close()
	return c
}

// providers reads `provider` or `providers`.
func (r *reader) providers(s *section, insecure bool) []Provider {
	one, several := s.take("provider"), s.take("providers")
	switch {
	case one != nil && several != nil:
		r.fail("providers", at(s.keys["providers"]), "must not be given together with provider", "keep one of the two: providers is a list of named ones")
		return nil
	case one != nil:
		p, effective := r.provider(one, "provider", alone, insecure)
		s.put("provider", effective)
		return []Provider{p}
	case several != nil:
		var all []Provider
		s.each("providers", several, func(n *yaml.Node, path string) *yaml.Node {
			p, effective := r.provider(n, path, "", insecure)
			all = append(all, p)
			return effective
		})
		return all
	}
	if !s.empty("providers") {
		s.missing("provider", "name the issuer, client_id and client_secret of your provider under it")
	}
	return nil
}

// provider reads one provider. Its name may be left out where there is a
// standard one.
func (r *reader) provider(n *yaml.Node, path, standard string, insecure bool) (Provider, *yaml.Node) {
	var p Provider
	s := r.open(n, path)
	if standard != "" {
		p.Name = optional(s, "name", standard, parseName)
	} else {
		p.Name = required(s, "name", "choose a short name; applications refer to it", parseName)
	}
	p.Title = optional(s, "title", "", parseEntry)
	p.Issuer = required(s, "issuer", "copy it from the provider, exactly as it is there, the slash at its end included", parseIssuer(insecure))
	p.ClientID = required(s, "client_id", "copy it from the provider", parseClientID)
	p.ClientSecret = optional(s, "client_secret", "", parseClientSecret)
	p.ClientAuth = optional(s, "client_auth", "", oneOf("basic", "post", "none", "private_key_jwt"))
	p.ClientKey = optional(s, "client_key", "", parseClientKey)
	p.ClientKeyID = optional(s, "client_key_id", "", parseEntry)
	p.Tenants = list(s, "tenants", nil, parseTenant)
	p.Scopes = list(s, "scopes", []string{"openid", "profile", "email", "groups"}, parseScope)
	p.Claims = r.claims(s)
	p.GroupsTrimPrefix = optional(s, "groups_trim_prefix", "", parseEntry)
	p.MissingGroups = optional(s, "missing_groups", MissingKeep, oneOf(MissingKeep, MissingRemove))
	p.InsecureUnverifiedEmail = optional(s, "insecure_unverified_email", "false", parseBool)
	p.Extra = r.extra(s)
	p.PushedAuthorizationRequests = optional(s, "pushed_authorization_requests", "false", parseBool)
	p.EndSessionURL = optional(s, "end_session_url", "", parseEndSession(insecure))
	p.BackchannelURL = optional(s, "backchannel_url", "", parseOrigin)
	p.InsecureBackchannelHTTP = optional(s, "insecure_backchannel_http", "false", parseBool)
	p.CAFile = optional(s, "ca_file", "", r.parseAuthorities(&p.authorities))
	p.Proxy = optional(s, "proxy", "", parseProxy)
	return p, s.close()
}

// claims reads the section of that name.
func (r *reader) claims(parent *section) Claims {
	s := r.open(parent.take("claims"), join(parent.path, "claims"))
	v := Claims{
		Username:     oneOrMore(s, "username", "preferred_username", parseClaimPath),
		Name:         oneOrMore(s, "name", "name", parseClaimPath),
		Email:        oneOrMore(s, "email", "email", parseClaimPath),
		Groups:       oneOrMore(s, "groups", "groups", parseClaimPath),
		Entitlements: oneOrMore(s, "entitlements", "entitlements", parseClaimPath),
	}
	parent.put("claims", s.close())
	return v
}

// extra reads the section of that name, whose keys are the provider's; besides
// are parameters that have a key of their own beside it.
func (r *reader) extra(parent *section, besides ...string) map[string]string {
	r.shaped(join(parent.path, "extra"), func(s *shape) { s.group = true })
	n := parent.take("extra")
	if n == nil {
		parent.put("extra", nullNode())
		return nil
	}
	s := r.open(n, join(parent.path, "extra"))
	all := map[string]string{}
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i].Value
			if _, twice := all[name]; twice || n.Content[i].Kind != yaml.ScalarNode {
				continue // reported by plain
			}
			r.owned(s.path, name)
			if v := checkParameter(name, besides); v != nil {
				r.fail(join(s.path, name), at(n.Content[i]), v.rule, v.hint)
			}
			all[name] = required(s, name, "write its value", parseEntry)
		}
		if len(n.Content) == 0 {
			r.report(s.path, "must have at least one parameter", "remove the key, or write null, for none")
		}
	}
	parent.put("extra", s.close())
	return all
}

// applications reads the list of applications.
func (r *reader) applications(s *section, providers []Provider, insecure bool) []Application {
	n := s.take("applications")
	if n == nil {
		s.missing("applications", "list at least one, each with name, mode and external_url")
		return nil
	}
	only := ""
	if len(providers) == 1 {
		only = providers[0].Name
	}
	var all []Application
	s.each("applications", n, func(n *yaml.Node, path string) *yaml.Node {
		a, effective := r.application(n, path, only, insecure)
		all = append(all, a)
		return effective
	})
	return all
}

// application reads one application; only is the name of the single provider,
// "" where there are several.
func (r *reader) application(n *yaml.Node, path, only string, insecure bool) (Application, *yaml.Node) {
	var a Application
	s := r.open(n, path)
	a.Name = required(s, "name", "choose a short name; it is in the cookie's name and in the metrics", parseApplicationName)
	a.Mode = required(s, "mode", "say single (this host alone) or domain (every host below cookie_domain)", parseMode)
	a.ExternalURL = required(s, "external_url", "the address that people type, such as https://app.example.com", parseExternalURL(insecure))
	a.CookieDomain = optional(s, "cookie_domain", "", parseCookieDomain)
	a.Providers = oneOrMore(s, "provider", only, parseName)
	a.Allow = r.allow(s)
	a.Prompt = oneOrMore(s, "prompt", "", parsePrompt)
	a.MaxAge = optional(s, "max_age", "", parseMaxAge)
	a.ACRValues = oneOrMore(s, "acr_values", "", parseWord)
	a.LoginHint = optional(s, "login_hint", "", parseEntry)
	a.Extra = r.extra(s, "acr_values", "login_hint")
	a.Require = r.require(s)
	a.Rules = r.rules(s)
	a.Default = optional(s, "default", "", oneOf(DefaultDeny, DefaultAllow))
	a.Public = r.public(s)
	a.Headers = r.headers(s)
	a.BasicAuth = r.basicAuth(s)
	a.Bearer = r.bearer(s)
	a.AppPasswords = optional(s, "app_passwords", "false", parseBool)
	a.Cookie = r.cookie(s)
	a.FrameAncestors = list(s, "frame_ancestors", nil, parseOrigin)
	return a, s.close()
}

// session reads the section of that name.
func (r *reader) session(parent *section) Session {
	var v Session
	s := r.open(parent.take("session"), "session")
	v.Store = optional(s, "store", StoreFile, oneOf(StoreFile, StoreMemory, StoreRedis))
	v.Max = optional(s, "max", "168h", parseLifetime)
	// A short max alone is a whole sentence: idle follows it.
	idle := 24 * time.Hour
	if v.Max > 0 {
		idle = min(idle, v.Max)
	}
	v.Idle = optional(s, "idle", shortDuration(idle), parseLifetime)
	v.Recheck = optional(s, "recheck", "15m", parseRecheck)
	v.MaxSessionsPerUser = optional(s, "max_sessions_per_user", "500", parseNumber)
	v.MaxSessions = optional(s, "max_sessions", "1000000", parseNumber)
	v.CachedSessions = optional(s, "cached_sessions", "100000", parseNumber)
	v.Redis = r.redis(s)
	parent.put("session", s.close())
	return v
}

// log reads the section of that name.
func (r *reader) log(parent *section) Log {
	var v Log
	s := r.open(parent.take("log"), "log")
	v.Format = optional(s, "format", LogText, oneOf(LogText, LogJSON))
	v.Level = optional(s, "level", "info", parseLevel)
	parent.put("log", s.close())
	return v
}

// auditLog reads the section of that name.
func (r *reader) auditLog(parent *section) AuditLog {
	s := r.open(parent.take("audit_log"), "audit_log")
	v := AuditLog{File: optional(s, "file", "", parseAuditFile)}
	parent.put("audit_log", s.close())
	return v
}

// tracing reads the section of that name.
func (r *reader) tracing(parent *section) Tracing {
	var v Tracing
	s := r.open(parent.take("tracing"), "tracing")
	v.Endpoint = optional(s, "endpoint", "", parseCollector)
	v.Sample = optional(s, "sample", "1", parseSample)
	v.Parent = optional(s, "parent", "false", parseBool)
	parent.put("tracing", s.close())
	return v
}

package migrate

// The provider: which issuer a tool means that asks for endpoints, and what stands
// nowhere in its configuration.

import (
	"net/url"
	"slices"
	"strings"
)

// issuers of the providers that the tools know by name.
var issuers = map[string]string{"google": "https://accounts.google.com", "gitlab": "https://gitlab.com"}

// unnamed are providers that speak no OpenID Connect.
var unnamed = []string{"github", "bitbucket", "facebook", "linkedin", "digitalocean", "nextcloud", "discord", "gitea", "github_enterprise", "indieauth", "homeassistant", "login.gov", "keycloak", "alibaba", "cidaas", "sourcehut", "srht", "slack", "twitch"}

// issuerOf guesses an issuer by an authorization endpoint, where a provider has one
// way to name the two; "" where it is not certain.
func issuerOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return ""
	}
	base := u.Scheme + "://" + u.Host
	if realm, found := strings.CutSuffix(u.Path, "/protocol/openid-connect/auth"); found { // Keycloak
		return base + realm
	}
	if tenant, found := strings.CutSuffix(u.Path, "/oauth2/v2.0/authorize"); found && u.Host == "login.microsoftonline.com" {
		return base + tenant + "/v2.0"
	}
	if u.Host == "accounts.google.com" {
		return issuers["google"]
	}
	if prefix, found := strings.CutSuffix(u.Path, "/v1/authorize"); found && strings.Contains(u.Path, "/oauth2/") { // Okta
		return base + prefix
	}
	return ""
}

// issuer sets the issuer, or says that it has to be found out.
func (d *draft) issuer(issuer, from string) {
	if issuer != "" {
		d.provider.put("issuer", quote(issuer), from)
		return
	}
	d.provider.put("issuer", quoted(variable("OUTPOST_ISSUER")), "to do")
	d.warn(from, "does not say who the issuer is: set OUTPOST_ISSUER to what the provider has at …/.well-known/openid-configuration under issuer")
}

// client sets ID and secret. A secret that stood in a text is not written again.
func (d *draft) client(id, idFrom string, secret, file *given) {
	if id != "" {
		d.provider.put("client_id", quote(id), idFrom)
	} else {
		d.provider.put("client_id", quoted(variable("OUTPOST_CLIENT_ID")), "to do")
		d.warn("client_id", "is nowhere in these files: set OUTPOST_CLIENT_ID")
	}
	switch {
	case file != nil && !strings.ContainsAny(file.text(), "${}"):
		d.provider.put("client_secret", quoted("${file:"+file.text()+"}"), file.from)
	default:
		from := "to do"
		if secret != nil {
			from = secret.from + ", which is not copied"
			d.warn(secret.from, "is a secret and was not copied: set OUTPOST_CLIENT_SECRET, or write ${file:/run/secrets/oidc} and put it there")
		} else {
			d.warn("client_secret", "is nowhere in these files: set OUTPOST_CLIENT_SECRET")
		}
		d.provider.put("client_secret", quoted(variable("OUTPOST_CLIENT_SECRET")), from)
	}
}

// scopes sets them; openid is always there.
func (d *draft) scopes(texts []string, from string) {
	if len(texts) == 0 {
		return
	}
	if !slices.Contains(texts, "openid") {
		texts = append([]string{"openid"}, texts...)
	}
	d.provider.put("scopes", list(texts), from)
}

// origin is scheme and host of a URL, "" for what is none.
func origin(text string) (*url.URL, string) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, ""
	}
	return u, u.Scheme + "://" + strings.ToLower(u.Host)
}

// external sets an application's external URL, or says that it is to be found out;
// plain http needs a word of its own.
func (d *draft) external(a *application, external, from string) {
	if external == "" {
		a.put("external_url", quoted(variable("OUTPOST_EXTERNAL_URL")), "to do")
		d.warn(from, "does not say at which URL people sign in: set OUTPOST_EXTERNAL_URL to scheme and host")
		return
	}
	a.put("external_url", quote(external), from)
	if strings.HasPrefix(external, "http://") {
		d.warn(from, "is plain http, which is for tests alone: write https, or insecure_http: true")
	}
}

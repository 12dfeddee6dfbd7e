package migrate

// oauth2-proxy's alpha file: providers and headers in YAML. What it has in common
// with the other one becomes a setting of that.

import (
	"strconv"
	"strings"

	"outpost/config"
)

type alphaFile struct {
	name string
	root config.Node
}

// alphaProvider are the keys of a provider, with the settings that they are.
var alphaProvider = map[string]string{
	"clientID": "client_id", "clientSecret": "client_secret", "clientSecretFile": "client_secret_file", "provider": "provider", "name": "provider_display_name", "caFiles": "provider_ca_files",
	"useSystemTrustStore": "use_system_trust_store", "loginURL": "login_url", "redeemURL": "redeem_url", "profileURL": "profile_url", "skipClaimsFromProfileURL": "skip_claims_from_profile_url",
	"resource": "resource", "validateURL": "validate_url", "scope": "scope", "allowedGroups": "allowed_groups", "code_challenge_method": "code_challenge_method", "backendLogoutURL": "backend_logout_url", "additionalClaims": "additional_claims",
	"oidcConfig.issuerURL": "oidc_issuer_url", "oidcConfig.insecureAllowUnverifiedEmail": "insecure_oidc_allow_unverified_email", "oidcConfig.insecureSkipIssuerVerification": "insecure_oidc_skip_issuer_verification",
	"oidcConfig.insecureSkipNonce": "insecure_oidc_skip_nonce", "oidcConfig.skipDiscovery": "skip_oidc_discovery", "oidcConfig.jwksURL": "oidc_jwks_url", "oidcConfig.emailClaim": "oidc_email_claim",
	"oidcConfig.groupsClaim": "oidc_groups_claim", "oidcConfig.userIDClaim": "user_id_claim", "oidcConfig.audienceClaims": "oidc_audience_claims", "oidcConfig.extraAudiences": "oidc_extra_audiences", "oidcConfig.publicKeyFiles": "oidc_public_key_files",
	"keycloakConfig.groups": "keycloak_groups", "keycloakConfig.roles": "allowed_roles", "azureConfig.tenant": "azure_tenant", "azureConfig.graphGroupField": "azure_graph_group_field",
	"microsoftEntraIDConfig.allowedTenants": "entra_id_allowed_tenants", "microsoftEntraIDConfig.federatedTokenAuth": "entra_id_federated_token_auth",
	"gitlabConfig.group": "gitlab_groups", "gitlabConfig.projects": "gitlab_projects", "googleConfig.group": "google_groups", "googleConfig.adminEmail": "google_admin_email", "googleConfig.serviceAccountJson": "google_service_account_json",
	"githubConfig.org": "github_org", "githubConfig.team": "github_team", "githubConfig.repo": "github_repo", "githubConfig.token": "github_token", "githubConfig.users": "github_users",
	"bitbucketConfig.team": "bitbucket_team", "bitbucketConfig.repository": "bitbucket_repository", "loginGovConfig.jwtKey": "jwt_key", "loginGovConfig.jwtKeyFile": "jwt_key_file", "loginGovConfig.pubjwkURL": "pubjwk_url",
}

func (o *oauth2Proxy) alpha(f alphaFile) {
	a := &alphaReading{oauth2Proxy: o, f: f}
	for _, key := range f.root.Keys {
		n := f.root.Below[key]
		switch key {
		case "providers":
			for i, one := range n.Items {
				if i == 0 {
					a.provider(one, "")
				} else {
					o.d.warn(a.place(one, "providers"), "only the first provider was taken: write the others under providers by hand")
				}
			}
		case "injectResponseHeaders", "injectRequestHeaders":
			a.headers(key, n)
		case "server", "metricsServer":
			o.d.warn(a.place(n, key), "has no equal here: listen and management")
		case "upstreamConfig", "upstreams":
			o.d.warn(a.place(n, key), "nginx leads to the application: proxy_pass in its location")
		default:
			o.d.warn(a.place(n, key), "is no setting of oauth2-proxy that this program knows; nothing was made of it")
		}
	}
}

type alphaReading struct {
	*oauth2Proxy
	f   alphaFile
	set []line
}

func (a *alphaReading) place(n config.Node, key string) string { return placeIn(a.f.name, n, key) }

func (a *alphaReading) provider(n config.Node, above string) {
	for _, key := range n.Keys {
		value, name := n.Below[key], above+key
		legacy, known := alphaProvider[name]
		switch {
		case known && value.IsList():
			var all []string
			for _, one := range value.Items {
				all = append(all, one.Text)
			}
			a.s.say(legacy, all, a.place(value, name))
		case known && value.IsMapping() && value.Get("fromFile") != nil:
			a.s.say(legacy+"_file", []string{value.Get("fromFile").Text}, a.place(value, name))
		case known && !value.IsMapping():
			a.s.say(legacy, []string{value.Text}, a.place(value, name))
		case name == "id":
			a.d.needless(a.place(value, name), "the only provider is called default")
		case value.IsMapping() && above == "":
			a.provider(value, key+".")
		default:
			a.d.warn(a.place(value, name), "has no equal here")
		}
	}
}

// alphaClaims are the claims of a session that headers are made of.
var alphaClaims = map[string]string{"user": "{subject}", "email": "{email}", "preferred_username": "{username}", "groups": "{groups}"}

// headers become headers of one's own: the last that is said of a name counts.
func (a *alphaReading) headers(key string, n config.Node) {
	for _, one := range n.Items {
		name := one.Get("name")
		if name == nil {
			continue
		}
		from := a.place(one, key+" "+name.Text)
		values := one.Get("values")
		if !values.IsList() || len(values.Items) != 1 {
			a.d.warn(from, "has none or several values, which has no equal: write headers.set")
			continue
		}
		value := values.Items[0]
		claim, prefix := value.Get("claim"), value.Get("prefix")
		if source := value.Get("claimSource"); source != nil {
			claim, prefix = source.Get("claim"), source.Get("prefix")
		}
		switch {
		case strings.EqualFold(name.Text, "Authorization") || claim != nil && (claim.Text == "access_token" || claim.Text == "id_token"):
			a.d.warn(from, "has no equal: basic_auth sends a user name and password, headers: { jwt: true } the ID token")
		case claim == nil:
			a.d.warn(from, "is a fixed value, which may be a secret, and was not copied: write it into headers.set")
		default:
			text := alphaClaims[claim.Text]
			if text == "" {
				text = "{" + claim.Text + "}"
			}
			if prefix != nil {
				text = strings.NewReplacer("{", "{{", "}", "}}").Replace(prefix.Text) + text
			}
			shown := quote(text)
			if claim.Text == "groups" {
				shown = "{ value: " + shown + ", join: \",\" }"
			}
			a.set = append(a.set, line{name.Text, shown, from})
		}
	}
	a.said = append(a.said, a.set...)
	a.set = nil
}

func placeIn(file string, n config.Node, key string) string {
	if n == nil {
		return file + " " + key
	}
	return file + ":" + strconv.Itoa(n.Line) + " " + key
}

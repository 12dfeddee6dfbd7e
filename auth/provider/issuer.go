package provider

// issuer.go decides whether a name that somebody gives is that of our
// provider. Names are compared to the byte: a slash more is another issuer
// (OpenID Connect Discovery §4.3). Two providers are excused by name: Google,
// which leaves the scheme out of some tokens (go-oidc knows it), and Entra,
// whose metadata for many tenants name none of them.

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// tenantID stands in Entra's metadata where each token has its tenant.
const tenantID = "{tenantid}"

// accept holds metadata against the configuration. The error Is
// errMisconfigured.
func (p *Provider) accept(m *metadata) error {
	before, after, many := strings.Cut(m.Issuer, tenantID)
	switch {
	case many && len(p.tenants) == 0:
		return fmt.Errorf("%w: it calls itself %q and serves every tenant there is; name those that may sign in under tenants, or take the issuer of one", errMisconfigured, cut(m.Issuer))
	case !many && len(p.tenants) > 0:
		return fmt.Errorf("%w: tenants are configured, and it calls itself %q, which is one", errMisconfigured, cut(m.Issuer))
	case !many:
		return m.check(p.issuer)
	}
	word, ok := strings.CutPrefix(p.issuer, before) // "common", "organizations"
	word, more := strings.CutSuffix(word, after)
	if !ok || !more || word == "" || strings.Contains(word, "/") {
		return m.check(p.issuer) // it says that the two differ
	}
	endpoints := *m
	endpoints.Issuer = p.issuer
	return endpoints.check(p.issuer)
}

// issuers are the names that the provider may give itself in tokens and
// responses, one for each tenant.
func (p *Provider) issuers() []string {
	m := p.known.Load()
	if len(p.tenants) == 0 || m == nil {
		return []string{p.issuer}
	}
	var all []string
	for _, tenant := range p.tenants {
		all = append(all, strings.Replace(m.Issuer, tenantID, tenant, 1))
	}
	return all
}

// issuerOf is the issuer for whom an ID token's subject is a name. The error
// says why the token is not of any that we know.
func (p *Provider) issuerOf(m *metadata, c claims) (string, error) {
	if len(p.tenants) == 0 {
		return p.issuer, nil // compared by go-oidc
	}
	tenant := c.text("tid")
	if !slices.Contains(p.tenants, tenant) {
		return "", fmt.Errorf("tenant %q is not among those configured", cut(tenant))
	}
	issuer := strings.Replace(m.Issuer, tenantID, tenant, 1)
	if c.text("iss") != issuer {
		return "", fmt.Errorf("issuer %q is not that of the tenant, %q", cut(c.text("iss")), issuer)
	}
	return issuer, nil
}

// CheckIssuer compares the iss parameter of an authorization response
// (RFC 9207 §2.4). The error says who answered in place of this provider; where
// it is not nil, nothing else of the response counts.
func (p *Provider) CheckIssuer(query url.Values) error {
	iss := query.Get("iss")
	if iss == "" {
		if m := p.known.Load(); m == nil || !m.IssParameter {
			return nil
		}
	}
	if !slices.Contains(p.issuers(), iss) {
		return fmt.Errorf("the response names issuer %q, the flow was begun with %q", cut(iss), p.issuer)
	}
	return nil
}

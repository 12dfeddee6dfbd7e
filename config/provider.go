package config

import (
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// The rules about how we show a provider who we are, and how we reach it.

// maxAuthorities is the size of a file of certificates; that of the whole
// public web is a quarter of it.
const maxAuthorities = 1 << 20

// parseClientKey takes a private key in PEM. That it can sign is package
// auth's to find out.
func parseClientKey(s string) (Secret, *violation) {
	block, _ := pem.Decode([]byte(s))
	if block == nil || !strings.Contains(s, "PRIVATE KEY-----") {
		return "", broken("must be a private key in PEM", "write ${file:/run/secrets/oidc-key}; make one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256")
	}
	return Secret(s), nil
}

// parseAuthorities takes the path of a file with certificates in PEM, and puts
// what is in it into text.
func (r *reader) parseAuthorities(text *string) func(string) (string, *violation) {
	return func(path string) (string, *violation) {
		pemText, v := r.fileAt(path, maxAuthorities)
		if v != nil {
			return "", v
		}
		if !x509.NewCertPool().AppendCertsFromPEM(pemText) {
			return "", broken("must hold certificates in PEM", "they begin with -----BEGIN CERTIFICATE-----")
		}
		*text = string(pemText)
		return filepath.Clean(path), nil
	}
}

// fileAt returns what the file at an absolute path holds.
func (r *reader) fileAt(path string, limit int64) ([]byte, *violation) {
	if !filepath.IsAbs(path) || unprintable(path) {
		return nil, broken("must be the absolute path of a file", "a relative one depends on where the program is started")
	}
	// Looked at before it is opened: opening a pipe waits for its writer.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		r.note(path, nil)
		return nil, broken("must be a regular file", "Docker makes a directory where the file to mount does not exist")
	}
	text, _, err := readFile(path, limit)
	r.note(path, text)
	if err != nil {
		return nil, broken("must be a file that can be read: "+withoutPath(err).Error(), "mount it, readable to the user that outpost runs as")
	}
	return text, nil
}

var guid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// parseTenant takes an Entra tenant's ID, as tokens have it.
func parseTenant(s string) (string, *violation) {
	if s = strings.ToLower(s); !guid.MatchString(s) {
		return "", broken("must be a tenant's ID, such as 9122040d-6c67-4c5b-b112-36a304b66dad", "it is on the tenant's overview page; its domain will not do")
	}
	return s, nil
}

// ownParameters are those of an authorization request that we set, or whose
// effect would have to be checked: a sign-in that was asked to be recent and is
// not looked at afterwards only seems to be.
var ownParameters = []string{
	"client_id", "client_secret", "code_challenge", "code_challenge_method", "max_age", "nonce", "prompt", "redirect_uri",
	"request", "request_uri", "response_mode", "response_type", "scope", "state",
}

// checkParameter holds the name of an extra parameter against ours, and against
// those that have a key besides.
func checkParameter(name string, besides []string) *violation {
	switch {
	case name == "" || !visible(name) || strings.Contains(name, " "):
		return broken("must be the name of a parameter, without white space", "")
	case slices.Contains(besides, name):
		return broken("must not be a parameter that has a key of its own", "write "+name+" beside extra, not below it")
	case slices.Contains(ownParameters, name):
		return broken("must not be a parameter that outpost sets itself", "leave out "+strings.Join(ownParameters, ", "))
	}
	return nil
}

var placeholderInURL = regexp.MustCompile(`\{(client_id|post_logout_redirect_uri|id_token_hint|state)\}`)

// parseEndSession takes the address where a browser signs out of the provider,
// with placeholders in its query.
func parseEndSession(insecure bool) func(string) (string, *violation) {
	return func(s string) (string, *violation) {
		base, query, _ := strings.Cut(s, "?")
		u, v := absolute(base, "https://auth.example.com/logout?client_id={client_id}&logout_uri={post_logout_redirect_uri}", insecure)
		if v != nil {
			return "", v
		}
		if _, v := host(u); v != nil {
			return "", v
		}
		rest := placeholderInURL.ReplaceAllString(query, "")
		switch {
		case strings.ContainsAny(base+rest, "{}"):
			return "", broken("must have no {…} but {client_id}, {post_logout_redirect_uri}, {id_token_hint} and {state}, in its query", "")
		case strings.Contains(rest, "#") || !visible(rest) || strings.Contains(rest, " "):
			return "", broken("must have a query of printable ASCII without white space, and no fragment", "")
		}
		return s, nil
	}
}

// checkTenants holds a provider's tenants against its issuer: Entra has one for
// each tenant, and a few that stand for many.
func (r *reader) checkTenants(p Provider, path string) {
	u, err := url.Parse(p.Issuer)
	if err != nil || p.Issuer == "" {
		return
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	entra := strings.HasPrefix(u.Hostname(), "login.") && strings.Contains(u.Hostname(), "microsoftonline")
	many := entra && slices.Contains([]string{"common", "organizations", "consumers"}, first)
	switch given := r.given(path + ".tenants"); {
	case many && !given:
		r.report(path+".tenants", "is missing", "this issuer lets everybody in who has an account at Microsoft: name the tenants that may sign in, or write the ID of yours in place of "+first)
	case given && entra && !many:
		r.report(path+".tenants", "must not be given for the issuer of one tenant", "write organizations in place of its ID, or remove tenants")
	}
}

// checkClient holds a provider's credentials against each other.
func (r *reader) checkClient(p Provider, path string) {
	secret, key := r.given(path+".client_secret"), r.given(path+".client_key")
	switch {
	case secret && key:
		r.report(path+".client_key", "must not be given together with client_secret", "keep the one that the provider knows")
	case p.ClientAuth == "private_key_jwt" && !key:
		r.report(path+".client_auth", "needs client_key", "")
	case (p.ClientAuth == "basic" || p.ClientAuth == "post") && !secret:
		r.report(path+".client_auth", "needs client_secret", "")
	case p.ClientAuth == "none" && (secret || key):
		r.report(path+".client_auth", "must not be none where there is a client_secret or client_key", "remove one of the two")
	}
	if r.given(path+".client_key_id") && !key {
		r.report(path+".client_key_id", "needs client_key", "")
	}
	if strings.HasPrefix(p.BackchannelURL, "http:") && !p.InsecureBackchannelHTTP {
		r.report(path+".backchannel_url", "must be an https URL", "where nobody else is on the way, as between containers of one machine, set insecure_backchannel_http: true")
	}
}

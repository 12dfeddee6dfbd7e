package provider

// bearer.go decides whether an access token may be believed that a provider has
// signed (RFC 9068 §4, RFC 8725), and whether it is for whom it has to be for. What
// a provider says of a token when it is asked (introspection.go) is held to the
// same.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"outpost/access"
	"outpost/session"
)

// Bearer says which access tokens an application takes: those of its providers
// that are meant for it.
type Bearer struct {
	// Audience is who a token has to be for: one of these has to be in its aud, to
	// the letter. At least one. Our own client ID counts like any other name: only
	// where it is listed.
	Audience []string
	// Scopes have all to be granted (scope or scp). nil asks for none.
	Scopes []string
	// Introspect has the provider asked about every token (RFC 7662), in place of
	// reading it: tokens may then be opaque, and one that is revoked is out within
	// a minute. It takes an application with one provider, at which we can
	// show who we are.
	Introspect bool
}

// refuseToken is the error of an access token that is not taken.
func refuseToken(reason Reason, format string, args ...any) error {
	return &Refusal{reason, fmt.Errorf(format, args...)}
}

// MachineClient is who a credential speaks for that a provider stands by.
type MachineClient struct {
	Identity session.Identity
	Proof    access.Proof // how the person behind the client, if there is one, proved who they are
	ClientID string       // to which the provider issued the credential; "" if not known
}

// VerifyBearer says whose an access token is that bearer lets in and one of these
// providers has signed, and until when it is good. The error is a *Refusal of the
// token, or means that nobody can say: the provider's metadata or keys cannot be had.
func VerifyBearer(ctx context.Context, all []*Provider, raw string, bearer *Bearer) (*MachineClient, time.Time, error) {
	no := func(err error) (*MachineClient, time.Time, error) { return nil, time.Time{}, err }
	if strings.Count(raw, ".") != 2 {
		return no(refuseToken(CredentialsRefused, "it is not a compact JWS: opaque tokens take bearer.introspect"))
	}
	header, err := joseHeader(raw)
	if err != nil {
		return no(&Refusal{CredentialsRefused, err})
	}
	claimed, err := claimsOf(raw, 1)
	if err != nil {
		return no(refuseToken(CredentialsRefused, "claims: %w", err))
	}
	p, m, err := vouching(ctx, all, claimed.text("iss"))
	if err != nil {
		return no(err)
	}
	if alg := header.text("alg"); !slices.Contains(m.algorithms(), alg) {
		return no(refuseToken(CredentialsRefused, "alg %q is not one of those that the provider lists and we accept", cut(alg)))
	}
	payload, err := p.keys.VerifySignature(withCall(ctx, p.name, "jwks"), raw)
	switch {
	case errors.Is(err, ErrKeys):
		return no(err)
	case err != nil:
		return no(&Refusal{CredentialsRefused, err})
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return no(refuseToken(CredentialsRefused, "its claims are no JSON object"))
	}
	if err := c.isAccessToken(header); err != nil {
		return no(&Refusal{CredentialsRefused, err})
	}
	if _, has := c["exp"]; !has {
		return no(refuseToken(CredentialsRefused, "exp is missing"))
	}
	if !validSubject(c.text("sub")) {
		return no(refuseToken(CredentialsRefused, "sub is not 1 to 255 printable ASCII characters"))
	}
	return p.clientOf(m, bearer, c)
}

// vouching is the provider whose name is issuer, to the byte, and what is known of
// it. Nothing of the token that names it has been verified: it chooses whose keys
// have to.
func vouching(ctx context.Context, all []*Provider, issuer string) (*Provider, *metadata, error) {
	for _, p := range all {
		m := p.known.Load()
		if m == nil && (p.issuer == issuer || len(p.tenants) > 0) { // this process has just begun
			var err error
			if m, err = p.ready(ctx); err != nil {
				return nil, nil, err
			}
		}
		if slices.Contains(p.issuers(), issuer) {
			return p, m, nil
		}
	}
	return nil, nil, refuseToken(CredentialsRefused, "iss %q is no provider of the application", cut(issuer))
}

// isAccessToken tells an access token from what else a provider signs: ID tokens
// above all, which say who somebody is and grant nothing, and which every client
// of the provider is given (RFC 9068 §4, RFC 8725 §3.12).
//
// typ at+jwt says it. Most providers write JWT into everything; then the claims
// have to say it: a scope, a client that it was issued to, Keycloak's typ,
// Cognito's token_use, or the pair of azp and uid that authentik adds. A nonce is
// an ID token's, though authentik and old versions of Keycloak copy it into
// access tokens: it speaks against a token of which but the client is told.
func (c claims) isAccessToken(header claims) error {
	_, typed := header["typ"]
	explicit := isType(header, "at+jwt")
	if typed && !explicit && !isType(header, "jwt") {
		return fmt.Errorf("typ is %q: a token of another kind", cut(header.text("typ")))
	}
	if err := c.isOfKindAccess(); err != nil {
		return err
	}
	for _, mark := range []string{"at_hash", "c_hash", "s_hash", "events"} {
		if _, there := c[mark]; there {
			return fmt.Errorf("it has %s, which no access token has", mark)
		}
	}
	_, scope := c["scope"]
	_, scp := c["scp"]
	_, nonce := c["nonce"]
	switch {
	case explicit, scope, scp, c.text("typ") != "", c.text("token_use") != "":
		return nil
	case nonce:
		return errors.New("it has a nonce and no scope: an ID token")
	case c.text("client_id") != "", c.text("cid") != "", c.text("appid") != "", c.text("idtyp") != "": // Okta's, and Entra's
		return nil
	case c.text("azp") != "" && c.text("uid") != "":
		return nil
	}
	return errors.New("nothing in it says that it is an access token: typ at+jwt, scope, scp or client_id")
}

// isOfKindAccess refuses tokens that name a kind of their own, another one:
// Keycloak's ID, Refresh and Logout, Cognito's id, Hydra's refresh_token.
func (c claims) isOfKindAccess() error {
	for name, good := range map[string][]string{
		"typ": {"bearer"}, "token_use": {"access", "access_token"}, "token_type": {"bearer", "access_token"}, "idtyp": {"app", "user"},
	} {
		if _, there := c[name]; there && !slices.Contains(good, strings.ToLower(c.text(name))) {
			return fmt.Errorf("%s is %q: a token of another kind, or one that takes a proof besides", name, cut(c.text(name)))
		}
	}
	return nil
}

// clientOf makes a client of claims that the provider stands by, if they are for
// us, and says until when.
func (p *Provider) clientOf(m *metadata, b *Bearer, c claims) (*MachineClient, time.Time, error) {
	no := func(err error) (*MachineClient, time.Time, error) { return nil, time.Time{}, err }
	if raw, there := c["cnf"]; there && string(raw) != "null" {
		// Whoever shows it has to prove that it is his (RFC 9449, RFC 8705), and
		// here nobody could tell.
		return no(refuseToken(CredentialsRefused, "cnf: the token is bound to a key, and takes a proof that is not looked at here"))
	}
	if err := b.meant(c); err != nil {
		return no(err)
	}
	expires, err := c.checkTokenDates(time.Now())
	if err != nil {
		return no(err)
	}
	issuer, err := p.issuerOf(m, c)
	if err != nil {
		return no(&Refusal{CredentialsRefused, err})
	}
	id, err := c.identity(issuer, p.claims, p.further)
	if err != nil {
		return no(&Refusal{CredentialsRefused, err})
	}
	party := ""
	for _, name := range []string{"client_id", "azp", "cid", "appid"} {
		if party == "" {
			party = c.text(name)
		}
	}
	return &MachineClient{
		Identity: id, ClientID: party,
		Proof: access.Proof{AMR: c.list("amr"), ACR: c.text("acr"), Time: c.authTime()},
	}, expires, nil
}

// meant reports whether a token is for the application, and grants enough.
func (b *Bearer) meant(c claims) error {
	audience := c.list("aud")
	if !slices.ContainsFunc(b.Audience, func(name string) bool { return slices.Contains(audience, name) }) {
		return refuseToken(CredentialsAudience, "aud is %q, and the application takes %q", cut(strings.Join(audience, " ")), b.Audience)
	}
	granted := c.list("scp")
	if _, there := c["scope"]; there {
		granted = c.list("scope")
	}
	if len(granted) == 1 {
		granted = strings.Fields(granted[0]) // one string holds all of them (RFC 6749 §3.3)
	}
	for _, scope := range b.Scopes {
		if !slices.Contains(granted, scope) {
			return refuseToken(CredentialsScope, "scope %q is not among those granted, %q", scope, cut(strings.Join(granted, " ")))
		}
	}
	return nil
}

// checkTokenDates holds a token's dates against our clock, give or take skew,
// and returns from when on it is refused; zero where it does not say.
func (c claims) checkTokenDates(now time.Time) (until time.Time, err error) {
	for _, name := range []string{"exp", "iat", "nbf", "auth_time"} {
		if _, there := c[name]; !there {
			continue
		}
		at, err := c.date(name)
		switch {
		case err != nil:
			return until, &Refusal{CredentialsRefused, err}
		case name == "exp":
			until = at.Add(Skew)
		case at.Sub(now) > Skew:
			return until, refuseToken(CredentialsRefused, "%s is %s ahead of our clock", name, at.Sub(now).Round(time.Second))
		}
	}
	if !until.IsZero() && !now.Before(until) {
		return until, refuseToken(CredentialsExpired, "it expired %s ago", now.Sub(until.Add(-Skew)).Round(time.Second))
	}
	return until, nil
}

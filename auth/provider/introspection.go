package provider

// introspection.go asks the provider about an access token (RFC 7662). Its
// answer counts for the one application: a token that is good, and for somebody
// else, is not good here.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// ErrSilent means that a provider gave no answer at all.
var ErrSilent = errors.New("the provider does not answer")

// maxIntrospection is how long an answer may be, in bytes.
const maxIntrospection = 64 << 10

// Introspect asks whose an access token is that b lets in, and until when it is
// good; zero if the provider does not say. The error is a *Refusal of the token, or
// means that the provider did not tell; it Is ErrSilent where it did not answer.
func (p *Provider) Introspect(ctx context.Context, b *Bearer, token string) (*MachineClient, time.Time, error) {
	no := func(err error) (*MachineClient, time.Time, error) { return nil, time.Time{}, err }
	m, err := p.atHand(ctx)
	if err != nil {
		return no(err)
	}
	if m.Introspection == "" {
		return no(errors.New("the provider's metadata have no introspection_endpoint"))
	}
	status, body, err := p.post(ctx, "introspection", m, m.Introspection, url.Values{"token": {token}, "token_type_hint": {"access_token"}})
	if err != nil {
		return no(silent(err))
	}
	c, err := readIntrospection(status, body)
	if err != nil {
		return no(err)
	}
	if c["sub"] == nil {
		// A client that acts for itself may have no subject (RFC 7662 §2.2): then it
		// is its own, as in RFC 9068 §2.2.
		c["sub"] = c["client_id"]
	}
	switch iss, there := c["iss"]; {
	case there && !slices.Contains(p.issuers(), text(iss)):
		return no(refuseToken(CredentialsRefused, "iss %q is another issuer", cut(text(iss))))
	case !validSubject(c.text("sub")):
		return no(refuseToken(CredentialsRefused, "the provider says neither sub nor client_id, or they are not 1 to 255 printable ASCII characters"))
	}
	if err := c.isOfKindAccess(); err != nil {
		return no(&Refusal{CredentialsRefused, err})
	}
	if c["aud"] == nil {
		// A token for nobody in particular is one of the client that has it.
		c["aud"] = c["client_id"]
	}
	if c["preferred_username"] == nil {
		c["preferred_username"] = c["username"] // RFC 7662's word for it
	}
	return p.clientOf(m, b, c)
}

// readIntrospection returns what the provider says of a token that is active.
func readIntrospection(status int, body []byte) (claims, error) {
	switch {
	case status == http.StatusBadRequest: // what some say of a token that is none
		return nil, refuseToken(CredentialsRefused, "introspection endpoint answers %d", status)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return nil, fmt.Errorf("introspection endpoint answers %d: does the provider let our client ask?", status)
	case status != http.StatusOK:
		return nil, fmt.Errorf("introspection endpoint answers %d", status)
	case len(body) > maxIntrospection:
		return nil, fmt.Errorf("introspection endpoint answers with more than %d bytes", maxIntrospection)
	}
	var c claims
	if json.Unmarshal(body, &c) != nil || c == nil {
		return nil, errors.New("introspection endpoint answers 200 and no JSON object")
	}
	switch string(c["active"]) {
	case "true":
		return c, nil
	case "false":
		return nil, refuseToken(CredentialsRefused, "the provider says that it is not active")
	}
	return nil, errors.New("introspection endpoint does not say whether the token is active")
}

// silent marks an error of a request that got no answer, and not one whose
// answer was no good: that may be a matter of the one credential.
func silent(err error) error {
	if errors.Is(err, errMisconfigured) || errors.Is(err, errJSON) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrSilent, err)
}

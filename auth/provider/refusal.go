package provider

// refusal.go names why what a provider sent, or a credential that it is to vouch
// for, is not believed.

import (
	"errors"
	"net/url"
)

// Reason says why. It is among those of package auth, and so a metric label, a log
// field and the code on the page.
type Reason string

// Reasons of a sign-in.
const (
	Unreachable         Reason = "provider_unreachable"
	Misconfigured       Reason = "provider_misconfigured"
	ExchangeRefused     Reason = "exchange_refused"
	TokenInvalid        Reason = "token_invalid"
	NonceMismatch       Reason = "nonce_mismatch"
	UserinfoInvalid     Reason = "userinfo_invalid"
	UserinfoUnavailable Reason = "userinfo_unavailable"
	GroupsOverage       Reason = "groups_overage"
)

// Reasons of a machine client's credential.
const (
	CredentialsRefused  Reason = "credentials_refused"
	CredentialsExpired  Reason = "credentials_expired"
	CredentialsAudience Reason = "credentials_audience"
	CredentialsScope    Reason = "credentials_scope"
)

// Refusal is why what the provider sent is not believed, or what was to be asked of
// it was not. It is an error, for the log; it repeats no secret.
type Refusal struct {
	Reason Reason
	err    error
}

func (r *Refusal) Error() string { return r.err.Error() }

// Unwrap is for errors.Is and errors.As.
func (r *Refusal) Unwrap() error { return r.err }

// unready is what a failure to reach or to understand the provider is called.
func unready(err error) Reason {
	if errors.Is(err, errMisconfigured) {
		return Misconfigured
	}
	return Unreachable
}

// cut keeps what a provider sends from filling the log.
func cut(s string) string {
	const most = 500
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// errorWithoutURL takes the URL off an HTTP client's error: it may hold a code
// or a token.
func errorWithoutURL(err error) error {
	if u, ok := err.(*url.Error); ok {
		return u.Err
	}
	return err
}

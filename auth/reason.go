package auth

import "outpost/auth/provider"

// Reason says why a request ended as it did. It is the metric label, the log
// field and the code on the page; docs/troubleshooting.md has a row for each.
type Reason string

// Reasons of a check.
const (
	// InsufficientAuthentication is of somebody who has not proved who they are
	// as the application requires it; the name is RFC 9470's (§3).
	InsufficientAuthentication Reason = "insufficient_user_authentication"

	Allowed          Reason = "allowed"
	Public           Reason = "public"
	NotSignedIn      Reason = "not_signed_in"
	NotAllowed       Reason = "not_allowed"
	UnknownHost      Reason = "unknown_host"
	UnknownPath      Reason = "unknown_path"
	MethodUnknown    Reason = "method_unknown"
	ClientUnknown    Reason = "client_unknown"
	HostMismatch     Reason = "host_mismatch"
	UntrustedPeer    Reason = "untrusted_peer"
	URLMissing       Reason = "url_missing"
	URLInvalid       Reason = "url_invalid"
	HeaderAlias      Reason = "header_alias"
	HeaderTooLarge   Reason = "header_too_large"
	CookieAmbiguous  Reason = "cookie_ambiguous"
	StoreUnavailable Reason = "store_unavailable"

	// Of a machine client's credential.
	CredentialsMalformed    Reason = "credentials_malformed"
	CredentialsRefused             = Reason(provider.CredentialsRefused)
	CredentialsExpired             = Reason(provider.CredentialsExpired)
	CredentialsAudience            = Reason(provider.CredentialsAudience)
	CredentialsScope               = Reason(provider.CredentialsScope)
	CredentialsThrottled    Reason = "credentials_throttled"
	CredentialsUnverifiable Reason = "credentials_unverifiable"

	Internal Reason = "internal"
)

// Reasons of a sign-in, besides those of a check.
const (
	SignedIn              Reason = "signed_in"
	ChooseProvider        Reason = "choose_provider"
	StateInvalid          Reason = "state_invalid"
	StateExpired          Reason = "state_expired"
	StateUsed             Reason = "state_used"
	BrowserMismatch       Reason = "browser_mismatch"
	BrowserMissing        Reason = "browser_missing"
	CallbackInvalid       Reason = "callback_invalid"
	ProviderError         Reason = "provider_error"
	ProviderUnreachable          = Reason(provider.Unreachable)
	ProviderMisconfigured        = Reason(provider.Misconfigured)
	ExchangeRefused              = Reason(provider.ExchangeRefused)
	TokenInvalid                 = Reason(provider.TokenInvalid)
	NonceMismatch                = Reason(provider.NonceMismatch)
	UserinfoInvalid              = Reason(provider.UserinfoInvalid)
	UserinfoUnavailable          = Reason(provider.UserinfoUnavailable)
	GroupsOverage                = Reason(provider.GroupsOverage)
	SignedOutMeanwhile    Reason = "signed_out_meanwhile"
	Loop                  Reason = "loop"
	MethodNotAllowed      Reason = "method_not_allowed"
	NotFound              Reason = "not_found"
	EarlyData             Reason = "early_data"
	FormNotSent           Reason = "form_not_sent"
	SignedInAgain         Reason = "signed_in_again"
)

// Reasons of a sign-out.
const (
	SignedOut     Reason = "signed_out"
	SignedOutHere Reason = "signed_out_here"

	SignedOutEverywhere     Reason = "signed_out_everywhere"      // SignedOut in every browser, and
	SignedOutEverywhereHere Reason = "signed_out_everywhere_here" // SignedOutHere; the metrics do not tell them apart

	SignOutConfirm Reason = "sign_out_confirm"
	SignOutRefused Reason = "sign_out_refused"
	LogoutInvalid  Reason = "logout_invalid"
)

// Account is the page where people see where they are signed in.
const Account Reason = "account"

// Reasons are all of them, in the order of this file.
func Reasons() []Reason {
	return []Reason{
		InsufficientAuthentication, Allowed, Public, NotSignedIn, NotAllowed, UnknownHost, UnknownPath, MethodUnknown, ClientUnknown, HostMismatch, UntrustedPeer, URLMissing, URLInvalid, HeaderAlias,
		HeaderTooLarge, CookieAmbiguous, StoreUnavailable,
		CredentialsMalformed, CredentialsRefused, CredentialsExpired, CredentialsAudience, CredentialsScope, CredentialsThrottled, CredentialsUnverifiable,
		Internal,
		SignedIn, ChooseProvider, StateInvalid, StateExpired, StateUsed, BrowserMismatch, BrowserMissing, CallbackInvalid, ProviderError,
		ProviderUnreachable, ProviderMisconfigured, ExchangeRefused, TokenInvalid, NonceMismatch, UserinfoInvalid,
		UserinfoUnavailable, GroupsOverage, SignedOutMeanwhile, Loop, MethodNotAllowed, NotFound, EarlyData, FormNotSent, SignedInAgain,
		SignedOut, SignedOutHere, SignedOutEverywhere, SignedOutEverywhereHere, SignOutConfirm, SignOutRefused, LogoutInvalid, Account,
	}
}

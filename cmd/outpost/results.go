package main

// results.go groups the reasons with which requests end into what dashboards show.

import "outpost/auth"

// checkResults groups the reasons of a check into what dashboards show.
var checkResults = map[auth.Reason]string{
	auth.Allowed:                    "allowed",
	auth.Public:                     "public",
	auth.NotSignedIn:                "unauthenticated",
	auth.CookieAmbiguous:            "unauthenticated",
	auth.NotAllowed:                 "forbidden",
	auth.HeaderTooLarge:             "forbidden",
	auth.InsufficientAuthentication: "forbidden",
	auth.UntrustedPeer:              "forbidden",
	auth.MethodUnknown:              "forbidden",
	auth.ClientUnknown:              "forbidden",
	auth.UnknownPath:                "forbidden",
	auth.CredentialsRefused:         "unauthenticated",
	auth.CredentialsExpired:         "unauthenticated",
	auth.CredentialsAudience:        "unauthenticated",
	auth.CredentialsScope:           "forbidden",
	auth.CredentialsThrottled:       "forbidden",
	auth.CredentialsMalformed:       "bad_request",
	auth.CredentialsUnverifiable:    "error",
	auth.UnknownHost:                "unknown_host",
	auth.HostMismatch:               "bad_request",
	auth.URLInvalid:                 "bad_request",
	auth.HeaderAlias:                "bad_request",
	auth.URLMissing:                 "error",
	auth.StoreUnavailable:           "error",
	auth.Internal:                   "error",
}

// signInResults groups the reasons with which a sign-in ends.
var signInResults = map[auth.Reason]string{
	auth.SignedIn:                   "signed_in",
	auth.InsufficientAuthentication: "forbidden",
	auth.NotAllowed:                 "forbidden",
	auth.HeaderTooLarge:             "forbidden",
	auth.MethodUnknown:              "forbidden",
	auth.ClientUnknown:              "forbidden",
	auth.UnknownPath:                "forbidden",
	auth.StateInvalid:               "failed",
	auth.StateExpired:               "failed",
	auth.StateUsed:                  "failed",
	auth.BrowserMismatch:            "failed",
	auth.BrowserMissing:             "failed",
	auth.CallbackInvalid:            "failed",
	auth.ProviderError:              "failed",
	auth.ProviderUnreachable:        "failed",
	auth.ProviderMisconfigured:      "failed",
	auth.ExchangeRefused:            "failed",
	auth.TokenInvalid:               "failed",
	auth.NonceMismatch:              "failed",
	auth.UserinfoInvalid:            "failed",
	auth.UserinfoUnavailable:        "failed",
	auth.GroupsOverage:              "failed",
	auth.StoreUnavailable:           "failed",
	auth.SignedOutMeanwhile:         "failed",
	auth.Loop:                       "failed",
	auth.Internal:                   "failed",
}

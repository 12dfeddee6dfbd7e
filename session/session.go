// Package session keeps browsers signed in. It decides what a cookie value is
// worth: which session it opens, whether that session still lives, and who the
// person is.
//
// A session begins as a ticket, 256 random bits. The browser holds the ticket,
// sealed, in a cookie; a [Store] holds the record under the ticket's SHA-256,
// sealed too, so that neither the cookie nor a stolen store is any use without
// the secret. [Sessions] stands between them and answers a check from memory:
//
//	cookie value ── hot cache ──────────────────────────► Live
//	                   └ miss ─ open the seal ─ Store ───┘
//
// Sessions slide on the server: an accepted check calls [Live.Accept], which
// touches memory alone, and what it moved is written in batches. Nothing is
// ever written for a browser that is not signed in.
//
// Not done here: reading a request, choosing the application, deciding what a
// signed-in person may see, speaking to the provider. No function here sets a
// header; [Cookie] only describes one.
package session

import (
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// ErrNone means that there is no such session: absent, expired, ended, or
// named by a cookie that this process did not seal. All of them look alike to
// the caller on purpose, since all of them have one answer: sign in.
var ErrNone = errors.New("session: none")

// ErrExpired means that a sealed value is ours but older than its lifetime. It
// is an ErrNone too, so that a caller who does not tell the two apart refuses
// both.
var ErrExpired = fmt.Errorf("%w: sealed too long ago", ErrNone)

// ErrStore means that the store could not be asked, so that nobody knows
// whether there is a session. It is never an ErrNone: answering "sign in"
// would send everybody into a loop for as long as the store is down. The
// caller answers with a 500 and logs the wrapped cause.
var ErrStore = errors.New("session: the store cannot be asked")

// Key is the name under which stores know a session: the SHA-256 of its
// ticket. The ticket cannot be had from it, and a Key opens nothing.
type Key [32]byte

// String returns the first eight hexadecimal digits, enough to follow one
// session through a log.
func (k Key) String() string { return hex.EncodeToString(k[:4]) }

// LogValue makes every log handler write what String returns.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// Session is one signed-in browser: who vouched for whom, when, and until when.
type Session struct {
	Key         Key       // set by Sessions.Create
	Application string    // the application whose cookie opens it
	Provider    string    // the name of the provider that vouched, as configured
	Identity    Identity  // who it is
	SID         string    // the provider's own session ID (sid); "" if it sent none
	AMR         []string  // how the person proved who they are (amr), in the provider's order; nil if it did not say
	ACR         string    // how good that proof was, in the provider's words (acr); "" if it did not say
	Device      string    // what the sign-in's browser calls itself, in a few words; "" if it did not say
	Address     string    // where the sign-in came from: an IP address; "" if unknown
	Created     time.Time // the sign-in; set by Sessions.Create
	AuthTime    time.Time // when the provider last saw the person prove who they are (auth_time); zero if unknown
	Rechecked   time.Time // when the provider last confirmed the identity; Sessions.Create sets it to Created
	Expires     time.Time // the absolute end, whatever happens; set by Sessions.Create

	// What the provider issued. The hot cache never holds any of it.
	IDToken      string // for id_token_hint at sign-out
	Nonce        string // of the sign-in: a refreshed ID token with a nonce has to have this one
	RefreshToken string // for the recheck; "" if there is none
	AccessToken  string // for a recheck by userinfo; "" where there is a refresh token, or neither
}

// String names the session by its key and keeps the rest, which holds a token,
// out of logs and messages.
func (s Session) String() string { return "session " + s.Key.String() }

// GoString is String: %#v must not print the token either.
func (s Session) GoString() string { return s.String() }

// LogValue makes every log handler write what String returns.
func (s Session) LogValue() slog.Value { return slog.StringValue(s.String()) }

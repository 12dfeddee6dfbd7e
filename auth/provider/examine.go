package provider

// examine.go asks a provider what a sign-in would ask it, with nobody to sign in:
// whether it is there and is who the configuration says, and whether it knows us,
// our secret and our redirect URIs.
//
// A provider does not say "your redirect URI is registered". It is asked with
// prompt=none, where it has to send the browser back with an error (OpenID Connect
// Core §3.1.2.6) if it accepts the URI, and must not if it does not (RFC 6749
// §4.1.2.1). Likewise a code that nobody was given is refused for itself only if
// the client is accepted (RFC 6749 §5.2). Some providers keep to neither, so each
// question is put a second time with what cannot be right: an answer that is
// the same to both tells nothing, and is called unknown, never accepted.

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Verdict is what came of a question.
type Verdict string

// The verdicts.
const (
	Accepted Verdict = "accepted"
	Refused  Verdict = "refused"
	Unknown  Verdict = "unknown" // the answer does not tell
)

// Trouble is why a provider's metadata or keys could not be had.
type Trouble string

// The troubles, by what has to be changed.
const (
	TroubleName        Trouble = "name"        // its host does not resolve
	TroubleConnect     Trouble = "connect"     // nobody answers there
	TroubleCertificate Trouble = "certificate" // signed by nobody that we know
	TroubleHostname    Trouble = "hostname"    // a certificate for another name, or one that is over
	TroubleNotFound    Trouble = "not_found"   // no metadata at that address
	TroubleDocument    Trouble = "document"    // something else is there: a page, a redirect, somebody who wants a sign-in
	TroubleIssuer      Trouble = "issuer"      // it calls itself something else
	TroubleAlgorithms  Trouble = "algorithms"  // it signs as we do not accept
	TroubleOther       Trouble = "other"
)

// Examination is what was found. Where Err is not nil, what stands below Skew is
// not known.
type Examination struct {
	Err     error   // why metadata or keys could not be had, without any secret
	Trouble Trouble // what Err is a case of; "" without one
	From    string  // where the metadata were asked for
	Issuer  string  // as it calls itself; "" where it said nothing

	SkewKnown bool
	Skew      time.Duration // its clock minus ours, to the second

	Algorithms    []string // of ID tokens, as it lists them; nil where it lists none
	Accepted      []string // those of them that we accept
	MissingScopes []string // asked for in the configuration and not listed by it; nil for none, and where it lists none
	EndSession    bool     // people can be signed out there
	Pushes        bool     // it wants authorization requests to be pushed

	Client    Answer   // does it accept us with what we authenticate by?
	Redirects []Answer // for each redirect URI, in their order
}

// Answer is a verdict and what it rests on, in words without any secret.
type Answer struct {
	About   string // the redirect URI; "" for the client
	Verdict Verdict
	Why     string
}

// examineTime is for all that one provider is asked.
const examineTime = 40 * time.Second

// Examine asks a provider of the configuration, as a sign-in that ends at each of
// these redirect URIs would. It keeps nothing and signs nobody in; the provider may log one client
// authentication and one redirect URI that are wrong on purpose. network stands for
// the network, nil for the real one.
func Examine(ctx context.Context, c Config, redirectURIs []string, network http.RoundTripper) Examination {
	ctx, cancel := context.WithTimeout(ctx, examineTime)
	defer cancel()
	x := Examination{From: strings.TrimSuffix(c.Issuer, "/") + "/.well-known/openid-configuration"}
	hooks := Hooks{ClockSkew: func(_ string, skew time.Duration) { x.Skew, x.SkewKnown = skew, true }}
	p, err := New(c, Means{Transport: network, Log: slog.New(slog.DiscardHandler), Hooks: hooks})
	if err != nil {
		x.Err, x.Trouble = err, TroubleOther
		return x
	}
	m, err := p.fetchMetadata(ctx)
	if m != nil {
		x.Issuer, x.Algorithms, x.EndSession, x.Pushes = m.Issuer, m.Algorithms, m.EndSession != "" || c.EndSessionURL != "", m.RequirePushed
	}
	if err == nil {
		x.Accepted = m.algorithms()
		err = p.keys.refresh(ctx, m.JWKS)
	}
	if err != nil {
		x.Err, x.Trouble = err, troubleOf(err, m, c.Issuer)
		return x
	}
	p.known.Store(m)
	if len(m.Scopes) > 0 {
		for _, s := range c.Scopes {
			if !slices.Contains(m.Scopes, s) {
				x.MissingScopes = append(x.MissingScopes, s)
			}
		}
	}
	x.Client = p.examineClient(ctx, m)
	for _, uri := range redirectURIs {
		x.Redirects = append(x.Redirects, p.examineRedirect(ctx, m, uri))
	}
	return x
}

// troubleOf sorts what went wrong with the metadata. m is nil where there are none.
func troubleOf(err error, m *metadata, issuer string) Trouble {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case m != nil && m.Issuer != "" && m.Issuer != issuer && !strings.Contains(m.Issuer, tenantID):
		return TroubleIssuer
	case m != nil && len(m.Algorithms) > 0 && len(m.algorithms()) == 0:
		return TroubleAlgorithms
	case errors.As(err, &unknown):
		return TroubleCertificate
	case errors.As(err, &name), errors.As(err, &invalid):
		return TroubleHostname
	case errors.As(err, &dns):
		return TroubleName
	case errors.As(err, &op), errors.Is(err, context.DeadlineExceeded):
		return TroubleConnect
	case strings.Contains(err.Error(), " answers 404"):
		return TroubleNotFound
	case strings.Contains(err.Error(), " answers 401"), strings.Contains(err.Error(), " answers 403"):
		return TroubleDocument
	case errors.Is(err, errJSON), errors.Is(err, errRedirected), errors.Is(err, errMisconfigured):
		return TroubleDocument
	}
	return TroubleOther
}

// examineClient brings a code that nobody was given.
func (p *Provider) examineClient(ctx context.Context, m *metadata) Answer {
	status, code, err := p.bringCode(ctx, m)
	switch {
	case err != nil:
		return Answer{Verdict: Unknown, Why: cut(err.Error())}
	case code == "invalid_client" || code == "unauthorized_client" || status == http.StatusUnauthorized:
		return Answer{Verdict: Refused, Why: said("the token endpoint", status, code)}
	case code != "invalid_grant":
		return Answer{Verdict: Unknown, Why: said("to a made-up code the token endpoint", status, code)}
	}
	if p.clientAuthFor(m) == ClientNone || p.clientAuthFor(m) == ClientPrivateKeyJWT {
		return Answer{Verdict: Accepted, Why: said("to a made-up code the token endpoint", status, code)}
	}
	right := p.clientSecret
	p.clientSecret = "outpost-doctor-" + rand.Text()
	_, other, err := p.bringCode(ctx, m)
	p.clientSecret = right
	if err != nil || other == "invalid_grant" {
		return Answer{Verdict: Unknown, Why: "the token endpoint answers a made-up code alike with another secret, so it looks at the code first"}
	}
	return Answer{Verdict: Accepted, Why: said("to a made-up code the token endpoint", status, code)}
}

func (p *Provider) bringCode(ctx context.Context, m *metadata) (status int, code string, err error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {"outpost-doctor-" + rand.Text()}, "code_verifier": {rand.Text() + rand.Text()},
		"redirect_uri": {"https://outpost-doctor.invalid/callback"}}
	status, body, err := p.post(ctx, "token", m, m.Token, form)
	if err != nil {
		return 0, "", err
	}
	var answer struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil {
		answer.Error = ""
	}
	return status, knownCode(answer.Error), nil
}

// way is how an authorization request ended.
type way struct {
	err    error
	back   bool   // at our redirect URI
	status int    // of the last answer, where it is the provider's
	code   string // the error that it names; "" for none
	names  bool   // its page speaks of a redirect
}

// examineRedirect asks for a sign-in that must not show a page, and then for one
// that leads to where nobody can have registered us.
func (p *Provider) examineRedirect(ctx context.Context, m *metadata, uri string) Answer {
	a := Answer{About: uri, Verdict: Unknown}
	w := p.authorize(ctx, m, uri)
	refusal := w.status >= 400 && w.status < 500 && !slices.Contains([]int{401, 403, 408, 425, 429}, w.status)
	switch {
	case w.err != nil && strings.Contains(w.code, "redirect_uri"):
		a.Verdict, a.Why = Refused, "the pushed request is refused: "+w.code
	case w.err != nil:
		a.Why = cut(w.err.Error())
	case w.back:
		a.Verdict, a.Why = Accepted, "it sends the browser back there"
		if w.code == "invalid_scope" || w.code == "unauthorized_client" || w.code == "unsupported_response_type" || w.code == "invalid_request" {
			a.Why += ", with " + w.code
		}
	case w.code == "redirect_uri_mismatch" || w.code == "invalid_redirect_uri" || refusal:
		a.Verdict, a.Why = Refused, said("in place of sending the browser back there, it", w.status, w.code)
	case w.status >= 400:
		a.Why = said("it", w.status, w.code)
	default:
		u, err := url.Parse(uri)
		if err != nil {
			return a
		}
		u.Path = "/outpost-doctor-" + rand.Text() + u.Path
		other := p.authorize(ctx, m, u.String())
		switch {
		case other.err == nil && !other.back && other.status >= 400 && other.status < 500:
			a.Verdict, a.Why = Accepted, said("it shows a page for it, and for a made-up one", other.status, other.code)
		case w.names && !other.back:
			a.Verdict, a.Why = Refused, said("in place of sending the browser back there, it", w.status, w.code)+" with a page about redirects"
		default:
			a.Why = "it shows the same page for a made-up redirect URI"
		}
	}
	return a
}

// authorize follows an authorization request as a browser would, as long as that
// stays at the provider.
func (p *Provider) authorize(ctx context.Context, m *metadata, uri string) (w way) {
	to, err := p.authorizationURL(ctx, m, Request{
		Ask: Ask{Prompt: []string{"none"}}, RedirectURI: uri, State: rand.Text(), Nonce: rand.Text(), Verifier: rand.Text() + rand.Text(),
	})
	if err != nil {
		return way{err: err, code: knownCode(err.Error())}
	}
	return p.browse(ctx, to, uri)
}

// said is what an endpoint answers.
func said(who string, status int, code string) string {
	text := fmt.Sprintf("%s answers %d", who, status)
	if code != "" {
		text += ": " + code
	}
	return text
}

// codes are the errors that are worth repeating. Others may hold anything.
var codes = regexp.MustCompile(`\b(redirect_uri_mismatch|invalid_redirect_uri|invalid_client|unauthorized_client|invalid_request|invalid_scope|invalid_grant|` +
	`unsupported_response_type|unsupported_grant_type|access_denied|login_required|interaction_required|consent_required|account_selection_required|temporarily_unavailable|server_error)\b`)

// knownCode is the first of codes in a text; "" for none.
func knownCode(text string) string { return codes.FindString(text) }

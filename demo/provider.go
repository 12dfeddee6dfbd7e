package main

// The OpenID provider: zitadel's op package speaks the protocol, storage.go
// remembers, and this file asks people who they are.
//
// It stands in for the provider that you run already (authentik, Keycloak,
// Authelia, …). It does not guard against guessed passwords and keeps nothing:
// it is for this demo alone.

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	signInPath     = "/sign_in"
	signedOutPath  = "/signed_out"
	providerCookie = "demo-provider"
)

// provider serves the whole host of the issuer.
type provider struct {
	issuer, password string
	storage          *storage
	op               *op.Provider
}

// newProvider returns the provider as a handler. Everybody in people signs in
// with the same password.
func newProvider(issuer, password string, c client) (http.Handler, error) {
	s, err := newStorage(c)
	if err != nil {
		return nil, err
	}
	config := &op.Config{
		CryptoKeyId:              "demo",
		DefaultLogoutRedirectURI: signedOutPath,
		CodeMethodS256:           true,
		AuthMethodPost:           true,
		SupportedScopes:          []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, "groups"},
	}
	rand.Read(config.CryptoKey[:])
	protocol, err := op.NewProvider(config, s, op.StaticIssuer(issuer), op.WithAllowInsecure())
	if err != nil {
		return nil, fmt.Errorf("making the provider: %w", err)
	}
	p := &provider{issuer, password, s, protocol}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+signInPath, p.askWho)
	mux.HandleFunc("POST "+signInPath, p.checkPassword)
	mux.HandleFunc("GET "+signedOutPath, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "You are signed out of the provider.")
	})
	mux.Handle("/", protocol)
	return mux, nil
}

// askWho handles GET /sign_in?id=REQUEST. A browser that is signed in already
// goes straight back: that is what makes one sign-in do for every application.
func (p *provider) askWho(w http.ResponseWriter, r *http.Request) {
	id := r.FormValue("id")
	request, err := p.storage.AuthRequestByID(r.Context(), id)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if c, err := r.Cookie(providerCookie); err == nil {
		b, signedIn := p.storage.browser(c.Value)
		if signedIn && !wantsForm(request.(*authRequest).AuthRequest, b) {
			p.goBack(w, r, id, b)
			return
		}
	}
	writePage(w, http.StatusOK, "sign_in.html", signInPage{ID: id, People: people})
}

// wantsForm reports whether the relying party asked for a fresh sign-in.
// For prompt=login, op itself sets max_age to 0. OpenID Connect Core §3.1.2.1.
func wantsForm(r *oidc.AuthRequest, b browserSession) bool {
	return slices.Contains(r.Prompt, oidc.PromptSelectAccount) ||
		r.MaxAge != nil && time.Since(b.authTime) > time.Duration(*r.MaxAge)*time.Second
}

// checkPassword handles POST /sign_in.
func (p *provider) checkPassword(w http.ResponseWriter, r *http.Request) {
	id, username := r.PostFormValue("id"), r.PostFormValue("username")
	_, err := personNamed(username)
	if err != nil || subtle.ConstantTimeCompare([]byte(r.PostFormValue("password")), []byte(p.password)) != 1 {
		writePage(w, http.StatusUnauthorized, "sign_in.html", signInPage{
			ID: id, People: people, Username: username,
			Problem: "The username or the password is wrong. The terminal where the demo runs shows both.",
		})
		return
	}
	cookie, b := p.storage.signInBrowser(username)
	http.SetCookie(w, &http.Cookie{
		Name: providerCookie, Value: cookie, Path: "/",
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	p.goBack(w, r, id, b)
}

// goBack finishes the sign-in and hands the browser to op, which makes the
// authorization code and sends it to the redirect URI.
func (p *provider) goBack(w http.ResponseWriter, r *http.Request, id string, b browserSession) {
	if err := p.storage.finish(id, b); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ctx := op.ContextWithIssuer(r.Context(), p.issuer)
	http.Redirect(w, r, op.AuthCallbackURL(p.op)(ctx, id), http.StatusFound)
}

package auth_test

// Rows about what we send, the challenge and who we say that we are, and about what
// makes nobody signed in.

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"outpost/auth"
	"outpost/auth/provider"
)

// challenged makes the provider announce these methods; the challenge is the hash
// of the verifier all the same, and the verifier as RFC 7636 §4.1 has it.
func challenged(methods any) func(*scene) {
	return func(sc *scene) {
		publishes("code_challenge_methods_supported", methods)(sc)
		var verifiers []string
		sc.answers["/token"] = func(r *http.Request) (*http.Response, error) {
			if err := r.ParseForm(); err != nil {
				sc.t.Error(err)
			}
			verifiers = append(verifiers, r.PostForm["code_verifier"]...)
			return nil, nil
		}
		sc.check = func() {
			if len(verifiers) != 1 {
				sc.t.Fatalf("%d code verifiers, want one", len(verifiers))
			}
			v, asked := verifiers[0], sc.provider.seen[0]
			if len(v) < 43 || len(v) > 128 || strings.Trim(v, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") != "" {
				sc.t.Errorf("code_verifier %q", v)
			}
			sum := sha256.Sum256([]byte(v))
			if want := base64.RawURLEncoding.EncodeToString(sum[:]); asked.Get("code_challenge") != want || asked.Get("code_challenge_method") != "S256" {
				sc.t.Errorf("code_challenge %s by %s, want %s by S256", asked.Get("code_challenge"), asked.Get("code_challenge_method"), want)
			}
		}
	}
}

// authenticated holds what the token endpoint is told of who we are.
func authenticated(change func(*provider.Config), known func(form url.Values, basic bool) bool) func(*scene) {
	return func(sc *scene) {
		sc.build(with(change))
		sc.provider.client = func(r *http.Request) bool {
			_, _, basic := r.BasicAuth()
			if r.URL.RawQuery != "" {
				sc.t.Errorf("the address has %s", r.URL.RawQuery)
			}
			return known(r.PostForm, basic)
		}
	}
}

// presenting sends a request with this Authorization to the application.
func presenting(authorization string) func(*scene) {
	return func(sc *scene) {
		sc.silent = true
		sc.story = func() {
			sc.last = sc.alice.once(http.MethodGet, conformancePage, "Authorization", authorization)
			sc.outcome = auth.NotSignedIn
		}
	}
}

func requestRows() []row {
	const (
		pkce     = "RFC 9700 §2.1.1"
		verifier = "RFC 7636 §4.1"
		hash     = "RFC 7636 §4.6"
		client   = "RFC 9700 §2.5"
		password = "RFC 9700 §2.4"
		initiate = "OpenID Connect Core 1.0 §4"
	)
	ok := auth.SignedIn
	key := newECKey()
	return []row{
		{"challenge-that-nobody-announces", pkce, "", challenged(nil), ok, everything},
		{"verifier-as-it-should-be", verifier, "", challenged([]string{"S256", "plain"}), ok, everything},
		{"challenge-is-the-hash-of-the-verifier", hash, "", challenged([]string{"S256"}), ok, everything},

		{"client-authenticates-with-a-key", client, "", func(sc *scene) {
			der, err := x509.MarshalPKCS8PrivateKey(key)
			authenticated(func(p *provider.Config) {
				p.ClientAuth, p.ClientSecret, p.ClientKey = provider.ClientPrivateKeyJWT, "", inPEM(sc.t, "PRIVATE KEY", der, err)
			}, func(form url.Values, basic bool) bool {
				jws, err := jose.ParseSignedCompact(form.Get("client_assertion"), []jose.SignatureAlgorithm{jose.ES256})
				if err != nil {
					sc.t.Errorf("client_assertion: %v", err)
					return false
				}
				_, err = jws.Verify(key.Public())
				return err == nil && !basic && !form.Has("client_secret") && form.Get("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
			})(sc)
		}, ok, everything},
		{"client-without-a-secret", "RFC 6749 §2.3.1", "", authenticated(func(p *provider.Config) { p.ClientAuth, p.ClientSecret = provider.ClientNone, "" }, func(form url.Values, basic bool) bool {
			return !basic && form.Get("client_id") == "outpost" && !form.Has("client_secret")
		}), ok, everything},

		{"cookies-hold-no-token", "RFC 9700 §4.14", "", func(sc *scene) {
			sc.provider.refresh = true
			sc.check = func() {
				u, _ := url.Parse("https://outpost.example.com/")
				tokens := slices.AppendSeq(slices.Collect(maps.Keys(sc.provider.tokens)), maps.Keys(sc.provider.refreshes))
				tokens = append(tokens, "eyJ") // so begins every ID token
				cookies := sc.alice.jar.Cookies(u)
				for _, c := range cookies {
					if len(c.Value) > 256 || slices.ContainsFunc(tokens, func(token string) bool { return strings.Contains(c.Value, token) }) {
						sc.t.Errorf("cookie %s has %d bytes, or a token", c.Name, len(c.Value))
					}
				}
				if len(cookies) != 2 || len(tokens) != 3 {
					sc.t.Errorf("%d cookies, %d tokens to look for", len(cookies), len(tokens))
				}
			}
		}, ok, everything},
		{"verifier-of-another-sign-in", "RFC 9700 §4.5.3.1", "", func(sc *scene) {
			sc.callback = func(url.Values) {
				for code, a := range sc.provider.codes {
					a.challenge = base64.RawURLEncoding.EncodeToString(make([]byte, 32))
					sc.provider.codes[code] = a
				}
			}
		}, auth.ExchangeRefused, exchanged},

		{"token-in-the-header", password, "", presenting("Bearer " + unsigned([]byte(`{"sub":"sub-alice"}`))), auth.NotSignedIn, nothing},
		{"login-begun-by-post", initiate, "", func(sc *scene) {
			sc.story = func() {
				sc.last = sc.alice.once(http.MethodPost, "https://outpost.example.com"+prefix+"/start?iss="+url.QueryEscape(issuer), "Content-Type", formType)
				sc.outcome = auth.MethodNotAllowed
			}
		}, auth.MethodNotAllowed, nothing},
	}
}

package auth_test

// Forged access tokens, and what may not be configured.

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"outpost/auth"
	"outpost/auth/provider"
)

func TestForgedBearerTokens(t *testing.T) {
	encode := base64.RawURLEncoding.EncodeToString
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	strangerRSA, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	with := func(alg jose.SignatureAlgorithm, key any, kid string, more ...string) func(*stage, []byte) string {
		return func(s *stage, claims []byte) string {
			options := (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", kid)
			for i := 0; i+1 < len(more); i += 2 {
				options.WithHeader(jose.HeaderKey(more[i]), more[i+1])
			}
			return s.signed(jose.SigningKey{Algorithm: alg, Key: key}, options, claims)
		}
	}
	header := func(header string) func(*stage, []byte) string {
		return func(s *stage, claims []byte) string {
			_, rest, _ := strings.Cut(s.typed("at+jwt", claims), ".")
			return encode([]byte(header)) + "." + rest
		}
	}
	for _, tt := range []struct {
		name  string
		forge func(s *stage, claims []byte) string
	}{
		{"alg-none", func(_ *stage, c []byte) string { return unsigned(c) }},
		{"alg-none-with-a-signature", header(`{"alg":"none","typ":"at+jwt","kid":"k1"}`)},
		{"alg-none-in-capitals", header(`{"alg":"NONE","typ":"at+jwt","kid":"k1"}`)},
		{"alg-missing", header(`{"typ":"at+jwt","kid":"k1"}`)},
		{"alg-of-another-family", header(`{"alg":"RS256","typ":"at+jwt","kid":"k1"}`)},
		{"alg-not-listed-by-the-provider", header(`{"alg":"ES384","typ":"at+jwt","kid":"k1"}`)},
		{"hs256-with-the-public-key", func(s *stage, c []byte) string {
			der, err := x509.MarshalPKIXPublicKey(s.provider.key.Public())
			if err != nil {
				t.Fatal(err)
			}
			return with(jose.HS256, der, "k1")(s, c)
		}},
		{"hs256-with-the-client-secret", with(jose.HS256, []byte("client secret client secret client secret"), "k1")},
		{"key-of-a-stranger", with(jose.ES256, stranger, "k1")},
		{"key-of-a-stranger-by-its-own-id", with(jose.ES256, stranger, "k2")},
		{"rsa-key-of-a-stranger", with(jose.RS256, strangerRSA, "k1")},
		{"jku", with(jose.ES256, stranger, "k9", "jku", "https://evil.example/keys")},
		{"x5u", with(jose.ES256, stranger, "k9", "x5u", "https://evil.example/cert")},
		{"embedded-key", func(s *stage, c []byte) string {
			return s.signed(jose.SigningKey{Algorithm: jose.ES256, Key: stranger}, (&jose.SignerOptions{EmbedJWK: true}).WithType("at+jwt"), c)
		}},
		{"crit", header(`{"alg":"ES256","typ":"at+jwt","kid":"k1","crit":["exp"],"exp":1}`)},
		{"b64", header(`{"alg":"ES256","typ":"at+jwt","kid":"k1","b64":false}`)},
		{"header-twice", header(`{"alg":"ES256","alg":"ES256","typ":"at+jwt","kid":"k1"}`)},
		{"header-no-object", header(`["ES256"]`)},
		{"no-signature", func(s *stage, c []byte) string {
			raw := s.typed("at+jwt", c)
			return raw[:strings.LastIndexByte(raw, '.')+1]
		}},
		{"signature-cut-short", func(s *stage, c []byte) string { raw := s.typed("at+jwt", c); return raw[:len(raw)-4] }},
		{"signature-of-other-claims", func(s *stage, c []byte) string {
			good := strings.Split(s.typed("at+jwt", c), ".")
			other := strings.Split(s.typed("at+jwt", s.accessToken(func(c map[string]any) { c["jti"] = "2" })), ".")
			return good[0] + "." + good[1] + "." + other[2]
		}},
		{"four-parts", func(s *stage, c []byte) string { return s.typed("at+jwt", c) + ".x" }},
		{"two-parts", func(s *stage, c []byte) string {
			raw := s.typed("at+jwt", c)
			return raw[:strings.LastIndexByte(raw, '.')]
		}},
		{"encrypted", func(s *stage, _ []byte) string { return "a.b.c.d.e" }},
		{"dots", func(*stage, []byte) string { return strings.Repeat(".", 16<<10) }},
		{"opaque", func(*stage, []byte) string { return rand.Text() }},
		{"claims-twice", func(s *stage, c []byte) string {
			return s.typed("at+jwt", []byte(strings.Replace(string(c), `"aud"`, `"aud":"shop","aud"`, 1)))
		}},
		{"claims-no-json", func(s *stage, _ []byte) string { return s.typed("at+jwt", []byte("no json")) }},
		{"claims-no-object", func(s *stage, _ []byte) string { return s.typed("at+jwt", []byte(`["api"]`)) }},
		{"claims-null", func(s *stage, _ []byte) string { return s.typed("at+jwt", []byte(`null`)) }},
		{"claims-spelled-almost-right", func(s *stage, c []byte) string {
			return s.typed("at+jwt", []byte(strings.NewReplacer(`"iss"`, `"Iss"`).Replace(string(c))))
		}},
		{"too-long", func(s *stage, _ []byte) string {
			return s.typed("at+jwt", s.accessToken(func(c map[string]any) { c["x"] = strings.Repeat("x", 16<<10) }))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := machineStage(t)
			raw := tt.forge(s, s.accessToken(nil))
			for range 2 {
				if client, got, known := s.machine("home", "Bearer "+raw); client != nil || !known || got != auth.CredentialsRefused && !(tt.name == "too-long" && got == auth.CredentialsMalformed) {
					t.Errorf("got %v, %q, known %v", client, got, known)
				}
			}
			for path := range s.provider.calls {
				if path != "/keys" && !strings.HasSuffix(path, "/openid-configuration") {
					t.Errorf("the provider was asked for %s", path)
				}
			}
		})
	}
}

// What the provider does not sign with counts for nothing, though the key is its own.
func TestBearerAlgorithmIsOneThatTheProviderLists(t *testing.T) {
	for _, algorithms := range [][]string{{"RS256"}, {"HS256", "RS256"}, nil} {
		s := machineStage(t)
		s.provider.metadata = map[string]any{"id_token_signing_alg_values_supported": algorithms}
		if client, got, _ := s.machine("home", "Bearer "+s.typed("at+jwt", s.accessToken(nil))); client != nil || got != auth.CredentialsRefused {
			t.Errorf("%v: got %q", algorithms, got)
		}
	}
}

// Every letter of a token counts.
func TestBearerTokenWithOneLetterChanged(t *testing.T) {
	s := machineStage(t)
	raw := s.typed("at+jwt", s.accessToken(nil))
	if _, got, _ := s.machine("home", "Bearer "+raw); got != auth.Allowed {
		t.Fatalf("got %q", got)
	}
	last := len(raw) - 1 // its lower bits are none of the signature's: strict base64 is go-jose's matter
	for i := range raw[:last] {
		other := byte('A')
		if raw[i] == other {
			other = 'B'
		}
		if client, got, _ := s.machine("home", "Bearer "+raw[:i]+string(other)+raw[i+1:]); client != nil {
			t.Errorf("letter %d: got %q", i, got)
		}
	}
}

// Unknown keys have the provider asked for its own, now and then; strangers
// cannot make it more often.
func TestKeysOfStrangersAreFetchedSeldom(t *testing.T) {
	s := machineStage(t)
	s.machine("home", "Bearer "+s.typed("at+jwt", s.accessToken(nil)))
	before := s.provider.called("/keys")
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	claims := s.accessToken(nil)
	for range 200 {
		s.machine("home", "Bearer "+s.signed(jose.SigningKey{Algorithm: jose.ES256, Key: stranger}, (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", rand.Text()), claims))
	}
	if n := s.provider.called("/keys") - before; n > 3 {
		t.Errorf("keys were fetched %d times", n)
	}
}

// A key that the provider takes back is out within a minute; one that cannot be
// had is no refusal.
func TestBearerWithoutKeys(t *testing.T) {
	s := machineStage(t)
	s.provider.down = true
	raw := s.typed("at+jwt", s.accessToken(nil))
	if client, got, _ := s.machine("home", "Bearer "+raw); client != nil || got != auth.CredentialsUnverifiable {
		t.Errorf("got %q", got)
	}
	if log := s.log.String(); !strings.Contains(log, `"level":"ERROR","msg":"machine client refused"`) {
		t.Errorf("log:\n%s", log)
	}
	s.provider.mu.Lock()
	s.provider.down = false
	s.provider.mu.Unlock()
	time.Sleep(1100 * time.Millisecond)
	if _, got, _ := s.machine("home", "Bearer "+raw); got != auth.Allowed {
		t.Errorf("got %q\n%s", got, s.log)
	}
}

func TestMachineConfiguration(t *testing.T) {
	_, hash := auth.NewToken()
	token := auth.StaticToken{Name: "backup", Hash: hash, Applications: []string{"home"}}
	second := func(c *auth.Config) {
		c.Providers = append(c.Providers, provider.Config{Name: "other", Issuer: "https://other.example.org", ClientID: "outpost"})
		c.Applications[0].Providers = []string{"idp", "other"}
	}
	tokens := func(change func(*auth.StaticToken)) func(*auth.Config) {
		return func(c *auth.Config) {
			t := token
			change(&t)
			c.Tokens = []auth.StaticToken{t}
		}
	}
	bearers := func(home, router provider.Bearer) func(*auth.Config) {
		return func(c *auth.Config) { c.Applications[0].Bearer, c.Applications[1].Bearer = &home, &router }
	}
	for _, tt := range []struct {
		name   string
		change func(*auth.Config)
		want   string // "" for none
	}{
		{"token", tokens(func(*auth.StaticToken) {}), ""},
		{"token-for-two", tokens(func(t *auth.StaticToken) { t.Applications = []string{"home", "wiki"} }), ""},
		{"token-without-name", tokens(func(t *auth.StaticToken) { t.Name = "" }), `token "": its name is not of lower-case letters`},
		{"token-with-a-space", tokens(func(t *auth.StaticToken) { t.Name = "a b" }), `its name is not of lower-case letters`},
		{"token-called-like-a-kind", tokens(func(t *auth.StaticToken) { t.Name = "bearer" }), `stands for clients without one`},
		{"token-twice", func(c *auth.Config) {
			other := token
			_, other.Hash = auth.NewToken()
			c.Tokens = []auth.StaticToken{token, other}
		}, `token "backup": its name is taken`},
		{"hash-twice", func(c *auth.Config) {
			other := token
			other.Name = "other"
			c.Tokens = []auth.StaticToken{token, other}
		}, `token "other": it has the hash of "backup"`},
		{"token-in-place-of-the-hash", tokens(func(t *auth.StaticToken) { t.Hash, _ = auth.NewToken() }), `its hash is not "sha256:"`},
		{"hash-cut-short", tokens(func(t *auth.StaticToken) { t.Hash = hash[:len(hash)-2] }), `its hash is not "sha256:"`},
		{"hash-without-prefix", tokens(func(t *auth.StaticToken) { t.Hash = hash[7:] }), `its hash is not "sha256:"`},
		{"token-for-nobody", tokens(func(t *auth.StaticToken) { t.Applications = nil }), `it names no application`},
		{"token-for-a-stranger", tokens(func(t *auth.StaticToken) { t.Applications = []string{"shop"} }), `there is no application "shop"`},
		{"token-for-one-twice", tokens(func(t *auth.StaticToken) { t.Applications = []string{"home", "home"} }), `it names application home twice`},

		{"bearer-without-audience", bearers(provider.Bearer{}, provider.Bearer{Audience: []string{"x"}}), `application "home": bearer: audience is empty`},
		{"bearer-with-empty-audience", bearers(provider.Bearer{Audience: []string{""}}, provider.Bearer{Audience: []string{"x"}}), `bearer: audience has an empty name`},
		{"bearer-with-two-scopes-in-one", bearers(provider.Bearer{Audience: []string{"y"}, Scopes: []string{"a b"}}, provider.Bearer{Audience: []string{"x"}}), `bearer: scopes has an entry that is no scope`},
		{"bearers", bearers(provider.Bearer{Audience: []string{"a"}}, provider.Bearer{Audience: []string{"b"}}), ""},
		{"bearers-of-one-audience", bearers(provider.Bearer{Audience: []string{"a", "x"}}, provider.Bearer{Audience: []string{"b", "x"}}), `applications "home" and "router": both take access tokens for audience "x"`},
		{"bearers-of-one-audience-and-one-with-a-scope", bearers(provider.Bearer{Audience: []string{"x"}, Scopes: []string{"s"}}, provider.Bearer{Audience: []string{"x"}}), `both take access tokens`},
		{"bearers-of-one-audience-and-scopes-within-each-other", bearers(provider.Bearer{Audience: []string{"x"}, Scopes: []string{"s", "t"}}, provider.Bearer{Audience: []string{"x"}, Scopes: []string{"t"}}), `both take access tokens`},
		{"bearers-told-apart-by-scopes", bearers(provider.Bearer{Audience: []string{"x"}, Scopes: []string{"s", "t"}}, provider.Bearer{Audience: []string{"x"}, Scopes: []string{"t", "u"}}), ""},
		{"bearers-of-two-issuers", func(c *auth.Config) {
			second(c)
			c.Applications[0].Providers = []string{"other"}
			bearers(provider.Bearer{Audience: []string{"x"}}, provider.Bearer{Audience: []string{"x"}})(c)
		}, ""},
		{"bearers-of-two-issuers-of-which-one-has-tenants", func(c *auth.Config) {
			second(c)
			c.Applications[0].Providers, c.Providers[1].Tenants = []string{"other"}, []string{"t"}
			bearers(provider.Bearer{Audience: []string{"x"}}, provider.Bearer{Audience: []string{"x"}})(c)
		}, `both take access tokens`},
		{"introspection", bearers(provider.Bearer{Audience: []string{"a"}, Introspect: true}, provider.Bearer{Audience: []string{"b"}}), ""},
		{"introspection-at-two", func(c *auth.Config) {
			second(c)
			bearers(provider.Bearer{Audience: []string{"a"}, Introspect: true}, provider.Bearer{Audience: []string{"b"}})(c)
		}, `application "home": bearer: introspection takes an application with one provider`},
		{"introspection-by-a-public-client", func(c *auth.Config) {
			c.Providers[0].ClientSecret = ""
			bearers(provider.Bearer{Audience: []string{"a"}, Introspect: true}, provider.Bearer{Audience: []string{"b"}})(c)
		}, `introspection takes a client secret or a client key`},
		{"app-passwords-at-two", func(c *auth.Config) { second(c); c.Applications[0].AppPasswords = true }, `application "home": app passwords take an application with one provider`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			cfg := s.config
			cfg.Session.Prepare = nil
			tt.change(&cfg)
			_, err := auth.New(cfg)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "outpost_") {
				t.Errorf("the error has the token: %v", err)
			}
		})
	}
}

// FuzzMachine holds that whatever stands in the header, nobody is let in but who
// has a token, and nothing is asked of the provider but its keys.
func FuzzMachine(f *testing.F) {
	s := machineStage(&testing.T{}, func(c *auth.Config) { c.Log = nil })
	good := s.typed("at+jwt", s.accessToken(func(c map[string]any) { c["exp"] = time.Now().Add(24 * time.Hour).Unix() }))
	for _, line := range []string{"Bearer " + good, basic("goauthentik.io/token", good), "Bearer a.b.c", "Basic YTpi", "Bearer outpost_x", ""} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		client, reason, known := s.outpost.Machine(t.Context(), "home", line)
		_, rest, _ := strings.Cut(line, " ")
		decoded, _ := base64.StdEncoding.DecodeString(rest)
		if client != nil && strings.TrimSpace(rest) != good && !strings.HasSuffix(string(decoded), ":"+good) {
			t.Errorf("%q is let in", line)
		}
		if (client != nil) != (reason == auth.Allowed) || !known && reason != "" {
			t.Errorf("%v, %q, %v", client, reason, known)
		}
	})
}

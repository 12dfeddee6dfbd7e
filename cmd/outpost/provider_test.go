package main

// A provider and a browser, as small as a sign-in through the running daemon
// can do with. What providers do wrong is package auth's to test.

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"outpost/auth"
)

// fakeProvider vouches for alice, whoever asks.
type fakeProvider struct {
	*httptest.Server
	key   *ecdsa.PrivateKey
	token func() // called before the token endpoint answers

	mu     sync.Mutex
	nonces map[string]string // by code
}

func newProvider(t *testing.T) *fakeProvider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &fakeProvider{key: key, token: func() {}, nonces: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/jwks",
			"id_token_signing_alg_values_supported": []string{"ES256"},
		})
	})
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) {
		point, err := key.PublicKey.Bytes() // 4, x, y (SEC 1 §2.3.3)
		if err != nil {
			t.Error(err)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]string{
			"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "1", "x": encode(point[1:33]), "y": encode(point[33:]),
		}}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		p.token()
		p.mu.Lock()
		nonce := p.nonces[r.FormValue("code")]
		p.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"access_token": "access", "token_type": "Bearer", "id_token": p.idToken(t, nonce)})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// settings of an outpost that is registered here.
func (p *fakeProvider) settings() settings {
	return settings{"insecure_http": true, "provider": settings{"issuer": p.URL, "client_id": "outpost", "client_secret": "client secret of the tests"}}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// idToken signs as RFC 7518 §3.4 has it.
func (p *fakeProvider) idToken(t *testing.T, nonce string) string {
	now := time.Now().Unix()
	claims, err := json.Marshal(map[string]any{
		"iss": p.URL, "aud": "outpost", "sub": "alice-1", "preferred_username": "alice", "nonce": nonce, "iat": now, "exp": now + 60,
	})
	if err != nil {
		t.Error(err)
	}
	signed := encode([]byte(`{"alg":"ES256","kid":"1"}`)) + "." + encode(claims)
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, digest[:])
	if err != nil {
		t.Error(err)
		return ""
	}
	return signed + "." + encode(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// visit is one browser's sign-in to https://router.example.com/, as far as it
// has come.
type visit struct {
	callback string // the path and query that the provider sends the browser to
	cookies  string
}

// begin goes to the provider and enters the password.
func (p *fakeProvider) begin(t *testing.T, d *daemon) visit {
	t.Helper()
	begun := get(t, d.public, auth.Prefix+"/start?rd="+url.QueryEscape("https://router.example.com/deep?a=b"),
		"Host", "router.example.com", "Accept", "text/html", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	to, err := url.Parse(begun.header.Get("Location"))
	if err != nil || begun.status != http.StatusFound || !strings.HasPrefix(to.String(), p.URL+"/authorize?") {
		t.Fatalf("start answers %+v", begun)
	}
	code := rand.Text()
	p.mu.Lock()
	p.nonces[code] = to.Query().Get("nonce")
	p.mu.Unlock()
	return visit{
		callback: auth.Prefix + "/callback?code=" + code + "&state=" + url.QueryEscape(to.Query().Get("state")),
		cookies:  cookies(begun),
	}
}

// finish goes back to the callback.
func (v visit) finish(t *testing.T, d *daemon) reply {
	t.Helper()
	return get(t, d.public, v.callback, "Host", "router.example.com", "Accept", "text/html", "Cookie", v.cookies)
}

// signIn returns the cookies of somebody who is signed in.
func (p *fakeProvider) signIn(t *testing.T, d *daemon) string {
	t.Helper()
	landed := p.begin(t, d).finish(t, d)
	if landed.status != http.StatusFound || landed.header.Get("Location") != "https://router.example.com/deep?a=b" {
		t.Fatalf("the callback answers %+v\n%s", landed, d.log)
	}
	return cookies(landed)
}

// cookies are what a browser sends back of an answer.
func cookies(r reply) string {
	var pairs []string
	for _, line := range r.header["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil && c.MaxAge >= 0 {
			pairs = append(pairs, c.Name+"="+c.Value)
		}
	}
	return strings.Join(pairs, "; ")
}

// breakable answers 502 until it is mended.
type breakable struct {
	http.Handler
	mended atomic.Bool
}

func broken(h http.Handler) *breakable { return &breakable{Handler: h} }
func (b *breakable) mend()             { b.mended.Store(true) }
func (b *breakable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !b.mended.Load() {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	b.Handler.ServeHTTP(w, r)
}

package main

// A provider that signs anybody in: whoever comes with a code gets the ID token
// of the person whom the code names. It exists so that browsers can come and go
// for hours.

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

type signingProvider struct {
	issuer string
	key    *ecdsa.PrivateKey
	server http.Server
}

func startSigningProvider() (*signingProvider, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &signingProvider{issuer: "http://" + listener.Addr().String(), key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, map[string]any{
			"issuer": p.issuer, "authorization_endpoint": p.issuer + "/authorize", "token_endpoint": p.issuer + "/token", "jwks_uri": p.issuer + "/keys",
			"id_token_signing_alg_values_supported": []string{"ES256"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, keySet(key))
	})
	mux.HandleFunc("/token", p.token)
	p.server.Handler = mux
	go p.server.Serve(listener)
	return p, nil
}

// code is what the person's browser brings back from this authorization request.
func (p *signingProvider) code(request url.Values, who string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(who + " " + request.Get("nonce")))
}

func (p *signingProvider) token(w http.ResponseWriter, r *http.Request) {
	code, err := base64.RawURLEncoding.DecodeString(r.FormValue("code"))
	who, nonce, ok := strings.Cut(string(code), " ")
	if err != nil || !ok {
		w.WriteHeader(http.StatusBadRequest)
		answerJSON(w, map[string]string{"error": "invalid_grant"})
		return
	}
	now := time.Now().Unix()
	answerJSON(w, map[string]any{
		"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 300,
		"id_token": p.sign(map[string]any{
			"iss": p.issuer, "aud": "bench", "sub": "sub-" + who, "nonce": nonce, "iat": now, "exp": now + 300,
			"preferred_username": who, "name": who, "email": who + "@example.com", "groups": []string{"family"},
		}),
	})
}

// sign makes a token signed with ES256 (RFC 7515, RFC 7518 §3.4).
func (p *signingProvider) sign(claims map[string]any) string {
	body, err := json.Marshal(claims)
	if err != nil {
		panic(fmt.Sprintf("bench: marshalling claims: %v", err))
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","kid":"k","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
	if err != nil {
		panic(fmt.Sprintf("bench: signing: %v", err))
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// keySet is the public half of the key as a JSON Web Key Set (RFC 7517).
func keySet(key *ecdsa.PrivateKey) any {
	return map[string]any{"keys": []any{map[string]string{
		"kty": "EC", "crv": "P-256", "kid": "k", "use": "sig", "alg": "ES256",
		"x": coordinate(key.X), "y": coordinate(key.Y),
	}}}
}

func coordinate(n *big.Int) string {
	return base64.RawURLEncoding.EncodeToString(n.FillBytes(make([]byte, 32)))
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

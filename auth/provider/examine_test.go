package provider_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"outpost/auth/provider"
)

const redirectURI = "https://app.example.com/outpost.goauthentik.io/callback"

// examined is a provider that answers each question as a test says.
type examined struct {
	metadata  map[string]any
	authorize func(q url.Values) (status int, location, body string)
	token     func(secret string) (status int, body string)
	date      time.Time
	asked     []string
}

func (p *examined) RoundTrip(r *http.Request) (*http.Response, error) {
	p.asked = append(p.asked, r.Method+" "+r.URL.Path)
	status, location, body, kind := 200, "", "", "application/json"
	switch r.URL.Path {
	case "/oidc/.well-known/openid-configuration":
		text, err := json.Marshal(p.metadata)
		if err != nil {
			return nil, err
		}
		body = string(text)
	case "/keys":
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
		if err != nil {
			return nil, err
		}
		body = string(text)
	case "/token":
		_, secret, _ := r.BasicAuth()
		status, body = p.token(secret)
	default:
		kind = "text/html"
		status, location, body = p.authorize(r.URL.Query())
	}
	h := http.Header{"Content-Type": {kind}, "Date": {p.date.UTC().Format(http.TimeFormat)}}
	if location != "" {
		h.Set("Location", location)
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func newExamined() *examined {
	return &examined{
		date: time.Now(),
		metadata: map[string]any{
			"issuer": "https://idp.example.org/oidc", "authorization_endpoint": "https://idp.example.org/authorize", "token_endpoint": "https://idp.example.org/token",
			"jwks_uri": "https://idp.example.org/keys", "id_token_signing_alg_values_supported": []string{"HS256", "ES256"}, "scopes_supported": []string{"openid", "profile"},
		},
		authorize: func(q url.Values) (int, string, string) {
			return 302, q.Get("redirect_uri") + "?error=login_required", ""
		},
		token: func(secret string) (int, string) {
			if secret == "right" {
				return 400, `{"error":"invalid_grant"}`
			}
			return 401, `{"error":"invalid_client"}`
		},
	}
}

func (p *examined) examine(t *testing.T) provider.Examination {
	t.Helper()
	c := provider.Config{Name: "idp", Issuer: "https://idp.example.org/oidc", ClientID: "outpost", ClientSecret: "right", Scopes: []string{"openid", "groups"}}
	return provider.Examine(t.Context(), c, []string{redirectURI}, p)
}

func TestExamineWellProvider(t *testing.T) {
	x := newExamined().examine(t)
	if x.Err != nil || x.Client.Verdict != provider.Accepted || len(x.Redirects) != 1 || x.Redirects[0].Verdict != provider.Accepted {
		t.Errorf("got %+v", x)
	}
	if got := x.Redirects[0].About; got != redirectURI {
		t.Errorf("asked about %q", got)
	}
	if len(x.Accepted) != 1 || x.Accepted[0] != "ES256" || len(x.MissingScopes) != 1 || x.MissingScopes[0] != "groups" || x.EndSession || !x.SkewKnown {
		t.Errorf("got %+v", x)
	}
}

// What a provider may answer to a sign-in that nobody makes, and what it means.
// No answer that is the same for a made-up redirect URI counts as accepted.
func TestExamineRedirect(t *testing.T) {
	madeUp := func(q url.Values) bool { return strings.Contains(q.Get("redirect_uri"), "/outpost-doctor-") }
	for _, tt := range []struct {
		name      string
		authorize func(q url.Values) (int, string, string)
		want      provider.Verdict
	}{
		{"error-page", func(url.Values) (int, string, string) { return 400, "", "no" }, provider.Refused},
		{"its-own-error-page-in-a-redirect", func(q url.Values) (int, string, string) {
			if q.Get("client_id") != "" {
				return 302, "https://idp.example.org/error?error=redirect_uri_mismatch", ""
			}
			return 200, "", "redirect_uri_mismatch"
		}, provider.Refused},
		{"sign-in-page-for-everything", func(url.Values) (int, string, string) { return 200, "", "password" }, provider.Unknown},
		{"sign-in-page-for-ours-alone", func(q url.Values) (int, string, string) {
			if madeUp(q) {
				return 400, "", "no"
			}
			return 200, "", "password"
		}, provider.Accepted},
		{"page-about-redirects-with-200", func(url.Values) (int, string, string) { return 200, "", "The redirect URI does not match" }, provider.Refused},
		{"elsewhere", func(url.Values) (int, string, string) { return 302, "https://login.elsewhere.org/", "" }, provider.Unknown},
		{"forbidden-by-a-firewall", func(url.Values) (int, string, string) { return 403, "", "" }, provider.Unknown},
		{"down", func(url.Values) (int, string, string) { return 503, "", "" }, provider.Unknown},
		{"a-longer-address-than-ours", func(q url.Values) (int, string, string) {
			return 302, q.Get("redirect_uri") + "x?error=login_required", ""
		}, provider.Unknown},
		{"round-in-circles", func(url.Values) (int, string, string) { return 302, "https://idp.example.org/authorize", "" }, provider.Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newExamined()
			p.authorize = tt.authorize
			if got := p.examine(t).Redirects[0]; got.Verdict != tt.want {
				t.Errorf("got %+v, want %s", got, tt.want)
			}
			if len(p.asked) > 30 {
				t.Errorf("asked %d times", len(p.asked))
			}
		})
	}
}

func TestExamineClient(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		status     int
		both       bool // whatever the secret is
		want       provider.Verdict
	}{
		{"wrong-secret", `{"error":"invalid_client"}`, 401, true, provider.Refused},
		{"wrong-secret-without-words", ``, 401, true, provider.Refused},
		{"client-may-not", `{"error":"unauthorized_client"}`, 400, true, provider.Refused},
		{"looks-at-the-code-first", `{"error":"invalid_grant"}`, 400, true, provider.Unknown},
		{"something-else", `{"error":"invalid_request"}`, 400, true, provider.Unknown},
		{"something-secret", `{"error":"hunter2"}`, 400, true, provider.Unknown},
		{"down", ``, 503, true, provider.Unknown},
		{"right", `{"error":"invalid_grant"}`, 400, false, provider.Accepted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newExamined()
			usual := p.token
			p.token = func(secret string) (int, string) {
				if tt.both || secret == "right" {
					return tt.status, tt.body
				}
				return usual(secret)
			}
			got := p.examine(t).Client
			if got.Verdict != tt.want || strings.Contains(got.Why, "hunter2") {
				t.Errorf("got %+v, want %s", got, tt.want)
			}
		})
	}
}

func TestExamineTrouble(t *testing.T) {
	p := newExamined()
	p.metadata["issuer"] = "https://idp.example.org/oidc/"
	if x := p.examine(t); x.Trouble != provider.TroubleIssuer || x.Issuer != "https://idp.example.org/oidc/" {
		t.Errorf("another issuer: got %+v", x)
	}
	p = newExamined()
	p.metadata["id_token_signing_alg_values_supported"] = []string{"HS256"}
	if x := p.examine(t); x.Trouble != provider.TroubleAlgorithms {
		t.Errorf("symmetric algorithms alone: got %+v", x)
	}
	p = newExamined()
	p.date = time.Now().Add(-time.Hour)
	if x := p.examine(t); x.Skew > -59*time.Minute {
		t.Errorf("a clock an hour late: got %v", x.Skew)
	}
}

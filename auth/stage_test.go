package auth_test

// The stage of these tests: a provider that does as it is told, an nginx as
// SWAG's samples make it, and browsers with cookie jars. Nothing goes over a
// network, so a story may run on a fake clock. The same stories are told with
// real components in e2e/.

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"outpost/access"
	"outpost/auth"
	"outpost/auth/provider"
	"outpost/headers"
	"outpost/session"
	"outpost/session/memory"
)

const (
	issuer = "https://idp.example.org/oidc"
	prefix = auth.Prefix
)

// stage is an outpost with a domain-level application, two single ones, a
// provider and an nginx before it.
type stage struct {
	t        *testing.T
	outpost  *auth.Outpost
	config   auth.Config // that it was made of
	public   http.Handler
	provider *fakeProvider
	log      *syncBuffer
	reasons  []auth.Reason // of checks and sign-ins, in order
	mu       sync.Mutex
}

func newStage(t *testing.T, change ...func(*auth.Config)) *stage {
	t.Helper()
	s := &stage{t: t, provider: newProvider(t), log: &syncBuffer{}}
	cfg := auth.Config{
		Applications: []auth.Application{
			{Name: "home", ExternalURL: "https://outpost.example.com", CookieDomain: "example.com", Providers: []string{"idp"}, Access: access.Config{Policy: access.Everyone(), DefaultAllow: true}},
			{Name: "router", ExternalURL: "https://router.example.com", Providers: []string{"idp"}, Access: access.Config{Policy: access.Allow(access.Lists{Groups: []string{"admins"}}), DefaultAllow: true}},
			{Name: "wiki", ExternalURL: "https://wiki.example.net:8443", Providers: []string{"idp"}, Access: access.Config{Policy: access.Everyone(), DefaultAllow: true}},
		},
		Providers: []provider.Config{{Name: "idp", Issuer: issuer, ClientID: "outpost", ClientSecret: "client secret", Scopes: []string{"openid", "profile", "unknown"}}},
		Session:   session.Config{Store: memory.New(), Secrets: [][]byte{bytes.Repeat([]byte("s"), 32)}, Idle: time.Hour, Max: 24 * time.Hour},
		Peers:     headers.NewPeers([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}),
		Transport: s.provider,
		Log:       slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Hooks: auth.Hooks{
			Check:  func(_ string, r auth.Reason, _ time.Duration) { s.happened(r) },
			SignIn: func(_, _ string, r auth.Reason, _ time.Duration) { s.happened(r) },
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	s.config = cfg
	if s.outpost, err = auth.New(cfg); err != nil {
		t.Fatal(err)
	}
	s.public = s.outpost.Endpoints()
	return s
}

func (s *stage) happened(r auth.Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reasons = append(s.reasons, r)
}

// last is the reason of what happened last.
func (s *stage) last() auth.Reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.reasons) == 0 {
		return ""
	}
	return s.reasons[len(s.reasons)-1]
}

// check asks what nginx asks, with exactly these headers.
func (s *stage) check(h http.Header, peer string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, "http://outpost:9000"+prefix+"/auth/nginx", nil)
	r.Host, r.Header, r.RemoteAddr = h.Get("Host"), h.Clone(), peer
	r.Header.Del("Host")
	w := httptest.NewRecorder()
	s.outpost.ServeNginx(w, r)
	return w.Result()
}

// nginx answers a browser's request as nginx with SWAG's confs would: the
// prefix goes to the outpost, everything else is an application behind a check.
//
// rawURL is the URL as the browser was told it, of which $request_uri is a part.
func (s *stage) nginx(r *http.Request, rawURL string) *http.Response {
	inner := r.Clone(r.Context())
	inner.RemoteAddr, inner.RequestURI = "127.0.0.1:40000", ""
	inner.Host = r.URL.Hostname() // $host
	inner.Header.Set("X-Forwarded-Host", r.URL.Hostname())
	inner.Header.Set("X-Original-Method", r.Method)
	inner.Header.Set("X-Original-Url", rawURL)
	w := httptest.NewRecorder()
	if strings.HasPrefix(r.URL.Path, prefix) {
		s.public.ServeHTTP(w, inner)
		return w.Result()
	}
	inner.URL.Path = prefix + "/auth/nginx"
	s.outpost.ServeNginx(w, inner)
	decision := w.Result()
	switch decision.StatusCode {
	case http.StatusOK:
		page := httptest.NewRecorder()
		for _, name := range headers.IdentityNames {
			page.Header()[name] = decision.Header[name]
		}
		page.WriteString("the application")
		return page.Result()
	case http.StatusUnauthorized:
		page := httptest.NewRecorder()
		page.Header().Set("Location", "https://"+r.URL.Host+prefix+"/start?rd="+escapeAll(rawURL))
		if one := decision.Header.Get("Set-Cookie"); one != "" { // SWAG's add_header
			page.Header().Set("Set-Cookie", one)
		}
		page.WriteHeader(http.StatusFound)
		return page.Result()
	}
	return decision
}

// escapeAll escapes as set_escape_uri does: everything but unreserved characters.
func escapeAll(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteString("%" + strings.ToUpper(string("0123456789abcdef"[c>>4])+string("0123456789abcdef"[c&15])))
	}
	return b.String()
}

// browser is one browser; its requests are navigations unless a header says not.
type browser struct {
	s    *stage
	jar  *cookiejar.Jar
	user string // who signs in at the provider
	at   string // where the last visit ended
}

func (s *stage) browser(user string) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{s: s, jar: jar, user: user}
}

// once sends one request and follows nothing.
func (b *browser) once(method, rawURL string, more ...string) *http.Response {
	b.s.t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		b.s.t.Fatal(err)
	}
	r := httptest.NewRequest(method, rawURL, nil)
	r.URL = u
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Accept", "text/html")
	for i := 0; i+1 < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	for _, c := range b.jar.Cookies(u) {
		r.AddCookie(c)
	}
	var resp *http.Response
	if u.Host == b.s.provider.host {
		resp = b.s.provider.visit(r, b.user)
	} else {
		resp = b.s.nginx(r, rawURL)
	}
	b.jar.SetCookies(u, resp.Cookies())
	b.at = rawURL
	if to := resp.Header.Get("Location"); strings.HasPrefix(to, prefix+"/callback?page=") && resp.StatusCode == http.StatusFound {
		// Where a callback fails, its page is at an address without the code.
		if len(to) > 2300 || strings.Contains(to, "code=") {
			b.s.t.Errorf("a callback that failed leads to %s", to)
		}
		told := b.once(http.MethodGet, u.Scheme+"://"+u.Host+to, more...)
		for _, c := range resp.Header["Set-Cookie"] {
			told.Header.Add("Set-Cookie", c)
		}
		return told
	}
	return resp
}

// visit follows redirects to the end, twenty at the most.
func (b *browser) visit(rawURL string, more ...string) *http.Response {
	b.s.t.Helper()
	for range 20 {
		resp := b.once(http.MethodGet, rawURL, more...)
		to := onward(resp)
		if to == "" {
			return resp
		}
		rawURL = to
	}
	b.s.t.Fatalf("twenty redirects, the last to %s", rawURL)
	return nil
}

// until follows redirects and stops before a URL that contains part.
func (b *browser) until(rawURL, part string) string {
	b.s.t.Helper()
	for range 20 {
		resp := b.once(http.MethodGet, rawURL)
		if rawURL = onward(resp); strings.Contains(rawURL, part) {
			return rawURL
		}
		if rawURL == "" {
			b.s.t.Fatalf("no redirect to %s, but %s:\n%s", part, resp.Status, body(resp))
		}
	}
	b.s.t.Fatalf("twenty redirects and none to %s", part)
	return ""
}

// onward is where a response sends its browser, by a header or by its page; ""
// if it is where the visit ends.
func onward(resp *http.Response) string {
	if resp.StatusCode/100 == 3 {
		return resp.Header.Get("Location")
	}
	page := body(resp)
	resp.Body = io.NopCloser(strings.NewReader(page))
	_, refresh, _ := strings.Cut(page, `http-equiv="refresh" content="0;url=`)
	to, _, _ := strings.Cut(refresh, `"`)
	return html.UnescapeString(to)
}

func (b *browser) cookie(rawURL, name string) string {
	u, _ := url.Parse(rawURL)
	for _, c := range b.jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func body(resp *http.Response) string {
	var b bytes.Buffer
	b.ReadFrom(resp.Body)
	return b.String()
}

// want fails the test unless resp has this status.
func (s *stage) want(resp *http.Response, status int) {
	s.t.Helper()
	if resp.StatusCode != status {
		s.t.Fatalf("got %d, want %d; last reason %s\n%s\n%s", resp.StatusCode, status, s.last(), body(resp), s.log.String())
	}
}

// fakeProvider is an OpenID provider that can be told to misbehave.
type fakeProvider struct {
	t    *testing.T
	host string
	key  *ecdsa.PrivateKey

	mu       sync.Mutex
	down     bool
	issuer   string                    // as in the address of its metadata
	calls    map[string]int            // by path
	codes    map[string]authorization  // issued and not yet used
	users    map[string]map[string]any // claims of userinfo
	metadata map[string]any            // laid over the usual metadata
	claims   func(map[string]any)      // changes an ID token before it is signed
	sign     func(claims []byte) string
	userinfo func(map[string]any)      // changes userinfo
	token    func(map[string]any) int  // changes the token endpoint's answer and its status
	tokens   map[string]string         // access token → user
	keys     func() jose.JSONWebKeySet // what jwks_uri answers
	client   func(*http.Request) bool  // whether a token request is of our client
	seen     []url.Values              // authorization requests, as the browser brought them
	pushed   map[string]url.Values     // requests that were pushed and not yet used, by request_uri
	asked    []url.Values              // authorization requests, those that were pushed as they were pushed

	refresh   bool                           // issue refresh tokens, and rotate them
	refreshes map[string]refreshable         // refresh tokens that are good
	refreshed func(url.Values) (string, int) // an error and its status, in place of an answer; "" and 0 for none
	revoked   []string                       // what the revocation endpoint was told
	hang      map[string]chan struct{}       // paths whose answer waits until the channel is closed
}

// refreshable is what a refresh token stands for.
type refreshable struct {
	user, nonce string
	signedIn    time.Time
}

type authorization struct{ user, nonce, challenge, redirectURI string }

func newProvider(t *testing.T) *fakeProvider {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &fakeProvider{t: t, host: "idp.example.org", issuer: issuer, key: key, calls: map[string]int{}, codes: map[string]authorization{}, tokens: map[string]string{}}
	p.users = map[string]map[string]any{
		"alice": {"sub": "sub-alice", "preferred_username": "alice", "name": "Alice Ädmin", "email": "alice@example.com", "email_verified": true, "groups": []string{"admins", "users"}},
		"bob":   {"sub": "sub-bob", "preferred_username": "bob", "name": "Bob", "email": "bob@example.com", "groups": []string{"users"}},
	}
	p.sign = func(claims []byte) string { return p.signWith(p.key, "k1", jose.ES256, claims) }
	p.client = func(r *http.Request) bool {
		id, secret, _ := r.BasicAuth()
		return id == "outpost" && secret == "client+secret"
	}
	p.keys = func() jose.JSONWebKeySet {
		return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}}
	}
	return p
}

func (p *fakeProvider) signWith(key crypto.PrivateKey, kid string, alg jose.SignatureAlgorithm, claims []byte) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", kid))
	if err != nil {
		p.t.Fatal(err)
	}
	jws, err := signer.Sign(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		p.t.Fatal(err)
	}
	return compact
}

// visit is the browser at the provider: it signs in as user without a word.
func (p *fakeProvider) visit(r *http.Request, user string) *http.Response {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := r.URL.Query()
	w := httptest.NewRecorder()
	switch r.URL.Path {
	case "/authorize":
		p.seen = append(p.seen, q)
		if reference := q.Get("request_uri"); reference != "" {
			q = p.pushed[reference]
			delete(p.pushed, reference)
		}
		p.asked = append(p.asked, q)
		code := rand.Text()
		p.codes[code] = authorization{user, q.Get("nonce"), q.Get("code_challenge"), q.Get("redirect_uri")}
		w.Header().Set("Location", q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}, "session_state": {"x.y"}}.Encode())
		w.WriteHeader(http.StatusFound)
	case "/end":
		w.Header().Set("Location", q.Get("post_logout_redirect_uri")+"?state="+url.QueryEscape(q.Get("state")))
		w.WriteHeader(http.StatusFound)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
	return w.Result()
}

// RoundTrip is the way from the outpost to the provider.
func (p *fakeProvider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[r.URL.Path]++
	if hang := p.hang[r.URL.Path]; hang != nil {
		p.mu.Unlock()
		select {
		case <-hang:
		case <-r.Context().Done():
		}
		p.mu.Lock()
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
	}
	if p.down {
		return nil, errDown
	}
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	path := r.URL.Path
	if p.issuer != issuer && r.URL.String() == strings.TrimSuffix(p.issuer, "/")+"/.well-known/openid-configuration" {
		path = "/oidc/.well-known/openid-configuration"
	}
	switch path {
	case "/oidc/.well-known/openid-configuration":
		m := map[string]any{
			"issuer": issuer, "authorization_endpoint": "https://idp.example.org/authorize", "token_endpoint": "https://idp.example.org/token",
			"userinfo_endpoint": "https://idp.example.org/userinfo", "jwks_uri": "https://idp.example.org/keys", "end_session_endpoint": "https://idp.example.org/end?own=1",
			"id_token_signing_alg_values_supported": []string{"ES256", "RS256", "none"}, "scopes_supported": []string{"openid", "profile"},
		}
		maps.Copy(m, p.metadata)
		json.NewEncoder(w).Encode(m)
	case "/keys":
		json.NewEncoder(w).Encode(p.keys())
	case "/token":
		r.ParseForm()
		if r.Form.Get("grant_type") == "refresh_token" {
			p.answerRefresh(w, r)
			break
		}
		p.answerToken(w, r)
	case "/par":
		r.ParseForm()
		reference := "urn:ietf:params:oauth:request_uri:" + rand.Text()
		if p.pushed == nil {
			p.pushed = map[string]url.Values{}
		}
		p.pushed[reference] = r.Form
		w.WriteHeader(http.StatusCreated)
		json.NewEncoder(w).Encode(map[string]any{"request_uri": reference, "expires_in": 60})
	case "/revoke":
		r.ParseForm()
		if id, secret, _ := r.BasicAuth(); id != "outpost" || secret != "client+secret" {
			w.WriteHeader(http.StatusUnauthorized)
			break
		}
		p.revoked = append(p.revoked, r.Form.Get("token"))
		delete(p.refreshes, r.Form.Get("token"))
	case "/userinfo":
		user, known := p.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
		if !known {
			w.WriteHeader(http.StatusUnauthorized)
			break
		}
		claims := maps.Clone(p.users[user])
		if p.userinfo != nil {
			p.userinfo(claims)
		}
		json.NewEncoder(w).Encode(claims)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
	return w.Result(), nil
}

func (p *fakeProvider) answerToken(w http.ResponseWriter, r *http.Request) {
	a, known := p.codes[r.Form.Get("code")]
	delete(p.codes, r.Form.Get("code"))
	sum := sha256.Sum256([]byte(r.Form.Get("code_verifier")))
	if !known || !p.client(r) || base64.RawURLEncoding.EncodeToString(sum[:]) != a.challenge || r.Form.Get("redirect_uri") != a.redirectURI {
		w.WriteHeader(http.StatusBadRequest)
		json.NewEncoder(w).Encode(map[string]string{"error": "invalid_grant"})
		return
	}
	p.issue(w, refreshable{a.user, a.nonce, time.Now()})
}

// answerRefresh answers the refresh grant. A token is good once.
func (p *fakeProvider) answerRefresh(w http.ResponseWriter, r *http.Request) {
	token := r.Form.Get("refresh_token")
	a, known := p.refreshes[token]
	id, secret, _ := r.BasicAuth()
	code, status := "", 0
	switch {
	case p.refreshed != nil:
		code, status = p.refreshed(r.Form)
	case id != "outpost" || secret != "client+secret":
		code, status = "invalid_client", http.StatusUnauthorized
	}
	if status == 0 && !known {
		code, status = "invalid_grant", http.StatusBadRequest
	}
	if status != 0 {
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]string{"error": code})
		return
	}
	delete(p.refreshes, token)
	p.issue(w, a)
}

// issue answers with tokens.
func (p *fakeProvider) issue(w http.ResponseWriter, a refreshable) {
	now := time.Now()
	claims := map[string]any{
		"iss": issuer, "aud": "outpost", "sub": p.users[a.user]["sub"], "exp": now.Add(5 * time.Minute).Unix(), "iat": now.Unix(), "nonce": a.nonce, "sid": "sid-" + a.user,
	}
	if p.refresh {
		claims["auth_time"] = a.signedIn.Unix()
	}
	if p.claims != nil {
		p.claims(claims)
	}
	raw, err := json.Marshal(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	access := rand.Text()
	p.tokens[access] = a.user
	answer := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": p.sign(raw)}
	if p.refresh {
		token := rand.Text()
		if p.refreshes == nil {
			p.refreshes = map[string]refreshable{}
		}
		p.refreshes[token] = a
		answer["refresh_token"] = token
	}
	status := http.StatusOK
	if p.token != nil {
		status = p.token(answer)
	}
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(answer)
}

func (p *fakeProvider) called(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[path]
}

// transport is an http.RoundTripper.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering puts answer in the place of the provider at one path; where it is
// nil the provider itself answers.
func answering(path string, answer func(*http.Request) (*http.Response, error)) func(*auth.Config) {
	return func(c *auth.Config) {
		next := c.Transport
		c.Transport = transport(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == path {
				if resp, err := answer(r); resp != nil || err != nil {
					return resp, err
				}
			}
			return next.RoundTrip(r)
		})
	}
}

// respond makes an answer; more is header name, value and so on.
func respond(status int, body string, more ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i+1 < len(more); i += 2 {
		h.Set(more[i], more[i+1])
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, ProtoMajor: 1, ProtoMinor: 1}
}

type downError struct{}

func (downError) Error() string { return "connection refused" }

var errDown = downError{}

// syncBuffer is a buffer that several goroutines may write to.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// unsigned is a JWS with the algorithm none.
func unsigned(claims []byte) string {
	e := base64.RawURLEncoding
	return e.EncodeToString([]byte(`{"alg":"none"}`)) + "." + e.EncodeToString(claims) + "."
}

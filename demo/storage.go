package main

// What the provider remembers: two people, one client, the sign-ins under way
// and the browsers that are signed in. All of it in memory, gone with the demo.

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// person is somebody who can sign in.
type person struct {
	Username, Name, Email string
	Groups                []string
}

// people are all who can sign in, each with the password the terminal shows.
var people = []person{
	{"alice", "Alice Adams", "alice@example.com", []string{"admins", "users"}},
	{"bob", "Bob Brown", "bob@example.com", []string{"users"}},
}

// personNamed finds who has this username; it is also their subject.
func personNamed(username string) (person, error) {
	i := slices.IndexFunc(people, func(p person) bool { return p.Username == username })
	if i < 0 {
		return person{}, fmt.Errorf("nobody here is called %q", username)
	}
	return people[i], nil
}

// browserSession is one browser that has signed in at the provider.
type browserSession struct {
	username string
	authTime time.Time
}

// errNotOffered answers every grant and endpoint that a sign-in in a browser
// does not need: refresh tokens, revocation, introspection, JWT profiles.
var errNotOffered = errors.New("the demo's provider does not offer this")

// storage is the op.Storage of the demo. The op package speaks the protocol;
// it asks here for everything it has to remember.
type storage struct {
	client client
	key    signingKey

	mu       sync.Mutex
	requests map[string]*authRequest   // by ID; a sign-in that nobody finishes stays
	codes    map[string]string         // authorization code → ID of its request
	tokens   map[string]time.Time      // access token ID → when it ends
	browsers map[string]browserSession // by the value of the provider's cookie
}

func newStorage(c client) (*storage, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("making the provider's signing key: %w", err)
	}
	return &storage{
		client:   c,
		key:      signingKey{key},
		requests: map[string]*authRequest{},
		codes:    map[string]string{},
		tokens:   map[string]time.Time{},
		browsers: map[string]browserSession{},
	}, nil
}

// signInBrowser remembers a browser and returns the value for its cookie.
func (s *storage) signInBrowser(username string) (cookie string, b browserSession) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cookie, b = rand.Text(), browserSession{username, time.Now()}
	s.browsers[cookie] = b
	return cookie, b
}

// browser returns what is known of the browser with this cookie.
func (s *storage) browser(cookie string) (b browserSession, signedIn bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, signedIn = s.browsers[cookie]
	return b, signedIn
}

// finish marks a sign-in as done by whoever sits at this browser. The error
// is for a request that is unknown or has ended.
func (s *storage) finish(requestID string, b browserSession) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.requests[requestID]
	if !ok {
		return errNoRequest
	}
	r.by = b
	return nil
}

var errNoRequest = errors.New("no such sign-in: it has ended, or the demo was started anew")

// TerminateSession signs a person out of every browser: the ID token hint
// names who it was, not where.
func (s *storage) TerminateSession(_ context.Context, username, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for cookie, b := range s.browsers {
		if b.username == username {
			delete(s.browsers, cookie)
		}
	}
	return nil
}

// The authorization code flow, in the order in which op calls.

func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != s.client.ID {
		return nil, fmt.Errorf("no client is called %q", id)
	}
	return s.client, nil
}

func (s *storage) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if slices.Contains(r.Prompt, oidc.PromptNone) {
		return nil, oidc.ErrLoginRequired()
	}
	if r.CodeChallenge == "" || r.CodeChallengeMethod != oidc.CodeChallengeMethodS256 {
		return nil, oidc.ErrInvalidRequest().WithDescription("PKCE with S256 is required here")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	request := &authRequest{AuthRequest: r, id: rand.Text()}
	s.requests[request.id] = request
	return request.copy(), nil
}

func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.request(id)
}

// request returns a copy, so that nobody reads a request while finish writes it.
func (s *storage) request(id string) (*authRequest, error) {
	r, ok := s.requests[id]
	if !ok {
		return nil, errNoRequest
	}
	return r.copy(), nil
}

func (s *storage) SaveAuthCode(_ context.Context, requestID, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = requestID
	return nil
}

// AuthRequestByCode spends the code: RFC 6749 §4.1.2 allows one use.
func (s *storage) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.codes[code]
	delete(s.codes, code)
	return s.request(id)
}

func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != s.client.ID || subtle.ConstantTimeCompare([]byte(secret), []byte(s.client.Secret)) != 1 {
		return errors.New("client ID or client secret is wrong")
	}
	return nil
}

func (s *storage) CreateAccessToken(context.Context, op.TokenRequest) (id string, ends time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ends = rand.Text(), time.Now().Add(5*time.Minute)
	s.tokens[id] = ends
	return id, ends, nil
}

func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, id)
	return nil
}

// SetUserinfoFromToken fills the userinfo answer. OpenID Connect knows no
// groups; like most providers, this one has a claim of that name.
func (s *storage) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, tokenID, subject, _ string) error {
	s.mu.Lock()
	ends, known := s.tokens[tokenID]
	s.mu.Unlock()
	if !known || time.Now().After(ends) {
		return errors.New("the access token is unknown or has ended")
	}
	p, err := personNamed(subject)
	if err != nil {
		return err
	}
	info.Subject = subject
	info.PreferredUsername, info.Name = p.Username, p.Name
	info.Email, info.EmailVerified = p.Email, true
	info.AppendClaims("groups", p.Groups)
	return nil
}

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return s.key, nil }
func (s *storage) KeySet(context.Context) ([]op.Key, error)          { return []op.Key{publicKey{s.key}}, nil }
func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}
func (s *storage) Health(context.Context) error { return nil }

// SetUserinfoFromScopes fills the ID token: with the subject alone, so that the
// outpost has to ask for userinfo, as it does at most providers.
func (s *storage) SetUserinfoFromScopes(_ context.Context, info *oidc.UserInfo, subject, _ string, _ []string) error {
	info.Subject = subject
	return nil
}
func (s *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

// What op.Storage asks for and this provider does not offer.

func (s *storage) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, errNotOffered
}
func (s *storage) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, errNotOffered
}
func (s *storage) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}
func (s *storage) RevokeToken(context.Context, string, string, string) *oidc.Error {
	return oidc.ErrInvalidRequest().WithParent(errNotOffered)
}
func (s *storage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errNotOffered
}
func (s *storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errNotOffered
}
func (s *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errNotOffered
}

// Package provider is what the programs below it share: it reads what the
// stories tell a program, and who the people are. It is no part of the daemon.
package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
)

// Options come in PROVIDER; ../provider.go says what they are.
type Options struct {
	Issuer, Listen, TLS, Client, Secret, Groups, Web string
	RedirectURIs, PostLogoutRedirectURIs             []string
}

// A Person can sign in, with the password that is the same for all.
type Person struct{ ID, Username, Name, Email string }

// Password is everybody's.
const Password = "password"

// People are all who can sign in. Their IDs are not their user names, as is
// usual where a database has them.
var People = []Person{
	{"person-1", "alice", "Alice Adams", "alice@example.test"},
	{"person-2", "bob", "Bob Brown", "bob@example.test"},
}

// groups of who has been put into none since.
var groups = map[string][]string{"alice": {"admins", "users"}, "bob": {"users"}}

// FromEnvironment reads PROVIDER.
func FromEnvironment() (Options, error) {
	var o Options
	if err := json.Unmarshal([]byte(os.Getenv("PROVIDER")), &o); err != nil {
		return o, fmt.Errorf("reading PROVIDER: %w", err)
	}
	return o, nil
}

// ErrClosed means that an account is there no more.
var ErrClosed = errors.New("the account is closed")

// GroupsOf are the groups of a user as of now: the file is read each time. The
// error may be ErrClosed.
func (o Options) GroupsOf(username string) ([]string, error) {
	changed := map[string][]string{}
	content, err := os.ReadFile(o.Groups)
	if errors.Is(err, fs.ErrNotExist) {
		return groups[username], nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(content, &changed); err != nil {
		return nil, fmt.Errorf("%s: %w", o.Groups, err)
	}
	switch now, there := changed[username]; {
	case there && now == nil:
		return nil, ErrClosed
	case there:
		return now, nil
	}
	return groups[username], nil
}

// Serve answers with h until the process is ended.
func (o Options) Serve(h http.Handler) error {
	return http.ListenAndServeTLS(o.Listen, filepath.Join(o.TLS, "chain.crt"), filepath.Join(o.TLS, "leaf.key"), h)
}

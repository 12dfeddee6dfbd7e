// Command zitadel runs the provider of zitadel/oidc's example, with its storage
// and its sign-in form. Of our own are the people, their groups, and the
// addresses to return to after a sign-out, which the example's clients have
// none of.
package main

import (
	"context"
	"log"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"outpost/e2e/provider"
)

func main() { log.Fatal(run()) }

func run() error {
	options, err := provider.FromEnvironment()
	if err != nil {
		return err
	}
	storage.RegisterClients(storage.WebClient(options.Client, options.Secret, options.RedirectURIs...))
	store := groupStore{storage.NewStorage(people{options}), options}
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return options.Serve(exampleop.SetupServer(options.Issuer, store, quiet, false))
}

// people is the storage.UserStore. Whose account is closed is not there.
type people struct{ options provider.Options }

func (p people) GetUserByID(id string) *storage.User {
	return p.find(func(who provider.Person) bool { return who.ID == id })
}

func (p people) GetUserByUsername(username string) *storage.User {
	return p.find(func(who provider.Person) bool { return who.Username == username })
}

// ExampleClientID names a service of the example, which nobody here asks for.
func (people) ExampleClientID() string { return storage.ServiceUserID }

func (p people) find(is func(provider.Person) bool) *storage.User {
	i := slices.IndexFunc(provider.People, is)
	if i < 0 {
		return nil
	}
	who := provider.People[i]
	if _, err := p.options.GroupsOf(who.Username); err != nil {
		return nil
	}
	first, last, _ := strings.Cut(who.Name, " ")
	return &storage.User{
		ID: who.ID, Username: who.Username, Password: provider.Password,
		FirstName: first, LastName: last, Email: who.Email, EmailVerified: true,
	}
}

// groupStore is the example's storage that knows of groups.
type groupStore struct {
	*storage.Storage
	options provider.Options
}

// SetUserinfoFromToken says at userinfo who somebody is.
func (s groupStore) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, tokenID, subject, origin string) error {
	if err := s.Storage.SetUserinfoFromToken(ctx, info, tokenID, subject, origin); err != nil {
		return err
	}
	groups, err := s.options.GroupsOf(people{s.options}.GetUserByID(subject).Username)
	info.AppendClaims("groups", groups)
	return err
}

// GetClientByClientID returns the example's client with our addresses.
func (s groupStore) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	client, err := s.Storage.GetClientByClientID(ctx, id)
	return returning{client, s.options.PostLogoutRedirectURIs}, err
}

// returning is a client to which people return after a sign-out.
type returning struct {
	op.Client
	addresses []string
}

func (r returning) PostLogoutRedirectURIs() []string { return r.addresses }

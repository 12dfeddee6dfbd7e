// Command dex runs Dex 2.13 of 2018, the newest that the module proxy has: a
// provider without PKCE, userinfo and sign-out, as old ones are. Of our own is
// the connector that knows the people.
package main

import (
	"context"
	"log"
	"os"
	"slices"

	"github.com/dexidp/dex/connector"
	"github.com/dexidp/dex/server"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"outpost/e2e/provider"
)

func main() { log.Fatal(run()) }

func run() error {
	options, err := provider.FromEnvironment()
	if err != nil {
		return err
	}
	quiet := &logrus.Logger{Out: os.Stderr, Formatter: &logrus.TextFormatter{DisableColors: true}, Level: logrus.WarnLevel}
	server.ConnectorsConfig["people"] = func() server.ConnectorConfig { return people{options} }
	store := storage.WithStaticClients(memory.New(quiet), []storage.Client{{
		ID: options.Client, Secret: options.Secret, Name: "outpost", RedirectURIs: options.RedirectURIs,
	}})
	store = storage.WithStaticConnectors(store, []storage.Connector{{ID: "people", Type: "people", Name: "people"}})
	dex, err := server.NewServer(context.Background(), server.Config{
		Issuer: options.Issuer, Storage: store, SkipApprovalScreen: true,
		Web: server.WebConfig{Dir: options.Web}, Logger: quiet, PrometheusRegistry: prometheus.NewRegistry(),
	})
	if err != nil {
		return err
	}
	return options.Serve(dex)
}

// people is a connector.PasswordConnector, and as a connector.RefreshConnector
// it looks anew at who is in which group.
type people struct{ options provider.Options }

// Open makes people the configuration of itself.
func (p people) Open(string, logrus.FieldLogger) (connector.Connector, error) { return p, nil }

// Prompt is what the form asks for.
func (people) Prompt() string { return "Username" }

func (p people) Login(_ context.Context, _ connector.Scopes, username, password string) (connector.Identity, bool, error) {
	i := slices.IndexFunc(provider.People, func(p provider.Person) bool { return p.Username == username })
	if i < 0 || password != provider.Password {
		return connector.Identity{}, false, nil
	}
	who := provider.People[i]
	groups, err := p.options.GroupsOf(username)
	return connector.Identity{UserID: who.ID, Username: username, Email: who.Email, EmailVerified: true, Groups: groups}, err == nil, err
}

func (p people) Refresh(_ context.Context, _ connector.Scopes, identity connector.Identity) (connector.Identity, error) {
	groups, err := p.options.GroupsOf(identity.Username)
	identity.Groups = groups
	return identity, err
}

package main

// From the configuration to the parts that run: the only place that knows
// both.

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"outpost/access"
	"outpost/auth"
	"outpost/config"
	"outpost/headers"
	"outpost/session"
	"outpost/session/file"
	"outpost/session/memory"
)

func build(c *config.Config, log *slog.Logger, m *metrics) (*auth.Outpost, error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("making the data directory: %w: create it for this user (uid %d), or set data to another one", err, os.Geteuid())
	}
	secrets, err := secrets(c)
	if err != nil {
		return nil, err
	}
	trusted := c.TrustedProxies
	if trusted == nil {
		if trusted, err = headers.LocalPeers(); err != nil {
			log.Warn("asking for our own networks: only loopback and private ranges are trusted", "cause", err.Error())
		}
	}
	store, err := openStore(c, log)
	if err != nil {
		return nil, err
	}
	wired := wiring(c, store, secrets, log, m)
	wired.Peers, wired.Keep = headers.NewPeers(trusted), c.Data
	o, err := auth.New(wired)
	if err != nil {
		store.Close()
		return nil, err
	}
	return o, nil
}

// wiring is what of the configuration can be checked without the machine that
// it is for.
func wiring(c *config.Config, store session.Store, secrets [][]byte, log *slog.Logger, m *metrics) auth.Config {
	return auth.Config{
		Applications: applications(c),
		Providers:    providers(c),
		Session: session.Config{
			Store: store, Secrets: secrets, Idle: c.Session.Idle, Max: c.Session.Max, Recheck: c.Session.Recheck,
			MaxPerUser: c.Session.MaxSessionsPerUser, MaxSessions: c.Session.MaxSessions, CacheSize: c.Session.CachedSessions,
			OnEvent: m.sessionEvent, OnStoreError: m.storeError, Log: log,
		},
		Log:   log,
		Hooks: m.hooks(),
	}
}

func openStore(c *config.Config, log *slog.Logger) (session.Store, error) {
	switch c.Session.Store {
	case config.StoreMemory:
		return memory.New(), nil
	case config.StoreRedis:
		return openRedis(c.Session.Redis, log)
	}
	return file.Open(filepath.Join(c.Data, "sessions.db"), log)
}

func applications(c *config.Config) []auth.Application {
	var all []auth.Application
	for _, a := range c.Applications {
		policy := access.Everyone()
		if a.Allow != nil {
			policy = access.Allow(access.Lists{
				Groups: a.Allow.Groups, Users: a.Allow.Users, Emails: a.Allow.Emails, EmailDomains: a.Allow.EmailDomains,
			})
		}
		all = append(all, auth.Application{
			Name: a.Name, ExternalURL: a.ExternalURL.String(), CookieDomain: a.CookieDomain, Providers: a.Providers, Policy: policy,
			Ask:     auth.Ask{Prompt: a.Prompt, MaxAge: a.MaxAge, ACRValues: a.ACRValues, LoginHint: a.LoginHint, Extra: a.Extra},
			Require: access.Requirement{AMR: a.Require.AMR, ACR: a.Require.ACR, MaxAge: a.Require.MaxAge},
		})
	}
	return all
}

func providers(c *config.Config) []auth.Provider {
	var all []auth.Provider
	for _, p := range c.Providers {
		all = append(all, auth.Provider{
			Name: p.Name, Title: p.Title, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret.Reveal(), Scopes: p.Scopes,
			ClientAuth: auth.ClientAuth(p.ClientAuth), ClientKey: p.ClientKey.Reveal(), ClientKeyID: p.ClientKeyID,
			Tenants: p.Tenants, Extra: p.Extra, Push: p.PushedAuthorizationRequests, EndSessionURL: p.EndSessionURL,
			BackchannelURL: p.BackchannelURL, CAs: p.Authorities(), Proxy: proxy(p.Proxy),
			Claims: auth.Claims{
				Username: p.Claims.Username, Name: p.Claims.Name, Email: p.Claims.Email, Groups: p.Claims.Groups,
				Entitlements: p.Claims.Entitlements, TrimGroupsPrefix: p.GroupsTrimPrefix,
			},
			RemoveMissingGroups: p.MissingGroups != config.MissingKeep,
			UnverifiedEmail:     p.InsecureUnverifiedEmail,
		})
	}
	return all
}

// proxy is what http.Transport wants to know of a proxy; nil for none.
func proxy(configured string) func(*http.Request) (*url.URL, error) {
	switch configured {
	case "":
		return nil
	case config.ProxyEnvironment:
		return http.ProxyFromEnvironment
	}
	return func(*http.Request) (*url.URL, error) { return url.Parse(configured) }
}

package main

// From the configuration to the parts that run: the only place that knows
// both.

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"

	"outpost/access"
	"outpost/auth"
	"outpost/auth/provider"
	"outpost/config"
	"outpost/headers"
	"outpost/nginx"
	"outpost/page"
	"outpost/session"
	"outpost/session/file"
	"outpost/session/memory"
)

// build makes what serves; with adds to what the configuration says.
func build(c *config.Config, log *slog.Logger, m *metrics, with ...func(*auth.Config)) (*auth.Outpost, error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("making the data directory: %w: create it for this user (uid %d), or set data to another one", err, os.Geteuid())
	}
	secrets, err := secrets(c)
	if err != nil {
		return nil, err
	}
	store, err := openStore(c, log)
	if err != nil {
		return nil, err
	}
	wired := wiring(c, store, secrets, log, m)
	wired.Peers, wired.Keep = headers.NewPeers(trusted(c, log)), c.Data
	if wired.Pages, err = pages(c); err != nil {
		store.Close()
		return nil, err
	}
	m.prepareMachines(wired)
	for _, add := range with {
		add(&wired)
	}
	o, err := auth.New(wired)
	if err != nil {
		store.Close()
		return nil, err
	}
	return o, nil
}

// trusted is whose headers count: who is configured, or who is near.
func trusted(c *config.Config, log *slog.Logger) []netip.Prefix {
	if c.TrustedProxies != nil {
		return c.TrustedProxies
	}
	local, err := headers.LocalPeers()
	if err != nil {
		log.Warn("asking for our own networks: only loopback and private ranges are trusted", "cause", err.Error())
	}
	return local
}

// wiring is what of the configuration can be checked without the machine that
// it is for.
func wiring(c *config.Config, store session.Store, secrets [][]byte, log *slog.Logger, m *metrics) auth.Config {
	return auth.Config{
		Applications: applications(c),
		Providers:    providers(c),
		Tokens:       tokens(c),
		FrontEnds:    c.FrontEnds,
		Session: session.Config{
			Store: store, Secrets: secrets, Idle: c.Session.Idle, Max: c.Session.Max, Recheck: c.Session.Recheck,
			MaxPerUser: c.Session.MaxSessionsPerUser, MaxSessions: c.Session.MaxSessions, CacheSize: c.Session.CachedSessions,
			OnEvent: m.sessionEvent, OnStoreError: m.storeError, Log: log,
		},
		Includes: nginx.Needed,
		Log:      log,
		Hooks:    m.hooks(),
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
		app := auth.Application{
			Name: a.Name, ExternalURL: a.ExternalURL.String(), CookieDomain: a.CookieDomain, Providers: a.Providers,
			Access:  applicationAccess(a),
			Ask:     provider.Ask{Prompt: a.Prompt, MaxAge: a.MaxAge, ACRValues: a.ACRValues, LoginHint: a.LoginHint, Extra: a.Extra},
			Headers: mapping(a), AppPasswords: a.AppPasswords,
			CrossSite: a.Cookie.InsecureSameSiteNone, Partitioned: a.Cookie.Partitioned, Framers: c.Framers(a),
		}
		if b := a.Bearer; b != nil {
			app.Bearer = &provider.Bearer{Audience: b.Audience, Scopes: b.Scopes, Introspect: b.Introspect}
		}
		all = append(all, app)
	}
	return all
}

// pages writes what people see. The configuration has checked all of it.
func pages(c *config.Config) (*page.Pages, error) {
	p := c.Pages
	return page.New(page.Site{Name: p.Name, Logo: p.Image(), Contact: p.Contact, Strings: p.Words()})
}

func tokens(c *config.Config) []auth.StaticToken {
	var all []auth.StaticToken
	for _, t := range c.Tokens {
		token := auth.StaticToken{Name: t.Name, Hash: t.Hash, Applications: t.Applications, Expires: t.Expires, Username: t.Username, Email: t.Email, Groups: t.Groups}
		if t.Rules != nil {
			token.Access = &access.Config{Policy: access.Everyone(), Rules: rules(t.Rules)}
		}
		all = append(all, token)
	}
	return all
}

// applicationAccess is who may have what of an application.
func applicationAccess(a config.Application) access.Config {
	c := access.Config{Policy: access.Everyone(), Require: requirement(a.Require), Rules: rules(a.Rules), Public: a.Public}
	if a.Allow != nil {
		c.Policy = access.Allow(lists(a.Allow))
	}
	c.DefaultAllow = a.Rules == nil || a.Default == config.DefaultAllow
	return c
}

func requirement(r config.Require) access.Requirement {
	return access.Requirement{AMR: r.AMR, ACR: r.ACR, MaxAge: r.MaxAge}
}

func rules(configured []config.Rule) []access.Rule {
	var all []access.Rule
	for _, r := range configured {
		rule := access.Rule{
			Hosts: r.Hosts, Paths: r.Paths, Methods: r.Methods, Query: r.Query, Networks: r.Networks,
			Public: r.Public, Deny: r.Deny, Require: requirement(r.Require), Line: r.Line,
		}
		if r.Allow != nil {
			policy := access.Allow(lists(r.Allow))
			rule.Allow = &policy
		}
		all = append(all, rule)
	}
	return all
}

func lists(a *config.Allow) access.Lists {
	l := access.Lists{Groups: a.Groups, Users: a.Users, Emails: a.Emails, EmailDomains: a.EmailDomains}
	for _, c := range a.Claims {
		if l.Claims == nil {
			l.Claims = map[string][]string{}
		}
		l.Claims[c.Path] = c.Values
	}
	for i := range a.Any {
		l.Any = append(l.Any, lists(&a.Any[i]))
	}
	for i := range a.All {
		l.All = append(l.All, lists(&a.All[i]))
	}
	if a.Not != nil {
		not := lists(a.Not)
		l.Not = &not
	}
	return l
}

// mapping is what an application is told of people.
func mapping(a config.Application) headers.MappingConfig {
	h := a.Headers
	m := headers.MappingConfig{
		Presets: append([]string{}, h.Presets...), Join: h.Join, Encoding: h.Encoding, Groups: headers.Groups{Only: h.Groups.Only, TrimPrefix: h.Groups.TrimPrefix},
		MaxBytes: h.MaxBytes, JWT: h.JWT, AKProxy: h.AKProxy,
	}
	if h.Meta {
		m.Meta = &headers.Meta{App: a.Name, Outpost: "outpost", Version: "goauthentik.io/outpost/" + versionOf()}
	}
	for _, one := range h.Set {
		header := headers.Header{
			Name: one.Name, Value: one.Value, Join: one.Join, Encoding: one.Encoding, Case: one.Case,
			Only: one.Only, TrimPrefix: one.TrimPrefix, Default: one.Default, First: one.First, MaxBytes: one.MaxBytes,
		}
		for _, pair := range one.Map {
			header.Map = append(header.Map, headers.Pair(pair))
		}
		m.Headers = append(m.Headers, header)
	}
	if b := a.BasicAuth; b != nil {
		m.Basic = &headers.Basic{
			Username: b.Username, Password: b.Password.Reveal(),
			UserAttribute: b.UsernameAttribute, PasswordAttribute: b.PasswordAttribute,
		}
	}
	return m
}

func providers(c *config.Config) []provider.Config {
	var all []provider.Config
	for _, p := range c.Providers {
		all = append(all, provider.Config{
			Name: p.Name, Title: p.Title, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret.Reveal(), Scopes: p.Scopes,
			ClientAuth: provider.ClientAuth(p.ClientAuth), ClientKey: p.ClientKey.Reveal(), ClientKeyID: p.ClientKeyID,
			Tenants: p.Tenants, Extra: p.Extra, Push: p.PushedAuthorizationRequests, EndSessionURL: p.EndSessionURL,
			BackchannelURL: p.BackchannelURL, CAs: p.Authorities(), Proxy: proxy(p.Proxy), ProxyName: p.Proxy,
			Claims: provider.Claims{
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

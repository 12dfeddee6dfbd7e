// Package config is the configuration file of outpost: which keys there are,
// what each one defaults to, and what a value must be before anything listens.
//
// The file is YAML, and no other package knows that. [Load] reads it, fills in
// values from the environment and from secret files, checks everything and
// returns either a [Config] that is safe to run with or all [Problems] at once,
// each with its line. What weakens the product is spelled insecure_… in the
// file, and what the file does not say has the safe value.
//
// The package does not look at the network, the clock or the data directory,
// generates no secret, and neither resolves the built-in trusted proxies nor
// asks a provider whether it is there: that is the program's and package
// auth's work.
package config

import (
	"log/slog"
	"net/netip"
	"net/url"
	"time"

	"gopkg.in/yaml.v3"
)

// Config is a configuration that has passed every rule. It is made by [Load]
// and not changed afterwards.
type Config struct {
	Listen         string         // "host:port" or "unix:PATH" for nginx; default ":9000"
	FrontEnds      []string       // which front ends may ask, of "nginx", "traefik", "caddy", "envoy" and "authelia"; default nginx alone
	Front          bool           // on Linux, checks that memory can answer are answered ahead of net/http
	Management     string         // metrics and readiness: "host:port", "unix:PATH" or "off"; default ":9300". Never publish it: whoever reaches it reads the metrics
	TLS            TLS            // the listener of Listen once more, for an nginx that asks by https
	Data           string         // the data directory, an absolute path; default "/data"
	Admin          string         // "unix:PATH" for `outpost sessions` and `outpost secret`, or "off"; default admin.sock in Data
	TrustedProxies []netip.Prefix // who may forward requests, masked, IPv4 never mapped into IPv6; nil: loopback, unix sockets, private ranges and our interfaces' networks, which the program fills in
	InsecureHTTP   bool           // allow http issuers and external URLs
	Providers      []Provider     // in the file's order; at least one
	Applications   []Application  // in the file's order; at least one
	Tokens         []Token        // in the file's order; nil: none
	Session        Session
	Pages          Pages
	Secrets        []Secret // the first seals, every one opens; nil: the program generates one into Data
	Log            Log
	AuditLog       AuditLog
	Tracing        Tracing

	// Warnings are what is allowed and still worth a line in the log, in the
	// file's order; nil if there is nothing to say.
	Warnings []Problem

	file      string     // as named to Load
	effective *yaml.Node // every key with its value and source, for Dump
}

// TLS says where https is spoken, and with which certificate.
type TLS struct {
	Listen      string // "host:port", "unix:PATH" or "off"; default "off"
	Certificate string // absolute path of a chain in PEM, the server's own first; "": the program makes a certificate into Data
	Key         string // absolute path of its private key in PEM; "" exactly where Certificate is
}

// Provider is one OpenID provider and our registration there.
type Provider struct {
	Name                    string   // [a-z0-9][a-z0-9-]{0,40}, unique; "default" for the single provider that names itself nothing else
	Title                   string   // what people choose it by where there are several; "": Name
	Issuer                  string   // byte for byte as the file has it: a trailing slash matters (OpenID Connect Discovery §4.3)
	ClientID                string   // RFC 6749 §2.2
	ClientSecret            Secret   // "": none
	ClientAuth              string   // basic, post, none or private_key_jwt, and then with what it needs; "": by what there is, and what the provider lists
	ClientKey               Secret   // a private key in PEM, instead of ClientSecret; "": none
	ClientKeyID             string   // what the provider calls the key; "": nothing
	Tenants                 []string // lower-case GUIDs of those that may sign in, for an Entra issuer of many; nil for any other issuer
	Scopes                  []string // in the file's order, openid among them; default openid, profile, email, groups
	Claims                  Claims   // where its claims say who a person is
	GroupsTrimPrefix        string   // taken off the front of each group that has it; "": nothing is
	MissingGroups           string   // MissingKeep or MissingRemove; default MissingKeep
	InsecureUnverifiedEmail bool     // count an email address that the provider has not verified

	Extra                       map[string]string // parameters of the authorization request, none that we set ourselves; nil: none
	PushedAuthorizationRequests bool              // push them (RFC 9126) also where the provider does not require it
	EndSessionURL               string            // an https URL (or http with InsecureHTTP) with {client_id} and so on in its query; "": what the provider's metadata say

	BackchannelURL          string // scheme://host[:port] where the process reaches what has the issuer's own scheme and host; "": there
	InsecureBackchannelHTTP bool   // allow an http BackchannelURL
	CAFile                  string // absolute path of the certificates that count besides the system's; "": none
	Proxy                   string // http:// or https:// URL, ProxyEnvironment, or "": none

	authorities string
}

// ProxyEnvironment stands for what HTTPS_PROXY, HTTP_PROXY and NO_PROXY say.
const ProxyEnvironment = "environment"

// Authorities returns what CAFile held when Load read it: PEM with at least one
// certificate in it, or "".
func (p Provider) Authorities() string { return p.authorities }

// What a recheck makes of an answer that names no groups or entitlements at all,
// which is not an empty list of them.
const (
	MissingKeep   = "keep"   // the person keeps those known
	MissingRemove = "remove" // the person has none
)

// Claims says where a provider's claims say who a person is. Each list has at
// least one path, and the first that is there counts: the name of a claim, or a
// way into objects with dots.
type Claims struct {
	Username     []string // default preferred_username
	Name         []string // default name
	Email        []string // default email; whether it is verified is said of that claim alone
	Groups       []string // default groups
	Entitlements []string // default entitlements
}

// Application is something that people sign in to: one host, or every host
// below a domain.
type Application struct {
	Name         string   // [a-z0-9][a-z0-9-]{0,40}, unique, not that of one of our other cookies; it is in cookie names and metric labels
	Mode         Mode     // Single or Domain
	ExternalURL  *url.URL // scheme and host only: lower case, no default port, no trailing dot, no path; the host is unique
	CookieDomain string   // lower case, no leading dot, no public suffix, unique; "" in single mode
	Providers    []string // names of Config.Providers, at least one; of several the person chooses one, in this order
	Allow        *Allow   // nil: every signed-in person

	// What a sign-in asks the provider for.
	Prompt    []string          // login, consent, select_account; nil: none of them
	MaxAge    time.Duration     // since the person last proved who they are, at most, when they come back; 0: for ever
	ACRValues []string          // authentication context classes, the best first; nil: those that Require names
	LoginHint string            // "": none
	Extra     map[string]string // more parameters, before those of the provider; nil: none

	Require Require

	Rules   []Rule   // in the file's order; nil: whoever may have the application has all of it
	Default string   // DefaultDeny or DefaultAllow, where no rule matches; "": DefaultDeny
	Public  []string // PublicPreflight and so on; nil: nothing

	Headers      Headers
	BasicAuth    *BasicAuth // nil: no credentials
	Bearer       *Bearer    // nil: no tokens of the provider's
	AppPasswords bool       // take authentik's application passwords

	Cookie         Cookie
	FrameAncestors []string // origins besides our own whose pages may show the application in a frame; nil: none
}

// Mode says how far one sign-in reaches.
type Mode string

// The two modes, in authentik's words.
const (
	Single Mode = "single" // the external URL's host alone
	Domain Mode = "domain" // every host at or below the cookie domain
)

// Session says where sessions are kept and for how long.
type Session struct {
	Store              string        // StoreFile, StoreMemory or StoreRedis; default StoreFile
	Idle               time.Duration // a session unused for this long ends; default 24h, or Max where that is shorter
	Max                time.Duration // every session ends after this long; default 168h (seven days), at most 9600h (RFC 6265bis §5.5 lets no cookie live longer)
	MaxSessionsPerUser int           // of one person at one provider; beyond it the one unused for longest ends at the next sign-in; default 500
	MaxSessions        int           // in all; beyond it those unused for longest end; default 1,000,000
	CachedSessions     int           // kept in memory, ready for a check; default 100,000

	Recheck time.Duration // the provider is asked anew about a session in use this long after it last was; 0: off; default 15m
	Redis   Redis         // where the sessions are if Store is StoreRedis
}

// Redis says where the Redis or Valkey server is. With StoreRedis exactly one of
// URL, Sentinel.Addresses and Cluster.Addresses is there, and Secrets are too.
type Redis struct {
	URL      string // redis://host:port, rediss://host:port or unix:///path; "": none
	Sentinel Sentinel
	Cluster  Cluster
	Username string // of the ACL user; "": the default user
	Password Secret // "": none
	Database int    // default 0, which it is in a cluster
	Prefix   string // of every key; default "outpost:"
	TLS      bool   // for Sentinel and Cluster; of a URL the scheme says it
	CAFile   string // absolute path of the certificates that count besides the system's; "": none

	authorities string
}

// Sentinel says which sentinels know where the primary is.
type Sentinel struct {
	Addresses []string // host:port; nil: none
	Master    string   // what they call the primary
	Username  string   // for the sentinels themselves; "": the default user
	Password  Secret   // "": none
}

// Cluster says where some nodes of a cluster are.
type Cluster struct {
	Addresses []string // host:port; nil: none
}

// Authorities returns what CAFile held when Load read it: PEM with at least one
// certificate in it, or "".
func (r Redis) Authorities() string { return r.authorities }

// The session stores.
const (
	StoreFile   = "file"   // in the data directory; survives a restart
	StoreMemory = "memory" // lost when the process ends
	StoreRedis  = "redis"  // in Redis or Valkey, shared by several replicas
)

// Log says what the log looks like and how much is in it.
type Log struct {
	Format string     // LogText or LogJSON; default LogText
	Level  slog.Level // default slog.LevelInfo
}

// The log formats.
const (
	LogText = "text"
	LogJSON = "json"
)

// AuditLog says where the audit log goes.
type AuditLog struct {
	File string // the absolute path of a file, or AuditStdout; "": there is none
}

// AuditStdout stands for the standard output.
const AuditStdout = "stdout"

// Tracing says where traces go, and which.
type Tracing struct {
	Endpoint string  // an OTLP/HTTP collector's http or https URL, without /v1/traces and a slash at its end; "": nowhere
	Sample   float64 // the part of them that is recorded, 0 to 1; default 1
	Parent   bool    // take the traceparent that a front end sends; default false
}

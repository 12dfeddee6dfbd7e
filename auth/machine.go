package auth

// machine.go finds out which machine client sends a request: a script, a
// service, a person's program. It shows a credential with every request and gets
// no session and no cookie.
//
// What a credential may be, and who says so:
//
//   - a static token: the configuration (static_token.go);
//   - an access token of a provider of the application: the provider's signature
//     (provider/bearer.go), or its word, asked for (provider/introspection.go);
//   - an app password: the provider, asked (provider/app_password.go).
//
// Whether the client may have what it asks for is not decided here: that is
// the check's, by the same rules as for people.

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"outpost/access"
	"outpost/auth/provider"
	"outpost/headers"
	"outpost/session"
)

// The kinds of machine clients, which name those in the log and the metrics that
// have no name of their own.
const (
	kindToken         = "token"
	kindBearer        = "bearer"
	kindIntrospection = "introspection"
	kindAppPassword   = "app_password"
	kindUnknown       = "unknown" // the credential could not be read
)

var machineKinds = []string{kindToken, kindBearer, kindIntrospection, kindAppPassword, kindUnknown}

// MachineKinds are the names under which Hooks.Machine is told of clients that
// are no named token.
func MachineKinds() []string { return slices.Clone(machineKinds) }

// machineClient is who a credential speaks for. It is shared by all requests
// that come with the credential, and is not changed.
type machineClient struct {
	name     string // in the log and the metrics: a static token's own, else its kind
	kind     string // one of machineKinds
	identity session.Identity
	proof    access.Proof  // how the person behind the client, if there is one, proved who they are
	rules    *access.Rules // those of a static token, besides the application's; nil for none
	party    string        // the client ID to which the provider issued the credential; "" if not known

	preparing sync.Once
	prepared  any
}

// prepare returns what with makes of the client. It is called once for a client,
// whoever comes first: it is for what stays the same for all of its requests.
func (c *machineClient) prepare(with func(*machineClient) any) any {
	c.preparing.Do(func() { c.prepared = with(c) })
	return c.prepared
}

// machines is which machine clients an application takes.
type machines struct {
	tokens       map[[sha256.Size]byte]staticClient // by the hash of the token
	bearer       *provider.Bearer                   // nil for none
	appPasswords bool
	verdicts     *verdicts
}

func newMachines() *machines { return &machines{verdicts: newVerdicts()} }

// equipMachines says for each application which machine clients it takes. The
// error names what is wrong.
func (a *applications) equipMachines(cfg Config) error {
	for _, c := range cfg.Applications {
		if c.Bearer == nil && !c.AppPasswords {
			continue
		}
		part := a.parts[c.Name]
		if err := c.checkMachines(part.app); err != nil {
			return fmt.Errorf("application %q: %w", c.Name, err)
		}
		part.machines = newMachines()
		part.machines.bearer, part.machines.appPasswords = c.Bearer, c.AppPasswords
	}
	if err := a.checkAudiences(cfg.Applications); err != nil {
		return err
	}
	return a.equipTokens(cfg.Tokens)
}

// machine finds whose credential is in a request's Authorization header, for
// part. Where known is false there is none that it takes, and the request is a
// browser's business. Else v.client is who it is, or nil: then the credential is
// refused, or (CredentialsUnverifiable) nobody can say at the moment, which is
// never a yes. What was found is told to Hooks.Machine, and refusals to the log.
//
// It may wait for a provider, machineTime at most.
func (o *Outpost) machine(ctx context.Context, part *part, authorization []string) (v verdict, known bool) {
	m := part.machines
	if m == nil {
		return verdict{}, false
	}
	c, err := credentialOf(authorization)
	switch {
	case errors.Is(err, errNoCredential), err == nil && !m.takes(c):
		return verdict{}, false
	case err != nil:
		v = verdict{name: kindUnknown, reason: CredentialsMalformed, err: err}
	default:
		v = o.judgeCredential(ctx, part, c)
	}
	if v.client != nil {
		v.name = v.client.name
	}
	o.hooks.Machine(part.name, v.name, v.reason)
	o.logMachine(ctx, part, v)
	return v, true
}

// meant reports whether an Authorization header may be meant for us, also where it
// cannot be read in one way.
func (m *machines) meant(authorization []string) bool {
	if m == nil {
		return false
	}
	c, err := credentialOf(authorization)
	switch {
	case err != nil:
		return !errors.Is(err, errNoCredential)
	case isStatic(c.secret):
		return true
	case c.basic:
		return m.appPasswords
	}
	return m.bearer != nil
}

// checkMachine decides for a program that comes with a credential; known is false
// where there is none. It is held to the application's rules as people are, and
// to those of its token.
func (o *Outpost) checkMachine(ctx context.Context, part *part, q *access.Request, authorization []string, now time.Time) (d Decision, known bool) {
	found, known := o.machine(ctx, part, authorization)
	client := found.client
	if client == nil {
		return Decision{Status: machineStatus(found.reason), Reason: found.reason, Application: part.name, Machine: found.name}, known
	}
	p := client.prepare(func(c *machineClient) any {
		o.tellMachine(part, c)
		return &prepared{o.generation, access.NewPerson(&c.identity, c.proof), []headers.Block{o.block(part, &c.identity, headers.Vouching{})}}
	}).(*prepared)
	d = Decision{Status: http.StatusForbidden, Reason: NotAllowed, Application: part.name, Machine: client.name}
	if client.rules != nil && client.rules.Judge(q, p.person, now.Add(-provider.Skew)).Outcome != access.Allowed {
		return d, true
	}
	part.decide(&d, q, p.person, &p.blocks[0], now)
	return d, true
}

// takes reports whether a credential of this scheme may be meant for us.
func (m *machines) takes(c credential) bool {
	if c.basic {
		return len(m.tokens) > 0 || m.appPasswords
	}
	return len(m.tokens) > 0 || m.bearer != nil
}

func (o *Outpost) judgeCredential(ctx context.Context, part *part, c credential) verdict {
	m, app := part.machines, part.app
	key := credentialKey(c)
	switch {
	case isStatic(c.secret):
		return m.staticVerdict(c.secret, time.Now()).named(kindToken)
	case c.basic && !m.appPasswords, !c.basic && m.bearer == nil:
		return refused(CredentialsRefused, "it is no named token, and the application takes nothing else of this scheme").named(kindToken)
	case c.basic && c.user == "":
		return refused(CredentialsRefused, "an app password without a user name").named(kindAppPassword)
	case c.basic:
		p := app.only()
		return o.ask(ctx, m, p, key, func(ctx context.Context) (*machineClient, time.Time, error) {
			return vouchedFor(kindAppPassword)(p.AppPassword(ctx, c.user, c.secret))
		}).named(kindAppPassword)
	case m.bearer.Introspect:
		p := app.only()
		return o.ask(ctx, m, p, key, func(ctx context.Context) (*machineClient, time.Time, error) {
			return vouchedFor(kindIntrospection)(p.Introspect(ctx, m.bearer, c.secret))
		}).named(kindIntrospection)
	}
	now := time.Now()
	v, found := m.verdicts.recall(key, now)
	if !found {
		v = verdictOf(vouchedFor(kindBearer)(provider.VerifyBearer(ctx, providersOf(app.providers), c.secret, m.bearer)))
		m.verdicts.remember(key, v, now)
	}
	return v.named(kindBearer)
}

// vouchedFor makes a machine client of this kind of the one that a provider stands
// by, if it does.
func vouchedFor(kind string) func(*provider.MachineClient, time.Time, error) (*machineClient, time.Time, error) {
	return func(c *provider.MachineClient, expires time.Time, err error) (*machineClient, time.Time, error) {
		if err != nil {
			return nil, time.Time{}, err
		}
		return &machineClient{name: kind, kind: kind, identity: c.Identity, proof: c.Proof, party: c.ClientID}, expires, nil
	}
}

// credentialKey is the name under which a verdict on a credential is kept: a hash,
// so that no credential lies in memory longer than its request. Each
// application keeps its own.
func credentialKey(c credential) [sha256.Size]byte {
	scheme := byte('t')
	if c.basic {
		scheme = 'b'
	}
	b := append(make([]byte, 0, 16+len(c.user)+len(c.secret)), scheme)
	b = binary.AppendUvarint(b, uint64(len(c.user)))
	b = append(b, c.user...)
	return sha256.Sum256(append(b, c.secret...))
}

// machineStatus is what a check answers to a credential that is not taken. 403
// and not 401, since signing in is nothing that a machine could do: nginx turns a
// 401 into a redirect.
func machineStatus(reason Reason) int {
	if reason == CredentialsUnverifiable {
		return http.StatusInternalServerError
	}
	return http.StatusForbidden
}

// logMachine says why a credential was not taken, once for each verdict and for
// each reason ten times a second at most.
func (o *Outpost) logMachine(ctx context.Context, part *part, v verdict) {
	if v.err == nil { // taken, or told a moment ago
		return
	}
	suppressed, ok := o.machineRefusals.take(v.reason)
	if !ok {
		return
	}
	level := slog.LevelInfo
	if v.reason == CredentialsUnverifiable {
		level = slog.LevelError
	}
	o.log.Log(ctx, level, "machine client refused",
		"application", part.name, "client", v.name, "reason", string(v.reason), "cause", cut(v.err.Error()), "suppressed", suppressed)
}

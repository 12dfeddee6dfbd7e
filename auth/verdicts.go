package auth

// verdicts.go remembers what was found out about the credentials of machine
// clients, for a short time, and asks a provider about the others: one request
// at a time for a credential, a few at a time for a provider, and about
// credentials that nobody has seen before only so often. Whoever sends made-up
// ones fills neither memory nor the provider.

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"outpost/auth/provider"
)

const (
	// goodTime is how long a credential is good without looking at it again, and
	// so how long one that was revoked may still be.
	goodTime = time.Minute
	// badTime is how long one that was refused is refused without looking.
	badTime = 10 * time.Second
	// silentTime is how long nobody asks again who got no answer.
	silentTime = time.Second
	// machineTime is how long a client waits for its provider.
	machineTime = 5 * time.Second

	// goodKept and badKept are of how many credentials verdicts are kept, for each
	// application. A bad one takes some hundred bytes, a good one as much as the
	// identity that it stands for.
	goodKept, badKept = 2048, 8192
	// unknownPerSecond and unknownBurst are how often an application's provider is
	// asked about a credential that was not good the last time it came.
	unknownPerSecond, unknownBurst = 10, 50
	// maxAsking is how many such questions one provider has at a time.
	maxAsking = 16
)

// verdict is what is found about a credential. Its zero value takes nobody in.
type verdict struct {
	client *machineClient // nil unless reason is Allowed
	name   string         // whom the log and the metrics name where client is nil
	reason Reason
	err    error     // why; nil where the verdict is one that was remembered
	until  time.Time // from when on it has to be found anew
}

// refused is a verdict that is not remembered.
func refused(reason Reason, why string) verdict {
	return verdict{reason: reason, err: errors.New(why)}
}

// named gives a verdict the name of a kind where it has none.
func (v verdict) named(kind string) verdict {
	if v.name == "" {
		v.name = kind
	}
	return v
}

// verdictOf is what comes of looking at a credential that is good until expires;
// zero if it does not say. An error that is not a *provider.Refusal of the credential
// means that nobody knows.
func verdictOf(client *machineClient, expires time.Time, err error) verdict {
	now := time.Now()
	if err == nil {
		until := now.Add(goodTime)
		if !expires.IsZero() && expires.Before(until) {
			until = expires
		}
		return verdict{client: client, reason: Allowed, until: until}
	}
	v := verdict{reason: CredentialsUnverifiable, err: err, until: now.Add(silentTime)}
	switch reason := reasonOf(err); reason {
	case CredentialsRefused, CredentialsExpired, CredentialsAudience, CredentialsScope:
		v.reason = reason
	case TokenInvalid, NonceMismatch, UserinfoInvalid, GroupsOverage:
		v.reason = CredentialsRefused
	}
	if v.reason != CredentialsUnverifiable {
		v.until = now.Add(badTime)
	}
	return v
}

type credentialHash = [sha256.Size]byte

// verdicts is safe for parallel use.
type verdicts struct {
	mu        sync.Mutex
	good, bad generations
	asking    singleflight.Group
	unknown   *rate.Limiter
}

func newVerdicts() *verdicts {
	return &verdicts{
		good: generations{most: goodKept}, bad: generations{most: badKept},
		unknown: rate.NewLimiter(unknownPerSecond, unknownBurst),
	}
}

// recall returns the verdict on a credential that still holds at now.
func (s *verdicts) recall(key credentialHash, now time.Time) (v verdict, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, found := s.good.get(key); found && now.Before(v.until) {
		return v, true
	}
	v, found = s.bad.get(key)
	return v, found && now.Before(v.until)
}

// wasGood reports whether a credential was good the last time that somebody
// could say, be it a while ago.
func (s *verdicts) wasGood(key credentialHash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, found := s.good.get(key)
	return found
}

// remember keeps a verdict. One that is good is kept beyond its time, for
// wasGood; that nobody could be asked takes nothing from it.
func (s *verdicts) remember(key credentialHash, v verdict, now time.Time) {
	if !now.Before(v.until) {
		return
	}
	v.err = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.client != nil {
		s.good.put(key, v)
		return
	}
	if v.reason != CredentialsUnverifiable {
		s.good.drop(key)
	}
	s.bad.put(key, v)
}

// generations keeps the half of most that were put or got last, and never more
// than most.
type generations struct {
	most       int
	young, old map[credentialHash]verdict
}

func (g *generations) get(key credentialHash) (verdict, bool) {
	if v, found := g.young[key]; found {
		return v, true
	}
	v, found := g.old[key]
	if found {
		g.put(key, v)
	}
	return v, found
}

func (g *generations) put(key credentialHash, v verdict) {
	if g.young == nil || len(g.young) >= g.most/2 {
		g.young, g.old = map[credentialHash]verdict{}, g.young
	}
	delete(g.old, key)
	g.young[key] = v
}

func (g *generations) drop(key credentialHash) {
	delete(g.young, key)
	delete(g.old, key)
}

// question asks a provider about one credential.
type question func(context.Context) (client *machineClient, expires time.Time, err error)

// ask returns the verdict on a credential, asking p if need be. All who come
// with it at the same time share one question, which does not end with the
// first of them.
func (o *Outpost) ask(ctx context.Context, m *machines, p *registration, key credentialHash, q question) verdict {
	if v, found := m.verdicts.recall(key, time.Now()); found {
		return v
	}
	ctx, cancel := context.WithTimeout(ctx, machineTime)
	defer cancel()
	done := m.verdicts.asking.DoChan(string(key[:]), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), machineTime)
		defer cancel()
		return o.askNow(ctx, m, p, key, q), nil
	})
	select {
	case answer := <-done:
		return answer.Val.(verdict)
	case <-ctx.Done():
		return verdict{reason: CredentialsUnverifiable, err: fmt.Errorf("waiting for the provider: %w", ctx.Err())}
	}
}

// askNow asks p, where there is room for the question.
func (o *Outpost) askNow(ctx context.Context, m *machines, p *registration, key credentialHash, q question) (v verdict) {
	defer func() {
		if p := recover(); p != nil { // nobody stands behind this goroutine
			o.log.Error("background work panicked", "panic", p, "stack", string(debug.Stack()))
			v = refused(CredentialsUnverifiable, "a bug of ours")
		}
	}()
	if v, found := m.verdicts.recall(key, time.Now()); found {
		return v // of a question that ended a moment ago
	}
	room := m.verdicts.wasGood(key)
	if !room && !m.verdicts.unknown.Allow() {
		return refused(CredentialsThrottled, "too many credentials that nobody has seen before")
	}
	if v, ok := p.waitToAsk(ctx, room); !ok {
		return v
	}
	defer func() { <-p.asking }()
	if t := p.silent.Load(); t != nil && time.Since(t.at) < silentTime {
		return verdict{reason: CredentialsUnverifiable, err: t.err}
	}
	client, expires, err := q(ctx)
	if errors.Is(err, provider.ErrSilent) {
		p.silent.Store(&silence{err, time.Now()})
	}
	v = verdictOf(client, expires, err)
	m.verdicts.remember(key, v, time.Now())
	return v
}

// waitToAsk takes one of the places of those who ask p, which the caller gives
// back. Who is not known does not wait for one. Where there is none, ok is false
// and v says why.
func (p *registration) waitToAsk(ctx context.Context, known bool) (v verdict, ok bool) {
	select {
	case p.asking <- struct{}{}:
		return v, true
	default:
	}
	if !known {
		return refused(CredentialsThrottled, "too many questions to the provider are under way"), false
	}
	select {
	case p.asking <- struct{}{}:
		return v, true
	case <-ctx.Done():
		return refused(CredentialsUnverifiable, "the provider is too slow: questions to it wait in line"), false
	}
}

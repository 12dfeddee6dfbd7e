package auth

// recheck.go keeps sessions true: every so often, behind a check and never
// before its answer, the provider is asked again (provider/refresh.go), and what it
// says takes the place of what it said before. What speaks against the person ends
// the session; what says nothing, such as a provider that is down, does not.
//
// A session is rechecked while it is used. One that lies idle is asked about
// with its next check, which is still answered by what is known.

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"outpost/auth/provider"
	"outpost/session"
)

const (
	// firstBackOff is how long a recheck that failed waits, at least; the
	// wait grows with the time that has gone by in vain, up to lastBackOff.
	firstBackOff, lastBackOff = 30 * time.Second, 5 * time.Minute
	// saveTries is how often a rotated token is tried to be saved.
	saveTries = 3
)

// RecheckResult says how a recheck ended. It is a metric label and a log field.
type RecheckResult string

// The results of a recheck.
const (
	RecheckRenewed   = RecheckResult(provider.Renewed)        // the provider stands by the person; the identity is the new one
	RecheckRefused   = RecheckResult(provider.RenewalRefused) // it does not (invalid_grant): the session has ended
	RecheckInvalid   = RecheckResult(provider.RenewalInvalid) // the answer is of another person, or cannot be believed: the session has ended
	RecheckFailed    = RecheckResult(provider.RenewalFailed)  // there was no answer to go by: the session goes on, and is tried again
	RecheckLapsed    = RecheckResult(provider.RenewalLapsed)  // the access token is over: the session goes on, unchecked, to its own end
	RecheckSignedOut = RecheckResult("signed_out")            // the session had ended by the time the answer came, and stays so
)

// RecheckResults are all of them, in the order of this file.
func RecheckResults() []RecheckResult {
	return []RecheckResult{RecheckRenewed, RecheckRefused, RecheckInvalid, RecheckFailed, RecheckLapsed, RecheckSignedOut}
}

// errOvertaken means that somebody else has refreshed the session meanwhile.
var errOvertaken = errors.New("the session was refreshed by somebody else")

// rechecking are the sessions whose recheck waits or is under way. A refresh
// token is good once: two at a time would end the session.
type rechecking struct {
	mu   sync.Mutex
	keys map[session.Key]bool
}

func (r *rechecking) claim(key session.Key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys[key] {
		return false
	}
	if r.keys == nil {
		r.keys = map[session.Key]bool{}
	}
	r.keys[key] = true
	return true
}

func (r *rechecking) release(key session.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.keys, key)
}

// recheck has the provider asked about a session whose recheck is due. It does
// not wait; where there is no room, the session will be due again.
func (o *Outpost) recheck(s *session.Session) {
	p := o.provider(s.Provider)
	key, known := s.Key, s.Rechecked
	if p == nil || !o.rechecking.claim(key) {
		return
	}
	queued := p.background.try(func(ctx context.Context) {
		defer o.rechecking.release(key)
		begun := time.Now()
		ctx, done := o.work(ctx, Work{Kind: WorkBackground, Name: "recheck", Provider: p.name})
		result := o.recheckNow(ctx, p, key, known)
		if result != "" {
			o.hooks.Recheck(p.name, result, time.Since(begun))
		}
		done(Done{Provider: p.name, Reason: string(result), Failed: result == RecheckFailed})
	})
	if !queued {
		o.rechecking.release(key)
	}
}

// provider returns the provider of this name; nil if it is no longer configured.
func (o *Outpost) provider(name string) *registration {
	for _, p := range o.providers {
		if p.name == name {
			return p
		}
	}
	return nil
}

// recheckNow asks the provider about a session that was last confirmed at known,
// and does what its answer means. It returns "" where there was nothing to ask:
// another replica may be at it, or have done it meanwhile, and what it is told
// comes to all of them.
func (o *Outpost) recheckNow(ctx context.Context, p *registration, key session.Key, known time.Time) RecheckResult {
	s := session.Session{Key: key, Rechecked: known}
	unlock, err := o.sessions.LockRecheck(ctx, key)
	switch {
	case errors.Is(err, session.ErrLocked):
		return ""
	case err != nil:
		o.postpone(p, &s, err)
		return RecheckFailed
	}
	defer unlock()
	switch now, err := o.sessions.Load(ctx, key); {
	case errors.Is(err, session.ErrNone):
		return ""
	case err != nil:
		o.postpone(p, &s, err)
		return RecheckFailed
	case !now.Rechecked.Equal(known):
		return ""
	default:
		s = now
	}
	if s.RefreshToken == "" && s.AccessToken == "" {
		return ""
	}
	r := p.Renew(ctx, s)
	result := RecheckResult(r.Result)
	if result == RecheckRefused && o.overtaken(ctx, &s) {
		return ""
	}
	switch result {
	case RecheckRefused, RecheckInvalid:
		o.disown(ctx, p, &s, r)
		return result
	case RecheckFailed:
		o.postpone(p, &s, r.Err)
		if r.Session.RefreshToken == s.RefreshToken {
			return result
		}
	}
	err = o.keep(ctx, &s, &r.Session)
	switch {
	case errors.Is(err, errOvertaken):
	case errors.Is(err, session.ErrNone):
		// Signed out while the provider was asked: what it issued since is
		// nobody's.
		p.revoke(r.Session.RefreshToken)
		return RecheckSignedOut
	case err != nil:
		o.postpone(p, &s, err)
		return RecheckFailed
	}
	return result
}

// overtaken reports whether a refresh token was refused because somebody else
// has used it: the store has another one by now.
func (o *Outpost) overtaken(ctx context.Context, s *session.Session) bool {
	now, err := o.sessions.Load(ctx, s.Key)
	return err == nil && now.RefreshToken != s.RefreshToken
}

// keep saves what came of a recheck. A refresh token that the provider has
// rotated exists nowhere else, so a store that fails is asked again.
func (o *Outpost) keep(ctx context.Context, before, after *session.Session) error {
	var err error
	for try := range saveTries {
		if try > 0 {
			time.Sleep(time.Duration(try) * time.Second)
		}
		err = o.sessions.Update(ctx, before.Key, func(now *session.Session) error {
			if now.RefreshToken != before.RefreshToken || now.AccessToken != before.AccessToken {
				return errOvertaken
			}
			*now = *after
			return nil
		})
		if !errors.Is(err, session.ErrStore) {
			return err
		}
	}
	return err
}

// disown ends a session that its provider no longer stands by.
func (o *Outpost) disown(ctx context.Context, p *registration, s *session.Session, r provider.Renewal) {
	if err := o.sessions.Revoke(ctx, s.Key); err != nil {
		p.log.Error("ending a session that its provider no longer stands by", "session", s.Key.String(), "cause", err.Error())
	}
	if r.Result != provider.RenewalRefused {
		p.revoke(r.Session.RefreshToken)
	}
	p.log.Info("session ended: its provider no longer stands by it", "application", s.Application, "subject", s.Identity.Subject,
		"user", cut(s.Identity.Username), "session", s.Key.String(), "result", string(r.Result), "cause", cut(r.Err.Error()))
}

// postpone has a recheck that failed tried again later.
func (o *Outpost) postpone(p *registration, s *session.Session, cause error) {
	wait := min(max(time.Since(s.Rechecked)-o.recheckEvery, firstBackOff), lastBackOff)
	o.sessions.Postpone(s.Key, wait/2+rand.N(wait/2+1)) // many sessions must not come back together
	if suppressed, ok := p.failures.take(""); ok {
		p.log.Warn("recheck failed; the session goes on and the provider is asked again", "session", s.Key.String(), "cause", cut(cause.Error()), "suppressed", suppressed)
	}
}

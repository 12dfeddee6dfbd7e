package auth

// event.go tells what an audit wants to know: who came in, who did not, what
// ended and at whose word. Events are about people and machine clients that are
// known, and about sign-ins that failed; a check that allows tells nothing, so
// the way of most requests does not lead through here.
//
// What strangers can cause is told ten times a second for each reason at most,
// with the number of those left out: who floods us must not fill the disk. What a
// person who is known causes again and again is told once a minute. Beginnings
// and ends of sessions are told always.

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"outpost/session"
)

// EventKind says what happened; docs/audit.md has a row for each.
type EventKind string

// What can happen.
const (
	EventSignIn                EventKind = "sign_in"
	EventSignInFailed          EventKind = "sign_in_failed"
	EventStepUp                EventKind = "step_up"                  // somebody known was sent to prove more
	EventAccessRefused         EventKind = "access_refused"           // to somebody known
	EventSignOut               EventKind = "sign_out"                 // by the person
	EventSignOutFailed         EventKind = "sign_out_failed"          // by whoever asked for it
	EventProviderSignOut       EventKind = "provider_sign_out"        // by the provider, and sessions ended
	EventProviderSignOutFailed EventKind = "provider_sign_out_failed" // it was not believed, or not obeyed
	EventSessionEnded          EventKind = "session_ended"            // one for each, whatever ended it
	EventMachineFirstUse       EventKind = "machine_client_first_use" // since this process began
	EventMachineRefused        EventKind = "machine_client_refused"
)

// EventKinds are all of them, in the order of this file.
func EventKinds() []EventKind {
	return []EventKind{
		EventSignIn, EventSignInFailed, EventStepUp, EventAccessRefused, EventSignOut, EventSignOutFailed,
		EventProviderSignOut, EventProviderSignOutFailed, EventSessionEnded, EventMachineFirstUse, EventMachineRefused,
	}
}

// Event is one thing that happened. What is not known, or does not apply, is the
// zero value. It holds no secret, and of a URL not the query.
type Event struct {
	Kind        EventKind
	Reason      string // why: a Reason, or of EventSessionEnded what session.Config.OnEnd has
	Application string
	Provider    string // by name
	Issuer      string
	Subject     string // with Issuer, who it is
	User        string // what they are called
	Session     string // session.Key.ID
	Rule        int    // the number of the application's rule that decided
	Client      string // a machine client: a static token's name, or one of MachineKinds
	Address     string // where the request came from; of EventSessionEnded, where the sign-in did
	RequestID   string // as the page and the log have it; "" for a check
	URL         string // that was refused
	Sessions    int    // how many ended
	StepUp      bool   // a sign-in that had to prove more
	Everywhere  bool   // a sign-out of all of a person's sessions
	Repeated    int    // how many more of the kind came and were not told, since the last that was
}

// oftenTime is how long what a known person causes again and again is told once.
const oftenTime = time.Minute

// maxOften is how many such are kept in mind.
const maxOften = 8192

// often keeps what repeats itself from filling the audit log. The zero value is
// ready.
type often struct {
	mu   sync.Mutex
	seen map[Event]*repetition
}

type repetition struct {
	told  time.Time
	since int
}

// take reports whether an event is to be told at now, and how many like it were
// not since the last. Where it was and which URL it was about does not make another.
func (f *often) take(e Event, now time.Time) (repeated int, ok bool) {
	e.Address, e.RequestID, e.URL, e.Session = "", "", "", ""
	f.mu.Lock()
	defer f.mu.Unlock()
	if one := f.seen[e]; one != nil {
		if now.Sub(one.told) < oftenTime {
			one.since++
			return 0, false
		}
		repeated = one.since
		*one = repetition{told: now}
		return repeated, true
	}
	if f.seen == nil || len(f.seen) >= maxOften {
		f.seen = make(map[Event]*repetition) // rather one line more than a search
	}
	f.seen[e] = &repetition{told: now}
	return 0, true
}

// first reports whether an event like e is the first of its kind.
func (f *often) first(e Event) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen[e] != nil {
		return false
	}
	if f.seen == nil || len(f.seen) >= maxOften {
		f.seen = make(map[Event]*repetition)
	}
	f.seen[e] = &repetition{}
	return true
}

// of adds who a session is about.
func (e Event) of(id *session.Identity) Event {
	if id != nil {
		e.Issuer, e.Subject, e.User = id.Issuer, cut(id.Subject), cut(id.Username)
	}
	return e
}

// event is one that happens in a visit.
func (v *visit) event(kind EventKind) Event {
	e := Event{Kind: kind, Provider: v.providerName(), Address: v.address, RequestID: v.id}
	if v.app != nil {
		e.Application = v.app.name
	}
	return e
}

// tellSignedIn tells that a session has begun.
func (o *Outpost) tellSignedIn(v *visit, s *session.Session, key session.Key, stepUp bool) {
	e := v.event(EventSignIn).of(&s.Identity)
	e.Session, e.StepUp = key.ID(), stepUp
	o.hooks.Event(e)
}

// tellSignedOut tells that a person has ended sessions of theirs.
func (o *Outpost) tellSignedOut(v *visit, here *session.Session, sessions int, everywhere bool) {
	e := v.event(EventSignOut).of(&here.Identity)
	e.Session, e.Sessions, e.Everywhere = here.Key.ID(), sessions, everywhere
	o.hooks.Event(e)
}

// tellEnded is session.Config.OnEnd.
func (o *Outpost) tellEnded(event string, s session.Session) {
	e := Event{Kind: EventSessionEnded, Reason: event, Application: s.Application, Provider: s.Provider, Address: s.Address}.of(&s.Identity)
	if s.Key != (session.Key{}) {
		e.Session = s.Key.ID()
	}
	o.hooks.Event(e)
}

// tellRefused tells of a visit that went wrong what concerns a sign-in or a
// sign-out.
func (o *Outpost) tellRefused(v *visit, failed *Error) {
	kind := EventSignInFailed
	switch id := failed.Page.Identity; {
	case failed.Reason == NotSignedIn, failed.Reason == EarlyData, v.app == nil:
		return // nothing was tried, or it is tried again
	case failed.Reason == MethodNotAllowed && v.endpoint != "backchannel_logout", failed.Reason == NotFound:
		return
	case v.endpoint == "backchannel_logout", v.endpoint == "frontchannel_logout":
		kind = EventProviderSignOutFailed
	case v.endpoint == "sign_out", v.endpoint == "account":
		kind = EventSignOutFailed
	case failed.Reason == InsufficientAuthentication && failed.Status == http.StatusFound:
		kind = EventStepUp
	case id != nil && failed.Reason != InsufficientAuthentication:
		kind = EventAccessRefused
	}
	e := v.event(kind).of(failed.Page.Identity)
	e.Reason, e.Rule = string(failed.Reason), failed.Page.Rule
	if e.Subject != "" {
		o.tellOften(e)
		return
	}
	o.tellStranger(e)
}

func (o *Outpost) tellStranger(e Event) {
	if left, ok := o.strangers.take(Reason(string(e.Kind) + " " + e.Reason)); ok {
		e.Repeated = left
		o.hooks.Event(e)
	}
}

// isCredential reports whether what was refused is a machine client's credential.
func isCredential(r Reason) bool { return strings.HasPrefix(string(r), "credentials_") }

// tellStepUp tells that a signed-in person was sent to prove more.
func (o *Outpost) tellStepUp(v *visit, s *session.Session, rule int) {
	e := v.event(EventStepUp).of(&s.Identity)
	e.Reason, e.Session, e.Rule = string(InsufficientAuthentication), s.Key.ID(), rule
	o.tellOften(e)
}

// tellDenied tells of a check that was refused to somebody who is known.
func (o *Outpost) tellDenied(r *http.Request, d Decision) {
	if d.Status == http.StatusOK || d.Session == nil && d.Machine == "" {
		return
	}
	e := Event{
		Kind: EventAccessRefused, Reason: string(d.Reason), Application: d.Application, Rule: d.Rule, Client: d.Machine,
		Address: o.peers.ClientIP(r.Header, r.RemoteAddr).String(), URL: redacted(r.Header.Get("X-Original-Url")),
	}
	if isCredential(d.Reason) {
		e.Kind, e.Rule = EventMachineRefused, 0
		o.tellStranger(e)
		return
	}
	if d.Session != nil {
		e.Provider, e.Session = d.Session.Provider, d.Session.Key.ID()
		e = e.of(&d.Session.Identity)
	}
	o.tellOften(e)
}

func (o *Outpost) tellOften(e Event) {
	if repeated, ok := o.repeating.take(e, time.Now()); ok {
		e.Repeated = repeated
		o.hooks.Event(e)
	}
}

// tellMachine tells that a machine client was taken for the first time by this
// process. It is called once for each verdict on a credential.
func (o *Outpost) tellMachine(part *part, c *machineClient) {
	e := Event{Kind: EventMachineFirstUse, Application: part.name, Client: c.name}.of(&c.identity)
	if o.firstUses.first(e) {
		o.hooks.Event(e)
	}
}

package auth

// check.go answers nginx's question: may this browser have this page, and who
// is it?
//
// The order, each step a refusal where it fails:
//
//  1. the peer is a trusted proxy, or its headers count for nothing;
//  2. the headers name one URL and one host (package headers);
//  3. the host, and the path where several share one, belong to an application;
//  4. exactly one live session comes in the application's cookie, unless the URL
//     is public;
//  5. the application's rules let the identity have the URL (package access);
//  6. the person has proved who they are as they require it;
//  7. the identity fits into the answer.
//
// Nothing below any prefix, our own included, is exempt. No step asks the
// network or the disk, but for a session that is not in the hot cache, or while
// a store that other replicas share is silent.

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"outpost/access"
	"outpost/auth/provider"
	"outpost/headers"
	"outpost/session"
)

// Request is a check in plain values. The caller has made sure of its peer.
type Request struct {
	Original      headers.Original
	Client        netip.Addr // of the person's browser; the zero Addr where nobody knows, and then no rule over networks lets anybody in
	Cookies       []string   // the Cookie header's lines
	Authorization []string   // likewise
	Preflight     bool       // the original is a preflight, should its method be OPTIONS (Fetch §3.2.2)
	Navigation    bool       // a person is waiting for a page: chooses the shape of a refusal, never whether there is one
}

// Decision answers a Request. Its zero value allows nothing: nginx is told 500.
type Decision struct {
	Status        int              // 200, 401, 403 or 500
	Reason        Reason           // why
	Application   string           // "" if the request belongs to none
	Rule          int              // the number of the application's rule that decided, from 1; 0 if none did
	Session       *session.Session // nil unless signed in; not to be changed
	Machine       string           // the machine client that came with a credential; "" for none
	Identity      *headers.Block   // what an allowed answer carries; nil unless Status is 200
	Authorization string           // the client's own, to be handed on where Identity has none; "" for none
}

// prepared is what stays the same for all checks of one session under one
// configuration: it is computed when the session enters the hot cache, or with
// the first check under another configuration.
type prepared struct {
	of     uint64 // Outpost.generation of whom it is of; what is another's counts for nothing
	person *access.Person
	blocks []headers.Block // one for each part of the application
}

// prepare is the session cache's hook.
func (o *Outpost) prepare(s *session.Session) any { return o.prepareNow(s) }

// prepareNow prepares s, which has its ID token where its application shows that. A
// session whose application is no longer configured, or no longer has its provider,
// has no person, and is none.
func (o *Outpost) prepareNow(s *session.Session) *prepared {
	p := &prepared{of: o.generation}
	app := o.applications.byName[s.Application]
	if app == nil {
		return p
	}
	vouching := app.provider(s.Provider)
	if vouching == nil {
		return p
	}
	p.person = vouching.person(s)
	from := headers.Vouching{IDToken: s.IDToken, Provider: s.Provider, JWKS: vouching.JWKS()}
	for _, part := range app.parts {
		p.blocks = append(p.blocks, o.block(part, &s.Identity, from))
	}
	return p
}

// hotPrepared is what this configuration made of the session; nil where that has
// still to be done.
func (o *Outpost) hotPrepared(live *session.Live) *prepared {
	if p, _ := live.Prepared().(*prepared); p != nil && p.of == o.generation {
		return p
	}
	return nil
}

// preparedFor is hotPrepared, and prepares what is not. The error is session.ErrNone
// or one of the store, which is asked where an ID token is needed.
func (o *Outpost) preparedFor(ctx context.Context, live *session.Live) (*prepared, error) {
	if p := o.hotPrepared(live); p != nil {
		return p, nil
	}
	s := *live.Session()
	if app := o.applications.byName[s.Application]; app != nil && app.showsToken() {
		var err error
		if s, err = o.sessions.Load(ctx, s.Key); err != nil {
			return nil, err
		}
	}
	p := o.prepareNow(&s)
	if other, _ := live.Prepared().(*prepared); other == nil || other.of < p.of {
		live.SetPrepared(p)
	}
	return p, nil
}

// person is whom rules are asked about.
func (p *registration) person(s *session.Session) *access.Person {
	judged := s.Identity
	judged.EmailVerified = judged.EmailVerified || p.unverifiedEmail
	return access.NewPerson(&judged, proof(s))
}

// block makes the headers of somebody for a part.
func (o *Outpost) block(part *part, id *session.Identity, from headers.Vouching) headers.Block {
	b := part.headers.Block(id, from)
	if len(b.Dropped) > 0 || !b.Fits() {
		o.hooks.HeadersDropped(part.name)
		o.log.Warn("identity does not go into the headers as it is",
			"application", part.name, "subject", id.Subject, "bytes", b.Size, "budget", part.headers.MaxBytes(), "dropped", b.Dropped)
	}
	return b
}

// Check decides. It allocates nothing for a session in the hot cache.
func (o *Outpost) Check(ctx context.Context, req Request) Decision {
	app := o.applications.find(req.Original.Host)
	if app == nil {
		return Decision{Status: http.StatusForbidden, Reason: UnknownHost}
	}
	part, q := app.question(&req)
	if part == nil {
		return Decision{Status: http.StatusForbidden, Reason: UnknownPath}
	}
	live, known, err := o.liveSession(ctx, app, req.Cookies)
	now := time.Now()
	if err != nil {
		return o.checkStranger(ctx, part, &q, &req, err, now)
	}
	d := o.judge(app, part, &q, live, known, now)
	if d.Status == http.StatusForbidden && req.Navigation && o.explained(app, part, q, live, known, now) {
		// nginx shows its bare page for 403, but sends a 401 to start, which
		// knows the session and shows the person why.
		d.Status = http.StatusUnauthorized
	}
	if d.Status == http.StatusOK {
		live.Accept(now)
		d.Authorization = part.handOn(&d, req.Authorization)
	}
	if live.Due(now) {
		// Also for who is not allowed: they may have been let in since.
		o.recheck(d.Session)
	}
	return d
}

// explained reports whether start, which knows a page by its URL alone, would
// refuse it as well. Where it is the method that is refused it would not: it would
// send the person to the page, and nobody would tell that nothing was done.
func (o *Outpost) explained(app *application, part *part, q access.Request, live *session.Live, known *prepared, now time.Time) bool {
	if q.Method == http.MethodGet {
		return true
	}
	q.Method = http.MethodGet
	return o.judge(app, part, &q, live, known, now).Status != http.StatusOK
}

// question is what a request asks of the application's rules, and the part
// whose rules they are; nil if it has no such path.
func (a *application) question(req *Request) (*part, access.Request) {
	return a.part(req.Original.Target), access.Request{
		Host: headers.Hostname(req.Original.Host), Target: req.Original.Target, Method: req.Original.Method, Client: req.Client, Preflight: req.Preflight,
	}
}

// checkStranger decides where no session is to be had, for the reason that err
// says: what is public needs none, and a program may come with a credential.
func (o *Outpost) checkStranger(ctx context.Context, part *part, q *access.Request, req *Request, err error, now time.Time) Decision {
	v := part.access.Judge(q, nil, now)
	if v.Outcome != access.Public && errors.Is(err, session.ErrNone) {
		if d, known := o.checkMachine(ctx, part, q, req.Authorization, now); known {
			return d
		}
	}
	d := Decision{Status: http.StatusUnauthorized, Reason: NotSignedIn, Application: part.name, Rule: v.Rule}
	switch {
	case v.Outcome == access.Public:
		d.Status, d.Reason, d.Identity = http.StatusOK, Public, &part.empty
		d.Authorization = part.handOn(&d, req.Authorization)
	case v.Outcome == access.Deny:
		d.Status, d.Reason = http.StatusForbidden, denied(v)
	case errors.Is(err, session.ErrNone):
	case errors.Is(err, errAmbiguous):
		d.Reason = CookieAmbiguous
	default:
		// Not 401: that would send everybody to sign in again, and again.
		d.Status, d.Reason = http.StatusInternalServerError, StoreUnavailable
	}
	return d
}

// judge says whether a signed-in person may have what they ask for at now; 200
// or 403. known is what o has prepared of them.
func (o *Outpost) judge(app *application, part *part, q *access.Request, live *session.Live, known *prepared, now time.Time) Decision {
	d := Decision{Status: http.StatusForbidden, Reason: NotAllowed, Application: part.name, Session: live.Session()}
	if known == nil || known.person == nil || known.of != o.generation || d.Session.Application != app.name {
		return d
	}
	part.decide(&d, q, known.person, &known.blocks[part.index], now)
	return d
}

// decide says of somebody who is known, and has these headers, whether they may
// have what q asks for.
func (p *part) decide(d *Decision, q *access.Request, who *access.Person, block *headers.Block, now time.Time) {
	v := p.access.Judge(q, who, now.Add(-provider.Skew))
	d.Rule = v.Rule
	switch {
	case v.Outcome == access.StepUp:
		d.Reason = InsufficientAuthentication
	case v.Outcome == access.Public && !block.Fits():
		d.Status, d.Reason, d.Identity = http.StatusOK, Public, &p.empty
	case v.Outcome == access.Public:
		d.Status, d.Reason, d.Identity = http.StatusOK, Public, block
	case v.Outcome == access.Allowed && !block.Fits():
		d.Reason = HeaderTooLarge
	case v.Outcome == access.Allowed:
		d.Status, d.Reason, d.Identity = http.StatusOK, Allowed, block
	default:
		d.Status, d.Reason, d.Identity = http.StatusForbidden, denied(v), nil
	}
}

// denied is the reason of a verdict that lets nobody in.
func denied(v access.Verdict) Reason {
	switch v.Why {
	case access.WhyMethodUnknown:
		return MethodUnknown
	case access.WhyClientUnknown:
		return ClientUnknown
	}
	return NotAllowed
}

// handOn is the client's own Authorization for the application, where it gets
// none from us. nginx, told to take the header from our answer, would send none
// otherwise. What may be a credential for us is not shown to an application.
func (p *part) handOn(d *Decision, authorization []string) string {
	if len(authorization) != 1 || d.Identity.Authorization() || p.machines.meant(authorization) {
		return ""
	}
	if d.Identity.Size+len("Authorization: \r\n")+len(authorization[0]) > p.headers.MaxBytes() {
		return ""
	}
	return authorization[0]
}

var errAmbiguous = errors.New("two live sessions in one request")

// liveSession finds the session in the cookies of app. A sibling host can set
// a cookie of the same name, so values that open nothing are passed over, and
// two that open different sessions are nobody's: one may be an attacker's own.
// known is what o has prepared of it. The error is session.ErrNone, errAmbiguous or
// one of the store.
func (o *Outpost) liveSession(ctx context.Context, app *application, cookies []string) (found *session.Live, known *prepared, err error) {
	for value := range session.Values(cookies, app.session.Name) {
		live, err := o.sessions.Find(ctx, app.session.Name, value)
		var p *prepared
		if err == nil {
			p, err = o.preparedFor(ctx, live)
		}
		switch {
		case errors.Is(err, session.ErrNone):
		case err != nil:
			return nil, nil, err
		case p.person == nil: // of a configuration that is no more
		case found != nil && found.Session().Key != live.Session().Key:
			return nil, nil, errAmbiguous
		default:
			found, known = live, p
		}
	}
	if found == nil {
		return nil, nil, session.ErrNone
	}
	return found, known, nil
}

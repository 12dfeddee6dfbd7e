package auth

// explain.go answers the question of an operator as a check would answer it, and
// says why. It asks no store and no provider: who comes is taken on trust.

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"outpost/access"
	"outpost/headers"
	"outpost/session"
)

// Question is a request that nobody has sent.
type Question struct {
	URL       string            // absolute
	Method    string            // "" for GET
	Client    netip.Addr        // of the browser; the zero Addr where it is not known
	Identity  *session.Identity // nil for nobody signed in
	AMR       []string          // how they proved who they are, a moment ago
	ACR       string
	Preflight bool
}

// Explanation is how a check would answer, and why.
type Explanation struct {
	Decision    string         // allow, public, deny, sign_in or step_up
	Application string         // "" if the URL belongs to none
	Rule        int            // the number of the rule that decides, from 1; 0 if none does
	Line        int            // where it is written; 0 if nowhere
	Reason      Reason         // as in the log and the metrics
	Steps       []access.Step  // the rules on the way to it; nil where none was asked
	Headers     []headers.Line // what the answer carries; nil unless it lets somebody in. Credentials are hidden
}

// Explain answers q. The error says that its URL is none.
func (o *Outpost) Explain(q Question) (Explanation, error) {
	u, err := url.Parse(q.URL)
	if err != nil {
		return Explanation{}, err
	}
	original, err := headers.FromNginx(http.Header{"X-Original-Url": {q.URL}}, u.Host)
	if err != nil {
		return Explanation{}, err
	}
	if original.Method = q.Method; q.Method == "" {
		original.Method = http.MethodGet
	}
	app := o.applications.find(original.Host)
	if app == nil {
		return Explanation{Decision: "deny", Reason: UnknownHost}, nil
	}
	part, asked := app.question(&Request{Original: original, Client: q.Client, Preflight: q.Preflight})
	if part == nil {
		return Explanation{Decision: "deny", Reason: UnknownPath}, nil
	}
	var d Decision
	var who *access.Person
	now := time.Now()
	if q.Identity == nil {
		d = o.checkStranger(context.Background(), part, &asked, &Request{}, session.ErrNone, now)
	} else {
		block := part.headers.Block(q.Identity, headers.Vouching{Provider: app.providers[0].name})
		who = access.NewPerson(q.Identity, access.Proof{AMR: q.AMR, ACR: q.ACR, Time: now})
		d = Decision{Status: http.StatusForbidden, Reason: NotAllowed, Application: part.name}
		part.decide(&d, &asked, who, &block, now)
	}
	e := Explanation{Decision: d.word(), Application: part.name, Rule: d.Rule, Reason: d.Reason, Steps: part.access.Explain(&asked, who, now)}
	for _, step := range e.Steps {
		if step.Rule == d.Rule {
			e.Line = step.Line
		}
	}
	if d.Identity != nil {
		e.Headers = shown(d.Identity)
	}
	return e, nil
}

// word is a decision as an operator thinks of it.
func (d *Decision) word() string {
	switch {
	case d.Reason == Public:
		return "public"
	case d.Reason == Allowed:
		return "allow"
	case d.Reason == InsufficientAuthentication:
		return "step_up"
	case d.Reason == NotSignedIn:
		return "sign_in"
	}
	return "deny"
}

// shown are the lines of a block without the credentials in it.
func shown(b *headers.Block) []headers.Line {
	lines := b.Lines()
	for i := range lines {
		if lines[i].Name == "Authorization" {
			lines[i].Value = "Basic <secret>"
		}
	}
	return lines
}

package auth

// account.go is the page where people see who they are to us and where they are
// signed in, and end what they do not want.
//
// It is served on the application's own host alone. In domain mode every host of
// the domain has the path and gets the cookie, so an application there could
// otherwise read the page, or post to it, in its own name.

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"time"

	"outpost/page"
	"outpost/session"
)

// maxPlaces is how many sign-ins the page shows.
const maxPlaces = 100

// accountPath is the page, as links and redirects spell it.
const accountPath = Prefix + "/"

// account handles /outpost.goauthentik.io and /outpost.goauthentik.io/.
//
//  1. Off to the application's own host.
//  2. Who is not signed in signs in and comes back.
//  3. A POST with end=ID, or end=others, ends sessions of the person's own, if it
//     comes from this very page, and comes back too.
func (o *Outpost) account(v *visit) error {
	if err := v.allow(http.MethodGet, http.MethodHead, http.MethodPost); err != nil {
		return err
	}
	if v.r.Method == http.MethodPost { // a GET does nothing, and may come twice
		if err := v.notEarly(); err != nil {
			return err
		}
	}
	if !sameHostname(v.host, v.app.host) {
		v.redirect(v.app.external + accountPath)
		return nil
	}
	live, err := o.live(v)
	switch {
	case err != nil:
		return err
	case live == nil && page.Navigation(v.r.Header):
		v.redirect(signInURL(v.app, v.app.external+accountPath, asked{}))
		return nil
	case live == nil:
		return &Error{Status: http.StatusForbidden, Reason: NotSignedIn, Page: page.Data{SignInURL: signInURL(v.app, v.app.external+accountPath, asked{})}}
	case v.r.Method == http.MethodPost:
		return o.endOwn(v, live)
	}
	return o.showAccount(v, live)
}

func (o *Outpost) showAccount(v *visit, live *session.Live) error {
	here := live.Session()
	all, err := o.sessions.Of(v.ctx(), here.Identity.Issuer, here.Identity.Subject)
	if err != nil {
		return accountStoreError(err)
	}
	p, err := o.preparedFor(v.ctx(), live)
	if err != nil {
		return accountStoreError(err)
	}
	// This one first, then by last use.
	slices.SortFunc(all, func(a, b session.Listed) int {
		if a.Key == here.Key || b.Key == here.Key {
			return map[bool]int{true: -1, false: 1}[a.Key == here.Key]
		}
		return cmp.Or(b.Seen.Compare(a.Seen), b.Created.Compare(a.Created))
	})
	d := page.Data{
		Identity: &here.Identity, SignOutURL: Prefix + "/sign_out", EverywhereURL: Prefix + everywhere,
		Account: &page.Account{Now: time.Now(), Told: told(v.app, p), More: max(0, len(all)-maxPlaces)},
	}
	for _, l := range all[:min(len(all), maxPlaces)] {
		place := page.Place{
			ID: l.Key.ID(), Application: l.Application, Provider: l.Provider, Device: l.Device, Address: l.Address,
			Created: l.Created, Seen: l.Seen, Expires: l.Expires, Here: l.Key == here.Key,
		}
		if !place.Here {
			place.EndURL = accountPath + "?end=" + place.ID
			d.Account.OthersURL = accountPath + "?end=others"
		}
		d.Account.Places = append(d.Account.Places, place)
	}
	v.show(http.StatusOK, Account, d)
	return nil
}

// told is what each part of the application is told of a person, in the order of
// the parts' names: the lines that a check answers with, without what may be a
// secret.
func told(app *application, p *prepared) []page.Told {
	var all []page.Told
	for _, part := range app.parts {
		one := page.Told{Application: part.name}
		for _, line := range p.blocks[part.index].Lines() {
			header := page.Header{Name: line.Name, Value: line.Value}
			if line.Value != "" && part.headers.Confidential(line.Name) {
				header.Value, header.Hidden = "", true
			}
			one.Headers = append(one.Headers, header)
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b page.Told) int { return cmp.Compare(a.Application, b.Application) })
	return all
}

// endOwn ends one or all of the person's other sessions. Which there are is asked
// of the store by who the person is: an ID of somebody else's session is, to it,
// one that is not there.
func (o *Outpost) endOwn(v *visit, live *session.Live) error {
	site, mode := v.r.Header.Get("Sec-Fetch-Site"), v.r.Header.Get("Sec-Fetch-Mode")
	if !sameOrigin(v.r, v.host) || site != "" && site != "same-origin" || mode != "" && !page.Navigation(v.r.Header) {
		return &Error{Status: http.StatusForbidden, Reason: SignOutRefused}
	}
	here, ended := live.Session(), 0
	var err error
	switch end := v.r.URL.Query().Get("end"); end {
	case here.Key.ID():
		return o.end(v, live, false)
	case "others":
		whose := session.Whose{Issuer: here.Identity.Issuer, Subject: here.Identity.Subject, Except: here.Key, Ended: o.revoking()}
		noted := o.noteEnded(v.ctx(), whose)
		ended, err = o.sessions.EndAll(v.ctx(), whose, "signed_out")
		err = errors.Join(err, noted)
	default:
		ended, err = o.endOne(v, &here.Identity, end)
	}
	if err != nil {
		return accountStoreError(err)
	}
	v.log.Info("signed out elsewhere", "subject", here.Identity.Subject, "user", cut(here.Identity.Username), "session", here.Key.String(), "sessions", ended)
	if ended > 0 {
		o.tellSignedOut(v, here, ended, false)
	}
	v.redirect(v.app.external + accountPath)
	return nil
}

// endOne ends the person's session of that ID, and returns how many that were.
func (o *Outpost) endOne(v *visit, id *session.Identity, end string) (int, error) {
	all, err := o.sessions.Of(v.ctx(), id.Issuer, id.Subject)
	i := slices.IndexFunc(all, func(l session.Listed) bool { return l.Key.ID() == end })
	if err != nil || i < 0 {
		return 0, err
	}
	whole, err := o.sessions.Load(v.ctx(), all[i].Key) // the refresh token is in the store alone
	if err != nil && !errors.Is(err, session.ErrNone) {
		return 0, err
	}
	if err := o.sessions.End(v.ctx(), all[i].Key); err != nil {
		return 0, err
	}
	if p := o.provider(whole.Provider); p != nil {
		p.revoke(whole.RefreshToken)
	}
	return 1, nil
}

func accountStoreError(err error) error {
	return &Error{Status: http.StatusServiceUnavailable, Reason: StoreUnavailable, Err: err, Page: page.Data{RetryURL: accountPath}}
}

package auth

// backchannel_logout.go ends sessions because their provider says so
// (OpenID Connect Back-Channel Logout 1.0). It is called by the provider, not
// by a browser: it reads no cookie, answers in JSON and shows nothing.

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"outpost/auth/provider"
	"outpost/session"
)

// maxLogoutBody is for the whole form; nginx's limit in our include is the same.
const maxLogoutBody = 64 << 10

// logoutRefusal is why a logout was not done, as the provider is told
// (§2.8; the codes are those of RFC 6749).
type logoutRefusal struct {
	Error  string `json:"error"`
	Why    string `json:"error_description"`
	status int
	reason Reason
}

// backchannelLogout handles /outpost.goauthentik.io/backchannel_logout, on the
// host of any application: which sessions end, the token says.
//
// 200 means that no session of that name is left, whether there was one or not;
// 400 that the token is not to be believed; 503 that it is worth a second try.
func (o *Outpost) backchannelLogout(v *visit) error {
	if v.r.Method != http.MethodPost {
		v.w.Header().Set("Allow", http.MethodPost)
		return o.refuseLogout(v, nil, &logoutRefusal{"invalid_request", "a logout token has to be posted", http.StatusMethodNotAllowed, MethodNotAllowed})
	}
	raw, refusal := logoutForm(v)
	if refusal != nil {
		return o.refuseLogout(v, nil, refusal)
	}
	i := provider.Addressed(providersOf(o.providers), raw)
	if i < 0 {
		return o.refuseLogout(v, nil, invalidLogout("iss and aud are no provider and client of this relying party"))
	}
	p := o.providers[i]
	t, err := p.VerifyLogout(v.ctx(), raw)
	switch {
	case errors.Is(err, provider.ErrKeys):
		v.log.Debug("logout token not verified", "cause", err.Error()) // what is wrong with the provider is logged where it is found
		return o.refuseLogout(v, p, &logoutRefusal{"temporarily_unavailable", "the provider's keys cannot be fetched", http.StatusServiceUnavailable, ProviderUnreachable})
	case err != nil:
		return o.refuseLogout(v, p, invalidLogout(err.Error()))
	}
	giveBack, err := o.spend(v.ctx(), t)
	if errors.Is(err, errSpent) {
		return o.refuseLogout(v, p, invalidLogout(err.Error()))
	}
	if err == nil {
		err = o.endByProvider(v, p, session.Whose{Issuer: t.Issuer, Subject: t.Subject, SID: t.SID}, "backchannel_logout")
		if err != nil {
			giveBack()
		}
	}
	if err != nil {
		v.log.Error("ending sessions for the provider", "cause", err.Error())
		return o.refuseLogout(v, p, &logoutRefusal{"temporarily_unavailable", "the session store cannot be asked", http.StatusServiceUnavailable, StoreUnavailable})
	}
	o.hooks.Logout(p.name, SignedOut)
	v.w.WriteHeader(http.StatusOK)
	return nil
}

// logoutForm returns the one logout_token of a form; other parameters do not
// count (§2.5).
func logoutForm(v *visit) (string, *logoutRefusal) {
	if media, _, err := mime.ParseMediaType(v.r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		return "", invalidLogout("the body is no form (application/x-www-form-urlencoded)")
	}
	body, err := io.ReadAll(http.MaxBytesReader(v.w, v.r.Body, maxLogoutBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		refusal := invalidLogout("the body is larger than 64 KiB")
		refusal.status = http.StatusRequestEntityTooLarge
		return "", refusal
	}
	form, formErr := url.ParseQuery(string(body))
	switch tokens := form["logout_token"]; {
	case err != nil || formErr != nil:
		return "", invalidLogout("the form cannot be read")
	case len(body) == 0:
		return "", invalidLogout("the body is empty: does nginx pass it on?")
	case len(tokens) != 1 || tokens[0] == "":
		return "", invalidLogout("there is not one logout_token, but none or several")
	default:
		return tokens[0], nil
	}
}

func invalidLogout(why string) *logoutRefusal {
	return &logoutRefusal{"invalid_request", why, http.StatusBadRequest, LogoutInvalid}
}

// refuseLogout answers with a refusal. p is nil where the request does not even
// name a provider of ours.
func (o *Outpost) refuseLogout(v *visit, p *registration, refusal *logoutRefusal) error {
	name := ""
	if p != nil {
		name = p.name
	}
	o.hooks.Logout(name, refusal.reason)
	v.log = v.log.With("provider", name)
	o.tell(v, &Error{Status: refusal.status, Reason: refusal.reason, Err: errors.New(refusal.Why)})
	body, err := json.Marshal(refusal)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	v.w.Header().Set("X-Content-Type-Options", "nosniff")
	v.w.WriteHeader(refusal.status)
	v.w.Write(append(body, '\n'))
	return nil
}

// endByProvider ends what the provider names, in all applications.
func (o *Outpost) endByProvider(v *visit, p *registration, w session.Whose, event string) error {
	noted := o.noteEnded(v.ctx(), w)
	n, err := o.sessions.EndAll(v.ctx(), w, event)
	if n > 0 {
		v.log.Info("signed out by the provider", "provider", p.name, "event", event, "subject", w.Subject, "sessions", n)
		e := v.event(EventProviderSignOut)
		e.Provider, e.Reason, e.Issuer, e.Subject, e.Sessions = p.name, event, w.Issuer, cut(w.Subject), n
		o.hooks.Event(e)
	}
	return errors.Join(noted, err)
}

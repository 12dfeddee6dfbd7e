package auth

// callback_page.go takes the page that says why a sign-in came to nothing away
// from the address that the provider sent the browser to. In that one stands the
// provider's code, and it would stay in the address bar, in the history and on
// whatever the person sends to somebody who is to help (RFC 9700 §4.3.1). The page
// travels, sealed, in the address that takes its place: the server keeps nothing.

import (
	"encoding/json"
	"net/http"
	"strings"

	"outpost/page"
)

const callbackAddress = Prefix + "/callback"

// toldPage is a page with all that it says, for the host of one application.
type toldPage struct {
	Application string // by name
	Data        page.Data
}

// moveOn sends the browser of a callback that failed to the page about it, and
// reports whether it did: where no person waits, no code is to be seen, or the
// page does not fit into an address, it has done nothing. A request that came too
// early is sent again by the browser itself, and stays as it is.
func (o *Outpost) moveOn(v *visit, e *Error) bool {
	path, query := v.r.URL.Path, v.r.URL.RawQuery
	if v.app == nil || path != callbackAddress && !strings.HasPrefix(path, callbackAddress+"/") || !strings.Contains(query, "code=") ||
		v.r.Method != http.MethodGet || e.Status == http.StatusTooEarly || !page.Navigation(v.r.Header) {
		return false
	}
	told, err := json.Marshal(toldPage{v.app.name, v.data(e.Status, e.Reason, e.Page)})
	if err != nil {
		return false
	}
	sealed, err := o.flows.seals.Load().states.Seal("page", told)
	if err != nil || len(callbackAddress)+len("?page=")+len(sealed) > maxLocation {
		return false
	}
	v.redirect(callbackAddress + "?page=" + sealed)
	return true
}

// told shows the page that a callback has moved on to.
func (o *Outpost) told(v *visit, sealed string) error {
	value, _, err := o.flows.seals.Load().states.Open("page", sealed)
	var p toldPage
	if err == nil {
		err = json.Unmarshal(value, &p)
	}
	if err != nil || p.Application != v.app.name {
		return &Error{Status: http.StatusBadRequest, Reason: CallbackInvalid, Err: err, Page: page.Data{SignInURL: v.app.external + "/"}}
	}
	v.w.Header().Set("X-Request-Id", p.Data.RequestID)
	v.pages.Write(v.w, v.r, p.Data)
	return nil
}

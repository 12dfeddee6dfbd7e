// Package page writes what a person sees when they do not see the
// application: a refusal, a failed sign-in, the end of a session. One reason
// code decides the words; the same code is in the log and in the metrics.
//
// Every page is one self-contained document: one inline stylesheet, on few of them
// one short script that a policy names by its hash, no image but an operator's logo,
// which is in the document, and nothing fetched from anywhere. It is in the language
// that the browser asks for. Every value that comes from outside
// (names, the provider's error code, links) is treated as hostile: text is
// cleaned, cut and escaped by the template engine, and a link that is neither
// http nor https nor a plain path is left out.
//
// The package does not decide anything: not the status, not whether somebody
// may pass, not where a link leads. It does not log, count or set cookies, and
// it does not set X-Request-Id; that is the caller's.
package page

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"outpost/session"
)

//go:generate go run github.com/a-h/templ/cmd/templ@v0.3.977 generate -f page.templ

// Data is everything that one page says. The zero value of a field leaves the
// matching part of the page out.
type Data struct {
	Status    int    // HTTP status of the page; anything outside 200 to 599 is written as 500
	Reason    string // reason code; decides title, sentence and next step; an unknown one is shown as "internal"
	RequestID string // shown in small print

	Application string            // name of the application, "" if none
	Host        string            // host of the application asked for, "" if none
	Provider    string            // name of the provider, "" if none
	Identity    *session.Identity // who is signed in, or would be; nil if nobody
	Detail      string            // a machine detail that may be shown: the provider's error code
	Rule        int               // the number of the application's rule that decided; 0 if none did
	Missing     []Missing         // what the person has to prove besides; nil for nothing
	Choices     []Choice          // at which provider to sign in, in the order shown; nil hides them

	// Links, each shown as a button; "" hides it. Only http and https URLs and
	// paths that begin with a single "/" are ever written; anything else is
	// left out. RetryURL starts the same thing again, SwitchURL signs in as
	// somebody else, BackURL leads to the application. SignInURL is always in
	// JSON, and has a button only where nobody is signed in.
	RetryURL, SwitchURL, SignOutURL, SignInURL, BackURL string

	// NewTabURL is where the person signs in in a tab of its own, beside the page;
	// TopURL, on a page for a frame, is what opens without one. Both hide with "".
	// RefreshURL is in JSON alone: a page to open as a window, to sign in again.
	NewTabURL, TopURL, RefreshURL string

	// Framed are the sources of a Content-Security-Policy, which may show the
	// page in a frame: then it has no form, no button but those that lead out of the frame, and
	// nothing of a person on it. nil is the usual page, which nobody may frame.
	Framed []string

	// ConfirmURL is where the sign_out_confirm page's form is posted; other
	// pages leave it out. EverywhereURL is where any page posts to sign the
	// person out of all their sessions; "" hides the button.
	ConfirmURL, EverywhereURL string

	Account *Account // what the account page shows besides; nil on every other page
}

// Account is who a person is to applications, and where they are signed in.
type Account struct {
	Now    time.Time // from which it is told how long ago something was
	Told   []Told    // what each application that shares this sign-in is told, in the order shown
	Places []Place   // in the order shown
	More   int       // how many there are besides

	OthersURL string // where the form is posted that ends all but this one; "" hides it
}

// Told is what one application is told of a person.
type Told struct {
	Application string
	Headers     []Header // in the order shown
}

// Header is one header with which an application is told something.
type Header struct {
	Name, Value string
	Hidden      bool // the value may be a secret: Value is left out
}

// Place is one of the person's sessions.
type Place struct {
	ID, Application, Provider, Device, Address string    // "" where unknown
	Created, Seen, Expires                     time.Time // the sign-in, the last use, the end
	Here                                       bool      // it is the one that the page was asked for with
	EndURL                                     string    // where the form is posted that ends it; "" hides it
}

// Choice is one of several links of which the person takes one. A link that is
// not written is left out, as is one without a label.
type Choice struct{ Label, URL string }

// Missing is one thing that a person has not proved to the provider.
type Missing struct {
	Claim string // amr, acr or auth_time; another is left out
	Want  string // what would do
	Got   string // what the provider said; "" if it said nothing
}

// String is for the log.
func (m Missing) String() string {
	return fmt.Sprintf("%s is %q, wanted %q", m.Claim, text(m.Got), m.Want)
}

// Write answers r with the page that d describes: HTML for a person, JSON for
// a program (WantsJSON says which), headers alone for HEAD, in the language that r
// asks for (RFC 9110 §12.5.4) or else in English. It sets every
// header of the page but X-Request-Id, and replaces what stands there. The
// response is complete when it returns; there is no error to handle, since a
// client that has gone away cannot be told.
func (p *Pages) Write(w http.ResponseWriter, r *http.Request, d Data) {
	v := p.newView(r, d)
	body, contentType := v.json(), "application/json; charset=utf-8"
	if !WantsJSON(r) {
		var b bytes.Buffer
		// Not the request's context: a page that says that the provider did not
		// answer in time is written after the deadline of that attempt. With
		// an error, which the engine has only in its development mode, the
		// person still gets the words, as JSON.
		if document(v).Render(context.Background(), &b) == nil {
			body, contentType = b.Bytes(), "text/html; charset=utf-8"
		}
	}
	h := w.Header()
	v.setHeaders(h)
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(v.Status)
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}

// answer is the JSON form of a page.
type answer struct {
	Error     string `json:"error,omitempty"` // reason code; absent where nothing went wrong
	Message   string `json:"message"`
	Next      string `json:"next"`
	RequestID string `json:"request_id,omitempty"`
	SignInURL string `json:"sign_in_url,omitempty"`

	Contact string `json:"contact,omitempty"`
	// A page that signs in again in a window of its own, and closes it.
	RefreshURL string `json:"refresh_url,omitempty"`

	Account *accountAnswer `json:"account,omitempty"`
}

// accountAnswer is the account page in JSON.
type accountAnswer struct {
	Identity     identityAnswer `json:"identity"`
	Applications []toldAnswer   `json:"applications"`
	Sessions     []placeAnswer  `json:"sessions"`
	More         int            `json:"more"`
}

// identityAnswer is who the provider says that somebody is.
type identityAnswer struct {
	Subject  string   `json:"subject"`
	Username string   `json:"username"`
	Name     string   `json:"name"`
	Email    string   `json:"email"`
	Groups   []string `json:"groups"`
}

// toldAnswer is what an application is told; null stands for what is not shown.
type toldAnswer struct {
	Name    string             `json:"name"`
	Headers map[string]*string `json:"headers"`
}

type placeAnswer struct {
	ID          string    `json:"id"`
	Application string    `json:"application"`
	Provider    string    `json:"provider"`
	Device      string    `json:"device"`
	Address     string    `json:"address"`
	Created     time.Time `json:"created"`
	LastSeen    time.Time `json:"last_seen"`
	Expires     time.Time `json:"expires"`
	Here        bool      `json:"this_browser"`
}

func newAccountAnswer(a *Account, id *session.Identity) *accountAnswer {
	all := &accountAnswer{Applications: []toldAnswer{}, Sessions: []placeAnswer{}, More: a.More}
	if id != nil {
		all.Identity = identityAnswer{id.Subject, id.Username, id.Name, id.Email, append([]string{}, id.Groups...)}
	}
	for _, t := range a.Told {
		one := toldAnswer{t.Application, map[string]*string{}}
		for _, h := range t.Headers {
			one.Headers[h.Name] = &h.Value
			if h.Hidden {
				one.Headers[h.Name] = nil
			}
		}
		all.Applications = append(all.Applications, one)
	}
	for _, p := range a.Places {
		all.Sessions = append(all.Sessions, placeAnswer{p.ID, p.Application, p.Provider, p.Device, p.Address, p.Created, p.Seen, p.Expires, p.Here})
	}
	return all
}

func (v view) json() []byte {
	a := answer{Message: v.Words.Sentence, Next: v.Words.Next, RequestID: v.RequestID, SignInURL: v.SignIn, RefreshURL: v.Refresh, Contact: v.Site.Contact.URL, Account: v.Account}
	if a.Contact == "" {
		a.Contact = v.Site.Contact.Text
	}
	if !v.Words.Fine {
		a.Error = v.Reason
	}
	b, _ := json.Marshal(a) // strings and times always marshal
	return append(b, '\n')
}

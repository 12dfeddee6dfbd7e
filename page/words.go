package page

import (
	"maps"
	"slices"
	"time"
)

// words is what one reason code says to a person. The sentences are fixed:
// names and addresses stand beside them in the details, so that a translation
// never has to fit a value into its grammar, and no cause can slip in.
type words struct {
	Title    string   // a few words, without a full stop
	Sentence string   // what happened
	Next     string   // what to do now
	Causes   []string // likely causes, the likeliest first; nil if the sentence says it all
	Nobody   bool     // an account is shown, and nobody is signed in with it
	Again    bool     // the sign-in button reads "Sign in again"
	Fine     bool     // nothing went wrong: no alert, and no "error" in JSON
}

// labels is everything on a page that no reason code decides.
type labels struct {
	SignedInAs, Account, Application, Rule, Host, Provider, Detail string            // names of the details
	Missing                                                        map[string]string // names of what is missing, by claim
	Yours, Unsaid                                                  string            // before what there is of it; where the provider says nothing
	Retry, Switch, SignOut, SignIn, SignInAgain                    string            // buttons
	Back, Everywhere                                               string
	Causes                                                         string // heading of the list of causes
	Reason, Request                                                string // small print
	Forward, Continue                                              string // the page that sends a browser on

	// The account page.
	ToldHeading, PlacesHeading string
	Told                       map[string]string // names of what applications are told
	Here, Created, Seen        string            // this browser; before the time of the sign-in and of the last use
	End, Others                string            // buttons
}

// language is one translation: a tag for the lang attribute (BCP 47), and a
// text for each thing that can be said.
type language struct {
	Tag    string
	Labels labels
	Words  map[string]words // by reason code

	Ago  func(time.Duration) string // how long ago something was
	More func(int) string           // that there are so many sign-ins besides
}

// Reasons returns every reason code that has words, sorted. A code that is not
// among them never reaches a person: it is answered to nginx alone.
func Reasons() []string {
	return slices.Sorted(maps.Keys(english.Words))
}

package page

// words.go reads what pages say: one file for each language, words/TAG.json, each
// a flat list of keys and texts. words/en.json has every key that there is.
//
// The sentences keep to four rules: say what happened before what to do; name no
// cause that only the log may know; never blame the reader; promise nothing that
// is not certain. They are fixed: names and addresses stand beside them in the
// details, so that a translation never has to fit a value into its grammar, and
// no cause can slip in. A number alone has a place in a text, {n}.

import (
	"embed"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed words/*.json
var files embed.FS

// ours are the languages that we have words for, the first of them for whoever
// asks for none of them.
var ours = []string{"en", "de", "es", "fr", "it", "nl", "pl", "pt"}

// builtin are the texts of each of them, by tag and then by key. They are not changed.
var builtin = func() map[string]func() map[string]string {
	all := map[string]func() map[string]string{}
	for _, tag := range ours {
		all[tag] = sync.OnceValue(func() (texts map[string]string) {
			b, err := files.ReadFile("words/" + tag + ".json")
			if err == nil {
				err = json.Unmarshal(b, &texts)
			}
			if err != nil {
				panic(err) // a file that is not in the binary, or none: no test would have passed
			}
			return texts
		})
	}
	return all
}()

// words is what one reason code says to a person: the keys that begin with it.
type words struct {
	Title    string   // a few words, without a full stop
	Sentence string   // what happened
	Next     string   // what to do now
	Causes   []string // likely causes, the likeliest first; nil if the sentence says it all
	traits
}

// traits is what a reason code decides besides the words.
type traits struct {
	Nobody bool // an account is shown, and nobody is signed in with it
	Again  bool // the sign-in button reads "Sign in again"
	Fine   bool // nothing went wrong: no alert, and no "error" in JSON
}

// special are the reasons that are no plain failures.
var special = map[string]traits{
	"account":                          {Fine: true},
	"choose_provider":                  {Fine: true},
	"insufficient_user_authentication": {Nobody: true},
	"signed_out":                       {Again: true, Fine: true},
	"signed_in_again":                  {Fine: true},
	"signed_out_here":                  {Again: true, Fine: true},
	"signed_out_everywhere":            {Again: true, Fine: true},
	"signed_out_everywhere_here":       {Again: true, Fine: true},
}

// labels is everything on a page that no reason code decides.
type labels struct {
	SignedInAs  string `json:"label.signed_in_as"` // names of the details
	Account     string `json:"label.account"`
	Application string `json:"label.application"`
	Rule        string `json:"label.rule"`
	Host        string `json:"label.host"`
	Provider    string `json:"label.provider"`
	Detail      string `json:"label.detail"`
	Causes      string `json:"label.causes"`  // heading of the list of causes
	Reason      string `json:"label.reason"`  // small print
	Request     string `json:"label.request"` // small print
	Forward     string `json:"label.forward"` // heading of the page that sends a browser on
	Contact     string `json:"label.contact"` // before the operator's line

	Missing map[string]string `json:"-"`              // names of what is missing, by claim
	Yours   string            `json:"missing.yours"`  // before what there is of it
	Unsaid  string            `json:"missing.unsaid"` // where the provider says nothing

	Retry       string `json:"button.retry"`
	Switch      string `json:"button.switch"`
	SignOut     string `json:"button.sign_out"`
	Everywhere  string `json:"button.everywhere"`
	SignIn      string `json:"button.sign_in"`
	SignInAgain string `json:"button.sign_in_again"`
	Back        string `json:"button.back"`
	Continue    string `json:"button.continue"`
	NewTab      string `json:"button.new_tab"`  // leads into another window
	OpenTop     string `json:"button.open_top"` // and this one out of a frame
	End         string `json:"button.end"`
	Others      string `json:"button.others"`

	// The account page.
	ToldHeading   string `json:"told.heading"`
	Hidden        string `json:"told.hidden"` // in the place of a value that is a secret
	Empty         string `json:"told.empty"`  // in the place of a value that there is not
	PlacesHeading string `json:"place.heading"`
	Here          string `json:"place.here"`
	Created       string `json:"place.created"` // before the time of the sign-in
	Seen          string `json:"place.seen"`    // before the time of the last use
}

// language is one translation: a tag for the lang attribute (BCP 47), and a
// text for each thing that can be said.
type language struct {
	Tag         string
	RightToLeft bool
	Labels      labels
	Words       map[string]words // by reason code

	texts map[string]string // all of them, by key
}

// rightToLeft are the languages that are written so, of those whose people use the
// web in them.
var rightToLeft = []string{"ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"}

// newLanguage sorts texts into what the templates ask for.
func newLanguage(tag string, texts map[string]string) language {
	base, _, _ := strings.Cut(strings.ToLower(tag), "-")
	l := language{Tag: tag, RightToLeft: slices.Contains(rightToLeft, base), Words: map[string]words{}, texts: texts}
	l.Labels.Missing = map[string]string{}
	b, _ := json.Marshal(texts)      // strings always marshal,
	_ = json.Unmarshal(b, &l.Labels) // and every label is one
	for key, text := range texts {
		if name, ok := strings.CutPrefix(key, "missing."); ok {
			l.Labels.Missing[name] = text
		}
		if reason, ok := strings.CutSuffix(key, ".title"); ok {
			l.Words[reason] = l.wordsOf(reason)
		}
	}
	return l
}

func (l language) wordsOf(reason string) words {
	w := words{Title: l.texts[reason+".title"], Sentence: l.texts[reason+".sentence"], Next: l.texts[reason+".next"], traits: special[reason]}
	for i := 1; ; i++ {
		cause, ok := l.texts[reason+".cause."+strconv.Itoa(i)]
		if !ok {
			return w
		}
		w.Causes = append(w.Causes, cause)
	}
}

// Ago says how long ago something was, in the largest unit of which there is one.
func (l language) Ago(d time.Duration) string {
	for _, u := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int(d / u.length); n > 0 {
			return l.number("ago."+u.name, n)
		}
	}
	return l.texts["ago.now"]
}

// More says that there are so many sign-ins besides.
func (l language) More(n int) string { return l.number("place.more", n) }

// number is the text of a key that has a form for each kind of number, with n in
// its place.
func (l language) number(key string, n int) string {
	text := l.texts[key+"."+form(l.Tag, n)]
	for i := len(forms) - 1; i >= 0 && text == ""; i-- { // a form that the language does not have
		text = l.texts[key+"."+forms[i]]
	}
	return strings.ReplaceAll(text, number, strconv.Itoa(n))
}

// number is where a text has one.
const number = "{n}"

// numbered returns what a key is without its form, and whether it has one.
func numbered(key string) (string, bool) {
	for _, form := range forms {
		if stem, ok := strings.CutSuffix(key, "."+form); ok {
			return stem, true
		}
	}
	return "", false
}

// Keys returns the keys of all texts, sorted; those of a text with a number in it
// end in one of the forms that English has for numbers.
func Keys() []string { return slices.Sorted(maps.Keys(builtin["en"]())) }

// Reasons returns every reason code that has words, sorted. A code that is not
// among them never reaches a person: it is answered to nginx alone.
func Reasons() []string {
	var all []string
	for _, key := range Keys() {
		if reason, ok := strings.CutSuffix(key, ".title"); ok {
			all = append(all, reason)
		}
	}
	return all
}

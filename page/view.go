// What a template gets: every value of Data after it was cleaned, cut and, for
// a link, judged. Nothing else in this package touches a value from outside.

package page

import (
	_ "embed" // the stylesheet
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// longest is how many characters of any text are shown.
const longest = 200

//go:embed style.css
var stylesheet string

// policy lets a browser apply the one stylesheet, by its hash, and show a logo that
// is in the page, and do nothing else: no script, no other base for links.
// default-src covers neither form-action nor frame-ancestors; view.setHeaders adds
// those, and the one script where a page has one.
func policy(logo bool) string {
	p := "default-src 'none'; style-src " + hash(stylesheet) + "; base-uri 'none'"
	if logo {
		p += "; img-src data:"
	}
	return p
}

// view is a page ready to be written: what is hostile in it has been made
// harmless, but for the escaping, which is the template's.
type view struct {
	Status     int
	Reason     string
	RequestID  string
	Site       site
	Language   language
	Words      words
	Details    []detail
	Buttons    []button // the first one is the one to take
	Confirm    string   // where the form of the question is posted; "" for no form
	Everywhere string   // where the form that signs out everywhere is posted; "" for none
	SignIn     string   // for JSON; the page has it among its buttons
	Refresh    string   // for JSON alone
	Script     string   // "" for none
	Framed     []string // who may show the page in a frame; nil for nobody

	Told    []told // what applications are told; nil on any page but the account page
	Places  []place
	More    string         // how many there are besides, in words; "" for none
	Others  string         // where the form that ends all other places is posted; "" for none
	Account *accountAnswer // for JSON
}

type detail struct{ Label, Value, Note string }

type button struct {
	Label, URL string
	Target     string // as in HTML; "" for the page's own place
}

// standard are the pages of a site of which nobody has said anything.
var standard = sync.OnceValue(func() *Pages {
	p, err := New(Site{})
	if err != nil {
		panic(err)
	}
	return p
})

// view is an empty page for r.
func (p *Pages) view(r *http.Request) view {
	if p == nil {
		p = standard()
	}
	return view{Status: http.StatusOK, Site: p.site, Language: p.languages[chosen(p.tags, r.Header["Accept-Language"])]()}
}

// newView never fails: what cannot be shown is left out, an unknown reason
// becomes "internal" and an impossible status 500.
func (p *Pages) newView(r *http.Request, d Data) view {
	if d.Framed != nil {
		d = outward(d)
	}
	v := p.view(r)
	v.Status, v.Reason, v.RequestID, v.SignIn, v.Refresh, v.Everywhere = d.Status, d.Reason, text(d.RequestID), link(d.SignInURL), link(d.RefreshURL), link(d.EverywhereURL)
	if v.Status < 200 || v.Status > 599 {
		v.Status = http.StatusInternalServerError
	}
	if _, known := v.Language.Words[v.Reason]; !known {
		v.Reason = "internal"
	}
	v.Words = v.Language.Words[v.Reason]
	if v.Reason == "sign_out_confirm" {
		v.Confirm = link(d.ConfirmURL)
	}

	l := v.Language.Labels
	if d.Account != nil && v.Reason == "account" {
		v.addAccount(d.Account, d.Identity)
		d.Application, d.Host = "", "" // stand among the places
	}
	if id := d.Identity; id != nil {
		label, who := l.SignedInAs, firstOf(id.Name, id.Username, id.Email, id.Subject)
		if v.Words.Nobody {
			label = l.Account
		}
		v.addDetail(label, who, firstOf(id.Email, id.Username))
	}
	v.addDetail(l.Application, text(d.Application), "")
	if d.Rule > 0 {
		v.addDetail(l.Rule, strconv.Itoa(d.Rule), "")
	}
	v.addDetail(l.Host, text(d.Host), "")
	v.addDetail(l.Provider, text(d.Provider), "")
	v.addDetail(l.Detail, text(d.Detail), "")
	for _, m := range d.Missing {
		got := text(m.Got)
		if got == "" {
			got = l.Unsaid
		}
		v.addDetail(l.Missing[m.Claim], text(m.Want), l.Yours+" "+got)
	}
	for _, c := range d.Choices {
		if label := text(c.Label); label != "" {
			v.addButton(label, c.URL)
		}
	}

	switch {
	case d.Framed != nil: // has the buttons of addFrame
	case d.Identity != nil: // signing in again would lead back to this page
	case v.Words.Again:
		v.addButton(l.SignInAgain, d.SignInURL)
	default:
		v.addButton(l.SignIn, d.SignInURL)
	}
	v.addButton(l.Retry, d.RetryURL)
	v.addButton(l.Switch, d.SwitchURL)
	v.addButton(l.SignOut, d.SignOutURL)
	v.addButton(l.Back, d.BackURL)
	v.addWindows(d)
	return v
}

// addWindows adds what leads out of the page's own place, into a window or out of
// a frame, and the script that goes with it.
func (v *view) addWindows(d Data) {
	l := v.Language.Labels
	switch {
	case d.Framed != nil:
		v.Framed, v.Script = d.Framed, frameScript
		v.addTargeted(l.SignIn, d.SignInURL, "_top")
		v.addTargeted(l.OpenTop, d.TopURL, "_top")
	case v.Reason == "signed_in_again":
		v.Script = refreshScript
	case len(d.Choices) > 0:
		v.Script = choicesScript
	}
	v.addTargeted(l.NewTab, d.NewTabURL, "_blank")
}

// outward is what of d may be shown in a frame, where whoever frames it says what
// stands around it and what a click seems to do.
func outward(d Data) Data {
	return Data{
		Status: d.Status, Reason: d.Reason, RequestID: d.RequestID, Application: d.Application, Host: d.Host,
		SignInURL: d.SignInURL, RefreshURL: d.RefreshURL, NewTabURL: d.NewTabURL, TopURL: d.TopURL, Framed: d.Framed,
	}
}

func (v *view) addDetail(label, value, note string) {
	if note == value {
		note = ""
	}
	if label != "" && value != "" {
		v.Details = append(v.Details, detail{label, value, note})
	}
}

func (v *view) addButton(label, raw string) {
	if u := link(raw); u != "" {
		v.Buttons = append(v.Buttons, button{Label: label, URL: u})
	}
}

func (v *view) addTargeted(label, raw, target string) {
	if u := link(raw); u != "" {
		v.Buttons = append(v.Buttons, button{label, u, target})
	}
}

// firstOf cleans its arguments and returns the first that has anything left.
func firstOf(values ...string) string {
	for _, s := range values {
		if s = text(s); s != "" {
			return s
		}
	}
	return ""
}

// text makes s fit to stand on a page: no control characters, no line
// separators and no bidirectional controls, which could make one name read as
// another; no space at either end; invalid UTF-8 as U+FFFD; at most 200
// characters, the last of them an ellipsis where something was cut. It does not
// escape.
func text(s string) string { return textOf(s, longest) }

// textOf is text for another length.
func textOf(s string, longest int) string {
	var b strings.Builder
	count, end := 0, 0
	for _, r := range s {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			continue
		}
		if count++; count > longest {
			return strings.TrimSpace(b.String()[:end]) + "…"
		}
		if count == longest {
			end = b.Len()
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// link returns raw if it may stand in a page, and "" if not: an absolute http
// or https URL with a host and without user information, or a path that begins
// with exactly one slash. A backslash before the query is refused, because
// browsers read it as a slash and "/\host" leads away (WHATWG URL §4.4).
func link(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	before, _, _ := strings.Cut(raw, "?")
	if strings.ContainsRune(before, '\\') {
		return ""
	}
	switch {
	case u.Scheme == "http", u.Scheme == "https":
		if u.Host == "" || u.User != nil {
			return ""
		}
	case !strings.HasPrefix(raw, "/"), strings.HasPrefix(raw, "//"):
		return ""
	}
	return raw
}

// setHeaders sets what every page has, whatever its form.
//
// A page with a form differs in two headers, both measured with Chromium
// 156. form-action applies to every redirect that follows the POST, also after
// a redirect to ourselves, so that 'self' would stop the browser on its way to
// the provider's end-session endpoint; where that redirects next nobody here
// can list, and so the directive is left out. Our forms have no fields, and
// their actions have passed link. And no-referrer makes a browser send "Origin:
// null" with the POST, which is all that a check against request forgery has
// over plain http, where there is no Sec-Fetch-Site; same-origin keeps the
// origin and still tells other sites nothing.
func (v view) setHeaders(h http.Header) {
	policy, referrer := v.Site.policy+"; form-action 'self'", "no-referrer"
	if v.Confirm != "" || v.Everywhere != "" {
		policy, referrer = v.Site.policy, "same-origin"
	}
	if v.Script != "" {
		policy += "; script-src " + hash(v.Script)
	}
	if v.Framed != nil {
		policy += "; frame-ancestors " + strings.Join(v.Framed, " ")
		h.Del("X-Frame-Options") // knows no list
	} else {
		policy += "; frame-ancestors 'none'"
		h.Set("X-Frame-Options", "DENY")
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", referrer)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Language", v.Language.Tag)
	h.Set("Vary", "Accept, Accept-Language")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("X-Robots-Tag", "noindex")
}

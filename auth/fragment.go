package auth

// fragment.go brings the fragment of an address ("#/inbox") through a sign-in. No
// server sees it. A browser hands it on with each redirect, to start, to the provider
// and, where that asks nothing, back to the application; a form of the provider's ends it.
// So a browser is given a page in the place of two redirects: start's, whose script
// puts the fragment into the tab's sessionStorage under a name of the flow's, and the
// last one, whose script takes it from there. The second is there only if a script has
// said, with a cookie, that there is something to be had. The fragment stays in the
// browser: some hold keys.
//
// Everybody else gets redirects, and whoever has no script gets there all the same.

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"

	"outpost/page"
	"outpost/session"
)

// fragmentCookie is set by script, and says that this browser keeps fragments.
func (a *application) fragmentCookie() string { return a.hostPrefix() + "outpost-browser-fragment" }

// hostPrefix is that of the names of cookies which no other host can set.
func (a *application) hostPrefix() string {
	if a.scheme == "https" {
		return "__Host-"
	}
	return ""
}

// keepFragment gives the flow the name under which the browser keeps its fragment:
// that of the flow which it takes the place of, or a new one.
func (fl *flow) keepFragment(r *http.Request, a asked) {
	if !page.Browser(r.Header) {
		return
	}
	if name, err := hex.DecodeString(a.fragment); err == nil && len(name) == len(fl.fragment) {
		copy(fl.fragment[:], name)
		return
	}
	rand.Read(fl.fragment[:])
}

// fragmentName is what to ask start for, so that a flow anew has the fragment of this one.
func (fl *flow) fragmentName() string {
	if fl.fragment == [8]byte{} {
		return ""
	}
	return hex.EncodeToString(fl.fragment[:])
}

// leave sends the browser to the provider.
func (v *visit) leave(to string, fl *flow) {
	name := fl.fragmentName()
	if name == "" {
		v.redirect(to)
		return
	}
	cookie := fmt.Sprintf("%s=1; Path=/; SameSite=Lax; Max-Age=%d", v.app.fragmentCookie(), int(signInTime.Seconds()))
	if v.app.scheme == "https" {
		cookie += "; Secure"
	}
	v.pages.Onward(v.w, v.r, to, page.Fragment{Keep: storageKey(name), Cookie: cookie})
}

// comeBack sends the browser of a flow to where it wanted to go.
func (v *visit) comeBack(to string, fl *flow) {
	name := fl.fragmentName()
	for range session.Values(v.r.Header["Cookie"], v.app.fragmentCookie()) {
		if name != "" && page.Browser(v.r.Header) {
			v.pages.Onward(v.w, v.r, to, page.Fragment{Take: storageKey(name)})
			return
		}
	}
	v.redirect(to)
}

func storageKey(name string) string { return "outpost-fragment-" + name }

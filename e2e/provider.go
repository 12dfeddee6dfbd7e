package e2e

// provider.go is what all OpenID providers of the stories have in common.
// Nobody here wrote one of them; the programs in provider/ are what it takes to
// run those that come as a library. Such a program reads from PROVIDER what
// differs from one story to the next, and from a file the groups that change
// within one.

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const clientSecret = "the-secret-of-the-e2e-client-0123456789"

// A provider is an OpenID provider, up and with our client registered.
type provider struct {
	name, issuer string
	admin        person // in the group admins
	other        person // not in it
	run          func(t testing.TB) *process
	process      *process

	// settings are lines of the daemon's configuration for this provider.
	settings []string
	// setGroups puts somebody into these groups and out of all others.
	setGroups func(t testing.TB, user string, groups ...string)
	// lock closes somebody's account; nil where the set-up has no way to.
	lock func(t testing.TB, user string)
	// signOut ends the visitor's session at the provider as its own page does,
	// or as another application would that has the ID token; nil if there is no
	// way to do it.
	signOut func(v *visitor, idToken string)
	// reload has the provider look anew at who a visitor is; nil if it does so
	// by itself.
	reload func(v *visitor)
	// confirm says yes where the provider asks whether to sign out; nil where
	// it asks in a form.
	confirm func(v *visitor, p page) page
	// script does what the scripts of a page of the provider would do, and
	// returns where that ends; nil where the pages have forms.
	script func(v *visitor, p page, user, password string) page
}

// A person is a user name and the password that the provider wants with it.
type person struct{ name, password string }

// restart brings the provider back after a stop.
func (p *provider) restart(t testing.TB) { p.process = p.run(t) }

// visitor is a person with an empty browser that can handle p's pages.
func (p *provider) visitor(t testing.TB) *visitor {
	t.Helper()
	v := newVisitor(t)
	if p.script != nil {
		v.script = func(at page, user, password string) page { return p.script(v, at, user, password) }
	}
	return v
}

// confirmed says yes on a page that asks whether to sign out.
func (p *provider) confirmed(v *visitor, at page) page {
	if p.confirm != nil {
		return p.confirm(v, at)
	}
	return v.submit(at, nil)
}

// asks reports whether a page is the provider's and wants a password.
func (p *provider) asks(at page) bool {
	return strings.HasPrefix(at.URL, p.origin()) && (p.script != nil || strings.Contains(at.Body, `type="password"`))
}

// origin is the scheme and host of the issuer.
func (p *provider) origin() string { return originOf(p.issuer) }

// originOf is the scheme and host of a URL.
func originOf(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}

// options are what a program of provider/ finds in PROVIDER.
type options struct {
	Issuer                 string   `json:"issuer"`
	Listen                 string   `json:"listen"` // host:port
	TLS                    string   `json:"tls"`    // folder with chain.crt and leaf.key
	Client                 string   `json:"client"`
	Secret                 string   `json:"secret"`
	RedirectURIs           []string `json:"redirectURIs"`
	PostLogoutRedirectURIs []string `json:"postLogoutRedirectURIs"`
	// Groups is the path of a JSON object: for each user name the groups that
	// count from now on, or null if the account is closed. It need not be there.
	Groups string `json:"groups"`

	Key                  string   `json:"key,omitempty"` // PEM, what it signs with
	BackchannelLogoutURI string   `json:"backchannelLogoutURI,omitempty"`
	IssueRefreshToken    bool     `json:"issueRefreshToken,omitempty"` // whether or not the person was asked for consent
	Scopes               []string `json:"scopes,omitempty"`            // that it knows in place of its usual ones; nil for those
	RequirePushed        bool     `json:"requirePushed,omitempty"`     // authorization requests have to be pushed
	Web                  string   `json:"web,omitempty"`               // folder with the pages
}

// optionsFor fills in what every such program is told.
func optionsFor(p *provider, dir, listen string, apps []application) options {
	o := options{Issuer: p.issuer, Listen: listen, TLS: filepath.Dir(shared("ca.crt")), Client: "outpost", Secret: clientSecret,
		Groups: filepath.Join(dir, "groups.json")}
	o.RedirectURIs, o.PostLogoutRedirectURIs = registered(p, apps)
	return o
}

// environment is PROVIDER for a process.
func (o options) environment(t testing.TB) string {
	t.Helper()
	encoded, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return "PROVIDER=" + string(encoded)
}

// setGroups makes o.Groups say of a user what it says now.
func (o options) setGroups(t testing.TB, user string, groups ...string) {
	t.Helper()
	o.change(t, user, append([]string{}, groups...)) // [] if there are none
}

// lock makes o.Groups say of a user that the account is closed, which is null.
func (o options) lock(t testing.TB, user string) {
	t.Helper()
	o.change(t, user, nil)
}

// change changes the file in one step, as the program may read it at any moment.
func (o options) change(t testing.TB, user string, groups []string) {
	t.Helper()
	all := map[string][]string{}
	if exists(o.Groups) {
		if err := json.Unmarshal([]byte(readFile(t, o.Groups)), &all); err != nil {
			t.Fatal(err)
		}
	}
	all[user] = groups
	encoded, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, o.Groups+".new", string(encoded))
	if err := os.Rename(o.Groups+".new", o.Groups); err != nil {
		t.Fatal(err)
	}
}

// registered are the redirect URIs of the applications at a provider.
func registered(p *provider, apps []application) (redirect, postLogout []string) {
	for _, a := range apps {
		own := ""
		if len(a.Providers) > 1 {
			own = "/" + p.name
		}
		redirect = append(redirect, originOf(a.ExternalURL)+outpostPrefix+"/callback"+own)
		postLogout = append(postLogout, originOf(a.ExternalURL)+outpostPrefix+"/sign_out")
	}
	return redirect, postLogout
}

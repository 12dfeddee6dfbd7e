package nginx

// The includes for a configuration of ours: which files each kind of nginx wants,
// with the hosts and the headers of that configuration in them. What they say of
// the check and of the pages is cut out of the files of this folder, so that there
// is one text to hold to the tests.

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"outpost/headers"
)

// Needed is the date of the oldest includes that this program works with: the
// stamp of those that it prints is not before it.
const Needed = "2026/11/26"

// The kinds of nginx that Print knows.
const (
	SWAG    = "swag"    // files below /config/nginx
	Plain   = "nginx"   // files beside an nginx.conf, whose nginx needs no more than auth_request
	Manager = "npm"     // texts for the Advanced tab of Nginx Proxy Manager
	Ingress = "ingress" // manifests for ingress-nginx
)

// Kinds are all there are.
func Kinds() []string { return []string{SWAG, Plain, Manager, Ingress} }

// Site is what Print prints for.
type Site struct {
	Applications []Application // in the order of the configuration
	// Outpost is where nginx reaches the outpost: host:port, or unix:/path for
	// Plain alone. "" is the usual place with the port 9000.
	Outpost string
}

// Application is one entry of the configuration.
type Application struct {
	Name         string
	ExternalURL  *url.URL // as config.Application has it
	CookieDomain string   // "" in single mode
	// Headers are all that it is sent, as headers.Mapping.Names has them.
	Headers []string
	// Unnamed says that it is sent more, whose names are the provider's to say.
	Unnamed bool
}

// File is one that Print made.
type File struct {
	Name string // below nginx's folder; with a slash where it goes into one of that
	Text string
	Use  string // what to do with it, in one line
}

// Print makes the files for a kind of nginx, those that others include first. The
// error says which kind or address cannot be printed for.
func Print(kind string, s Site) ([]File, error) {
	switch kind {
	case SWAG:
		return printSWAG(s)
	case Plain:
		return printPlain(s)
	case Manager:
		return printManager(s)
	case Ingress:
		return printIngress(s)
	}
	return nil, fmt.Errorf("there is no kind %q of nginx: choose from %s", kind, strings.Join(Kinds(), ", "))
}

// domain reports whether the application is every host below its cookie domain.
func (a Application) domain() bool { return a.CookieDomain != "" }

// path is that of the external URL without a slash at its end; "" at the top.
func (a Application) path() string { return strings.TrimSuffix(a.ExternalURL.Path, "/") }

// own are the headers that authentik-location.conf does not hand on.
func (a Application) own() (names []string) {
	for _, name := range a.Headers {
		if !headers.Standard(name) {
			names = append(names, name)
		}
	}
	return names
}

// where says which hosts the application has.
func (a Application) where() string {
	if a.domain() {
		return "every host of " + a.CookieDomain
	}
	return strings.TrimSuffix(a.ExternalURL.String(), "/")
}

// stamp is the line that tells the check which headers the location hands on.
func (a Application) stamp() string {
	return `set $outpost_headers "; headers=` + headers.Digest(a.Headers) + `";`
}

// hands are the lines that take headers from the check's answer and hand them on.
func hands(names []string) string {
	var take, set strings.Builder
	for _, name := range names {
		low := strings.ReplaceAll(strings.ToLower(name), "-", "_")
		variable := "$outpost_" + low
		if rest, is := strings.CutPrefix(low, "x_authentik_"); is {
			variable = "$authentik_" + rest
		}
		fmt.Fprintf(&take, "auth_request_set %s $upstream_http_%s;\n", variable, low)
		fmt.Fprintf(&set, "proxy_set_header %s %s;\n", name, variable)
	}
	if take.Len() == 0 {
		return ""
	}
	return take.String() + "\n" + set.String()
}

// clears are the lines that remove headers which a client made up. Authorization
// stays: where nobody is asked it is the application's.
func clears(names []string) string {
	var b strings.Builder
	for _, name := range names {
		if name != "Authorization" {
			fmt.Fprintf(&b, "proxy_set_header %s \"\";\n", name)
		}
	}
	return b.String()
}

// everybodys are the headers of which authentik-location.conf hands on each and
// outpost-clear.conf knows, and those of the applications besides.
func (s Site) everybodys() (names []string) {
	for _, family := range families() {
		names = append(names, family...)
	}
	for _, a := range s.Applications {
		for _, name := range a.own() {
			if !slices.ContainsFunc(names, func(known string) bool { return strings.EqualFold(known, name) }) {
				names = append(names, name)
			}
		}
	}
	return names
}

// printed is how a file of ours begins that no other is like.
func printed(about ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## Version %s\n", Needed)
	for _, line := range about {
		if line != "" {
			b.WriteString("# " + line + "\n")
		}
	}
	return b.String() + "\n"
}

// unnamed is a comment for an application with headers that nobody can name here.
func (a Application) unnamed() string {
	if !a.Unnamed {
		return ""
	}
	return "additionalHeaders of ak_proxy are not here: their names are authentik's. Write two lines for each."
}

// indent moves the lines of a text, but for empty ones.
func indent(text, by string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = by + line
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// shipped is one of the files of this folder, which are always there.
func shipped(name string) string {
	text, _ := Files.ReadFile(name)
	return string(text)
}

// between cuts the lines of a text from the one that begins with from to the one
// that is to, both included, and takes their common indentation away.
func between(text, from, to string) string {
	start := strings.Index("\n"+text, "\n"+from)
	if start < 0 {
		panic("nginx: example.nginx.conf has no line " + from) // a test prints all kinds
	}
	end := strings.Index(text[start:]+"\n", "\n"+to+"\n")
	if end < 0 {
		panic("nginx: example.nginx.conf has no line " + to)
	}
	depth := len(from) - len(strings.TrimLeft(from, " "))
	lines := strings.Split(text[start:start+end+1+len(to)], "\n")
	for i, line := range lines {
		lines[i] = line[min(depth, len(line)):]
	}
	return strings.Join(lines, "\n") + "\n"
}

// hostOf is a server of one host with the applications on it.
type hostOf struct {
	url  *url.URL
	apps []Application // one for a whole domain is alone: its host is for signing in
}

// hosts groups the applications by the host of their external URLs, those with the
// longest path first, as nginx looks for them anyway.
func (s Site) hosts() (all []hostOf) {
	for _, a := range s.Applications {
		i := slices.IndexFunc(all, func(h hostOf) bool { return h.url.Host == a.ExternalURL.Host })
		if i < 0 {
			i, all = len(all), append(all, hostOf{url: a.ExternalURL})
		}
		all[i].apps = append(all[i].apps, a)
	}
	for _, h := range all {
		slices.SortStableFunc(h.apps, func(a, b Application) int { return cmp.Compare(len(b.path()), len(a.path())) })
	}
	return all
}

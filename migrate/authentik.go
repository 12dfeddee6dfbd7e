package migrate

// authentik: proxy providers, applications and policy bindings, from blueprints or
// from what its API lists.

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"outpost/config"
)

// object is one of authentik's, from wherever.
type object struct {
	file       string
	model      string // proxy, application, binding, group, user or ""
	at         config.Node
	attrs, ids config.Node
	id         string // of a blueprint's entry
	blueprint  config.Node
	taken      bool
}

// get is a value of an object, which may be among what identifies it.
func (o *object) get(key string) config.Node {
	if n := o.attrs.Get(key); n != nil {
		return n
	}
	return o.ids.Get(key)
}

func (o *object) place(key string) string { return placeIn(o.file, o.get(key), key) }

// text resolves a value: a tag of a blueprint's for a name, a variable or a value
// of its context. ok is false where what it is cannot be known here.
func (a *authentik) text(o *object, n config.Node) (text string, ok bool) {
	switch {
	case n == nil || n.Null:
		return "", true
	case n.Tag == "!Env" && n.IsList() && len(n.Items) > 0:
		return variable(n.Items[0].Text), variableName.MatchString(n.Items[0].Text)
	case n.Tag == "!Env":
		return variable(n.Text), variableName.MatchString(n.Text)
	case n.Tag == "!Context":
		key := n.Text
		if n.IsList() && len(n.Items) > 0 {
			key = n.Items[0].Text
		}
		if value := o.blueprint.Get("context", key); value != nil && value.Tag == "" && !value.IsList() && !value.IsMapping() {
			return value.Text, true
		}
		return "", false
	case n.Tag != "" || n.IsList() || n.IsMapping():
		return "", false
	}
	return n.Text, true
}

// models are the kinds that are read, by what a blueprint calls them.
var models = map[string]string{
	"authentik_providers_proxy.proxyprovider": "proxy", "authentik_core.application": "application", "authentik_policies.policybinding": "binding",
	"authentik_core.group": "group", "authentik_core.user": "user",
}

type authentik struct {
	d       *draft
	objects []*object
	api     bool // some of it is from the API
	bound   bool // bindings were listed
	cut     bool // a list has a further page, which is not here
}

func fromAuthentik(files []Text) (*draft, error) {
	a := &authentik{d: &draft{}}
	for _, f := range files {
		documents, err := config.ParseForeign(f.Text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		for _, document := range documents {
			a.read(f.Name, document)
		}
	}
	d := a.d
	if !slices.ContainsFunc(a.objects, func(o *object) bool { return o.model == "proxy" }) {
		return nil, errors.New("there is no proxy provider in these files: export a blueprint, or /api/v3/providers/proxy/, /api/v3/core/applications/ and /api/v3/policies/bindings/")
	}
	d.issuer("", "a proxy provider")
	d.client("", "", nil, nil)
	d.warn("client_id", "register one OAuth2/OpenID provider in authentik for the outpost; the proxy providers' own clients are not it")
	for _, o := range a.objects {
		if o.model == "proxy" {
			a.provider(o)
		}
	}
	for _, o := range a.objects {
		if !o.taken && o.model != "group" && o.model != "user" {
			d.warn(placeIn(o.file, o.at, modelOf(o)), "has no equal here, or belongs to no proxy provider of these files; nothing was made of it")
		}
	}
	return d, nil
}

func modelOf(o *object) string {
	if n := o.at.Get("model"); n != nil {
		return n.Text
	}
	return o.model
}

// read takes the objects out of a document.
func (a *authentik) read(file string, n config.Node) {
	if entries := n.Get("entries"); entries.IsList() {
		for _, entry := range entries.Items {
			o := &object{file: file, at: entry, attrs: entry.Get("attrs"), ids: entry.Get("identifiers"), blueprint: n}
			if model := entry.Get("model"); model != nil {
				o.model = models[strings.ToLower(model.Text)]
			}
			if id := entry.Get("id"); id != nil {
				o.id = id.Text
			}
			a.objects = append(a.objects, o)
		}
		return
	}
	items := []config.Node{n}
	switch {
	case n.IsList():
		items = n.Items
	case n.Get("results").IsList():
		items = n.Get("results").Items
		if next := n.Get("pagination", "next"); next != nil && next.Text != "0" && next.Text != "" {
			a.cut = true
			a.d.warn(placeIn(file, next, "pagination"), "is one page of several: list all with ?page_size=1000")
		}
		if len(items) == 0 {
			a.bound = true
		}
	}
	for _, one := range items {
		o := &object{file: file, at: one, attrs: one}
		switch {
		case one.Get("external_host") != nil:
			o.model = "proxy"
		case one.Get("slug") != nil:
			o.model = "application"
		case one.Get("target") != nil:
			o.model, a.bound = "binding", true
		}
		a.api = true
		a.objects = append(a.objects, o)
	}
}

// refers reports whether a value of one object means another: by a blueprint's
// tags, or by the key that the API has.
func refers(n config.Node, to *object) bool {
	if n == nil || to == nil {
		return false
	}
	switch {
	case n.Tag == "!KeyOf":
		return to.id != "" && n.Text == to.id
	case n.Tag == "!Find" && n.IsList():
		for _, pair := range n.Items[min(1, len(n.Items)):] {
			if !pair.IsList() || len(pair.Items) != 2 {
				return false
			}
			value := to.get(pair.Items[0].Text)
			if value == nil || value.Text != pair.Items[1].Text {
				return false
			}
		}
		return len(n.Items) > 1 && (n.Items[0].Text == modelOf(to) || models[n.Items[0].Text] == to.model && to.model != "")
	}
	pk := to.get("pk")
	return pk != nil && n.Tag == "" && n.Text != "" && n.Text == pk.Text
}

// proxyKnown are the fields of a proxy provider that are looked at, or say nothing.
var proxyKnown = []string{
	"pk", "name", "mode", "external_host", "cookie_domain", "skip_path_regex", "basic_auth_enabled", "basic_auth_user_attribute", "basic_auth_password_attribute", "access_token_validity",
	"component", "verbose_name", "verbose_name_plural", "meta_model_name", "assigned_application_slug", "assigned_application_name", "assigned_backchannel_application_slug", "assigned_backchannel_application_name", "outpost_set", "redirect_uris",
}

// provider makes an application of a proxy provider.
func (a *authentik) provider(o *object) {
	d := a.d
	o.taken = true
	app := &application{}
	var owner *object
	for _, one := range a.objects {
		if one.model != "application" {
			continue
		}
		slug := one.get("slug")
		if refers(one.get("provider"), o) || slug != nil && o.get("assigned_application_slug") != nil && slug.Text == o.get("assigned_application_slug").Text {
			owner, one.taken = one, true
		}
	}
	name := o.get("name")
	if owner != nil && owner.get("slug") != nil {
		name = owner.get("slug")
	}
	text, _ := a.text(o, name)
	app.put("name", d.appName(strings.ReplaceAll(text, ".", "-")), placeIn(o.file, name, "name"))
	mode, _ := a.text(o, o.get("mode"))
	domain, domainKnown := a.text(o, o.get("cookie_domain"))
	kept, on := "single", rawPath
	if mode == "forward_domain" {
		kept, on = "domain", wholeURL
	} else if mode != "forward_single" {
		d.warn(o.place("mode"), "was a proxy of its own (mode %s): nginx leads to internal_host now", quote(mode))
	}
	app.put("mode", kept, o.place("mode"))
	host, known := a.text(o, o.get("external_host"))
	if known && strings.HasPrefix(host, "${") {
		app.put("external_url", quoted(host), o.place("external_host"))
	} else {
		if _, at := origin(host); at == "" || !known {
			host = ""
		}
		d.external(app, strings.TrimSuffix(host, "/"), o.place("external_host"))
	}
	if kept == "domain" {
		if domain == "" || !domainKnown {
			domain = variable("OUTPOST_COOKIE_DOMAIN")
			d.warn(o.place("cookie_domain"), "is not said here: set OUTPOST_COOKIE_DOMAIN")
		}
		app.put("cookie_domain", quoted(strings.TrimPrefix(domain, ".")), o.place("cookie_domain"))
	}
	d.applications = append(d.applications, app)
	a.skip(o, app, on)
	a.basic(o, app)
	a.people(o, owner, app)
	a.lifetime(o)
	for _, n := range []config.Node{o.attrs, o.ids} {
		if n == nil {
			continue
		}
		for _, key := range n.Keys {
			if !slices.Contains(proxyKnown, key) && !n.Below[key].Null {
				d.warn(placeIn(o.file, n.Below[key], key), "of a proxy provider has no equal here")
			}
		}
	}
	if owner != nil {
		for _, key := range owner.attrs.Keys {
			if !slices.Contains([]string{"pk", "name", "slug", "provider", "provider_obj", "policy_engine_mode"}, key) && !owner.attrs.Below[key].Null {
				d.warn(placeIn(owner.file, owner.attrs.Below[key], key), "of an application has no equal here")
			}
		}
	}
}

func (a *authentik) skip(o *object, app *application, on subject) {
	n := o.get("skip_path_regex")
	text, ok := a.text(o, n)
	if !ok {
		a.d.warn(o.place("skip_path_regex"), "cannot be read here; nothing is open")
	}
	for expression := range strings.Lines(text) {
		if expression = strings.TrimSpace(expression); expression != "" {
			a.d.open(app, expression, on, nil, o.place("skip_path_regex"))
		}
	}
}

func (a *authentik) basic(o *object, app *application) {
	if on, _ := a.text(o, o.get("basic_auth_enabled")); on != "true" {
		return
	}
	user, _ := a.text(o, o.get("basic_auth_user_attribute"))
	password, _ := a.text(o, o.get("basic_auth_password_attribute"))
	if password == "" {
		a.d.warn(o.place("basic_auth_enabled"), "names no attribute for the password; nothing is sent")
		return
	}
	keys := "password_attribute: " + quote(password)
	if user != "" {
		keys = "username_attribute: " + quote(user) + ", " + keys
	} else {
		a.d.warn(o.place("basic_auth_enabled"), "authentik sends the email address where no attribute is named, and the user name is sent here: look at basic_auth")
	}
	app.put("headers", "{ ak_proxy: true }", "for basic_auth, which reads the attributes there")
	app.put("basic_auth", "{ "+keys+" }", o.place("basic_auth_password_attribute"))
	a.d.provider.put("scopes", "[openid, profile, email, groups, ak_proxy]", "for basic_auth: choose the scope mapping ak_proxy in authentik")
}

// lifetime takes hours=24;minutes=0 where all providers say the same, or the least.
func (a *authentik) lifetime(o *object) {
	text, _ := a.text(o, o.get("access_token_validity"))
	if text == "" {
		return
	}
	units := map[string]int{"weeks": 604800, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
	total := 0
	for part := range strings.SplitSeq(text, ";") {
		unit, number, _ := strings.Cut(strings.TrimSpace(part), "=")
		n := 0
		if _, err := fmt.Sscanf(number, "%d", &n); err != nil || units[unit] == 0 {
			a.d.warn(o.place("access_token_validity"), "%q is no lifetime", text)
			return
		}
		total += n * units[unit]
	}
	value := seconds(fmt.Sprint(total))
	switch {
	case value == "":
		a.d.warn(o.place("access_token_validity"), "%q is no lifetime that a session may have here", text)
	case !a.d.session.has("max"):
		a.d.session.put("max", value, o.place("access_token_validity"))
	case !slices.ContainsFunc(a.d.session.lines, func(l line) bool { return l.value == value }):
		a.d.warn(o.place("access_token_validity"), "is another lifetime than that of the first provider, which counts for all: look at session.max")
	}
}

package migrate

// Who may have an application of authentik's: what is bound to it.

import (
	"strings"

	"outpost/config"
)

// people makes allow of the bindings of an application: one of them, or all, as
// its policy engine mode says.
func (a *authentik) people(o, owner *object, app *application) {
	d := a.d
	if owner == nil {
		d.closed(app, o.place("name"), "application of "+app.name(), "its application is not in these files, so nobody knows who may")
		return
	}
	if a.api && (!a.bound || a.cut) {
		d.closed(app, o.place("name"), "bindings of "+app.name(), "list all of /api/v3/policies/bindings/ as well")
		return
	}
	all := false
	if n := owner.get("policy_engine_mode"); n != nil && n.Text == "all" {
		all = true
	}
	var any []line
	bound := false
	for _, one := range a.objects {
		if one.model != "binding" || !refers(one.get("target"), owner) {
			continue
		}
		one.taken = true
		from := placeIn(one.file, one.at, "binding")
		if n := one.get("enabled"); n != nil && n.Text == "false" {
			d.needless(from, "it is not enabled")
			continue
		}
		bound = true
		condition, why := a.bound1(one)
		negate := one.get("negate")
		switch {
		case why != "" && all:
			d.closed(app, from, "policy of "+app.name(), why)
			continue
		case why != "":
			d.warn(from, "has no equal: %s; whom it let in stays out", why)
			continue
		case negate != nil && negate.Text != "false":
			condition = "{ not: " + condition + " }"
		}
		if all {
			app.allow = append(app.allow, line{"", condition, from})
		} else {
			any = append(any, line{"", condition, from})
		}
	}
	switch {
	case !bound:
		if !a.api {
			d.warn(placeIn(owner.file, owner.at, "application"), "nothing is bound to it in these files, so everybody who is signed in may have %s", app.name())
		}
	case all:
	case any == nil:
		d.closed(app, placeIn(owner.file, owner.at, "application"), "policies of "+app.name(), "none of its bindings can be said here")
	default:
		var conditions, places []string
		for _, l := range any {
			conditions, places = append(conditions, l.value), append(places, l.from)
		}
		value := conditions[0]
		if len(conditions) > 1 {
			value = "{ any: [" + strings.Join(conditions, ", ") + "] }"
		}
		app.allow = append(app.allow, line{"", value, strings.Join(places, ", ")})
	}
}

// bound1 is the condition of one binding, or why there is none.
func (a *authentik) bound1(one *object) (condition, why string) {
	if n := one.get("policy"); n != nil && !n.Null {
		return "", "a policy is a program of authentik's; write it as allow, or bind it to the provider in authentik"
	}
	for _, kind := range [][3]string{{"group", "name", "groups"}, {"user", "username", "users"}} {
		n := one.get(kind[0])
		if n == nil || n.Null {
			continue
		}
		name := ""
		if shown := one.get(kind[0] + "_obj").Get(kind[1]); shown != nil {
			name = shown.Text
		} else {
			name = a.named(n, kind[0], kind[1])
		}
		if name == "" {
			return "", "the " + kind[0] + " has no name in these files"
		}
		return "{ " + kind[2] + ": " + list([]string{name}) + " }", ""
	}
	return "", "it names neither a group nor a user"
}

// named is the name of what a blueprint refers to.
func (a *authentik) named(n config.Node, model, key string) string {
	if n.Tag == "!Find" && n.IsList() {
		for _, pair := range n.Items[min(1, len(n.Items)):] {
			if pair.IsList() && len(pair.Items) == 2 && pair.Items[0].Text == key && pair.Items[1].Tag == "" {
				return pair.Items[1].Text
			}
		}
	}
	for _, o := range a.objects {
		if o.model == model && refers(n, o) {
			if value := o.get(key); value != nil && value.Tag == "" {
				return value.Text
			}
		}
	}
	return ""
}

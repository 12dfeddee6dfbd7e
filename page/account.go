package page

// The account page's part of a view: what of it comes from outside is cleaned and
// cut like everything else.

import (
	"fmt"
	"strings"
	"time"
)

// place is one line of the list of places.
type place struct {
	Application, Where string // Where is device and address; "" where neither is known
	Created, Seen      ago
	Here               bool
	End                string // where its form is posted; "" for none
	EndLabel           string // what its button does, for who does not see what stands beside it
}

// ago is a time in words, and as a machine reads it.
type ago struct{ Words, At string }

func (v *view) addAccount(a *Account) {
	v.Account, v.Others = newAccountAnswer(a), link(a.OthersURL)
	l := v.Language.Labels
	for _, name := range []string{"username", "name", "email", "groups", "entitlements", "uid"} {
		var values []string
		for _, value := range strings.Split(a.Told[name], "|") {
			if value = text(value); value != "" {
				values = append(values, value)
			}
		}
		if len(values) > 0 {
			v.Told = append(v.Told, detail{Label: l.Told[name], Value: strings.Join(values, ", ")})
		}
	}
	for _, p := range a.Places {
		line := place{
			Application: text(p.Application), Created: v.ago(a.Now, p.Created), Seen: v.ago(a.Now, p.Seen), Here: p.Here, End: link(p.EndURL),
		}
		var where []string
		for _, s := range []string{p.Device, p.Address} {
			if s = text(s); s != "" {
				where = append(where, s)
			}
		}
		line.Where = strings.Join(where, ", ")
		line.EndLabel = fmt.Sprintf("%s: %s", l.End, strings.Join(append([]string{line.Application}, where...), ", "))
		v.Places = append(v.Places, line)
	}
	if a.More > 0 {
		v.More = v.Language.More(a.More)
	}
}

func (v *view) ago(now, t time.Time) ago {
	return ago{v.Language.Ago(max(0, now.Sub(t))), t.UTC().Format(time.RFC3339)}
}

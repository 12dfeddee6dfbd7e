package page

// The account page's part of a view: what of it comes from outside is cleaned and
// cut like everything else.

import (
	"fmt"
	"strings"
	"time"

	"outpost/session"
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

// told is what one application is told, header by header.
type told struct {
	Application string
	Headers     []toldHeader
}

// toldHeader is one of them: Note stands in the place of a Value that is empty or
// not shown.
type toldHeader struct{ Name, Value, Note string }

// longestHeader is how many characters of a header are shown: as many as headers
// may have unless an operator allows more.
const longestHeader = 3500

func (v *view) addAccount(a *Account, id *session.Identity) {
	v.Account, v.Others = newAccountAnswer(a, id), link(a.OthersURL)
	l := v.Language.Labels
	for _, t := range a.Told {
		one := told{Application: text(t.Application)}
		for _, h := range t.Headers {
			line := toldHeader{Name: text(h.Name), Value: textOf(h.Value, longestHeader)}
			switch {
			case h.Hidden:
				line.Value, line.Note = "", l.Hidden
			case line.Value == "":
				line.Note = l.Empty
			}
			one.Headers = append(one.Headers, line)
		}
		v.Told = append(v.Told, one)
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

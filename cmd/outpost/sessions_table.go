package main

// How sessions look on a terminal. What a provider says of a person stands there
// too, so nothing in it may move the cursor or change the order of letters.

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// row is what the table keeps of a session. There may be a million of them: names
// that come again and again are kept once, and times as numbers.
type row struct {
	id, user, application, provider string
	created, seen, expires          int64
}

type table struct {
	rows  []row
	names map[string]string
}

var heading = []string{"ID", "USER", "APPLICATION", "PROVIDER", "CREATED", "LAST SEEN", "EXPIRES"}

func (t *table) add(s *shownSession) {
	if t.names == nil {
		t.names = map[string]string{}
	}
	once := func(name string) string {
		name = printable(name)
		if kept, ok := t.names[name]; ok {
			return kept
		}
		t.names[name] = name
		return name
	}
	t.rows = append(t.rows, row{
		id: s.ID, user: once(cmp.Or(s.Username, s.Email, s.Subject)), application: once(s.Application), provider: once(s.Provider),
		created: s.Created.Unix(), seen: s.LastSeen.Unix(), expires: s.Expires.Unix(),
	})
}

// write writes the rows by user, and those of one user with the last one seen
// first.
func (t *table) write(to io.Writer) error {
	slices.SortFunc(t.rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.user, b.user), cmp.Compare(b.seen, a.seen), cmp.Compare(a.id, b.id))
	})
	widths := make([]int, len(heading))
	widen := func(cells []string) {
		for i, cell := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	widen(heading)
	for i := range t.rows {
		widen(t.rows[i].cells())
	}
	w := bufio.NewWriter(to)
	line := func(cells []string) {
		for i, cell := range cells {
			if i == len(cells)-1 {
				w.WriteString(cell + "\n")
				return
			}
			w.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
	}
	line(heading)
	for i := range t.rows {
		line(t.rows[i].cells())
	}
	return w.Flush()
}

func (r *row) cells() []string {
	return []string{r.id, r.user, r.application, r.provider, moment(time.Unix(r.created, 0)), moment(time.Unix(r.seen, 0)), moment(time.Unix(r.expires, 0))}
}

// write tells everything about one session.
func (s *shownSession) write(to io.Writer) error {
	verified := ""
	if s.EmailVerified {
		verified = " (verified)"
	}
	w := bufio.NewWriter(to)
	for _, line := range []struct{ name, value string }{
		{"id", s.ID}, {"application", s.Application}, {"provider", s.Provider}, {"issuer", s.Issuer}, {"subject", s.Subject},
		{"username", s.Username}, {"name", s.Name}, {"email", s.Email + verified},
		{"groups", strings.Join(s.Groups, ", ")}, {"entitlements", strings.Join(s.Entitlements, ", ")},
		{"amr", strings.Join(s.AMR, ", ")}, {"acr", s.ACR}, {"device", s.Device}, {"address", s.Address},
		{"created", moment(s.Created)}, {"last seen", moment(s.LastSeen)}, {"rechecked", momentOf(s.Rechecked)},
		{"authenticated", momentOf(s.Authenticated)}, {"expires", moment(s.Expires)},
	} {
		value := printable(line.value)
		if strings.TrimSpace(value) == "" {
			value = "-"
		}
		fmt.Fprintf(w, "%-14s %s\n", line.name, value)
	}
	return w.Flush()
}

// moment spells a time as --before takes it.
func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func momentOf(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return moment(*t)
}

// printable takes out of s what a terminal would obey instead of show.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

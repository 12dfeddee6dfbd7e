package main

// `outpost sessions list`, `show` and `revoke`: who is signed in, asked of the
// running process, which alone knows what is in memory and not yet in the store.

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"outpost/config"
	"outpost/session"
)

// shownSession is a session as --json writes it; docs/sessions.md lists the keys,
// which stay as they are. Tokens are not among them.
type shownSession struct {
	ID            string     `json:"id"`
	Application   string     `json:"application"`
	Provider      string     `json:"provider"`
	Issuer        string     `json:"issuer"`
	Subject       string     `json:"subject"`
	Username      string     `json:"username"`
	Name          string     `json:"name"`
	Email         string     `json:"email"`
	EmailVerified bool       `json:"email_verified"`
	Groups        []string   `json:"groups"`
	Entitlements  []string   `json:"entitlements"`
	AMR           []string   `json:"amr"`
	ACR           string     `json:"acr"`
	Device        string     `json:"device"`
	Address       string     `json:"address"`
	Created       time.Time  `json:"created"`
	LastSeen      time.Time  `json:"last_seen"`
	Rechecked     *time.Time `json:"rechecked"`     // null: never
	Authenticated *time.Time `json:"authenticated"` // null: the provider did not say
	Expires       time.Time  `json:"expires"`
}

func show(l session.Listed) shownSession {
	id := &l.Identity
	list := func(l []string) []string { return append([]string{}, l...) } // [] and not null
	known := func(t time.Time) *time.Time {
		if t.IsZero() || t.Unix() <= 0 {
			return nil
		}
		return &t
	}
	return shownSession{
		ID: l.Key.ID(), Application: l.Application, Provider: l.Provider,
		Issuer: id.Issuer, Subject: id.Subject, Username: id.Username, Name: id.Name, Email: id.Email, EmailVerified: id.EmailVerified,
		Groups: list(id.Groups), Entitlements: list(id.Entitlements), AMR: list(l.AMR), ACR: l.ACR, Device: l.Device, Address: l.Address,
		Created: l.Created, LastSeen: l.Seen, Rechecked: known(l.Rechecked), Authenticated: known(l.AuthTime), Expires: l.Expires,
	}
}

// sessionFlags are the flags of all three.
type sessionFlags struct {
	filter session.Filter
	json   bool
	all    bool
}

const filtersFit = "Of several flags that choose sessions all have to fit."

// filters are the flags that choose. One with nothing behind it is an error: a
// variable that is empty in a script must not mean everybody.
func (s *sessionFlags) filters(flags *flag.FlagSet) {
	text := func(to *string) func(string) error {
		return func(value string) error {
			if value == "" {
				return errors.New("must not be empty")
			}
			*to = value
			return nil
		}
	}
	flags.Func("user", "those of `NAME`: a user name, an email address or a subject", text(&s.filter.User))
	flags.Func("application", "those of the application `NAME`", text(&s.filter.Application))
	flags.Func("provider", "those that began at the provider `NAME`", text(&s.filter.Provider))
	flags.Func("before", "those created before `TIME`, such as 2026-11-26T08:00:00Z, or 24h ago", func(value string) (err error) {
		s.filter.Before, err = parseBefore(value, time.Now())
		return err
	})
}

// parseBefore takes a time, or how long ago it was.
func parseBefore(value string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(value); err == nil {
		if ago < 0 {
			return time.Time{}, errors.New("must not lie ahead: 24h is a day ago")
		}
		return now.Add(-ago), nil
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return time.Time{}, errors.New("must be a time such as 2026-11-26T08:00:00Z, or how long ago: 24h, 90m")
	}
	return t, nil
}

func sessionsList() subcommand {
	var s sessionFlags
	return subcommand{
		name: "sessions list", says: "list who is signed in", more: filtersFit,
		flags: func(flags *flag.FlagSet) {
			s.filters(flags)
			flags.BoolVar(&s.json, "json", false, "print JSON")
		},
		do: func(ctx context.Context, p program, file string, _ []string) error {
			c, err := config.Load(file, p.env)
			if err != nil {
				return err
			}
			if s.json {
				return listJSON(ctx, p.stdout, c, s.filter)
			}
			var t table
			if err := each(ctx, c, s.filter, t.add); err != nil {
				return err
			}
			return t.write(p.stdout)
		},
	}
}

func listJSON(ctx context.Context, to io.Writer, c *config.Config, f session.Filter) error {
	w := bufio.NewWriter(to)
	before := "[\n"
	err := each(ctx, c, f, func(s *shownSession) {
		line, _ := json.Marshal(s) // strings and times always marshal
		w.WriteString(before)
		w.Write(line)
		before = ",\n"
	})
	if err == nil { // else what was written is visibly not whole
		w.WriteString(strings.TrimSuffix(before, ",\n") + "\n]\n")
	}
	return errors.Join(err, w.Flush())
}

func sessionsShow() subcommand {
	var s sessionFlags
	return subcommand{
		name: "sessions show", takes: "ID", says: "show one session, by its ID or the start of it",
		arguments: 1,
		flags:     func(flags *flag.FlagSet) { flags.BoolVar(&s.json, "json", false, "print JSON") },
		do: func(ctx context.Context, p program, file string, args []string) error {
			if len(args) == 0 {
				return wrongUse{errors.New("sessions show: which one? name it by its ID, as sessions list has it")}
			}
			c, err := config.Load(file, p.env)
			if err != nil {
				return err
			}
			one, err := find(ctx, c, args[0])
			if err != nil {
				return err
			}
			if s.json {
				out := json.NewEncoder(p.stdout)
				out.SetIndent("", "  ")
				return out.Encode(one)
			}
			return one.write(p.stdout)
		},
	}
}

func sessionsRevoke() subcommand {
	var s sessionFlags
	return subcommand{
		name: "sessions revoke", takes: "[ID]", says: "end sessions, at once: one by its ID, those that flags choose, or all",
		more:      filtersFit,
		arguments: 1,
		flags: func(flags *flag.FlagSet) {
			s.filters(flags)
			flags.BoolVar(&s.all, "all", false, "end every session")
			flags.BoolVar(&s.json, "json", false, "print JSON")
		},
		do: func(ctx context.Context, p program, file string, args []string) error {
			switch {
			case len(args) == 0 && !s.all && everybody(s.filter, time.Now()):
				return wrongUse{errors.New("sessions revoke: this would end every session: name an ID or a filter, or say --all if it is meant")}
			case len(args) > 0 && (s.all || s.filter != session.Filter{}):
				return wrongUse{errors.New("sessions revoke: an ID names one session, and takes neither a filter nor --all beside it")}
			}
			c, err := config.Load(file, p.env)
			if err != nil {
				return err
			}
			if len(args) > 0 {
				one, err := find(ctx, c, args[0])
				if err != nil {
					return err
				}
				s.filter.ID = one.ID
			}
			return revoke(ctx, p.stdout, c, s)
		},
	}
}

func revoke(ctx context.Context, to io.Writer, c *config.Config, s sessionFlags) error {
	q := query(s.filter)
	if s.all {
		q.Set("all", "true")
	}
	resp, err := ask(ctx, c, http.MethodPost, "/sessions/revoke", q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var done revocation
	if err := json.NewDecoder(resp.Body).Decode(&done); err != nil {
		return fmt.Errorf("the answer was cut off, some sessions may have ended (%w): try again", err)
	}
	if s.json {
		return json.NewEncoder(to).Encode(done)
	}
	_, err = fmt.Fprintf(to, "sessions ended: %d\n", done.Revoked)
	return err
}

var idPattern = regexp.MustCompile(`^[0-9a-f]{4,64}$`)

// find returns the session whose ID begins with what was typed; the log's eight
// digits will do where they are the only ones.
func find(ctx context.Context, c *config.Config, typed string) (*shownSession, error) {
	id := strings.ToLower(typed)
	if !idPattern.MatchString(id) {
		return nil, wrongUse{errors.New("a session's ID is 4 to 64 hexadecimal digits, as sessions list and the log have it")}
	}
	var found []*shownSession
	if err := each(ctx, c, session.Filter{ID: id}, func(s *shownSession) {
		if len(found) < 3 {
			found = append(found, s)
		}
	}); err != nil {
		return nil, err
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("there is no session %s: it may have ended; outpost sessions list shows those there are", id)
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("several sessions begin with %s, such as %s and %s: name more digits", id, found[0].ID, found[1].ID)
}

// each asks for the sessions and calls do for one after the other.
func each(ctx context.Context, c *config.Config, f session.Filter, do func(*shownSession)) error {
	resp, err := ask(ctx, c, http.MethodGet, "/sessions", query(f))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := json.NewDecoder(bufio.NewReaderSize(resp.Body, 64<<10))
	for {
		var line listLine
		switch err := lines.Decode(&line); {
		case err != nil:
			return fmt.Errorf("the list was cut off (%w): try again", err)
		case line.Error != "":
			return fmt.Errorf("listing sessions: %s", line.Error)
		case line.End:
			return nil
		case line.Session != nil:
			do(line.Session)
		}
	}
}

package main

// The administration: what `outpost sessions` and `outpost secret` ask a running
// process, over a unix socket that only its own user may connect to. That mode is
// the whole of its access control, so there is no other kind of listener for it.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"outpost/config"
	"outpost/session"
)

// administration is the serving side.
type administration struct {
	current *current
	reload  *reloader
	log     *slog.Logger
}

// serveAdmin serves on the socket of the configuration until stop is called,
// which ends what is under way and returns when it has. A socket of the default that
// cannot be had (a file system that has none, a path somebody else is at) keeps
// nobody from signing in: it is logged. One that the file names is an error.
func serveAdmin(c *config.Config, now *current, r *reloader, inherited []net.Listener, log *slog.Logger) (stop func(), err error) {
	path, on := strings.CutPrefix(c.Admin, "unix:")
	if !on && inherited == nil {
		return func() {}, nil
	}
	var l net.Listener
	if inherited != nil {
		l = inherited[0]
		if err := guarded(l); err != nil {
			return nil, fmt.Errorf("taking over the socket that systemd calls admin: %w", err)
		}
	} else if l, err = listenAlone(path); err != nil {
		if path != filepath.Join(c.Data, "admin.sock") {
			return nil, fmt.Errorf("listening on %s: %w", c.Admin, explain("admin", err))
		}
		log.Warn("the administration's socket cannot be opened; outpost sessions and outpost secret do not reach this process", "socket", path, "cause", explain("admin", err).Error())
		return func() {}, nil
	}
	a := &administration{current: now, reload: r, log: log}
	s := newServer(a.handler(), log)
	s.ReadTimeout, s.WriteTimeout = 0, 0 // a long list takes its time, and whoever asks is one of us
	running, end := context.WithCancel(context.Background())
	s.BaseContext = func(net.Listener) context.Context { return running }
	go s.Serve(l)
	return func() {
		end() // what is under way stops where it is, unless nobody reads it
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if s.Shutdown(ctx) != nil {
			s.Close()
		}
	}, nil
}

// listenAlone opens a socket that no other user may connect to, at no moment.
func listenAlone(path string) (net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	defer syscall.Umask(syscall.Umask(0o177)) // of the whole process; what else it makes meanwhile is its own alone, too
	return net.Listen("unix", path)
}

func (a *administration) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sessions", a.list)
	mux.HandleFunc("POST /sessions/revoke", a.revoke)
	a.doctorRoutes(mux)
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, _ *http.Request) {
		done, err := a.reload.reload(byAdministrator)
		answer(w, http.StatusConflict, done, err)
	})
	return mux
}

// listLine is one line of an answer to GET /sessions. The last one has either
// Error or End: an answer without it was cut off.
type listLine struct {
	Session *shownSession `json:"session,omitempty"`
	End     bool          `json:"end,omitempty"`
	Error   string        `json:"error,omitempty"`
}

func (a *administration) list(w http.ResponseWriter, r *http.Request) {
	f, err := filterOf(r.URL.Query())
	if err != nil {
		answer(w, http.StatusBadRequest, nil, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	a.reload.audit.administrator(eventAdminListed, f, 0)
	lines := json.NewEncoder(w)
	err = a.current.outpost().Sessions().List(r.Context(), f, func(l session.Listed) bool {
		shown := show(l)
		return lines.Encode(listLine{Session: &shown}) == nil
	})
	last := listLine{End: true}
	if err != nil {
		last = listLine{Error: err.Error()}
	}
	lines.Encode(last)
}

// revocation is the answer to POST /sessions/revoke.
type revocation struct {
	Revoked int `json:"revoked"`
}

func (a *administration) revoke(w http.ResponseWriter, r *http.Request) {
	f, err := filterOf(r.URL.Query())
	if err == nil && everybody(f, time.Now()) && r.URL.Query().Get("all") != "true" {
		err = errors.New("this would end every session: say all=true if it is meant")
	}
	if err != nil {
		answer(w, http.StatusBadRequest, nil, err)
		return
	}
	n, err := a.current.outpost().Sessions().RevokeAll(r.Context(), f)
	if n > 0 || err == nil {
		a.log.Info("sessions were ended by the administrator", "sessions", n, "id", f.ID, "user", f.User, "application", f.Application, "provider", f.Provider, "before", f.Before)
		a.reload.audit.administrator(eventAdminRevoked, f, n)
	}
	if err != nil {
		err = fmt.Errorf("%d sessions were ended, and there may be more: %w: try again", n, err)
	}
	answer(w, http.StatusInternalServerError, revocation{n}, err)
}

// answer writes what was done, or why it was not.
func answer(w http.ResponseWriter, status int, done any, err error) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if err != nil {
		w.WriteHeader(status)
		done = listLine{Error: err.Error()}
	}
	json.NewEncoder(w).Encode(done)
}

// everybody reports whether a filter leaves nobody out at now, or as good as
// nobody: those of the last minute.
func everybody(f session.Filter, now time.Time) bool {
	if f.Before.After(now.Add(-time.Minute)) {
		f.Before = time.Time{}
	}
	return f == session.Filter{}
}

// query spells a filter, and filterOf reads it.
func query(f session.Filter) url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"id": f.ID, "user": f.User, "application": f.Application, "provider": f.Provider} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if !f.Before.IsZero() {
		q.Set("before", f.Before.UTC().Format(time.RFC3339Nano))
	}
	return q
}

func filterOf(q url.Values) (f session.Filter, err error) {
	f = session.Filter{ID: q.Get("id"), User: q.Get("user"), Application: q.Get("application"), Provider: q.Get("provider")}
	if before := q.Get("before"); before != "" {
		f.Before, err = time.Parse(time.RFC3339Nano, before)
	}
	return f, err
}

// errNobodyListens means that no process can be asked; the message says what to do.
var errNobodyListens = errors.New("no outpost listens")

// ask sends a request to the process that the configuration describes. The caller
// closes the body. An error is for the person at the command line.
func ask(ctx context.Context, c *config.Config, method, path string, q url.Values) (*http.Response, error) {
	socket, on := strings.CutPrefix(c.Admin, "unix:")
	if !on {
		return nil, fmt.Errorf("%w for this: admin is off: set it to unix:PATH and restart outpost", errNobodyListens)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://outpost"+path+"?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	transport := http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, c.Admin) },
		DisableKeepAlives: true,
	}
	resp, err := transport.RoundTrip(r)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("%w on %s: start it, with this file; what is in its session store stays as it is until then", errNobodyListens, socket)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("connecting to %s: %w: run this as the user that outpost runs as, this is uid %d", socket, syscall.EACCES, os.Geteuid())
	case err != nil:
		return nil, fmt.Errorf("asking the running outpost: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	var said listLine
	if json.NewDecoder(resp.Body).Decode(&said) != nil || said.Error == "" {
		said.Error = "it answers " + resp.Status + ": is it of the same version?"
	}
	return nil, fmt.Errorf("asking the running outpost: %s", said.Error)
}

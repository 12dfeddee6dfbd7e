package main

// What SIGHUP, a changed file and `outpost secret rotate` do to a running process:
// the configuration is read anew, whole, and takes the place of the one in force,
// with the next request; one that is not good changes nothing. What only a start can
// do, such as to listen elsewhere, stays as it was and is told by name.

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"

	"outpost/auth"
	"outpost/config"
	"outpost/headers"
)

// reloader takes over what the configuration says. It is safe for parallel use.
type reloader struct {
	file    string
	env     func(string) (string, bool)
	current *current
	metrics *metrics
	audit   *audit
	log     *slog.Logger
	level   *slog.LevelVar
	with    []func(*auth.Config) // as build has it

	mu      sync.Mutex        // one reload at a time
	files   config.Files      // that the last reading looked at
	peers   []netip.Prefix    // that are trusted
	started *config.Config    // what the process began with
	running *config.Config    // what is in force
	sealing [sha256.Size]byte // a hash of the secret that seals; zero until it is known
}

// reloaded is what a reload has come to.
type reloaded struct {
	Secrets int      `json:"secrets"` // that open now
	Restart []string `json:"restart"` // keys whose values wait for one; null for none

	rotated bool // another secret seals now
}

// At whose word the configuration is read anew.
const (
	bySignal        = "signal"
	byChange        = "file"
	byAdministrator = "administrator"
)

// reload reads the configuration and takes it over, at the word of by. With an error
// everything is as it was; it is logged, counted and audited here already.
func (r *reloader) reload(by string) (reloaded, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	said := reloading(r.log)
	done, err := r.take()
	said(map[bool]string{true: "serving", false: "serving; the configuration was not taken over"}[err == nil])
	r.metrics.reloaded(err == nil && len(done.Restart) == 0, err == nil)
	r.audit.reloaded(err, done.rotated, by)
	switch {
	case err != nil:
		r.log.Error("the configuration was not taken over; what was in force goes on", "cause", err.Error())
	case len(done.Restart) > 0:
		r.log.Warn("the configuration was taken over, but for what takes a restart", "restart", strings.Join(done.Restart, " "), "applications", len(r.running.Applications), "secrets", done.Secrets)
	default:
		r.log.Info("the configuration was taken over", "applications", len(r.running.Applications), "secrets", done.Secrets)
	}
	return done, err
}

func (r *reloader) take() (reloaded, error) {
	c, files, err := config.Read(r.file, r.env)
	r.files = files
	if err != nil {
		return reloaded{}, err
	}
	restart := r.started.Restart(c)
	// What waits for a restart is that of the process until then.
	at := *c
	at.Data = r.started.Data
	list, err := presentSecrets(&at)
	if err != nil {
		return reloaded{}, err
	}
	wired := wiring(c, nil, list, r.log, r.metrics)
	if wired.Pages, err = pages(c); err != nil {
		return reloaded{}, fmt.Errorf("%s: %w", r.file, err)
	}
	peers := trusted(c, r.log)
	wired.Peers, wired.Keep = headers.NewPeers(peers), r.started.Data
	for _, add := range r.with {
		add(&wired)
	}
	next, inForce, err := r.current.outpost().Next(wired)
	if err != nil {
		return reloaded{}, fmt.Errorf("%s: %w", whereFrom(r.file), err)
	}
	r.metrics.prepare(c)
	r.metrics.prepareMachines(wired)
	inForce()
	r.current.set(next, !slices.Equal(peers, r.peers))
	r.level.Set(c.Log.Level)
	r.metrics.forget(r.running, c)
	before := redirectURIs(r.running)
	r.running, r.peers = c, peers
	sayWarnings(r.log, c)
	for _, line := range redirectURIs(c) {
		if !slices.Contains(before, line) {
			r.log.Info(line)
		}
	}
	return reloaded{Secrets: len(list), Restart: restart, rotated: r.seals(list)}, nil
}

// seals notes which secret seals, and reports whether it is another one than before.
func (r *reloader) seals(list [][]byte) (another bool) {
	before := r.sealing
	r.sealing = sha256.Sum256(list[0])
	return r.sealing != before
}

// onSignal reloads for each SIGHUP until stop is called, after which the signal
// ends the process: so not before there is nothing left to write.
func (r *reloader) onSignal() (stop func()) {
	hangups := make(chan os.Signal, 1) // several at once are one
	signal.Notify(hangups, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-hangups:
				r.reload(bySignal)
			}
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(done)
	}
}

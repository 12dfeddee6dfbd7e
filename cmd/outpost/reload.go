package main

// What SIGHUP and `outpost secret rotate` do to a running process: the file is
// read anew, and what can be taken over without disturbing anybody is. That is
// the secrets; whatever else has changed in the file is told, and waits for a
// restart.

import (
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"outpost/auth"
	"outpost/config"
)

// reloader takes over what the file says. It is safe for parallel use.
type reloader struct {
	file    string
	env     func(string) (string, bool)
	outpost *auth.Outpost
	metrics *metrics
	log     *slog.Logger

	mu      sync.Mutex // one reload at a time
	running *config.Config
}

// reloaded is what a reload has come to.
type reloaded struct {
	Secrets int  `json:"secrets"` // that open now
	Restart bool `json:"restart"` // the file has other changes, which take one
}

// reload reads the file and takes over what it can. With an error everything is
// as it was; it is logged and counted here already.
func (r *reloader) reload() (reloaded, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	done, err := r.take()
	r.metrics.reloaded(err == nil && !done.Restart, err == nil)
	switch {
	case err != nil:
		r.log.Error("the configuration was not taken over; what was in force goes on", "cause", err.Error())
	case done.Restart:
		r.log.Warn("secrets were taken over; the file has other changes, which take a restart", "secrets", done.Secrets)
	default:
		r.log.Info("secrets were taken over", "secrets", done.Secrets)
	}
	return done, err
}

func (r *reloader) take() (reloaded, error) {
	c, err := config.Load(r.file, r.env)
	if err != nil {
		return reloaded{}, err
	}
	// Where the data directory is, is one of the changes that wait; the secret
	// file is that of the process until then.
	at := *c
	at.Data = r.running.Data
	list, err := presentSecrets(&at)
	if err != nil {
		return reloaded{}, err
	}
	if err := r.outpost.SetSecrets(list); err != nil {
		return reloaded{}, fmt.Errorf("taking over the secrets: %w", err)
	}
	return reloaded{Secrets: len(list), Restart: r.running.Differs(c)}, nil
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
				r.reload()
			}
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(done)
	}
}

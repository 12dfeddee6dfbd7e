package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"

	"outpost/auth"
	"outpost/config"
	"outpost/front"
)

// serve handles `outpost -config FILE`: it runs until ctx ends, then drains,
// writes what is not yet written, and returns nil.
func serve(ctx context.Context, p program, file string) error {
	c, files, err := config.Read(file, p.env)
	if err != nil {
		return err
	}
	asRoot, err := p.become(c.Data)
	if err != nil {
		return err
	}
	level := &slog.LevelVar{}
	log := newLog(p.stderr, c.Log, level)
	inherited, err := inherit()
	if err != nil {
		return err
	}
	sayWarnings(log, c)
	if asRoot != "" {
		log.Warn(asRoot)
	}
	metrics := newMetrics(c)
	trail, err := openAudit(c.AuditLog, p.stdout, log, metrics)
	if err != nil {
		return err
	}
	defer trail.close()
	tracer := newTracer(c.Tracing, log, metrics)
	defer tracer.start()()
	told := []func(*auth.Config){trail.hook, tracer.hook}
	o, err := build(c, log, metrics, told...)
	if err != nil {
		return err
	}
	now := newCurrent(o)
	metrics.observe(now)
	r := &reloader{
		file: file, env: p.env, files: files, current: now, metrics: metrics, audit: trail, log: log, level: level,
		peers: trusted(c, log), started: c, running: c, with: told,
	}
	if list, err := presentSecrets(c); err == nil {
		r.seals(list)
	}
	trail.started()
	defer r.onSignal()()
	defer r.onChange(usualWatch)()
	stopAdmin, err := serveAdmin(c, now, r, inherited["admin"], log)
	if err == nil {
		err = listenAndServe(ctx, c, now, metrics, inherited, log)
		stopAdmin()
	}
	err = errors.Join(err, o.Sessions().Close())
	if err == nil {
		log.Info("stopped")
	}
	return err
}

// listenAndServe opens every listener before it serves on any, and stops all
// of them when ctx ends or one of them fails.
func listenAndServe(ctx context.Context, c *config.Config, now *current, m *metrics, inherited inheritance, log *slog.Logger) error {
	running, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	var shown *certificate
	if c.TLS.Listen != "off" || inherited["tls"] != nil {
		var err error
		if shown, err = newCertificate(c, log, m); err != nil {
			return err
		}
		wg.Go(func() { shown.follow(running, certificateEvery) })
	}
	doors, err := openDoors(ctx, c, inherited)
	if err != nil {
		return err
	}
	if err := furnish(doors, now, m, shown, inherited, log, front.Works && c.Front && now.outpost().Serves(auth.Nginx)); err != nil {
		return err
	}
	wg.Go(func() { now.outpost().Run(running) })
	log.Info("serving", "version", versionOf(), "listen", addresses(doors, "listen"), "management", addresses(doors, "management"), "tls", addresses(doors, "tls"), "applications", len(c.Applications))
	for _, line := range redirectURIs(c) {
		log.Info(line)
	}
	failed := make(chan error, len(doors))
	servers := serveAll(doors, log, failed)
	tell(log, systemd.SdNotifyReady, "STATUS=serving on "+addresses(doors, "listen"))
	guard := newWatchdog(doors, c, now, log)
	watched, unwatch := context.WithCancel(ctx)
	wg.Go(func() { guard.run(watched) })
	select {
	case <-ctx.Done():
		log.Info("stopping", "drain", drainTime.String())
	case err = <-failed:
	}
	unwatch()
	tell(log, systemd.SdNotifyStopping, systemd.SdNotifyWatchdog, "STATUS=requests under way come to their end") // a last ping: the drain needs its time
	drain(doors, servers)
	return err
}

// drain stops listening and lets requests that have begun come to their end, for
// drainTime. Whoever has just connected is let ask first: net/http drops what it
// reads once it shuts down.
func drain(doors []door, servers []*http.Server) {
	closeAll(doors)
	time.Sleep(settleTime)
	ctx, cancel := context.WithTimeout(context.Background(), drainTime-settleTime)
	defer cancel()
	var wg sync.WaitGroup
	for _, s := range servers {
		wg.Go(func() {
			if s.Shutdown(ctx) != nil {
				s.Close()
			}
		})
	}
	wg.Wait()
}

// newLog makes the log, whose level is that of c for as long as level is.
func newLog(w io.Writer, c config.Log, level *slog.LevelVar) *slog.Logger {
	level.Set(c.Level)
	options := &slog.HandlerOptions{Level: level}
	if c.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

func sayWarnings(log *slog.Logger, c *config.Config) {
	for _, w := range c.Warnings {
		log.Warn(w.String())
	}
	if c.InsecureHTTP {
		log.Error("insecure_http is on: cookies of http:// external URLs are not Secure and anyone on the way can take a session; for tests on one machine only")
	}
}

// redirectURIs are what has to be registered at each provider: applications that
// share a host share them.
func redirectURIs(c *config.Config) []string {
	var lines []string
	for _, p := range c.Providers {
		var callbacks, signOuts []string
		backchannel := "" // one is enough, and all that providers take
		for _, a := range applications(c) {
			if !slices.Contains(a.Providers, p.Name) || slices.Contains(signOuts, a.SignOutURI()) {
				continue
			}
			callbacks, signOuts = append(callbacks, a.RedirectURI(p.Name)), append(signOuts, a.SignOutURI())
			backchannel = cmp.Or(backchannel, a.BackchannelLogoutURI())
		}
		if len(callbacks) > 0 {
			lines = append(lines, fmt.Sprintf("register at provider %s: redirect URIs %s; post-logout redirect URIs %s; back-channel logout URI %s",
				p.Name, strings.Join(callbacks, " "), strings.Join(signOuts, " "), backchannel))
		}
	}
	return lines
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

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
	level := &slog.LevelVar{}
	log := newLog(p.stderr, c.Log, level)
	sayWarnings(log, c)
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
	stopAdmin, err := serveAdmin(c, now, r, log)
	if err == nil {
		err = listenAndServe(ctx, c, now, metrics, log)
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
func listenAndServe(ctx context.Context, c *config.Config, now *current, m *metrics, log *slog.Logger) error {
	listeners, err := listenAll(ctx, c)
	if err != nil {
		return err
	}
	handlers := []http.Handler{public(now), management(now, m.registry)}
	if front.Works && c.Front && now.outpost().Serves(auth.Nginx) {
		fronted, err := front.Listen(listeners[0], frontConfig(now, log))
		if err != nil {
			closeAll(listeners)
			return err
		}
		listeners[0], handlers[0] = fronted, once(handlers[0])
	}
	running, stop := context.WithCancel(context.Background())
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { now.outpost().Run(running) })
	managementAddress := "off"
	if len(listeners) > 1 {
		managementAddress = listeners[1].Addr().String()
	}
	log.Info("serving", "version", versionOf(), "listen", listeners[0].Addr().String(), "management", managementAddress, "applications", len(c.Applications))
	for _, line := range redirectURIs(c) {
		log.Info(line)
	}
	servers, failed := []*http.Server{}, make(chan error, len(listeners))
	for i, l := range listeners {
		s := newServer(handlers[i], log)
		servers = append(servers, s)
		wg.Go(func() {
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serving on %s: %w", l.Addr(), err)
			}
		})
	}
	select {
	case <-ctx.Done():
		log.Info("stopping", "drain", drainTime.String())
	case err = <-failed:
	}
	drain(servers)
	stop()
	wg.Wait()
	return err
}

// listenAll opens the public listener and, unless it is off, the management
// one, in this order.
func listenAll(ctx context.Context, c *config.Config) ([]net.Listener, error) {
	public, err := listen(ctx, "listen", c.Listen)
	if err != nil {
		return nil, err
	}
	if c.Management == "off" {
		return []net.Listener{public}, nil
	}
	management, err := listen(ctx, "management", c.Management)
	if err != nil {
		public.Close()
		return nil, err
	}
	return []net.Listener{public, management}, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// drain lets requests that have begun come to their end, for drainTime.
func drain(servers []*http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
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

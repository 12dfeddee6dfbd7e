package main

// The routes. nginx asks for one of them a thousand times for each of the
// others, so that one stands before the router.

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"outpost/auth"
	"outpost/front"
)

// public serves what nginx passes on.
func public(c *current) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := c.now.Load()
		if now.nginx && r.URL.Path == auth.Prefix+"/auth/nginx" && r.URL.RawPath == "" { // in its one spelling: others may have come past a rule for it
			now.ServeNginx(w, r)
			return
		}
		now.endpoints.ServeHTTP(w, r)
	})
}

// frontConfig has checks answered ahead of net/http.
func frontConfig(c *current, log *slog.Logger) front.Config {
	return front.Config{
		Path: auth.Prefix + "/auth/nginx", Headers: auth.HotHeaders(), Trusts: c.trusts, Answer: c.answer,
		Failed:     func(err error) { log.Error("accepting connections; trying again", "cause", err.Error()) },
		HeaderTime: headerTime, IdleTime: idleTime, Threads: max(1, runtime.GOMAXPROCS(0)/frontEvery),
	}
}

// frontEvery is how many processors there are for each thread of the front: one
// thread is the cheapest, and nginx needs several processors to keep it busy.
const frontEvery = 4

// once ends each connection that the front has handed over with its first
// answer, so that what nginx asks next comes to the front again.
func once(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		h.ServeHTTP(w, r)
	})
}

// management serves what operators and their machines ask for. It is never
// reachable through the public prefix.
func management(c *current, registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("healthy\n"))
	})
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, r *http.Request) { ready(w, r, c.outpost()) })
	mux.HandleFunc(auth.Prefix+"/ping", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent) // where authentik's outpost has it too
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store") // an answer that was kept would say that a dead process is well
		mux.ServeHTTP(w, r)
	})
}

// readiness is the answer of /-/ready. A provider that is down makes it
// degraded, not unready: people who are signed in go on, and taking the
// process out of service would end that.
type readiness struct {
	Status    string              `json:"status"` // ready, degraded or unready
	Store     string              `json:"store"`  // ok, or why it cannot be asked
	Providers []readinessProvider `json:"providers"`
}

type readinessProvider struct {
	Name string `json:"name"`
	Up   bool   `json:"up"`
	Why  string `json:"why,omitempty"`
}

func ready(w http.ResponseWriter, r *http.Request, o *auth.Outpost) {
	answer, status := readiness{Status: "ready", Store: "ok"}, http.StatusOK
	for _, p := range o.Providers() {
		answer.Providers = append(answer.Providers, readinessProvider{p.Name, p.Up, p.Err})
		if !p.Up {
			answer.Status = "degraded"
		}
	}
	if _, err := o.Sessions().Len(r.Context()); err != nil {
		answer.Status, answer.Store, status = "unready", err.Error(), http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(answer)
}

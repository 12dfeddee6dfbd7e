package main

// What a running process tells `outpost doctor` over the administration's socket:
// which process it is, whether it runs what is in its file, and what came here of
// requests that doctor sent to nginx.

import (
	"crypto/rand"
	"errors"
	"net/http"

	"outpost/auth"
	"outpost/config"
	"outpost/doctor"
)

// instance tells this process from every other one.
var instance = rand.Text()[:12]

// doctorRoutes are doctor's.
func (a *administration) doctorRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /doctor", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, a.reload.process(), nil)
	})
	mux.HandleFunc("POST /doctor/watch", func(w http.ResponseWriter, r *http.Request) {
		a.current.outpost().Watch(r.URL.Query().Get("mark"))
		answer(w, http.StatusOK, struct{}{}, nil)
	})
	mux.HandleFunc("GET /doctor/watch", func(w http.ResponseWriter, r *http.Request) {
		seen := a.current.outpost().Watched(r.URL.Query().Get("mark"))
		answer(w, http.StatusOK, append([]auth.Arrival{}, seen...), nil)
	})
}

// process is what this one says of itself.
func (r *reloader) process() doctor.Process {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := doctor.Process{Instance: instance, Version: versionOf(), File: r.file}
	c, err := config.Load(r.file, r.env)
	var problems config.Problems
	switch {
	case errors.As(err, &problems):
		p.FileError = "it has problems"
	case err != nil:
		p.FileError = "it cannot be read"
	default:
		p.Changed = len(r.started.Restart(c)) > 0
	}
	return p
}

package main

import (
	"fmt"
	"net/http"
	"testing"

	"outpost/auth"
	"outpost/config"
)

// checkOf is one check of a front end, for an application whose policy lets
// everybody in.
func checkOf(t *testing.T, d *daemon, frontEnd string) reply {
	t.Helper()
	switch frontEnd {
	case "traefik":
		return get(t, d.public, auth.Prefix+"/auth/traefik", "Host", "outpost:9000", "X-Forwarded-Host", "router.example.com", "X-Forwarded-Proto", "https",
			"X-Forwarded-Uri", "/", "X-Forwarded-Method", "GET")
	case "caddy":
		return get(t, d.public, auth.Prefix+"/auth/caddy", "Host", "router.example.com", "X-Forwarded-Host", "router.example.com", "X-Forwarded-Proto", "https",
			"X-Forwarded-Uri", "/", "X-Forwarded-Method", "GET")
	case "envoy":
		return get(t, d.public, auth.Prefix+"/auth/envoy/x", "Host", "router.example.com")
	case "authelia":
		return get(t, d.public, auth.Prefix+"/auth/authelia", "Host", "outpost:9000", "X-Forwarded-Host", "router.example.com", "X-Original-URL", "https://router.example.com/")
	}
	return d.check(t, "")
}

// A front end is there when the file names it, nginx among them: also where checks
// are answered ahead of net/http.
func TestFrontEndsAreThoseOfTheFile(t *testing.T) {
	anonymous := map[string]int{"nginx": 401, "authelia": 401, "traefik": 302, "caddy": 302, "envoy": 302}
	for _, tt := range []struct{ name, there string }{{"default", "nginx"}, {"nginx", "nginx"}, {"traefik", "traefik"}, {"caddy", "caddy"}, {"envoy", "envoy"}, {"authelia", "authelia"}} {
		for _, front := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/front-%v", tt.name, front), func(t *testing.T) {
				with := settings{"front": front}
				if tt.name != "default" {
					with["front_ends"] = []string{tt.there}
				}
				d := start(t, usual(t).with(with))
				for _, frontEnd := range auth.FrontEnds() {
					got := checkOf(t, d, frontEnd).status
					switch {
					case frontEnd == tt.there && got != anonymous[frontEnd]:
						t.Errorf("%s: %d, want %d", frontEnd, got, anonymous[frontEnd])
					case frontEnd != tt.there && got != http.StatusNotFound && got != http.StatusForbidden: // 403 where Host is not the person's
						t.Errorf("%s is not in the file, and answers %d", frontEnd, got)
					}
				}
				if tt.there == "nginx" {
					// Another spelling may have come past a rule of nginx's.
					for _, path := range []string{"/%61uth/nginx", "/auth/%6eginx", "/auth%2Fnginx"} {
						if got := get(t, d.public, auth.Prefix+path, "Host", "router.example.com", "X-Original-URL", "https://router.example.com/").status; got != http.StatusNotFound {
							t.Errorf("%s: %d", path, got)
						}
					}
				}
			})
		}
	}
}

// The configuration knows the front ends that there are.
func TestFrontEndsHaveOneList(t *testing.T) {
	for _, name := range auth.FrontEnds() {
		c, err := config.Load(usual(t).with(settings{"front_ends": []string{name}}).file(t), lookup(nil))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := wiring(c, nil, nil, nil, newMetrics(c)).FrontEnds; len(got) != 1 || got[0] != name {
			t.Errorf("%s is wired as %q", name, got)
		}
	}
}

package e2e

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// presetFiles are our files for headers that are not authentik's, and which they
// hand on.
var presetFiles = map[string][]string{
	"outpost-remote-user.conf":   {"Remote-User", "Remote-Groups", "Remote-Name", "Remote-Email"},
	"outpost-webauth.conf":       {"X-Webauth-User", "X-Webauth-Name", "X-Webauth-Email", "X-Webauth-Groups"},
	"outpost-auth-request.conf":  {"X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Preferred-Username", "X-Auth-Request-Groups"},
	"outpost-authorization.conf": {"Authorization"},
}

// onRequest are what authentik-location.conf hands on where the outpost sends it.
var onRequest = []string{"X-Authentik-Jwt", "X-Authentik-Meta-App", "X-Authentik-Meta-Jwks", "X-Authentik-Meta-Outpost", "X-Authentik-Meta-Provider", "X-Authentik-Meta-Version"}

// TestPresets: with the file of each preset the application is told what the
// outpost says, byte by byte, and nothing that the client says, whether the
// outpost says something, nothing or does not know the header.
func TestPresets(t *testing.T) {
	const said = "Jörg, 日本 a|b%2C=?x?="
	for _, r := range releases {
		t.Run(r.Name, func(t *testing.T) {
			s := startStandIn(t)
			a := startApp(t, "webtop", "127.0.2.2:3000")
			startNginx(t, r, oursAlone, func(dir string) {
				lines := "include /config/nginx/authentik-location.conf;"
				for file := range presetFiles {
					copyFile(t, filepath.Join(repository(), "nginx", file), filepath.Join(dir, file))
					lines += "\n        include /config/nginx/" + file + ";"
				}
				edit(t, filepath.Join(dir, "site-confs", "apps.conf"), `include /config/nginx/authentik-location\.conf;`, lines)
			})
			names := onRequest
			for _, file := range presetFiles {
				names = append(names, file...)
			}
			for _, tt := range []struct {
				name  string
				value string
				sent  bool
			}{{"said", said, true}, {"empty", "", true}, {"unknown", "", false}} {
				t.Run(tt.name, func(t *testing.T) {
					s.mu.Lock()
					s.more = map[string]string{}
					for _, name := range names {
						if tt.sent {
							s.more[name] = tt.value
						}
					}
					s.mu.Unlock()
					v := signedIn(t)
					forge(v, names)
					if p := v.get("https://webtop.test/"); p.StatusCode != http.StatusOK {
						t.Fatalf("got %s", p.Status)
					}
					wantHeaders(t, a.last(t).Header, names, tt.value)
				})
			}
			t.Run("open-location", func(t *testing.T) {
				v := newVisitor(t)
				forge(v, names)
				if p := v.get("https://webtop.test/api/x"); p.StatusCode != http.StatusOK {
					t.Fatalf("got %s", p.Status)
				}
				got := a.last(t).Header
				if got.Get("Authorization") != "forged" {
					t.Error("the client's own Authorization is gone")
				}
				got.Del("Authorization")
				wantHeaders(t, got, names, "")
			})
		})
	}
}

func forge(v *visitor, names []string) {
	for _, name := range append(names[:len(names):len(names)], identity...) {
		v.headers.Set(name, "forged")
	}
}

// wantHeaders wants value under each of names, or no header if it is empty, and
// nothing forged under any.
func wantHeaders(t *testing.T, got http.Header, names []string, value string) {
	t.Helper()
	for _, name := range names {
		if values := got[name]; strings.Join(values, "\n") != value || len(values) > 1 {
			t.Errorf("%s: got %q, want %q", name, values, value)
		}
	}
	for name, values := range got {
		if strings.Contains(strings.Join(values, ""), "forged") {
			t.Errorf("%s reached the application as the client sent it", name)
		}
	}
}

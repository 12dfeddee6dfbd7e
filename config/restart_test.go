package config_test

import (
	"slices"
	"strings"
	"testing"
)

func TestRestart(t *testing.T) {
	const secret = "\nsecret: Vd8zFq1nX5cYt3Rj7LbQw0GmKs9HpA2eUo4i\n"
	redis := smallest + secret + "session: { store: redis, redis: { url: redis://r, password: PASS } }\n"
	tests := []struct {
		name, from, to string
		want           string
	}{
		{"same", smallest, smallest, ""},
		{"comment", smallest, "# hello\n" + smallest, ""},
		{"default-written-out", smallest, smallest + "listen: :9000\n", ""},
		{"new-secret", smallest, smallest + secret, ""},
		{"listener", smallest, smallest + "listen: :9001\n", "listen"},
		{"client-secret", smallest, strings.Replace(smallest, "hunter2", "hunter3", 1), ""},
		{"host", smallest, strings.Replace(smallest, "outpost.example.com", "sso.example.com", 1), ""},
		{"rule", smallest, smallest + "    allow: { groups: [admins] }\n", ""},
		{"lifetimes", smallest, smallest + "session: { idle: 1h, max: 2h, recheck: off, max_sessions: 5, max_sessions_per_user: 2 }\n", ""},
		{"log-level", smallest, smallest + "log: { level: debug }\n", ""},
		{"log-format", smallest, smallest + "log: { format: json, level: debug }\n", "log.format"},
		{"data", smallest, smallest + "data: /var/lib/outpost\n", "data admin"},
		{"store", smallest, smallest + "session: { store: memory, idle: 1h }\n", "session.store"},
		{"several", smallest, smallest + "front: false\nmanagement: off\nsession: { cached_sessions: 7 }\n", "front management session.cached_sessions"},
		{"redis", redis, strings.Replace(redis, "//r,", "//s,", 1), "session.redis.url"},
		{"redis-password", redis, strings.Replace(redis, "PASS", "WORD", 1), "session.redis.password"},
		{"front-ends", smallest, smallest + "front_ends: [nginx, caddy]\ntrusted_proxies: [10.0.0.1]\n", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := mustLoad(t, test.from).Restart(mustLoad(t, test.to))
			if !slices.Equal(got, strings.Fields(test.want)) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if len(got) > 0 == (test.want == "") {
				t.Errorf("got %q", got)
			}
		})
	}
}

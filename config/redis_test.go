package config_test

import (
	"strings"
	"testing"

	"outpost/config"
)

const redisSecret = "secret: Vd8zFq1nX5cYt3Rj7LbQw0GmKs9HpA2eUo4i\nsession:\n  store: redis\n  redis:\n    "

// TestRedisURL: one form for each way of writing it.
func TestRedisURL(t *testing.T) {
	for _, tt := range []struct{ name, url, want string }{
		{"host", "redis://redis", "redis://redis:6379"},
		{"port", "redis://Redis.:6380/", "redis://redis:6380"},
		{"tls", "rediss://redis", "rediss://redis:6379"},
		{"address", "redis://127.0.0.1:6379", "redis://127.0.0.1:6379"},
		{"address-6", "redis://[FD00::1]", "redis://[fd00::1]:6379"},
		{"socket", "unix:///run/redis/../redis.sock", "unix:///run/redis.sock"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := mustLoad(t, smallest+redisSecret+"url: \""+tt.url+"\"\n")
			if got := c.Session.Redis.URL; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestRedisAuthorities: a file of certificates counts with TLS and is refused
// without.
func TestRedisAuthorities(t *testing.T) {
	path, text := certificates(t)
	file := smallest + redisSecret + "ca_file: " + path + "\n    url: "
	if got := mustLoad(t, file+"rediss://redis\n").Session.Redis.Authorities(); got != text {
		t.Errorf("got %q", got)
	}
	_, err := load(t, file+"redis://redis\n")
	if err == nil || !strings.Contains(err.Error(), "session.redis.ca_file: needs TLS") {
		t.Errorf("got %v", err)
	}
}

// TestRedisPasswordIsHidden: from the dump and from what is printed.
func TestRedisPasswordIsHidden(t *testing.T) {
	c := mustLoad(t, smallest+redisSecret+"url: redis://redis\n    password: hunter2\n")
	if text := dump(t, c); strings.Contains(text, "hunter2") || !strings.Contains(text, "password: <secret>") {
		t.Errorf("the dump:\n%s", text)
	}
	if c.Session.Redis.Password != config.Secret("hunter2") {
		t.Error("it is not what the file says")
	}
}

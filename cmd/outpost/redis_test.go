package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"outpost/config"
	"outpost/session/redis"
)

func TestRedisConfig(t *testing.T) {
	tests := []struct {
		name         string
		config       config.Redis
		want         redis.Config
		tls, watched bool // to the server, to the sentinels
	}{
		{"url", config.Redis{URL: "redis://redis:6379", Password: "p", Database: 2, Prefix: "home:"},
			redis.Config{Addresses: []string{"redis:6379"}, Password: "p", Database: 2, Prefix: "home:"}, false, false},
		{"url-tls", config.Redis{URL: "rediss://[fd00::1]:6380", Username: "u", Password: "p"},
			redis.Config{Addresses: []string{"[fd00::1]:6380"}, Username: "u", Password: "p"}, true, false},
		{"socket", config.Redis{URL: "unix:///run/redis.sock"},
			redis.Config{Addresses: []string{"/run/redis.sock"}, Socket: true}, false, false},
		{"sentinel", config.Redis{Sentinel: config.Sentinel{Addresses: []string{"a:1", "b:2"}, Master: "m", Username: "w", Password: "s"}, Password: "p"},
			redis.Config{Addresses: []string{"a:1", "b:2"}, Master: "m", SentinelUsername: "w", SentinelPassword: "s", Password: "p"}, false, false},
		{"sentinel-tls", config.Redis{Sentinel: config.Sentinel{Addresses: []string{"a:1"}, Master: "m"}, TLS: true},
			redis.Config{Addresses: []string{"a:1"}, Master: "m"}, true, true},
		{"cluster-tls", config.Redis{Cluster: config.Cluster{Addresses: []string{"a:1", "b:2"}}, TLS: true},
			redis.Config{Addresses: []string{"a:1", "b:2"}, Cluster: true}, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := redisConfig(tt.config, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(redis.Config{}, "TLS", "SentinelTLS", "Log")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if (got.TLS != nil) != tt.tls || (got.SentinelTLS != nil) != tt.watched {
				t.Errorf("TLS %v, to the sentinels %v", got.TLS != nil, got.SentinelTLS != nil)
			}
			if got.TLS != nil && (got.TLS.InsecureSkipVerify || got.TLS.RootCAs == nil) {
				t.Error("certificates are not checked")
			}
		})
	}
}

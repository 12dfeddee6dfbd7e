package main

// From session.redis in the configuration to the store.

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"strings"

	"outpost/config"
	"outpost/session/redis"
)

// openRedis does not wait for the server: see redis.Open.
func openRedis(c config.Redis, log *slog.Logger) (*redis.Store, error) {
	wired, err := redisConfig(c, log)
	if err != nil {
		return nil, err
	}
	return redis.Open(wired)
}

func redisConfig(c config.Redis, log *slog.Logger) (redis.Config, error) {
	wired := redis.Config{
		Username: c.Username, Password: c.Password.Reveal(), Database: c.Database, Prefix: c.Prefix, Log: log,
		Master: c.Sentinel.Master, SentinelUsername: c.Sentinel.Username, SentinelPassword: c.Sentinel.Password.Reveal(),
	}
	scheme, address, _ := strings.Cut(c.URL, "://")
	switch {
	case c.Sentinel.Addresses != nil:
		wired.Addresses = c.Sentinel.Addresses
	case c.Cluster.Addresses != nil:
		wired.Addresses, wired.Cluster = c.Cluster.Addresses, true
	default:
		wired.Addresses, wired.Socket = []string{address}, scheme == "unix"
	}
	if c.TLS || scheme == "rediss" {
		roots, err := x509.SystemCertPool()
		if err != nil {
			return redis.Config{}, fmt.Errorf("reading the system's certificates: %w", err)
		}
		roots.AppendCertsFromPEM([]byte(c.Authorities()))
		wired.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		if wired.Master != "" {
			wired.SentinelTLS = wired.TLS
		}
	}
	return wired, nil
}

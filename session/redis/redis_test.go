package redis_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"outpost/session"
	"outpost/session/redis"
	"outpost/session/storetest"
)

// TestStore holds the driver to the contract, each way to reach a server.
func TestStore(t *testing.T) {
	var opened atomic.Int64 // a prefix for each store: they share the server
	suite := func(t *testing.T, c redis.Config) {
		storetest.Run(t, func(t *testing.T) session.Store {
			c := c
			c.Prefix = fmt.Sprintf("test-%d:", opened.Add(1))
			return open(t, c)
		})
		storetest.RunShared(t, func(t *testing.T) (a, b session.Shared) {
			c := c
			c.Prefix = fmt.Sprintf("test-%d:", opened.Add(1))
			return open(t, c), open(t, c)
		})
	}
	t.Run("server", func(t *testing.T) { suite(t, newServer(t).config()) })
	t.Run("valkey", func(t *testing.T) {
		s := preparedOf(t, valkey)
		s.start(t)
		suite(t, s.config())
	})
	t.Run("cluster", func(t *testing.T) { suite(t, newCluster(t, 3).config()) })
}

// cluster is three primaries, and with six nodes a copy of each.
type cluster []*server

func newCluster(t testing.TB, n int, more ...string) cluster {
	t.Helper()
	var c cluster
	args := []string{"--cluster", "create"}
	for range n {
		s := newServer(t, append([]string{"--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0"}, more...)...)
		c, args = append(c, s), append(args, s.address())
	}
	c[0].cli(t, append(args, "--cluster-replicas", strconv.Itoa(n/3-1), "--cluster-yes")...)
	for _, s := range c {
		eventually(t, "the cluster", func() bool {
			info := s.cli(t, "cluster", "info")
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:"+strconv.Itoa(n))
		})
	}
	return c
}

func (c cluster) config() redis.Config {
	var addresses []string
	for _, s := range c {
		addresses = append(addresses, s.address())
	}
	return redis.Config{Addresses: addresses, Cluster: true, Prefix: "outpost:"}
}

func (c cluster) primaries(t testing.TB) []*server {
	t.Helper()
	var all []*server
	for _, s := range c {
		if strings.HasPrefix(s.cli(t, "role"), "master") {
			all = append(all, s)
		}
	}
	return all
}

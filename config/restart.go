package config

import (
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// takenOver are the keys that a running process takes over when it reads its
// configuration anew; every other one, and so each that is new and not thought of
// here, waits for a restart.
var takenOver = []string{
	"front_ends", "trusted_proxies", "insecure_http", "provider", "providers", "applications", "tokens", "secret", "pages",
	"session.idle", "session.max", "session.recheck", "session.max_sessions_per_user", "session.max_sessions",
	"log.level",
}

// Restart returns the keys whose values differ in the other configuration and are
// taken over by a restart alone, in the file's order; nil if there is none. How a
// value is written, and where, does not count.
func (c *Config) Restart(other *Config) []string {
	keys := differing("", c.effective, other.effective)
	// Secrets and files do not show in what is effective.
	mine, others := c.Session.Redis, other.Session.Redis
	for _, hidden := range []struct {
		key    string
		differ bool
	}{
		{"session.redis.sentinel.password", mine.Sentinel.Password != others.Sentinel.Password},
		{"session.redis.password", mine.Password != others.Password},
		{"session.redis.ca_file", mine.authorities != others.authorities},
	} {
		if hidden.differ && !slices.Contains(keys, hidden.key) {
			keys = append(keys, hidden.key)
		}
	}
	return keys
}

// differing compares two effective mappings, without what is taken over.
func differing(path string, a, b *yaml.Node) (keys []string) {
	for i := 0; i+1 < len(a.Content) && i+1 < len(b.Content); i += 2 {
		key := strings.TrimPrefix(path+"."+a.Content[i].Value, ".")
		x, y := a.Content[i+1], b.Content[i+1]
		switch {
		case slices.Contains(takenOver, key):
		case x.Kind == yaml.MappingNode && y.Kind == yaml.MappingNode:
			keys = append(keys, differing(key, x, y)...)
		case !reflect.DeepEqual(plainly(x), plainly(y)):
			keys = append(keys, key)
		}
	}
	return keys
}

// plainly is a node's values without what is said about them.
func plainly(n *yaml.Node) any {
	if n.Kind == yaml.ScalarNode {
		return n.Value
	}
	values := []any{}
	for _, below := range n.Content {
		values = append(values, plainly(below))
	}
	return values
}

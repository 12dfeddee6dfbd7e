package config

import (
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The keys and rules of session.redis: where the server is that several replicas
// share their sessions in, and how it knows us.

// redis reads the section of that name. Its keys are known whatever the store
// is, so that one that is misplaced is found.
func (r *reader) redis(parent *section) Redis {
	var v Redis
	s := r.open(parent.take("redis"), join(parent.path, "redis"))
	v.URL = optional(s, "url", "", parseRedisURL)
	v.Sentinel = r.sentinel(s)
	v.Cluster = r.cluster(s)
	v.Username = optional(s, "username", "", parseEntry)
	v.Password = optional(s, "password", "", parsePassword)
	v.Database = optional(s, "database", "0", parseDatabase)
	v.Prefix = optional(s, "prefix", "outpost:", parsePrefix)
	v.TLS = optional(s, "tls", "false", parseBool)
	v.CAFile = optional(s, "ca_file", "", r.parseAuthorities(&v.authorities))
	parent.put("redis", s.close())
	return v
}

func (r *reader) sentinel(parent *section) Sentinel {
	s := r.open(parent.take("sentinel"), join(parent.path, "sentinel"))
	v := Sentinel{
		Addresses: oneOrMore(s, "addresses", "", parseServer("26379")),
		Master:    optional(s, "master", "", parseEntry),
		Username:  optional(s, "username", "", parseEntry),
		Password:  optional(s, "password", "", parsePassword),
	}
	parent.put("sentinel", s.close())
	return v
}

func (r *reader) cluster(parent *section) Cluster {
	s := r.open(parent.take("cluster"), join(parent.path, "cluster"))
	v := Cluster{Addresses: oneOrMore(s, "addresses", "", parseServer("6379"))}
	parent.put("cluster", s.close())
	return v
}

// parseRedisURL takes the address of one server. What else other programs put
// into such a URL has keys of its own here: URLs are shown.
func parseRedisURL(s string) (string, *violation) {
	const rule, hint = "must be redis://host:port, rediss://host:port or unix:///path", "rediss:// is redis:// with TLS"
	u, err := url.Parse(s)
	if strings.Contains(s, "@") {
		return "", &violation{rule: "must not hold a user name or password", hint: "write username and password beside it", hide: true}
	}
	if err != nil || u.Opaque != "" || u.Fragment != "" {
		return "", broken(rule, hint)
	}
	switch {
	case u.Scheme == "unix":
		if u.Host != "" || u.RawQuery != "" || !filepath.IsAbs(u.Path) || unprintable(u.Path) || len(u.Path) > longestSocket {
			return "", broken("must name the socket by its absolute path", "write unix:///run/redis/redis.sock")
		}
		return "unix://" + filepath.Clean(u.Path), nil
	case u.Scheme != "redis" && u.Scheme != "rediss":
		return "", broken(rule, hint)
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery:
		return "", broken("must name a server only, without a path and a query", "the number of a database goes under database")
	}
	address, v := parseServer("6379")(u.Host)
	if v != nil {
		return "", v
	}
	return u.Scheme + "://" + address, nil
}

// parseServer makes a rule that takes host:port, or a host alone for the usual
// port.
func parseServer(port string) func(string) (string, *violation) {
	return func(s string) (string, *violation) {
		const rule = "must be host:port"
		hint := "write redis:" + port + " or [::1]:" + port
		if strings.Contains(s, "@") {
			return "", &violation{rule: rule, hint: "write username and password as keys of their own", hide: true}
		}
		host, number, err := net.SplitHostPort(s)
		if err != nil {
			host, number = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"), port
		}
		if n, ok := portNumber(number); !ok || n == 0 {
			return "", broken("must have a port between 1 and 65535", hint)
		}
		if ip := net.ParseIP(host); ip != nil {
			return net.JoinHostPort(ip.String(), number), nil
		}
		host, v := parseHostname(host)
		if v != nil {
			return "", broken(rule, hint)
		}
		return net.JoinHostPort(host, number), nil
	}
}

// parsePassword takes what the server's administrator gave us, whatever it is.
func parsePassword(s string) (Secret, *violation) {
	switch {
	case s == "":
		return "", broken("must not be empty", "remove the key if the server asks for none")
	case unprintable(s) || strings.TrimSpace(s) != s:
		return "", broken("must not hold control characters or begin or end with white space", "")
	}
	return Secret(s), nil
}

func parseDatabase(s string) (int, *violation) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 65535 || strconv.Itoa(n) != s {
		return 0, broken("must be the number of a database, 0 for the first", "")
	}
	return n, nil
}

// parsePrefix takes what every key of ours begins with. Braces would decide on
// which node of a cluster all of them lie.
func parsePrefix(s string) (string, *violation) {
	if s == "" || len(s) > 64 || !visible(s) || strings.ContainsAny(s, " {}*?[]\\") {
		return "", broken(`must be printable ASCII without white space, braces and * ? [ ] \, at most 64 bytes`, "write outpost:")
	}
	return s, nil
}

// checkRedis holds session.redis together.
func (r *reader) checkRedis(c *Config) {
	const path = "session.redis"
	v := c.Session.Redis
	var ways []string
	for _, way := range []struct {
		key  string
		keys []string // one of which says that it is meant
	}{
		{"url", []string{"url"}},
		{"sentinel", []string{"sentinel.addresses", "sentinel.master", "sentinel.username", "sentinel.password"}},
		{"cluster", []string{"cluster.addresses"}},
	} {
		if slices.ContainsFunc(way.keys, func(key string) bool { return r.given(path + "." + key) }) {
			ways = append(ways, way.key)
		}
	}
	if c.Session.Store != StoreRedis {
		if len(ways) > 0 && c.Session.Store != "" {
			r.report(path+"."+ways[0], "must not be given for the store "+c.Session.Store, "set store: redis, or remove it")
		}
		return
	}
	if len(c.Secrets) == 0 && !r.given("secret") {
		r.report("secret", "is missing", "with store: redis every replica needs the same one: "+makeSecret)
	}
	switch {
	case len(ways) == 0:
		r.report(path, "must have url, sentinel or cluster", "say where the server is: redis: { url: redis://redis:6379 }")
		return
	case len(ways) > 1:
		r.report(path+"."+ways[1], "must not be given together with "+ways[0], "keep one of the two")
		return
	}
	missing := func(key, hint string) {
		if !r.given(path + "." + key) {
			r.report(path+"."+key, "is missing", hint)
		}
	}
	switch ways[0] {
	case "sentinel":
		missing("sentinel.addresses", "list the sentinels, not the servers")
		missing("sentinel.master", "write what the sentinels call the primary: mymaster")
	case "cluster":
		if v.Database != 0 {
			r.report(path+".database", "must be 0 in a cluster", "a cluster has no other; a prefix keeps programs apart")
		}
	}
	for _, key := range []string{path, path + ".sentinel"} {
		if r.given(key+".username") && !r.given(key+".password") {
			r.report(key+".username", "needs password", "")
		}
	}
	secured := v.TLS || strings.HasPrefix(v.URL, "rediss:")
	switch {
	case ways[0] == "url" && v.TLS:
		r.report(path+".tls", "must not be given together with url", "rediss:// says it")
	case v.CAFile != "" && !secured:
		r.report(path+".ca_file", "needs TLS", "write rediss:// in url, or tls: true for sentinel and cluster")
	}
}

package redis_test

// The ways to have a server: TLS, an ACL user, a unix socket, Sentinel, Cluster;
// and what becomes of sessions when the latter two rearrange themselves.

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"outpost/session"
	"outpost/session/redis"
	"outpost/session/storetest"
)

// certificate is one for 127.0.0.1, which signs itself: files for the server and
// what a client that trusts it has.
func certificate(t testing.TB) (certFile, keyFile string, trusting *tls.Config) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return certFile, keyFile, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// rights is the line of docs/stores.md that an ACL user needs: what people copy
// is what is tested.
func rights(t testing.TB) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/stores.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^user outpost on .*$`).Find(page)
	if line == nil {
		t.Fatal("docs/stores.md has no line that begins with: user outpost on")
	}
	return strings.Replace(string(line), ">PASSWORD", ">s3cr3t", 1)
}

// withRights is a server that takes the ACL user alone.
func withRights(t testing.TB, args ...string) *server {
	t.Helper()
	s := prepared(t, args...)
	file := filepath.Join(s.dir, "users.acl")
	if err := os.WriteFile(file, []byte("user default off\n"+rights(t)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.args = append(s.args, "--aclfile", file)
	s.start(t)
	return s
}

// TestUser: the rights that the page lists are enough for all that there is, on
// a socket and with TLS.
func TestUser(t *testing.T) {
	certFile, keyFile, trusting := certificate(t)
	s := withRights(t, "--unixsocket", "redis.sock")
	secured := withRights(t)
	secured.kill()
	secured.args = append(secured.args, "--port", "0", "--tls-port", strconv.Itoa(secured.port), "--tls-auth-clients", "no", "--tls-cert-file", certFile, "--tls-key-file", keyFile)
	secured.start(t)
	for _, way := range []struct {
		name   string
		config redis.Config
	}{
		{"socket", redis.Config{Addresses: []string{filepath.Join(s.dir, "redis.sock")}, Socket: true, Database: 3}},
		{"tls", redis.Config{Addresses: []string{secured.address()}, TLS: trusting}},
	} {
		t.Run(way.name, func(t *testing.T) {
			n := 0
			config := func() redis.Config {
				c := way.config
				n++
				c.Username, c.Password, c.Prefix = "outpost", "s3cr3t", fmt.Sprintf("outpost:%d:", n)
				return c
			}
			storetest.Run(t, func(t *testing.T) session.Store { return open(t, config()) })
			storetest.RunShared(t, func(t *testing.T) (a, b session.Shared) {
				c := config()
				return open(t, c), open(t, c)
			})
		})
	}
}

// TestUserOfMany: the same rights are enough in a cluster and behind sentinels.
func TestUserOfMany(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.acl")
	if err := os.WriteFile(file, []byte(rights(t)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	watched, _, _ := sentinels(t, "--aclfile", file)
	for _, way := range []struct {
		name   string
		config redis.Config
	}{
		{"cluster", newCluster(t, 3, "--aclfile", file).config()},
		{"sentinel", watched},
	} {
		t.Run(way.name, func(t *testing.T) {
			n := 0
			storetest.RunShared(t, func(t *testing.T) (a, b session.Shared) {
				c := way.config
				n++
				c.Username, c.Password, c.Prefix = "outpost", "s3cr3t", fmt.Sprintf("outpost:%d:", n)
				return open(t, c), open(t, c)
			})
		})
	}
}

// TestTLSIsChecked: a server whose certificate nobody trusts is not spoken to.
func TestTLSIsChecked(t *testing.T) {
	certFile, keyFile, _ := certificate(t)
	s := prepared(t)
	s.args = []string{"--port", "0", "--tls-port", strconv.Itoa(s.port), "--tls-auth-clients", "no", "--tls-cert-file", certFile, "--tls-key-file", keyFile}
	s.start(t)
	c := s.config()
	c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	store := begin(t, c)
	eventually(t, "the cause", func() bool {
		_, err := store.Len(t.Context())
		if err == nil {
			t.Fatal("it was spoken to")
		}
		return strings.Contains(err.Error(), "check ca_file")
	})
}

// sentinels is a primary, its copy, and three who watch them.
func sentinels(t testing.TB, more ...string) (c redis.Config, primary, other *server) {
	t.Helper()
	primary = newServer(t, append([]string{"--repl-diskless-sync-delay", "0"}, more...)...)
	other = newServer(t, append([]string{"--replicaof", "127.0.0.1 " + strconv.Itoa(primary.port)}, more...)...)
	c = redis.Config{Master: "mymaster", SentinelPassword: "watch", Prefix: "outpost:"}
	var all []*server
	for range 3 {
		s := prepared(t)
		file := filepath.Join(s.dir, "sentinel.conf")
		text := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nrequirepass watch\nsentinel sentinel-pass watch\nsentinel monitor mymaster 127.0.0.1 %d 2\n"+
			"sentinel down-after-milliseconds mymaster 1000\nsentinel failover-timeout mymaster 5000\n", s.port, s.dir, primary.port)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.run(t, file, "--sentinel")
		all, c.Addresses = append(all, s), append(c.Addresses, s.address())
	}
	for _, s := range all {
		eventually(t, "the sentinels to know each other", func() bool {
			view := strings.ReplaceAll(s.cli(t, "-a", "watch", "--no-auth-warning", "sentinel", "master", "mymaster"), "\n", " ")
			return strings.Contains(view, "num-slaves 1 ") && strings.Contains(view, "num-other-sentinels 2 ")
		})
	}
	return c, primary, other
}

// TestSentinel: when the primary dies the other takes its place, nobody is signed
// out, and what is revoked there is refused everywhere.
func TestSentinel(t *testing.T) {
	c, primary, other := sentinels(t)
	a, b := newReplica(t, c).ready(t), newReplica(t, c).ready(t)
	value, key := a.signIn(t)
	b.wants(t, value, 200)
	eventually(t, "the copy", func() bool { return other.cli(t, "--scan", "--pattern", "outpost:r:*") != "" })
	a.never(t, value, 401, func() {
		primary.kill()
		eventually(t, "a sign-in at the new primary", func() bool {
			_, _, err := a.Create(t.Context(), cookie, session.Session{})
			return err == nil
		})
		a.eventually(t, value, 200)
		b.eventually(t, value, 200)
	})
	if err := a.End(t.Context(), key); err != nil {
		t.Fatalf("End: %v", err)
	}
	b.eventually(t, value, 401)
}

// TestSentinelHandover: the same where nothing dies.
func TestSentinelHandover(t *testing.T) {
	c, primary, other := sentinels(t)
	a, b := newReplica(t, c).ready(t), newReplica(t, c).ready(t)
	value, key := a.signIn(t)
	a.wants(t, value, 200)
	b.wants(t, value, 200)
	eventually(t, "the copy", func() bool { return other.cli(t, "--scan", "--pattern", "outpost:r:*") != "" })
	port := strings.Split(c.Addresses[0], ":")[1]
	primary.cli(t, "-p", port, "-a", "watch", "--no-auth-warning", "sentinel", "failover", "mymaster")
	a.never(t, value, 401, func() {
		eventually(t, "the handover", func() bool { return strings.HasPrefix(other.cli(t, "role"), "master") })
		eventually(t, "a sign-in at the new primary", func() bool {
			_, _, err := a.Create(t.Context(), cookie, session.Session{})
			return err == nil
		})
		a.eventually(t, value, 200)
	})
	b.eventually(t, value, 200)
	eventually(t, "the end", func() bool { return a.End(t.Context(), key) == nil })
	b.eventually(t, value, 401)
}

// TestClusterReshards: slots move from node to node under sessions in use.
func TestClusterReshards(t *testing.T) {
	nodes := newCluster(t, 3)
	a, b := newReplica(t, nodes.config()).ready(t), newReplica(t, nodes.config()).ready(t)
	values, keys := make([]string, 100), make([]session.Key, 100)
	for i := range values {
		values[i], keys[i] = a.signIn(t)
		b.wants(t, values[i], 200)
	}
	to := nodes[2].cli(t, "cluster", "myid")
	a.never(t, values[0], 401, func() {
		b.never(t, values[1], 401, func() {
			nodes[0].cli(t, "--cluster", "reshard", nodes[0].address(), "--cluster-from", "all", "--cluster-to", to,
				"--cluster-slots", "1500", "--cluster-yes")
		})
	})
	for i, value := range values {
		b.eventually(t, value, 200)
		eventually(t, "the end", func() bool { return a.End(t.Context(), keys[i]) == nil })
		b.eventually(t, value, 401)
	}
	if n, err := b.Len(t.Context()); n != 0 || err != nil {
		t.Errorf("%d sessions are left, %v", n, err)
	}
}

// TestClusterFailover: a node dies and its copy takes its place; those of the
// other nodes go on all the while.
func TestClusterFailover(t *testing.T) {
	nodes := newCluster(t, 6)
	a, b := newReplica(t, nodes.config()).ready(t), newReplica(t, nodes.config()).ready(t)
	values, keys := make([]string, 30), make([]session.Key, 30)
	for i := range values {
		values[i], keys[i] = a.signIn(t)
		b.wants(t, values[i], 200)
	}
	dead := nodes.primaries(t)[0]
	for _, s := range nodes {
		eventually(t, "the copies", func() bool { return !strings.Contains(s.cli(t, "info", "replication"), "master_link_status:down") })
	}
	dead.cli(t, "wait", "1", "1000")
	b.never(t, values[0], 401, func() {
		b.never(t, values[1], 401, func() {
			dead.kill()
			for i := range values {
				b.eventually(t, values[i], 200)
			}
			eventually(t, "a sign-in on each node", func() bool {
				for range 20 {
					if _, _, err := a.Create(t.Context(), cookie, session.Session{}); err != nil {
						return false
					}
				}
				return true
			})
		})
	})
	for i, value := range values {
		b.eventually(t, value, 200)
		eventually(t, "the end", func() bool { return a.End(t.Context(), keys[i]) == nil })
		b.eventually(t, value, 401)
	}
}

// TestClusterHandover: a primary and its copy change places, and both live.
func TestClusterHandover(t *testing.T) {
	nodes := newCluster(t, 6)
	a, b := newReplica(t, nodes.config()).ready(t), newReplica(t, nodes.config()).ready(t)
	values, keys := make([]string, 30), make([]session.Key, 30)
	for i := range values {
		values[i], keys[i] = a.signIn(t)
		b.wants(t, values[i], 200)
	}
	before := nodes.primaries(t)
	for _, s := range nodes {
		if !strings.HasPrefix(s.cli(t, "role"), "master") {
			s.cli(t, "cluster", "failover")
		}
	}
	eventually(t, "the handover", func() bool {
		now := nodes.primaries(t)
		return len(now) == len(before) && now[0] != before[0] && now[1] != before[1] && now[2] != before[2]
	})
	for i, value := range values {
		b.eventually(t, value, 200)
		eventually(t, "the end", func() bool { return a.End(t.Context(), keys[i]) == nil })
		b.eventually(t, value, 401)
	}
}

// Package redis keeps sessions in Redis or Valkey, where several processes
// share them: one server, Sentinel or Cluster.
//
// What lies where, below the prefix; TAG is the first byte of a session's key in
// hexadecimal, and puts what belongs together into one slot of a cluster:
//
//	r:{TAG}KEY   the record, as sealed, until its absolute end
//	m:{TAG}      the ledger: a hash of KEY → expires, seen, noted, indexes
//	i:INDEX      an index: the set of the KEYs that carry it
//	l:KEY        a lock
//	n:KEY        when something happened that all have to know
//
// A session is there while both its record and its line in the ledger are. The
// line is written before anything else and removed after everything else, so
// that whatever is left behind by a process that dies in between, or by a record
// that the server has dropped, is found by a sweep. Where two places have to be
// written one after the other, the order is that of the safe side: a session is
// in its indexes before it can be used, and cannot be used any more before it is
// out of them. What an index leads to is held against the ledger.
//
// Records alone lie under r:, which every process has the server track: a change
// to one is told to all of them. When a session was last seen is in the ledger,
// so that nobody is told of that.
//
// Needed is Redis 6 or newer, or Valkey.
package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"outpost/session"
)

const (
	// callTime is for one call of the store; a sweep and a scan take it for
	// each of their steps.
	callTime = time.Second
	// breakTime is after how long without an answer a connection is given up.
	breakTime = 2 * time.Second
	// connectEvery is how often a server is tried that could not be reached
	// since the start.
	connectEvery = 500 * time.Millisecond

	buffer = 64 << 10 // bytes to read and to write, for each connection

	// calls is how many may be under way. A connection that hangs keeps what it
	// was given until it is broken, also what nobody waits for any more; 1 <<
	// ringScale has room for that, so that no call waits for longer than its time.
	calls     = 512
	ringScale = 12
)

// Config says where the server is. Addresses are required.
type Config struct {
	Addresses []string // host:port: of the server, of the sentinels, or of some nodes of the cluster
	Socket    bool     // Addresses has the path of a unix socket alone
	Cluster   bool
	Master    string // what the sentinels call the primary; "" without Sentinel

	Username, Password                 string // "" for none
	SentinelUsername, SentinelPassword string // for the sentinels themselves
	Database                           int    // 0 in a cluster

	TLS         *tls.Config // nil: no TLS
	SentinelTLS *tls.Config // nil: no TLS to the sentinels

	Prefix string       // of every key; may be ""
	Log    *slog.Logger // nil for none
}

// Store is a session.Shared in Redis or Valkey.
type Store struct {
	prefix  string
	cluster bool
	log     *slog.Logger
	options rueidis.ClientOption

	client  atomic.Pointer[rueidis.Client] // nil until the server has been reached once
	cause   atomic.Pointer[error]          // why it has not been
	watcher atomic.Pointer[session.Watcher]
	calls   chan struct{} // one for each call under way
	check   chan struct{} // the tracking has broken: see at once whether it is back

	stop    context.CancelFunc
	stopped sync.WaitGroup
	closed  atomic.Bool
}

var _ session.Shared = (*Store)(nil)

var (
	errClosed  = errors.New("the store is closed")
	errNotYet  = errors.New("no connection yet")
	errPattern = errors.New("a reply that makes no sense: does something else use these keys? Give outpost a prefix of its own")
)

// Open begins to connect and does not wait for it: a server that is down is
// tried until it is there, and until then every call fails. So it is with one
// that refuses the password; the log says what is wrong. An error means that the
// Config makes no sense.
func Open(c Config) (*Store, error) {
	if len(c.Addresses) == 0 {
		return nil, errors.New("opening the session store: no address of a Redis server is given")
	}
	s := &Store{prefix: c.Prefix, cluster: c.Cluster, log: c.Log, calls: make(chan struct{}, calls), check: make(chan struct{}, 1)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.options = rueidis.ClientOption{
		InitAddress:       c.Addresses,
		Username:          c.Username,
		Password:          c.Password,
		ClientName:        "outpost",
		SelectDB:          c.Database,
		TLSConfig:         c.TLS,
		ForceSingleClient: !c.Cluster && c.Master == "",
		Sentinel: rueidis.SentinelOption{
			MasterSet: c.Master, Username: c.SentinelUsername, Password: c.SentinelPassword, TLSConfig: c.SentinelTLS,
			Dialer: net.Dialer{Timeout: callTime, KeepAlive: time.Second}, TopologyRefreshInterval: 5 * time.Second,
		},
		ClusterOption: rueidis.ClusterOption{ShardsRefreshInterval: 5 * time.Second, MaxMovedRedirections: 5},
		Dialer:        net.Dialer{Timeout: callTime, KeepAlive: time.Second},

		// One connection to each node, which all calls share: what is read
		// on it is tracked on it, and the invalidation of what was read
		// comes after what was read.
		PipelineMultiplex:     -1,
		BlockingPipeline:      1 << 30,
		RingScaleEachConn:     ringScale,
		ClientTrackingOptions: []string{"BCAST", "PREFIX", c.Prefix + "r:"},
		OnInvalidations:       s.invalidated,

		ClientSetInfo:       rueidis.DisableClientSetInfo,
		ConnWriteTimeout:    breakTime,
		ReadBufferEachConn:  buffer,
		WriteBufferEachConn: buffer,
		CacheSizeEachConn:   1 << 20, // the least: the hot cache of package session is the one that counts
		RetryDelay:          retryDelay,
	}
	if c.Socket {
		s.options.DialCtxFn = func(ctx context.Context, path string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.DialContext(ctx, "unix", path)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.stopped.Go(func() { s.connect(ctx) })
	return s, nil
}

// retryDelay is how long a call waits before it is tried again within its time,
// where a connection broke or a cluster is rearranged; negative for not at all.
func retryDelay(attempts int, _ rueidis.Completed, _ error) time.Duration {
	if attempts > 4 {
		return -1
	}
	return 10 * time.Millisecond << attempts
}

// connect tries until the server has been reached once; from then on the client
// sees to it that the connections come back.
func (s *Store) connect(ctx context.Context) {
	said := ""
	for {
		client, err := rueidis.NewClient(s.options)
		if err == nil {
			client = pinned{client}
			if said != "" {
				s.log.Info("the session store answers")
			}
			s.warnOfEviction(ctx, client)
			s.client.Store(&client)
			s.checkNow()
			if ctx.Err() != nil {
				client.Close()
			}
			return
		}
		err = explain(err)
		s.cause.Store(&err)
		if text := err.Error(); text != said {
			said = text
			s.log.Error("the session store cannot be reached; it is tried again until it answers, and until then nobody can sign in", "cause", text)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(connectEvery):
		}
	}
}

// pinned keeps rueidis from building the next command in the memory of one that
// has been answered. Where a connection breaks, a command is sent again on
// another, and once that answers, the writer of the broken one may still be
// reading it: what it reads goes nowhere, but it is a data race (rueidis v1.0.79).
type pinned struct{ rueidis.Client }

func (p pinned) Do(ctx context.Context, command rueidis.Completed) rueidis.RedisResult {
	return p.Client.Do(ctx, command.Pin())
}

func (p pinned) DoMulti(ctx context.Context, commands ...rueidis.Completed) []rueidis.RedisResult {
	for i := range commands {
		commands[i] = commands[i].Pin()
	}
	return p.Client.DoMulti(ctx, commands...)
}

// Close ends the connections. Sessions stay where they are.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.stop()
	s.stopped.Wait()
	if client := s.client.Load(); client != nil {
		(*client).Close()
	}
	return nil
}

// call returns the client and the context for one call, which ends with the
// function: it is called once. Every error is one of
// session.Store, never an ErrNone.
func (s *Store) call(ctx context.Context) (rueidis.Client, context.Context, context.CancelFunc, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, nil, err
	}
	if s.closed.Load() {
		return nil, nil, nil, errClosed
	}
	client := s.client.Load()
	if client == nil {
		if cause := s.cause.Load(); cause != nil {
			return nil, nil, nil, fmt.Errorf("%w: %w", errNotYet, *cause)
		}
		return nil, nil, nil, errNotYet
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	select {
	case s.calls <- struct{}{}:
		return *client, ctx, func() { cancel(); <-s.calls }, nil
	case <-ctx.Done():
		cancel()
		return nil, nil, nil, fmt.Errorf("waiting for %d other calls: %w", calls, ctx.Err())
	}
}

// warnOfEviction says so where the server may drop what it was given to keep.
func (s *Store) warnOfEviction(ctx context.Context, client rueidis.Client) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	for _, node := range client.Nodes() {
		info, err := node.Do(ctx, node.B().Info().Section("memory").Build().Pin()).ToString()
		if err != nil {
			continue // the user may not ask, or the node is down
		}
		if strings.Contains(info, "maxmemory_policy:allkeys") && !strings.Contains(info, "maxmemory:0\r") {
			s.log.Warn("the session store drops keys of every kind when its memory is full, and then sign-outs from the provider may miss sessions; set maxmemory-policy noeviction or volatile-ttl")
			return
		}
	}
}

// explain adds what to do about an error.
func explain(err error) error {
	if err == nil {
		return nil
	}
	hint := ""
	text := err.Error()
	has := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case errors.Is(err, rueidis.ErrNoCache):
		hint = "the server has to know RESP3 and CLIENT TRACKING, and let this user have them: Redis 6 or newer, or Valkey, and no proxy before it"
	case has("WRONGPASS"), has("NOAUTH"), has("invalid password"), has("invalid username-password"):
		hint = "check username and password under session.redis"
	case has("NOPERM"):
		hint = "the ACL user needs the rights that docs/stores.md lists"
	case has("READONLY"):
		hint = "this server is a replica: name the primary, or let Sentinel find it"
	case has("OOM "):
		hint = "the server's memory is full: raise maxmemory"
	case has("MISCONF"):
		hint = "the server cannot write to its disk: see its log"
	case has("x509:"), has("tls:"):
		hint = "check ca_file under session.redis, and that the certificate names the host"
	}
	if hint == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, hint)
}

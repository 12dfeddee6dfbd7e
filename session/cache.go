package session

// The hot cache: cookie value → Live. A hit takes one read lock that no writer
// holds for longer than a map insertion, and allocates nothing. The store is
// the truth: whatever is not here is looked up there, so anything may leave.
//
// Who may write: whoever holds Sessions.mu, which comes before a shard's lock.

import (
	"hash/maphash"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	shardCount = 64 // enough that the cores of a large machine seldom meet
	evictFrom  = 8  // entries looked at to find one to evict
)

// Live is a session in the hot cache. It is shared: every check of the session
// holds the same one.
type Live struct {
	owner   *Sessions
	session Session // without its tokens
	cookie  string  // the name of the cookie it was sealed under
	value   string  // the cookie's value

	prepared atomic.Pointer[any] // what Config.Prepare or SetPrepared has it be

	expires  atomic.Int64 // absolute end, by owner.clock
	seen     atomic.Int64 // last accepted check, by owner.clock
	saved    atomic.Int64 // the seen that the store is known to have
	accepted atomic.Bool  // has a check been accepted?
	ended    atomic.Bool  // signed out, or found to be over
	left     atomic.Bool  // evicted or replaced: nobody will come by to write down seen
	due      atomic.Int64 // when to recheck, by owner.clock; never for never
	askable  bool         // there is a token to recheck it with
}

// Session returns the session without its tokens. It is shared: the caller
// must not change it, nor what it points to.
func (l *Live) Session() *Session { return &l.session }

// Prepared returns what Config.Prepare made of the session, or what SetPrepared
// has put into the place of that; nil without both.
func (l *Live) Prepared() any {
	if p := l.prepared.Load(); p != nil {
		return *p
	}
	return nil
}

// SetPrepared has Prepared return another value, to everybody who holds the
// session from now on.
func (l *Live) SetPrepared(v any) { l.prepared.Store(&v) }

// String names the session by its key: the value of its cookie is never printed.
func (l *Live) String() string { return l.session.String() }

// GoString is String.
func (l *Live) GoString() string { return l.String() }

// Accept notes that a check of the session was accepted at now, as time.Now
// tells it: the session slides, and Sessions.Checked is true from here on. It
// takes no lock, does nothing to a session that is over, and never moves
// backwards.
func (l *Live) Accept(now time.Time) {
	t := l.owner.clock.at(now)
	if !l.alive(t) {
		return
	}
	for {
		seen := l.seen.Load()
		if t <= seen || l.seen.CompareAndSwap(seen, t) {
			break
		}
	}
	if !l.accepted.Load() {
		l.accepted.Store(true)
		l.owner.acceptedFirst()
	}
	if l.left.Load() {
		l.owner.mu.Lock()
		l.owner.remember(l)
		l.owner.mu.Unlock()
	}
}

// never is a time that does not come.
const never = math.MaxInt64

// claimTime is for how long a recheck that Due has claimed is nobody else's.
const claimTime = 30 * time.Second

// Due reports whether the session's provider has to be asked again at now, as
// time.Now tells it, whether the person is still who they were. It is true once,
// for one caller, who sees to it that Sessions.Update or Sessions.Postpone
// follows; should neither, it is true again after half a minute. It takes no
// lock. A session without a token to ask with is never due.
func (l *Live) Due(now time.Time) bool {
	due := l.due.Load()
	if due == never {
		return false
	}
	t := l.owner.clock.at(now)
	return t >= due && l.alive(t) && l.due.CompareAndSwap(due, t+int64(claimTime))
}

// alive reports whether the session can still be used at t.
func (l *Live) alive(t int64) bool {
	return !l.ended.Load() && t < l.expires.Load() && !l.idle(t)
}

func (l *Live) idle(t int64) bool { return l.owner.idle(t, l.seen.Load()) }

// idle reports whether a session that was last seen at that time has been unused
// for too long at t.
func (s *Sessions) idle(t, seen int64) bool {
	terms := s.terms.Load()
	idle := int64(terms.idle)
	return idle > 0 && t-seen >= idle+int64(terms.lag)
}

// cache holds at most limit sessions for each of its shards.
type cache struct {
	seed   maphash.Seed
	limit  int
	shards []shard
	keys   map[Key]*Live // the same sessions by key; guarded by Sessions.mu
}

type shard struct {
	mu     sync.RWMutex
	values map[string]*Live
	_      [32]byte // keeps two shards' locks on different cache lines
}

func newCache(size int) cache {
	// Shards fill unevenly; where few would fit into each, one is better.
	n := 1
	if size >= shardCount*shardCount {
		n = shardCount
	}
	c := cache{
		seed:   maphash.MakeSeed(),
		limit:  size / n,
		shards: make([]shard, n),
		keys:   make(map[Key]*Live),
	}
	for i := range c.shards {
		c.shards[i].values = make(map[string]*Live)
	}
	return c
}

func (c *cache) shard(value string) *shard {
	if len(c.shards) == 1 {
		return &c.shards[0]
	}
	return &c.shards[maphash.String(c.seed, value)%uint64(len(c.shards))]
}

// get returns the session of a cookie value, or nil. It may be over.
func (c *cache) get(value string) *Live {
	s := c.shard(value)
	s.mu.RLock()
	l := s.values[value]
	s.mu.RUnlock()
	return l
}

// put adds the session and returns the one that had to leave for it, or nil.
// Its value is copied: it was a piece of a request's header.
func (c *cache) put(l *Live) (evicted *Live) {
	l.value = strings.Clone(l.value)
	s := c.shard(l.value)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.values) >= c.limit {
		evicted = s.stalest()
		delete(s.values, evicted.value)
		delete(c.keys, evicted.session.Key)
		evicted.left.Store(true)
	}
	s.values[l.value] = l
	c.keys[l.session.Key] = l
	return evicted
}

// replace puts l in the place of old, which is in the cache and has the same
// cookie value.
func (c *cache) replace(old, l *Live) {
	s := c.shard(old.value)
	s.mu.Lock()
	s.values[old.value] = l
	s.mu.Unlock()
	c.keys[l.session.Key] = l
}

// stalest returns the entry, of a few, whose last accepted check lies back
// longest. A map is ranged over from a random place on, so that nobody can
// choose who is looked at.
func (s *shard) stalest() (stalest *Live) {
	n := 0
	for _, l := range s.values {
		if stalest == nil || l.seen.Load() < stalest.seen.Load() {
			stalest = l
		}
		if n++; n == evictFrom {
			break
		}
	}
	return stalest
}

// remove takes the session out, if it is this very one that is in.
func (c *cache) remove(l *Live) {
	if c.keys[l.session.Key] != l {
		return
	}
	delete(c.keys, l.session.Key)
	s := c.shard(l.value)
	s.mu.Lock()
	delete(s.values, l.value)
	s.mu.Unlock()
}

// all returns every session in the cache, shard by shard, so that no lock is
// held for longer than one shard takes.
func (c *cache) all() []*Live {
	var all []*Live
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		for _, l := range s.values {
			all = append(all, l)
		}
		s.mu.RUnlock()
	}
	return all
}

package session

// What sessions are made from, and the calls of a sign-in and a check. How a
// session is had from the store is in load.go, how it is changed in update.go,
// how it ends in end.go, how all are told in list.go, what goes on behind it all in
// run.go, how secrets change under it in secrets.go, and lifetimes in change.go.

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	defaultCacheSize = 100_000
	maxCookieValue   = 255             // bytes of a sealed ticket; longer values are not looked at
	storeTimeout     = 5 * time.Second // for one call of the store that outlives its request
)

// Config says how sessions live. Store, Secrets and Max are required.
type Config struct {
	Store   Store
	Secrets [][]byte // each at least 32 bytes; the first seals, all open

	Idle time.Duration // a session without an accepted check for this long is over; 0 means never
	Max  time.Duration // a session this old is over, used or not

	Recheck time.Duration // how long the provider's word counts before Live.Due asks for another; 0 means for ever

	CacheSize   int // sessions in the hot cache, at most; 0 means 100,000
	MaxPerUser  int // sessions of one person (issuer and subject), at most; 0 means any number
	MaxSessions int // sessions in the store, at most, but for those that come while Run makes room; 0 means any number

	// Prepare is called once when a session enters the hot cache; what it
	// returns is Live.Prepared, unless Live.SetPrepared was called. It is given the tokens too, which the cache itself
	// does not keep. It may keep parts of the session, must not change it, and may
	// run several times at once. nil for none.
	Prepare func(*Session) any

	// OnEvent hears of each session that was "created", is "signed_out" (or
	// what EndAll was told to call it), was "revoked" by its provider or
	// "revoked_by_administrator" (RevokeAll), had to end because there were
	// more than MaxPerUser ("over_user_limit") or MaxSessions ("over_limit"),
	// or is "expired", which is counted when a sweep removes it from the store;
	// and of each that was "evicted" from the hot cache to make
	// room, which costs it nothing but a look-up. It must be quick. nil
	// for none.
	OnEvent func(event string)

	// OnEnd hears of each session that ends, once, in the process that ended it:
	// what OnEvent calls it, "idle" or "max" in the place of "expired", and the
	// session without its tokens. Of one that cannot be read it has the key alone,
	// and of one that the store has removed by itself nothing. It is called from
	// several goroutines at once and must not wait. nil for none; with it, a sweep
	// looks over the whole store first.
	OnEnd func(event string, ended Session)

	// OnStoreError hears of each call of the store that failed, by its
	// name in lower case: "save", "load", "replace", "delete",
	// "touch", "find", "sweep", "scan", "len", "lock", "note". nil for none.
	OnStoreError func(op string)

	// OnStore hears of each call of the store that somebody waits for when it
	// begins, by its name as OnStoreError has it, and of its end by calling what it
	// returns; the call is made with the context that it returns. nil for none.
	OnStore func(ctx context.Context, op string) (context.Context, func(error))

	Log *slog.Logger // nil for none
}

// Sessions is every session of this process's applications: a hot cache and
// the seals over a store. It is safe for many goroutines at once.
type Sessions struct {
	config Config
	log    *slog.Logger
	clock  clock

	terms    atomic.Pointer[terms]
	keyring  atomic.Pointer[keyring] // stored with mu held
	shared   Shared                  // the store, where other processes use it too; else nil
	trusted  atomic.Int64            // until when the hot cache may answer, by clock; forever without others
	firsts   chan struct{}           // a session was accepted for the first time, which others may ask for
	changing chan struct{}           // the terms are others; holds one
	owing    chan struct{}           // a shared store answers, and there are ended sessions to delete from it

	flushing sync.Mutex // held while Seen is written to the store
	updating updateLocks

	made atomic.Int64  // sessions created
	full chan struct{} // tells Run to look whether there are too many; holds one

	// mu guards everything below, and writing to hot. It is never held
	// across a call of the store.
	mu      sync.Mutex
	hot     cache
	flights map[Key]*flight // loads from the store that are under way
	ended   map[Key]int64   // ended here, perhaps still in the store: until when to remember
	deleted map[Key]int64   // deleted from a shared store, and when: it may forget that
	unsaved map[Key]int64   // seen of sessions that left the hot cache before it was written
}

// New returns Sessions over the store. Run must be running for idle times to
// reach the store, and Close called at the end.
func New(c Config) (*Sessions, error) {
	if c.Store == nil {
		return nil, errors.New("preparing sessions: no store is given")
	}
	if c.CacheSize < 0 {
		return nil, fmt.Errorf("preparing sessions: the cache size must not be negative, got %d", c.CacheSize)
	}
	if c.CacheSize == 0 {
		c.CacheSize = defaultCacheSize
	}
	secrets := c.Secrets
	c.Secrets = nil
	s := &Sessions{
		config:  c,
		log:     c.Log,
		clock:   newClock(),
		full:    make(chan struct{}, 1),
		hot:     newCache(c.CacheSize),
		flights: make(map[Key]*flight),
		ended:   make(map[Key]int64),
		deleted: make(map[Key]int64),
		unsaved: make(map[Key]int64),

		firsts: make(chan struct{}, 1),
		owing:  make(chan struct{}, 1),

		changing: make(chan struct{}, 1),
	}
	s.trusted.Store(forever)
	if s.shared, _ = c.Store.(Shared); s.shared != nil {
		s.trusted.Store(0)
	}
	t, err := s.newTerms(c)
	if err != nil {
		return nil, fmt.Errorf("preparing sessions: %w", err)
	}
	s.terms.Store(t)
	s.observe()
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	ring, err := newKeyring(secrets, c.Max)
	if err != nil {
		return nil, fmt.Errorf("preparing sessions: %w", err)
	}
	s.keyring.Store(ring)
	return s, nil
}

// String is there so that no key is ever printed.
func (s *Sessions) String() string { return "sessions" }

// GoString is String.
func (s *Sessions) GoString() string { return s.String() }

// Create begins a session: it draws a new ticket, saves the record, and
// returns the ticket sealed under cookieName, fewer than 256 bytes to be set as
// that cookie's value. What is over Config.MaxPerUser ends. Key, Created, Rechecked and Expires of sess are set here
// and what they held does not count.
//
// An error Is ErrStore, or is that of a broken system; then there is no session.
func (s *Sessions) Create(ctx context.Context, cookieName string, sess Session) (value string, key Key, err error) {
	ticket := make([]byte, 32)
	rand.Read(ticket) // never fails: it would end the process
	ring := s.keyring.Load()
	value, err = ring.seal.Seal(cookieName, ticket)
	if err != nil {
		return "", Key{}, fmt.Errorf("creating a session: %w", err)
	}
	now := s.clock.now()
	sess.Key = sha256.Sum256(ticket)
	sess.Created = instant(now)
	sess.Rechecked = sess.Created
	sess.Expires = sess.Created.Add(s.terms.Load().max)
	if err := s.config.Store.Save(ctx, sess.Key, ring.records.record(&sess, sess.Created)); err != nil {
		return "", Key{}, s.storeError("save", err)
	}
	s.event("created")
	s.limitPerson(ctx, &sess)
	s.limitAll()
	return value, sess.Key, nil
}

// Find answers a check: it returns the session that the value of the cookie
// called cookieName opens. A session that is hot costs one look-up; a value
// that was not sealed here costs a MAC and never reaches the store. Finding is
// not accepting: see Live.Accept.
//
// The error is ErrNone, or Is ErrStore if the store cannot be asked and the session
// is not hot, or the hot cache may not be trusted any more: see Shared.
func (s *Sessions) Find(ctx context.Context, cookieName, value string) (*Live, error) {
	if len(value) == 0 || len(value) > maxCookieValue {
		return nil, ErrNone
	}
	l := s.hot.get(value)
	if l == nil {
		return s.findStored(ctx, cookieName, value)
	}
	if l.cookie != cookieName {
		return nil, ErrNone
	}
	now := s.clock.now()
	if l.alive(now) {
		if s.trusts(now) {
			return l, nil
		}
		return s.findStored(ctx, cookieName, value)
	}
	s.drop(l)
	if now < l.expires.Load() && !l.ended.Load() {
		// Idle as far as this process knows; another one may have seen it.
		return s.findStored(ctx, cookieName, value)
	}
	return nil, ErrNone
}

// FindHot is Find for who must not wait: it asks neither the seal nor the store.
// known is false where only they can tell; otherwise the session is nil if the
// value opens none.
func (s *Sessions) FindHot(cookieName, value string) (live *Live, known bool) {
	if len(value) == 0 || len(value) > maxCookieValue {
		return nil, true
	}
	l := s.hot.get(value)
	switch {
	case l == nil:
		return nil, false
	case l.cookie != cookieName:
		return nil, true
	}
	if now := s.clock.now(); l.alive(now) && s.trusts(now) {
		return l, true
	}
	return nil, false
}

// Load returns the whole session with its tokens, from the store: for sign-out
// and the recheck. The error is ErrNone or Is ErrStore.
func (s *Sessions) Load(ctx context.Context, key Key) (Session, error) {
	s.mu.Lock()
	_, ended := s.ended[key]
	s.mu.Unlock()
	if ended {
		return Session{}, ErrNone
	}
	sess, seen, err := s.load(ctx, key)
	if err != nil {
		return Session{}, err
	}
	now := s.clock.now()
	if now >= sess.Expires.UnixNano() || s.idle(now, seen) {
		return Session{}, ErrNone
	}
	return sess, nil
}

// Checked reports whether a check of the session has been accepted at since or
// later, as far as this process knows; the store is asked where other processes
// share it, one of which may have accepted it. The zero time is the session's
// beginning. Where the store cannot be asked, nobody has.
func (s *Sessions) Checked(ctx context.Context, key Key, since time.Time) bool {
	var from int64
	if !since.IsZero() {
		from = s.clock.at(since)
	}
	return s.checkedHere(key, from) || s.shared != nil && s.checkedElsewhere(ctx, key, from)
}

func (s *Sessions) checkedHere(key Key, from int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.hot.keys[key]; l != nil {
		return l.accepted.Load() && l.seen.Load() >= from
	}
	seen, unsaved := s.unsaved[key]
	return unsaved && seen >= from
}

// Len returns the number of sessions in the store, those that are over but not
// yet swept included. An error Is ErrStore.
func (s *Sessions) Len(ctx context.Context) (int, error) {
	n, err := s.config.Store.Len(ctx)
	if err != nil {
		return 0, s.storeError("len", err)
	}
	return n, nil
}

// drop takes a session that is over out of the hot cache.
func (s *Sessions) drop(l *Live) {
	s.mu.Lock()
	s.hot.remove(l)
	s.mu.Unlock()
}

func (s *Sessions) event(event string) {
	if s.config.OnEvent != nil {
		s.config.OnEvent(event)
	}
}

// storeError counts a failed call of the store and says which it was.
func (s *Sessions) storeError(op string, err error) error {
	if s.config.OnStoreError != nil {
		s.config.OnStoreError(op)
	}
	return fmt.Errorf("%w: %s: %w", ErrStore, op, err)
}

package storetest

// A shared store for tests that need no server: several processes in one, all
// in memory, which can be cut off.

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"outpost/session"
	"outpost/session/memory"
)

// Hub is what a server would be.
type Hub struct {
	store session.Store

	mu       sync.Mutex
	down     bool
	silent   bool
	locks    map[session.Key]*lock
	watchers map[*session.Watcher]bool
	loads    int
	sweeps   int
	notes    map[session.Key]note
}

type lock struct{ until time.Time }

type note struct{ at, until time.Time }

var errDown = errors.New("the server is down")

// NewHub returns one without records.
func NewHub() *Hub {
	return &Hub{store: memory.New(), locks: make(map[session.Key]*lock), notes: make(map[session.Key]note), watchers: make(map[*session.Watcher]bool)}
}

// Open returns the store as one more process sees it.
func (h *Hub) Open() session.Shared { return &process{hub: h} }

// Down makes every call fail, or work again; when it works again everybody is
// told that something may have been missed.
func (h *Hub) Down(down bool) {
	h.mu.Lock()
	h.down = down
	h.mu.Unlock()
	if !down {
		h.tell(func(w session.Watcher) { w.Lost() })
	}
}

// Silence keeps what changes from everybody, as a connection that hangs does.
func (h *Hub) Silence(silent bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.silent = silent
}

// Loads returns how often a record has been asked for.
func (h *Hub) Loads() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.loads
}

// Sweeps returns how often a sweep was asked for.
func (h *Hub) Sweeps() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sweeps
}

// Flush removes everything.
func (h *Hub) Flush() {
	h.mu.Lock()
	h.store = memory.New()
	h.mu.Unlock()
	h.tell(func(w session.Watcher) { w.Lost() })
}

func (h *Hub) tell(f func(session.Watcher)) {
	h.mu.Lock()
	var all []session.Watcher
	if !h.silent {
		for w := range h.watchers {
			all = append(all, *w)
		}
	}
	h.mu.Unlock()
	for _, w := range all {
		f(w)
	}
}

func (h *Hub) changed(key session.Key) { h.tell(func(w session.Watcher) { w.Changed(key) }) }

// process is a session.Shared.
type process struct {
	hub    *Hub
	closed bool // guarded by hub.mu
}

func (p *process) call(ctx context.Context) (session.Store, error) {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	if p.closed {
		return nil, errors.New("the store is closed")
	}
	if p.hub.down {
		return nil, errDown
	}
	return p.hub.store, ctx.Err()
}

// write runs a call that changes one record, and tells everybody.
func (p *process) write(ctx context.Context, key session.Key, call func(session.Store) error) error {
	s, err := p.call(ctx)
	if err != nil {
		return err
	}
	if err := call(s); err != nil {
		return err
	}
	p.hub.changed(key)
	return nil
}

func (p *process) Save(ctx context.Context, key session.Key, r session.Record) error {
	return p.write(ctx, key, func(s session.Store) error { return s.Save(ctx, key, r) })
}

func (p *process) Replace(ctx context.Context, key session.Key, r session.Record) error {
	return p.write(ctx, key, func(s session.Store) error { return s.Replace(ctx, key, r) })
}

func (p *process) Exchange(ctx context.Context, key session.Key, old []byte, r session.Record) error {
	return p.write(ctx, key, func(s session.Store) error {
		p.hub.mu.Lock()
		defer p.hub.mu.Unlock()
		now, err := s.Load(ctx, key)
		if err != nil {
			return err
		}
		if !bytes.Equal(now.Sealed, old) {
			return session.ErrChanged
		}
		return s.Replace(ctx, key, r)
	})
}

func (p *process) Load(ctx context.Context, key session.Key) (session.Record, error) {
	s, err := p.call(ctx)
	if err != nil {
		return session.Record{}, err
	}
	p.hub.mu.Lock()
	p.hub.loads++
	p.hub.mu.Unlock()
	return s.Load(ctx, key)
}

func (p *process) Delete(ctx context.Context, key session.Key) error {
	return p.write(ctx, key, func(s session.Store) error { return s.Delete(ctx, key) })
}

func (p *process) Touch(ctx context.Context, seen map[session.Key]time.Time) error {
	s, err := p.call(ctx)
	if err != nil {
		return err
	}
	return s.Touch(ctx, seen)
}

func (p *process) Find(ctx context.Context, index session.Key) ([]session.Key, error) {
	s, err := p.call(ctx)
	if err != nil {
		return nil, err
	}
	return s.Find(ctx, index)
}

func (p *process) Sweep(ctx context.Context, now time.Time, idle time.Duration) (int, error) {
	s, err := p.call(ctx)
	if err != nil {
		return 0, err
	}
	p.hub.mu.Lock()
	p.hub.sweeps++
	p.hub.mu.Unlock()
	return s.Sweep(ctx, now, idle)
}

func (p *process) Scan(ctx context.Context, yield func(session.Key, session.Record) bool) error {
	s, err := p.call(ctx)
	if err != nil {
		return err
	}
	return s.Scan(ctx, yield)
}

func (p *process) Len(ctx context.Context) (int, error) {
	s, err := p.call(ctx)
	if err != nil {
		return 0, err
	}
	return s.Len(ctx)
}

func (p *process) Lock(ctx context.Context, key session.Key, hold time.Duration) (func(), error) {
	if _, err := p.call(ctx); err != nil {
		return nil, err
	}
	h := p.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if l := h.locks[key]; l != nil && time.Now().Before(l.until) {
		return nil, session.ErrLocked
	}
	mine := &lock{time.Now().Add(hold)}
	h.locks[key] = mine
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.locks[key] == mine {
			delete(h.locks, key)
		}
	}, nil
}

func (p *process) Note(ctx context.Context, key session.Key, at time.Time, hold time.Duration) error {
	if _, err := p.call(ctx); err != nil {
		return err
	}
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	p.hub.notes[key] = note{at, time.Now().Add(hold)}
	return nil
}

func (p *process) Noted(ctx context.Context, key session.Key) (time.Time, error) {
	if _, err := p.call(ctx); err != nil {
		return time.Time{}, err
	}
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	if n := p.hub.notes[key]; time.Now().Before(n.until) {
		return n.at, nil
	}
	return time.Time{}, nil
}

func (p *process) Watch(ctx context.Context, w session.Watcher) {
	h := p.hub
	h.mu.Lock()
	h.watchers[&w] = true
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.watchers, &w)
		h.mu.Unlock()
	}()
	w.Lost()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		h.mu.Lock()
		cut := h.down || h.silent
		h.mu.Unlock()
		if !cut {
			w.Current(time.Now())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (p *process) Close() error {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	p.closed = true
	return nil
}

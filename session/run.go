package session

// What goes on behind the checks: what they moved in memory is written down in
// batches, sessions that are over are swept out, ended ones that the store
// would not delete are tried again.

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	flushEvery = 30 * time.Second // what a crash may take from idle times
	sweepEvery = 5 * time.Minute
	touchBatch = 4096 // records in one write of the store
)

// Run does the work behind the checks until ctx is done, then writes down once
// more what there is to write, and returns. It is called once.
func (s *Sessions) Run(ctx context.Context) {
	every := flushEvery
	if s.shared != nil {
		every = s.terms.Load().lag
		var watching sync.WaitGroup
		watching.Go(func() { s.watch(ctx) })
		defer watching.Wait()
	}
	flush := time.NewTicker(every)
	defer flush.Stop()
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	var first <-chan time.Time // nil unless a first check waits to be written down
	// Clearing up may take minutes, and idle times are not to wait for it.
	var clearing sync.WaitGroup
	var busy atomic.Bool
	clearUp := func(work func(context.Context)) {
		if busy.CompareAndSwap(false, true) {
			clearing.Go(func() {
				defer busy.Store(false)
				work(ctx)
			})
		}
	}
	for {
		select {
		case <-ctx.Done():
			clearing.Wait()
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
			defer cancel()
			s.flushLogged(last)
			return
		case <-s.changing:
			if s.shared != nil {
				flush.Reset(s.terms.Load().lag)
			}
		case <-s.firsts:
			if first == nil {
				first = time.After(soon)
			}
		case <-first:
			first = nil
			s.flushLogged(ctx)
		case <-s.owing:
			s.retryEnded(ctx)
		case <-flush.C:
			s.retryEnded(ctx)
			s.flushLogged(ctx)
		case <-s.full:
			clearUp(s.makeRoom)
		case <-sweep.C:
			clearUp(func(ctx context.Context) {
				s.sweep(ctx)
				s.makeRoom(ctx) // others may share the store
			})
		}
	}
}

// Close writes down what there is to write and closes the store. No call may
// follow.
func (s *Sessions) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	flushErr := s.flush(ctx)
	if err := s.config.Store.Close(); err != nil {
		return fmt.Errorf("closing the session store: %w", err)
	}
	return flushErr
}

func (s *Sessions) flushLogged(ctx context.Context) {
	if err := s.flush(ctx); err != nil {
		s.log.ErrorContext(ctx, "idle times of sessions could not be written; they are kept in memory and tried again", "cause", err)
	}
}

// flush writes down when sessions were last seen, where that has moved.
func (s *Sessions) flush(ctx context.Context) error {
	s.flushing.Lock()
	defer s.flushing.Unlock()

	seen := make(map[Key]time.Time)
	lives := make(map[Key]*Live)
	touch := func() error {
		if len(seen) == 0 {
			return nil
		}
		if err := s.config.Store.Touch(ctx, seen); err != nil {
			return s.storeError("touch", err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for key, t := range seen {
			if l := lives[key]; l != nil {
				l.saved.Store(t.UnixNano())
			}
			if s.unsaved[key] <= t.UnixNano() {
				delete(s.unsaved, key)
			}
		}
		clear(seen)
		clear(lives)
		return nil
	}

	s.mu.Lock()
	left := make(map[Key]int64, len(s.unsaved))
	for key, t := range s.unsaved {
		left[key] = t
	}
	s.mu.Unlock()
	for _, l := range s.hot.all() {
		t := l.seen.Load()
		if t <= l.saved.Load() {
			continue
		}
		key := l.session.Key
		seen[key], lives[key] = instant(max(t, left[key])), l
		delete(left, key)
		if len(seen) == touchBatch {
			if err := touch(); err != nil {
				return err
			}
		}
	}
	for key, t := range left {
		seen[key] = instant(t)
		if len(seen) == touchBatch {
			if err := touch(); err != nil {
				return err
			}
		}
	}
	return touch()
}

// remember keeps what a session that has left the cache has not yet written
// down, with the one that took its place if there is one. It needs mu.
// Should the store take nothing for so long that as many have gathered as the
// cache may hold, the rest go unwritten: those sessions are idle a little early.
func (s *Sessions) remember(l *Live) {
	if now := s.hot.keys[l.session.Key]; now != nil {
		now.inherit(l)
		return
	}
	t := l.seen.Load()
	if t <= l.saved.Load() || l.ended.Load() || len(s.unsaved) >= s.config.CacheSize {
		return
	}
	s.unsaved[l.session.Key] = max(t, s.unsaved[l.session.Key])
}

// sweep removes the sessions that are over, from the store and from memory.
func (s *Sessions) sweep(ctx context.Context) {
	// Nothing that was accepted before now may look idle to the store.
	now := s.clock.now()
	if err := s.flush(ctx); err != nil {
		s.log.ErrorContext(ctx, "sessions were not swept, since idle times could not be written", "cause", err)
		return
	}
	for _, l := range s.hot.all() {
		if !l.alive(now) {
			s.drop(l)
		}
	}
	s.mu.Lock()
	for key, until := range s.ended {
		if until <= now {
			delete(s.ended, key)
		}
	}
	s.mu.Unlock()

	if !s.maySweep(ctx) {
		return
	}
	terms := s.terms.Load()
	idle := terms.idle
	if idle > 0 {
		idle += 2 * terms.lag // what others have accepted may not have been written down yet
	}
	over := s.findOver(ctx, instant(now), idle)
	removed, err := s.config.Store.Sweep(ctx, instant(now), idle)
	s.tellOver(ctx, over, removed)
	for range removed {
		s.event("expired")
	}
	if err != nil {
		s.log.ErrorContext(ctx, "sessions that are over could not be swept out of the store", "cause", s.storeError("sweep", err))
	}
}

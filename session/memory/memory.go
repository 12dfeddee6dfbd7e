// Package memory keeps sessions in this process alone: for tests, and for
// those who want every restart to sign everybody out.
//
// Nothing is written anywhere, and nothing bounds it but the sweep: see
// session/file for the store that survives.
package memory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"outpost/session"
)

// step is how many records a sweep or a scan looks at before it lets others in.
const step = 1000

var errClosed = errors.New("the store is closed")

type store struct {
	mu      sync.RWMutex
	closed  bool
	records map[session.Key]session.Record
	indexes map[session.Key]map[session.Key]bool // index → keys
}

// New returns an empty store.
func New() session.Store {
	return &store{
		records: make(map[session.Key]session.Record),
		indexes: make(map[session.Key]map[session.Key]bool),
	}
}

func (s *store) Save(ctx context.Context, key session.Key, r session.Record) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.put(key, r)
	return nil
}

func (s *store) Replace(ctx context.Context, key session.Key, r session.Record) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	old, ok := s.records[key]
	if !ok {
		return session.ErrNone
	}
	if old.Seen.After(r.Seen) {
		r.Seen = old.Seen
	}
	s.put(key, r)
	return nil
}

func (s *store) Load(ctx context.Context, key session.Key) (session.Record, error) {
	if err := s.rlock(ctx); err != nil {
		return session.Record{}, err
	}
	defer s.mu.RUnlock()
	r, ok := s.records[key]
	if !ok {
		return session.Record{}, session.ErrNone
	}
	return clone(r), nil
}

func (s *store) Delete(ctx context.Context, key session.Key) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.remove(key)
	return nil
}

func (s *store) Touch(ctx context.Context, seen map[session.Key]time.Time) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for key, t := range seen {
		if r, ok := s.records[key]; ok && t.After(r.Seen) {
			r.Seen = t
			s.records[key] = r
		}
	}
	return nil
}

func (s *store) Find(ctx context.Context, index session.Key) ([]session.Key, error) {
	if err := s.rlock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	return slices.Collect(maps.Keys(s.indexes[index])), nil
}

// Sweep lets others in between two steps, and goes on in the same map: ranging
// over one takes note of what is deleted meanwhile, and may or may not of what
// is added.
func (s *store) Sweep(ctx context.Context, now time.Time, idle time.Duration) (removed int, err error) {
	if err := s.lock(ctx); err != nil {
		return 0, err
	}
	looked := 0
	for key, r := range s.records {
		if looked++; looked%step == 0 {
			s.mu.Unlock()
			if err := s.lock(ctx); err != nil {
				return removed, err
			}
			r = s.records[key] // it may have been touched; gone, it is over
		}
		if !now.Before(r.Expires) || idle > 0 && now.Sub(r.Seen) >= idle {
			if _, ok := s.records[key]; ok {
				s.remove(key)
				removed++
			}
		}
	}
	s.mu.Unlock()
	return removed, nil
}

func (s *store) Scan(ctx context.Context, yield func(session.Key, session.Record) bool) error {
	type entry struct {
		key    session.Key
		record session.Record
	}
	var found []entry
	hand := func() bool {
		for _, e := range found {
			if !yield(e.key, e.record) {
				return false
			}
		}
		found = found[:0]
		return true
	}

	if err := s.rlock(ctx); err != nil {
		return err
	}
	for key, r := range s.records { // goes on as Sweep does
		found = append(found, entry{key, clone(r)})
		if len(found) < step {
			continue
		}
		s.mu.RUnlock()
		if !hand() {
			return nil
		}
		if err := s.rlock(ctx); err != nil {
			return err
		}
	}
	s.mu.RUnlock()
	hand()
	return nil
}

func (s *store) Len(ctx context.Context) (int, error) {
	if err := s.rlock(ctx); err != nil {
		return 0, err
	}
	defer s.mu.RUnlock()
	return len(s.records), nil
}

func (s *store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.records, s.indexes = true, nil, nil
	return nil
}

// put writes a record in the place of the one that is there, if one is. It needs
// the lock.
func (s *store) put(key session.Key, r session.Record) {
	s.unindex(key)
	s.records[key] = clone(r)
	for _, index := range r.Indexes {
		if s.indexes[index] == nil {
			s.indexes[index] = make(map[session.Key]bool)
		}
		s.indexes[index][key] = true
	}
}

// remove takes the record and its indexes out. It needs the lock.
func (s *store) remove(key session.Key) {
	s.unindex(key)
	delete(s.records, key)
}

// unindex takes the record's indexes out. It needs the lock.
func (s *store) unindex(key session.Key) {
	for _, index := range s.records[key].Indexes {
		delete(s.indexes[index], key)
		if len(s.indexes[index]) == 0 {
			delete(s.indexes, index)
		}
	}
}

// lock takes the lock to write. On an error the caller does not hold it.
func (s *store) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errClosed
	}
	return nil
}

// rlock takes the lock to read. On an error the caller does not hold it.
func (s *store) rlock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return errClosed
	}
	return nil
}

// clone copies what the record points to, so that nobody shares it.
func clone(r session.Record) session.Record {
	r.Sealed = slices.Clone(r.Sealed)
	r.Indexes = slices.Clone(r.Indexes)
	return r
}

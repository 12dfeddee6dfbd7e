package file

// How writers share a commit. bbolt's own Batch would do the same, but it
// commits in a goroutine of its own, where a panic on a damaged page could not
// be caught and would end the process, and it waits for company even when there
// is none. Here whoever comes first commits what is waiting, and what comes
// meanwhile waits for the next.

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"outpost/session"
)

// write is one writer's part of a commit.
type write struct {
	do func(*bbolt.Tx) (delta int, err error)

	// Written by whoever commits, and read after; both hold Store.commit.
	done bool
	err  error
}

// write runs do in a transaction that it may share with other writers', and
// returns when it is on the disk. delta is by how much do changes the number of
// records. An error of one ends the whole transaction: nothing but a broken
// disk or a broken file makes do fail.
func (s *Store) write(ctx context.Context, do func(*bbolt.Tx) (delta int, err error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.verified:
	case <-ctx.Done():
		return fmt.Errorf("waiting for the check of the session file, before which nothing is written: %w", ctx.Err())
	}
	w := &write{do: do}
	s.queueMu.Lock()
	s.queue = append(s.queue, w)
	s.queueMu.Unlock()

	s.commit.Lock()
	defer s.commit.Unlock()
	if w.done {
		return w.err
	}
	s.queueMu.Lock()
	group := s.queue
	s.queue = nil
	s.queueMu.Unlock()

	err := s.commitGroup(group)
	for _, w := range group {
		w.done, w.err = true, err
	}
	return err
}

// commitGroup runs the writes of the group in one transaction.
func (s *Store) commitGroup(group []*write) error {
	if s.broken.Load() {
		return fmt.Errorf("%w: nothing is written to it until outpost has been restarted, which sets it aside", errCorrupt)
	}
	delta := 0
	err := guard(func() error {
		return s.db.Load().Update(func(tx *bbolt.Tx) error {
			for _, w := range group {
				n, err := w.do(tx)
				if err != nil {
					return err
				}
				delta += n
			}
			if delta == 0 {
				return nil
			}
			return putCount(tx, s.len.Load()+int64(delta))
		})
	})
	if err != nil {
		if errors.Is(err, errCorrupt) {
			// bbolt stopped half-way, perhaps with its locks held.
			s.broken.Store(true)
			s.reportDamage(err)
		}
		return fmt.Errorf("writing the session file: %w%s", err, hint(err))
	}
	s.len.Add(int64(delta))
	return nil
}

// read runs do in a read transaction.
func (s *Store) read(ctx context.Context, do func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	db := s.db.Load()
	err := guard(func() error { return db.View(do) })
	if errors.Is(err, bbolterrors.ErrDatabaseNotOpen) && s.db.Load() != db {
		return s.read(ctx, do) // it was replaced meanwhile
	}
	if err == nil || errors.Is(err, session.ErrNone) {
		return err
	}
	if errors.Is(err, errCorrupt) && s.isVerified() {
		s.reportDamage(err)
	}
	return fmt.Errorf("reading the session file: %w%s", err, hint(err))
}

// isVerified reports whether the file has been checked whole. What is damaged
// before that is about to be set aside, and said then.
func (s *Store) isVerified() bool {
	select {
	case <-s.verified:
		return true
	default:
		return false
	}
}

func (s *Store) reportDamage(err error) {
	s.damage.Do(func() {
		s.log.Error("the session file has been damaged while in use; restart outpost, which sets it aside, and check the disk", "cause", err)
	})
}

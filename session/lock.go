package session

// What the processes that share a store tell each other besides the records: who
// is at something that one alone may do, and what has ended. Where there is one
// process these do nothing.

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"
)

// recheckHold is longer than a recheck takes at its slowest.
const recheckHold = time.Minute

// LockRecheck sees to it that one process alone asks the provider about the
// session: a refresh token is good once. The error is ErrLocked where another
// one does, or Is ErrStore; without one the caller loads the session anew, since
// another process may just have been done with it, and calls unlock at the end.
func (s *Sessions) LockRecheck(ctx context.Context, key Key) (unlock func(), err error) {
	if s.shared == nil {
		return func() {}, nil
	}
	return s.lock(ctx, key, recheckHold)
}

func (s *Sessions) lock(ctx context.Context, key Key, hold time.Duration) (unlock func(), err error) {
	unlock, err = s.shared.Lock(ctx, key, hold)
	if err != nil && !errors.Is(err, ErrLocked) {
		return nil, s.storeError("lock", err)
	}
	return unlock, err
}

// Note tells the processes that share the store that something has happened at
// that time, under each of the keys, for hold. Without others it does nothing:
// what happens here the caller knows. An error Is ErrStore.
func (s *Sessions) Note(ctx context.Context, keys []Key, at time.Time, hold time.Duration) error {
	if s.shared == nil {
		return nil
	}
	for _, key := range keys {
		if err := s.shared.Note(ctx, key, at, hold); err != nil {
			return s.storeError("note", err)
		}
	}
	return nil
}

// Noted returns the latest time that has been noted under any of the keys; the
// zero time where there is none, as without others there never is. An error Is
// ErrStore.
func (s *Sessions) Noted(ctx context.Context, keys []Key) (latest time.Time, err error) {
	if s.shared == nil {
		return time.Time{}, nil
	}
	for _, key := range keys {
		at, err := s.shared.Noted(ctx, key)
		if err != nil {
			return time.Time{}, s.storeError("note", err)
		}
		if at.After(latest) {
			latest = at
		}
	}
	return latest, nil
}

// Once returns nil to one process of those that share the store, within hold, and
// ErrLocked to the others; undo takes it back. Without others it is nil always.
// Any other error Is ErrStore.
func (s *Sessions) Once(ctx context.Context, key Key, hold time.Duration) (undo func(), err error) {
	if s.shared == nil {
		return func() {}, nil
	}
	return s.lock(ctx, key, hold)
}

// sweepLock is what keeps processes from sweeping one after the other.
var sweepLock = Key(sha256.Sum256([]byte("sweep")))

// maySweep reports whether it is this process that sweeps the store this time.
func (s *Sessions) maySweep(ctx context.Context) bool {
	if s.shared == nil {
		return true
	}
	// Never unlocked: the others' turns come within the same time.
	_, err := s.lock(ctx, sweepLock, sweepEvery-sweepEvery/10)
	if err != nil && !errors.Is(err, ErrLocked) {
		s.log.ErrorContext(ctx, "sessions that are over could not be swept out of the store", "cause", err)
	}
	return err == nil
}

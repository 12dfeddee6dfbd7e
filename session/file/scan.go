package file

// How every record is read in turn without anybody waiting for it.

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"outpost/session"
)

const (
	scanLook  = 256     // records a scan copies in one read
	scanBytes = 1 << 20 // or about so many bytes of them
)

// Scan reads a step at a time and hands it on between two reads, so that yield
// may write: a write that has to enlarge the file waits for every read to end.
// A record that cannot be read is passed over, and is the error in the end.
func (s *Store) Scan(ctx context.Context, yield func(session.Key, session.Record) bool) error {
	var from []byte // where the next step begins; nil at the start
	var damaged error
	for {
		found, next, err := s.scanStep(ctx, from)
		if err != nil {
			return err
		}
		for _, e := range found {
			if e.err != nil {
				damaged = fmt.Errorf("reading the session file: %w", e.err)
			} else if !yield(e.key, e.record) {
				return nil
			}
		}
		if next == nil {
			return damaged
		}
		from = next
	}
}

// scanned is one record that a scan came by.
type scanned struct {
	key    session.Key
	record session.Record
	err    error // where it cannot be read
}

// scanStep returns the next records, and where to go on; nil at the end.
func (s *Store) scanStep(ctx context.Context, from []byte) (found []scanned, next []byte, err error) {
	err = s.read(ctx, func(tx *bbolt.Tx) error {
		lives := tx.Bucket(bucketLife)
		c := tx.Bucket(bucketSessions).Cursor()
		looked, size := 0, 0
		for k, value := c.Seek(from); k != nil; k, value = c.Next() {
			if looked++; looked > scanLook || size > scanBytes {
				next = bytes.Clone(k)
				return nil
			}
			if len(k) != len(session.Key{}) {
				continue
			}
			size += len(value)
			r, err := readRecord(value, lives.Get(k))
			if !errors.Is(err, session.ErrNone) {
				found = append(found, scanned{session.Key(k), r, err})
			}
		}
		return nil
	})
	return found, next, err
}

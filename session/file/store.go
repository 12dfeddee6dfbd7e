package file

// The calls of session.Store, and the commit that writers share.

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"outpost/session"
)

const (
	layoutVersion = "1"
	sweepLook     = 4096                  // entries a sweep looks at in one read
	sweepStep     = 64                    // records it removes in one write
	sweepPause    = 20 * time.Millisecond // between two writes, at most, and no longer than a write took
)

var (
	bucketMeta     = []byte("meta")
	bucketSessions = []byte("sessions")
	bucketLife     = []byte("life")
	bucketIndex    = []byte("index")
	keyVersion     = []byte("version")
)

var _ session.Store = (*Store)(nil)

// Save writes the record. When it returns nil the record is on the disk.
func (s *Store) Save(ctx context.Context, key session.Key, r session.Record) error {
	value, err := joinValue(r)
	if err != nil {
		return err
	}
	return s.write(ctx, func(tx *bbolt.Tx) (int, error) { return put(tx, key, r, value) })
}

// Replace writes the record in the place of the one that is there, or returns
// session.ErrNone. When it returns nil the record is on the disk.
func (s *Store) Replace(ctx context.Context, key session.Key, r session.Record) error {
	value, err := joinValue(r)
	if err != nil {
		return err
	}
	none := false
	err = s.write(ctx, func(tx *bbolt.Tx) (int, error) {
		_, seen, ok := readLife(tx.Bucket(bucketLife).Get(key[:]))
		// An error would end the other writers' transaction too.
		if none = !ok; none {
			return 0, nil
		}
		r := r
		if seen.After(r.Seen) {
			r.Seen = seen
		}
		return put(tx, key, r, value)
	})
	if err == nil && none {
		return session.ErrNone
	}
	return err
}

// put writes a record, and returns by how much it changes their number.
func put(tx *bbolt.Tx, key session.Key, r session.Record, value []byte) (int, error) {
	removed, err := remove(tx, key)
	if err != nil {
		return 0, err
	}
	if err := tx.Bucket(bucketSessions).Put(key[:], value); err != nil {
		return 0, err
	}
	if err := tx.Bucket(bucketLife).Put(key[:], life(r.Expires, r.Seen)); err != nil {
		return 0, err
	}
	for _, index := range r.Indexes {
		if err := tx.Bucket(bucketIndex).Put(append(index[:], key[:]...), nil); err != nil {
			return 0, err
		}
	}
	return 1 - removed, nil
}

// Load returns the record, or session.ErrNone.
func (s *Store) Load(ctx context.Context, key session.Key) (r session.Record, err error) {
	err = s.read(ctx, func(tx *bbolt.Tx) error {
		r, err = readRecord(tx.Bucket(bucketSessions).Get(key[:]), tx.Bucket(bucketLife).Get(key[:]))
		return err
	})
	return r, err
}

// readRecord makes a record of its two entries, either of which is nil where
// there is none: then it returns session.ErrNone.
func readRecord(value, lifeValue []byte) (session.Record, error) {
	expires, seen, ok := readLife(lifeValue)
	if value == nil || !ok {
		return session.Record{}, session.ErrNone
	}
	indexes, sealed, ok := splitValue(value)
	if !ok {
		return session.Record{}, fmt.Errorf("%w: a record has fewer bytes than it says", errCorrupt)
	}
	r := session.Record{Sealed: bytes.Clone(sealed), Expires: expires, Seen: seen}
	for len(indexes) > 0 {
		r.Indexes = append(r.Indexes, session.Key(indexes))
		indexes = indexes[len(session.Key{}):]
	}
	return r, nil
}

// Delete removes the record. When it returns nil it is gone from the disk.
func (s *Store) Delete(ctx context.Context, key session.Key) error {
	return s.write(ctx, func(tx *bbolt.Tx) (int, error) {
		removed, err := remove(tx, key)
		return -removed, err
	})
}

// Touch moves Seen forward, in one transaction.
func (s *Store) Touch(ctx context.Context, seen map[session.Key]time.Time) error {
	return s.write(ctx, func(tx *bbolt.Tx) (int, error) {
		b := tx.Bucket(bucketLife)
		for key, t := range seen {
			expires, old, ok := readLife(b.Get(key[:]))
			if !ok || !t.After(old) {
				continue
			}
			if err := b.Put(key[:], life(expires, t)); err != nil {
				return 0, err
			}
		}
		return 0, nil
	})
}

// Find returns the keys that carry the index.
func (s *Store) Find(ctx context.Context, index session.Key) (keys []session.Key, err error) {
	err = s.read(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketIndex).Cursor()
		for k, _ := c.Seek(index[:]); bytes.HasPrefix(k, index[:]); k, _ = c.Next() {
			if key := k[len(index):]; len(key) == len(session.Key{}) {
				keys = append(keys, session.Key(key))
			}
		}
		return nil
	})
	return keys, err
}

// Sweep removes what is over: it looks in reads that nobody waits for, and
// removes in writes so small that nobody notices them.
func (s *Store) Sweep(ctx context.Context, now time.Time, idle time.Duration) (removed int, err error) {
	var from []byte // where the next look begins; nil at the start
	for {
		over, next, err := s.look(ctx, from, now, idle)
		if err != nil {
			return removed, err
		}
		for len(over) > 0 {
			step := over[:min(sweepStep, len(over))]
			over = over[len(step):]
			began := time.Now()
			n, err := s.removeOver(ctx, step, now, idle)
			removed += n
			if err != nil {
				return removed, err
			}
			// Whoever signs in meanwhile finds the file free half of the time.
			time.Sleep(min(time.Since(began), sweepPause))
		}
		if next == nil {
			return removed, nil
		}
		from = next
	}
}

// look returns which of the next entries are over, and where to go on; nil at
// the end.
func (s *Store) look(ctx context.Context, from []byte, now time.Time, idle time.Duration) (over []session.Key, next []byte, err error) {
	err = s.read(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketLife).Cursor()
		n := 0
		for k, v := c.Seek(from); k != nil; k, v = c.Next() {
			if n++; n > sweepLook {
				next = bytes.Clone(k)
				return nil
			}
			if len(k) == len(session.Key{}) && isOver(v, now, idle) {
				over = append(over, session.Key(k))
			}
		}
		return nil
	})
	return over, next, err
}

// removeOver removes those of the keys that are still over.
func (s *Store) removeOver(ctx context.Context, keys []session.Key, now time.Time, idle time.Duration) (removed int, err error) {
	err = s.write(ctx, func(tx *bbolt.Tx) (int, error) {
		removed = 0
		for _, key := range keys {
			v := tx.Bucket(bucketLife).Get(key[:])
			if v == nil || !isOver(v, now, idle) {
				continue
			}
			n, err := remove(tx, key)
			if err != nil {
				return 0, err
			}
			removed += n
		}
		return -removed, nil
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

// Len returns the number of records, which is kept count of. A large file that
// does not say how many there are is counted after it has been checked.
func (s *Store) Len(ctx context.Context) (int, error) {
	if !s.counted {
		select {
		case <-s.verified:
		case <-ctx.Done():
			return 0, fmt.Errorf("waiting for the sessions to be counted: %w", ctx.Err())
		}
	}
	if err := s.read(ctx, func(*bbolt.Tx) error { return nil }); err != nil {
		return 0, err
	}
	return int(s.len.Load()), nil
}

// remove takes out a record and all that goes with it, and returns how many
// there were: 0 or 1.
func remove(tx *bbolt.Tx, key session.Key) (int, error) {
	life := tx.Bucket(bucketLife)
	n := 0
	if life.Get(key[:]) != nil {
		n = 1
		if err := life.Delete(key[:]); err != nil {
			return 0, err
		}
	}
	sessions := tx.Bucket(bucketSessions)
	value := sessions.Get(key[:])
	if value == nil {
		return n, nil
	}
	// Without its indexes, should they not be readable, the record goes all
	// the same: what is left of them leads nowhere.
	indexes, _, _ := splitValue(value)
	for len(indexes) > 0 {
		if err := tx.Bucket(bucketIndex).Delete(append(indexes[:len(key):len(key)], key[:]...)); err != nil {
			return 0, err
		}
		indexes = indexes[len(key):]
	}
	return n, sessions.Delete(key[:])
}

// joinValue makes the value of a record: its indexes and what is sealed.
func joinValue(r session.Record) ([]byte, error) {
	if len(r.Indexes) > 255 {
		return nil, fmt.Errorf("a record has at most 255 indexes, this one %d", len(r.Indexes))
	}
	value := make([]byte, 0, 1+len(r.Indexes)*len(session.Key{})+len(r.Sealed))
	value = append(value, byte(len(r.Indexes)))
	for _, index := range r.Indexes {
		value = append(value, index[:]...)
	}
	return append(value, r.Sealed...), nil
}

// splitValue takes a record's value apart.
func splitValue(value []byte) (indexes, sealed []byte, ok bool) {
	if len(value) == 0 {
		return nil, nil, false
	}
	n := 1 + int(value[0])*len(session.Key{})
	if len(value) < n {
		return nil, nil, false
	}
	return value[1:n], value[n:], true
}

func life(expires, seen time.Time) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 16), uint64(expires.UnixNano()))
	return binary.BigEndian.AppendUint64(b, uint64(seen.UnixNano()))
}

func readLife(b []byte) (expires, seen time.Time, ok bool) {
	if len(b) != 16 {
		return time.Time{}, time.Time{}, false
	}
	expires = time.Unix(0, int64(binary.BigEndian.Uint64(b))).UTC()
	seen = time.Unix(0, int64(binary.BigEndian.Uint64(b[8:]))).UTC()
	return expires, seen, true
}

// isOver reports whether an entry is over; one that cannot be read is.
func isOver(b []byte, now time.Time, idle time.Duration) bool {
	expires, seen, ok := readLife(b)
	return !ok || !now.Before(expires) || idle > 0 && now.Sub(seen) >= idle
}

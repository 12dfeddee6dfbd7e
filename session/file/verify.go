package file

// When a file is checked: a small one before anything is read from it; of a large
// one the branches of its trees, a hundredth of it, and the leaves while it is in
// use already. A million sessions are more than a gigabyte, which a disk may take
// half a minute to read, and people who are signed in should not wait for that.
//
// Until a large file has been checked whole, it is read and not written: damage
// cannot grow, and what is read of it is sealed, so that nothing false comes of
// it. Should it turn out to be damaged, it is set aside while in use, and a new
// one takes its place.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"go.etcd.io/bbolt"
)

// checkAtOnce is the largest file, in bytes, that is checked whole before it is
// used: some 20,000 sessions, and some ten milliseconds.
const checkAtOnce = 32 << 20

var (
	errStopped = errors.New("the check of the session file was stopped")
	keyCount   = []byte("count") // in the meta bucket: how many sessions there are
)

// checkFile checks the file where it lies, and returns the mapping of one that
// is larger than atOnce and still has to be checked whole. A fault on the way,
// should it be cut short or not be readable, is caught by guard.
func checkFile(f *os.File, atOnce int64) (rest []byte, err error) {
	info, err := f.Stat() // after the lock: it may have changed while we waited
	if err != nil || info.Size() == 0 {
		return nil, err
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mapping %s: %w", f.Name(), err)
	}
	defer func() {
		if rest == nil {
			syscall.Munmap(b)
		}
	}()
	if info.Size() <= atOnce {
		return nil, check(b)
	}
	if err := checkSpine(b); err != nil {
		return nil, err
	}
	return b, nil
}

// verify checks the rest of a file that is in use, and then lets writers have
// it, or a new one in its place.
func (s *Store) verify(path string, opened fs.FileInfo, rest []byte) {
	defer close(s.verified)
	err := guard(func() error { return checkUntil(rest, &s.stop) })
	syscall.Munmap(rest)
	if err == nil {
		err = guard(func() error { return s.db.Load().View(s.count) })
	}
	if err == nil || errors.Is(err, errStopped) {
		return
	}
	if err := s.replace(path, opened, err); err != nil {
		s.broken.Store(true)
		s.reportDamage(err)
	}
}

// replace sets the file aside while it is in use and begins a new one. Nobody
// writes meanwhile; who reads gets an error until the new one is there.
func (s *Store) replace(path string, opened fs.FileInfo, why error) error {
	if err := s.db.Load().Close(); err != nil {
		return fmt.Errorf("%w: %w", why, err)
	}
	if err := setAside(path, opened, why, s.log); err != nil {
		return err
	}
	fresh, _, err := open(path, s.log, checkAtOnce)
	if err != nil {
		return err
	}
	s.db.Store(fresh.db.Load())
	s.len.Store(fresh.len.Load())
	return nil
}

// count counts the sessions.
func (s *Store) count(tx *bbolt.Tx) error {
	n := int64(0)
	c := tx.Bucket(bucketLife).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		if n++; n%4096 == 0 && s.stop.Load() {
			return errStopped
		}
	}
	s.len.Store(n)
	return nil
}

// putCount writes down how many sessions there are.
func putCount(tx *bbolt.Tx, n int64) error {
	return tx.Bucket(bucketMeta).Put(keyCount, binary.BigEndian.AppendUint64(nil, uint64(n)))
}

// readCount returns how many sessions the file says there are, and whether it
// says so: one of an older version does not.
func readCount(meta *bbolt.Bucket) (n int64, ok bool) {
	b := meta.Get(keyCount)
	if len(b) != 8 {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(b)), true
}

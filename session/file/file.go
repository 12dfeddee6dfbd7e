// Package file keeps sessions in one file, so that they survive a restart and a
// crash without any service beside the daemon. The file is a bbolt database: a
// copy-on-write tree, where a transaction is either wholly there or not at all.
//
// # What is in the file
//
//	meta      "version" → the layout's number
//	sessions  key → number of indexes ‖ indexes ‖ sealed record
//	life      key → Expires ‖ Seen, so that touching and sweeping move 16
//	          bytes a session and not its record
//	index     index ‖ key → nothing
//
// Keys are hashes and records are sealed before they get here: whoever reads
// the file learns how many sessions there are and until when, and can open none.
//
// # Where the time goes
//
// A read is a look-up in memory-mapped pages, some microseconds. A write waits
// for the disk to confirm it (fdatasync), and all writes that come meanwhile
// share the next confirmation, so that a hundred sign-ins at once wait for two
// and not for a hundred. Opening reads the whole file once to check it. The
// file grows to its largest need and does not shrink; freed pages are used
// again.
//
// Not done here: sealing, expiry (a sweep is told what is over), sharing the
// file between processes (a second one is refused), and mending: a file that is
// not sound is set aside whole.
package file

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

const lockWait = time.Second // for another process that is about to end

// What a file can be that is not used but set aside, and what a store says
// when it meets such a thing later.
var (
	errCorrupt = errors.New("the session file is damaged")
	errNewer   = errors.New("the session file was written by a newer version")
)

// Store is a session.Store in a file.
type Store struct {
	db  atomic.Pointer[bbolt.DB] // another one once the file has been replaced
	log *slog.Logger
	len atomic.Int64

	verified chan struct{} // closed once the file has been checked whole: until then nothing is written
	counted  bool          // len is known before that
	stop     atomic.Bool   // Close has been called

	queueMu sync.Mutex
	queue   []*write    // waiting for the next commit
	commit  sync.Mutex  // held by whoever commits
	broken  atomic.Bool // a commit met damage; set while holding commit or before verified

	damage sync.Once // reports damage to the log, once
}

// Open opens the store in the file at path, and begins a new one, with mode
// 0600, if there is none. A directory that does not exist is made with mode
// 0700.
//
// A file that is damaged, cut short, of another kind or of a newer version is
// renamed to <path>.corrupt-<UTC time>, an error is logged, and a new file is
// begun: everybody has to sign in again, and nothing in it is trusted.
//
// An error means that the place is not fit: it cannot be read or written, it
// is a symlink or belongs to somebody else, or another process has it open.
// It says what to do. log may be nil.
//
// A large file is checked whole while it is in use already: until then, seconds
// at most on a usual disk, writing waits. Should it be found damaged, it is set
// aside then.
func Open(path string, log *slog.Logger) (*Store, error) {
	return openStore(path, log, checkAtOnce)
}

func openStore(path string, log *slog.Logger, atOnce int64) (*Store, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := checkDirectory(filepath.Dir(path), log); err != nil {
		return nil, err
	}
	// A file is set aside once at most: the one that is begun after it is
	// sound, or something else is wrong.
	for range 2 {
		s, opened, err := open(path, log, atOnce)
		if !errors.Is(err, errCorrupt) && !errors.Is(err, errNewer) {
			return s, err
		}
		if err := setAside(path, opened, err, log); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("opening the session file %s: %w, and so is the new one: check the disk", path, errCorrupt)
}

// Close waits for writes under way and closes the file.
func (s *Store) Close() error {
	s.stop.Store(true)
	<-s.verified
	s.commit.Lock()
	defer s.commit.Unlock()
	if s.broken.Load() {
		// bbolt may still hold locks of the transaction that broke, and
		// would wait for them for ever. The file's own lock ends with
		// the process.
		return nil
	}
	if err := s.db.Load().Close(); err != nil {
		return fmt.Errorf("closing the session file: %w", err)
	}
	return nil
}

// open opens the file and prepares it. opened describes the file that an error
// is about, where there was one. One of more than atOnce bytes is checked on
// while it is in use.
func open(path string, log *slog.Logger, atOnce int64) (s *Store, opened fs.FileInfo, err error) {
	var file *os.File
	var rest []byte
	options := &bbolt.Options{
		Timeout:      lockWait,
		FreelistType: bbolt.FreelistMapType,
		NoStatistics: true,
		OpenFile: func(path string, flag int, mode os.FileMode) (*os.File, error) {
			// bbolt begins with this file, and reads nothing before
			// it is known to be sound.
			f, err := openPrivate(path, flag, mode, log)
			if f != nil {
				file = f
				opened, _ = f.Stat()
			}
			if err == nil {
				rest, err = checkFile(f, atOnce)
			}
			if err != nil && f != nil {
				f.Close()
				return nil, err
			}
			return f, err
		},
	}
	s = &Store{log: log, verified: make(chan struct{})}
	err = guard(func() error {
		db, err := bbolt.Open(path, 0o600, options)
		s.db.Store(db)
		if err != nil {
			return err
		}
		return s.prepare(rest == nil)
	})
	if err == nil {
		if rest == nil {
			close(s.verified)
		} else {
			go s.verify(path, opened, rest)
		}
		if opened.Size() == 0 {
			syncDirectory(filepath.Dir(path))
		}
		return s, opened, nil
	}
	if rest != nil {
		syscall.Munmap(rest)
	}
	if db := s.db.Load(); db != nil {
		db.Close()
	}
	if file != nil {
		file.Close() // gives the lock back, whatever state bbolt is in
	}
	return nil, opened, explain(path, err)
}

// prepare checks the layout and counts the sessions, or takes the file's word
// for how many there are where it has not been checked; or writes a new layout.
func (s *Store) prepare(checked bool) error {
	fresh := false
	err := s.db.Load().View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if meta == nil {
			if name, _ := tx.Cursor().First(); name != nil {
				return fmt.Errorf("%w: it is a database of something else", errCorrupt)
			}
			fresh = true
			return nil
		}
		switch v := string(meta.Get(keyVersion)); {
		case v > layoutVersion:
			return fmt.Errorf("%w: its layout is %q, this version knows %q", errNewer, v, layoutVersion)
		case v < layoutVersion:
			return fmt.Errorf("%w: its layout is %q", errCorrupt, v)
		}
		for _, name := range [][]byte{bucketSessions, bucketLife, bucketIndex} {
			if tx.Bucket(name) == nil {
				return fmt.Errorf("%w: %q is missing", errCorrupt, name)
			}
		}
		s.counted = true
		if checked {
			return s.count(tx)
		}
		var n int64
		if n, s.counted = readCount(meta); s.counted {
			s.len.Store(n)
		}
		return nil
	})
	if err != nil || !fresh {
		return err
	}
	s.counted = true
	return s.db.Load().Update(create)
}

func create(tx *bbolt.Tx) error {
	for _, name := range [][]byte{bucketMeta, bucketSessions, bucketLife, bucketIndex} {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return tx.Bucket(bucketMeta).Put(keyVersion, []byte(layoutVersion))
}

// setAside renames a file that cannot be trusted. opened is the file that was
// found wanting: should another process have put a new one in its place
// meanwhile, that one is left alone.
func setAside(path string, opened fs.FileInfo, why error, log *slog.Logger) error {
	now, err := os.Lstat(path)
	if err != nil || !os.SameFile(now, opened) {
		return nil
	}
	base := path + ".corrupt-" + time.Now().UTC().Format("20060102T150405Z")
	aside := base
	for i := 2; ; i++ {
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			break
		}
		aside = fmt.Sprintf("%s-%d", base, i)
	}
	if err := os.Rename(path, aside); err != nil {
		return fmt.Errorf("setting aside the session file, which cannot be used (%w): %w", why, err)
	}
	syncDirectory(filepath.Dir(path))
	log.Error("the session file cannot be used; it was set aside and a new one is begun, so everybody has to sign in again",
		"file", path, "set_aside", aside, "cause", why)
	return nil
}

// guard runs f and turns what bbolt does on meeting damage into errCorrupt: it
// panics on what makes no sense, and faults where the file has been cut short
// under it.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errCorrupt, r)
		}
	}()
	return f()
}

// explain says what to do about a file that cannot be opened.
func explain(path string, err error) error {
	switch {
	case errors.Is(err, errCorrupt), errors.Is(err, errNewer):
		return err
	case errors.Is(err, bbolterrors.ErrTimeout):
		return fmt.Errorf("opening the session file %s: another process has it open: stop that one, or give this one a data directory of its own", path)
	case errors.Is(err, syscall.ELOOP):
		return fmt.Errorf("opening the session file %s: it is a symlink, which is refused: name the file itself", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("opening the session file: %w: this process runs as uid %d: make the file and its directory belong to it (chown %d)", err, os.Geteuid(), os.Geteuid())
	}
	return fmt.Errorf("opening the session file: %w%s", err, hint(err))
}

// hint says what to do about a disk that takes nothing; "" for any other error.
func hint(err error) string {
	switch {
	case errors.Is(err, syscall.EROFS):
		return ": mount the data directory writable"
	case errors.Is(err, syscall.ENOSPC):
		return ": make room on the disk"
	case errors.Is(err, syscall.EDQUOT):
		return ": this user's quota is used up: raise it, or make room"
	case errors.Is(err, syscall.EFBIG):
		return ": files may not be so large here: raise the limit (ulimit -f)"
	case errors.Is(err, syscall.EIO):
		return ": check the disk"
	}
	return ""
}

package session

// What a driver must do, and how little it may know: hashed keys, sealed
// records, and the two times it needs to clear up.

import (
	"context"
	"time"
)

// Record is what a Store holds about one session.
type Record struct {
	Sealed  []byte    // the session, sealed; opaque to the store
	Expires time.Time // absolute end; a store may drop the record from then on
	Seen    time.Time // the last accepted check that was written down
	Indexes []Key     // what Find finds it by: keyed hashes of (issuer, sub) and (issuer, sid); may be empty
}

// Store keeps records. Drivers are session/memory, session/file and session/redis; the suite
// in session/storetest is the contract in full.
//
// A Store is safe for many goroutines at once. What one call has acknowledged
// every later call sees. Times come back as the same instant to the
// nanosecond; their location may differ. A Store keeps no reference to what it
// was given and hands out nothing that it still uses.
//
// Every error other than ErrNone means that the store could not do its work,
// and that the caller does not know what is there.
type Store interface {
	// Save writes the record, replacing one of the same key. When it returns
	// nil the record survives whatever the driver promises to survive.
	Save(ctx context.Context, key Key, r Record) error

	// Replace is Save for a record that is there, in one step: where there
	// is none it returns ErrNone and does nothing, so that it can never
	// bring a deleted session back. Seen is the later of the old and the new.
	Replace(ctx context.Context, key Key, r Record) error

	// Load returns the record, or ErrNone if there is none. It does not
	// look at Expires.
	Load(ctx context.Context, key Key) (Record, error)

	// Delete removes the record and its indexes. It is not an error that
	// there is none.
	Delete(ctx context.Context, key Key) error

	// Touch moves Seen of the records named forward, all in one write. It
	// never moves one back, and passes over keys without a record, so that
	// it can never bring a deleted session back.
	Touch(ctx context.Context, seen map[Key]time.Time) error

	// Find returns the keys of all records that carry the index, in no
	// order; nil if there are none.
	Find(ctx context.Context, index Key) ([]Key, error)

	// Sweep removes the records that are over at now: Expires has come, or,
	// where idle is more than zero, Seen lies idle or more back. It works
	// in small steps, so that nobody waits for it, and returns how many it
	// removed, also with an error.
	Sweep(ctx context.Context, now time.Time, idle time.Duration) (removed int, err error)

	// Scan calls yield for every record that is there from the beginning to the
	// end of the call, in no order, until yield returns false. One that is saved
	// or deleted meanwhile may come or not. It works in small steps, so that
	// nobody waits for it, and yield may call the store.
	Scan(ctx context.Context, yield func(Key, Record) bool) error

	// Len returns the number of records, those waiting for a sweep included.
	Len(ctx context.Context) (int, error)

	// Close ends the store's work. After it every call fails.
	Close() error
}

package redis

// The calls that go through all records, in steps for which nobody waits long.

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"outpost/session"
)

const (
	step = 256 // records looked at in one request
	// saveTime is longer than a Save takes: a line in the ledger that is
	// older and has no record never gets one.
	saveTime = time.Minute
)

// A page is some lines of a ledger.
type page struct {
	keys  []session.Key
	lines []line
}

// pages calls yield for the ledgers' lines, a step at a time, until it returns
// false. A line comes once.
func (s *Store) pages(ctx context.Context, yield func(ctx context.Context, client rueidis.Client, p page) (bool, error)) error {
	for tag := range tags {
		seen := make(map[session.Key]bool)
		for cursor, first := uint64(0), true; first || cursor != 0; first = false {
			var err error
			var more bool
			if cursor, more, err = s.onePage(ctx, byte(tag), cursor, seen, yield); err != nil || !more {
				return err
			}
		}
	}
	return nil
}

func (s *Store) onePage(ctx context.Context, tag byte, cursor uint64, seen map[session.Key]bool,
	yield func(ctx context.Context, client rueidis.Client, p page) (bool, error)) (next uint64, more bool, err error) {
	client, call, cancel, err := s.call(ctx)
	if err != nil {
		return 0, false, err
	}
	defer cancel()
	entry, err := client.Do(call, client.B().Hscan().Key(s.ledger(tag)).Cursor(cursor).Count(step).Build()).AsScanEntry()
	if err != nil {
		return 0, false, explain(err)
	}
	var p page
	for i := 0; i+1 < len(entry.Elements); i += 2 {
		if len(entry.Elements[i]) != len(session.Key{}) {
			return 0, false, errPattern
		}
		key := session.Key([]byte(entry.Elements[i]))
		l, err := readLine(entry.Elements[i+1])
		if err != nil {
			return 0, false, err
		}
		if !seen[key] {
			seen[key] = true
			p.keys, p.lines = append(p.keys, key), append(p.lines, l)
		}
	}
	if len(p.keys) == 0 {
		return entry.Cursor, true, nil
	}
	more, err = yield(call, client, p)
	return entry.Cursor, more, err
}

// Scan calls yield for every record.
func (s *Store) Scan(ctx context.Context, yield func(session.Key, session.Record) bool) error {
	return s.pages(ctx, func(call context.Context, client rueidis.Client, p page) (bool, error) {
		commands := make(rueidis.Commands, len(p.keys))
		for i, key := range p.keys {
			commands[i] = client.B().Get().Key(s.record(key)).Build()
		}
		for i, reply := range client.DoMulti(call, commands...) {
			body, err := reply.AsBytes()
			if rueidis.IsRedisNil(err) {
				continue
			}
			if err != nil {
				return false, explain(err)
			}
			l := p.lines[i]
			// yield takes the time it takes: it has nothing of call's.
			if !yield(p.keys[i], session.Record{Sealed: append([]byte(nil), body...), Expires: l.expires, Seen: l.seen, Indexes: l.indexes}) {
				return false, nil
			}
		}
		return true, nil
	})
}

// Sweep removes what is over, and what is left of sessions whose record the
// server has dropped at its end, or because its memory was full.
func (s *Store) Sweep(ctx context.Context, now time.Time, idle time.Duration) (removed int, err error) {
	client, call, cancel, err := s.call(ctx)
	if err != nil {
		return 0, err
	}
	defer cancel()
	clock, err := client.Do(call, client.B().Time().Build()).AsIntSlice()
	if err != nil || len(clock) != 2 {
		return 0, explain(err)
	}
	noted := time.Unix(clock[0], 0).Add(-saveTime)
	cutoff := ""
	if idle > 0 {
		cutoff = digits(now.Add(-idle))
	}
	err = s.pages(ctx, func(call context.Context, client rueidis.Client, p page) (bool, error) {
		over, err := s.overOf(call, client, p, now, idle, noted)
		if err != nil {
			return false, err
		}
		for _, key := range over {
			// Each takes its own time, however many there are.
			n, err := s.sweepOne(ctx, key, digits(now), cutoff)
			removed += n
			if err != nil {
				return false, err
			}
		}
		return true, nil
	})
	return removed, err
}

// overOf returns the keys of a page that are over, or have no record although
// their line was noted before that.
func (s *Store) overOf(ctx context.Context, client rueidis.Client, p page, now time.Time, idle time.Duration, noted time.Time) ([]session.Key, error) {
	var over, old []session.Key
	for i, l := range p.lines {
		switch {
		case !now.Before(l.expires) || idle > 0 && now.Sub(l.seen) >= idle:
			over = append(over, p.keys[i])
		case l.noted.Before(noted):
			old = append(old, p.keys[i])
		}
	}
	commands := make(rueidis.Commands, len(old))
	for i, key := range old {
		commands[i] = client.B().Exists().Key(s.record(key)).Build()
	}
	for i, reply := range client.DoMulti(ctx, commands...) {
		there, err := reply.AsBool()
		if err != nil {
			return nil, explain(err)
		}
		if !there {
			over = append(over, old[i])
		}
	}
	return over, nil
}

// sweepOne removes a session that is still over, and returns how many that were.
func (s *Store) sweepOne(ctx context.Context, key session.Key, now, cutoff string) (int, error) {
	client, ctx, cancel, err := s.call(ctx)
	if err != nil {
		return 0, err
	}
	defer cancel()
	reply, err := sweepScript.Exec(ctx, client, s.keys(key), []string{string(key[:]), now, cutoff}).ToMessage()
	if err != nil {
		return 0, explain(err)
	}
	if reply.IsInt64() {
		return 0, nil
	}
	text, err := reply.ToString()
	if err != nil {
		return 0, explain(err)
	}
	if err := s.clearUp(ctx, client, key, text); err != nil {
		return 0, err
	}
	return 1, nil
}

// Len returns the number of lines in the ledgers.
func (s *Store) Len(ctx context.Context) (int, error) {
	client, ctx, cancel, err := s.call(ctx)
	if err != nil {
		return 0, err
	}
	defer cancel()
	commands := make(rueidis.Commands, tags)
	for tag := range commands {
		commands[tag] = client.B().Hlen().Key(s.ledger(byte(tag))).Build()
	}
	total := 0
	for _, reply := range client.DoMulti(ctx, commands...) {
		n, err := reply.AsInt64()
		if err != nil {
			return 0, explain(err)
		}
		total += int(n)
	}
	return total, nil
}

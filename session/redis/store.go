package redis

// The calls of session.Shared that are about records one by one.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/rueidis"

	"outpost/session"
)

// touchStep is how many records one script touches at most: for that long
// nobody else is served.
const touchStep = 64

// Save writes the record. When it returns nil the server has it; what becomes
// of it should the server stop is the server's to say (appendonly, replicas).
func (s *Store) Save(ctx context.Context, key session.Key, r session.Record) error {
	client, ctx, cancel, err := s.call(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	old, err := noteScript.Exec(ctx, client, []string{s.ledger(key[0])},
		[]string{string(key[:]), digits(r.Expires) + digits(r.Seen), joined(r.Indexes)}).ToString()
	if err != nil && !rueidis.IsRedisNil(err) {
		return explain(err)
	}
	if err := s.addTo(ctx, client, r.Indexes, key); err != nil {
		return err
	}
	if err := putScript.Exec(ctx, client, []string{s.record(key)}, []string{string(r.Sealed), milliseconds(r.Expires)}).Error(); err != nil {
		return explain(err)
	}
	return s.removeFormer(ctx, client, key, old, r.Indexes)
}

// Replace writes the record in the place of the one that is there, or returns
// session.ErrNone.
func (s *Store) Replace(ctx context.Context, key session.Key, r session.Record) error {
	return s.replace(ctx, key, "", r)
}

// Exchange writes the record in the place of the one whose Sealed is old, or
// returns session.ErrNone or session.ErrChanged.
func (s *Store) Exchange(ctx context.Context, key session.Key, old []byte, r session.Record) error {
	if len(old) == 0 {
		return session.ErrChanged
	}
	return s.replace(ctx, key, string(old), r)
}

func (s *Store) replace(ctx context.Context, key session.Key, sealed string, r session.Record) error {
	client, ctx, cancel, err := s.call(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	if err := s.addTo(ctx, client, r.Indexes, key); err != nil {
		return err
	}
	reply, err := replaceScript.Exec(ctx, client, s.keys(key), []string{
		string(key[:]), sealed, string(r.Sealed), milliseconds(r.Expires), digits(r.Expires), digits(r.Seen), joined(r.Indexes),
	}).ToMessage()
	if err != nil {
		return explain(err)
	}
	if reply.IsInt64() {
		if n, _ := reply.AsInt64(); n == 1 {
			return session.ErrChanged // an index too many is cleared up with the session
		}
		if err := s.removeFrom(ctx, client, r.Indexes, key); err != nil {
			return err
		}
		return session.ErrNone
	}
	old, err := reply.ToString()
	if err != nil {
		return explain(err)
	}
	return s.removeFormer(ctx, client, key, old, r.Indexes)
}

// removeFormer takes a record out of the indexes that it has no more. Should
// another process have put it back into one meanwhile, so is this.
func (s *Store) removeFormer(ctx context.Context, client rueidis.Client, key session.Key, old string, now []session.Key) error {
	former, err := readLine(old)
	if old == "" || err != nil {
		return err
	}
	gone := slices.DeleteFunc(former.indexes, func(i session.Key) bool { return slices.Contains(now, i) })
	if len(gone) == 0 {
		return nil
	}
	if err := s.removeFrom(ctx, client, gone, key); err != nil {
		return err
	}
	text, err := client.Do(ctx, client.B().Hget().Key(s.ledger(key[0])).Field(string(key[:])).Build()).ToString()
	if rueidis.IsRedisNil(err) {
		return nil
	}
	if err != nil {
		return explain(err)
	}
	l, err := readLine(text)
	if err != nil {
		return err
	}
	return s.addTo(ctx, client, slices.DeleteFunc(gone, func(i session.Key) bool { return !slices.Contains(l.indexes, i) }), key)
}

// Load returns the record, or session.ErrNone. Checks wait for it, so that it
// keeps to its time also where the client does not: that waits for a connection
// that somebody else has begun to make for as long as it takes.
func (s *Store) Load(ctx context.Context, key session.Key) (session.Record, error) {
	client, ctx, cancel, err := s.call(ctx)
	if err != nil {
		return session.Record{}, err
	}
	type answer struct {
		record session.Record
		err    error
	}
	answers := make(chan answer, 1)
	go func() {
		defer cancel()
		// Without a script, so that it is read as often as it takes. Between
		// the two a record can end, and then it is none.
		replies := client.DoMulti(ctx,
			client.B().Get().Key(s.record(key)).Build(),
			client.B().Hget().Key(s.ledger(key[0])).Field(string(key[:])).Build())
		record, err := recordOf(replies[0], replies[1])
		answers <- answer{record, err}
	}()
	select {
	case a := <-answers:
		return a.record, a.err
	case <-ctx.Done():
	}
	// The end of the call ends ctx as well, and then the answer is there.
	select {
	case a := <-answers:
		return a.record, a.err
	default:
		return session.Record{}, fmt.Errorf("loading: %w", ctx.Err())
	}
}

// recordOf makes a record of what GET and HGET said.
func recordOf(sealed, text rueidis.RedisResult) (session.Record, error) {
	body, err := sealed.AsBytes()
	var words string
	if err == nil {
		words, err = text.ToString()
	}
	if rueidis.IsRedisNil(err) {
		return session.Record{}, session.ErrNone
	}
	if err != nil {
		return session.Record{}, explain(err)
	}
	l, err := readLine(words)
	if err != nil {
		return session.Record{}, err
	}
	return session.Record{Sealed: slices.Clone(body), Expires: l.expires, Seen: l.seen, Indexes: l.indexes}, nil
}

// Delete removes the record, then all that leads to it.
func (s *Store) Delete(ctx context.Context, key session.Key) error {
	client, ctx, cancel, err := s.call(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	text, err := deleteScript.Exec(ctx, client, s.keys(key), []string{string(key[:])}).ToString()
	if rueidis.IsRedisNil(err) {
		return nil
	}
	if err != nil {
		return explain(err)
	}
	return s.clearUp(ctx, client, key, text)
}

// clearUp removes what is left of a session whose record is gone.
func (s *Store) clearUp(ctx context.Context, client rueidis.Client, key session.Key, text string) error {
	l, err := readLine(text)
	if err != nil {
		return err
	}
	if err := s.removeFrom(ctx, client, l.indexes, key); err != nil {
		return err
	}
	return explain(client.Do(ctx, client.B().Hdel().Key(s.ledger(key[0])).Field(string(key[:])).Build().ToRetryable()).Error())
}

// Touch moves Seen forward. Each ledger is written by itself: of a call that
// fails a part may have been done.
func (s *Store) Touch(ctx context.Context, seen map[session.Key]time.Time) error {
	client, _, cancel, err := s.call(ctx)
	if err != nil {
		return err
	}
	cancel()
	byTag := make(map[byte][]session.Key)
	for key := range seen {
		byTag[key[0]] = append(byTag[key[0]], key)
	}
	for tag, all := range byTag {
		for some := range slices.Chunk(all, touchStep) {
			keys, args := []string{s.ledger(tag)}, make([]string, 0, 2*len(some))
			for _, key := range some {
				keys = append(keys, s.record(key))
				args = append(args, string(key[:]), digits(seen[key]))
			}
			call, cancel := context.WithTimeout(ctx, callTime)
			err := touchScript.Exec(call, client, keys, args).Error()
			cancel()
			if err != nil {
				return explain(err)
			}
		}
	}
	return nil
}

// Find returns the keys of the records that carry the index.
func (s *Store) Find(ctx context.Context, index session.Key) ([]session.Key, error) {
	client, ctx, cancel, err := s.call(ctx)
	if err != nil {
		return nil, err
	}
	defer cancel()
	members, err := client.Do(ctx, client.B().Smembers().Key(s.index(index)).Build()).AsStrSlice()
	if err != nil {
		return nil, explain(err)
	}
	var keys []session.Key
	for some := range slices.Chunk(members, step) {
		commands := make(rueidis.Commands, 0, 2*len(some))
		for _, member := range some {
			if len(member) != len(session.Key{}) {
				return nil, errPattern
			}
			key := session.Key([]byte(member))
			commands = append(commands,
				client.B().Exists().Key(s.record(key)).Build(),
				client.B().Hget().Key(s.ledger(key[0])).Field(member).Build())
		}
		replies := client.DoMulti(ctx, commands...)
		for i, member := range some {
			there, err := replies[2*i].AsBool()
			if err != nil {
				return nil, explain(err)
			}
			text, err := replies[2*i+1].ToString()
			key := session.Key([]byte(member))
			if rueidis.IsRedisNil(err) {
				// The line is written before the index and removed after
				// it: this member leads nowhere for good.
				if err := s.removeFrom(ctx, client, []session.Key{index}, key); err != nil {
					return nil, err
				}
				continue
			}
			if err != nil {
				return nil, explain(err)
			}
			l, err := readLine(text)
			if err != nil {
				return nil, err
			}
			if there && slices.Contains(l.indexes, index) {
				keys = append(keys, key)
			}
		}
	}
	return keys, nil
}

// addTo adds the record to the indexes, removeFrom takes it out.
func (s *Store) addTo(ctx context.Context, client rueidis.Client, indexes []session.Key, key session.Key) error {
	return s.each(ctx, client, indexes, func(name string) rueidis.Completed {
		return client.B().Sadd().Key(name).Member(string(key[:])).Build()
	})
}

func (s *Store) removeFrom(ctx context.Context, client rueidis.Client, indexes []session.Key, key session.Key) error {
	return s.each(ctx, client, indexes, func(name string) rueidis.Completed {
		return client.B().Srem().Key(name).Member(string(key[:])).Build()
	})
}

func (s *Store) each(ctx context.Context, client rueidis.Client, indexes []session.Key, command func(name string) rueidis.Completed) error {
	commands := make(rueidis.Commands, len(indexes))
	for i, index := range indexes {
		commands[i] = command(s.index(index)).ToRetryable()
	}
	var errs []error
	for _, reply := range client.DoMulti(ctx, commands...) {
		errs = append(errs, explain(reply.Error()))
	}
	return errors.Join(errs...)
}

package redis

// What processes tell each other besides the records: who is at something, and
// that something has happened.

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"outpost/session"
)

// Lock takes the lock of the key for hold.
func (s *Store) Lock(ctx context.Context, key session.Key, hold time.Duration) (unlock func(), err error) {
	client, call, cancel, err := s.call(ctx)
	if err != nil {
		return nil, err
	}
	defer cancel()
	name, token := []string{s.prefix + "l:" + hex.EncodeToString(key[:])}, rand.Text()
	got, err := lockScript.Exec(call, client, name, []string{token, strconv.FormatInt(max(hold.Milliseconds(), 1), 10)}).AsBool()
	if err != nil {
		return nil, explain(err)
	}
	if !got {
		return nil, session.ErrLocked
	}
	return func() {
		// A lock that cannot be given back is over by itself.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
		defer cancel()
		unlockScript.Exec(ctx, client, name, []string{token})
	}, nil
}

// Note keeps a time for hold.
func (s *Store) Note(ctx context.Context, key session.Key, at time.Time, hold time.Duration) error {
	client, ctx, cancel, err := s.call(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	return explain(client.Do(ctx, client.B().Set().Key(s.note(key)).Value(digits(at)).Px(max(hold, time.Millisecond)).Build().ToRetryable()).Error())
}

// Noted returns the time that was noted, or the zero time.
func (s *Store) Noted(ctx context.Context, key session.Key) (time.Time, error) {
	client, ctx, cancel, err := s.call(ctx)
	if err != nil {
		return time.Time{}, err
	}
	defer cancel()
	at, err := client.Do(ctx, client.B().Get().Key(s.note(key)).Build()).AsInt64()
	if rueidis.IsRedisNil(err) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, explain(err)
	}
	return time.Unix(0, at).UTC(), nil
}

func (s *Store) note(key session.Key) string { return s.prefix + "n:" + hex.EncodeToString(key[:]) }

package redis

// How a process hears of what the others do. The server tells every connection
// of each record that is written, removed, expired or evicted (CLIENT TRACKING,
// in broadcast mode on the prefix of the records). A connection that breaks may
// have missed something. One that hangs looks like one on which nothing happens:
// so once a second something is asked on each that is in use, and what has been
// answered is the proof that all before it has been heard.

import (
	"context"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"outpost/session"
)

// proveEvery is how often each connection is asked something.
const proveEvery = time.Second

// Watch tells w of the changes that others make, and of those that this process
// makes itself.
func (s *Store) Watch(ctx context.Context, w session.Watcher) {
	s.watcher.Store(&w)
	// What came before was told to nobody.
	w.Lost()
	var nodes []string
	silent := ""
	tick := time.NewTicker(proveEvery)
	defer tick.Stop()
	for {
		asOf := time.Now()
		if now, err := s.prove(ctx); err == nil {
			// Slots that have moved to a node that was not there are read
			// elsewhere from now on.
			if nodes != nil && !slices.Equal(nodes, now) {
				w.Lost()
			}
			nodes = now
			w.Current(asOf)
			if silent != "" {
				s.log.Info("the session store answers again")
				silent = ""
			}
		} else if ctx.Err() == nil && !errors.Is(err, errNotYet) && err.Error() != silent {
			silent = err.Error()
			s.log.Error("the session store does not answer; sessions that it cannot vouch for are answered 500 until it does", "cause", silent)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.check:
		}
	}
}

// prove asks something of every node that has records, on the connection on
// which they are read, and returns the nodes.
func (s *Store) prove(ctx context.Context) ([]string, error) {
	client, ctx, cancel, err := s.call(ctx)
	if err != nil {
		return nil, err
	}
	defer cancel()
	n := 1
	if s.cluster {
		n = tags
	}
	commands := make(rueidis.Commands, n)
	for i := range commands {
		commands[i] = client.B().Exists().Key(s.ledger(byte(i))).Build()
	}
	for _, reply := range client.DoMulti(ctx, commands...) {
		if err := reply.Error(); err != nil {
			return nil, explain(err)
		}
	}
	return slices.Sorted(maps.Keys(client.Nodes())), nil
}

func (s *Store) checkNow() {
	select {
	case s.check <- struct{}{}:
	default:
	}
}

// invalidated is what the server says. Without names everything is meant: it
// was flushed, or a connection has ended.
func (s *Store) invalidated(names []rueidis.RedisMessage) {
	w := s.watcher.Load()
	if w == nil {
		return
	}
	if names == nil {
		w.Lost()
		s.checkNow()
		return
	}
	for i := range names {
		name, err := names[i].ToString()
		if err != nil {
			continue
		}
		if key, ok := s.keyOf(name); ok {
			w.Changed(key)
		}
	}
}

// keyOf reads the name of a record.
func (s *Store) keyOf(name string) (key session.Key, ok bool) {
	name, ok = strings.CutPrefix(name, s.prefix+"r:{")
	if !ok || len(name) != len("00}")+2*len(key) {
		return key, false
	}
	_, err := hex.Decode(key[:], []byte(name[len("00}"):]))
	return key, err == nil
}

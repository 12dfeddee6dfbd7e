package redis_test

// What a server may do to us, each with a real one. A check of a session that
// cannot be verified is answered 500, never 200 beyond the trust that is
// documented, and never 401: that would send everybody to sign in, and again.

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"outpost/session"
	"outpost/session/redis"
)

// TestRevokedEverywhere: of three processes each learns of it from the server.
func TestRevokedEverywhere(t *testing.T) {
	s := newServer(t)
	a, b, c := newReplica(t, s.config()).ready(t), newReplica(t, s.config()).ready(t), newReplica(t, s.config()).ready(t)
	value, key := a.signIn(t)
	for _, r := range []replica{a, b, c} {
		r.wants(t, value, 200)
	}
	if err := b.End(t.Context(), key); err != nil {
		t.Fatalf("End: %v", err)
	}
	b.wants(t, value, 401)
	a.eventually(t, value, 401)
	c.eventually(t, value, 401)
}

// TestDownAtStart: the process starts, nobody is let in, and it recovers.
func TestDownAtStart(t *testing.T) {
	s := newServer(t, "--appendonly", "yes", "--appendfsync", "always")
	before := newReplica(t, s.config()).ready(t)
	value, _ := before.signIn(t)
	s.kill()

	r := newReplica(t, s.config())
	r.wants(t, value, 500)
	if _, _, err := r.Create(t.Context(), cookie, session.Session{}); !errors.Is(err, session.ErrStore) {
		t.Errorf("Create: %v, want ErrStore", err)
	}
	r.never(t, value, 401, func() {
		time.Sleep(time.Second)
		s.start(t)
		r.eventually(t, value, 200)
	})
}

// TestDownMidRun: who is hot goes on for the trust that there is; from then on
// 500, until the server is back with what it had.
func TestDownMidRun(t *testing.T) {
	s := newServer(t, "--appendonly", "yes", "--appendfsync", "always")
	r := newReplica(t, s.config()).ready(t)
	hot, _ := r.signIn(t)
	cold, _ := r.signIn(t)
	r.wants(t, hot, 200)
	r.never(t, cold, 401, func() {
		r.never(t, hot, 401, func() {
			s.kill()
			began := time.Now()
			r.eventually(t, hot, 500)
			if lasted := time.Since(began); lasted > trustFor+500*time.Millisecond {
				t.Errorf("trusted for %v after the last word, want at most %v", lasted, trustFor)
			}
			r.wants(t, cold, 500)
			s.start(t)
			r.eventually(t, hot, 200)
			r.eventually(t, cold, 200)
		})
	})
	r.signIn(t)
}

// TestEmptyAfterRestart: a server that keeps nothing signs everybody out, and
// they can sign in again.
func TestEmptyAfterRestart(t *testing.T) {
	s := newServer(t)
	r := newReplica(t, s.config()).ready(t)
	value, _ := r.signIn(t)
	r.wants(t, value, 200)
	s.kill()
	s.start(t)
	r.eventually(t, value, 401)
	again, _ := r.signIn(t)
	r.wants(t, again, 200)
}

func TestFlushAll(t *testing.T) {
	s := newServer(t)
	a, b := newReplica(t, s.config()).ready(t), newReplica(t, s.config()).ready(t)
	value, _ := a.signIn(t)
	a.wants(t, value, 200)
	b.wants(t, value, 200)
	s.cli(t, "flushall")
	a.eventually(t, value, 401)
	b.eventually(t, value, 401)
	again, _ := b.signIn(t)
	a.wants(t, again, 200)
}

// TestSlow: every call has its deadline, and a server that is slow for a while
// ends no session.
func TestSlow(t *testing.T) {
	s := newServer(t)
	r := newReplica(t, s.config()).ready(t)
	value, _ := r.signIn(t)
	r.wants(t, value, 200)
	r.never(t, value, 401, func() {
		s.cli(t, "client", "pause", "5000", "all")
		began := time.Now()
		if _, _, err := r.Create(t.Context(), cookie, session.Session{}); !errors.Is(err, session.ErrStore) {
			t.Errorf("Create: %v, want ErrStore", err)
		}
		if took := time.Since(began); took > 2500*time.Millisecond {
			t.Errorf("a call took %v", took)
		}
		r.eventually(t, value, 500)
		r.eventually(t, value, 200)
	})
	r.signIn(t)
}

// TestSignedOutWhileDown: the other process refuses as soon as the server is
// back and has been told.
func TestSignedOutWhileDown(t *testing.T) {
	s := newServer(t, "--appendonly", "yes", "--appendfsync", "always")
	a, b := newReplica(t, s.config()).ready(t), newReplica(t, s.config()).ready(t)
	value, key := a.signIn(t)
	b.wants(t, value, 200)
	s.kill()
	if err := a.End(t.Context(), key); !errors.Is(err, session.ErrStore) {
		t.Errorf("End: %v, want ErrStore", err)
	}
	a.wants(t, value, 401)
	s.start(t)
	back := time.Now()
	b.eventually(t, value, 401)
	if took := time.Since(back); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestPassword: the log says what is wrong; when it is set right nothing has to
// be restarted.
func TestPassword(t *testing.T) {
	s := newServer(t, "--requirepass", "right")
	c := s.config()
	c.Password = "hunter2"
	r := newReplica(t, c)
	eventually(t, "the cause", func() bool {
		_, err := r.Len(t.Context())
		return strings.Contains(err.Error(), "check username and password")
	})
	_, err := r.Len(t.Context())
	if strings.Contains(err.Error(), "hunter2") || !errors.Is(err, session.ErrStore) {
		t.Errorf("got %v", err)
	}
	s.cli(t, "-a", "right", "config", "set", "requirepass", "hunter2")
	r.ready(t)
	r.signIn(t)
}

// TestReplica: a server that may only be read from lets people go on, and hears
// of sign-outs; nobody can sign in, and the error says why.
func TestReplica(t *testing.T) {
	primary := newServer(t, "--repl-diskless-sync-delay", "0")
	copied := newServer(t, "--replicaof", "127.0.0.1 "+strconv.Itoa(primary.port))
	eventually(t, "the copy", func() bool { return strings.Contains(copied.cli(t, "info", "replication"), "master_link_status:up") })
	a, b := newReplica(t, primary.config()).ready(t), newReplica(t, copied.config()).ready(t)
	value, key := a.signIn(t)
	b.eventually(t, value, 200)
	if _, _, err := b.Create(t.Context(), cookie, session.Session{}); err == nil || !strings.Contains(err.Error(), "name the primary") {
		t.Errorf("Create: %v", err)
	}
	if err := a.End(t.Context(), key); err != nil {
		t.Fatalf("End: %v", err)
	}
	b.eventually(t, value, 401)
}

// TestEviction: a session that the server has dropped is a sign-in, and what is
// left of it goes with a sweep.
func TestEviction(t *testing.T) {
	s := newServer(t, "--maxmemory-policy", "volatile-ttl")
	a, b := newReplica(t, s.config()).ready(t), newReplica(t, s.config()).ready(t)
	value, key := a.signIn(t)
	a.wants(t, value, 200)
	b.wants(t, value, 200)
	s.cli(t, "config", "set", "maxmemory", "1")
	// Writing makes it drop what may be dropped: the records, and no index.
	_, _, err := a.Create(t.Context(), cookie, session.Session{})
	if !errors.Is(err, session.ErrStore) || !strings.Contains(err.Error(), "maxmemory") {
		t.Errorf("Create in a full server: %v", err)
	}
	a.eventually(t, value, 401)
	b.eventually(t, value, 401)
	if left := s.cli(t, "--scan", "--pattern", "outpost:r:*"); left != "" {
		t.Errorf("records are left: %q", left)
	}
	s.cli(t, "config", "set", "maxmemory", "0")
	if keys, err := a.store.Find(t.Context(), key); len(keys) != 0 || err != nil {
		t.Errorf("Find = %v, %v", keys, err)
	}
	again, _ := a.signIn(t)
	b.wants(t, again, 200)
}

// TestLeftBehind: of a process that dies between two writes something is left
// behind. It is no session, Find does not lead to it, and a sweep removes it;
// what is on its way into the store it leaves alone.
func TestLeftBehind(t *testing.T) {
	s := newServer(t)
	store := open(t, s.config())
	r, k := record(1), key(1)
	if err := store.Save(t.Context(), k, r); err != nil {
		t.Fatal(err)
	}
	name := strings.Fields(s.cli(t, "--scan", "--pattern", "outpost:r:*"))[0]
	s.cli(t, "del", name)
	if _, err := store.Load(t.Context(), k); !errors.Is(err, session.ErrNone) {
		t.Errorf("Load: %v, want ErrNone", err)
	}
	if keys, err := store.Find(t.Context(), r.Indexes[0]); keys != nil || err != nil {
		t.Errorf("Find = %v, %v; want none", keys, err)
	}
	if err := store.Touch(t.Context(), map[session.Key]time.Time{k: r.Seen.Add(time.Minute)}); err != nil {
		t.Errorf("Touch: %v", err)
	}
	if n, err := store.Sweep(t.Context(), time.Now(), 0); n != 0 || err != nil {
		t.Errorf("Sweep of what may be on its way = %d, %v; want 0", n, err)
	}
	// The same, and long ago.
	ledger := strings.Fields(s.cli(t, "--scan", "--pattern", "outpost:m:*"))[0]
	s.cli(t, "eval", `local k = redis.call('HKEYS', KEYS[1])[1]
		local line = redis.call('HGET', KEYS[1], k)
		return redis.call('HSET', KEYS[1], k, string.sub(line, 1, 40) .. string.format('%011d', redis.call('TIME')[1] - 120) .. string.sub(line, 52))`, "1", ledger)
	if n, err := store.Sweep(t.Context(), time.Now(), 0); n != 1 || err != nil {
		t.Errorf("Sweep of what was left behind = %d, %v; want 1", n, err)
	}
	if left := s.cli(t, "--scan"); left != "" {
		t.Errorf("keys are left: %q", left)
	}
	// An index that leads nowhere at all is cleared up by who follows it.
	if err := store.Save(t.Context(), k, r); err != nil {
		t.Fatal(err)
	}
	s.cli(t, "del", name, ledger)
	if keys, err := store.Find(t.Context(), r.Indexes[0]); keys != nil || err != nil {
		t.Errorf("Find = %v, %v; want none", keys, err)
	}
	if err := store.Delete(t.Context(), k); err != nil {
		t.Errorf("Delete: %v", err)
	}
}

// TestExpiry: the server drops a record at its absolute end by itself.
func TestExpiry(t *testing.T) {
	s := newServer(t)
	store := open(t, s.config())
	r := record(1)
	r.Expires = time.Now().Add(300 * time.Millisecond)
	if err := store.Save(t.Context(), key(1), r); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Load(t.Context(), key(1)); err != nil {
		t.Errorf("Load: %v", err)
	}
	eventually(t, "its end", func() bool { _, err := store.Load(t.Context(), key(1)); return errors.Is(err, session.ErrNone) })
	if n, err := store.Sweep(t.Context(), time.Now(), 0); n != 1 || err != nil {
		t.Errorf("Sweep = %d, %v; want 1", n, err)
	}
	if left := s.cli(t, "--scan"); left != "" {
		t.Errorf("keys are left: %q", left)
	}
}

// TestNoServerNamed: the one thing that Open refuses.
func TestNoServerNamed(t *testing.T) {
	if s, err := redis.Open(redis.Config{}); err == nil {
		s.Close()
		t.Error("Open of no address succeeded")
	}
}

// TestLoading: a server that is still reading what it keeps has no answer yet,
// which is not that there is none.
func TestLoading(t *testing.T) {
	s := newServer(t, "--appendonly", "yes", "--appendfsync", "always", "--loading-process-events-interval-bytes", "1024")
	r := newReplica(t, s.config()).ready(t)
	values := make([]string, 300)
	for i := range values {
		values[i], _ = r.signIn(t)
	}
	s.kill()
	s.args = append(s.args, "--key-load-delay", "1000") // microseconds for each key
	r.never(t, values[0], 401, func() {
		s.start(t)
		for _, value := range values {
			r.eventually(t, value, 200)
		}
	})
}

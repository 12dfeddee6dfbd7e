package redis_test

// What a call costs with a server on this machine, and what a session costs the
// server:
//
//	go test -run '^$' -bench . ./session/redis

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"outpost/session"
	"outpost/session/redis"
)

// typical is a record as a provider with an ID token of 1 KiB and a refresh
// token makes one.
func typical(n int) (session.Key, session.Record) {
	now := time.Now()
	r := session.Record{Sealed: make([]byte, 1600), Expires: now.Add(time.Hour), Seen: now}
	binary.BigEndian.PutUint64(r.Sealed, uint64(n))
	for _, of := range []string{"sub", "sid"} {
		r.Indexes = append(r.Indexes, sha256.Sum256(fmt.Append(nil, of, n)))
	}
	return sha256.Sum256(fmt.Append(nil, n)), r
}

func filled(b *testing.B, n int) (*server, *redis.Store, []session.Key) {
	b.Helper()
	s := newServer(b)
	store := open(b, s.config())
	keys := make([]session.Key, n)
	for i := range keys {
		var r session.Record
		keys[i], r = typical(i)
		if err := store.Save(b.Context(), keys[i], r); err != nil {
			b.Fatal(err)
		}
	}
	return s, store, keys
}

func BenchmarkSave(b *testing.B) {
	_, store, _ := filled(b, 1)
	for i := 0; b.Loop(); i++ {
		key, r := typical(i)
		if err := store.Save(b.Context(), key, r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	_, store, keys := filled(b, 1000)
	for i := 0; b.Loop(); i++ {
		if _, err := store.Load(b.Context(), keys[i%len(keys)]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoadParallel: calls that come together share the way there.
func BenchmarkLoadParallel(b *testing.B) {
	_, store, keys := filled(b, 1000)
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := store.Load(b.Context(), keys[i%len(keys)]); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkFind(b *testing.B) {
	_, store, _ := filled(b, 1000)
	_, r := typical(7)
	for b.Loop() {
		if keys, err := store.Find(b.Context(), r.Indexes[0]); err != nil || len(keys) != 1 {
			b.Fatal(keys, err)
		}
	}
}

// BenchmarkTouch writes down 1,000 sessions at a time, as a flush does.
func BenchmarkTouch(b *testing.B) {
	_, store, keys := filled(b, 1000)
	for now := time.Now(); b.Loop(); {
		now = now.Add(time.Second)
		seen := make(map[session.Key]time.Time, len(keys))
		for _, key := range keys {
			seen[key] = now
		}
		if err := store.Touch(b.Context(), seen); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRevocation is from the deletion by one process to the moment that
// another one has been told.
func BenchmarkRevocation(b *testing.B) {
	s, _, _ := filled(b, 1)
	one, other := newReplica(b, s.config()).ready(b), newReplica(b, s.config()).ready(b)
	for b.Loop() {
		b.StopTimer()
		value, key := one.signIn(b)
		if other.answer(value) != 200 {
			b.Fatal("not signed in")
		}
		b.StartTimer()
		if err := one.End(b.Context(), key); err != nil {
			b.Fatal(err)
		}
		for other.answer(value) != 401 {
		}
	}
}

// BenchmarkBytes says what 10,000 sessions take of the server's memory, each.
func BenchmarkBytes(b *testing.B) {
	const n = 10_000
	for b.Loop() {
		s := newServer(b)
		before := used(b, s)
		s.kill()
		s, _, _ = filled(b, n)
		b.ReportMetric(float64(used(b, s)-before)/n, "B/session")
		s.kill()
	}
}

func used(b *testing.B, s *server) int {
	b.Helper()
	for line := range strings.Lines(s.cli(b, "info", "memory")) {
		if text, is := strings.CutPrefix(line, "used_memory:"); is {
			n, err := strconv.Atoi(strings.TrimSpace(text))
			if err != nil {
				b.Fatal(err)
			}
			return n
		}
	}
	b.Fatal("no used_memory")
	return 0
}

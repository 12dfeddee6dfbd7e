package session

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
	"unsafe"
)

func (m mapStore) Delete(_ context.Context, key Key) error {
	delete(m.records, key)
	return nil
}

func newMapSessions(t *testing.T, size int) *Sessions {
	t.Helper()
	s, err := New(Config{
		Store:     mapStore{records: make(map[Key]Record)},
		Secrets:   [][]byte{make([]byte, 32)},
		Idle:      time.Hour,
		Max:       24 * time.Hour,
		CacheSize: size,
	})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return s
}

func createAndFind(t *testing.T, s *Sessions) (value string, l *Live) {
	t.Helper()
	value, _, err := s.Create(t.Context(), "c", Session{})
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	if l, err = s.Find(t.Context(), "c", value); err != nil {
		t.Fatalf("Find: %v", err)
	}
	return value, l
}

// Between the landing of a load and its removal from the list somebody may end
// the session, and somebody else come and join the load.
func TestJoiningALandedLoadOfAnEndedSession(t *testing.T) {
	s := newMapSessions(t, 0)
	value, l := createAndFind(t, s)
	landed := &flight{done: make(chan struct{}), live: l}
	close(landed.done)
	if err := s.End(t.Context(), l.session.Key); err != nil {
		t.Fatalf("End: %v", err)
	}
	s.flights[l.session.Key] = landed
	if got, err := s.Find(t.Context(), "c", value); !errors.Is(err, ErrNone) {
		t.Errorf("Find = %v, %v; want ErrNone", got, err)
	}
	if l.alive(s.clock.now()) {
		t.Error("an ended session is alive for those who still hold it")
	}
}

// A check may be accepted after its session has left the cache.
func TestAcceptAfterEviction(t *testing.T) {
	s := newMapSessions(t, 1)
	value, l := createAndFind(t, s)
	_, other := createAndFind(t, s)
	if s.hot.keys[l.session.Key] != nil || s.hot.keys[other.session.Key] == nil {
		t.Fatal("the first was not evicted by the second")
	}
	l.Accept(time.Now().Add(time.Minute))
	seen := l.seen.Load()
	if !s.Checked(t.Context(), l.session.Key, time.Time{}) || s.unsaved[l.session.Key] != seen {
		t.Errorf("what it knew is lost: %v", s.unsaved)
	}
	s.clock.wall += int64(2 * time.Minute) // so that seen is not ahead of the time
	again, err := s.Find(t.Context(), "c", value)
	if err != nil || again.seen.Load() != seen {
		t.Errorf("Find: %v; seen at %v, want %v", err, again, instant(seen))
	}
	if err := s.End(t.Context(), l.session.Key); err != nil {
		t.Fatalf("End: %v", err)
	}
	if len(s.unsaved) != 0 || s.Checked(t.Context(), l.session.Key, time.Time{}) {
		t.Errorf("of an ended session something is left: %v", s.unsaved)
	}
}

// A header of 64 KiB must not stay in memory for the one cookie in it.
func TestCacheKeepsNoHeader(t *testing.T) {
	s := newMapSessions(t, 0)
	value, _, err := s.Create(t.Context(), "c", Session{})
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	header := strings.Repeat("x", 60_000) + value
	part := header[60_000:]
	l, err := s.Find(t.Context(), "c", part)
	if err != nil {
		t.Fatalf("Find: %v", err)
	}
	if unsafe.StringData(l.value) == unsafe.StringData(part) {
		t.Error("the cache holds a piece of the header")
	}
}

func TestCacheIsBounded(t *testing.T) {
	for _, size := range []int{1, 2, 100, 5000} {
		c := newCache(size)
		for i := range 3 * size {
			c.put(&Live{value: string(rune(i)), session: Session{Key: Key{byte(i), byte(i >> 8)}}})
		}
		n := 0
		for i := range c.shards {
			n += len(c.shards[i].values)
		}
		if n > size || n < size*9/10 || len(c.keys) != n || len(c.all()) != n {
			t.Errorf("of %d it holds %d values, %d keys, %d in all", size, n, len(c.keys), len(c.all()))
		}
	}
}

func TestEndedAreRememberedOnlyWhileNeeded(t *testing.T) {
	s := newMapSessions(t, 0)
	_, l := createAndFind(t, s)
	if err := s.End(t.Context(), l.session.Key); err != nil {
		t.Fatalf("End: %v", err)
	}
	if len(s.ended) != 0 {
		t.Errorf("%d ended sessions are remembered that the store has deleted", len(s.ended))
	}
	key := func(i int) Key { return Key{byte(i), byte(i >> 8), byte(i >> 16)} }
	for i := range maxEnded + 1000 {
		s.rememberEnded(key(i), int64(i))
	}
	if len(s.ended) > maxEnded {
		t.Errorf("%d ended sessions are remembered, want at most %d", len(s.ended), maxEnded)
	}
	if _, ok := s.ended[key(maxEnded+999)]; !ok {
		t.Error("the one that ended last is forgotten")
	}
}

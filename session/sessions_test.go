package session_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/session"
)

func TestCreateAndFind(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() session.Store) {
		var events counts
		s := newSessions(t, session.Config{
			Store:   open(),
			OnEvent: events.add,
			Prepare: func(sess *session.Session) any { return "prepared for " + sess.Identity.Username },
		})
		want := alice()
		value, key := create(t, s, want)
		want.Key, want.Created, want.Rechecked, want.Expires = key, time.Now(), time.Now(), time.Now().Add(day)

		hot := want
		hot.IDToken = ""
		for _, where := range []string{"from the store", "hot"} {
			l, err := s.Find(t.Context(), cookie, value)
			if err != nil {
				t.Fatalf("%s: Find: %v", where, err)
			}
			if diff := cmp.Diff(hot, *l.Session()); diff != "" {
				t.Errorf("%s: session (-want +got):\n%s", where, diff)
			}
			if want := "prepared for alice"; l.Prepared() != want {
				t.Errorf("%s: prepared %q, want %q", where, l.Prepared(), want)
			}
		}
		got, err := s.Load(t.Context(), key)
		if err != nil {
			t.Fatalf("Load: %v", err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Load (-want +got):\n%s", diff)
		}
		if n, err := s.Len(t.Context()); n != 1 || err != nil {
			t.Errorf("Len = %d, %v; want 1", n, err)
		}
		events.want(t, map[string]int{"created": 1})
	})
}

func TestCookieValueIsShort(t *testing.T) {
	s := newSessions(t, session.Config{})
	for range 100 {
		value, _ := create(t, s, alice())
		if len(value) >= 256 {
			t.Fatalf("the cookie value has %d bytes, want fewer than 256", len(value))
		}
	}
}

func TestTicketsDiffer(t *testing.T) {
	s := newSessions(t, session.Config{})
	values, keys := make(map[string]bool), make(map[session.Key]bool)
	for range 1000 {
		value, key := create(t, s, alice())
		if values[value] || keys[key] {
			t.Fatal("two sessions have one ticket")
		}
		values[value], keys[key] = true, true
	}
}

func TestOtherCookieNameOpensNothing(t *testing.T) {
	s := newSessions(t, session.Config{})
	value, _ := create(t, s, alice())
	wantNone(t, s, "__Host-outpost-router", value)
	mustFind(t, s, value)
	wantNone(t, s, "__Host-outpost-router", value) // now that it is hot
	wantNone(t, s, strings.ToUpper(cookie), value)
	mustFind(t, s, value)
}

func TestAbsoluteEndIsExact(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() session.Store) {
		store := open()
		s := newSessions(t, session.Config{Store: store, Idle: time.Hour, Max: 90 * time.Minute})
		cold := newSessions(t, session.Config{Store: store, Idle: time.Hour, Max: 90 * time.Minute})
		value, key := create(t, s, alice())
		for range 3 { // used all the while
			time.Sleep(30*time.Minute - 1)
			mustFind(t, s, value).Accept(time.Now())
		}
		time.Sleep(2 * time.Nanosecond)
		mustFind(t, s, value).Accept(time.Now())
		flush(t, s)
		mustFind(t, cold, value)
		time.Sleep(time.Nanosecond)
		wantNone(t, s, cookie, value)
		wantNone(t, s, cookie, value)    // now that it is no longer hot
		wantNone(t, cold, cookie, value) // hot there
		if _, err := s.Load(t.Context(), key); !errors.Is(err, session.ErrNone) {
			t.Errorf("Load: %v, want ErrNone", err)
		}
	})
}

func TestIdleIsExact(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() session.Store) {
		store := open()
		s := newSessions(t, session.Config{Store: store, Idle: time.Hour, Max: day})
		value, key := create(t, s, alice())
		time.Sleep(time.Hour - 1)
		mustFind(t, s, value).Accept(time.Now()) // slides
		time.Sleep(time.Hour - 1)
		mustFind(t, s, value) // does not: finding is not accepting
		l := mustFind(t, s, value)
		time.Sleep(time.Nanosecond)
		l.Accept(time.Now()) // too late to slide
		wantNone(t, s, cookie, value)
		wantNone(t, s, cookie, value)
		if _, err := s.Load(t.Context(), key); !errors.Is(err, session.ErrNone) {
			t.Errorf("Load: %v, want ErrNone", err)
		}
		wantNone(t, newSessions(t, session.Config{Store: store, Idle: time.Hour, Max: day}), cookie, value)
	})
}

func TestWithoutIdleTheAbsoluteEndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions(t, session.Config{Max: day})
		value, _ := create(t, s, alice())
		time.Sleep(day - 1)
		mustFind(t, s, value)
		time.Sleep(time.Nanosecond)
		wantNone(t, s, cookie, value)
	})
}

func TestShorterMaxCountsForOldSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		value, _ := create(t, newSessions(t, session.Config{Store: store, Max: 10 * day}), alice())
		shorter := newSessions(t, session.Config{Store: store, Max: day})
		longer := newSessions(t, session.Config{Store: store, Max: 20 * day})
		time.Sleep(day - 1)
		mustFind(t, shorter, value)
		time.Sleep(time.Nanosecond)
		wantNone(t, shorter, cookie, value)
		time.Sleep(9*day - 1)
		mustFind(t, longer, value)
		time.Sleep(time.Nanosecond)
		wantNone(t, longer, cookie, value)
	})
}

// A restart, or another process, knows of a session what was written down.
func TestIdleReachesTheStore(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() session.Store) {
		store := open()
		config := session.Config{Store: store, Idle: time.Hour, Max: day}
		s := newSessions(t, config)
		stop := run(t, s)
		value, key := create(t, s, alice())
		quiet, _ := create(t, s, alice())
		mustFind(t, s, quiet)
		time.Sleep(50 * time.Minute)
		mustFind(t, s, value).Accept(time.Now())
		accepted := time.Now()
		time.Sleep(31 * time.Second) // the next flush has been
		r, err := store.Load(t.Context(), key)
		if err != nil || !r.Seen.Equal(accepted) {
			t.Fatalf("in the store it was seen at %v, %v; want %v", r.Seen, err, accepted)
		}
		time.Sleep(20 * time.Minute)
		restarted := newSessions(t, config)
		mustFind(t, restarted, value)
		wantNone(t, restarted, cookie, quiet)

		mustFind(t, s, value).Accept(time.Now())
		stop() // flushes once more
		r, err = store.Load(t.Context(), key)
		if err != nil || !r.Seen.Equal(time.Now()) {
			t.Fatalf("after Run it was seen at %v, %v; want %v", r.Seen, err, time.Now())
		}
	})
}

func TestOnlyWhatMovedIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &shaky{Store: newMemory()}
		s := newSessions(t, session.Config{Store: store, Idle: time.Hour})
		defer run(t, s)()
		value, _ := create(t, s, alice())
		quiet, _ := create(t, s, alice())
		mustFind(t, s, quiet)
		want := int64(0)
		for range 3 {
			time.Sleep(time.Minute)
			if got := store.touched.Load(); got != want {
				t.Errorf("%d records were touched, want %d", got, want)
			}
			for range 5 {
				time.Sleep(time.Second)
				mustFind(t, s, value).Accept(time.Now())
			}
			want++
		}
	})
}

func TestCloseFlushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &keepOpen{newMemory()}
		s := newSessions(t, session.Config{Store: store, Idle: time.Hour})
		value, key := create(t, s, alice())
		time.Sleep(time.Minute)
		mustFind(t, s, value).Accept(time.Now())
		if err := s.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
		r, err := store.Load(t.Context(), key)
		if err != nil || !r.Seen.Equal(time.Now()) {
			t.Errorf("after Close it was seen at %v, %v; want %v", r.Seen, err, time.Now())
		}
	})
}

func TestSweep(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() session.Store) {
		store := open()
		var events counts
		s := newSessions(t, session.Config{Store: store, Idle: 20 * time.Minute, Max: day, OnEvent: events.add})
		defer run(t, s)()
		idle, _ := create(t, s, alice())
		busy, _ := create(t, s, alice())
		mustFind(t, s, idle)
		for range 26 {
			time.Sleep(time.Minute)
			mustFind(t, s, busy).Accept(time.Now())
		}
		synctest.Wait()
		if n, _ := store.Len(t.Context()); n != 1 {
			t.Errorf("the store holds %d sessions, want 1", n)
		}
		mustFind(t, s, busy)
		wantNone(t, s, cookie, idle)
		events.want(t, map[string]int{"created": 2, "expired": 1})
	})
}

func TestChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		s := newSessions(t, session.Config{Store: store, Idle: time.Hour})
		value, key := create(t, s, alice())
		if s.Checked(t.Context(), key, time.Time{}) {
			t.Error("checked before any check")
		}
		l := mustFind(t, s, value)
		if s.Checked(t.Context(), key, time.Time{}) {
			t.Error("checked by a check that was not accepted")
		}
		l.Accept(time.Now()) // in the very nanosecond of its creation
		if !s.Checked(t.Context(), key, time.Time{}) {
			t.Error("not checked after an accepted check")
		}
		time.Sleep(time.Nanosecond)
		l.Accept(time.Now())
		flush(t, s)
		restarted := newSessions(t, session.Config{Store: store, Idle: time.Hour})
		mustFind(t, restarted, value)
		if !restarted.Checked(t.Context(), key, time.Time{}) {
			t.Error("the store's knowledge of an accepted check is lost")
		}
		if restarted.Checked(t.Context(), session.Key{1}, time.Time{}) {
			t.Error("a session that never was is checked")
		}
	})
}

func TestRotation(t *testing.T) {
	store := newMemory()
	value, key := create(t, newSessions(t, session.Config{Store: store, Secrets: secrets("a")}), alice())

	rotated := newSessions(t, session.Config{Store: store, Secrets: secrets("b", "a")})
	mustFind(t, rotated, value)
	if sess, err := rotated.Load(t.Context(), key); err != nil || sess.IDToken != alice().IDToken {
		t.Errorf("Load = %v, %v", sess, err)
	}
	newer, _ := create(t, rotated, alice())

	dropped := newSessions(t, session.Config{Store: store, Secrets: secrets("b")})
	wantNone(t, dropped, cookie, value)
	mustFind(t, dropped, newer)
	if _, err := dropped.Load(t.Context(), key); !errors.Is(err, session.ErrNone) {
		t.Errorf("Load: %v, want ErrNone", err)
	}
	wantNone(t, newSessions(t, session.Config{Store: store, Secrets: secrets("c", "d")}), cookie, newer)
}

func TestNewRefuses(t *testing.T) {
	good := session.Config{Store: newMemory(), Secrets: secrets("a"), Idle: time.Hour, Max: day}
	tests := []struct {
		name   string
		change func(*session.Config)
		want   string
	}{
		{"no-store", func(c *session.Config) { c.Store = nil }, "no store"},
		{"no-secret", func(c *session.Config) { c.Secrets = nil }, "no secret"},
		{"short-secret", func(c *session.Config) { c.Secrets = [][]byte{make([]byte, 31)} }, "at least 32 bytes, got 31"},
		{"short-old-secret", func(c *session.Config) { c.Secrets = append(secrets("a"), []byte("short")) }, "secret 2"},
		{"no-max", func(c *session.Config) { c.Max = 0 }, "max"},
		{"negative-idle", func(c *session.Config) { c.Idle = -1 }, "idle"},
		{"negative-cache", func(c *session.Config) { c.CacheSize = -1 }, "cache size"},
		{"negative-person-limit", func(c *session.Config) { c.MaxPerUser = -1 }, "limit"},
		{"negative-limit", func(c *session.Config) { c.MaxSessions = -1 }, "limit"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := good
			test.change(&c)
			if _, err := session.New(c); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
	if _, err := session.New(good); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestNothingSecretPrints(t *testing.T) {
	secret := []byte("canary-canary-canary-canary-canary")
	s := newSessions(t, session.Config{Secrets: [][]byte{secret}})
	sess := alice()
	sess.IDToken = "canary-token"
	value, key := create(t, s, sess)
	whole, err := s.Load(t.Context(), key)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	sealer, err := session.NewSealer([][]byte{secret}, "state", time.Hour)
	if err != nil {
		t.Fatalf("NewSealer: %v", err)
	}
	for _, v := range []any{s, mustFind(t, s, value), whole, &whole, sealer} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			got := fmt.Sprintf(format, v)
			if len(got) > 40 || strings.Contains(got, "canary") || strings.Contains(got, value) {
				t.Errorf("%T prints as %s", v, got)
			}
		}
	}
	var log logged
	log.logger().Info("x", "key", key, "session", whole, "live", mustFind(t, s, value))
	if got := log.String(); strings.Contains(got, "canary") || strings.Contains(got, value) || !strings.Contains(got, `"key":"`+key.String()+`"`) {
		t.Errorf("logged as %s", got)
	}
}

// FindHot knows what is in memory, and says so of nothing else.
func TestFindHot(t *testing.T) {
	s := newSessions(t, session.Config{})
	value, _ := create(t, s, alice())
	if l, known := s.FindHot(cookie, value); l != nil || known {
		t.Errorf("before it is hot: %v, %v", l, known)
	}
	l := mustFind(t, s, value)
	if got, known := s.FindHot(cookie, value); got != l || !known {
		t.Errorf("once it is hot: %v, %v", got, known)
	}
	for name, value := range map[string]string{"another": value, cookie: ""} {
		if got, known := s.FindHot(name, value); got != nil || !known {
			t.Errorf("cookie %s with %d bytes: %v, %v; want it known to be none", name, len(value), got, known)
		}
	}
	if got, known := s.FindHot(cookie, "A"+value[1:]); got != nil || known {
		t.Errorf("a forged value: %v, %v", got, known)
	}
	if n := testing.AllocsPerRun(100, func() { s.FindHot(cookie, value) }); n > 0 {
		t.Errorf("it allocates %v times", n)
	}
}

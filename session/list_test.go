package session_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/session"
)

// list returns the usernames of the sessions that the filter means, sorted.
func list(t *testing.T, s *session.Sessions, f session.Filter) []string {
	t.Helper()
	var names []string
	err := s.List(t.Context(), f, func(l session.Listed) bool {
		if l.IDToken != "" || l.Nonce != "" || l.RefreshToken != "" || l.AccessToken != "" {
			t.Errorf("%s is listed with a token", l.Key)
		}
		names = append(names, l.Identity.Username)
		return true
	})
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	slices.Sort(names)
	return names
}

// person is a session in which every token there may be is set.
func person(name, application, provider string) session.Session {
	s := alice()
	s.Identity.Username, s.Identity.Subject, s.Identity.Email = name, "sub of "+name, name+"@example.com"
	s.Application, s.Provider = application, provider
	s.Nonce, s.RefreshToken, s.AccessToken = "nonce", "refresh", "access"
	return s
}

func TestList(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() session.Store) {
		s := newSessions(t, session.Config{Store: open(), Idle: 2 * time.Hour})
		_, old := create(t, s, person("old", "home", "idp"))
		gone, goneKey := create(t, s, person("gone", "home", "idp"))
		mustFind(t, s, gone)
		idle, _ := create(t, s, person("idle", "home", "idp"))
		mustFind(t, s, idle)
		time.Sleep(time.Hour)
		noon := time.Now()
		value, key := create(t, s, person("alice", "home", "idp"))
		create(t, s, person("bob", "home", "other"))
		create(t, s, person("carol", "router", "idp"))
		if err := s.End(t.Context(), goneKey); err != nil {
			t.Fatal(err)
		}
		// Slides in memory alone: nothing of it is in the store yet.
		mustFind(t, s, value).Accept(time.Now())
		tests := []struct {
			name   string
			filter session.Filter
			want   []string
		}{
			{"all", session.Filter{}, []string{"alice", "bob", "carol", "idle", "old"}},
			{"username", session.Filter{User: "alice"}, []string{"alice"}},
			{"email", session.Filter{User: "bob@example.com"}, []string{"bob"}},
			{"subject", session.Filter{User: "sub of carol"}, []string{"carol"}},
			{"to-the-letter", session.Filter{User: "Alice"}, nil},
			{"application", session.Filter{Application: "router"}, []string{"carol"}},
			{"provider", session.Filter{Provider: "other"}, []string{"bob"}},
			{"before", session.Filter{Before: noon}, []string{"idle", "old"}},
			{"before-the-first", session.Filter{Before: noon.Add(-time.Hour)}, nil},
			{"id", session.Filter{ID: key.ID()}, []string{"alice"}},
			{"start-of-an-id", session.Filter{ID: old.String()}, []string{"old"}},
			{"everything-has-to-fit", session.Filter{User: "alice", Application: "router"}, nil},
			{"two-that-fit", session.Filter{User: "alice", Application: "home", Provider: "idp"}, []string{"alice"}},
		}
		for _, test := range tests {
			if diff := cmp.Diff(test.want, list(t, s, test.filter)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.name, diff)
			}
		}

		// What is over is not listed, swept or not, and use in memory counts.
		time.Sleep(90 * time.Minute)
		mustFind(t, s, value).Accept(time.Now())
		if diff := cmp.Diff([]string{"alice", "bob", "carol"}, list(t, s, session.Filter{})); diff != "" {
			t.Errorf("after half of them went idle (-want +got):\n%s", diff)
		}
		err := s.List(t.Context(), session.Filter{ID: key.ID()}, func(l session.Listed) bool {
			if !l.Seen.Equal(time.Now()) || l.Key != key || l.Application != "home" {
				t.Errorf("listed as %s, seen %s", l.Key.ID(), l.Seen)
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		if err := s.List(t.Context(), session.Filter{}, func(session.Listed) bool { n++; return false }); err != nil || n != 1 {
			t.Errorf("stopped at the first: %d, %v", n, err)
		}
	})
}

// A record whose secret is gone is passed over, and told once.
func TestListUnreadable(t *testing.T) {
	store := newMemory()
	old := newSessions(t, session.Config{Store: store, Secrets: secrets("old")})
	create(t, old, person("old", "home", "idp"))
	create(t, old, person("older", "home", "idp"))
	var log logged
	s := newSessions(t, session.Config{Store: store, Secrets: secrets("new"), Log: log.logger()})
	create(t, s, person("new", "home", "idp"))
	if diff := cmp.Diff([]string{"new"}, list(t, s, session.Filter{})); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"sessions":2`) {
		t.Errorf("logged:\n%s", got)
	}
}

func TestRevokeAll(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() session.Store) {
		store := open()
		var events counts
		s := newSessions(t, session.Config{Store: store, OnEvent: events.add})
		bob, _ := create(t, s, person("bob", "home", "idp"))
		mustFind(t, s, bob)
		var alices []string
		for range 100 { // more than end at a time
			value, _ := create(t, s, person("alice", "home", "idp"))
			alices = append(alices, value)
		}
		hot := mustFind(t, s, alices[0])
		if n, err := s.RevokeAll(t.Context(), session.Filter{User: "alice"}); n != 100 || err != nil {
			t.Fatalf("RevokeAll = %d, %v; want 100", n, err)
		}
		hot.Accept(time.Now()) // a check that was under way
		for _, value := range alices {
			wantNone(t, s, cookie, value)
			wantNone(t, newSessions(t, session.Config{Store: store}), cookie, value)
		}
		mustFind(t, s, bob)
		if n, err := s.RevokeAll(t.Context(), session.Filter{User: "alice"}); n != 0 || err != nil {
			t.Errorf("the second time RevokeAll = %d, %v", n, err)
		}
		if n, err := s.RevokeAll(t.Context(), session.Filter{}); n != 1 || err != nil {
			t.Errorf("RevokeAll of all = %d, %v; want 1", n, err)
		}
		wantNone(t, s, cookie, bob)
		events.want(t, map[string]int{"created": 101, "revoked_by_administrator": 101})
	})
}

// What a store that fails half-way does not delete is over all the same.
func TestRevokeAllStoreFails(t *testing.T) {
	store := &failingDelete{Store: newMemory()}
	s := newSessions(t, session.Config{Store: store})
	var values []string
	for range 5 {
		value, _ := create(t, s, person("alice", "home", "idp"))
		values = append(values, value)
	}
	if n, err := s.RevokeAll(t.Context(), session.Filter{User: "alice"}); n != 5 || !errors.Is(err, session.ErrStore) {
		t.Errorf("RevokeAll = %d, %v; want 5 and ErrStore", n, err)
	}
	for _, value := range values {
		wantNone(t, s, cookie, value)
	}
	if got := list(t, s, session.Filter{}); got != nil {
		t.Errorf("still listed: %v", got)
	}
	down := &shaky{Store: newMemory()}
	s = newSessions(t, session.Config{Store: &failingScan{down}})
	if err := s.List(t.Context(), session.Filter{}, func(session.Listed) bool { return true }); !errors.Is(err, session.ErrStore) {
		t.Errorf("List: %v, want ErrStore", err)
	}
}

func TestOf(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() session.Store) {
		store := open()
		old := newSessions(t, session.Config{Store: store, Secrets: secrets("old"), Idle: time.Hour})
		s := newSessions(t, session.Config{Store: store, Secrets: secrets("new", "old"), Idle: time.Hour})
		create(t, s, person("alice", "idle", "idp"))
		time.Sleep(time.Hour)
		create(t, old, person("alice", "before the rotation", "idp"))
		create(t, s, person("alice", "here", "idp"))
		create(t, s, person("bob", "his", "idp"))
		elsewhere := person("alice", "elsewhere", "idp")
		elsewhere.Identity.Issuer = "https://other.example.com"
		create(t, s, elsewhere)
		_, gone := create(t, s, person("alice", "gone", "idp"))
		if err := s.End(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		all, err := s.Of(t.Context(), "https://idp.example.com", "sub of alice")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range all {
			if l.IDToken+l.Nonce+l.RefreshToken+l.AccessToken != "" {
				t.Errorf("%s comes with a token", l.Key)
			}
			got = append(got, l.Application)
		}
		slices.Sort(got)
		if diff := cmp.Diff([]string{"before the rotation", "here"}, got); diff != "" {
			t.Errorf("sessions (-want +got):\n%s", diff)
		}
		if all, err := s.Of(t.Context(), "https://idp.example.com", ""); all != nil || err != nil {
			t.Errorf("of nobody: %v, %v", all, err)
		}
	})
}

// stammering is a store that says everything twice, as Redis may.
type stammering struct{ session.Store }

func (s stammering) Scan(ctx context.Context, yield func(session.Key, session.Record) bool) error {
	return s.Store.Scan(ctx, func(key session.Key, r session.Record) bool {
		for range 2 {
			if !yield(key, r) {
				return false
			}
		}
		return true
	})
}

func TestListTellsNobodyTwice(t *testing.T) {
	s := newSessions(t, session.Config{Store: stammering{newMemory()}})
	create(t, s, person("alice", "home", "idp"))
	create(t, s, person("bob", "home", "idp"))
	if diff := cmp.Diff([]string{"alice", "bob"}, list(t, s, session.Filter{})); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	if n, err := s.RevokeAll(t.Context(), session.Filter{}); n != 2 || err != nil {
		t.Errorf("RevokeAll = %d, %v; want 2", n, err)
	}
}

// confused is a store that finds everybody, whoever is asked for.
type confused struct{ session.Store }

func (c confused) Find(ctx context.Context, _ session.Key) (keys []session.Key, err error) {
	err = c.Scan(ctx, func(key session.Key, _ session.Record) bool {
		keys = append(keys, key)
		return true
	})
	return keys, err
}

// Whatever a store finds, nobody is shown somebody else's session.
func TestOfGoesByTheRecord(t *testing.T) {
	s := newSessions(t, session.Config{Store: confused{newMemory()}})
	elsewhere := person("alice", "elsewhere", "idp")
	elsewhere.Identity.Issuer = "https://other.example.com"
	for _, p := range []session.Session{person("alice", "here", "idp"), person("bob", "his", "idp"), elsewhere} {
		create(t, s, p)
	}
	all, err := s.Of(t.Context(), "https://idp.example.com", "sub of alice")
	if err != nil || len(all) != 1 || all[0].Application != "here" {
		t.Errorf("got %v, %v", all, err)
	}
}

// EndAll with an exception ends every session but that one.
func TestEndAllExcept(t *testing.T) {
	s := newSessions(t, session.Config{})
	here, key := create(t, s, alice())
	there, _ := create(t, s, alice())
	n, err := s.EndAll(t.Context(), session.Whose{Issuer: alice().Identity.Issuer, Subject: alice().Identity.Subject, Except: key}, "signed_out")
	if n != 1 || err != nil {
		t.Errorf("EndAll = %d, %v; want 1", n, err)
	}
	mustFind(t, s, here)
	wantNone(t, s, cookie, there)
}

// A list of many neither holds up a sign-in nor keeps more than it has to.
func TestListMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions(t, session.Config{})
		for i := range 3000 {
			create(t, s, person(fmt.Sprint("user", i), "home", "idp"))
		}
		n := 0
		err := s.List(t.Context(), session.Filter{}, func(session.Listed) bool {
			if n++; n%1000 == 0 {
				create(t, s, person("meanwhile", "home", "idp"))
			}
			return true
		})
		if err != nil || n < 3000 || n > 3003 {
			t.Errorf("%d were listed, %v", n, err)
		}
	})
}

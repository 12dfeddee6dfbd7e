package session_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"outpost/session"
)

func TestEnd(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() session.Store) {
		store := open()
		var events counts
		s := newSessions(t, session.Config{Store: store, OnEvent: events.add})
		hot, hotKey := create(t, s, alice())
		l := mustFind(t, s, hot)
		cold, coldKey := create(t, s, alice())
		other, _ := create(t, s, alice())
		for _, key := range []session.Key{hotKey, coldKey} {
			if err := s.End(t.Context(), key); err != nil {
				t.Fatalf("End: %v", err)
			}
		}
		l.Accept(time.Now()) // a check that was under way
		flush(t, s)
		for _, value := range []string{hot, cold} {
			wantNone(t, s, cookie, value)
			wantNone(t, newSessions(t, session.Config{Store: store}), cookie, value)
		}
		if _, err := s.Load(t.Context(), hotKey); !errors.Is(err, session.ErrNone) {
			t.Errorf("Load: %v, want ErrNone", err)
		}
		if s.Checked(t.Context(), hotKey, time.Time{}) {
			t.Error("an ended session is checked")
		}
		mustFind(t, s, other)
		events.want(t, map[string]int{"created": 3, "signed_out": 2})
	})
}

func TestEndAll(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() session.Store) {
		store := open()
		old := newSessions(t, session.Config{Store: store, Secrets: secrets("old")})
		var events counts
		s := newSessions(t, session.Config{Store: store, Secrets: secrets("new", "old"), OnEvent: events.add})

		make := func(s *session.Sessions, issuer, subject, sid string) string {
			sess := alice()
			sess.Identity.Issuer, sess.Identity.Subject, sess.SID = issuer, subject, sid
			value, _ := create(t, s, sess)
			return value
		}
		const idp, other = "https://idp.example.com", "https://other.example.com"
		before := make(old, idp, "alice", "1") // sealed before the rotation
		phone := make(s, idp, "alice", "2")
		bare := make(s, idp, "alice", "")
		alsoBare := make(s, idp, "alice", "")
		elsewhere := make(s, other, "alice", "1")
		bob := make(s, idp, "bob", "3")
		nobody := make(s, idp, "", "")

		want := func(n int, issuer, subject, sid string) {
			t.Helper()
			if got, err := s.EndAll(t.Context(), session.Whose{Issuer: issuer, Subject: subject, SID: sid}, "backchannel_logout"); got != n || err != nil {
				t.Errorf("EndAll(%q, %q, %q) = %d, %v; want %d", issuer, subject, sid, got, err, n)
			}
		}
		want(0, idp, "", "4")
		want(0, idp, "", "")
		want(0, idp, "carol", "4")
		want(0, idp, "carol", "")
		want(0, "https://idp.example.co", "malice", "")
		want(1, idp, "", "1")
		wantNone(t, s, cookie, before)
		mustFind(t, s, bare) // hot from here on
		// Whatever the provider calls them: nobody knows which one sid 4 is.
		want(2, idp, "alice", "4")
		wantNone(t, s, cookie, bare)
		wantNone(t, s, cookie, alsoBare)
		mustFind(t, s, phone)
		bare = make(s, idp, "alice", "")
		want(2, idp, "alice", "")
		wantNone(t, s, cookie, phone)
		wantNone(t, s, cookie, bare)
		want(0, idp, "alice", "")
		for _, value := range []string{elsewhere, bob, nobody} {
			mustFind(t, s, value)
		}
		events.want(t, map[string]int{"created": 7, "backchannel_logout": 5})
	})
}

// Who asks is told of each session that ended, with its tokens; of one that the
// store cannot read any more nobody is told, and it ends all the same.
func TestEndAllTells(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() session.Store) {
		store := &unreadable{Store: open()}
		s := newSessions(t, session.Config{Store: store})
		for _, token := range []string{"one", "two"} {
			sess := alice()
			sess.RefreshToken = token
			create(t, s, sess)
		}
		here, key := create(t, s, alice())
		var told []string
		whose := session.Whose{Issuer: alice().Identity.Issuer, Subject: alice().Identity.Subject, Except: key, Ended: func(ended session.Session) {
			told = append(told, ended.RefreshToken)
		}}
		if n, err := s.EndAll(t.Context(), whose, "signed_out"); n != 2 || err != nil {
			t.Fatalf("EndAll = %d, %v", n, err)
		}
		slices.Sort(told)
		if !slices.Equal(told, []string{"one", "two"}) {
			t.Errorf("told of %q", told)
		}
		mustFind(t, s, here)

		told, store.fails, whose.Except = nil, true, session.Key{}
		if n, err := s.EndAll(t.Context(), whose, "signed_out"); n != 1 || err != nil || told != nil {
			t.Errorf("EndAll = %d, %v; told of %q", n, err, told)
		}
		store.fails = false
		wantNone(t, s, cookie, here)
	})
}

// unreadable is a store that finds and deletes, and loads nothing.
type unreadable struct {
	session.Store
	fails bool
}

func (u *unreadable) Load(ctx context.Context, key session.Key) (session.Record, error) {
	if u.fails {
		return session.Record{}, errors.New("it does not read")
	}
	return u.Store.Load(ctx, key)
}

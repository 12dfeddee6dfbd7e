package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"outpost/session"
)

func setSecrets(t *testing.T, s *session.Sessions, names ...string) {
	t.Helper()
	if err := s.SetSecrets(secrets(names...)); err != nil {
		t.Fatalf("SetSecrets: %v", err)
	}
}

// What a rotation leaves as it was: cookies, hot or not, records, and how they
// are found; and what it changes: who seals.
func TestSetSecrets(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() session.Store) {
		store := &shaky{Store: open()}
		s := newSessions(t, session.Config{Store: store, Secrets: secrets("old")})
		hot, hotKey := create(t, s, alice())
		live := mustFind(t, s, hot)
		cold, _ := create(t, s, alice())
		loads := store.loads.Load()

		setSecrets(t, s, "new", "old")
		if mustFind(t, s, hot) != live || store.loads.Load() != loads {
			t.Error("a session that was hot was looked up again")
		}
		mustFind(t, s, cold)
		fresh, _ := create(t, s, alice())
		mustFind(t, newSessions(t, session.Config{Store: store, Secrets: secrets("new")}), fresh)
		wantNone(t, newSessions(t, session.Config{Store: store, Secrets: secrets("old")}), cookie, fresh)

		// A record is sealed anew when it is updated; its cookie goes on.
		onlyNew := newSessions(t, session.Config{Store: store, Secrets: secrets("new")})
		if _, err := onlyNew.Load(t.Context(), hotKey); !errors.Is(err, session.ErrNone) {
			t.Errorf("before an update: %v, want ErrNone", err)
		}
		if err := s.Update(t.Context(), hotKey, func(*session.Session) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := onlyNew.Load(t.Context(), hotKey); err != nil {
			t.Errorf("after an update: %v", err)
		}
		mustFind(t, s, hot)

		all, err := s.Of(t.Context(), alice().Identity.Issuer, alice().Identity.Subject)
		if err != nil || len(all) != 3 {
			t.Errorf("%d of them are found by their person, %v; want 3", len(all), err)
		}
		whose := session.Whose{Issuer: alice().Identity.Issuer, Subject: alice().Identity.Subject}
		if n, err := s.EndAll(t.Context(), whose, "signed_out"); n != 3 || err != nil {
			t.Errorf("EndAll = %d, %v; want 3", n, err)
		}
	})
}

// A secret that is taken out of the list opens nothing any more, although what
// it opened before is in memory.
func TestSetSecretsDrops(t *testing.T) {
	s := newSessions(t, session.Config{Secrets: secrets("leaked")})
	stolen, _ := create(t, s, alice())
	live := mustFind(t, s, stolen)
	setSecrets(t, s, "new", "leaked")
	good, _ := create(t, s, alice())
	kept := mustFind(t, s, good)

	setSecrets(t, s, "new")
	wantNone(t, s, cookie, stolen)
	live.Accept(time.Now()) // a check that was under way
	if mustFind(t, s, good) != kept {
		t.Error("a session of the secret that stays was looked up again")
	}
	setSecrets(t, s, "leaked", "new") // what was dropped for a moment is not lost
	mustFind(t, s, stolen)
}

func TestSetSecretsRefuses(t *testing.T) {
	store := newMemory()
	s := newSessions(t, session.Config{Store: store, Secrets: secrets("old")})
	value, _ := create(t, s, alice())
	for name, list := range map[string][][]byte{
		"none": nil, "short": {make([]byte, 31)}, "second-short": append(secrets("new"), []byte("short")),
	} {
		if err := s.SetSecrets(list); err == nil {
			t.Errorf("%s: no error", name)
		}
		mustFind(t, s, value)
		again, _ := create(t, s, alice())
		mustFind(t, newSessions(t, session.Config{Store: store, Secrets: secrets("old")}), again)
	}
}

// A load that has opened cookie and record with a secret must not put the session
// into the hot cache once that secret is gone.
func TestSetSecretsDuringLoad(t *testing.T) {
	inHand, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s := newSessions(t, session.Config{Secrets: secrets("old"), Prepare: func(*session.Session) any {
		once.Do(func() {
			close(inHand)
			<-goOn
		})
		return nil
	}})
	value, _ := create(t, s, alice())
	result := make(chan error)
	go func() {
		_, err := s.Find(t.Context(), cookie, value)
		result <- err
	}()
	<-inHand
	setSecrets(t, s, "new")
	close(goOn)
	if err := <-result; !errors.Is(err, session.ErrNone) {
		t.Errorf("the load that was under way: %v, want ErrNone", err)
	}
	wantNone(t, s, cookie, value)
}

// Secrets change under everything else that goes on; nobody is signed out.
func TestSetSecretsUnderLoad(t *testing.T) {
	s := newSessions(t, session.Config{Store: openFile(t), Secrets: secrets("0"), CacheSize: 16})
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var values []string
			for ctx.Err() == nil {
				value, key, err := s.Create(t.Context(), cookie, alice())
				if err != nil {
					t.Errorf("Create: %v", err)
					return
				}
				if values = append(values, value); len(values) > 50 {
					values = values[1:]
				}
				for _, value := range values {
					if _, err := s.Find(t.Context(), cookie, value); err != nil {
						t.Errorf("Find: %v", err)
						return
					}
				}
				if err := s.Update(t.Context(), key, func(*session.Session) error { return nil }); err != nil {
					t.Errorf("Update: %v", err)
				}
			}
		})
	}
	names := []string{"0"}
	for i := range 20 {
		names = append([]string{string(rune('a' + i))}, names...)
		setSecrets(t, s, names...)
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	wg.Wait()
}

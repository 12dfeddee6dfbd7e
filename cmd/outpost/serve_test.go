package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"outpost/auth"
	"outpost/session"
	"outpost/session/file"
)

// The story of one person, through the daemon as it is run.
func TestServe(t *testing.T) {
	p := newProvider(t)
	d := start(t, usual(t).with(p.settings()))
	if got := d.check(t, ""); got.status != http.StatusUnauthorized {
		t.Fatalf("before the sign-in the check answers %+v", got)
	}
	cookie := p.signIn(t, d)
	if got := d.check(t, cookie); got.status != http.StatusOK || got.header.Get("X-Authentik-Username") != "alice" {
		t.Fatalf("after the sign-in the check answers %+v", got)
	}
	if got := d.check(t, "__Host-outpost-router=forged"); got.status != http.StatusUnauthorized {
		t.Errorf("to a forged cookie the check answers %+v", got)
	}
	out := get(t, d.public, auth.Prefix+"/sign_out", "Host", "router.example.com", "Cookie", cookie)
	if out.status != http.StatusOK {
		t.Errorf("sign_out answers %+v", out)
	}
	if got := d.check(t, cookie); got.status != http.StatusUnauthorized {
		t.Errorf("after the sign-out the check answers %+v", got)
	}
	for _, line := range []string{"serving", "register at provider default", "signed in", "signed out"} {
		if n := len(d.log.find(line)); n != 1 {
			t.Errorf("%d lines begin with %q", n, line)
		}
	}
	if got := d.halt(t); got != 0 {
		t.Errorf("it ended with %d", got)
	}
	if last := d.log.find("stopped"); len(last) != 1 {
		t.Errorf("it does not say that it stopped:\n%s", d.log)
	}
}

func TestLogFormats(t *testing.T) {
	for format, begins := range map[string]string{"json": `{"time":"`, "text": "time="} {
		// A management socket that cannot be had ends it at once.
		s := usual(t).with(settings{"log": settings{"format": format}, "management": "unix:/nowhere/socket", "insecure_http": true})
		got := command(t, nil, "-config", s.file(t))
		if got.status != 1 || !strings.HasPrefix(got.stderr, begins) || !strings.Contains(got.stderr, "insecure_http is on") {
			t.Errorf("%s: got %+v", format, got)
		}
	}
}

// A provider that is down, or that keeps silent, holds nobody up.
func TestServeWithoutProvider(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, issuer := range map[string]string{"down": "http://127.0.0.1:1", "silent": "http://" + silent.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			d := start(t, usual(t).with(settings{"insecure_http": true, "provider": settings{"issuer": issuer, "client_id": "outpost"}}))
			if got := d.check(t, ""); got.status != http.StatusUnauthorized {
				t.Errorf("the check answers %+v", got)
			}
			if took := time.Since(begun); took > 8*time.Second {
				t.Errorf("the first check came after %s", took)
			}
			begun = time.Now()
			if got := d.halt(t); got != 0 || time.Since(begun) > drainTime*3/4 {
				t.Errorf("it ended with %d after %s", got, time.Since(begun))
			}
		})
	}
}

// A request that has begun comes to its end, however the provider dawdles; new
// ones find nobody.
func TestStopFinishesRequests(t *testing.T) {
	p := newProvider(t)
	s := usual(t).with(p.settings())
	d := start(t, s)
	exchanging, goOn := make(chan struct{}), make(chan struct{})
	p.token = func() { close(exchanging); <-goOn }
	v := p.begin(t, d)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(goOn)
		<-exchanging
		d.stop()
		for end := time.Now().Add(patience); listens(d.public); {
			if time.Now().After(end) {
				t.Error("it goes on listening")
				return
			}
		}
		select {
		case <-d.ended:
			t.Error("it ended under a request")
		default:
		}
	})
	landed := v.finish(t, d)
	wg.Wait()
	if landed.status != http.StatusFound {
		t.Errorf("the request was answered with %+v", landed)
	}
	if got := d.halt(t); got != 0 {
		t.Errorf("it ended with %d", got)
	}
	// What the last request wrote is there after the restart.
	p.token = func() {}
	if got := start(t, s).check(t, cookies(landed)); got.status != http.StatusOK {
		t.Errorf("after the restart the check answers %+v", got)
	}
}

func listens(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// TestStopWritesIdleTimes: the sliding of a session is in memory, and must not
// get lost with it. The session is made without a daemon, with the secret that
// one generated.
func TestStopWritesIdleTimes(t *testing.T) {
	s := usual(t)
	start(t, s).halt(t)
	data := s["data"].(string)
	value, key := create(t, data)

	before := seen(t, data, key)
	d := start(t, s)
	if got := d.check(t, "__Host-outpost-router="+value); got.status != http.StatusOK {
		t.Fatalf("the check answers %+v\n%s", got, d.log)
	}
	d.halt(t)
	if after := seen(t, data, key); !after.After(before) {
		t.Errorf("last seen %s, as before the check", after)
	}
	if got := start(t, s).check(t, "__Host-outpost-router="+value); got.status != http.StatusOK {
		t.Errorf("after another restart the check answers %+v", got)
	}
}

// create makes a session in the store of a data directory.
func create(t *testing.T, data string) (value string, key session.Key) {
	t.Helper()
	secret, err := os.ReadFile(filepath.Join(data, "secret"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := file.Open(filepath.Join(data, "sessions.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := session.New(session.Config{Store: store, Secrets: [][]byte{[]byte(strings.TrimSpace(string(secret)))}, Max: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	value, key, err = sessions.Create(t.Context(), "__Host-outpost-router", session.Session{
		Application: "router", Provider: "default", Identity: session.Identity{Issuer: "https://idp", Subject: "alice-1", Username: "alice"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := sessions.Close(); err != nil {
		t.Fatal(err)
	}
	return value, key
}

// seen is when a session was last seen, as the store knows it.
func seen(t *testing.T, data string, key session.Key) time.Time {
	t.Helper()
	store, err := file.Open(filepath.Join(data, "sessions.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	record, err := store.Load(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return record.Seen
}

func TestRestart(t *testing.T) {
	tests := []struct {
		name  string
		store string
		after int
	}{
		{"file", "file", http.StatusOK},
		{"memory", "memory", http.StatusUnauthorized},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newProvider(t)
			s := usual(t).with(p.settings(), settings{"session": settings{"store": test.store}})
			d := start(t, s)
			cookie := p.signIn(t, d)
			if got := d.check(t, cookie); got.status != http.StatusOK {
				t.Fatalf("before the restart the check answers %+v", got)
			}
			d.halt(t)
			if got := start(t, s).check(t, cookie); got.status != test.after {
				t.Errorf("after the restart the check answers %+v, want %d", got, test.after)
			}
		})
	}
}

// A session file that cannot be trusted is set aside, and everybody signs in
// again: the daemon does not stay down for it.
func TestCorruptSessions(t *testing.T) {
	p := newProvider(t)
	s := usual(t).with(p.settings())
	d := start(t, s)
	cookie := p.signIn(t, d)
	d.halt(t)
	path := filepath.Join(s["data"].(string), "sessions.db")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(fmt.Sprintf("%0*d", info.Size(), 0)), 0o600); err != nil {
		t.Fatal(err)
	}
	d = start(t, s)
	if got := d.check(t, cookie); got.status != http.StatusUnauthorized {
		t.Errorf("the check answers %+v", got)
	}
	if got := d.check(t, p.signIn(t, d)); got.status != http.StatusOK {
		t.Errorf("after signing in again the check answers %+v", got)
	}
	lines := d.log.find("the session file cannot be used")
	aside, err := filepath.Glob(path + ".corrupt-*")
	if err != nil || len(aside) != 1 || len(lines) != 1 || lines[0]["level"] != "ERROR" || lines[0]["set_aside"] != aside[0] {
		t.Errorf("set aside are %v, logged is %v", aside, lines)
	}
}

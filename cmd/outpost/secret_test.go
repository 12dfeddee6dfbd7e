package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	secretA = "AAAAp4ySdQw1ZzK8mJcR3hNfB7xLgTe0"
	secretB = "BBBBp4ySdQw1ZzK8mJcR3hNfB7xLgTe0"
)

func TestReadSecretFile(t *testing.T) {
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name, text string
		want       []keptSecret
		says       string // of the error
	}{
		{"one", secretA + "\n", []keptSecret{{value: secretA}}, ""},
		{"one-without-a-line-end", secretA, []keptSecret{{value: secretA}}, ""},
		{"white-space", "\r\n  " + secretA + " \r\n\n", []keptSecret{{value: secretA}}, ""},
		{"several", secretHeading + secretA + "\n" + replacedPrefix + "2026-11-26T12:00:00Z\n" + secretB + "\n", []keptSecret{{value: secretA}, {secretB, at}}, ""},
		{"added-by-hand", secretA + "\n# the old one\n" + secretB + "\n", []keptSecret{{value: secretA}, {value: secretB}}, ""},
		{"empty", "", nil, "there is none in"},
		{"comments-alone", "# x\n\n", nil, "there is none in"},
		{"short", secretA + "\nshort-and-secret\n", nil, "line 2 of"},
		{"no-time", secretA + "\n# replaced yesterday\n" + secretB, nil, "line 2 of"},
		{"too-many", strings.Repeat(secretA+"\n", maxSecrets+1), nil, "17 of them, and 16 is the most"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := readSecretFile(path)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(keptSecret{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if (err != nil) != (test.says != "") || err != nil && (!strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "short-and")) {
				t.Errorf("error %v, want %q", err, test.says)
			}
		})
	}
}

func TestRotated(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	var many []keptSecret
	for i := range maxSecrets {
		many = append(many, keptSecret{fmt.Sprint(i), ago(time.Duration(i) * time.Minute)})
	}
	tests := []struct {
		name string
		kept []keptSecret
		want []keptSecret // nil for an error
	}{
		{"the-first", nil, []keptSecret{{value: "new"}}},
		{"once", []keptSecret{{value: "a"}}, []keptSecret{{value: "new"}, {"a", now}}},
		{"twice", []keptSecret{{value: "b"}, {"a", ago(time.Hour)}}, []keptSecret{{value: "new"}, {"b", now}, {"a", ago(time.Hour)}}},
		{"too-old", []keptSecret{{value: "b"}, {"a", ago(24 * time.Hour)}}, []keptSecret{{value: "new"}, {"b", now}}},
		{"as-good-as-too-old", []keptSecret{{value: "b"}, {"a", ago(24*time.Hour - 1)}}, []keptSecret{{value: "new"}, {"b", now}, {"a", ago(24*time.Hour - 1)}}},
		{"replaced-when-nobody-knows", []keptSecret{{value: "b"}, {value: "a"}}, []keptSecret{{value: "new"}, {"b", now}, {"a", now}}},
		{"a-clock-that-was-ahead", []keptSecret{{value: "b"}, {"a", now.Add(time.Hour)}}, []keptSecret{{value: "new"}, {"b", now}, {"a", now.Add(time.Hour)}}},
		{"too-many", many, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := rotated(test.kept, "new", 24*time.Hour, now)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(keptSecret{})); diff != "" || (err != nil) != (test.want == nil) {
				t.Errorf("error %v, -want +got:\n%s", err, diff)
			}
			if err != nil && !strings.Contains(err.Error(), "wait until 2026-11-27T11:45:00Z") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func rotate(t *testing.T, s settings) outcome {
	t.Helper()
	return command(t, nil, "secret", "rotate", "-config", s.file(t))
}

// A rotation of a running daemon signs nobody out and disturbs nobody on their
// way in; and after a restart it is the same.
func TestSecretRotate(t *testing.T) {
	p := newProvider(t)
	s := usual(t).with(p.settings())
	d := start(t, s)
	secret := filepath.Join(s["data"].(string), "secret")
	old, err := os.ReadFile(secret)
	if err != nil {
		t.Fatal(err)
	}
	before := p.signIn(t, d)
	onTheWay := p.begin(t, d)

	got := rotate(t, s)
	if got.status != 0 || !strings.Contains(got.stdout, "older ones that still open what they sealed: 1\n") || !strings.Contains(got.stdout, "the running outpost seals with it from now on") {
		t.Fatalf("got %+v", got)
	}
	now, err := readSecretFile(secret)
	if err != nil || len(now) != 2 || now[1].value != strings.TrimSpace(string(old)) || strings.Contains(got.stdout+d.log.String(), now[0].value) {
		t.Fatalf("in the file are %d secrets, %v", len(now), err)
	}
	if info, err := os.Stat(secret); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	landed := onTheWay.finish(t, d)
	after := p.signIn(t, d)
	for name, cookie := range map[string]string{"before": before, "on the way": cookies(landed), "after": after} {
		if got := d.check(t, cookie); got.status != http.StatusOK {
			t.Errorf("%s: the check answers %+v", name, got)
		}
	}
	d.halt(t)
	if got := rotate(t, s); got.status != 0 || !strings.Contains(got.stdout, "no outpost listens") || !strings.Contains(got.stdout, "and every process when it starts") {
		t.Errorf("with nobody there: %+v", got)
	}
	d = start(t, s)
	for name, cookie := range map[string]string{"before": before, "on the way": cookies(landed), "after": after} {
		if got := d.check(t, cookie); got.status != http.StatusOK {
			t.Errorf("%s: after a restart the check answers %+v", name, got)
		}
	}
	if list, err := filepath.Glob(filepath.Join(s["data"].(string), ".secret-*")); err != nil || len(list) > 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
}

func TestSecretRotateConfigured(t *testing.T) {
	got := rotate(t, usual(t).with(settings{"secret": []string{secretA}}))
	for _, want := range []string{"sets secret", "secret:\n  - NEW", "for another 168h", "SIGHUP"} {
		if got.status != 1 || !strings.Contains(got.stderr, want) {
			t.Errorf("it lacks %q: %+v", want, got)
		}
	}
	if strings.Contains(got.stderr, secretA) {
		t.Error("it shows the secret")
	}
}

// What cannot be rotated stays as it is.
func TestSecretRotateRefuses(t *testing.T) {
	s := usual(t).with(settings{"data": t.TempDir()})
	path := filepath.Join(s["data"].(string), "secret")
	if err := os.WriteFile(path, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := rotate(t, s); got.status != 1 || !strings.Contains(got.stderr, "line 1 of "+path+" has 5 bytes") {
		t.Errorf("got %+v", got)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "short\n" {
		t.Errorf("the file has %q, %v", text, err)
	}
	unlock, err := lockDirectory(s["data"].(string))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if got := rotate(t, s); got.status != 1 || !strings.Contains(got.stderr, "another rotation is under way") {
		t.Errorf("two at once: %+v", got)
	}
}

// A configuration that has gone bad since the start is told, and the old secrets go on.
func TestReloadRefuses(t *testing.T) {
	p := newProvider(t)
	s := usual(t).with(p.settings(), settings{"secret": []string{secretA}})
	d := startAt(t, s, filepath.Join(t.TempDir(), "outpost.yaml"))
	cookie := p.signIn(t, d.daemon)
	steps := []struct {
		name    string
		file    settings
		current string // outpost_config_last_reload_successful
		line    string
		opens   bool
	}{
		{"bad", s.with(settings{"listen": "nowhere"}), "0", "the configuration was not taken over", true},
		{"short-secret", s.with(settings{"secret": []string{"short"}}), "0", "the configuration was not taken over", true},
		{"rotated", s.with(settings{"secret": []string{secretB, secretA}}), "1", "the configuration was taken over", true},
		{"rotated-and-more", s.with(settings{"secret": []string{secretB, secretA}, "session": settings{"cached_sessions": 7}}), "0", "the configuration was taken over, but for what takes a restart", true},
		{"dropped", s.with(settings{"secret": []string{secretB}}), "1", "the configuration was taken over", false},
	}
	for _, step := range steps {
		before := len(d.log.find(step.line))
		d.rewrite(t, step.file)
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		eventually(t, step.name, func() bool { return len(d.log.find(step.line)) > before })
		if got := d.check(t, cookie); (got.status == http.StatusOK) != step.opens {
			t.Errorf("%s: the check answers %+v", step.name, got)
		}
		if got := get(t, d.management, "/metrics"); !strings.Contains(got.body, "\noutpost_config_last_reload_successful "+step.current+"\n") {
			t.Errorf("%s: outpost_config_last_reload_successful is not %s", step.name, step.current)
		}
	}
	if strings.Contains(d.log.String(), secretA) || strings.Contains(d.log.String(), secretB) {
		t.Error("the log has a secret")
	}
}

// A secret file that has gone is no reason to make a new secret while people are
// signed in with the old one.
func TestReloadWithoutSecretFile(t *testing.T) {
	p := newProvider(t)
	s := usual(t).with(p.settings())
	d := start(t, s)
	cookie := p.signIn(t, d)
	if err := os.Remove(filepath.Join(s["data"].(string), "secret")); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://outpost/reload", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client(t, "unix:"+filepath.Join(s["data"].(string), "admin.sock")).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusConflict {
		t.Errorf("it answers %s", resp.Status)
	}
	if got := d.check(t, cookie); got.status != http.StatusOK {
		t.Errorf("the check answers %+v", got)
	}
	// What `rotate` says where the running process does not follow.
	if got := rotate(t, s.with(settings{"provider": settings{"issuer": "https://idp", "client_id": "x"}})); got.status != 0 {
		t.Errorf("got %+v", got)
	}
}

// Sign-ins and checks go on while the secret is rotated again and again.
func TestRotateUnderLoad(t *testing.T) {
	p := newProvider(t)
	s := usual(t).with(p.settings())
	d := start(t, s)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for ctx.Err() == nil {
				cookie := p.signIn(t, d)
				for range 5 {
					if got := d.check(t, cookie); got.status != http.StatusOK {
						t.Errorf("the check answers %+v", got)
						return
					}
				}
			}
		})
	}
	for range 8 {
		if got := rotate(t, s); got.status != 0 {
			t.Errorf("got %+v", got)
		}
	}
	stop()
	wg.Wait()
}

// A rotation that is killed leaves the old file or the new one, and never less.
func TestRotateKilled(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := usual(t).with(settings{"data": t.TempDir(), "admin": "off", "session": settings{"max": "1s"}})
	config, path := s.file(t), filepath.Join(s["data"].(string), "secret")
	first, err := rotateSecretFile(path, time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	last, killed := first[0].value, 0
	for range 60 {
		c := exec.CommandContext(t.Context(), binary, "secret", "rotate", "-config", config)
		c.Env = append(os.Environ(), "OUTPOST_TEST_PROCESS=1")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(rand.N(40 * time.Millisecond))
		c.Process.Kill()
		c.Wait() // also refused, where there are sixteen within a second
		if c.ProcessState.ExitCode() < 0 {
			killed++
		}
		kept, err := readSecretFile(path)
		if err != nil {
			t.Fatalf("after a kill: %v", err)
		}
		if kept[0].value != last && (len(kept) < 2 || kept[1].value != last) {
			t.Fatal("the secret that sealed before is gone")
		}
		last = kept[0].value
	}
	if killed == 0 {
		t.Error("none of them was killed in time")
	}
	time.Sleep(2100 * time.Millisecond) // what was replaced has nothing left to open
	if got := command(t, nil, "secret", "rotate", "-config", config); got.status != 0 {
		t.Errorf("after all that: %+v", got)
	}
	if list, err := os.ReadDir(s["data"].(string)); err != nil || len(list) != 1 {
		t.Errorf("left behind: %v, %v", list, err)
	}
}

// Root, who rotates for another user, does not lock that one out.
func TestSecretRotateKeepsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not tested: only root may give a file away, and this is not root")
	}
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(secretA), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 65532, 65532); err != nil {
		t.Fatal(err)
	}
	if _, err := rotateSecretFile(path, time.Hour, time.Now()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if was := info.Sys().(*syscall.Stat_t); was.Uid != 65532 || was.Gid != 65532 {
		t.Errorf("it belongs to %d:%d", was.Uid, was.Gid)
	}
}

// A hang-up while the process ends, as systemd may send it, does not cut short
// what it still has to write.
func TestHangupWhileStopping(t *testing.T) {
	provider := newProvider(t)
	p := startProcess(t, usual(t).with(provider.settings()))
	exchanging, goOn := make(chan struct{}), make(chan struct{})
	provider.token = func() { close(exchanging); <-goOn }
	v := provider.begin(t, &p.daemon)
	var landed reply
	var wg sync.WaitGroup
	wg.Go(func() { landed = v.finish(t, &p.daemon) })
	<-exchanging
	p.signal(t, syscall.SIGTERM)
	eventually(t, "stopping", func() bool { return len(p.log.find("stopping")) == 1 })
	p.signal(t, syscall.SIGHUP)
	eventually(t, "the reload", func() bool { return len(p.log.find("the configuration was taken over")) == 1 })
	close(goOn)
	wg.Wait()
	p.wait(t)
	if landed.status != http.StatusFound || !p.ProcessState.Success() {
		t.Errorf("the request was answered with %d, and it ended with %v", landed.status, p.ProcessState)
	}
}

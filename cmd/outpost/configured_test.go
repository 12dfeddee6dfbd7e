package main

import (
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Variables alone are enough to serve, and every other command finds the same
// configuration in them.
func TestEnvironmentAlone(t *testing.T) {
	p := newProvider(t)
	secret := filepath.Join(t.TempDir(), "oidc")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(secret, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("client secret of the tests\n")
	data := filepath.Join(t.TempDir(), "data")
	env := map[string]string{
		"OUTPOST_ISSUER": p.URL, "OUTPOST_CLIENT_ID": "outpost", "FILE__OUTPOST_CLIENT_SECRET": secret, "OUTPOST_EXTERNAL_URL": "https://router.example.com",
		"OUTPOST_INSECURE_HTTP": "true", "OUTPOST_LISTEN": "127.0.0.1:0", "OUTPOST_MANAGEMENT": "unix:" + filepath.Join(filepath.Dir(secret), "m.sock"),
		"OUTPOST_DATA": data, "OUTPOST_LOG_FORMAT": "json", "OUTPOST_SESSION_IDLE": "1h",
	}
	ctx, stop := context.WithCancel(context.Background())
	d := &daemon{log: newJournal(), stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(d.ended)
		d.status = run(ctx, program{nil, lookup(env), io.Discard, d.log, func() []string { return slices.Collect(maps.Keys(env)) }})
	}()
	t.Cleanup(func() { d.halt(t) })
	select {
	case line := <-d.log.serving:
		d.public, d.management = address(line["listen"]), address(line["management"])
	case <-d.ended:
		t.Fatalf("it ended with status %d:\n%s", d.status, d.log)
	case <-time.After(patience):
		t.Fatalf("it does not serve:\n%s", d.log)
	}
	if got := d.check(t, p.signIn(t, d)); got.status != 200 || got.header.Get("X-Authentik-Username") != "alice" {
		t.Errorf("the check answers %+v", got)
	}
	for _, test := range []struct {
		line, says string
	}{
		{"check", "the environment is good (applications: 1, providers: 1)"},
		{"config dump", "idle: 1h # $OUTPOST_SESSION_IDLE"},
		{"explain --user alice https://router.example.com/", "application: home"},
		{"sessions list", "alice"},
		{"healthcheck", ""},
		{"secret rotate", "the running outpost seals with it from now on"},
	} {
		if got := command(t, env, strings.Fields(test.line)...); got.status != 0 || !strings.Contains(got.stdout, test.says) {
			t.Errorf("%s: %+v", test.line, got)
		}
	}
	before := len(d.log.find("the configuration was taken over"))
	put("another secret of the tests\n")
	eventually(t, "the new client secret", func() bool { return len(d.log.find("the configuration was taken over")) > before })
}

func TestEnvironmentMisspelt(t *testing.T) {
	env := map[string]string{"OUTPOST_ISSUER": "https://idp.example.com", "OUTPOST_CLIENT_ID": "outpost", "OUTPOST_EXTERNAL_URL": "https://a.example.com", "OUTPOST_ALLOW_GROUP": "admins"}
	got := command(t, env)
	if got.status != 1 || !strings.Contains(got.stderr, "OUTPOST_ALLOW_GROUP: is not a variable that outpost knows\n      did you mean OUTPOST_ALLOW_GROUPS?") {
		t.Errorf("got %+v", got)
	}
	if got := command(t, map[string]string{"OUTPOST_ALLOW_GROUPS": "admins"}, "check", "-config", usual(t).file(t)); got.status != 1 || !strings.Contains(got.stderr, "OUTPOST_ALLOW_GROUPS: is set beside the file") {
		t.Errorf("beside a file: %+v", got)
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/session"
	"outpost/session/file"
)

// seeded is a data directory with a session of each of the people, before any
// process runs on it.
func seeded(t *testing.T, people ...session.Session) (s settings, cookies map[string]string) {
	t.Helper()
	data := t.TempDir()
	const secret = "u6Vt0p4ySdQw1ZzK8mJcR3hNfB7xLgTe"
	if err := os.WriteFile(filepath.Join(data, "secret"), []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := file.Open(filepath.Join(data, "sessions.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := session.New(session.Config{Store: store, Secrets: [][]byte{[]byte(secret)}, Max: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	cookies = map[string]string{}
	for _, p := range people {
		name := "__Host-outpost-" + p.Application
		value, _, err := sessions.Create(t.Context(), name, p)
		if err != nil {
			t.Fatal(err)
		}
		cookies[p.Identity.Username] = name + "=" + value
	}
	if err := sessions.Close(); err != nil {
		t.Fatal(err)
	}
	return usual(t).with(settings{"data": data}), cookies
}

func person(name string) session.Session {
	return session.Session{
		Application: "router", Provider: "default",
		Identity:     session.Identity{Issuer: "https://127.0.0.1:1/", Subject: "sub-" + name, Username: name, Email: name + "@example.com", Groups: []string{"users"}},
		RefreshToken: "the refresh token", IDToken: "the ID token", AccessToken: "the access token", Nonce: "the nonce",
		Device: "Firefox on Linux", Address: "192.0.2.7", AMR: []string{"pwd"}, ACR: "1",
	}
}

// sessionsOf runs a subcommand of `outpost sessions` against a configuration.
func sessionsOf(t *testing.T, s settings, args ...string) outcome {
	t.Helper()
	return command(t, nil, append(append([]string{"sessions"}, args...), "-config", s.file(t))...)
}

func TestSessions(t *testing.T) {
	bob, alice, terminal := person("bob"), person("alice"), person("mallory")
	terminal.Identity.Username = "\x1b[2Jmal\u202elory"
	s, cookies := seeded(t, bob, alice, terminal)
	d := start(t, s)
	if got := d.check(t, cookies["alice"]); got.status != http.StatusOK {
		t.Fatalf("the check answers %+v", got)
	}

	got := sessionsOf(t, s, "list")
	lines := strings.Split(strings.TrimSuffix(got.stdout, "\n"), "\n")
	if got.status != 0 || len(lines) != 4 || strings.ContainsAny(got.stdout, "\x1b\u202e") {
		t.Fatalf("got %+v", got)
	}
	column := strings.Index(lines[0], "USER")
	for i, want := range []string{"USER ", "[2Jmallory ", "alice ", "bob "} {
		if !strings.HasPrefix(lines[i][column:], want) {
			t.Errorf("line %d has no %q under USER:\n%s", i, want, got.stdout)
		}
	}

	got = sessionsOf(t, s, "list", "--json", "--user", "alice@example.com")
	var list []map[string]any
	if err := json.Unmarshal([]byte(got.stdout), &list); err != nil || len(list) != 1 || list[0]["username"] != "alice" {
		t.Fatalf("got %+v (%v)", got, err)
	}
	// docs/sessions.md has a row for each key.
	page, err := os.ReadFile("../../docs/sessions.md")
	if err != nil {
		t.Fatal(err)
	}
	for key := range maps.Keys(list[0]) {
		if !strings.Contains(string(page), "`"+key+"`") {
			t.Errorf("docs/sessions.md does not tell of %s", key)
		}
	}
	id, _ := list[0]["id"].(string)

	for _, args := range [][]string{{"show", id}, {"show", id[:8]}, {"show", "--json", strings.ToUpper(id)}} {
		got := sessionsOf(t, s, args...)
		for _, want := range []string{"alice@example.com", "Firefox on Linux", "192.0.2.7", "sub-alice", "pwd", "router"} {
			if got.status != 0 || !strings.Contains(got.stdout, want) {
				t.Errorf("%v lacks %q: %+v", args, want, got)
			}
		}
		if strings.Contains(got.stdout, "the ") {
			t.Errorf("%v shows a token:\n%s", args, got.stdout)
		}
	}
	if got := sessionsOf(t, s, "show", "0123456789abcdef"); got.status != 1 || !strings.Contains(got.stderr, "there is no session 0123456789abcdef") {
		t.Errorf("a session that is not there: %+v", got)
	}

	if got := sessionsOf(t, s, "revoke", id[:8]); got.status != 0 || got.stdout != "sessions ended: 1\n" {
		t.Errorf("revoke: %+v", got)
	}
	if got := d.check(t, cookies["alice"]); got.status != http.StatusUnauthorized {
		t.Errorf("after that the check answers %+v", got)
	}
	if got := sessionsOf(t, s, "revoke", id); got.status != 1 || !strings.Contains(got.stderr, "there is no session") {
		t.Errorf("revoke once more: %+v", got)
	}
	if got := sessionsOf(t, s, "revoke", "--user", "nobody", "--json"); got.status != 0 || got.stdout != `{"revoked":0}`+"\n" {
		t.Errorf("revoke nobody: %+v", got)
	}
	if got := d.check(t, cookies["bob"]); got.status != http.StatusOK {
		t.Errorf("somebody else's check answers %+v", got)
	}
	if got := sessionsOf(t, s, "revoke", "--all"); got.status != 0 || got.stdout != "sessions ended: 2\n" {
		t.Errorf("revoke --all: %+v", got)
	}
	if got := d.check(t, cookies["bob"]); got.status != http.StatusUnauthorized {
		t.Errorf("after --all the check answers %+v", got)
	}
	if got := sessionsOf(t, s, "list", "--json"); got.status != 0 || got.stdout != "[\n\n]\n" {
		t.Errorf("the list of nothing: %+v", got)
	}
	told := d.log.find("sessions were ended by the administrator")
	if len(told) != 3 || told[0]["id"] != id || told[0]["sessions"] != 1.0 || told[1]["user"] != "nobody" {
		t.Errorf("the log tells %v", told)
	}
	d.halt(t) // it ends in the store, too
	if got := start(t, s).check(t, cookies["bob"]); got.status != http.StatusUnauthorized {
		t.Errorf("after a restart the check answers %+v", got)
	}
}

func TestSessionsBefore(t *testing.T) {
	s, _ := seeded(t, person("alice"))
	start(t, s)
	for before, want := range map[string]int{
		"1h": 1, "0s": 2, time.Now().Add(time.Hour).Format(time.RFC3339): 2, time.Now().Add(-time.Hour).UTC().Format(time.RFC3339): 1,
	} {
		if got := sessionsOf(t, s, "list", "--before", before); strings.Count(got.stdout, "\n") != want {
			t.Errorf("before %s: %+v", before, got)
		}
	}
}

func TestParseBefore(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Time{
		"24h": now.Add(-24 * time.Hour), "0s": now, "2026-11-26T08:00:00Z": now.Add(-4 * time.Hour), "2026-11-26T08:00:00+01:00": now.Add(-5 * time.Hour),
	} {
		if got, err := parseBefore(value, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %s, %v; want %s", value, got, err, want)
		}
	}
	for _, value := range []string{"-1h", "1d", "yesterday", "2026-11-26"} {
		if got, err := parseBefore(value, now); err == nil {
			t.Errorf("%s: %s", value, got)
		}
	}
}

func TestEverybody(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		filter session.Filter
		want   bool
	}{
		"none":            {session.Filter{}, true},
		"before-now":      {session.Filter{Before: now}, true},
		"before-just-now": {session.Filter{Before: now.Add(-time.Second)}, true},
		"before-later":    {session.Filter{Before: now.Add(time.Hour)}, true},
		"before-earlier":  {session.Filter{Before: now.Add(-time.Hour)}, false},
		"user":            {session.Filter{User: "alice", Before: now}, false},
		"application":     {session.Filter{Application: "home"}, false},
		"provider":        {session.Filter{Provider: "idp"}, false},
		"id":              {session.Filter{ID: "ab"}, false},
	} {
		if got := everybody(test.filter, now); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Whom the command line's own rule does not stop, the process stops.
func TestAdminRefusesEverything(t *testing.T) {
	s, cookies := seeded(t, person("alice"))
	d := start(t, s)
	socket := "unix:" + filepath.Join(s["data"].(string), "admin.sock")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://outpost/sessions/revoke?user=", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client(t, socket).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("it answers %s", resp.Status)
	}
	if got := get(t, socket, "/sessions/revoke?all=true"); got.status != http.StatusMethodNotAllowed {
		t.Errorf("to a GET it answers %+v", got)
	}
	if got := d.check(t, cookies["alice"]); got.status != http.StatusOK {
		t.Errorf("the check answers %+v", got)
	}
}

func TestAdminSocket(t *testing.T) {
	s := usual(t)
	d := start(t, s)
	socket := filepath.Join(s["data"].(string), "admin.sock")
	info, err := os.Lstat(socket)
	if err != nil || info.Mode().Type() != fs.ModeSocket || info.Mode().Perm() != 0o600 {
		t.Fatalf("got %v, %v", info.Mode(), err)
	}
	// Nothing of it is on the listeners that others reach.
	for _, address := range []string{d.public, d.management} {
		if got := get(t, address, "/sessions"); got.status != http.StatusNotFound {
			t.Errorf("%s answers %+v", address, got)
		}
	}
	d.halt(t)
	if _, err := os.Lstat(socket); err == nil {
		t.Error("it is still there after the end")
	}
	for _, args := range [][]string{{"list"}, {"show", "abcd"}, {"revoke", "--user", "alice"}} {
		got := sessionsOf(t, s, args...)
		if got.status != 1 || !strings.Contains(got.stderr, "no outpost listens on "+socket+": start it") || got.stdout != "" {
			t.Errorf("%v: got %+v", args, got)
		}
	}
}

func TestAdminElsewhere(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "a.sock")
	s, _ := seeded(t, person("alice"))
	s = s.with(settings{"admin": "unix:" + socket})
	start(t, s)
	if got := sessionsOf(t, s, "list"); got.status != 0 || !strings.Contains(got.stdout, "alice") {
		t.Errorf("got %+v", got)
	}
	off := s.with(settings{"admin": "off", "data": t.TempDir()})
	start(t, off)
	if _, err := os.Lstat(filepath.Join(off["data"].(string), "admin.sock")); err == nil {
		t.Error("there is a socket where admin is off")
	}
	if got := sessionsOf(t, off, "list"); got.status != 1 || !strings.Contains(got.stderr, "admin is off") {
		t.Errorf("where it is off: %+v", got)
	}
}

// A place that takes no socket keeps nobody from signing in, unless the file
// names it.
func TestAdminSocketCannotBe(t *testing.T) {
	s := usual(t).with(settings{"data": t.TempDir()})
	inTheWay := filepath.Join(s["data"].(string), "admin.sock")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d := start(t, s)
	if got := d.check(t, ""); got.status != http.StatusUnauthorized || len(d.log.find("the administration's socket cannot be opened")) != 1 {
		t.Errorf("the check answers %+v\n%s", got, d.log)
	}
	d.halt(t)
	elsewhere := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(elsewhere, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := command(t, nil, "-config", s.with(settings{"admin": "unix:" + elsewhere}).file(t))
	if got.status != 1 || !strings.Contains(got.stderr, "listening on unix:"+elsewhere+": there is a file that is no socket") {
		t.Errorf("got %+v", got)
	}
}

// impostor answers on a socket whatever a broken or another version might.
func impostor(t *testing.T, status int, body string) settings {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "a.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return usual(t).with(settings{"admin": "unix:" + socket})
}

func TestSessionsAnswers(t *testing.T) {
	one := func(id string) string { return `{"session":{"id":"` + id + `","username":"alice"}}` + "\n" }
	tests := []struct {
		name, body string
		status     int
		args       []string
		says       string
	}{
		{"ambiguous", one("abcd000000000001") + one("abcd000000000002") + `{"end":true}`, 200, []string{"show", "abcd"}, "several sessions begin with abcd, such as abcd000000000001 and abcd000000000002"},
		{"ambiguous-revoke", one("abcd000000000001") + one("abcd000000000002") + `{"end":true}`, 200, []string{"revoke", "abcd"}, "several sessions begin with abcd"},
		{"cut-off", one("abcd000000000001"), 200, []string{"list"}, "the list was cut off"},
		{"store-fails", one("abcd000000000001") + `{"error":"session: the store cannot be asked: scan: input/output error"}`, 200, []string{"list", "--json"}, "the store cannot be asked"},
		{"another-version", "404 page not found", 404, []string{"list"}, "is it of the same version?"},
		{"revoke-cut-off", "", 200, []string{"revoke", "--all"}, "some sessions may have ended"},
		{"revoke-fails", `{"error":"3 sessions were ended, and there may be more"}`, 500, []string{"revoke", "--all"}, "3 sessions were ended, and there may be more"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := sessionsOf(t, impostor(t, test.status, test.body), test.args...)
			if got.status != 1 || !strings.Contains(got.stderr, test.says) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestTable(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 11, 26, 12, minute, 0, 0, time.UTC) }
	var table table
	for _, s := range []shownSession{
		{ID: "3", Username: "bob", Application: "home", Provider: "idp", Created: at(1), LastSeen: at(5), Expires: at(9)},
		{ID: "1", Username: "Ångström", Application: "home", Provider: "idp", Created: at(1), LastSeen: at(2), Expires: at(9)},
		{ID: "2", Email: "bob@example.com", Application: "a-longer-name", Provider: "idp", Created: at(1), LastSeen: at(6), Expires: at(9)},
		{ID: "4", Username: "bob", Application: "home", Provider: "idp", Created: at(1), LastSeen: at(6), Expires: at(9)},
	} {
		table.add(&s)
	}
	var b strings.Builder
	if err := table.write(&b); err != nil {
		t.Fatal(err)
	}
	want := `ID  USER             APPLICATION    PROVIDER  CREATED               LAST SEEN             EXPIRES
4   bob              home           idp       2026-11-26T12:01:00Z  2026-11-26T12:06:00Z  2026-11-26T12:09:00Z
3   bob              home           idp       2026-11-26T12:01:00Z  2026-11-26T12:05:00Z  2026-11-26T12:09:00Z
2   bob@example.com  a-longer-name  idp       2026-11-26T12:01:00Z  2026-11-26T12:06:00Z  2026-11-26T12:09:00Z
1   Ångström         home           idp       2026-11-26T12:01:00Z  2026-11-26T12:02:00Z  2026-11-26T12:09:00Z
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A hundred thousand rows are a small part of a gigabyte.
func BenchmarkTable(b *testing.B) {
	names := slices.Collect(func(yield func(string) bool) {
		for i := range 1000 {
			if !yield(fmt.Sprintf("user-%d", i)) {
				return
			}
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		var t table
		for i := range 100_000 {
			t.add(&shownSession{ID: fmt.Sprintf("%016x", i), Username: names[i%1000], Application: "home", Provider: "idp"})
		}
		t.write(io.Discard)
	}
}

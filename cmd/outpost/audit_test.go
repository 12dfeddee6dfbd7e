package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"outpost/auth"
	"outpost/config"
	"outpost/session"
)

// auditLines reads an audit log, every line of which has to be JSON in itself.
func auditLines(t *testing.T, text string) (events []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil || !strings.HasSuffix(line, "\n") {
			t.Fatalf("the line %q: %v", line, err)
		}
		if at, err := time.Parse(auditTime, e["time"].(string)); err != nil || at.Location() != time.UTC || len(e["time"].(string)) != len("2026-11-26T08:00:00.123Z") {
			t.Errorf("time %q is not RFC 3339 in UTC with milliseconds (%v)", e["time"], err)
		}
		events = append(events, e)
	}
	return events
}

// kinds are the events, in order.
func kinds(events []map[string]any) (all []string) {
	for _, e := range events {
		all = append(all, e["event"].(string))
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What the program itself tells: its life, reloads, secrets, administrators.
func TestAuditOfTheProgram(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.log")
	s := usual(t).with(settings{"audit_log": settings{"file": file}})
	start(t, s).halt(t)
	events := auditLines(t, read(t, file))
	if got := kinds(events); !slices.Equal(got, []string{eventStarted, eventStopped}) {
		t.Fatalf("got %q", got)
	}
	if events[0]["version"] != versionOf() {
		t.Errorf("version %v", events[0]["version"])
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: want mode 0600", info.Mode(), err)
	}
}

func TestAuditOfAdministration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.log")
	s := usual(t).with(settings{"audit_log": settings{"file": file}})
	c := startAt(t, s, filepath.Join(t.TempDir(), "outpost.yaml"))
	for _, args := range [][]string{
		{"sessions", "list", "-config", c.file, "--user", "alice"},
		{"sessions", "revoke", "-config", c.file, "--application", "home"},
		{"secret", "rotate", "-config", c.file},
	} {
		if o := command(t, nil, args...); o.status != 0 {
			t.Fatalf("%q: %+v", args, o)
		}
	}
	if err := os.WriteFile(c.file, []byte("nothing: good\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the refusal", func() bool {
		return len(c.log.find("the configuration was not taken over; what was in force goes on")) == 1
	})
	c.rewrite(t, s)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the reload", func() bool { return len(c.log.find("the configuration was taken over")) == 2 })
	c.halt(t)
	events := auditLines(t, read(t, file))
	want := []string{eventStarted, eventAdminListed, eventAdminRevoked, eventReloaded, eventSecretRotated, eventReloadRefused, eventReloaded, eventStopped}
	if got := kinds(events); !slices.Equal(got, want) {
		t.Fatalf("got %q\nwant %q", got, want)
	}
	if filter, _ := events[1]["filter"].(map[string]any); filter["user"] != "alice" || events[1]["by"] != byAdministrator {
		t.Errorf("listing: %v", events[1])
	}
	if events[3]["by"] != byAdministrator || events[5]["by"] != bySignal {
		t.Errorf("by whom: %v, %v", events[3], events[5])
	}
}

func TestAuditToTheStandardOutput(t *testing.T) {
	var stdout, stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	s := usual(t).with(settings{"audit_log": settings{"file": config.AuditStdout}})
	if status := run(ctx, program{[]string{"-config", s.file(t)}, lookup(nil), &stdout, &stderr, noNames}); status != 0 {
		t.Fatalf("status %d: %s", status, &stderr)
	}
	if got := kinds(auditLines(t, stdout.String())); !slices.Equal(got, []string{eventStarted, eventStopped}) {
		t.Errorf("got %q", got)
	}
}

func TestAuditFileThatCannotBeHad(t *testing.T) {
	o := command(t, nil, "-config", usual(t).with(settings{"audit_log": settings{"file": filepath.Join(t.TempDir(), "none", "audit.log")}}).file(t))
	if o.status != 1 || !strings.Contains(o.stderr, "audit_log.file: open ") || !strings.Contains(o.stderr, "in a directory that has to be there") {
		t.Errorf("%+v", o)
	}
}

// newAudit is an audit log without a daemon around it.
func newAudit(t *testing.T, file string, log io.Writer) (*audit, *metrics) {
	t.Helper()
	m := newMetrics(&config.Config{})
	a, err := openAudit(config.AuditLog{File: file}, nil, slog.New(slog.NewJSONHandler(log, nil)), m)
	if err != nil {
		t.Fatal(err)
	}
	return a, m
}

// The file is the one of the name, whatever rotates it, without a signal.
func TestAuditFileIsRotated(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "audit.log")
	a, m := newAudit(t, name, io.Discard)
	tell := func(n float64, user string) {
		a.event(auth.Event{Kind: auth.EventSignIn, User: user})
		eventually(t, "the line of "+user, func() bool { return audited(t, m, "written") == n })
	}
	tell(1, "first")
	if err := os.Rename(name, name+".1"); err != nil { // logrotate, with create or without
		t.Fatal(err)
	}
	tell(2, "second")
	if err := os.Truncate(name, 0); err != nil { // copytruncate
		t.Fatal(err)
	}
	tell(3, "third")
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	tell(4, "fourth")
	a.close()
	if old := auditLines(t, read(t, name+".1")); len(old) != 1 || old[0]["user"] != "first" {
		t.Errorf("before: %v", old)
	}
	if now := auditLines(t, read(t, name)); len(now) != 2 || now[0]["user"] != "fourth" {
		t.Errorf("now: %v", now)
	}
}

// audited is how many lines are counted with this result.
func audited(t *testing.T, m *metrics, result string) float64 {
	t.Helper()
	_, rest, ok := strings.Cut(expositionOf(t, m), `outpost_audit_events_total{result="`+result+`"} `)
	n, err := strconv.ParseFloat(strings.SplitN(rest, "\n", 2)[0], 64)
	if !ok || err != nil {
		t.Fatalf("no series of %s (%v)", result, err)
	}
	return n
}

// badSink fails as long as it is told to.
type badSink struct {
	mu   sync.Mutex
	fail bool
	got  []string
}

func (b *badSink) write(line []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail {
		return syscall.ENOSPC
	}
	b.got = append(b.got, string(line))
	return nil
}
func (b *badSink) close() {}

func (b *badSink) set(fail bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = fail
}

// A disk that is full keeps nobody waiting; what does not fit into memory is lost,
// and counted, and the log says so once.
func TestAuditOfAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m, sink := newMetrics(&config.Config{}), &badSink{fail: true}
		a := &audit{to: sink, log: slog.New(slog.NewTextHandler(&log, nil)), counts: m.audit, queue: make(chan auditLine, 10), closed: make(chan struct{}), done: make(chan struct{})}
		go a.run()
		begun := time.Now()
		for i := range 100 {
			a.event(auth.Event{Kind: auth.EventSignIn, Rule: i + 1})
			if i == 0 {
				synctest.Wait() // it is being written
			}
		}
		if time.Since(begun) != 0 {
			t.Error("somebody waited")
		}
		time.Sleep(time.Minute)
		if n := strings.Count(log.String(), "the audit log cannot be written"); n != 1 {
			t.Errorf("it was logged %d times", n)
		}
		sink.set(false)
		time.Sleep(2 * time.Second)
		a.close()
		events := auditLines(t, strings.Join(sink.got, ""))
		if len(events) != 13 || events[0]["event"] != eventLost || events[0]["lost"] != 89.0 || events[1]["rule"] != 1.0 || events[11]["rule"] != 11.0 {
			t.Errorf("%d events: %v", len(events), events)
		}
		if lost := audited(t, m, "lost"); lost != 89 {
			t.Errorf("%v are counted as lost", lost)
		}
		if !strings.Contains(log.String(), "the audit log is written again") {
			t.Error("nobody is told that it works again")
		}
	})
}

// A disk that stays full does not keep the process from ending.
func TestAuditEndsOnAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &audit{to: &badSink{fail: true}, log: slog.New(slog.DiscardHandler), counts: newMetrics(&config.Config{}).audit, queue: make(chan auditLine, 10), closed: make(chan struct{}), done: make(chan struct{})}
		go a.run()
		for range 20 {
			a.event(auth.Event{Kind: auth.EventSignIn})
		}
		begun := time.Now()
		a.close()
		if took := time.Since(begun); took > auditDrain+2*auditRetry {
			t.Errorf("closing took %s", took)
		}
	})
}

// A real device that is always full: what fails is the line, not the sign-in.
func TestAuditToDevFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Fatal(err)
	}
	sink := &fileSink{path: "/dev/full"}
	if err := sink.write([]byte("{}\n")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
}

// A line that was cut off stands alone: the next one is whole.
func TestAuditAfterATornLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(path, []byte(`{"time":"2026-11`), 0o600); err != nil {
		t.Fatal(err)
	}
	sink := &fileSink{path: path}
	if err := sink.follow(); err != nil {
		t.Fatal(err)
	}
	sink.torn = true
	if err := sink.write([]byte("{}\n")); err != nil {
		t.Fatal(err)
	}
	sink.close()
	if got := read(t, path); got != "{\"time\":\"2026-11\n{}\n" {
		t.Errorf("got %q", got)
	}
}

// What comes from a stranger ends no line and makes no second one.
func TestAuditOfHostileValues(t *testing.T) {
	for _, value := range []string{"a\r\n{\"event\":\"forged\"}", "\x1b[31mred", "a\u2028b", `"}` + "\n", "\xff\xfe", "<script>"} {
		line := string(encodeLine(auditLine{Time: "2026-11-26T08:00:00.000Z", Event: "sign_in", User: value, URL: value}))
		if events := auditLines(t, line); len(events) != 1 || strings.ContainsAny(line[:len(line)-1], "\n\r\x1b") {
			t.Errorf("%q", line)
		}
	}
}

// Every field that package auth tells comes out, and docs/audit.md has a row for
// each event and each field, and no others.
func TestAuditSchema(t *testing.T) {
	page := read(t, "../../docs/audit.md")
	section := func(from string) []string {
		_, rest, ok := strings.Cut(page, "\n## "+from+"\n")
		if !ok {
			t.Fatalf("docs/audit.md has no section %q", from)
		}
		rest, _, _ = strings.Cut(rest, "\n## ")
		var names []string
		for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(rest, -1) {
			names = append(names, m[1])
		}
		return names
	}
	var events []string
	for _, kind := range auth.EventKinds() {
		events = append(events, string(kind))
	}
	events = append(events, eventStarted, eventStopped, eventReloaded, eventReloadRefused, eventSecretRotated, eventAdminListed, eventAdminRevoked, eventLost)
	if got := section("Events"); !slices.Equal(got, events) {
		t.Errorf("events: the page has %q\nthe code %q", got, events)
	}
	var fields []string
	for f := range reflect.TypeFor[auditLine]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields = append(fields, name)
	}
	if got := section("Fields"); !slices.Equal(got, fields) {
		t.Errorf("fields: the page has %q\nthe code %q", got, fields)
	}

	var told auth.Event
	fill(reflect.ValueOf(&told).Elem(), 0)
	a := &audit{queue: make(chan auditLine, 1)}
	a.event(told)
	written := reflect.ValueOf(<-a.queue)
	for _, name := range []string{"Event", "Reason", "Application", "Provider", "Issuer", "Subject", "User", "Client", "Session", "Rule", "URL", "Address", "RequestID", "Sessions", "StepUp", "Everywhere", "Repeated"} {
		if written.FieldByName(name).IsZero() {
			t.Errorf("%s is not passed on", name)
		}
	}
	if n := reflect.TypeFor[auth.Event]().NumField(); n != 17 {
		t.Errorf("an event has %d fields: pass the new one on, and name it here", n)
	}
	a.administrator(eventAdminListed, session.Filter{ID: "a", User: "b", Application: "c", Provider: "d", Before: time.Now()}, 0)
	if empty := empties(reflect.ValueOf(*(<-a.queue).Filter), ""); len(empty) > 0 {
		t.Errorf("of the filter are left out %v", empty)
	}
	if knownAddress(netip.Addr{}.String()) != "" {
		t.Error("an address that nobody knows is written")
	}
}

// Where there is no audit log, nothing is told to it, and sessions end without a
// look into the store.
func TestNoAudit(t *testing.T) {
	var none *audit
	var c auth.Config
	none.hook(&c)
	none.started()
	none.reloaded(nil, true, bySignal)
	none.administrator(eventAdminListed, session.Filter{}, 0)
	none.close()
	if c.Hooks.Event != nil {
		t.Error("package auth tells nobody")
	}
}

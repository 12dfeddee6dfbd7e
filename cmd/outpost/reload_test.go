package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"outpost/auth"
	"outpost/config"
)

func init() {
	usualWatch = watchTimes{every: 20 * time.Millisecond, calm: 100 * time.Millisecond, calmUnended: 600 * time.Millisecond}
}

// told has the router application be sent a header of this value.
func told(s settings, value string) settings {
	return s.with(settings{"applications": []settings{
		{"name": "router", "mode": "single", "external_url": "https://router.example.com", "headers": settings{"set": settings{"X-Told": value}}},
		{"name": "home", "mode": "domain", "external_url": "https://outpost.example.net", "cookie_domain": "example.net"},
	}})
}

// takes reloads and fails the test where that does.
func (c changeable) reload(t *testing.T, data any) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://outpost/reload", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client(t, "unix:"+filepath.Join(data.(string), "admin.sock")).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	b.ReadFrom(resp.Body)
	return reply{resp.StatusCode, resp.Header, b.String()}
}

// What can be taken over is, with the next request of people who are signed in.
func TestReloadTakesOver(t *testing.T) {
	p := newProvider(t)
	s := usual(t).with(p.settings())
	d := startAt(t, s, filepath.Join(t.TempDir(), "outpost.yaml"))
	cookie := p.signIn(t, d.daemon)
	steps := []struct {
		name string
		to   settings
		so   func() bool
	}{
		{"header", told(s, "hello {username}"), func() bool { return d.check(t, cookie).header.Get("X-Told") == "hello alice" }},
		{"rule", s.with(settings{"applications": []settings{{"name": "router", "mode": "single", "external_url": "https://router.example.com", "allow": settings{"users": []string{"nobody"}}}}}),
			func() bool { return d.check(t, cookie).status == http.StatusUnauthorized }},
		{"token", s.with(settings{"tokens": []settings{{"name": "backup", "applications": "router", "hash": "sha256:" + strings.Repeat("a", 64)}}}),
			func() bool { return strings.Contains(get(t, d.management, "/metrics").body, `client="backup"`) }},
		{"front-ends", s.with(settings{"front_ends": []string{"caddy"}}), func() bool {
			nginx, caddy := get(t, d.public, auth.Prefix+"/auth/nginx"), get(t, d.public, auth.Prefix+"/auth/caddy")
			return strings.Contains(nginx.body, "<html") && !strings.Contains(caddy.body, "<html") // a page: it is no check
		}},
		{"trusted-proxies", s.with(settings{"trusted_proxies": []string{"192.0.2.1"}}), func() bool { return d.check(t, cookie).status == http.StatusForbidden }},
		{"provider", s.with(settings{"provider": settings{"name": "company", "issuer": "https://127.0.0.1:1/", "client_id": "x"}}), func() bool {
			m := get(t, d.management, "/metrics").body
			return strings.Contains(m, `outpost_idp_up{provider="company"}`) && !strings.Contains(m, `outpost_idp_up{provider="default"}`)
		}},
		{"application", s.with(settings{"applications": []settings{{"name": "wiki", "mode": "single", "external_url": "https://wiki.example.com"}}}), func() bool {
			return strings.Contains(get(t, d.management, "/metrics").body, `app="wiki"`) && d.check(t, cookie).status == http.StatusForbidden
		}},
		{"idle", s.with(settings{"session": settings{"idle": "1s"}}), func() bool {
			time.Sleep(1100 * time.Millisecond)
			return d.check(t, cookie).status == http.StatusUnauthorized
		}},
		{"log-level", s.with(settings{"log": settings{"format": "json", "level": "error"}}), func() bool { return len(d.log.find("check")) == 0 || quietNow(d, t, cookie) }},
	}
	for _, step := range steps {
		d.rewrite(t, s)
		if r := d.reload(t, s["data"]); r.status != http.StatusOK || !strings.Contains(r.body, `"restart":null`) {
			t.Fatalf("back before %s: %+v", step.name, r)
		}
		if step.name != "idle" && step.name != "log-level" && d.check(t, cookie).status != http.StatusOK {
			t.Errorf("before %s the session is gone", step.name)
		}
		d.rewrite(t, step.to)
		if r := d.reload(t, s["data"]); r.status != http.StatusOK || !strings.Contains(r.body, `"restart":null`) {
			t.Errorf("%s: %+v", step.name, r)
		}
		if !step.so() {
			t.Errorf("%s is not taken over", step.name)
		}
	}
}

// quietNow reports whether a check leaves no line in the log any more.
func quietNow(d changeable, t *testing.T, cookie string) bool {
	before := len(d.log.find("check"))
	d.check(t, cookie)
	return len(d.log.find("check")) == before
}

// What takes a restart is told by name, and the rest is taken over all the same.
func TestReloadNamesRestart(t *testing.T) {
	p := newProvider(t)
	s := usual(t).with(p.settings())
	d := startAt(t, s, filepath.Join(t.TempDir(), "outpost.yaml"))
	cookie := p.signIn(t, d.daemon)
	d.rewrite(t, told(s, "news").with(settings{"listen": "127.0.0.1:1", "data": "/elsewhere", "admin": "off"}))
	r := d.reload(t, s["data"])
	if r.status != http.StatusOK || !strings.Contains(r.body, `"restart":["listen","data","admin"]`) {
		t.Errorf("got %+v", r)
	}
	if got := d.check(t, cookie).header.Get("X-Told"); got != "news" {
		t.Errorf("X-Told is %q", got)
	}
	if m := get(t, d.management, "/metrics").body; !strings.Contains(m, "outpost_config_last_reload_successful 0\n") {
		t.Error("the metric does not say that something waits")
	}
	if lines := d.log.find("the configuration was taken over, but for what takes a restart"); len(lines) == 0 || lines[0]["restart"] != "listen data admin" {
		t.Errorf("the log says %v", lines)
	}
	d.rewrite(t, s)
	if r := d.reload(t, s["data"]); !strings.Contains(r.body, `"restart":null`) {
		t.Errorf("back as it was: %+v", r)
	}
}

// A connection that was opened by a peer which is trusted no more lets nobody in,
// though the front asks only once whose connection it is.
func TestReloadDistrustsOpenConnections(t *testing.T) {
	p := newProvider(t)
	s := usual(t).with(p.settings(), settings{"log": settings{"format": "json"}})
	d := startAt(t, s, filepath.Join(t.TempDir(), "outpost.yaml"))
	cookie := p.signIn(t, d.daemon)
	c := client(t, d.public)
	ask := func() int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://outpost"+auth.Prefix+"/auth/nginx", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "router.example.com"
		r.Header.Set("X-Original-Url", "https://router.example.com/")
		r.Header.Set("Cookie", cookie)
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	ask()
	if got := ask(); got != http.StatusOK {
		t.Fatalf("trusted: %d", got)
	}
	d.rewrite(t, s.with(settings{"trusted_proxies": []string{"192.0.2.1"}}))
	if r := d.reload(t, s["data"]); r.status != http.StatusOK {
		t.Fatalf("%+v", r)
	}
	if got := ask(); got != http.StatusForbidden {
		t.Errorf("trusted no more: %d", got)
	}
}

// A thousand reloads under load: every answer is that of one configuration, none is
// an error, nobody has to sign in again, sign-ins go on, and nothing is left behind.
func TestReloadUnderLoad(t *testing.T) {
	p := newProvider(t)
	s := usual(t).with(p.settings(), settings{"log": settings{"format": "json"}})
	d := startAt(t, told(s, "one"), filepath.Join(t.TempDir(), "outpost.yaml"))
	// Each spells the header and lets one path in: an answer that mixed them would
	// have the one and the other.
	kinds := []settings{}
	for _, name := range []string{"one", "two"} {
		kinds = append(kinds, s.with(settings{"applications": []settings{{
			"name": "router", "mode": "single", "external_url": "https://router.example.com",
			"headers": settings{"set": settings{"X-Told": name}},
			"rules":   []settings{{"path": "/" + name, "allow": true}, {"path": "/", "allow": true}},
		}}}))
	}
	cookie := p.signIn(t, d.daemon)
	d.rewrite(t, kinds[0])
	d.reload(t, s["data"])
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var checks, signIns atomic.Int64
	for i := range 4 {
		path := []string{"one", "two"}[i%2]
		c := client(t, d.public)
		wg.Go(func() {
			for ctx.Err() == nil {
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://outpost"+auth.Prefix+"/auth/nginx", nil)
				r.Host = "router.example.com"
				r.Header.Set("X-Original-Url", "https://router.example.com/"+path)
				r.Header.Set("Cookie", cookie)
				r.Header.Set("Sec-Fetch-Mode", "cors") // no page, which would be 401 where it is refused
				resp, err := c.Do(r)
				if err != nil {
					t.Errorf("a check fails: %v", err)
					return
				}
				resp.Body.Close()
				says := resp.Header.Get("X-Told")
				if !(resp.StatusCode == http.StatusOK && says == path || resp.StatusCode == http.StatusForbidden && says == "") {
					t.Errorf("a check of /%s is answered %d with X-Told %q", path, resp.StatusCode, says)
				}
				checks.Add(1)
			}
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			if other := p.signIn(t, d.daemon); d.check(t, other).status != http.StatusOK {
				t.Error("a sign-in over a reload opens nothing")
			}
			signIns.Add(1)
		}
	})
	reloads := 1000
	goroutines := 0
	for i := range reloads {
		d.rewrite(t, kinds[i%2])
		if r := d.reload(t, s["data"]); r.status != http.StatusOK {
			t.Fatalf("reload %d: %+v", i, r)
		}
		if i == 20 {
			goroutines = busyGoroutines()
		}
	}
	stop()
	wg.Wait()
	if checks.Load() < 1000 || signIns.Load() < 5 {
		t.Errorf("%d checks and %d sign-ins: not under load", checks.Load(), signIns.Load())
	}
	t.Logf("%d reloads, %d checks, %d sign-ins", reloads, checks.Load(), signIns.Load())
	eventually(t, "as few goroutines as before", func() bool { return busyGoroutines() <= goroutines })
	if lines := d.log.find("check panicked"); len(lines) > 0 {
		t.Errorf("%v", lines[0])
	}
}

// busyGoroutines are how many are at something of this module's: connections that lie
// idle are net/http's.
func busyGoroutines() (n int) {
	stacks := make([]byte, 8<<20)
	for _, stack := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if frames, _, _ := strings.Cut(stack, "created by"); strings.Contains(frames, "outpost/") {
			n++
		}
	}
	return n
}

// Whatever way a file changes, it is taken over; and what has not changed is not read.
func TestReloadOnChange(t *testing.T) {
	whole := func(s settings, t *testing.T) []byte {
		text, err := os.ReadFile(s.file(t))
		if err != nil {
			t.Fatal(err)
		}
		return append(text, '\n')
	}
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name   string
		lay    func(t *testing.T, folder string, text []byte) // where it stands first, as folder/outpost.yaml
		change func(t *testing.T, folder string, text []byte)
	}{
		{"in-place", nil, func(t *testing.T, folder string, text []byte) { // nano, and a bind mount of the file alone
			must(t, os.WriteFile(filepath.Join(folder, "outpost.yaml"), text, 0o600))
		}},
		{"rename", nil, func(t *testing.T, folder string, text []byte) { // vim, sed -i, Ansible
			must(t, os.WriteFile(filepath.Join(folder, ".outpost.yaml.swp"), text, 0o600))
			must(t, os.Rename(filepath.Join(folder, ".outpost.yaml.swp"), filepath.Join(folder, "outpost.yaml")))
		}},
		{"away-and-back", nil, func(t *testing.T, folder string, text []byte) { // vim with backupcopy=no
			must(t, os.Rename(filepath.Join(folder, "outpost.yaml"), filepath.Join(folder, "outpost.yaml~")))
			must(t, os.WriteFile(filepath.Join(folder, "outpost.yaml"), text, 0o600))
		}},
		{"symbolic-links-swapped", func(t *testing.T, folder string, text []byte) { // Kubernetes' ConfigMaps
			must(t, os.Mkdir(filepath.Join(folder, "..first"), 0o700))
			must(t, os.WriteFile(filepath.Join(folder, "..first", "outpost.yaml"), text, 0o600))
			must(t, os.Symlink("..first", filepath.Join(folder, "..data")))
			must(t, os.Symlink(filepath.Join("..data", "outpost.yaml"), filepath.Join(folder, "outpost.yaml")))
		}, func(t *testing.T, folder string, text []byte) {
			must(t, os.Mkdir(filepath.Join(folder, "..second"), 0o700))
			must(t, os.WriteFile(filepath.Join(folder, "..second", "outpost.yaml"), text, 0o600))
			must(t, os.Symlink("..second", filepath.Join(folder, "..data_tmp")))
			must(t, os.Rename(filepath.Join(folder, "..data_tmp"), filepath.Join(folder, "..data")))
			must(t, os.RemoveAll(filepath.Join(folder, "..first")))
		}},
		{"same-size-and-time", nil, func(t *testing.T, folder string, text []byte) { // rsync --times, a restored backup
			path := filepath.Join(folder, "outpost.yaml")
			info, err := os.Stat(path)
			must(t, err)
			must(t, os.WriteFile(path, text, 0o600))
			must(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newProvider(t)
			s := usual(t).with(p.settings())
			folder := t.TempDir()
			path := filepath.Join(folder, "outpost.yaml")
			if test.lay == nil {
				must(t, os.WriteFile(path, whole(told(s, "one"), t), 0o600))
			} else {
				test.lay(t, folder, whole(told(s, "one"), t))
			}
			d := startFile(t, path)
			cookie := p.signIn(t, d)
			test.change(t, folder, whole(told(s, "two"), t))
			eventually(t, "the change", func() bool { return d.check(t, cookie).header.Get("X-Told") == "two" })
			now := time.Now()
			must(t, os.Chtimes(path, now, now)) // touch
			<-time.After(300 * time.Millisecond)
			if n := len(d.log.find("the configuration was taken over")); n != 1 {
				t.Errorf("it was taken over %d times", n)
			}
		})
	}
}

// Secrets and certificates that the configuration names count as the file itself; a
// bad one is told once, and the good one that follows is taken.
func TestReloadOnChangeOfOtherFiles(t *testing.T) {
	p := newProvider(t)
	secret := filepath.Join(t.TempDir(), "seal")
	put := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(secret, secretA+"\n")
	s := usual(t).with(p.settings(), settings{"secret": "${file:" + secret + "}"})
	d := start(t, s)
	cookie := p.signIn(t, d)
	put(secret, "short\n")
	eventually(t, "the refusal", func() bool { return len(d.log.find("the configuration was not taken over")) > 0 })
	<-time.After(400 * time.Millisecond)
	if n := len(d.log.find("the configuration was not taken over")); n != 1 {
		t.Errorf("it was told %d times", n)
	}
	if m := get(t, d.management, "/metrics").body; !strings.Contains(m, "outpost_config_last_reload_successful 0\n") {
		t.Error("the metric does not say so")
	}
	if got := d.check(t, cookie); got.status != http.StatusOK {
		t.Errorf("the check answers %+v", got)
	}
	if strings.Contains(d.log.String(), secretA) {
		t.Error("the log has the secret")
	}
	put(secret, secretB+"\n")
	eventually(t, "the new secret", func() bool { return d.check(t, cookie).status == http.StatusUnauthorized })
	if m := get(t, d.management, "/metrics").body; !strings.Contains(m, "outpost_config_last_reload_successful 1\n") {
		t.Error("the metric does not say that all is well")
	}
}

// A file that is written slowly is no disaster: what cannot be read leaves the old
// one in force, what looks whole and may not be waits, and the whole one comes.
func TestReloadOfHalfAFile(t *testing.T) {
	p := newProvider(t)
	s := usual(t).with(p.settings())
	text := func(value string, allow string) string {
		lines := []string{"listen: 127.0.0.1:0", "management: 127.0.0.1:0", "data: " + s["data"].(string), "log: { format: json, level: debug }"}
		lines = append(lines, "insecure_http: true", fmt.Sprintf("provider: { issuer: %q, client_id: outpost, client_secret: client secret of the tests }", p.URL))
		return strings.Join(lines, "\n") + "\napplications:\n  - name: router\n    mode: single\n    external_url: https://router.example.com\n    headers: { set: { X-Told: " + value + " } }\n    allow: { users: [" + allow + "] }\n"
	}
	path := filepath.Join(t.TempDir(), "outpost.yaml")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(text("one", "alice"))
	d := startFile(t, path)
	cookie := p.signIn(t, d)
	long := text("two", "alice")
	put(long[:len(long)-4]) // the list has no end
	eventually(t, "the refusal", func() bool { return len(d.log.find("the configuration was not taken over")) == 1 })
	if got := d.check(t, cookie).header.Get("X-Told"); got != "one" {
		t.Errorf("X-Told is %q", got)
	}
	put(long)
	eventually(t, "the whole one", func() bool { return d.check(t, cookie).header.Get("X-Told") == "two" })

	long = text("three", "bob")
	put(long[:strings.Index(long, "    allow")-1]) // well formed, without the line that keeps alice out, and without its last newline
	<-time.After(300 * time.Millisecond)
	if got := d.check(t, cookie).header.Get("X-Told"); got != "two" {
		t.Errorf("a file without its end was taken over: X-Told is %q", got)
	}
	put(long)
	eventually(t, "the rule", func() bool { return d.check(t, cookie).status != http.StatusOK })
}

// Files are read only once they have been as they are for long enough.
func TestWatchWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "outpost.yaml")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("one\n")
	read := config.Files{path: config.SumOf(path)}
	times := watchTimes{every: time.Second, calm: 2 * time.Second, calmUnended: 10 * time.Second}
	var w watch
	at := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	steps := []struct {
		after time.Duration
		text  string // "" for no change
		due   bool
	}{
		{0, "", false}, {time.Second, "", false},
		{time.Second, "two\n", false}, {time.Second, "", false}, {time.Second, "", true},
		{time.Second, "three\n", false}, {time.Second, "four\n", false}, {time.Second, "", false}, {time.Second, "", true},
		{time.Second, "fi", false}, {5 * time.Second, "", false}, {5 * time.Second, "", true},
		{time.Second, "one\n", false}, {10 * time.Second, "", false},
	}
	for i, step := range steps {
		at = at.Add(step.after)
		if step.text != "" {
			put(step.text)
		}
		if got := w.due(read, times, at); got != step.due {
			t.Errorf("step %d: due %v", i, got)
		}
	}
}

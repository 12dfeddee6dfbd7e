package provider

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What the conformance table does not have of metadata.
func TestMetadataCheck(t *testing.T) {
	const issuer = "https://idp.example.org/o/"
	good := func() metadata {
		return metadata{
			Issuer: issuer, Authorization: "https://idp.example.org/auth", Token: "https://idp.example.org/token", JWKS: "https://idp.example.org/keys",
			Userinfo: "https://api.example.org/userinfo", EndSession: "https://idp.example.org/end?x=1",
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*metadata)
		ok     bool
	}{
		{"good", func(*metadata) {}, true},
		{"no-end-session", func(m *metadata) { m.EndSession = "" }, true},
		{"on-other-hosts", func(m *metadata) { m.JWKS = "https://keys.example.net:8443/k" }, true},
		{"some-algorithms-that-are-not-ours", func(m *metadata) { m.Algorithms = []string{"HS256", "none", "RS256", "x"} }, true},
		{"plain-http-of-what-is-optional", func(m *metadata) { m.EndSession = "http://idp.example.org/end" }, false},
		{"data", func(m *metadata) { m.EndSession = "data:text/html,x" }, false},
		{"user", func(m *metadata) { m.Token = "https://a@idp.example.org/token" }, false},
		{"fragment", func(m *metadata) { m.Authorization = "https://idp.example.org/auth#x" }, false},
		{"no-url", func(m *metadata) { m.Userinfo = "https://idp.example.org/%zz" }, false},
		{"line-end", func(m *metadata) { m.EndSession = "https://idp.example.org/end\r\nX: y" }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := good()
			tt.change(&m)
			if err := m.check(issuer); (err == nil) != tt.ok || err != nil && !errors.Is(err, errMisconfigured) {
				t.Errorf("got %v", err)
			}
		})
	}
	plain := good()
	plain.Issuer, plain.Token = "http://idp.lan", "http://idp.lan/token"
	if err := plain.check("http://idp.lan"); err != nil {
		t.Errorf("an issuer over http may have endpoints over http: %v", err)
	}
}

func TestAlgorithms(t *testing.T) {
	for _, tt := range []struct {
		name      string
		announced []string
		want      []string
	}{
		{"none-announced", nil, []string{"RS256"}},
		{"what-both-have", []string{"none", "ES256", "HS256", "RS256", "ES256K"}, []string{"RS256", "ES256"}},
		{"nothing-in-common", []string{"HS256"}, []string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := metadata{Algorithms: tt.announced}
			if diff := cmp.Diff(tt.want, m.algorithms()); diff != "" {
				t.Errorf("want (-) and got (+):\n%s", diff)
			}
		})
	}
}

// scripted is a provider on a fake network that can be switched off.
type scripted struct {
	mu    sync.Mutex
	down  bool
	takes time.Duration
	asked []time.Time // for its metadata
	keys  string
}

func (s *scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	const issuer = "https://idp.example.org"
	s.mu.Lock()
	body, down, takes := s.keys, s.down, s.takes
	if strings.HasSuffix(r.URL.Path, "openid-configuration") {
		s.asked = append(s.asked, time.Now())
		body = `{"issuer":"` + issuer + `","authorization_endpoint":"` + issuer + `/auth","token_endpoint":"` + issuer + `/token","jwks_uri":"` + issuer + `/keys","end_session_endpoint":"` + issuer + `/end"}`
	}
	s.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if down {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func (s *scripted) set(down bool, takes time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.takes = down, takes
}

// askedSince is how often it was asked for its metadata since then.
func (s *scripted) askedSince(then time.Time) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.asked {
		if !at.Before(then) {
			n++
		}
	}
	return n
}

func newScripted(t *testing.T, dir string, hooks Hooks) (*scripted, *Provider, *bytes.Buffer) {
	t.Helper()
	s, log := &scripted{keys: set(jwk(t, newEC(t).Public(), "k1", "ES256", "sig"))}, &bytes.Buffer{}
	c := Config{Name: "idp", Issuer: "https://idp.example.org", ClientID: "outpost"}
	p, err := New(c, Means{Transport: s, Keep: dir, Log: slog.New(slog.NewTextHandler(log, nil)), Hooks: hooks})
	if err != nil {
		t.Fatal(err)
	}
	return s, p, log
}

// A provider that is down is asked ever more seldom, one that is up now and
// then, and the log has one line for each change.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ups := []bool{}
		s, p, log := newScripted(t, "", Hooks{Up: func(_ string, up bool) { ups = append(ups, up) }})
		s.set(true, 0)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { p.Run(ctx); close(done) }()

		begun := time.Now()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := s.askedSince(begun); n < 20 || n > 50 {
			t.Errorf("asked %d times in ten minutes of silence", n)
		}
		if st := p.Status(); st.Up || !strings.Contains(st.Err, "connection refused") || !st.KeysFetched.IsZero() {
			t.Errorf("status %+v", st)
		}
		s.set(false, 0)
		time.Sleep(lastRetry)
		synctest.Wait()
		if st := p.Status(); !st.Up || st.Err != "" || st.KeysFetched.IsZero() {
			t.Errorf("back for half a minute: status %+v", st)
		}
		again := time.Now()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := s.askedSince(again); n < 12 || n > 24 {
			t.Errorf("asked %d times in an hour", n)
		}
		if text := log.String(); strings.Count(text, "provider is not usable") != 1 || strings.Count(text, "usable again") != 1 {
			t.Errorf("log:\n%s", text)
		}
		if len(ups) < 30 || ups[0] || !ups[len(ups)-1] {
			t.Errorf("told of %v", ups)
		}

		// Stopping in the middle of a request is no news of the provider.
		s.set(false, 5*time.Second)
		for now := s.askedSince(begun); s.askedSince(begun) == now; synctest.Wait() {
			time.Sleep(time.Second)
		}
		stop()
		<-done
		if st := p.Status(); !st.Up || strings.Count(log.String(), "not usable") != 1 {
			t.Errorf("status %+v\n%s", st, log)
		}
		time.Sleep(time.Minute)
	})
}

// What was learned is good for another process, and nothing else in its place
// is.
func TestKeptMetadata(t *testing.T) {
	dir := t.TempDir()
	s, p, _ := newScripted(t, dir, Hooks{})
	if err := p.fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "provider-idp.json")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for _, tt := range []struct {
		name  string
		body  string
		known bool
		warns bool
	}{
		{"good", string(good), true, false},
		{"cut-off", string(good[:len(good)/2]), false, true},
		{"empty", "", false, true},
		{"null", "null", false, true},
		{"of-another-issuer", strings.ReplaceAll(string(good), "idp.example.org", "evil.test"), false, true},
		{"an-endpoint-over-http", strings.Replace(string(good), "https://idp.example.org/token", "http://idp.example.org/token", 1), false, true},
		{"no-keys", strings.Replace(string(good), `"keys":[`, `"no":[`, 1), false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(tt.body), 0o600); err != nil {
				t.Fatal(err)
			}
			_, again, log := newScripted(t, dir, Hooks{})
			if known := again.known.Load() != nil; known != tt.known || strings.Contains(log.String(), "cannot be used") != tt.warns {
				t.Errorf("known: %v; log %s", known, log)
			}
			if st := again.Status(); st.Up || tt.known != (again.EndSessionURL(nil) == "https://idp.example.org/end") {
				t.Errorf("status %+v, end session at %q", st, again.EndSessionURL(nil))
			}
			if tt.known && again.keys.from != "https://idp.example.org/keys" {
				t.Errorf("its keys are at %q", again.keys.from)
			}
		})
	}
	if n := s.askedSince(time.Time{}); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// A data directory that cannot be written stops nobody from signing in.
func TestMetadataThatCannotBeKept(t *testing.T) {
	_, p, log := newScripted(t, filepath.Join(t.TempDir(), "not-there"), Hooks{})
	if _, err := p.ready(t.Context()); err != nil || !strings.Contains(log.String(), "keeping the provider's metadata") {
		t.Errorf("%v\n%s", err, log)
	}
}

// However many sign in, the provider is asked once a minute.
func TestReadyAsksOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p, _ := newScripted(t, "", Hooks{})
		for range 100 {
			if _, err := p.ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * time.Second)
		}
		if n := s.askedSince(time.Time{}); n != 5 {
			t.Errorf("asked %d times in five minutes", n)
		}
	})
}

package auth_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/auth"
	"outpost/session"
)

// A token has the form that secret scanners are told, and no two are alike.
func TestNewToken(t *testing.T) {
	form := regexp.MustCompile(`^\boutpost_[0-9A-Za-z]{49}\b$`)
	seen := map[string]bool{}
	digits := map[byte]bool{}
	for range 2000 {
		token, hash := auth.NewToken()
		if !form.MatchString(token) || !regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(hash) {
			t.Fatalf("%q, %q", token, hash)
		}
		if seen[token] || seen[hash] {
			t.Fatalf("%q twice", token)
		}
		seen[token], seen[hash] = true, true
		digits[token[len("outpost_")+20]] = true
	}
	if len(digits) != 62 {
		t.Errorf("only %d of 62 digits", len(digits))
	}
}

// tokenStage is a stage whose applications home and wiki take the token.
func tokenStage(t *testing.T, change func(*auth.StaticToken)) (s *stage, token string) {
	t.Helper()
	token, hash := auth.NewToken()
	return machineStage(t, func(c *auth.Config) {
		c.Applications[0].AppPasswords = true
		static := auth.StaticToken{Name: "backup", Hash: hash, Applications: []string{"home", "wiki"}, Username: "svc", FullName: "Backup", Email: "ops@example.com", Groups: []string{"machines"}, Entitlements: []string{"export"}}
		if change != nil {
			change(&static)
		}
		c.Tokens = []auth.StaticToken{static}
	}), token
}

func TestStaticToken(t *testing.T) {
	s, token := tokenStage(t, nil)
	other, _ := auth.NewToken()
	const yes, no = auth.Allowed, auth.CredentialsRefused
	cut := token[:len(token)-1]
	swapped := token[:20] + token[21:22] + token[20:21] + token[22:]
	if swapped == token {
		swapped = token[:20] + "!" + token[21:]
	}
	for _, tt := range []struct {
		name, application, line string
		want                    auth.Reason
	}{
		{"bearer", "home", "Bearer " + token, yes},
		{"bearer-at-the-other-application", "wiki", "Bearer " + token, yes},
		{"password", "home", basic("anybody", token), yes},
		{"password-of-nobody", "wiki", basic("", token), yes},
		{"password-of-authentiks-user", "wiki", basic("goauthentik.io/token", token), yes},

		{"an-application-that-it-does-not-name", "router", "Bearer " + token, no},
		{"another-token", "home", "Bearer " + other, no},
		{"cut-short", "home", "Bearer " + cut, no},
		{"longer", "home", "Bearer " + token + "A", no},
		{"padded", "home", "Bearer " + token + "=", no},
		{"two-letters-swapped", "home", "Bearer " + swapped, map[bool]auth.Reason{true: auth.CredentialsMalformed, false: no}[strings.Contains(swapped, "!")]},
		{"prefix-alone", "home", "Bearer outpost_", no},
		{"prefix-as-a-password", "home", basic("alice", "outpost_"), no},
		{"another-token-as-a-password", "home", basic("alice", other), no},
		{"without-prefix", "wiki", "Bearer " + strings.TrimPrefix(token, "outpost_"), no},
		{"prefix-in-capitals", "wiki", "Bearer OUTPOST_" + strings.TrimPrefix(token, "outpost_"), no},
		{"another-password", "wiki", basic("backup", "password"), no},
		{"as-a-user-name", "wiki", basic(token, "x"), no},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client, got, known := s.machine(tt.application, tt.line)
			if got != tt.want || !known {
				t.Errorf("got %q, known %v, want %q", got, known, tt.want)
			}
			if client != nil && (client.Name != "backup" || client.Kind != "token") {
				t.Errorf("it is %q of kind %q", client.Name, client.Kind)
			}
		})
	}
	if log := s.log.String(); !strings.Contains(log, "its checksum is wrong") || !strings.Contains(log, "no token of this application has this hash") {
		t.Errorf("the log does not say what is wrong:\n%s", log)
	}
	// None of it is a provider's business.
	for path, n := range s.provider.calls {
		t.Errorf("the provider was asked for %s, %d times", path, n)
	}
	client, _, _ := s.machine("home", "Bearer "+token)
	want := session.Identity{Subject: "token:backup", Username: "svc", Name: "Backup", Email: "ops@example.com", EmailVerified: true, Groups: []string{"machines"}, Entitlements: []string{"export"}}
	if diff := cmp.Diff(want, client.Identity); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestStaticTokenIsNamedByItself(t *testing.T) {
	s, token := tokenStage(t, func(t *auth.StaticToken) {
		*t = auth.StaticToken{Name: t.Name, Hash: t.Hash, Applications: t.Applications}
	})
	client, _, _ := s.machine("home", "Bearer "+token)
	if diff := cmp.Diff(session.Identity{Subject: "token:backup", Username: "backup"}, client.Identity); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Every letter of a token counts: also one for which the checksum is right.
func TestStaticTokenWithOneLetterChanged(t *testing.T) {
	s, token := tokenStage(t, nil)
	for i := range token {
		for _, other := range []byte("Aa0") {
			if token[i] == other {
				continue
			}
			if client, got, _ := s.machine("wiki", "Bearer "+token[:i]+string(other)+token[i+1:]); client != nil {
				t.Errorf("letter %d: got %q", i, got)
			}
		}
	}
}

func TestStaticTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		token, hash := auth.NewToken()
		s := newStage(t, func(c *auth.Config) {
			c.Tokens = []auth.StaticToken{{Name: "backup", Hash: hash, Applications: []string{"home"}, Expires: time.Now().Add(time.Hour)}}
			c.Hooks.Machine = func(application, client string, reason auth.Reason) {
				told = append(told, application+" "+client+" "+string(reason))
			}
		})
		for _, tt := range []struct {
			after time.Duration
			want  auth.Reason
		}{{0, auth.Allowed}, {time.Hour - time.Nanosecond, auth.Allowed}, {time.Nanosecond, auth.CredentialsExpired}, {24 * time.Hour, auth.CredentialsExpired}} {
			time.Sleep(tt.after)
			if _, got, _ := s.machine("home", "Bearer "+token); got != tt.want {
				t.Errorf("after %s more: got %q, want %q", tt.after, got, tt.want)
			}
		}
		if want := []string{"home backup allowed", "home backup allowed", "home backup credentials_expired", "home backup credentials_expired"}; !slices.Equal(told, want) {
			t.Errorf("told %q", told)
		}
	})
}

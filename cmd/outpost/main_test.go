package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommandLine(t *testing.T) {
	good := usual(t).file(t)
	tests := []struct {
		name   string
		args   []string
		status int
		says   string // on stdout for status 0, else on stderr
	}{
		{"no-file", nil, 2, "outpost: no configuration: name a file with -config FILE or in OUTPOST_CONFIG"},
		{"no-file-to-check", []string{"check"}, 2, "no configuration"},
		{"empty-file-name", []string{"-config", ""}, 2, "no configuration"},
		{"flag-without-value", []string{"-config"}, 2, "flag needs an argument: -config"},
		{"unknown-flag", []string{"-port", "9000"}, 2, "flag provided but not defined: -port"},
		{"unknown-command", []string{"server"}, 2, `there is no command "server"`},
		{"half-a-command", []string{"config"}, 2, `there is no command "config"`},
		{"unknown-part", []string{"config", "print"}, 2, `there is no command "config"`},
		{"argument-too-many", []string{"check", "-config", "x", "y"}, 2, `check: unexpected argument "y"`},
		{"file-without-flag", []string{"check", "x"}, 2, `check: unexpected argument "x"`},
		{"empty-argument", []string{""}, 2, `serve: unexpected argument ""`},
		{"version-of-something", []string{"version", "1"}, 2, `version: unexpected argument "1"`},
		{"help-as-a-command", []string{"help"}, 0, "serve until SIGTERM"},
		{"help", []string{"-h"}, 0, "serve until SIGTERM"},
		{"long-help", []string{"--help"}, 0, "serve until SIGTERM"},
		{"help-for-a-command", []string{"config", "dump", "-help"}, 0, "This is to print the effective configuration"},
		{"help-on-a-command", []string{"help", "config", "dump"}, 0, "This is to print the effective configuration"},
		{"help-on-nothing", []string{"help", "dump"}, 2, `there is no command "dump"`},
		{"help-on-too-much", []string{"help", "check", "it"}, 2, `help: unexpected argument "it"`},
		{"help-on-an-argument", []string{"explain", "-h"}, 0, "usage: outpost explain [FLAGS] URL"},
		{"half-of-sessions", []string{"sessions"}, 2, `there is no command "sessions"`},
		{"show-nothing", []string{"sessions", "show", "-config", "x"}, 2, "which one? name it by its ID"},
		{"show-two", []string{"sessions", "show", "abcd", "dcba", "-config", "x"}, 2, `sessions show: unexpected argument "dcba"`},
		{"show-no-id", []string{"sessions", "show", "alice", "-config", good}, 2, "4 to 64 hexadecimal digits"},
		{"show-a-short-id", []string{"sessions", "show", "abc", "-config", good}, 2, "4 to 64 hexadecimal digits"},
		{"filter-of-another-command", []string{"sessions", "show", "--user", "alice"}, 2, "flag provided but not defined: -user"},
		{"empty-filter", []string{"sessions", "list", "-config", "x", "--user", ""}, 2, "must not be empty"},
		{"filter-that-is-no-time", []string{"sessions", "list", "-config", "x", "--before", "yesterday"}, 2, "must be a time such as"},
		{"filter-that-lies-ahead", []string{"sessions", "list", "-config", "x", "--before", "-1h"}, 2, "24h is a day ago"},
		{"revoke-everything", []string{"sessions", "revoke", "-config", "x"}, 2, "would end every session"},
		{"revoke-everything-by-time", []string{"sessions", "revoke", "-config", "x", "--before", "0s"}, 2, "would end every session"},
		{"revoke-one-and-all", []string{"sessions", "revoke", "-config", "x", "abcd", "--all"}, 2, "takes neither a filter nor --all"},
		{"revoke-one-and-a-filter", []string{"sessions", "revoke", "-config", "x", "abcd", "--user", "alice"}, 2, "takes neither a filter nor --all"},
		{"rotate-something", []string{"secret", "rotate", "it", "-config", "x"}, 2, `secret rotate: unexpected argument "it"`},
		{"half-of-token", []string{"token"}, 2, `there is no command "token"`},
		{"token-of-a-file", []string{"token", "new", "-config", "x"}, 2, "flag provided but not defined: -config"},
		{"token-with-an-argument", []string{"token", "new", "backup"}, 2, `token new: unexpected argument "backup"`},
		{"token-with-a-bad-name", []string{"token", "new", "-name", "Back up"}, 2, `token new: -name is made of lower-case letters, digits and hyphens, got "Back up"`},
		{"token-without-name", []string{"token", "new", "-name", ""}, 2, `token new: -name is made of`},
		{"token-called-like-a-kind", []string{"token", "new", "-name", "bearer"}, 2, "token new: -name bearer stands for clients without a name"},
		{"file-not-there", []string{"-config", "/nowhere/outpost.yaml"}, 1, "reading the configuration: open /nowhere/outpost.yaml: no such file"},
		{"directory", []string{"check", "-config", "/"}, 1, "/ is a directory, not a file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := command(t, nil, test.args...)
			said, silent := got.stderr, got.stdout
			if test.status == 0 {
				said, silent = silent, said
			}
			if got.status != test.status || !strings.Contains(said, test.says) || silent != "" {
				t.Errorf("got %+v, want status %d and %q", got, test.status, test.says)
			}
			if usage := strings.Contains(said, "usage: outpost"); usage != (test.status != 1) {
				t.Errorf("usage shown: %v, with status %d", usage, got.status)
			}
		})
	}
}

func TestConfigurationFromTheEnvironment(t *testing.T) {
	good := usual(t).file(t)
	bad := settings{}.file(t)
	if got := command(t, map[string]string{"OUTPOST_CONFIG": good}, "check"); got.status != 0 {
		t.Errorf("OUTPOST_CONFIG alone: got %+v", got)
	}
	if got := command(t, map[string]string{"OUTPOST_CONFIG": bad}, "check", "-config", good); got.status != 0 {
		t.Errorf("the flag does not go before OUTPOST_CONFIG: got %+v", got)
	}
	// Other variables reach the file through the same look-up.
	s := usual(t).with(settings{"secret": "${SECRET}"}).file(t)
	if got := command(t, nil, "check", "-config", s); got.status != 1 || !strings.Contains(got.stderr, "SECRET") {
		t.Errorf("a variable that is not set: got %+v", got)
	}
	if got := command(t, map[string]string{"SECRET": "u6Vt0p4ySdQw1ZzK8mJcR3hNfB7xLgTe"}, "check", "-config", s); got.status != 0 {
		t.Errorf("a variable that is set: got %+v", got)
	}
}

// Every command tells all problems of the file at once, and does nothing else.
func TestProblems(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := usual(t).with(settings{
		"data": data, "listen": "9000", "lisen": ":9000",
		"session": settings{"idle": "1d", "max": "-1h"},
	})
	for _, args := range [][]string{{}, {"check"}, {"config", "dump"}, {"healthcheck"}, {"sessions", "list"}, {"sessions", "show", "abcd"}, {"sessions", "revoke", "--all"}, {"secret", "rotate"}} {
		t.Run(strings.Join(append([]string{"command"}, args...), "-"), func(t *testing.T) {
			got := command(t, nil, append(args, "-config", s.file(t))...)
			if got.status != 1 || got.stdout != "" {
				t.Errorf("got status %d and on stdout %q", got.status, got.stdout)
			}
			for _, want := range []string{"has 4 problems", "listen:", "lisen:", "session.idle:", "session.max:"} {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("stderr lacks %q:\n%s", want, got.stderr)
				}
			}
			if strings.Count(got.stderr, "outpost:") != 1 || strings.Contains(got.stderr, "OUTPOST_CONFIG") {
				t.Errorf("one headline and no usage is enough:\n%s", got.stderr)
			}
		})
	}
	if _, err := os.Lstat(data); err == nil {
		t.Error("the data directory was made for a configuration that is refused")
	}
}

package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"outpost/config"
)

func TestExpand(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	env := func(name string) (string, bool) {
		value, set := map[string]string{
			"ONE": "one", "_2": "two", "NESTED": "${ONE}", "YAML": "a: [b] # c\n", "NULL": "null", "NEWLINE": "one\n",
		}[name]
		return value, set
	}
	tests := []struct{ name, in, want string }{
		{"nothing", "one", "one"},
		{"variable", "${ONE}", "one"},
		{"variable-within", "a-${ONE}-b", "a-one-b"},
		{"two-variables", "${ONE}${_2}", "onetwo"},
		{"not-again", "${NESTED}", "${ONE}"},
		{"escaped", "$${ONE}", "${ONE}"},
		{"escaped-and-not", "$${ONE} ${ONE}", "${ONE} one"},
		{"escaped-twice", "$$${ONE}", "$${ONE}"},
		{"dollars", "$ONE $5 $$ }", "$ONE $5 $$ }"},
		{"word-null", "${NULL}", "null"},
		{"file", "${file:" + file("plain", "one") + "}", "one"},
		{"file-newline", "${file:" + file("newline", "one\n") + "}", "one"},
		{"file-crlf", "${file:" + file("crlf", "one\r\n") + "}", "one"},
		{"file-within", "a ${file:" + file("within", "one") + "} b", "a one b"},
		{"file-not-again", "${file:" + file("again", "${ONE}") + "}", "${ONE}"},
		{"file-and-variable", "${ONE} ${file:" + file("both", "two") + "}", "one two"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := config.Load(write(t, "config.yaml", smallest+fmt.Sprintf("    allow: { groups: [%q] }\n", tt.in)), env)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Applications[0].Allow.Groups[0]; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}

	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	refused := []struct{ name, in, want string }{
		{"file-empty", "${file:" + file("empty", "") + "}", "empty, which is empty"},
		{"file-newline-only", "${file:" + file("newline-only", "\n") + "}", "newline-only, which is empty"},
		{"file-binary", "${file:" + file("binary", "\xff\xfe") + "}", "which is not UTF-8 text"},
		{"file-too-large", "${file:" + file("large", strings.Repeat("x", 64<<10+1)) + "}", "large is larger than 64 KiB"},
		{"file-pipe", "${file:" + pipe + "}", "which is not a regular file"},
		{"file-none", "${file:}", "must name a file by its absolute path"},
		{"file-two-newlines", "${file:" + file("two-newlines", "one\n\n") + "}", "must not hold control characters"},
		{"variable-newline", "${NEWLINE}", "must not hold control characters"},
		{"variable-yaml", "${YAML}", "must not hold control characters"},
		{"variable-lower-case-default", "${ONE:-x}", "names neither a variable nor a file"},
		{"variable-white-space", "${ ONE }", "names neither a variable nor a file"},
	}
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) {
			_, err := config.Load(write(t, "config.yaml", smallest+fmt.Sprintf("    allow: { groups: [%q] }\n", tt.in)), env)
			if err == nil || !strings.Contains(err.Error(), "applications[0].allow.groups[0]: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a problem with %q", err, tt.want)
			}
		})
	}
}

// Each kind of value is filled in, not text alone.
func TestExpandEverywhere(t *testing.T) {
	env := func(name string) (string, bool) {
		value, set := map[string]string{
			"PORT": "8080", "INSECURE": "true", "NETWORK": "10.0.0.0/8", "HOST": "home.example.com", "MAX": "8h", "LEVEL": "warn",
			"SECRET": "Vd8zFq1nX5cYt3Rj7LbQw0GmKs9HpA2eUo4i",
		}[name]
		return value, set
	}
	c, err := config.Load(write(t, "config.yaml", strings.Replace(smallest, "outpost.example.com", "${HOST}", 1)+`
listen: :${PORT}
insecure_http: ${INSECURE}
trusted_proxies: ["${NETWORK}"]
session: { max: "${MAX}" }
secret: ["${SECRET}"]
log: { level: "${LEVEL}" }
`), env)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintln(c.Listen, c.InsecureHTTP, c.TrustedProxies, c.Applications[0].ExternalURL, c.Session.Max, c.Secrets[0].Reveal(), c.Log.Level)
	const want = ":8080 true [10.0.0.0/8] https://home.example.com 8h0m0s Vd8zFq1nX5cYt3Rj7LbQw0GmKs9HpA2eUo4i WARN\n"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What was filled in may be a secret in the wrong place: a problem shows the
// value as the file spells it.
func TestProblemShowsNoFilling(t *testing.T) {
	path := write(t, "oidc", "hunter2")
	text := smallest + "listen: ${file:" + path + "}\nmanagement: ${HUNTER}\nsecret: ${HUNTER}\n"
	_, err := config.Load(write(t, "config.yaml", text), only("hunter2", "HUNTER"))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("got %v, want problems without the secret", err)
	}
	for _, want := range []string{`got "${file:` + path + `}"`, `got "${HUNTER}"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s in it", err, want)
		}
	}
}

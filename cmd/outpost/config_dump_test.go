package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfigDumpHidesSecrets(t *testing.T) {
	const fromFile, fromEnv, inline = "kX9vQ2mL7tR4wY1pZ6sD3fG8hJ5nB0cA-file", "Pq3sT6vW9yB2eH5kN8rU1xA4dG7jM0o-env", "zL5cV8bN1mQ4wE7rT0yU3iO6pA9sD2f-inline"
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(fromFile+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := usual(t).with(settings{
		"provider": settings{"issuer": "https://idp.example.org/", "client_id": "outpost", "client_secret": "${file:" + path + "}"},
		"secret":   []string{inline, "${SEAL}"},
	})
	got := command(t, map[string]string{"SEAL": fromEnv}, "config", "dump", "-config", s.file(t))
	if got.status != 0 || got.stderr != "" {
		t.Fatalf("got %+v", got)
	}
	for _, secret := range []string{fromFile, fromEnv, inline} {
		if strings.Contains(got.stdout, secret) {
			t.Errorf("it shows %q:\n%s", secret, got.stdout)
		}
	}
	for _, want := range []string{"<secret>", "issuer: https://idp.example.org/", "from " + path, "from $SEAL", "idle: 24h", "default"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("stdout lacks %q:\n%s", want, got.stdout)
		}
	}
}

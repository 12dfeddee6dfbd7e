package auth

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outpost/auth/provider"
)

// A refresh token that nobody takes back is told of, at a bounded rate.
func TestDroppedRevocationIsTold(t *testing.T) {
	const issuer = "https://idp.invalid"
	dir := t.TempDir()
	kept := `{"fetched":"2026-01-01T00:00:00Z","metadata":{"issuer":"` + issuer + `","authorization_endpoint":"` + issuer + `/auth","token_endpoint":"` + issuer + `/token",
		"jwks_uri":"` + issuer + `/keys","revocation_endpoint":"` + issuer + `/revoke"},
		"keys":{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}}`
	if err := os.WriteFile(filepath.Join(dir, "provider-idp.json"), []byte(kept), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	made := terms{Config: provider.Config{Name: "idp", Issuer: issuer}}
	p, err := register(made, Config{Keep: dir}, slog.New(slog.NewJSONHandler(&log, nil)), Hooks{}.filled())
	if err != nil {
		t.Fatal(err)
	}
	p.background.stop() // from here on there is no line to wait in
	for range 100 * denialsPerSecond {
		p.revoke("s3cr3t")
	}
	lines := strings.Count(log.String(), "a refresh token is not revoked")
	if lines < 1 || lines > 3*denialsPerSecond || strings.Contains(log.String(), "s3cr3t") {
		t.Errorf("%d lines:\n%s", lines, log.String())
	}
}

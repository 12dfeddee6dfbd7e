package auth

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

// A refresh token that nobody takes back is told of, at a bounded rate.
func TestDroppedRevocationIsTold(t *testing.T) {
	var log bytes.Buffer
	p := newProvider(Provider{Name: "idp"}, http.DefaultClient, "", slog.New(slog.NewJSONHandler(&log, nil)), Hooks{}.filled())
	p.known.Store(&metadata{Revocation: "https://idp.invalid/revoke"})
	p.background.stop() // from here on there is no line to wait in
	for range 100 * denialsPerSecond {
		p.revoke("s3cr3t")
	}
	lines := strings.Count(log.String(), "a refresh token is not revoked")
	if lines < 1 || lines > 3*denialsPerSecond || strings.Contains(log.String(), "s3cr3t") {
		t.Errorf("%d lines:\n%s", lines, log.String())
	}
}

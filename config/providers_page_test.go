package config_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"
)

// docs/providers.md, docs/sign-in.md and docs/front-ends.md are copied from. Every block of YAML there
// is a whole configuration that loads without a warning, and every provider has
// one.
func TestPagesWithConfigurations(t *testing.T) {
	var pages string
	for _, name := range []string{"providers.md", "sign-in.md", "front-ends.md"} {
		page, err := os.ReadFile("../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		pages += string(page)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	here := strings.NewReplacer( // what the reader has in its place
		"/run/secrets/oidc-key", write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))),
		"/run/secrets/google", write(t, "google", "hunter2 of the other\n"),
		"/run/secrets/oidc", write(t, "oidc", "hunter2 of the provider\n"),
		"/certs/home-ca.pem", write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))),
	)
	blocks := map[string]int{} // by section
	for section := range strings.SplitSeq(pages, "\n## ") {
		title, text, _ := strings.Cut(section, "\n")
		parts := strings.Split(text, "\n```yaml\n")
		for _, part := range parts[1:] {
			block, _, closed := strings.Cut(part, "\n```\n")
			if !closed {
				t.Fatalf("%s: a block without an end", title)
			}
			blocks[title]++
			c, err := load(t, here.Replace(block)+"\n")
			switch {
			case err != nil:
				t.Errorf("%s: %v\n%s", title, err, block)
			case len(c.Warnings) > 0 && !c.Providers[0].InsecureBackchannelHTTP:
				t.Errorf("%s: %v", title, c.Warnings)
			}
		}
	}
	for _, title := range []string{
		"authentik", "Keycloak", "Authelia", "Pocket ID", "Kanidm", "Zitadel", "Dex", "Microsoft Entra ID", "Google", "GitLab",
		"Okta", "Auth0", "Amazon Cognito", "LemonLDAP::NG", "Reaching a provider", "Several providers", "Asking for more", "Switching one on",
	} {
		if blocks[title] == 0 {
			t.Errorf("%s has no configuration", title)
		}
	}
}

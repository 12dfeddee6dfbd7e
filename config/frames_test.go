package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whose pages may show ours about a frame: those of the same site, as browsers
// understand it, and whoever is named.
func TestFramers(t *testing.T) {
	c := mustLoad(t, `
provider: { issuer: https://auth.example.com/, client_id: outpost, client_secret: a-client-secret-of-some-length }
applications:
  - { name: home, mode: domain, external_url: "https://outpost.example.com:8443", cookie_domain: example.com }
  - { name: router, mode: single, external_url: https://router.example.com, frame_ancestors: [https://dashboard.example.net, https://other.example.net:444] }
  - { name: other, mode: single, external_url: https://example.org }
  - { name: mine, mode: single, external_url: https://mine.duckdns.org }
  - { name: theirs, mode: single, external_url: https://theirs.duckdns.org }
`)
	for i, want := range [][]string{
		{"https://router.example.com"},
		{"https://dashboard.example.net", "https://other.example.net:444", "https://outpost.example.com:8443", "https://*.example.com:8443"},
		nil,
		nil, // people of one public suffix have nothing in common
		nil,
	} {
		if diff := cmp.Diff(want, c.Framers(c.Applications[i])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.Applications[i].Name, diff)
		}
	}
}

package page_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outpost/page"
	"outpost/session"
)

// TestWriteEveryPage writes the page of each reason in each language, with all that
// may be on it, for the stories that look at them in a browser.
func TestWriteEveryPage(t *testing.T) {
	dir := os.Getenv("OUTPOST_PAGES_DIRECTORY")
	if dir == "" {
		t.Skip("nobody says where to: e2e's TestEveryPage does")
	}
	for _, tag := range []string{"en", "de", "es", "fr", "it", "nl", "pl", "pt"} {
		for _, reason := range page.Reasons() {
			d := account()
			if reason != "account" {
				d = page.Data{
					Reason: reason, RequestID: "7QK3DV2MRXWP", Application: "home", Host: "a-rather-long-name.of-a-host.example.com", Provider: "Company account", Rule: 12,
					Identity: &session.Identity{Name: "Ada Lovelace", Email: "ada.lovelace@a-rather-long-name.example.com"},
					Detail:   "interaction_required", Missing: []page.Missing{{Claim: "amr", Want: "mfa, hwk", Got: "pwd"}, {Claim: "acr", Want: "phr"}, {Claim: "auth_time", Want: "8h"}},
					Choices:  []page.Choice{{Label: "Company account", URL: "/a"}, {Label: "Home", URL: "/b"}},
					RetryURL: "/r", SwitchURL: "/s", SignOutURL: "/o", BackURL: "/h", ConfirmURL: "/c", EverywhereURL: "/e",
				}
			}
			d.Status = http.StatusOK
			body, h := writeOf(t, of(t, page.Site{Contact: "https://help.a-rather-long-name.example.com/it/"}), d, "Accept", "text/html", "Accept-Language", tag)
			if h.Get("Content-Language") != tag || !strings.Contains(body, "<code>"+reason+"</code>") {
				t.Fatalf("%s in %s:\n%s", reason, tag, body)
			}
			if err := os.WriteFile(filepath.Join(dir, tag+"-"+reason+".html"), []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

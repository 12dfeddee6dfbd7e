package auth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"outpost/auth"
	"outpost/headers"
)

const neededIncludes = "2026/11/26"

// includesStage has an application with authentik's headers (home) and one with a
// header of its own (router).
func includesStage(t *testing.T) *stage {
	return newStage(t, func(c *auth.Config) {
		c.Includes = neededIncludes
		for i := range c.Applications {
			if c.Applications[i].Name == "router" {
				c.Applications[i].Headers.Headers = []headers.Header{{Name: "X-Role", Value: "{groups}"}}
			}
		}
	})
}

// stampedCheck is nginx's question about a page, with a stamp; "" is none.
func (s *stage) stampedCheck(host, stamp string) int {
	r := httptest.NewRequest(http.MethodGet, prefix+"/auth/nginx", nil)
	r.Host, r.Header, r.RemoteAddr = host, swag(host, "/"), "127.0.0.1:40000"
	if stamp != "" {
		r.Header.Set(headers.StampName, stamp)
	}
	w := httptest.NewRecorder()
	s.outpost.ServeNginx(w, r)
	return w.Code
}

func (s *stage) includesLines() (lines []string) {
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, "outpost nginx") {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestIncludes(t *testing.T) {
	own := headers.Digest(append([]string{"X-Role"}, headers.IdentityNames...))
	tests := []struct {
		name, host, stamp string
		want              string // in the one line; "" for none
	}{
		{"new", "app.example.com", neededIncludes, ""},
		{"newer", "app.example.com", "2027/01/01", ""},
		{"old", "app.example.com", "2026/11/25", "older than this program needs"},
		{"swag-without", "app.example.com", "", ""},
		{"no-stamp", "app.example.com", "rubbish", ""},
		{"own-said", "router.example.com", neededIncludes + "; headers=" + own, ""},
		{"own-unsaid", "router.example.com", neededIncludes, "does not say"},
		{"own-without", "router.example.com", "", "does not say"},
		{"own-others", "router.example.com", neededIncludes + "; headers=0123456789abcdef", "other headers"},
		{"others", "app.example.com", neededIncludes + "; headers=" + own, "other headers"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := includesStage(t)
			for range 20 {
				if got := s.stampedCheck(tt.host, tt.stamp); got != http.StatusUnauthorized {
					t.Fatalf("the check is answered by %d", got)
				}
			}
			switch lines := s.includesLines(); {
			case tt.want == "" && len(lines) > 0:
				t.Errorf("a warning: %q", lines)
			case tt.want != "" && (len(lines) != 1 || !strings.Contains(lines[0], tt.want) || !strings.Contains(lines[0], "WARN")):
				t.Errorf("want one line with %q, got %q", tt.want, lines)
			}
		})
	}
}

// Whatever a browser sends in the place of a stamp, it is answered alike, and does
// not fill the log: a line for each application and each thing that may be wrong.
func TestIncludesSpoofed(t *testing.T) {
	s := includesStage(t)
	for i := range 500 {
		for _, stamp := range []string{fmt.Sprintf("2020/01/%02d", i%31), fmt.Sprintf("2026/11/26; headers=%016x", i), strings.Repeat("x", i), "2026/11/26\r\nlevel=ERROR"} {
			for _, host := range []string{"app.example.com", "router.example.com"} {
				if got := s.stampedCheck(host, stamp); got != http.StatusUnauthorized {
					t.Fatalf("%q is answered by %d", stamp, got)
				}
			}
		}
	}
	if lines := s.includesLines(); len(lines) > 5 {
		t.Errorf("%d lines:\n%s", len(lines), strings.Join(lines, ""))
	}
}

// A page is asked for through the same includes: their date counts there too. It
// has no location of the application's, so nothing is missing in its stamp.
func TestIncludesOfPages(t *testing.T) {
	s := includesStage(t)
	for _, stamp := range []string{"", neededIncludes} {
		s.browser("alice").once(http.MethodGet, "https://router.example.com"+prefix+"/start", headers.StampName, stamp)
	}
	if lines := s.includesLines(); len(lines) > 0 {
		t.Errorf("warnings: %q", lines)
	}
	b := s.browser("alice")
	for range 5 {
		b.once(http.MethodGet, "https://router.example.com"+prefix+"/start", headers.StampName, "2026/11/25")
	}
	if lines := s.includesLines(); len(lines) != 1 || !strings.Contains(lines[0], "older") {
		t.Errorf("want one line, got %q", lines)
	}
}

// What answers ahead of net/http does not look; it leaves the first check of each
// application to who does.
func TestIncludesAndHotChecks(t *testing.T) {
	s := newStage(t, silent, func(c *auth.Config) { c.Includes = neededIncludes })
	r := checkRequest("")
	if got := s.outpost.AnswerHot(netip.Addr{}, r.Header, r.Host, nil); got != nil {
		t.Errorf("nobody has looked, and it answers %q", got)
	}
	s.stampedCheck(r.Host, neededIncludes)
	if got := s.outpost.AnswerHot(netip.Addr{}, r.Header, r.Host, nil); got == nil {
		t.Error("somebody has looked, and it does not answer")
	}
}

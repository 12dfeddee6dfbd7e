package auth_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// A return URL goes into a Location as long as nginx has room for it, and then
// into a page; either way it is the same to the byte.
func TestLongestLocation(t *testing.T) {
	for _, tt := range []struct{ length, status int }{{2299, 302}, {2300, 302}, {2301, 200}, {4096, 200}} {
		t.Run(fmt.Sprint(tt.length), func(t *testing.T) {
			s := newStage(t)
			b := s.browser("alice")
			page := "https://app.example.com/?"
			page += strings.Repeat("a", tt.length-len(page))
			resp := b.once(http.MethodGet, b.until(page, prefix+"/callback"))
			s.want(resp, tt.status)
			if has := resp.Header.Get("Location") != ""; has != (tt.status == http.StatusFound) {
				t.Errorf("Location: %v", has)
			}
			if to := onward(resp); to != page {
				t.Errorf("it leads to %d bytes, want %d", len(to), len(page))
			}
		})
	}
}

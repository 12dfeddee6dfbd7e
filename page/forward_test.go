package page_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestForward(t *testing.T) {
	for _, tt := range []struct {
		name, target string
		want         int
	}{
		{"long", "https://app.example.com/x?a=1&b=" + strings.Repeat("%2F", 1500), http.StatusOK},
		{"bad-escape", "https://app.example.com/%zz?%", http.StatusOK},
		{"quotes-and-brackets", `https://app.example.com/"'><script>alert(1)</script>;url=https://evil.test`, http.StatusOK},
		{"plain-http", "http://app.example.com/", http.StatusOK},
		{"javascript", "javascript:alert(1)", http.StatusInternalServerError},
		{"relative", "//evil.test/", http.StatusInternalServerError},
		{"no-host", "https:///x", http.StatusInternalServerError},
		{"space", "https://app.example.com/ x", http.StatusInternalServerError},
		{"newline", "https://app.example.com/\nx", http.StatusInternalServerError},
		{"backslash", `https://app.example.com\@evil.test/`, http.StatusInternalServerError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			w.Header().Set("Set-Cookie", "a=b")
			pages.Forward(w, httptest.NewRequest(http.MethodGet, "/", nil), tt.target)
			if w.Code != tt.want {
				t.Fatalf("status %d, want %d", w.Code, tt.want)
			}
			if w.Header().Get("Set-Cookie") != "a=b" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", w.Header())
			}
			if tt.want != http.StatusOK {
				return
			}
			refresh, link := targets(t, w.Body.String())
			if refresh != "0;url="+tt.target || link != tt.target {
				t.Errorf("sends to %q and links to %q, want %q", refresh, link, tt.target)
			}
		})
	}
}

// targets are where a page sends its reader, as a browser's parser sees it.
func targets(t *testing.T, body string) (refresh, link string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		attributes := map[string]string{}
		for _, a := range n.Attr {
			attributes[a.Key] = a.Val
		}
		switch {
		case n.Data == "script":
			t.Error("a script")
		case n.Data == "meta" && attributes["http-equiv"] == "refresh":
			refresh = attributes["content"]
		case n.Data == "a":
			link = attributes["href"]
		}
	}
	return refresh, link
}

func TestForwardHead(t *testing.T) {
	w := httptest.NewRecorder()
	pages.Forward(w, httptest.NewRequest(http.MethodHead, "/", nil), "https://app.example.com/")
	if w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "0" {
		t.Errorf("%d, %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
}

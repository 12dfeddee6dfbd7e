package page_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"outpost/page"
)

func TestNavigation(t *testing.T) {
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
	for _, c := range []struct {
		name   string
		header http.Header
		want   bool // Navigation; WantsJSON is the opposite, but for json
		json   bool // a navigation that is answered with JSON all the same
	}{
		{name: "browser", header: http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Accept": {browser}}, want: true},
		{name: "frame", header: http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"iframe"}, "Accept": {browser}}, want: true},
		{name: "no-destination", header: http.Header{"Sec-Fetch-Mode": {"navigate"}}, want: true},
		{name: "embed", header: http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"embed"}, "Accept": {browser}}},
		{name: "object", header: http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"object"}, "Accept": {browser}}},
		{name: "fetch-any", header: http.Header{"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Accept": {"*/*"}}},
		{name: "fetch-html", header: http.Header{"Sec-Fetch-Mode": {"cors"}, "Accept": {"text/html"}}},
		{name: "same-origin-fetch", header: http.Header{"Sec-Fetch-Mode": {"same-origin"}}},
		{name: "image", header: http.Header{"Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"image"}}},
		{name: "websocket", header: http.Header{"Sec-Fetch-Mode": {"websocket"}, "Upgrade": {"websocket"}}},
		{name: "unknown-mode", header: http.Header{"Sec-Fetch-Mode": {"Navigate"}, "Accept": {browser}}},

		{name: "old-browser", header: http.Header{"Accept": {browser}}, want: true},
		{name: "curl", header: http.Header{"Accept": {"*/*"}}, want: true},
		{name: "any-with-weight", header: http.Header{"Accept": {"*/*;q=0.8"}}, want: true},
		{name: "nothing", header: http.Header{}, want: true},
		{name: "empty-accept", header: http.Header{"Accept": {""}}, want: true},
		{name: "commas", header: http.Header{"Accept": {" , ,"}}, want: true},
		{name: "capitals", header: http.Header{"Accept": {"TEXT/HTML"}}, want: true},
		{name: "two-lines", header: http.Header{"Accept": {"image/png", "text/html"}}, want: true},
		{name: "webview", header: http.Header{"X-Requested-With": {"com.example.app"}, "Accept": {browser}}, want: true},
		{name: "jquery", header: http.Header{"X-Requested-With": {"XMLHttpRequest"}, "Accept": {"*/*"}}},
		{name: "jquery-lower-case", header: http.Header{"X-Requested-With": {"xmlhttprequest"}, "Accept": {"text/html"}}},
		{name: "axios", header: http.Header{"Accept": {"application/json, text/plain, */*"}}},
		{name: "json-and-html", header: http.Header{"Accept": {"text/html, application/json;q=0.9"}}},
		{name: "event-stream", header: http.Header{"Accept": {"text/event-stream"}}},
		{name: "event-stream-and-html", header: http.Header{"Accept": {"text/html, Text/Event-Stream"}}},
		{name: "old-image", header: http.Header{"Accept": {"image/webp,*/*"}}},
		{name: "html-in-a-longer-name", header: http.Header{"Accept": {"application/text/html-ish"}}},
		{name: "old-websocket", header: http.Header{"Upgrade": {"websocket"}}},
		{name: "h2c", header: http.Header{"Upgrade": {"h2c"}, "Accept": {"*/*"}}},

		{name: "navigation-to-json", header: http.Header{"Sec-Fetch-Mode": {"navigate"}, "Accept": {"application/json"}}, want: true, json: true},
		{name: "navigation-to-either", header: http.Header{"Sec-Fetch-Mode": {"navigate"}, "Accept": {"application/json, text/html;q=0.5"}}, want: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := page.Navigation(c.header); got != c.want {
				t.Errorf("Navigation: got %v, want %v", got, c.want)
			}
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header = c.header
			if got, want := page.WantsJSON(r), !c.want || c.json; got != want {
				t.Errorf("WantsJSON: got %v, want %v", got, want)
			}
			if n := testing.AllocsPerRun(100, func() { page.Navigation(c.header) }); n != 0 {
				t.Errorf("Navigation allocates %v times", n)
			}
		})
	}
}

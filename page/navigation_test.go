package page_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"outpost/page"
)

const (
	chrome  = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	anyPage = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
)

// sent are the headers by which a browser says what a request is for, and more.
func sent(mode, dest string, more ...string) http.Header {
	h := http.Header{"Sec-Fetch-Mode": {mode}, "Sec-Fetch-Dest": {dest}, "Sec-Fetch-Site": {"same-origin"}, "User-Agent": {chrome}}
	for i := 0; i+1 < len(more); i += 2 {
		h.Set(more[i], more[i+1])
	}
	return h
}

// Each kind of client, with the headers that it really sends.
func TestShapes(t *testing.T) {
	type shape struct {
		navigation bool
		json       bool // as WantsJSON says
		frame      bool // a page within a page
		browser    bool // can be given a page in the place of a redirect
		form       bool // if it has a body: a person's form
	}
	program := shape{json: true}
	redirected := shape{navigation: true}
	for _, c := range []struct {
		name   string
		header http.Header
		want   shape
	}{
		{"chromium", sent("navigate", "document", "Accept", anyPage), shape{navigation: true, browser: true, form: true}},
		{"firefox", sent("navigate", "document", "Accept", anyPage, "User-Agent", firefox), shape{navigation: true, browser: true, form: true}},
		{"safari", sent("navigate", "document", "Accept", anyPage, "User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"), shape{navigation: true, browser: true, form: true}},
		{"service-worker-preload", sent("navigate", "document", "Accept", anyPage, "Service-Worker-Navigation-Preload", "true"), shape{navigation: true, browser: true, form: true}},
		{"turbo-drive-visit-by-location", sent("navigate", "document", "Accept", anyPage), shape{navigation: true, browser: true, form: true}},
		{"android-webview", sent("navigate", "document", "Accept", anyPage, "User-Agent", "Mozilla/5.0 (Linux; Android 15; Pixel 9 Build/AP4A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/138.0.0.0 Mobile Safari/537.36"), shape{navigation: true, form: true}},
		{"android-webview-by-name", sent("navigate", "document", "Accept", anyPage, "X-Requested-With", "org.example.app"), shape{navigation: true, form: true}},
		{"apple-webview", sent("navigate", "document", "Accept", anyPage, "User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"), shape{navigation: true, form: true}},

		{"iframe", sent("navigate", "iframe", "Accept", anyPage), shape{navigation: true, frame: true, form: true}},
		{"frame", sent("navigate", "frame", "Accept", anyPage), shape{navigation: true, frame: true, form: true}},
		{"embed", sent("navigate", "embed", "Accept", anyPage), shape{navigation: true, frame: true, form: true}},
		{"object", sent("navigate", "object", "Accept", anyPage), shape{navigation: true, frame: true, form: true}},
		{"object-that-is-no-page", sent("no-cors", "object"), program},
		{"fenced-frame", sent("navigate", "fencedframe", "Accept", anyPage), program},

		{"prefetch", sent("navigate", "document", "Accept", anyPage, "Sec-Purpose", "prefetch"), program},
		{"prefetch-through-a-proxy", sent("navigate", "document", "Accept", anyPage, "Sec-Purpose", "prefetch;anonymous-client-ip"), program},
		{"prerender", sent("navigate", "document", "Accept", anyPage, "Sec-Purpose", "prefetch;prerender"), program},
		{"link-prefetch", sent("no-cors", "empty", "Accept", "*/*", "Purpose", "prefetch"), program},
		{"old-prefetch", http.Header{"Accept": {anyPage}, "Purpose": {"prefetch"}}, program},
		{"old-firefox-prefetch", http.Header{"Accept": {anyPage}, "X-Moz": {"prefetch"}}, program},

		{"fetch", sent("cors", "empty", "Accept", "*/*"), program},
		{"fetch-for-html", sent("cors", "empty", "Accept", "text/html"), program},
		{"fetch-same-origin", sent("same-origin", "empty", "Accept", "*/*"), program},
		{"fetch-no-cors", sent("no-cors", "empty", "Accept", "*/*"), program},
		{"xhr", sent("cors", "empty", "Accept", "*/*", "X-Requested-With", "XMLHttpRequest"), program},
		{"htmx", sent("cors", "empty", "Accept", "text/html, */*", "HX-Request", "true"), program},
		{"turbo", sent("same-origin", "empty", "Accept", "text/vnd.turbo-stream.html, text/html, application/xhtml+xml", "Turbo-Frame", "x"), program},
		{"event-source", sent("cors", "empty", "Accept", "text/event-stream"), program},
		{"beacon", sent("no-cors", "empty", "Accept", "*/*"), program},
		{"websocket", http.Header{"Sec-Fetch-Mode": {"websocket"}, "Sec-Fetch-Dest": {"empty"}, "Upgrade": {"websocket"}, "User-Agent": {chrome}}, program},
		{"service-worker-script", sent("same-origin", "serviceworker", "Accept", "*/*", "Service-Worker", "script"), program},
		{"worker", sent("same-origin", "worker", "Accept", "*/*"), program},
		{"manifest", sent("cors", "manifest", "Accept", "*/*"), program},
		{"image", sent("no-cors", "image", "Accept", "image/avif,image/webp,*/*;q=0.8"), program},
		{"style", sent("no-cors", "style", "Accept", "text/css,*/*;q=0.1"), program},
		{"video", sent("no-cors", "video", "Accept", "*/*", "Range", "bytes=0-"), program},
		{"mode-in-capitals", sent("Navigate", "document", "Accept", anyPage), program},

		{"no-destination", http.Header{"Sec-Fetch-Mode": {"navigate"}}, shape{navigation: true, form: true}},
		{"no-site", http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}}, shape{navigation: true, form: true}},
		{"navigation-to-json", sent("navigate", "document", "Accept", "application/json"), shape{navigation: true, json: true, browser: true, form: true}},
		{"navigation-to-either", sent("navigate", "document", "Accept", "application/json, text/html;q=0.5"), shape{navigation: true, browser: true, form: true}},

		// Over plain http browsers send no Fetch Metadata.
		{"browser-over-http", http.Header{"Accept": {anyPage}, "User-Agent": {chrome}}, shape{navigation: true, form: true}},
		{"jquery-over-http", http.Header{"X-Requested-With": {"XMLHttpRequest"}, "Accept": {"*/*"}}, program},
		{"jquery-in-lower-case", http.Header{"X-Requested-With": {"xmlhttprequest"}, "Accept": {"text/html"}}, program},
		{"axios-over-http", http.Header{"Accept": {"application/json, text/plain, */*"}}, program},
		{"event-source-over-http", http.Header{"Accept": {"text/event-stream"}}, program},
		{"event-stream-and-html", http.Header{"Accept": {"text/html, Text/Event-Stream"}}, program},
		{"json-and-html", http.Header{"Accept": {"text/html, application/json;q=0.9"}}, program},
		{"image-over-http", http.Header{"Accept": {"image/webp,*/*"}}, program},
		{"websocket-over-http", http.Header{"Upgrade": {"websocket"}}, program},
		{"webview-over-http", http.Header{"X-Requested-With": {"com.example.app"}, "Accept": {anyPage}}, shape{navigation: true, form: true}},

		// Programs: a redirect is what they know.
		{"curl", http.Header{"Accept": {"*/*"}, "User-Agent": {"curl/8.14.1"}}, redirected},
		{"wget", http.Header{"Accept": {"*/*"}, "User-Agent": {"Wget/1.25.0"}}, redirected},
		{"git", http.Header{"Accept": {"*/*"}, "Git-Protocol": {"version=2"}, "User-Agent": {"git/2.50.1"}}, redirected},
		{"okhttp", http.Header{"User-Agent": {"okhttp/4.12.0"}}, redirected},
		{"url-session", http.Header{"Accept": {"*/*"}, "User-Agent": {"Jellyfin/1 CFNetwork/3826 Darwin/24.5.0"}}, redirected},
		{"dart", http.Header{"User-Agent": {"Dart/3.8 (dart:io)"}}, redirected},
		{"app-for-json", http.Header{"Accept": {"application/json"}, "User-Agent": {"okhttp/4.12.0"}}, program},
		{"webdav", http.Header{"Accept": {"*/*"}, "Depth": {"1"}, "User-Agent": {"gvfs/1.57"}}, redirected},
		{"caldav", http.Header{"Accept": {"text/xml"}, "Depth": {"1"}, "User-Agent": {"DAVx5/4.5"}}, program},
		{"h2c", http.Header{"Upgrade": {"h2c"}, "Accept": {"*/*"}}, program},

		// Spellings of Accept.
		{"nothing", http.Header{}, redirected},
		{"empty-accept", http.Header{"Accept": {""}}, redirected},
		{"any-with-weight", http.Header{"Accept": {"*/*;q=0.8"}}, redirected},
		{"commas", http.Header{"Accept": {" , ,"}}, redirected},
		{"capitals", http.Header{"Accept": {"TEXT/HTML"}}, shape{navigation: true, form: true}},
		{"two-lines", http.Header{"Accept": {"image/png", "text/html"}}, shape{navigation: true, form: true}},
		{"html-in-a-longer-name", http.Header{"Accept": {"application/text/html-ish"}}, program},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header = c.header
			got := shape{page.Navigation(c.header), page.WantsJSON(r), page.InFrame(c.header), page.Browser(c.header), page.Form(c.header)}
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if n := testing.AllocsPerRun(100, func() { page.Navigation(c.header) }); n != 0 {
				t.Errorf("Navigation allocates %v times", n)
			}
		})
	}
}

package front

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const path = "/outpost.goauthentik.io/auth/nginx"

var config = Config{Path: path, Headers: []string{"Cookie", "X-Original-Url", "X-Forwarded-Host"}}

// head is a check's request as nginx writes it, less the empty line.
const head = "GET " + path + " HTTP/1.1\r\nHost: app.example.com\r\nX-Original-URL: https://app.example.com/\r\n"

func newRequest() *request {
	return &request{line: "GET " + path + " HTTP/1.1", names: config.Headers, header: http.Header{}}
}

// headers are those of the request that are there.
func (r *request) headers() http.Header {
	there := http.Header{}
	for name, values := range r.header {
		if len(values) > 0 {
			there[name] = values
		}
	}
	return there
}

func TestParse(t *testing.T) {
	tests := []struct {
		name   string
		sent   string
		answer bool
	}{
		{"as-nginx-sends-it", head + "Connection: close\r\nCookie: a=b\r\n\r\n", true},
		{"connection-that-stays", head + "\r\n", true},
		{"connection-that-stays-by-name", head + "Connection: keep-alive\r\n\r\n", true},
		{"header-that-nobody-asks-for", head + "User-Agent: x\r\nAccept: */*\r\n\r\n", true},
		{"value-of-letters-beyond-ascii", head + "Cookie: theme=é\r\n\r\n", true},
		{"value-empty", head + "Upgrade:\r\n\r\n", true},
		{"spaces-at-the-edges", head + "Cookie:   a=b  \r\n\r\n", true},
		{"name-in-other-case", head + "cOOKIE: a=b\r\n\r\n", true},
		{"cookie-twice", head + "Cookie: a=b\r\nCookie: c=d\r\n\r\n", true},

		{"nothing", "", false},
		{"line-that-has-not-ended", "GET " + path, false},
		{"headers-that-have-not-ended", head, false},
		{"more-behind-it", head + "\r\nG", false},
		{"two-requests", head + "\r\n" + head + "\r\n", false},
		{"another-method", strings.Replace(head, "GET", "HEAD", 1) + "\r\n", false},
		{"another-path", strings.Replace(head, "nginx", "traefik", 1) + "\r\n", false},
		{"query", strings.Replace(head, "nginx HTTP", "nginx? HTTP", 1) + "\r\n", false},
		{"absolute-form", strings.Replace(head, "GET ", "GET http://app.example.com", 1) + "\r\n", false},
		{"http-1-0", strings.Replace(head, "/1.1", "/1.0", 1) + "\r\n", false},
		{"two-spaces", strings.Replace(head, "GET ", "GET  ", 1) + "\r\n", false},
		{"space-at-the-end-of-the-line", strings.Replace(head, "/1.1", "/1.1 ", 1) + "\r\n", false},
		{"empty-line-first", "\r\n" + head + "\r\n", false},
		{"bare-line-feeds", strings.ReplaceAll(head+"\r\n", "\r\n", "\n"), false},
		{"one-bare-line-feed", head + "A: b\n\r\n", false},
		{"carriage-return-in-a-value", head + "A: b\rc\r\n\r\n", false},
		{"null-in-a-value", head + "A: b\x00c\r\n\r\n", false},
		{"delete-in-a-value", head + "A: b\x7fc\r\n\r\n", false},
		{"tab-in-a-value", head + "A: b\tc\r\n\r\n", false},
		{"tab-before-a-value", head + "A:\tb\r\n\r\n", false},
		{"folded-value", head + "A: b\r\n c\r\n\r\n", false},
		{"folded-first-header", "GET " + path + " HTTP/1.1\r\n Host: app.example.com\r\n\r\n", false},
		{"no-colon", head + "A\r\n\r\n", false},
		{"no-name", head + ": b\r\n\r\n", false},
		{"space-before-the-colon", head + "A : b\r\n\r\n", false},
		{"space-before-the-name", head + " A: b\r\n\r\n", false},
		{"underscore-in-a-name", head + "X_Original_URL: b\r\n\r\n", false},
		{"dot-in-a-name", head + "X.Original: b\r\n\r\n", false},
		{"letter-beyond-ascii-in-a-name", head + "Xé: b\r\n\r\n", false},

		{"no-host", "GET " + path + " HTTP/1.1\r\nX-Original-URL: https://app.example.com/\r\n\r\n", false},
		{"two-hosts", head + "Host: app.example.com\r\n\r\n", false},
		{"two-connections", head + "Connection: close\r\nConnection: close\r\n\r\n", false},
		{"connection-in-other-case", head + "Connection: Close\r\n\r\n", false},
		{"connection-with-more", head + "Connection: close, te\r\n\r\n", false},
		{"connection-upgrade", head + "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", false},
		{"connection-empty", head + "Connection:\r\n\r\n", false},
		{"content-length", head + "Content-Length: 0\r\n\r\n", false},
		{"content-length-in-other-case", head + "content-length: 0\r\n\r\n", false},
		{"transfer-encoding", head + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false},
		{"transfer-encoding-without-a-body", head + "Transfer-Encoding: identity\r\n\r\n", false},
		{"expect", head + "Expect: 100-continue\r\n\r\n", false},
		{"trailer", head + "Trailer: A\r\n\r\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := newRequest().parse([]byte(tt.sent)); got != tt.answer {
				t.Errorf("answered: %v, want %v", got, tt.answer)
			}
			sameAsNetHTTP(t, newRequest(), []byte(tt.sent))
		})
	}
}

// Nothing of a request is left for the next one on the same thread.
func TestParseForgets(t *testing.T) {
	r := newRequest()
	for range 2 {
		if !r.parse([]byte(head+"Connection: close\r\nCookie: a=b\r\nCookie: c=d\r\nX-Forwarded-Host: x\r\n\r\n")) || !r.close || len(r.headers()) != 3 {
			t.Fatalf("the first is read as %v", r)
		}
		if !r.parse([]byte("GET " + path + " HTTP/1.1\r\nHost: b.example.com\r\nCookie: e=f\r\n\r\n")) {
			t.Fatal("the second is not read")
		}
		want := http.Header{"Cookie": {"e=f"}}
		if diff := cmp.Diff(want, r.headers()); diff != "" || r.close || r.host != "b.example.com" {
			t.Errorf("close %v, host %s, headers (-want +got):\n%s", r.close, r.host, diff)
		}
	}
	sent := []byte(head + "Cookie: a=b\r\n\r\n")
	if n := testing.AllocsPerRun(100, func() { r.parse(sent) }); n > 0 {
		t.Errorf("reading a request allocates %v times", n)
	}
}

// sameAsNetHTTP holds what the front takes for a request against what net/http
// does: it is one for net/http too, it means the same, and it ends there.
func sameAsNetHTTP(t *testing.T, r *request, sent []byte) {
	t.Helper()
	if !r.parse(sent) {
		return
	}
	in := bufio.NewReaderSize(bytes.NewReader(sent), len(sent)+16)
	std, err := http.ReadRequest(in)
	if err != nil {
		t.Fatalf("net/http does not read %q: %v", sent, err)
	}
	if body, err := io.ReadAll(std.Body); len(body) > 0 || err != nil {
		t.Errorf("net/http reads a body out of %q: %q, %v", sent, body, err)
	}
	if n := in.Buffered(); n > 0 {
		t.Errorf("net/http leaves %d bytes of %q", n, sent)
	}
	if std.Method != http.MethodGet || std.RequestURI != path || std.Host != r.host || std.Close != r.close || !std.ProtoAtLeast(1, 1) || len(std.TransferEncoding) > 0 {
		t.Errorf("net/http reads %q as %s %s of host %q, close %v; the front has host %q, close %v", sent, std.Method, std.RequestURI, std.Host, std.Close, r.host, r.close)
	}
	want := http.Header{}
	for _, name := range config.Headers {
		if values := std.Header[name]; values != nil {
			want[name] = values
		}
	}
	if diff := cmp.Diff(want, r.headers()); diff != "" {
		t.Errorf("headers of %q (-net/http +front):\n%s", sent, diff)
	}
}

func FuzzParse(f *testing.F) {
	for _, more := range []string{
		"", "Connection: close\r\n", "Connection: keep-alive\r\nCookie: a=b; c=d\r\n", "Cookie: a\r\ncookie: b\r\n", "A: \xff\xfe\r\n", "Content-Length: 5\r\n",
		"X-Original-URL: https://b.example.com/\r\n", "Transfer-Encoding: chunked\r\n", "A:b\r\n C: d\r\n", "Host: [::1]:80\r\n", "Pragma: no-cache\r\n",
	} {
		f.Add([]byte(head + more + "\r\n"))
	}
	r := newRequest()
	f.Fuzz(func(t *testing.T, sent []byte) { sameAsNetHTTP(t, r, sent) })
}

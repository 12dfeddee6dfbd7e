package auth

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// carry makes the request of a browser that was sent these answers.
func carry(answers ...*httptest.ResponseRecorder) *http.Request {
	r := httptest.NewRequest(http.MethodGet, Prefix+"/callback", nil)
	for _, w := range answers {
		for _, c := range w.Result().Cookies() {
			if c.MaxAge >= 0 {
				r.AddCookie(c)
			}
		}
	}
	return r
}

// keep puts a return URL into a browser's cookies as start does, in as many
// answers as it takes; send is the browser's next request.
func keep(t *testing.T, app *application, kept keptURL, returnURL string, send func() *http.Request, answer func(*httptest.ResponseRecorder)) {
	t.Helper()
	for part := 0; ; {
		w := httptest.NewRecorder()
		part = keepReturnURL(w, send(), app, kept, returnURL, part)
		if size := headerSize(w.Header()); size > 3200 {
			t.Errorf("an answer with %d bytes of header", size)
		}
		answer(w)
		if part == 0 {
			return
		}
		query := strings.TrimPrefix(nextPartURL(app, kept, part, returnURL, asked{}), app.external+Prefix+"/start?")
		if k, n := keeping(query, returnURL); k != kept || n != part {
			t.Fatalf("part %d of %+v is read as %d of %+v", part, kept, n, k)
		}
	}
}

func headerSize(h http.Header) (size int) {
	for name, values := range h {
		for _, value := range values {
			size += len(name) + len(value) + len(": \r\n")
		}
	}
	return size
}

func TestReturnCookies(t *testing.T) {
	for _, tt := range []struct {
		name string
		rest string
	}{
		{"just-too-long-for-state", strings.Repeat("a", 700)},
		{"several-parts", strings.Repeat("b", 5900)},
		{"what-a-cookie-cannot-hold", strings.Repeat(`^";,^0^1^2^3`, 60)},
		{"an-escape-on-the-border", strings.Repeat("c", maxCookieValue-len("https://app.example.com/")-1) + ";;;;"},
		{"query", "?a=1&b=%2F&c=+x&d=%26&" + strings.Repeat("e=f&", 200)},
	} {
		for _, scheme := range []string{"https", "http"} {
			t.Run(tt.name+"-"+scheme, func(t *testing.T) {
				o := newReturnStage(t, scheme)
				app := o.applications.byName["home"]
				want := scheme + "://app.example.com/" + tt.rest
				kept, _ := keeping("", want)
				fl := &flow{kept: kept}
				var set []*httptest.ResponseRecorder
				keep(t, app, kept, want, func() *http.Request { return carry(set...) }, func(w *httptest.ResponseRecorder) { set = append(set, w) })
				parts := carry(set...).Cookies()
				for _, w := range set {
					for _, c := range w.Result().Cookies() {
						if c.Path != Prefix || !c.HttpOnly || c.Secure != (scheme == "https") || c.Domain != "" || c.SameSite != http.SameSiteLaxMode || len(c.String()) > 4096 {
							t.Errorf("cookie %.200s", c)
						}
					}
				}

				taken := httptest.NewRecorder()
				if got, ok := o.takeReturnURL(taken, carry(set...), app, fl); !ok || got != want {
					t.Errorf("got %q, %v", got, ok)
				}
				for _, c := range taken.Result().Cookies() {
					if c.MaxAge >= 0 || c.Path != Prefix {
						t.Errorf("not cleared: %s", c)
					}
				}
				if n := len(taken.Result().Cookies()); n != len(parts) || n == 0 {
					t.Errorf("%d cleared, want %d", n, len(parts))
				}
				if got, ok := o.takeReturnURL(httptest.NewRecorder(), carry(), app, fl); ok {
					t.Errorf("got %q from no cookie", got)
				}
			})
		}
	}
}

// A sibling host may change the cookies; state knows what they must say.
func TestReturnCookiesAreNotBelieved(t *testing.T) {
	o := newReturnStage(t, "https")
	app := o.applications.byName["home"]
	want := "https://app.example.com/" + strings.Repeat("a", 5000)
	kept, _ := keeping("", want)
	fl := &flow{kept: kept}
	var set []*httptest.ResponseRecorder
	keep(t, app, kept, want, func() *http.Request { return carry(set...) }, func(w *httptest.ResponseRecorder) { set = append(set, w) })
	for _, tt := range []struct {
		name   string
		change func(*http.Request)
	}{
		{"another-before-it", func(r *http.Request) {
			c := r.Cookies()
			r.Header.Set("Cookie", c[0].Name+"=https://evil.test/; "+r.Header.Get("Cookie"))
		}},
		{"one-part-missing", func(r *http.Request) { c := r.Cookies(); r.Header.Set("Cookie", c[0].String()) }},
		{"one-byte-other", func(r *http.Request) {
			r.Header.Set("Cookie", strings.Replace(r.Header.Get("Cookie"), "aaa", "aba", 1))
		}},
		{"one-part-more", func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: fl.kept.name(app) + "-3", Value: "x"})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := carry(set...)
			tt.change(r)
			if got, ok := o.takeReturnURL(httptest.NewRecorder(), r, app, fl); ok {
				t.Errorf("got %.100q", got)
			}
		})
	}
}

// The newest flows keep their return URLs, and all of them fit into one line.
func TestReturnCookiesAreFew(t *testing.T) {
	o := newReturnStage(t, "https")
	app := o.applications.byName["home"]
	for _, tt := range []struct {
		name   string
		length int
		kept   int // of six flows
	}{{"short", 700, 3}, {"long", 2400, 2}, {"longest", 5900, 1}} {
		t.Run(tt.name, func(t *testing.T) {
			long := "https://app.example.com/" + strings.Repeat("a", tt.length)
			jar := map[string]string{}
			sent := func() *http.Request {
				r := carry()
				for name, value := range jar {
					r.AddCookie(&http.Cookie{Name: name, Value: value})
				}
				return r
			}
			var flows []*flow
			for i := range 6 {
				kept, _ := keeping("", long)
				kept.at += int64(i-10) * 1e6 // one a second
				flows = append(flows, &flow{kept: kept})
				keep(t, app, kept, long, sent, func(w *httptest.ResponseRecorder) {
					for _, c := range w.Result().Cookies() {
						jar[c.Name] = c.Value
						if c.MaxAge < 0 {
							delete(jar, c.Name)
						}
					}
				})
				if line := sent().Header.Get("Cookie"); len(line) > 7<<10 {
					t.Errorf("after %d the cookies are %d bytes", i+1, len(line))
				}
			}
			for i, fl := range flows {
				if _, ok := o.takeReturnURL(httptest.NewRecorder(), sent(), app, fl); ok != (i >= 6-tt.kept) {
					t.Errorf("flow %d has its return URL: %v", i, ok)
				}
			}
		})
	}
}

// A link may name any part and any time: parts without their first must not
// pile up beyond what nginx takes, or nobody could sign in until they expire.
func TestReturnCookiesFromTheMiddle(t *testing.T) {
	o := newReturnStage(t, "https")
	app := o.applications.byName["home"]
	long := "https://app.example.com/" + strings.Repeat("a", 5900)
	jar := map[string]string{}
	for i := range 20 {
		r := carry()
		for name, value := range jar {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		if line := r.Header.Get("Cookie"); len(line) > 7<<10 {
			t.Fatalf("after %d the cookies are %d bytes", i, len(line))
		}
		w := httptest.NewRecorder()
		query := fmt.Sprintf("part=%x-1&rd=x", time.Now().Add(time.Duration(i-100)*time.Second).UnixMicro())
		kept, part := keeping(query, long)
		if part != 1 {
			t.Fatalf("%s is part %d", query, part)
		}
		keepReturnURL(w, r, app, kept, long, part)
		for _, c := range w.Result().Cookies() {
			if jar[c.Name] = c.Value; c.MaxAge < 0 {
				delete(jar, c.Name)
			}
		}
	}
	for _, query := range []string{"", "part=", "part=x", "part=0-1", "part=-1-1", "part=-8000000000000000-1", "part=7fffffffffffffff-1", "part=1-1", fmt.Sprintf("part=%x-9", time.Now().UnixMicro()), fmt.Sprintf("part=%x-0", time.Now().UnixMicro())} {
		if kept, part := keeping(query, long); part != 0 || time.Since(time.UnixMicro(kept.at)).Abs() > time.Minute {
			t.Errorf("%q is part %d of %+v", query, part, kept)
		}
	}
}

// A link that is all escapes would otherwise fill a browser's cookies beyond
// what nginx takes, and nobody could sign in there until they expire.
func TestReturnURLThatGrowsInACookie(t *testing.T) {
	o := newReturnStage(t, "https")
	app := o.applications.byName["home"]
	for _, tt := range []struct {
		name string
		n    int
		ok   bool
	}{{"fits", 2900, true}, {"does-not", 3000, false}} {
		t.Run(tt.name, func(t *testing.T) {
			got, _, ok := o.returnURL("rd=/"+strings.Repeat(";", tt.n), "app.example.com", app)
			if ok != tt.ok || len(cookieEscape.Replace(got)) > maxReturnURL {
				t.Errorf("%d bytes, %v", len(got), ok)
			}
		})
	}
}

// Whoever sends thousands of return cookies, its own or planted by a sibling
// host, costs no more than reading them once, and gets a short answer.
func TestPlantedReturnCookies(t *testing.T) {
	o := newReturnStage(t, "https")
	app := o.applications.byName["home"]
	r := carry()
	for i := range 1200 { // 64 KiB
		r.Header.Add("Cookie", fmt.Sprintf("%s%x-0=x", returnPrefix(app), i))
	}
	long := "https://app.example.com/" + strings.Repeat("a", 700)
	kept, _ := keeping("", long)
	var w *httptest.ResponseRecorder
	n := testing.AllocsPerRun(1, func() {
		w = httptest.NewRecorder()
		keepReturnURL(w, r, app, kept, long, 0)
	})
	if n > 50_000 {
		t.Errorf("%v allocations", n)
	}
	if n := len(w.Result().Cookies()); n > maxCleared+1 {
		t.Errorf("%d cookies in the answer", n)
	}
}

package page_test

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"

	"outpost/page"
	"outpost/session"
)

var hostile = map[string]string{
	"script":         `<script>alert(1)</script>`,
	"quote-break":    `"><img src=x onerror=alert(1)>`,
	"single-quote":   `' onmouseover='alert(1)`,
	"style-break":    `</style><script>alert(1)</script>`,
	"title-break":    `</title><svg onload=alert(1)>`,
	"comment":        `<!--`,
	"entity":         `&lt;script&gt;&#60;b&#62;`,
	"javascript":     `javascript:alert(1)`,
	"javascript-mix": "JaVa\tScRiPt:alert(1)",
	"javascript-ctl": "\x01javascript:alert(1)",
	"data":           `data:text/html,<script>alert(1)</script>`,
	"vbscript":       `vbscript:msgbox(1)`,
	"blob":           `blob:https://example.com/1`,
	"file":           `file:///etc/passwd`,
	"protocol-free":  `//evil.example/`,
	"backslash":      `/\evil.example/`,
	"backslash-2":    `\\evil.example/`,
	"tab-slash":      "/\t/evil.example/",
	"https-opaque":   `https:evil.example`,
	"https-no-host":  `https:///evil.example`,
	"user-info":      `https://bank.example@evil.example/`,
	"rtl":            "\u202egnp.exe\u2066a\u2069\u200f",
	"nul":            "a\x00b\x1b[31mc\u0085\u2028\u2029",
	"not-utf8":       "\xff\xfe<\xc0\xbc>",
	"long":           strings.Repeat(`<b x="`, 100<<10/6),
	"template":       `{{.}}${x}{ v }`,
}

// filled is a page with s in every field that takes a string.
func filled(reason, s string) page.Data {
	d := page.Data{Status: http.StatusForbidden, Identity: &session.Identity{}}
	for _, v := range []reflect.Value{reflect.ValueOf(&d).Elem(), reflect.ValueOf(d.Identity).Elem()} {
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.String {
				f.SetString(s)
			}
		}
	}
	d.Reason = reason
	return d
}

// shape lists the elements and attribute names of a page, in order, and
// returns the values of the attributes that hold links.
func shape(t *testing.T, body string) (elements []string, links []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.CommentNode {
			t.Errorf("a comment: %q", n.Data)
		}
		if n.Type != html.ElementNode {
			continue
		}
		element := n.Data
		for _, a := range n.Attr {
			element += " " + a.Key
			if a.Key == "href" || a.Key == "action" || a.Key == "src" {
				links = append(links, a.Val)
			}
		}
		elements = append(elements, element)
	}
	return elements, links
}

func TestHostileInputIsOnlyEverText(t *testing.T) {
	for _, reason := range []string{"not_allowed", "sign_out_confirm", "unknown"} {
		// The harmless page has every part that the hostile one may have, links
		// aside, which are compared below.
		wantElements, _ := shape(t, write(t, filled(reason, "harmless")).Body.String())
		for name, s := range hostile {
			t.Run(reason+"/"+name, func(t *testing.T) {
				w := write(t, filled(reason, s))
				body := w.Body.String()
				elements, links := shape(t, body)
				if got, want := strings.Join(elements, "\n"), strings.Join(wantElements, "\n"); got != want {
					t.Errorf("elements: got\n%s\nwant\n%s", got, want)
				}
				if len(links) > 0 {
					t.Errorf("links were written: %q", links)
				}
				if strings.Contains(body, "alert(1)</script>") || strings.Contains(body, "<b x=") || strings.Contains(body, "<img") {
					t.Errorf("unescaped in %s", body)
				}
				if !utf8.ValidString(body) || len(body) > 16<<10 {
					t.Errorf("%d bytes, valid UTF-8: %v", len(body), utf8.ValidString(body))
				}
				for _, r := range body {
					if unicode.Is(unicode.Bidi_Control, r) || unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\u2028' || r == '\u2029' {
						t.Errorf("character %U was written", r)
					}
				}
			})
		}
	}
}

func TestHostileInputInJSON(t *testing.T) {
	for name, s := range hostile {
		t.Run(name, func(t *testing.T) {
			body := write(t, filled("not_signed_in", s), "Accept", "application/json").Body.String()
			if strings.ContainsAny(body, "<>\x00\u2028") || strings.Contains(body, "sign_in_url") || len(body) > 4<<10 {
				t.Errorf("got %s", body)
			}
		})
	}
}

func TestTextIsCutAt200Characters(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"fits", strings.Repeat("é", 200), strings.Repeat("é", 200)},
		{"one-too-many", strings.Repeat("é", 201), strings.Repeat("é", 199) + "…"},
		{"controls-do-not-count", strings.Repeat("\x00a", 200), strings.Repeat("a", 200)},
		{"edges", " \t a b \n", "a b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := write(t, page.Data{Status: 400, Reason: "provider_error", Detail: c.in}).Body.String()
			if !strings.Contains(body, `<bdi>`+c.want+`</bdi>`) {
				t.Errorf("want %q in\n%s", c.want, body)
			}
		})
	}
}

func TestLinks(t *testing.T) {
	for _, c := range []struct {
		name, url string
		want      bool
	}{
		{"path", "/outpost.goauthentik.io/start?rd=https%3A%2F%2Fa.example.com%2F", true},
		{"root", "/", true},
		{"https", "https://a.example.com:8443/x?y=z#f", true},
		{"http", "http://a.localhost/", true},
		{"capitals", "HTTPS://A.example.com/", true},
		{"address", "https://[2001:db8::1]/", true},
		{"backslash-in-query", `/x?file=C:\y`, true},
		{"utf-8", "/übersicht?q=ü", true},
		{"double-slash-later", "/a//b", true},
		{"empty", "", false},
		{"relative", "start", false},
		{"query-only", "?x", false},
		{"space-first", " https://a.example.com/", false},
		{"newline", "/a\nb", false},
		{"mailto", "mailto:a@b.c", false},
		{"bad-port", "https://a.example.com:x/", false},
		{"bad-escape", "/%zz", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, links := shape(t, write(t, page.Data{Status: 403, Reason: "loop", BackURL: c.url}).Body.String())
			switch {
			case !c.want && len(links) > 0:
				t.Errorf("written as %q", links)
			case c.want && (len(links) != 1 || links[0] != c.url):
				t.Errorf("got %q, want %q", links, c.url)
			}
		})
	}
}

func FuzzWrite(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		elements, links := shape(t, write(t, filled("not_allowed", s)).Body.String())
		for _, e := range elements {
			if strings.HasPrefix(e, "script") || strings.Contains(e, " on") || strings.HasPrefix(e, "img") {
				t.Errorf("element %s came from %q", e, s)
			}
		}
		for _, l := range links {
			u, err := url.Parse(l)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" && !(u.Scheme == "" && u.Host == "" && strings.HasPrefix(l, "/")) {
				t.Errorf("link %q came from %q", l, s)
			}
		}
	})
}

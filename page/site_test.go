package page_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"outpost/page"
)

const svg = `<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment -->
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 10 10"><style>path{fill:#135}@media (prefers-color-scheme:dark){path{fill:#9cf}}</style><defs><path id="a" d="M0 0h10v10z"/></defs><use xlink:href="#a"/></svg>`

var (
	png  = "\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
	webp = "RIFF\x24\x00\x00\x00WEBPVP8 \x18\x00\x00\x00"
)

func TestLanguageOfAPage(t *testing.T) {
	for _, c := range []struct{ name, accept, tag, title string }{
		{"none", "", "en", "This account has no access"},
		{"german", "de-AT,de;q=0.9,en;q=0.8", "de", "Dieses Konto hat keinen Zugang"},
		{"polish", "pl", "pl", "To konto nie ma dostępu"},
		{"french", "fr-CA, en;q=0.1", "fr", "Ce compte n’a pas accès"},
		{"none-that-there-is", "ja", "en", "This account has no access"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := page.Data{Status: http.StatusForbidden, Reason: "not_allowed", BackURL: "/"}
			w := write(t, d, "Accept", "text/html", "Accept-Language", c.accept)
			body := w.Body.String()
			if !strings.Contains(body, `<html lang="`+c.tag+`">`) || !strings.Contains(body, "<h1>"+c.title+"</h1>") || !strings.Contains(body, "<title>"+c.title+" · outpost</title>") {
				t.Errorf("page:\n%s", body)
			}
			if h := w.Header(); h.Get("Content-Language") != c.tag || !strings.Contains(h.Get("Vary"), "Accept-Language") {
				t.Errorf("headers: %v", h)
			}
			// A program's user reads it, too.
			var got struct{ Error, Message string }
			w = write(t, d, "Accept", "application/json", "Accept-Language", c.accept)
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Error != "not_allowed" || strings.Contains(got.Message, "You are signed in") != (c.tag == "en") || w.Header().Get("Content-Language") != c.tag {
				t.Errorf("JSON: %s", w.Body)
			}
		})
	}
}

func TestTimesOfALanguage(t *testing.T) {
	for _, c := range []struct {
		name string
		want []string
	}{
		{"de", []string{"vor 2 Tagen", "gerade eben", "vor 1 Stunde", "vor 1 Minute", "Und 3 weitere."}},
		{"pl", []string{"2 dni temu", "przed chwilą", "1 godzinę temu", "1 minutę temu", "I jeszcze 3."}},
		{"fr", []string{"il y a 2 jours", "à l’instant", "il y a 1 heure", "il y a 1 minute", "Et 3 autres."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := write(t, account(), "Accept-Language", c.name).Body.String()
			for _, want := range c.want {
				if !strings.Contains(body, want) {
					t.Errorf("the page lacks %s", want)
				}
			}
		})
	}
}

// of returns pages of a site.
func of(t *testing.T, s page.Site) *page.Pages {
	t.Helper()
	p, err := page.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// writeOf is write for the pages of a site.
func writeOf(t *testing.T, p *page.Pages, d page.Data, header ...string) (body string, h http.Header) {
	t.Helper()
	before := pages
	pages = p
	defer func() { pages = before }()
	w := write(t, d, header...)
	return w.Body.String(), w.Header()
}

func TestSite(t *testing.T) {
	p := of(t, page.Site{Name: "Müller & Söhne", Contact: "mailto:help@example.com"})
	d := page.Data{Status: http.StatusForbidden, Reason: "not_allowed"}
	body, h := writeOf(t, p, d, "Accept-Language", "de")
	for _, want := range []string{
		`<p class="wordmark">Müller &amp; Söhne</p>`, "Zugang · Müller &amp; Söhne</title>", `Hilfe: <a href="mailto:help@example.com">help@example.com</a>`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
	if strings.Contains(body, "<img") || strings.Contains(h.Get("Content-Security-Policy"), "img-src") {
		t.Errorf("without a logo there is an image, or may be one: %v\n%s", h, body)
	}
	body, _ = writeOf(t, p, d, "Accept", "application/json")
	if !strings.Contains(body, `"contact":"mailto:help@example.com"`) {
		t.Errorf("JSON: %s", body)
	}
	for _, c := range []struct{ name, contact, want string }{
		{"https", "https://help.example.com/it/?a=b", `<a href="https://help.example.com/it/?a=b">help.example.com/it</a>`},
		{"text", "Ask Ada: <b>42</b>", "<bdi>Ask Ada: &lt;b&gt;42&lt;/b&gt;</bdi>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if body, _ := writeOf(t, of(t, page.Site{Contact: c.contact}), d); !strings.Contains(body, c.want) {
				t.Errorf("no %s in\n%s", c.want, body)
			}
		})
	}
}

func TestLogo(t *testing.T) {
	for _, c := range []struct{ name, logo, kind string }{{"svg", svg, "image/svg+xml"}, {"png", png, "image/png"}, {"webp", webp, "image/webp"}} {
		t.Run(c.name, func(t *testing.T) {
			body, h := writeOf(t, of(t, page.Site{Name: `Home "1"`, Logo: []byte(c.logo)}), page.Data{Status: 403, Reason: "not_allowed"})
			root, err := html.Parse(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			images := 0
			for n := range root.Descendants() {
				if n.Type != html.ElementNode || n.Data != "img" {
					continue
				}
				images++
				got := map[string]string{}
				for _, a := range n.Attr {
					got[a.Key] = a.Val
				}
				if want := "data:" + c.kind + ";base64," + base64.StdEncoding.EncodeToString([]byte(c.logo)); got["src"] != want || got["alt"] != `Home "1"` || len(got) != 2 {
					t.Errorf("image: %v", got)
				}
			}
			// An image from the page itself, and still nothing that runs.
			policy := h.Get("Content-Security-Policy")
			if images != 1 || !strings.Contains(policy, "; img-src data:;") || !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(policy, "script") {
				t.Errorf("%d images, policy %s", images, policy)
			}
			if strings.Contains(body, `<p class="wordmark">`) {
				t.Error("the name is there beside the logo")
			}
		})
	}
}

func TestCheckLogo(t *testing.T) {
	of := func(inside string) string { return `<svg xmlns="http://www.w3.org/2000/svg">` + inside + `</svg>` }
	for _, c := range []struct{ name, logo, want string }{
		{"script", of("<script>alert(1)</script>"), "without <script>"},
		{"script-in-capitals", of("<SCRIPT/>"), "without <script>"},
		{"script-of-another-namespace", of(`<x:script xmlns:x="http://www.w3.org/2000/svg"/>`), "without <script>"},
		{"foreign-object", of("<foreignObject><p xmlns='http://www.w3.org/1999/xhtml'/></foreignObject>"), "without <foreignobject>"},
		{"handler", of(`<path onload="alert(1)"/>`), "has onload"},
		{"handler-on-top", `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, "has onload"},
		{"link", of(`<a href="javascript:alert(1)"/>`), "refers to nothing outside itself"},
		{"image", of(`<image href="https://tracker.test/x.png"/>`), "refers to nothing outside itself"},
		{"use", of(`<use xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="other.svg#a"/>`), "refers to nothing outside itself"},
		{"document-in-a-link", of(`<image href="data:text/html,x"/>`), "refers to nothing outside itself"},
		{"doctype", `<!DOCTYPE svg [<!ENTITY a "b">]>` + of(""), "without a <!DOCTYPE>"},
		{"cut-off", `<svg xmlns="http://www.w3.org/2000/svg"><path/>`, "no well-formed XML"},
		{"two-roots", of("") + "<", "no well-formed XML"},
		{"no-namespace", "<svg/>", "whose first element is <svg"},
		{"html", "<html><script>alert(1)</script></html>", "whose first element is <svg"},
		{"jpeg", "\xff\xd8\xff\xe0", "a PNG, a WebP or an SVG"},
		{"gif", "GIF89a", "a PNG, a WebP or an SVG"},
		{"empty", "", "a PNG, a WebP or an SVG"},
		{"png-head-alone", "\x89PNG\r\n\x1a\n", "a PNG, a WebP or an SVG"},
		{"too-large", png + strings.Repeat("x", page.MaxLogo), "at most 48 KiB"},
		{"as-large-as-may-be", png + strings.Repeat("x", page.MaxLogo-len(png)), ""},
		{"image-inside", of(`<image href="data:image/png;base64,AAAA"/>`), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := page.CheckLogo([]byte(c.logo))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if _, err := page.New(page.Site{Logo: []byte(c.logo)}); (err == nil) != (c.want == "") {
				t.Errorf("New: %v", err)
			}
		})
	}
}

func TestCheckContact(t *testing.T) {
	for _, c := range []struct {
		name, contact string
		good          bool
	}{
		{"text", "Ask Ada, extension 42", true},
		{"text-with-colon", "Phone: 42", true},
		{"mail", "mailto:help@example.com", true},
		{"mail-in-capitals", "MAILTO:help@example.com", true},
		{"https", "https://help.example.com/", true},
		{"http", "http://help.lan/", true},
		{"empty", "", false},
		{"mail-without-address", "mailto:", false},
		{"mail-with-subject", "mailto:a@b.c?subject=x", false},
		{"two-mails", "mailto:a@b.c,d@e.f", false},
		{"user-information", "https://a:b@help.example.com/", false},
		{"no-host", "https:///x", false},
		{"space-in-url", "https://help.example.com/a b", false},
		{"script", "javascript:alert(1)", false},
		{"script-in-capitals", "JavaScript:alert(1)", false},
		{"data", "data:text/html,x", false},
		{"two-lines", "Ask\nAda", false},
		{"bidi", "Ask \u202eadA", false},
		{"space-at-the-edge", " Ask", false},
		{"long", strings.Repeat("x", 121), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := page.CheckContact(c.contact); (err == nil) != c.good {
				t.Errorf("got %v", err)
			}
			if _, err := page.New(page.Site{Contact: c.contact}); c.contact != "" && (err == nil) != c.good {
				t.Errorf("New: %v", err)
			}
		})
	}
}

func TestOwnStrings(t *testing.T) {
	p := of(t, page.Site{Strings: map[string]map[string]string{
		"de":    {"not_allowed.title": "Kein Zutritt"},
		"DE-ch": {"not_allowed.title": "Zutritt nicht gestattet", "button.back": "Zurück zum Anfang"},
		"sv":    {"not_allowed.title": "Det här kontot har inte åtkomst", "ago.day.one": "för {n} dag sedan", "ago.day.other": "för {n} dagar sedan"},
		"he":    {"not_allowed.title": "לחשבון הזה אין גישה"},
	}})
	d := page.Data{Status: http.StatusForbidden, Reason: "not_allowed", BackURL: "/"}
	for _, c := range []struct {
		name, accept, tag string
		want              []string
	}{
		{"one-of-ours", "de", "de", []string{"Kein Zutritt", "Zurück"}},
		{"a-region", "de-CH", "DE-ch", []string{"Zutritt nicht gestattet", "Zurück zum Anfang", "Verwenden Sie ein anderes Konto"}},
		{"a-language-of-ones-own", "sv-SE, en;q=0.5", "sv", []string{"Det här kontot har inte åtkomst", "Go back"}},
		{"others-as-they-were", "it", "it", []string{"Questo account"}},
		{"right-to-left", "he", "he", []string{`dir="rtl"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			body, h := writeOf(t, p, d, "Accept-Language", c.accept)
			for _, want := range append(c.want, `lang="`+c.tag+`"`) {
				if !strings.Contains(body, want) {
					t.Errorf("no %s in\n%s", want, body)
				}
			}
			if h.Get("Content-Language") != c.tag {
				t.Errorf("Content-Language: %s", h.Get("Content-Language"))
			}
		})
	}
	if body, _ := writeOf(t, p, account(), "Accept-Language", "sv"); !strings.Contains(body, "för 2 dagar sedan") || !strings.Contains(body, "1 hour ago") {
		t.Errorf("times:\n%s", body)
	}
	// Another site's pages have none of it.
	if body, _ := writeOf(t, nil, d, "Accept-Language", "de"); strings.Contains(body, "Kein Zutritt") {
		t.Error("the words went to all sites")
	}
}

func TestCheckString(t *testing.T) {
	for _, c := range []struct{ name, tag, key, text, want string }{
		{"good", "de", "not_allowed.title", "Nein", ""},
		{"good-of-a-region", "pt-PT", "button.back", "Voltar", ""},
		{"good-number", "pl", "place.more.many", "I {n}", ""},
		{"good-form-without-number", "ar", "ago.day.two", "قبل يومين", ""},
		{"unknown-key", "de", "not_alowed.title", "Nein", "de.not_alowed.title is no text of a page"},
		{"unknown-cause", "de", "loop.cause.4", "Nein.", "no text of a page"},
		{"unknown-form", "de", "not_allowed.title.many", "Nein", "no text of a page"},
		{"no-language", "deutsch", "not_allowed.title", "Nein", `"deutsch" is no language`},
		{"no-language-at-all", "", "not_allowed.title", "Nein", "is no language"},
		{"empty", "de", "not_allowed.title", " ", "de.not_allowed.title is empty"},
		{"number-missing", "de", "ago.day.other", "vor Tagen", "lacks {n}"},
		{"number-where-none-is", "de", "not_allowed.title", "{n} mal nein", "braces that nothing goes into"},
		{"braces", "de", "not_allowed.title", "Nein, {name}", "braces that nothing goes into"},
		{"control", "de", "not_allowed.title", "Ne\x00in", "control character"},
		{"bidi", "de", "not_allowed.title", "Ne\u202ein", "control character"},
		{"not-utf8", "de", "not_allowed.title", "\xff", "control character"},
		{"long", "de", "not_allowed.title", strings.Repeat("ä", 501), "longer than 500"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := page.CheckString(c.tag, c.key, c.text)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if _, err := page.New(page.Site{Strings: map[string]map[string]string{c.tag: {c.key: c.text}}}); (err == nil) != (c.want == "") {
				t.Errorf("New: %v", err)
			}
		})
	}
}

func TestMissingStrings(t *testing.T) {
	all := len(page.MissingStrings("sv", nil))
	if got := page.MissingStrings("sv", map[string]string{"button.back": "Tillbaka", "ago.day.one": "x {n}"}); all < 150 || len(got) != all-2 {
		t.Errorf("%d of %d are missing", len(got), all)
	}
	if got := page.MissingStrings("de-CH", nil); got != nil {
		t.Errorf("de-CH lacks %v", got)
	}
}

// The whole of a page of a site is still one document that fetches nothing.
func TestHostileSite(t *testing.T) {
	for _, name := range []string{"</title><script>alert(1)</script>", `"><img src=x onerror=alert(1)>`} {
		body, _ := writeOf(t, of(t, page.Site{Name: name, Contact: name, Logo: []byte(svg), Strings: map[string]map[string]string{"en": {"not_allowed.title": name}}}), page.Data{Status: 403, Reason: "not_allowed"})
		elements, _ := shape(t, body)
		for _, e := range elements {
			if strings.HasPrefix(e, "script") || strings.HasPrefix(e, "img") && e != "img src alt" {
				t.Errorf("element %s came from %q", e, name)
			}
		}
	}
}

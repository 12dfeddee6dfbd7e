package page_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outpost/page"
	"outpost/session"
)

// pages are those of a site of which nobody has said anything.
var pages *page.Pages

// write renders d for a GET whose headers are the given pairs.
func write(t *testing.T, d page.Data, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/outpost.goauthentik.io/start", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	pages.Write(w, r, d)
	return w
}

func TestHeaders(t *testing.T) {
	for _, form := range []struct{ name, accept, contentType string }{
		{"html", "text/html", "text/html; charset=utf-8"},
		{"json", "application/json", "application/json; charset=utf-8"},
	} {
		t.Run(form.name, func(t *testing.T) {
			w := write(t, page.Data{Status: http.StatusForbidden, Reason: "not_allowed"}, "Accept", form.accept)
			got := w.Header().Clone()
			policy := got.Get("Content-Security-Policy")
			got.Del("Content-Security-Policy")
			want := http.Header{
				"Content-Type":               {form.contentType},
				"Content-Length":             {strconv.Itoa(w.Body.Len())},
				"Cache-Control":              {"no-store"},
				"Referrer-Policy":            {"no-referrer"},
				"X-Content-Type-Options":     {"nosniff"},
				"X-Frame-Options":            {"DENY"},
				"Cross-Origin-Opener-Policy": {"same-origin"},
				"X-Robots-Tag":               {"noindex"},
				"Content-Language":           {"en"},
				"Vary":                       {"Accept, Accept-Language"},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			for _, directive := range []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"} {
				if !strings.Contains(policy+";", directive+";") {
					t.Errorf("policy %q lacks %q", policy, directive)
				}
			}
			if strings.Contains(policy, "unsafe") {
				t.Errorf("policy %q allows something unsafe", policy)
			}
		})
	}
}

func TestHeadersReplaceWhatWasThere(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header()["Cache-Control"] = []string{"public", "max-age=60"}
	pages.Write(w, httptest.NewRequest(http.MethodGet, "/", nil), page.Data{Status: http.StatusForbidden, Reason: "loop"})
	if diff := cmp.Diff([]string{"no-store"}, w.Header()["Cache-Control"]); diff != "" {
		t.Errorf("Cache-Control (-want +got):\n%s", diff)
	}
}

func TestPolicyNamesTheStylesheetOfThePage(t *testing.T) {
	w := write(t, page.Data{Status: http.StatusForbidden, Reason: "loop"})
	_, rest, opened := strings.Cut(w.Body.String(), "<style>")
	style, _, closed := strings.Cut(rest, "</style>")
	if !opened || !closed || len(style) < 100 {
		t.Fatalf("no stylesheet in %s", w.Body)
	}
	sum := sha256.Sum256([]byte(style))
	want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"
	if got := w.Header().Get("Content-Security-Policy"); !strings.Contains(got, want) {
		t.Errorf("policy %q does not contain %q", got, want)
	}
}

func TestConfirmPageLetsTheFormGoOnToTheProvider(t *testing.T) {
	d := page.Data{Status: http.StatusOK, Reason: "sign_out_confirm", ConfirmURL: "/outpost.goauthentik.io/sign_out"}
	w := write(t, d)
	if policy := w.Header().Get("Content-Security-Policy"); strings.Contains(policy, "form-action") {
		t.Errorf("policy %q would stop the redirect to the provider", policy)
	}
	if got := w.Header().Get("Referrer-Policy"); got != "same-origin" {
		t.Errorf("Referrer-Policy: got %q, want same-origin, or the form is posted with Origin: null", got)
	}
	if want := `<form method="post" action="/outpost.goauthentik.io/sign_out">`; !strings.Contains(w.Body.String(), want) {
		t.Errorf("no %s in %s", want, w.Body)
	}
	d.Reason = "not_allowed"
	if w := write(t, d); strings.Contains(w.Body.String(), "<form") || !strings.Contains(w.Header().Get("Content-Security-Policy"), "form-action") {
		t.Errorf("a page that asks nothing has a form, or lets one be posted anywhere: %s", w.Body)
	}
}

func TestDeniedPageSaysWhoAndOffersTheWaysOut(t *testing.T) {
	w := write(t, page.Data{
		Status: http.StatusForbidden, Reason: "not_allowed", RequestID: "REQUEST7",
		Application: "router", Host: "router.example.com",
		Identity:   &session.Identity{Name: "Ada Lovelace", Username: "ada", Email: "ada@example.com"},
		SwitchURL:  "/outpost.goauthentik.io/start?switch=1&rd=%2F",
		SignOutURL: "/outpost.goauthentik.io/sign_out", BackURL: "https://home.example.com/",
	})
	if w.Code != http.StatusForbidden {
		t.Errorf("status: got %d, want 403", w.Code)
	}
	for _, want := range []string{
		`<html lang="en">`, `role="alert"`, "Ada Lovelace", "ada@example.com", ">router<", ">router.example.com<", "REQUEST7", "not_allowed",
		`href="/outpost.goauthentik.io/start?switch=1&amp;rd=%2F">Use another account<`,
		`href="/outpost.goauthentik.io/sign_out">Sign out<`, `href="https://home.example.com/">Go back<`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in\n%s", want, w.Body)
		}
	}
}

// Who has not proved enough is not signed in, and reads what is missing.
func TestPageNamesWhatIsMissing(t *testing.T) {
	w := write(t, page.Data{
		Status: http.StatusForbidden, Reason: "insufficient_user_authentication", Identity: &session.Identity{Name: "Ada"},
		Missing: []page.Missing{{Claim: "amr", Want: "mfa, hwk", Got: "pwd"}, {Claim: "acr", Want: "phr"}, {Claim: "<b>", Want: "nothing"}},
	})
	text := w.Body.String()
	for _, want := range []string{"<dt>Account</dt>", ">Ada<", `mfa, hwk</bdi></dd><dd class="note"><bdi>Yours: pwd<`, `phr</bdi></dd><dd class="note"><bdi>Yours: not stated by the sign-in service<`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, "Signed in as") || strings.Contains(text, "nothing") {
		t.Errorf("too much in\n%s", text)
	}
}

// The choices are links, in their order; one that leads nowhere good is left out.
func TestChoices(t *testing.T) {
	w := write(t, page.Data{Status: http.StatusOK, Reason: "choose_provider", Choices: []page.Choice{
		{Label: "Company & Co", URL: "https://a.example.com/start?provider=company&rd=%2F"}, {Label: "Evil", URL: "javascript:alert(1)"}, {URL: "/nameless"}, {Label: "Google", URL: "/google"},
	}})
	text := w.Body.String()
	first, second := strings.Index(text, `href="https://a.example.com/start?provider=company&amp;rd=%2F">Company &amp; Co<`), strings.Index(text, `href="/google">Google<`)
	if w.Code != http.StatusOK || first < 0 || second < first || strings.Contains(text, "Evil") || strings.Contains(text, "nameless") || strings.Contains(text, `role="alert"`) {
		t.Errorf("got %d\n%s", w.Code, text)
	}
}

func TestSignInButton(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		id           *session.Identity
		want         string
	}{
		{"nobody", "not_signed_in", nil, `href="/start">Sign in<`},
		{"signed-out", "signed_out", nil, `href="/start">Sign in again<`},
		{"signed-in-already", "not_allowed", &session.Identity{Name: "Ada"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := write(t, page.Data{Status: http.StatusOK, Reason: c.reason, Identity: c.id, SignInURL: "/start"}).Body.String()
			if c.want == "" && strings.Contains(body, "/start") || !strings.Contains(body, c.want) {
				t.Errorf("want %q in\n%s", c.want, body)
			}
		})
	}
}

func TestWhoIsSignedIn(t *testing.T) {
	for _, c := range []struct {
		name string
		id   session.Identity
		want string
	}{
		{"name-and-email", session.Identity{Name: "Ada", Username: "ada", Email: "a@b.c", Subject: "7"}, `Ada</bdi></dd><dd class="note"><bdi>a@b.c</bdi></dd>`},
		{"name-and-username", session.Identity{Name: "Ada", Username: "ada", Subject: "7"}, `Ada</bdi></dd><dd class="note"><bdi>ada</bdi></dd>`},
		{"email-alone-once", session.Identity{Email: "a@b.c", Subject: "7"}, `a@b.c</bdi></dd></div>`},
		{"subject-alone", session.Identity{Subject: "7f3c"}, `7f3c</bdi></dd></div>`},
		{"nothing-but-controls", session.Identity{Name: "\u202e\x00"}, `</div><div class="actions">`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := write(t, page.Data{Status: http.StatusForbidden, Reason: "not_allowed", Identity: &c.id, SignOutURL: "/"})
			if !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("no %s in\n%s", c.want, w.Body)
			}
		})
	}
}

func TestStatusAndUnknownReason(t *testing.T) {
	for _, c := range []struct {
		name       string
		status     int
		reason     string
		wantStatus int
		wantReason string
	}{
		{"as-given", 403, "loop", 403, "loop"},
		{"early-data", 425, "early_data", 425, "early_data"},
		{"no-status", 0, "loop", 500, "loop"},
		{"informational", 103, "loop", 500, "loop"},
		{"out-of-range", 1000, "loop", 500, "loop"},
		{"unknown-reason", 403, "<b>nobody knows</b>", 403, "internal"},
		{"no-reason", 403, "", 403, "internal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := write(t, page.Data{Status: c.status, Reason: c.reason})
			if w.Code != c.wantStatus || !strings.Contains(w.Body.String(), "<code>"+c.wantReason+"</code>") {
				t.Errorf("got %d, want %d with reason %s:\n%s", w.Code, c.wantStatus, c.wantReason, w.Body)
			}
		})
	}
}

func TestHeadGetsTheHeadersAlone(t *testing.T) {
	d := page.Data{Status: http.StatusForbidden, Reason: "not_allowed"}
	get, head := write(t, d), httptest.NewRecorder()
	pages.Write(head, httptest.NewRequest(http.MethodHead, "/", nil), d)
	if head.Body.Len() != 0 {
		t.Errorf("HEAD got a body: %s", head.Body)
	}
	if diff := cmp.Diff(get.Header(), head.Header()); diff != "" || head.Code != get.Code {
		t.Errorf("HEAD differs from GET: %d, %d, headers (-get +head):\n%s", get.Code, head.Code, diff)
	}
}

func TestJSON(t *testing.T) {
	for _, c := range []struct {
		name string
		data page.Data
		want map[string]string
	}{
		{
			name: "start-for-fetch",
			data: page.Data{Status: 403, Reason: "not_signed_in", RequestID: "R7", SignInURL: "https://a.example.com/outpost.goauthentik.io/start?rd=%2F&x=1", RetryURL: "/no"},
			want: map[string]string{"error": "not_signed_in", "request_id": "R7", "sign_in_url": "https://a.example.com/outpost.goauthentik.io/start?rd=%2F&x=1"},
		},
		{name: "nothing-but-words", data: page.Data{Status: 503, Reason: "provider_unreachable"}, want: map[string]string{"error": "provider_unreachable"}},
		{name: "unknown-reason", data: page.Data{Status: 500, Reason: "?"}, want: map[string]string{"error": "internal"}},
		{name: "signed-out", data: page.Data{Status: 200, Reason: "signed_out"}, want: map[string]string{}},
		{name: "signed-out-here", data: page.Data{Status: 200, Reason: "signed_out_here"}, want: map[string]string{}},
		{name: "hostile-link", data: page.Data{Status: 403, Reason: "not_signed_in", SignInURL: "javascript:alert(1)"}, want: map[string]string{"error": "not_signed_in"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := write(t, c.data, "Sec-Fetch-Mode", "cors", "Accept", "*/*")
			var got map[string]string
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("%v: %s", err, w.Body)
			}
			if w.Code != c.data.Status || !strings.HasSuffix(got["message"], ".") || !strings.HasSuffix(got["next"], ".") {
				t.Errorf("got %d %v", w.Code, got)
			}
			delete(got, "message")
			delete(got, "next")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("besides message and next (-want +got):\n%s", diff)
			}
			if cookies := w.Header()["Set-Cookie"]; cookies != nil {
				t.Errorf("cookies: %v", cookies)
			}
		})
	}
}

// The engine's development mode, which an environment variable switches on,
// takes the template from a file that is not there. The person still gets the
// words.
func TestPageWithoutTemplateStillSaysWhatHappened(t *testing.T) {
	if os.Getenv("TEMPL_DEV_MODE") == "true" {
		w := write(t, page.Data{Status: http.StatusForbidden, Reason: "loop"})
		if w.Code != http.StatusForbidden || !bytes.Contains(w.Body.Bytes(), []byte(`"error":"loop"`)) {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
		return
	}
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), "TEMPL_DEV_MODE=true", "TEMPL_DEV_MODE_ROOT="+t.TempDir())
	if out, err := again.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("%v:\n%s", err, out)
	}
}

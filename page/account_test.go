package page_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"outpost/page"
	"outpost/session"
)

var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func account() page.Data {
	return page.Data{
		Status: http.StatusOK, Reason: "account", Application: "home", Host: "outpost.example.com", Provider: "Company account",
		Identity:      &session.Identity{Subject: "7", Username: "alice", Name: "Alice", Email: "alice@example.com", Groups: []string{"admins", "users"}},
		EverywhereURL: "/outpost.goauthentik.io/sign_out?everywhere=1", SignOutURL: "/outpost.goauthentik.io/sign_out",
		Account: &page.Account{
			Now: now,
			Told: []page.Told{
				{Application: "home", Headers: []page.Header{{Name: "Remote-User", Value: "alice"}, {Name: "Remote-Groups", Value: "admins,users"}, {Name: "Remote-Email"}}},
				{Application: "printer", Headers: []page.Header{{Name: "Authorization", Hidden: true}, {Name: "X-User", Value: "al"}}},
			},
			Places: []page.Place{
				{ID: "aaaa", Application: "home", Device: "Firefox on Linux", Address: "192.0.2.7", Created: now.Add(-49 * time.Hour), Seen: now.Add(-10 * time.Second), Expires: now.Add(time.Hour), Here: true},
				{ID: "bbbb", Application: "wiki", Device: "Safari on iOS", Created: now.Add(-time.Hour), Seen: now.Add(-time.Minute), Expires: now.Add(time.Hour), EndURL: "/outpost.goauthentik.io/?end=bbbb"},
			},
			More: 3, OthersURL: "/outpost.goauthentik.io/?end=others",
		},
	}
}

func TestAccount(t *testing.T) {
	w := write(t, account(), "Accept", "text/html")
	body := w.Body.String()
	for _, want := range []string{
		"What applications are told about you", "<h3><bdi>home</bdi></h3>", "<code>Remote-Groups</code></dt><dd><bdi>admins,users</bdi>", `<code>Remote-Email</code></dt><dd class="note">empty<`,
		"<h3><bdi>printer</bdi></h3>", `<code>Authorization</code></dt><dd class="note">not shown here<`, "Where you are signed in", "This browser", "Firefox on Linux, 192.0.2.7",
		`<time datetime="2026-11-24T11:00:00Z">2 days ago</time>`, "just now", "1 hour ago", "1 minute ago", "And 3 more.",
		`action="/outpost.goauthentik.io/?end=bbbb"`, `action="/outpost.goauthentik.io/?end=others"`, `action="/outpost.goauthentik.io/sign_out?everywhere=1"`,
		`aria-label="Sign out there: wiki, Safari on iOS"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if n := strings.Count(body, "<form"); n != 3 || strings.Contains(body, "end=aaaa") || strings.Contains(body, `role="alert"`) {
		t.Errorf("%d forms:\n%s", n, body)
	}
	// Without the origin of a POST nobody could tell whose form it was.
	if got := w.Header().Get("Referrer-Policy"); got != "same-origin" {
		t.Errorf("Referrer-Policy: %s", got)
	}
}

func TestAccountJSON(t *testing.T) {
	w := write(t, account(), "Accept", "application/json")
	var got struct {
		Error   string
		Account struct {
			Identity     map[string]any
			Applications []struct {
				Name    string
				Headers map[string]*string
			}
			Sessions []map[string]any
			More     int
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if a := got.Account; got.Error != "" || fmt.Sprint(a.Identity) != "map[email:alice@example.com groups:[admins users] name:Alice subject:7 username:alice]" || len(a.Sessions) != 2 || a.Sessions[0]["this_browser"] != true || a.Sessions[1]["id"] != "bbbb" ||
		a.Sessions[1]["last_seen"] != "2026-11-26T11:59:00Z" || a.More != 3 {
		t.Errorf("got %s", w.Body)
	}
	if all := got.Account.Applications; len(all) != 2 || all[0].Name != "home" || *all[0].Headers["Remote-Groups"] != "admins,users" || *all[0].Headers["Remote-Email"] != "" {
		t.Errorf("what applications are told: %s", w.Body)
	} else if hidden, there := all[1].Headers["Authorization"]; !there || hidden != nil {
		t.Errorf("what is hidden: %s", w.Body)
	}
	w = write(t, page.Data{Status: 403, Reason: "not_allowed"}, "Accept", "application/json")
	if strings.Contains(w.Body.String(), "account\":") {
		t.Errorf("another page has it: %s", w.Body)
	}
}

// What browsers and providers call themselves cannot become part of the page.
func TestAccountHostile(t *testing.T) {
	d := account()
	const hostile = "<script>alert(1)</script>\u202e\"'>" + "\x00"
	d.Account.Told = []page.Told{{Application: hostile, Headers: []page.Header{{Name: hostile, Value: hostile}}}}
	d.Account.Places[1] = page.Place{ID: hostile, Application: hostile, Provider: hostile, Device: hostile, Address: hostile, Created: now.Add(time.Hour), EndURL: "javascript:alert(1)"}
	d.Account.OthersURL = "//evil.test/"
	body := write(t, d, "Accept", "text/html").Body.String()
	if strings.Contains(body, "<script") || strings.Contains(body, "\u202e") || strings.Contains(body, "javascript:") || strings.Contains(body, "evil.test") {
		t.Errorf("page:\n%s", body)
	}
	if found := regexp.MustCompile(`\son[a-z]+=|<img|<iframe`).FindString(body); found != "" {
		t.Errorf("it has %q", found)
	}
	if strings.Count(body, "<form") != 1 {
		t.Error("a form whose address is hostile is there")
	}
}

// Another page leaves the account out, whatever it is given.
func TestAccountIsOfItsPageAlone(t *testing.T) {
	d := account()
	d.Reason, d.Status = "not_allowed", 403
	if body := write(t, d, "Accept", "text/html").Body.String(); strings.Contains(body, "wiki") {
		t.Error("the page for somebody who is not allowed tells of their account")
	}
}

package auth_test

// Rows about how a person has proved who they are: what the application asks
// for (acr_values, max_age, prompt), and what the provider says came of it.

import (
	"slices"
	"strings"
	"time"

	"outpost/auth"
)

// twice are the requests of a sign-in and a stepped-up one after it.
const twice = everything + " token userinfo"

// proved opens the page of the vault; says are the claims of the ID token at the
// nth sign-in.
func proved(says func(n int, c map[string]any)) func(*scene) {
	return func(sc *scene) {
		sc.provider.claims = func(c map[string]any) { says(len(sc.provider.asked), c) }
		sc.story = func() { sc.visit("https://vault.example.org/x") }
		sc.check = func() {
			sc.provider.mu.Lock()
			defer sc.provider.mu.Unlock()
			for i, q := range sc.provider.asked {
				if q.Get("max_age") != "3600" || q.Get("acr_values") != "phr phrh" {
					sc.t.Errorf("request %d asks for %v", i, q)
				}
				if prompt := map[bool]string{true: "login"}[i > 0]; q.Get("prompt") != prompt {
					sc.t.Errorf("request %d has prompt %q, want %q", i, q.Get("prompt"), prompt)
				}
			}
		}
	}
}

func stepUpRows() []row {
	const (
		authTime = "OpenID Connect Core §3.1.3.7 no. 13"
		acr      = "OpenID Connect Core §3.1.3.7 no. 12"
		amr      = "RFC 8176 §1"
	)
	enough := func(c map[string]any) {
		c["amr"], c["acr"], c["auth_time"] = []string{"pwd", "mfa"}, "phr", time.Now().Unix()
	}
	set := func(name string, value func() any) func(*scene) {
		return proved(func(_ int, c map[string]any) {
			enough(c)
			if c[name] = value(); c[name] == nil {
				delete(c, name)
			}
		})
	}
	ago := func(d time.Duration) func() any { return func() any { return time.Now().Add(-d).Unix() } }
	is := func(v any) func() any { return func() any { return v } }
	lacking := auth.InsufficientAuthentication
	return []row{
		{"enough", acr, "", proved(func(_ int, c map[string]any) { enough(c) }), auth.SignedIn, everything},
		{"enough-when-asked-again", "RFC 9470 §5", "", proved(func(n int, c map[string]any) {
			if enough(c); n == 1 {
				c["amr"] = []string{"pwd"}
			}
		}), auth.SignedIn, twice},
		{"recent-when-asked-again", "RFC 9470 §5", "", proved(func(n int, c map[string]any) {
			if enough(c); n == 1 {
				c["auth_time"] = time.Now().Add(-3 * time.Hour).Unix()
			}
		}), auth.SignedIn, twice},
		{"asked-for-once-only", "RFC 9470 §5", "", proved(func(n int, c map[string]any) {
			if enough(c); n < 3 {
				c["amr"] = []string{"pwd"}
			}
		}), lacking, twice},
		{"other-methods", amr, "", set("amr", is([]string{"pwd", "sms"})), lacking, twice},
		{"no-methods", amr, "", set("amr", is(nil)), lacking, twice},
		{"empty-methods", amr, "", set("amr", is([]string{})), lacking, twice},
		{"methods-as-one-string", amr, "", set("amr", is("hwk")), auth.SignedIn, everything},
		{"methods-joined", amr, "", set("amr", is("pwd mfa")), lacking, twice},
		{"methods-as-an-object", amr, "", set("amr", is(map[string]any{"mfa": true})), lacking, twice},
		{"method-by-case", amr, "", set("amr", is([]string{"MFA"})), lacking, twice},
		{"another-class", acr, "", set("acr", is("0")), lacking, twice},
		{"no-class", acr, "", set("acr", is(nil)), lacking, twice},
		{"class-in-a-list", acr, "", set("acr", is([]string{"phr"})), lacking, twice},
		{"second-best-class", acr, "", set("acr", is("phrh")), auth.SignedIn, everything},
		{"long-ago", authTime, "", set("auth_time", ago(61*time.Minute+time.Second)), lacking, twice},
		{"as-long-ago-as-it-may-be-and-the-clocks-differ", authTime, "", set("auth_time", ago(61*time.Minute)), auth.SignedIn, everything},
		{"no-auth-time", authTime, "", set("auth_time", is(nil)), lacking, twice},
		{"auth-time-as-text", authTime, "", set("auth_time", func() any { return time.Now().Format(time.RFC3339) }), lacking, twice},
		{"auth-time-zero", authTime, "", set("auth_time", is(0)), lacking, twice},
		{"auth-time-with-a-fraction", authTime, "", set("auth_time", func() any { return float64(time.Now().Unix()) + .5 }), auth.SignedIn, everything},
		{"auth-time-ahead-of-our-clock", authTime, "", set("auth_time", ago(-2*time.Minute)), auth.TokenInvalid, exchanged},
		{"auth-time-in-milliseconds", authTime, "", set("auth_time", func() any { return time.Now().UnixMilli() }), lacking, twice},
		{"userinfo-says-more-than-the-token", acr, "", func(sc *scene) {
			set("acr", is("0"))(sc)
			sc.provider.userinfo = func(c map[string]any) { c["acr"], c["amr"], c["auth_time"] = "phr", []string{"mfa"}, time.Now().Unix() }
		}, lacking, twice},
		{"page-names-what-is-missing", acr, "", func(sc *scene) {
			set("acr", is("bronze"))(sc)
			check := sc.check
			sc.check = func() {
				check()
				text := body(sc.alice.visit("https://vault.example.org/x"))
				missing := []string{"phr, phrh", "bronze", "Alice Ädmin", "step_up=1", "switch=1"}
				if i := slices.IndexFunc(missing, func(m string) bool { return !strings.Contains(text, m) }); i >= 0 {
					sc.t.Errorf("the page does not say %s:\n%s", missing[i], text)
				}
				if strings.Contains(text, "mfa, hwk") {
					sc.t.Errorf("the page names what is not missing:\n%s", text)
				}
			}
		}, lacking, twice},
	}
}

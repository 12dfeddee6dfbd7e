package access_test

import (
	"strings"
	"testing"

	"outpost/access"
	"outpost/session"
)

func TestAllows(t *testing.T) {
	all := access.Lists{
		Groups: []string{"admins", "home users"}, Users: []string{"alice"}, Emails: []string{"Bob@Example.org"}, EmailDomains: []string{"Company.com"},
	}
	gaps := access.Lists{Groups: []string{""}, Users: []string{""}, Emails: []string{""}, EmailDomains: []string{""}}

	for _, tt := range []struct {
		name   string
		policy access.Policy
		id     session.Identity
		want   bool
	}{
		{"everyone", access.Everyone(), session.Identity{Subject: "x"}, true},
		{"nobody-by-default", access.Policy{}, session.Identity{Subject: "x", Username: "alice", Groups: []string{"admins"}}, false},
		{"empty-lists-let-nobody-in", access.Allow(access.Lists{}), session.Identity{Username: "alice", Groups: []string{"admins"}, Email: "a@b.c", EmailVerified: true}, false},

		{"group", access.Allow(all), session.Identity{Groups: []string{"users", "admins"}}, true},
		{"group-with-a-space", access.Allow(all), session.Identity{Groups: []string{"home users"}}, true},
		{"other-group", access.Allow(all), session.Identity{Groups: []string{"users"}}, false},
		{"no-groups", access.Allow(all), session.Identity{}, false},
		{"group-by-case", access.Allow(all), session.Identity{Groups: []string{"Admins"}}, false},
		{"group-with-the-join-character", access.Allow(all), session.Identity{Groups: []string{"x|admins", "admins|x", "users,admins"}}, false},
		{"group-with-an-edge", access.Allow(all), session.Identity{Groups: []string{" admins", "admins "}}, false},
		{"part-of-a-group", access.Allow(all), session.Identity{Groups: []string{"admin", "adminsx"}}, false},
		{"group-as-an-entitlement", access.Allow(all), session.Identity{Entitlements: []string{"admins"}}, false},
		{"empty-group-and-empty-name-in-the-list", access.Allow(gaps), session.Identity{Groups: []string{""}}, false},

		{"user", access.Allow(all), session.Identity{Username: "alice"}, true},
		{"user-by-case", access.Allow(all), session.Identity{Username: "Alice"}, false},
		{"name-is-no-user", access.Allow(all), session.Identity{Name: "alice", Subject: "alice"}, false},
		{"empty-user-and-empty-name-in-the-list", access.Allow(gaps), session.Identity{}, false},

		{"email", access.Allow(all), session.Identity{Email: "bob@example.org", EmailVerified: true}, true},
		{"email-by-case", access.Allow(all), session.Identity{Email: "BOB@EXAMPLE.ORG", EmailVerified: true}, true},
		{"email-not-verified", access.Allow(all), session.Identity{Email: "bob@example.org"}, false},
		{"email-of-another", access.Allow(all), session.Identity{Email: "bob@example.net", EmailVerified: true}, false},
		{"email-with-the-kelvin-sign", access.Allow(access.Lists{Emails: []string{"kim@example.org"}, EmailDomains: []string{"kim.org"}}), session.Identity{Email: "\u212aim@example.org", EmailVerified: true}, false},
		{"domain-with-the-kelvin-sign", access.Allow(access.Lists{EmailDomains: []string{"kim.org"}}), session.Identity{Email: "a@\u212aim.org", EmailVerified: true}, false},
		{"empty-email-and-empty-name-in-the-list", access.Allow(gaps), session.Identity{EmailVerified: true}, false},

		{"domain", access.Allow(all), session.Identity{Email: "anybody@company.com", EmailVerified: true}, true},
		{"domain-by-case", access.Allow(all), session.Identity{Email: "anybody@COMPANY.com", EmailVerified: true}, true},
		{"domain-with-letters-outside-ascii-before-it", access.Allow(all), session.Identity{Email: "jörg@company.com", EmailVerified: true}, true},
		{"domain-not-verified", access.Allow(all), session.Identity{Email: "anybody@company.com"}, false},
		{"domain-below", access.Allow(all), session.Identity{Email: "x@sub.company.com", EmailVerified: true}, false},
		{"domain-without-label-border", access.Allow(all), session.Identity{Email: "x@evilcompany.com", EmailVerified: true}, false},
		{"domain-as-label", access.Allow(all), session.Identity{Email: "x@company.com.evil.test", EmailVerified: true}, false},
		{"domain-with-trailing-dot", access.Allow(all), session.Identity{Email: "x@company.com.", EmailVerified: true}, false},
		{"two-at-signs", access.Allow(all), session.Identity{Email: "attacker@evil.test@company.com", EmailVerified: true}, false},
		{"two-at-signs-to-the-letter", access.Allow(access.Lists{Emails: []string{"x@evil.test@company.com"}}), session.Identity{Email: "x@evil.test@company.com", EmailVerified: true}, false},
		{"two-at-signs-the-other-way", access.Allow(all), session.Identity{Email: "x@company.com@evil.test", EmailVerified: true}, false},
		{"quoted-local-part", access.Allow(all), session.Identity{Email: `"x@evil.test"@company.com`, EmailVerified: true}, false},
		{"quotes-without-at", access.Allow(all), session.Identity{Email: `"x"@company.com`, EmailVerified: true}, false},
		{"escaped-at", access.Allow(all), session.Identity{Email: `x\@company.com`, EmailVerified: true}, false},
		{"space", access.Allow(all), session.Identity{Email: "x y@company.com", EmailVerified: true}, false},
		{"space-after", access.Allow(all), session.Identity{Email: "x@company.com ", EmailVerified: true}, false},
		{"line-end", access.Allow(all), session.Identity{Email: "x\n@company.com", EmailVerified: true}, false},
		{"no-local-part", access.Allow(all), session.Identity{Email: "@company.com", EmailVerified: true}, false},
		{"no-domain", access.Allow(access.Lists{Emails: []string{"x@"}}), session.Identity{Email: "x@", EmailVerified: true}, false},
		{"no-at-sign", access.Allow(all), session.Identity{Email: "company.com", EmailVerified: true}, false},
		{"domain-is-no-email", access.Allow(access.Lists{Emails: []string{"company.com"}}), session.Identity{Email: "x@company.com", EmailVerified: true}, false},
		{"email-is-no-domain", access.Allow(access.Lists{EmailDomains: []string{"x@company.com"}}), session.Identity{Email: "x@company.com", EmailVerified: true}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.policy.Allows(&tt.id); got != tt.want {
				t.Errorf("Allows is %v, want %v", got, tt.want)
			}
		})
	}
}

// The lists are the caller's: changing one later changes no policy.
func TestAllowKeepsNoList(t *testing.T) {
	groups := []string{"admins"}
	policy := access.Allow(access.Lists{Groups: groups})
	groups[0] = "users"
	if !policy.Allows(&session.Identity{Groups: []string{"admins"}}) || policy.Allows(&session.Identity{Groups: []string{"users"}}) {
		t.Error("the policy changed with the list")
	}
}

// An address that a domain lets in is read by every mail parser as being of
// that domain: it has one "@", and the domain stands behind it.
func FuzzEmailDomain(f *testing.F) {
	for _, email := range []string{"x@company.com", "a@b@company.com", `"a@b"@company.com`, "x@company.com.", "\u212a@COMPANY.com", "x@company.com@"} {
		f.Add(email)
	}
	policy := access.Allow(access.Lists{EmailDomains: []string{"company.com"}})
	f.Fuzz(func(t *testing.T, email string) {
		if !policy.Allows(&session.Identity{Email: email, EmailVerified: true}) {
			return
		}
		if strings.Count(email, "@") != 1 || len(email) < len("x@company.com") || !strings.EqualFold(email[len(email)-len("@company.com"):], "@company.com") || strings.ContainsAny(email, "\" \\\t\r\n") {
			t.Errorf("%q is let in", email)
		}
	})
}

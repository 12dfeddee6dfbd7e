package access_test

import (
	"testing"

	"outpost/access"
	"outpost/session"
)

func TestConditions(t *testing.T) {
	type lists = access.Lists
	in := func(groups ...string) lists { return lists{Groups: groups} }
	claims := func(name string, values ...string) lists { return lists{Claims: map[string][]string{name: values}} }
	guest := lists{Users: []string{"guest"}}
	ada := session.Identity{
		Username: "ada", Groups: []string{"ops", "users"}, Email: "ada@example.com", EmailVerified: true,
		Claims: map[string][]string{"department": {"it", "lab"}, "empty": {""}, "level": {"3"}},
	}
	unverified := session.Identity{Username: "mallory", Groups: []string{"users"}, Email: "Mallory@Evil.test"}
	quoted := session.Identity{Groups: []string{"users"}, Email: "x@evil.test@example.com ", EmailVerified: true}

	for _, tt := range []struct {
		name  string
		lists lists
		id    session.Identity
		want  bool
	}{
		{"claim", claims("department", "hr", "it"), ada, true},
		{"claim-that-is-a-list", claims("department", "lab"), ada, true},
		{"claim-of-another-value", claims("department", "hr"), ada, false},
		{"claim-by-case", claims("department", "IT"), ada, false},
		{"claim-of-another-name", claims("Department", "it"), ada, false},
		{"claim-that-is-missing", claims("office", "it", ""), ada, false},
		{"empty-claim-and-empty-value", claims("empty", ""), ada, false},
		{"one-of-two-claims", lists{Claims: map[string][]string{"office": {"x"}, "level": {"3"}}}, ada, true},
		{"claims-without-values", claims("department"), ada, false},
		{"claim-beside-a-group", lists{Groups: []string{"none"}, Claims: map[string][]string{"level": {"3"}}}, ada, true},

		{"any", lists{Any: []lists{in("none"), in("ops")}}, ada, true},
		{"any-of-none", lists{Any: []lists{in("none"), in("other")}}, ada, false},
		{"any-without-entries", lists{Any: []lists{}}, ada, false},
		{"any-beside-a-group", lists{Groups: []string{"ops"}, Any: []lists{in("none")}}, ada, true},
		{"all", lists{All: []lists{in("ops"), claims("level", "3"), {EmailDomains: []string{"example.com"}}}}, ada, true},
		{"all-but-one", lists{All: []lists{in("ops"), claims("level", "4")}}, ada, false},
		{"all-without-entries", lists{All: []lists{}}, ada, false},
		{"all-with-an-empty-entry", lists{All: []lists{in("ops"), {}}}, ada, false},
		{"all-beside-a-group", lists{Groups: []string{"ops"}, All: []lists{in("none")}}, ada, true},
		{"any-of-all", lists{Any: []lists{in("admins"), {All: []lists{in("ops"), {EmailDomains: []string{"example.com"}}}}}}, ada, true},

		{"not-alone", lists{Not: &guest}, ada, true},
		{"not-alone-and-excluded", lists{Not: &guest}, session.Identity{Username: "guest"}, false},
		{"not-alone-without-a-name", lists{Not: &guest}, session.Identity{}, true},
		{"not-of-nobody", lists{Not: &lists{}}, ada, true},
		{"not-beside-a-group", lists{Groups: []string{"ops"}, Not: &guest}, ada, true},
		{"not-beside-another-group", lists{Groups: []string{"none"}, Not: &guest}, ada, false},
		{"not-beside-an-empty-list", lists{Groups: []string{}, Not: &guest}, ada, false},
		{"not-beside-an-empty-name", lists{Groups: []string{""}, Not: &guest}, ada, false},
		{"not-beside-empty-claims", lists{Claims: map[string][]string{}, Not: &guest}, ada, false},
		{"not-beside-an-empty-any", lists{Any: []lists{}, Not: &guest}, ada, false},
		{"not-beside-an-empty-all", lists{All: []lists{}, Not: &guest}, ada, false},
		{"not-over-a-group", lists{Groups: []string{"ops"}, Not: &lists{Groups: []string{"users"}}}, ada, false},
		{"not-over-all", lists{Groups: []string{"ops"}, Not: &lists{All: []lists{in("users"), in("guests")}}}, ada, true},
		{"not-of-not", lists{Not: &lists{Not: &lists{Groups: []string{"ops"}}}}, ada, true},
		{"not-of-not-of-others", lists{Not: &lists{Not: &lists{Groups: []string{"none"}}}}, ada, false},
		{"not-inside-any", lists{Any: []lists{{Not: &guest}}}, ada, true},

		{"excluded-by-an-address-that-is-not-verified", lists{Not: &lists{Emails: []string{"mallory@evil.test"}}}, unverified, false},
		{"excluded-by-a-domain-that-is-not-verified", lists{Not: &lists{EmailDomains: []string{"EVIL.test"}}}, unverified, false},
		{"let-in-by-an-address-that-is-not-verified", lists{Emails: []string{"mallory@evil.test"}}, unverified, false},
		{"let-in-inside-two-nots", lists{Not: &lists{Not: &lists{Emails: []string{"mallory@evil.test"}}}}, unverified, false},
		{"excluded-by-the-first-of-two-domains", lists{Not: &lists{EmailDomains: []string{"example.com"}}}, quoted, false},
		{"excluded-by-both-domains-together", lists{Not: &lists{EmailDomains: []string{"evil.test@example.com"}}}, quoted, false},
		{"excluded-by-the-whole-of-two-domains", lists{Not: &lists{Emails: []string{"x@evil.test@example.com"}}}, quoted, false},
		{"not-excluded-by-another-domain", lists{Not: &lists{EmailDomains: []string{"ample.com"}}}, quoted, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			policy := access.Allow(tt.lists)
			if got := policy.Allows(&tt.id); got != tt.want {
				t.Errorf("Allows is %v, want %v", got, tt.want)
			}
		})
	}
}

// The map is the caller's: changing it later changes no policy.
func TestAllowKeepsNoMap(t *testing.T) {
	claims := map[string][]string{"department": {"it"}}
	policy := access.Allow(access.Lists{Claims: claims, All: []access.Lists{{}}})
	claims["department"][0] = "hr"
	claims["office"] = []string{"x"}
	if !policy.Allows(&session.Identity{Claims: map[string][]string{"department": {"it"}}}) ||
		policy.Allows(&session.Identity{Claims: map[string][]string{"department": {"hr"}, "office": {"x"}}}) {
		t.Error("the policy changed with the map")
	}
}

package access_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/access"
)

func TestLacks(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	second := access.Requirement{AMR: []string{"mfa", "hwk"}}
	strong := access.Requirement{ACR: []string{"phr", "phrh"}}
	recent := access.Requirement{MaxAge: time.Hour}
	all := access.Requirement{AMR: second.AMR, ACR: strong.ACR, MaxAge: time.Hour}

	for _, tt := range []struct {
		name    string
		require access.Requirement
		proof   access.Proof
		want    []access.Lack
	}{
		{"nothing-required", access.Requirement{}, access.Proof{}, nil},
		{"empty-lists-require-nothing", access.Requirement{AMR: []string{}, ACR: []string{}}, access.Proof{}, nil},

		{"one-of-the-methods", second, access.Proof{AMR: []string{"pwd", "hwk"}}, nil},
		{"another-method", second, access.Proof{AMR: []string{"pwd"}}, []access.Lack{access.LackOfAMR}},
		{"no-methods", second, access.Proof{}, []access.Lack{access.LackOfAMR}},
		{"method-by-case", second, access.Proof{AMR: []string{"MFA"}}, []access.Lack{access.LackOfAMR}},
		{"part-of-a-method", second, access.Proof{AMR: []string{"mfa2", "mf"}}, []access.Lack{access.LackOfAMR}},

		{"one-of-the-classes", strong, access.Proof{ACR: "phrh"}, nil},
		{"another-class", strong, access.Proof{ACR: "0"}, []access.Lack{access.LackOfACR}},
		{"no-class", strong, access.Proof{}, []access.Lack{access.LackOfACR}},
		{"no-class-and-an-empty-one-in-the-list", access.Requirement{ACR: []string{""}}, access.Proof{}, []access.Lack{access.LackOfACR}},
		{"class-among-the-methods", strong, access.Proof{AMR: []string{"phr"}}, []access.Lack{access.LackOfACR}},

		{"just-now", recent, access.Proof{Time: now}, nil},
		{"to-the-second", recent, access.Proof{Time: now.Add(-time.Hour)}, nil},
		{"a-second-late", recent, access.Proof{Time: now.Add(-time.Hour - time.Second)}, []access.Lack{access.LackOfTime}},
		{"no-time", recent, access.Proof{}, []access.Lack{access.LackOfTime}},

		{"everything-met", all, access.Proof{AMR: []string{"mfa"}, ACR: "phr", Time: now}, nil},
		{"everything-lacks", all, access.Proof{}, []access.Lack{access.LackOfAMR, access.LackOfACR, access.LackOfTime}},
		{"one-of-three-lacks", all, access.Proof{AMR: []string{"mfa"}, ACR: "0", Time: now}, []access.Lack{access.LackOfACR}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.require.Lacks(tt.proof, now)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A check of somebody who has proved enough allocates nothing.
func TestLacksAllocatesNothing(t *testing.T) {
	now := time.Now()
	require := access.Requirement{AMR: []string{"mfa"}, ACR: []string{"phr"}, MaxAge: time.Hour}
	proof := access.Proof{AMR: []string{"pwd", "mfa"}, ACR: "phr", Time: now}
	if n := testing.AllocsPerRun(100, func() {
		if require.Lacks(proof, now) != nil {
			t.Fatal("it lacks something")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

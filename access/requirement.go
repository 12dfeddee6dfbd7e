package access

import (
	"slices"
	"time"
)

// Requirement says how, and how recently, a person must have proved who they
// are. All that is set has to hold; within a list one entry is enough. The zero
// value requires nothing.
type Requirement struct {
	AMR    []string      // authentication methods (RFC 8176), compared byte for byte
	ACR    []string      // authentication context classes, compared byte for byte
	MaxAge time.Duration // since the person last proved it; 0 for however long
}

// Proof is how a person proved to the provider who they are, as far as it said.
type Proof struct {
	AMR  []string  // amr; nil if it did not say
	ACR  string    // acr; "" if it did not say
	Time time.Time // auth_time; zero if it did not say
}

// Lack is one thing that a requirement asks for and a proof does not give, by
// the name of the claim that would say it.
type Lack string

// The lacks, in the order in which Lacks returns them.
const (
	LackOfAMR  Lack = "amr"
	LackOfACR  Lack = "acr"
	LackOfTime Lack = "auth_time"
)

// Lacks returns what r asks for and p does not give at now; nil if r is met.
// What the provider did not say is lacking.
func (r *Requirement) Lacks(p Proof, now time.Time) []Lack {
	var lacks []Lack
	if len(r.AMR) > 0 && !slices.ContainsFunc(p.AMR, func(method string) bool { return slices.Contains(r.AMR, method) }) {
		lacks = append(lacks, LackOfAMR)
	}
	if len(r.ACR) > 0 && (p.ACR == "" || !slices.Contains(r.ACR, p.ACR)) {
		lacks = append(lacks, LackOfACR)
	}
	if r.MaxAge > 0 && (p.Time.IsZero() || now.Sub(p.Time) > r.MaxAge) {
		lacks = append(lacks, LackOfTime)
	}
	return lacks
}

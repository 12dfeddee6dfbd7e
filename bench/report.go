package main

// What the rounds come to: medians, and ratios.

import (
	"cmp"
	"slices"
	"time"
)

// quiet is the share of the machine that others may use before the figures are
// not to be relied on.
const quiet = 0.05

// row is one server's rounds in one mode.
type row struct {
	server string
	rounds []figures
}

// median takes each figure's own median, so that one disturbed round moves
// none of them. Counts are sums.
func (r row) median() figures {
	m := figures{
		perSecond: middle(r.rounds, func(f figures) float64 { return f.perSecond }),
		cpu:       middle(r.rounds, func(f figures) time.Duration { return f.cpu }),
		p50:       middle(r.rounds, func(f figures) time.Duration { return f.p50 }),
		p99:       middle(r.rounds, func(f figures) time.Duration { return f.p99 }),
		others:    middle(r.rounds, func(f figures) float64 { return f.others }),
	}
	for _, f := range r.rounds {
		m.requests += f.requests
		m.not2xx += f.not2xx
		m.broken += f.broken
	}
	return m
}

// middle is the median of what of says of the rounds; of an even number, the
// lower of the two in the middle.
func middle[R any, T cmp.Ordered](rounds []R, of func(R) T) T {
	values := make([]T, len(rounds))
	for i, r := range rounds {
		values[i] = of(r)
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}

// ratio is how many times the CPU time of base the server takes for a request:
// the median of the rounds' own ratios. Both sides of each were taken within
// seconds, so that a machine which is slower for a minute is so for both.
func ratio(rows []row, server, base string) float64 {
	of, to := rowOf(rows, server).rounds, rowOf(rows, base).rounds
	ratios := make([]float64, len(of))
	for i := range of {
		ratios[i] = float64(of[i].cpu) / float64(to[i].cpu)
	}
	return middle(ratios, func(r float64) float64 { return r })
}

func rowOf(rows []row, server string) row {
	return rows[slices.IndexFunc(rows, func(r row) bool { return r.server == server })]
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

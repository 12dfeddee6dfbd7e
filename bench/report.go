package main

// What the rounds come to: medians, and ratios to the floor and the limit.

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// target is how much dearer than the floor a check may be, in CPU time.
const target = 1.10

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

// table prints one mode: a line for each server, with its CPU time as a
// multiple of each base's.
func table(w io.Writer, mode string, rows []row, bases []string) {
	fmt.Fprintf(w, "\n%s\n\n", mode)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\tCPU µs\trequests/s\tp50 µs\tp99 µs\tanswers\tnot 2xx\tbroken\tothers\t")
	for _, base := range bases {
		fmt.Fprintf(t, "/ %s\t", base)
	}
	fmt.Fprintln(t)
	for _, r := range rows {
		m := r.median()
		fmt.Fprintf(t, "%s\t%.1f\t%.0f\t%d\t%d\t%d\t%d\t%d\t%.0f %%\t", r.server, microseconds(m.cpu), m.perSecond,
			m.p50.Microseconds(), m.p99.Microseconds(), m.requests, m.not2xx, m.broken, 100*m.others)
		for _, base := range bases {
			fmt.Fprintf(t, "%.2f\t", ratio(rows, r.server, base))
		}
		fmt.Fprintln(t)
	}
	t.Flush()
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

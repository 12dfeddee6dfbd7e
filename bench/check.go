package main

// The check asked directly, over connections that stay, as our own nginx
// includes have them, and over one for each check, as SWAG's do. In interleaved
// rounds, since the machine is not the same from one minute to the next.

import (
	"context"
	"fmt"
	"time"
)

// mode is how long a connection lives, and how much of what nginx's `return 204`
// takes a check may.
type mode struct {
	name      string
	keepAlive bool
	target    float64
}

var modes = []mode{{"keep-alive", true, 1.3}, {"Connection: close", false, 0.8}}

// checks measures the check against the floor and the limit.
func checks(ctx context.Context, ask load, folder string, rounds int) ([]bars, []*sheet, error) {
	servers, headers, err := startAll(ctx, folder)
	for _, s := range servers {
		defer s.stop()
	}
	if err != nil {
		return nil, nil, err
	}
	ask.headers, ask.path = headers, checkPath
	results, err := measure(ctx, ask, servers, rounds)
	if err != nil {
		return nil, nil, err
	}
	var sheets []*sheet
	var groups []bars
	wrong := 0
	for i, mode := range modes {
		s, w := modeSheet(mode, results[i])
		sheets, wrong = append(sheets, s), wrong+w
		g := bars{title: mode.name}
		for _, name := range []string{outpostName, limitName, floorName} {
			g.names, g.µs = append(g.names, name), append(g.µs, microseconds(rowOf(results[i], name).median().cpu))
		}
		groups = append(groups, g)
	}
	if wrong > 0 {
		return nil, nil, fmt.Errorf("%d requests did not end with a 2xx: the figures say nothing", wrong)
	}
	return groups, sheets, nil
}

// measure takes all rounds: each server once in each mode, then all over again,
// beginning with the next, so that none always comes first. The rows of
// results[i] are those of modes[i], in the servers' order.
func measure(ctx context.Context, ask load, servers []*server, rounds int) ([][]row, error) {
	results := make([][]row, len(modes))
	for i := range results {
		for _, s := range servers {
			results[i] = append(results[i], row{server: s.name})
		}
	}
	warm := ask
	warm.duration = time.Second
	for round := range rounds {
		for i, mode := range modes {
			for j := range servers {
				j = (j + round) % len(servers)
				s := servers[j]
				if round == 0 {
					if _, err := warm.run(ctx, s, mode.keepAlive); err != nil {
						return nil, err
					}
				}
				f, err := ask.run(ctx, s, mode.keepAlive)
				if err != nil {
					return nil, err
				}
				results[i][j].rounds = append(results[i][j].rounds, f)
			}
		}
	}
	return results, nil
}

// modeSheet is the table of one mode, and how many answers were wrong.
func modeSheet(mode mode, rows []row) (s *sheet, wrong int) {
	s = &sheet{title: "A check, " + mode.name, columns: []string{"CPU µs", "/ nginx return 204", "/ floor", "requests/s", "p50 µs", "p99 µs"}}
	others := 0.0
	for _, r := range rows {
		m := r.median()
		s.add(r.server, fmt.Sprintf("%.1f", microseconds(m.cpu)), fmt.Sprintf("%.2f", ratio(rows, r.server, limitName)), fmt.Sprintf("%.2f", ratio(rows, r.server, floorName)),
			fmt.Sprintf("%.0f", m.perSecond), fmt.Sprint(m.p50.Microseconds()), fmt.Sprint(m.p99.Microseconds()))
		wrong += m.not2xx + m.broken
		others = max(others, m.others)
	}
	s.notes = append(s.notes, verdict("With "+mode.name, ratio(rows, outpostName, limitName), mode.target, "nginx `return 204`"))
	if others > quiet {
		s.notes = append(s.notes, fmt.Sprintf("Something else used %.0f %% of the machine meanwhile: measure again when it is quiet.", 100*others))
	}
	return s, wrong
}

// verdict says whether a target holds.
func verdict(what string, ratio, target float64, of string) string {
	holds := "holds"
	if ratio > target {
		holds = "does not hold"
	}
	return fmt.Sprintf("%s a check is to take at most %.1f times the CPU time of %s: it takes %.2f times, so the target %s.", what, target, of, ratio, holds)
}

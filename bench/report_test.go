package main

import (
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	tests := []struct {
		name   string
		rounds []float64
		want   float64
	}{
		{"one-round", []float64{7}, 7},
		{"odd-rounds-unsorted", []float64{9, 1, 5}, 5},
		{"even-rounds-take-the-lower", []float64{4, 1, 3, 2}, 2},
		{"one-disturbed-round-moves-nothing", []float64{10, 11, 9000}, 11},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r row
			for _, perSecond := range tt.rounds {
				r.rounds = append(r.rounds, figures{perSecond: perSecond, requests: 10, not2xx: 1})
			}
			m := r.median()
			if m.perSecond != tt.want {
				t.Errorf("median of %v: got %v, want %v", tt.rounds, m.perSecond, tt.want)
			}
			if n := len(tt.rounds); m.requests != 10*n || m.not2xx != n {
				t.Errorf("sums over %d rounds: got %d requests, %d not 2xx", n, m.requests, m.not2xx)
			}
		})
	}
}

// A machine that is slow in one round is so for both, and moves no ratio.
func TestRatioIsTheRounds(t *testing.T) {
	rows := []row{
		{"outpost", []figures{{cpu: 36 * time.Microsecond}, {cpu: 72 * time.Microsecond}, {cpu: 12 * time.Microsecond}}},
		{"floor", []figures{{cpu: 30 * time.Microsecond}, {cpu: 60 * time.Microsecond}, {cpu: 20 * time.Microsecond}}},
	}
	if got := ratio(rows, "outpost", "floor"); got != 1.2 {
		t.Errorf("got %v, want 1.2", got)
	}
}

// Rows of the bench's own four servers become a table that says what holds.
func TestModeSheet(t *testing.T) {
	took := func(µs, not2xx int) []figures {
		return []figures{{cpu: time.Duration(µs) * time.Microsecond, requests: 10, not2xx: not2xx}}
	}
	rows := []row{{outpostName, took(24, 0)}, {floorName, took(60, 0)}, {limitName, took(30, 2)}}
	s, wrong := modeSheet(mode{"keep-alive", true, 0.7}, rows)
	var out strings.Builder
	s.text(&out)
	s.markdown(&out)
	for _, want := range []string{"keep-alive", "24.0", "60.0", "0.80", "0.40", "| bare net/http | 60.0 | 2.00 | 1.00 |", "at most 0.7 times", "does not hold"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, out.String())
		}
	}
	if wrong != 2 {
		t.Errorf("wrong answers: got %d, want 2", wrong)
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		name   string
		output string
		want   figures
		fails  bool
	}{
		{
			name:   "between-wrk-s-own-lines",
			output: "Running 2s test\nfigures requests=200 microseconds=2000000 not_2xx=3 broken=1 p50=814 p99=15435\nDone\n",
			want: figures{requests: 200, perSecond: 100, not2xx: 3, broken: 1,
				p50: 814 * time.Microsecond, p99: 15435 * time.Microsecond},
		},
		{name: "no-line", output: "Running 2s test\n", fails: true},
		{name: "nothing-answered", output: "figures requests=0 microseconds=2000000 not_2xx=0 broken=64 p50=0 p99=0\n", fails: true},
		{name: "number-too-large", output: "figures requests=99999999999999999999 microseconds=1 not_2xx=0 broken=0 p50=0 p99=0\n", fails: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parse([]byte(tt.output))
			if (err != nil) != tt.fails {
				t.Fatalf("parse: error %v, want one: %v", err, tt.fails)
			}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAnswersOf(t *testing.T) {
	tests := []struct {
		name  string
		csv   string
		want  []time.Duration
		fails bool
	}{
		{name: "answers", csv: "1,200,1500,0,0,,,0\n2,204,2500,0,0,,,1\n", want: []time.Duration{1500, 2500}},
		{name: "redirect-is-no-answer", csv: "1,302,1500,0,0,,,0\n", want: []time.Duration{0}},
		{name: "none-came", csv: "1,0,1500,0,0,refused,,0\n", want: []time.Duration{0}},
		{name: "nothing-asked", csv: "", fails: true},
		{name: "no-status", csv: "1,x,1500\n", fails: true},
		{name: "no-time", csv: "1,200,x\n", fails: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := answersOf(strings.NewReader(tt.csv))
			if (err != nil) != tt.fails {
				t.Fatalf("error %v, want one: %v", err, tt.fails)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPercentile(t *testing.T) {
	var p pace
	for i := 1000; i > 0; i-- {
		p.add([]time.Duration{time.Duration(i)})
	}
	p.add([]time.Duration{0})
	for q, want := range map[float64]time.Duration{.5: 501, .99: 991, .999: 1000, 1: 1000} {
		if got := p.percentile(q); got != want {
			t.Errorf("%v: got %d, want %d", q, got, want)
		}
	}
	if p.wrong != 1 {
		t.Errorf("wrong answers: got %d, want 1", p.wrong)
	}
}

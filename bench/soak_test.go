package main

import (
	"io"
	"strings"
	"testing"
)

func TestBounded(t *testing.T) {
	flat := func(last sample) []sample {
		var all []sample
		for range 60 {
			all = append(all, sample{20_000, 70, 50, 3000, 1500})
		}
		for range 30 {
			all = append(all, last)
		}
		return all
	}
	tests := []struct {
		name    string
		samples []sample
		want    string // in the error; "" for none
	}{
		{"flat", flat(sample{20_000, 70, 50, 3000, 1500}), ""},
		{"a-little-more", flat(sample{22_000, 80, 60, 3500, 1600}), ""},
		{"memory", flat(sample{40_000, 70, 50, 3000, 1500}), "memory"},
		{"goroutines", flat(sample{20_000, 170, 50, 3000, 1500}), "goroutines"},
		{"open-files", flat(sample{20_000, 70, 150, 3000, 1500}), "open files"},
		{"file", flat(sample{20_000, 70, 50, 9000, 1500}), "session file"},
		{"sessions", flat(sample{20_000, 70, 50, 3000, 2300}), "2000 are allowed"},
		{"too-few", flat(sample{})[:20], "too few"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := bounded(io.Discard, test.samples)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestMetric(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("# HELP a_total x\na_total{result=\"failed\"} 7\na_total{result=\"failed_twice\"} 8\n"))
	}))
	defer server.Close()
	if n, err := metric(t.Context(), server.URL, `a_total{result="failed"}`); n != 7 || err != nil {
		t.Errorf("got %d, %v; want 7", n, err)
	}
	if n, err := metric(t.Context(), server.URL, `a_total{result="renewed"}`); err == nil {
		t.Errorf("a series that is not there is %d", n)
	}
}

// Rounds that did not measure what they say end with an error.
func TestHangSheet(t *testing.T) {
	tests := []struct {
		name    string
		not2xx  int
		asked   int64
		renewed int
		fails   bool
	}{
		{"as-it-should-be", 0, 32, 0, false},
		{"answers-that-are-not-2xx", 1, 32, 0, true},
		{"nobody-was-asked", 0, 0, 0, true},
		{"provider-that-answers", 0, 32, 1, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rows := []pace{{server: hangName, answers: []time.Duration{3 * time.Millisecond}, wrong: tt.not2xx}, {server: quietName, answers: []time.Duration{9 * time.Millisecond}}}
			sheet, err := hangSheet(rows, tt.asked, 24, tt.renewed)
			if (err != nil) != tt.fails {
				t.Fatalf("error %v, want one: %v", err, tt.fails)
			}
			if err != nil {
				return
			}
			var out strings.Builder
			sheet.text(&out)
			for _, want := range []string{"3000", "9000", "24 had failed"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("there is no %q in\n%s", want, out.String())
				}
			}
		})
	}
}

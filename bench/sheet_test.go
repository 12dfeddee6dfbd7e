package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRewrite(t *testing.T) {
	page := filepath.Join(t.TempDir(), "README.md")
	for _, tt := range []struct{ name, before, after string }{
		{"between-the-marks", "above\n" + beginMark + "old\n" + endMark + "below\n", "above\n" + beginMark + "new\n" + endMark + "below\n"},
		{"nothing-there-yet", beginMark + endMark, beginMark + "new\n" + endMark},
		{"no-marks", "above\n", ""},
		{"no-end", "above\n" + beginMark + "below\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(page, []byte(tt.before), 0o600); err != nil {
				t.Fatal(err)
			}
			err := rewrite(page, "new")
			if tt.after == "" {
				tt.after = tt.before // and it is as it was
				if err == nil {
					t.Error("no error")
				}
			} else if err != nil {
				t.Error(err)
			}
			if got, err := os.ReadFile(page); err != nil || string(got) != tt.after {
				t.Errorf("got %q, %v; want %q", got, err, tt.after)
			}
		})
	}
}

// The pages have the marks.
func TestPagesHaveTheMarks(t *testing.T) {
	for _, page := range []string{"README.md", "../README.md"} {
		text, err := os.ReadFile(page)
		if err != nil || strings.Count(string(text), beginMark) != 1 || strings.Count(string(text), endMark) != 1 {
			t.Errorf("%s: it needs each mark once: %v", page, err)
		}
	}
}

func TestPicture(t *testing.T) {
	drawn := picture([]bars{{"a & b", []string{outpostName, limitName}, []float64{20, 40}}, {"c", []string{floorName}, []float64{10}}})
	if strings.Count(drawn, "<rect") != 3 || !strings.Contains(drawn, `width="380"`) || !strings.Contains(drawn, `width="190"`) || !strings.Contains(drawn, "40.0 µs") {
		t.Errorf("drawn:\n%s", drawn)
	}
	for d := xml.NewDecoder(strings.NewReader(drawn)); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("it is no XML: %v", err)
		}
	}
}

func TestSummary(t *testing.T) {
	got := summary([]bars{{"one", []string{"a", "b"}, []float64{1, 2}}, {"two", []string{"a", "b"}, []float64{3, 4}}})
	if want := "| | one | two |\n|---|--:|--:|\n| a | 1.0 µs | 3.0 µs |\n| b | 2.0 µs | 4.0 µs |\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestPriceSheets(t *testing.T) {
	prices := []price{{Name: swagOutpost, Check: 65, Pages: 10}, {Name: swagLimit, Check: 50}, {Name: swagFloor, Check: 200}, {Name: "no sign-in at all"}}
	sheets, err := priceSheets(prices)
	if err != nil || len(sheets) != 2 || len(sheets[0].rows) != 4 || !strings.HasSuffix(sheets[0].notes[0], "1.30 times, so the target holds.") {
		t.Errorf("%v, %+v", err, sheets)
	}
	prices[3].Wrong = 1
	if _, err := priceSheets(prices); err == nil {
		t.Error("a page did not come, and there is no error")
	}
}

package page

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// enough are the pairs of colors that stand on one another, and the contrast that
// WCAG 2.2 AA wants of each: 4.5 of text (1.4.3), 3 of what tells a button or the
// focus from what is around it (1.4.11).
var enough = []struct {
	front, back string
	ratio       float64
}{
	{"ink", "ground", 4.5},
	{"quiet", "ground", 4.5},
	{"accent", "ground", 4.5}, // links, "This browser", a button under the pointer, the focus
	{"on-accent", "accent", 4.5},
	{"on-accent", "accent-over", 4.5},
	{"accent-over", "ground", 3},
}

func TestContrast(t *testing.T) {
	light, rest, _ := strings.Cut(stylesheet, "@media (prefers-color-scheme: dark)")
	dark, rules, _ := strings.Cut(rest, "\n}\n")
	for _, look := range []struct{ name, css string }{{"light", light}, {"dark", dark}} {
		t.Run(look.name, func(t *testing.T) {
			colors := colorsOf(t, look.css)
			if len(colors) != 7 {
				t.Errorf("%d colors: %v", len(colors), colors)
			}
			for _, pair := range enough {
				if got := contrast(colors[pair.front], colors[pair.back]); got < pair.ratio {
					t.Errorf("%s on %s: %.2f, want %v", pair.front, pair.back, got, pair.ratio)
				}
			}
		})
	}
	// No rule has a color besides, and none sets one that is not on the list above.
	tested := []string{"transparent", "inherit", "line"} // a line between things that are told apart without it
	for _, pair := range enough {
		tested = append(tested, pair.front, pair.back)
	}
	if found := regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b|\brgb|\bhsl|opacity`).FindAllString(rules, -1); len(found) > 0 {
		t.Errorf("colors beside the seven: %v", found)
	}
	uses := regexp.MustCompile(`(?:color|background|border|outline)[a-z-]*:[^;]*?(?:var\(--([a-z-]+)\)|(transparent|inherit))`).FindAllStringSubmatch(rules, -1)
	if len(uses) < 15 {
		t.Errorf("only %d uses of colors were found", len(uses))
	}
	for _, use := range uses {
		if !slices.Contains(tested, use[1]+use[2]) {
			t.Errorf("%s: not tested", use[0])
		}
	}
	// Known values: black on white, and a gray of WebAIM's examples.
	if got := fmt.Sprintf("%.2f %.2f", contrast("#000000", "#ffffff"), contrast("#777777", "#ffffff")); got != "21.00 4.48" {
		t.Errorf("the formula gives %s", got)
	}
}

func colorsOf(t *testing.T, css string) map[string]string {
	t.Helper()
	colors := map[string]string{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
		colors[m[1]] = m[2]
	}
	return colors
}

// contrast is WCAG's contrast ratio of two colors.
func contrast(a, b string) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// luminance is WCAG's relative luminance; of no color a value that fails any test.
func luminance(hex string) float64 {
	if len(hex) != 7 {
		return math.NaN()
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil {
			return math.NaN()
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

// What helps people whatever they see, hear and press: zoom is theirs, the focus
// is seen, and what is pressed is large enough (2.5.8 wants 24 pixels).
func TestStylesheetKeepsOut(t *testing.T) {
	if found := regexp.MustCompile(`outline:\s*(none|0)|user-select|overflow:\s*hidden|position:\s*fixed|@import|url\(`).FindString(stylesheet); found != "" {
		t.Errorf("the stylesheet has %s", found)
	}
	for _, want := range []string{":focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }", "min-height: 2.875rem"} {
		if !strings.Contains(stylesheet, want) {
			t.Errorf("the stylesheet lacks %s", want)
		}
	}
}
